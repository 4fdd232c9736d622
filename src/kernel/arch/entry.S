/* SPDX-License-Identifier: MIT */
/*
 * Entries to the kernel: system calls, exceptions, interrupts. Each saves a whole struct pt_regs, calls C, and leaves by
 * iretq (or sysretq). GS: user mode runs with its own base, the kernel with pcpu_hot's; swapgs at the border.
 * (Intel SDM volume 3, 6.14; Documentation/x86/entry_64.rst)
 */
#include <kernel/percpu.h>
#include <kernel/segment.h>
#include <kernel/msr.h>
#include <kernel/pt_regs_asm.h>

/* What must not be followed into kernel code by a system call's or an interrupt's caller. rbp = 0 ends stack traces. */
.macro CLEAR_REGS
	xorl	%esi, %esi
	xorl	%edx, %edx
	xorl	%ecx, %ecx
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	xorl	%r11d, %r11d
	xorl	%ebx, %ebx
	xorl	%ebp, %ebp
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d
.endm

/* rbp names the frame that was interrupted, encoded (bit 0) so that the unwinder finds the pt_regs. */
.macro ENCODE_FRAME
	leaq	1(%rsp), %rbp
.endm

	.section .entry.text, "ax"

/* ---- system calls ---- */

	.globl	entry_SYSCALL_64
	.type	entry_SYSCALL_64, @function
entry_SYSCALL_64:
	swapgs
	movq	%rsp, %gs:PCPU_USER_SP
	movq	%gs:PCPU_TOP_OF_STACK, %rsp
	pushq	$__USER_DS
	pushq	%gs:PCPU_USER_SP
	pushq	%r11
	pushq	$__USER_CS
	pushq	%rcx
	.globl	entry_SYSCALL_64_after_hwframe
entry_SYSCALL_64_after_hwframe:
	pushq	%rax
	PUSH_REGS rax=$-38
	movq	%rsp, %rdi
	movslq	%eax, %rsi
	movq	%rsi, %rax
	CLEAR_REGS
	movq	%rax, %rsi
	ENCODE_FRAME
	call	do_syscall_64
	/* sysretq restores rip from rcx and flags from r11: only if they are what the frame says, and nothing odd in them. */
	testb	%al, %al
	jz	return_to_usermode
	POP_REGS
	movq	RSP - ORIG_RAX(%rsp), %rsp
	swapgs
	sysretq
	.size	entry_SYSCALL_64, . - entry_SYSCALL_64

	.globl	ret_from_fork
	.type	ret_from_fork, @function
/* A new task's first instruction: rax the previous task, rbx a kernel thread's function (or 0), r12 its argument. */
ret_from_fork:
	movq	%rax, %rdi
	call	schedule_tail
	testq	%rbx, %rbx
	jz	1f
	movq	%r12, %rdi
	call	*%rbx
	/* Only the thread that became a user process by kernel_execve() comes here. */
	movq	$0, RAX(%rsp)
1:	movq	%rsp, %rdi
	call	syscall_exit_to_user_mode
	/* fall through */
	.size	ret_from_fork, . - ret_from_fork

	.globl	return_to_usermode
	.type	return_to_usermode, @function
return_to_usermode:
	POP_REGS
	addq	$8, %rsp
	swapgs
	iretq
	.size	return_to_usermode, . - return_to_usermode

/* ---- exceptions ---- */

	.type	error_return, @function
/* After an exception or interrupt: to user mode with its last duties, or on with the kernel code. */
error_return:
	testb	$3, CS(%rsp)
	jz	1f
	movq	%rsp, %rdi
	call	irqentry_exit_to_user_mode
	jmp	return_to_usermode
1:	POP_REGS
	addq	$8, %rsp
	iretq
	.size	error_return, . - error_return

.macro idtentry vector name cfunc has_error=0
	.globl	asm_\name
	.type	asm_\name, @function
asm_\name:
	.if \has_error == 0
	pushq	$-1
	.endif
	.if \vector == 3
	/* From kernel code, leave a gap below the interrupted stack: probe handlers push return addresses there. */
	testb	$3, 16(%rsp)
	jnz	1f
	.rept 6
	pushq	5 * 8(%rsp)
	.endr
1:
	.endif
	PUSH_REGS
	testb	$3, CS(%rsp)
	jz	2f
	swapgs
