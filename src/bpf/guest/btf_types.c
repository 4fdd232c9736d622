// SPDX-License-Identifier: MIT
/*
 * Reading checked type information: a type by its number, and its name. (Documentation/bpf/btf.rst)
 */
#include <linux/btf.h>
#include "btf.h"

static size_t type_size(const struct btf_type *type)
{
	u32 count = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(*type) + sizeof(u32);
	case BTF_KIND_ARRAY:
		return sizeof(*type) + sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return sizeof(*type) + count * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return sizeof(*type) + count * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return sizeof(*type) + count * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return sizeof(*type) + count * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return sizeof(*type) + count * sizeof(struct btf_var_secinfo);
	default:
		return sizeof(*type);
	}
}

const struct btf_type *btf_type_by_id(const struct btf *btf, u32 id)
{
	const struct btf_header *header = (const void *)btf->data;
	const u8 *at = btf->data + header->hdr_len + header->type_off, *end = at + header->type_len;

	for (u32 i = 1; at < end; i++) {
		if (i == id)
			return (const void *)at;
		at += type_size((const void *)at);
	}
	return NULL;
}

const char *btf_name_by_offset(const struct btf *btf, u32 offset)
{
	const struct btf_header *header = (const void *)btf->data;

	return offset < header->str_len ? (const char *)btf->data + header->hdr_len + header->str_off + offset : "";
}
