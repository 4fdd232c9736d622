// SPDX-License-Identifier: MIT
/* New tasks: fork, vfork, clone, kernel threads; task numbers; the tasks' structures. */
#include <kernel/bpf_local_storage.h>
#include <kernel/completion.h>
#include <kernel/err.h>
#include <kernel/error-injection.h>
#include <kernel/fdtable.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/kthread.h>
#include <kernel/mm.h>
#include <kernel/perf_event.h>
#include <kernel/sched.h>
#include <kernel/security.h>
#include <kernel/slab.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include <kernel/uprobes.h>
#include <trace/events/sched.h>
#include <trace/events/task.h>
#include "../boot/boot.h"
#include "../mm/internal.h"
#include "../mm/walk.h"
#include "process.h"

#define PID_MAX 32768

static struct kmem_cache *task_cache;
static pid_t last_pid;

void ret_from_fork(void);

struct task_struct *find_task_by_vpid(pid_t nr)
{
	struct task_struct *task;

	list_for_each_entry(task, &task_list, tasks)
		if (task->pid == nr)
			return task;
	return NULL;
}

static bool pid_in_use(pid_t pid)
{
	struct task_struct *task;

	list_for_each_entry(task, &task_list, tasks)
		if (task->pid == pid || task->tgid == pid || task->pgrp == pid || task->session == pid)
			return true;
	return false;
}

static pid_t alloc_pid(void)
{
	do {
		if (++last_pid >= PID_MAX)
			last_pid = 300;
	} while (pid_in_use(last_pid));
	return last_pid;
}

void put_task_struct(struct task_struct *task)
{
	if (--task->usage)
		return;
	bpf_local_storage_owner_gone(task);
	security_task_free(task);
	security_cred_free(task->cred);
	trace_sched_process_free(task);
	free_pages((unsigned long)task->stack, get_order(THREAD_SIZE));
	kmem_cache_free(task_cache, task);
}

struct mm_struct *dup_mm(struct mm_struct *old)
{
	struct mm_struct *mm = mm_alloc();
	struct vm_area_struct *vma, *copy;
	unsigned long *pgd;

	if (!mm)
		return NULL;
	pgd = mm->pgd;
	*mm = *old;
	mm->pgd = pgd;
	INIT_LIST_HEAD(&mm->mmap);
	mm->mm_users = 1;
	mm->map_count = 0;
	mm->total_vm = 0;
	mm->rss = 0;
	uprobe_dup_mm(mm);
	set_mm_exe_file(mm, old->exe_file);
	list_for_each_entry(vma, &old->mmap, vm_list) {
		if (vma->vm_flags & VM_DONTCOPY)
			continue;
		copy = kmalloc(sizeof(*copy), GFP_KERNEL);
		if (!copy)
			goto fail;
		*copy = *vma;
		copy->vm_mm = mm;
		list_add_tail(&copy->vm_list, &mm->mmap);
		mm->map_count++;
		mm->total_vm += (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
		if (copy->vm_file)
			get_file(copy->vm_file);
		if (copy->vm_ops && copy->vm_ops->open)
			copy->vm_ops->open(copy);
		copy->vm_flags &= ~VM_LOCKED;
		if (!(vma->vm_flags & VM_WIPEONFORK) && copy_page_range(copy, vma))
			goto fail;
	}
	flush_tlb();
	return mm;
fail:
	flush_tlb();
	mmput(mm);
	return NULL;
}

static int copy_mm(unsigned long flags, struct task_struct *task)
{
	task->mm = NULL;
	if (!current->mm)
		return 0;
	if (flags & CLONE_VM) {
		mmget(current->mm);
		task->mm = current->mm;
		return 0;
	}
	task->mm = dup_mm(current->mm);
	return task->mm ? 0 : -ENOMEM;
}

static int copy_sighand(unsigned long flags, struct task_struct *task)
{
	if (flags & CLONE_SIGHAND) {
		task->sighand->count++;
		return 0;
	}
	task->sighand = kmemdup(current->sighand, sizeof(*task->sighand), GFP_KERNEL);
	if (!task->sighand)
		return -ENOMEM;
	task->sighand->count = 1;
	init_waitqueue_head(&task->sighand->signalfd_wqh);
	if (flags & CLONE_CLEAR_SIGHAND)
		flush_signal_handlers(task->sighand, false);
	return 0;
}

static int copy_signal(unsigned long flags, struct task_struct *task)
{
	struct signal_struct *signal;

	if (flags & CLONE_THREAD) {
		task->signal->live++;
		task->signal->nr_threads++;
		return 0;
	}
	signal = kzalloc(sizeof(*signal), GFP_KERNEL);
	if (!signal)
		return -ENOMEM;
	signal->live = 1;
	signal->nr_threads = 1;
	init_waitqueue_head(&signal->wait_chldexit);
	INIT_LIST_HEAD(&signal->shared_pending.list);
	memcpy(signal->rlim, current->signal->rlim, sizeof(signal->rlim));
	INIT_LIST_HEAD(&signal->posix_timers);
	signal->tty = current->signal->tty;
	signal->oom_score_adj = current->signal->oom_score_adj;
	task->signal = signal;
	return 0;
}

void release_sighand(struct task_struct *task)
{
	struct sighand_struct *sighand = task->sighand;

	if (sighand && !--sighand->count) {
		/* A signalfd that outlives the process may be watched still. */
		while (!list_empty(&sighand->signalfd_wqh.head))
			list_del_init(sighand->signalfd_wqh.head.next);
		kfree(sighand);
	}
	task->sighand = NULL;
}

/* The first thing on the new stack: what __switch_to_asm pops, then ret_from_fork, then the pt_regs. */
struct fork_frame {
	unsigned long r15, r14, r13, r12, bx, bp, ret_addr;
	struct pt_regs regs;
};

static void copy_thread(struct task_struct *task, const struct clone_args_kernel *args)
{
	struct fork_frame *frame = (struct fork_frame *)(task->stack + THREAD_SIZE) - 1;

	memset(frame, 0, sizeof(*frame));
	frame->ret_addr = (unsigned long)ret_from_fork;
	/* Stack traces end at the pt_regs. */
	frame->bp = (unsigned long)&frame->regs + 1;
	task->thread.sp = (unsigned long)frame;
	if (args->fn) {
		frame->bx = (unsigned long)args->fn;
		frame->r12 = (unsigned long)args->fn_arg;
		frame->regs.cs = __USER_CS;
		return;
	}
	frame->regs = *task_pt_regs(current);
	frame->regs.ax = 0;
	if (args->stack)
		frame->regs.sp = args->stack;
	if (args->flags & CLONE_SETTLS)
		task->thread.fsbase = args->tls;
	__asm__ __volatile__("fxsave64 %0" : "=m" (task->thread.fxregs));
}

static struct task_struct *dup_task_struct(void)
{
	struct task_struct *task = kmem_cache_alloc(task_cache, GFP_KERNEL);

