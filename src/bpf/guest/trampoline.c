// SPDX-License-Identifier: MIT
/*
 * The trampolines: which programs are on a function, the image that runs them, and the function's entry. Each change makes a new
 * image and patches the entry from the old to the new one; the old image goes when nobody can be inside any more.
 * (docs/trampolines.md; semantics D1 to D7, D14; kernel/bpf/trampoline.c)
 */
#include <kernel/err.h>
#include <kernel/kprobes.h>
#include <kernel/mutex.h>
#include <kernel/rcu.h>
#include <kernel/text-patching.h>
#include <kernel/vmalloc.h>
#include <kernel/workqueue.h>
#include "sleepable.h"
#include "trampoline.h"

#define BPF_MAX_TRAMP_LINKS	38
#define MAX_ARGUMENT_REGISTERS	6
#define PATCH_SIZE		5
/* Of Linux's: images of one trampoline have a page. */
#define IMAGE_SIZE		PAGE_SIZE

static const u8 nop5[PATCH_SIZE] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

struct bpf_tramp_image {
	void *code;
	refcount_t users;	/* the trampoline, and calls of the function that have not returned */
	bool calls_function;
	u32 after_call, epilogue;
	struct bpf_deferred deferred;
	struct work_struct work;
};

struct bpf_trampoline {
	struct list_head list;
	u64 key;
	refcount_t refcnt;
	void *func;
	u32 nr_args;
	struct list_head progs[BPF_COP_TRAMP_MODIFY_RETURN + 1];	/* by kind, newest first */
	u32 count;
	struct bpf_tramp_image *image;
};

static LIST_HEAD(all_trampolines);
static DEFINE_MUTEX(trampoline_mutex);

/* ---- around a program ---- */

notrace u64 __bpf_prog_enter(struct bpf_prog *prog, struct bpf_tramp_run_ctx *run_ctx)
{
	rcu_read_lock();
	return bpf_tramp_prog_enter(prog, run_ctx);
}

notrace void __bpf_prog_exit(struct bpf_prog *prog, u64 start, struct bpf_tramp_run_ctx *run_ctx)
{
	bpf_tramp_prog_leave(prog, start, run_ctx);
	rcu_read_unlock();
}

/* ---- images ---- */

static void free_image(struct work_struct *work)
{
	struct bpf_tramp_image *image = container_of(work, struct bpf_tramp_image, work);

	exec_unname(image->code);
	exec_free(image->code);
	kfree(image);
}

/*
 * Programs of the image have ended. The last instructions of it may still be under way, below us on this very stack; they
 * are done when another task runs.
 */
static void image_unused(struct bpf_deferred *deferred)
{
	struct bpf_tramp_image *image = container_of(deferred, struct bpf_tramp_image, deferred);

	INIT_WORK(&image->work, free_image);
	schedule_work(&image->work);
}

static notrace void put_image(struct bpf_tramp_image *image)
{
	if (refcount_dec_and_test(&image->users))
		bpf_call_after_programs(&image->deferred, image_unused);
}

static notrace void __bpf_tramp_enter(struct bpf_tramp_image *image)
{
	refcount_inc(&image->users);
}

static notrace void __bpf_tramp_exit(struct bpf_tramp_image *image)
{
	put_image(image);
}

/* Whoever is in the function still returns into the image: it must not run programs that are not attached any more. */
static void retire_image(struct bpf_tramp_image *image)
{
	if (!image)
		return;
	if (image->calls_function) {
		s32 distance = image->epilogue - (image->after_call + PATCH_SIZE);
		u8 jump[PATCH_SIZE] = { 0xe9 };

		memcpy(jump + 1, &distance, sizeof(distance));
		text_poke_bp(image->code + image->after_call, jump, sizeof(jump), NULL);
	}
	put_image(image);
}

