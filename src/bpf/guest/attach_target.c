// SPDX-License-Identifier: MIT
/* The function that a TRACING or LSM program is loaded for, by its number in the kernel's own types. (semantics D1, D2) */
#include <linux/btf.h>
#include <kernel/kallsyms.h>
#include "btf.h"
#include "trampoline.h"

extern const u8 __start_BTF[], __stop_BTF[];

void bpf_prog_find_attach_target(struct bpf_prog *prog)
{
	const struct btf btf = { .data = __start_BTF, .data_size = __stop_BTF - __start_BTF };
	const struct btf_type *type = btf_type_by_id(&btf, prog->attach_btf_id), *proto;

	if (!type || BTF_INFO_KIND(type->info) != BTF_KIND_FUNC)
		return;
	proto = btf_type_by_id(&btf, type->type);
	if (!proto || BTF_INFO_KIND(proto->info) != BTF_KIND_FUNC_PROTO)
		return;
	prog->attach_addr = kallsyms_lookup_name(btf_name_by_offset(&btf, type->name_off));
	prog->attach_args = BTF_INFO_VLEN(proto->info);
	prog->attach_void = !proto->type;
}
