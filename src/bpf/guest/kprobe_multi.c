// SPDX-License-Identifier: MIT
/*
 * BPF_TRACE_KPROBE_MULTI links: one program on the entry, or the return, of many functions at once, given by name or by
 * address, with a cookie for each. Linux attaches through fprobe, that is, the function tracer; here each function gets a
 * probe, and the program sees what it would see there: ip behind the tracer's call. (kernel/trace/bpf_trace.c)
 */
#include <kernel/error-injection.h>
#include <kernel/kallsyms.h>
#include <kernel/kprobes.h>
#include <kernel/mm.h>
#include <kernel/vmalloc.h>
#include "link.h"
#include "run_context.h"

#define MCOUNT_INSN_SIZE	5

struct multi_probe {
	struct kretprobe rp;		/* its kprobe alone, unless the link is for returns */
	struct kprobe_multi_link *link;
	u64 cookie;
};

struct kprobe_multi_link {
	struct bpf_link link;
	bool is_return;
	u32 count, registered;
	struct multi_probe *probes;
};

static void run(struct multi_probe *probe, struct pt_regs *regs)
{
	struct bpf_run_ctx outer = bpf_run_ctx;

	if (++bpf_prog_active == 1) {
		bpf_run_ctx = (struct bpf_run_ctx){ .regs = regs, .bpf_cookie = probe->cookie };
		bpf_prog_run(probe->link->link.prog, regs);
		bpf_run_ctx = outer;
	}
	bpf_prog_active--;
}
NOKPROBE_SYMBOL(run);

static int entry_handler(struct kprobe *kp, struct pt_regs *regs)
{
	struct multi_probe *probe = container_of(kp, struct multi_probe, rp.kp);
	unsigned long ip = regs->ip, shown = (unsigned long)kp->addr + MCOUNT_INSN_SIZE;

	regs->ip = shown;
	run(probe, regs);
	/* An override has sent it elsewhere. */
	if (regs->ip != shown)
		return 1;
	regs->ip = ip;
	return 0;
}
NOKPROBE_SYMBOL(entry_handler);

static int return_handler(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	run(container_of(ri->rp, struct multi_probe, rp), regs);
	return 0;
}
NOKPROBE_SYMBOL(return_handler);

/* ---- which functions ---- */

static bool may_attach(unsigned long addr)
{
	return is_ftrace_location(addr) && !within_kprobe_blacklist(addr);
}

/* A name's function that can be attached to; of several of a name, the first. 0: there is none. */
struct wanted_symbol {
	const char *name;
	unsigned long addr;
};

static int find_symbol(void *data, const char *name, unsigned long addr)
{
	struct wanted_symbol *wanted = data;

	if (strcmp(name, wanted->name) || !may_attach(addr))
		return 0;
	wanted->addr = addr;
	return 1;
}

static int resolve_symbols(u64 syms, unsigned long *addrs, u32 count)
{
	struct wanted_symbol wanted;
	char *name = kmalloc(KSYM_NAME_LEN, GFP_KERNEL);
	u32 i, j;
	int err = 0;

	if (!name)
		return -ENOMEM;
	for (i = 0; i < count && !err; i++) {
		const char __user *user;
		long length;

		if (get_user(user, (const char __user *__user *)u64_to_user_ptr(syms) + i)) {
			err = -EFAULT;
			break;
		}
		length = strncpy_from_user(name, user, KSYM_NAME_LEN);
		if (length == KSYM_NAME_LEN)
			err = -E2BIG;
		if (length < 0)
			err = length;
		if (err)
			break;
		wanted = (struct wanted_symbol){ .name = name };
		kallsyms_on_each_symbol(find_symbol, &wanted);
		addrs[i] = wanted.addr;
	}
	kfree(name);
	/* A name that is not found, or that is given twice, leaves a function missing. */
	for (i = 0; i < count && !err; i++) {
		if (!addrs[i])
			err = -ESRCH;
		for (j = 0; j < i && !err; j++)
			if (addrs[j] == addrs[i])
				err = -ESRCH;
	}
	return err;
}

/* ---- the link ---- */

static void detach(struct kprobe_multi_link *link)
{
	while (link->registered) {
		struct multi_probe *probe = &link->probes[--link->registered];

		if (!probe->rp.kp.addr)
			continue;
		if (link->is_return)
			unregister_kretprobe(&probe->rp);
		else
			unregister_kprobe(&probe->rp.kp);
	}
}

