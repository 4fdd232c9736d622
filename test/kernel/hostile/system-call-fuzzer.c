// SPDX-License-Identifier: MIT
/*
 * system-call-fuzzer SEED CHILDREN CALLS: children that make system calls by chance, with arguments that mean something
 * often enough to get far: descriptors of many kinds, names, addresses that are good, read-only, not there, the kernel's.
 * The kernel must live; what the calls answer does not matter. Prints how many calls were made.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t state;

/* xorshift64*: the same everywhere. */
static uint64_t next(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 2685821657736338717ULL;
}

static unsigned int below(unsigned int n)
{
	return (next() >> 33) % n;
}

#define AREA (64 * 4096)
static char *writable, *read_only, *unmapped;
static volatile long *calls;

static const char *const names[] = {
	"a", "b", "d", "d/a", "link", "loop", "fifo", ".", "..", "/", "", "d/../a", "/proc/self/maps", "/proc/self/mem",
	"/proc/self/fd/3", "/proc/self/stat", "/proc/1/status", "/proc/self/comm", "/dev/null", "/dev/zero", "/dev/full",
	"/dev/urandom", "/dev/kmsg", "/dev/tty", "/tmp", "/proc", "/sys/kernel/debug", "/sys/kernel/tracing/events",
	"/proc/sys/kernel/hostname", "/nothing/there", "socket", "tmpfs", "proc", "btrfs", "debugfs", "/dev/vda", "/proc/self/task/1", "/proc/self/exe", "d/d/d",
};

static uint64_t address(void)
{
	switch (below(10)) {
	case 0: return 0;
	case 1: return below(4096);
	case 2: return (uint64_t)unmapped + below(AREA);
	case 3: return (uint64_t)read_only + below(AREA);
	case 4: return 0xffffffff81000000 + below(1 << 22);
	case 5: return 0xffff888000000000 + below(1 << 28);
	case 6: return next();
	case 7: return (uint64_t)writable + AREA - below(64);	/* ends where nothing is */
	default: return (uint64_t)writable + below(AREA - 4096) / 8 * 8;
	}
}

static uint64_t name(void)
{
	char *at = writable + below(32) * 64;

	strcpy(at, names[below(sizeof(names) / sizeof(*names))]);
	return (uint64_t)at;
}

/* Something with small and large numbers and addresses in it, as structures have. */
static uint64_t structure(void)
{
	uint64_t *at = (uint64_t *)(writable + 8192 + below(64) * 256);

	for (int i = 0; i < 16; i++)
		at[i] = below(3) == 0 ? 0 : below(3) == 0 ? below(100) : below(4) == 0 ? address() : below(4) == 0 ? name() : next() >> below(64);
	return (uint64_t)at;
}

static uint64_t argument(void)
{
	static const uint64_t special[] = {
		0, 1, 2, 7, 8, 16, 64, 127, 128, 255, 256, 511, 512, 4095, 4096, 4097, 65535, 65536, 0x7fffffff, 0x80000000,
		0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, ~0ULL, ~0ULL - 1, ~0ULL - 4095, AT_FDCWD, 1ULL << 47,
	};

	switch (below(12)) {
	case 0: case 1: return below(40);	/* a descriptor, a signal, a size */
	case 2: return special[below(sizeof(special) / sizeof(*special))];
	case 3: return 1ULL << below(64);
	case 4: return next() >> below(64);
	case 5: case 6: return name();
	case 7: case 8: return structure();
	case 9: return below(8192);
	default: return address();
	}
}

/* Calls that would end the test rather than test: they get away or stop everything. */
static int excluded(long number)
{
	switch (number) {
	case SYS_reboot: case SYS_exit: case SYS_exit_group: case SYS_pause: case SYS_vfork: case SYS_fork: case SYS_clone:
	case SYS_clone3: case SYS_rt_sigreturn: case SYS_kill: case SYS_tkill: case SYS_tgkill: case SYS_rt_sigqueueinfo:
	case SYS_rt_tgsigqueueinfo: case SYS_pidfd_send_signal: case SYS_rt_sigsuspend:
		return 1;
	}
	return 0;
}

static void nothing(int signal)
{
}

