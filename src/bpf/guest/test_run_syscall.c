// SPDX-License-Identifier: MIT
/*
 * BPF_PROG_TEST_RUN of SYSCALL programs, which exist for nothing else: they run in the calling task, may sleep, and may
 * write their context, which the caller gets back. (net/bpf/test_run.c of Linux 6.1)
 */
#include <kernel/rcupdate_trace.h>
#include <kernel/slab.h>
#include "internal.h"
#include "run_context.h"

static u32 run(struct bpf_prog *prog, void *ctx)
{
	struct bpf_run_ctx outer = bpf_run_ctx;
	u32 retval;

	rcu_read_lock_trace();
	bpf_run_ctx = (struct bpf_run_ctx){ };
	retval = bpf_prog_run(prog, ctx);
	bpf_run_ctx = outer;
	rcu_read_unlock_trace();
	return retval;
}

int bpf_prog_test_run_syscall(struct bpf_prog *prog, const union bpf_attr *attr, union bpf_attr __user *uattr)
{
	void __user *ctx_in = u64_to_user_ptr(attr->test.ctx_in);
	u32 size = attr->test.ctx_size_in, retval;
	void *ctx = NULL;
	int err = 0;

	if (attr->test.data_in || attr->test.data_out || attr->test.ctx_out || attr->test.duration || attr->test.repeat ||
	    attr->test.flags || attr->test.batch_size)
		return -EINVAL;
	if (size < prog->max_ctx_offset || size > U16_MAX)
		return -EINVAL;
	if (size) {
		ctx = kmalloc(size, GFP_USER);
		if (!ctx)
			return -ENOMEM;
		if (copy_from_user(ctx, ctx_in, size)) {
			kfree(ctx);
			return -EFAULT;
		}
	}
	retval = run(prog, ctx);
	if (put_user(retval, &uattr->test.retval) || (size && copy_to_user(ctx_in, ctx, size)))
		err = -EFAULT;
	kfree(ctx);
	return err;
}