	if (!task)
		return NULL;
	*task = *current;
	task->real_cred = task->cred = &task->own_cred;
	task->stack = (void *)__get_free_pages(GFP_KERNEL, get_order(THREAD_SIZE));
	if (!task->stack) {
		kmem_cache_free(task_cache, task);
		return NULL;
	}
	task->usage = 2;		/* the list's, and the running task's own */
	task->on_rq = false;
	task->need_resched = false;
	task->__state = TASK_UNINTERRUPTIBLE;
	task->exit_state = 0;
	task->utime = task->stime = 0;
	task->nvcsw = task->nivcsw = task->min_flt = task->maj_flt = 0;
	task->start_time = task->start_boottime = ktime_get_ns();
	task->flags = (task->flags & ~(PF_IDLE | PF_KTHREAD | PF_EXITING)) | PF_FORKNOEXEC;
	task->pagefault_disabled = 0;
	task->set_child_tid = task->clear_child_tid = NULL;
	task->robust_list = NULL;
	task->vfork_done = NULL;
	task->sigpending = false;
	task->restore_sigmask = false;
	task->trc_reader_nesting = 0;
	task->trc_reader_need_qs = false;
	INIT_LIST_HEAD(&task->trc_holdout);
	task->lockdep_depth = 0;
	task->journal_info = NULL;
	task->perf_event_ctxp = NULL;
	task->utask = NULL;
	task->kthread_exited = NULL;
	task->kthread_should_stop = false;
	task->files = NULL;
	task->fs = NULL;
	task->fail_nth = 0;
	task->timer_slack_ns = task->default_timer_slack_ns = current->timer_slack_ns;
	task->pdeath_signal = 0;
	if (task->sched_reset_on_fork) {
		task->policy = task->rt_priority = 0;
		task->nice = max(task->nice, 0);
		task->sched_reset_on_fork = false;
	}
	task->pending.signal = 0;
	INIT_LIST_HEAD(&task->pending.list);
	INIT_LIST_HEAD(&task->children);
	INIT_LIST_HEAD(&task->sibling);
	INIT_LIST_HEAD(&task->thread_group);
	INIT_LIST_HEAD(&task->thread_node);
	INIT_LIST_HEAD(&task->kretprobe_instances);
	INIT_LIST_HEAD(&task->tasks);
	INIT_LIST_HEAD(&task->run_list);
	return task;
}

static bool flags_valid(unsigned long flags)
{
	if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
		return false;
	if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
		return false;
	if ((flags & CLONE_FS) && (flags & CLONE_NEWNS))
		return false;
	return !(flags & (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
			  CLONE_NEWCGROUP));
}

/* RLIMIT_NPROC: tasks of the user. Root and who may raise limits have none. */
static bool too_many_processes(void)
{
	unsigned long limit = rlimit(RLIMIT_NPROC), count = 0;
	struct task_struct *task;

	if (limit == RLIM_INFINITY || !current->cred->uid.val || capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN))
		return false;
	list_for_each_entry(task, &task_list, tasks)
		count += task->cred->uid.val == current->cred->uid.val;
	return count >= limit;
}

