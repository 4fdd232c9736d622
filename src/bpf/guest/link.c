// SPDX-License-Identifier: MIT
/*
 * BPF links: their life, descriptors and commands. The kinds: a program on a perf event (here), on a raw tracepoint
 * (raw_tracepoint.c).
 */
#include <kernel/perf_event.h>
#include <kernel/seq_file.h>
#include "link.h"
#include "trampoline.h"

static LIST_HEAD(all_links);
static u32 last_link_id;

void bpf_link_init(struct bpf_link *link, enum bpf_link_type type, const struct bpf_link_ops *ops, struct bpf_prog *prog)
{
	refcount_set(&link->refcnt, 1);
	INIT_LIST_HEAD(&link->list);
	link->type = type;
	link->ops = ops;
	link->prog = prog;
	link->id = 0;
}

void bpf_link_inc(struct bpf_link *link)
{
	refcount_inc(&link->refcnt);
}

void bpf_link_put(struct bpf_link *link)
{
	if (!refcount_dec_and_test(&link->refcnt))
		return;
	list_del(&link->list);
	link->ops->release(link);
	bpf_prog_put(link->prog);
	link->ops->dealloc(link);
}

static int bpf_link_release(struct inode *inode, struct file *file)
{
	bpf_link_put(file->private_data);
	return 0;
}

static void bpf_link_show_fdinfo(struct seq_file *m, struct file *file)
{
	const struct bpf_link *link = file->private_data;
	unsigned int i;

	seq_printf(m, "link_type:\t%s\nlink_id:\t%u\nprog_tag:\t", link->ops->name, link->id);
	for (i = 0; i < sizeof(link->prog->tag); i++)
		seq_printf(m, "%02x", link->prog->tag[i]);
	seq_printf(m, "\nprog_id:\t%u\n", link->prog->id);
	if (link->ops->show_fdinfo)
		link->ops->show_fdinfo(link, m);
}

static ssize_t bpf_link_no_read(struct file *file, char __user *buf, size_t count, loff_t *pos) { return -EINVAL; }

static ssize_t bpf_link_no_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	return -EINVAL;
}

static const struct file_operations bpf_link_fops = {
	.release = bpf_link_release,
	.read = bpf_link_no_read,
	.write = bpf_link_no_write,
	.show_fdinfo = bpf_link_show_fdinfo,
	.llseek = noop_llseek,
};

int bpf_link_new_fd(struct bpf_link *link)
{
	return anon_inode_getfd("bpf_link", &bpf_link_fops, link, O_CLOEXEC);
}

int bpf_link_settle(struct bpf_link *link)
{
	int fd = bpf_link_new_fd(link);

	if (fd >= 0) {
		link->id = bpf_new_id(&last_link_id);
		list_add_tail(&link->list, &all_links);
	}
	return fd;
}

struct bpf_link *bpf_link_from_file(struct file *file)
{
	return file->f_op == &bpf_link_fops ? file->private_data : NULL;
}

struct bpf_link *bpf_link_get_from_fd(u32 ufd)
{
	struct file *file = fget(ufd);
	struct bpf_link *link;

	if (!file)
		return ERR_PTR(-EBADF);
	link = bpf_link_from_file(file);
	if (link)
		bpf_link_inc(link);
	fput(file);
	return link ?: ERR_PTR(-EINVAL);
}

/* ---- finding links, and what is asked of one ---- */

int bpf_link_get_next_id(u32 id, u32 *next)
{
	struct bpf_link *link;

	list_for_each_entry(link, &all_links, list) {
		if (link->id > id) {
			*next = link->id;
			return 0;
		}
	}
	return -ENOENT;
}

int bpf_link_get_fd_by_id(u32 id)
{
	struct bpf_link *link;
	int fd;

	list_for_each_entry(link, &all_links, list) {
		if (link->id != id)
			continue;
		bpf_link_inc(link);
		fd = bpf_link_new_fd(link);
		if (fd < 0)
			bpf_link_put(link);
		return fd;
	}
	return -ENOENT;
}

