// SPDX-License-Identifier: MIT
/* The system calls as C functions: negative results become errno and -1. (man 2 syscalls) */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>
#include <fcntl.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <dirent.h>
#include <termios.h>
#include <time.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <asm/unistd.h>

int errno;
char **environ;

long __syscall(long number, long a, long b, long c, long d, long e, long f);
void __restore_rt(void);
int main(int argc, char **argv, char **envp);

static long result(long value)
{
	if (value < 0 && value >= -4095) {
		errno = -value;
		return -1;
	}
	return value;
}

/* Every argument is passed as a long; absent ones are 0. */
#define CALL6(nr, a, b, c, d, e, f, ...)							\
	result(__syscall(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f)))
#define CALL(nr, ...) CALL6(nr, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)

long syscall(long number, ...)
{
	va_list ap;
	long a[6];

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return CALL(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

_Noreturn void __libc_start(long *stack)
{
	int argc = stack[0];
	char **argv = (char **)(stack + 1);

	environ = argv + argc + 1;
	exit(main(argc, argv, environ));
}

_Noreturn void _exit(int status)
{
	for (;;)
		CALL(__NR_exit_group, status);
}

_Noreturn void _Exit(int status)
{
	_exit(status);
}

ssize_t read(int fd, void *to, size_t n) { return CALL(__NR_read, fd, to, n); }
ssize_t write(int fd, const void *from, size_t n) { return CALL(__NR_write, fd, from, n); }
ssize_t pread(int fd, void *to, size_t n, off_t at) { return CALL(__NR_pread64, fd, to, n, at); }
ssize_t pwrite(int fd, const void *from, size_t n, off_t at) { return CALL(__NR_pwrite64, fd, from, n, at); }
ssize_t readv(int fd, const struct iovec *v, int n) { return CALL(__NR_readv, fd, v, n); }
ssize_t writev(int fd, const struct iovec *v, int n) { return CALL(__NR_writev, fd, v, n); }
int close(int fd) { return CALL(__NR_close, fd); }
off_t lseek(int fd, off_t offset, int whence) { return CALL(__NR_lseek, fd, offset, whence); }
int dup(int fd) { return CALL(__NR_dup, fd); }
int dup2(int from, int to) { return CALL(__NR_dup2, from, to); }
int dup3(int from, int to, int flags) { return CALL(__NR_dup3, from, to, flags); }
int pipe(int fds[2]) { return CALL(__NR_pipe, fds); }
int pipe2(int fds[2], int flags) { return CALL(__NR_pipe2, fds, flags); }
int access(const char *path, int mode) { return CALL(__NR_access, path, mode); }
int chdir(const char *path) { return CALL(__NR_chdir, path); }
int fchdir(int fd) { return CALL(__NR_fchdir, fd); }
int chroot(const char *path) { return CALL(__NR_chroot, path); }
int rmdir(const char *path) { return CALL(__NR_rmdir, path); }
int unlink(const char *path) { return CALL(__NR_unlink, path); }
int unlinkat(int dirfd, const char *path, int flags) { return CALL(__NR_unlinkat, dirfd, path, flags); }
int link(const char *from, const char *to) { return CALL(__NR_link, from, to); }
int symlink(const char *target, const char *path) { return CALL(__NR_symlink, target, path); }
ssize_t readlink(const char *path, char *to, size_t size) { return CALL(__NR_readlink, path, to, size); }
int rename(const char *from, const char *to) { return CALL(__NR_rename, from, to); }
int chown(const char *path, uid_t owner, gid_t group) { return CALL(__NR_chown, path, owner, group); }
int fchown(int fd, uid_t owner, gid_t group) { return CALL(__NR_fchown, fd, owner, group); }
int truncate(const char *path, off_t length) { return CALL(__NR_truncate, path, length); }
int ftruncate(int fd, off_t length) { return CALL(__NR_ftruncate, fd, length); }
int fsync(int fd) { return CALL(__NR_fsync, fd); }
void sync(void) { CALL(__NR_sync); }
pid_t fork(void) { return CALL(__NR_fork); }
int execve(const char *path, char *const argv[], char *const envp[]) { return CALL(__NR_execve, path, argv, envp); }
int execv(const char *path, char *const argv[]) { return execve(path, argv, environ); }
pid_t getpid(void) { return CALL(__NR_getpid); }
pid_t getppid(void) { return CALL(__NR_getppid); }
pid_t gettid(void) { return CALL(__NR_gettid); }
pid_t setsid(void) { return CALL(__NR_setsid); }
pid_t getsid(pid_t pid) { return CALL(__NR_getsid, pid); }
pid_t getpgrp(void) { return CALL(__NR_getpgrp); }
pid_t getpgid(pid_t pid) { return CALL(__NR_getpgid, pid); }
int setpgid(pid_t pid, pid_t pgid) { return CALL(__NR_setpgid, pid, pgid); }
uid_t getuid(void) { return CALL(__NR_getuid); }
uid_t geteuid(void) { return CALL(__NR_geteuid); }
gid_t getgid(void) { return CALL(__NR_getgid); }
gid_t getegid(void) { return CALL(__NR_getegid); }
int setuid(uid_t uid) { return CALL(__NR_setuid, uid); }
int setgid(gid_t gid) { return CALL(__NR_setgid, gid); }
unsigned int alarm(unsigned int seconds) { return CALL(__NR_alarm, seconds); }
int pause(void) { return CALL(__NR_pause); }
int creat(const char *path, mode_t mode) { return CALL(__NR_creat, path, mode); }
int stat(const char *path, struct stat *st) { return CALL(__NR_stat, path, st); }
int lstat(const char *path, struct stat *st) { return CALL(__NR_lstat, path, st); }
int fstat(int fd, struct stat *st) { return CALL(__NR_fstat, fd, st); }
int mkdir(const char *path, mode_t mode) { return CALL(__NR_mkdir, path, mode); }
int mkdirat(int dirfd, const char *path, mode_t mode) { return CALL(__NR_mkdirat, dirfd, path, mode); }
int mknod(const char *path, mode_t mode, dev_t dev) { return CALL(__NR_mknod, path, mode, dev); }
int mkfifo(const char *path, mode_t mode) { return mknod(path, S_IFIFO | mode, 0); }
int chmod(const char *path, mode_t mode) { return CALL(__NR_chmod, path, mode); }
int fchmod(int fd, mode_t mode) { return CALL(__NR_fchmod, fd, mode); }
mode_t umask(mode_t mask) { return CALL(__NR_umask, mask); }
int statfs(const char *path, struct statfs *buf) { return CALL(__NR_statfs, path, buf); }
int fstatfs(int fd, struct statfs *buf) { return CALL(__NR_fstatfs, fd, buf); }
int uname(struct utsname *name) { return CALL(__NR_uname, name); }
int getrlimit(int resource, struct rlimit *limit) { return CALL(__NR_getrlimit, resource, limit); }
int setrlimit(int resource, const struct rlimit *limit) { return CALL(__NR_setrlimit, resource, limit); }
int poll(struct pollfd *fds, nfds_t count, int timeout) { return CALL(__NR_poll, fds, count, timeout); }
int kill(pid_t pid, int signal) { return CALL(__NR_kill, pid, signal); }
int raise(int signal) { return CALL(__NR_tkill, gettid(), signal); }
int umount(const char *target) { return CALL(__NR_umount2, target, 0); }
int umount2(const char *target, int flags) { return CALL(__NR_umount2, target, flags); }
int munmap(void *address, size_t length) { return CALL(__NR_munmap, address, length); }
int clock_gettime(int clock, struct timespec *ts) { return CALL(__NR_clock_gettime, clock, ts); }
int gettimeofday(struct timeval *tv, void *tz) { return CALL(__NR_gettimeofday, tv, tz); }
pid_t waitpid(pid_t pid, int *status, int options) { return CALL(__NR_wait4, pid, status, options); }
pid_t wait(int *status) { return waitpid(-1, status, 0); }
ssize_t getdents64(int fd, void *to, size_t size) { return CALL(__NR_getdents64, fd, to, size); }

/* Sharing the parent's memory would need its stack frame to survive; a plain fork is always right. */
pid_t vfork(void)
{
	return fork();
}

int faccessat(int dirfd, const char *path, int mode, int flags)
{
	return CALL(__NR_faccessat2, dirfd, path, mode, flags);
}

int fstatat(int dirfd, const char *path, struct stat *st, int flags)
{
	return CALL(__NR_newfstatat, dirfd, path, st, flags);
}

int statx(int dirfd, const char *path, int flags, unsigned int mask, struct statx *st)
{
	return CALL(__NR_statx, dirfd, path, flags, mask, st);
}

int utimensat(int dirfd, const char *path, const struct timespec times[2], int flags)
{
	return CALL(__NR_utimensat, dirfd, path, times, flags);
}

int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)
{
	return CALL(__NR_mount, source, target, type, flags, data);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	return (void *)CALL(__NR_mmap, address, length, protection, flags, fd, offset);
}

int mprotect(void *address, size_t length, int protection)
{
	return CALL(__NR_mprotect, address, length, protection);
}

int reboot(int command)
{
	return CALL(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, command, 0);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return CALL(__NR_open, path, flags, mode);
}

int openat(int dirfd, const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return CALL(__NR_openat, dirfd, path, flags, mode);
}

int fcntl(int fd, int command, ...)
{
	va_list ap;
	long argument;

	va_start(ap, command);
	argument = va_arg(ap, long);
	va_end(ap);
	return CALL(__NR_fcntl, fd, command, argument);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	long argument;

	va_start(ap, request);
	argument = va_arg(ap, long);
	va_end(ap);
	return CALL(__NR_ioctl, fd, request, argument);
}

int tcgetattr(int fd, struct termios *settings)
{
	return ioctl(fd, TCGETS, settings);
}

int tcsetattr(int fd, int when, const struct termios *settings)
{
	return ioctl(fd, TCSETS + when, settings);
}

int isatty(int fd)
{
	struct termios settings;

	return tcgetattr(fd, &settings) == 0;
}

char *getcwd(char *to, size_t size)
{
	return CALL(__NR_getcwd, to, size) < 0 ? NULL : to;
}

int execvp(const char *file, char *const argv[])
{
	const char *path = getenv("PATH");
	char full[4096];

	if (strchr(file, '/'))
		return execv(file, argv);
	for (path = path ? path : "/bin:/sbin"; *path;) {
		int n = strcspn(path, ":");

		snprintf(full, sizeof(full), "%.*s/%s", n, path, file);
		execv(full, argv);
		if (errno != ENOENT && errno != ENOTDIR)
			return -1;
		path += n + (path[n] == ':');
	}
	errno = ENOENT;
	return -1;
}

int sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
	struct sigaction with_restorer;

	if (action) {
		with_restorer = *action;
		with_restorer.sa_flags |= SA_RESTORER;
		with_restorer.sa_restorer = __restore_rt;
		action = &with_restorer;
	}
	return CALL(__NR_rt_sigaction, signal, action, old, sizeof(sigset_t));
}

