// SPDX-License-Identifier: MIT
/* The local APIC with its timer, and the I/O APIC's inputs (Intel SDM volume 3, chapter 10; 82093AA data sheet). */
#include <kernel/init.h>
#include <kernel/io.h>
#include <kernel/irq.h>
#include <kernel/irq_work.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/mm.h>
#include <kernel/msr.h>
#include <kernel/percpu.h>
#include <kernel/sched.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <generated/platform.h>
#include <trace/events/irq.h>
#include "../boot/boot.h"
#include "arch.h"

#define APIC_TASKPRI		0x80
#define APIC_EOI		0xb0
#define APIC_SPIV		0xf0
#define APIC_ICR		0x300
#define APIC_LVTT		0x320
#define APIC_LVTPC		0x340
#define APIC_LVT0		0x350
#define APIC_LVT1		0x360
#define APIC_LVTERR		0x370
#define APIC_TMICT		0x380
#define APIC_TMCCT		0x390
#define APIC_TDCR		0x3e0
#define APIC_LVT_MASKED		(1 << 16)
#define APIC_DM_NMI		(4 << 8)
#define APIC_TDR_DIV_1		0xb
#define APIC_DEST_SELF		(1 << 18)

#define IOAPIC_REDIR(pin)	(0x10 + 2 * (pin))
#define IOAPIC_MASKED		(1 << 16)
#define IOAPIC_LEVEL		(1 << 15)

struct irq_action {
	struct irq_action *next;
	irq_handler_t handler;
	const char *name;
	void *dev_id;
};

static void __iomem *lapic, *ioapic;
static struct irq_action *actions[NR_IRQS];
static unsigned long irq_counts[NR_IRQS], timer_count, irq_work_count;
static u32 redirection[NR_IRQS];

static void lapic_write(u32 reg, u32 value) { writel(value, lapic + reg); }

static void ioapic_write(u32 reg, u32 value)
{
	writel(reg, ioapic);
	writel(value, ioapic + 0x10);
}

void lapic_eoi(void)
{
	lapic_write(APIC_EOI, 0);
}

void lapic_send_self(unsigned int vector)
{
	lapic_write(APIC_ICR, APIC_DEST_SELF | vector);
}

void lapic_timer_set(u64 ticks)
{
	lapic_write(APIC_TMICT, min_t(u64, ticks, 0xffffffff));
}

static void write_pin(unsigned int irq)
{
	ioapic_write(IOAPIC_REDIR(irq) + 1, 0);
	ioapic_write(IOAPIC_REDIR(irq), redirection[irq]);
}

void __init apic_init(void)
{
	lapic = ioremap(PLATFORM_LOCAL_APIC_ADDRESS, PAGE_SIZE);
	ioapic = ioremap(PLATFORM_IO_APIC_ADDRESS, PAGE_SIZE);
	if (!lapic || !ioapic)
		panic("cannot map the interrupt controllers");
	/* First of all: while the APIC is disabled, its local vectors stay masked whatever is written. */
	lapic_write(APIC_SPIV, 0x100 | SPURIOUS_APIC_VECTOR);
	lapic_write(APIC_TASKPRI, 0);
	lapic_write(APIC_LVT0, APIC_LVT_MASKED);
	lapic_write(APIC_LVT1, APIC_DM_NMI);
	lapic_write(APIC_LVTERR, APIC_LVT_MASKED);
	lapic_write(APIC_TDCR, APIC_TDR_DIV_1);
	lapic_write(APIC_LVTT, LOCAL_TIMER_VECTOR);	/* one shot */
	for (unsigned int irq = 0; irq < NR_IRQS; irq++) {
		redirection[irq] = IOAPIC_MASKED | (FIRST_EXTERNAL_VECTOR + irq);
		write_pin(irq);
	}
}

int request_irq(unsigned int irq, irq_handler_t handler, unsigned long flags, const char *name, void *dev_id)
{
	struct irq_action *action;
	unsigned long save;

	if (irq >= NR_IRQS)
		return -EINVAL;
	if (actions[irq] && !(flags & IRQF_SHARED))
		return -EBUSY;
	action = kmalloc(sizeof(*action), GFP_KERNEL);
	if (!action)
		return -ENOMEM;
	local_irq_save(save);
	*action = (struct irq_action){ actions[irq], handler, name, dev_id };
	actions[irq] = action;
	redirection[irq] = FIRST_EXTERNAL_VECTOR + irq;
	if (flags & IRQF_TRIGGER_HIGH)
		redirection[irq] |= IOAPIC_LEVEL;
	write_pin(irq);
	local_irq_restore(save);
	return 0;
}

bool in_interrupt(void)
{
	return pcpu_hot.irq_depth != 0;
}

static struct pt_regs *irq_regs;

struct pt_regs *get_irq_regs(void)
{
	return irq_regs;
}

static void run_action(unsigned int irq, struct irq_action *action)
{
	irqreturn_t ret;

	trace_irq_handler_entry(irq, action->name);
	ret = action->handler(irq, action->dev_id);
	trace_irq_handler_exit(irq, action->name, ret);
}

void common_interrupt(struct pt_regs *regs, unsigned int vector)
{
	unsigned int irq = vector - FIRST_EXTERNAL_VECTOR;
	struct pt_regs *outer_regs;

	if (vector == SPURIOUS_APIC_VECTOR)
		return;
	outer_regs = irq_regs;
	irq_regs = regs;
	pcpu_hot.irq_depth++;
	if (vector == LOCAL_TIMER_VECTOR) {
		timer_count++;
		lapic_eoi();
		timer_interrupt(regs);
	} else if (vector == IRQ_WORK_VECTOR) {
		irq_work_count++;
		lapic_eoi();
		irq_work_run();
	} else if (irq < NR_IRQS && actions[irq]) {
		irq_counts[irq]++;
		for (struct irq_action *action = actions[irq]; action; action = action->next)
			run_action(irq, action);
		lapic_eoi();
	} else {
		pr_warn_once("unexpected interrupt vector %u\n", vector);
		lapic_eoi();
	}
	pcpu_hot.irq_depth--;
	irq_regs = outer_regs;
}
NOKPROBE_SYMBOL(common_interrupt);

unsigned long interrupts_count(void)
{
	unsigned long sum = timer_count + irq_work_count;

	for (unsigned int irq = 0; irq < NR_IRQS; irq++)
		sum += irq_counts[irq];
	return sum;
}

void show_interrupts(struct seq_file *m)
{
	seq_printf(m, "           CPU0       \n");
	for (unsigned int irq = 0; irq < NR_IRQS; irq++) {
		if (!actions[irq])
			continue;
		seq_printf(m, "%3u: %10lu   IO-APIC %3u-%-5s    ", irq, irq_counts[irq], irq,
			   redirection[irq] & IOAPIC_LEVEL ? "fasteoi" : "edge");
		for (struct irq_action *action = actions[irq]; action; action = action->next)
			seq_printf(m, "%s%s", action->name, action->next ? ", " : "\n");
	}
	seq_printf(m, "LOC: %10lu   Local timer interrupts\n", timer_count);
	seq_printf(m, "IWI: %10lu   IRQ work interrupts\n", irq_work_count);
}
