/* SPDX-License-Identifier: MIT */
/* Tasks and the scheduler. */
#ifndef _KERNEL_SCHED_H
#define _KERNEL_SCHED_H

#include <linux/sched.h>
#include <kernel/types.h>
#include <kernel/list.h>
#include <kernel/atomic.h>
#include <kernel/compiler.h>
#include <kernel/mm.h>

struct task_struct;
struct files_struct;
struct fs_struct;
struct mm_struct;
struct nsproxy;
struct pt_regs;

#include <kernel/cred.h>
#include <kernel/signal.h>
#include <kernel/time.h>
#include <kernel/wait-types.h>

#define TASK_COMM_LEN		16

#define TASK_RUNNING		0x0000
#define TASK_INTERRUPTIBLE	0x0001
#define TASK_UNINTERRUPTIBLE	0x0002
#define __TASK_STOPPED		0x0004
#define __TASK_TRACED		0x0008
#define EXIT_DEAD		0x0010
#define EXIT_ZOMBIE		0x0020
#define TASK_DEAD		0x0080
#define TASK_WAKEKILL		0x0100
#define TASK_NORMAL		(TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)
#define TASK_KILLABLE		(TASK_WAKEKILL | TASK_UNINTERRUPTIBLE)
#define TASK_STOPPED		(TASK_WAKEKILL | __TASK_STOPPED)

#define PF_IDLE			0x00000002
#define PF_EXITING		0x00000004
#define PF_FORKNOEXEC		0x00000040
#define PF_SIGNALED		0x00000400
#define PF_KTHREAD		0x00200000

#define MAX_SCHEDULE_TIMEOUT	((long)(~0UL >> 1))

/* x87, MMX and SSE registers as FXSAVE stores them. */
struct fxregs_state {
	u8 bytes[512];
} __aligned(16);

/* What the processor needs to run the task again. */
struct thread_struct {
	unsigned long sp;		/* kernel stack while not running */
	unsigned long fsbase, gsbase;
	unsigned long cr2, trap_nr, error_code;
	struct fxregs_state fxregs;
};

/* A mutex that a task holds. (Linux: lockdep.h) */
struct held_lock {
	const void *instance;
	const char *name;
	unsigned long acquire_ip;
};

#define MAX_LOCK_DEPTH		8

struct restart_block {
	long (*fn)(struct restart_block *restart);
	u64 expires;
	int clockid;
	void __user *rmtp;
};

struct task_struct {
	unsigned int __state;
	unsigned int flags;		/* PF_ */
	void *stack;			/* THREAD_SIZE bytes */
	bool need_resched;
	bool on_rq;
	unsigned int time_slice;
	int exit_state;
	int exit_code;
	int exit_signal;
	pid_t pid, tgid;
	pid_t pgrp, session;
	char comm[TASK_COMM_LEN];
	struct list_head tasks;		/* all threads of all processes */
	struct list_head run_list;
	struct list_head thread_node;	/* in group_leader's thread_group */
	struct list_head thread_group;
	struct task_struct *group_leader;
	struct task_struct *real_parent, *parent;
	struct list_head children, sibling;
	struct mm_struct *mm, *active_mm;
	struct files_struct *files;
	struct fs_struct *fs;
	struct nsproxy *nsproxy;
	struct cred *real_cred, *cred;	/* both are own_cred; programs look here */
	struct cred own_cred;
	struct signal_struct *signal;	/* shared by the threads of a process */
	struct sighand_struct *sighand;
	sigset_t blocked, saved_sigmask;
	bool restore_sigmask;
	struct sigpending pending;
	bool sigpending;		/* TIF_SIGPENDING */
	unsigned long sas_ss_sp;
	size_t sas_ss_size;
	unsigned int sas_ss_flags;
	struct restart_block restart_block;
	u64 utime, stime;		/* ns */
	u64 start_time, start_boottime;	/* ns since boot */
	unsigned long nvcsw, nivcsw, min_flt, maj_flt;
	unsigned long last_switch_count, last_switch_time;	/* the watchdog's: nvcsw + nivcsw, and since when, s */
	int __user *set_child_tid, *clear_child_tid;
	void __user *robust_list;
	struct completion *vfork_done;
	int usage;			/* references to this structure */
	unsigned int pagefault_disabled;
	bool in_execve;
	int nice;
	unsigned int policy, rt_priority;	/* SCHED_; kept and shown, all tasks take turns alike */
	bool sched_reset_on_fork;
	unsigned short ioprio;
	unsigned long timer_slack_ns, default_timer_slack_ns;
	bool no_new_privs;
	unsigned long personality;
	int pdeath_signal;
	int oom_score_adj;
	bool make_it_fail;		/* fault injection picks this task */
	unsigned int fail_nth;
	struct list_head kretprobe_instances;
	int trc_reader_nesting;		/* readers that may sleep (rcupdate_trace.h) */
	bool trc_reader_need_qs;	/* a grace period waits for this task */
	struct list_head trc_holdout;
	unsigned int lockdep_depth;
	struct held_lock held_locks[MAX_LOCK_DEPTH];
	void *journal_info;
	void *perf_event_ctxp;
	struct uprobe_task *utask;
	/* kthreads */
	int (*threadfn)(void *data);
	void *threaddata;
	bool kthread_should_stop;
	struct completion *kthread_exited;
	struct thread_struct thread;
};

