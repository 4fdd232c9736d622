// SPDX-License-Identifier: MIT
/* mmap and its relatives, as /proc/self/maps shows them. */
#include "report.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char *base;

/* Prints the mappings from base on, relative to it. */
static void show_maps(size_t length)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[300], mode[5], name[200];
	unsigned long start, end, offset, inode;
	unsigned int major, minor;

	while (fgets(line, sizeof(line), maps)) {
		name[0] = 0;
		sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %199[^\n]", &start, &end, mode, &offset, &major, &minor, &inode, name);
		if (end > (unsigned long)base && start < (unsigned long)base + length)
			say("  %lx-%lx %s %lx %s", start < (unsigned long)base ? 0 : start - (long)base, end - (long)base, mode, offset, name);
	}
	fclose(maps);
}

static sigjmp_buf back;

static void jump(int signal)
{
	siglongjmp(back, signal);
}

/* The byte at an address, or the signal. */
static void peek(const char *what, volatile char *at)
{
	int signal = sigsetjmp(back, 1);

	if (signal)
		say("%s: signal %d", what, signal);
	else
		say("%s: %d", what, *at);
}

static void poke(const char *what, volatile char *at, char value)
{
	int signal = sigsetjmp(back, 1);

	if (signal)
		say("%s: signal %d", what, signal);
	else
		*at = value, say("%s: done", what);
}

#define OFFSET(call) (errno = 0, show(#call, ({ long a_ = (long)(call); a_ == -1 ? -1 : a_ - (long)base; })))
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

