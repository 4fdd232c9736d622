/* SPDX-License-Identifier: MIT */
/* Walking a kernel stack: unwind_start, then while !unwind_done: use ip, unwind_next. */
#ifndef _ARCH_UNWIND_H
#define _ARCH_UNWIND_H

#include <kernel/types.h>

struct pt_regs;
struct task_struct;

struct unwind_state {
	struct task_struct *task;
	unsigned long ip;
	unsigned long fp;
	unsigned long *ret_addr_p;
	struct pt_regs *regs;		/* if ip was interrupted: all its registers */
	unsigned long *early_ret;	/* the function at ip has no frame yet: its return address is here */
};

void unwind_start(struct unwind_state *state, struct task_struct *task, struct pt_regs *regs, unsigned long fp);
bool unwind_done(const struct unwind_state *state);
void unwind_next(struct unwind_state *state);

#endif
