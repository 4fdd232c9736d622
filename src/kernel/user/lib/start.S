/* SPDX-License-Identifier: MIT */
/* Process entry (System V ABI 3.4.1) and the parts of system calls that C cannot say. */
#include <asm/unistd.h>

	.text
	.globl _start
	.type _start, @function
_start:
	xor %ebp, %ebp
	mov %rsp, %rdi		/* argc, argv, envp, auxiliary vector */
	and $-16, %rsp
	call __libc_start

	/* long __syscall(long nr, long a, long b, long c, long d, long e, long f) */
	.globl __syscall
	.type __syscall, @function
__syscall:
	mov %rdi, %rax
	mov %rsi, %rdi
	mov %rdx, %rsi
	mov %rcx, %rdx
	mov %r8, %r10
	mov %r9, %r8
	mov 8(%rsp), %r9
	syscall
	ret

	/* Where signal handlers return to (sa_restorer). */
	.globl __restore_rt
	.type __restore_rt, @function
__restore_rt:
	mov $__NR_rt_sigreturn, %eax
	syscall

	.section .note.GNU-stack, "", @progbits
