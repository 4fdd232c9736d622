// SPDX-License-Identifier: MIT
/*
 * BTF objects: BPF_BTF_LOAD, numbers, descriptors, and what is told of them. What the bytes mean is the co-processor's business;
 * the kernel keeps them to give them back. The kernel's own type information is one of the objects. (kernel/bpf/btf.c)
 */
#include <linux/btf.h>
#include <kernel/init.h>
#include <kernel/mm.h>
#include <kernel/seq_file.h>
#include <kernel/vmalloc.h>
#include "btf.h"

#define BTF_MAX_SIZE	(16 * 1024 * 1024)

extern const u8 __start_BTF[], __stop_BTF[];

static LIST_HEAD(all_btfs);
static u32 last_btf_id;

static struct btf btf_vmlinux = { .kernel_btf = true, .name = "vmlinux" };

static int __init btf_vmlinux_object_init(void)
{
	btf_vmlinux.data = __start_BTF;
	btf_vmlinux.data_size = __stop_BTF - __start_BTF;
	refcount_set(&btf_vmlinux.refcnt, 1);
	btf_vmlinux.id = bpf_new_id(&last_btf_id);
	list_add_tail(&btf_vmlinux.list, &all_btfs);
	return 0;
}
late_initcall(btf_vmlinux_object_init);

/* Bytes of what follows a type's header. */
static u32 type_extra_size(const struct btf_type *type)
{
	u32 vlen = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(u32);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return vlen * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return vlen * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return vlen * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return vlen * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return vlen * sizeof(struct btf_var_secinfo);
	default:
		return 0;
	}
}

const char *btf_vmlinux_type_name(u32 id, u32 *kind)
{
	const struct btf_header *header = (const void *)__start_BTF;
	const void *at = __start_BTF + header->hdr_len + header->type_off, *end = at + header->type_len;
	const char *strings = (const char *)__start_BTF + header->hdr_len + header->str_off;

	while (id && at < end) {
		const struct btf_type *type = at;

		if (!--id) {
			*kind = BTF_INFO_KIND(type->info);
			return strings + type->name_off;
		}
		at += sizeof(*type) + type_extra_size(type);
	}
	return NULL;
}

/* ---- references and descriptors ---- */

void btf_get(struct btf *btf)
{
	refcount_inc(&btf->refcnt);
}

static void btf_free(struct btf *btf)
{
	if (btf->handle)
		bpf_coprocessor_free_btf(btf->handle);
	kvfree(btf->data);
	kfree(btf);
}

void btf_put(struct btf *btf)
{
	if (!btf || !refcount_dec_and_test(&btf->refcnt))
		return;
	list_del(&btf->list);
	btf_free(btf);
}

static int btf_release(struct inode *inode, struct file *file)
{
	btf_put(file->private_data);
	return 0;
}

static void btf_show_fdinfo(struct seq_file *m, struct file *file)
{
	const struct btf *btf = file->private_data;

	seq_printf(m, "btf_id:\t%u\n", btf->id);
}

static const struct file_operations btf_fops = {
	.release = btf_release,
	.show_fdinfo = btf_show_fdinfo,
	.llseek = noop_llseek,
};

static int btf_new_fd(struct btf *btf)
{
	return anon_inode_getfd("btf", &btf_fops, btf, O_RDONLY | O_CLOEXEC);
}

struct btf *btf_from_file(struct file *file)
{
	return file->f_op == &btf_fops ? file->private_data : NULL;
}

struct btf *btf_get_by_fd(int fd)
{
	struct file *file = fget(fd);
	struct btf *btf;

	if (!file)
		return ERR_PTR(-EBADF);
	btf = btf_from_file(file);
	if (btf)
		btf_get(btf);
	fput(file);
	return btf ?: ERR_PTR(-EINVAL);
}

/* ---- loading ---- */

static int check_log(const union bpf_attr *attr)
{
	if (!attr->btf_log_level && !attr->btf_log_buf && !attr->btf_log_size)
		return 0;
	if (attr->btf_log_size < 128 || attr->btf_log_size > UINT_MAX >> 2 || !attr->btf_log_level ||
	    !attr->btf_log_buf || attr->btf_log_level & ~BPF_LOG_MASK)
		return -EINVAL;
	return 0;
}

int bpf_btf_load(const union bpf_attr *attr)
{
	struct btf *btf;
	void *data;
	int err, fd;

	if (!bpf_capable())
		return -EPERM;
	if (attr->btf_size > BTF_MAX_SIZE)
		return -E2BIG;
	err = check_log(attr);
	if (err)
		return err;
	btf = kzalloc(sizeof(*btf), GFP_KERNEL | __GFP_NOWARN);
	data = kvmalloc(attr->btf_size ?: 1, GFP_KERNEL | __GFP_NOWARN);
	err = -ENOMEM;
	if (!btf || !data)
		goto free;
	err = -EFAULT;
	if (copy_from_user(data, u64_to_user_ptr(attr->btf), attr->btf_size))
		goto free;
	btf->data = data;
	btf->data_size = attr->btf_size;
	btf->name = "";
	refcount_set(&btf->refcnt, 1);
	err = bpf_coprocessor_load_btf(btf, attr->btf_log_level, u64_to_user_ptr(attr->btf_log_buf), attr->btf_log_size);
	if (err)
		goto free;
	btf->id = bpf_new_id(&last_btf_id);
	list_add_tail(&btf->list, &all_btfs);
	fd = btf_new_fd(btf);
	if (fd < 0)
		btf_put(btf);
	return fd;
free:
	kvfree(data);
	kfree(btf);
	return err;
}

/* ---- finding objects, and what is told of one ---- */

int bpf_btf_get_next_id(u32 id, u32 *next)
{
	struct btf *btf;

	list_for_each_entry(btf, &all_btfs, list) {
		if (btf->id > id) {
			*next = btf->id;
			return 0;
		}
	}
	return -ENOENT;
}

int bpf_btf_get_fd_by_id(u32 id)
{
	struct btf *btf;
	int fd;

	list_for_each_entry(btf, &all_btfs, list) {
		if (btf->id != id)
			continue;
		btf_get(btf);
		fd = btf_new_fd(btf);
		if (fd < 0)
			btf_put(btf);
		return fd;
	}
	return -ENOENT;
}

int btf_get_info_by_fd(const struct btf *btf, const union bpf_attr *attr, union bpf_attr __user *uattr)
{
	void __user *uinfo = u64_to_user_ptr(attr->info.info);
	u32 copied = min_t(u32, attr->info.info_len, sizeof(struct bpf_btf_info)), room, length = strlen(btf->name);
	struct bpf_btf_info info = { };
	char __user *name;
	int ret = 0;

	if (copy_from_user(&info, uinfo, copied))
		return -EFAULT;
	info.id = btf->id;
	if (copy_to_user(u64_to_user_ptr(info.btf), btf->data, min(btf->data_size, info.btf_size)))
		return -EFAULT;
	info.btf_size = btf->data_size;
	info.kernel_btf = btf->kernel_btf;
	name = u64_to_user_ptr(info.name);
	room = info.name_len;
	if (!name != !room)
		return -EINVAL;
	info.name_len = length;
	if (name) {
		u32 shown = min(length, room - 1);

		if (copy_to_user(name, btf->name, shown) || put_user((char)0, name + shown))
			return -EFAULT;
		if (shown < length)
			ret = -ENOSPC;
	}
	if (copy_to_user(uinfo, &info, copied) || put_user(copied, &uattr->info.info_len))
		return -EFAULT;
	return ret;
}
