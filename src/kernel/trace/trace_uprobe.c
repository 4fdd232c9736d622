// SPDX-License-Identifier: MIT
/*
 * Uprobes that are trace events, made by writing to uprobe_events or by perf_event_open(2) with the uprobe PMU.
 * (Documentation/trace/uprobetracer.rst)
 */
#include "trace_uprobe.h"
#include "trace_kprobe.h"
#include <kernel/bpf.h>
#include <kernel/ctype.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/perf_event.h>
#include <kernel/sched.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/string.h>

/* ---- the hit ---- */

static void hit(struct trace_uprobe *tu, unsigned long func, struct pt_regs *regs)
{
	struct trace_event_call *call = &tu->event->call;
	unsigned long addr = func ? func : regs->ip;
	bool to_perf = call->perf_refcount > 0;

	tu->nhit++;
	if (to_perf && call->prog_array && !bpf_prog_run_array_sleepable(call, regs))
		to_perf = false;
	if (!call->tracefs_enabled && !to_perf)
		return;
	/* Where the file is mapped, seen from the probe. */
	for (int i = 0; i < tu->nr_args; i++)
		tu->args[i].mapped = addr - tu->offset + tu->args[i].value;
	probe_event_emit(call, &tu->event->layout, tu->args, tu->nr_args, regs, addr, regs->ip, call->tracefs_enabled, to_perf);
}

/* Whether anybody listens to what happens in @mm. */
static bool listens(struct trace_uprobe *tu, struct mm_struct *mm)
{
	struct trace_event_call *call = &tu->event->call;
	struct perf_event *event;

	if (call->tracefs_enabled)
		return true;
	list_for_each_entry(event, &call->perf_events, tp_list)
		if (!event->task || event->task->mm == mm)
			return true;
	return false;
}

static bool filter(struct uprobe_consumer *consumer, struct mm_struct *mm)
{
	return listens(container_of(consumer, struct trace_uprobe, consumer), mm);
}

static int dispatcher(struct uprobe_consumer *consumer, struct pt_regs *regs)
{
	struct trace_uprobe *tu = container_of(consumer, struct trace_uprobe, consumer);

	if (!listens(tu, current->mm))
		return UPROBE_HANDLER_REMOVE;
	hit(tu, 0, regs);
	return 0;
}

static int return_dispatcher(struct uprobe_consumer *consumer, unsigned long func, struct pt_regs *regs)
{
	struct trace_uprobe *tu = container_of(consumer, struct trace_uprobe, consumer);

	if (listens(tu, current->mm))
		hit(tu, func, regs);
	return 0;
}

/* For uretprobes: at the entry there is nothing to do, but a process without listeners needs no breakpoint. */
static int return_filter(struct uprobe_consumer *consumer, struct pt_regs *regs)
{
	return listens(container_of(consumer, struct trace_uprobe, consumer), current->mm) ? 0 : UPROBE_HANDLER_REMOVE;
}

/* ---- the event behind one or several probes of a name ---- */

static struct trace_uprobe *first_probe(struct trace_event_call *call)
{
	struct trace_probe_event *event = container_of(call, struct trace_probe_event, call);

	return list_first_entry(&event->probes, struct trace_uprobe, sibling);
}

static int switch_probes(struct trace_event_call *call, bool on)
{
	struct trace_probe_event *event = container_of(call, struct trace_probe_event, call);
	struct trace_uprobe *tu, *done;
	int ret = 0;

	list_for_each_entry(tu, &event->probes, sibling) {
		if (!on) {
			uprobe_unregister(&tu->consumer);
			continue;
		}
		ret = uprobe_register(tu->file, tu->offset, tu->ref_ctr_offset, &tu->consumer);
		if (ret)
			break;
	}
	if (ret)
		list_for_each_entry(done, &event->probes, sibling) {
			if (done == tu)
				break;
			uprobe_unregister(&done->consumer);
		}
	return ret;
}

