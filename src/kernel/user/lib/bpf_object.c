// SPDX-License-Identifier: MIT
/*
 * Loads BPF object files: the ELF side. Programs are put together from their functions, references to maps, global variables and
 * functions are filled in, maps and programs are given to the kernel. (Documentation/bpf/llvm_reloc.rst)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "bpf_internal.h"

#define R_BPF_64_64	1	/* ld_imm64 of an address */
#define R_BPF_64_32	10	/* call */

#define LOG_SIZE	(16 << 20)
#define INSN_SIZE	sizeof(struct bpf_insn)

int bpf_object_error(const struct bpf_object *object, const char *format, ...)
{
	int saved = errno;
	va_list args;

	fprintf(stderr, "%s: ", object->path);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	errno = saved;
	return -1;
}

#define refuse(object, ...) (errno = EINVAL, bpf_object_error(object, __VA_ARGS__))

/* ---- ELF ---- */

const char *bpf_section_name(const struct bpf_object *object, int section)
{
	return object->section_names + object->sections[section].sh_name;
}

const unsigned char *bpf_section_data(const struct bpf_object *object, int section)
{
	return object->data + object->sections[section].sh_offset;
}

static const char *symbol_name(const struct bpf_object *object, const Elf64_Sym *symbol)
{
	if (ELF64_ST_TYPE(symbol->st_info) == STT_SECTION && symbol->st_shndx < object->ehdr->e_shnum)
		return bpf_section_name(object, symbol->st_shndx);
	return symbol->st_name < object->symbol_names_size ? object->symbol_names + symbol->st_name : "?";
}

/* Everything that is used later lies inside the file, and names end. */
static int check_elf(struct bpf_object *object)
{
	const Elf64_Ehdr *ehdr = (const void *)object->data;
	int i;

	if (object->size < sizeof(*ehdr) || memcmp(ehdr->e_ident, ELFMAG, SELFMAG))
		return refuse(object, "not an ELF file");
	if (ehdr->e_ident[EI_CLASS] != ELFCLASS64 || ehdr->e_ident[EI_DATA] != ELFDATA2LSB)
		return refuse(object, "not a 64-bit little-endian ELF file");
	if (ehdr->e_machine != EM_BPF)
		return refuse(object, "made for machine %u, not for BPF (%u); compile with clang -target bpf",
			      ehdr->e_machine, EM_BPF);
	if (ehdr->e_type != ET_REL)
		return refuse(object, "not a relocatable object file (type %u)", ehdr->e_type);
	if (ehdr->e_shentsize != sizeof(Elf64_Shdr) || ehdr->e_shoff > object->size ||
	    ehdr->e_shnum > (object->size - ehdr->e_shoff) / sizeof(Elf64_Shdr) || ehdr->e_shoff % 8)
		return refuse(object, "truncated: the section table is not inside the file");
	if (!ehdr->e_shnum || ehdr->e_shstrndx >= ehdr->e_shnum)
		return refuse(object, "no section names");
	object->ehdr = ehdr;
	object->sections = (const void *)(object->data + ehdr->e_shoff);
	for (i = 0; i < ehdr->e_shnum; i++) {
		const Elf64_Shdr *section = &object->sections[i];

		if (section->sh_type == SHT_NOBITS || section->sh_type == SHT_NULL)
			continue;
		if (section->sh_offset > object->size || section->sh_size > object->size - section->sh_offset)
			return refuse(object, "truncated: section %d is not inside the file", i);
		if (section->sh_type == SHT_STRTAB &&
		    (!section->sh_size || object->data[section->sh_offset + section->sh_size - 1]))
			return refuse(object, "string table %d does not end", i);
	}
	if (object->sections[ehdr->e_shstrndx].sh_type != SHT_STRTAB)
		return refuse(object, "no section names");
	object->section_names = (const void *)bpf_section_data(object, ehdr->e_shstrndx);
	for (i = 0; i < ehdr->e_shnum; i++)
		if (object->sections[i].sh_name >= object->sections[ehdr->e_shstrndx].sh_size)
			return refuse(object, "section %d has no name", i);
	return 0;
}

