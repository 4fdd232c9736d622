// SPDX-License-Identifier: MIT
/* The processor's tables: segments, task state with the stacks of exceptions, interrupt descriptors; system call MSRs. */
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/msr.h>
#include <kernel/percpu.h>
#include <kernel/segment.h>
#include <kernel/string.h>
#include "../boot/boot.h"
#include "arch.h"

#define IST_DB	1
#define IST_NMI	2
#define IST_DF	3
#define IST_MCE	4
#define IST_STACK_SIZE	8192

struct tss {
	u32 reserved0;
	u64 sp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3, iomap_base;
} __packed;

struct gate {
	u16 offset_low, segment;
	u8 ist, type;
	u16 offset_middle;
	u32 offset_high, reserved;
} __packed;

struct descriptor_pointer {
	u16 size;
	u64 address;
} __packed;

static u64 gdt[GDT_ENTRY_TSS + 2] __aligned(16) = {
	[__KERNEL32_CS >> 3] = 0x00cf9b000000ffff,
	[__KERNEL_CS >> 3] = 0x00af9b000000ffff,
	[__KERNEL_DS >> 3] = 0x00cf93000000ffff,
	[__USER32_CS >> 3] = 0x00cffb000000ffff,
	[__USER_DS >> 3] = 0x00cff3000000ffff,
	[__USER_CS >> 3] = 0x00affb000000ffff,
};
static struct gate idt[256] __aligned(16);
static struct tss tss __aligned(64);
static char exception_stacks[4][IST_STACK_SIZE] __aligned(16);
struct pcpu_hot pcpu_hot;

extern char init_stack[], irq_entries_start[];
void entry_SYSCALL_64(void);

static void set_gate(unsigned int vector, const void *entry, unsigned int ist, unsigned int dpl)
{
	unsigned long a = (unsigned long)entry;

	idt[vector] = (struct gate){ .offset_low = a, .segment = __KERNEL_CS, .ist = ist, .type = 0x8e | dpl << 5,
				     .offset_middle = a >> 16, .offset_high = a >> 32 };
}

void set_kernel_stack(unsigned long top)
{
	tss.sp[0] = top;
	pcpu_hot.top_of_stack = top;
}

#define EXCEPTIONS(X) X(0, divide_error) X(1, debug) X(2, nmi) X(3, int3) X(4, overflow) X(5, bounds) X(6, invalid_op) \
	X(7, device_not_available) X(8, double_fault) X(9, coproc_segment_overrun) X(10, invalid_tss)		\
	X(11, segment_not_present) X(12, stack_segment) X(13, general_protection) X(14, page_fault)			\
	X(15, spurious_interrupt_bug) X(16, coprocessor_error) X(17, alignment_check) X(18, machine_check)	\
	X(19, simd_coprocessor_error)
#define DECLARE_ENTRY(vector, name) void asm_##name(void);
EXCEPTIONS(DECLARE_ENTRY)

static unsigned int exception_ist(unsigned int vector)
{
	switch (vector) {
	case 1: return IST_DB;
	case 2: return IST_NMI;
	case 8: return IST_DF;
	case 18: return IST_MCE;
	}
	return 0;
}

void __init traps_init(void)
{
	struct descriptor_pointer pointer = { sizeof(idt) - 1, (u64)idt };

#define SET_ENTRY(vector, name) set_gate(vector, asm_##name, exception_ist(vector), vector == 3 || vector == 4 ? 3 : 0);
	EXCEPTIONS(SET_ENTRY)
	for (unsigned int vector = 32; vector < 256; vector++)
		set_gate(vector, irq_entries_start + (vector - 32) * 16, 0, 0);
	__asm__ __volatile__("lidt %0" : : "m" (pointer));
}

void __init cpu_init(void)
{
	struct descriptor_pointer pointer = { sizeof(gdt) - 1, (u64)gdt };
	unsigned long base = (unsigned long)&tss;

	for (int i = 0; i < 4; i++)
		tss.ist[i] = (u64)exception_stacks[i] + IST_STACK_SIZE;
	tss.iomap_base = sizeof(tss);
	gdt[GDT_ENTRY_TSS] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89UL << 40 | (base >> 24 & 0xff) << 56;
	gdt[GDT_ENTRY_TSS + 1] = base >> 32;
	pcpu_hot.self = &pcpu_hot;
	set_kernel_stack((unsigned long)init_stack + THREAD_SIZE);
	__asm__ __volatile__("lgdt %0" : : "m" (pointer));
	/* The selectors are loaded anew, CS by a far return; GS last, as it takes the base with it. */
	__asm__ __volatile__("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:\n"
			     "movl %1, %%ds; movl %1, %%es; movl %1, %%ss; movl %2, %%fs; movl %2, %%gs"
			     : : "i" (__KERNEL_CS), "r" (__KERNEL_DS), "r" (0) : "rax", "memory");
	wrmsrl(MSR_GS_BASE, (u64)&pcpu_hot);
	wrmsrl(MSR_KERNEL_GS_BASE, 0);
	wrmsrl(MSR_FS_BASE, 0);
	__asm__ __volatile__("ltr %w0" : : "r" (__KERNEL_TSS));
	/* sysret takes __USER32_CS + 16 for CS and + 8 for SS. */
	wrmsrl(MSR_STAR, (u64)__USER32_CS << 48 | (u64)__KERNEL_CS << 32);
	wrmsrl(MSR_LSTAR, (u64)entry_SYSCALL_64);
	/* Cleared on entry, as Linux does: TF, IF, DF, OF and all others but the reserved bit. */
	wrmsrl(MSR_SYSCALL_MASK, 0x257fd5);
}
