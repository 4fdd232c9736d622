// SPDX-License-Identifier: MIT
/* Reads what the PVH boot protocol hands over: memory map, command line, modules (Xen, arch-x86/hvm/start_info.h). */
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/string.h>
#include "boot.h"

#define HVM_START_MAGIC		0x336ec578
#define HVM_MEMMAP_TYPE_RAM	1

struct hvm_start_info {
	u32 magic, version, flags, nr_modules;
	u64 modlist_paddr, cmdline_paddr, rsdp_paddr;
	u64 memmap_paddr;		/* version 1 */
	u32 memmap_entries, reserved;
};

struct hvm_modlist_entry {
	u64 paddr, size, cmdline_paddr, reserved;
};

struct hvm_memmap_table_entry {
	u64 addr, size;
	u32 type, reserved;
};

static char command_line[2048];
static char module_command_lines[MAX_BOOT_MODULES][128];
char *boot_command_line = command_line;
struct boot_module boot_modules[MAX_BOOT_MODULES];
unsigned int nr_boot_modules;
struct memory_range boot_memory[MAX_MEMORY_RANGES];
unsigned int nr_boot_memory;

static void add_memory(u64 start, u64 end)
{
	start = ALIGN(start, PAGE_SIZE);
	end = ALIGN_DOWN(end, PAGE_SIZE);
	if (start < end && nr_boot_memory < MAX_MEMORY_RANGES)
		boot_memory[nr_boot_memory++] = (struct memory_range){ start, end };
}

void __init pvh_read_start_info(unsigned long phys)
{
	const struct hvm_start_info *info = __va(phys);
	const struct hvm_memmap_table_entry *map;
	const struct hvm_modlist_entry *module;

	if (info->magic != HVM_START_MAGIC)
		panic("not booted by the PVH protocol: magic %08x", info->magic);
	if (info->version < 1 || !info->memmap_entries)
		panic("the boot loader gave no memory map");
	if (info->cmdline_paddr)
		strscpy(command_line, __va(info->cmdline_paddr), sizeof(command_line));
	map = __va(info->memmap_paddr);
	for (u32 i = 0; i < info->memmap_entries; i++)
		if (map[i].type == HVM_MEMMAP_TYPE_RAM)
			add_memory(map[i].addr, map[i].addr + map[i].size);
	module = __va(info->modlist_paddr);
	for (u32 i = 0; i < info->nr_modules && i < MAX_BOOT_MODULES; i++) {
		boot_modules[i] = (struct boot_module){ module[i].paddr, module[i].size, "" };
		if (module[i].cmdline_paddr) {
			strscpy(module_command_lines[i], __va(module[i].cmdline_paddr), sizeof(module_command_lines[i]));
			boot_modules[i].cmdline = module_command_lines[i];
		}
		nr_boot_modules++;
	}
}
