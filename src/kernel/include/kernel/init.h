/* SPDX-License-Identifier: MIT */
/* Initialisation: calls made in order at boot, and command line parameters. */
#ifndef _KERNEL_INIT_H
#define _KERNEL_INIT_H

#include <kernel/types.h>
#include <kernel/compiler.h>

typedef int (*initcall_t)(void);

#define __define_initcall(fn, id)						\
	static const initcall_t __initcall_##fn##id				\
	__attribute__((used, section(".initcall" #id ".init"))) = fn

#define early_initcall(fn)	__define_initcall(fn, early)
#define pure_initcall(fn)	__define_initcall(fn, 0)
#define core_initcall(fn)	__define_initcall(fn, 1)
#define postcore_initcall(fn)	__define_initcall(fn, 2)
#define arch_initcall(fn)	__define_initcall(fn, 3)
#define subsys_initcall(fn)	__define_initcall(fn, 4)
#define fs_initcall(fn)		__define_initcall(fn, 5)
#define rootfs_initcall(fn)	__define_initcall(fn, rootfs)
#define device_initcall(fn)	__define_initcall(fn, 6)
#define late_initcall(fn)	__define_initcall(fn, 7)
#define module_init(fn)		device_initcall(fn)
#define module_exit(fn)

/* fn(value) for each "name=value" or "name" (value is "") on the command line; 1 if it was understood. */
struct obs_kernel_param {
	const char *str;
	int (*setup_func)(char *value);
	int early;
};

#define __setup_param(name, fn, early)						\
	static const struct obs_kernel_param __PASTE(__setup_##fn, __LINE__)			\
	__attribute__((used, section(".init.setup"), aligned(8))) = { name, fn, early }
/* @name ends with '=' for parameters with values. */
#define __setup(name, fn)		__setup_param(name, fn, 0)
/* Before memory and interrupts are set up; @name without '='. */
#define early_param(name, fn)		__setup_param(name, fn, 1)

extern char *boot_command_line;		/* as the boot loader gave it */
extern char *saved_command_line;
/* The boot loader's modules in the direct map; the first is the initramfs. */
struct boot_module {
	unsigned long phys, size;
	const char *cmdline;
};
#define MAX_BOOT_MODULES 8
extern struct boot_module boot_modules[MAX_BOOT_MODULES];
extern unsigned int nr_boot_modules;
/* Gives the memory of a module back once it has been unpacked. */
void free_boot_module(unsigned int index);

/* What stands behind "--" on the command line: init's arguments. */
extern const char *init_argv[], *init_envp[];

enum system_states { SYSTEM_BOOTING, SYSTEM_SCHEDULING, SYSTEM_RUNNING, SYSTEM_HALT, SYSTEM_POWER_OFF, SYSTEM_RESTART };
extern enum system_states system_state;

#endif
