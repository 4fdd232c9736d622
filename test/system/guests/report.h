/*
 * What all system guests share: the multiboot header, the checks and what they print, the end. A check is ZF: set is PASS. Nothing
 * but the flags is changed by a check. Addresses are below 2 GiB, so the same code serves 32-bit and 64-bit mode.
 */
	.section .text
	.align 4
	.long 0x1badb002, 0, -0x1badb002

	.macro check letter
	movb $\letter, letter
	call report
	.endm

	/* The same in 64-bit code of a guest whose `report` is 32-bit code. */
	.macro check64 letter
	movb $\letter, letter
	call report64
	.endm

	/* The operands are equal. */
	.macro equal letter, a, b
	cmpl \a, \b
	check \letter
	.endm

	/* The last exception was of this vector and had this error code. */
	.macro expect letter, vector, code
	cmpl $\vector, vector
	jne 8f
	cmpl $\code, errorcode
8:	check \letter
	.endm

	/* Ends QEMU and this machine with a status, and Bochs, which waits for a word at its port. */
	.macro finish
	movb failed, %al
	outb %al, $0xf4
	movw $0x8900, %dx
	.irp byte, 'S', 'h', 'u', 't', 'd', 'o', 'w', 'n'
	movb $\byte, %al
	outb %al, %dx
	.endr
9:	hlt
	jmp 9b
	.endm

	/* Sends %al when the serial port has room; changes %ah and %dx. */
	.macro transmit
	movb %al, %ah
	movw $0x3fd, %dx
4:	inb %dx, %al
	testb $0x20, %al
	jz 4b
	movb %ah, %al
	movw $0x3f8, %dx
	outb %al, %dx
	.endm

	/* The body of `report`, for either width. */
	.macro reporter size, a, d, s
	push\size %\a
	push\size %\d
	push\size %\s
	movl $pass, %esi
	je 1f
	movl $fail, %esi
	movb $1, failed
	/* Eight bits a character. */
1:	movw $0x3fb, %dx
	movb $3, %al
	outb %al, %dx
2:	movb (%\s), %al
	testb %al, %al
	je 3f
	transmit
	incl %esi
	jmp 2b
3:	movb letter, %al
	transmit
	movb $10, %al
	transmit
	pop\size %\s
	pop\size %\d
	pop\size %\a
	ret
	.endm

	.section .data
pass:	.asciz "PASS "
fail:	.asciz "FAIL "
letter:	.byte 0
failed:	.byte 0
	.text