static int find_symbols(struct bpf_object *object)
{
	int i;

	for (i = 0; i < object->ehdr->e_shnum; i++) {
		const Elf64_Shdr *section = &object->sections[i], *names;

		if (section->sh_type != SHT_SYMTAB)
			continue;
		if (section->sh_link >= object->ehdr->e_shnum || section->sh_entsize != sizeof(Elf64_Sym))
			break;
		names = &object->sections[section->sh_link];
		if (names->sh_type != SHT_STRTAB)
			break;
		object->symbols = (const void *)bpf_section_data(object, i);
		object->symbol_count = section->sh_size / sizeof(Elf64_Sym);
		object->symbol_names = (const void *)bpf_section_data(object, section->sh_link);
		object->symbol_names_size = names->sh_size;
		return 0;
	}
	return refuse(object, "no symbol table");
}

/* ---- what the sections hold ---- */

static bool is_data_section(const char *name)
{
	return !strncmp(name, ".rodata", 7) || !strcmp(name, ".data") || !strncmp(name, ".data.", 6) ||
	       !strcmp(name, ".bss") || !strncmp(name, ".bss.", 5);
}

static struct bpf_map_definition *add_map(struct bpf_object *object)
{
	struct bpf_map_definition *maps =
		realloc(object->maps, (object->map_count + 1) * sizeof(*maps)), *map;

	if (!maps)
		return NULL;
	object->maps = maps;
	map = &maps[object->map_count++];
	memset(map, 0, sizeof(*map));
	map->fd = -1;
	return map;
}

static int add_data_map(struct bpf_object *object, int section)
{
	const Elf64_Shdr *shdr = &object->sections[section];
	const char *name = bpf_section_name(object, section);
	struct bpf_map_definition *map;

	if (!shdr->sh_size)
		return 0;
	map = add_map(object);
	if (!map)
		return bpf_object_error(object, "out of memory");
	snprintf(map->name, sizeof(map->name), "%s", name);
	map->type = BPF_MAP_TYPE_ARRAY;
	map->key_size = 4;
	map->value_size = shdr->sh_size;
	map->max_entries = 1;
	map->flags = strncmp(name, ".rodata", 7) ? 0 : BPF_F_RDONLY_PROG;
	map->section = section;
	map->is_data = true;
	map->initial = shdr->sh_type == SHT_NOBITS ? NULL : bpf_section_data(object, section);
	return 0;
}

/* struct bpf_map_def of the old "maps" sections: type, key_size, value_size, max_entries, map_flags. */
static int old_map_definition(struct bpf_object *object, const Elf64_Sym *symbol, struct bpf_map_definition *map)
{
	const Elf64_Shdr *shdr = &object->sections[symbol->st_shndx];
	unsigned int fields[5] = { 0 };
	size_t size = symbol->st_size < sizeof(fields) ? symbol->st_size : sizeof(fields);

	if (symbol->st_value > shdr->sh_size || size > shdr->sh_size - symbol->st_value || size < 4 * sizeof(fields[0]))
		return refuse(object, "map %s: its definition has %lu bytes, at least 16 are needed", map->name,
			      (unsigned long)symbol->st_size);
	memcpy(fields, bpf_section_data(object, symbol->st_shndx) + symbol->st_value, size);
	map->type = fields[0];
	map->key_size = fields[1];
	map->value_size = fields[2];
	map->max_entries = fields[3];
	map->flags = fields[4];
	return 0;
}

static int add_maps(struct bpf_object *object)
{
	size_t i;
	int section;

	for (i = 0; i < object->symbol_count; i++) {
		const Elf64_Sym *symbol = &object->symbols[i];
		struct bpf_map_definition *map;
		const char *in;
		int err;

		if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx >= object->ehdr->e_shnum ||
		    ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT)
			continue;
		in = bpf_section_name(object, symbol->st_shndx);
		if (strcmp(in, ".maps") && strcmp(in, "maps"))
			continue;
		map = add_map(object);
		if (!map)
			return bpf_object_error(object, "out of memory");
		snprintf(map->name, sizeof(map->name), "%s", symbol_name(object, symbol));
		map->section = symbol->st_shndx;
		map->offset = symbol->st_value;
		err = in[0] == '.' ? bpf_btf_map_definition(object, map->name, map) :
				     old_map_definition(object, symbol, map);
		if (err)
			return err;
	}
	for (section = 1; section < object->ehdr->e_shnum; section++) {
		const Elf64_Shdr *shdr = &object->sections[section];

		if ((shdr->sh_flags & SHF_ALLOC) && !(shdr->sh_flags & SHF_EXECINSTR) &&
		    (shdr->sh_type == SHT_PROGBITS || shdr->sh_type == SHT_NOBITS) &&
		    is_data_section(bpf_section_name(object, section)) && add_data_map(object, section))
			return -1;
	}
	return 0;
}

