// SPDX-License-Identifier: MIT
/*
 * Kernel probes, the part that does not depend on the processor: the table of probes, registration and its checks,
 * several probes at one address, the blacklist. (Documentation/trace/kprobes.rst; semantics C1 to C5, C10, A20)
 *
 * One CPU and no kernel preemption: whoever changes the table only has to keep sleepers out, by kprobe_mutex.
 */
#include "x86/arch.h"
#include "x86/insn.h"
#include <kernel/bug.h>
#include <kernel/err.h>
#include <kernel/jump_label.h>
#include <kernel/kallsyms.h>
#include <kernel/kprobes.h>
#include <kernel/mutex.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/text-patching.h>

#define KPROBE_HASH_BITS	6
#define KPROBE_TABLE_SIZE	(1 << KPROBE_HASH_BITS)

static struct list_head kprobe_table[KPROBE_TABLE_SIZE];
DEFINE_MUTEX(kprobe_mutex);
struct kprobe *current_kprobe;
struct kprobe_ctlblk kprobe_ctlblk;

extern char __kprobes_text_start[], __kprobes_text_end[];
extern char __entry_text_start[], __entry_text_end[];
extern unsigned long __start_kprobe_blacklist[], __stop_kprobe_blacklist[];

static struct list_head *bucket(const void *addr)
{
	unsigned long hash = (unsigned long)addr * 0x61c8864680b583ebUL >> (64 - KPROBE_HASH_BITS);
	struct list_head *head = &kprobe_table[hash];

	if (!head->next)
		INIT_LIST_HEAD(head);
	return head;
}

struct kprobe *get_kprobe(void *addr)
{
	struct kprobe *p;

	list_for_each_entry(p, bucket(addr), hlist)
		if (p->addr == addr)
			return p;
	return NULL;
}
NOKPROBE_SYMBOL(get_kprobe);

struct kprobe *kprobe_running(void)
{
	return current_kprobe;
}
NOKPROBE_SYMBOL(kprobe_running);

/* ---- several probes at one address: an aggregate in the table, the users' probes on its list, newest first ---- */

static int aggr_pre_handler(struct kprobe *p, struct pt_regs *regs)
{
	struct kprobe *kp;

	list_for_each_entry(kp, &p->list, list)
		if (kp->pre_handler && !kprobe_disabled(kp) && kp->pre_handler(kp, regs))
			return 1;
	return 0;
}
NOKPROBE_SYMBOL(aggr_pre_handler);

static void aggr_post_handler(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
	struct kprobe *kp;

	list_for_each_entry(kp, &p->list, list)
		if (kp->post_handler && !kprobe_disabled(kp))
			kp->post_handler(kp, regs, flags);
}
NOKPROBE_SYMBOL(aggr_post_handler);

static bool is_aggregate(const struct kprobe *p)
{
	return p->pre_handler == aggr_pre_handler;
}

/* A hit that could not be handled is missed by every probe at the address. */
void kprobes_inc_nmissed_count(struct kprobe *p)
{
	struct kprobe *kp;

	if (!is_aggregate(p)) {
		p->nmissed++;
		return;
	}
	list_for_each_entry(kp, &p->list, list)
		kp->nmissed++;
}
NOKPROBE_SYMBOL(kprobes_inc_nmissed_count);

/* The table's probe at p's address, provided that @p itself is registered. */
static struct kprobe *registered(struct kprobe *p)
{
	struct kprobe *top = get_kprobe(p->addr), *kp;

	if (!top || top == p)
		return top;
	if (is_aggregate(top))
		list_for_each_entry(kp, &top->list, list)
			if (kp == p)
				return top;
	return NULL;
}

static bool all_disabled(struct kprobe *top)
{
	struct kprobe *kp;

	if (!is_aggregate(top))
		return kprobe_disabled(top);
	list_for_each_entry(kp, &top->list, list)
		if (!kprobe_disabled(kp))
			return false;
	return true;
}

/* ---- which addresses may be probed ---- */

static bool blacklisted(unsigned long addr)
{
	unsigned long start, size;

	if (addr >= (unsigned long)__kprobes_text_start && addr < (unsigned long)__kprobes_text_end)
		return true;
	if (addr >= (unsigned long)__entry_text_start && addr < (unsigned long)__entry_text_end)
		return true;
	if (!kallsyms_lookup_size_offset(addr, &size, &start))
		return false;
	start = addr - start;
	for (unsigned long *entry = __start_kprobe_blacklist; entry < __stop_kprobe_blacklist; entry++)
		if (*entry == start)
			return true;
	return false;
}

bool within_kprobe_blacklist(unsigned long addr)
{
	char name[KSYM_NAME_LEN];
	unsigned long base;
	char *dot;

	if (blacklisted(addr))
		return true;
	/* A part that the compiler split off ("sym.cold") follows the function that it came from. */
	if (!lookup_symbol_name(addr, name))
		if ((dot = strchr(name, '.')) != NULL) {
			*dot = '\0';
			base = kallsyms_lookup_name(name);
			return base && blacklisted(base);
		}
	return false;
}

