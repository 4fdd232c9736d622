// SPDX-License-Identifier: MIT
/*
 * The little of BTF that loading an object needs: map definitions in ".maps", whose members are named after the attributes and say
 * their values by their types. (Documentation/bpf/btf.rst; Documentation/bpf/libbpf)
 */
#include <errno.h>
#include <linux/btf.h>
#include <string.h>
#include "bpf_internal.h"

struct btf {
	const struct bpf_object *object;
	const unsigned char *types;
	size_t types_size;
	const char *strings;
	size_t strings_size;
};

/* The header of .BTF.ext, as far as it is read here. */
struct btf_ext_header {
	__u16 magic;
	__u8 version, flags;
	__u32 hdr_len;
	__u32 func_info_off, func_info_len;
	__u32 line_info_off, line_info_len;
	__u32 core_relo_off, core_relo_len;
};

static int find_section(const struct bpf_object *object, const char *name)
{
	int i;

	for (i = 1; i < object->ehdr->e_shnum; i++)
		if (object->sections[i].sh_type == SHT_PROGBITS && !strcmp(bpf_section_name(object, i), name))
			return i;
	return -1;
}

static int open_btf(struct bpf_object *object, struct btf *btf)
{
	int section = find_section(object, ".BTF");
	struct btf_header header;
	size_t size;

	btf->object = object;
	errno = EINVAL;
	if (section < 0)
		return bpf_object_error(object, "it has no .BTF, which says what maps are; compile with -g");
	size = object->sections[section].sh_size;
	if (size < sizeof(header))
		return bpf_object_error(object, ".BTF is truncated");
	memcpy(&header, bpf_section_data(object, section), sizeof(header));
	if (header.magic != BTF_MAGIC || header.hdr_len > size ||
	    header.type_off > size - header.hdr_len || header.type_len > size - header.hdr_len - header.type_off ||
	    header.str_off > size - header.hdr_len || header.str_len > size - header.hdr_len - header.str_off ||
	    !header.str_len)
		return bpf_object_error(object, ".BTF is damaged");
	btf->types = bpf_section_data(object, section) + header.hdr_len + header.type_off;
	btf->types_size = header.type_len;
	btf->strings = (const char *)bpf_section_data(object, section) + header.hdr_len + header.str_off;
	btf->strings_size = header.str_len;
	if (btf->strings[btf->strings_size - 1])
		return bpf_object_error(object, ".BTF is damaged");
	return 0;
}

static const char *name_of(const struct btf *btf, __u32 offset)
{
	return offset < btf->strings_size ? btf->strings + offset : "";
}

/* Bytes that follow the common part of a type. */
static size_t extra_size(const struct btf_type *type)
{
	unsigned int vlen = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return vlen * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return vlen * sizeof(struct btf_enum);
	case BTF_KIND_FUNC_PROTO:
		return vlen * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return vlen * sizeof(struct btf_var_secinfo);
	case BTF_KIND_ENUM64:
		return vlen * 12;
	default:
		return 0;
	}
}

/* Type number @id (1 is the first), or NULL. */
static const struct btf_type *type_by_id(const struct btf *btf, __u32 id)
{
	size_t at = 0;

	while (id && at + sizeof(struct btf_type) <= btf->types_size) {
		const struct btf_type *type = (const void *)(btf->types + at);
		size_t size = sizeof(*type) + extra_size(type);

		if (size > btf->types_size - at)
			return NULL;
		if (--id == 0)
			return type;
		at += size;
	}
	return NULL;
}

/* Without typedefs and qualifiers. */
static const struct btf_type *resolve(const struct btf *btf, __u32 id)
{
	int depth;

	for (depth = 0; depth < 32; depth++) {
		const struct btf_type *type = type_by_id(btf, id);

		if (!type)
			return NULL;
		switch (BTF_INFO_KIND(type->info)) {
		case BTF_KIND_TYPEDEF:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_CONST:
		case BTF_KIND_RESTRICT:
		case BTF_KIND_TYPE_TAG:
			id = type->type;
			break;
		default:
			return type;
		}
	}
	return NULL;
}

static const struct btf_array *array_of(const struct btf_type *type)
{
	return type && BTF_INFO_KIND(type->info) == BTF_KIND_ARRAY ? (const void *)(type + 1) : NULL;
}

/* sizeof, or -1. */
static long type_size(const struct btf *btf, __u32 id)
{
	unsigned long count = 1;
	int depth;

	for (depth = 0; depth < 32; depth++) {
		const struct btf_type *type = resolve(btf, id);
		const struct btf_array *array = array_of(type);

		if (!type)
			return -1;
		if (array) {
			count *= array->nelems;
			id = array->type;
			continue;
		}
		switch (BTF_INFO_KIND(type->info)) {
		case BTF_KIND_PTR:
			return count * 8;
		case BTF_KIND_INT:
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION:
		case BTF_KIND_ENUM:
		case BTF_KIND_ENUM64:
		case BTF_KIND_FLOAT:
			return count * type->size;
		default:
			return -1;
		}
	}
	return -1;
}

