// SPDX-License-Identifier: MIT
/*
 * files DIRECTORY: exercises the system calls on files and directories in an empty DIRECTORY and prints what each
 * answered. Run as root, it prints the same on Linux and on our kernel.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* Prints an expression and its value, with the error's name if it is -1. */
#define T(expression) show(#expression, (long)(expression))

static void show(const char *text, long value)
{
	if (value == -1)
		printf("%s = -1 %s\n", text, strerrorname_np(errno));
	else
		printf("%s = %ld\n", text, value);
}

/* A call that gives a descriptor: its number depends on the past, so only success is shown. */
#define F(variable, expression) (variable = show_fd(#expression, expression))

static int show_fd(const char *text, int fd)
{
	if (fd < 0)
		printf("%s = -1 %s\n", text, strerrorname_np(errno));
	else
		printf("%s = fd\n", text);
	return fd;
}

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	write(fd, text, strlen(text));
	close(fd);
}

static void show_file(const char *path)
{
	char buffer[200];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, buffer, sizeof(buffer) - 1);

	buffer[n < 0 ? 0 : n] = 0;
	printf("%s: %zd bytes '%s'\n", path, n, buffer);
	close(fd);
}

static void show_stat(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		printf("lstat %s: %s\n", path, strerrorname_np(errno));
	else if (S_ISDIR(st.st_mode))
		printf("lstat %s: mode %o\n", path, st.st_mode);
	else
		printf("lstat %s: mode %o nlink %lu uid %u gid %u size %ld rdev %lx\n", path, st.st_mode,
		       (unsigned long)st.st_nlink, st.st_uid, st.st_gid, (long)st.st_size, (unsigned long)st.st_rdev);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void show_directory(const char *path)
{
	char *names[100];
	int n = 0;
	DIR *dir = opendir(path);
	struct dirent *d;

	if (!dir) {
		printf("opendir %s: %s\n", path, strerrorname_np(errno));
		return;
	}
	while ((d = readdir(dir)) && n < 100) {
		char text[300];

		snprintf(text, sizeof(text), "%s(%d)", d->d_name, d->d_type);
		names[n++] = strdup(text);
	}
	closedir(dir);
	qsort(names, n, sizeof(*names), by_name);
	printf("directory %s:", path);
	for (int i = 0; i < n; i++)
		printf(" %s", names[i]);
	printf("\n");
}

static void opening(void)
{
	int fd;

	printf("-- opening\n");
	F(fd, open("missing", O_RDONLY));
	F(fd, open("", O_RDONLY));
	F(fd, open("a", O_WRONLY | O_CREAT, 0666));
	T(write(fd, "hello", 5));
	T(read(fd, (char[4]){ 0 }, 4));
	T(close(fd));
	T(close(fd));
	show_stat("a");
	F(fd, open("a", O_WRONLY | O_CREAT | O_EXCL, 0666));
	F(fd, open("a", O_RDONLY | O_DIRECTORY));
	F(fd, open("a/", O_RDONLY));
	F(fd, open("a/b", O_RDONLY));
	F(fd, open("a/b", O_WRONLY | O_CREAT, 0666));
	F(fd, open("new/", O_WRONLY | O_CREAT, 0666));
	F(fd, open("missing/b", O_WRONLY | O_CREAT, 0666));
	F(fd, open(".", O_WRONLY));
	F(fd, open(".", O_RDONLY | O_CREAT, 0666));
	F(fd, open("a", O_RDONLY));
	T(write(fd, "x", 1));
	T(fcntl(fd, F_GETFL) & ~0100000);
	T(close(fd));
	F(fd, open("a", O_RDWR | O_APPEND));
	T(write(fd, " world", 6));
	T(lseek(fd, 0, SEEK_CUR));
	T(pwrite(fd, "!", 1, 0));
	T(close(fd));
	show_file("a");
	F(fd, open("a", O_WRONLY | O_TRUNC));
	T(close(fd));
	show_file("a");
	T(open((char *)1, O_RDONLY));
	F(fd, open("x123456789x123456789x123456789x123456789x123456789x123456789x123456789x123456789x123456789"
		   "x123456789x123456789x123456789x123456789x123456789x123456789x123456789x123456789x123456789"
		   "x123456789x123456789x123456789x123456789x123456789x123456789x123456789x123456789x123456789",
		   O_RDONLY));
	F(fd, open("a", O_PATH));
	T(read(fd, (char[4]){ 0 }, 4));
	T(fchmod(fd, 0600));
	T(close(fd));
}

static void reading_and_writing(void)
{
	char buffer[64];
	struct iovec v[3] = { { "one", 3 }, { "", 0 }, { "three", 5 } };
	int fd, fd2;

	printf("-- reading and writing\n");
	F(fd, open("rw", O_RDWR | O_CREAT | O_TRUNC, 0600));
	T(write(fd, "0123456789", 10));
	T(lseek(fd, 3, SEEK_SET));
	T(read(fd, buffer, 4));
	printf("%.4s\n", buffer);
	T(lseek(fd, -2, SEEK_CUR));
	T(lseek(fd, -100, SEEK_CUR));
	T(lseek(fd, 0, SEEK_END));
	T(lseek(fd, 0, 99));
	T(lseek(fd, 20, SEEK_SET));
	T(read(fd, buffer, 4));
	T(write(fd, "end", 3));
	T(pread(fd, buffer, 64, 8));
	for (int i = 0; i < 15; i++)
		printf("%d ", buffer[i]);
	printf("\n");
	T(pread(fd, buffer, 4, -1));
	T(pread(fd, buffer, 4, 1000));
	T(ftruncate(fd, 5));
	T(lseek(fd, 0, SEEK_END));
	T(ftruncate(fd, 5000));
	T(pread(fd, buffer, 8, 4));
	printf("%d %d\n", buffer[0], buffer[1]);
	T(ftruncate(fd, -1));
	T(read(fd, (void *)8, 4));
	T(lseek(fd, 0, SEEK_SET));
	T(read(fd, (void *)8, 4));
	T(read(fd, (void *)-4096L, 4));
	T(write(fd, (void *)8, 4));
	T(read(fd, buffer, 0));
	T(read(99, buffer, 1));
	T(write(99, buffer, 1));
	T(writev(fd, v, 3));
	T(writev(fd, v, -1));
	T(writev(fd, v, 2000));
	T(lseek(fd, 0, SEEK_SET));
	v[0].iov_base = buffer;
	v[2].iov_base = buffer + 10;
	T(readv(fd, v, 3));
	printf("%.3s %.5s\n", buffer, buffer + 10);
	F(fd2, open("copy", O_RDWR | O_CREAT | O_TRUNC, 0600));
	T(lseek(fd, 0, SEEK_SET));
	T(syscall(SYS_sendfile, fd2, fd, 0L, 8L));
	T(lseek(fd, 0, SEEK_CUR));
	show_file("copy");
	T(close(fd2));
	T(fsync(fd));
	T(close(fd));
	T(truncate("rw", 3));
	show_file("rw");
	T(truncate(".", 3));
	T(truncate("missing", 3));
	T(truncate("rw", -3));
}

static void directories(void)
{
	char buffer[600];
	int fd;

	printf("-- directories\n");
	T(mkdir("d", 0755));
	T(mkdir("d", 0755));
	T(mkdir("d/", 0755));
	T(mkdir("d/e/", 0750));
	T(mkdir("missing/e", 0750));
	T(mkdir("a/e", 0750));
	T(mkdir(".", 0750));
	T(mkdir("/", 0750));
	put_file("d/f", "file");
	show_stat("d");
	show_stat("d/e");
	T(rmdir("d"));
	T(rmdir("d/f"));
	T(rmdir("d/."));
	T(rmdir("d/e/.."));
	T(rmdir("missing"));
	T(unlink("d"));
	T(unlink("d/"));
	T(unlink("d/f/"));
	T(unlink("."));
	T(rename("d/f", "d/e/g"));
	show_directory("d");
	show_directory("d/e");
	T(rename("d", "d/e/h"));
	T(rename("d/e", "d"));
	T(rename("d/e/g", "d/e"));
	T(mkdir("d2", 0700));
	T(rename("d/e", "d2"));
	show_directory("d");
	show_directory("d2");
	T(rename("d", "d2"));
	T(rename("d", "d2/g"));
	T(rename("d2/g", "d"));
	T(rename("missing", "m"));
	T(rename("d2/g", "d2/g"));
	T(rename("d2/.", "x"));
	T(syscall(SYS_renameat2, AT_FDCWD, "d2/g", AT_FDCWD, "a", 1));
	T(syscall(SYS_renameat2, AT_FDCWD, "d2/g", AT_FDCWD, "a", 64));
	F(fd, open("d2", O_RDONLY | O_DIRECTORY));
	T(read(fd, buffer, 10));
	T(getdents64(fd, buffer, 5));
	T(unlinkat(fd, "g", AT_REMOVEDIR));
	T(unlinkat(fd, "g", 0));
	T(unlinkat(fd, "g", 7));
	T(mkdirat(fd, "n", 0711));
	T(unlinkat(fd, "n", AT_REMOVEDIR));
	T(fchdir(fd));
	T(getcwd(buffer, sizeof(buffer)) != NULL);
	printf("%s\n", strrchr(buffer, '/'));
	T(rmdir("../d2"));
	T(getcwd(buffer, sizeof(buffer)) != NULL);
	show("getcwd", getcwd(buffer, 600) ? 0 : -1);
	T(mkdir("in-a-dead-directory", 0700));
	T(open("file", O_CREAT | O_WRONLY, 0600));
	T(close(fd));
	T(chdir(".."));
	T(chdir("a"));
	T(chdir("missing"));
	T(rmdir("d"));
	F(fd, openat(99, "x", O_RDONLY));
	F(fd, open("a", O_RDONLY));
	T(openat(fd, "x", O_RDONLY));
	T(fchdir(fd));
	T(getdents64(fd, buffer, 100));
	T(close(fd));
}

static void many_entries(void)
{
	char name[32];
	int fd, seen = 0, calls = 0;
	char buffer[256];
	ssize_t n;

	printf("-- many entries\n");
	mkdir("many", 0700);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "many/%d", i);
		put_file(name, "");
	}
	fd = open("many", O_RDONLY | O_DIRECTORY);
	while ((n = getdents64(fd, buffer, sizeof(buffer))) > 0) {
		calls++;
		for (ssize_t at = 0; at < n; at += ((struct dirent *)(buffer + at))->d_reclen)
			seen++;
	}
	printf("%d entries, several calls: %d\n", seen, calls > 1);
	lseek(fd, 0, SEEK_SET);
	seen = 0;
	/* Removing while listing loses no entry that stays. */
	while ((n = getdents64(fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < n; at += ((struct dirent *)(buffer + at))->d_reclen) {
			snprintf(name, sizeof(name), "many/%s", ((struct dirent *)(buffer + at))->d_name);
			if (unlink(name) == 0)
				seen++;
		}
	}
	close(fd);
	printf("%d removed\n", seen);
	T(rmdir("many"));
}

