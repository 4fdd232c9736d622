/* SPDX-License-Identifier: MIT */
/* Work for an interrupt of its own, soon: for code that runs where nothing may be woken or locked (probes, tracing). */
#ifndef _KERNEL_IRQ_WORK_H
#define _KERNEL_IRQ_WORK_H

#include <kernel/types.h>

struct irq_work {
	struct irq_work *next;
	bool pending;
	void (*func)(struct irq_work *work);
};

#define IRQ_WORK_INIT(fn)	{ .func = (fn) }

static inline void init_irq_work(struct irq_work *work, void (*func)(struct irq_work *work))
{
	*work = (struct irq_work)IRQ_WORK_INIT(func);
}

/* Queues @work; its function runs as soon as interrupts are on. False if it is queued already. */
bool irq_work_queue(struct irq_work *work);
/* Waits until @work is not queued any more. May be called where interrupts are on. */
void irq_work_sync(struct irq_work *work);

/* The interrupt. */
void irq_work_run(void);

#endif
