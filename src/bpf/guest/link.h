/* SPDX-License-Identifier: MIT */
/* BPF links: an attachment of a program that lives as long as somebody holds the link. What kinds of links provide. */
#ifndef _BPF_LINK_H
#define _BPF_LINK_H

#include "internal.h"

struct bpf_link;

struct bpf_link_ops {
	const char *name;			/* in fdinfo */
	/* Undoes the attachment. */
	void (*release)(struct bpf_link *link);
	/* Frees the structure around the link. */
	void (*dealloc)(struct bpf_link *link);
	/* The kind's own part of fdinfo and of bpf_link_info; may be NULL. */
	void (*show_fdinfo)(const struct bpf_link *link, struct seq_file *m);
	int (*fill_link_info)(const struct bpf_link *link, struct bpf_link_info *info);
};

struct bpf_link {
	refcount_t refcnt;
	u32 id;
	enum bpf_link_type type;
	const struct bpf_link_ops *ops;
	struct bpf_prog *prog;
	struct list_head list;
};

void bpf_link_init(struct bpf_link *link, enum bpf_link_type type, const struct bpf_link_ops *ops, struct bpf_prog *prog);
/* Gives an attached link a number and a descriptor. When that fails the link is as before. */
int bpf_link_settle(struct bpf_link *link);
int bpf_link_new_fd(struct bpf_link *link);
struct bpf_link *bpf_link_from_file(struct file *file);
struct bpf_link *bpf_link_get_from_fd(u32 ufd);
void bpf_link_inc(struct bpf_link *link);
void bpf_link_put(struct bpf_link *link);

/* A program on the entry or return of many functions. */
int bpf_kprobe_multi_link_attach(const union bpf_attr *attr, struct bpf_prog *prog);

/* The name of a raw tracepoint link's tracepoint; NULL: it is another kind of link. */
const char *bpf_raw_tp_link_name(const struct bpf_link *link);

#endif
