// SPDX-License-Identifier: MIT
/* What proc, sysfs and the special files say; mounts. Numbers that depend on the machine are shown as N. */
#include "report.h"

#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>

static char text[65536];

static long read_all(const char *path)
{
	int fd = open(path, O_RDONLY);
	long length = 0, n;

	if (fd < 0) {
		say("%s: %s", path, error_name(errno));
		return -1;
	}
	while (length < (long)sizeof(text) - 1 && (n = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
		length += n;
	text[length] = 0;
	close(fd);
	return length;
}

/* Prints a file's lines (at most a number of them), with numbers as N. */
static void shape(const char *path, int lines)
{
	char *line, *save, out[1000];

	if (read_all(path) < 0)
		return;
	say("%s:", path);
	for (line = strtok_r(text, "\n", &save); line && lines--; line = strtok_r(NULL, "\n", &save)) {
		size_t n = 0;

		for (const char *at = line; *at && n < sizeof(out) - 2;) {
			int hexadecimal = 0;
			const char *end = at;

			while (isxdigit(*end) && end - at < 40)
				end++;
			hexadecimal = end - at >= 8;
			if (isdigit(*at) || hexadecimal) {
				out[n++] = 'N';
				while (hexadecimal ? at < end : isdigit(*at))
					at++;
			} else {
				if (!(at[0] == ' ' && at[1] == ' '))
					out[n++] = *at;
				at++;
			}
		}
		out[n] = 0;
		say("  %s", out);
	}
}

/* Prints a file's words before a colon, space or tab. */
static void keys(const char *path)
{
	char *line, *save;

	if (read_all(path) < 0)
		return;
	say("%s:", path);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line[strcspn(line, ": \t")] = 0;
		say("  %s", line);
	}
}

static void exact(const char *path)
{
	long length = read_all(path);

	if (length < 0)
		return;
	for (long i = 0; i < length; i++)
		if (!text[i] || text[i] == '\n')
			text[i] = text[i] ? '|' : '~';
	say("%s: %s", path, text);
}

static void line_with(const char *path, const char *start)
{
	char *line, *save;

	if (read_all(path) >= 0)
		for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
			if (strncmp(line, start, strlen(start)) == 0)
				say("%s", line);
}

static void list(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);
	char target[200];

	for (int i = 0; i < n; i++) {
		char full[500];
		struct stat st;
		ssize_t length;

		snprintf(full, sizeof(full), "%s/%s", path, entries[i]->d_name);
		lstat(full, &st);
		length = readlink(full, target, sizeof(target) - 1);
		target[length < 0 ? 0 : length] = 0;
		if (strncmp(target, "pipe:", 5) == 0)
			strcpy(target, "pipe");
		say("  %s %o %s", entries[i]->d_name, st.st_mode, target);
	}
}

