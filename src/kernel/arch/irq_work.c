// SPDX-License-Identifier: MIT
/* Work for an interrupt of its own: a list, and an interrupt that the processor sends to itself. (SDM volume 3, 11.6.1) */
#include <kernel/irq_work.h>
#include <kernel/irqflags.h>
#include <kernel/kprobes.h>
#include "arch.h"

static struct irq_work *queue;

bool irq_work_queue(struct irq_work *work)
{
	struct irq_work **end = &queue;
	unsigned long flags;
	bool first;

	local_irq_save(flags);
	if (work->pending) {
		local_irq_restore(flags);
		return false;
	}
	first = !queue;
	while (*end)
		end = &(*end)->next;
	work->next = NULL;
	work->pending = true;
	*end = work;
	if (first)
		lapic_send_self(IRQ_WORK_VECTOR);
	local_irq_restore(flags);
	return true;
}
NOKPROBE_SYMBOL(irq_work_queue);

void irq_work_run(void)
{
	while (queue) {
		struct irq_work *work = queue;

		queue = work->next;
		work->pending = false;
		work->func(work);
	}
}

void irq_work_sync(struct irq_work *work)
{
	unsigned long flags;

	/* One processor: what is queued has not begun. */
	local_irq_save(flags);
	for (struct irq_work **link = &queue; *link; link = &(*link)->next)
		if (*link == work) {
			*link = work->next;
			work->pending = false;
			work->func(work);
			break;
		}
	local_irq_restore(flags);
}