/* The running task. (gs:0 is the per-CPU area.) */
extern struct task_struct *current_task;
static __always_inline struct task_struct *__current(void)
{
	return READ_ONCE(current_task);
}
#define current __current()

extern struct task_struct init_task;
extern struct list_head task_list;
#define for_each_process(p) list_for_each_entry(p, &task_list, tasks) if ((p)->group_leader == (p) && (p)->pid)
#define for_each_process_thread_all(p) list_for_each_entry(p, &task_list, tasks) if ((p)->pid)

/* Reports the locks that a task holds; those of a task that goes back to user mode, where it must hold none. */
void debug_show_held_locks(struct task_struct *task);
void lockdep_sys_exit(void);

void schedule(void);
/* Sleeps until woken or @timeout ticks have passed; what was left. The state must have been set. */
long schedule_timeout(long timeout);
long schedule_timeout_interruptible(long timeout);
long schedule_timeout_uninterruptible(long timeout);
int wake_up_process(struct task_struct *task);
int wake_up_state(struct task_struct *task, unsigned int state);
void wake_up_new_task(struct task_struct *task);
void yield(void);

#define set_current_state(s)	do { WRITE_ONCE(current->__state, s); barrier(); } while (0)
#define __set_current_state(s)	WRITE_ONCE(current->__state, s)
#define need_resched()		(current->need_resched)

struct task_struct *find_task_by_vpid(pid_t nr);
static inline void get_task_struct(struct task_struct *task) { task->usage++; }
void put_task_struct(struct task_struct *task);
static inline pid_t task_pid_nr(const struct task_struct *task) { return task->pid; }
static inline pid_t task_tgid_nr(const struct task_struct *task) { return task->tgid; }
static inline pid_t task_pid_vnr(const struct task_struct *task) { return task->pid; }
static inline pid_t task_tgid_vnr(const struct task_struct *task) { return task->tgid; }
static inline bool thread_group_leader(const struct task_struct *task) { return task->group_leader == task; }
static inline bool is_global_init(const struct task_struct *task) { return task->tgid == 1; }
/* "R (running)" and the like, for /proc. */
const char *task_state_name(const struct task_struct *task);
struct pt_regs *task_pt_regs(const struct task_struct *task);

void __noreturn do_exit(long code);
void __noreturn do_group_exit(int exit_code);
/* A task running @fn in kernel mode only. pid or -errno. */
pid_t kernel_thread(int (*fn)(void *), void *arg, unsigned long flags);
int kernel_execve(const char *filename, const char *const *argv, const char *const *envp);

/* How long the task has run, ns, to this moment. */
u64 task_sched_runtime(const struct task_struct *task);
/* Sum over the threads of a process, ns. */
void thread_group_cputime(struct task_struct *task, u64 *utime, u64 *stime);

#define smp_processor_id()	0
#define raw_smp_processor_id()	0
#define num_online_cpus()	1
#define num_possible_cpus()	1
#define nr_cpu_ids		1
#define for_each_possible_cpu(cpu) for ((cpu) = 0; (cpu) < 1; (cpu)++)
#define for_each_online_cpu	for_each_possible_cpu
#define cpu_online(cpu)		((cpu) == 0)

#include <kernel/wait.h>

#endif
