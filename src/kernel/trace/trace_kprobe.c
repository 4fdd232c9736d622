// SPDX-License-Identifier: MIT
/*
 * Probe events: kprobes that are trace events, made by writing to kprobe_events or by perf_event_open(2) with the kprobe
 * PMU. (Documentation/trace/kprobetrace.rst; semantics A12, A17, C21, C22)
 */
#include "error_log.h"
#include "probe_args.h"
#include "trace_kprobe.h"
#include <kernel/bpf.h>
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

LIST_HEAD(trace_kprobes);		/* of kprobe_events, in the order of definition */
DEFINE_MUTEX(trace_kprobe_mutex);

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

static size_t fill_record(struct trace_kprobe *tk, struct pt_regs *regs, unsigned long ret_addr, void *record)
{
	unsigned long *head = (unsigned long *)((char *)record + sizeof(struct trace_entry));

	head[0] = address_of(tk);
	if (trace_kprobe_is_return(tk))
		head[1] = ret_addr;
	return probe_args_fetch(tk->args, tk->nr_args, regs, record, tk->event->record_size);
}
NOKPROBE_SYMBOL(fill_record);

static void emit(struct trace_kprobe *tk, struct pt_regs *regs, unsigned long ret_addr, bool to_trace, bool to_perf)
{
	/* Static: one CPU, and a probe that hits in here is only counted as missed. */
	static char record[1024 + MAX_STRING * 8] __attribute__((aligned(8)));
	size_t size;

	if (tk->event->record_size + tk->nr_args * MAX_STRING > sizeof(record))
		return;
	size = fill_record(tk, regs, ret_addr, record);
	if (to_trace)
		trace_buffer_write(&tk->event->call, record, size);
	if (to_perf)
		perf_trace_submit(&tk->event->call, record, size, regs);
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
	if (regs->ip != ip)
		return 1;
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
	unsigned long ret_addr = regs->ip;

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
	struct trace_kprobe_event *event = container_of(call, struct trace_kprobe_event, call);

	return list_first_entry(&event->probes, struct trace_kprobe, sibling);
}

static int switch_probes(struct trace_event_call *call, bool on)
{
	struct trace_kprobe_event *event = container_of(call, struct trace_kprobe_event, call);
	struct trace_kprobe *tk;
	int ret = 0;

	list_for_each_entry(tk, &event->probes, sibling) {
		ret = on ? enable_kprobe(&tk->rp.kp) : disable_kprobe(&tk->rp.kp);
		if (ret)
			break;
	}
	return ret;
}

