// SPDX-License-Identifier: MIT
/*
 * allocation-failures DIRECTORY: does each operation again and again, with its first, second, third ... allocation or copy to or
 * from user memory failing (/proc/self/fail-nth), until it gets through. Whatever fails must fail cleanly, leave nothing behind, and not be in the
 * way of the next attempt. Needs a kernel with fault injection.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int control;

/* The half that takes back what the other has done must not stop at a failure. */
#define ALWAYS(call) ({ while ((call) < 0 && (errno == ENOMEM || errno == EFAULT)) ; 0; })

static int do_open(void) { int fd = open("f", O_RDWR | O_CREAT, 0600); return fd < 0 ? -1 : close(fd); }
static int do_long_name(void)
{
	char name[201];

	memset(name, 'x', 200);
	name[200] = 0;
	return mkdir(name, 0700) < 0 ? -1 : ALWAYS(rmdir(name));
}
static int do_write(void)
{
	int fd = open("w", O_RDWR | O_CREAT, 0600), n;

	if (fd < 0)
		return -1;
	n = pwrite(fd, "text", 4, 40960);
	ftruncate(fd, 0);
	close(fd);
	return n == 4 ? 0 : -1;
}
static int do_mkdir(void) { return mkdir("d", 0700) < 0 ? -1 : ALWAYS(rmdir("d")); }
static int do_symlink(void) { return symlink("target", "s") < 0 ? -1 : ALWAYS(unlink("s")); }
static int do_through_link(void)
{
	struct stat st;

	return stat("link/f", &st);
}
static int do_link(void) { return link("f", "l") < 0 ? -1 : ALWAYS(unlink("l")); }
static int do_rename(void) { return rename("f", "r") < 0 ? -1 : ALWAYS(rename("r", "f")); }
static int do_pipe(void)
{
	int fds[2];

	if (pipe(fds) < 0)
		return -1;
	close(fds[0]);
	return close(fds[1]);
}
static int do_pipe_write(void)
{
	int fds[2], n;

	if (pipe(fds) < 0)
		return -1;
	n = write(fds[1], "x", 1);
	close(fds[0]);
	close(fds[1]);
	return n == 1 ? 0 : -1;
}
static int do_fifo(void)
{
	int fd = open("fifo", O_RDWR);

	return fd < 0 ? -1 : close(fd);
}
static int do_list(void)
{
	char buffer[512];
	int fd = open("/", O_RDONLY | O_DIRECTORY), n;

	if (fd < 0)
		return -1;
	n = getdents64(fd, buffer, sizeof(buffer));
	close(fd);
	return n < 0 ? -1 : 0;
}
static int do_mount(void)
{
	if (mount("tmpfs", "mnt", "tmpfs", 0, "mode=700") < 0)
		return -1;
	return ALWAYS(umount("mnt"));
}
static int read_all(const char *path)
{
	char buffer[512];
	int fd = open(path, O_RDONLY), n;

	if (fd < 0)
		return -1;
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		;
	close(fd);
	return n;
}
static int do_status(void) { return read_all("/proc/self/status"); }
static int do_mounts(void) { return read_all("/proc/mounts"); }
static int do_maps(void) { return read_all("/proc/self/maps"); }
static int do_sysfs(void) { return read_all("/sys/bus/event_source/devices/kprobe/type"); }
static int do_tracefs(void) { return read_all("/sys/kernel/debug/tracing/available_events"); }
static int do_cwd(void) { char b[200]; return readlink("/proc/self/cwd", b, 200) < 0 ? -1 : 0; }
static int do_kmsg(void) { int fd = open("/dev/kmsg", O_RDONLY); return fd < 0 ? -1 : close(fd); }
static int do_dup(void)
{
	int fd = fcntl(1, F_DUPFD, 200);

	return fd < 0 ? -1 : close(fd);
}
static int do_epoll(void)
{
	int fd = syscall(__NR_epoll_create1, 0);

	return fd < 0 ? -1 : close(fd);
}
static int do_fork(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(0);
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? -1 : 0;
}