/* @info comes with the lengths of the caller's buffers in it. */
int bpf_link_get_info(struct bpf_link *link, struct bpf_link_info *info)
{
	info->type = link->type;
	info->id = link->id;
	info->prog_id = link->prog->id;
	return link->ops->fill_link_info ? link->ops->fill_link_info(link, info) : 0;
}

/* No kind of link here can be given another program, or be detached while it is held: all that remains are the errors. */
int link_update(union bpf_attr *attr)
{
	struct bpf_link *link;
	struct bpf_prog *prog;

	if (attr->link_update.flags & ~BPF_F_REPLACE)
		return -EINVAL;
	link = bpf_link_get_from_fd(attr->link_update.link_fd);
	if (IS_ERR(link))
		return PTR_ERR(link);
	bpf_link_put(link);
	prog = bpf_prog_get(attr->link_update.new_prog_fd);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	bpf_prog_put(prog);
	if (attr->link_update.flags & BPF_F_REPLACE) {
		prog = bpf_prog_get(attr->link_update.old_prog_fd);
		if (IS_ERR(prog))
			return PTR_ERR(prog);
		bpf_prog_put(prog);
	}
	return -EINVAL;
}

int link_detach(union bpf_attr *attr)
{
	struct bpf_link *link = bpf_link_get_from_fd(attr->link_detach.link_fd);

	if (IS_ERR(link))
		return PTR_ERR(link);
	bpf_link_put(link);
	return -EOPNOTSUPP;
}

/* An iterator's link is a kind that does not exist here. */
int iter_create(union bpf_attr *attr)
{
	struct bpf_link *link;

	if (attr->iter_create.flags)
		return -EINVAL;
	link = bpf_link_get_from_fd(attr->iter_create.link_fd);
	if (IS_ERR(link))
		return PTR_ERR(link);
	bpf_link_put(link);
	return -EINVAL;
}

/* ---- a program on a perf event ---- */

struct bpf_perf_link {
	struct bpf_link link;
	struct file *perf_file;		/* keeps the event alive when its own descriptor is closed */
};

static void bpf_perf_link_release(struct bpf_link *link)
{
	struct bpf_perf_link *perf_link = container_of(link, struct bpf_perf_link, link);

	perf_event_free_bpf_prog(perf_file_event(perf_link->perf_file));
	fput(perf_link->perf_file);
}

static void bpf_perf_link_dealloc(struct bpf_link *link)
{
	kfree(container_of(link, struct bpf_perf_link, link));
}

static const struct bpf_link_ops bpf_perf_link_ops = {
	.name = "perf", .release = bpf_perf_link_release, .dealloc = bpf_perf_link_dealloc,
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
	bpf_link_init(&link->link, BPF_LINK_TYPE_PERF_EVENT, &bpf_perf_link_ops, prog);
	link->perf_file = perf_file;

	/* One reference for the event, the caller's for the link. */
	bpf_prog_inc(prog);
	err = perf_event_set_bpf_prog(event, prog, attr->link_create.perf_event.bpf_cookie);
	if (err) {
		bpf_prog_put(prog);
		goto free;
	}
	fd = bpf_link_settle(&link->link);
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
		err = attr->link_create.attach_type == BPF_PERF_EVENT ? perf_link_attach(attr, prog) :
		      attr->link_create.attach_type == BPF_TRACE_KPROBE_MULTI ? bpf_kprobe_multi_link_attach(attr, prog) :
		      -EINVAL;
		break;
	case BPF_PROG_TYPE_TRACEPOINT:
	case BPF_PROG_TYPE_PERF_EVENT:
		err = attr->link_create.attach_type == BPF_PERF_EVENT ? perf_link_attach(attr, prog) : -EINVAL;
		break;
	case BPF_PROG_TYPE_TRACING:
	case BPF_PROG_TYPE_LSM:
		if (attr->link_create.attach_type == prog->expected_attach_type)
			err = bpf_tracing_attach(prog, attr->link_create.target_fd, attr->link_create.target_btf_id,
						 attr->link_create.tracing.cookie);
		else
			err = -EINVAL;
		break;
	default:
		err = -EINVAL;
	}
	if (err < 0)
		bpf_prog_put(prog);
	return err;
}
