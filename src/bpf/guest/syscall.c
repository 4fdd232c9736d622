// SPDX-License-Identifier: MIT
/*
 * bpf(2): takes the caller's attributes over, whatever version of the structure the caller has, and hands them to the
 * commands. (man bpf; kernel/bpf/syscall.c)
 */
#include <kernel/bpf_rules.h>
#include <kernel/capability.h>
#include <kernel/mm.h>
#include <kernel/security.h>
#include <kernel/syscalls.h>
#include "btf.h"
#include "link.h"

/* Fails unless the structure of a newer user space has nothing set that is unknown here. */
static int check_tail_zero(const void __user *from, size_t expected, size_t actual)
{
	int ret;

	if (actual > PAGE_SIZE)
		return -E2BIG;
	if (actual <= expected)
		return 0;
	ret = check_zeroed_user(from + expected, actual - expected);
	if (ret < 0)
		return ret;
	return ret ? 0 : -E2BIG;
}

/* A command must not have anything set behind the last field that it knows. */
static bool zero_behind(const union bpf_attr *attr, size_t end)
{
	const char *at = (const char *)attr + end;

	for (; at < (const char *)(attr + 1); at++)
		if (*at)
			return false;
	return true;
}

#define CHECK_ATTR(attr, field)	zero_behind(attr, offsetofend(union bpf_attr, field))

static int obj_get_info_by_fd(union bpf_attr *attr, union bpf_attr __user *uattr)
{
	u32 len = attr->info.info_len;
	void __user *uinfo = u64_to_user_ptr(attr->info.info);
	struct file *file = fget(attr->info.bpf_fd);
	struct bpf_link *link;
	struct bpf_prog *prog;
	struct bpf_map *map;
	struct btf *btf;
	int err;

	if (!file)
		return -EBADFD;
	prog = bpf_prog_from_file(file);
	map = bpf_map_from_file(file);
	link = bpf_link_from_file(file);
	btf = btf_from_file(file);
	if (prog) {
		struct bpf_prog_info info = { };

		err = check_tail_zero(uinfo, sizeof(info), len);
		if (err)
			goto out;
		len = min_t(u32, len, sizeof(info));
		err = -EFAULT;
		if (copy_from_user(&info, uinfo, len))
			goto out;
		err = bpf_prog_get_info(prog, &info, uinfo);
		if (!err && (copy_to_user(uinfo, &info, len) || put_user(len, &uattr->info.info_len)))
			err = -EFAULT;
	} else if (map) {
		struct bpf_map_info info;

		err = check_tail_zero(uinfo, sizeof(info), len);
		if (err)
			goto out;
		len = min_t(u32, len, sizeof(info));
		err = bpf_map_get_info(map, &info);
		if (!err && (copy_to_user(uinfo, &info, len) || put_user(len, &uattr->info.info_len)))
			err = -EFAULT;
	} else if (link) {
		struct bpf_link_info info = { };

		err = check_tail_zero(uinfo, sizeof(info), len);
		if (err)
			goto out;
		len = min_t(u32, len, sizeof(info));
		err = -EFAULT;
		if (copy_from_user(&info, uinfo, len))
			goto out;
		err = bpf_link_get_info(link, &info);
		if (!err && (copy_to_user(uinfo, &info, len) || put_user(len, &uattr->info.info_len)))
			err = -EFAULT;
	} else if (btf) {
		err = check_tail_zero(uinfo, sizeof(struct bpf_btf_info), len);
		if (!err)
			err = btf_get_info_by_fd(btf, attr, uattr);
	} else {
		err = -EINVAL;
	}
out:
	fput(file);
	return err;
}

static int get_next_id(union bpf_attr *attr, union bpf_attr __user *uattr, int (*next_id)(u32 id, u32 *next))
{
	u32 next;
	int err;

	if (!CHECK_ATTR(attr, next_id) || attr->start_id >= INT_MAX)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = next_id(attr->start_id, &next);
	if (!err)
		err = put_user(next, &uattr->next_id);
	return err;
}

