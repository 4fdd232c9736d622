/*
 * Debug registers and the trap flag in 64-bit mode: breakpoints of all kinds and lengths, what DR6 says, general detect, single steps
 * over what is special, shadows of MOV SS, RF.
 */
#include "long.h"

	.code64
	.macro at letter, label
	cmpq $\label, rip
	check \letter
	.endm
	/* DR7 gets this value; DR6 is cleared. */
	.macro breakpoints value
	xorl %eax, %eax
	movq %rax, %dr6
	movl $\value, %eax
	movq %rax, %dr7
	.endm
	/* Bits of DR6 that say why. */
	.macro why letter, bits
	movq %dr6, %rax
	andl $0xe00f, %eax
	cmpl $\bits, %eax
	check \letter
	.endm
	.macro step
	trying 1f
	xorl %eax, %eax
	movq %rax, %dr6
	pushfq
	orl $0x100, (%rsp)
	popfq
	.endm

main:	movl $datum, %eax
	movq %rax, %dr1
	/* a, b, c: an execution breakpoint is a fault */
	movl $5f, %eax
	movq %rax, %dr0
	breakpoints 2
	trying 1f
5:	nop
	nop
1:	expect 'a', 1, 0
	at 'b', 5b
	why 'c', 1
	/* d: RF lets the instruction pass once */
	breakpoints 2
	movl $6f, %eax
	movq %rax, %dr0
	trying 1f
	movq %rsp, %rbx
	pushq $KERNEL_DATA
	pushq %rbx
	pushq $0x10002
	pushq $KERNEL_CODE
	pushq $6f
	iretq
6:	nop
	cmpl $-1, vector
1:	check 'd'
	/* e, f, g: a write of a doubleword; a trap */
	breakpoints 0xd00008
	trying 1f
	movl datum, %eax
	movl $1, datum
6:	nop
1:	expect 'e', 1, 0
	at 'f', 6b
	why 'g', 2
	/* h: a byte in it counts; i: the byte behind it does not */
	breakpoints 0xd00008
	trying 1f
	movb $1, datum + 3
6:	nop
1:	at 'h', 6b
	breakpoints 0xd00008
	trying 1f
	movb $1, datum + 4
	nop
	cmpl $-1, vector
1:	check 'i'
	/* j: an access that begins before it */
	breakpoints 0xd00008
	trying 1f
	movq %rax, datum - 6
6:	nop
1:	at 'j', 6b
	/* k: read or write, one byte */
	breakpoints 0x300008
	trying 1f
	movb datum, %al
6:	nop
1:	at 'k', 6b
	/* l: 8 bytes */
	breakpoints 0x900008
	trying 1f
	movb %al, datum + 7
6:	nop
1:	at 'l', 6b
	/* m: a disabled one */
	breakpoints 0xd00000
	trying 1f
	movl %eax, datum
	nop
	cmpl $-1, vector
1:	check 'm'
	/* n: a repeated string instruction stops between iterations */
	breakpoints 0x100008
	trying 1f
	movl $datum - 4, %edi
	movl $16, %ecx
	cld
5:	rep stosb
	nop
1:	equal 'n', $11, %ecx
	at 'o', 5b
	/* p: PUSH onto a watched stack */
	breakpoints 0xd00008
	trying 1f
	movq %rsp, %rbx
	movl $datum + 8, %esp
	pushq %rax
6:	nop
1:	movq %rbx, %rsp
	at 'p', 6b
	/* q, r: general detect */
	breakpoints 0x2000
	trying 1f
5:	movq %dr0, %rax
1:	expect 'q', 1, 0
	at 'r', 5b
	why 's', 0x2000
	/* t: GD is off in the handler */
	movq %dr7, %rax
	testl $0x2000, %eax
	check 't'
	breakpoints 0
	/* u: DR4 is DR6 unless CR4.DE is set */
	movq %cr4, %rax
	orl $8, %eax
	movq %rax, %cr4
	trying 1f
	.byte 0x0f, 0x21, 0xe0
1:	expect 'u', 6, 0
	movq %cr4, %rax
	andl $~8, %eax
	movq %rax, %cr4
	/* v: the upper halves of DR6 and DR7 must be zero */
	trying 1f
	movabsq $0x100000000, %rax
	movq %rax, %dr7
1:	expect 'v', 13, 0

	/* w, x, y: one step */
	step
	nop
6:	nop
1:	expect 'w', 1, 0
	at 'x', 6b
	why 'y', 0x4000
	/* z: REP stops after each iteration */
	movl $datum, %edi
	movl $5, %ecx
	step
5:	rep stosb
	nop
1:	equal 'z', $4, %ecx
	at 'A', 5b
	/* B: no trap behind MOV SS, but behind the instruction after it */
	movl $KERNEL_DATA, %ebx
	step
	movl %ebx, %ss
	nop
6:	nop
1:	at 'B', 6b
	/* C: INT3 takes the flag along: no trap of its own */
	step
	int3
6:	nop
1:	expect 'C', 3, 0
	at 'D', 6b
	testl $0x100, rflags
	setne %al
	cmpb $1, %al
	check 'E'
	/* F: PUSHF pushes TF */
	step
	pushfq
6:	nop
1:	popq %rax
	testl $0x100, %eax
	setne %al
	cmpb $1, %al
	check 'F'
	/* G: a POPF that clears TF is stepped over */
	pushfq
	step
	popfq
6:	nop
1:	at 'G', 6b
	/* H: ICEBP; DR6 stays */
	breakpoints 0
	trying 1f
	.byte 0xf1
6:	nop
1:	expect 'H', 1, 0
	at 'I', 6b
	why 'J', 0
	/* K: a fault comes before the trap of the same instruction */
	step
	ud2
1:	expect 'K', 6, 0
	/* L, M: a watched access and a step together */
	breakpoints 0xd00008
	pushfq
	orl $0x100, (%rsp)
	trying 1f
	popfq
	movl %eax, datum
6:	nop
1:	at 'L', 6b
	why 'M', 0x4002
	breakpoints 0
	/* N: SYSCALL with TF masked; the step is lost. O: not masked: before the first instruction of the handler */
	movl $0xc0000081, %ecx
	xorl %eax, %eax
	movl $KERNEL_CODE, %edx
	wrmsr
	movl $0xc0000082, %ecx
	movl $2f, %eax
	xorl %edx, %edx
	wrmsr
	movl $0xc0000084, %ecx
	movl $0x100, %eax
	wrmsr
	step
	syscall
2:	nop
	nop
	cmpl $-1, vector
1:	check 'N'
	movl $0xc0000084, %ecx
	xorl %eax, %eax
	xorl %edx, %edx
	wrmsr
	step
	syscall
1:	at 'O', 2b
	/* P: a load of SS that is watched: the trap comes after the next instruction */
	movl $KERNEL_DATA, datum
	breakpoints 0xf00008
	trying 1f
	movw datum, %ss
	nop
6:	nop
1:	at 'P', 6b
	why 'Q', 2
	breakpoints 0
	finish

	.section .data
	.align 16
	.quad 0
	.quad 0
datum:	.quad 0, 0, 0