static struct task_struct *copy_process(const struct clone_args_kernel *args)
{
	unsigned long flags = args->flags;
	struct task_struct *task;
	int ret = -ENOMEM;

	if (!flags_valid(flags))
		return ERR_PTR(-EINVAL);
	if ((flags & CLONE_PIDFD) && (flags & (CLONE_DETACHED | CLONE_THREAD)))
		return ERR_PTR(-EINVAL);
	if (!args->kthread && too_many_processes())
		return ERR_PTR(-EAGAIN);
	task = dup_task_struct();
	if (!task)
		return ERR_PTR(-ENOMEM);
	if (args->kthread)
		task->flags |= PF_KTHREAD;
	ret = security_task_alloc(task, flags);
	if (ret)
		goto fail_task;
	ret = copy_files(flags, task);
	if (ret)
		goto fail_task;
	ret = copy_fs(flags, task);
	if (ret)
		goto fail_files;
	ret = copy_sighand(flags, task);
	if (ret)
		goto fail_fs;
	ret = copy_signal(flags, task);
	if (ret)
		goto fail_sighand;
	ret = copy_mm(flags, task);
	if (ret)
		goto fail_signal;
	task->active_mm = task->mm;
	uprobe_copy_process(task, flags);
	copy_thread(task, args);
	task->pid = alloc_pid();
	task->exit_signal = args->exit_signal;
	if (flags & CLONE_THREAD) {
		task->tgid = current->tgid;
		task->group_leader = current->group_leader;
		task->exit_signal = -1;
		task->real_parent = task->parent = current->real_parent;
		list_add_tail(&task->thread_node, &task->group_leader->thread_group);
	} else {
		task->tgid = task->pid;
		task->group_leader = task;
		task->real_parent = flags & CLONE_PARENT ? current->real_parent : current->group_leader;
		task->parent = task->real_parent;
		list_add_tail(&task->sibling, &task->real_parent->children);
	}
	if (!(flags & CLONE_VM) || (flags & CLONE_VFORK))
		;
	else
		task->sas_ss_sp = task->sas_ss_size = 0;
	if (flags & CLONE_CHILD_SETTID)
		task->set_child_tid = args->child_tid;
	if (flags & CLONE_CHILD_CLEARTID)
		task->clear_child_tid = args->child_tid;
	list_add_tail(&task->tasks, &task_list);
	return task;

fail_signal:
	if (flags & CLONE_THREAD) {
		task->signal->live--;
		task->signal->nr_threads--;
	} else {
		kfree(task->signal);
	}
fail_sighand:
	release_sighand(task);
fail_fs:
	exit_fs(task);
fail_files:
	exit_files(task);
fail_task:
	task->usage = 1;
	put_task_struct(task);
	return ERR_PTR(ret);
}

/* A task that copy_process() has made and that shall not run. */
static void discard_new_task(struct task_struct *task)
{
	exit_files(task);
	exit_fs(task);
	if (task->mm)
		mmput(task->mm);
	task->mm = NULL;
	task->signal->live--;
	release_task(task);
	put_task_struct(task);
}

pid_t kernel_clone(const struct clone_args_kernel *args)
{
	struct task_struct *task = copy_process(args);
	DECLARE_COMPLETION(vfork);
	pid_t pid;

	if (IS_ERR(task))
		return PTR_ERR(task);
	pid = task->pid;
	if (args->flags & CLONE_PIDFD) {
		int error = install_pidfd(task, args->pidfd);

		if (error) {
			discard_new_task(task);
			return error;
		}
	}
	perf_event_fork(task);
	trace_task_newtask(task, args->flags);
	trace_sched_process_fork(current, task);
	if (args->flags & CLONE_PARENT_SETTID)
		put_user(pid, args->parent_tid);
	if (args->flags & CLONE_VFORK) {
		task->vfork_done = &vfork;
		get_task_struct(task);
	}
	wake_up_new_task(task);
	if (args->flags & CLONE_VFORK) {
		if (wait_for_completion_killable(&vfork))
			task->vfork_done = NULL;
		put_task_struct(task);
	}
	return pid;
}

pid_t kernel_thread(int (*fn)(void *), void *arg, unsigned long flags)
{
	struct clone_args_kernel args = { .flags = flags | CLONE_VM, .fn = fn, .fn_arg = arg, .exit_signal = SIGCHLD };

	return kernel_clone(&args);
}

