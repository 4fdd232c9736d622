// SPDX-License-Identifier: MIT
/*
 * Probe events: kprobes that are trace events, made by writing to kprobe_events or by perf_event_open(2) with the kprobe
 * PMU. (Documentation/trace/kprobetrace.rst; semantics A12, A17, C21, C22)
 */
#include "error_log.h"
#include "probe_args.h"
#include "trace_kprobe.h"
#include <kernel/bpf.h>
#include <kernel/bpf_rules.h>
#include <kernel/ctype.h>
#include <kernel/err.h>
#include <kernel/error-injection.h>
#include <kernel/kallsyms.h>
#include <kernel/kernel.h>
#include <kernel/mutex.h>
#include <kernel/printk.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/string.h>

static unsigned long address_of(const struct trace_kprobe *tk)
{
	return (unsigned long)tk->rp.kp.addr;
}

bool trace_kprobe_is_return(const struct trace_kprobe *tk)
{
	return tk->rp.handler != NULL;
}

unsigned long trace_kprobe_nmissed(const struct trace_kprobe *tk)
{
	return tk->rp.kp.nmissed + tk->rp.nmissed;
}

/* ---- the hit ---- */

static void emit(struct trace_kprobe *tk, struct pt_regs *regs, unsigned long ret_addr, bool to_trace, bool to_perf)
{
	probe_event_emit(&tk->event->call, &tk->event->layout, tk->args, tk->nr_args, regs, address_of(tk), ret_addr, to_trace,
			 to_perf);
}
NOKPROBE_SYMBOL(emit);

/* Non-zero: a BPF program has sent the call elsewhere. (A17) */
static int run_programs(struct trace_kprobe *tk, struct pt_regs *regs, bool *store)
{
	struct trace_event_call *call = &tk->event->call;
	unsigned long ip = regs->ip;
	unsigned int ret;

	if (!call->prog_array)
		return 0;
	ret = trace_call_bpf(call, regs);
	if (bpf_rules != BPF_RULES_2017) {
		if (regs->ip != ip)
			return 1;
	} else if (bpf_kprobe_override && !trace_kprobe_is_return(tk)) {
		/* It may be another probe's: nobody looked at it when a return probe overrode. */
		bpf_kprobe_override = false;
		return 1;
	}
	if (!ret)
		*store = false;
	return 0;
}
NOKPROBE_SYMBOL(run_programs);

static int kprobe_dispatcher(struct kprobe *kp, struct pt_regs *regs)
{
	struct trace_kprobe *tk = container_of(kp, struct trace_kprobe, rp.kp);
	struct trace_event_call *call = &tk->event->call;
	bool to_perf = call->perf_refcount > 0;

	tk->nhit++;
	if (call->tracefs_enabled)
		emit(tk, regs, 0, true, false);
	if (to_perf) {
		if (run_programs(tk, regs, &to_perf))
			return 1;
		if (to_perf)
			emit(tk, regs, 0, false, true);
	}
	return 0;
}
NOKPROBE_SYMBOL(kprobe_dispatcher);

static int kretprobe_dispatcher(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct trace_kprobe *tk = container_of(ri->rp, struct trace_kprobe, rp);
	struct trace_event_call *call = &tk->event->call;
	bool to_perf = call->perf_refcount > 0;
	unsigned long ret_addr = ri->ret_addr;	/* the trampoline, if another probe hooked the frame before */

	tk->nhit++;
	if (call->tracefs_enabled)
		emit(tk, regs, ret_addr, true, false);
	if (to_perf && !run_programs(tk, regs, &to_perf) && to_perf)
		emit(tk, regs, ret_addr, false, true);
	return 0;
}
NOKPROBE_SYMBOL(kretprobe_dispatcher);

/* ---- the event behind one or several probes of a name ---- */

static struct trace_kprobe *first_probe(struct trace_event_call *call)
{
	struct trace_probe_event *event = container_of(call, struct trace_probe_event, call);

	return list_first_entry(&event->probes, struct trace_kprobe, sibling);
}

static int switch_probes(struct trace_event_call *call, bool on)
{
	struct trace_probe_event *event = container_of(call, struct trace_probe_event, call);
	struct trace_kprobe *tk;
	int ret = 0;

	list_for_each_entry(tk, &event->probes, sibling) {
		if (!tk->registered)
			continue;
		ret = on ? enable_kprobe(&tk->rp.kp) : disable_kprobe(&tk->rp.kp);
		if (ret)
			break;
	}
	if (ret && on)
		switch_probes(call, false);
	return ret;
}

static void print_record(struct seq_file *m, struct trace_event_call *call, const void *record)
{
	struct trace_kprobe *tk = first_probe(call);

	if (trace_kprobe_is_return(tk) && is_kretprobe_trampoline(probe_record_ret_addr(record)))
		seq_printf(m, "([unknown/kretprobe'd] <- %ps)", (void *)probe_record_addr(record));
	else if (trace_kprobe_is_return(tk))
		seq_printf(m, "(%pS <- %ps)", (void *)probe_record_ret_addr(record), (void *)probe_record_addr(record));
	else
		seq_printf(m, "(%pS)", (void *)probe_record_addr(record));
	probe_args_print(m, tk->args, tk->nr_args, record, tk->event->layout.head_size);
}

