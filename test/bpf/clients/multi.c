// SPDX-License-Identifier: MIT
/*
 * A client of libbpf that attaches one program to many functions: by pattern, by name, by address, with cookies, to returns;
 * what is refused; and an override through such a link. Addresses are shown as the names of their functions.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "multi.skel.h"

static struct multi_bpf *multi;

static unsigned long address_of(const char *wanted)
{
	FILE *symbols = fopen("/proc/kallsyms", "r");
	unsigned long address, found = 0;
	char type, name[512], line[1024];

	while (symbols && fgets(line, sizeof(line), symbols))
		if (sscanf(line, "%lx %c %511s", &address, &type, name) == 3 && !strcmp(name, wanted))
			found = address;
	if (symbols)
		fclose(symbols);
	return found;
}

static const char *name_at(unsigned long wanted)
{
	FILE *symbols = fopen("/proc/kallsyms", "r");
	static char name[512];
	char type, line[1024], found[512] = "?";
	unsigned long address;

	while (symbols && fgets(line, sizeof(line), symbols))
		if (sscanf(line, "%lx %c %511s", &address, &type, name) == 3 && address == wanted)
			strcpy(found, name);
	if (symbols)
		fclose(symbols);
	return strcpy(name, found);
}

static void act(const char *what)
{
	unsigned int i;
	int made, removed;

	multi->bss->count = 0;
	made = mkdir("/tmp/multi", 0755);
	removed = rmdir("/tmp/multi");
	printf("%s: mkdir %d, rmdir %d, %u hits\n", what, made, removed, multi->bss->count);
	for (i = 0; i < multi->bss->count; i++)
		printf("  %s cookie=%lu argument=%ld\n", name_at(multi->bss->ips[i]), multi->bss->cookies[i],
		       multi->bss->arguments[i]);
}

static struct bpf_link *attach(const char *what, struct bpf_program *program, const char *pattern,
			       struct bpf_kprobe_multi_opts *options)
{
	struct bpf_link *link = bpf_program__attach_kprobe_multi_opts(program, pattern, options);

	if (!link)
		printf("%s: %s\n", what, strerror(errno));
	return link;
}

static void describe(struct bpf_link *link)
{
	struct bpf_link_info info = { };
	__u32 length = sizeof(info);
	char path[64], line[256];
	FILE *fdinfo;

	printf("info: %d", bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &length));
	printf(" type=%u\n", info.type);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", bpf_link__fd(link));
	fdinfo = fopen(path, "r");
	while (fdinfo && fgets(line, sizeof(line), fdinfo))
		if (!strncmp(line, "link_type", 9))
			printf("%s", line);
	if (fdinfo)
		fclose(fdinfo);
	printf("update: %d", bpf_link_update(bpf_link__fd(link), bpf_program__fd(multi->progs.on_entry), NULL));
	printf(" %s\n", strerror(errno));
	printf("detach: %d", bpf_link_detach(bpf_link__fd(link)));
	printf(" %s\n", strerror(errno));
}

int main(void)
{
	const char *names[] = { "vfs_rmdir", "vfs_mkdir", "do_mkdirat" };
	const char *missing[] = { "vfs_rmdir", "no_such_function" }, *twice[] = { "vfs_rmdir", "vfs_rmdir" };
	unsigned long addresses[3], inside;
	__u64 cookies[] = { 11, 22, 33 };
	LIBBPF_OPTS(bpf_kprobe_multi_opts, options);
	struct bpf_link *link;
	int i;

	setvbuf(stdout, NULL, _IONBF, 0);
	multi = multi_bpf__open();
	if (!multi)
		return 1;
	multi->rodata->wanted_tgid = getpid();
	if (multi_bpf__load(multi)) {
		printf("load: %s\n", strerror(errno));
		return 1;
	}
	link = bpf_program__attach(multi->progs.on_pattern);
	if (!link)
		printf("pattern: %s\n", strerror(errno));
	act("by pattern");
	if (link)
		describe(link);
	bpf_link__destroy(link);

	options.syms = names;
	options.cnt = 3;
	options.cookies = cookies;
	link = attach("names", multi->progs.on_entry, NULL, &options);
	act("by name");
	bpf_link__destroy(link);

	for (i = 0; i < 3; i++)
		addresses[i] = address_of(names[i]);
	options.syms = NULL;
	options.addrs = addresses;
	link = attach("addresses", multi->progs.on_entry, NULL, &options);
	act("by address");
	bpf_link__destroy(link);

	options.retprobe = true;
	link = attach("returns", multi->progs.on_return, NULL, &options);
	act("returns");
	bpf_link__destroy(link);
	options.retprobe = false;

	inside = addresses[0] + 7;
	options.addrs = &inside;
	options.cnt = 1;
	options.cookies = NULL;
	bpf_link__destroy(attach("inside a function", multi->progs.on_entry, NULL, &options));
	options.addrs = NULL;
	options.syms = missing;
	options.cnt = 2;
	bpf_link__destroy(attach("a name that is missing", multi->progs.on_entry, NULL, &options));
	options.syms = twice;
	bpf_link__destroy(attach("a name given twice", multi->progs.on_entry, NULL, &options));
	options.syms = NULL;
	options.cnt = 0;
	bpf_link__destroy(attach("a pattern without a match", multi->progs.on_entry, "no_such_*", &options));
	bpf_link__destroy(attach("neither", multi->progs.on_entry, NULL, &options));

	options.syms = names;
	options.cnt = 1;
	bpf_link__destroy(attach("an override of what must not fail", multi->progs.fail, NULL, &options));
	names[0] = "open_ctree";
	link = attach("an override", multi->progs.fail, NULL, &options);
	printf("mount: %d", mount("/dev/vda", "/mnt", "btrfs", MS_RDONLY, NULL));
	printf(" %s\n", strerror(errno));
	bpf_link__destroy(link);
	i = mount("/dev/vda", "/mnt", "btrfs", MS_RDONLY, NULL);
	printf("mount again: %d\n", i);
	umount("/mnt");
	multi_bpf__destroy(multi);
	return 0;
}
