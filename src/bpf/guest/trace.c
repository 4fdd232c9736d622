// SPDX-License-Identifier: MIT
/*
 * Programs on trace events: the array of programs that an event carries, attaching to it, and running it. (semantics
 * A12, A21, A22; kernel/trace/bpf_trace.c)
 */
#include <kernel/bpf_rules.h>
#include <kernel/kprobes.h>
#include <kernel/perf_event.h>
#include <kernel/trace_events.h>
#include "internal.h"
#include "run_context.h"
#include "sleepable.h"

int bpf_prog_active;
struct bpf_run_ctx bpf_run_ctx;

int bpf_prog_array_copy(struct bpf_prog_array *old, struct bpf_prog *exclude, struct bpf_prog *include, u64 bpf_cookie,
			struct bpf_prog_array **new_array)
{
	u32 old_cnt = old ? old->cnt : 0, cnt = old_cnt + !!include, i, to = 0;
	bool found = false;
	struct bpf_prog_array *array;

	for (i = 0; i < old_cnt; i++) {
		if (old->items[i].prog == exclude)
			found = true;
		if (include && old->items[i].prog == include)
			return -EEXIST;
	}
	if (exclude && !found)
		return -ENOENT;
	if (found)
		cnt--;
	*new_array = NULL;
	if (!cnt)
		return 0;
	array = kmalloc(struct_size(array, items, cnt), GFP_KERNEL);
	if (!array)
		return -ENOMEM;
	for (i = 0; i < old_cnt; i++) {
		if (exclude && old->items[i].prog == exclude) {
			exclude = NULL;
			continue;
		}
		array->items[to++] = old->items[i];
	}
	if (include)
		array->items[to++] = (struct bpf_prog_array_item){ .prog = include, .bpf_cookie = bpf_cookie };
	array->cnt = to;
	*new_array = array;
	return 0;
}

static void free_deferred(struct bpf_deferred *deferred)
{
	kfree(container_of(deferred, struct bpf_prog_array, deferred));
}

void bpf_prog_array_free(struct bpf_prog_array *array)
{
	if (array)
		bpf_call_after_programs(&array->deferred, free_deferred);
}

/* Takes @prog out without allocating: for when no memory is left and the program must go all the same. */
static void prog_array_delete(struct bpf_prog_array *array, struct bpf_prog *prog)
{
	u32 i;

	for (i = 0; i < array->cnt && array->items[i].prog != prog; i++)
		;
	if (i == array->cnt)
		return;
	array->cnt--;
	memmove(&array->items[i], &array->items[i + 1], (array->cnt - i) * sizeof(array->items[0]));
}

/* An override must not leave a function half done, nor hit one whose callers do not expect a failure. (A12, A29) */
static bool may_override(struct trace_event_call *call)
{
	if (bpf_rules == BPF_RULES_2017)
		return trace_kprobe_ftrace(call);
	return trace_kprobe_on_func_entry(call) && trace_kprobe_error_injectable(call);
}

int perf_event_attach_bpf_prog(struct perf_event *event, struct bpf_prog *prog, u64 bpf_cookie)
{
	struct trace_event_call *call = event->tp_event;
	struct bpf_prog_array *array;
	int err;

	if (prog->kprobe_override && !may_override(call))
		return -EINVAL;
	if (event->prog)
		return -EEXIST;
	if (call->prog_array && call->prog_array->cnt >= BPF_TRACE_MAX_PROGS)
		return -E2BIG;
	err = bpf_prog_array_copy(call->prog_array, NULL, prog, bpf_cookie, &array);
	if (err < 0)
		return err;
	event->prog = prog;
	event->bpf_cookie = bpf_cookie;
	swap(call->prog_array, array);
	bpf_prog_array_free(array);
	return 0;
}

void perf_event_detach_bpf_prog(struct perf_event *event)
{
	struct trace_event_call *call = event->tp_event;
	struct bpf_prog_array *array;
	int err;

	if (!event->prog)
		return;
	err = bpf_prog_array_copy(call->prog_array, event->prog, NULL, 0, &array);
	if (err == -ENOMEM) {
		prog_array_delete(call->prog_array, event->prog);
	} else if (!err) {
		swap(call->prog_array, array);
		bpf_prog_array_free(array);
	}
	bpf_prog_put(event->prog);
	event->prog = NULL;
}

unsigned int trace_call_bpf(struct trace_event_call *call, void *ctx)
{
	struct bpf_prog_array *array = call->prog_array;
	struct bpf_run_ctx outer = bpf_run_ctx;
	unsigned int ret = 1, only = 1;
	u32 i;

	if (++bpf_prog_active != 1) {
		bpf_prog_active--;
		return 0;
	}
	if (array) {
		/* Of a static event's record, programs cannot read the head: it is where the registers are. */
		bpf_run_ctx.prog = NULL;
		bpf_run_ctx.regs = call->flags & (TRACE_EVENT_FL_KPROBE | TRACE_EVENT_FL_UPROBE) ? ctx : *(struct pt_regs **)ctx;
		for (i = 0; i < array->cnt; i++) {
			bpf_run_ctx.bpf_cookie = array->items[i].bpf_cookie;
			only = bpf_prog_run(array->items[i].prog, ctx);
			ret &= only;
		}
		bpf_run_ctx = outer;
	}
	bpf_prog_active--;
	/* In 2015 any result but 0 stored the event (B4). */
	return call->only_prog ? only : ret;
}

const struct pt_regs *bpf_regs_behind(const unsigned long *frame)
{
	static struct pt_regs here;

	if (bpf_run_ctx.regs)
		return bpf_run_ctx.regs;
	here.bp = frame[0];
	here.ip = frame[1];
	here.sp = (unsigned long)(frame + 2);
	return &here;
}
