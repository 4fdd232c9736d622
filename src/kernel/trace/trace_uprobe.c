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

LIST_HEAD(trace_uprobes);		/* of uprobe_events, in the order of definition */
DEFINE_MUTEX(trace_uprobe_mutex);

/* ---- the hit ---- */

static size_t fill_record(struct trace_uprobe *tu, unsigned long func, struct pt_regs *regs, void *record)
{
	unsigned long *head = (unsigned long *)((char *)record + sizeof(struct trace_entry));

	head[0] = func ? func : regs->ip;
	if (tu->is_return)
		head[1] = regs->ip;
	/* Where the file is mapped, seen from the probe. */
	for (int i = 0; i < tu->nr_args; i++)
		if (tu->file_offsets[i] != ~0UL)
			tu->args[i].value = head[0] - tu->offset + tu->file_offsets[i];
	return probe_args_fetch(tu->args, tu->nr_args, regs, record, tu->event->record_size);
}

static void hit(struct trace_uprobe *tu, unsigned long func, struct pt_regs *regs)
{
	static char record[1024 + MAX_STRING * 8] __attribute__((aligned(8)));
	struct trace_event_call *call = &tu->event->call;
	bool to_perf = call->perf_refcount > 0;
	size_t size;

	tu->nhit++;
	if (to_perf && call->prog_array && !trace_call_bpf(call, regs))
		to_perf = false;
	if (!call->tracefs_enabled && !to_perf)
		return;
	if (tu->event->record_size + tu->nr_args * MAX_STRING > sizeof(record))
		return;
	size = fill_record(tu, func, regs, record);
	if (call->tracefs_enabled)
		trace_buffer_write(call, record, size);
	if (to_perf) {
		trace_event_fill_entry(call, (struct trace_entry *)record);
		perf_trace_submit(call, record, size, regs);
	}
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
	struct trace_uprobe_event *event = container_of(call, struct trace_uprobe_event, call);

	return list_first_entry(&event->probes, struct trace_uprobe, sibling);
}

static int switch_probes(struct trace_event_call *call, bool on)
{
	struct trace_uprobe_event *event = container_of(call, struct trace_uprobe_event, call);
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
	struct trace_uprobe_event *event = container_of(call, struct trace_uprobe_event, call);
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
	const unsigned long *head = (const unsigned long *)((const char *)record + sizeof(struct trace_entry));

	if (tu->is_return)
		seq_printf(m, "(0x%lx <- 0x%lx)", head[1], head[0]);
	else
		seq_printf(m, "(0x%lx)", head[0]);
	probe_args_print(m, tu->args, tu->nr_args, record);
}

/* Lays out the record and describes it for `format`. */
static int describe_event(struct trace_uprobe_event *event, struct trace_uprobe *tu)
{
	unsigned int n = 0, nr = (tu->is_return ? 2 : 1) + tu->nr_args;
	struct trace_event_field *fields = kcalloc(nr, sizeof(*fields), GFP_KERNEL);
	size_t room = 64 + tu->nr_args * (2 * MAX_ARG_NAME + 48), at = 0;
	char *fmt = kmalloc(room, GFP_KERNEL);
	u16 offset = sizeof(struct trace_entry);

	event->call.fields = fields;
	event->call.print_fmt = fmt;
	if (!fields || !fmt)
		return -ENOMEM;
	fields[n++] = (struct trace_event_field){ "unsigned long", tu->is_return ? "__probe_func" : "__probe_ip", offset, 8,
						  false };
	offset += 8;
	if (tu->is_return) {
		fields[n++] = (struct trace_event_field){ "unsigned long", "__probe_ret_ip", offset, 8, false };
		offset += 8;
	}
	for (int i = 0; i < tu->nr_args; i++) {
		const struct fetch_type *type = tu->args[i].type;

		tu->args[i].offset = offset;
		fields[n++] = (struct trace_event_field){ type->c_type, tu->args[i].name, offset, type->size,
							  type->is_signed || type->is_string };
		offset += type->size;
	}
	event->call.nr_fields = nr;
	event->record_size = offset;

	at += scnprintf(fmt + at, room - at, tu->is_return ? "\"(%%lx <- %%lx)" : "\"(%%lx)");
	for (int i = 0; i < tu->nr_args; i++)
		at += scnprintf(fmt + at, room - at, " %s=%s", tu->args[i].name, tu->args[i].type->print);
	at += scnprintf(fmt + at, room - at,
			tu->is_return ? "\", REC->__probe_func, REC->__probe_ret_ip" : "\", REC->__probe_ip");
	for (int i = 0; i < tu->nr_args; i++)
		at += scnprintf(fmt + at, room - at,
				tu->args[i].type->is_string ? ", __get_str(%s)" : ", REC->%s", tu->args[i].name);
	return 0;
}

