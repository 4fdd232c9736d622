// SPDX-License-Identifier: MIT
/*
 * /sys/devices/system/cpu: which processors there are and can be. Programs ask it before they read per-CPU maps.
 * (Documentation/admin-guide/cputopology.rst)
 */
#include <kernel/init.h>
#include <kernel/seq_file.h>
#include <kernel/sysfs.h>

static const char cpu_0[] = "0\n", no_cpu[] = "\n", kernel_max[] = "0\n";

static int __init cpu_sysfs_init(void)
{
	sysfs_create_bin_file_simple("devices/system/cpu/possible", 0444, cpu_0, sizeof(cpu_0) - 1);
	sysfs_create_bin_file_simple("devices/system/cpu/present", 0444, cpu_0, sizeof(cpu_0) - 1);
	sysfs_create_bin_file_simple("devices/system/cpu/online", 0444, cpu_0, sizeof(cpu_0) - 1);
	sysfs_create_bin_file_simple("devices/system/cpu/offline", 0444, no_cpu, sizeof(no_cpu) - 1);
	sysfs_create_bin_file_simple("devices/system/cpu/kernel_max", 0444, kernel_max, sizeof(kernel_max) - 1);
	return 0;
}
late_initcall(cpu_sysfs_init);