bool trace_kprobe_on_func_entry(struct trace_event_call *call)
{
	if (!(call->flags & TRACE_EVENT_FL_KPROBE))
		return false;
	return kprobe_on_func_entry(first_probe(call)->rp.kp.addr, NULL, 0) == 0;
}

bool trace_kprobe_error_injectable(struct trace_event_call *call)
{
	return (call->flags & TRACE_EVENT_FL_KPROBE) && within_error_injection_list(address_of(first_probe(call)));
}

bool trace_kprobe_ftrace(struct trace_event_call *call)
{
	return (call->flags & TRACE_EVENT_FL_KPROBE) && (first_probe(call)->rp.kp.flags & KPROBE_FLAG_FTRACE);
}

bool trace_kprobe_describe(struct trace_event_call *call, bool *is_return, const char **symbol, u64 *offset, u64 *addr)
{
	struct trace_kprobe *tk;

	if (!(call->flags & TRACE_EVENT_FL_KPROBE))
		return false;
	tk = first_probe(call);
	*is_return = tk->rp.handler;
	*symbol = tk->symbol;
	*offset = tk->symbol ? tk->offset : 0;
	*addr = tk->symbol ? 0 : (u64)tk->rp.kp.addr;
	return true;
}

static struct trace_probe_event *alloc_event(const char *group, const char *name)
{
	struct trace_probe_event *event = trace_probe_event_alloc(group, name);

	if (event) {
		event->call.flags = TRACE_EVENT_FL_KPROBE;
		event->call.reg = switch_probes;
		event->call.print = print_record;
	}
	return event;
}

/* ---- one probe ---- */

void trace_kprobe_free(struct trace_kprobe *tk)
{
	for (int i = 0; i < tk->nr_args; i++)
		probe_arg_free(&tk->args[i]);
	kfree(tk->args);
	kfree(tk->symbol);
	kfree(tk);
}

struct trace_kprobe *trace_kprobe_alloc(const char *symbol, unsigned long offset, void *addr, bool is_return, int maxactive,
					int nr_args)
{
	struct trace_kprobe *tk = kzalloc(sizeof(*tk), GFP_KERNEL);

	if (!tk)
		return NULL;
	INIT_LIST_HEAD(&tk->dyn.list);
	INIT_LIST_HEAD(&tk->sibling);
	if (nr_args && !(tk->args = kcalloc(nr_args, sizeof(*tk->args), GFP_KERNEL)))
		goto fail;
	if (symbol && !(tk->symbol = kstrdup(symbol, GFP_KERNEL)))
		goto fail;
	tk->rp.kp.symbol_name = tk->symbol;
	tk->rp.kp.addr = symbol ? NULL : addr;
	tk->rp.kp.offset = offset;
	tk->offset = offset;
	tk->rp.maxactive = maxactive;
	tk->rp.kp.flags = KPROBE_FLAG_DISABLED;	/* armed when somebody listens */
	if (is_return)
		tk->rp.handler = kretprobe_dispatcher;
	else
		tk->rp.kp.pre_handler = kprobe_dispatcher;
	return tk;
fail:
	trace_kprobe_free(tk);
	return NULL;
}

/* Is the probe's symbol in a module that is not there? No module ever is. */
static bool is_pending(const struct trace_kprobe *tk)
{
	return !tk->symbol || strchr(tk->symbol, ':');
}

static int register_probe(struct trace_kprobe *tk)
{
	int ret = 0;

	for (int i = 0; i < tk->nr_args && !ret; i++)
		ret = probe_arg_resolve(&tk->args[i]);
	if (ret)
		return ret;
	if (tk->event->call.enable_count)
		tk->rp.kp.flags &= ~KPROBE_FLAG_DISABLED;
	ret = trace_kprobe_is_return(tk) ? register_kretprobe(&tk->rp) : register_kprobe(&tk->rp.kp);
	tk->registered = !ret;
	return ret;
}

/* The same for an event of kprobe_events, which may wait for a module. */
static int register_or_wait(struct trace_kprobe *tk)
{
	int ret = register_probe(tk);

	if (ret == -ENOENT && is_pending(tk)) {
		pr_warn("trace_kprobe: This probe might be able to register after target module is loaded. Continue.\n");
		ret = 0;
	}
	return ret;
}

static void unregister_probe(struct trace_kprobe *tk)
{
	if (!tk->registered)
		return;
	if (trace_kprobe_is_return(tk))
		unregister_kretprobe(&tk->rp);
	else
		unregister_kprobe(&tk->rp.kp);
	tk->registered = false;
}

/* By what the command said: all probes by address count as at one place, as in Linux. */
static bool same_place(const struct trace_kprobe *a, const struct trace_kprobe *b)
{
	return !strcmp(a->symbol ? a->symbol : "", b->symbol ? b->symbol : "") &&
	       (a->symbol ? a->offset : 0) == (b->symbol ? b->offset : 0);
}

