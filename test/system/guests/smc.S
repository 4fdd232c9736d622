/*
 * Code that changes itself, in 64-bit mode: in its own block, its own page, another page, across pages, through an alias, by string
 * instructions and locked ones, in loops; data beside code; code that moves to another frame.
 */
#include "long.h"

#define ALIAS 0x40000000

	.code64
	/* A function at this address returns n: mov $n, %eax; ret. */
	.macro function where, n
	movl $(\n << 8) | 0xb8, \where
	movw $0xc300, 4 + \where
	.endm
	.macro calls letter, where, n
	movl $\where, %ebx
	call *%rbx
	cmpl $\n, %eax
	check \letter
	.endm

main:	movl $pd2 + 3, pdpt + 8
	movl $0x83, pd2
	movq %cr3, %rax
	movq %rax, %cr3
	/* a: an instruction ahead in the same block; b: the byte after the store */
	movb $2, 1f + 1
1:	movb $1, %al
	cmpb $2, %al
	check 'a'
	cmpl %esp, %esp
	movb $0x90, 1f
1:	hlt
	check 'b'
	/* c: through an alias of the same frame */
	movb $3, 1f + 1 + ALIAS
1:	movb $1, %al
	cmpb $3, %al
	check 'c'
	/* d: an instruction that overwrites itself is executed as it was */
	movl $1f, %edi
	movb $0x90, %al
	movl $3, %ecx
1:	rep stosb
	nop
	nop
	cmpb $0x90, 1b
	check 'd'
	movl $0xf3, %eax
	/* e, f: a function elsewhere, called before and after */
	function area, 7
	calls 'e', area, 7
	function area, 8
	calls 'f', area, 8
	/* g: hot, then changed */
	movl $20000, %ecx
	movl $area, %ebx
1:	call *%rbx
	decl %ecx
	jne 1b
	movb $9, area + 1
	calls 'g', area, 9
	/* h: across two pages; the second half changes */
	function area + 0xffd, 0x1234
	calls 'h', area + 0xffd, 0x1234
	movb $0x55, area + 0x1000
	calls 'i', area + 0xffd, 0x551234
	movb $0x66, area + 0xffe
	calls 'j', area + 0xffd, 0x551266
	/* k: a store across pages changes both halves of it */
	movq $0xc3, area + 0x1002
	movl $0x11223344, area + 0xffe
	calls 'k', area + 0xffd, 0x11223344
	/* l: by REP MOVSB over it */
	function source, 0x42
	movl $source, %esi
	movl $area, %edi
	movl $8, %ecx
	cld
	rep movsb
	calls 'l', area, 0x42
	/* m: by CMPXCHG, n: by LOCK XADD, o: by PUSH */
	movl $0x42b8, %eax
	movl $0x43b8, %ecx
	lock cmpxchgl %ecx, area
	calls 'm', area, 0x43
	movl $0x100, %eax
	lock xaddl %eax, area
	calls 'n', area, 0x44
	movq %rsp, %rbp
	movl $area + 8, %esp
	movabsq $0x00c300000045b8, %rax
	pushq %rax
	movq %rbp, %rsp
	calls 'o', area, 0x45
	/* p: a loop that counts in its own immediate */
	movl $100, %ecx
1:	incl 2f + 1
2:	movl $0, %eax
	decl %ecx
	jne 1b
	cmpl $100, %eax
	check 'p'
	/* q: data in the page of the code that writes it */
	movl $3000, %ecx
	xorl %eax, %eax
1:	addl %ecx, counter
	addl counter, %eax
	decl %ecx
	jne 1b
	cmpl $4501500, counter
	check 'q'
	jmp 1f
counter: .long 0
1:	/* r: INT3 into a function and back, as a probe does */
	function area, 0x51
	calls 'r', area, 0x51
	movb $0xcc, area
	trying 1f
	movl $area, %ebx
	movq %rsp, %rbp
	call *%rbx
1:	movq %rbp, %rsp
	expect 's', 3, 0
	movb $0xb8, area
	calls 't', area, 0x51
	/* u: another frame at the same address */
	function area, 1
	function area + 0x2000, 2
	movl $table + 3, pd2 + 8
	movl $area + 3, table
	calls 'u', ALIAS + 0x200000, 1
	movl $area + 0x2003, table
	invlpg ALIAS + 0x200000
	calls 'v', ALIAS + 0x200000, 2
	/* w: and back, changed meanwhile */
	movb $4, area + 1
	movl $area + 3, table
	invlpg ALIAS + 0x200000
	calls 'w', ALIAS + 0x200000, 4
	/* x: the same bytes as 32-bit code and as 64-bit code: 48 is DEC EAX there, a prefix here */
	movl $0x02c0ff48, area
	movw $0xcb48, area + 3
	movl $0x10, %eax
	movl $1f, %ebx
	movq %rsp, %rbp
	pushq $KERNEL_CODE
	pushq %rbx
	movl $area, %ebx
	jmp *%rbx
1:	movq %rbp, %rsp
	movl %eax, %r12d
	movl $0xcb, area + 3
	movq $CODE32, far + 4
	movl $area, far
	movl $0x10, %eax
	lcall *far
	shll $8, %r12d
	orl %eax, %r12d
	equal 'x', $0x1110, %r12d
	/* y: a jump whose target changes between its executions */
	xorl %eax, %eax
	movl $2, %ecx
1:	jmp 2f
	nop
	nop
2:	addl $1, %eax
3:	addl $16, %eax
	movb $3b - 1b - 2, 1b + 1
	decl %ecx
	jne 1b
	equal 'y', $33, %eax
	finish

	.section .data
	.align 16
far:	.quad 0, 0
source:	.quad 0
	.section .bss
	.align 4096
area:	.skip 0x4000
pd2:	.skip 4096
table:	.skip 4096