2:	cld
	movq	ORIG_RAX(%rsp), %rsi
	movq	$-1, ORIG_RAX(%rsp)
	movq	%rsp, %rdi
	ENCODE_FRAME
	movl	$\vector, %edx
	call	\cfunc
	jmp	error_return
	.size	asm_\name, . - asm_\name
.endm

	idtentry 0 divide_error do_error_trap
	idtentry 3 int3 do_int3
	idtentry 4 overflow do_error_trap
	idtentry 5 bounds do_error_trap
	idtentry 6 invalid_op do_invalid_op
	idtentry 7 device_not_available do_error_trap
	idtentry 9 coproc_segment_overrun do_error_trap
	idtentry 10 invalid_tss do_error_trap has_error=1
	idtentry 11 segment_not_present do_error_trap has_error=1
	idtentry 12 stack_segment do_error_trap has_error=1
	idtentry 13 general_protection do_general_protection has_error=1
	idtentry 14 page_fault do_page_fault has_error=1
	idtentry 15 spurious_interrupt_bug do_error_trap
	idtentry 16 coprocessor_error do_math_error
	idtentry 17 alignment_check do_error_trap has_error=1
	idtentry 19 simd_coprocessor_error do_math_error

/*
 * Exceptions with a stack of their own can come anywhere in the entry code, so whose GS base is loaded is asked of the
 * processor. From user mode #DB moves to the task's stack and becomes an ordinary exception.
 */
.macro idtentry_ist vector name cfunc has_error=0
	.globl	asm_\name
	.type	asm_\name, @function
asm_\name:
	.if \has_error == 0
	pushq	$-1
	.endif
	cld
	.if \vector == 1
	testb	$3, 16(%rsp)
	jz	3f
	swapgs
	pushq	%rax
	movq	%rsp, %rax
	movq	%gs:PCPU_TOP_OF_STACK, %rsp
	pushq	48(%rax)
	pushq	40(%rax)
	pushq	32(%rax)
	pushq	24(%rax)
	pushq	16(%rax)
	pushq	8(%rax)
	movq	(%rax), %rax
	PUSH_REGS
	movq	ORIG_RAX(%rsp), %rsi
	movq	$-1, ORIG_RAX(%rsp)
	movq	%rsp, %rdi
	ENCODE_FRAME
	movl	$\vector, %edx
	call	\cfunc
	jmp	error_return
3:
	.endif
	PUSH_REGS
	movl	$MSR_GS_BASE, %ecx
	rdmsr
	xorl	%ebx, %ebx
	testl	%edx, %edx
	js	1f
	swapgs
	incl	%ebx
1:	movq	ORIG_RAX(%rsp), %rsi
	movq	$-1, ORIG_RAX(%rsp)
	movq	%rsp, %rdi
	ENCODE_FRAME
	movl	$\vector, %edx
	call	\cfunc
	testl	%ebx, %ebx
	jz	2f
	swapgs
2:	POP_REGS
	addq	$8, %rsp
	iretq
	.size	asm_\name, . - asm_\name
.endm

	idtentry_ist 1 debug do_debug
	idtentry_ist 2 nmi do_nmi
	idtentry_ist 8 double_fault do_double_fault has_error=1
	idtentry_ist 18 machine_check do_machine_check

/* ---- interrupts: vectors 32 to 255 ---- */

	.balign 16
	.globl	irq_entries_start
irq_entries_start:
	.set vector, 32
	.rept 224
	.balign 16
	pushq	$~vector
	jmp	common_interrupt_entry
	.set vector, vector + 1
	.endr

	.type	common_interrupt_entry, @function
common_interrupt_entry:
	PUSH_REGS
	testb	$3, CS(%rsp)
	jz	1f
	swapgs
1:	cld
	movq	ORIG_RAX(%rsp), %rsi
	notq	%rsi
	movq	%rsp, %rdi
	ENCODE_FRAME
	call	common_interrupt
	jmp	error_return
	.size	common_interrupt_entry, . - common_interrupt_entry

/* ---- context switch: struct task_struct *__switch_to_asm(unsigned long *save_sp, unsigned long sp, prev) ---- */

	.text
	.globl	__switch_to_asm
	.type	__switch_to_asm, @function
__switch_to_asm:
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	movq	%rdx, %rax
	ret
	.size	__switch_to_asm, . - __switch_to_asm
	.section .note.GNU-stack, "", @progbits
