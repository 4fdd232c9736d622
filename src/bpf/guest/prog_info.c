// SPDX-License-Identifier: MIT
/*
 * BPF_OBJ_GET_INFO_BY_FD of a program: what it is, its instructions and its code, the types of its functions, its lines of
 * source. The caller says how much room it has for each list; the answer says how long each is. (struct bpf_prog_info)
 */
#include <kernel/mm.h>
#include <kernel/vmalloc.h>
#include "btf.h"

/* One of the lists: where the caller wants it and how many entries of it, which becomes how many there are. */
struct list_request {
	u64 to;
	u32 room;
};

/* Copies as many entries as there are and fit. */
static int tell(const struct list_request *list, const void *entries, u32 count, u32 size)
{
	return copy_to_user(u64_to_user_ptr(list->to), entries, (size_t)min(list->room, count) * size) ? -EFAULT : 0;
}

static void *read_table(const struct bpf_prog *prog, u32 kind, u32 count, u32 size)
{
	void *table = kvmalloc((size_t)count * size, GFP_KERNEL | __GFP_NOWARN);
	int err;

	if (!table)
		return ERR_PTR(-ENOMEM);
	err = bpf_coprocessor_read_info(prog, kind, table, count * size);
	if (err) {
		kvfree(table);
		return ERR_PTR(err);
	}
	return table;
}

/* Addresses, lengths and tags of the functions, and their code one after the other. */
static int tell_functions(const struct bpf_prog *prog, const struct bpf_prog_info *in, struct bpf_prog_info *info)
{
	struct bpf_cop_function *functions = read_table(prog, BPF_COP_INFO_FUNCTIONS, prog->func_cnt, sizeof(*functions));
	u32 i, left = in->jited_prog_len, at = 0;
	int err = -EFAULT;

	if (IS_ERR(functions))
		return PTR_ERR(functions);
	info->nr_jited_ksyms = info->nr_jited_func_lens = info->nr_prog_tags = prog->func_cnt;
	for (i = 0; i < prog->func_cnt; i++) {
		const struct bpf_cop_function *fn = &functions[i];
		/* One that is interpreted has no code; its address is the interpreter's. */
		u64 address = prog->jited ? (u64)prog->image + fn->offset : (u64)prog->bpf_func;
		u32 length = prog->jited ? fn->length : 0, now = min(left, length);

		if (i < in->nr_jited_ksyms &&
		    put_user(address, (u64 __user *)u64_to_user_ptr(in->jited_ksyms) + i))
			goto out;
		if (i < in->nr_jited_func_lens &&
		    put_user(length, (u32 __user *)u64_to_user_ptr(in->jited_func_lens) + i))
			goto out;
		if (i < in->nr_prog_tags && copy_to_user(u64_to_user_ptr(in->prog_tags) + i * BPF_TAG_SIZE,
							 prog->func_cnt > 1 ? fn->tag : prog->tag, BPF_TAG_SIZE))
			goto out;
		if (copy_to_user(u64_to_user_ptr(in->jited_prog_insns) + at, (void *)address, now))
			goto out;
		info->jited_prog_len += length;
		at += now;
		left -= now;
	}
	err = 0;
out:
	kvfree(functions);
	return err;
}

static int tell_table(const struct bpf_prog *prog, u32 kind, u32 count, u32 size, u64 to, u32 room)
{
	const struct list_request list = { .to = to, .room = room };
	void *table;
	int err;

	if (!count || !room)
		return 0;
	table = read_table(prog, kind, count, size);
	if (IS_ERR(table))
		return PTR_ERR(table);
	err = tell(&list, table, count, size);
	kvfree(table);
	return err;
}

static int tell_line_addresses(const struct bpf_prog *prog, u64 to, u32 room)
{
	u32 i, count = prog->line_info_cnt, *offsets;
	int err = 0;

	if (!count || !room)
		return 0;
	offsets = read_table(prog, BPF_COP_INFO_LINE_OFFSETS, count, sizeof(*offsets));
	if (IS_ERR(offsets))
		return PTR_ERR(offsets);
	for (i = 0; i < min(room, count) && !err; i++)
		err = put_user((u64)prog->image + offsets[i], (u64 __user *)u64_to_user_ptr(to) + i);
	kvfree(offsets);
	return err;
}