static void links(void)
{
	char buffer[64];
	struct stat st;
	int fd;

	printf("-- links\n");
	put_file("t", "target");
	T(symlink("t", "s"));
	T(symlink("t", "s"));
	T(symlink("", "empty"));
	T(readlink("s", buffer, sizeof(buffer)));
	T(readlink("s", buffer, 0));
	T(readlink("t", buffer, sizeof(buffer)));
	T(readlink("missing", buffer, sizeof(buffer)));
	show_stat("s");
	show_file("s");
	T(stat("s", &st));
	T(S_ISREG(st.st_mode));
	F(fd, open("s", O_RDONLY | O_NOFOLLOW));
	F(fd, open("s", O_RDONLY | O_DIRECTORY));
	T(symlink("loop2", "loop1"));
	T(symlink("loop1", "loop2"));
	F(fd, open("loop1", O_RDONLY));
	T(stat("loop1/x", &st));
	T(lstat("loop1", &st));
	T(symlink("dangling-target", "dangling"));
	F(fd, open("dangling", O_RDONLY));
	F(fd, open("dangling", O_WRONLY | O_CREAT | O_EXCL, 0600));
	F(fd, open("dangling", O_WRONLY | O_CREAT, 0600));
	T(close(fd));
	show_stat("dangling-target");
	T(mkdir("ld", 0700));
	T(symlink("ld", "sd"));
	T(symlink("../t", "ld/up"));
	show_file("sd/up");
	show_file("sd/../t");
	T(lstat("sd/", &st));
	T(S_ISDIR(st.st_mode));
	T(rmdir("sd"));
	T(rmdir("sd/"));
	T(mkdir("dangling2", 0700));
	T(symlink("/", "root"));
	T(stat("root/dev", &st));
	T(link("t", "hard"));
	T(link("t", "hard"));
	T(link("ld", "hardd"));
	T(link("missing", "x"));
	T(link("s", "hards"));
	show_stat("t");
	show_stat("hards");
	T(unlink("t"));
	show_stat("hard");
	show_file("hard");
	show_file("s");
	T(rename("hard", "t"));
	T(chmod("s", 0600));
	show_stat("t");
	F(fd, open("t", O_RDWR));
	T(unlink("t"));
	T(write(fd, "still", 5));
	T(fstat(fd, &st));
	T(st.st_nlink);
	T(close(fd));
}

