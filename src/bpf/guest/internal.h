/* SPDX-License-Identifier: MIT */
/* What the files of the BPF subsystem share with each other and with nobody else. */
#ifndef _BPF_INTERNAL_H
#define _BPF_INTERNAL_H

#include <kernel/bpf.h>
#include <kernel/capability.h>
#include <kernel/kernel.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include "coprocessor.h"

/* Largest program of a task with CAP_BPF. */
#define BPF_COMPLEXITY_LIMIT_INSNS	1000000

/* Bits that a loader may ask of the log. */
#define BPF_LOG_MASK	7

/* Errno of internal refusals that bpf(2) shows to user space as it is. */
#ifndef ENOTSUPP
#define ENOTSUPP	524
#endif

/* ---- switches (/proc/sys) ---- */

extern int bpf_jit_enable, bpf_jit_harden, bpf_jit_kallsyms, sysctl_unprivileged_bpf_disabled, bpf_stats_enabled;

/* Numbers for programs, maps and links: positive, not used again soon. */
u32 bpf_new_id(u32 *last);

/* 0 and the length of the name, or -EINVAL: letters, digits, '_' and '.' with a terminating zero in @size bytes. */
int bpf_obj_name_cpy(char *dst, const char *src, unsigned int size);

/* ---- maps ---- */

extern const struct bpf_map_ops array_map_ops, percpu_array_map_ops, prog_array_map_ops, perf_event_array_map_ops;
extern const struct bpf_map_ops htab_map_ops, htab_percpu_map_ops, htab_lru_map_ops, htab_lru_percpu_map_ops;
extern const struct bpf_map_ops queue_map_ops, stack_map_ops, stack_trace_map_ops, ringbuf_map_ops;
extern const struct bpf_map_ops cgroup_array_map_ops, bloom_filter_map_ops, trie_map_ops, storage_map_ops;
extern const struct bpf_map_ops array_of_maps_map_ops, htab_of_maps_map_ops;

void bpf_map_init_from_attr(struct bpf_map *map, union bpf_attr *attr);
/* Memory of a map; large ones are not physically contiguous. */
void *bpf_map_area_alloc(u64 size);
void bpf_map_area_free(void *area);
bool bpf_map_flags_access_ok(u32 flags);

/* While user space changes a map, no program may: a probe inside the allocator would find the map half changed. */
static inline void bpf_disable_instrumentation(void) { bpf_prog_active++; barrier(); }
static inline void bpf_enable_instrumentation(void) { barrier(); bpf_prog_active--; }

