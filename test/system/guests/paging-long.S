/*
 * Paging in long mode: what each permission forbids and its error code, accessed and dirty bits, pages of 2 MiB and 1 GiB, reserved bits,
 * accesses across pages, what INVLPG and CR3 bring in, global pages, PCID, SMEP, SMAP.
 */
#include "long.h"

/* The test area: one table of 4 KiB pages at 1 GiB; its frames are from 8 MiB on. */
#define AREA 0x40000000
#define FRAMES 0x800000
#define P 1
#define W 2
#define U 4
#define A 0x20
#define D 0x40
#define PS 0x80
#define G 0x100

	.code64
	/* Entry n of the table gets its frame and these bits; the old translation is dropped. */
	.macro map n, bits
	movq $FRAMES + \n * 0x1000 + \bits, table + 8 * \n
	invlpg AREA + \n * 0x1000
	.endm
	/* Bits of an entry, by a mask, are these. */
	.macro bits letter, entry, mask, value
	movl \entry, %eax
	andl $\mask, %eax
	cmpl $\value, %eax
	check \letter
	.endm

main:
	/* The program lies in the first 2 MiB, which ring 3 may use, too. */
	orl $U, pml4
	orl $U, pdpt
	orl $U, pd
	movl $pd2 + P + W + U, pdpt + 8
	movl $table + P + W + U, pd2
	movq %cr3, %rax
	movq %rax, %cr3

	/* a: a load sets A at all levels, and no D */
	map 0, P + W
	movl $0x1234, FRAMES
	trying 1f
	movl AREA, %ebx
	cmpl $0x1234, %ebx
	jne 1f
	movl table, %eax
	andl pd2, %eax
	andl pdpt + 8, %eax
	andl $A, %eax
	cmpl $A, %eax
	jne 1f
	testl $D, table
1:	check 'a'
	/* b: a store sets D, in the last level alone */
	movl $1, AREA
	movl pd2, %eax
	orl pdpt + 8, %eax
	notl %eax
	andl table, %eax
	andl $D, %eax
	cmpl $D, %eax
	check 'b'
	/* c: not present */
	trying 1f
	movl AREA + 0x1678, %eax
1:	movq %cr2, %rax
	cmpq $AREA + 0x1678, %rax
	jne 1f
	expect 'c', 14, 0
	jmp 2f
1:	check 'c'
	/* d: a store to a read-only page under WP; no D */
2:	map 2, P
	trying 1f
	movl %eax, AREA + 0x2000
1:	expect 'd', 14, 3
	bits 'e', table + 16, A + D, 0
	/* f: what reads and writes is a write */
	trying 1f
	addl $1, AREA + 0x2000
1:	expect 'f', 14, 3
	/* g: without WP the supervisor may */
	movq %cr0, %rax
	btrl $16, %eax
	movq %rax, %cr0
	movl $5, AREA + 0x2000
	btsl $16, %eax
	movq %rax, %cr0
	bits 'g', table + 16, A + D, A + D
	/* h: WP counts again at once */
	trying 1f
	movl %eax, AREA + 0x2000
1:	expect 'h', 14, 3

	/* i: no-execute */
	map 3, P + W
	movb $0xc3, FRAMES + 0x3000
	movl $0x80000000, table + 3 * 8 + 4
	invlpg AREA + 0x3000
	trying 1f
	movl $AREA + 0x3000, %eax
	call *%rax
	pushq %rax
1:	popq %rax
	expect 'i', 14, 0x11
	/* j: data may be read there */
	trying 1f
	movl AREA + 0x3000, %eax
	cmpb $0xc3, %al
	jne 2f
	cmpl $-1, vector
2:
1:	check 'j'
	/* k: NX is a reserved bit without EFER.NXE */
	movl $0xc0000080, %ecx
	rdmsr
	btrl $11, %eax
	wrmsr
	invlpg AREA + 0x3000
	trying 1f
	movl AREA + 0x3000, %eax
1:	expect 'k', 14, 9
	movl $0xc0000080, %ecx
	rdmsr
	btsl $11, %eax
	wrmsr

	/* l to o: ring 3: supervisor page, read and write; read-only page; its own page */
	user load0
	expect 'l', 14, 5
	user store0
	expect 'm', 14, 7
	map 4, P + U
	user store4
	expect 'n', 14, 7
	map 4, P + W + U
	user store4
	expect 'o', 6, 0
	/* p: the upper level takes the right away */
	andl $~U, pd2
	invlpg AREA + 0x4000
	user store4
	expect 'p', 14, 7
	orl $U, pd2
	/* q: fetch by ring 3 from a page of the supervisor */
	map 5, P + W
	user AREA + 0x5000
	expect 'q', 14, 0x15

	/* r: a reserved bit in the last level */
	map 6, P + W
	movl $0x80000, table + 6 * 8 + 4
	invlpg AREA + 0x6000
	trying 1f
	movl AREA + 0x6000, %eax