static void attributes(void)
{
	struct timespec times[2] = { { 1000, 5 }, { 2000, 7 } };
	struct statx sx;
	struct stat st;
	struct statfs sf;
	int fd;

	printf("-- attributes\n");
	T(umask(027));
	put_file("m", "mode");
	show_stat("m");
	T(umask(022));
	T(chmod("m", 04755));
	show_stat("m");
	T(chmod("m", 0));
	T(access("m", F_OK));
	T(access("m", R_OK | W_OK));
	T(access("m", X_OK));
	T(access("missing", F_OK));
	T(access("m", 99));
	T(chmod("missing", 0600));
	T(chown("m", 12, 34));
	show_stat("m");
	T(chown("m", -1, -1));
	T(chown("missing", 0, 0));
	T(utimensat(AT_FDCWD, "m", times, 0));
	T(stat("m", &st));
	printf("%ld.%09ld %ld.%09ld\n", (long)st.st_atime, (long)st.st_atime_nsec, (long)st.st_mtime, (long)st.st_mtime_nsec);
	times[0].tv_nsec = 2000000000;
	T(utimensat(AT_FDCWD, "m", times, 0));
	T(utimensat(AT_FDCWD, "missing", NULL, 0));
	T(statx(AT_FDCWD, "m", 0, STATX_BASIC_STATS, &sx));
	printf("%o %u %u %llu\n", sx.stx_mode, sx.stx_uid, sx.stx_gid, (unsigned long long)sx.stx_size);
	T(statx(AT_FDCWD, "m", 0x8000, 0, &sx));
	T(stat("m", (struct stat *)8));
	T(stat((char *)8, &st));
	T(fstat(99, &st));
	T(fstatat(AT_FDCWD, "", &st, 0));
	F(fd, open("m", O_RDONLY));
	T(fstatat(fd, "", &st, AT_EMPTY_PATH));
	T(fchmod(fd, 0640));
	T(fchown(fd, 0, 0));
	T(close(fd));
	show_stat("m");
	T(statfs("m", &sf));
	T(sf.f_namelen);
	T(statfs("missing", &sf));
	T(mkfifo("fifo", 0600));
	T(mknod("null", S_IFCHR | 0600, 0x103));
	T(mknod("plain", 0600, 0));
	T(mknod("plain", 0600, 0));
	T(mknod("dir", S_IFDIR | 0600, 0));
	show_stat("fifo");
	show_stat("null");
	show_stat("plain");
}

