/*
 * 32-bit protected mode: exceptions with their error codes, paging with 4 MiB pages (A and D, WP, a page that is not there), code that
 * changes itself. Each check prints PASS or FAIL and a letter.
 */
	.code32
	.section .text
	.align 4
	.long 0x1badb002, 0, -0x1badb002

	.macro check letter
	movb $\letter, letter
	call report
	.endm

	/* The last exception was of this vector and had this error code. */
	.macro expect letter, vector, code
	cmpl $\vector, vector
	jne 8f
	cmpl $\code, errorcode
8:	check \letter
	.endm

	.globl _start
_start:
	cli
	movl $stack_top, %esp
	lgdt gdtr
	ljmp $8, $1f
1:	movw $16, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	/* the gates of the exceptions */
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

	/* a: divide error, no error code */
	movl $1f, resume
	xorl %edx, %edx
	xorl %ecx, %ecx
	movl $1, %eax
	divl %ecx
1:	expect 'a', 0, 0
	/* b: undefined opcode */
	movl $1f, resume
	ud2
1:	expect 'b', 6, 0
	/* c: a selector beyond the table: #GP with the selector */
	movl $1f, resume
	movw $0x1230, %ax
	movw %ax, %fs
1:	expect 'c', 13, 0x1230
	/* d: a segment that is not present: #NP with the selector */
	movl $1f, resume
	movw $0x18, %ax
	movw %ax, %fs
1:	expect 'd', 11, 0x18
	/* e: a vector beyond the IDT: #GP with IDT bit */
	movl $1f, resume
	int $0x40
1:	expect 'e', 13, 0x202
	/* f: the null selector may be loaded, not used */
	movl $1f, resume
	xorl %eax, %eax
	movw %ax, %fs
	movl %fs:0, %eax
1:	expect 'f', 13, 0
	/* g: expand-up limit of 0xfff: its last byte is there */
	movl $1f, resume
	movl $0, vector
	movw $0x20, %ax
	movw %ax, %fs
	movb %fs:0xfff, %al
	cmpl $0, vector
1:	check 'g'
	/* h: the next is not */
	movl $1f, resume
	movl %fs:0xffd, %eax
1:	expect 'h', 13, 0
	/* i: beyond the limit of a stack segment: #SS */
	movl $1f, resume
	movw $0x20, %ax
	movw %ax, %ss
	movl $0xf00, %esp
	movl %ss:0x1000, %eax
1:	movw $16, %ax
	movw %ax, %ss
	movl $stack_top, %esp
	expect 'i', 12, 0

	/* paging: 0 to 4 MiB and, at 8 MiB, the same read-only; nothing at 12 MiB */
	movl $0x83, directory
	movl $0x81, directory + 8
	movl $directory, %eax
	movl %eax, %cr3
	movl %cr4, %eax
	orl $0x10, %eax
	movl %eax, %cr4
	movl %cr0, %eax
	orl $0x80010000, %eax
	movl %eax, %cr0
	jmp 1f
	/* j: reading sets A, not D */
1:	movl $0x55aa, word
	movl word + 0x800000, %eax
	cmpl $0x55aa, %eax
	jne 2f
	movl directory + 8, %eax
	andl $0x60, %eax
	cmpl $0x20, %eax
2:	check 'j'
	/* k: a store under WP: present, write */
	movl $1f, resume
	movl %eax, word + 0x800000
1:	expect 'k', 14, 3
	/* l: without WP it works, and sets D */
	movl %cr0, %eax
	andl $~0x10000, %eax
	movl %eax, %cr0
	movl $7, word + 0x800000
	cmpl $7, word
	jne 2f
	movl directory + 8, %eax
	andl $0x60, %eax
	cmpl $0x60, %eax
2:	check 'l'
	/* m: a page that is not there, CR2 says which */
	movl $1f, resume
	movl 0xc01234, %eax
1:	movl %cr2, %eax
	cmpl $0xc01234, %eax
	jne 2f
	expect 'm', 14, 0
	jmp 3f
2:	check 'm'
3:
	/* n: a store to an instruction ahead in the same block */
	movb $2, 1f + 1
1:	movb $1, %al
	cmpb $2, %al
	check 'n'
	/* o: the same through an alias */
	movb $3, 1f + 1 + 0x800000
1:	movb $1, %al
	cmpb $3, %al
	check 'o'
	/* p: the trap flag: a debug exception after one instruction, BS in DR6 */
	movl $0, vector
	movl $1f, resume
	pushl $0x102
	popfl
	nop
	nop
1:	movl %dr6, %eax
	andl $0x4000, %eax
	cmpl $0x4000, %eax
	jne 2f
	cmpl $1, vector
2:	check 'p'
	/* q: an execution breakpoint in DR0 */
	movl $0, vector
	movl $2f, resume
	movl $1f, %eax
	movl %eax, %dr0
	movl $2, %eax
	movl %eax, %dr7
1:	nop
2:	xorl %eax, %eax
	movl %eax, %dr7
	cmpl $1, vector
	check 'q'

	movb failed, %al
	outb %al, $0xf4
	movw $0x8900, %dx
	.irp byte, 'S', 'h', 'u', 't', 'd', 'o', 'w', 'n'
	movb $\byte, %al
	outb %al, %dx
	.endr
	hlt

/* ZF: passed */
report:
	movl $pass, %esi
	je 1f
	movl $fail, %esi
	movb $1, failed
1:	movw $0x3fb, %dx
	movb $3, %al
	outb %al, %dx
2:	lodsb
	testb %al, %al
	je 3f
	call send
	jmp 2b
3:	movb letter, %al
	call send
	movb $10, %al

/* Sends %al when the serial port has room. */
send:
	movb %al, %ah
	movw $0x3fd, %dx
4:	inb %dx, %al
	testb $0x20, %al
	jz 4b
	movb %ah, %al
	movw $0x3f8, %dx
	outb %al, %dx
	ret

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
	popl vector
	popl errorcode
	movl resume, %eax
	movl %eax, (%esp)
	andl $~0x100, 8(%esp)
	iretl

	.section .data
pass:	.asciz "PASS "
fail:	.asciz "FAIL "
letter:	.byte 0
failed:	.byte 0
	.align 8
vector:	.long 0
errorcode: .long 0
resume:	.long 0
word:	.long 0
gdt:	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cf13000000ffff, 0x0040930000000fff
gdtr:	.word gdtr - gdt - 1
	.long gdt
idtr:	.word 32 * 8 - 1
	.long idt
	.section .bss
	.align 4096
directory: .skip 4096
idt:	.skip 256
	.skip 4096
stack_top:
