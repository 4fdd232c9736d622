/*
 * Virtual-8086 mode under a 32-bit monitor: how it is entered and left, what needs IOPL 3, the I/O permission bitmap, segments of real mode,
 * exceptions with the four data segments on the stack.
 */
#include "vm86.h"

	.code32
	.globl _start
_start:	monitor_start

	/* a to j: UD2 and everything about the frame */
	virtual t_ud, 0
	frame 'a', VECTOR, 6
	frame 'b', CS, 0x2000
	frame 'c', IP, t_ud-code16
	frame 'd', SS, 0x3000
	frame 'e', SP, 0xfffe
	frame 'f', DS, 0x4000
	frame 'g', ES, 0x5000
	frame 'h', FS, 0x6000
	frame 'i', GS, 0x7000
	/* j: VM is in the pushed flags, and RF */
	movl frame + FLAGS, %eax
	andl $0x30000, %eax
	cmpl $0x30000, %eax
	check 'j'
	/* k: the monitor's data segments are null */
	cmpl $0, selectors
	check 'k'
	/* l: segments are selector times 16 */
	movl $0x12345678, 0x40010
	virtual t_segments, 0
	cmpl $0x12345678, 0x50020
	check 'l'
	/* m to r: sensitive instructions with IOPL 0 are #GP */
	virtual t_cli, 0
	frame 'm', VECTOR, 13
	virtual t_sti, 0
	frame 'n', VECTOR, 13
	virtual t_pushf, 0
	frame 'o', VECTOR, 13
	virtual t_popf, 0
	frame 'p', VECTOR, 13
	virtual t_int, 0
	frame 'q', VECTOR, 13
	virtual t_iret, 0
	frame 'r', VECTOR, 13
	/* s: with IOPL 3 they are executed; CLI and STI change IF */
	virtual t_cli, 0x3200
	frame 's', VECTOR, 6
	testl $0x200, frame + FLAGS
	check 't'
	/* u: POPF does not change IOPL, nor VM */
	virtual t_popf, 0x3000
	movl frame + FLAGS, %eax
	andl $0x23000, %eax
	cmpl $0x23000, %eax
	check 'u'
	/* v: INT n with IOPL 3 goes through the IDT */
	virtual t_int, 0x3000
	frame 'v', VECTOR, 0x80
	/* w: IRET with IOPL 3 stays in virtual-8086 mode */
	virtual t_iret, 0x3000
	frame 'w', VECTOR, 6
	frame 'x', IP, t_back-code16
	/* y: INT3 does not care about IOPL */
	virtual t_int3, 0
	frame 'y', VECTOR, 3
	/* z: IN by the bitmap, whatever IOPL */
	virtual t_in80, 0
	frame 'z', VECTOR, 6
	virtual t_in71, 0x3000
	frame 'A', VECTOR, 13
	/* B: a word that begins at an allowed port */
	virtual t_in80w, 0x3000
	frame 'B', VECTOR, 13
	/* C: HLT and MOV CR are privileged; D; E: LAR is undefined */
	virtual t_hlt, 0x3000
	frame 'C', VECTOR, 13
	virtual t_cr, 0x3000
	frame 'D', VECTOR, 13
	virtual t_lar, 0x3000
	frame 'E', VECTOR, 6
	/* F: beyond 64 KiB in a segment: #GP, in the stack #SS */
	virtual t_limit, 0
	frame 'F', VECTOR, 13
	virtual t_stack, 0
	frame 'G', VECTOR, 12
	/* H: far jumps and calls are real mode's */
	virtual t_far, 0
	frame 'H', CS, 0x2001
	frame 'I', IP, t_far_target-code16-16
	/* J: a 32-bit operand size by prefix */
	virtual t_wide, 0
	cmpl $0x87654321, 0x40020
	check 'J'
	/* K: an address size of 32 bits beyond the limit */
	virtual t_address, 0
	frame 'K', VECTOR, 13
	/* L: the stack wraps at 64 KiB: PUSH at 0 goes to 0xfffe */
	virtual t_wrap, 0
	frame 'L', SP, 0xfffe
	cmpw $0x4242, 0x3fffe
	check 'M'
	/* N: with TF a single step */
	virtual t_nop, 0x100
	frame 'N', VECTOR, 1
	frame 'O', IP, t_nop-code16+1
	finish

	monitor_code

	.code16
code16:
t_ud:	ud2
t_segments:
	movl 0x10, %eax
	movl %eax, %es:0x20
	ud2
t_cli:	cli
	ud2
t_sti:	sti
	ud2
t_pushf: pushf
	ud2
t_popf:	pushw $0
	popf
	ud2
t_int:	int $0x80
t_iret:	pushw $0x3002
	pushw $0x2000
	pushw $t_back - code16
	iret
	hlt
t_back:	ud2
t_int3:	int3
t_in80:	inb $0x80, %al
	ud2
t_in71:	inb $0x71, %al
	ud2
t_in80w: inw $0x80, %ax
	ud2
t_hlt:	hlt
t_cr:	movl %cr0, %eax
	ud2
t_lar:	larw %ax, %ax
t_limit: movw 0xffff, %ax
	ud2
t_stack: movw $0xffff, %bp
	movw (%bp), %ax
	ud2
t_far:	ljmp $0x2001, $t_far_target - code16 - 16
	hlt
t_far_target: ud2
t_wide:	movl $0x87654321, 0x20
	ud2
t_address: movl $0x10000, %eax
	movb (%eax), %al
	ud2
t_wrap:	movw $0, %sp
	pushw $0x4242
	ud2
t_nop:	nop
	nop
	ud2
end16:
	monitor_data
