// SPDX-License-Identifier: MIT
/*
 * Links of TRACING and LSM programs to functions: BPF_RAW_TRACEPOINT_OPEN without a name, and BPF_LINK_CREATE.
 * (kernel/bpf/syscall.c; semantics D1)
 */
#include <kernel/seq_file.h>
#include "trampoline.h"

static void tracing_link_release(struct bpf_link *base)
{
	bpf_trampoline_unlink_prog(container_of(base, struct bpf_tramp_link, link));
}

static void tracing_link_dealloc(struct bpf_link *base)
{
	kfree(container_of(base, struct bpf_tramp_link, link));
}

static void tracing_link_show_fdinfo(const struct bpf_link *base, struct seq_file *m)
{
	seq_printf(m, "attach_type:\t%d\ntarget_obj_id:\t%u\ntarget_btf_id:\t%u\n", base->prog->expected_attach_type, 1,
		   base->prog->attach_btf_id);
}

static int tracing_link_fill_link_info(const struct bpf_link *base, struct bpf_link_info *info)
{
	info->tracing.attach_type = base->prog->expected_attach_type;
	info->tracing.target_obj_id = 1;
	info->tracing.target_btf_id = base->prog->attach_btf_id;
	return 0;
}

static const struct bpf_link_ops tracing_link_ops = {
	.name = "tracing",
	.release = tracing_link_release,
	.dealloc = tracing_link_dealloc,
	.show_fdinfo = tracing_link_show_fdinfo,
	.fill_link_info = tracing_link_fill_link_info,
};

static bool is_for_a_function(const struct bpf_prog *prog)
{
	switch (prog->type) {
	case BPF_PROG_TYPE_TRACING:
		return prog->expected_attach_type == BPF_TRACE_FENTRY || prog->expected_attach_type == BPF_TRACE_FEXIT ||
		       prog->expected_attach_type == BPF_MODIFY_RETURN;
	case BPF_PROG_TYPE_LSM:
		return prog->expected_attach_type == BPF_LSM_MAC;
	default:
		return false;
	}
}

int bpf_tracing_prog_attach(struct bpf_prog *prog, u64 cookie)
{
	struct bpf_tramp_link *link;
	int err, fd;

	if (!is_for_a_function(prog) || !prog->attach_addr)
		return -EINVAL;
	link = kzalloc(sizeof(*link), GFP_USER);
	if (!link)
		return -ENOMEM;
	bpf_link_init(&link->link, BPF_LINK_TYPE_TRACING, &tracing_link_ops, prog);
	link->cookie = cookie;
	err = bpf_trampoline_link_prog(link);
	if (err) {
		kfree(link);
		return err;
	}
	fd = bpf_link_settle(&link->link);
	if (fd < 0) {
		bpf_trampoline_unlink_prog(link);
		kfree(link);
	}
	return fd;
}
