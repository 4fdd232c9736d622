// SPDX-License-Identifier: MIT
/* The kernel's own type information (/sys/kernel/btf/vmlinux): the number of a function, to attach programs to. */
#include <fcntl.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bpf.h"

static void *read_whole(const char *path, size_t *size)
{
	size_t room = 1 << 20, n = 0;
	char *data = malloc(room);
	int fd = open(path, O_RDONLY);
	ssize_t now;

	while (fd >= 0 && (now = read(fd, data + n, room - n)) > 0) {
		n += now;
		if (n == room)
			data = realloc(data, room *= 2);
	}
	close(fd);
	*size = n;
	return data;
}

static size_t type_size(const struct btf_type *type)
{
	unsigned int count = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT: case BTF_KIND_VAR: case BTF_KIND_DECL_TAG: return sizeof(*type) + 4;
	case BTF_KIND_ARRAY: return sizeof(*type) + sizeof(struct btf_array);
	case BTF_KIND_STRUCT: case BTF_KIND_UNION: return sizeof(*type) + count * sizeof(struct btf_member);
	case BTF_KIND_ENUM: return sizeof(*type) + count * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64: return sizeof(*type) + count * 12;
	case BTF_KIND_FUNC_PROTO: return sizeof(*type) + count * sizeof(struct btf_param);
	case BTF_KIND_DATASEC: return sizeof(*type) + count * sizeof(struct btf_var_secinfo);
	default: return sizeof(*type);
	}
}

/* The first type of the kernel that has this kind and name, and its number; NULL if there is none. */
static const struct btf_type *find(unsigned int kind, const char *name, const char **strings, unsigned int *id)
{
	static char *data;
	static size_t size;
	const struct btf_header *header;
	const char *types;

	if (!data)
		data = read_whole("/sys/kernel/btf/vmlinux", &size);
	if (!size)
		return NULL;
	header = (void *)data;
	types = data + header->hdr_len + header->type_off;
	*strings = data + header->hdr_len + header->str_off;
	*id = 1;
	for (const char *at = types; at < types + header->type_len; ++*id) {
		const struct btf_type *type = (const void *)at;

		if (BTF_INFO_KIND(type->info) == kind && !strcmp(*strings + type->name_off, name))
			return type;
		at += type_size(type);
	}
	return NULL;
}

unsigned int bpf_kernel_type_id(unsigned int kind, const char *name)
{
	const char *strings;
	unsigned int id;

	return find(kind, name, &strings, &id) ? id : 0;
}

unsigned int bpf_kernel_function_id(const char *name)
{
	return bpf_kernel_type_id(BTF_KIND_FUNC, name);
}

int bpf_kernel_field_offset(const char *structure, const char *field)
{
	const char *strings;
	unsigned int id;
	const struct btf_type *type = find(BTF_KIND_STRUCT, structure, &strings, &id);
	const struct btf_member *member = (const void *)(type + 1);

	for (unsigned int i = 0; type && i < BTF_INFO_VLEN(type->info); i++)
		if (!strcmp(strings + member[i].name_off, field))
			return (type->info >> 31 ? BTF_MEMBER_BIT_OFFSET(member[i].offset) : member[i].offset) / 8;
	return -1;
}