FAMILY(proc_self)
{
	static const char *const status[] = { "Name", "Umask", "State", "Uid", "Gid", "FDSize", "Groups", "Threads",
		"SigPnd", "SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs",
		"VmLck", "VmSwap", "CoreDumping", "voluntary" };
	char link[200], **environment = (char *[]){ "A=1", "B=two", NULL };
	int p[2], fd;

	prctl(PR_SET_NAME, "some (name)");
	signal(SIGUSR1, SIG_IGN), signal(SIGUSR2, (void (*)(int))read_all);
	keys("/proc/self/status");
	for (size_t i = 0; i < sizeof(status) / sizeof(*status); i++)
		line_with("/proc/self/status", status[i]);
	shape("/proc/self/stat", 1);
	shape("/proc/self/statm", 1);
	exact("/proc/self/comm");
	put_file("/proc/self/comm", "other");
	exact("/proc/self/comm");
	exact("/proc/self/wchan");
	exact("/proc/self/personality");
	exact("/proc/self/oom_score_adj");
	exact("/proc/self/oom_adj");
	SHOW(open("/proc/self/oom_score", O_RDONLY) >= 0);
	exact("/proc/self/loginuid");
	exact("/proc/self/timerslack_ns");
	exact("/proc/self/coredump_filter");
	shape("/proc/self/limits", 20);
	close_range(3, 100, 0);
	pipe(p);
	fd = open("/dev/null", O_WRONLY | O_APPEND | O_CLOEXEC);
	put_file("file", "content");
	SHOW(open("file", O_RDONLY));
	lseek(6, 3, SEEK_SET);
	unlink("file");
	memfd_create("memory", 0);
	epoll_create(1);
	eventfd(5, 0);
	say("/proc/self/fd:");
	for (int i = 3; i < 10; i++) {
		char path[40];
		struct stat st;
		ssize_t length;

		sprintf(path, "/proc/self/fd/%d", i);
		length = readlink(path, link, sizeof(link) - 1);
		link[length < 0 ? 0 : length] = 0;
		if (strncmp(link, "pipe:", 5) == 0)
			strcpy(link, "pipe");
		if (lstat(path, &st) == 0)
			say("  %d %o %s", i, st.st_mode, link);
		sprintf(path, "/proc/self/fdinfo/%d", i);
		shape(path, 10);
	}
	SHOW(open("/proc/self/fd/6", O_RDONLY));
	SHOW(read(10, link, 100));
	SHOW(readlink("/proc/self/fd/99", link, 10));
	SHOW(readlink("/proc/self/exe", link, 200) > 0);
	SHOW(readlink("/proc/self/cwd", link, 200));
	SHOW(readlink("/proc/self/root", link, 200));
	sprintf(text, "%d", getpid());
	SHOW(readlink("/proc/self", link, 200) == (long)strlen(text));
	SHOW(open("/proc/self/task/1/comm", O_RDONLY));
	SHOW(open("/proc/99999999/comm", O_RDONLY));
	SHOW(mkdir("/proc/x", 0755));
	SHOW(unlink("/proc/self/comm"));
	SHOW(open("/proc/new", O_RDWR | O_CREAT, 0644));
	SHOW(chmod("/proc/self/comm", 0777));
	fd = open("/proc/self/auxv", O_RDONLY);
	Elf64_auxv_t aux[40];
	long n = read(fd, aux, sizeof(aux)) / sizeof(*aux);
	for (int i = 0; i < n; i++)
		if (aux[i].a_type != AT_SYSINFO_EHDR && aux[i].a_type != 51)
			say("aux %ld%s", aux[i].a_type, aux[i].a_type == AT_PAGESZ ? " pagesize" : "");
	static const char secret[] = "secret bytes";
	fd = open("/proc/self/mem", O_RDWR);
	SHOW(pread(fd, link, 12, (long)secret));
	say("%.12s", link);
	static char changed[8] = "before";
	SHOW(pwrite(fd, "after", 6, (long)changed));
	say("%s", changed);
	SHOW(pread(fd, link, 12, 8));
	if (!fork()) {
		execve("/proc/self/exe", (char *[]){ "program", "proc_child", "more words", NULL }, environment);
		_exit(1);
	}
	wait(NULL);
}

FAMILY(proc_child)
{
	char path[40];

	sprintf(path, "/proc/%d/cmdline", getppid());
	if (read_all(path) > 0 && strcmp(text, "program") == 0) {
		sprintf(path, "/proc/%d/environ", getppid());
		for (long i = 0, n = read_all(path); i < n; i++)
			if (!text[i])
				text[i] = '~';
		say("%s", text);
		sprintf(path, "/proc/%d/cmdline", getppid());
		for (long i = 0, n = read_all(path); i < n; i++)
			if (!text[i])
				text[i] = '~';
		say("%s", text);
	}
}

