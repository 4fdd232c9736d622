// SPDX-License-Identifier: MIT
/*
 * fault-injection DEVICE DIRECTORY
 *
 * The framework of 2006, capability by capability: each call of a system call in turn (fail-nth), one task and its children,
 * by chance, under one function only, copies from user space, futexes, requests to a disk. Exit code: 0 if every fault came where it
 * should and nothing is left allocated.
 */
#include "lib/faults.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEBUGFS "/sys/kernel/debug/"

static const char *device, *directory;
static int wrong;

static void set(const char *path, const char *value)
{
	int error = write_file(path, value);

	if (error) {
		fprintf(stderr, "fault-injection: %s: %s\n", path, strerror(error));
		exit(2);
	}
}

/* Whether this task, not its children, may fail; by a file that was opened when nothing failed. */
static int make_it_fail;

static void may_fail(int may)
{
	if (pwrite(make_it_fail, may ? "1" : "0", 1, 0) != 1)
		perror("/proc/self/make-it-fail");
}

/* "NAME=VALUE NAME=VALUE ..." of a capability. */
static void configure(const char *capability, const char *settings)
{
	char text[160], path[96];

	printf("%s: %s\n", capability, settings);
	snprintf(text, sizeof(text), "%s", settings);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		char *value = strchr(word, '=');

		*value++ = '\0';
		snprintf(path, sizeof(path), DEBUGFS "%s/%s", capability, word);
		set(path, value);
	}
}

static void check(const char *what, int error, int expected)
{
	printf("  %s: %s\n", what, error ? strerror(error) : "succeeds");
	wrong += error != expected;
}

static int try_pipe(void)
{
	int fds[2];

	if (pipe(fds))
		return errno;
	close(fds[0]);
	close(fds[1]);
	return 0;
}

static int try_mount(void)
{
	if (mount(device, directory, "btrfs", MS_RDONLY, NULL))
		return errno;
	umount(directory);
	return 0;
}

/* Documentation/fault-injection: 1, 2, 3 ... until a call makes no such request any more. */
static void each_call(void)
{
	char text[16];
	int fd = open("/proc/self/fail-nth", O_RDWR), error, left;

	printf("fail-nth: pipe(2)\n");
	for (int nth = 1; nth < 100; nth++) {
		snprintf(text, sizeof(text), "%d", nth);
		pwrite(fd, text, strlen(text), 0);
		error = try_pipe();
		/* To hand out the number is a request, too: if that one fails, the call has made fewer. */
		memset(text, 0, sizeof(text));
		left = pread(fd, text, sizeof(text) - 1, 0) < 0 || atoi(text);
		if (left) {
			pwrite(fd, "0", 1, 0);
			printf("  there is no request %d\n", nth);
			wrong += error || nth < 4;
			break;
		}
		printf("  request %d fails: %s\n", nth, error ? strerror(error) : "pipe does without");
	}
	close(fd);
}

static void some_tasks(void)
{
	configure("failslab", "task-filter=Y times=-1 probability=100");
	check("pipe", try_pipe(), 0);
	may_fail(1);
	check("pipe of a task that may fail", try_pipe(), ENFILE);
	may_fail(0);
	configure("failslab", "probability=0 task-filter=N");
}

static void by_chance(void)
{
	configure("failslab", "task-filter=Y times=-1 probability=20");
	printf("  40 times pipe: ");
	for (int i = 0; i < 40; i++) {
		int error;

		may_fail(1);
		error = try_pipe();
		may_fail(0);
		printf("%c", error ? 'F' : '.');
	}
	printf("\n");
	configure("failslab", "probability=0 task-filter=N");
}

/* Address of @function and of what follows it, as the attributes take them. */
static void range_of(const char *function, char start[20], char end[20])
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[160], *name;
	int found = 0;

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		name = line + 19;
		if (found) {
			snprintf(end, 20, "0x%.16s", line);
			break;
		}
		if (!strcmp(name, function)) {
			snprintf(start, 20, "0x%.16s", line);
			found = 1;
		}
	}
	if (f)
		fclose(f);
}

static void under_a_function(void)
{
	char start[20], end[20];

	range_of("open_ctree", start, end);
	set(DEBUGFS "failslab/require-start", start);
	set(DEBUGFS "failslab/require-end", end);
	printf("failslab: require-start, require-end: where open_ctree is\n");
	configure("failslab", "times=1 probability=100");
	check("pipe", try_pipe(), 0);
	check("mount", try_mount(), ENOMEM);
	configure("failslab", "probability=0 require-start=0 require-end=0xffffffffffffffff");
}

/* The child of a task that may fail may fail, too. */
static int try_stat_in_grandchild(void)
{
	struct stat st;
	int status;

	if (!fork()) {
		set("/proc/self/make-it-fail", "1");
		if (!fork())
			_exit(stat("/", &st) ? errno : 0);
		waitpid(-1, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	waitpid(-1, &status, 0);
	return WEXITSTATUS(status);
}

static int try_futex(void)
{
	static int word;

	return syscall(__NR_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) < 0 ? errno : 0;
}

static void others(void)
{
	configure("fail_usercopy", "task-filter=Y times=1 probability=100");
	check("stat in the child of a task that may fail", try_stat_in_grandchild(), EFAULT);
	configure("fail_usercopy", "probability=0 task-filter=N");
	configure("fail_futex", "times=1 probability=100");
	check("futex", try_futex(), EFAULT);
	check("futex again", try_futex(), 0);
	configure("fail_futex", "ignore-private=Y times=1");
	check("futex", try_futex(), 0);
	configure("fail_futex", "probability=0");
	set("/sys/block/vda/make-it-fail", "1");
	configure("fail_make_request", "times=-1 probability=100");
	check("mount", try_mount(), EIO);
	configure("fail_make_request", "times=1 probability=0");
	set("/sys/block/vda/make-it-fail", "0");
	check("mount", try_mount(), 0);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: fault-injection DEVICE DIRECTORY\n");
		return 2;
	}
	device = argv[1];
	directory = argv[2];
	make_it_fail = open("/proc/self/make-it-fail", O_RDWR);
	configure("failslab", "ignore-gfp-wait=N verbose=1");
	configure("fail_usercopy", "verbose=1");
	each_call();
	some_tasks();
	by_chance();
	under_a_function();
	others();
	printf("objects left allocated: %ld\n", left_allocated());
	return wrong || left_allocated();
}