static inline bool bpf_map_is_percpu(const struct bpf_map *map)
{
	return map->map_type == BPF_MAP_TYPE_PERCPU_ARRAY || map->map_type == BPF_MAP_TYPE_PERCPU_HASH ||
	       map->map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

/* Bytes that user space exchanges for one value: per-CPU forms have one for each processor, rounded up to 8. */
static inline u32 bpf_map_value_size(const struct bpf_map *map)
{
	if (bpf_map_is_percpu(map))
		return round_up(map->value_size, 8);
	return map->value_size;
}

/*
 * The error in a pointer, for a map's operation to return: they return int, and compiled programs that call them directly take
 * all of rax for the result. As on Linux its upper half is then zero.
 */
static inline int bpf_map_error(const void *pointer)
{
	int error = PTR_ERR(pointer);

	asm("movl %0, %0" : "+r"(error));
	return error;
}

/* Parts of values that are the kernel's own: locks, pointers. */
void bpf_map_add_field(struct bpf_map *map, u32 offset, u32 size);
/* Copies a value, but for these parts. */
void bpf_map_write_value(const struct bpf_map *map, void *to, const void *from);
/* A value that is new, or goes to user space. */
void bpf_map_clear_fields(const struct bpf_map *map, void *value);
/* An element is overwritten or gone: its lock stays as it is. */
void bpf_map_free_fields(const struct bpf_map *map, void *value);
/* Of a struct bpf_timer. */
void bpf_timer_cancel_and_free(void *value);
/* The element of an array that a value is. */
u32 bpf_array_index_of(struct bpf_map *map, const void *value);
/* -EINVAL if BPF_F_LOCK is asked for and values have no lock. */
int bpf_map_check_lock_flag(const struct bpf_map *map, u64 flags);

void bpf_map_inc_with_uref(struct bpf_map *map);
void bpf_map_put_with_uref(struct bpf_map *map);
/* O_ flags of the descriptor that a map's BPF_F_RDONLY and BPF_F_WRONLY ask for, or -EINVAL. */
int bpf_get_file_flag(u32 flags);
int bpf_map_new_fd(struct bpf_map *map, int flags);
struct bpf_map *bpf_map_from_file(struct file *file);
extern const struct file_operations bpf_map_fops;

/* The map behind a descriptor, the file with a reference that the caller drops. */
struct bpf_map *bpf_map_fdget(u32 ufd, struct file **file);
/* What the descriptor and the map's state let user space do. */
bool bpf_map_can_read(struct file *file);
bool bpf_map_can_write(struct file *file, struct bpf_map *map);
/* One element, as user space sees it: the value of bpf_map_value_size() bytes. */
int bpf_map_copy_value(struct bpf_map *map, void *key, void *value);
int bpf_map_update_value(struct bpf_map *map, struct file *file, void *key, void *value, u64 flags);

/* BPF_MAP_ commands of bpf(2). */
int map_create(union bpf_attr *attr);
int map_lookup_elem(union bpf_attr *attr);
int map_update_elem(union bpf_attr *attr);
int map_delete_elem(union bpf_attr *attr);
int map_get_next_key(union bpf_attr *attr);
int map_lookup_and_delete_elem(union bpf_attr *attr);
int map_freeze(union bpf_attr *attr);
int map_do_batch(union bpf_attr *attr, union bpf_attr __user *uattr, int cmd);
int bpf_map_get_next_id(u32 id, u32 *next);
/* @flags: BPF_F_RDONLY, BPF_F_WRONLY */
int bpf_map_get_fd_by_id(u32 id, int flags);
int bpf_map_get_info(struct bpf_map *map, struct bpf_map_info *info);
/* The size that fdinfo tells for memory that is taken up. */
u64 bpf_map_memory_footprint(const struct bpf_map *map);

int generic_map_lookup_batch(struct bpf_map *map, const union bpf_attr *attr, union bpf_attr __user *uattr);
int generic_map_update_batch(struct bpf_map *map, struct file *file, const union bpf_attr *attr,
			     union bpf_attr __user *uattr);
int generic_map_delete_batch(struct bpf_map *map, const union bpf_attr *attr, union bpf_attr __user *uattr);

/* Maps of maps. */
bool bpf_map_meta_equal(const struct bpf_map *meta, const struct bpf_map *map);
struct bpf_map *bpf_map_meta_alloc(int inner_map_ufd);
void bpf_map_meta_free(struct bpf_map *meta);
void *bpf_map_fd_get_ptr(struct bpf_map *map, struct file *map_file, int fd);
void bpf_map_fd_put_ptr(void *ptr);
u32 bpf_map_fd_sys_lookup_elem(void *ptr);
int bpf_fd_htab_map_update_elem(struct bpf_map *map, struct file *map_file, void *key, void *value, u64 flags);
int bpf_fd_htab_map_lookup_elem(struct bpf_map *map, void *key, u32 *value);

/* PROG_ARRAY and the like: value is a file descriptor. */
int bpf_fd_array_map_update_elem(struct bpf_map *map, struct file *map_file, void *key, void *value, u64 flags);
int bpf_fd_array_map_lookup_elem(struct bpf_map *map, void *key, u32 *value);
int bpf_fd_array_map_delete_elem(struct bpf_map *map, void *key);
void *bpf_fd_array_entry(struct bpf_map *map, u32 index);

int bpf_stackmap_copy(struct bpf_map *map, void *key, void *value);
long bpf_stackmap_get_id(struct bpf_map *map, u64 *ips, u32 count, u64 flags);

/* Layout that generated code relies on. */
size_t bpf_prog_array_pointers_offset(void);
size_t bpf_htab_key_offset(void);
size_t bpf_htab_ref_offset(void);
/* What the numbers of helpers in a program's dump count from. */
u64 __bpf_call_base(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);

/* ---- programs ---- */

int bpf_prog_load(union bpf_attr *attr, union bpf_attr __user *uattr);
int bpf_prog_new_fd(struct bpf_prog *prog);
struct bpf_prog *bpf_prog_from_file(struct file *file);
/* The compiled program that an address lies in, or NULL. No reference. */
struct bpf_prog *bpf_prog_of_code(const void *address);
int bpf_prog_get_next_id(u32 id, u32 *next);
int bpf_prog_get_fd_by_id(u32 id);
int bpf_prog_get_info(struct bpf_prog *prog, struct bpf_prog_info *info, struct bpf_prog_info __user *uinfo);
/* Whether a PROG_ARRAY may hold the program: no override, and of the kind that the array holds already. */
bool bpf_prog_map_compatible(struct bpf_map *map, const struct bpf_prog *prog);

int bpf_prog_test_run_tracing(struct bpf_prog *prog, const union bpf_attr *attr, union bpf_attr __user *uattr);
int bpf_prog_test_run(const union bpf_attr *attr, union bpf_attr __user *uattr);

int bpf_prog_test_run_syscall(struct bpf_prog *prog, const union bpf_attr *attr, union bpf_attr __user *uattr);

int bpf_prog_bind_map(const union bpf_attr *attr);

/* ---- names, queries ---- */

int bpf_obj_pin(const union bpf_attr *attr);
int bpf_obj_get(const union bpf_attr *attr);
int bpf_task_fd_query(const union bpf_attr *attr, union bpf_attr __user *uattr);
int bpf_enable_stats(const union bpf_attr *attr);

/* ---- links ---- */

struct bpf_link;

int link_create(union bpf_attr *attr);
int link_update(union bpf_attr *attr);
int link_detach(union bpf_attr *attr);
int iter_create(union bpf_attr *attr);
int bpf_link_get_next_id(u32 id, u32 *next);
int bpf_link_get_fd_by_id(u32 id);
int bpf_link_get_info(struct bpf_link *link, struct bpf_link_info *info);
int raw_tracepoint_open(union bpf_attr *attr);

/* ---- the interpreter ---- */

/* bpf_func of a program that is not compiled. */
unsigned int bpf_interpret(const void *ctx, const void *insns);
/* Whether every helper that the instructions call exists. */
bool bpf_interpreter_has_helpers(const struct bpf_insn *insns, u32 count);

/* ---- the co-processor ---- */

/* What a load needs besides the instructions. */
struct bpf_load_request {
	u32 prog_type;
	u32 expected_attach_type;
	u32 prog_flags;
	bool gpl_compatible;
	u32 log_level;
	char __user *log_buf;
	u32 log_size;
	const struct bpf_insn *insns;
	u32 insn_cnt;
	struct bpf_cop_map *maps;
	const struct bpf_cop_map_type *map_types;	/* one for each of maps */
	u32 map_count;
	/* Type information, or the errno that resolving it gave; func_info and line_info, as many records as could be read. */
	struct btf *btf;
	int btf_error;
	const void *func_info, *line_info;
	u32 func_info_cnt, func_info_rec_size, func_info_present;
	u32 line_info_cnt, line_info_rec_size, line_info_present;
	u32 attach_flags;		/* BPF_COP_ATTACH_ of prog->attach_btf_id */
	/* The answer: 1, 2: func_info or line_info has records with something set that is unknown. */
	u32 unknown_fields;
};

bool bpf_coprocessor_present(void);
/* Verifies and generates. On success prog->image holds the code, or prog->insns what is to be interpreted. 0 or the verifier's -errno; -ENODEV without a co-processor. */
int bpf_coprocessor_load(struct bpf_prog *prog, struct bpf_load_request *request);
/* Copies bytes of one of the program's tables, BPF_COP_INFO_, into the kernel. */
int bpf_coprocessor_read_info(const struct bpf_prog *prog, u32 kind, void *to, u32 length);
/* Copies the program as the verifier left it to user space. */
int bpf_coprocessor_read_xlated(struct bpf_prog *prog, void __user *to, u32 length);
/* Generates a trampoline for request->base and writes it there; request->data and room are the driver's. */
int bpf_coprocessor_make_trampoline(struct bpf_cop_make_trampoline *request);
/* Forgets the program and frees its code. */
void bpf_coprocessor_unload(struct bpf_prog *prog);

#endif