FAMILY(proc_system)
{
	shape("/proc/uptime", 1);
	shape("/proc/loadavg", 1);
	shape("/proc/modules", 1);
	shape("/proc/partitions", 3);
	shape("/proc/interrupts", 1);
	shape("/proc/cmdline", 0);
	shape("/proc/kallsyms", 0);
	exact("/proc/sys/kernel/ostype");
	exact("/proc/sys/kernel/hostname");
	exact("/proc/sys/kernel/domainname");
	exact("/proc/sys/kernel/panic_on_oops");
	exact("/proc/sys/kernel/kptr_restrict");
	exact("/proc/sys/kernel/dmesg_restrict");
	exact("/proc/sys/kernel/core_pattern");
	exact("/proc/sys/kernel/cap_last_cap");
	exact("/proc/sys/kernel/overflowuid");
	exact("/proc/sys/kernel/tainted");
	exact("/proc/sys/fs/nr_open");
	exact("/proc/sys/fs/pipe-max-size");
	exact("/proc/sys/fs/protected_hardlinks");
	exact("/proc/sys/fs/suid_dumpable");
	exact("/proc/sys/vm/overcommit_memory");
	exact("/proc/sys/vm/max_map_count");
	put_file("/proc/sys/kernel/hostname", "renamed\n");
	exact("/proc/sys/kernel/hostname");
	put_file("/proc/sys/kernel/hostname", "(none)");
	int fd = open("/proc/sys/kernel/panic", O_RDWR);
	SHOW(write(fd, "12\n", 3));
	exact("/proc/sys/kernel/panic");
	SHOW(pwrite(fd, "x\n", 2, 0));
	SHOW(pwrite(fd, "0\n", 2, 0));
	fd = open("/proc/sys/kernel/dmesg_restrict", O_RDWR);
	SHOW(write(fd, "7\n", 2));
	SHOW(open("/proc/sys/kernel/ostype", O_WRONLY) >= 0 || errno == EACCES);
	exact("/sys/block/vda/size");
	exact("/sys/block/vda/ro");
	exact("/sys/block/vda/dev");
	exact("/sys/bus/event_source/devices/kprobe/type");
	exact("/sys/fs/cgroup/none");
	exact("/sys/kernel/mm/transparent_hugepage/none");
	exact("/sys/module/kernel/none");
}

FAMILY(mounts)
{
	struct statfs fs;

	mkdir("m", 0755), mkdir("n", 0755);
	SHOW(mount("none", "m", "tmpfs", 0, "size=1M,mode=700"));
	line_with("/proc/self/mounts", "none /tmp/family-mounts");
	SHOW(mount("none", "m", "nosuchfs", 0, NULL));
	SHOW(mount("none", "none", "tmpfs", 0, NULL));
	SHOW(mount("none", "m", NULL, 0, NULL));
	SHOW(mount("none", "m", "tmpfs", 0, "bad=1"));
	SHOW(mount("none", "m", "tmpfs", 0, "size=x"));
	SHOW(mount("/dev/nothing", "m", "btrfs", 0, NULL));
	SHOW(mount("/dev/null", "m", "btrfs", 0, NULL));
	SHOW(mount("none", "m", "btrfs", 0, NULL));
	SHOW(mount(NULL, "m", "btrfs", 0, NULL));
	put_file("m/file", "x");
	SHOW(mount("none", "m/file", "tmpfs", 0, NULL));
	SHOW(rmdir("m"));
	SHOW(rename("m", "q"));
	SHOW(link("m/file", "here"));
	SHOW(rename("m/file", "here"));
	SHOW(statfs("m", &fs));
	say("blocks %ld bsize %ld flags %lx", (long)fs.f_blocks, fs.f_bsize, fs.f_flags);
	int fd = open("m/big", O_RDWR | O_CREAT, 0644);
	long total = 0, n;
	while ((n = write(fd, text, sizeof(text))) > 0)
		total += n;
	SHOW(write(fd, text, 1));
	VALUE(total);
	SHOW(unlink("m/big"));
	SHOW(umount("m"));
	close(fd);
	SHOW(mount("none", "m", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID, NULL));
	SHOW(open("m/new", O_RDWR | O_CREAT, 0644));
	SHOW(open("m/file", O_RDWR));
	SHOW(mkdir("m/d", 0755));
	SHOW(unlink("m/file"));
	SHOW(chmod("m/file", 0600));
	line_with("/proc/self/mounts", "none /tmp/family-mounts");
	SHOW(mount("m", "n", NULL, MS_BIND, NULL));
	SHOW(access("n/file", R_OK));
	line_with("/proc/self/mounts", "none /tmp/family-mounts");
	SHOW(umount2("n", 64));
	SHOW(umount2("n", MNT_EXPIRE));
	SHOW(umount2("n", MNT_EXPIRE));
	SHOW(umount("n"));
	SHOW(umount("none"));
	SHOW(umount("/tmp/family-mounts"));
	SHOW(mount("m", "n", NULL, MS_MOVE, NULL));
	SHOW(umount("m"));
	fd = open("n/file", O_RDONLY);
	SHOW(umount("n"));
	SHOW(umount2("n", MNT_DETACH));
	SHOW(read(fd, text, 10));
	SHOW(access("n/file", R_OK));
	SHOW(mount("p", "m", "proc", MS_NODEV | MS_NOEXEC | MS_NOSUID | MS_NOATIME, NULL));
	line_with("/proc/self/mounts", "p ");
	SHOW(umount2("m", UMOUNT_NOFOLLOW));
	SHOW(mount("/dev/vda", "m", "btrfs", MS_RDONLY, NULL));
	SHOW(mount("/dev/vda", "n", "btrfs", MS_RDONLY, NULL));
	SHOW(umount("n"));
	SHOW(umount("m"));
	SHOW(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL));
	SHOW(syscall(SYS_mount, NULL, "m", (char *)8, 0, NULL));
	SHOW(umount("/"));
}

