/*
 * Exceptions in 64-bit mode: which are faults and which are traps, error codes, what comes first, ring 3 and IST, exceptions of the
 * delivery of exceptions, double fault.
 */
#include "long.h"

	.code64
	/* The last exception pushed the address `label`. */
	.macro at letter, label
	cmpq $\label, rip
	check \letter
	.endm

main:	orl $4, pml4
	orl $4, pdpt
	orl $4, pd
	movq %cr3, %rax
	movq %rax, %cr3
	movw $0x8e00, idt + 16 * 3 + 4

	/* a, b: #DE is a fault */
	trying 1f
	xorl %edx, %edx
	xorl %ecx, %ecx
5:	divl %ecx
1:	expect 'a', 0, 0
	at 'b', 5b
	/* c: the quotient does not fit; IDIV of the smallest number by -1 */
	trying 1f
	movabsq $0x8000000000000000, %rax
	cqto
	movq $-1, %rcx
	idivq %rcx
1:	expect 'c', 0, 0
	/* d, e: #BP is a trap */
	trying 1f
	int3
5:	nop
1:	expect 'd', 3, 0
	at 'e', 5b
	/* f: CD 03, too */
	trying 1f
	.byte 0xcd, 3
5:	nop
1:	at 'f', 5b
	/* g: #UD; h: and of what 64-bit mode does not have; i: LOCK where it is not allowed */
	trying 1f
	ud2
1:	expect 'g', 6, 0
	trying 1f
	.byte 0x06
1:	expect 'h', 6, 0
	trying 1f
	.byte 0xf0, 0x90
1:	expect 'i', 6, 0
	/* j: more than 15 bytes are #GP */
	trying 1f
	.fill 15, 1, 0x2e
	nop
1:	expect 'j', 13, 0
	/* k: #NM by CR0.TS; l: WAIT needs MP, too */
	movq %cr0, %rax
	orl $8, %eax
	movq %rax, %cr0
	trying 1f
	fld1
1:	expect 'k', 7, 0
	trying 1f
	wait
1:	expect 'l', 7, 0
	clts
	/* m: #MF at the next waiting instruction */
	fninit
	movw $0x37b, word
	fldcw word
	fld1
	fldz
	fdivrp
	trying 1f
	fnstsw %ax
5:	fld1
1:	expect 'm', 16, 0
	at 'n', 5b
	fninit
	/* o: #XM, if CR4 says so, else #UD */
	movq %cr4, %rax
	orl $0x600, %eax
	movq %rax, %cr4
	movl $0x1d80, word
	ldmxcsr word
	trying 1f
	xorps %xmm0, %xmm0
	divss %xmm0, %xmm0
	movl $0x1000, word
	ldmxcsr word
	xorps %xmm0, %xmm0
	cvtsi2ss %eax, %xmm1
	divss %xmm0, %xmm1
1:	expect 'o', 19, 0
	movq %cr4, %rax
	btrl $10, %eax
	movq %rax, %cr4
	movl $0x1000, word
	ldmxcsr word
	trying 1f
	divss %xmm0, %xmm1
1:	expect 'p', 6, 0
	movl $0x1f80, word
	ldmxcsr word

	/* q: #GP with a selector beyond the table; r: #NP; s: #SS of a stack that is not there; t: #GP of code as data */
	trying 1f
	movl $0x1238, %eax
	movl %eax, %fs
1:	expect 'q', 13, 0x1238
	trying 1f
	movl $ABSENT, %eax
	movl %eax, %fs
1:	expect 'r', 11, ABSENT
	trying 1f
	movl $ABSENT, %eax
	movl %eax, %ss
1:	expect 's', 12, ABSENT
	trying 1f
	movl $TASK, %eax
	movl %eax, %es
1:	expect 't', 13, TASK
	/* u: LTR of a busy task; v: LLDT of no table; w: an MSR that is not there */
	trying 1f
	movl $TASK, %eax
	ltr %ax
1:	expect 'u', 13, TASK
	trying 1f
	movl $KERNEL_DATA, %eax
	lldt %ax
1:	expect 'v', 13, KERNEL_DATA
	trying 1f
	movl $0x12345678, %ecx
	rdmsr
1:	expect 'w', 13, 0
	/* x: INT n of a gate that is not present: error code with IDT bit; y: exceptions add EXT */
	movw $0x0e00, idt + 16 * 0x50 + 4
	trying 1f
	int $0x50
1:	expect 'x', 11, 0x282
	movw $0x0e00, idt + 16 * 6 + 4
	trying 1f
	ud2
1:	expect 'y', 11, 0x33
	movw $0x8e00, idt + 16 * 6 + 4
	/* z: a gate of a type that 64-bit mode does not have */
	movw $0x8500, idt + 16 * 0x50 + 4
	trying 1f
	int $0x50
1:	expect 'z', 13, 0x282

	/* A: ring 3: INT n of a gate of ring 0 */
	user int51
	expect 'A', 13, 0x28a
	/* B, C, D: from ring 3 to the stack of ring 0 */
	user ud
	expect 'B', 6, 0
	equal 'C', $USER_DATA, ss_
	equal 'D', $ring0_top-0x30, entry_rsp
	/* E: an interrupt gate clears IF; a trap gate does not. RF is pushed by faults. */
	movl rflags, %eax
	andl $0x10000, %eax
	cmpl $0x10000, %eax
	check 'E'
	/* F: a stack of the interrupt stack table, aligned, from ring 0 */
	movw $0x8e01, idt + 16 * 6 + 4
	trying 1f
	subq $3, %rsp
	ud2
