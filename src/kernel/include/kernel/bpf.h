/* SPDX-License-Identifier: MIT */
/*
 * BPF inside the kernel: programs, maps and the arrays of programs that events run. The numbers and structures that user
 * space shares are in <linux/bpf.h>; names here are Linux's (include/linux/bpf.h). Verification and code generation are
 * done by the BPF co-processor; what is here is executed by the guest alone.
 */
#ifndef _KERNEL_BPF_H
#define _KERNEL_BPF_H

#include <linux/bpf.h>
#include <kernel/types.h>
#include <kernel/list.h>
#include <kernel/mm.h>
#include <kernel/refcount.h>
#include <kernel/ptrace.h>

struct bpf_map;
struct bpf_prog;
struct btf;
struct exec_extable;
struct file;
struct trace_event_call;
struct perf_event;
struct poll_table_struct;
struct vm_area_struct;
struct vm_fault;

/* What a map kind can do. The lookup, update and delete of the helpers and of bpf(2) are the same. */
struct bpf_map_ops {
	/* Checks the attributes before anything is allocated: 0 or -errno. */
	int (*map_alloc_check)(union bpf_attr *attr);
	struct bpf_map *(*map_alloc)(union bpf_attr *attr);
	void (*map_free)(struct bpf_map *map);
	int (*map_get_next_key)(struct bpf_map *map, void *key, void *next_key);
	void *(*map_lookup_elem)(struct bpf_map *map, void *key);
	/* User space's look-up where it is not the programs'; may be NULL. */
	void *(*map_lookup_elem_sys_only)(struct bpf_map *map, void *key);
	int (*map_update_elem)(struct bpf_map *map, void *key, void *value, u64 flags);
	int (*map_delete_elem)(struct bpf_map *map, void *key);
	/* Many elements at once; NULL: not for this kind. */
	int (*map_lookup_batch)(struct bpf_map *map, const union bpf_attr *attr, union bpf_attr __user *uattr);
	int (*map_lookup_and_delete_batch)(struct bpf_map *map, const union bpf_attr *attr,
					   union bpf_attr __user *uattr);
	int (*map_update_batch)(struct bpf_map *map, struct file *file, const union bpf_attr *attr,
				union bpf_attr __user *uattr);
	int (*map_delete_batch)(struct bpf_map *map, const union bpf_attr *attr, union bpf_attr __user *uattr);
	/* Stacks and queues. */
	int (*map_push_elem)(struct bpf_map *map, void *value, u64 flags);
	int (*map_pop_elem)(struct bpf_map *map, void *value);
	int (*map_peek_elem)(struct bpf_map *map, void *value);
	/* Maps whose values are file descriptors (prog_array, perf_event_array). */
	void *(*map_fd_get_ptr)(struct bpf_map *map, struct file *map_file, int fd);
	void (*map_fd_put_ptr)(void *ptr);
	u32 (*map_fd_sys_lookup_elem)(void *ptr);
	/* Whether @map may be where the template @meta is asked for; NULL: this kind is no inner map. */
	bool (*map_meta_equal)(const struct bpf_map *meta, const struct bpf_map *map);
	/* Drops what user space put in when its last descriptor is closed. */
	void (*map_release_uref)(struct bpf_map *map);
	/* Arrays whose values programs address directly (BPF_PSEUDO_MAP_VALUE): address of the first value. */
	void *(*map_direct_value)(struct bpf_map *map);
	/* Maps that user space may map: whether it may have this range, and the page for a fault in it. */
	int (*map_mmap)(struct bpf_map *map, struct vm_area_struct *vma);
	vm_fault_t (*map_fault)(struct vm_fault *vmf);
	__poll_t (*map_poll)(struct bpf_map *map, struct file *file, struct poll_table_struct *table);
};

/* Something that is freed when no program can see it any more; embedded in it. (src/bpf/guest/sleepable.h) */
struct bpf_deferred {
	struct rcu_head rcu;
	void (*func)(struct bpf_deferred *deferred);
};

#define BPF_MAP_FIELDS_MAX	10

struct bpf_map {
	const struct bpf_map_ops *ops;
	enum bpf_map_type map_type;
	u32 key_size;
	u32 value_size;
	u32 max_entries;
	u64 map_extra;
	u32 map_flags;
	u32 id;
	refcount_t refcnt;		/* descriptors, programs */
	int usercnt;			/* descriptors only */
	bool bypass_spec_v1;
	bool frozen;
	u32 writable_mappings;		/* of user space; such a map cannot be frozen */
	char name[BPF_OBJ_NAME_LEN];
	struct list_head list;
	struct bpf_deferred deferred;
	struct bpf_map *inner_map_meta;	/* template of the maps in this map of maps */
	struct btf *btf;
	u32 btf_key_type_id;
	u32 btf_value_type_id;
	u32 spin_lock, timer;		/* offsets of these in a value plus 1; 0: there is none */
	/* What of a value is the kernel's: lock, timer, pointers; in the order of their places. */
	struct {
		u32 offset, size;
	} fields[BPF_MAP_FIELDS_MAX];
	u32 field_count;
	/* PROG_ARRAY: kind of the programs that it holds, fixed by the first. */
	struct {
		bool set;
		enum bpf_prog_type type;
		bool jited;
	} owner;
};

