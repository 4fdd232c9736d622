// SPDX-License-Identifier: MIT
/*
 * BPF_PROG_TEST_RUN: runs a program on a context of the caller's making: up to twelve numbers for raw tracepoint programs, a
 * packet for socket filters and classifiers. There is no network here; these packets exist only for the run.
 * (Documentation/bpf/bpf_prog_run.rst, net/bpf/test_run.c)
 */
#include <kernel/capability.h>
#include <kernel/mm.h>
#include "internal.h"
#include "run_context.h"

#define MAX_BPF_FUNC_ARGS	12
#define ETH_HLEN		14
/* What Linux keeps free before and behind a packet in its page. */
#define TEST_RUN_HEADROOM	(64 + 2)
#define TEST_RUN_TAILROOM	320

/* The context of packet programs. It begins with what programs see, so that accesses need no conversion. */
struct packet_context {
	struct __sk_buff skb;
	u8 *data;
	u32 size;
};

static u32 run_once(struct bpf_prog *prog, const void *ctx)
{
	u32 retval;

	bpf_disable_instrumentation();
	bpf_run_ctx = (struct bpf_run_ctx){ };
	retval = bpf_prog_run(prog, ctx);
	bpf_enable_instrumentation();
	return retval;
}

static int test_run_raw_tp(struct bpf_prog *prog, const union bpf_attr *attr, union bpf_attr __user *uattr)
{
	u64 ctx[MAX_BPF_FUNC_ARGS] = { 0 };
	u32 size = attr->test.ctx_size_in;

	if (attr->test.data_in || attr->test.data_out || attr->test.ctx_out || attr->test.duration ||
	    attr->test.repeat || attr->test.batch_size)
		return -EINVAL;
	if (size < prog->max_ctx_offset || size > sizeof(ctx))
		return -EINVAL;
	if (!(attr->test.flags & BPF_F_TEST_RUN_ON_CPU) && attr->test.cpu)
		return -EINVAL;
	if (copy_from_user(ctx, u64_to_user_ptr(attr->test.ctx_in), size))
		return -EFAULT;
	if (attr->test.cpu)
		return -ENXIO;
	return put_user(run_once(prog, ctx), &uattr->test.retval);
}

static int test_finish(const union bpf_attr *attr, union bpf_attr __user *uattr, const void *data, u32 size, u32 retval)
{
	u32 shown = size;
	int err = 0;

	if (attr->test.data_size_out && shown > attr->test.data_size_out) {
		shown = attr->test.data_size_out;
		err = -ENOSPC;
	}
	if (attr->test.data_out && copy_to_user(u64_to_user_ptr(attr->test.data_out), data, shown))
		return -EFAULT;
	if (put_user(size, &uattr->test.data_size_out) || put_user(retval, &uattr->test.retval) ||
	    put_user((u32)0, &uattr->test.duration))
		return -EFAULT;
	return err;
}

static int test_run_skb(struct bpf_prog *prog, const union bpf_attr *attr, union bpf_attr __user *uattr)
{
	u32 size = attr->test.data_size_in, repeat = attr->test.repeat ?: 1, retval = 0;
	/* Socket filters see the packet from the network header on, classifiers from the link header. */
	u32 pulled = prog->type == BPF_PROG_TYPE_SOCKET_FILTER ? ETH_HLEN : 0;
	struct packet_context *ctx;
	u8 *data;
	int err;

	if (attr->test.flags || attr->test.cpu || attr->test.batch_size)
		return -EINVAL;
	if (size < ETH_HLEN || size > PAGE_SIZE - TEST_RUN_HEADROOM - TEST_RUN_TAILROOM)
		return -EINVAL;
	/* A context of the caller's would set fields of a packet that goes nowhere. */
	if (attr->test.ctx_in || attr->test.ctx_out)
		return -EINVAL;
	data = kmalloc(size, GFP_USER);
	ctx = kzalloc(sizeof(*ctx), GFP_USER);
	err = -ENOMEM;
	if (!data || !ctx)
		goto out;
	err = -EFAULT;
	if (copy_from_user(data, u64_to_user_ptr(attr->test.data_in), size))
		goto out;
	ctx->data = data + pulled;
	ctx->size = size - pulled;
	ctx->skb.len = ctx->size;
	ctx->skb.protocol = data[12] | data[13] << 8;
	ctx->skb.ifindex = 1;
	while (repeat--)
		retval = run_once(prog, ctx);
	err = test_finish(attr, uattr, ctx->data, ctx->size, retval);
out:
	kfree(ctx);
	kfree(data);
	return err;
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
	switch (prog->type) {
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
		err = test_run_raw_tp(prog, attr, uattr);
		break;
	case BPF_PROG_TYPE_TRACING:
		err = bpf_prog_test_run_tracing(prog, attr, uattr);
		break;
	case BPF_PROG_TYPE_SOCKET_FILTER:
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SCHED_ACT:
		err = test_run_skb(prog, attr, uattr);
		break;
	case BPF_PROG_TYPE_SYSCALL:
		err = bpf_prog_test_run_syscall(prog, attr, uattr);
		break;
	default:
		err = -ENOTSUPP;
	}
	bpf_prog_put(prog);
	return err;
}

/* ld_abs and ld_ind: bytes of the packet in network order, or an error that ends the program. */
static s64 packet_bytes(const struct packet_context *ctx, u32 offset, u32 bytes)
{
	s64 value = 0;
	u32 i;

	if (offset > ctx->size || bytes > ctx->size - offset)
		return -EFAULT;
	for (i = 0; i < bytes; i++)
		value = value << 8 | ctx->data[offset + i];
	return value;
}

BPF_HELPER_BY_ID(skb_load_8, BPF_COP_HELPER_SKB_LOAD_8) { return packet_bytes((void *)r1, r2, 1); }
BPF_HELPER_BY_ID(skb_load_16, BPF_COP_HELPER_SKB_LOAD_16) { return packet_bytes((void *)r1, r2, 2); }
BPF_HELPER_BY_ID(skb_load_32, BPF_COP_HELPER_SKB_LOAD_32) { return packet_bytes((void *)r1, r2, 4); }
