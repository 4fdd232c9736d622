// SPDX-License-Identifier: MIT
/*
 * BPF programs: their life (references, ids, descriptors) and BPF_PROG_LOAD. The order of the checks is that of Linux 6.1
 * (kernel/bpf/syscall.c); what the program itself may do is decided by the co-processor.
 */
#include <linux/btf.h>
#include <kernel/bpf_rules.h>
#include <kernel/capability.h>
#include <kernel/mm.h>
#include <kernel/security.h>
#include <kernel/seq_file.h>
#include <kernel/time.h>
#include <kernel/vmalloc.h>
#include "btf.h"
#include "sleepable.h"
#include "trampoline.h"

#define MAX_USED_MAPS	64
/* A record of func_info or line_info; the co-processor refuses longer ones. */
#define MAX_INFO_REC_SIZE	252

static LIST_HEAD(all_progs);
static u32 last_prog_id;

/* ---- references and descriptors ---- */

void bpf_prog_inc(struct bpf_prog *prog)
{
	refcount_inc(&prog->refcnt);
}

static void bpf_prog_free(struct bpf_prog *prog)
{
	u32 i;

	bpf_coprocessor_unload(prog);
	for (i = 0; i < prog->used_map_cnt; i++)
		bpf_map_put(prog->used_maps[i]);
	kfree(prog->used_maps);
	btf_put(prog->btf);
	kvfree(prog->insns);
	kfree(prog);
}

static void free_deferred(struct bpf_deferred *deferred)
{
	bpf_prog_free(container_of(deferred, struct bpf_prog, deferred));
}

void bpf_prog_put(struct bpf_prog *prog)
{
	if (!refcount_dec_and_test(&prog->refcnt))
		return;
	list_del(&prog->list);
	bpf_call_after_programs(&prog->deferred, free_deferred);
}

static int bpf_prog_release(struct inode *inode, struct file *file)
{
	bpf_prog_put(file->private_data);
	return 0;
}

static int scnprint_tag(char *buf, size_t size, const u8 *tag)
{
	int i, at = 0;

	for (i = 0; i < BPF_TAG_SIZE; i++)
		at += scnprintf(buf + at, size - at, "%02x", tag[i]);
	return at;
}

/* What the program would take up with its instructions behind Linux's structure of 72 bytes. */
static u64 bpf_prog_memory_footprint(const struct bpf_prog *prog)
{
	return PAGE_ALIGN(72 + max(prog->len, prog->insn_cnt) * sizeof(struct bpf_insn));
}

static void bpf_prog_show_fdinfo(struct seq_file *m, struct file *file)
{
	const struct bpf_prog *prog = file->private_data;
	char tag[2 * BPF_TAG_SIZE + 1];

	scnprint_tag(tag, sizeof(tag), prog->tag);
	seq_printf(m, "prog_type:\t%u\nprog_jited:\t%u\nprog_tag:\t%s\nmemlock:\t%llu\nprog_id:\t%u\nrun_time_ns:\t%llu\n"
		   "run_cnt:\t%llu\nrecursion_misses:\t%llu\nverified_insns:\t%u\n", prog->type, prog->jited, tag,
		   bpf_prog_memory_footprint(prog), prog->id,
		   prog->run_time_ns, prog->run_cnt, prog->recursion_misses, prog->verified_insns);
}

static ssize_t bpf_prog_no_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	return -EINVAL;
}

static ssize_t bpf_prog_no_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	return -EINVAL;
}

static const struct file_operations bpf_prog_fops = {
	.release = bpf_prog_release,
	.read = bpf_prog_no_read,
	.write = bpf_prog_no_write,
	.show_fdinfo = bpf_prog_show_fdinfo,
	.llseek = noop_llseek,
};

int bpf_prog_new_fd(struct bpf_prog *prog)
{
	int err = security_bpf_prog(prog);

	if (err < 0)
		return err;
	return anon_inode_getfd("bpf-prog", &bpf_prog_fops, prog, O_RDWR | O_CLOEXEC);
}

