// SPDX-License-Identifier: MIT
/*
 * The ends of the machine: reboot(2). LINUX_REBOOT_CMD_RESTART2 with "exit=N" ends the run with exit code N, which is how
 * /init passes on the program's.
 */
#include <generated/platform.h>
#include <kernel/cred.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/io.h>
#include <kernel/irqflags.h>
#include <kernel/kernel.h>
#include <kernel/printk.h>
#include <kernel/reboot.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>

#define KEYBOARD_CONTROLLER_COMMAND	0x64
#define PULSE_RESET_LINE		0xfe

void __noreturn machine_halt(void)
{
	for (;;) {
		local_irq_disable();
		asm volatile("hlt");
	}
}

void __noreturn machine_exit(unsigned int status)
{
	outl(status, PLATFORM_DEBUG_EXIT_PORT);
	machine_halt();
}

static void __noreturn machine_restart(void)
{
	outb(PULSE_RESET_LINE, KEYBOARD_CONTROLLER_COMMAND);
	machine_halt();
}

SYSCALL_DEFINE4(reboot, int, magic1, int, magic2, unsigned int, cmd, void __user *, arg)
{
	char text[32];
	unsigned int status;

	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	if (magic1 != (int)LINUX_REBOOT_MAGIC1 ||
	    (magic2 != LINUX_REBOOT_MAGIC2 && magic2 != LINUX_REBOOT_MAGIC2A && magic2 != LINUX_REBOOT_MAGIC2B &&
	     magic2 != LINUX_REBOOT_MAGIC2C))
		return -EINVAL;
	switch (cmd) {
	case LINUX_REBOOT_CMD_CAD_ON: case LINUX_REBOOT_CMD_CAD_OFF:
		return 0;
	case LINUX_REBOOT_CMD_POWER_OFF:
		pr_emerg("reboot: Power down\n");
		machine_exit(0);
	case LINUX_REBOOT_CMD_HALT:
		pr_emerg("reboot: System halted\n");
		machine_halt();
	case LINUX_REBOOT_CMD_RESTART:
		pr_emerg("reboot: Restarting system\n");
		machine_restart();
	case LINUX_REBOOT_CMD_RESTART2:
		if (strncpy_from_user(text, arg, sizeof(text) - 1) < 0)
			return -EFAULT;
		text[sizeof(text) - 1] = '\0';
		if (!strncmp(text, "exit=", 5) && !kstrtouint(text + 5, 10, &status))
			machine_exit(status);
		pr_emerg("reboot: Restarting system with command '%s'\n", text);
		machine_restart();
	default:
		return -EINVAL;
	}
}
