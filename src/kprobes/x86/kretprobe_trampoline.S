/* SPDX-License-Identifier: MIT */
/*
 * A hooked function returns here: build the pt_regs that its handlers see, let them run, restore all registers from
 * it (a handler may have changed rax) and return to the real caller. (semantics C20)
 */
#include <kernel/pt_regs_asm.h>

	.text
	.globl	arch_rethook_trampoline
	.type	arch_rethook_trampoline, @function
	.p2align 4
arch_rethook_trampoline:
	lea	-8(%rsp), %rsp		/* the real return address will go here */
	CALL_WITH_KERNEL_REGS kretprobe_trampoline_handler, $arch_rethook_trampoline
	ret
	.size	arch_rethook_trampoline, . - arch_rethook_trampoline
	.section .note.GNU-stack, "", @progbits