struct bpf_prog *bpf_prog_from_file(struct file *file)
{
	return file->f_op == &bpf_prog_fops ? file->private_data : NULL;
}

struct bpf_prog *bpf_prog_get(u32 ufd)
{
	struct file *file = fget(ufd);
	struct bpf_prog *prog;

	if (!file)
		return ERR_PTR(-EBADF);
	prog = bpf_prog_from_file(file);
	if (prog)
		bpf_prog_inc(prog);
	fput(file);
	return prog ?: ERR_PTR(-EINVAL);
}

struct bpf_prog *bpf_prog_get_type(u32 ufd, enum bpf_prog_type type)
{
	struct bpf_prog *prog = bpf_prog_get(ufd);

	if (!IS_ERR(prog) && prog->type != type) {
		bpf_prog_put(prog);
		return ERR_PTR(-EINVAL);
	}
	return prog;
}

bool bpf_prog_map_compatible(struct bpf_map *map, const struct bpf_prog *prog)
{
	/* Entered by a tail call it would escape the check at attach. (A15) */
	if (prog->kprobe_override)
		return false;
	if (!map->owner.set) {
		map->owner.set = true;
		map->owner.type = prog->type;
		map->owner.jited = prog->jited;
		return true;
	}
	return map->owner.type == prog->type && map->owner.jited == prog->jited;
}

/* ---- loading ---- */

static bool license_is_gpl_compatible(const char *license)
{
	static const char *const compatible[] = {
		"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(compatible); i++)
		if (!strcmp(license, compatible[i]))
			return true;
	return false;
}

static bool is_net_admin_prog_type(enum bpf_prog_type type)
{
	switch (type) {
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SCHED_ACT:
	case BPF_PROG_TYPE_XDP:
	case BPF_PROG_TYPE_LWT_IN:
	case BPF_PROG_TYPE_LWT_OUT:
	case BPF_PROG_TYPE_LWT_XMIT:
	case BPF_PROG_TYPE_LWT_SEG6LOCAL:
	case BPF_PROG_TYPE_SK_SKB:
	case BPF_PROG_TYPE_SK_MSG:
	case BPF_PROG_TYPE_FLOW_DISSECTOR:
	case BPF_PROG_TYPE_CGROUP_DEVICE:
	case BPF_PROG_TYPE_CGROUP_SOCK:
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
	case BPF_PROG_TYPE_CGROUP_SOCKOPT:
	case BPF_PROG_TYPE_CGROUP_SYSCTL:
	case BPF_PROG_TYPE_SOCK_OPS:
	case BPF_PROG_TYPE_EXT:
		return true;
	default:
		return false;
	}
}

static bool is_perfmon_prog_type(enum bpf_prog_type type)
{
	switch (type) {
	case BPF_PROG_TYPE_KPROBE:
	case BPF_PROG_TYPE_TRACEPOINT:
	case BPF_PROG_TYPE_PERF_EVENT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
	case BPF_PROG_TYPE_TRACING:
	case BPF_PROG_TYPE_LSM:
	case BPF_PROG_TYPE_STRUCT_OPS:
	case BPF_PROG_TYPE_EXT:
		return true;
	default:
		return false;
	}
}

/* What may be attached by BTF id, and by which attach type. */
static int check_attach(const union bpf_attr *attr)
{
	if (attr->attach_btf_id) {
		if (attr->attach_btf_id > BTF_MAX_TYPE)
			return -EINVAL;
		switch (attr->prog_type) {
		case BPF_PROG_TYPE_TRACING:
		case BPF_PROG_TYPE_LSM:
		case BPF_PROG_TYPE_STRUCT_OPS:
		case BPF_PROG_TYPE_EXT:
			break;
		default:
			return -EINVAL;
		}
	}
	switch (attr->prog_type) {
	case BPF_PROG_TYPE_SYSCALL:
	case BPF_PROG_TYPE_EXT:
		return attr->expected_attach_type ? -EINVAL : 0;
	default:
		return 0;
	}
}

/* A load under way: the maps that the program names, resolved. */
struct load {
	struct bpf_prog *prog;
	struct bpf_cop_map *maps;	/* MAX_USED_MAPS, one for each descriptor; behind them the templates of inner maps */
	struct bpf_cop_map_type *map_types;
	u32 map_count;
};

static bool is_ld_imm64(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW);
}

