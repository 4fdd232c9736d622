/*
 * From mode to mode: protected, 16-bit protected, real (with segments of 4 GiB, too), protected, PAE paging, long mode in 64-bit code and in
 * compatibility code of 32 and 16 bits, and all the way back.
 */
#include "report.h"

#define CODE32 0x08
#define DATA 0x10
#define CODE16 0x18
#define DATA16 0x20
#define CODE64 0x28
#define LOW16 0x30
	/* The code of real mode, below 1 MiB. */
#define REAL 0x20000

	.macro bits letter, register, mask, value
	movl %\register, %eax
	andl $\mask, %eax
	cmpl $\value, %eax
	check \letter
	.endm

	.code32
	.globl _start
_start:	cli
	movl $stack_top, %esp
	lgdt gdtr
	ljmp $CODE32, $1f
1:	movw $DATA, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl $real_start, %esi
	movl $REAL, %edi
	movl $real_end - real_start, %ecx
	cld
	rep movsb
	/* a: 16-bit code in protected mode, whose segment begins at the program's first page: operands have 16 bits */
	movl $0x11111111, %eax
	lcall $CODE16, $far16 - 0x100000
	equal 'a', $0x11112222, %eax
	/* b: a 16-bit stack: PUSH at 0 goes to 0xfffe, and the upper half of ESP stays */
	movl %esp, %ebx
	movw $DATA16, %ax
	movw %ax, %ss
	movl $0x55550000, %esp
	pushl $0x99887766
	movl %esp, %ecx
	movw $DATA, %ax
	movw %ax, %ss
	movl %ebx, %esp
	equal 'b', $0x5555fffc, %ecx
	cmpl $0x99887766, 0x4fffc
	check 'c'

	/* into real mode, with ES of 4 GiB */
	movl %esp, saved_esp
	ljmp $LOW16, $enter_real - real_start
back32:	movw $DATA, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl saved_esp, %esp
	cmpl $0x600d, REAL + result_int - real_start
	check 'd'
	cmpl $0x12341234, REAL + result_big - real_start
	check 'e'
	cmpl $0x2000, REAL + result_cs - real_start
	check 'f'
	cmpl $0x10, REAL + result_smsw - real_start
	check 'g'
	cmpl $0x29, REAL + result_wrap - real_start
	check 'h'

	/* PAE paging: 4 MiB in pages of 2 MiB, and its first page again at 1 GiB */
	movl $pd + 1, pdpt
	movl $pd2 + 1, pdpt + 8
	movl $0x83, pd
	movl $0x200083, pd + 8
	movl $0x83, pd2
	movl $pdpt, %eax
	movl %eax, %cr3
	movl %cr4, %eax
	orl $0x20, %eax
	movl %eax, %cr4
	movl %cr0, %eax
	orl $0x80000000, %eax
	movl %eax, %cr0
	jmp 1f
1:	movl $0xabcd, word
	equal 'i', $0xabcd, word+0x40000000
	movl %cr0, %eax
	andl $0x7fffffff, %eax
	movl %eax, %cr0
	jmp 1f
1:
	/* long mode: j: LME alone does not activate it */
	movl $pdpt + 7, pml4
	movl $pd + 7, pdpt
	movl $pd2 + 7, pdpt + 8
	movl $pml4, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x100, %eax
	wrmsr
	rdmsr
	movl %eax, %ebx
	bits 'j', ebx, 0x500, 0x100
	movl %cr0, %eax
	orl $0x80000000, %eax
	movl %eax, %cr0
	/* k: 32-bit code goes on in compatibility mode; 40 is INC there */
	movl $0xc0000080, %ecx
	rdmsr
	movl %eax, %ebx
	bits 'k', ebx, 0x500, 0x500
	movl $5, %eax
	.byte 0x40
	equal 'l', $6, %eax
	ljmp $CODE64, $in64
	.code64
in64:	movabsq $0x1122334455667788, %rax
	movq %rax, %r8
	shrq $32, %r8
	cmpq $0x11223344, %r8
	check64 'm'
	/* n: compatibility code and back; addresses wrap at 4 GiB there */
	movl $compat, far
	movl $CODE32, far + 4
	lcall *far
	cmpl $0x600d, %eax
	check64 'n'
	/* o: 16-bit compatibility code */
	movl $far16 - 0x100000, far
	movl $CODE16, far + 4
	movl $0x11111111, %eax
	lcall *far
	cmpl $0x11112222, %eax
	check64 'o'
	/* p: LAR of the segment of 64-bit code */
	movl $CODE64, %ecx
	lar %ecx, %eax
	andl $0x600000, %eax
	cmpl $0x200000, %eax
	check64 'p'
	/* back: compatibility mode, paging off, LME off */
	movl $leave64, far
	movl $CODE32, far + 4
	ljmp *far
	.code32