#define OPERATION(name) { #name, do_ ## name }
static const struct {
	const char *name;
	int (*run)(void);
} operations[] = {
	OPERATION(open), OPERATION(long_name), OPERATION(write), OPERATION(mkdir), OPERATION(symlink),
	OPERATION(through_link), OPERATION(link), OPERATION(rename), OPERATION(pipe), OPERATION(pipe_write),
	OPERATION(fifo), OPERATION(list), OPERATION(mount), OPERATION(status), OPERATION(mounts), OPERATION(maps),
	OPERATION(sysfs), OPERATION(tracefs), OPERATION(cwd), OPERATION(kmsg), OPERATION(dup), OPERATION(epoll),
	OPERATION(fork),
};

/* fail-nth counts what failslab, fail_page_alloc and fail_usercopy may fail; by default that leaves out allocations that may sleep. */
static int widen(const char *file, const char *value)
{
	char path[80];
	int fd, ok;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", file);
	fd = open(path, O_WRONLY);
	ok = fd >= 0 && write(fd, value, strlen(value)) > 0;
	if (!ok)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	close(fd);
	return ok;
}

static void set_nth(int n)
{
	char text[16];

	ALWAYS(pwrite(control, text, snprintf(text, sizeof(text), "%d", n), 0));
}

/* Failures that are still to come: 0 when one has happened. */
static int pending(void)
{
	char text[16] = { 0 };

	/* If the number is what fails to get here, the operation got through. */
	return pread(control, text, sizeof(text) - 1, 0) < 0 ? 1 : atoi(text);
}

/* Objects in use in all caches, without those of processes and of this look itself. */
static long objects(void)
{
	static char text[32768];
	long total = 0, n = 0;
	int fd = open("/proc/slabinfo", O_RDONLY), r;

	while ((r = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += r;
	close(fd);
	text[n] = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *p = line + strcspn(line, " ");

		if (strncmp(line, "slabinfo", 8) && *line != '#')
			total += atol(p);
	}
	return total;
}

int main(int argc, char **argv)
{
	int bad = 0, injected = 0;

	setvbuf(stdout, NULL, _IONBF, 0);
	control = open("/proc/self/fail-nth", O_RDWR);
	if (argc != 2 || chdir(argv[1]) < 0 || control < 0) {
		fprintf(stderr, "usage: allocation-failures DIRECTORY (%s)\n", strerror(errno));
		return 2;
	}
	if (!widen("failslab/ignore-gfp-wait", "N") || !widen("failslab/verbose", "0") ||
	    !widen("fail_page_alloc/ignore-gfp-wait", "N") || !widen("fail_page_alloc/ignore-gfp-highmem", "N") ||
	    !widen("fail_page_alloc/min-order", "0") || !widen("fail_page_alloc/verbose", "0") ||
	    !widen("fail_usercopy/verbose", "0"))
		return 2;
	mkdir("mnt", 0700);
	mkdir("real", 0700);
	symlink("real", "link");
	close(open("real/f", O_CREAT | O_WRONLY, 0600));
	mkfifo("fifo", 0600);
	for (unsigned int i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		long before, after;
		int failures = 0, other = 0, n;

		operations[i].run();		/* caches are warm, tables have their size */
		objects();
		before = objects();
		for (n = 1; n < 1000; n++) {
			int result, left, error;

			set_nth(n);
			result = operations[i].run();
			error = errno;
			left = pending();
			set_nth(0);
			if (left)
				break;
			failures++;
			if (result < 0 && error != ENOMEM && error != EFAULT && error != ENOSPC && error != ENFILE && error != EAGAIN)
				other = error;
		}
		after = objects();
		printf("%s: ", operations[i].name);
		if (n == 1000)
			printf("never gets through\n");
		else if (operations[i].run() < 0)
			printf("fails afterwards: %s\n", strerror(errno));
		else if (after != before)
			printf("%ld objects left behind\n", after - before);
		else if (other)
			printf("fails with %s\n", strerrorname_np(other));
		else
			printf("survives\n");
		injected += failures;
		if (n == 1000 || after != before || other)
			bad = 1;
	}
	printf("%d failures injected\n", injected);
	return bad;
}