static void describe_map(struct bpf_cop_map *entry, const struct bpf_map *map)
{
	entry->map_type = map->map_type;
	entry->key_size = map->key_size;
	entry->value_size = map->value_size;
	entry->max_entries = map->max_entries;
	entry->map_flags = map->map_flags;
	entry->spin_lock = map->spin_lock;
	entry->timer = map->timer;
	entry->id = map->id;
	entry->bypass_spec_v1 = map->bypass_spec_v1;
	entry->address = (u64)map;
	entry->map_lookup_elem = (u64)map->ops->map_lookup_elem;
	entry->map_update_elem = (u64)map->ops->map_update_elem;
	entry->map_delete_elem = (u64)map->ops->map_delete_elem;
	entry->map_push_elem = (u64)map->ops->map_push_elem;
	entry->map_pop_elem = (u64)map->ops->map_pop_elem;
	entry->map_peek_elem = (u64)map->ops->map_peek_elem;
}

/* Looks a descriptor up, unless it has been already. A descriptor that is no map is the co-processor's to complain about. */
static int resolve_map(struct load *load, u32 fd)
{
	struct bpf_cop_map *entry;
	struct bpf_map *map;
	u32 i;

	for (i = 0; i < load->map_count; i++)
		if (load->maps[i].fd == fd)
			return 0;
	if (load->map_count >= MAX_USED_MAPS)
		return -E2BIG;
	entry = &load->maps[load->map_count++];
	*entry = (struct bpf_cop_map){ .fd = fd };
	map = bpf_map_get(fd);
	if (IS_ERR(map)) {
		entry->error = -PTR_ERR(map);
		return 0;
	}
	entry->frozen = map->frozen;
	describe_map(entry, map);
	if (map->btf)
		load->map_types[load->map_count - 1] =
			(struct bpf_cop_map_type){ .btf = map->btf->handle, .value_type = map->btf_value_type_id };
	if (map->inner_map_meta) {
		struct bpf_cop_map *inner = entry + MAX_USED_MAPS;

		describe_map(inner, map->inner_map_meta);
		entry->contents = virt_to_phys(inner);
	}
	if (map->ops->map_direct_value) {
		void *values = map->ops->map_direct_value(map);

		entry->values = (u64)values;
		if (values && virt_addr_valid(values))
			entry->contents = virt_to_phys(values);
	}
	for (i = 0; i < load->prog->used_map_cnt; i++) {
		if (load->prog->used_maps[i] == map) {
			bpf_map_put(map);
			return 0;
		}
	}
	load->prog->used_maps[load->prog->used_map_cnt++] = map;
	return 0;
}

/* Resolves all maps; indices into the caller's fd_array become the descriptors that stand there. */
static int resolve_maps(struct load *load, const union bpf_attr *attr)
{
	struct bpf_insn *insns = load->prog->insns;
	u32 i;
	int err;

	for (i = 0; i + 1 < load->prog->insn_cnt; i++) {
		struct bpf_insn *insn = &insns[i];
		int __user *fds = u64_to_user_ptr(attr->fd_array);
		int fd = insn->imm;

		if (!is_ld_imm64(insn))
			continue;
		i++;
		switch (insn->src_reg) {
		case BPF_PSEUDO_MAP_FD:
		case BPF_PSEUDO_MAP_VALUE:
			break;
		case BPF_PSEUDO_MAP_IDX:
		case BPF_PSEUDO_MAP_IDX_VALUE:
			if (!fds)
				return -EPROTO;
			if (copy_from_user(&fd, fds + insn->imm, sizeof(fd)))
				return -EFAULT;
			insn->src_reg = insn->src_reg == BPF_PSEUDO_MAP_IDX ? BPF_PSEUDO_MAP_FD : BPF_PSEUDO_MAP_VALUE;
			insn->imm = fd;
			break;
		default:
			continue;
		}
		err = resolve_map(load, fd);
		if (err)
			return err;
	}
	return 0;
}

