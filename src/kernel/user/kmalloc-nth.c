// SPDX-License-Identifier: MIT
/*
 * kmalloc-nth N FUNCTION OBJECT DEVICE DIRECTORY
 *
 * Makes one kmalloc() fail: the Nth of those that have FUNCTION on their call stack while DEVICE is mounted. OBJECT is
 * images/kmalloc-nth/kmalloc-nth.bpf.c compiled. N = 0 tries 1, 2, 3 ... until a mount makes fewer than N such calls.
 * Prints what mount returned and the stack of the call that failed. Exit code: 0 if every mount that lost an
 * allocation failed, and the mount without one succeeded.
 */
#include "lib/bpf.h"
#include "lib/faults.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#define DEPTH 16

/* As in kmalloc-nth.bpf.c. */
struct target {
	unsigned long start, end, nth, calls;
	long stack_bytes;
	unsigned long stack[DEPTH];
};

struct symbol {
	unsigned long address;
	char name[64];
};

static struct symbol *symbols;
static size_t nr_symbols;

/* /proc/kallsyms, functions only; it is sorted by address. */
static int read_symbols(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	size_t room = 0, line_size = 0;
	char *line = NULL;

	if (!f) {
		perror("/proc/kallsyms");
		return -1;
	}
	while (getline(&line, &line_size, f) > 0) {
		char *rest, *name;
		unsigned long address = strtoul(line, &rest, 16);

		if (rest[0] != ' ' || (rest[1] | 32) != 't')
			continue;
		name = rest + 3;
		name[strcspn(name, " \t\n")] = '\0';
		if (nr_symbols == room) {
			room = room ? 2 * room : 1024;
			symbols = realloc(symbols, room * sizeof(*symbols));
			if (!symbols)
				return -1;
		}
		symbols[nr_symbols].address = address;
		snprintf(symbols[nr_symbols++].name, sizeof(symbols->name), "%s", name);
	}
	fclose(f);
	free(line);
	return 0;
}

static const struct symbol *symbol_at(unsigned long address)
{
	const struct symbol *best = NULL;

	for (size_t i = 0; i < nr_symbols && symbols[i].address <= address; i++)
		best = &symbols[i];
	return best;
}

/* The bytes of a function: from its symbol to the next. */
static int find_function(const char *name, struct target *target)
{
	for (size_t i = 0; i + 1 < nr_symbols; i++)
		if (!strcmp(symbols[i].name, name)) {
			size_t next = i + 1;

			while (next + 1 < nr_symbols && symbols[next].address == symbols[i].address)
				next++;
			target->start = symbols[i].address;
			target->end = symbols[next].address;
			return 0;
		}
	fprintf(stderr, "kmalloc-nth: no function %s in /proc/kallsyms\n", name);
	return -1;
}

static void print_stack(const struct target *target)
{
	for (long i = 0; i < target->stack_bytes / 8 && target->stack[i]; i++) {
		const struct symbol *symbol = symbol_at(target->stack[i]);

		if (symbol)
			printf("    %s+0x%lx\n", symbol->name, target->stack[i] - symbol->address);
		else
			printf("    0x%lx\n", target->stack[i]);
	}
}

/* One mount with the nth call failing. 1: a call failed and so did mount; 0: no call failed, mounted; -1: anything else. */
static int mount_once(int map, struct target target, const char *device, const char *directory, int verbose)
{
	unsigned int zero = 0;
	int failed, error;

	if (bpf_map_update_elem(map, &zero, &target, BPF_ANY)) {
		perror("map update");
		return -1;
	}
	failed = mount(device, directory, "btrfs", MS_RDONLY, NULL);
	error = errno;
	if (bpf_map_lookup_elem(map, &zero, &target)) {
		perror("map lookup");
		return -1;
	}
	if (!failed)
		umount(directory);
	if (target.stack_bytes && verbose) {
		printf("kmalloc %ld failed:\n", (long)target.nth);
		print_stack(&target);
	}
	printf("%s %ld: mount: %s\n", target.stack_bytes ? "failed kmalloc" : "no kmalloc", (long)target.nth,
	       failed ? strerror(error) : "done");
	if (target.stack_bytes)
		return failed && error == ENOMEM ? 1 : -1;
	return failed ? -1 : 0;
}

/* What the kernel found left allocated after failed mounts and unmounts. */
int main(int argc, char **argv)
{
	struct target target = { 0 };
	struct bpf_object *object;
	int map, ret;

	if (argc != 6) {
		fprintf(stderr, "usage: kmalloc-nth N FUNCTION OBJECT DEVICE DIRECTORY\n");
		return 2;
	}
	if (read_symbols() || find_function(argv[2], &target))
		return 1;
	object = bpf_object_open(argv[3]);
	if (!object || bpf_object_load(object))
		return 1;
	map = bpf_object_map_fd(object, "target");
	if (map < 0) {
		fprintf(stderr, "kmalloc-nth: %s has no map \"target\"\n", argv[3]);
		return 1;
	}
	if (bpf_object_attach(object))
		return 1;
	target.nth = strtoul(argv[1], NULL, 10);
	if (target.nth) {
		ret = mount_once(map, target, argv[4], argv[5], 1) == 1 ? 0 : 1;
	} else {
		do {
			target.nth++;
			ret = mount_once(map, target, argv[4], argv[5], 0);
		} while (ret == 1);
	}
	bpf_object_close(object);
	if (ret)
		return 1;
	if (mount(argv[4], argv[5], "btrfs", MS_RDONLY, NULL)) {
		printf("mount after detaching: %s\n", strerror(errno));
		return 1;
	}
	printf("mount after detaching: done\n");
	if (umount(argv[5]))
		return 1;
	printf("objects left allocated: %ld\n", left_allocated());
	return left_allocated() != 0;
}
