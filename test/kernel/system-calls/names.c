// SPDX-License-Identifier: MIT
/* Names: links, renames, directories, times, permissions as root and as somebody else. */
#include "report.h"

#include <dirent.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void show_tree(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, by_name);

	for (int i = 0; i < n; i++) {
		char full[600], target[100] = "";
		struct stat st;

		snprintf(full, sizeof(full), "%s/%s", path, entries[i]->d_name);
		lstat(full, &st);
		if (S_ISLNK(st.st_mode))
			readlink(full, target, sizeof(target) - 1);
		if (entries[i]->d_name[0] != '.')
			say("  %s type %d mode %o links %ld size %ld %s", full, entries[i]->d_type, st.st_mode,
			    (long)st.st_nlink, S_ISDIR(st.st_mode) ? 0 : (long)st.st_size, target);
		if (S_ISDIR(st.st_mode) && entries[i]->d_name[0] != '.')
			show_tree(full);
	}
}

FAMILY(names)
{
	char buffer[200];
	int fd;

	put_file("a", "a");
	put_file("b", "bb");
	SHOW(mkdir("d", 0777));
	SHOW(mkdir("d", 0777));
	SHOW(mkdir("a/x", 0777));
	SHOW(mkdir("none/x", 0777));
	SHOW(mkdir("slash/", 01777));
	SHOW(mkdir(".", 0777));
	SHOW(link("a", "d/a"));
	SHOW(link("a", "b"));
	SHOW(link("d", "e"));
	SHOW(link("none", "e"));
	SHOW(link("a", "/proc/x"));
	SHOW(symlink("../a", "d/l"));
	SHOW(symlink("", "e"));
	SHOW(symlink("x", "d/l"));
	SHOW(linkat(AT_FDCWD, "d/l", AT_FDCWD, "l2", 0));
	SHOW(linkat(AT_FDCWD, "d/l", AT_FDCWD, "l3", AT_SYMLINK_FOLLOW));
	SHOW(linkat(AT_FDCWD, "d/l", AT_FDCWD, "l4", 0x40));
	SHOW(readlink("d/l", buffer, 2));
	SHOW(readlink("d/l", buffer, 0));
	SHOW(readlink("a", buffer, 100));
	SHOW(rename("b", "d/b"));
	SHOW(rename("d", "d/inside"));
	SHOW(rename("a", "d"));
	SHOW(rename("d", "a"));
	SHOW(rename("slash", "d"));
	SHOW(rename("none", "d"));
	SHOW(rename("a", "d/a"));
	SHOW(rename("a", "none/a"));
	SHOW(rename("a", "/proc/a"));
	SHOW(rename(".", "x"));
	SHOW(rename("a", "x/"));
	SHOW(rename("slash", "other/"));
	SHOW(rename("d", "other"));
	SHOW(renameat2(AT_FDCWD, "a", AT_FDCWD, "d/b", RENAME_NOREPLACE));
	SHOW(renameat2(AT_FDCWD, "a", AT_FDCWD, "other", RENAME_EXCHANGE));
	SHOW(renameat2(AT_FDCWD, "a", AT_FDCWD, "none", RENAME_EXCHANGE));
	SHOW(renameat2(AT_FDCWD, "a", AT_FDCWD, "x", RENAME_EXCHANGE | RENAME_NOREPLACE));
	SHOW(renameat2(AT_FDCWD, "a", AT_FDCWD, "x", 64));
	show_tree(".");
	SHOW(unlink("d"));
	SHOW(rmdir("other"));
	SHOW(rmdir("d"));
	SHOW(rmdir("a/."));
	SHOW(rmdir("d/.."));
	SHOW(rmdir("none"));
	SHOW(rmdir("/"));
	SHOW(unlink("none"));
	SHOW(unlink("l3/"));
	SHOW(unlink("a/"));
	SHOW(unlinkat(AT_FDCWD, "a", 0));
	SHOW(unlinkat(AT_FDCWD, "a", AT_REMOVEDIR));
	SHOW(unlinkat(AT_FDCWD, "a", 1));
	SHOW(mknod("node", S_IFCHR | 0600, makedev(1, 3)));
	SHOW(mknod("socket", S_IFSOCK | 0600, 0));
	SHOW(mknod("dir", S_IFDIR | 0600, 0));
	SHOW(mknod("plain", 0600, 0));
	SHOW(mknod("odd", 0170000, 0));
	SHOW(open("node", O_RDWR));
	SHOW(open("socket", O_RDWR));
	SHOW(mknod("nodevice", S_IFCHR | 0600, makedev(250, 250)));
	SHOW(open("nodevice", O_RDWR));
	SHOW(mknod("noblock", S_IFBLK | 0600, makedev(250, 250)));
	SHOW(open("noblock", O_RDWR));
	show_tree(".");

	mkdir("w", 0755);
	SHOW(chdir("w"));
	SHOW(getcwd(buffer, 5) != NULL);
	SHOW(syscall(SYS_getcwd, buffer, 200));
	say("%s", buffer);
	SHOW(rmdir("../w"));
	SHOW(syscall(SYS_getcwd, buffer, 200));
	SHOW(open("new", O_CREAT | O_RDWR, 0600));
	SHOW(mkdir("new", 0700));
	SHOW(chdir(".."));
	SHOW(chdir("plain"));
	SHOW(fd = open("d", O_RDONLY));
	SHOW(fchdir(fd));
	SHOW(fchdir(0));
	SHOW(fchdir(99));
	SHOW(chdir("/tmp/family-names"));
	SHOW(openat(fd, "nothing", O_RDONLY));
	SHOW(openat(fd, "fresh", O_CREAT | O_RDWR, 0600));
	SHOW(openat(99, "x", O_RDONLY));
	SHOW(openat(99, "/dev/null", O_RDONLY));
	SHOW(openat(1, "x", O_RDONLY));
	SHOW(mkdirat(fd, "sub", 0700));
	SHOW(faccessat(fd, "sub", X_OK, 0));
	SHOW(faccessat(fd, "sub", 8, 0));
	SHOW(access("plain", X_OK));
	SHOW(fchmodat(fd, "fresh", 0111, 0));
	SHOW(fchownat(fd, "fresh", 5, 6, 0));
	SHOW(fchownat(fd, "", 7, -1, AT_EMPTY_PATH));
	SHOW(symlinkat("target", fd, "sl"));
	SHOW(renameat(fd, "sl", AT_FDCWD, "sl"));
	struct stat st = { 0 };
	SHOW(fstatat(fd, "fresh", &st, 0));
	say("%o %d %d", st.st_mode, st.st_uid, st.st_gid);
	SHOW(fstatat(fd, "", &st, AT_EMPTY_PATH));
	SHOW(fstatat(fd, "", &st, 0));
	SHOW(fstatat(fd, "fresh", &st, 0x8000000));
	SHOW(chmod("none", 0));
	SHOW(chown("plain", 1000, 1000));
	SHOW(chmod("plain", 06777));
	SHOW(chown("plain", 1, -1));
	lstat("plain", &st);
	say("%o %d %d", st.st_mode, st.st_uid, st.st_gid);
	SHOW(chroot("none"));
	IN_CHILD(mkdir("root", 0755); SHOW(chroot("root")); SHOW(chdir("/")); SHOW(open("plain", O_RDONLY));
		 SHOW(chdir("..")); SHOW(syscall(SYS_getcwd, buffer, 200)); say("%s", buffer));
	SHOW(umask(0777));
	SHOW(umask(01022));
	SHOW(umask(022));
}

