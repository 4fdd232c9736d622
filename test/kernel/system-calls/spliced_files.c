// SPDX-License-Identifier: MIT
/* Which files of the kernel's sendfile and splice read from and write to. */
#include "report.h"

#include <sys/sendfile.h>

static void move(const char *name, int to_file)
{
	int fd = open(name, to_file ? O_RDWR | O_CREAT : O_RDONLY, 0600), other, p[2];
	long sent, spliced;

	if (fd < 0) {
		say("%s: cannot be opened", name);
		return;
	}
	if (pipe(p))
		return;
	if (to_file) {
		other = open("/proc/self/exe", O_RDONLY);
		sent = sendfile(fd, other, NULL, 4);
		sent = sent < 0 ? -errno : sent > 0;
		close(other);
		write(p[1], "1\n", 2);
		spliced = splice(p[0], NULL, fd, NULL, 2, 0);
	} else {
		sent = sendfile(p[1], fd, NULL, 8);
		sent = sent < 0 ? -errno : sent > 0;
		read(p[0], (char[8]){ 0 }, sent > 0 ? 8 : 0);
		spliced = splice(fd, NULL, p[1], NULL, 8, 0);
	}
	spliced = spliced < 0 ? -errno : spliced > 0;
	say("%s %s: sendfile %ld, splice %ld", to_file ? "to" : "from", name, sent, spliced);
	close(p[0]);
	close(p[1]);
	close(fd);
}

static void set_to_zero(const char *name)
{
	int fd = open(name, O_WRONLY);

	write(fd, "0", 1);
	close(fd);
}

FAMILY(spliced_files)
{
	static const char *const from[] = {
		"/proc/version", "/proc/cpuinfo", "/proc/mounts", "/proc/self/mountinfo", "/proc/filesystems",
		"/proc/meminfo", "/proc/uptime", "/proc/self/stat", "/proc/self/status", "/proc/self/maps",
		"/proc/self/cmdline", "/proc/self/comm", "/proc/self/environ", "/proc/sys/kernel/pid_max",
		"/sys/block/vda/size", "/dev/zero", "/dev/null", "/dev/urandom",
	};
	static const char *const to[] = {
		"/dev/null", "/dev/zero", "/dev/full", "/proc/self/comm", "/sys/block/vda/make-it-fail",
		"/proc/sys/kernel/panic", "/proc/self/fail-nth",
	};

	for (unsigned int i = 0; i < sizeof(from) / sizeof(*from); i++)
		move(from[i], 0);
	for (unsigned int i = 0; i < sizeof(to) / sizeof(*to); i++)
		move(to[i], 1);
	set_to_zero("/proc/sys/kernel/panic");
	set_to_zero("/sys/block/vda/make-it-fail");
}