static int attach(struct kprobe_multi_link *link, const unsigned long *addrs, const u64 *cookies)
{
	u32 i, j;
	int err;

	for (i = 0; i < link->count; i++)
		if (!may_attach(addrs[i]))
			return -EINVAL;
	for (i = 0; i < link->count; i++) {
		struct multi_probe *probe = &link->probes[i];

		probe->link = link;
		probe->cookie = cookies ? cookies[i] : 0;
		link->registered = i + 1;
		/* An address given twice is attached to once. */
		for (j = 0; j < i && addrs[j] != addrs[i]; j++)
			;
		if (j < i)
			continue;
		probe->rp.kp.addr = (kprobe_opcode_t *)addrs[i];
		if (link->is_return) {
			probe->rp.handler = return_handler;
			err = register_kretprobe(&probe->rp);
		} else {
			probe->rp.kp.pre_handler = entry_handler;
			err = register_kprobe(&probe->rp.kp);
		}
		if (err) {
			probe->rp.kp.addr = NULL;
			detach(link);
			return err;
		}
	}
	return 0;
}

static void kprobe_multi_link_release(struct bpf_link *base)
{
	detach(container_of(base, struct kprobe_multi_link, link));
}

static void kprobe_multi_link_dealloc(struct bpf_link *base)
{
	struct kprobe_multi_link *link = container_of(base, struct kprobe_multi_link, link);

	kvfree(link->probes);
	kfree(link);
}

static const struct bpf_link_ops kprobe_multi_link_ops = {
	.name = "kprobe_multi",
	.release = kprobe_multi_link_release,
	.dealloc = kprobe_multi_link_dealloc,
};

static bool may_all_fail(const unsigned long *addrs, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (!within_error_injection_list(addrs[i]))
			return false;
	return true;
}

static int make_link(const union bpf_attr *attr, struct bpf_prog *prog, const unsigned long *addrs, const u64 *cookies)
{
	struct kprobe_multi_link *link = kzalloc(sizeof(*link), GFP_KERNEL);
	int err = -ENOMEM;

	if (!link)
		return -ENOMEM;
	link->count = attr->link_create.kprobe_multi.cnt;
	link->is_return = attr->link_create.kprobe_multi.flags & BPF_F_KPROBE_MULTI_RETURN;
	link->probes = kvzalloc((size_t)link->count * sizeof(*link->probes), GFP_KERNEL);
	if (!link->probes)
		goto free;
	bpf_link_init(&link->link, BPF_LINK_TYPE_KPROBE_MULTI, &kprobe_multi_link_ops, prog);
	err = attach(link, addrs, cookies);
	if (err)
		goto free;
	err = bpf_link_settle(&link->link);
	if (err >= 0)
		return err;
	detach(link);
free:
	kvfree(link->probes);
	kfree(link);
	return err;
}

int bpf_kprobe_multi_link_attach(const union bpf_attr *attr, struct bpf_prog *prog)
{
	u64 uaddrs = attr->link_create.kprobe_multi.addrs, usyms = attr->link_create.kprobe_multi.syms;
	u64 ucookies = attr->link_create.kprobe_multi.cookies;
	u32 count = attr->link_create.kprobe_multi.cnt;
	size_t size = (size_t)count * sizeof(u64);
	unsigned long *addrs;
	u64 *cookies = NULL;
	int err;

	if (prog->expected_attach_type != BPF_TRACE_KPROBE_MULTI || prog->sleepable ||
	    attr->link_create.kprobe_multi.flags & ~BPF_F_KPROBE_MULTI_RETURN || !uaddrs == !usyms || !count)
		return -EINVAL;
	addrs = kvmalloc(size, GFP_KERNEL | __GFP_NOWARN);
	if (!addrs)
		return -ENOMEM;
	if (ucookies) {
		cookies = kvmalloc(size, GFP_KERNEL | __GFP_NOWARN);
		err = -ENOMEM;
		if (!cookies)
			goto free;
		err = -EFAULT;
		if (copy_from_user(cookies, u64_to_user_ptr(ucookies), size))
			goto free;
	}
	if (uaddrs)
		err = copy_from_user(addrs, u64_to_user_ptr(uaddrs), size) ? -EFAULT : 0;
	else
		err = resolve_symbols(usyms, addrs, count);
	if (!err && prog->kprobe_override && !may_all_fail(addrs, count))
		err = -EINVAL;
	if (!err)
		err = make_link(attr, prog, addrs, cookies);
free:
	kvfree(addrs);
	kvfree(cookies);
	return err;
}