static void descriptors(void)
{
	struct rlimit limit;
	int fd, fd2, n;

	printf("-- descriptors\n");
	F(fd, open("a", O_RDWR));
	F(fd2, dup(fd));
	T(lseek(fd, 7, SEEK_SET));
	T(lseek(fd2, 0, SEEK_CUR));
	T(dup2(fd, 50));
	T(dup2(fd, fd) == fd);
	T(dup2(99, 51));
	T(dup2(99, 99));
	T(dup2(fd, -1));
	T(dup3(fd, fd, 0));
	T(dup3(fd, 51, O_CLOEXEC));
	T(fcntl(51, F_GETFD));
	T(fcntl(50, F_GETFD));
	T(fcntl(50, F_SETFD, FD_CLOEXEC));
	T(fcntl(50, F_GETFD));
	T(fcntl(fd, F_DUPFD, 60));
	T(fcntl(fd, F_DUPFD_CLOEXEC, 60));
	T(fcntl(61, F_GETFD));
	T(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
	T(fcntl(fd2, F_GETFL) & ~0100000);
	T(fcntl(99, F_GETFD));
	T(fcntl(fd, 9999));
	T(ioctl(fd, TCGETS, NULL));
	T(ioctl(99, TCGETS, NULL));
	T(close(50) + close(51) + close(60) + close(61) + close(fd2));
	T(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = 20;
	T(setrlimit(RLIMIT_NOFILE, &limit));
	for (n = 0; dup(fd) >= 0; n++)
		;
	show("dup until", -1);
	printf("some: %d\n", n > 5);
	T(dup2(fd, 20));
	T(fcntl(fd, F_DUPFD, 20));
	for (n = 3; n < 20; n++)
		if (n != fd)
			close(n);
	T(close(fd));
}

static void mapping(void)
{
	char buffer[8] = { 0 }, *shared, *private, *other;
	int fd;

	printf("-- mapping\n");
	F(fd, open("map", O_RDWR | O_CREAT | O_TRUNC, 0600));
	T(ftruncate(fd, 6000));
	T(pwrite(fd, "first", 5, 0));
	shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	T(shared != MAP_FAILED && private != MAP_FAILED);
	printf("%.5s %.5s %d\n", shared, private, shared[5999]);
	memcpy(shared + 4096, "shared", 6);
	memcpy(private, "PRIV", 4);
	T(pread(fd, buffer, 6, 4096));
	printf("%.6s %.5s %.6s\n", buffer, shared, private + 4096);
	T(pwrite(fd, "again", 5, 0));
	printf("%.5s %.5s\n", shared, private);
	T(mmap(NULL, 4096, PROT_READ, MAP_SHARED, 99, 0) == MAP_FAILED ? -1 : 0);
	T(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 100) == MAP_FAILED ? -1 : 0);
	T(munmap(shared, 8192));
	T(close(fd));
	F(fd, open("map", O_RDONLY));
	T(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	T(close(fd));
	T(unlink("map"));
	other[0] = 'X';
	printf("%.5s %.5s\n", other, private);
	F(fd, open(".", O_RDONLY));
	T(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
	T(close(fd));
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc != 2 || chdir(argv[1]) < 0) {
		fprintf(stderr, "usage: files DIRECTORY (%s)\n", strerror(errno));
		return 2;
	}
	umask(022);
	opening();
	reading_and_writing();
	directories();
	many_entries();
	links();
	attributes();
	mapping();
	descriptors();
	printf("done\n");
	return 0;
}