static void free_event(struct trace_uprobe_event *event)
{
	kfree(event->call.fields);
	kfree(event->call.print_fmt);
	kfree(event->call.group);
	kfree(event->call.name);
	kfree(event);
}

static struct trace_uprobe_event *alloc_event(const char *group, const char *name)
{
	struct trace_uprobe_event *event = kzalloc(sizeof(*event), GFP_KERNEL);

	if (!event)
		return NULL;
	INIT_LIST_HEAD(&event->probes);
	INIT_LIST_HEAD(&event->call.perf_events);
	event->call.group = kstrdup(group, GFP_KERNEL);
	event->call.name = kstrdup(name, GFP_KERNEL);
	event->call.flags = TRACE_EVENT_FL_UPROBE;
	event->call.reg = switch_probes;
	event->call.listeners_changed = listeners_changed;
	event->call.print = print_record;
	if (event->call.group && event->call.name)
		return event;
	free_event(event);
	return NULL;
}

/* ---- one probe ---- */

void trace_uprobe_free(struct trace_uprobe *tu)
{
	for (int i = 0; i < tu->nr_args; i++)
		probe_arg_free(&tu->args[i]);
	if (tu->file)
		fput(tu->file);
	kfree(tu->args);
	kfree(tu->file_offsets);
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
	INIT_LIST_HEAD(&tu->list);
	INIT_LIST_HEAD(&tu->sibling);
	tu->filename = kstrdup(filename, GFP_KERNEL);
	if (!tu->filename)
		goto fail;
	if (nr_args) {
		tu->args = kcalloc(nr_args, sizeof(*tu->args), GFP_KERNEL);
		tu->file_offsets = kcalloc(nr_args, sizeof(*tu->file_offsets), GFP_KERNEL);
		if (!tu->args || !tu->file_offsets)
			goto fail;
	}
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

static int dereference(struct probe_arg *arg, long offset)
{
	if (arg->depth == MAX_FETCH_DEPTH)
		return -EINVAL;
	memmove(arg->offsets + 1, arg->offsets, arg->depth * sizeof(arg->offsets[0]));
	arg->offsets[0] = offset;
	arg->depth++;
	return 0;
}

int trace_uprobe_parse_arg(struct trace_uprobe *tu, const char *text, int index, struct probe_arg_error *error)
{
	struct probe_arg *arg = &tu->args[index];
	const char *at = strchr(text, '@'), *body = strchr(text, '=');
	char *copy = kstrdup(text, GFP_KERNEL);
	bool file_offset = at && at[1] == '+';
	int ret = 0;

	if (!copy)
		return -ENOMEM;
	tu->file_offsets[index] = ~0UL;
	if (at && !file_offset && !isdigit(at[1])) {
		error->message = "Symbol is not available with uprobe";
		error->position = at - text;
		kfree(copy);
		return -EINVAL;
	}
	/* The parser knows no file offsets: it sees an immediate number of the same length. */
	if (file_offset) {
		copy[at - text] = '\\';
		memmove(copy + (at - text) + 1, at + 2, strlen(at + 2) + 1);
	}
	ret = probe_arg_parse(arg, copy, index, tu->is_return, error);
	kfree(copy);
	if (ret)
		return ret;
	if (file_offset) {
		kfree(arg->text);
		arg->text = kstrdup(body ? body + 1 : text, GFP_KERNEL);
		tu->file_offsets[index] = arg->value;
		ret = dereference(arg, 0);
	} else if (arg->base == FETCH_MEMORY) {
		arg->base = FETCH_IMMEDIATE;
		ret = dereference(arg, 0);
	} else if (arg->base == FETCH_STACK) {
		arg->base = FETCH_STACK_ADDR;
		ret = dereference(arg, arg->value * sizeof(long));
	}
	/* All memory that a probe in user code sees is the process's. */
	for (unsigned int i = 0; i < arg->depth; i++)
		arg->user[i] = true;
	if (!ret && !arg->text)
		ret = -ENOMEM;
	if (ret)
		probe_arg_free(arg);
	return ret;
}

static bool same_args(const struct trace_uprobe *a, const struct trace_uprobe *b, bool text_too)
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
static int append_probe(struct trace_uprobe_event *event, struct trace_uprobe *tu, const char **why)
{
	struct trace_uprobe *other;
	int ret;

	if (!same_args(first_probe(&event->call), tu, false)) {
		*why = "Argument type or name is different from existing probe";
		return -EEXIST;
	}
	list_for_each_entry(other, &event->probes, sibling)
		if (file_inode(other->file) == file_inode(tu->file) && other->offset == tu->offset && same_args(other, tu, true)) {
			*why = "There is already the exact same probe event";
			return -EEXIST;
		}
	for (int i = 0; i < tu->nr_args; i++)
		tu->args[i].offset = first_probe(&event->call)->args[i].offset;
	tu->event = event;
	list_add_tail(&tu->sibling, &event->probes);
	if (!event->call.enable_count)
		return 0;
	ret = uprobe_register(tu->file, tu->offset, tu->ref_ctr_offset, &tu->consumer);
	if (ret)
		list_del_init(&tu->sibling);
	return ret;
}

int trace_uprobe_register(struct trace_uprobe *tu, const char *group, const char *name, const char **why)
{
	struct trace_event_call *existing = trace_find_event_by_name(group, name);
	struct trace_uprobe_event *event;
	struct trace_uprobe *other;
	int ret;

	if (existing && !(existing->flags & TRACE_EVENT_FL_UPROBE))
		return -EEXIST;
	list_for_each_entry(other, &trace_uprobes, list)
		if (file_inode(other->file) == file_inode(tu->file) && other->offset == tu->offset &&
		    other->ref_ctr_offset != tu->ref_ctr_offset)
			return -EINVAL;
	if (existing) {
		if (first_probe(existing)->is_return != tu->is_return) {
			*why = "Probe type is different from existing probe";
			return -EEXIST;
		}
		ret = append_probe(container_of(existing, struct trace_uprobe_event, call), tu, why);
		goto out;
	}
	event = alloc_event(group, name);
	if (!event)
		return -ENOMEM;
	ret = describe_event(event, tu);
	if (ret) {
		free_event(event);
		return ret;
	}
	tu->event = event;
	list_add_tail(&tu->sibling, &event->probes);
	ret = trace_add_event_call(&event->call);
	if (ret) {
		free_event(event);
		return ret;
	}
out:
	if (!ret)
		list_add_tail(&tu->list, &trace_uprobes);
	return ret;
}

int trace_uprobe_unregister(struct trace_uprobe *tu)
{
	struct trace_uprobe_event *event = tu->event;

	if (event->call.enable_count)
		return -EBUSY;
	if (list_is_singular(&event->probes)) {
		trace_buffer_forget(&event->call);
		trace_remove_event_call(&event->call);
	}
	list_del(&tu->list);
	list_del(&tu->sibling);
	if (list_empty(&event->probes))
		free_event(event);
	trace_uprobe_free(tu);
	return 0;
}

/* ---- uprobe PMU events: a probe event that only its perf event knows ---- */

struct trace_event_call *create_local_trace_uprobe(const char *filename, unsigned long offset, unsigned long ref_ctr_offset,
						   bool is_return)
{
	struct trace_uprobe *tu = trace_uprobe_alloc(filename, offset, ref_ctr_offset, is_return, 0);
	struct trace_uprobe_event *event;

	if (IS_ERR(tu))
		return ERR_CAST(tu);
	event = alloc_event(UPROBE_EVENT_SYSTEM, "DUMMY_EVENT");
	if (!event || describe_event(event, tu)) {
		if (event)
			free_event(event);
		trace_uprobe_free(tu);
		return ERR_PTR(-ENOMEM);
	}
	event->call.id = next_local_event_id();
	tu->event = event;
	list_add_tail(&tu->sibling, &event->probes);
	return &event->call;
}

void destroy_local_trace_uprobe(struct trace_event_call *call)
{
	struct trace_uprobe *tu = first_probe(call);

	trace_uprobe_free(tu);
	free_event(container_of(call, struct trace_uprobe_event, call));
}
