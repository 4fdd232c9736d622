/* SPDX-License-Identifier: MIT */
/* Model-specific and control registers, CPUID, the time stamp counter. */
#ifndef _KERNEL_MSR_H
#define _KERNEL_MSR_H

#define MSR_IA32_APICBASE	0x0000001b
#define MSR_EFER		0xc0000080
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_CSTAR		0xc0000083
#define MSR_SYSCALL_MASK	0xc0000084
#define MSR_FS_BASE		0xc0000100
#define MSR_GS_BASE		0xc0000101
#define MSR_KERNEL_GS_BASE	0xc0000102
#define EFER_SCE		(1 << 0)
#define EFER_LME		(1 << 8)
#define EFER_NX			(1 << 11)

#ifndef __ASSEMBLER__
#include <kernel/types.h>

static inline u64 rdmsrl_value(u32 msr)
{
	u32 lo, hi;

	__asm__ __volatile__("rdmsr" : "=a" (lo), "=d" (hi) : "c" (msr));
	return (u64)hi << 32 | lo;
}

static inline void wrmsrl(u32 msr, u64 value)
{
	__asm__ __volatile__("wrmsr" : : "c" (msr), "a" ((u32)value), "d" ((u32)(value >> 32)) : "memory");
}

#define rdmsrl(msr, val) ((val) = rdmsrl_value(msr))

static inline void cpuid_count(u32 leaf, u32 subleaf, u32 *a, u32 *b, u32 *c, u32 *d)
{
	__asm__ __volatile__("cpuid" : "=a" (*a), "=b" (*b), "=c" (*c), "=d" (*d) : "0" (leaf), "2" (subleaf));
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	__asm__ __volatile__("rdtsc" : "=a" (lo), "=d" (hi));
	return (u64)hi << 32 | lo;
}

static inline unsigned long read_cr2(void) { unsigned long v; __asm__ __volatile__("movq %%cr2, %0" : "=r" (v)); return v; }
static inline unsigned long read_cr3(void) { unsigned long v; __asm__ __volatile__("movq %%cr3, %0" : "=r" (v)); return v; }
static inline unsigned long read_cr0(void) { unsigned long v; __asm__ __volatile__("movq %%cr0, %0" : "=r" (v)); return v; }
static inline unsigned long read_cr4(void) { unsigned long v; __asm__ __volatile__("movq %%cr4, %0" : "=r" (v)); return v; }
static inline void write_cr0(unsigned long v) { __asm__ __volatile__("movq %0, %%cr0" : : "r" (v) : "memory"); }
static inline void write_cr3(unsigned long v) { __asm__ __volatile__("movq %0, %%cr3" : : "r" (v) : "memory"); }
static inline void write_cr4(unsigned long v) { __asm__ __volatile__("movq %0, %%cr4" : : "r" (v) : "memory"); }
static inline void invlpg(unsigned long a) { __asm__ __volatile__("invlpg (%0)" : : "r" (a) : "memory"); }
#endif
#endif
