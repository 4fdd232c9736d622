// SPDX-License-Identifier: MIT
/* BPF_RAW_TRACEPOINT_OPEN: a program on a tracepoint that gets its arguments as they are. */
#include <kernel/kprobes.h>
#include <kernel/seq_file.h>
#include <kernel/tracepoint.h>
#include "internal.h"
#include "run_context.h"

#define MAX_TRACEPOINT_NAME 128

struct raw_tp_link {
	struct tracepoint_probe probe;
	struct tracepoint *tp;
	struct bpf_prog *prog;
	bool running;
	u32 id;
};

static u32 last_id;

static void run(struct tracepoint_probe *probe, const u64 *args, unsigned int nr_args)
{
	struct raw_tp_link *link = container_of(probe, struct raw_tp_link, probe);
	struct bpf_run_ctx outer = bpf_run_ctx;

	/* A program does not interrupt itself. */
	if (link->running)
		return;
	link->running = true;
	bpf_run_ctx = (struct bpf_run_ctx){ 0 };
	bpf_prog_run(link->prog, args);
	bpf_run_ctx = outer;
	link->running = false;
}

static int raw_tp_release(struct inode *inode, struct file *file)
{
	struct raw_tp_link *link = file->private_data;

	tracepoint_probe_unregister(link->tp, &link->probe);
	bpf_prog_put(link->prog);
	kfree(link);
	return 0;
}

static void raw_tp_show_fdinfo(struct seq_file *m, struct file *file)
{
	const struct raw_tp_link *link = file->private_data;

	seq_printf(m, "link_type:\traw_tracepoint\nlink_id:\t%u\nprog_tag:\t", link->id);
	for (unsigned int i = 0; i < sizeof(link->prog->tag); i++)
		seq_printf(m, "%02x", link->prog->tag[i]);
	seq_printf(m, "\nprog_id:\t%u\ntp_name:\t%s\n", link->prog->id, link->tp->name);
}

static const struct file_operations raw_tp_fops = {
	.release = raw_tp_release, .show_fdinfo = raw_tp_show_fdinfo, .llseek = noop_llseek,
};

static int attach(struct bpf_prog *prog, const char *name)
{
	struct tracepoint *tp = tracepoint_find(name);
	struct raw_tp_link *link;
	int fd;

	if (!tp)
		return -ENOENT;
	if (prog->max_ctx_offset > tp->nr_args * sizeof(u64))
		return -EINVAL;
	link = kzalloc(sizeof(*link), GFP_USER);
	if (!link)
		return -ENOMEM;
	link->tp = tp;
	link->prog = prog;
	link->probe.func = run;
	link->id = bpf_new_id(&last_id);
	tracepoint_probe_register(tp, &link->probe);
	fd = anon_inode_getfd("bpf-raw-tracepoint", &raw_tp_fops, link, O_CLOEXEC);
	if (fd < 0) {
		tracepoint_probe_unregister(tp, &link->probe);
		kfree(link);
	}
	return fd;
}

int raw_tracepoint_open(union bpf_attr *attr)
{
	struct bpf_prog *prog = bpf_prog_get(attr->raw_tracepoint.prog_fd);
	char name[MAX_TRACEPOINT_NAME];
	int ret = -EINVAL;

	if (IS_ERR(prog))
		return PTR_ERR(prog);
	if (prog->type == BPF_PROG_TYPE_RAW_TRACEPOINT || prog->type == BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE) {
		long length = strncpy_from_user(name, (const char __user *)attr->raw_tracepoint.name, sizeof(name) - 1);

		name[sizeof(name) - 1] = '\0';
		ret = length < 0 ? -EFAULT : attach(prog, name);
	}
	if (ret < 0)
		bpf_prog_put(prog);
	return ret;
}
