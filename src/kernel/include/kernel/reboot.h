/* SPDX-License-Identifier: MIT */
/* The ends of the machine. */
#ifndef _KERNEL_REBOOT_H
#define _KERNEL_REBOOT_H

#include <linux/reboot.h>
#include <kernel/compiler.h>

/* Writes the exit status to the debug-exit port and stops. */
void __noreturn machine_exit(unsigned int status);
void __noreturn machine_halt(void);

#endif