static void prepare(int number)
{
	char directory[40];
	struct sigaction action = { .sa_handler = nothing };
	struct itimerval timer = { { 0, 20000 }, { 0, 20000 } };
	struct rlimit memory = { 64 << 20, 64 << 20 }, files = { 1 << 20, 1 << 20 };
	int fds[2];

	sprintf(directory, "/tmp/fuzz-%d", number);
	mkdir(directory, 0777);
	chdir(directory);
	mkdir("d", 0777);
	close(open("a", O_RDWR | O_CREAT, 0644));
	symlink("a", "link"), symlink("loop", "loop"), mkfifo("fifo", 0666), mknod("socket", S_IFSOCK | 0666, 0);
	/* Descriptors from 3 on: of every kind there is. */
	open("a", O_RDWR), open(".", O_RDONLY), pipe2(fds, O_NONBLOCK), pipe(fds), epoll_create1(0), eventfd(1, EFD_NONBLOCK);
	open("/dev/null", O_RDWR), open("/dev/zero", O_RDWR), open("fifo", O_RDWR | O_NONBLOCK), open("a", O_PATH);
	open("/proc/self/maps", O_RDONLY), open("/proc", O_RDONLY), memfd_create("m", 0), syscall(SYS_pidfd_open, getpid(), 0);
	syscall(SYS_timerfd_create, CLOCK_MONOTONIC, O_NONBLOCK), open("/sys/kernel/tracing/trace", O_RDWR);
	open("/dev/kmsg", O_RDWR | O_NONBLOCK);
	int pair[2];
	for (int type = 1; type <= 5; type += type == 1 ? 1 : 3)
		syscall(SYS_socketpair, 1, type | O_NONBLOCK, 0, pair), syscall(SYS_socket, 1, type, 0);
	/* Nothing of it on the console. */
	for (int i = 0; i < 3; i++)
		dup2(open("/dev/null", O_RDWR), i);
	/* A call that waits is interrupted: without SA_RESTART. */
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	setrlimit(RLIMIT_AS, &memory);
	setrlimit(RLIMIT_FSIZE, &files);
	signal(SIGXFSZ, SIG_IGN), signal(SIGPIPE, SIG_IGN);
}

static void fuzz(int number, int count)
{
	const int last = 452;

	prepare(number);
	for (int i = 0; i < count; i++) {
		long call = below(50) ? below(last) : (long)next();
		uint64_t a[6];

		for (int j = 0; j < 6; j++)
			a[j] = argument();
		if (excluded(call))
			continue;
		/* An alarm(2) or setitimer(2) of the calls' own must not leave a call waiting for ever. */
		if (call == SYS_alarm || call == SYS_setitimer || call == SYS_rt_sigaction || call == SYS_rt_sigprocmask)
			continue;
		if (call == SYS_prlimit64)
			a[0] = 0;	/* not the parent's */
		if (call == SYS_nanosleep || call == SYS_clock_nanosleep)
			a[3] = 0;
		(*calls)++;
		syscall(call, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	int children = argc > 2 ? atoi(argv[2]) : 10, count = argc > 3 ? atoi(argv[3]) : 1000;
	struct rlimit none = { 0, 0 };
	int verbose = argc > 4;

	calls = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unmapped = mmap(NULL, 2 * AREA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + AREA;
	munmap(unmapped, AREA);
	writable = mmap(unmapped - AREA, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	read_only = mmap(NULL, AREA, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	setrlimit(RLIMIT_CORE, &none);
	for (int i = 0; i < children; i++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			setsid();
			state = (seed * 1000 + i) * 0x9e3779b97f4a7c15ULL + 1;
			fuzz(i, count);
		}
		/* Whom a seccomp, a stop or a wait for nothing keeps gets killed. */
		for (int ms = 0;; ms++) {
			struct timespec time = { 0, 1000000 };

			if (waitpid(child, &status, WNOHANG) == child)
				break;
			if (ms > 3000)
				kill(child, SIGKILL);
			nanosleep(&time, NULL);
		}
		if (verbose)
			printf("child %d: %#x, %ld calls\n", i, status, *calls), fflush(stdout);
	}
	printf("%s\n", *calls > children * count / 20 ? "alive after many calls" : "too few calls");
	return 0;
}
