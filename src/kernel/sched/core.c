// SPDX-License-Identifier: MIT
/*
 * The scheduler: one queue of runnable tasks, served in turn. User code is preempted at the tick; kernel code runs until
 * it sleeps or goes back to user mode. (Documentation/scheduler has Linux's far richer one)
 */
#include <kernel/init.h>
#include <kernel/irqflags.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/msr.h>
#include <kernel/nsproxy.h>
#include <kernel/percpu.h>
#include <kernel/perf_event.h>
#include <kernel/ptrace.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/irq.h>
#include <kernel/uaccess.h>
#include <trace/events/sched.h>
#include "../arch/arch.h"
#include "sched.h"

#define TIME_SLICE_TICKS 2

extern char init_stack[];

static struct signal_struct init_signal = {
	.live = 1, .nr_threads = 1,
	.wait_chldexit = __WAIT_QUEUE_HEAD_INITIALIZER(init_signal.wait_chldexit),
	.shared_pending.list = LIST_HEAD_INIT(init_signal.shared_pending.list),
	.posix_timers = LIST_HEAD_INIT(init_signal.posix_timers),
	.rlim = {
		[RLIMIT_CPU] = { ~0UL, ~0UL },
		[RLIMIT_FSIZE] = { ~0UL, ~0UL },
		[RLIMIT_DATA] = { ~0UL, ~0UL },
		[RLIMIT_RSS] = { ~0UL, ~0UL },
		[RLIMIT_AS] = { ~0UL, ~0UL },
		[RLIMIT_LOCKS] = { ~0UL, ~0UL },
		[RLIMIT_RTTIME] = { ~0UL, ~0UL },
		[RLIMIT_STACK] = { 8UL << 20, ~0UL },
		[RLIMIT_CORE] = { 0, ~0UL },
		[RLIMIT_NPROC] = { 0, 0 },	/* by fork_init() */
		[RLIMIT_NOFILE] = { 1024, 4096 },
		[RLIMIT_MEMLOCK] = { 8UL << 20, 8UL << 20 },
		[RLIMIT_MSGQUEUE] = { 819200, 819200 },
		[RLIMIT_NICE] = { 0, 0 },
		[RLIMIT_RTPRIO] = { 0, 0 },
	},
};
static struct sighand_struct init_sighand = {
	.count = 1,
	.signalfd_wqh = __WAIT_QUEUE_HEAD_INITIALIZER(init_sighand.signalfd_wqh),
};

LIST_HEAD(task_list);
/* The task that boots and then idles. */
struct task_struct init_task = {
	.stack = init_stack,
	.flags = PF_KTHREAD | PF_IDLE,
	.comm = "swapper",
	.usage = 2,
	.on_rq = true,
	.tasks = LIST_HEAD_INIT(init_task.tasks),
	.run_list = LIST_HEAD_INIT(init_task.run_list),
	.children = LIST_HEAD_INIT(init_task.children),
	.sibling = LIST_HEAD_INIT(init_task.sibling),
	.thread_group = LIST_HEAD_INIT(init_task.thread_group),
	.thread_node = LIST_HEAD_INIT(init_task.thread_node),
	.kretprobe_instances = LIST_HEAD_INIT(init_task.kretprobe_instances),
	.trc_holdout = LIST_HEAD_INIT(init_task.trc_holdout),
	.pending.list = LIST_HEAD_INIT(init_task.pending.list),
	.group_leader = &init_task,
	.real_parent = &init_task,
	.timer_slack_ns = 50000,
	.default_timer_slack_ns = 50000,
	.parent = &init_task,
	.signal = &init_signal,
	.sighand = &init_sighand,
	.nsproxy = &init_nsproxy,
	.real_cred = &init_task.own_cred,
	.cred = &init_task.own_cred,
	.own_cred = { .cap_permitted = CAP_FULL_SET, .cap_effective = CAP_FULL_SET, .cap_bset = CAP_FULL_SET },
};
struct task_struct *current_task = &init_task;
static LIST_HEAD(run_queue);
static struct task_struct *dead_task;	/* to be freed by whoever runs next */
static u64 accounted_until;
static unsigned long nr_switches;

unsigned long switches_count(void)
{
	return nr_switches;
}

struct task_struct *__switch_to_asm(unsigned long *save_sp, unsigned long sp, struct task_struct *prev);

struct pt_regs *task_pt_regs(const struct task_struct *task)
{
	return (struct pt_regs *)(task->stack + THREAD_SIZE) - 1;
}

void account_time(bool user)
{
	u64 now = ktime_get_ns(), delta = now - accounted_until;

	accounted_until = now;
	if (user)
		current->utime += delta;
	else
		current->stime += delta;
}

u64 task_sched_runtime(const struct task_struct *task)
{
	return task->utime + task->stime + (task == current ? ktime_get_ns() - accounted_until : 0);
}

static void enqueue(struct task_struct *task)
{
	task->on_rq = true;
	list_add_tail(&task->run_list, &run_queue);
	/* Idling ends; a task whose slice is over gives way. */
	if (current == &init_task)
		current->need_resched = true;
}

int wake_up_state(struct task_struct *task, unsigned int state)
{
	unsigned long flags;
	int woken = 0;

	local_irq_save(flags);
	if (task->__state & state) {
		trace_sched_waking(task);
		task->__state = TASK_RUNNING;
		if (!task->on_rq && task != &init_task)
			enqueue(task);
		trace_sched_wakeup(task);
		woken = 1;
	}
	local_irq_restore(flags);
	return woken;
}

int wake_up_process(struct task_struct *task)
{
	return wake_up_state(task, TASK_NORMAL);
}