struct bpf_prog {
	refcount_t refcnt;
	enum bpf_prog_type type;
	enum bpf_attach_type expected_attach_type;
	u32 len;			/* instructions after the verifier's changes */
	u32 jited_len;			/* bytes of code */
	u32 handle;			/* the co-processor's name for it */
	u8 gpl_compatible:1,
	   kprobe_override:1,		/* calls bpf_override_return */
	   sleepable:1,
	   jited:1,			/* compiled, not interpreted */
	   has_callchain_buf:1,
	   call_get_stack:1;
	u32 tail_call_entry;		/* where a tail call enters the code, bytes from its start */
	u8 tag[BPF_TAG_SIZE];
	char name[BPF_OBJ_NAME_LEN];
	u32 id;
	u32 stack_depth;
	u32 max_ctx_offset;		/* where the last access to the context ends */
	u32 verified_insns;
	u64 load_time;			/* ns since boot */
	u64 run_cnt, run_time_ns;	/* while somebody wanted them counted */
	u32 prog_flags;
	u32 created_by_uid;
	u32 used_map_cnt;
	struct bpf_map **used_maps;
	u32 func_cnt;
	struct btf *btf;		/* the types of its functions and lines, or NULL */
	u32 func_info_cnt, line_info_cnt;
	u32 attach_btf_id;		/* what it was loaded for: */
	void *attach_func;
	const char *attach_func_name;
	u32 attach_func_args;		/* registers that the arguments take */
	bool attach_func_void;
	struct exec_extable *extable;	/* loads that may fault */
	unsigned int (*bpf_func)(const void *ctx, const void *insn);
	void *image;			/* executable memory, image_size bytes */
	size_t image_size;
	struct bpf_insn *insns;		/* as user space gave them, insn_cnt of them */
	u32 insn_cnt;
	struct list_head list;
	struct bpf_deferred deferred;
	int active;			/* trampolines are running it (D6) */
	u64 recursion_misses;		/* times that it was not run for that reason */
};

/* Takes a reference of the program behind a descriptor. ERR_PTR(-EBADF), or -EINVAL if it is something else. */
struct bpf_prog *bpf_prog_get(u32 ufd);
struct bpf_prog *bpf_prog_get_type(u32 ufd, enum bpf_prog_type type);
void bpf_prog_inc(struct bpf_prog *prog);
void bpf_prog_put(struct bpf_prog *prog);
struct bpf_map *bpf_map_get(u32 ufd);
void bpf_map_inc(struct bpf_map *map);
void bpf_map_put(struct bpf_map *map);

/* Whether runs are to be counted and timed, and a run that is. */
bool bpf_stats_wanted(void);
u32 bpf_prog_run_counted(struct bpf_prog *prog, const void *ctx);

/* Runs the program's code on @ctx; the caller keeps it from going away. */
static inline u32 bpf_prog_run(struct bpf_prog *prog, const void *ctx)
{
	if (bpf_stats_wanted())
		return bpf_prog_run_counted(prog, ctx);
	return prog->bpf_func(ctx, prog->insns);
}

/* The code of the trampoline that the function's entry calls, or NULL. */
void *bpf_trampoline_image_at(const void *func);

/* Tracing programs running on this CPU; a probe that hits while it is not 0 is skipped (A22). */
extern int bpf_prog_active;

/* The programs of one event, in the order in which they were attached. */
struct bpf_prog_array_item {
	struct bpf_prog *prog;
	u64 bpf_cookie;
};

struct bpf_prog_array {
	struct bpf_deferred deferred;
	u32 cnt;
	struct bpf_prog_array_item items[];
};

#define BPF_TRACE_MAX_PROGS 64

/*
 * A new array: @old without @exclude and with @include (either may be NULL) at its end. *@new_array is NULL if it would be empty.
 * -EEXIST if @include is there already, -ENOENT if @exclude is not, -E2BIG, -ENOMEM. @old is left alone.
 */
int bpf_prog_array_copy(struct bpf_prog_array *old, struct bpf_prog *exclude, struct bpf_prog *include, u64 bpf_cookie,
			struct bpf_prog_array **new_array);
void bpf_prog_array_free(struct bpf_prog_array *array);

/*
 * Runs the programs of an event on @ctx. The result is what they returned ANDed, each taken modulo 2; 0 means that the
 * event is to be dropped. 0 without running anything if a tracing program is running already. 1 if there are none.
 */
unsigned int trace_call_bpf(struct trace_event_call *call, void *ctx);

/* The same for an event where programs may sleep (a uprobe's); other programs may run meanwhile. */
u32 bpf_prog_run_array_sleepable(struct trace_event_call *call, struct pt_regs *regs);

/*
 * Attaches and detaches a program to an event's source (the second half of PERF_EVENT_IOC_SET_BPF): the override rule
 * (A12), -EEXIST if the perf event has a program, -E2BIG. Stores the program in event->prog and takes over the reference.
 */
int perf_event_attach_bpf_prog(struct perf_event *event, struct bpf_prog *prog, u64 bpf_cookie);
void perf_event_detach_bpf_prog(struct perf_event *event);

/*
 * What programs get as their context: KPROBE the struct pt_regs, TRACEPOINT the event's record, PERF_EVENT a struct
 * bpf_perf_event_data as user space knows it, RAW_TRACEPOINT the arguments.
 */

/* A helper's address as the code generator calls it: five registers in, one out. */
typedef u64 (*bpf_helper_fn)(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);

/* Leaves the record {id, address} of a helper in the section that the co-processor's table is made from. */
struct bpf_helper_entry {
	u64 id;
	u64 addr;
};

#define BPF_HELPER(name) __BPF_HELPER(bpf_##name, bpf_helper_entry_##name, BPF_FUNC_##name)
#define BPF_HELPER_BY_ID(name, number) __BPF_HELPER(bpf_##name, bpf_helper_entry_##name, number)
#define __BPF_HELPER(fn, entry, number)								\
	u64 fn(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);						\
	static const struct bpf_helper_entry entry						\
	__attribute__((used, section("_bpf_helpers"), aligned(8))) = { .id = number, .addr = (u64)fn };	\
	u64 fn(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)

#endif
