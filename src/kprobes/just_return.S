/* SPDX-License-Identifier: MIT */
/*
 * Where an overridden call goes: the probed function's frame does not exist yet, so a lone ret takes the caller's
 * return address off the stack, with rax as the override left it. (semantics A11)
 */
	.text
	.globl	just_return_func
	.type	just_return_func, @function
	.p2align 4
just_return_func:
	ret
	.size	just_return_func, . - just_return_func
	.section .note.GNU-stack, "", @progbits
