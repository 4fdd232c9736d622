/* SPDX-License-Identifier: MIT */
/* What the processor-specific parts share among themselves. */
#ifndef _ARCH_ARCH_H
#define _ARCH_ARCH_H

#include <kernel/types.h>

struct pt_regs;
struct task_struct;

/* Where entries from user mode begin to push. */
void set_kernel_stack(unsigned long top);

/* Local and I/O APIC. */
void lapic_eoi(void);
void lapic_timer_set(u64 ticks);		/* one shot, in timer counts; 0 stops */
/* Interrupts this processor, when it lets interrupts in. */
void lapic_send_self(unsigned int vector);
#define LOCAL_TIMER_VECTOR	0xec
#define IRQ_WORK_VECTOR		0xf6
#define SPURIOUS_APIC_VECTOR	0xff
#define FIRST_EXTERNAL_VECTOR	0x20

/* The clock interrupt. */
void timer_interrupt(struct pt_regs *regs);

/* Calls due before user mode goes on: signals, rescheduling. */
void exit_to_user_mode_loop(struct pt_regs *regs);

/* The address of the memory operand at which @regs stopped; false if it has none. */
bool gp_fault_address(const struct pt_regs *regs, unsigned long *address);

#endif
