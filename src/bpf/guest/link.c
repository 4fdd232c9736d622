// SPDX-License-Identifier: MIT
/* BPF links: an attachment that lives as long as a descriptor. Here: a program on a perf event. */
#include <kernel/perf_event.h>
#include <kernel/seq_file.h>
#include "internal.h"

struct bpf_perf_link {
	struct bpf_prog *prog;
	struct file *perf_file;		/* keeps the event alive when its own descriptor is closed */
	u32 id;
};

static u32 last_link_id;

static int bpf_link_release(struct inode *inode, struct file *file)
{
	struct bpf_perf_link *link = file->private_data;

	perf_event_free_bpf_prog(perf_file_event(link->perf_file));
	fput(link->perf_file);
	bpf_prog_put(link->prog);
	kfree(link);
	return 0;
}

static void bpf_link_show_fdinfo(struct seq_file *m, struct file *file)
{
	const struct bpf_perf_link *link = file->private_data;

	seq_printf(m, "link_type:\tperf\nlink_id:\t%u\nprog_id:\t%u\n", link->id, link->prog->id);
}

static const struct file_operations bpf_link_fops = {
	.release = bpf_link_release,
	.show_fdinfo = bpf_link_show_fdinfo,
	.llseek = noop_llseek,
};

static int perf_link_attach(union bpf_attr *attr, struct bpf_prog *prog)
{
	struct bpf_perf_link *link;
	struct perf_event *event;
	struct file *perf_file;
	int err, fd;

	if (attr->link_create.flags)
		return -EINVAL;
	perf_file = fget(attr->link_create.target_fd);
	if (!perf_file)
		return -EBADF;
	event = perf_file_event(perf_file);
	err = -EBADF;
	if (!event)
		goto put_file;
	err = -ENOMEM;
	link = kzalloc(sizeof(*link), GFP_USER);
	if (!link)
		goto put_file;
	link->prog = prog;
	link->perf_file = perf_file;
	link->id = bpf_new_id(&last_link_id);

	/* One reference for the event, the caller's for the link. */
	bpf_prog_inc(prog);
	err = perf_event_set_bpf_prog(event, prog, attr->link_create.perf_event.bpf_cookie);
	if (err) {
		bpf_prog_put(prog);
		goto free;
	}
	fd = anon_inode_getfd("bpf_link", &bpf_link_fops, link, O_CLOEXEC);
	if (fd >= 0)
		return fd;
	err = fd;
	perf_event_free_bpf_prog(event);
free:
	kfree(link);
put_file:
	fput(perf_file);
	return err;
}

int link_create(union bpf_attr *attr)
{
	struct bpf_prog *prog = bpf_prog_get(attr->link_create.prog_fd);
	int err;

	if (IS_ERR(prog))
		return PTR_ERR(prog);
	switch (prog->type) {
	case BPF_PROG_TYPE_KPROBE:
		/* kprobe_multi needs fprobe, which needs the function tracer. */
		err = attr->link_create.attach_type == BPF_PERF_EVENT ? perf_link_attach(attr, prog) : -EOPNOTSUPP;
		break;
	case BPF_PROG_TYPE_TRACEPOINT:
	case BPF_PROG_TYPE_PERF_EVENT:
		err = attr->link_create.attach_type == BPF_PERF_EVENT ? perf_link_attach(attr, prog) : -EINVAL;
		break;
	default:
		err = -EINVAL;
	}
	if (err < 0)
		bpf_prog_put(prog);
	return err;
}