static int listeners_changed(struct trace_event_call *call)
{
	struct trace_probe_event *event = container_of(call, struct trace_probe_event, call);
	struct trace_uprobe *tu;
	int ret = 0;

	list_for_each_entry(tu, &event->probes, sibling) {
		int err = uprobe_apply(&tu->consumer);

		ret = ret ? ret : err;
	}
	return ret;
}

static void print_record(struct seq_file *m, struct trace_event_call *call, const void *record)
{
	struct trace_uprobe *tu = first_probe(call);

	if (tu->is_return)
		seq_printf(m, "(0x%lx <- 0x%lx)", probe_record_ret_addr(record), probe_record_addr(record));
	else
		seq_printf(m, "(0x%lx)", probe_record_addr(record));
	probe_args_print(m, tu->args, tu->nr_args, record, tu->event->layout.head_size);
}

static struct trace_probe_event *alloc_event(const char *group, const char *name)
{
	struct trace_probe_event *event = trace_probe_event_alloc(group, name);

	if (event) {
		event->call.flags = TRACE_EVENT_FL_UPROBE;
		event->call.reg = switch_probes;
		event->call.listeners_changed = listeners_changed;
		event->call.print = print_record;
	}
	return event;
}

/* ---- one probe ---- */

void trace_uprobe_free(struct trace_uprobe *tu)
{
	for (int i = 0; i < tu->nr_args; i++)
		probe_arg_free(&tu->args[i]);
	if (tu->file)
		fput(tu->file);
	kfree(tu->args);
	kfree(tu->filename);
	kfree(tu);
}

static struct file *open_code(const char *filename)
{
	struct path path;
	struct file *file;
	int ret = kern_path(filename, LOOKUP_FOLLOW, &path);

	if (ret)
		return ERR_PTR(ret);
	/* Before opening: that may have effects. */
	file = S_ISREG(path.dentry->d_inode->i_mode) ? dentry_open(&path, O_RDONLY) : ERR_PTR(-EINVAL);
	path_put(&path);
	return file;
}

struct trace_uprobe *trace_uprobe_alloc(const char *filename, unsigned long offset, unsigned long ref_ctr_offset,
					bool is_return, int nr_args)
{
	struct trace_uprobe *tu = kzalloc(sizeof(*tu), GFP_KERNEL);
	int ret = -ENOMEM;

	if (!tu)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&tu->dyn.list);
	INIT_LIST_HEAD(&tu->sibling);
	tu->filename = kstrdup(filename, GFP_KERNEL);
	if (!tu->filename)
		goto fail;
	if (nr_args && !(tu->args = kcalloc(nr_args, sizeof(*tu->args), GFP_KERNEL)))
		goto fail;
	tu->file = open_code(filename);
	if (IS_ERR(tu->file)) {
		ret = PTR_ERR(tu->file);
		tu->file = NULL;
		goto fail;
	}
	tu->offset = offset;
	tu->ref_ctr_offset = ref_ctr_offset;
	tu->is_return = is_return;
	tu->consumer.handler = is_return ? return_filter : dispatcher;
	tu->consumer.ret_handler = is_return ? return_dispatcher : NULL;
	tu->consumer.filter = filter;
	return tu;
fail:
	trace_uprobe_free(tu);
	return ERR_PTR(ret);
}

/* Adds a probe to an event that exists already. */
static int append_probe(struct trace_probe_event *event, struct trace_uprobe *tu, struct probe_event_error *error)
{
	struct trace_uprobe *other, *first = first_probe(&event->call);
	int different = probe_args_first_difference(tu->args, tu->nr_args, first->args, first->nr_args), ret;

	if (different) {
		*error = (struct probe_event_error){ "Argument type or name is different from existing probe", different + 1 };
		return -EEXIST;
	}
	list_for_each_entry(other, &event->probes, sibling)
		if (file_inode(other->file) == file_inode(tu->file) && other->offset == tu->offset &&
		    probe_args_same_texts(other->args, tu->args, tu->nr_args)) {
			*error = (struct probe_event_error){ "There is already the exact same probe event", 0 };
			return -EEXIST;
		}
	tu->event = event;
	list_add_tail(&tu->sibling, &event->probes);
	if (!event->call.enable_count)
		return 0;
	ret = uprobe_register(tu->file, tu->offset, tu->ref_ctr_offset, &tu->consumer);
	if (ret)
		list_del_init(&tu->sibling);
	return ret;
}