static bool is_function(const struct bpf_object *object, const Elf64_Sym *symbol, int section)
{
	return ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_shndx == section;
}

static int add_programs(struct bpf_object *object)
{
	int section;
	size_t i;

	for (section = 1; section < object->ehdr->e_shnum; section++) {
		const Elf64_Shdr *shdr = &object->sections[section];
		const char *name = bpf_section_name(object, section);
		enum bpf_prog_type type;

		if (!(shdr->sh_flags & SHF_EXECINSTR) || shdr->sh_type != SHT_PROGBITS || !shdr->sh_size ||
		    !strcmp(name, ".text"))
			continue;
		if (shdr->sh_size % INSN_SIZE)
			return refuse(object, "section %s: %lu bytes are no whole number of instructions", name,
				      (unsigned long)shdr->sh_size);
		if (!bpf_section_type(name, &type))
			return refuse(object, "section %s: unknown kind of program; known are kprobe/FUNCTION, "
				      "kretprobe/FUNCTION, tracepoint/GROUP/EVENT, raw_tracepoint/EVENT, perf_event, socket",
				      name);
		for (i = 0; i < object->symbol_count; i++) {
			const Elf64_Sym *symbol = &object->symbols[i];
			struct bpf_program *programs, *program;

			if (!is_function(object, symbol, section) || ELF64_ST_BIND(symbol->st_info) == STB_LOCAL)
				continue;
			if (symbol->st_value % INSN_SIZE || symbol->st_size % INSN_SIZE || !symbol->st_size ||
			    symbol->st_value > shdr->sh_size || symbol->st_size > shdr->sh_size - symbol->st_value)
				return refuse(object, "program %s is not inside its section", symbol_name(object, symbol));
			programs = realloc(object->programs, (object->program_count + 1) * sizeof(*programs));
			if (!programs)
				return bpf_object_error(object, "out of memory");
			object->programs = programs;
			program = &programs[object->program_count++];
			memset(program, 0, sizeof(*program));
			program->object = object;
			program->name = symbol_name(object, symbol);
			program->section_name = name;
			program->section = section;
			program->offset = symbol->st_value;
			program->size = symbol->st_size;
			program->type = type;
			program->fd = -1;
			program->event_fd = -1;
		}
	}
	return object->program_count ? 0 : refuse(object, "no programs in it");
}

static int read_license(struct bpf_object *object)
{
	bool found = false;
	int i;

	for (i = 1; i < object->ehdr->e_shnum; i++) {
		const Elf64_Shdr *shdr = &object->sections[i];
		const char *name = bpf_section_name(object, i);
		size_t size = shdr->sh_size;

		if (shdr->sh_type != SHT_PROGBITS)
			continue;
		if (!strcmp(name, "license")) {
			if (size >= sizeof(object->license))
				size = sizeof(object->license) - 1;
			memcpy(object->license, bpf_section_data(object, i), size);
			found = true;
		} else if (!strcmp(name, "version") && size == sizeof(object->kern_version)) {
			memcpy(&object->kern_version, bpf_section_data(object, i), size);
		}
	}
	if (!found)
		return refuse(object, "no license section; a program says its licence with "
			      "char _license[] SEC(\"license\") = \"GPL\";");
	return 0;
}