FAMILY(mmaps)
{
	const int rw = PROT_READ | PROT_WRITE;
	int fd;
	char byte;

	signal(SIGSEGV, jump), signal(SIGBUS, jump);
	base = mmap(NULL, 0x40000, PROT_NONE, ANON, -1, 0);
	OFFSET(mmap(base, 0x4000, rw, ANON | MAP_FIXED, -1, 0));
	OFFSET(mmap(base + 0x8000, 0x2000, PROT_READ, ANON | MAP_FIXED, -1, 0));
	OFFSET(mmap(base + 0x2000, 0x1000, rw, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	OFFSET(mmap(base + 0x2000, 0x1000, rw, MAP_ANONYMOUS, -1, 0));
	OFFSET(mmap(base + 0x2001, 0x1000, rw, ANON | MAP_FIXED, -1, 0));
	OFFSET(mmap(NULL, 0, rw, ANON, -1, 0));
	OFFSET(mmap(NULL, 0x1000, rw, MAP_PRIVATE, 99, 0));
	OFFSET(mmap(NULL, 0x1000, rw, MAP_PRIVATE, 0, 1));
	OFFSET(mmap(NULL, 1UL << 48, rw, ANON, -1, 0));
	OFFSET(mmap((void *)(1UL << 47), 0x1000, rw, ANON | MAP_FIXED, -1, 0));
	OFFSET(mmap(NULL, 0x1000, rw, ANON | MAP_SHARED, -1, 0));
	show_maps(0x40000);
	poke("poke", base + 0x1000, 5);
	SHOW(munmap(base + 0x1000, 0x1000));
	SHOW(munmap(base + 0x1001, 0x1000));
	SHOW(munmap(base + 0x1000, 0));
	SHOW(munmap((void *)(1UL << 47), 0x1000));
	peek("unmapped", base + 0x1000);
	peek("zero", base + 0x2000);
	SHOW(mprotect(base, 0x1000, PROT_READ));
	SHOW(mprotect(base, 0x3000, PROT_READ));
	SHOW(mprotect(base + 1, 0x1000, PROT_READ));
	SHOW(mprotect(base, 0x1000, 0x100));
	SHOW(mprotect(base, 0x1000, PROT_READ | PROT_GROWSDOWN));
	SHOW(mprotect(base + 0x2000, 0x1000, PROT_READ | PROT_EXEC));
	show_maps(0x40000);
	poke("read-only", base, 1);
	poke("still writable", base + 0x3000, 1);

	fd = open("file", O_RDWR | O_CREAT, 0644);
	for (int i = 0; i < 0x2800 / 16; i++)
		write(fd, "0123456789abcdef", 16);
	OFFSET(mmap(base + 0x10000, 0x4000, rw, MAP_SHARED | MAP_FIXED, fd, 0));
	OFFSET(mmap(base + 0x14000, 0x4000, rw, MAP_PRIVATE | MAP_FIXED, fd, 0x1000));
	OFFSET(mmap(NULL, 0x4000, rw, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0));
	OFFSET(mmap(NULL, 0x4000, rw, 0x4, fd, 0));
	poke("shared", base + 0x10003, 'S');
	poke("private", base + 0x14003, 'P');
	SHOW(pread(fd, &byte, 1, 3));
	VALUE(byte);
	SHOW(pread(fd, &byte, 1, 0x1003));
	VALUE(byte);
	SHOW(pwrite(fd, "Q", 1, 0x1004));
	peek("private page, written before", base + 0x14004);
	SHOW(pwrite(fd, "R", 1, 0x2004));
	peek("private page, not yet written", base + 0x15004);
	peek("tail of the last page", base + 0x12900);
	poke("tail of the last page", base + 0x12900, 'T');
	peek("beyond", base + 0x13000);
	SHOW(ftruncate(fd, 0x1000));
	peek("truncated, shared", base + 0x11000);
	peek("truncated, private written page", base + 0x14003);
	SHOW(ftruncate(fd, 0x4000));
	peek("grown", base + 0x12900);
	peek("grown", base + 0x13000);
	SHOW(read(fd, base + 0x8000, 10));
	SHOW(lseek(fd, 0, SEEK_SET));
	SHOW(read(fd, base + 0x8000, 10));
	SHOW(write(fd, base + 0x20000, 10));
	SHOW(msync(base + 0x10000, 0x4000, MS_SYNC));
	SHOW(msync(base + 0x10000, 0x4000, MS_SYNC | MS_ASYNC));
	SHOW(msync(base + 0x10001, 0x4000, MS_SYNC));
	SHOW(msync(base, 0x4000, MS_ASYNC));
	show_maps(0x40000);
	int read_only = open("file", O_RDONLY);
	OFFSET(mmap(NULL, 0x1000, rw, MAP_SHARED, read_only, 0));
	OFFSET(mmap(base + 0x18000, 0x1000, rw, MAP_PRIVATE | MAP_FIXED, read_only, 0));
	OFFSET(mmap(base + 0x19000, 0x1000, PROT_READ, MAP_SHARED | MAP_FIXED, read_only, 0));
	SHOW(mprotect(base + 0x19000, 0x1000, rw));
	int write_only = open("file", O_WRONLY);
	OFFSET(mmap(NULL, 0x1000, PROT_READ, MAP_PRIVATE, write_only, 0));
	int directory = open(".", O_RDONLY);
	OFFSET(mmap(NULL, 0x1000, PROT_READ, MAP_PRIVATE, directory, 0));
	unlink("file");
	show_maps(0x40000);

	OFFSET(mremap(base + 0x2000, 0x2000, 0x1000, 0));
	OFFSET(mremap(base + 0x8000, 0x2000, 0x3000, 0));
	SHOW(munmap(base + 0xa000, 0x2000));
	OFFSET(mremap(base + 0x8000, 0x2000, 0x3000, 0));
	OFFSET(mremap(base + 0x14000, 0x1000, 0x1000, MREMAP_MAYMOVE | MREMAP_FIXED, base + 0x30000));
	peek("moved", base + 0x30003);
	OFFSET(mremap(base + 0x10000, 0, 0x1000, MREMAP_MAYMOVE | MREMAP_FIXED, base + 0x31000));
	OFFSET(mremap(base + 0x30000, 0x1000, 0x1000, MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED, base + 0x34000));
	OFFSET(mremap(base + 0x30000, 0x1000, 0x1000, MREMAP_FIXED, base + 0x34000));
	OFFSET(mremap(base + 0x30000, 0x1000, 0, MREMAP_MAYMOVE));
	OFFSET(mremap(base + 0x30001, 0x1000, 0x1000, MREMAP_MAYMOVE));
	OFFSET(mremap((void *)0x10000, 0x1000, 0x2000, MREMAP_MAYMOVE));
	OFFSET(mremap(base + 0x30000, 0x1000, 0x1000, 64));
	show_maps(0x40000);

	unsigned char in[8];
	base = mmap(NULL, 0x8000, rw, ANON, -1, 0);
	base[0x1000] = 1;
	SHOW(mincore(base, 0x3000, in));
	say("%d %d %d", in[0] & 1, in[1] & 1, in[2] & 1);
	SHOW(mincore(base + 1, 0x3000, in));
	SHOW(mincore((void *)0x10000, 0x3000, in));
	SHOW(madvise(base, 0x2000, MADV_DONTNEED));
	peek("thrown away", base + 0x1000);
	SHOW(madvise(base, 0x2000, 999));
	SHOW(madvise(base + 1, 0x2000, MADV_NORMAL));
	SHOW(madvise(base, 0x2000, MADV_WILLNEED));
	SHOW(madvise((void *)0x10000, 0x2000, MADV_NORMAL));
	SHOW(mlock(base, 0x1000));
	SHOW(munlock(base, 0x1000));
	SHOW(mlock((void *)0x10000, 0x1000));
	SHOW(mlockall(0));
	SHOW(mlockall(MCL_CURRENT));
	SHOW(munlockall());
	SHOW(syscall(SYS_mlock2, base, 0x1000, 2));
	SHOW(syscall(SYS_mlock2, base, 0x1000, 1));
	SHOW(syscall(SYS_remap_file_pages, base, 0x1000, 0, 0, 0));
	SHOW(madvise(base, 0x1000, MADV_DONTFORK));
	SHOW(madvise(base + 0x1000, 0x1000, MADV_WIPEONFORK));
	base[0x1000] = 9, base[0x2000] = 8;
	SHOW(munlock(base, 0x1000));
	IN_CHILD(peek("wiped in child", base + 0x1000); peek("child", base + 0x2000); peek("not there", base));
}

FAMILY(heap)
{
	char *start = sbrk(0), *old;
	struct rlimit limit = { 1 << 20, 1 << 20 };

	SHOW(brk(start + 0x10000));
	base = (char *)(((unsigned long)start + 4095) & ~4095);
	show_maps(0x10000 - 4096);
	memset(start, 1, 0x10000);
	SHOW(brk(start + 0x1000));
	SHOW((char *)syscall(SYS_brk, 0) == start + 0x1000);
	SHOW((char *)syscall(SYS_brk, 1) == start + 0x1000);
	SHOW((char *)syscall(SYS_brk, -1) == start + 0x1000);
	SHOW(brk(start + 0x2000));
	VALUE(start[0x1fff]);
	setrlimit(RLIMIT_DATA, &limit);
	SHOW((char *)syscall(SYS_brk, start + (8 << 20)) == start + 0x2000);
	SHOW(mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, ANON, -1, 0));
	struct rlimit space = { 64 << 20, 64 << 20 };
	setrlimit(RLIMIT_AS, &space);
	SHOW(mmap(NULL, 128 << 20, PROT_READ, ANON, -1, 0));
	SHOW_OK(mmap(NULL, 16 << 20, PROT_READ, ANON, -1, 0));
}

static __attribute__((noinline)) int deep(int left)
{
	volatile char frame[4096];

	frame[0] = left;
	return left ? deep(left - 1) + frame[0] : 0;
}

FAMILY(stack_growth)
{
	struct rlimit limit = { 0, 0 };

	setrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = limit.rlim_max = 8 << 20;
	setrlimit(RLIMIT_STACK, &limit);
	IN_CHILD(deep(1500); say("6 MB deep"));
	IN_CHILD(deep(3000); say("12 MB deep"));
	limit.rlim_cur = limit.rlim_max = 1 << 20;
	IN_CHILD(setrlimit(RLIMIT_STACK, &limit); deep(1500); say("6 MB deep of 1"));
	base = mmap(NULL, 0x400000, PROT_NONE, ANON, -1, 0);
	munmap(base, 0x400000);
	OFFSET(mmap(base + 0x3ff000, 0x1000, PROT_READ | PROT_WRITE, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0));
	signal(SIGSEGV, jump), signal(SIGBUS, jump);
	poke("below", base + 0x3fe800, 1);
	show_maps(0x400000);
	OFFSET(mmap(base + 0x200000, 0x1000, PROT_READ | PROT_WRITE, ANON | MAP_FIXED, -1, 0));
	poke("far below", base + 0x340000, 1);
	poke("at the guard gap", base + 0x202000, 1);
	show_maps(0x400000);
}