SYSCALL_DEFINE3(bpf, int, cmd, union bpf_attr __user *, uattr, unsigned int, size)
{
	union bpf_attr attr;
	int err;

	/* What exists already may be used by whom it was given to; making something new is what is barred. */
	if (sysctl_unprivileged_bpf_disabled && !bpf_capable() && (cmd == BPF_MAP_CREATE || cmd == BPF_PROG_LOAD))
		return -EPERM;
	err = check_tail_zero(uattr, sizeof(attr), size);
	if (err)
		return err;
	size = min_t(unsigned int, size, sizeof(attr));
	memset(&attr, 0, sizeof(attr));
	if (copy_from_user(&attr, uattr, size))
		return -EFAULT;

	err = bpf_rules_check_command(cmd);
	if (err)
		return err;
	err = security_bpf(cmd, &attr, size);
	if (err < 0)
		return err;

	switch (cmd) {
	case BPF_MAP_CREATE:
		return CHECK_ATTR(&attr, map_extra) ? map_create(&attr) : -EINVAL;
	case BPF_MAP_LOOKUP_ELEM:
		return CHECK_ATTR(&attr, flags) ? map_lookup_elem(&attr) : -EINVAL;
	case BPF_MAP_UPDATE_ELEM:
		return CHECK_ATTR(&attr, flags) ? map_update_elem(&attr) : -EINVAL;
	case BPF_MAP_DELETE_ELEM:
		return CHECK_ATTR(&attr, key) ? map_delete_elem(&attr) : -EINVAL;
	case BPF_MAP_GET_NEXT_KEY:
		return CHECK_ATTR(&attr, next_key) ? map_get_next_key(&attr) : -EINVAL;
	case BPF_MAP_LOOKUP_AND_DELETE_ELEM:
		return CHECK_ATTR(&attr, flags) ? map_lookup_and_delete_elem(&attr) : -EINVAL;
	case BPF_MAP_FREEZE:
		return CHECK_ATTR(&attr, map_fd) ? map_freeze(&attr) : -EINVAL;
	case BPF_MAP_LOOKUP_BATCH:
	case BPF_MAP_LOOKUP_AND_DELETE_BATCH:
	case BPF_MAP_UPDATE_BATCH:
	case BPF_MAP_DELETE_BATCH:
		return CHECK_ATTR(&attr, batch.flags) ? map_do_batch(&attr, uattr, cmd) : -EINVAL;
	case BPF_PROG_LOAD:
		return CHECK_ATTR(&attr, core_relo_rec_size) ? bpf_prog_load(&attr, uattr) : -EINVAL;
	case BPF_PROG_TEST_RUN:
		return CHECK_ATTR(&attr, test.batch_size) ? bpf_prog_test_run(&attr, uattr) : -EINVAL;
	case BPF_PROG_GET_NEXT_ID:
		return get_next_id(&attr, uattr, bpf_prog_get_next_id);
	case BPF_MAP_GET_NEXT_ID:
		return get_next_id(&attr, uattr, bpf_map_get_next_id);
	case BPF_PROG_GET_FD_BY_ID:
		if (!CHECK_ATTR(&attr, prog_id))
			return -EINVAL;
		return capable(CAP_SYS_ADMIN) ? bpf_prog_get_fd_by_id(attr.prog_id) : -EPERM;
	case BPF_MAP_GET_FD_BY_ID:
		if (!CHECK_ATTR(&attr, open_flags) || attr.open_flags & ~(BPF_F_RDONLY | BPF_F_WRONLY))
			return -EINVAL;
		if (!capable(CAP_SYS_ADMIN))
			return -EPERM;
		return bpf_map_get_fd_by_id(attr.map_id, attr.open_flags);
	case BPF_OBJ_GET_INFO_BY_FD:
		return CHECK_ATTR(&attr, info.info) ? obj_get_info_by_fd(&attr, uattr) : -EINVAL;
	case BPF_RAW_TRACEPOINT_OPEN:
		return CHECK_ATTR(&attr, raw_tracepoint.prog_fd) ? raw_tracepoint_open(&attr) : -EINVAL;
	case BPF_LINK_CREATE:
		return CHECK_ATTR(&attr, link_create.kprobe_multi.cookies) ? link_create(&attr) : -EINVAL;
	case BPF_LINK_UPDATE:
		return CHECK_ATTR(&attr, link_update.old_prog_fd) ? link_update(&attr) : -EINVAL;
	case BPF_LINK_DETACH:
		return CHECK_ATTR(&attr, link_detach.link_fd) ? link_detach(&attr) : -EINVAL;
	case BPF_LINK_GET_NEXT_ID:
		return get_next_id(&attr, uattr, bpf_link_get_next_id);
	case BPF_LINK_GET_FD_BY_ID:
		if (!CHECK_ATTR(&attr, link_id))
			return -EINVAL;
		return capable(CAP_SYS_ADMIN) ? bpf_link_get_fd_by_id(attr.link_id) : -EPERM;
	case BPF_BTF_GET_FD_BY_ID:
		if (!CHECK_ATTR(&attr, btf_id))
			return -EINVAL;
		return capable(CAP_SYS_ADMIN) ? bpf_btf_get_fd_by_id(attr.btf_id) : -EPERM;
	case BPF_BTF_GET_NEXT_ID:
		return get_next_id(&attr, uattr, bpf_btf_get_next_id);
	case BPF_BTF_LOAD:
		return CHECK_ATTR(&attr, btf_log_level) ? bpf_btf_load(&attr) : -EINVAL;
	case BPF_ITER_CREATE:
		return CHECK_ATTR(&attr, iter_create.flags) ? iter_create(&attr) : -EINVAL;
	case BPF_PROG_BIND_MAP:
		return CHECK_ATTR(&attr, prog_bind_map.flags) ? bpf_prog_bind_map(&attr) : -EINVAL;
	case BPF_OBJ_PIN:
		return CHECK_ATTR(&attr, file_flags) ? bpf_obj_pin(&attr) : -EINVAL;
	case BPF_OBJ_GET:
		return CHECK_ATTR(&attr, file_flags) ? bpf_obj_get(&attr) : -EINVAL;
	case BPF_TASK_FD_QUERY:
		return CHECK_ATTR(&attr, task_fd_query.probe_addr) ? bpf_task_fd_query(&attr, uattr) : -EINVAL;
	case BPF_ENABLE_STATS:
		return CHECK_ATTR(&attr, enable_stats.type) ? bpf_enable_stats(&attr) : -EINVAL;
	default:
		return -EINVAL;
	}
}