static void describe(struct bpf_cop_trampoline_link *to, const struct bpf_tramp_link *link, u32 kind)
{
	const struct bpf_prog *prog = link->link.prog;

	*to = (struct bpf_cop_trampoline_link){
		.program = (u64)prog,
		.code = (u64)prog->bpf_func,
		.instructions = prog->jited ? 0 : (u64)prog->insns,
		.enter = (u64)(prog->sleepable ? bpf_sleepable_enter() : __bpf_prog_enter),
		.exit = (u64)(prog->sleepable ? bpf_sleepable_exit() : __bpf_prog_exit),
		.cookie = link->cookie,
		.kind = kind,
	};
}

static struct bpf_tramp_image *make_image(const struct bpf_trampoline *tr)
{
	struct bpf_tramp_image *image = kzalloc(sizeof(*image), GFP_KERNEL);
	struct bpf_cop_trampoline_link *links = kcalloc(BPF_MAX_TRAMP_LINKS, sizeof(*links), GFP_KERNEL);
	struct bpf_cop_make_trampoline request = { 0 };
	const struct bpf_tramp_link *link;
	char name[sizeof("bpf_trampoline_") + 20];
	u32 kind, count = 0;
	int err = -ENOMEM;

	if (!image || !links)
		goto free;
	refcount_set(&image->users, 1);
	for (kind = 0; kind < ARRAY_SIZE(tr->progs); kind++)
		list_for_each_entry(link, &tr->progs[kind], tramp_list)
			describe(&links[count++], link, kind);
	image->calls_function = !list_empty(&tr->progs[BPF_COP_TRAMP_FEXIT]) ||
				!list_empty(&tr->progs[BPF_COP_TRAMP_MODIFY_RETURN]);
	image->code = exec_alloc(IMAGE_SIZE);
	if (!image->code)
		goto free;
	request.links = virt_to_phys(links);
	request.base = (u64)image->code;
	request.target = (u64)tr->func;
	request.image = (u64)image;
	request.enter_image = (u64)__bpf_tramp_enter;
	request.exit_image = (u64)__bpf_tramp_exit;
	request.link_count = count;
	request.argument_registers = tr->nr_args;
	request.run_context_size = sizeof(struct bpf_tramp_run_ctx);
	err = bpf_coprocessor_make_trampoline(&request);
	if (err)
		goto free;
	image->after_call = request.after_call;
	image->epilogue = request.epilogue;
	kfree(links);
	snprintf(name, sizeof(name), "bpf_trampoline_%llu", tr->key);
	exec_name(image->code, IMAGE_SIZE, name);
	return image;
free:
	kfree(links);
	if (image && image->code)
		exec_free(image->code);
	kfree(image);
	return ERR_PTR(err);
}

/* ---- the function's entry ---- */

static void entry_bytes(u8 *bytes, const struct bpf_trampoline *tr, const struct bpf_tramp_image *image)
{
	s32 distance;

	memcpy(bytes, nop5, PATCH_SIZE);
	if (!image)
		return;
	distance = (u8 *)image->code - ((u8 *)tr->func + PATCH_SIZE);
	bytes[0] = 0xe8;
	memcpy(bytes + 1, &distance, sizeof(distance));
}

/* -EBUSY if the entry is not as it should be: the function is not traceable, or something else is there. */
static int change_entry(struct bpf_trampoline *tr, struct bpf_tramp_image *image)
{
	u8 old[PATCH_SIZE], new[PATCH_SIZE];

	entry_bytes(old, tr, tr->image);
	entry_bytes(new, tr, image);
	return kprobe_text_replace(tr->func, old, new, PATCH_SIZE);
}

/* The programs have changed: a new image, or none. */
static int update(struct bpf_trampoline *tr)
{
	struct bpf_tramp_image *image = NULL, *old = tr->image;
	int err;

	if (tr->count) {
		image = make_image(tr);
		if (IS_ERR(image))
			return PTR_ERR(image);
	}
	err = change_entry(tr, image);
	if (err) {
		if (image)
			put_image(image);
		return err;
	}
	tr->image = image;
	retire_image(old);
	return 0;
}

