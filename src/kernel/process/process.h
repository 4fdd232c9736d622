/* SPDX-License-Identifier: MIT */
/* What the parts of process management share. */
#ifndef _PROCESS_PROCESS_H
#define _PROCESS_PROCESS_H

#include <kernel/sched.h>

/* What clone(2) and its relatives were asked for. */
struct clone_args_kernel {
	unsigned long flags;
	int exit_signal;
	unsigned long stack, tls;
	int __user *parent_tid, *child_tid, *pidfd;
	int (*fn)(void *);		/* kernel threads */
	void *fn_arg;
	bool kthread;
};

pid_t kernel_clone(const struct clone_args_kernel *args);
void release_task(struct task_struct *task);
void release_sighand(struct task_struct *task);
/* All handlers back to default; those that ignore too if @force. */
void flush_signal_handlers(struct sighand_struct *sighand, bool force);
void flush_pending(struct sigpending *pending);
void exit_signals(struct task_struct *task);
void notify_parent(struct task_struct *task, int sig);
/* Ends the other threads of the process and waits for them (exec). */
int de_thread(void);
struct file;
/* The credentials of whoever executes @file. */
void exec_creds(const struct file *file);
void exit_itimers(struct task_struct *task);
/* The process's POSIX timers (timer_create): they end with the program. */
void exit_posix_timers(struct signal_struct *signal);
/* A descriptor for a process, its number stored at @where. */
int install_pidfd(struct task_struct *task, int __user *where);
/* The process behind a pidfd, with a reference, or ERR_PTR. */
struct task_struct *pidfd_get_task(int fd);
/* A process has ended: whoever polls its pidfd wakes up. */
void pidfd_wake(void);
/* Whether the current task may send the signal: 0, -EPERM, or what a security module says. */
int check_kill(struct task_struct *task, kernel_siginfo_t *info, int sig);
/* Nobody outside its own session could continue this process group. */
bool pgrp_is_orphaned(pid_t pgrp, const struct task_struct *ignored);

void fpu_init(void);
void fpu_reset(struct task_struct *task);
int futex_wake_address(unsigned int __user *addr, int count);
void exit_robust_list(struct task_struct *task);

#endif