1:	expect 'r', 14, 9
	/* s: a write there by ring 3 */
	orl $U, table + 6 * 8
	invlpg AREA + 0x6000
	user store6
	expect 's', 14, 0xf
	/* t: PS in the fourth level */
	movl $pdpt + P + W + PS, pml4 + 8
	trying 1f
	movabsq $0x8000000000, %rax
	movl (%rax), %eax
1:	expect 't', 14, 9
	/* u: reserved address bits of a page of 2 MiB */
	movl $FRAMES + 0x2000 + P + W + PS, pd2 + 8
	trying 1f
	movl AREA + 0x200000, %eax
1:	expect 'u', 14, 9
	/* v: a page of 2 MiB: D in its only entry */
	movl $FRAMES + P + W + PS, pd2 + 8
	invlpg AREA + 0x200000
	movl $0x77, AREA + 0x201004
	cmpl $0x77, FRAMES + 0x1004
	jne 1f
	movl pd2 + 8, %eax
	andl $A + D, %eax
	cmpl $A + D, %eax
1:	check 'v'
	/* w: INVLPG of any address in it drops all of it */
	movl $0x200000 + FRAMES + P + W + PS, pd2 + 8
	invlpg AREA + 0x3ff000
	movl $0x99, FRAMES + 0x201004
	equal 'w', $0x99, AREA + 0x201004
	/* x: a page of 1 GiB */
	movl $P + W + PS, pdpt + 16
	movl $0x4242, FRAMES + 0x10
	trying 1f
	movl $0x80000000 + FRAMES + 0x10, %eax
	equal 'x', $0x4242, (%rax)
	jmp 2f
1:	check 'x'
2:
	/* y: non-canonical is #GP, on the stack #SS */
	trying 1f
	movabsq $0x800000000000, %rax
	movl (%rax), %eax
1:	expect 'y', 13, 0
	trying 1f
	movabsq $0x800000000000, %rbp
	movl (%rbp), %eax
1:	expect 'z', 12, 0

	/* A: across pages of which the second is not there: CR2 is its start, nothing has been written */
	map 7, P + W
	movl $0, FRAMES + 0x7ffc
	movq $0, table + 8 * 8
	invlpg AREA + 0x8000
	trying 1f
	movq $-1, AREA + 0x7ffc
1:	movq %cr2, %rax
	cmpl $AREA + 0x8000, %eax
	jne 1f
	cmpl $0, FRAMES + 0x7ffc
	jne 1f
	expect 'A', 14, 2
	jmp 2f
1:	check 'A'
	/* B: across pages with frames far apart */
2:	movq $FRAMES + 0x20000 + P + W, table + 8 * 8
	movabsq $0x1122334455667788, %rax
	movq %rax, AREA + 0x7ffc
	cmpl $0x55667788, FRAMES + 0x7ffc
	jne 1f
	cmpl $0x11223344, FRAMES + 0x20000
1:	check 'B'
	/* C: both are dirty */
	movl table + 7 * 8, %eax
	andl table + 8 * 8, %eax
	andl $D, %eax
	cmpl $D, %eax
	check 'C'

	/* D: a new frame behind INVLPG */
	movl $0xaaaa, FRAMES + 0x9000
	movl $0xbbbb, FRAMES + 0xa000
	map 9, P + W
	movl AREA + 0x9000, %ebx
	movl $FRAMES + 0xa000 + P + W, table + 9 * 8
	invlpg AREA + 0x9000
	equal 'D', $0xbbbb, AREA + 0x9000
	/* E: a new frame behind a load of CR3 */
	movl $FRAMES + 0x9000 + P + W, table + 9 * 8
	movq %cr3, %rax
	movq %rax, %cr3
	equal 'E', $0xaaaa, AREA + 0x9000
	/* F: a global page behind INVLPG */
	movl $FRAMES + 0x9000 + P + W + G, table + 9 * 8
	invlpg AREA + 0x9000
	movl AREA + 0x9000, %ebx
	movl $FRAMES + 0xa000 + P + W + G, table + 9 * 8
	invlpg AREA + 0x9000
	equal 'F', $0xbbbb, AREA + 0x9000
	/* G: and behind a change of CR4.PGE */
	movl $FRAMES + 0x9000 + P + W + G, table + 9 * 8
	movq %cr4, %rax
	btcl $7, %eax
	movq %rax, %cr4
	btcl $7, %eax
	movq %rax, %cr4
	equal 'G', $0xaaaa, AREA + 0x9000
	/* H: more rights need no INVLPG after the fault */
	movl $FRAMES + 0xb000 + P, table + 11 * 8
	invlpg AREA + 0xb000
	trying 1f
	movl %eax, AREA + 0xb000
1:	orl $W, table + 11 * 8
	trying 1f
	movl $3, AREA + 0xb000
	cmpl $-1, vector
1:	check 'H'
	/* I: nor does what was not present */
	movq $0, table + 12 * 8
	trying 1f
	movl AREA + 0xc000, %eax