static int tell_types(const struct bpf_prog *prog, const struct bpf_prog_info *in, struct bpf_prog_info *info)
{
	int err;

	info->attach_btf_id = prog->attach_btf_id;
	info->nr_func_info = prog->func_info_cnt;
	info->nr_line_info = prog->line_info_cnt;
	info->nr_jited_line_info = prog->jited ? prog->line_info_cnt : 0;
	err = tell_table(prog, BPF_COP_INFO_FUNC_INFO, prog->func_info_cnt, sizeof(struct bpf_func_info), in->func_info,
			 in->nr_func_info);
	if (!err)
		err = tell_table(prog, BPF_COP_INFO_LINE_INFO, prog->line_info_cnt, sizeof(struct bpf_line_info),
				 in->line_info, in->nr_line_info);
	if (!err && prog->jited)
		err = tell_line_addresses(prog, in->jited_line_info, in->nr_jited_line_info);
	return err;
}

static bool record_size_ok(u32 count, u32 size, u32 expected)
{
	return (!count && !size) || size == expected;
}

/* A caller that asks for records must know how long they are. */
static bool knows_record_sizes(const struct bpf_prog_info *in)
{
	return record_size_ok(in->nr_func_info, in->func_info_rec_size, sizeof(struct bpf_func_info)) &&
	       record_size_ok(in->nr_line_info, in->line_info_rec_size, sizeof(struct bpf_line_info)) &&
	       record_size_ok(in->nr_jited_line_info, in->jited_line_info_rec_size, sizeof(u64));
}

int bpf_prog_get_info(struct bpf_prog *prog, struct bpf_prog_info *info, struct bpf_prog_info __user *uinfo)
{
	struct bpf_prog_info in = *info;
	u32 i;
	int err;

	info->type = prog->type;
	info->id = prog->id;
	info->load_time = prog->load_time;
	info->created_by_uid = prog->created_by_uid;
	info->gpl_compatible = prog->gpl_compatible;
	info->verified_insns = prog->verified_insns;
	info->run_time_ns = prog->run_time_ns;
	info->run_cnt = prog->run_cnt;
	info->recursion_misses = prog->recursion_misses;
	memcpy(info->tag, prog->tag, sizeof(info->tag));
	memcpy(info->name, prog->name, sizeof(info->name));
	info->nr_map_ids = prog->used_map_cnt;
	for (i = 0; i < min(in.nr_map_ids, prog->used_map_cnt); i++)
		if (put_user(prog->used_maps[i]->id, (u32 __user *)u64_to_user_ptr(in.map_ids) + i))
			return -EFAULT;
	if (!knows_record_sizes(&in))
		return -EINVAL;
	if (prog->btf)
		info->btf_id = prog->btf->id;
	info->func_info_rec_size = sizeof(struct bpf_func_info);
	info->line_info_rec_size = sizeof(struct bpf_line_info);
	info->jited_line_info_rec_size = sizeof(u64);
	info->jited_prog_len = 0;
	info->xlated_prog_len = 0;
	info->nr_jited_ksyms = 0;
	info->nr_jited_func_lens = 0;
	info->nr_func_info = 0;
	info->nr_line_info = 0;
	info->nr_jited_line_info = 0;
	if (!bpf_capable())
		return 0;
	info->xlated_prog_len = prog->len * sizeof(struct bpf_insn);
	if (in.xlated_prog_len) {
		err = bpf_coprocessor_read_xlated(prog, u64_to_user_ptr(in.xlated_prog_insns),
						  min(in.xlated_prog_len, info->xlated_prog_len));
		if (err)
			return err;
	}
	err = tell_functions(prog, &in, info);
	return err ?: tell_types(prog, &in, info);
}