static unsigned char *read_file(struct bpf_object *object)
{
	int fd = open(object->path, O_RDONLY | O_CLOEXEC);
	unsigned char *data = NULL;
	struct stat st;
	size_t at = 0;
	ssize_t got = -1;

	if (fd < 0 || fstat(fd, &st)) {
		bpf_object_error(object, "cannot be opened: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	data = malloc(st.st_size + 1);
	while (data && at < (size_t)st.st_size && (got = read(fd, data + at, st.st_size - at)) > 0)
		at += got;
	close(fd);
	if (!data || (at < (size_t)st.st_size && got < 0)) {
		bpf_object_error(object, "cannot be read: %s", strerror(errno));
		free(data);
		return NULL;
	}
	object->size = at;
	return data;
}

struct bpf_object *bpf_object_open(const char *path)
{
	struct bpf_object *object = calloc(1, sizeof(*object));

	if (!object)
		return NULL;
	object->path = strdup(path);
	object->data = read_file(object);
	if (!object->data || check_elf(object) || find_symbols(object) || read_license(object) ||
	    add_maps(object) || add_programs(object) || bpf_btf_check_core_relocations(object)) {
		int saved = errno;

		bpf_object_close(object);
		errno = saved;
		return NULL;
	}
	return object;
}

/* ---- putting a program together ---- */

/* A program under construction: its own function, then the functions that it calls, each once. */
struct assembly {
	struct bpf_object *object;
	const struct bpf_program *program;
	struct bpf_insn *insns;
	size_t count;
	struct piece {
		int section;
		size_t offset, size;	/* bytes in the section */
		size_t start;		/* slot in insns */
	} *pieces;
	size_t piece_count;
};

static int add_piece(struct assembly *a, int section, size_t offset, size_t size)
{
	struct piece *pieces = realloc(a->pieces, (a->piece_count + 1) * sizeof(*pieces));
	struct bpf_insn *insns = realloc(a->insns, (a->count + size / INSN_SIZE) * INSN_SIZE);

	if (pieces)
		a->pieces = pieces;
	if (insns)
		a->insns = insns;
	if (!pieces || !insns)
		return bpf_object_error(a->object, "out of memory");
	a->pieces[a->piece_count++] = (struct piece){ section, offset, size, a->count };
	memcpy(a->insns + a->count, bpf_section_data(a->object, section) + offset, size);
	a->count += size / INSN_SIZE;
	return 0;
}

/* The slot at which the function at @section, @offset stands; it is added if it is not there yet. -1 after a message. */
static long function_slot(struct assembly *a, int section, size_t offset)
{
	const struct bpf_object *object = a->object;
	size_t i;

	for (i = 0; i < a->piece_count; i++)
		if (a->pieces[i].section == section && a->pieces[i].offset == offset)
			return a->pieces[i].start;
	for (i = 0; i < object->symbol_count; i++) {
		const Elf64_Sym *symbol = &object->symbols[i];
		const Elf64_Shdr *shdr = &object->sections[section];

		if (!is_function(object, symbol, section) || symbol->st_value != offset)
			continue;
		if (symbol->st_size % INSN_SIZE || !symbol->st_size || symbol->st_value % INSN_SIZE ||
		    symbol->st_value > shdr->sh_size || symbol->st_size > shdr->sh_size - symbol->st_value)
			break;
		if (add_piece(a, section, offset, symbol->st_size))
			return -1;
		return a->pieces[a->piece_count - 1].start;
	}
	return refuse(object, "program %s: it calls something at %s+%lu that is no function", a->program->name,
		      bpf_section_name(object, section), (unsigned long)offset);
}

static const struct bpf_map_definition *map_at(const struct bpf_object *object, int section, size_t offset)
{
	int i;

	for (i = 0; i < object->map_count; i++) {
		const struct bpf_map_definition *map = &object->maps[i];

		if (map->section == section && (map->is_data || map->offset == offset))
			return map;
	}
	return NULL;
}

static int relocate_load(struct assembly *a, size_t slot, const Elf64_Sym *symbol)
{
	struct bpf_insn *insn = &a->insns[slot];
	const char *name = symbol_name(a->object, symbol);
	const struct bpf_map_definition *map;
	size_t offset = symbol->st_value + (unsigned int)insn->imm;

	if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx >= a->object->ehdr->e_shnum)
		return refuse(a->object, "program %s: %s is not defined in this file", a->program->name, name);
	if (a->object->sections[symbol->st_shndx].sh_flags & SHF_EXECINSTR) {
		long target = function_slot(a, symbol->st_shndx, offset);

		if (target < 0)
			return -1;
		insn = &a->insns[slot];
		insn->src_reg = BPF_PSEUDO_FUNC;
		insn->imm = target - slot - 1;
		return 0;
	}
	map = map_at(a->object, symbol->st_shndx, offset);
	if (!map)
		return refuse(a->object, "program %s: %s in section %s is neither a map nor a variable", a->program->name, name,
			      bpf_section_name(a->object, symbol->st_shndx));
	insn->imm = map->fd;
	insn->src_reg = map->is_data ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD;
	insn[1].imm = map->is_data ? (int)offset : 0;
	return 0;
}

static int relocate_call(struct assembly *a, size_t slot, int section, size_t target_offset)
{
	long target = function_slot(a, section, target_offset);

	if (target < 0)
		return -1;
	a->insns[slot].imm = target - slot - 1;
	return 0;
}

/* Applies one relocation that falls into @piece. */
static int relocate(struct assembly *a, const struct piece *piece, const Elf64_Rel *rel)
{
	size_t slot = piece->start + (rel->r_offset - piece->offset) / INSN_SIZE;
	const struct bpf_insn *insn = &a->insns[slot];
	const Elf64_Sym *symbol;

	if (ELF64_R_SYM(rel->r_info) >= a->object->symbol_count)
		return refuse(a->object, "a relocation has no symbol");
	symbol = &a->object->symbols[ELF64_R_SYM(rel->r_info)];
	switch (ELF64_R_TYPE(rel->r_info)) {
	case R_BPF_64_64:
		if (insn->code != (BPF_LD | BPF_IMM | BPF_DW) || slot + 1 >= a->count)
			break;
		return relocate_load(a, slot, symbol);
	case R_BPF_64_32:
		if (insn->code != (BPF_JMP | BPF_CALL))
			break;
		if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx >= a->object->ehdr->e_shnum)
			return refuse(a->object, "program %s: function %s is not defined in this file", a->program->name,
				      symbol_name(a->object, symbol));
		if (ELF64_ST_TYPE(symbol->st_info) == STT_SECTION)
			return relocate_call(a, slot, symbol->st_shndx, symbol->st_value + (insn->imm + 1) * (long)INSN_SIZE);
		return relocate_call(a, slot, symbol->st_shndx, symbol->st_value);
	}
	return refuse(a->object, "program %s: relocation of type %lu at instruction %lu is not understood", a->program->name,
		      (unsigned long)ELF64_R_TYPE(rel->r_info), (unsigned long)slot);
}

