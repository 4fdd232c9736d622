/*
 * Paging without long mode: two levels with pages of 4 KiB and 4 MiB, and PAE's three with 4 KiB, 2 MiB and no-execute; ring 3, error
 * codes, global pages, what a load of CR3 and INVLPG bring in.
 */
#include "report.h"

#define AREA 0x40000000
#define FRAMES 0x800000
#define P 1
#define W 2
#define U 4
#define A 0x20
#define D 0x40
#define PS 0x80
#define G 0x100

	.macro trying label
	movl $-1, vector
	movl $-1, errorcode
	movl $\label, resume
	.endm
	.macro entry value, where
	movl $\value, \where
	.endm
	.macro bits letter, where, mask, value
	movl \where, %eax
	andl $\mask, %eax
	cmpl $\value, %eax
	check \letter
	.endm
	.macro user code
	movl $\code, %edi
	call ring3
	.endm

	.code32
	.globl _start
_start:	cli
	movl $stack_top, %esp
	lgdt gdtr
	ljmp $8, $1f
1:	movw $16, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl $tss, %eax
	movw %ax, gdt + 0x28 + 2
	shrl $16, %eax
	movb %al, gdt + 0x28 + 4
	movl $ring0_top, tss + 4
	movl $16, tss + 8
	movw $0x28, %ax
	ltr %ax
	movl $idt, %edi
	movl $entries, %esi
	movl $32, %ecx
2:	movl %esi, %eax
	movw %ax, (%edi)
	movw $8, 2(%edi)
	movw $0x8e00, 4(%edi)
	shrl $16, %eax
	movw %ax, 6(%edi)
	addl $16, %esi
	addl $8, %edi
	loop 2b
	lidt idtr

	/* two levels: 0 to 12 MiB in pages of 4 MiB, which ring 3 may use, the test area in pages of 4 KiB */
	entry PS+P+W+U, directory
	entry PS+P+W+0x400000, directory+4
	entry PS+P+W+0x800000, directory+8
	movl $table + P + W + U, directory + 0x400
	movl $directory, %eax
	movl %eax, %cr3
	movl $0x10, %eax
	movl %eax, %cr4
	movl %cr0, %eax
	orl $0x80010000, %eax
	movl %eax, %cr0
	jmp 1f
1:	/* a: A in both levels */
	entry FRAMES+P+W, table
	movl $0x5a5a, FRAMES
	equal 'a', $0x5a5a, AREA
	movl table, %eax
	andl directory + 0x400, %eax
	andl $A + D, %eax
	cmpl $A, %eax
	check 'b'
	movl $1, AREA
	bits 'c', table, A+D, A+D
	/* d: not present; CR2 */
	trying 1f
	movl AREA + 0x1234, %eax
1:	movl %cr2, %eax
	cmpl $AREA + 0x1234, %eax
	jne 1f
	expect 'd', 14, 0
	jmp 2f
1:	check 'd'
2:	/* e, f: read-only for the supervisor, with and without WP */
	entry FRAMES+0x2000+P, table+8
	trying 1f
	movl %eax, AREA + 0x2000
1:	expect 'e', 14, 3
	movl %cr0, %eax
	andl $~0x10000, %eax
	movl %eax, %cr0
	trying 1f
	movl %eax, AREA + 0x2000
	cmpl $-1, vector
1:	check 'f'
	movl %cr0, %eax
	orl $0x10000, %eax
	movl %eax, %cr0
	/* g, h, i: ring 3 */
	user load0
	expect 'g', 14, 5
	user store0
	expect 'h', 14, 7
	entry FRAMES+P+W+U, table
	movl %cr3, %eax
	movl %eax, %cr3
	user store0
	expect 'i', 6, 0
	/* j: the directory takes rights away */
	andl $~W, directory + 0x400
	movl %cr3, %eax
	movl %eax, %cr3
	user store0
	expect 'j', 14, 7
	orl $W, directory + 0x400
	movl %cr3, %eax
	movl %eax, %cr3
	/* k: a page of 4 MiB; D in the directory */
	entry PS+P+W+0x800000, directory+0x404
	movl $0x77, AREA + 0x401230
	equal 'k', $0x77, FRAMES+0x1230
	bits 'l', directory+0x404, A+D, A+D
	/* m: without CR4.PSE the bit means nothing: it is a table */
	entry table2+PS+P+W, directory+0x408
	entry FRAMES+0x3000+P+W, table2+4
	movl $0x31, FRAMES + 0x3000
	movl $table0, %edi
	movl $P + W + U, %eax
	movl $1024, %ecx
	call fill
	movl $table1, %edi
	movl $FRAMES + P + W, %eax
	movl $1024, %ecx
	call fill
	entry table0+P+W+U, directory
	entry table1+P+W, directory+8
	xorl %eax, %eax
	movl %eax, %cr4
	movl %cr3, %eax
	movl %eax, %cr3
	equal 'm', $0x31, AREA+0x801000
	/* n: INVLPG */
	movl $1, FRAMES + 0x4000
	movl $2, FRAMES + 0x5000
	entry FRAMES+0x4000+P+W, table+16
	movl AREA + 0x4000, %ebx
	entry FRAMES+0x5000+P+W, table+16
	invlpg AREA + 0x4000
	equal 'n', $2, AREA+0x4000
	/* o: across pages, the second not there: nothing is written */
	entry FRAMES+0x6000+P+W, table+24
	movl $0, FRAMES + 0x6ffc
	trying 1f
	movl $-1, AREA + 0x6ffe
1:	movl %cr2, %eax
	cmpl $AREA + 0x7000, %eax
	jne 1f
	cmpl $0, FRAMES + 0x6ffc
