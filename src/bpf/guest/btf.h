/* SPDX-License-Identifier: MIT */
/* BTF objects: type information that user space loaded, and the kernel's own. */
#ifndef _BPF_BTF_H
#define _BPF_BTF_H

#include "internal.h"

struct btf {
	refcount_t refcnt;
	u32 id;
	u32 handle;			/* the co-processor's name for it; 0: the kernel's own */
	const u8 *data;
	u32 data_size;
	bool kernel_btf;
	const char *name;		/* "" if it has none */
	struct list_head list;
};

void btf_get(struct btf *btf);
void btf_put(struct btf *btf);
struct btf *btf_from_file(struct file *file);
/* The object behind a descriptor, with a reference: ERR_PTR(-EBADF), or -EINVAL if it is something else. */
struct btf *btf_get_by_fd(int fd);

struct btf_type;

/* The type with this number, NULL if there is none (0 is void); and a name, by its offset among the strings. */
const struct btf_type *btf_type_by_id(const struct btf *btf, u32 id);
const char *btf_name_by_offset(const struct btf *btf, u32 offset);

/* Name and BTF_KIND_ of one of the kernel's own types; NULL if there is none. */
const char *btf_vmlinux_type_name(u32 id, u32 *kind);

/* Commands of bpf(2). */
int bpf_btf_load(const union bpf_attr *attr);
int bpf_btf_get_fd_by_id(u32 id);
int bpf_btf_get_next_id(u32 id, u32 *next);
int btf_get_info_by_fd(const struct btf *btf, const union bpf_attr *attr, union bpf_attr __user *uattr);

/* The co-processor's part. */
int bpf_coprocessor_load_btf(struct btf *btf, u32 log_level, char __user *log_buf, u32 log_size);
void bpf_coprocessor_free_btf(u32 handle);
int bpf_coprocessor_check_map_btf(struct bpf_map *map, const struct btf *btf, u32 key_type, u32 value_type);

#endif
