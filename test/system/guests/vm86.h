/*
 * What the guests of virtual-8086 mode share: a 32-bit monitor that runs pieces of 16-bit code, and of ring 3, until an exception, and
 * keeps its frame.
 */
#include "report.h"

/* The frame that is kept. */
#define VECTOR 0
#define ERROR 4
#define IP 8
#define CS 12
#define FLAGS 16
#define SP 20
#define SS 24
#define ES 28
#define DS 32
#define FS 36
#define GS 40

	/* Runs the 16-bit code at `label` with these flags (VM is added) until an exception: its frame is at `frame`. */
	.macro virtual label, flags
	movl $\label - code16, %eax
	movl $\flags + 0x20000, %ebx
	call run
	.endm
	/* Runs code of ring 3 the same way. */
	.macro user label, flags
	movl $\label, %eax
	movl $\flags, %ebx
	call run_user
	.endm
	/* Of the last frame: these flags, and no others of the mask. */
	.macro flags letter, mask, value
	movl frame + FLAGS, %eax
	andl $\mask, %eax
	cmpl $\value, %eax
	check \letter
	.endm
	.macro frame letter, field, value
	cmpl $\value, frame + \field
	check \letter
	.endm


	/* At the start: segments, tables, the 16-bit code at 0x2000:0. */
	.macro monitor_start
	cli
	movl $stack_top, %esp
	lgdt gdtr
	ljmp $8, $1f
1:	movw $16, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl $tss, %eax
	movw %ax, gdt + 0x18 + 2
	shrl $16, %eax
	movb %al, gdt + 0x18 + 4
	movb %ah, gdt + 0x18 + 7
	movl $ring0_top, tss + 4
	movl $16, tss + 8
	movw $104, tss + 0x66
	movb $0xff, tss + 104 + 0x2000
	/* port 0x80 is allowed, the others below 0x400 are not */
	movl $tss + 104, %edi
	movl $0x80, %ecx
	movb $0xff, %al
	cld
	rep stosb
	movb $0xfe, tss + 104 + 0x10
	movw $0x18, %ax
	ltr %ax
	movl $idt, %edi
	movl $entries, %esi
	movl $0x81, %ecx
2:	movl %esi, %eax
	movw %ax, (%edi)
	movw $8, 2(%edi)
	movw $0xee00, 4(%edi)
	shrl $16, %eax
	movw %ax, 6(%edi)
	addl $16, %esi
	addl $8, %edi
	loop 2b
	lidt idtr
	/* the code goes below 1 MiB, to 0x2000:0 */
	movl $code16, %esi
	movl $0x20000, %edi
	movl $end16 - code16, %ecx
	rep movsb
	.endm

	/* Behind the checks. */
	.macro monitor_code
report:	reporter l, eax, edx, esi

	/* Enters virtual-8086 mode at 0x2000:eax with flags ebx. */
run:	movl %esp, monitor_esp
	pushl $0x7000
	pushl $0x6000
	pushl $0x4000
	pushl $0x5000
	pushl $0x3000
	pushl $0xfffe
	pushl %ebx
	pushl $0x2000
	pushl %eax
	iretl

/* Enters ring 3 at eax with flags ebx. */
run_user:
	movl %esp, monitor_esp
	pushl $0x2b
	pushl $stack_top - 2048
	pushl %ebx
	pushl $0x23
	pushl %eax
	iretl
u_cli:	cli
	ud2
u_sti:	sti
	ud2
u_popf:	pushl $0
	popfl
	ud2

	.align 16
entries:
	.set i, 0
	.rept 0x81
	.align 16
	.if (i != 8) && (i < 10 || i > 14) && (i != 17)
	pushl $0
	.endif
	pushl $i
	jmp exception
	.set i, i + 1
	.endr
exception:
	movw %ds, %ax
	movw %es, %bx
	orw %bx, %ax
	movw %fs, %bx
	orw %bx, %ax
	movw %gs, %bx
	orw %bx, %ax
	movzwl %ax, %eax
	movw $16, %bx
	movw %bx, %ds
	movw %bx, %es
	movl %eax, selectors
	movl %esp, %esi
	movl $frame, %edi
	movl $11, %ecx
	cld
	rep movsl
	movl monitor_esp, %esp
	ret
	.endm

	.macro monitor_data
	.section .data
	.align 16
selectors: .long 0
monitor_esp: .long 0
frame:	.skip 64
gdt:	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x0000890000002068, 0x00cffb000000ffff, 0x00cff3000000ffff
gdtr:	.word gdtr - gdt - 1
	.long gdt
idtr:	.word 0x81 * 8 - 1
	.long idt
	.section .bss
	.align 4096
idt:	.skip 4096
tss:	.skip 104 + 0x2000 + 8
	.skip 4096
stack_top: .skip 4096
ring0_top:
	.endm