static int refuse(struct probe_event_error *error, int word, const char *message)
{
	*error = (struct probe_event_error){ message, word };
	return -EEXIST;
}

/* Adds a probe to an event that exists already. */
static int append_probe(struct trace_probe_event *event, struct trace_kprobe *tk, struct probe_event_error *error)
{
	struct trace_kprobe *first = first_probe(&event->call), *other;
	int different = probe_args_first_difference(tk->args, tk->nr_args, first->args, first->nr_args), ret;

	if (trace_kprobe_is_return(first) != trace_kprobe_is_return(tk))
		return refuse(error, 0, "Probe type is different from existing probe");
	if (different)
		return refuse(error, different + 1, "Argument type or name is different from existing probe");
	list_for_each_entry(other, &event->probes, sibling)
		if (same_place(other, tk) && probe_args_same_texts(other->args, tk->args, tk->nr_args))
			return refuse(error, 0, "There is already the exact same probe event");
	tk->event = event;
	list_add_tail(&tk->sibling, &event->probes);
	ret = register_or_wait(tk);
	if (ret)
		list_del_init(&tk->sibling);
	return ret;
}

static int create_event(struct trace_kprobe *tk, size_t args_size, const char *group, const char *name)
{
	struct trace_probe_event *event = alloc_event(group, name);
	int ret;

	if (!event)
		return -ENOMEM;
	tk->event = event;
	list_add_tail(&tk->sibling, &event->probes);
	ret = probe_event_describe(&event->call, &event->layout, trace_kprobe_is_return(tk), tk->args, tk->nr_args,
				   args_size);
	if (!ret)
		ret = register_or_wait(tk);
	if (!ret) {
		ret = trace_add_event_call(&event->call);
		if (ret)
			unregister_probe(tk);
	}
	if (ret) {
		list_del_init(&tk->sibling);
		trace_probe_event_free(event);
	}
	return ret;
}

/* Names what is wrong with the place that could not be probed. */
static void explain(int code, struct probe_event_error *error)
{
	error->word = 1;
	if (code == -EILSEQ)
		error->message = "Probe point is not an instruction boundary";
	else if (code == -ENOENT)
		error->message = "Invalid probed address or symbol";
	else if (code != -ENOMEM && code != -EEXIST)
		error->message = "Failed to register probe event";
}

int trace_kprobe_register(struct trace_kprobe *tk, size_t args_size, const char *group, const char *name,
			  struct probe_event_error *error)
{
	struct trace_event_call *existing = trace_find_event_by_name(group, name);
	int ret;

	if (!existing)
		ret = create_event(tk, args_size, group, name);
	else if (existing->flags & TRACE_EVENT_FL_KPROBE)
		ret = append_probe(container_of(existing, struct trace_probe_event, call), tk, error);
	else
		return refuse(error, 0, "Given group/event name is already used by another event");
	if (!ret)
		dyn_event_add(&tk->dyn, &trace_kprobe_ops, &tk->event->call, tk->args, tk->nr_args);
	else if (!error->message)
		explain(ret, error);
	return ret;
}

int trace_kprobe_unregister(struct trace_kprobe *tk)
{
	struct trace_probe_event *event = tk->event;
	bool alone = event->probes.next == event->probes.prev;

	if (alone) {
		if (event->call.enable_count)
			return -EBUSY;
		trace_buffer_forget(&event->call);
		trace_remove_event_call(&event->call);
	}
	unregister_probe(tk);
	list_del(&tk->dyn.list);
	list_del(&tk->sibling);
	if (alone)
		trace_probe_event_free(event);
	trace_kprobe_free(tk);
	return 0;
}

/* ---- kprobe PMU events: a probe event that only its perf event knows ---- */

struct trace_event_call *create_local_trace_kprobe(const char *func, void *addr, unsigned long offset, bool is_return)
{
	unsigned int symbols = func && !strchr(func, ':') ? kallsyms_count_name(func) : 1;
	struct trace_probe_event *event;
	struct trace_kprobe *tk;
	int ret;

	if (symbols != 1)
		return ERR_PTR(symbols ? -EADDRNOTAVAIL : -ENOENT);
	/* An offset belongs to a symbol; an address is taken as it is. */
	tk = trace_kprobe_alloc(func, func ? offset : 0, addr, is_return, 0, 0);
	event = alloc_event(KPROBE_EVENT_SYSTEM, func ? func : "DUMMY_EVENT");
	ret = tk && event ? probe_event_describe(&event->call, &event->layout, is_return, NULL, 0, 0) : -ENOMEM;
	if (!ret) {
		tk->event = event;
		ret = register_probe(tk);
	}
	if (ret) {
		if (event)
			trace_probe_event_free(event);
		if (tk)
			trace_kprobe_free(tk);
		return ERR_PTR(ret);
	}
	list_add_tail(&tk->sibling, &event->probes);
	return &event->call;
}

void destroy_local_trace_kprobe(struct trace_event_call *call)
{
	struct trace_kprobe *tk = first_probe(call);

	unregister_probe(tk);
	trace_kprobe_free(tk);
	trace_probe_event_free(container_of(call, struct trace_probe_event, call));
}
