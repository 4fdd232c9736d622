// SPDX-License-Identifier: MIT
/*
 * Trampolines: the five bytes of nop at a function's entry become a call of code that the co-processor makes for the
 * programs on the function. Each change makes a new image; an old one goes when nobody can be in it any more.
 * (docs/trampolines.md; semantics D1 to D4, D14; kernel/bpf/trampoline.c)
 */
#include <linux/btf.h>
#include <kernel/kprobes.h>
#include <kernel/mutex.h>
#include <kernel/text-patching.h>
#include <kernel/vmalloc.h>
#include <kernel/workqueue.h>
#include "trampoline.h"

#define CALL_SIZE	5
#define NR_KINDS	3

static const u8 nop5[CALL_SIZE] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

struct bpf_tramp_image {
	void *image;
	u32 calls;			/* of the function that are under way from here */
	bool retired;
	u32 after_call, epilogue;	/* offsets; after_call 0: the function is not called from here */
	struct bpf_deferred deferred;
	struct work_struct work;
};

struct bpf_trampoline {
	struct list_head list;
	unsigned long addr;
	u32 args;
	u64 key;
	struct list_head progs[NR_KINDS];
	u32 cnt;
	struct bpf_tramp_image *cur;
};

static LIST_HEAD(trampolines);
static DEFINE_MUTEX(trampoline_mutex);

static unsigned int kind_of(const struct bpf_prog *prog)
{
	switch (prog->expected_attach_type) {
	case BPF_TRACE_FEXIT:
		return 1;
	case BPF_MODIFY_RETURN:
		return 2;
	case BPF_LSM_MAC:
		/* A hook that returns nothing has nothing to decide. */
		return prog->attach_void ? 1 : 2;
	default:
		return 0;
	}
}

static const u32 attach_types[NR_KINDS] = { BPF_TRACE_FENTRY, BPF_TRACE_FEXIT, BPF_MODIFY_RETURN };

/* ---- images ---- */

static void free_image(struct work_struct *work)
{
	struct bpf_tramp_image *im = container_of(work, struct bpf_tramp_image, work);

	exec_unname(im->image);
	exec_free(im->image);
	kfree(im);
}

/* Later, by a thread: whoever has just left the function may still have a few instructions of the image to go. */
static void no_programs_in_image(struct bpf_deferred *deferred)
{
	struct bpf_tramp_image *im = container_of(deferred, struct bpf_tramp_image, deferred);

	if (!im->calls)
		schedule_work(&im->work);
}

/* Around a call of the function: it may sleep, and comes back to the image. */
notrace void __bpf_tramp_enter(struct bpf_tramp_image *im)
{
	im->calls++;
}

notrace void __bpf_tramp_exit(struct bpf_tramp_image *im)
{
	if (--im->calls == 0 && unlikely(im->retired))
		schedule_work(&im->work);
}

/* Whoever is still in the function does not run the image's fexit programs when it returns: they may be gone by then. */
static void retire_image(struct bpf_tramp_image *im)
{
	if (im->after_call) {
		s32 rel = im->epilogue - (im->after_call + CALL_SIZE);
		u8 jump[CALL_SIZE] = { 0xe9 };

		memcpy(jump + 1, &rel, sizeof(rel));
		text_poke_bp(im->image + im->after_call, jump, sizeof(jump), NULL);
	}
	if (im->calls) {
		im->retired = true;
		return;
	}
	bpf_call_after_programs(&im->deferred, no_programs_in_image);
}

static void fill_links(const struct bpf_trampoline *tr, struct bpf_cop_tramp_link *to)
{
	struct bpf_tramp_link *link;

	for (int kind = 0; kind < NR_KINDS; kind++) {
		list_for_each_entry(link, &tr->progs[kind], on) {
			struct bpf_prog *prog = link->link.prog;
			bool sleepable = prog->sleepable;

			*to++ = (struct bpf_cop_tramp_link){
				.kind = attach_types[kind],
				.program = (u64)prog,
				.code = (u64)prog->bpf_func,
				.instructions = prog->jited ? 0 : (u64)prog->insns,
				.enter = (u64)(sleepable ? bpf_sleepable_enter() : __bpf_prog_enter),
				.exit = (u64)(sleepable ? bpf_sleepable_exit() : __bpf_prog_exit),
				.cookie = link->cookie,
			};
		}
	}
}

static struct bpf_tramp_image *make_image(struct bpf_trampoline *tr)
{
	struct bpf_cop_tramp_link *links = kcalloc(BPF_MAX_TRAMP_LINKS, sizeof(*links), GFP_KERNEL);
	struct bpf_tramp_image *im = kzalloc(sizeof(*im), GFP_KERNEL);
	void *code = (void *)__get_free_pages(GFP_KERNEL, 0);
	struct bpf_cop_trampoline request;
	char name[32];
	int err = -ENOMEM;

