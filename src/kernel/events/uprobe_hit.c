// SPDX-License-Identifier: MIT
/*
 * Hits of uprobes: running the consumers, getting over the probed instruction, hooking returns. Instructions are stepped
 * in an area of the process's own, [uprobes], whose first slot is the trampoline that hooked functions return to.
 */
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/printk.h>
#include <kernel/ptrace.h>
#include <kernel/rcupdate_trace.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include "../mm/internal.h"
#include "uprobes.h"

#define SLOT_BYTES		128
#define SLOTS			(PAGE_SIZE / SLOT_BYTES)
#define MAX_URETPROBE_DEPTH	64

struct xol_area {
	struct page *page;
	unsigned long vaddr;
	u32 used;			/* a bit for each slot; the first is the trampoline */
};

/* ---- the area for stepping ---- */

static const char *xol_name(struct vm_area_struct *vma)
{
	return "[uprobes]";
}

static vm_fault_t xol_fault(struct vm_fault *vmf)
{
	struct xol_area *area = vmf->vma->vm_mm->xol_area;

	if (!area || vmf->address != area->vaddr)
		return VM_FAULT_SIGBUS;
	get_page(area->page);
	vmf->page = area->page;
	return 0;
}

static const struct vm_operations_struct xol_vm_ops = { .fault = xol_fault, .name = xol_name };

/* The area of the current process, made on the first use. NULL: no memory or no room. */
static struct xol_area *get_xol_area(unsigned long vaddr)
{
	struct mm_struct *mm = current->mm;
	struct xol_area *area = mm->xol_area;
	struct vm_area_struct *vma;

	if (area)
		return area;
	area = kzalloc(sizeof(*area), GFP_KERNEL);
	if (!area)
		return NULL;
	area->page = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_ZERO);
	if (!area->page)
		goto free;
	if (!vaddr)
		vaddr = TASK_SIZE - PAGE_SIZE;
	vma = find_vma(mm, vaddr);
	if (vma && vma->vm_start < vaddr + PAGE_SIZE)
		vaddr = unmapped_area(mm, PAGE_SIZE);
	if (!vaddr || insert_area(mm, vaddr, PAGE_SIZE, VM_EXEC | VM_MAYEXEC | VM_DONTCOPY | VM_IO, &vma))
		goto free_page;
	vma->vm_ops = &xol_vm_ops;
	area->vaddr = vaddr;
	area->used = 1;
	*(u8 *)page_address(area->page) = UPROBE_INSN;
	mm->xol_area = area;
	return area;
free_page:
	put_page(area->page);
free:
	kfree(area);
	return NULL;
}

/* Copies the instruction into a slot. 0: none is free. */
static unsigned long take_slot(struct uprobe *uprobe)
{
	struct xol_area *area = get_xol_area(0);
	unsigned int slot = 1;

	if (!area)
		return 0;
	while (slot < SLOTS && (area->used & 1u << slot))
		slot++;
	/* Threads in the middle of a step hold slots; more of them than slots only retry. */
	if (slot == SLOTS)
		return 0;
	area->used |= 1u << slot;
	memcpy(page_address(area->page) + slot * SLOT_BYTES, uprobe->arch.ixol, UPROBE_MAX_INSN);
	return area->vaddr + slot * SLOT_BYTES;
}

static void free_slot(struct mm_struct *mm, unsigned long xol_vaddr)
{
	if (mm && mm->xol_area && xol_vaddr)
		mm->xol_area->used &= ~(1u << (xol_vaddr - mm->xol_area->vaddr) / SLOT_BYTES);
}

void uprobe_dup_mm(struct mm_struct *mm)
{
	mm->xol_area = NULL;
}

void uprobe_clear_state(struct mm_struct *mm)
{
	if (!mm->xol_area)
		return;
	put_page(mm->xol_area->page);
	kfree(mm->xol_area);
	mm->xol_area = NULL;
}

/* ---- tasks ---- */

static struct uprobe_task *get_utask(void)
{
	if (!current->utask)
		current->utask = kzalloc(sizeof(*current->utask), GFP_KERNEL);
	return current->utask;
}

static struct return_instance *free_instance(struct return_instance *ri)
{
	struct return_instance *next = ri->next;

	uprobe_put(ri->uprobe);
	kfree(ri);
	return next;
}

