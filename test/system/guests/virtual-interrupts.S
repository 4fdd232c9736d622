/*
 * The virtual interrupt flag: CLI, STI, PUSHF, POPF, INT n and IRET of a virtual-8086 program with CR4.VME, the redirection bitmap, and
 * CLI and STI of ring 3 with CR4.PVI.
 */
#include "vm86.h"

	.code32
	.globl _start
_start:	monitor_start

	/* Virtual interrupts: VIF is 0x80000, VIP 0x100000. INT 0x80 has a handler in the virtual-8086 task. */
	movl $0x20000000 + t_back - code16, 0x80 * 4
	movl %cr4, %eax
	orl $1, %eax
	movl %eax, %cr4
	/* a, b: CLI and STI with IOPL 0 change VIF, and not IF */
	virtual t_cli, 0x80200
	flags 'a', 0x180200, 0x200
	virtual t_sti, 0
	flags 'b', 0x180200, 0x80000
	/* c: STI with VIP is #GP */
	virtual t_sti, 0x100000
	frame 'c', VECTOR, 13
	/* d, e: PUSHF shows VIF in the place of IF, and IOPL as 3 */
	virtual t_pushf, 0x80000
	cmpw $0x3202, 0x3fffc
	check 'd'
	virtual t_pushf, 0x200
	cmpw $0x3002, 0x3fffc
	check 'e'
	/* f, g: POPF loads VIF */
	virtual t_popf, 0x80200
	flags 'f', 0x183200, 0x200
	virtual t_popf_if, 0
	flags 'g', 0x183200, 0x80000
	/* h, i: POPF of IF with VIP, and of TF, is #GP */
	virtual t_popf_if, 0x100000
	frame 'h', VECTOR, 13
	virtual t_popf_tf, 0
	frame 'i', VECTOR, 13
	/* j: PUSHFD is #GP */
	virtual t_pushfd, 0
	frame 'j', VECTOR, 13
	/* k to n: INT n to the task's own handler: flags with VIF as IF and IOPL 3, then VIF is clear */
	virtual t_int, 0x80000
	frame 'k', IP, t_back-code16
	flags 'l', 0x183200, 0
	cmpw $0x3202, 0x3fffc
	check 'm'
	cmpw $t_after_int-code16, 0x3fff8
	check 'n'
	/* o: with IOPL 3 it is IF that is pushed and cleared */
	virtual t_int, 0x83200
	flags 'o', 0x183200, 0x83000
	/* p, q: where the redirection bitmap has a one: #GP, or the IDT with IOPL 3 */
	movb $1, tss + 104 - 32 + 0x10
	virtual t_int, 0
	frame 'p', VECTOR, 13
	virtual t_int, 0x3000
	frame 'q', VECTOR, 0x80
	/* r, s: IRET loads VIF */
	virtual t_iret_if, 0
	flags 'r', 0x183200, 0x80000
	frame 's', IP, t_back-code16
	/* t: INT3 goes through the IDT all the same */
	virtual t_int3, 0
	frame 't', VECTOR, 3

	/* u to y: protected mode. Without CR4.PVI CLI is #GP in ring 3, with it VIF changes; POPF does not know it. */
	user u_cli, 0x80000
	frame 'u', VECTOR, 13
	movl %cr4, %eax
	orl $2, %eax
	movl %eax, %cr4
	user u_cli, 0x80200
	flags 'v', 0x180200, 0x200
	user u_sti, 0
	flags 'w', 0x180200, 0x80000
	user u_sti, 0x100000
	frame 'x', VECTOR, 13
	user u_popf, 0x80200
	flags 'y', 0x180200, 0x80200
	finish

	monitor_code

	.code16
code16:
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
t_after_int: hlt
t_back:	ud2
t_int3:	int3
t_iret_if: pushw $0x0202
	pushw $0x2000
	pushw $t_back - code16
	iret
	hlt
t_popf_if: pushw $0x200
	popf
	ud2
t_popf_tf: pushw $0x100
	popf
	ud2
t_pushfd: pushfl
	ud2
end16:
	monitor_data