FAMILY(kernel_log)
{
	char record[2000];
	int fd = open("/dev/kmsg", O_RDWR | O_NONBLOCK), other;
	struct stat st;

	stat("/dev/kmsg", &st);
	say("%o", st.st_mode);
	SHOW(lseek(fd, 0, SEEK_END));
	SHOW(read(fd, record, sizeof(record)));
	SHOW(write(fd, "<13>a line from user space\n", 27));
	SHOW(write(fd, "no level\001and two\nlines", 22));
	SHOW(write(fd, "", 0));
	for (int i = 0; i < 2; i++) {
		long n = read(fd, record, sizeof(record));
		record[n < 0 ? 0 : n] = 0;
		char *at = strchr(record, ',');
		say("%.*s,N,N,%s", at ? (int)(at - record) : 0, record, strchr(record, ';') ? strchr(record, ';') - 1 : "");
	}
	SHOW(read(fd, record, sizeof(record)));
	SHOW(lseek(fd, 0, SEEK_SET));
	SHOW(read(fd, record, 5));
	SHOW(read(fd, record, sizeof(record)) > 20);
	say("%.4s", record);
	SHOW(lseek(fd, 5, SEEK_SET));
	SHOW(lseek(fd, 0, SEEK_CUR));
	SHOW(lseek(fd, 0, SEEK_DATA));
	SHOW(klogctl(10, NULL, 0) > 1000);
	SHOW(klogctl(3, record, sizeof(record)) > 100);
	SHOW(klogctl(3, NULL, 5));
	SHOW(klogctl(3, record, -1));
	SHOW(klogctl(8, NULL, 9));
	SHOW(klogctl(8, NULL, 1));
	SHOW(klogctl(99, NULL, 0));
	SHOW(klogctl(9, NULL, 0) > 0);
	SHOW(klogctl(5, NULL, 0));
	SHOW(klogctl(3, record, sizeof(record)));
	IN_CHILD(setuid(1000); SHOW(klogctl(10, NULL, 0) > 0); SHOW(klogctl(5, NULL, 0)); SHOW(open("/dev/kmsg", O_RDONLY)));
}
