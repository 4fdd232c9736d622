/* SPDX-License-Identifier: MIT */
/*
 * A hooked function returns here: build the pt_regs that its handlers see, let them run, restore all registers from
 * it (a handler may have changed rax) and return to the real caller. (semantics C20)
 */
#include <kernel/segment.h>

/* pt_regs offsets */
#define PT_IP	128
#define PT_SIZE	168

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
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%rax
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, %rdi
	cld
	call	kretprobe_trampoline_handler
	movq	PT_IP(%rsp), %rax
	movq	%rax, PT_SIZE(%rsp)
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rax
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	lea	24(%rsp), %rsp		/* orig_ax, ip, cs */
	popfq
	lea	16(%rsp), %rsp		/* sp, ss */
	ret
	.size	arch_rethook_trampoline, . - arch_rethook_trampoline
	.section .note.GNU-stack, "", @progbits
