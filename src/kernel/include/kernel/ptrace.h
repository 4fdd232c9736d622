/* SPDX-License-Identifier: MIT */
/* struct pt_regs: the registers of interrupted code, as the entry code saves them. Linux's layout. */
#ifndef _KERNEL_PTRACE_H
#define _KERNEL_PTRACE_H

#include <kernel/types.h>
#include <kernel/segment.h>

#ifndef __ASSEMBLER__

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx;
	unsigned long r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax;		/* system call number, error code, ~vector, or -1 */
	unsigned long ip, cs, flags, sp, ss;
};

static inline bool user_mode(const struct pt_regs *regs) { return (regs->cs & 3) == 3; }
static inline unsigned long instruction_pointer(const struct pt_regs *regs) { return regs->ip; }
static inline void instruction_pointer_set(struct pt_regs *regs, unsigned long val) { regs->ip = val; }
static inline unsigned long kernel_stack_pointer(const struct pt_regs *regs) { return regs->sp; }
static inline unsigned long user_stack_pointer(const struct pt_regs *regs) { return regs->sp; }
static inline unsigned long frame_pointer(const struct pt_regs *regs) { return regs->bp; }
static inline unsigned long regs_return_value(const struct pt_regs *regs) { return regs->ax; }
static inline void regs_set_return_value(struct pt_regs *regs, unsigned long rc) { regs->ax = rc; }

/* The @n-th argument of a function, at its entry. */
static inline unsigned long regs_get_kernel_argument(const struct pt_regs *regs, unsigned int n)
{
	switch (n) {
	case 0: return regs->di;
	case 1: return regs->si;
	case 2: return regs->dx;
	case 3: return regs->cx;
	case 4: return regs->r8;
	case 5: return regs->r9;
	}
	return ((unsigned long *)regs->sp)[1 + n - 6];
}

/* Offset of a register by the name that kprobe events use ("ax", "di", "flags"), or -EINVAL. */
int regs_query_register_offset(const char *name);
const char *regs_query_register_name(unsigned int offset);
static inline unsigned long regs_get_register(const struct pt_regs *regs, unsigned int offset)
{
	return *(const unsigned long *)((const char *)regs + offset);
}
bool regs_within_kernel_stack(struct pt_regs *regs, unsigned long addr);
unsigned long regs_get_kernel_stack_nth(struct pt_regs *regs, unsigned int n);

#endif
#endif
