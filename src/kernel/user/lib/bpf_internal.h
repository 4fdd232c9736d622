/* SPDX-License-Identifier: MIT */
/* Between the files that load BPF objects. */
#ifndef _USER_BPF_INTERNAL_H
#define _USER_BPF_INTERNAL_H

#include <elf.h>
#include <stdbool.h>
#include "bpf.h"

#define BPF_NAME_LEN	64

struct bpf_map_definition {
	char name[BPF_NAME_LEN];
	enum bpf_map_type type;
	unsigned int key_size, value_size, max_entries, flags;
	int section;			/* where its symbol, or its variables, lie */
	size_t offset;
	const void *initial;		/* contents of a map of variables; NULL: zeros, or no such map */
	bool is_data;
	int fd;
};

struct bpf_program {
	struct bpf_object *object;
	const char *name;
	const char *section_name;
	int section;
	size_t offset, size;		/* bytes in the section */
	enum bpf_prog_type type;
	int fd;
	int event_fd;			/* attached: the perf event */
	char event[2 * BPF_NAME_LEN];	/* the kprobe event made for it, "GROUP/NAME" */
};

struct bpf_object {
	const char *path;
	const unsigned char *data;
	size_t size;
	const Elf64_Ehdr *ehdr;
	const Elf64_Shdr *sections;
	const char *section_names;
	const Elf64_Sym *symbols;
	size_t symbol_count;
	const char *symbol_names;
	size_t symbol_names_size;
	char license[128];
	unsigned int kern_version;
	struct bpf_map_definition *maps;
	int map_count;
	struct bpf_program *programs;
	int program_count;
};

/* Prints "PATH: text" to stderr and returns -1. */
__attribute__((format(printf, 2, 3)))
int bpf_object_error(const struct bpf_object *object, const char *format, ...);

const char *bpf_section_name(const struct bpf_object *object, int section);
const unsigned char *bpf_section_data(const struct bpf_object *object, int section);

/* Reads the definition of the map @name, a variable in ".maps", from .BTF. */
int bpf_btf_map_definition(struct bpf_object *object, const char *name, struct bpf_map_definition *map);
/* Fails if .BTF.ext asks for offsets to be looked up in the running kernel, other than those that never differ. */
int bpf_btf_check_core_relocations(struct bpf_object *object);

/* The kind of program that a section's name asks for; false if the name is not known. */
bool bpf_section_type(const char *section_name, enum bpf_prog_type *type);

#endif
