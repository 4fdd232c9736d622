/*
 * Interrupts in 64-bit mode: 8259, 8254, real-time clock, local APIC with its timer, I/O APIC; what holds them off (IF, shadows, task
 * priority, what is in service), NMI and what blocks it, HLT.
 */
#include "long.h"

/* The last gigabyte below 4 GiB is mapped below 2^64, too, so that a displacement reaches it. */
#define APIC -0x1200000
#define IOAPIC -0x1400000
#define SELF 0x40000

	.code64
	.macro at letter, label
	cmpq $\label, rip
	check \letter
	.endm
	.macro send vector
	movl $SELF + \vector, APIC + 0x300
	.endm
	.macro eoi
	movl $0, APIC + 0xb0
	.endm
	.macro out8 value, port
	movb $\value, %al
	outb %al, $\port
	.endm
	/* Waits a little: some take interrupts late. */
	.macro spin
	movl $100, %ecx
	loop .
	.endm
	/* Channel 0 of the 8254 ends its count soon. */
	.macro tick
	out8 0x30, 0x43
	out8 0x80, 0x40
	out8 0, 0x40
	.endm

main:	movl $pd3 + 3, pdpt + 3 * 8
	movl $pd3 + 3, pdpt + 511 * 8
	movl $0xfec00093, pd3 + 502 * 8
	movl $0xfee00093, pd3 + 503 * 8
	orl $4, pml4
	orl $4, pdpt
	orl $4, pd
	movq %cr3, %rax
	movq %rax, %cr3
	out8 0x11, 0x20
	out8 0x20, 0x21
	out8 4, 0x21
	out8 1, 0x21
	out8 0x11, 0xa0
	out8 0x28, 0xa1
	out8 2, 0xa1
	out8 1, 0xa1
	out8 0xff, 0x21
	out8 0xff, 0xa1
	movl $0x1ff, APIC + 0xf0
	movl $0x8700, APIC + 0x350

	/* a, b: the timer wakes HLT; execution goes on behind it */
	trying 1f
	out8 0xfe, 0x21
	tick
	sti
	hlt
5:	nop
1:	cli
	expect 'a', 0x20, 0
	at 'b', 5b
	out8 0x20, 0x20
	/* c: masked in the 8259, and delivered once it is not */
	out8 0xff, 0x21
	tick
	movl $100000, %ecx
5:	pause
	out8 0, 0x43
	inb $0x40, %al
	decl %ecx
	jne 5b
	trying 1f
	sti
	nop
	nop
	cmpl $-1, vector
	jne 1f
	out8 0xfe, 0x21
	spin
1:	cli
	expect 'c', 0x20, 0
	/* d: in service: no more of it before the end of interrupt */
	tick
	movl $100000, %ecx
5:	inb $0x40, %al
	decl %ecx
	jne 5b
	trying 1f
	sti
	nop
	nop
	cli
	cmpl $-1, vector
	check 'd'
	trying 1f
	sti
	out8 0x20, 0x20
	spin
1:	cli
	expect 'e', 0x20, 0
	out8 0x20, 0x20
	out8 0xff, 0x21

	/* f, g: one instruction passes behind STI */
	trying 1f
	send 0x60
	sti
	nop
5:	nop
	nop
1:	cli
	expect 'f', 0x60, 0
	at 'g', 5b
	eoi
	/* h: STI and CLI together leave no gap */
	trying 1f
	send 0x60
	sti
	cli
	nop
	cmpl $-1, vector
1:	check 'h'
	/* i: POPF has no shadow */
	trying 1f
	pushfq
	orl $0x200, (%rsp)
	popfq
5:	nop
1:	cli
	at 'i', 5b
	eoi
	/* j: STI with IF set has none */
	trying 1f
	sti
	nop
	send 0x60
	nop
	nop
1:	cli
	expect 'j', 0x60, 0
	eoi
	/* k: HLT behind STI is left again, at the next instruction */
	trying 1f
	send 0x60
	sti
	hlt
5:	nop
1:	cli
	at 'k', 5b
	eoi
	/* l: behind a load of SS one instruction passes */
	movl $KERNEL_DATA, %ebx
	trying 1f
	send 0x60
	pushfq
	orl $0x200, (%rsp)
	movl %ebx, %ss
	popfq
5:	nop
1:	cli
	at 'l', 5b
	eoi
	/* m: the task priority holds back its class; n: and lets the next one through at once */
	movl $6, %eax
	movq %rax, %cr8
	trying 1f
	send 0x60
	sti
	nop
	nop
	cmpl $-1, vector
	check 'm'
	movl $5, %eax
	movq %rax, %cr8
	nop
1:	cli
	expect 'n', 0x60, 0
	eoi
	/* o: CR8 and the register of the local APIC are one */
	movl $3, %eax
	movq %rax, %cr8
	equal 'o', $0x30, APIC+0x80
	xorl %eax, %eax
	movq %rax, %cr8
	/* p: the higher vector first; q: the lower waits for its end */
	trying 1f
	send 0x60
	send 0x75
	sti
	nop
	nop
