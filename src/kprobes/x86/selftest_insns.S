/* SPDX-License-Identifier: MIT */
/*
 * Instructions for the self test of kprobes (kprobes_selftest.c), each in a function of its own that loads registers and
 * flags from a struct selftest_regs, executes it, and stores them back; `path` says which way it went.
 */
#include <asm-generic/errno.h>
#include <kernel/extable.h>

#define REG_AX		0
#define REG_CX		8
#define REG_DX		16
#define REG_BX		24
#define REG_FLAGS	32
#define REG_PATH	40

	.data
	.p2align 3
kprobe_selftest_data:
	.quad	0

	.section .rodata
	.p2align 3
	.globl	kprobe_selftest_insns, kprobe_selftest_refused
kprobe_selftest_refused:
	.section .rodata.kprobe_selftest, "a"
	.p2align 3
kprobe_selftest_insns:

/* @insn may go to the label 8. @before and @after stand around it and are not probed. */
.macro INSN name, insn, before, after
	.section .rodata.kprobe_selftest
	.quad	9f, kprobe_selftest_\name, .Lkprobe_insn_\name
	.section .rodata.str, "aMS", @progbits, 1
9:	.asciz	"\name"
	.text
	.p2align 4
	.type	kprobe_selftest_\name, @function
kprobe_selftest_\name:
	pushq	%rbx
	pushq	%r12
	movq	%rdi, %r12
	leaq	8f(%rip), %r9
	movq	REG_AX(%r12), %rax
	movq	REG_CX(%r12), %rcx
	movq	REG_DX(%r12), %rdx
	movq	REG_BX(%r12), %rbx
	movq	%rdx, kprobe_selftest_data(%rip)
	pushq	REG_FLAGS(%r12)
	popfq
	\before
.Lkprobe_insn_\name:
	\insn
	\after
	movq	$1, REG_PATH(%r12)
	jmp	6f
8:	movq	$2, REG_PATH(%r12)
6:	pushfq
	popq	REG_FLAGS(%r12)
	movq	%rax, REG_AX(%r12)
	movq	%rcx, REG_CX(%r12)
	movq	%rdx, REG_DX(%r12)
	movq	%rbx, REG_BX(%r12)
	popq	%r12
	popq	%rbx
	ret
	.size	kprobe_selftest_\name, . - kprobe_selftest_\name
.endm

/* An instruction that takes no probe, and the error. It is never executed. */
.macro REFUSED name, error, insn:vararg
	.section .rodata
	.quad	9f, kprobe_selftest_\name, \error
	.section .rodata.str, "aMS", @progbits, 1
9:	.asciz	"\name"
	.text
	.p2align 4
	.type	kprobe_selftest_\name, @function
kprobe_selftest_\name:
	\insn
	ret
	.size	kprobe_selftest_\name, . - kprobe_selftest_\name
.endm

	.text
	.type	kprobe_selftest_callee, @function
kprobe_selftest_callee:
	leaq	1(%rbx), %rbx
	ret
	.size	kprobe_selftest_callee, . - kprobe_selftest_callee

.irp cc, o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g
	INSN	j\cc, "j\cc 8f"
	INSN	j\cc\()_near, "{disp32} j\cc 8f"
.endr
	INSN	loop, "loop 8f"
	INSN	loope, "loope 8f"
	INSN	loopne, "loopne 8f"
	INSN	jrcxz, "jrcxz 8f"
	INSN	loop_addr32, "addr32 loop 8f"
	INSN	jecxz, "jecxz 8f"
	INSN	jmp, "jmp 8f"
	INSN	jmp_near, "{disp32} jmp 8f"
	INSN	jmp_register, "jmp *%rax", "leaq 8f(%rip), %rax"
	INSN	jmp_r9, "jmp *%r9"
	INSN	call, "call kprobe_selftest_callee"
	INSN	call_register, "call *%rdx", "leaq kprobe_selftest_callee(%rip), %rdx"
	INSN	call_r10, "call *%r10", "leaq kprobe_selftest_callee(%rip), %r10"
	INSN	ret, "ret", "pushq %r9"
	INSN	pushf, "pushfq", "", "popq %rax"
	INSN	popf, "popfq", "pushq %rdx"
	INSN	cli, "cli"
	INSN	sti, "sti"
	INSN	nop5, ".byte 0x0f, 0x1f, 0x44, 0, 0"
	INSN	add, "addq %rcx, %rax"
	INSN	mov_imm64, "movabsq $0x1122334455667788, %rax"
	INSN	push, "pushq %rax", "", "popq %rbx"
	INSN	pop, "popq %rcx", "pushq %rax"
	INSN	load_rip, "movq kprobe_selftest_data(%rip), %rax"
	INSN	add_rip_imm8, "addb $5, kprobe_selftest_data(%rip)", "", "movq kprobe_selftest_data(%rip), %rdx"
	INSN	add_rip_imm32, "addq $0x12345678, kprobe_selftest_data(%rip)", "", "movq kprobe_selftest_data(%rip), %rdx"
	INSN	lea_rip, "leaq 8f(%rip), %rbx"
	INSN	xadd_rip, "lock xaddq %rax, kprobe_selftest_data(%rip)"
	INSN	load_fault, "movq -1(%rcx), %rdx", "movl $1, %ecx"
	_ASM_EXTABLE(.Lkprobe_insn_load_fault, 8b)

	.section .rodata.kprobe_selftest
	.quad	0, 0, 0

	REFUSED	int3, -EINVAL, .byte 0xcc
	REFUSED	mov_to_ss, -EINVAL, mov %eax, %ss
	REFUSED	lss, -EINVAL, lss (%rax), %esp
	REFUSED	undefined, -EINVAL, .byte 0x06
	REFUSED	xen_prefix, -EINVAL, .byte 0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2
	REFUSED	kvm_prefix, -EINVAL, .byte 0x0f, 0x0b, 0x6b, 0x76, 0x6d, 0x0f, 0xa2
	REFUSED	iretq, -EOPNOTSUPP, iretq
	REFUSED	lcall_memory, -EOPNOTSUPP, lcall *(%rax)
	REFUSED	ljmp_memory, -EOPNOTSUPP, ljmp *(%rax)
	REFUSED	call_memory, -EOPNOTSUPP, call *(%rax)
	REFUSED	jmp_memory, -EOPNOTSUPP, jmp *8(%rax)
	REFUSED	call_addr32, -EOPNOTSUPP, .byte 0x67, 0xff, 0xd0
	REFUSED	vmcall, -EOPNOTSUPP, vmcall
	REFUSED	fifteen_bytes, -ENOSPC, .byte 0x64, 0x64, 0x66, 0x48, 0x81, 0x84, 0xd8, 1, 0, 0, 0, 2, 0, 0, 0
	.section .rodata
	.quad	0, 0, 0
	.section .note.GNU-stack, "", @progbits