void __init fork_init(void)
{
	task_cache = kmem_cache_create("task_struct", sizeof(struct task_struct), 16, SLAB_PANIC, NULL);
	/* Half the tasks whose stacks would fill an eighth of the memory. */
	init_task.signal->rlim[RLIMIT_NPROC].rlim_cur = init_task.signal->rlim[RLIMIT_NPROC].rlim_max =
		totalram_pages / 8 / (THREAD_SIZE / PAGE_SIZE) / 2;
	init_task.signal->rlim[RLIMIT_SIGPENDING] = init_task.signal->rlim[RLIMIT_NPROC];
	/* How the registers look to every program at its start. */
	fpu_init();
}

/* ---- kernel threads ---- */

struct kthread_start {
	int (*threadfn)(void *data);
	void *data;
};

static int kthread_main(void *unused)
{
	struct completion *exited;
	int ret = -EINTR;

	if (!current->kthread_should_stop)
		ret = current->threadfn(current->threaddata);
	exited = current->kthread_exited;
	current->exit_code = ret;
	if (exited)
		complete(exited);
	current->kthread_exited = NULL;
	do_exit(ret);
}

struct task_struct *kthread_create(int (*threadfn)(void *data), void *data, const char *fmt, ...)
{
	struct clone_args_kernel args = { .flags = CLONE_VM | CLONE_FS | CLONE_FILES, .fn = kthread_main, .kthread = true };
	struct task_struct *task = copy_process(&args);
	va_list list;

	if (IS_ERR(task))
		return task;
	task->threadfn = threadfn;
	task->threaddata = data;
	if (task->mm) {
		mmput(task->mm);
		task->mm = NULL;
	}
	/* Children of the idle task, which ignores them: they go without being waited for. */
	list_move_tail(&task->sibling, &init_task.children);
	task->real_parent = task->parent = &init_task;
	task->exit_signal = -1;
	va_start(list, fmt);
	vsnprintf(task->comm, sizeof(task->comm), fmt, list);
	va_end(list);
	return task;
}

bool kthread_should_stop(void)
{
	return current->kthread_should_stop;
}

int kthread_stop(struct task_struct *task)
{
	DECLARE_COMPLETION(exited);
	int ret;

	get_task_struct(task);
	task->kthread_should_stop = true;
	if (!task->exit_state) {
		task->kthread_exited = &exited;
		wake_up_process(task);
		wait_for_completion(&exited);
	}
	ret = task->exit_code;
	put_task_struct(task);
	return ret;
}

/* ---- system calls ---- */

SYSCALL_DEFINE0(fork)
{
	struct clone_args_kernel args = { .exit_signal = SIGCHLD };

	return kernel_clone(&args);
}

SYSCALL_DEFINE0(vfork)
{
	struct clone_args_kernel args = { .flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD };

	return kernel_clone(&args);
}

SYSCALL_DEFINE5(clone, unsigned long, clone_flags, unsigned long, newsp, int __user *, parent_tidptr, int __user *,
		child_tidptr,
		unsigned long, tls)
{
	struct clone_args_kernel args = {
		.flags = clone_flags & ~CSIGNAL, .exit_signal = clone_flags & CSIGNAL, .stack = newsp,
				.parent_tid = parent_tidptr,
		.child_tid = child_tidptr, .tls = tls, .pidfd = parent_tidptr,
	};

	return kernel_clone(&args);
}

SYSCALL_DEFINE2(clone3, struct clone_args __user *, uargs, size_t, size)
{
	struct clone_args user;
	struct clone_args_kernel args;
	int ret;

	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(&user, sizeof(user), uargs, size);
	if (ret)
		return ret;
	if ((user.flags & (CSIGNAL | CLONE_DETACHED)) || user.exit_signal > _NSIG || user.set_tid_size || !user.stack != !user.stack_size ||
	    ((user.flags & (CLONE_THREAD | CLONE_PARENT)) && user.exit_signal) || user.flags >> 34 ||
	    ((user.flags & CLONE_SIGHAND) && (user.flags & CLONE_CLEAR_SIGHAND)))
		return -EINVAL;
	args = (struct clone_args_kernel){
		.flags = user.flags, .exit_signal = user.exit_signal, .stack = user.stack ? user.stack + user.stack_size : 0,
		.parent_tid = u64_to_user_ptr(user.parent_tid), .child_tid = u64_to_user_ptr(user.child_tid), .tls = user.tls,
		.pidfd = u64_to_user_ptr(user.pidfd),
	};
	return kernel_clone(&args);
}

SYSCALL_DEFINE1(set_tid_address, int __user *, tidptr)
{
	current->clear_child_tid = tidptr;
	return current->pid;
}
