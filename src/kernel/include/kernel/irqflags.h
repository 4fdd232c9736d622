/* SPDX-License-Identifier: MIT */
/* The interrupt flag. */
#ifndef _KERNEL_IRQFLAGS_H
#define _KERNEL_IRQFLAGS_H

#include <kernel/types.h>
#include <kernel/compiler.h>

static __always_inline unsigned long native_save_fl(void)
{
	unsigned long flags;

	__asm__ __volatile__("pushfq; popq %0" : "=rm" (flags) : : "memory");
	return flags;
}

static __always_inline void local_irq_disable(void) { __asm__ __volatile__("cli" ::: "memory"); }
static __always_inline void local_irq_enable(void) { __asm__ __volatile__("sti" ::: "memory"); }
static __always_inline bool irqs_disabled_flags(unsigned long flags) { return !(flags & 0x200); }
static __always_inline bool irqs_disabled(void) { return irqs_disabled_flags(native_save_fl()); }
#define local_save_flags(flags)		((flags) = native_save_fl())
#define local_irq_save(flags)		do { (flags) = native_save_fl(); local_irq_disable(); } while (0)
#define local_irq_restore(flags)	do { if (!irqs_disabled_flags(flags)) local_irq_enable(); } while (0)
static __always_inline void native_halt(void) { __asm__ __volatile__("hlt" ::: "memory"); }
static __always_inline void safe_halt(void) { __asm__ __volatile__("sti; hlt" ::: "memory"); }
static __always_inline void cpu_relax(void) { __asm__ __volatile__("pause" ::: "memory"); }

#endif