/* Applies the relocations of one piece, then the calls inside its section, which have none. */
static int relocate_piece(struct assembly *a, size_t index)
{
	struct piece piece = a->pieces[index];
	const struct bpf_object *object = a->object;
	size_t slots = piece.size / INSN_SIZE, slot;
	unsigned char *done = calloc(1, slots);
	int section;

	if (!done)
		return bpf_object_error(object, "out of memory");
	for (section = 1; section < object->ehdr->e_shnum; section++) {
		const Elf64_Shdr *shdr = &object->sections[section];
		const Elf64_Rel *rel = (const void *)bpf_section_data(object, section);
		size_t i;

		if (shdr->sh_type != SHT_REL || (int)shdr->sh_info != piece.section)
			continue;
		for (i = 0; i < shdr->sh_size / sizeof(*rel); i++) {
			if (rel[i].r_offset < piece.offset || rel[i].r_offset >= piece.offset + piece.size)
				continue;
			done[(rel[i].r_offset - piece.offset) / INSN_SIZE] = 1;
			if (relocate(a, &piece, &rel[i]))
				goto fail;
		}
	}
	for (slot = 0; slot < slots; slot++) {
		const struct bpf_insn *insn = &a->insns[piece.start + slot];
		long target;

		if (insn->code == (BPF_LD | BPF_IMM | BPF_DW)) {
			slot++;
			continue;
		}
		if (done[slot] || insn->code != (BPF_JMP | BPF_CALL) || insn->src_reg != BPF_PSEUDO_CALL)
			continue;
		target = (long)(piece.offset + slot * INSN_SIZE) + (insn->imm + 1L) * (long)INSN_SIZE;
		if (target < 0 || relocate_call(a, piece.start + slot, piece.section, target))
			goto fail;
	}
	free(done);
	return 0;
fail:
	free(done);
	return -1;
}

/* The number of the running kernel, which kernels before 5.0 wanted to see. */
static unsigned int running_version(void)
{
	unsigned int part[3] = { 0, 0, 0 };
	struct utsname name;
	char *at = name.release;

	if (uname(&name))
		return 0;
	for (int i = 0; i < 3; i++) {
		part[i] = strtoul(at, &at, 10);
		if (*at != '.')
			break;
		at++;
	}
	return part[0] << 16 | part[1] << 8 | (part[2] > 255 ? 255 : part[2]);
}

static int load_insns(struct bpf_program *program, const struct bpf_insn *insns, size_t count, char *log)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = program->type;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = count;
	attr.license = (unsigned long)program->object->license;
	attr.kern_version = program->object->kern_version ? program->object->kern_version : running_version();
	strncpy(attr.prog_name, program->name, sizeof(attr.prog_name) - 1);
	if (log) {
		attr.log_level = 1;
		attr.log_buf = (unsigned long)log;
		attr.log_size = LOG_SIZE;
		log[0] = '\0';
	}
	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* Says why the kernel refused, in the kernel's own words. */
