// SPDX-License-Identifier: MIT
/*
 * /sys/kernel/btf/vmlinux: the kernel's own type information, as pahole made it from the kernel's debug information
 * (Documentation/bpf/btf.rst). Debuggers and libbpf read structures' layouts from it.
 */
#include <kernel/init.h>
#include <kernel/sysfs.h>
#include <kernel/types.h>

extern const u8 __start_BTF[], __stop_BTF[];

static int __init btf_vmlinux_init(void)
{
	return sysfs_create_bin_file_simple("kernel/btf/vmlinux", 0444, __start_BTF, __stop_BTF - __start_BTF);
}
subsys_initcall(btf_vmlinux_init);
