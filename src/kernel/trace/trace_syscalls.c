// SPDX-License-Identifier: MIT
/*
 * An event for the entry and one for the exit of each system call: syscalls:sys_enter_openat and so on, made from what
 * SYSCALL_DEFINE recorded of its arguments. There are hundreds, so each is made when its directory is first looked up
 * (or its id opened), and all when the directory of the group is listed. (Documentation/trace/events.rst)
 */
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <trace/events/syscalls.h>
#include "record.h"
#include "trace_syscalls.h"

#define MAX_SYSCALL_ARGS 6

struct syscall_event {
	struct trace_event_call call;
	const struct syscall_entry *entry;
	struct trace_event_field fields[1 + MAX_SYSCALL_ARGS];
};

struct syscall_record {
	struct trace_entry ent;
	int nr;
	int pad;
	unsigned long values[];		/* the arguments, or the result */
};

extern const struct syscall_entry __start_syscall_table[], __stop_syscall_table[];
/* By the number of the call; [0] exit, [1] entry, as their ids follow each other. */
static struct syscall_event *made[NR_syscalls][2];
static bool wanted[NR_syscalls][2];
static int first_id;

/* What Linux calls its functions where that is not the call's name. */
static const char *function_name(const char *name)
{
	static const char *const others[][2] = {
		{ "stat", "newstat" }, { "fstat", "newfstat" }, { "lstat", "newlstat" }, { "uname", "newuname" },
		{ "sendfile", "sendfile64" }, { "umount2", "umount" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++)
		if (!strcmp(name, others[i][0]))
			return others[i][1];
	return name;
}

/* ---- the hits ---- */

static void record(struct syscall_event *event, struct pt_regs *regs, long nr, const unsigned long *values, unsigned int count)
{
	size_t size = sizeof(struct syscall_record) + count * sizeof(long);
	struct syscall_record *record = trace_record_reserve(&size);

	if (!record)
		return;
	record->nr = nr;
	record->pad = 0;
	memcpy(record->values, values, count * sizeof(long));
	trace_record_commit_regs(&event->call, record, size, regs);
}

static void enter(struct tracepoint_probe *probe, const u64 *args, unsigned int nr_args)
{
	struct pt_regs *regs = (struct pt_regs *)args[0];
	unsigned long nr = args[1];
	unsigned long values[MAX_SYSCALL_ARGS] = { regs->di, regs->si, regs->dx, regs->r10, regs->r8, regs->r9 };

	if (nr < NR_syscalls && wanted[nr][1])
		record(made[nr][1], regs, nr, values, made[nr][1]->entry->nr_args);
}

static void leave(struct tracepoint_probe *probe, const u64 *args, unsigned int nr_args)
{
	struct pt_regs *regs = (struct pt_regs *)args[0];
	unsigned long nr = regs->orig_ax, result = args[1];

	if (nr < NR_syscalls && wanted[nr][0])
		record(made[nr][0], regs, nr, &result, 1);
}

static struct tracepoint_probe probes[2] = { { .func = leave }, { .func = enter } };
static unsigned int users[2];

static int listen(struct trace_event_call *call, bool on)
{
	struct syscall_event *event = container_of(call, struct syscall_event, call);
	unsigned long nr = event->entry->nr;
	bool at_entry = made[nr][1] == event;
	struct tracepoint *tp = at_entry ? &__tracepoint_sys_enter : &__tracepoint_sys_exit;

	wanted[nr][at_entry] = on;
	if (on && !users[at_entry]++)
		tracepoint_probe_register(tp, &probes[at_entry]);
	else if (!on && !--users[at_entry])
		tracepoint_probe_unregister(tp, &probes[at_entry]);
	return 0;
}

/* ---- what they look like ---- */

static void print_enter(struct seq_file *m, struct trace_event_call *call, const void *data)
{
	const struct syscall_event *event = container_of(call, struct syscall_event, call);
	const struct syscall_record *record = data;

	seq_printf(m, "sys_%s(", function_name(event->entry->name));
	for (unsigned int i = 0; i < event->entry->nr_args; i++)
		seq_printf(m, "%s%s: %lx", i ? ", " : "", event->entry->args[i], record->values[i]);
	seq_putc(m, ')');
}

static void print_exit(struct seq_file *m, struct trace_event_call *call, const void *data)
{
	const struct syscall_event *event = container_of(call, struct syscall_event, call);
	const struct syscall_record *record = data;

	seq_printf(m, "sys_%s -> 0x%lx", function_name(event->entry->name), record->values[0]);
}

static const char *entry_format(const struct syscall_entry *entry)
{
	size_t room = 64 + entry->nr_args * 96, at = 0;
	char *text = kmalloc(room, GFP_KERNEL);

	if (!text)
		return NULL;
	at += scnprintf(text + at, room - at, "\"");
	for (unsigned int i = 0; i < entry->nr_args; i++)
		at += scnprintf(text + at, room - at, "%s%s: 0x%%0%zulx", i ? ", " : "", entry->args[i], sizeof(long));
	at += scnprintf(text + at, room - at, "\"");
	for (unsigned int i = 0; i < entry->nr_args; i++)
		at += scnprintf(text + at, room - at, ", ((unsigned long)(REC->%s))", entry->args[i]);
	return text;
}

static void describe(struct syscall_event *event, bool at_entry)
{
	const struct syscall_entry *entry = event->entry;
	struct trace_event_field *field = event->fields;
	u16 offset = offsetof(struct syscall_record, values);

	*field++ = (struct trace_event_field){ "int", "__syscall_nr", offsetof(struct syscall_record, nr), 4, true };
	if (!at_entry)
		*field++ = (struct trace_event_field){ "long", "ret", offset, 8, true };
	for (unsigned int i = 0; at_entry && i < entry->nr_args; i++)
		*field++ = (struct trace_event_field){ entry->types[i], entry->args[i], offset + 8 * i, 8, false };
	event->call.fields = event->fields;
	event->call.nr_fields = field - event->fields;
}

/* ---- making them ---- */

static struct syscall_event *make_event(const struct syscall_entry *entry, bool at_entry)
{
	struct syscall_event *event = made[entry->nr][at_entry];

	if (event)
		return event;
	event = kzalloc(sizeof(*event), GFP_KERNEL);
	if (!event)
		return NULL;
	event->entry = entry;
	event->call.group = SYSCALL_EVENT_GROUP;
	event->call.name = kasprintf(GFP_KERNEL, "sys_%s_%s", at_entry ? "enter" : "exit", function_name(entry->name));
	event->call.print_fmt = at_entry ? entry_format(entry) : "\"0x%lx\", REC->ret";
	event->call.flags = TRACE_EVENT_FL_SYSCALL | TRACE_EVENT_FL_CAP_ANY;
	event->call.id = first_id + 2 * (entry - __start_syscall_table) + at_entry;
	event->call.print = at_entry ? print_enter : print_exit;
	event->call.reg = listen;
	describe(event, at_entry);
	if (event->call.name && event->call.print_fmt && !trace_add_event_call(&event->call)) {
		made[entry->nr][at_entry] = event;
		return event;
	}
	kfree(event->call.name);
	if (at_entry)
		kfree(event->call.print_fmt);
	kfree(event);
	return NULL;
}

void trace_syscalls_populate(void)
{
	for (const struct syscall_entry *entry = __start_syscall_table; entry < __stop_syscall_table; entry++) {
		make_event(entry, false);
		make_event(entry, true);
	}
}

struct trace_event_call *trace_syscalls_find_event(int id)
{
	int count = 2 * (__stop_syscall_table - __start_syscall_table);
	struct syscall_event *event;

	if (id < first_id || id >= first_id + count)
		return NULL;
	event = make_event(&__start_syscall_table[(id - first_id) / 2], (id - first_id) % 2);
	return event ? &event->call : NULL;
}

static struct dentry *lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	const char *name = (const char *)dentry->d_name.name, *rest = NULL;
	struct dentry *parent = dentry->d_parent;
	struct qstr q = dentry->d_name;
	bool at_entry = !strncmp(name, "sys_enter_", 10);

	if (at_entry || !strncmp(name, "sys_exit_", 9))
		rest = name + (at_entry ? 10 : 9);
	for (const struct syscall_entry *entry = __start_syscall_table; rest && entry < __stop_syscall_table; entry++)
		if (!strcmp(function_name(entry->name), rest) && make_event(entry, at_entry))
			return d_lookup(parent, &q);
	return simple_lookup(dir, dentry, flags);
}

static int open_dir(struct inode *inode, struct file *file)
{
	trace_syscalls_populate();
	return dcache_dir_open(inode, file);
}

static struct inode_operations dir_inode_operations;
static struct file_operations dir_operations;

static int __init trace_syscalls_init(void)
{
	struct dentry *dir = trace_event_group_dir(SYSCALL_EVENT_GROUP);

	if (!dir)
		return -ENOMEM;
	first_id = trace_reserve_ids(2 * (__stop_syscall_table - __start_syscall_table));
	dir_inode_operations = *dir->d_inode->i_op;
	dir_inode_operations.lookup = lookup;
	dir_operations = *dir->d_inode->i_fop;
	dir_operations.open = open_dir;
	dir->d_inode->i_op = &dir_inode_operations;
	dir->d_inode->i_fop = &dir_operations;
	return 0;
}
late_initcall(trace_syscalls_init);
