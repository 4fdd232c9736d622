/* SPDX-License-Identifier: MIT */
/* Device interrupts: the I/O APIC's inputs by number. */
#ifndef _KERNEL_IRQ_H
#define _KERNEL_IRQ_H

#include <kernel/types.h>
#include <kernel/irqflags.h>

typedef enum { IRQ_NONE = 0, IRQ_HANDLED = 1, IRQ_WAKE_THREAD = 2 } irqreturn_t;
typedef irqreturn_t (*irq_handler_t)(int irq, void *dev_id);

#define IRQF_SHARED		0x80
#define IRQF_TRIGGER_RISING	0x1
#define IRQF_TRIGGER_HIGH	0x4
#define NR_IRQS			24

/* @flags: edge-triggered unless IRQF_TRIGGER_HIGH is given. Handlers run with interrupts off. */
int request_irq(unsigned int irq, irq_handler_t handler, unsigned long flags, const char *name, void *dev_id);
/* True while an interrupt handler (not a system call or exception) is running. */
bool in_interrupt(void);
/* What the interrupt being handled has interrupted; NULL outside of interrupts. */
struct pt_regs *get_irq_regs(void);
#define in_irq()	in_interrupt()
#define in_nmi()	false
#define in_task()	(!in_interrupt())

struct seq_file;
void show_interrupts(struct seq_file *m);

#endif