void uprobe_free_utask(struct task_struct *task)
{
	struct uprobe_task *utask = task->utask;
	struct return_instance *ri;

	if (!utask)
		return;
	if (utask->active_uprobe) {
		free_slot(task->mm, utask->xol_vaddr);
		uprobe_put(utask->active_uprobe);
	}
	for (ri = utask->return_instances; ri;)
		ri = free_instance(ri);
	kfree(utask);
	task->utask = NULL;
}

/* A child with a copy of the stack returns to trampolines too. */
void uprobe_copy_process(struct task_struct *task, unsigned long flags)
{
	struct uprobe_task *utask = current->utask, *copy;
	struct return_instance **link;

	task->utask = NULL;
	if (!utask || !utask->return_instances || !task->mm)
		return;
	if (task->mm == current->mm && !(flags & CLONE_VFORK))
		return;
	copy = kzalloc(sizeof(*copy), GFP_KERNEL);
	if (!copy)
		goto fail;
	task->utask = copy;
	link = &copy->return_instances;
	for (struct return_instance *ri = utask->return_instances; ri; ri = ri->next) {
		struct return_instance *n = kmalloc(sizeof(*n), GFP_KERNEL);

		if (!n)
			goto fail;
		*n = *ri;
		n->next = NULL;
		uprobe_get(n->uprobe);
		*link = n;
		link = &n->next;
		copy->depth++;
	}
	if (task->mm != current->mm) {
		/* Its area must be where the trampoline's address on the stack says; it is made on the first hit there. */
		copy->vaddr = current->mm->xol_area->vaddr;
	}
	return;
fail:
	pr_warn("uprobe: %s/%d failed to dup return instances\n", task->comm, task->pid);
}

/* ---- returns ---- */

/* Frames that were left without returning (longjmp) have stacks below where the task is now. */
static bool is_alive(const struct return_instance *ri, const struct pt_regs *regs, bool at_call)
{
	return at_call ? regs->sp < ri->stack : regs->sp <= ri->stack;
}

static void cleanup_return_instances(struct uprobe_task *utask, bool chained, struct pt_regs *regs)
{
	/* The newest frame has the same stack pointer if it was hooked by a chained probe. */
	while (utask->return_instances && !is_alive(utask->return_instances, regs, !chained)) {
		utask->return_instances = free_instance(utask->return_instances);
		utask->depth--;
	}
}

static void prepare_uretprobe(struct uprobe *uprobe, struct pt_regs *regs)
{
	struct uprobe_task *utask = get_utask();
	struct xol_area *area = get_xol_area(0);
	struct return_instance *ri;
	unsigned long address;
	bool chained;

	if (!utask || !area)
		return;
	if (utask->depth >= MAX_URETPROBE_DEPTH) {
		printk_ratelimited(KERN_INFO "uprobe: omit uretprobe due to nestedness limit pid/tgid=%d/%d\n",
				   current->pid, current->tgid);
		return;
	}
	ri = kmalloc(sizeof(*ri), GFP_KERNEL);
	if (!ri)
		return;
	address = arch_uretprobe_hijack_return_addr(area->vaddr, regs);
	if (!address) {
		kfree(ri);
		return;
	}
	chained = address == area->vaddr;
	cleanup_return_instances(utask, chained, regs);
	if (chained) {
		/* A tail call from a hooked function: the address is what that one kept. */
		if (!utask->return_instances) {
			kfree(ri);
			return;
		}
		address = utask->return_instances->orig_ret_vaddr;
	}
	*ri = (struct return_instance){ .next = utask->return_instances, .uprobe = uprobe_get(uprobe), .func = regs->ip,
					.stack = regs->sp, .orig_ret_vaddr = address, .chained = chained };
	utask->depth++;
	utask->return_instances = ri;
}

static void run_return_handlers(struct return_instance *ri, struct pt_regs *regs)
{
	struct uprobe_consumer *consumer;

	/* Programs may sleep; uprobe_unregister() waits for them. */
	rcu_read_lock_trace();
	list_for_each_entry(consumer, &ri->uprobe->consumers, list)
		if (consumer->ret_handler)
			consumer->ret_handler(consumer, ri->func, regs);
	rcu_read_unlock_trace();
}

