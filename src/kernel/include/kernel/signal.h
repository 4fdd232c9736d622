/* SPDX-License-Identifier: MIT */
/* Signals. Numbers and user space's structures are in <asm/signal.h> and <asm/siginfo.h>. */
#ifndef _KERNEL_SIGNAL_H
#define _KERNEL_SIGNAL_H

#include <linux/signal.h>
#include <asm/siginfo.h>
#include <linux/resource.h>
#include <kernel/types.h>
#include <kernel/list.h>
#include <kernel/wait-types.h>
#include <kernel/spinlock.h>

#undef _NSIG
#undef NSIG
#define _NSIG			64
#define SIGRTMIN_KERNEL		32
#define sigmask(sig)		(1UL << ((sig) - 1))
#ifndef SA_RESTORER
#define SA_RESTORER		0x04000000
#endif

/* sigset_t of the user interface is one long for 64 signals, and so is the kernel's. */
struct task_struct;
struct pt_regs;

typedef siginfo_t kernel_siginfo_t;

/* struct sigaction as rt_sigaction(2) takes it. */
struct k_sigaction {
	__sighandler_t sa_handler;
	unsigned long sa_flags;
	void __user *sa_restorer;
	sigset_t sa_mask;
};

struct sigqueue {
	struct list_head list;
	kernel_siginfo_t info;
};

struct sigpending {
	struct list_head list;
	sigset_t signal;
};

struct sighand_struct {
	int count;
	wait_queue_head_t signalfd_wqh;
	struct k_sigaction action[_NSIG];
};

/* ITIMER_VIRTUAL and ITIMER_PROF: processor time of the process, ns. */
struct cpu_itimer {
	u64 expires, incr;
};

/* What the threads of a process share. */
struct signal_struct {
	int live;			/* threads that have not exited */
	int nr_threads;			/* threads that have not been released */
	bool group_exit;
	int group_exit_code;
	struct task_struct *group_exec_task;	/* the thread that executes a program while the others end */
	wait_queue_head_t wait_chldexit;
	struct sigpending shared_pending;
	struct rlimit rlim[RLIM_NLIMITS];
	u64 utime, stime, cutime, cstime;	/* threads gone; children reaped */
	unsigned long nvcsw, nivcsw, cnvcsw, cnivcsw, min_flt, cmin_flt;
	unsigned long maxrss, cmaxrss;
	u64 it_real_expires, it_real_incr;	/* ITIMER_REAL, alarm */
	struct timer_list *real_timer;
	struct cpu_itimer it_virtual, it_prof;
	u64 cpu_limit_warned;		/* processor time at the last SIGXCPU */
	struct list_head posix_timers;
	int next_timer_id;
	bool is_child_subreaper;
	void *tty;
	int oom_score_adj;
};

static inline bool sig_kernel_only(int sig) { return sig == SIGKILL || sig == SIGSTOP; }

#define SEND_SIG_NOINFO		((kernel_siginfo_t *)0)	/* from the current task, kill(2)-like */
#define SEND_SIG_PRIV		((kernel_siginfo_t *)1)	/* from the kernel */

/* To the process, or the thread. 0 or -errno. */
int send_signal_to(int sig, kernel_siginfo_t *info, struct task_struct *task, bool group);
/* To the process. 0 or -errno. */
int send_sig_info(int sig, kernel_siginfo_t *info, struct task_struct *task);
int send_sig(int sig, struct task_struct *task, int priv);
/* To the thread. A fault's: not to be ignored or blocked. */
int force_sig_info(kernel_siginfo_t *info);
int force_sig(int sig);
int force_sig_fault(int sig, int code, void __user *addr);
int kill_pgrp_nr(pid_t pgrp, int sig, int priv);
void recalc_sigpending(void);
/* The system call is to be restored with this mask after its handlers (ppoll, pselect, sigsuspend). */
int set_user_sigmask(const sigset_t __user *mask, size_t size);
void restore_saved_sigmask_unless(bool interrupted);

bool __signal_pending(struct task_struct *task);
bool __fatal_signal_pending(struct task_struct *task);
#define signal_pending(task)		__signal_pending(task)
#define fatal_signal_pending(task)	__fatal_signal_pending(task)
bool signal_pending_state(unsigned int state, struct task_struct *task);

unsigned long rlimit(unsigned int limit);

#endif