1:	cli
	expect 'p', 0x75, 0
	trying 1f
	sti
	nop
	nop
	cmpl $-1, vector
1:	cli
	check 'q'
	trying 1f
	sti
	eoi
	spin
1:	cli
	expect 'r', 0x60, 0
	eoi
	/* s: ring 3 is interrupted before its first instruction */
	send 0x61
	user idle, 0x202
	expect 's', 0x61, 0
	equal 't', $USER_CODE, cs_
	at 'u', idle
	eoi

	/* v: the timer of the local APIC, once */
	movl $0xb, APIC + 0x3e0
	movl $0x62, APIC + 0x320
	trying 1f
	movl $10000, APIC + 0x380
	sti
	hlt
5:	nop
1:	cli
	expect 'v', 0x62, 0
	eoi
	/* w: its count has ended */
	equal 'w', $0, APIC+0x390
	/* x: periodic: three times */
	movl $0x20062, APIC + 0x320
	movl $20000, APIC + 0x380
	movl $3, %ebx
2:	trying 1f
	sti
	hlt
	nop
1:	cli
	eoi
	cmpl $0x62, vector
	jne 3f
	decl %ebx
	jne 2b
3:	movl $0x10000, APIC + 0x320
	movl $0, APIC + 0x380
	testl %ebx, %ebx
	check 'x'

	/* y: NMI in spite of IF; z: its handler is not interrupted by another before IRET */
	gate 2, nmi, 0x8e01
	movl $0, count
	movl $0x4400, APIC + 0x300
	spin
	equal 'y', $2, count
	equal 'z', $1, seen
	/* B: a line of the I/O APIC: the UART's transmitter; edge */
	movl $0x18, IOAPIC
	movl $0x63, IOAPIC + 0x10
	movl $0x19, IOAPIC
	movl $0, IOAPIC + 0x10
	trying 1f
	sti
	movw $0x3f9, %dx
	xorl %eax, %eax
	outb %al, %dx
	movb $8, %al
	movw $0x3fc, %dx
	outb %al, %dx
	movb $2, %al
	movw $0x3f9, %dx
	outb %al, %dx
	movl $100000, %ecx
5:	pause
	decl %ecx
	jne 5b
1:	cli
	movl vector, %esi
	/* C: it says why, once */
	movw $0x3fa, %dx
	inb %dx, %al
	movb %al, %bl
	inb %dx, %al
	movb %al, %bh
	movw $0x3f9, %dx
	xorl %eax, %eax
	outb %al, %dx
	movl $0x18, IOAPIC
	movl $0x10000, IOAPIC + 0x10
	eoi
	equal 'B', $0x63, %esi
	andb $7, %bl
	cmpb $2, %bl
	check 'C'
	testb $1, %bh
	setne %al
	cmpb $1, %al
	check 'D'
	/* E: the real-time clock's periodic interrupt, by the second 8259 */
	out8 0x8b, 0x70
	inb $0x71, %al
	orb $0x40, %al
	movb %al, %bl
	out8 0x8b, 0x70
	movb %bl, %al
	outb %al, $0x71
	out8 0x0c, 0x70
	inb $0x71, %al
	out8 0xfb, 0x21
	out8 0xfe, 0xa1
	/* twice: the first may have been asked for when the flag was already set */
	movl $2, %ebx
2:	out8 0x0c, 0x70
	inb $0x71, %al
	trying 1f
	sti
	hlt
	nop
1:	cli
	decl %ebx
	je 3f
	out8 0x20, 0xa0
	out8 0x20, 0x20
	jmp 2b
3:	expect 'E', 0x28, 0
	/* F: its register C says why and is cleared by that */
	out8 0x0c, 0x70
	inb $0x71, %al
	andb $0xc0, %al
	cmpb $0xc0, %al
	check 'F'
	/* G: in service in both 8259s */
	out8 0x0b, 0xa0
	inb $0xa0, %al
	movb %al, %bl
	out8 0x0b, 0x20
	inb $0x20, %al
	shlb $1, %bl
	addb %bl, %al
	cmpb $6, %al
	check 'G'
	out8 0x20, 0xa0
	out8 0x20, 0x20
	out8 0xff, 0x21
	finish

	/* Sends another NMI to itself, the first time, and notes how many came by the end of the first. */
nmi:	incl count
	cmpl $1, count
	jne 1f
	movl $0x4400, APIC + 0x300
	pushq %rcx
	spin
	popq %rcx
	pushq %rax
	movl count, %eax
	movl %eax, seen
	popq %rax
1:	iretq
idle:	jmp idle

	.section .data
seen:	.quad 0
	.section .bss
	.align 4096
pd3:	.skip 4096