1:	movl $FRAMES + 0xc000 + P + W, table + 12 * 8
	trying 1f
	movl AREA + 0xc000, %eax
	cmpl $-1, vector
1:	check 'I'
	/* J: two addresses of one frame */
	movl $FRAMES + 0xc000 + P + W, table + 13 * 8
	movl $0x31, AREA + 0xc010
	movl $0x32, AREA + 0xd010
	equal 'J', $0x32, AREA + 0xc010

	/* K: SMEP: the supervisor does not execute a page of ring 3 */
	map 14, P + W + U
	movb $0xc3, FRAMES + 0xe000
	movl $AREA + 0xe000, %ebx
	call *%rbx
	andl $~U, pml4
	andl $~U, pdpt
	andl $~U, pd
	orl $U, pml4
	movq %cr4, %rax
	btsl $20, %eax
	movq %rax, %cr4
	trying 1f
	call *%rbx
	pushq %rax
1:	popq %rax
	expect 'K', 14, 0x11
	/* L: SMAP: nor does it read it; M: unless AC is set */
	movq %cr4, %rax
	btrl $20, %eax
	btsl $21, %eax
	movq %rax, %cr4
	trying 1f
	movl AREA + 0xe000, %eax
1:	expect 'L', 14, 1
	trying 1f
	stac
	movl AREA + 0xe000, %eax
	movl %eax, AREA + 0xe004
	clac
	cmpl $-1, vector
1:	check 'M'
	trying 1f
	movl %eax, AREA + 0xe000
1:	expect 'N', 14, 3
	movq %cr4, %rax
	btrl $21, %eax
	movq %rax, %cr4

	/* O to R where CPUID announces PCID. O: two address spaces */
	movl $1, %eax
	cpuid
	btl $17, %ecx
	jnc 9f
	movl $FRAMES + 0x9000 + P + W, table + 9 * 8
	invlpg AREA + 0x9000
	movl $pml4 + P + W, %esi
	movl $pml4b, %edi
	movl pml4, %eax
	movl %eax, pml4b
	movl $pdptb + P + W, pml4b
	movl pdpt, %eax
	movl %eax, pdptb
	movl $pd2b + P + W, pdptb + 8
	movl $tableb + P + W, pd2b
	movl $FRAMES + 0xa000 + P + W, tableb + 9 * 8
	movq %cr4, %rax
	btsl $17, %eax
	movq %rax, %cr4
	movl $pml4 + 1, %ebx
	movq %rbx, %cr3
	movl AREA + 0x9000, %ecx
	movl $pml4b + 2, %eax
	movq %rax, %cr3
	addl AREA + 0x9000, %ecx
	btsq $63, %rbx
	movq %rbx, %cr3
	addl AREA + 0x9000, %ecx
	equal 'O', $0xaaaa + 0xbbbb + 0xaaaa, %ecx
	/* P: INVPCID of one address */
	movl $FRAMES + 0xa000 + P + W, table + 9 * 8
	movl $0, %eax
	movq $1, descriptor
	movq $AREA + 0x9000, descriptor + 8
	invpcid descriptor, %rax
	equal 'P', $0xbbbb, AREA + 0x9000
	/* Q: INVPCID of everything */
	movl $FRAMES + 0x9000 + P + W, table + 9 * 8
	movl $2, %eax
	invpcid descriptor, %rax
	equal 'Q', $0xaaaa, AREA + 0x9000
	/* R: paging does not end while CR4.PCIDE is set */
	trying 1f
	movq %cr0, %rax
	btrl $31, %eax
	movq %rax, %cr0
1:	expect 'R', 13, 0
9:	/* U: reserved bits of EFER */
	trying 1f
	movl $0xc0000080, %ecx
	rdmsr
	btsl $20, %eax
	wrmsr
1:	expect 'U', 13, 0
	/* V: PG without PE; W: NW without CD */
	trying 1f
	movq %cr0, %rax
	btrl $0, %eax
	movq %rax, %cr0
1:	expect 'V', 13, 0
	trying 1f
	movq %cr0, %rax
	btsl $29, %eax
	movq %rax, %cr0
1:	expect 'W', 13, 0
	/* S: CR4.PAE may not be cleared in long mode; last, because QEMU does not come back */
	trying 1f
	movq %cr4, %rax
	btrl $5, %eax
	movq %rax, %cr4
1:	expect 'S', 13, 0
	/* T: reserved bits of CR4 */
	trying 1f
	movq %cr4, %rax
	btsq $40, %rax
	movq %rax, %cr4
1:	expect 'T', 13, 0
	finish

load0:	movl AREA, %eax
	ud2
store0:	movl %eax, AREA
	ud2
store4:	movl %eax, AREA + 0x4000
	ud2
store6:	movl %eax, AREA + 0x6000
	ud2

	.section .data
	.align 16
descriptor: .quad 0, 0
	.section .bss
	.align 4096
pd2:	.skip 4096
table:	.skip 4096
pml4b:	.skip 4096
pdptb:	.skip 4096
pd2b:	.skip 4096
tableb:	.skip 4096