static void print_record(struct seq_file *m, struct trace_event_call *call, const void *record)
{
	struct trace_kprobe *tk = first_probe(call);
	const unsigned long *head = (const unsigned long *)((const char *)record + sizeof(struct trace_entry));

	if (trace_kprobe_is_return(tk))
		seq_printf(m, "(%pS <- %ps)", (void *)head[1], (void *)head[0]);
	else
		seq_printf(m, "(%pS)", (void *)head[0]);
	probe_args_print(m, tk->args, tk->nr_args, record);
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

/* Lays out the record and describes it for `format`. */
static int describe_event(struct trace_kprobe_event *event, struct trace_kprobe *tk)
{
	bool is_return = trace_kprobe_is_return(tk);
	unsigned int n = 0, nr = (is_return ? 2 : 1) + tk->nr_args;
	struct trace_event_field *fields = kcalloc(nr, sizeof(*fields), GFP_KERNEL);
	size_t room = 64 + tk->nr_args * (2 * MAX_ARG_NAME + 48), at = 0;
	char *fmt = kmalloc(room, GFP_KERNEL);
	u16 offset = sizeof(struct trace_entry);

	event->call.fields = fields;
	event->call.print_fmt = fmt;
	if (!fields || !fmt)
		return -ENOMEM;
	fields[n++] = (struct trace_event_field){ "unsigned long", is_return ? "__probe_func" : "__probe_ip", offset, 8, false };
	offset += 8;
	if (is_return) {
		fields[n++] = (struct trace_event_field){ "unsigned long", "__probe_ret_ip", offset, 8, false };
		offset += 8;
	}
	for (int i = 0; i < tk->nr_args; i++) {
		const struct fetch_type *type = tk->args[i].type;

		tk->args[i].offset = offset;
		fields[n++] = (struct trace_event_field){ type->c_type, tk->args[i].name, offset, type->size, type->is_signed };
		offset += type->size;
	}
	event->call.nr_fields = nr;
	event->record_size = offset;

	at += scnprintf(fmt + at, room - at, is_return ? "\"(%%lx <- %%lx)" : "\"(%%lx)");
	for (int i = 0; i < tk->nr_args; i++)
		at += scnprintf(fmt + at, room - at, " %s=%s", tk->args[i].name, tk->args[i].type->print);
	at += scnprintf(fmt + at, room - at, is_return ? "\", REC->__probe_func, REC->__probe_ret_ip" : "\", REC->__probe_ip");
	for (int i = 0; i < tk->nr_args; i++)
		at += scnprintf(fmt + at, room - at,
				tk->args[i].type->is_string ? ", __get_str(%s)" : ", REC->%s", tk->args[i].name);
	return 0;
}

static void free_event(struct trace_kprobe_event *event)
{
	kfree(event->call.fields);
	kfree(event->call.print_fmt);
	kfree(event->call.group);
	kfree(event->call.name);
	kfree(event);
}

static struct trace_kprobe_event *alloc_event(const char *group, const char *name)
{
	struct trace_kprobe_event *event = kzalloc(sizeof(*event), GFP_KERNEL);

	if (!event)
		return NULL;
	INIT_LIST_HEAD(&event->probes);
	INIT_LIST_HEAD(&event->call.perf_events);
	event->call.group = kstrdup(group, GFP_KERNEL);
	event->call.name = kstrdup(name, GFP_KERNEL);
	event->call.flags = TRACE_EVENT_FL_KPROBE;
	event->call.reg = switch_probes;
	event->call.print = print_record;
	if (event->call.group && event->call.name)
		return event;
	free_event(event);
	return NULL;
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
	INIT_LIST_HEAD(&tk->list);
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

static int register_probe(struct trace_kprobe *tk)
{
	return trace_kprobe_is_return(tk) ? register_kretprobe(&tk->rp) : register_kprobe(&tk->rp.kp);
}

static void unregister_probe(struct trace_kprobe *tk)
{
	if (trace_kprobe_is_return(tk))
		unregister_kretprobe(&tk->rp);
	else
		unregister_kprobe(&tk->rp.kp);
}

static bool same_place(const struct trace_kprobe *a, const struct trace_kprobe *b)
{
	if (!!a->symbol != !!b->symbol || a->offset != b->offset)
		return false;
	return a->symbol ? !strcmp(a->symbol, b->symbol) : address_of(a) == address_of(b);
}

static bool same_args(const struct trace_kprobe *a, const struct trace_kprobe *b, bool text_too)
{
	if (a->nr_args != b->nr_args)
		return false;
	for (int i = 0; i < a->nr_args; i++)
		if (a->args[i].type != b->args[i].type || strcmp(a->args[i].name, b->args[i].name) ||
		    (text_too && strcmp(a->args[i].text, b->args[i].text)))
			return false;
	return true;
}

/* Adds a probe to an event that exists already. */
static int append_probe(struct trace_kprobe_event *event, struct trace_kprobe *tk, const char **why)
{
	struct trace_kprobe *other;
	int ret;

	if (!same_args(first_probe(&event->call), tk, false)) {
		*why = "Argument type or name is different from existing probe";
		return -EEXIST;
	}
	list_for_each_entry(other, &event->probes, sibling)
		if (same_place(other, tk) && same_args(other, tk, true)) {
			*why = "There is already the exact same probe event";
			return -EEXIST;
		}
	for (int i = 0; i < tk->nr_args; i++)
		tk->args[i].offset = first_probe(&event->call)->args[i].offset;
	ret = register_probe(tk);
	if (ret)
		return ret;
	tk->event = event;
	list_add_tail(&tk->sibling, &event->probes);
	if (event->call.enable_count)
		enable_kprobe(&tk->rp.kp);
	return 0;
}

int trace_kprobe_register(struct trace_kprobe *tk, const char *group, const char *name, const char **why)
{
	struct trace_event_call *existing = trace_find_event_by_name(group, name);
	struct trace_kprobe_event *event;
	int ret;

	if (existing) {
		if (!(existing->flags & TRACE_EVENT_FL_KPROBE) ||
		    trace_kprobe_is_return(first_probe(existing)) != trace_kprobe_is_return(tk)) {
			*why = "Probe type is different from existing probe";
			return -EEXIST;
		}
		ret = append_probe(container_of(existing, struct trace_kprobe_event, call), tk, why);
		goto out;
	}
	event = alloc_event(group, name);
	if (!event)
		return -ENOMEM;
	ret = describe_event(event, tk);
	if (!ret)
		ret = register_probe(tk);
	if (ret) {
		free_event(event);
		return ret;
	}
	tk->event = event;
	list_add_tail(&tk->sibling, &event->probes);
	ret = trace_add_event_call(&event->call);
	if (ret) {
		unregister_probe(tk);
		free_event(event);
		return ret;
	}
out:
	if (!ret)
		list_add_tail(&tk->list, &trace_kprobes);
	return ret;
}

int trace_kprobe_unregister(struct trace_kprobe *tk)
{
	struct trace_kprobe_event *event = tk->event;

	if (list_first_entry(&event->probes, struct trace_kprobe, sibling)->sibling.next == &event->probes) {
		if (event->call.enable_count)
			return -EBUSY;
		trace_buffer_forget(&event->call);
		trace_remove_event_call(&event->call);
	} else if (event->call.enable_count) {
		return -EBUSY;
	}
	unregister_probe(tk);
	list_del(&tk->list);
	list_del(&tk->sibling);
	if (list_empty(&event->probes))
		free_event(event);
	trace_kprobe_free(tk);
	return 0;
}

/* ---- kprobe PMU events: a probe event that only its perf event knows ---- */

struct trace_event_call *create_local_trace_kprobe(const char *func, void *addr, unsigned long offset, bool is_return)
{
	static int next_local_id = 1 << 15;
	struct trace_kprobe *tk = trace_kprobe_alloc(func, offset, (char *)addr + (func ? 0 : offset), is_return, 0, 0);
	struct trace_kprobe_event *event;
	int ret = -ENOMEM;

	if (!tk)
		return ERR_PTR(-ENOMEM);
	if (!func)
		tk->rp.kp.offset = 0;
	event = alloc_event("kprobes", func ? func : "local");
	if (event)
		ret = describe_event(event, tk);
	if (!ret)
		ret = register_probe(tk);
	if (ret) {
		if (event)
			free_event(event);
		trace_kprobe_free(tk);
		return ERR_PTR(ret);
	}
	event->call.id = next_local_id++;
	tk->event = event;
	list_add_tail(&tk->sibling, &event->probes);
	return &event->call;
}

void destroy_local_trace_kprobe(struct trace_event_call *call)
{
	struct trace_kprobe *tk = first_probe(call);

	unregister_probe(tk);
	trace_kprobe_free(tk);
	free_event(container_of(call, struct trace_kprobe_event, call));
}