/* The address that (addr | symbol_name) + offset names. It must be in a symbol. */
static kprobe_opcode_t *kprobe_addr(kprobe_opcode_t *addr, const char *symbol_name, unsigned long offset,
				    bool *on_func_entry)
{
	unsigned long size, into;

	if ((symbol_name && addr) || (!symbol_name && !addr))
		return ERR_PTR(-EINVAL);
	if (symbol_name) {
		addr = (kprobe_opcode_t *)kallsyms_lookup_name(symbol_name);
		if (!addr)
			return ERR_PTR(-ENOENT);
	}
	addr += offset;
	if (!kallsyms_lookup_size_offset((unsigned long)addr, &size, &into))
		return ERR_PTR(-ENOENT);
	return arch_adjust_kprobe_addr((unsigned long)addr - into, into, on_func_entry);
}

int kprobe_on_func_entry(kprobe_opcode_t *addr, const char *sym, unsigned long offset)
{
	bool on_func_entry;

	addr = kprobe_addr(addr, sym, offset, &on_func_entry);
	if (IS_ERR(addr))
		return PTR_ERR(addr);
	return on_func_entry ? 0 : -EINVAL;
}

static int check_kprobe_address_safe(struct kprobe *p)
{
	unsigned long addr = (unsigned long)p->addr, size, into;

	if (!kernel_text_address(addr) || within_kprobe_blacklist(addr) || find_bug(addr) ||
	    jump_label_text_reserved(p->addr, p->addr))
		return -EINVAL;
	if (!kallsyms_lookup_size_offset(addr, &size, &into))
		return -EINVAL;
	return arch_check_insn_boundary(addr, addr - into);
}

/* ---- registration ---- */

/* What debugfs's kprobes/enabled shows: false takes every int3 out of the code and keeps the probes registered. */
static bool all_armed = true;

static void arm_kprobe(struct kprobe *top)
{
	if (all_armed)
		arch_arm_kprobe(top);
}

static void disarm_kprobe(struct kprobe *top)
{
	if (all_armed)
		arch_disarm_kprobe(top);
}

bool kprobes_all_armed(void)
{
	return all_armed;
}

int kprobes_set_all_armed(bool armed)
{
	struct kprobe *top;

	mutex_lock(&kprobe_mutex);
	if (armed != all_armed) {
		for (int i = 0; i < KPROBE_TABLE_SIZE; i++) {
			if (!kprobe_table[i].next)
				continue;
			list_for_each_entry(top, &kprobe_table[i], hlist)
				if (!all_disabled(top))
					(armed ? arch_arm_kprobe : arch_disarm_kprobe)(top);
		}
		all_armed = armed;
		pr_info("kprobes: %s\n", armed ? "Kprobes globally enabled" : "Kprobes globally disabled");
	}
	mutex_unlock(&kprobe_mutex);
	return 0;
}

/* Makes the lone probe @old one of an aggregate's list. */
static struct kprobe *make_aggregate(struct kprobe *old)
{
	struct kprobe *top = kzalloc(sizeof(*top), GFP_KERNEL);

	if (!top)
		return NULL;
	top->addr = old->addr;
	top->opcode = old->opcode;
	top->ainsn = old->ainsn;	/* the slot now belongs to the aggregate */
	top->flags = old->flags & ~KPROBE_FLAG_DISABLED;
	top->pre_handler = aggr_pre_handler;
	INIT_LIST_HEAD(&top->list);
	list_add(&old->list, &top->list);
	list_replace(&old->hlist, &top->hlist);
	return top;
}

/* The aggregate has a post handler while one of its probes has. */
static void update_post_handler(struct kprobe *top)
{
	struct kprobe *kp;

	top->post_handler = NULL;
	list_for_each_entry(kp, &top->list, list)
		if (kp->post_handler)
			top->post_handler = aggr_post_handler;
}

static int register_aggr_kprobe(struct kprobe *top, struct kprobe *p)
{
	bool armed = !all_disabled(top);

	if (!is_aggregate(top)) {
		top = make_aggregate(top);
		if (!top)
			return -ENOMEM;
	}
	p->opcode = top->opcode;
	p->ainsn = top->ainsn;
	list_add(&p->list, &top->list);
	update_post_handler(top);
	if (!armed && !kprobe_disabled(p))
		arm_kprobe(top);
	return 0;
}

static int __register_kprobe(struct kprobe *p)
{
	struct kprobe *top = get_kprobe(p->addr);
	int ret;

	if (top) {
		/* All probes at an address are of the kind of the first. */
		p->flags &= ~KPROBE_FLAG_FTRACE;
		p->flags |= top->flags & KPROBE_FLAG_FTRACE;
		return register_aggr_kprobe(top, p);
	}
	arch_check_ftrace_location(p);
	ret = arch_prepare_kprobe(p);
	if (ret)
		return ret;
	INIT_LIST_HEAD(&p->list);
	list_add(&p->hlist, bucket(p->addr));
	if (!kprobe_disabled(p))
		arm_kprobe(p);
	return 0;
}

