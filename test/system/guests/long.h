/*
 * A guest in 64-bit mode: tables, gates, and what exceptions leave behind. The first gigabyte is identity-mapped in pages of 2 MiB for
 * the supervisor; the guest begins at `main`. An exception notes itself and goes on at `resume`, in ring 0 with the stack it
 * had, or, from ring 3, with the stack that `ring3` saved. A guest may put a handler of its own at `hook`.
 */
#include "report.h"

#define KERNEL_CODE 0x08
#define KERNEL_DATA 0x10
#define USER_DATA 0x1b
#define USER_CODE 0x23
#define USER_CODE32 0x2b
#define TASK 0x30
#define ABSENT 0x40
#define CODE32 0x48
#define CODE16 0x50

	.code32
	.globl _start
_start:
	cli
	movl $stack_top, %esp
	movl $pml4, %edi
	movl $pdpt + 3, (%edi)
	movl $pdpt + 3, 511 * 8(%edi)
	movl $pd + 3, pdpt
	movl $0x83, %eax
	movl $pd, %edi
1:	movl %eax, (%edi)
	addl $0x200000, %eax
	addl $8, %edi
	cmpl $0x40000083, %eax
	jne 1b
	movl $0x6a0, %eax
	movl %eax, %cr4
	movl $pml4, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x901, %eax
	wrmsr
	movl $0x80010033, %eax
	movl %eax, %cr0
	lgdt gdtr
	ljmp $KERNEL_CODE, $1f
	.code64
1:	movl $KERNEL_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	/* gates */
	movl $idt, %edi
	movl $entries, %esi
	movl $256, %ecx
2:	movl %esi, %eax
	movw %ax, (%rdi)
	movw $KERNEL_CODE, 2(%rdi)
	movw $0x8e00, 4(%rdi)
	shrl $16, %eax
	movl %eax, 6(%rdi)
	movw $0, 10(%rdi)
	movl $0, 12(%rdi)
	addl $16, %esi
	addl $16, %edi
	loop 2b
	lidt idtr
	movl $tss, %eax
	movw %ax, gdt + TASK + 2
	shrl $16, %eax
	movb %al, gdt + TASK + 4
	movb %ah, gdt + TASK + 7
	movl $ring0_top, tss + 4
	movl $ist1_top, tss + 0x24
	movw $104, tss + 0x66
	movw $TASK, %ax
	ltr %ax
	jmp main

report:	reporter q, rax, rdx, rsi

	/* Runs the code at rdi in ring 3 with flags rsi, until an exception; everything but rsp may have changed. */
ring3:	pushq %rbp
	pushq %rbx
	movq %rsp, kernel_rsp
	movq $1f, resume
	pushq $USER_DATA
	pushq $user_top
	pushq %rsi
	pushq $USER_CODE
	pushq %rdi
	iretq
1:	popq %rbx
	popq %rbp
	ret

	.macro user code, flags=0x2
	movq $\code, %rdi
	movq $\flags, %rsi
	call ring3
	.endm

	/* Something goes wrong at the next instructions; execution goes on behind `here`. */
	.macro trying label
	movl $-1, vector
	movl $-1, errorcode
	movq $\label, resume
	.endm

	/* A gate goes elsewhere, with these bits 47:32. */
	.macro gate vector, target, bits
	movl $\target, %eax
	movw %ax, idt + 16 * \vector
	shrl $16, %eax
	movw %ax, idt + 16 * \vector + 6
	movw $\bits, idt + 16 * \vector + 4
	.endm

	.align 16
entries:
	.set i, 0
	.rept 256
	.align 16
	.if (i != 8) && (i < 10 || i > 14) && (i != 17)
	pushq $0
	.endif
	pushq $i
	jmp exception
	.set i, i + 1
	.endr

exception:
	cmpq $0, hook
	je 1f
	jmp *hook
1:	popq vector
	popq errorcode
	pushq %rax
	movq 8(%rsp), %rax
	movq %rax, rip
	movq 16(%rsp), %rax
	movq %rax, cs_
	movq 24(%rsp), %rax
	movq %rax, rflags
	movq 32(%rsp), %rax
	movq %rax, rsp_
	movq 40(%rsp), %rax
	movq %rax, ss_
	movq %rsp, entry_rsp
	incl count
	movq resume, %rax
	movq %rax, 8(%rsp)
	andq $~0x40100, 24(%rsp)
	testb $3, 16(%rsp)
	je 2f
	movq $KERNEL_CODE, 16(%rsp)
	movq $KERNEL_DATA, 40(%rsp)
	movq kernel_rsp, %rax
	movq %rax, 32(%rsp)
2:	popq %rax
	iretq

	.section .data
	.align 16
vector:	.quad 0
errorcode: .quad 0
rip:	.quad 0
cs_:	.quad 0
rflags:	.quad 0
rsp_:	.quad 0
ss_:	.quad 0
entry_rsp: .quad 0
resume:	.quad 0
hook:	.quad 0
kernel_rsp: .quad 0
count:	.quad 0
	.align 16
gdt:	.quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff, 0x00cffb000000ffff
	.quad 0x0000890000000067, 0, 0x00cf13000000ffff, 0x00cf9b000000ffff, 0x008f9b000000ffff
	.quad 0, 0, 0, 0, 0
gdtr:	.word gdtr - gdt - 1
	.quad gdt
idtr:	.word 256 * 16 - 1
	.quad idt
	.section .bss
	.align 4096
pml4:	.skip 4096
pdpt:	.skip 4096
pd:	.skip 4096
idt:	.skip 4096
tss:	.skip 128
	.skip 4096
stack_top: .skip 4096
ring0_top: .skip 4096
ist1_top: .skip 4096
user_top: .skip 4096
	.text