static int explain_refusal(struct bpf_program *program, const struct bpf_insn *insns, size_t count)
{
	int error = errno;
	char *log = malloc(LOG_SIZE);

	if (log && load_insns(program, insns, count, log) < 0 && log[0])
		fprintf(stderr, "%s", log);
	free(log);
	errno = error;
	return bpf_object_error(program->object, "program %s (%s) was refused: %s", program->name, program->section_name,
				strerror(error));
}

static int load_program(struct bpf_program *program)
{
	struct assembly a = { .object = program->object, .program = program };
	int err = add_piece(&a, program->section, program->offset, program->size);
	size_t i;

	for (i = 0; !err && i < a.piece_count; i++)
		err = relocate_piece(&a, i);
	if (!err) {
		program->fd = load_insns(program, a.insns, a.count, NULL);
		if (program->fd < 0)
			err = explain_refusal(program, a.insns, a.count);
	}
	free(a.insns);
	free(a.pieces);
	return err;
}

static int create_map(struct bpf_object *object, struct bpf_map_definition *map)
{
	unsigned int zero = 0;
	union bpf_attr attr;

	if (map->type == BPF_MAP_TYPE_PERF_EVENT_ARRAY && !map->max_entries)
		map->max_entries = 1;	/* one for each processor */
	map->fd = bpf_map_create(map->type, map->is_data ? map->name + 1 : map->name, map->key_size, map->value_size,
				 map->max_entries, map->flags);
	if (map->fd < 0)
		return bpf_object_error(object, "map %s (type %d, key %u, value %u, %u entries, flags %#x) was refused: %s",
					map->name, map->type, map->key_size, map->value_size, map->max_entries, map->flags,
					strerror(errno));
	if (map->initial && bpf_map_update_elem(map->fd, &zero, map->initial, 0))
		return bpf_object_error(object, "map %s cannot be filled: %s", map->name, strerror(errno));
	if (map->is_data && (map->flags & BPF_F_RDONLY_PROG)) {
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = map->fd;
		if (sys_bpf(BPF_MAP_FREEZE, &attr, sizeof(attr)))
			return bpf_object_error(object, "map %s cannot be frozen: %s", map->name, strerror(errno));
	}
	return 0;
}

int bpf_object_load(struct bpf_object *object)
{
	int i;

	for (i = 0; i < object->map_count; i++)
		if (create_map(object, &object->maps[i]))
			return -1;
	for (i = 0; i < object->program_count; i++)
		if (load_program(&object->programs[i]))
			return -1;
	return 0;
}

int bpf_object_attach(struct bpf_object *object)
{
	int i;

	for (i = 0; i < object->program_count; i++)
		if (bpf_program_attach(&object->programs[i], NULL))
			return -1;
	return 0;
}

void bpf_object_close(struct bpf_object *object)
{
	int i;

	for (i = 0; i < object->program_count; i++) {
		bpf_program_detach(&object->programs[i]);
		if (object->programs[i].fd >= 0)
			close(object->programs[i].fd);
	}
	for (i = 0; i < object->map_count; i++)
		if (object->maps[i].fd >= 0)
			close(object->maps[i].fd);
	free(object->programs);
	free(object->maps);
	free((void *)object->data);
	free((void *)object->path);
	free(object);
}

struct bpf_program *bpf_object_find_program(struct bpf_object *object, const char *name)
{
	int i;

	for (i = 0; i < object->program_count; i++)
		if (!strcmp(object->programs[i].name, name))
			return &object->programs[i];
	errno = ENOENT;
	return NULL;
}

struct bpf_program *bpf_object_next_program(struct bpf_object *object, struct bpf_program *previous)
{
	int next = previous ? previous - object->programs + 1 : 0;

	return next < object->program_count ? &object->programs[next] : NULL;
}

int bpf_object_map_fd(const struct bpf_object *object, const char *name)
{
	int i;

	for (i = 0; i < object->map_count; i++)
		if (!strcmp(object->maps[i].name, name))
			return object->maps[i].fd;
	errno = ENOENT;
	return -1;
}

const char *bpf_program_name(const struct bpf_program *program)
{
	return program->name;
}

const char *bpf_program_section(const struct bpf_program *program)
{
	return program->section_name;
}

int bpf_program_fd(const struct bpf_program *program)
{
	return program->fd;
}