/* A program that tail-calls through an array must be of the array's kind, and no override. */
static int check_tail_call_arrays(const struct bpf_prog *prog)
{
	u32 i;

	for (i = 0; i < prog->used_map_cnt; i++) {
		struct bpf_map *map = prog->used_maps[i];

		if (map->map_type == BPF_MAP_TYPE_PROG_ARRAY && !bpf_prog_map_compatible(map, prog))
			return -EINVAL;
	}
	return 0;
}

static int check_log(const union bpf_attr *attr)
{
	if (!attr->log_level && !attr->log_buf && !attr->log_size)
		return 0;
	if (attr->log_size < 128 || attr->log_size > UINT_MAX >> 2 || !attr->log_level || !attr->log_buf ||
	    attr->log_level & ~BPF_LOG_MASK)
		return -EINVAL;
	return 0;
}

/* Takes records of func_info or line_info over, as many as are worth reading; *@present says how many could be read. */
static void *copy_records(u64 from, u32 count, u32 size, u32 most, u32 *present)
{
	u32 wanted = min(count, most);
	void *records;

	*present = 0;
	if (!wanted || size < sizeof(u32) || size > MAX_INFO_REC_SIZE)
		return NULL;
	records = kvmalloc((size_t)wanted * size, GFP_KERNEL | __GFP_NOWARN);
	if (!records)
		return ERR_PTR(-ENOMEM);
	for (; *present < wanted; ++*present) {
		size_t at = (size_t)*present * size;

		if (copy_from_user(records + at, u64_to_user_ptr(from) + at, size))
			break;
	}
	return records;
}

/* What the types of functions and the lines of source are. Errors in it come up in the order of the verifier's checks. */
static int take_type_info(struct bpf_load_request *request, const union bpf_attr *attr, struct bpf_prog *prog)
{
	void *records;

	if (!attr->func_info_cnt && !attr->line_info_cnt)
		return 0;
	request->btf = btf_get_by_fd(attr->prog_btf_fd);
	if (IS_ERR(request->btf)) {
		request->btf_error = PTR_ERR(request->btf);
		request->btf = NULL;
	} else if (request->btf->kernel_btf) {
		btf_put(request->btf);
		request->btf_error = -EACCES;
		request->btf = NULL;
	}
	prog->btf = request->btf;
	request->func_info_cnt = attr->func_info_cnt;
	request->func_info_rec_size = attr->func_info_rec_size;
	request->line_info_cnt = attr->line_info_cnt;
	request->line_info_rec_size = attr->line_info_rec_size;
	records = copy_records(attr->func_info, attr->func_info_cnt, attr->func_info_rec_size, prog->insn_cnt,
			       &request->func_info_present);
	if (IS_ERR(records))
		return PTR_ERR(records);
	request->func_info = records;
	/* Lines lie at different instructions: one more than these shows that something is wrong. */
	records = copy_records(attr->line_info, attr->line_info_cnt, attr->line_info_rec_size, prog->insn_cnt + 1,
			       &request->line_info_present);
	if (IS_ERR(records))
		return PTR_ERR(records);
	request->line_info = records;
	return 0;
}

/* Tells a loader whose records are too new how long the known ones are. */
static int tell_record_size(const struct bpf_load_request *request, union bpf_attr __user *uattr)
{
	if (request->unknown_fields == 1)
		return put_user((u32)sizeof(struct bpf_func_info), &uattr->func_info_rec_size);
	if (request->unknown_fields == 2)
		return put_user((u32)sizeof(struct bpf_line_info), &uattr->line_info_rec_size);
	return 0;
}