void wake_up_new_task(struct task_struct *task)
{
	unsigned long flags;

	local_irq_save(flags);
	task->__state = TASK_RUNNING;
	enqueue(task);
	trace_sched_wakeup_new(task);
	local_irq_restore(flags);
}

void scheduler_tick(bool user)
{
	account_time(user);
	if (current == &init_task)
		return;
	run_cpu_timers();
	if (current->time_slice)
		current->time_slice--;
	if (!current->time_slice && !list_empty(&run_queue))
		current->need_resched = true;
}

/* ---- the switch ---- */

static void switch_fpu(struct task_struct *prev, struct task_struct *next)
{
	/* Kernel threads have no floating-point state; a register set lives on in the task that last used it. */
	if (prev->mm)
		__asm__ __volatile__("fxsave64 %0" : "=m" (prev->thread.fxregs));
	if (next->mm)
		__asm__ __volatile__("fxrstor64 %0" : : "m" (next->thread.fxregs));
}

static void switch_mm(struct task_struct *next)
{
	unsigned long pgd = next->mm ? __pa(next->mm->pgd) : 0;

	/* A kernel thread runs in whatever address space is loaded; init_mm's when that one dies. */
	if (pgd && read_cr3() != pgd)
		write_cr3(pgd);
}

static struct task_struct *context_switch(struct task_struct *prev, struct task_struct *next)
{
	switch_mm(next);
	switch_fpu(prev, next);
	/* User code changes the bases by arch_prctl(2) only, which keeps the thread's copies up to date. */
	if (next->mm) {
		wrmsrl(MSR_FS_BASE, next->thread.fsbase);
		wrmsrl(MSR_KERNEL_GS_BASE, next->thread.gsbase);
	}
	set_kernel_stack((unsigned long)next->stack + THREAD_SIZE);
	current_task = next;
	return __switch_to_asm(&prev->thread.sp, next->thread.sp, prev);
}

/* On the new task's side of every switch. */
static void finish_task_switch(struct task_struct *prev)
{
	if (perf_nr_events)
		perf_event_switch(prev, false);
	if (prev->__state == TASK_DEAD)
		dead_task = prev;
	if (dead_task && dead_task != current) {
		struct task_struct *task = dead_task;

		dead_task = NULL;
		put_task_struct(task);
	}
}

/* A new task's first C code, with interrupts off. */
void schedule_tail(struct task_struct *prev)
{
	finish_task_switch(prev);
	local_irq_enable();
	if (current->set_child_tid)
		put_user(current->pid, current->set_child_tid);
}

static __always_inline void perf_context_switch(const struct task_struct *next)
{
	struct pt_regs regs;

	if (perf_nr_events)
		perf_event_switch(next, true);
	if (!perf_sw_enabled)
		return;
	perf_fetch_caller_regs(&regs);
	perf_sw_event(PERF_COUNT_SW_CONTEXT_SWITCHES, 1, &regs, 0);
}

void schedule(void)
{
	struct task_struct *prev = current, *next;
	unsigned long flags;

	WARN_ONCE(in_interrupt(), "scheduling while atomic: %s/%d\n", prev->comm, prev->pid);
	local_irq_save(flags);
	prev->need_resched = false;
	if (prev->__state != TASK_RUNNING && signal_pending_state(prev->__state, prev))
		prev->__state = TASK_RUNNING;
	if (prev->__state == TASK_RUNNING && prev != &init_task) {
		if (prev->on_rq)
			list_del(&prev->run_list);
		prev->on_rq = true;
		list_add_tail(&prev->run_list, &run_queue);
	} else if (prev->on_rq && prev != &init_task) {
		list_del(&prev->run_list);
		prev->on_rq = false;
	}
	if (prev->__state == TASK_UNINTERRUPTIBLE)
		hung_task_watch();
	touch_softlockup_watchdog();
	next = list_empty(&run_queue) ? &init_task : list_first_entry(&run_queue, struct task_struct, run_list);
	next->time_slice = TIME_SLICE_TICKS;
	if (next != prev) {
		account_time(false);
		if (prev->__state == TASK_RUNNING)
			prev->nivcsw++;
		else
			prev->nvcsw++;
		if (prev == &init_task) {
			current_task = next;
			timer_program(false);
			current_task = prev;
		}
		nr_switches++;
		perf_context_switch(next);
		trace_sched_switch(false, prev, next, prev->__state);
		finish_task_switch(context_switch(prev, next));
	}
	local_irq_restore(flags);
}

void yield(void)
{
	set_current_state(TASK_RUNNING);
	schedule();
}

int _cond_resched(void)
{
	if (!need_resched())
		return 0;
	schedule();
	return 1;
}

void might_sleep(void)
{
	WARN_ONCE(in_interrupt(), "sleeping function called from an interrupt\n");
	_cond_resched();
}

/* Nothing to do: sleep until an interrupt makes a task runnable. */
void __noreturn cpu_idle(void)
{
	for (;;) {
		local_irq_disable();
		if (list_empty(&run_queue)) {
			timer_program(true);
			safe_halt();
		} else {
			local_irq_enable();
		}
		schedule();
	}
}

const char *task_state_name(const struct task_struct *task)
{
	if (task->exit_state & EXIT_DEAD)
		return "X (dead)";
	if (task->exit_state & EXIT_ZOMBIE)
		return "Z (zombie)";
	if (task->__state & __TASK_STOPPED)
		return "T (stopped)";
	if (task->__state & TASK_UNINTERRUPTIBLE)
		return "D (disk sleep)";
	if (task->__state & TASK_INTERRUPTIBLE)
		return "S (sleeping)";
	return "R (running)";
}
