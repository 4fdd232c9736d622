// SPDX-License-Identifier: MIT
/*
 * BPF_PROG_TEST_RUN: runs a program once on a context of the caller's making. Raw tracepoint programs only; their context is
 * up to twelve numbers. (net/bpf/test_run.c)
 */
#include <kernel/capability.h>
#include "internal.h"
#include "run_context.h"

#define MAX_BPF_FUNC_ARGS	12

static int test_run_raw_tp(struct bpf_prog *prog, const union bpf_attr *attr, union bpf_attr __user *uattr)
{
	u64 ctx[MAX_BPF_FUNC_ARGS] = { 0 };
	u32 size = attr->test.ctx_size_in, retval;

	if (attr->test.data_in || attr->test.data_out || attr->test.ctx_out || attr->test.duration ||
	    attr->test.repeat || attr->test.batch_size)
		return -EINVAL;
	if (size > sizeof(ctx))
		return -EINVAL;
	if (!(attr->test.flags & BPF_F_TEST_RUN_ON_CPU) && attr->test.cpu)
		return -EINVAL;
	if (copy_from_user(ctx, u64_to_user_ptr(attr->test.ctx_in), size))
		return -EFAULT;
	if (attr->test.cpu)
		return -ENXIO;
	bpf_disable_instrumentation();
	bpf_run_ctx = (struct bpf_run_ctx){ };
	retval = bpf_prog_run(prog, ctx);
	bpf_enable_instrumentation();
	return put_user(retval, &uattr->test.retval);
}

int bpf_prog_test_run(const union bpf_attr *attr, union bpf_attr __user *uattr)
{
	struct bpf_prog *prog;
	int err;

	if (!!attr->test.ctx_size_in != !!attr->test.ctx_in || !!attr->test.ctx_size_out != !!attr->test.ctx_out)
		return -EINVAL;
	prog = bpf_prog_get(attr->test.prog_fd);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	err = prog->type == BPF_PROG_TYPE_RAW_TRACEPOINT ? test_run_raw_tp(prog, attr, uattr) : -ENOTSUPP;
	bpf_prog_put(prog);
	return err;
}