static int verify_and_place(struct load *load, const union bpf_attr *attr, union bpf_attr __user *uattr)
{
	struct bpf_prog *prog = load->prog;
	struct bpf_load_request request = {
		.prog_type = attr->prog_type,
		.expected_attach_type = attr->expected_attach_type,
		.prog_flags = attr->prog_flags,
		.gpl_compatible = prog->gpl_compatible,
		.log_level = attr->log_level,
		.log_buf = u64_to_user_ptr(attr->log_buf),
		.log_size = attr->log_size,
		.insns = prog->insns,
		.insn_cnt = prog->insn_cnt,
		.maps = load->maps,
		.map_types = load->map_types,
	};
	int err;

	err = check_log(attr);
	if (err)
		return err;
	/* Relocating is left to loaders: as by a kernel that does not know these records yet. Without the others nobody reads them. */
	if (attr->core_relo_cnt && (attr->func_info_cnt || attr->line_info_cnt))
		return -E2BIG;
	prog->used_maps = kcalloc(MAX_USED_MAPS, sizeof(prog->used_maps[0]), GFP_KERNEL);
	if (!prog->used_maps)
		return -ENOMEM;
	err = resolve_maps(load, attr);
	if (err)
		return err;
	request.map_count = load->map_count;
	if (attr->attach_btf_id)
		bpf_resolve_attach_target(prog, &request.attach_flags);
	err = take_type_info(&request, attr, prog);
	if (!err)
		err = bpf_coprocessor_load(prog, &request);
	kvfree(request.func_info);
	kvfree(request.line_info);
	if (tell_record_size(&request, uattr))
		err = -EFAULT;
	if (err)
		return err;
	return check_tail_call_arrays(prog);
}