int trace_uprobe_register(struct trace_uprobe *tu, size_t args_size, const char *group, const char *name,
			  struct probe_event_error *error)
{
	struct trace_event_call *existing = trace_find_event_by_name(group, name);
	struct trace_probe_event *event;
	struct dyn_event *other;
	int ret;

	if (existing && !(existing->flags & TRACE_EVENT_FL_UPROBE))
		return -EEXIST;
	for_each_dyn_event_of(other, &trace_uprobe_ops) {
		struct trace_uprobe *there = container_of(other, struct trace_uprobe, dyn);

		if (file_inode(there->file) == file_inode(tu->file) && there->offset == tu->offset &&
		    there->ref_ctr_offset != tu->ref_ctr_offset)
			return -EINVAL;
	}
	if (existing) {
		if (first_probe(existing)->is_return != tu->is_return) {
			*error = (struct probe_event_error){ "Probe type is different from existing probe", 0 };
			return -EEXIST;
		}
		ret = append_probe(container_of(existing, struct trace_probe_event, call), tu, error);
		goto out;
	}
	event = alloc_event(group, name);
	if (!event)
		return -ENOMEM;
	ret = probe_event_describe(&event->call, &event->layout, tu->is_return, tu->args, tu->nr_args, args_size);
	if (ret) {
		trace_probe_event_free(event);
		return ret;
	}
	tu->event = event;
	list_add_tail(&tu->sibling, &event->probes);
	ret = trace_add_event_call(&event->call);
	if (ret) {
		trace_probe_event_free(event);
		return ret;
	}
out:
	if (!ret)
		dyn_event_add(&tu->dyn, &trace_uprobe_ops, &tu->event->call, tu->args, tu->nr_args);
	return ret;
}

int trace_uprobe_unregister(struct trace_uprobe *tu)
{
	struct trace_probe_event *event = tu->event;

	if (event->call.enable_count)
		return -EBUSY;
	if (list_is_singular(&event->probes)) {
		trace_buffer_forget(&event->call);
		trace_remove_event_call(&event->call);
	}
	list_del(&tu->dyn.list);
	list_del(&tu->sibling);
	if (list_empty(&event->probes))
		trace_probe_event_free(event);
	trace_uprobe_free(tu);
	return 0;
}

/* ---- uprobe PMU events: a probe event that only its perf event knows ---- */

struct trace_event_call *create_local_trace_uprobe(const char *filename, unsigned long offset, unsigned long ref_ctr_offset,
						   bool is_return)
{
	struct trace_uprobe *tu = trace_uprobe_alloc(filename, offset, ref_ctr_offset, is_return, 0);
	struct trace_probe_event *event;

	if (IS_ERR(tu))
		return ERR_CAST(tu);
	event = alloc_event(UPROBE_EVENT_SYSTEM, "DUMMY_EVENT");
	if (!event || probe_event_describe(&event->call, &event->layout, tu->is_return, NULL, 0, 0)) {
		if (event)
			trace_probe_event_free(event);
		trace_uprobe_free(tu);
		return ERR_PTR(-ENOMEM);
	}
	tu->event = event;
	list_add_tail(&tu->sibling, &event->probes);
	return &event->call;
}

void destroy_local_trace_uprobe(struct trace_event_call *call)
{
	struct trace_uprobe *tu = first_probe(call);

	trace_uprobe_free(tu);
	trace_probe_event_free(container_of(call, struct trace_probe_event, call));
}
