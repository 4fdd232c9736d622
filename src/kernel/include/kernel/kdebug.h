/* SPDX-License-Identifier: MIT */
/* Notifiers of exceptions and of dying. */
#ifndef _KERNEL_KDEBUG_H
#define _KERNEL_KDEBUG_H

#include <kernel/types.h>

struct notifier_block {
	int (*notifier_call)(struct notifier_block *nb, unsigned long action, void *data);
	struct notifier_block *next;
	int priority;
};

#define NOTIFY_DONE		0x0000
#define NOTIFY_OK		0x0001
#define NOTIFY_STOP_MASK	0x8000
#define NOTIFY_BAD		(NOTIFY_STOP_MASK | 0x0002)
#define NOTIFY_STOP		(NOTIFY_OK | NOTIFY_STOP_MASK)

enum die_val { DIE_OOPS = 1, DIE_INT3, DIE_DEBUG, DIE_PANIC, DIE_NMI, DIE_DIE, DIE_KERNELDEBUG, DIE_TRAP, DIE_GPF,
	       DIE_CALL, DIE_PAGE_FAULT, DIE_NMIUNKNOWN };

struct pt_regs;
struct task_struct;

struct die_args {
	struct pt_regs *regs;
	const char *str;
	long err;
	int trapnr;
	int signr;
};

int notify_die(enum die_val val, const char *str, struct pt_regs *regs, long err, int trap, int sig);
int register_die_notifier(struct notifier_block *nb);
int unregister_die_notifier(struct notifier_block *nb);
int notifier_call_chain(struct notifier_block *head, unsigned long val, void *v);

/* Reports an oops and ends the task (or panics). */
void die(const char *str, struct pt_regs *regs, long err);
void show_regs(struct pt_regs *regs);
/* "Not tainted", or by what. */
const char *print_tainted(void);
/* Notes that something has happened after which the kernel is not to be trusted: /proc/sys/kernel/tainted. */
#define TAINT_BAD_PAGE		5
#define TAINT_DIE		7
#define TAINT_WARN		9
#define TAINT_SOFTLOCKUP	14
void add_taint(unsigned int flag);
void show_stack(struct task_struct *task, unsigned long *sp);
void show_trace(struct pt_regs *regs, struct task_struct *task, const char *level);
/* Return addresses from the frame at @fp (0: the caller's) on, hooked returns resolved. How many. */
unsigned int stack_trace_save(unsigned long *store, unsigned int size, unsigned int skip);
unsigned int stack_trace_save_tsk(struct task_struct *task, unsigned long *store, unsigned int size, unsigned int skip);

#endif