1:	equal 'F', $ist1_top-0x30, entry_rsp
	movq rsp_, %rsp
	addq $3, %rsp
	movw $0x8e00, idt + 16 * 6 + 4
	/* G: without it the stack is aligned, too */
	movq %rsp, %rbx
	trying 1f
	subq $3, %rsp
	ud2
1:	movq rsp_, %rax
	leaq 3(%rax), %rsp
	movq entry_rsp, %rax
	leaq 0x30(%rax), %rax
	testb $15, %al
	check 'G'
	movq %rbx, %rsp

	/* H: privileged instructions in ring 3; I: IN without permission; J: CLI; K: MOV CR; L: HLT; M: LGDT */
	user p_wrmsr
	expect 'H', 13, 0
	user p_in
	expect 'I', 13, 0
	user p_cli
	expect 'J', 13, 0
	user p_cr
	expect 'K', 13, 0
	user p_hlt
	expect 'L', 13, 0
	user p_lgdt
	expect 'M', 13, 0
	/* N: with IOPL 3 IN and CLI are allowed; the UD behind them is reached */
	user p_io, 0x3002
	expect 'N', 6, 0
	/* O: UMIP */
	movq %cr4, %rax
	btsl $11, %eax
	movq %rax, %cr4
	user p_sgdt
	expect 'O', 13, 0
	btrl $11, %eax
	movq %cr4, %rax
	btrl $11, %eax
	movq %rax, %cr4
	user p_sgdt
	expect 'P', 6, 0
	/* Q: RDTSC with CR4.TSD */
	movq %cr4, %rax
	orl $4, %eax
	movq %rax, %cr4
	user p_rdtsc
	expect 'Q', 13, 0
	movq %cr4, %rax
	andl $~4, %eax
	movq %rax, %cr4

	/* R: #PF, whose gate is not present, is #NP with a #PF before it: double fault */
	movw $0x0e00, idt + 16 * 14 + 4
	trying 1f
	movabsq $0x700000000000, %rax
	movl (%rax), %eax
1:	expect 'R', 8, 0
	movw $0x8e00, idt + 16 * 14 + 4
	/* S: #GP, whose gate is beyond the IDT: contributory twice */
	movw $0x0e00, idt + 16 * 13 + 4
	trying 1f
	movl $0x1238, %eax
	movl %eax, %fs
1:	expect 'S', 8, 0
	/* T: #UD is benign: the #NP of its gate is delivered as such */
	movw $0x8e00, idt + 16 * 13 + 4
	movw $0x0e00, idt + 16 * 6 + 4
	trying 1f
	ud2
1:	expect 'T', 11, 0x33
	movw $0x8e00, idt + 16 * 6 + 4
	/* V: a #PF while a #PF is delivered: an interrupt stack that is not mapped */
	movq $0x70000000, tss + 0x2c
	movw $0x8e02, idt + 16 * 14 + 4
	movw $0x8e01, idt + 16 * 8 + 4
	trying 1f
	movabsq $0x700000000000, %rax
	movl (%rax), %eax
1:	expect 'V', 8, 0
	/* W: a benign exception whose stack is not mapped: #PF, supervisor write */
	movw $0x8e00, idt + 16 * 14 + 4
	movw $0x8e02, idt + 16 * 6 + 4
	trying 1f
	ud2
1:	expect 'W', 14, 2
	/* X: a stack that is not canonical: #SS */
	movabsq $0x800000001000, %rax
	movq %rax, tss + 0x2c
	trying 1f
	ud2
1:	expect 'X', 12, 1
	movw $0x8e00, idt + 16 * 6 + 4
	/* Y: a handler that is not canonical */
	movl $0x8000, idt + 16 * 6 + 8
	trying 1f
	ud2
1:	expect 'Y', 13, 1
	movl $0, idt + 16 * 6 + 8
	/* Z: IRETQ to an address that is not canonical; the fault is the IRETQ's */
	trying 1f
	movabsq $0x800000000000, %rax
	movq %rsp, %rbx
	pushq $KERNEL_DATA
	pushq %rbx
	pushfq
	pushq $KERNEL_CODE
	pushq %rax
5:	iretq
1:	movq %rbx, %rsp
	expect 'Z', 13, 0
	at '0', 5b
	/* 1: an instruction fetch from an address that is not mapped beats the #UD of what is not there; CR2 says where */
	trying 1f
	movabsq $0x700000001234, %rax
	call *%rax
1:	popq %rax
	movq %cr2, %rax
	movabsq $0x700000001234, %rcx
	cmpq %rcx, %rax
	check '1'
	/* 2: an undefined instruction with a memory operand that would fault is #UD */
	trying 1f
	movabsq $0x700000000000, %rax
	.byte 0xf0, 0x03, 0x00
1:	expect '2', 6, 0
	/* 3: #GP of an unaligned operand comes before #PF */
	trying 1f
	movabsq $0x700000000001, %rax
	movaps (%rax), %xmm0
1:	expect '3', 13, 0
	finish

ud:	ud2
int51:	int $0x51
p_wrmsr: wrmsr
p_in:	inb $0x80, %al
	ud2
p_cli:	cli
p_cr:	movq %cr0, %rax
p_hlt:	hlt
p_lgdt:	lgdt gdtr
p_io:	inb $0x80, %al
	cli
	sti
	ud2
p_sgdt:	subq $16, %rsp
	sgdt (%rsp)
	ud2
p_rdtsc: rdtsc
	ud2
	.section .data
	.align 4
word:	.long 0
