// SPDX-License-Identifier: MIT
/* Files and directories on tmpfs: open, read and write, names, times, permissions, locks, copying. */
#include "report.h"

#include <dirent.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <linux/openat2.h>

static void show_stat(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		say("%s: %s", path, error_name(errno));
	else
		say("%s: mode %o links %ld uid %d gid %d size %ld blocks %ld blksize %ld", path, st.st_mode,
		    (long)st.st_nlink, st.st_uid, st.st_gid, S_ISDIR(st.st_mode) ? 0 : (long)st.st_size,
		    (long)st.st_blocks, (long)st.st_blksize);
}

FAMILY(opens)
{
	char buffer[100];
	int fd;

	SHOW(open("a", O_RDWR));
	SHOW(open("a", O_RDWR | O_CREAT | O_EXCL, 04755));
	show_stat("a");
	SHOW(open("a", O_RDWR | O_CREAT | O_EXCL, 0644));
	SHOW(fcntl(3, F_GETFL));
	SHOW(fcntl(3, F_SETFL, O_APPEND | O_NONBLOCK | O_RDONLY | O_CREAT | O_SYNC));
	SHOW(fcntl(3, F_GETFL));
	SHOW(fcntl(3, F_SETFL, 0));
	SHOW(write(3, "hello world", 11));
	SHOW(open("a", O_WRONLY | O_APPEND));
	SHOW(read(4, buffer, 1));
	SHOW(lseek(4, 0, SEEK_SET));
	SHOW(write(4, "!!", 2));
	SHOW(lseek(4, 0, SEEK_CUR));
	SHOW(pwrite(4, "??", 2, 0));
	SHOW(pread(3, buffer, 100, 0));
	say("%.15s", buffer);
	SHOW(open("a", O_RDONLY | O_TRUNC));
	show_stat("a");
	SHOW(open("a/b", O_RDONLY));
	SHOW(open("a/", O_RDONLY));
	SHOW(open("new/", O_RDONLY | O_CREAT, 0644));
	SHOW(open("a", O_RDONLY | O_DIRECTORY));
	SHOW(open(".", O_RDONLY | O_CREAT, 0644));
	SHOW(open(".", O_RDWR));
	SHOW(open(".", O_RDONLY | O_DIRECTORY | O_CREAT, 0644));
	SHOW(symlink("a", "link"));
	SHOW(open("link", O_RDONLY | O_NOFOLLOW));
	SHOW(open("link", O_RDONLY | O_CREAT | O_EXCL, 0644));
	SHOW(symlink("nowhere", "dangling"));
	SHOW(open("dangling", O_RDONLY));
	SHOW(open("dangling", O_RDONLY | O_CREAT, 0600));
	show_stat("nowhere");
	SHOW(symlink("loop", "loop"));
	SHOW(open("loop", O_RDONLY));
	SHOW(fd = open("link", O_PATH | O_NOFOLLOW));
	SHOW(read(fd, buffer, 1));
	SHOW(fcntl(fd, F_GETFL));
	SHOW(readlinkat(fd, "", buffer, 100));
	SHOW(fchmod(fd, 0));
	SHOW(fchown(fd, 0, 0));
	SHOW(ioctl(fd, FIONREAD, &fd));
	SHOW(fd = open(".", O_TMPFILE | O_RDWR, 0640));
	SHOW(write(fd, "tmp", 3));
	sprintf(buffer, "/proc/self/fd/%d", fd);
	SHOW(linkat(AT_FDCWD, buffer, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
	show_stat("linked");
	SHOW(open(".", O_TMPFILE | O_RDONLY, 0640));
	SHOW(open("a", O_TMPFILE | O_RDWR, 0640));
	SHOW(open("", O_RDONLY));
	SHOW(open((char *)8, O_RDONLY));
	static char big[5000];
	memset(big, 'x', 4999);
	SHOW(open(big, O_RDONLY));
	big[256] = 0;
	SHOW(open(big, O_RDONLY));
	big[255] = 0;
	SHOW(open(big, O_RDONLY));
	SHOW(creat(big, 0600));
	struct open_how how = { .flags = O_RDONLY, .resolve = RESOLVE_NO_SYMLINKS };
	SHOW(syscall(SYS_openat2, AT_FDCWD, "link", &how, sizeof(how)));
	how.resolve = RESOLVE_BENEATH;
	SHOW(syscall(SYS_openat2, AT_FDCWD, "../..", &how, sizeof(how)));
	SHOW(syscall(SYS_openat2, AT_FDCWD, "/tmp", &how, sizeof(how)));
	how.resolve = RESOLVE_NO_XDEV;
	SHOW(syscall(SYS_openat2, AT_FDCWD, "/proc/self", &how, sizeof(how)));
	how.resolve = 0, how.flags = 1ULL << 40;
	SHOW(syscall(SYS_openat2, AT_FDCWD, "a", &how, sizeof(how)));
	how.flags = O_RDONLY, how.mode = 0644;
	SHOW(syscall(SYS_openat2, AT_FDCWD, "a", &how, sizeof(how)));
	SHOW(syscall(SYS_openat2, AT_FDCWD, "a", &how, 8));
	close_range(3, 1000, 0);
	SHOW(dup(0));
	SHOW(dup2(0, 10));
	SHOW(dup3(0, 10, O_CLOEXEC));
	SHOW(fcntl(10, F_GETFD));
	SHOW(dup3(0, 0, 0));
	SHOW(dup2(0, 0));
	SHOW(dup2(99, 99));
	SHOW(dup2(0, -1));
	SHOW(dup2(0, 1 << 30));
	SHOW(fcntl(0, F_DUPFD, 20));
	SHOW(fcntl(0, F_DUPFD_CLOEXEC, 20));
	SHOW(fcntl(0, F_DUPFD, 1 << 30));
	SHOW(fcntl(0, F_DUPFD, -1));
	SHOW(fcntl(20, 999));
	SHOW(close_range(20, 10, 0));
	SHOW(close_range(10, 20, CLOSE_RANGE_CLOEXEC));
	SHOW(fcntl(20, F_GETFD));
	SHOW(close_range(3, ~0u, 0));
	SHOW(fcntl(20, F_GETFD));
	struct rlimit limit = { 5, 5 };
	SHOW(setrlimit(RLIMIT_NOFILE, &limit));
	SHOW(open("/dev/null", O_RDONLY));
	SHOW(open("/dev/null", O_RDONLY));
	SHOW(open("/dev/null", O_RDONLY));
	SHOW(dup(0));
	SHOW(dup2(0, 5));
	SHOW(pipe((int[2]){}));
	SHOW(fcntl(0, F_DUPFD, 5));
}

FAMILY(reads_and_writes)
{
	static char buffer[70000];
	int fd = open("a", O_RDWR | O_CREAT, 0644), other;
	struct iovec vector[3] = { { "one", 3 }, { "", 0 }, { "three", 5 } };
	loff_t off;

	SHOW(writev(fd, vector, 3));
	SHOW(writev(fd, vector, -1));
	SHOW(writev(fd, vector, 1025));
	SHOW(writev(fd, vector, 0));
	vector[1].iov_len = -1;
	SHOW(writev(fd, vector, 3));
	vector[1].iov_len = 2, vector[1].iov_base = (void *)8;
	SHOW(writev(fd, vector, 3));
	SHOW(lseek(fd, 0, SEEK_SET));
	vector[0] = (struct iovec){ buffer, 2 };
	vector[1] = (struct iovec){ buffer + 10, 4 };
	SHOW(readv(fd, vector, 2));
	say("%.2s %.4s", buffer, buffer + 10);
	SHOW(preadv(fd, vector, 2, 1));
	say("%.2s %.4s", buffer, buffer + 10);
	SHOW(pwritev(fd, vector, 2, 20));
	SHOW(preadv2(fd, vector, 2, -1, 0));
	SHOW(preadv2(fd, vector, 2, 0, RWF_NOWAIT));
	SHOW(pwritev2(fd, vector, 1, 0, RWF_APPEND));
	SHOW(pwritev2(fd, vector, 1, 0, 0x1000));
	SHOW(preadv(fd, vector, 2, -1));
	SHOW(read(fd, (void *)8, 10));
	SHOW(write(fd, (void *)8, 10));
	SHOW(read(fd, buffer, -1));
	SHOW(read(99, buffer, 1));
	SHOW(pread(fd, buffer, 1, -1));
	SHOW(pwrite(fd, buffer, 1, LLONG_MAX));
	SHOW(lseek(fd, -1, SEEK_SET));
	SHOW(lseek(fd, 5, SEEK_END));
	SHOW(lseek(fd, -100, SEEK_CUR));
	SHOW(lseek(fd, LLONG_MAX, SEEK_CUR));
	SHOW(lseek(fd, 0, 99));
	SHOW(ftruncate(fd, 0));
	SHOW(pwrite(fd, "x", 1, 100000));
	show_stat("a");
	SHOW(lseek(fd, 0, SEEK_DATA));
	SHOW(lseek(fd, 0, SEEK_HOLE));
	SHOW(lseek(fd, 100000, SEEK_HOLE));
	SHOW(lseek(fd, 100001, SEEK_DATA));
	SHOW(lseek(fd, 200000, SEEK_HOLE));
	SHOW(ftruncate(fd, -1));
	SHOW(truncate("a", 5000));
	SHOW(truncate("none", 5000));
	SHOW(truncate(".", 5000));
	SHOW(fallocate(fd, 0, 0, 20000));
	show_stat("a");
	SHOW(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 40000));
	SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192));
	SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 4096, 8192));
	show_stat("a");
	SHOW(fallocate(fd, 0, 0, 0));
	SHOW(fallocate(fd, 0, -1, 10));
	SHOW(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096));
	SHOW(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
	SHOW(posix_fadvise(fd, 0, 0, 99));
	SHOW(readahead(fd, 0, 100));
	SHOW(fsync(fd));
	SHOW(fdatasync(fd));
	SHOW(syncfs(fd));
	SHOW(sync_file_range(fd, 0, 100, 0));
	SHOW(sync_file_range(fd, 0, 100, 99));
	ftruncate(fd, 0);
	pwrite(fd, "the quick brown fox", 19, 0);
	other = open("b", O_RDWR | O_CREAT, 0644);
	off = 4;
	SHOW(sendfile(other, fd, &off, 5));
	VALUE(off);
	SHOW(sendfile(other, fd, NULL, 3));
	off = 10;
	loff_t to = 2;
	SHOW(copy_file_range(fd, &off, other, &to, 100, 0));
	say("%ld %ld", (long)off, (long)to);
	SHOW(copy_file_range(fd, NULL, fd, NULL, 3, 0));
	SHOW(copy_file_range(fd, NULL, other, NULL, 3, 1));
	SHOW(pread(other, buffer, 100, 0));
	say("%.11s", buffer);
	SHOW(sendfile(fd, 0, NULL, 0));
	SHOW(sendfile(99, fd, NULL, 3));
	int p[2];
	pipe(p);
	off = 0;
	SHOW(sendfile(p[1], fd, &off, 3));
	SHOW(sendfile(fd, p[0], NULL, 3));
	SHOW(copy_file_range(p[0], NULL, fd, NULL, 3, 0));
	signal(SIGXFSZ, SIG_IGN);
	struct rlimit limit = { 30, 30 };
	setrlimit(RLIMIT_FSIZE, &limit);
	SHOW(pwrite(fd, "0123456789", 10, 25));
	SHOW(pwrite(fd, "0123456789", 10, 30));
	SHOW(ftruncate(fd, 31));
	IN_CHILD(signal(SIGXFSZ, SIG_DFL); setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }); pwrite(fd, "x", 1, 30));
	SHOW(flock(fd, LOCK_EX | LOCK_NB) == 0 || errno == ENOSYS);
	SHOW(setxattr("a", "user.x", "y", 1, 0));
	SHOW(getxattr("a", "user.x", buffer, 10));
	SHOW(listxattr("a", buffer, 10));
	SHOW(fremovexattr(fd, "user.x"));
	SHOW(getxattr("none", "user.x", buffer, 10));
	SHOW(getxattr("a", "", buffer, 10));
	SHOW(ioctl(fd, FIONREAD, &other));
	SHOW(ioctl(fd, 0x12345678, 0));
	SHOW(ioctl(fd, TIOCGWINSZ, buffer));
	SHOW(ioctl(fd, FIOCLEX));
	SHOW(fcntl(fd, F_GETFD));
	SHOW(read(open(".", O_RDONLY), buffer, 10));
	SHOW(write(open("/dev/full", O_RDWR), buffer, 10));
	SHOW(read(open("/dev/zero", O_RDWR), buffer, 70000));
	SHOW(read(open("/dev/null", O_RDWR), buffer, 10));
	SHOW(read(open("/dev/urandom", O_RDWR), buffer, 1000));
}