int bpf_prog_load(union bpf_attr *attr, union bpf_attr __user *uattr)
{
	enum bpf_prog_type type = attr->prog_type;
	struct load load = { };
	struct bpf_prog *prog;
	char license[128];
	int err, fd;

	if (attr->prog_flags & ~(BPF_F_STRICT_ALIGNMENT | BPF_F_ANY_ALIGNMENT | BPF_F_TEST_STATE_FREQ |
				 BPF_F_SLEEPABLE | BPF_F_TEST_RND_HI32 | BPF_F_XDP_HAS_FRAGS))
		return -EINVAL;
	if (strncpy_from_user(license, u64_to_user_ptr(attr->license), sizeof(license) - 1) < 0)
		return -EFAULT;
	license[sizeof(license) - 1] = '\0';
	err = bpf_rules_check_prog(attr);
	if (err)
		return err;
	if (attr->insn_cnt == 0 || attr->insn_cnt > (bpf_capable() ? BPF_COMPLEXITY_LIMIT_INSNS : BPF_MAXINSNS))
		return -E2BIG;
	if (type != BPF_PROG_TYPE_SOCKET_FILTER && type != BPF_PROG_TYPE_CGROUP_SKB && !bpf_capable())
		return -EPERM;
	if (is_net_admin_prog_type(type) && !capable(CAP_NET_ADMIN) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (is_perfmon_prog_type(type) && !perfmon_capable())
		return -EPERM;
	if (attr->attach_prog_fd)
		return -EINVAL;
	err = check_attach(attr);
	if (err)
		return err;

	prog = kzalloc(sizeof(*prog), GFP_USER);
	if (!prog)
		return -ENOMEM;
	load.prog = prog;
	refcount_set(&prog->refcnt, 1);
	INIT_LIST_HEAD(&prog->list);
	prog->type = type;
	prog->expected_attach_type = attr->expected_attach_type;
	prog->prog_flags = attr->prog_flags;
	prog->sleepable = !!(attr->prog_flags & BPF_F_SLEEPABLE);
	prog->gpl_compatible = license_is_gpl_compatible(license);
	prog->insn_cnt = attr->insn_cnt;
	prog->attach_btf_id = attr->attach_btf_id;
	prog->created_by_uid = current_uid();
	prog->load_time = ktime_get_boottime_ns();
	err = -ENOMEM;
	prog->insns = kvmalloc(attr->insn_cnt * sizeof(struct bpf_insn), GFP_USER);
	load.maps = kcalloc(2 * MAX_USED_MAPS, sizeof(load.maps[0]), GFP_KERNEL);
	load.map_types = kcalloc(MAX_USED_MAPS, sizeof(load.map_types[0]), GFP_KERNEL);
	if (!prog->insns || !load.maps || !load.map_types)
		goto free;
	err = -EFAULT;
	if (copy_from_user(prog->insns, u64_to_user_ptr(attr->insns), attr->insn_cnt * sizeof(struct bpf_insn)))
		goto free;
	err = -EINVAL;
	/* Infrared remote controls need a driver that no kernel without them has. */
	if (type == BPF_PROG_TYPE_UNSPEC || type == BPF_PROG_TYPE_LIRC_MODE2 || type > BPF_PROG_TYPE_SYSCALL)
		goto free;
	err = bpf_obj_name_cpy(prog->name, attr->prog_name, sizeof(attr->prog_name));
	if (err < 0)
		goto free;
	err = verify_and_place(&load, attr, uattr);
	if (err)
		goto free;
	kfree(load.map_types);
	kfree(load.maps);
	prog->id = bpf_new_id(&last_prog_id);
	list_add_tail(&prog->list, &all_progs);
	fd = bpf_prog_new_fd(prog);
	if (fd < 0)
		bpf_prog_put(prog);
	return fd;
free:
	kfree(load.map_types);
	kfree(load.maps);
	bpf_prog_free(prog);
	return err;
}

/* The program keeps the map as if it used it: a place for what belongs to it. */
int bpf_prog_bind_map(const union bpf_attr *attr)
{
	struct bpf_map **used;
	struct bpf_prog *prog;
	struct bpf_map *map;
	int err = 0;
	u32 i;

	if (attr->prog_bind_map.flags)
		return -EINVAL;
	prog = bpf_prog_get(attr->prog_bind_map.prog_fd);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	map = bpf_map_get(attr->prog_bind_map.map_fd);
	if (IS_ERR(map)) {
		bpf_prog_put(prog);
		return PTR_ERR(map);
	}
	for (i = 0; i < prog->used_map_cnt && prog->used_maps[i] != map; i++)
		;
	if (i < prog->used_map_cnt) {
		bpf_map_put(map);
	} else {
		used = kcalloc(i + 1, sizeof(*used), GFP_KERNEL);
		if (used) {
			memcpy(used, prog->used_maps, i * sizeof(*used));
			used[i] = map;
			swap(prog->used_maps, used);
			kfree(used);
			prog->used_map_cnt++;
		} else {
			bpf_map_put(map);
			err = -ENOMEM;
		}
	}
	bpf_prog_put(prog);
	return err;
}

/* ---- finding programs ---- */

struct bpf_prog *bpf_prog_of_code(const void *address)
{
	struct bpf_prog *prog;

	list_for_each_entry(prog, &all_progs, list)
		if (prog->image && address >= prog->image && address < prog->image + prog->image_size)
			return prog;
	return NULL;
}

int bpf_prog_get_next_id(u32 id, u32 *next)
{
	struct bpf_prog *prog;

	list_for_each_entry(prog, &all_progs, list) {
		if (prog->id > id) {
			*next = prog->id;
			return 0;
		}
	}
	return -ENOENT;
}

int bpf_prog_get_fd_by_id(u32 id)
{
	struct bpf_prog *prog;
	int fd;

	list_for_each_entry(prog, &all_progs, list) {
		if (prog->id != id)
			continue;
		bpf_prog_inc(prog);
		fd = bpf_prog_new_fd(prog);
		if (fd < 0)
			bpf_prog_put(prog);
		return fd;
	}
	return -ENOENT;
}