/* A hooked function has returned to the trampoline. */
static void handle_trampoline(struct pt_regs *regs)
{
	struct uprobe_task *utask = current->utask;
	struct return_instance *ri = utask ? utask->return_instances : NULL, *next;
	bool valid;

	if (!ri) {
		force_sig(SIGILL);
		return;
	}
	do {
		/* One return, with the tail calls that share it; frames that longjmp left come first and are not reported. */
		for (next = ri; next && next->chained; next = next->next)
			;
		next = next ? next->next : NULL;
		valid = !next || is_alive(next, regs, false);
		regs->ip = ri->orig_ret_vaddr;
		do {
			if (valid)
				run_return_handlers(ri, regs);
			ri = free_instance(ri);
			utask->depth--;
		} while (ri != next);
	} while (!valid);
	utask->return_instances = ri;
}

/* ---- hits ---- */

static void run_handlers(struct uprobe *uprobe, struct pt_regs *regs)
{
	struct uprobe_consumer *consumer;
	int remove = UPROBE_HANDLER_REMOVE;
	bool need_return = false;

	rcu_read_lock_trace();
	list_for_each_entry(consumer, &uprobe->consumers, list) {
		int ret = consumer->handler ? consumer->handler(consumer, regs) : 0;

		if (consumer->ret_handler)
			need_return = true;
		remove &= ret;
	}
	rcu_read_unlock_trace();
	/* A return hook for nobody would not be wrong, only useless. */
	if (need_return && !remove)
		prepare_uretprobe(uprobe, regs);
	if (remove && !list_empty(&uprobe->consumers))
		uprobe_unapply(uprobe, current->mm);
}

static void start_step(struct uprobe *uprobe, struct pt_regs *regs)
{
	struct uprobe_task *utask = get_utask();
	unsigned long slot = utask ? take_slot(uprobe) : 0;

	/* Without a slot the breakpoint is hit again: others will have finished. */
	if (!slot) {
		uprobe_put(uprobe);
		current->need_resched = true;
		return;
	}
	utask->xol_vaddr = slot;
	utask->vaddr = regs->ip;
	utask->active_uprobe = uprobe;
	arch_uprobe_pre_xol(&uprobe->arch, utask, regs);
}

bool uprobe_handle_breakpoint(struct pt_regs *regs)
{
	unsigned long vaddr = regs->ip - 1;
	struct uprobe_task *utask = current->utask;
	struct xol_area *area;
	struct uprobe *uprobe;
	bool is_breakpoint;

	if (!current->mm)
		return false;
	area = current->mm->xol_area;
	/* A fork's first return to the trampoline it inherited: there is no area there yet. */
	if (!area && utask && utask->return_instances && utask->vaddr == vaddr)
		area = get_xol_area(vaddr);
	if (area && vaddr == area->vaddr) {
		handle_trampoline(regs);
		return true;
	}
	uprobe = uprobe_find_active(vaddr, &is_breakpoint);
	if (!uprobe) {
		if (is_breakpoint)
			return false;
		/* The probe went away while the trap was on its way: the instruction is there again. */
		regs->ip = vaddr;
		return true;
	}
	regs->ip = vaddr;
	run_handlers(uprobe, regs);
	/* A handler may have sent the task elsewhere. */
	if (regs->ip != vaddr || arch_uprobe_skip_sstep(&uprobe->arch, regs))
		uprobe_put(uprobe);
	else
		start_step(uprobe, regs);
	return true;
}

static void end_step(struct uprobe_task *utask)
{
	free_slot(current->mm, utask->xol_vaddr);
	uprobe_put(utask->active_uprobe);
	utask->active_uprobe = NULL;
	utask->xol_vaddr = 0;
}

bool uprobe_handle_step(struct pt_regs *regs)
{
	struct uprobe_task *utask = current->utask;

	if (!utask || !utask->active_uprobe)
		return false;
	if (arch_uprobe_post_xol(&utask->active_uprobe->arch, utask, regs))
		force_sig(SIGILL);
	end_step(utask);
	return true;
}

bool uprobe_deny_signal(struct pt_regs *regs)
{
	struct uprobe_task *utask = current->utask;

	if (!utask || !utask->active_uprobe)
		return false;
	if (!arch_uprobe_xol_was_trapped() && !__fatal_signal_pending(current))
		return true;
	arch_uprobe_abort_xol(&utask->active_uprobe->arch, utask, regs);
	end_step(utask);
	return false;
}
