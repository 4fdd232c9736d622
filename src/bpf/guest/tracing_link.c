// SPDX-License-Identifier: MIT
/* Links of programs to functions of the kernel (BPF_LINK_TYPE_TRACING), and what a program was loaded for. */
#include <linux/btf.h>
#include <kernel/error-injection.h>
#include <kernel/kallsyms.h>
#include <kernel/seq_file.h>
#include "btf.h"
#include "trampoline.h"

struct bpf_tracing_link {
	struct bpf_tramp_link link;
	enum bpf_attach_type attach_type;
	struct bpf_trampoline *trampoline;
};

static struct bpf_tracing_link *to_tracing_link(const struct bpf_link *link)
{
	return container_of(container_of(link, struct bpf_tramp_link, link), struct bpf_tracing_link, link);
}

static void bpf_tracing_link_release(struct bpf_link *base)
{
	struct bpf_tracing_link *link = to_tracing_link(base);

	bpf_trampoline_unlink_prog(&link->link, link->trampoline);
	bpf_trampoline_put(link->trampoline);
}

static void bpf_tracing_link_dealloc(struct bpf_link *base)
{
	kfree(to_tracing_link(base));
}

static void bpf_tracing_link_show_fdinfo(const struct bpf_link *base, struct seq_file *m)
{
	seq_printf(m, "attach_type:\t%d\n", to_tracing_link(base)->attach_type);
}

static int bpf_tracing_link_fill_link_info(const struct bpf_link *base, struct bpf_link_info *info)
{
	const struct bpf_tracing_link *link = to_tracing_link(base);
	u64 key = bpf_trampoline_key(link->trampoline);

	info->tracing.attach_type = link->attach_type;
	info->tracing.target_obj_id = key >> 32;
	info->tracing.target_btf_id = key & 0x7fffffff;
	return 0;
}

static const struct bpf_link_ops bpf_tracing_link_ops = {
	.name = "tracing",
	.release = bpf_tracing_link_release,
	.dealloc = bpf_tracing_link_dealloc,
	.show_fdinfo = bpf_tracing_link_show_fdinfo,
	.fill_link_info = bpf_tracing_link_fill_link_info,
};

static bool may_attach(const struct bpf_prog *prog)
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

int bpf_tracing_prog_attach(struct bpf_prog *prog, int tgt_prog_fd, u32 btf_id, u64 bpf_cookie)
{
	struct bpf_tracing_link *link;
	int err, fd;

	/* Another program can be the target of extensions only. */
	if (!may_attach(prog) || tgt_prog_fd || btf_id)
		return -EINVAL;
	link = kzalloc(sizeof(*link), GFP_USER);
	if (!link)
		return -ENOMEM;
	bpf_link_init(&link->link.link, BPF_LINK_TYPE_TRACING, &bpf_tracing_link_ops, prog);
	link->attach_type = prog->expected_attach_type;
	link->link.cookie = bpf_cookie;
	link->trampoline = bpf_trampoline_get(prog);
	err = -ENOMEM;
	if (!link->trampoline)
		goto free;
	err = bpf_trampoline_link_prog(&link->link, link->trampoline);
	if (err)
		goto put;
	fd = bpf_link_settle(&link->link.link);
	if (fd >= 0)
		return fd;
	err = fd;
	bpf_trampoline_unlink_prog(&link->link, link->trampoline);
put:
	bpf_trampoline_put(link->trampoline);
free:
	kfree(link);
	return err;
}

void bpf_resolve_attach_target(struct bpf_prog *prog, u32 *attach_flags)
{
	u32 kind;
	const char *name = btf_vmlinux_type_name(prog->attach_btf_id, &kind);
	unsigned long addr;

	*attach_flags = 0;
	if (!name)
		return;
	if (kind == BTF_KIND_TYPEDEF && !strncmp(name, "btf_trace_", 10))
		prog->attach_func_name = name + 10;
	if (kind != BTF_KIND_FUNC)
		return;
	prog->attach_func_name = name;
	addr = kallsyms_lookup_name(name);
	if (!addr)
		return;
	prog->attach_func = (void *)addr;
	*attach_flags |= BPF_COP_ATTACH_HAS_ADDRESS;
	if (within_error_injection_list(addr))
		*attach_flags |= BPF_COP_ATTACH_ERROR_INJECTABLE;
}
