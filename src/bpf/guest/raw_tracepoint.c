// SPDX-License-Identifier: MIT
/* BPF_RAW_TRACEPOINT_OPEN: a program on a tracepoint that gets its arguments as they are. */
#include <kernel/kprobes.h>
#include <kernel/seq_file.h>
#include <kernel/tracepoint.h>
#include "link.h"
#include "run_context.h"
#include "trampoline.h"

#define MAX_TRACEPOINT_NAME 128

struct raw_tp_link {
	struct bpf_link link;
	struct tracepoint_probe probe;
	struct tracepoint *tp;
	bool running;
};

static void run(struct tracepoint_probe *probe, const u64 *args, unsigned int nr_args)
{
	struct raw_tp_link *link = container_of(probe, struct raw_tp_link, probe);
	struct bpf_run_ctx outer = bpf_run_ctx;

	/* A program does not interrupt itself. */
	if (link->running)
		return;
	link->running = true;
	bpf_run_ctx = (struct bpf_run_ctx){ 0 };
	bpf_prog_run(link->link.prog, args);
	bpf_run_ctx = outer;
	link->running = false;
}

static void raw_tp_release(struct bpf_link *base)
{
	struct raw_tp_link *link = container_of(base, struct raw_tp_link, link);

	tracepoint_probe_unregister(link->tp, &link->probe);
}

static void raw_tp_dealloc(struct bpf_link *base)
{
	kfree(container_of(base, struct raw_tp_link, link));
}

static void raw_tp_show_fdinfo(const struct bpf_link *base, struct seq_file *m)
{
	seq_printf(m, "tp_name:\t%s\n", container_of(base, struct raw_tp_link, link)->tp->name);
}

static int raw_tp_fill_link_info(const struct bpf_link *base, struct bpf_link_info *info)
{
	const char *name = container_of(base, struct raw_tp_link, link)->tp->name;
	char __user *buf = u64_to_user_ptr(info->raw_tracepoint.tp_name);
	u32 room = info->raw_tracepoint.tp_name_len, needed = strlen(name) + 1;

	if (!room != !buf)
		return -EINVAL;
	info->raw_tracepoint.tp_name_len = needed;
	if (!buf)
		return 0;
	if (copy_to_user(buf, name, min(room, needed)))
		return -EFAULT;
	if (room >= needed)
		return 0;
	return put_user((char)0, buf + room - 1) ? -EFAULT : -ENOSPC;
}

static const struct bpf_link_ops raw_tp_link_ops = {
	.name = "raw_tracepoint",
	.release = raw_tp_release,
	.dealloc = raw_tp_dealloc,
	.show_fdinfo = raw_tp_show_fdinfo,
	.fill_link_info = raw_tp_fill_link_info,
};

const char *bpf_raw_tp_link_name(const struct bpf_link *base)
{
	return base->ops == &raw_tp_link_ops ? container_of(base, struct raw_tp_link, link)->tp->name : NULL;
}

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
	bpf_link_init(&link->link, BPF_LINK_TYPE_RAW_TRACEPOINT, &raw_tp_link_ops, prog);
	link->probe.func = run;
	tracepoint_probe_register(tp, &link->probe);
	fd = bpf_link_settle(&link->link);
	if (fd < 0) {
		tracepoint_probe_unregister(tp, &link->probe);
		kfree(link);
	}
	return fd;
}

/* Attaches a program of type TRACING or LSM where it was loaded for. */
int bpf_tracing_attach(struct bpf_prog *prog, int tgt_prog_fd, u32 btf_id, u64 bpf_cookie)
{
	if (prog->expected_attach_type == BPF_TRACE_RAW_TP)
		return attach(prog, prog->attach_func_name);
	return bpf_tracing_prog_attach(prog, tgt_prog_fd, btf_id, bpf_cookie);
}

int raw_tracepoint_open(union bpf_attr *attr)
{
	struct bpf_prog *prog = bpf_prog_get(attr->raw_tracepoint.prog_fd);
	char name[MAX_TRACEPOINT_NAME];
	int ret = -EINVAL;

	if (IS_ERR(prog))
		return PTR_ERR(prog);
	switch (prog->type) {
	case BPF_PROG_TYPE_TRACING:
	case BPF_PROG_TYPE_LSM:
		/* What these are attached to was said when they were loaded. */
		if (!attr->raw_tracepoint.name)
			ret = bpf_tracing_attach(prog, 0, 0, 0);
		break;
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE: {
		long length = strncpy_from_user(name, (const char __user *)attr->raw_tracepoint.name, sizeof(name) - 1);

		name[sizeof(name) - 1] = '\0';
		ret = length < 0 ? -EFAULT : attach(prog, name);
		break;
	}
	default:
		break;
	}
	if (ret < 0)
		bpf_prog_put(prog);
	return ret;
}