/* __uint(name, value) is int (*name)[value]: the number. -1 if the member is nothing like that. */
static long uint_member(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = resolve(btf, id);
	const struct btf_array *array;

	if (!type || BTF_INFO_KIND(type->info) != BTF_KIND_PTR)
		return -1;
	array = array_of(resolve(btf, type->type));
	return array ? (long)array->nelems : -1;
}

/* __type(name, T) is T *name: sizeof(T). */
static long size_member(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = resolve(btf, id);

	if (!type || BTF_INFO_KIND(type->info) != BTF_KIND_PTR)
		return -1;
	return type_size(btf, type->type);
}

static int read_member(struct bpf_object *object, const struct btf *btf, const struct btf_member *member,
		       struct bpf_map_definition *map)
{
	const char *name = name_of(btf, member->name_off);
	unsigned int ignored;
	const struct {
		const char *name;
		unsigned int *to;
		bool is_type;
	} known[] = {
		{ "type", &map->type, false },
		{ "max_entries", &map->max_entries, false },
		{ "map_flags", &map->flags, false },
		{ "key_size", &map->key_size, false },
		{ "value_size", &map->value_size, false },
		{ "key", &map->key_size, true },
		{ "value", &map->value_size, true },
		{ "map_extra", &ignored, false },
		{ "numa_node", &ignored, false },
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		long value;

		if (strcmp(name, known[i].name))
			continue;
		value = known[i].is_type ? size_member(btf, member->type) : uint_member(btf, member->type);
		if (value < 0)
			return bpf_object_error(object, "map %s: %s is not written as %s", map->name, name,
						known[i].is_type ? "__type(name, T)" : "__uint(name, value)");
		*known[i].to = value;
		return 0;
	}
	return bpf_object_error(object, "map %s: attribute \"%s\" is not understood", map->name, name);
}

int bpf_btf_map_definition(struct bpf_object *object, const char *name, struct bpf_map_definition *map)
{
	const struct btf_type *type, *definition;
	struct btf btf;
	__u32 id;

	if (open_btf(object, &btf))
		return -1;
	errno = EINVAL;
	for (id = 1; (type = type_by_id(&btf, id)); id++) {
		const struct btf_member *members;
		unsigned int i;

		if (BTF_INFO_KIND(type->info) != BTF_KIND_VAR || strcmp(name_of(&btf, type->name_off), name))
			continue;
		definition = resolve(&btf, type->type);
		if (!definition || BTF_INFO_KIND(definition->info) != BTF_KIND_STRUCT)
			break;
		members = (const void *)(definition + 1);
		for (i = 0; i < BTF_INFO_VLEN(definition->info); i++)
			if (read_member(object, &btf, &members[i], map))
				return -1;
		return 0;
	}
	return bpf_object_error(object, "map %s: .BTF does not say what it is", name);
}

/*
 * Structures whose layout is the same in every kernel of this architecture (pt_regs) or part of the interface to user space: what the
 * compiler wrote for them is right without looking anything up.
 */
static bool has_fixed_layout(const char *name)
{
	static const char *const fixed[] = { "pt_regs", "user_pt_regs", "__sk_buff", "bpf_perf_event_data",
					     "bpf_raw_tracepoint_args" };
	size_t i;

	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (!strcmp(name, fixed[i]))
			return true;
	return false;
}

int bpf_btf_check_core_relocations(struct bpf_object *object)
{
	int section = find_section(object, ".BTF.ext");
	const unsigned char *data, *at, *end;
	struct btf_ext_header header;
	struct btf btf;
	__u32 record_size;
	size_t size;

	if (section < 0)
		return 0;
	size = object->sections[section].sh_size;
	data = bpf_section_data(object, section);
	if (size < sizeof(header))
		return 0;
	memcpy(&header, data, sizeof(header));
	if (header.magic != BTF_MAGIC || header.hdr_len < sizeof(header) || !header.core_relo_len)
		return 0;
	errno = EINVAL;
	if (header.hdr_len > size || header.core_relo_off > size - header.hdr_len ||
	    header.core_relo_len > size - header.hdr_len - header.core_relo_off || header.core_relo_len < 4)
		return bpf_object_error(object, ".BTF.ext is damaged");
	if (open_btf(object, &btf))
		return -1;
	at = data + header.hdr_len + header.core_relo_off;
	end = at + header.core_relo_len;
	memcpy(&record_size, at, sizeof(record_size));
	if (record_size < 16)
		return bpf_object_error(object, ".BTF.ext is damaged");
	/* For each section: its name, the number of records, the records: {insn_off, type_id, access_str_off, kind}. */
	for (at += 4; end - at >= 8;) {
		__u32 count, fields[4];

		memcpy(&count, at + 4, sizeof(count));
		for (at += 8; count && (size_t)(end - at) >= record_size; count--, at += record_size) {
			const struct btf_type *type;

			memcpy(fields, at, sizeof(fields));
			type = resolve(&btf, fields[1]);
			if (type && has_fixed_layout(name_of(&btf, type->name_off)))
				continue;
			errno = EINVAL;
			return bpf_object_error(object, "it asks for the running kernel's layout of \"%s\" (CO-RE), which "
						"cannot be looked up here", type ? name_of(&btf, type->name_off) : "?");
		}
	}
	return 0;
}
