/* SPDX-License-Identifier: MIT */
/*
 * Called from a function's first five bytes: builds the pt_regs of the moment before the function began, has the probe
 * handled, restores all registers from it and goes on where its ip says. That is behind the call, or override_func,
 * which is then entered with the function's own return address on top of the stack. (semantics A29, C3)
 */
#include <kernel/pt_regs_asm.h>

	.text
	.globl	ftrace_regs_caller
	.type	ftrace_regs_caller, @function
	.p2align 4
ftrace_regs_caller:
	CALL_WITH_KERNEL_REGS kprobe_ftrace_handler, 32(%rsp)	/* ip: where this call returns to */
	ret
	.size	ftrace_regs_caller, . - ftrace_regs_caller

	.globl	override_func
	.type	override_func, @function
	.p2align 4
override_func:
	ret
	.size	override_func, . - override_func
	.section .note.GNU-stack, "", @progbits