	if (!links || !im || !code)
		goto out;
	INIT_WORK(&im->work, free_image);
	im->image = exec_alloc(PAGE_SIZE);
	if (!im->image)
		goto out;
	fill_links(tr, links);
	request = (struct bpf_cop_trampoline){
		.base = (u64)im->image,
		.target = tr->addr,
		.links = virt_to_phys(links),
		.call_begin = (u64)__bpf_tramp_enter,
		.call_end = (u64)__bpf_tramp_exit,
		.image = (u64)im,
		.link_count = tr->cnt,
		.argument_registers = tr->args,
		.flags = 1,
		.run_context_size = sizeof(struct bpf_tramp_run_ctx),
	};
	err = bpf_coprocessor_trampoline(&request, code, PAGE_SIZE);
	if (err)
		goto out;
	im->after_call = request.after_call;
	im->epilogue = request.epilogue;
	text_poke(im->image, code, request.length);
	snprintf(name, sizeof(name), "bpf_trampoline_%llu", tr->key);
	exec_name(im->image, PAGE_SIZE, name);
out:
	free_pages((unsigned long)code, 0);
	kfree(links);
	if (!err)
		return im;
	if (im && im->image)
		exec_free(im->image);
	kfree(im);
	return ERR_PTR(err);
}

/* ---- the function's entry ---- */

static void write_entry(struct bpf_trampoline *tr, struct bpf_tramp_image *im)
{
	u8 call[CALL_SIZE] = { 0xe8 };
	s32 rel;

	if (im) {
		rel = (unsigned long)im->image - (tr->addr + CALL_SIZE);
		memcpy(call + 1, &rel, sizeof(rel));
	}
	kprobes_replace_text((void *)tr->addr, im ? call : nop5, CALL_SIZE);
}

/* Makes the entry fit the programs that there are. On failure everything is as before. */
static int update(struct bpf_trampoline *tr)
{
	struct bpf_tramp_image *old = tr->cur, *im = NULL;

	if (tr->cnt) {
		im = make_image(tr);
		if (IS_ERR(im))
			return PTR_ERR(im);
	}
	write_entry(tr, im);
	tr->cur = im;
	if (old)
		retire_image(old);
	return 0;
}

static bool has_patchable_entry(unsigned long addr)
{
	extern const unsigned long __start_mcount_loc[], __stop_mcount_loc[];

	for (const unsigned long *loc = __start_mcount_loc; loc < __stop_mcount_loc; loc++)
		if (*loc == addr)
			return true;
	return false;
}

/* ---- programs come and go ---- */

static struct bpf_trampoline *find_or_make(const struct bpf_prog *prog)
{
	struct bpf_trampoline *tr;

	list_for_each_entry(tr, &trampolines, list)
		if (tr->addr == prog->attach_addr)
			return tr;
	tr = kzalloc(sizeof(*tr), GFP_KERNEL);
	if (!tr)
		return NULL;
	tr->addr = prog->attach_addr;
	tr->args = prog->attach_args;
	/* As Linux numbers them: the object that the type is in, and the type. */
	tr->key = 1ULL << 32 | 0x80000000 | prog->attach_btf_id;
	for (int kind = 0; kind < NR_KINDS; kind++)
		INIT_LIST_HEAD(&tr->progs[kind]);
	list_add_tail(&tr->list, &trampolines);
	return tr;
}

static void forget_if_empty(struct bpf_trampoline *tr)
{
	if (tr->cnt)
		return;
	list_del(&tr->list);
	kfree(tr);
}

static int link_prog(struct bpf_trampoline *tr, struct bpf_tramp_link *link)
{
	struct list_head *progs = &tr->progs[kind_of(link->link.prog)];
	struct bpf_tramp_link *other;
	int err;

	if (tr->cnt >= BPF_MAX_TRAMP_LINKS)
		return -E2BIG;
	list_for_each_entry(other, progs, on)
		if (other->link.prog == link->link.prog)
			return -EBUSY;
	list_add_tail(&link->on, progs);
	tr->cnt++;
	err = update(tr);
	if (err) {
		list_del(&link->on);
		tr->cnt--;
	}
	return err;
}

int bpf_trampoline_link_prog(struct bpf_tramp_link *link)
{
	const struct bpf_prog *prog = link->link.prog;
	struct bpf_trampoline *tr;
	int err;

	if (prog->attach_args > BPF_MAX_TRAMP_ARGS || !has_patchable_entry(prog->attach_addr))
		return -ENOTSUPP;
	mutex_lock(&trampoline_mutex);
	tr = find_or_make(prog);
	err = tr ? link_prog(tr, link) : -ENOMEM;
	if (!err)
		link->trampoline = tr;
	else if (tr)
		forget_if_empty(tr);
	mutex_unlock(&trampoline_mutex);
	return err;
}

void bpf_trampoline_unlink_prog(struct bpf_tramp_link *link)
{
	struct bpf_trampoline *tr = link->trampoline;

	if (!tr)
		return;
	mutex_lock(&trampoline_mutex);
	list_del(&link->on);
	tr->cnt--;
	link->trampoline = NULL;
	/* With no memory for an image without the program, at least nobody runs it: the function is left alone. */
	if (update(tr)) {
		write_entry(tr, NULL);
		retire_image(tr->cur);
		tr->cur = NULL;
	}
	forget_if_empty(tr);
	mutex_unlock(&trampoline_mutex);
}
