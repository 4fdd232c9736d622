// SPDX-License-Identifier: MIT
/*
 * Stack traces by frame pointers. A frame whose pointer is odd is an entry's: the pt_regs are at the pointer less one.
 * Return addresses that a kretprobe replaced are shown as what they were.
 */
#include <kernel/kallsyms.h>
#include <kernel/kdebug.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/mm.h>
#include <kernel/sched.h>
#include <kernel/uaccess.h>
#include "unwind.h"

unsigned long __weak kretprobe_find_ret_addr(unsigned long addr, unsigned long *frame)
{
	return addr;
}

/* The stack that holds @addr: the task's, or one of the exceptions' (whatever page it is). */
static bool on_stack(const struct unwind_state *state, unsigned long addr)
{
	unsigned long stack = (unsigned long)state->task->stack;

	if (addr & 7)
		return false;
	if (addr >= stack && addr + 16 <= stack + THREAD_SIZE)
		return true;
	return addr >= (unsigned long)_sdata && addr + 16 <= (unsigned long)__bss_stop;
}

/*
 * Before its "push %rbp; mov %rsp, %rbp" a function has no frame, and its caller would be missing from the trace. Where
 * its return address then is; NULL once the frame is there. The tracer entry (5 bytes) comes first.
 */
static unsigned long *frameless_return(const struct unwind_state *state, const struct pt_regs *regs)
{
	const u8 *code;
	unsigned long offset, mov;
	unsigned long *sp = (unsigned long *)regs->sp;

	if (!kallsyms_lookup_size_offset(regs->ip, NULL, &offset) || !on_stack(state, regs->sp))
		return NULL;
	if (!core_kernel_text(regs->ip))
		return offset ? NULL : sp;
	code = (const u8 *)regs->ip - offset;
	if (offset <= 5)
		return sp;
	if (code[5] != 0x55)
		return NULL;
	for (mov = 6; mov < 48; mov++)
		if (code[mov] == 0x48 && code[mov + 1] == 0x89 && code[mov + 2] == 0xe5)
			return offset <= mov ? sp + 1 : NULL;
	return NULL;
}

void unwind_start(struct unwind_state *state, struct task_struct *task, struct pt_regs *regs, unsigned long fp)
{
	*state = (struct unwind_state){ .task = task };
	if (regs) {
		state->ip = user_mode(regs) ? 0 : regs->ip;
		state->fp = regs->bp;
		state->regs = regs;
		state->early_ret = state->ip ? frameless_return(state, regs) : NULL;
		return;
	}
	if (!fp && task != current) {
		unsigned long *sp = (unsigned long *)task->thread.sp;

		state->ip = sp[6];
		state->fp = sp[5];
		return;
	}
	state->fp = fp;
	unwind_next(state);
}

bool unwind_done(const struct unwind_state *state)
{
	return !state->ip;
}

void unwind_next(struct unwind_state *state)
{
	unsigned long fp = state->fp;

	state->regs = NULL;
	state->ip = 0;
	if (state->early_ret) {
		state->ret_addr_p = state->early_ret;
		state->early_ret = NULL;
		state->ip = kretprobe_find_ret_addr(*state->ret_addr_p, state->ret_addr_p);
		if (__kernel_text_address(state->ip))
			return;
		state->ip = 0;
	}
	if (fp & 1) {
		struct pt_regs *regs = (struct pt_regs *)(fp - 1);

		if (!on_stack(state, (unsigned long)regs) || user_mode(regs))
			return;
		state->regs = regs;
		state->ip = regs->ip;
		state->fp = regs->bp;
		state->early_ret = frameless_return(state, regs);
		return;
	}
	if (!fp || !on_stack(state, fp))
		return;
	state->ret_addr_p = (unsigned long *)fp + 1;
	state->ip = *state->ret_addr_p;
	if (!__kernel_text_address(state->ip)) {
		state->ip = 0;
		return;
	}
	state->ip = kretprobe_find_ret_addr(state->ip, state->ret_addr_p);
	state->fp = *(unsigned long *)fp;
	/* Frames only lie higher and higher, except across an entry. */
	if (!(state->fp & 1) && state->fp && state->fp <= fp)
		state->fp = 0;
}

static unsigned int collect(struct unwind_state *state, unsigned long *store, unsigned int size, unsigned int skip)
{
	unsigned int n = 0;

	for (; !unwind_done(state) && n < size; unwind_next(state)) {
		if (skip) {
			skip--;
			continue;
		}
		store[n++] = state->ip;
	}
	return n;
}

noinline unsigned int stack_trace_save(unsigned long *store, unsigned int size, unsigned int skip)
{
	struct unwind_state state;

	unwind_start(&state, current, NULL, (unsigned long)__builtin_frame_address(0));
	return collect(&state, store, size, skip);
}

unsigned int stack_trace_save_tsk(struct task_struct *task, unsigned long *store, unsigned int size, unsigned int skip)
{
	struct unwind_state state;

	if (task == current)
		return stack_trace_save(store, size, skip + 1);
	unwind_start(&state, task, NULL, 0);
	return collect(&state, store, size, skip);
}