FAMILY(times)
{
	struct stat st;
	struct timespec when[2] = { { 1000000000, 123456789 }, { 1500000000, 987654321 } };
	struct statx sx;
	struct statfs fs;

	put_file("a", "x");
	SHOW(utimensat(AT_FDCWD, "a", when, 0));
	stat("a", &st);
	say("%ld.%09ld %ld.%09ld", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	when[0].tv_nsec = UTIME_OMIT;
	when[1].tv_nsec = 5;
	SHOW(utimensat(AT_FDCWD, "a", when, 0));
	stat("a", &st);
	say("%ld.%09ld %ld.%09ld", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	when[1].tv_nsec = 1000000000;
	SHOW(utimensat(AT_FDCWD, "a", when, 0));
	SHOW(utimensat(AT_FDCWD, "none", NULL, 0));
	SHOW(utimensat(AT_FDCWD, "a", NULL, 1));
	SHOW(utimes("a", (struct timeval[2]){ { 1, 2 }, { 3, 4 } }));
	SHOW(futimens(open("a", O_RDONLY), NULL));
	SHOW(syscall(SYS_utimensat, 3, NULL, NULL, 0));
	SHOW(utimes("a", (struct timeval[2]){ { 1, 2000000 }, { 3, 4 } }));
	SHOW(syscall(SYS_statx, AT_FDCWD, "a", 0, STATX_ALL, &sx));
	say("mask %x mode %o size %lld links %d attributes %llx of %llx", sx.stx_mask & ~STATX_BTIME, sx.stx_mode,
	    sx.stx_size, sx.stx_nlink, sx.stx_attributes, sx.stx_attributes_mask);
	SHOW(syscall(SYS_statx, AT_FDCWD, "a", 0, 0x80000000, &sx));
	SHOW(syscall(SYS_statx, AT_FDCWD, "a", 0x6000, 0, &sx));
	SHOW(syscall(SYS_statx, AT_FDCWD, "/", 0, STATX_BASIC_STATS, &sx));
	SHOW(!!(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT));
	SHOW(syscall(SYS_statx, 3, "", AT_EMPTY_PATH, STATX_SIZE, &sx));
	SHOW(syscall(SYS_statx, 3, "", AT_EMPTY_PATH, STATX_SIZE, (void *)8));
	SHOW(statfs(".", &fs));
	say("type %lx bsize %ld namelen %ld frsize %ld flags %lx", fs.f_type, fs.f_bsize, fs.f_namelen, fs.f_frsize,
	    fs.f_flags);
	SHOW(statfs("/proc", &fs));
	say("type %lx bsize %ld blocks %ld files %ld namelen %ld frsize %ld flags %lx", fs.f_type, fs.f_bsize,
	    (long)fs.f_blocks, (long)fs.f_files, fs.f_namelen, fs.f_frsize, fs.f_flags);
	SHOW(statfs("/sys", &fs));
	say("type %lx flags %lx", fs.f_type, fs.f_flags);
	SHOW(statfs("/sys/kernel/debug", &fs));
	say("type %lx flags %lx", fs.f_type, fs.f_flags);
	SHOW(statfs("/sys/kernel/tracing", &fs));
	say("type %lx flags %lx", fs.f_type, fs.f_flags);
	SHOW(statfs("none", &fs));
	int p[2];
	pipe(p);
	SHOW(fstatfs(p[0], &fs));
	say("type %lx", fs.f_type);
}

FAMILY(permissions)
{
	struct stat st;

	put_file("private", "x");
	chmod("private", 0600);
	put_file("public", "x");
	mkdir("closed", 0700);
	mkdir("sticky", 01777);
	mkdir("setgid", 02777);
	chmod("setgid", 02777);
	chown("setgid", 0, 55);
	put_file("sticky/roots", "x");
	chmod(".", 0777);
	setgroups(0, NULL);
	SHOW(setresgid(1000, 1000, 1000));
	SHOW(setresuid(1000, 1000, 1000));
	SHOW(open("private", O_RDONLY));
	SHOW(open("public", O_RDONLY));
	SHOW(open("public", O_WRONLY));
	SHOW(open("closed/x", O_RDONLY));
	SHOW(open("closed", O_RDONLY));
	SHOW(chdir("closed"));
	SHOW(unlink("sticky/roots"));
	SHOW(rename("sticky/roots", "sticky/mine"));
	SHOW(chmod("public", 0777));
	SHOW(chown("public", 1000, 1000));
	SHOW(utimensat(AT_FDCWD, "public", NULL, 0));
	SHOW(utimensat(AT_FDCWD, "public", (struct timespec[2]){}, 0));
	SHOW(truncate("public", 0));
	SHOW(link("public", "hard"));
	SHOW(mknod("node", S_IFCHR, 0x103));
	SHOW(mknod("fifo", S_IFIFO | 0600, 0));
	SHOW(chroot("."));
	SHOW(mount("none", ".", "tmpfs", 0, NULL));
	SHOW(umount("/proc"));
	SHOW(sethostname("x", 1));
	SHOW(kill(1, 0));
	SHOW(setuid(0));
	SHOW(setgid(0));
	SHOW(setgroups(1, (gid_t[]){ 0 }));
	SHOW(mkdir("setgid/d", 0755));
	stat("setgid/d", &st);
	say("%o %d %d", st.st_mode, st.st_uid, st.st_gid);
	SHOW(open("setgid/f", O_CREAT | O_RDWR, 02775));
	stat("setgid/f", &st);
	say("%o %d %d", st.st_mode, st.st_uid, st.st_gid);
	SHOW(chmod("setgid/f", 02755));
	stat("setgid/f", &st);
	say("%o", st.st_mode);
	SHOW(chown("setgid/f", -1, 56));
	SHOW(unlink("setgid/f"));
	SHOW(access("private", R_OK));
	SHOW(open("/proc/1/environ", O_RDONLY));
	SHOW(open("/proc/kmsg", O_RDONLY));
	SHOW(open("/sys/kernel/debug", O_RDONLY));
	SHOW(nice(-5));
	SHOW(syscall(SYS_reboot, 0xfee1dead, 672274793, 0, 0));
	SHOW(syscall(SYS_getdents64, open(".", O_RDONLY), (void *)8, 100));
}
