// SPDX-License-Identifier: MIT
/*
 * Programs that may sleep: entering and leaving them, the helper that sleeps, programs of uprobes, and keeping what they
 * use until they are through. (docs/sleepable.md; semantics D6, D7, D14; kernel/bpf/trampoline.c of 6.1 and of the series)
 */
#define pr_fmt(fmt) "bpf: " fmt

#include <kernel/debugfs.h>
#include <kernel/init.h>
#include <kernel/irq.h>
#include <kernel/mm.h>
#include <kernel/printk.h>
#include <kernel/proc_fs.h>
#include <kernel/rcu.h>
#include <kernel/rcupdate_trace.h>
#include <kernel/srcu.h>
#include <kernel/time.h>
#include <kernel/trace_events.h>
#include "internal.h"
#include "sleepable.h"
#include "trampoline.h"

/* All programs' readers, if the option says so. */
static struct srcu_struct bpf_srcu;
static bool use_srcu;

/* ---- around a program ---- */

notrace u64 __bpf_prog_enter_sleepable(struct bpf_prog *prog, struct bpf_tramp_run_ctx *run_ctx)
{
	rcu_read_lock_trace();
	return bpf_tramp_prog_enter(prog, run_ctx);
}

notrace void __bpf_prog_exit_sleepable(struct bpf_prog *prog, u64 start, struct bpf_tramp_run_ctx *run_ctx)
{
	bpf_tramp_prog_leave(prog, start, run_ctx);
	rcu_read_unlock_trace();
}

notrace u64 __bpf_prog_enter_sleepable_srcu(struct bpf_prog *prog, struct bpf_tramp_run_ctx *run_ctx)
{
	run_ctx->srcu_idx = srcu_read_lock(&bpf_srcu);
	return bpf_tramp_prog_enter(prog, run_ctx);
}

notrace void __bpf_prog_exit_sleepable_srcu(struct bpf_prog *prog, u64 start, struct bpf_tramp_run_ctx *run_ctx)
{
	bpf_tramp_prog_leave(prog, start, run_ctx);
	srcu_read_unlock(&bpf_srcu, run_ctx->srcu_idx);
}

bpf_trampoline_enter_t bpf_sleepable_enter(void)
{
	return use_srcu ? __bpf_prog_enter_sleepable_srcu : __bpf_prog_enter_sleepable;
}

bpf_trampoline_exit_t bpf_sleepable_exit(void)
{
	return use_srcu ? __bpf_prog_exit_sleepable_srcu : __bpf_prog_exit_sleepable;
}

/* ---- programs of uprobes: there, other programs may run meanwhile ---- */

u32 bpf_prog_run_array_sleepable(struct trace_event_call *call, struct pt_regs *regs)
{
	struct bpf_run_ctx outer = bpf_run_ctx;
	struct bpf_prog_array *array;
	int idx = 0;
	u32 ret = 1, i;
	bool srcu = use_srcu;

	might_sleep();
	if (srcu)
		idx = srcu_read_lock(&bpf_srcu);
	else
		rcu_read_lock_trace();
	array = READ_ONCE(call->prog_array);
	for (i = 0; array && i < array->cnt; i++) {
		bpf_run_ctx = (struct bpf_run_ctx){ .regs = regs, .bpf_cookie = array->items[i].bpf_cookie };
		ret &= bpf_prog_run(array->items[i].prog, regs);
	}
	bpf_run_ctx = outer;
	if (srcu)
		srcu_read_unlock(&bpf_srcu, idx);
	else
		rcu_read_unlock_trace();
	return ret;
}

/* ---- the helper that sleeps ---- */

BPF_HELPER(copy_from_user)
{
	/* Others' programs run while this one waits for a page. */
	struct bpf_run_ctx mine = bpf_run_ctx;
	void *dst = (void *)r1;
	u32 size = r2;
	long ret = 0;

	if (copy_from_user(dst, (const void __user *)r3, size)) {
		memset(dst, 0, size);
		ret = -EFAULT;
	}
	bpf_run_ctx = mine;
	return ret;
}

/* From another task's memory. */
BPF_HELPER(copy_from_user_task)
{
	struct bpf_run_ctx mine = bpf_run_ctx;
	void *dst = (void *)r1;
	u32 size = r2;
	int ret;

	if (r5)
		return -EINVAL;
	if (!size)
		return 0;
	ret = access_process_vm((struct task_struct *)r4, r3, dst, size, false);
	bpf_run_ctx = mine;
	if (ret == size)
		return 0;
	memset(dst, 0, size);
	return ret < 0 ? ret : -EFAULT;
}

/* ---- waiting for programs ---- */

static void after_rcu(struct rcu_head *rcu)
{
	struct bpf_deferred *deferred = container_of(rcu, struct bpf_deferred, rcu);

	deferred->func(deferred);
}

static void after_tasks_trace(struct rcu_head *rcu)
{
	call_rcu(rcu, after_rcu);
}

static void after_srcu(struct rcu_head *rcu)
{
	call_rcu_tasks_trace(rcu, after_tasks_trace);
}

void bpf_call_after_programs(struct bpf_deferred *deferred, void (*func)(struct bpf_deferred *deferred))
{
	deferred->func = func;
	call_srcu(&bpf_srcu, &deferred->rcu, after_srcu);
}

void bpf_wait_for_programs(void)
{
	synchronize_srcu(&bpf_srcu);
	synchronize_rcu_tasks_trace();
	synchronize_rcu();
}

/* ---- the switch ---- */

static int choose(const char *name)
{
	if (strcmp(name, "srcu") && strcmp(name, "rcu_tasks_trace"))
		return -EINVAL;
	use_srcu = !strcmp(name, "srcu");
	return 0;
}

static int __init bpf_sleepable_option(char *value)
{
	if (choose(value))
		pr_warn("bpf_sleepable=%s is neither rcu_tasks_trace nor srcu\n", value);
	return 0;
}
early_param("bpf_sleepable", bpf_sleepable_option);

static int choice_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%s\n", use_srcu ? "srcu" : "rcu_tasks_trace");
	return 0;
}

static int choice_open(struct inode *inode, struct file *file)
{
	return single_open(file, choice_show, NULL);
}

static ssize_t choice_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	char name[24];
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (count >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, buf, count))
		return -EFAULT;
	name[count] = '\0';
	err = choose(strim(name));
	return err ?: count;
}

static const struct proc_ops choice_ops = {
	.proc_open = choice_open,
	.proc_read = seq_read,
	.proc_write = choice_write,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};

static int bpf_srcu_show(struct seq_file *m, void *v)
{
	seq_printf(m, "readers: %lu\nwaiting: %u\n", srcu_readers(&bpf_srcu), srcu_waiting(&bpf_srcu));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(bpf_srcu);

static int __init bpf_sleepable_init(void)
{
	debugfs_create_file("bpf_srcu", 0400, NULL, NULL, &bpf_srcu_fops);
	init_srcu_struct(&bpf_srcu);
	return proc_create("sys/kernel/bpf_sleepable", 0644, NULL, &choice_ops) ? 0 : -ENOMEM;
}
late_initcall(bpf_sleepable_init);
