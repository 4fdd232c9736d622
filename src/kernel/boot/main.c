// SPDX-License-Identifier: MIT
/* The kernel's start in C, and the first task: initcalls, then /init. */
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/fs.h>
#include <kernel/mm.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include "../sched/sched.h"
#include "boot.h"

enum system_states system_state;
static const char *init_path = "/init";
static const char *init_fallbacks[] = { "/sbin/init", "/etc/init", "/bin/init", "/bin/sh" };

static int __init rdinit_setup(char *value)
{
	init_path = value;
	return 1;
}
__setup("rdinit=", rdinit_setup);

extern const initcall_t __initcall_start[], __initcall_end[];

void __init do_initcalls(void)
{
	for (const initcall_t *call = __initcall_start; call < __initcall_end; call++) {
		int ret = (*call)();

		if (ret && ret != -ENODEV)
			pr_warn("initcall %ps returned %d\n", *call, ret);
	}
}

/* Descriptors 0, 1 and 2 of init, if the console has a device. */
void __weak console_on_rootfs(void)
{
}

static int run_init(const char *path)
{
	init_argv[0] = path;
	return kernel_execve(path, init_argv, init_envp);
}

static int kernel_init(void *unused)
{
	int ret;

	do_initcalls();
	console_on_rootfs();
	system_state = SYSTEM_RUNNING;
	pr_info("Run %s as init process\n", init_path);
	ret = run_init(init_path);
	if (!ret)
		return 0;
	pr_err("Failed to execute %s (error %d)\n", init_path, ret);
	for (unsigned int i = 0; i < ARRAY_SIZE(init_fallbacks); i++)
		if (!run_init(init_fallbacks[i]))
			return 0;
	panic("No working init found.  Try passing init= option to kernel. "
	      "See Linux Documentation/admin-guide/init.rst for guidance.");
}

/* Probes and programs read it by its name. */
const char linux_banner[] = "Linux version " UTS_RELEASE " (enomem@enomem) (gcc) " UTS_VERSION "\n";

void __init start_kernel(unsigned long start_info)
{
	pid_t pid;

	pvh_read_start_info(start_info);
	parse_early_params();
	time_early_init();
	cpu_init();
	traps_init();
	pr_notice("%s", linux_banner);
	pr_info("Command line: %s\n", boot_command_line);
	console_init();
	page_alloc_init();
	paging_init();
	slab_init();
	pr_info("Memory: %luK/%luK available\n", nr_free_pages_count << (PAGE_SHIFT - 10), max_pfn << (PAGE_SHIFT - 10));
	pr_info("tsc: %llu.%03llu MHz processor\n", tsc_hz / 1000000, tsc_hz / 1000 % 1000);
	apic_init();
	parse_params();
	fork_init();
	system_state = SYSTEM_SCHEDULING;
	pid = kernel_thread(kernel_init, NULL, 0);
	if (pid != 1)
		panic("the first task has PID %d", pid);
	cpu_idle();
}
