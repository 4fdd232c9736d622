// SPDX-License-Identifier: MIT
/*
 * Return probes: a probe on the function's entry exchanges the return address on the stack for a trampoline; when the
 * function returns there, the handlers run and the real address is taken. (semantics C20)
 */
#include "x86/arch.h"
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/printk.h>
#include <kernel/sched.h>
#include <kernel/slab.h>

#define KRETPROBE_DEFAULT_MAXACTIVE	10

/* A call being followed: which task it is in besides what handlers see. */
struct followed_call {
	struct task_struct *task;
	struct kretprobe_instance ri;
};

/* Calls that have not returned, of all tasks, newest first. */
static LIST_HEAD(followed);

static struct followed_call *to_call(struct kretprobe_instance *ri)
{
	return container_of(ri, struct followed_call, ri);
}
NOKPROBE_SYMBOL(to_call);

static struct kretprobe_instance *newest_of(struct task_struct *task)
{
	struct kretprobe_instance *ri;

	list_for_each_entry(ri, &followed, list)
		if (to_call(ri)->task == task)
			return ri;
	return NULL;
}
NOKPROBE_SYMBOL(newest_of);

/* Back to the probe's free list, or to the allocator if the probe is gone. */
static void recycle(struct kretprobe_instance *ri)
{
	list_del(&ri->list);
	if (ri->rp)
		list_add(&ri->list, &ri->rp->free_instances);
	else
		kfree(to_call(ri));
}
NOKPROBE_SYMBOL(recycle);

static int pre_handler_kretprobe(struct kprobe *p, struct pt_regs *regs)
{
	struct kretprobe *rp = container_of(p, struct kretprobe, kp);
	struct kretprobe_instance *ri;

	if (list_empty(&rp->free_instances)) {
		rp->nmissed++;
		return 0;
	}
	ri = list_first_entry(&rp->free_instances, struct kretprobe_instance, list);
	if (rp->entry_handler && rp->entry_handler(ri, regs))
		return 0;
	list_del(&ri->list);
	to_call(ri)->task = current;
	arch_prepare_kretprobe(ri, regs);
	list_add(&ri->list, &followed);
	return 0;
}
NOKPROBE_SYMBOL(pre_handler_kretprobe);

bool is_kretprobe(const struct kprobe *p)
{
	return p->pre_handler == pre_handler_kretprobe;
}

void arch_prepare_kretprobe(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	unsigned long *stack = (unsigned long *)regs->sp;

	ri->ret_addr = *stack;
	ri->frame = stack;
	*stack = (unsigned long)arch_rethook_trampoline;
}
NOKPROBE_SYMBOL(arch_prepare_kretprobe);

/* The real return address of the frame that @ri hooks: several probes may have hooked it one after another. */
static unsigned long real_return_address(struct kretprobe_instance *ri)
{
	struct list_head *at = &ri->list;

	for (; at != &followed; at = at->next) {
		struct kretprobe_instance *entry = list_entry(at, struct kretprobe_instance, list);

		if (to_call(entry)->task == to_call(ri)->task && entry->frame == ri->frame &&
		    entry->ret_addr != (unsigned long)arch_rethook_trampoline)
			return entry->ret_addr;
	}
	return 0;
}
NOKPROBE_SYMBOL(real_return_address);

/* Called by the trampoline with the registers of the return; sets regs->ip to where it goes. */
void kretprobe_trampoline_handler(struct pt_regs *regs)
{
	struct kretprobe_instance *ri = newest_of(current);
	unsigned long *frame, real;

	if (!ri || !(real = real_return_address(ri))) {
		pr_err("rethook: Return address not found! Maybe there is a bug in the kernel\n");
		BUG();
	}
	frame = ri->frame;
	regs->ip = real;
	while (ri && ri->frame == frame) {
		struct kprobe *outer = current_kprobe;

		if (ri->rp && ri->rp->handler && !kprobe_disabled(&ri->rp->kp)) {
			current_kprobe = &ri->rp->kp;
			kprobe_ctlblk.status = KPROBE_HIT_ACTIVE;
			ri->rp->handler(ri, regs);
			current_kprobe = outer;
		}
		recycle(ri);
		ri = newest_of(current);
	}
	/* Whatever a handler did to ip is not honoured; rax and the rest are. (A24) */
	regs->ip = real;
}
NOKPROBE_SYMBOL(kretprobe_trampoline_handler);
NOKPROBE_SYMBOL(arch_rethook_trampoline);

unsigned long kretprobe_find_ret_addr(unsigned long addr, unsigned long *frame)
{
	struct kretprobe_instance *ri;

	if (addr != (unsigned long)arch_rethook_trampoline)
		return addr;
	list_for_each_entry(ri, &followed, list)
		if (ri->frame == frame) {
			unsigned long real = real_return_address(ri);

			return real ? real : addr;
		}
	return addr;
}
NOKPROBE_SYMBOL(kretprobe_find_ret_addr);

bool is_kretprobe_trampoline(unsigned long addr)
{
	return addr == (unsigned long)arch_rethook_trampoline;
}

static void free_instances(struct kretprobe *rp)
{
	struct kretprobe_instance *ri, *tmp;

	list_for_each_entry_safe(ri, tmp, &rp->free_instances, list) {
		list_del(&ri->list);
		kfree(to_call(ri));
	}
}

int register_kretprobe(struct kretprobe *rp)
{
	int ret = kprobe_on_func_entry(rp->kp.addr, rp->kp.symbol_name, rp->kp.offset);

	if (ret)
		return ret;
	rp->kp.pre_handler = pre_handler_kretprobe;
	rp->kp.post_handler = NULL;
	if (rp->maxactive <= 0)
		rp->maxactive = KRETPROBE_DEFAULT_MAXACTIVE;
	rp->nmissed = 0;
	INIT_LIST_HEAD(&rp->free_instances);
	for (int i = 0; i < rp->maxactive; i++) {
		struct followed_call *call = kzalloc(sizeof(*call) + rp->data_size, GFP_KERNEL);

		if (!call) {
			free_instances(rp);
			return -ENOMEM;
		}
		call->ri.rp = rp;
		list_add(&call->ri.list, &rp->free_instances);
	}
	ret = register_kprobe(&rp->kp);
	if (ret)
		free_instances(rp);
	return ret;
}

void unregister_kretprobe(struct kretprobe *rp)
{
	struct kretprobe_instance *ri;

	unregister_kprobe(&rp->kp);
	list_for_each_entry(ri, &followed, list)
		if (ri->rp == rp)
			ri->rp = NULL;	/* still on some stack: freed when it returns */
	free_instances(rp);
}

void kprobe_flush_task(struct task_struct *task)
{
	struct kretprobe_instance *ri;

	while ((ri = newest_of(task)))
		recycle(ri);
}
