/* SPDX-License-Identifier: MIT */
/*
 * Kernel probes: a breakpoint on (almost) any kernel instruction, with handlers before and after it.
 * The interface is Linux's (Documentation/trace/kprobes.rst); the mechanism is int3 (src/kprobes).
 */
#ifndef _KERNEL_KPROBES_H
#define _KERNEL_KPROBES_H

#include <kernel/types.h>
#include <kernel/list.h>
#include <kernel/ptrace.h>
#include <kernel/compiler.h>

typedef u8 kprobe_opcode_t;

#define INT3_INSN_OPCODE	0xcc
#define MAX_INSN_SIZE		15

struct kprobe;
struct kretprobe;
struct kretprobe_instance;

/* Non-zero: the handler has redirected regs->ip; the probed instruction is not executed. */
typedef int (*kprobe_pre_handler_t)(struct kprobe *p, struct pt_regs *regs);
typedef void (*kprobe_post_handler_t)(struct kprobe *p, struct pt_regs *regs, unsigned long flags);
typedef int (*kretprobe_handler_t)(struct kretprobe_instance *ri, struct pt_regs *regs);

/* How the probed instruction is carried out once its handlers have run. */
struct arch_specific_insn {
	kprobe_opcode_t *insn;		/* out-of-line copy followed by int3; NULL when emulated */
	u8 size;			/* length of the probed instruction */
	u8 opcode_bytes[MAX_INSN_SIZE];	/* the instruction itself, as it is without any probe */
	void (*emulate_op)(struct kprobe *p, struct pt_regs *regs);
	union {
		struct { s32 rel; u8 type; bool address32; } branch;	/* type: condition code, or loop kind */
		struct { u8 reg; } indirect;
	};
};

struct kprobe {
	struct list_head hlist;		/* in the hash table, or in ... */
	struct list_head list;		/* ... the list of an aggregate */
	unsigned long nmissed;		/* hits that could not be handled because another probe was being handled */
	kprobe_opcode_t *addr;
	const char *symbol_name;	/* either this with offset, or addr */
	unsigned int offset;
	kprobe_pre_handler_t pre_handler;
	kprobe_post_handler_t post_handler;
	kprobe_opcode_t opcode;		/* the byte that int3 replaced */
	struct arch_specific_insn ainsn;
	u32 flags;
};

#define KPROBE_FLAG_GONE	1
#define KPROBE_FLAG_DISABLED	2
#define KPROBE_FLAG_OPTIMIZED	4
#define KPROBE_FLAG_FTRACE	8
#define KPROBE_FLAG_ON_FUNC_ENTRY 16

struct kretprobe {
	struct kprobe kp;
	kretprobe_handler_t handler;		/* when the function returns */
	kretprobe_handler_t entry_handler;	/* when it is entered; non-zero: do not trace this call */
	int maxactive;				/* calls that can be followed at once; <= 0: max(10, 2 * CPUs) */
	int nmissed;				/* calls not followed because there was no free instance */
	size_t data_size;
	struct list_head free_instances;
};

struct kretprobe_instance {
	struct list_head list;			/* the task's, newest first, or the probe's free list */
	struct kretprobe *rp;
	unsigned long ret_addr;			/* the real return address */
	unsigned long *frame;			/* where it was on the stack */
	char data[];
};

/* Functions that a probe must never be put on, because handling a probe runs them. */
#define NOKPROBE_SYMBOL(fname)								\
	static unsigned long __attribute__((used, section("_kprobe_blacklist")))	\
	_kbl_addr_##fname = (unsigned long)fname

#ifndef __kprobes
#define __kprobes	__attribute__((section(".kprobes.text")))
#endif

/* 0, or -EINVAL, -ENOENT, -EILSEQ, -EADDRNOTAVAIL, -EOPNOTSUPP ... in the order of semantics C1 to C5. */
int register_kprobe(struct kprobe *p);
/*
 * Replaces whole instructions of the code as it is without probes: what a probe at @addr hides is replaced, and the probe stays.
 * -EBUSY if they are not @old; @size is at most MAX_INSN_SIZE.
 */
int kprobe_text_replace(void *addr, const void *old, const void *new, size_t size);
void unregister_kprobe(struct kprobe *p);
int register_kretprobe(struct kretprobe *rp);
void unregister_kretprobe(struct kretprobe *rp);
int enable_kprobe(struct kprobe *p);
int disable_kprobe(struct kprobe *p);

struct kprobe *get_kprobe(void *addr);
struct kprobe *kprobe_running(void);
bool within_kprobe_blacklist(unsigned long addr);
/* Is there a call of the tracer to be put at @addr, that is, does a function begin there? */
bool is_ftrace_location(unsigned long addr);
/* These places one after the other; 0 behind the last. */
unsigned long ftrace_location_get(unsigned long index);
static inline bool kprobe_disabled(struct kprobe *p) { return p->flags & (KPROBE_FLAG_DISABLED | KPROBE_FLAG_GONE); }
static inline bool kprobe_gone(struct kprobe *p) { return p->flags & KPROBE_FLAG_GONE; }

/* 0 if (@addr or @sym, @offset) is a function's entry, -EINVAL if not, -ENOENT if there is no such symbol. */
int kprobe_on_func_entry(kprobe_opcode_t *addr, const char *sym, unsigned long offset);

/* Called by the exception entry; non-zero: the exception was a probe's and is dealt with. */
int kprobe_int3_handler(struct pt_regs *regs);
int kprobe_page_fault(struct pt_regs *regs, unsigned int trapnr);

/* Is it where a followed function returns to, instead of its caller? */
bool is_kretprobe_trampoline(unsigned long addr);
/* For the unwinder: the real return address behind a hooked frame, or @addr if the frame is not hooked. */
unsigned long kretprobe_find_ret_addr(unsigned long addr, unsigned long *frame);

struct task_struct;
/* A dying task gives its pending kretprobe instances back. */
void kprobe_flush_task(struct task_struct *task);

#endif
