// SPDX-License-Identifier: MIT
/*
 * The first process: mounts the kernel's file systems, runs the program that the kernel command line names after `--`
 * (or as init_exec=PROGRAM), reaps orphans, and ends the machine with that program's exit code. Words after `--` may
 * be quoted as in a shell ('...', "...", \c). A program that a signal kills counts as 128 plus the signal's number.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define CANNOT_EXECUTE	126
#define NOT_FOUND	127

static const struct {
	const char *type, *where;
} mounts[] = {
	{ "proc", "/proc" },
	{ "sysfs", "/sys" },
	{ "devtmpfs", "/dev" },
	{ "debugfs", "/sys/kernel/debug" },
	{ "tracefs", "/sys/kernel/tracing" },
	{ "tmpfs", "/tmp" },
};

static void mount_all(void)
{
	for (unsigned int i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		mkdir(mounts[i].where, 0755);
		if (mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, NULL) < 0 && errno != EBUSY)
			fprintf(stderr, "init: mount %s on %s: %s\n", mounts[i].type, mounts[i].where,
				strerror(errno));
	}
	chmod("/tmp", 01777);
	mkdir("/mnt", 0755);	/* for the disk */
}

/*
 * Three descriptors on the console. The kernel has opened them, but on the root file system's /dev, where nobody can find
 * them again by name now that devtmpfs lies over it.
 */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		return;
	for (int i = 0; i < 3; i++)
		if (i != fd)
			dup2(fd, i);
	if (fd > 2)
		close(fd);
}

/* Cuts the next word off *@line, without its quotes; NULL at the end. */
static char *next_word(char **line)
{
	char *from = *line, *to, *word;
	char quote = 0;

	from += strspn(from, " \t\n");
	if (!*from)
		return NULL;
	word = to = from;
	for (; *from && (quote || !strchr(" \t\n", *from)); from++) {
		if (quote ? *from == quote : *from == '"' || *from == '\'')
			quote = quote ? 0 : *from;
		else if (*from == '\\' && quote != '\'' && from[1])
			*to++ = *++from;
		else
			*to++ = *from;
	}
	*line = from + (*from != 0);
	*to = 0;
	return word;
}

/* The program and its arguments from the command line; how many words. */
static int program(char *line, char **argv, int max)
{
	char *word, *chosen = NULL;
	int argc = 0, ours = 0;

	while ((word = next_word(&line))) {
		/* QEMU's microvm adds its devices behind everything else. */
		if (ours && !strncmp(word, "virtio_mmio.device=", 19))
			continue;
		if (ours && argc < max - 1)
			argv[argc++] = word;
		else if (!strcmp(word, "--"))
			ours = 1;
		else if (!strncmp(word, "init_exec=", 10))
			chosen = word + 10;
	}
	if (!argc && chosen) {
		while (argc < max - 1 && (word = next_word(&chosen)))
			argv[argc++] = word;
	}
	argv[argc] = NULL;
	return argc;
}

static char *read_file(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, to, size - 1);

	to[n < 0 ? 0 : n] = 0;
	if (fd >= 0)
		close(fd);
	return to;
}

static void run(char **argv)
{
	setsid();
	ioctl(0, TIOCSCTTY, 1);
	execvp(argv[0], argv);
	fprintf(stderr, "init: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT || errno == ENOTDIR ? NOT_FOUND : CANNOT_EXECUTE);
}

static int wait_for(pid_t pid, const char *name)
{
	int status;

	for (;;) {
		pid_t ended = wait(&status);

		if (ended < 0 && errno == ECHILD)
			return NOT_FOUND;
		if (ended != pid)
			continue;
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		fprintf(stderr, "init: %s: %s\n", name, strsignal(WTERMSIG(status)));
		return 128 + WTERMSIG(status);
	}
}

static _Noreturn void end(int code)
{
	char command[32];

	sync();
	snprintf(command, sizeof(command), "exit=%d", code);
	syscall(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART2, command);
	fprintf(stderr, "init: reboot: %s\n", strerror(errno));
	for (;;)
		pause();
}

int main(void)
{
	static char line[4096];
	char *argv[64];
	pid_t pid;

	mount_all();
	open_console();
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 0);
	setenv("HOME", "/", 0);
	setenv("TERM", "linux", 0);
	if (!program(read_file("/proc/cmdline", line, sizeof(line)), argv, 64)) {
		argv[0] = "/bin/sh";
		argv[1] = NULL;
		if (access(argv[0], X_OK) < 0) {
			fprintf(stderr, "init: the kernel command line names no program after `--`\n");
			end(NOT_FOUND);
		}
	}
	pid = fork();
	if (pid == 0)
		run(argv);
	if (pid < 0) {
		fprintf(stderr, "init: fork: %s\n", strerror(errno));
		end(CANNOT_EXECUTE);
	}
	end(wait_for(pid, argv[0]));
}
