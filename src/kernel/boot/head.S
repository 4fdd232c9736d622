/* SPDX-License-Identifier: MIT */
/*
 * Where the boot loader enters: the PVH protocol (Xen, docs/misc/pvh). 32-bit protected mode, paging off, ebx points at
 * struct hvm_start_info. Clears .bss, maps the first 4 GiB three times (identity, direct map, kernel image) with 2 MiB
 * pages, enters long mode and calls start_kernel().
 */
#include <asm/processor-flags.h>
#include <kernel/mm.h>
#include <kernel/msr.h>
#include <kernel/segment.h>

#define PA(s) ((s) - __START_KERNEL_map)
#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define TABLE_FLAGS 0x003	/* present, writable */
#define PAGE_2M_FLAGS 0x083	/* and large */

	.section .note.Xen, "a", @note
	.balign 4
	.long 4, 4, XEN_ELFNOTE_PHYS32_ENTRY
	.asciz "Xen"
	.long PA(pvh_start_xen)

	.section .head.text, "ax"
	.code32
	.globl pvh_start_xen
	.type pvh_start_xen, @function
pvh_start_xen:
	cld
	cli
	movl	%ebx, %esi
	xorl	%eax, %eax
	movl	$PA(__bss_start), %edi
	movl	$PA(__bss_stop), %ecx
	subl	%edi, %ecx
	shrl	$2, %ecx
	rep stosl

	/* 2048 entries of 2 MiB: 4 GiB. */
	movl	$PA(boot_pd), %edi
	movl	$PAGE_2M_FLAGS, %eax
	movl	$2048, %ecx
1:	movl	%eax, (%edi)
	addl	$0x200000, %eax
	addl	$8, %edi
	loop	1b

	movl	$PA(boot_pd) + TABLE_FLAGS, %eax
	movl	$PA(boot_pdpt), %edi
	movl	%eax, PA(boot_pdpt_kernel) + 510 * 8
	movl	$4, %ecx
1:	movl	%eax, (%edi)
	addl	$0x1000, %eax
	addl	$8, %edi
	loop	1b
	movl	$PA(boot_pdpt) + TABLE_FLAGS, %eax
	movl	%eax, PA(swapper_pg_dir)
	movl	%eax, PA(swapper_pg_dir) + 273 * 8
	movl	$PA(boot_pdpt_kernel) + TABLE_FLAGS, PA(swapper_pg_dir) + 511 * 8

	movl	$(X86_CR4_PAE | X86_CR4_PGE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT), %eax
	movl	%eax, %cr4
	movl	$PA(swapper_pg_dir), %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$(EFER_LME | EFER_NX | EFER_SCE), %eax
	wrmsr
	lgdt	PA(boot_gdtr)
	movl	$(X86_CR0_PG | X86_CR0_WP | X86_CR0_NE | X86_CR0_MP | X86_CR0_ET | X86_CR0_PE), %eax
	movl	%eax, %cr0
	ljmp	$__KERNEL_CS, $PA(1f)

	.code64
1:	movabsq	$start_high, %rax
	jmp	*%rax
start_high:
	movl	$__KERNEL_DS, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	movl	$MSR_GS_BASE, %ecx
	movq	$pcpu_hot, %rax
	movq	%rax, %rdx
	shrq	$32, %rdx
	wrmsr
	/* The first task's stack, with room for the pt_regs that every stack has at its top. */
	movq	$init_stack + THREAD_SIZE - 168, %rsp
	xorl	%ebp, %ebp
	movl	%esi, %edi
	call	start_kernel
2:	hlt
	jmp	2b
	.size	pvh_start_xen, . - pvh_start_xen

	.section .data
	.balign 16
boot_gdtr:
	.word	boot_gdt_end - boot_gdt - 1
	.quad	PA(boot_gdt)
	.balign 8
boot_gdt:
	.quad	0
	.quad	0
	.quad	0x00af9b000000ffff	/* 0x10: 64-bit code */
	.quad	0x00cf93000000ffff	/* 0x18: data */
boot_gdt_end:

	.section .bss.page_aligned, "aw", @nobits
	.balign 4096
	.globl swapper_pg_dir, boot_pdpt, boot_pdpt_kernel, init_stack
swapper_pg_dir:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pdpt_kernel:
	.skip 4096
boot_pd:
	.skip 4 * 4096
	.balign THREAD_SIZE
init_stack:
	.skip THREAD_SIZE
	.section .note.GNU-stack, "", @progbits