1:	check 'o'
	/* p: addresses wrap at 4 GiB: the last page and the first */
	entry table3+P+W, directory+0xffc
	entry FRAMES+0x8000+P+W, table3+0xffc
	movl $0x55, FRAMES + 0x8ffc
	movl $-4, %ebx
	equal 'p', $0x55, (%ebx)

	/* PAE */
	movl %cr0, %eax
	andl $0x7fffffff, %eax
	movl %eax, %cr0
	jmp 1f
1:	movl $pd + P, pdpt
	movl $pd2 + P, pdpt + 8
	movl $0, %ecx
	movl $PS + P + W + U, %eax
2:	movl %eax, pd(, %ecx, 8)
	movl $0, pd + 4(, %ecx, 8)
	addl $0x200000, %eax
	incl %ecx
	cmpl $8, %ecx
	jne 2b
	movl $table + P + W + U, pd2
	movl $table, %edi
	movl $2048, %ecx
	xorl %eax, %eax
	cld
	shrl $1, %ecx
	rep stosl
	movl $pdpt, %eax
	movl %eax, %cr3
	movl $0x30, %eax
	movl %eax, %cr4
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x800, %eax
	wrmsr
	movl %cr0, %eax
	orl $0x80000000, %eax
	movl %eax, %cr0
	jmp 1f
1:	/* q: a page of 4 KiB; r: A and D */
	entry FRAMES+P+W, table
	movl $0x66, FRAMES
	addl $1, AREA
	equal 'q', $0x67, AREA
	bits 'r', table, A+D, A+D
	/* s: 2 MiB */
	entry PS+P+W+FRAMES, pd2+8
	movl $0x99, AREA + 0x200010
	equal 's', $0x99, FRAMES+0x10
	/* t: no-execute */
	entry FRAMES+0x3000+P+W, table+24
	movl $0x80000000, table + 28
	movb $0xc3, FRAMES + 0x3000
	trying 1f
	movl $AREA + 0x3000, %eax
	call *%eax
	pushl %eax
1:	popl %eax
	expect 't', 14, 0x11
	/* u: a reserved bit */
	entry FRAMES+0x4000+P+W, table+32
	movl $0x100000, table + 36
	trying 1f
	movl AREA + 0x4000, %eax
1:	expect 'u', 14, 9
	/* v: ring 3, read-only; w: no-execute there */
	entry FRAMES+P+U, table
	invlpg AREA
	user store0
	expect 'v', 14, 7
	orl $U, table + 24
	invlpg AREA + 0x3000
	user AREA+0x3000
	expect 'w', 14, 0x15
	/* x: beyond 1 GiB plus 1 GiB nothing is mapped: a PDPTE that is not present */
	trying 1f
	movl 0x80000000, %eax
1:	expect 'x', 14, 0
	/* y: an entry of the table of PDPTEs counts behind a load of CR3 */
	movl $pd + P, pdpt + 16
	movl %cr3, %eax
	movl %eax, %cr3
	movl $0x1212, word
	equal 'y', $0x1212, word+0x80000000
	/* z: a global page, dropped by INVLPG */
	movl $0x80, %eax
	orl $0x30, %eax
	movl %eax, %cr4
	movl $1, FRAMES + 0x5000
	movl $2, FRAMES + 0x6000
	entry FRAMES+0x5000+P+W+G, table+40
	movl AREA + 0x5000, %ebx
	entry FRAMES+0x6000+P+W+G, table+40
	invlpg AREA + 0x5000
	equal 'z', $2, AREA+0x5000
	finish

	/* ecx entries of 4 bytes from edi on: eax and what follows at 4 KiB each */
fill:	movl %eax, (%edi)
	addl $0x1000, %eax
	addl $4, %edi
	loop fill
	ret

report:	reporter l, eax, edx, esi

ring3:	movl %esp, kernel_esp
	movl $1f, resume
	pushl $0x23
	pushl $user_top
	pushl $2
	pushl $0x1b
	pushl %edi
	iretl
1:	ret

load0:	movw $0x23, %ax
	movw %ax, %ds
	movl AREA, %eax
	ud2
store0:	movw $0x23, %ax
	movw %ax, %ds
	movl %eax, AREA
	ud2

	.align 16
entries:
	.set i, 0
	.rept 32
	.align 16
	.if (i != 8) && (i < 10 || i > 14) && (i != 17)
	pushl $0
	.endif
	pushl $i
	jmp exception
	.set i, i + 1
	.endr
exception:
	popl %ss:vector
	popl %ss:errorcode
	testb $3, 4(%esp)
	jne 1f
	pushl %ss:resume
	popl (%esp)
	iretl
1:	movw $16, %ax
	movw %ax, %ds
	movw %ax, %es
	movl kernel_esp, %esp
	jmp *resume

	.section .data
	.align 8
vector:	.long 0
errorcode: .long 0
resume:	.long 0
kernel_esp: .long 0
word:	.long 0
	.align 8
gdt:	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x0000890000000067
gdtr:	.word gdtr - gdt - 1
	.long gdt
idtr:	.word 32 * 8 - 1
	.long idt
	.section .bss
	.align 4096
directory: .skip 4096
table:	.skip 4096
table0:	.skip 4096
table1:	.skip 4096
table2:	.skip 4096
table3:	.skip 4096
pdpt:	.skip 4096
pd:	.skip 4096
pd2:	.skip 4096
idt:	.skip 256
tss:	.skip 128
	.skip 4096
stack_top: .skip 4096
ring0_top: .skip 4096
user_top:
