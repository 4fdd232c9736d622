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

unsigned int bpf_kernel_function_id(const char *name)
{
	static char *data;
	static size_t size;
	const struct btf_header *header;
	const char *types, *strings;
	unsigned int id = 1, found = 0;

	if (!data)
		data = read_whole("/sys/kernel/btf/vmlinux", &size);
	if (!size)
		return 0;
	header = (void *)data;
	types = data + header->hdr_len + header->type_off;
	strings = data + header->hdr_len + header->str_off;
	for (const char *at = types; at < types + header->type_len && !found; id++) {
		const struct btf_type *type = (const void *)at;

		if (BTF_INFO_KIND(type->info) == BTF_KIND_FUNC && !strcmp(strings + type->name_off, name))
			found = id;
		at += type_size(type);
	}
	return found;
}