void *bpf_trampoline_image_at(const void *func)
{
	const struct bpf_trampoline *tr;

	list_for_each_entry(tr, &all_trampolines, list)
		if (tr->func == func)
			return tr->image ? tr->image->code : NULL;
	return NULL;
}
NOKPROBE_SYMBOL(bpf_trampoline_image_at);

/* ---- trampolines ---- */

struct bpf_trampoline *bpf_trampoline_get(struct bpf_prog *prog)
{
	/* As Linux makes it: the kernel's type information is object 1, and its bit 31 says "not a program's". */
	u64 key = 1ull << 32 | 0x80000000 | prog->attach_btf_id;
	struct bpf_trampoline *tr;
	unsigned int kind;

	mutex_lock(&trampoline_mutex);
	list_for_each_entry(tr, &all_trampolines, list) {
		if (tr->key == key) {
			refcount_inc(&tr->refcnt);
			goto out;
		}
	}
	tr = kzalloc(sizeof(*tr), GFP_KERNEL);
	if (!tr)
		goto out;
	tr->key = key;
	refcount_set(&tr->refcnt, 1);
	tr->func = prog->attach_func;
	tr->nr_args = prog->attach_func_args;
	for (kind = 0; kind < ARRAY_SIZE(tr->progs); kind++)
		INIT_LIST_HEAD(&tr->progs[kind]);
	list_add(&tr->list, &all_trampolines);
out:
	mutex_unlock(&trampoline_mutex);
	return tr;
}

void bpf_trampoline_put(struct bpf_trampoline *tr)
{
	if (!tr || !refcount_dec_and_test(&tr->refcnt))
		return;
	mutex_lock(&trampoline_mutex);
	list_del(&tr->list);
	mutex_unlock(&trampoline_mutex);
	kfree(tr);
}

u64 bpf_trampoline_key(const struct bpf_trampoline *tr)
{
	return tr->key;
}

static u32 kind_of(const struct bpf_prog *prog)
{
	switch (prog->expected_attach_type) {
	case BPF_TRACE_FENTRY:
		return BPF_COP_TRAMP_FENTRY;
	case BPF_LSM_MAC:
		/* A hook without a result has none to change. */
		return prog->attach_func_void ? BPF_COP_TRAMP_FEXIT : BPF_COP_TRAMP_MODIFY_RETURN;
	case BPF_MODIFY_RETURN:
		return BPF_COP_TRAMP_MODIFY_RETURN;
	default:
		return BPF_COP_TRAMP_FEXIT;
	}
}

static int link_prog(struct bpf_tramp_link *link, struct bpf_trampoline *tr)
{
	struct list_head *progs = &tr->progs[kind_of(link->link.prog)];
	const struct bpf_tramp_link *other;
	int err;

	if (tr->count >= BPF_MAX_TRAMP_LINKS)
		return -E2BIG;
	list_for_each_entry(other, progs, tramp_list)
		if (other->link.prog == link->link.prog)
			return -EBUSY;
	/* Arguments on the stack are not copied. */
	if (tr->nr_args > MAX_ARGUMENT_REGISTERS)
		return -ENOTSUPP;
	list_add(&link->tramp_list, progs);
	tr->count++;
	err = update(tr);
	if (err) {
		list_del(&link->tramp_list);
		tr->count--;
	}
	return err;
}

int bpf_trampoline_link_prog(struct bpf_tramp_link *link, struct bpf_trampoline *tr)
{
	int err;

	mutex_lock(&trampoline_mutex);
	err = link_prog(link, tr);
	mutex_unlock(&trampoline_mutex);
	return err;
}

void bpf_trampoline_unlink_prog(struct bpf_tramp_link *link, struct bpf_trampoline *tr)
{
	mutex_lock(&trampoline_mutex);
	list_del(&link->tramp_list);
	tr->count--;
	WARN_ON(update(tr));
	mutex_unlock(&trampoline_mutex);
}