sighandler_t signal(int number, sighandler_t handler)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;

	if (sigaction(number, &action, &old) < 0)
		return SIG_ERR;
	return old.sa_handler;
}

int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	return CALL(__NR_rt_sigprocmask, how, set, old, sizeof(sigset_t));
}

int nanosleep(const struct timespec *wanted, struct timespec *remaining)
{
	return CALL(__NR_nanosleep, wanted, remaining);
}

unsigned int sleep(unsigned int seconds)
{
	struct timespec ts = { .tv_sec = seconds };

	return nanosleep(&ts, &ts) < 0 ? ts.tv_sec : 0;
}

int usleep(unsigned int microseconds)
{
	struct timespec ts = { .tv_sec = microseconds / 1000000, .tv_nsec = microseconds % 1000000 * 1000 };

	return nanosleep(&ts, NULL);
}

time_t time(time_t *t)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_REALTIME, &ts);
	if (t)
		*t = ts.tv_sec;
	return ts.tv_sec;
}

static char *heap_end;

int brk(void *end)
{
	heap_end = (char *)__syscall(__NR_brk, (long)end, 0, 0, 0, 0, 0);
	if (heap_end < (char *)end) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

void *sbrk(long increment)
{
	char *old;

	if (!heap_end)
		brk(NULL);
	old = heap_end;
	if (increment && brk(old + increment) < 0)
		return (void *)-1;
	return old;
}

int remove(const char *path)
{
	if (unlink(path) == 0)
		return 0;
	return errno == EISDIR ? rmdir(path) : -1;
}