leave64: movw $DATA, %ax
	movw %ax, %ds
	movw %ax, %ss
	movl %cr0, %eax
	andl $0x7fffffff, %eax
	movl %eax, %cr0
	jmp 1f
1:	movl $0xc0000080, %ecx
	rdmsr
	movl %eax, %ebx
	bits 'q', ebx, 0x500, 0x100
	movl $0xc0000080, %ecx
	movl %ebx, %eax
	andl $~0x100, %eax
	wrmsr
	/* r: legacy paging again, with CR4.PAE off */
	movl %cr4, %eax
	andl $~0x20, %eax
	orl $0x10, %eax
	movl %eax, %cr4
	movl $0x83, pml4
	movl $0, pml4 + 4
	movl $0x83, pml4 + 4 * 0x200
	movl $pml4, %eax
	movl %eax, %cr3
	movl %cr0, %eax
	orl $0x80000000, %eax
	movl %eax, %cr0
	jmp 1f
1:	movl $0x4321, word
	equal 'r', $0x4321, word+0x80000000
	/* s: real mode a second time */
	movl %cr0, %eax
	andl $0x7fffffff, %eax
	movl %eax, %cr0
	movl $0, REAL + result_int - real_start
	movl $done, REAL + continue - real_start
	ljmp $LOW16, $enter_real - real_start
done:	movw $DATA, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl saved_esp, %esp
	cmpl $0x600d, REAL + result_int - real_start
	check 's'
	finish

compat:	movl $0x600d, word
	movl $word - 0x100, %ebx
	movl $0x80000000, %ecx
	movl 0x80000100(%ebx, %ecx), %eax
	lretl

report:	reporter l, eax, edx, esi
	.code64
report64: reporter q, rax, rdx, rsi

	.code16
far16:	movw $0x2222, %ax
	.byte 0x66, 0xcb

	/* At 0x2000:0 in real mode, at 0 of LOW16 in protected mode. */
real_start:
enter_real:
	movw $DATA, %ax
	movw %ax, %es
	movw $DATA16, %ax
	movw %ax, %ds
	movw %ax, %ss
	movl %cr0, %eax
	andb $0xfe, %al
	movl %eax, %cr0
	ljmp $0x2000, $1f - real_start
1:	movw $0x2000, %ax
	movw %ax, %ds
	movw $0x3000, %ax
	movw %ax, %ss
	movw $0xfff0, %sp
	lidtl real_idt - real_start
	xorw %ax, %ax
	movw %ax, %fs
	movw $int40 - real_start, %fs:0x100
	movw $0x2000, %fs:0x102
	int $0x40
	/* ES still reaches everything */
	movl $0x300000, %edi
	movl $0x12341234, %es:(%edi)
	movl %es:(%edi), %eax
	movl %eax, result_big - real_start
	movw %cs, %ax
	movw %ax, result_cs - real_start
	smsw %ax
	andw $0x11, %ax
	movw %ax, result_smsw - real_start
	/* addresses of 16 bits wrap in a segment */
	movb $0x29, 0xff00
	movw $0xff80, %bx
	movb -0x80(%bx), %al
	movb %al, result_wrap - real_start
	lgdtl real_gdt - real_start
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	ljmpl *continue - real_start
int40:	movw $0x600d, %ds:result_int - real_start
	iret
	.align 4
continue: .long back32
	.word CODE32
real_idt: .word 0x3ff
	.long 0
real_gdt: .word gdtr - gdt - 1
	.long gdt
	.align 4
result_int: .long 0
result_big: .long 0
result_cs: .long 0
result_smsw: .long 0
result_wrap: .long 0
real_end:

	.section .data
	.align 16
word:	.long 0
saved_esp: .long 0
far:	.quad 0, 0
gdt:	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00009b100000ffff, 0x000093040000ffff
	.quad 0x00af9b000000ffff, 0x00009b020000ffff
gdtr:	.word gdtr - gdt - 1
	.long gdt
	.section .bss
	.align 4096
pml4:	.skip 4096
pdpt:	.skip 4096
pd:	.skip 4096
pd2:	.skip 4096
	.skip 4096
stack_top:
