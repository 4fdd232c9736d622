/* SPDX-License-Identifier: MIT */
/* Between send.c, deliver.c and syscalls.c. */
#ifndef _SIGNAL_INTERNAL_H
#define _SIGNAL_INTERNAL_H

#include <kernel/signal.h>

enum signal_default { DEFAULT_TERMINATE, DEFAULT_CORE, DEFAULT_STOP, DEFAULT_IGNORE };

enum signal_default signal_default(int sig);
unsigned long *sigbits(sigset_t *set);
/* Sends to one thread, or to the process that @task belongs to. 0 or -ESRCH. */
int send_signal_to(int sig, kernel_siginfo_t *info, struct task_struct *task, bool to_thread);
/* Takes the next pending signal of @mask for the current task; 0: there is none. */
int dequeue_signal(unsigned long mask, kernel_siginfo_t *info);
void flush_sigqueue(struct sigpending *pending);

/* frame.c: makes user mode enter the handler. 0 or -EFAULT. */
int setup_rt_frame(int sig, const struct k_sigaction *action, const kernel_siginfo_t *info, sigset_t *mask, struct pt_regs *regs);

#endif
