/* SPDX-License-Identifier: MIT */
/* struct pt_regs (<asm/ptrace.h>) for assembly: offsets, and the pushes that build it. */
#ifndef _KERNEL_PT_REGS_ASM_H
#define _KERNEL_PT_REGS_ASM_H

#include <kernel/segment.h>

#define R15 0
#define RBP 32
#define RAX 80
#define RCX 88
#define RDI 112
#define ORIG_RAX 120
#define RIP 128
#define CS 136
#define EFLAGS 144
#define RSP 152
#define SS 160
#define PT_REGS_SIZE 168

/* Below orig_ax: the rest of struct pt_regs. */
.macro PUSH_REGS rax=%rax
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	\rax
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
.endm

.macro POP_REGS
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
.endm

/*
 * Calls @handler with a struct pt_regs of here, in the kernel, as if nothing had been pushed: its ip is @ip, an operand as seen
 * after four pushes. All registers and flags are restored from it; its ip is left where a ret behind this finds it: the caller
 * provides those eight bytes.
 */
.macro CALL_WITH_KERNEL_REGS handler, ip
	pushq	$__KERNEL_DS
	pushq	%rsp
	pushfq
	addq	$16, 8(%rsp)		/* pt_regs.sp */
	pushq	$__KERNEL_CS
	pushq	\ip
	pushq	$-1
	PUSH_REGS
	movq	%rsp, %rdi
	cld
	call	\handler
	movq	RIP(%rsp), %rax
	movq	%rax, PT_REGS_SIZE(%rsp)
	POP_REGS
	lea	24(%rsp), %rsp		/* orig_ax, ip, cs */
	popfq
	lea	16(%rsp), %rsp		/* sp, ss */
.endm

#endif
