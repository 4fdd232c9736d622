/* SPDX-License-Identifier: MIT */
/*
 * A hooked function returns here: build the pt_regs that its handlers see, let them run, restore all registers from
 * it (a handler may have changed rax) and return to the real caller. (semantics C20)
 */
#include <kernel/pt_regs_asm.h>
#include <kernel/segment.h>

	.text
	.globl	arch_rethook_trampoline
	.type	arch_rethook_trampoline, @function
	.p2align 4
arch_rethook_trampoline:
	lea	-8(%rsp), %rsp		/* the real return address will go here */
	pushq	$__KERNEL_DS
	pushq	%rsp
	pushfq
	addq	$16, 8(%rsp)		/* pt_regs.sp: the stack after the return */
	pushq	$__KERNEL_CS
	pushq	$arch_rethook_trampoline
	pushq	$-1
	PUSH_REGS
	movq	%rsp, %rdi
	cld
	call	kretprobe_trampoline_handler
	movq	RIP(%rsp), %rax
	movq	%rax, PT_REGS_SIZE(%rsp)
	POP_REGS
	lea	24(%rsp), %rsp		/* orig_ax, ip, cs */
	popfq
	lea	16(%rsp), %rsp		/* sp, ss */
	ret
	.size	arch_rethook_trampoline, . - arch_rethook_trampoline
	.section .note.GNU-stack, "", @progbits