int register_kprobe(struct kprobe *p)
{
	bool on_func_entry;
	kprobe_opcode_t *addr = kprobe_addr(p->addr, p->symbol_name, p->offset, &on_func_entry);
	int ret;

	if (IS_ERR(addr))
		return PTR_ERR(addr);
	p->addr = addr;
	p->offset = 0;
	mutex_lock(&kprobe_mutex);
	if (WARN_ON(registered(p))) {
		ret = -EINVAL;
		goto out;
	}
	p->flags &= KPROBE_FLAG_DISABLED;
	if (on_func_entry)
		p->flags |= KPROBE_FLAG_ON_FUNC_ENTRY;
	p->nmissed = 0;
	ret = check_kprobe_address_safe(p);
	if (!ret)
		ret = __register_kprobe(p);
out:
	mutex_unlock(&kprobe_mutex);
	return ret;
}

void unregister_kprobe(struct kprobe *p)
{
	struct kprobe *top;

	mutex_lock(&kprobe_mutex);
	top = registered(p);
	if (!top)
		goto out;
	if (top == p) {
		if (!kprobe_disabled(p))
			disarm_kprobe(p);
		list_del(&p->hlist);
		arch_remove_kprobe(p);
	} else {
		bool armed = !all_disabled(top);

		list_del(&p->list);
		if (list_empty(&top->list)) {
			if (armed)
				disarm_kprobe(top);
			list_del(&top->hlist);
			arch_remove_kprobe(top);
			kfree(top);
		} else {
			update_post_handler(top);
			if (armed && all_disabled(top))
				disarm_kprobe(top);
		}
	}
	p->addr = NULL;
out:
	mutex_unlock(&kprobe_mutex);
}

static int set_disabled(struct kprobe *p, bool disabled)
{
	struct kprobe *top;
	bool was_armed;
	int ret = 0;

	mutex_lock(&kprobe_mutex);
	top = registered(p);
	if (!top || kprobe_gone(p)) {
		ret = -EINVAL;
		goto out;
	}
	was_armed = !all_disabled(top);
	if (disabled)
		p->flags |= KPROBE_FLAG_DISABLED;
	else
		p->flags &= ~KPROBE_FLAG_DISABLED;
	if (was_armed && all_disabled(top))
		disarm_kprobe(top);
	else if (!was_armed && !all_disabled(top))
		arm_kprobe(top);
out:
	mutex_unlock(&kprobe_mutex);
	return ret;
}

int disable_kprobe(struct kprobe *p)
{
	return set_disabled(p, true);
}

int enable_kprobe(struct kprobe *p)
{
	return set_disabled(p, false);
}

void for_each_kprobe(void (*visit)(struct kprobe *p, void *data), void *data)
{
	struct kprobe *top, *kp;

	mutex_lock(&kprobe_mutex);
	for (int i = 0; i < KPROBE_TABLE_SIZE; i++) {
		if (!kprobe_table[i].next)
			continue;
		list_for_each_entry(top, &kprobe_table[i], hlist) {
			if (!is_aggregate(top)) {
				visit(top, data);
				continue;
			}
			list_for_each_entry(kp, &top->list, list)
				visit(kp, data);
		}
	}
	mutex_unlock(&kprobe_mutex);
}

/* ---- code that changes under probes ---- */

/* The instruction that @top hides is another one now: its copy or emulation is made anew, for all probes of the address. */
static int change_probed_insn(struct kprobe *top, const void *old, const void *new, size_t size)
{
	bool armed = all_armed && !all_disabled(top);
	struct kprobe *kp;
	int ret;

	if (armed)
		arch_disarm_kprobe(top);
	ret = -EBUSY;
	if (!(top->flags & KPROBE_FLAG_FTRACE) && !memcmp(top->addr, old, size)) {
		text_poke(top->addr, new, size);
		arch_remove_kprobe(top);
		ret = arch_prepare_kprobe(top);
		if (is_aggregate(top)) {
			list_for_each_entry(kp, &top->list, list) {
				kp->opcode = top->opcode;
				kp->ainsn = top->ainsn;
			}
		}
	}
	if (armed)
		arch_arm_kprobe(top);
	return ret;
}

int kprobe_text_replace(void *addr, const void *old, const void *new, size_t size)
{
	struct kprobe *top;
	int ret = 0;

	mutex_lock(&kprobe_mutex);
	top = get_kprobe(addr);
	if (top)
		ret = change_probed_insn(top, old, new, size);
	else if (memcmp(addr, old, size))
		ret = -EBUSY;
	else
		text_poke_bp(addr, new, size, NULL);
	mutex_unlock(&kprobe_mutex);
	return ret;
}
