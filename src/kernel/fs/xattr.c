// SPDX-License-Identifier: MIT
/*
 * Extended attributes, which no file system here keeps: the calls check what they are given and say so. (man 7 xattr)
 */
#include <linux/xattr.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include "internal.h"

/* A file by name, or, without one, by descriptor. */
struct target {
	const char __user *name;
	int fd;
	bool follow;
};

static int find(const struct target *target, struct path *path)
{
	struct file *file;

	if (target->name)
		return user_path_at(AT_FDCWD, target->name, target->follow ? LOOKUP_FOLLOW : 0, path);
	file = fget(target->fd);
	if (!file)
		return -EBADF;
	*path = file->f_path;
	path_get(path);
	fput(file);
	return 0;
}

static int check_name(const char __user *user)
{
	char name[XATTR_NAME_MAX + 1];
	long length = strncpy_from_user(name, user, sizeof(name));

	return length < 0 ? length : length == 0 || length == sizeof(name) ? -ERANGE : 0;
}

/* Attributes of users go with files and directories only; nobody but root sees trusted ones. */
static int refuse(const struct target *target, const char __user *name, bool change)
{
	struct path path;
	int err;

	err = change ? check_name(name) : 0;
	if (err)
		return err;
	err = find(target, &path);
	if (err)
		return err;
	err = change ? mnt_want_write(path.mnt) : check_name(name);
	path_put(&path);
	return err ? err : -EOPNOTSUPP;
}

static int set(const struct target *target, const char __user *name, size_t size, int flags)
{
	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	if (size > XATTR_SIZE_MAX)
		return -E2BIG;
	return refuse(target, name, true);
}

static int list(const struct target *target)
{
	struct path path;
	int err = find(target, &path);

	if (!err)
		path_put(&path);
	return err;
}

#define BY_NAME(follows)	(&(struct target){ .name = path, .follow = (follows) })
#define BY_FD			(&(struct target){ .fd = fd })

SYSCALL_DEFINE5(setxattr, const char __user *, path, const char __user *, name, const void __user *, value, size_t, size,
		int, flags)
{
	return set(BY_NAME(true), name, size, flags);
}

SYSCALL_DEFINE5(lsetxattr, const char __user *, path, const char __user *, name, const void __user *, value, size_t, size,
		int, flags)
{
	return set(BY_NAME(false), name, size, flags);
}

SYSCALL_DEFINE5(fsetxattr, int, fd, const char __user *, name, const void __user *, value, size_t, size, int, flags)
{
	return set(BY_FD, name, size, flags);
}

SYSCALL_DEFINE4(getxattr, const char __user *, path, const char __user *, name, void __user *, value, size_t, size)
{
	return refuse(BY_NAME(true), name, false);
}

SYSCALL_DEFINE4(lgetxattr, const char __user *, path, const char __user *, name, void __user *, value, size_t, size)
{
	return refuse(BY_NAME(false), name, false);
}

SYSCALL_DEFINE4(fgetxattr, int, fd, const char __user *, name, void __user *, value, size_t, size)
{
	return refuse(BY_FD, name, false);
}

SYSCALL_DEFINE3(listxattr, const char __user *, path, char __user *, buffer, size_t, size)
{
	return list(BY_NAME(true));
}

SYSCALL_DEFINE3(llistxattr, const char __user *, path, char __user *, buffer, size_t, size)
{
	return list(BY_NAME(false));
}

SYSCALL_DEFINE3(flistxattr, int, fd, char __user *, buffer, size_t, size)
{
	return list(BY_FD);
}

SYSCALL_DEFINE2(removexattr, const char __user *, path, const char __user *, name)
{
	return refuse(BY_NAME(true), name, true);
}

SYSCALL_DEFINE2(lremovexattr, const char __user *, path, const char __user *, name)
{
	return refuse(BY_NAME(false), name, true);
}

SYSCALL_DEFINE2(fremovexattr, int, fd, const char __user *, name)
{
	return refuse(BY_FD, name, true);
}
