/* SPDX-License-Identifier: MIT */
/*
 * The kernel's layout: linked at 0xffffffff81000000, loaded at 16 MiB. Text, read-only data and writable data each begin
 * on a page, so that they can be mapped with their own permissions.
 */
#include <kernel/mm.h>

#define LOAD_OFFSET __START_KERNEL_map
#define AT_PHYS(s) AT(ADDR(s) - LOAD_OFFSET)
#define TABLE(section, begin, end) . = ALIGN(8); begin = .; KEEP(*(section)) end = .;

OUTPUT_FORMAT(elf64-x86-64)
OUTPUT_ARCH(i386:x86-64)
ENTRY(phys_start_pvh)

PHDRS
{
	text PT_LOAD FLAGS(5);
	rodata PT_LOAD FLAGS(4);
	data PT_LOAD FLAGS(6);
	kallsyms PT_LOAD FLAGS(4);
	note PT_NOTE FLAGS(4);
}

phys_start_pvh = pvh_start_xen - LOAD_OFFSET;

SECTIONS
{
	. = LOAD_OFFSET + 0x1000000;
	_text = .;

	.text : AT_PHYS(.text) {
		_stext = .;
		*(.head.text)
		*(.text .text.*)
		. = ALIGN(16);
		__entry_text_start = .;
		*(.entry.text)
		__entry_text_end = .;
		. = ALIGN(16);
		__kprobes_text_start = .;
		*(.kprobes.text)
		__kprobes_text_end = .;
		. = ALIGN(16);
		__init_text_start = .;
		*(.init.text .init.text.*)
		__init_text_end = .;
		_etext = .;
	} :text

	. = ALIGN(0x1000);
	__start_rodata = .;
	.rodata : AT_PHYS(.rodata) {
		*(.rodata .rodata.*)
		. = ALIGN(4);
		__start___ex_table = .;
		KEEP(*(__ex_table))
		__stop___ex_table = .;
		. = ALIGN(8);
		__initcall_start = .;
		KEEP(*(.initcallearly.init))
		__initcall0_start = .;
		KEEP(*(.initcall0.init))
		KEEP(*(.initcall1.init))
		KEEP(*(.initcall2.init))
		KEEP(*(.initcall3.init))
		KEEP(*(.initcall4.init))
		KEEP(*(.initcall5.init))
		KEEP(*(.initcallrootfs.init))
		KEEP(*(.initcall6.init))
		KEEP(*(.initcall7.init))
		__initcall_end = .;
		TABLE(.init.setup, __setup_start, __setup_end)
		TABLE(__syscall_table, __start_syscall_table, __stop_syscall_table)
		TABLE(_error_injection_whitelist, __start_error_injection_whitelist, __stop_error_injection_whitelist)
		TABLE(_kprobe_blacklist, __start_kprobe_blacklist, __stop_kprobe_blacklist)
		TABLE(_bpf_helpers, __start_bpf_helpers, __stop_bpf_helpers)
		TABLE(__mcount_loc, __start_mcount_loc, __stop_mcount_loc)
	} :rodata
	.notes : AT_PHYS(.notes) { KEEP(*(.note.Xen)) KEEP(*(.note.*)) } :rodata :note
	. = ALIGN(0x1000);
	__end_rodata = .;

	.data : AT_PHYS(.data) {
		_sdata = .;
		*(.data .data.*)
		TABLE(__bug_table, __start___bug_table, __stop___bug_table)
		_edata = .;
	} :data
	.bss : AT_PHYS(.bss) {
		. = ALIGN(0x1000);
		__bss_start = .;
		*(.bss.page_aligned)
		*(.bss .bss.* COMMON)
		. = ALIGN(0x1000);
		__bss_stop = .;
	} :data
	.kallsyms : AT_PHYS(.kallsyms) {
		KEEP(*(.kallsyms))
		. = ALIGN(0x1000);
	} :kallsyms
	_end = .;

	.comment 0 : { *(.comment) }
	.debug_info 0 : { *(.debug_info) }
	.debug_abbrev 0 : { *(.debug_abbrev) }
	.debug_aranges 0 : { *(.debug_aranges) }
	.debug_line 0 : { *(.debug_line) }
	.debug_line_str 0 : { *(.debug_line_str) }
	.debug_str 0 : { *(.debug_str) }
	.debug_ranges 0 : { *(.debug_ranges) }
	.debug_rnglists 0 : { *(.debug_rnglists) }
	.debug_loc 0 : { *(.debug_loc) }
	.debug_loclists 0 : { *(.debug_loclists) }
	.debug_frame 0 : { *(.debug_frame) }
	.symtab 0 : { *(.symtab) }
	.strtab 0 : { *(.strtab) }
	.shstrtab 0 : { *(.shstrtab) }
	/DISCARD/ : { *(.eh_frame .eh_frame_hdr .note.GNU-stack .note.gnu.property .discard .discard.*) }
}
