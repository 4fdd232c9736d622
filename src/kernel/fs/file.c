// SPDX-License-Identifier: MIT
/*
 * Descriptor tables and open files: numbers, sharing over fork, dup, fcntl, close.
 * (man 2 dup, man 2 fcntl, man 2 close)
 */
#include <linux/sched.h>
#include <linux/close_range.h>
#include <kernel/fs.h>
#include <kernel/fdtable.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/security.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include <kernel/bitops.h>
#include "internal.h"

#define FIRST_TABLE	64
#define MAX_FDS		(1 << 20)
#define BITS		(8 * sizeof(unsigned long))

static struct kmem_cache *filp_cache;

/* ---- Tables --------------------------------------------------------------------------------------------------- */

static void free_table(struct fdtable *fdt)
{
	kfree(fdt->fd);
	kfree(fdt->open_fds);
	kfree(fdt->close_on_exec);
}

/* Makes room for numbers below @wanted. */
static int expand(struct fdtable *fdt, unsigned int wanted)
{
	unsigned int max = fdt->max_fds ? fdt->max_fds : FIRST_TABLE, words, old_words = fdt->max_fds / BITS;
	struct fdtable new = { 0 };

	while (max < wanted)
		max *= 2;
	if (max == fdt->max_fds)
		return 0;
	words = max / BITS;
	new.fd = kcalloc(max, sizeof(*new.fd), GFP_KERNEL);
	new.open_fds = kcalloc(words, sizeof(long), GFP_KERNEL);
	new.close_on_exec = kcalloc(words, sizeof(long), GFP_KERNEL);
	if (!new.fd || !new.open_fds || !new.close_on_exec) {
		free_table(&new);
		return -ENOMEM;
	}
	if (fdt->max_fds) {
		memcpy(new.fd, fdt->fd, fdt->max_fds * sizeof(*new.fd));
		memcpy(new.open_fds, fdt->open_fds, old_words * sizeof(long));
		memcpy(new.close_on_exec, fdt->close_on_exec, old_words * sizeof(long));
		free_table(fdt);
	}
	new.max_fds = max;
	*fdt = new;
	return 0;
}

static bool test_fd(const unsigned long *bits, unsigned int fd)
{
	return bits[fd / BITS] & (1UL << (fd % BITS));
}

static void change_fd(unsigned long *bits, unsigned int fd, bool on)
{
	if (on)
		bits[fd / BITS] |= 1UL << (fd % BITS);
	else
		bits[fd / BITS] &= ~(1UL << (fd % BITS));
}

static int alloc_fd(struct files_struct *files, unsigned int start, unsigned int flags)
{
	unsigned int fd = start > files->next_fd ? start : files->next_fd;
	unsigned long limit = rlimit(RLIMIT_NOFILE);
	int err;

	while (fd < files->fdt->max_fds && test_fd(files->fdt->open_fds, fd))
		fd++;
	if (fd >= limit || fd >= MAX_FDS)
		return -EMFILE;
	err = expand(files->fdt, fd + 1);
	if (err)
		return err;
	change_fd(files->fdt->open_fds, fd, true);
	change_fd(files->fdt->close_on_exec, fd, flags & O_CLOEXEC);
	if (start <= files->next_fd)
		files->next_fd = fd + 1;
	return fd;
}

int get_unused_fd_flags(unsigned int flags)
{
	return alloc_fd(current->files, 0, flags);
}

void put_unused_fd(unsigned int fd)
{
	struct files_struct *files = current->files;

	change_fd(files->fdt->open_fds, fd, false);
	if (fd < files->next_fd)
		files->next_fd = fd;
}

void fd_install(unsigned int fd, struct file *file)
{
	current->files->fdt->fd[fd] = file;
}

static struct file *file_at(struct files_struct *files, unsigned int fd)
{
	return files && fd < files->fdt->max_fds ? files->fdt->fd[fd] : NULL;
}

struct file *fget_task(struct task_struct *task, unsigned int fd)
{
	struct files_struct *files = task->files;

	return files && fd < files->fdt->max_fds && files->fdt->fd[fd] ? get_file(files->fdt->fd[fd]) : NULL;
}

struct file *fget_raw(unsigned int fd)
{
	struct file *file = file_at(current->files, fd);

	return file ? get_file(file) : NULL;
}

struct file *fget(unsigned int fd)
{
	struct file *file = file_at(current->files, fd);

	return file && !(file->f_mode & FMODE_PATH) ? get_file(file) : NULL;
}

static struct file *take_fd(struct files_struct *files, unsigned int fd)
{
	struct file *file = file_at(files, fd);

	if (!file)
		return NULL;
	files->fdt->fd[fd] = NULL;
	change_fd(files->fdt->open_fds, fd, false);
	change_fd(files->fdt->close_on_exec, fd, false);
	if (fd < files->next_fd)
		files->next_fd = fd;
	return file;
}

int filp_close(struct file *file)
{
	int err = file->f_op->flush ? file->f_op->flush(file) : 0;

	fput(file);
	return err;
}

int close_fd(unsigned int fd)
{
	struct file *file = take_fd(current->files, fd);

	return file ? filp_close(file) : -EBADF;
}

static struct files_struct *dup_table(struct files_struct *old)
{
	struct files_struct *new = kzalloc(sizeof(*new), GFP_KERNEL);
	unsigned int used = FIRST_TABLE;

	if (!new)
		return NULL;
	new->count = 1;
	new->fdt = &new->fdtab;
	if (old) {
		for (unsigned int fd = 0; fd < old->fdt->max_fds; fd++)
			if (old->fdt->fd[fd])
				used = fd + 1;
	}
	if (expand(new->fdt, used)) {
		kfree(new);
		return NULL;
	}
	for (unsigned int fd = 0; old && fd < used && fd < old->fdt->max_fds; fd++) {
		if (!old->fdt->fd[fd])
			continue;
		new->fdt->fd[fd] = get_file(old->fdt->fd[fd]);
		change_fd(new->fdt->open_fds, fd, true);
		change_fd(new->fdt->close_on_exec, fd, test_fd(old->fdt->close_on_exec, fd));
	}
	return new;
}

static void put_files(struct files_struct *files)
{
	if (--files->count)
		return;
	for (unsigned int fd = 0; fd < files->fdt->max_fds; fd++)
		if (files->fdt->fd[fd])
			filp_close(files->fdt->fd[fd]);
	free_table(files->fdt);
	kfree(files);
}

int copy_files(unsigned long clone_flags, struct task_struct *task)
{
	struct files_struct *old = current->files;

	if (old && (clone_flags & CLONE_FILES)) {
		old->count++;
		task->files = old;
		return 0;
	}
	task->files = dup_table(old);
	return task->files ? 0 : -ENOMEM;
}

void exit_files(struct task_struct *task)
{
	struct files_struct *files = task->files;

	task->files = NULL;
	if (files)
		put_files(files);
}

int unshare_files(void)
{
	struct files_struct *old = current->files, *new;

	if (old && old->count == 1)
		return 0;
	new = dup_table(old);
	if (!new)
		return -ENOMEM;
	current->files = new;
	if (old)
		put_files(old);
	return 0;
}

void do_close_on_exec(struct files_struct *files)
{
	for (unsigned int fd = 0; fd < files->fdt->max_fds; fd++)
		if (files->fdt->fd[fd] && test_fd(files->fdt->close_on_exec, fd))
			filp_close(take_fd(files, fd));
}

/* ---- Root, working directory, umask ---------------------------------------------------------------------------- */

int copy_fs(unsigned long clone_flags, struct task_struct *task)
{
	struct fs_struct *old = current->fs, *new;

	if (old && (clone_flags & CLONE_FS)) {
		old->users++;
		task->fs = old;
		return 0;
	}
	new = kzalloc(sizeof(*new), GFP_KERNEL);
	if (!new)
		return -ENOMEM;
	new->users = 1;
	new->umask = old ? old->umask : 0022;
	new->root = old ? old->root : init_root_path;
	new->pwd = old ? old->pwd : init_root_path;
	path_get(&new->root);
	path_get(&new->pwd);
	task->fs = new;
	return 0;
}

void exit_fs(struct task_struct *task)
{
	struct fs_struct *fs = task->fs;

	task->fs = NULL;
	if (!fs || --fs->users)
		return;
	path_put(&fs->root);
	path_put(&fs->pwd);
	kfree(fs);
}

SYSCALL_DEFINE1(umask, int, mask)
{
	int old = current->fs->umask;

	current->fs->umask = mask & S_IRWXUGO;
	return old;
}

/* ---- Files ------------------------------------------------------------------------------------------------------ */

/* An open file of nothing yet. */
struct file *alloc_empty_file(int flags)
{
	struct file *file = kmem_cache_alloc(filp_cache, GFP_KERNEL);

	if (!file)
		return NULL;
	memset(file, 0, sizeof(*file));
	file->f_count = 1;
	file->f_flags = flags;
	file->f_mode = (flags + 1) & O_ACCMODE;
	mutex_init(&file->f_pos_lock);
	INIT_LIST_HEAD(&file->f_ep);
	return file;
}

void free_file(struct file *file)
{
	kmem_cache_free(filp_cache, file);
}

void fput(struct file *file)
{
	struct inode *inode = file->f_inode;
	struct path path = file->f_path;

	if (--file->f_count)
		return;
	eventpoll_release(file);
	if (file->f_op && file->f_op->release)
		file->f_op->release(inode, file);
	if ((file->f_mode & FMODE_WRITE) && inode && S_ISREG(inode->i_mode))
		inode->i_writecount--;
	free_file(file);
	path_put(&path);
}

SYSCALL_DEFINE1(close, unsigned int, fd)
{
	return close_fd(fd);
}

SYSCALL_DEFINE3(close_range, unsigned int, first, unsigned int, last, unsigned int, flags)
{
	struct files_struct *files;
	int err;

	if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		err = unshare_files();
		if (err)
			return err;
	}
	files = current->files;
	for (unsigned int fd = first; fd <= last && fd < files->fdt->max_fds; fd++) {
		if (!files->fdt->fd[fd])
			continue;
		if (flags & CLOSE_RANGE_CLOEXEC)
			change_fd(files->fdt->close_on_exec, fd, true);
		else
			filp_close(take_fd(files, fd));
	}
	return 0;
}

/* FIOCLEX and FIONCLEX. */
int set_close_on_exec(unsigned int fd, bool on)
{
	if (!file_at(current->files, fd))
		return -EBADF;
	change_fd(current->files->fdt->close_on_exec, fd, on);
	return 0;
}

/* ---- Duplicates ------------------------------------------------------------------------------------------------- */

static int dup_at_least(unsigned int fd, unsigned int start, unsigned int flags)
{
	struct file *file = fget_raw(fd);
	int new;

	if (!file)
		return -EBADF;
	new = alloc_fd(current->files, start, flags);
	if (new < 0)
		fput(file);
	else
		fd_install(new, file);
	return new;
}

static int do_dup3(unsigned int from, unsigned int to, unsigned int flags)
{
	struct files_struct *files = current->files;
	struct file *file, *old;
	int err;

	if (to >= rlimit(RLIMIT_NOFILE) || to >= MAX_FDS)
		return -EBADF;
	file = fget_raw(from);
	if (!file)
		return -EBADF;
	err = expand(files->fdt, to + 1);
	if (err) {
		fput(file);
		return err == -ENOMEM ? err : -EMFILE;
	}
	old = files->fdt->fd[to];
	if (!old && test_fd(files->fdt->open_fds, to)) {
		fput(file);
		return -EBUSY;
	}
	files->fdt->fd[to] = file;
	change_fd(files->fdt->open_fds, to, true);
	change_fd(files->fdt->close_on_exec, to, flags & O_CLOEXEC);
	if (old)
		filp_close(old);
	return to;
}

SYSCALL_DEFINE1(dup, unsigned int, fildes)
{
	return dup_at_least(fildes, 0, 0);
}

SYSCALL_DEFINE2(dup2, unsigned int, oldfd, unsigned int, newfd)
{
	if (oldfd == newfd)
		return file_at(current->files, oldfd) ? (long)newfd : -EBADF;
	return do_dup3(oldfd, newfd, 0);
}

SYSCALL_DEFINE3(dup3, unsigned int, oldfd, unsigned int, newfd, int, flags)
{
	if ((flags & ~O_CLOEXEC) || oldfd == newfd)
		return -EINVAL;
	return do_dup3(oldfd, newfd, flags);
}

/* ---- fcntl ------------------------------------------------------------------------------------------------------ */

#define SETFL_MASK	(O_APPEND | O_NONBLOCK | O_NDELAY | O_DIRECT | O_NOATIME)

/* Record locks: with one owner nothing ever conflicts. */
static int do_lock(unsigned int command, void __user *user)
{
	struct flock lock;

	if (copy_from_user(&lock, user, sizeof(lock)))
		return -EFAULT;
	if (lock.l_type != F_RDLCK && lock.l_type != F_WRLCK && lock.l_type != F_UNLCK)
		return -EINVAL;
	if (command != F_GETLK)
		return 0;
	lock.l_type = F_UNLCK;
	return copy_to_user(user, &lock, sizeof(lock)) ? -EFAULT : 0;
}

SYSCALL_DEFINE3(fcntl, unsigned int, fd, unsigned int, cmd, unsigned long, arg)
{
	struct files_struct *files = current->files;
	struct file *file = fget_raw(fd);
	long result = -EINVAL;

	if (!file)
		return -EBADF;
	if ((file->f_mode & FMODE_PATH) && cmd != F_DUPFD && cmd != F_DUPFD_CLOEXEC &&
	    cmd != F_GETFD && cmd != F_SETFD && cmd != F_GETFL) {
		fput(file);
		return -EBADF;
	}
	result = security_file_fcntl(file, cmd, arg);
	if (result) {
		fput(file);
		return result;
	}
	result = -EINVAL;
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		result = arg >= rlimit(RLIMIT_NOFILE) ? -EINVAL :
			 dup_at_least(fd, arg, cmd == F_DUPFD_CLOEXEC ? O_CLOEXEC : 0);
		break;
	case F_GETFD:
		result = test_fd(files->fdt->close_on_exec, fd) ? FD_CLOEXEC : 0;
		break;
	case F_SETFD:
		change_fd(files->fdt->close_on_exec, fd, arg & FD_CLOEXEC);
		result = 0;
		break;
	case F_GETFL:
		result = file->f_flags;
		break;
	case F_SETFL:
		file->f_flags = (file->f_flags & ~SETFL_MASK) | (arg & SETFL_MASK);
		result = 0;
		break;
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
		result = do_lock(cmd, (void __user *)arg);
		break;
	case F_SETOWN:
		result = 0;
		break;
	case F_GETOWN:
		result = 0;
		break;
	case F_SETPIPE_SZ:
	case F_GETPIPE_SZ:
		result = pipe_fcntl(file, cmd, arg);
		break;
	}
	fput(file);
	return result;
}

SYSCALL_DEFINE2(flock, unsigned int, fd, unsigned int, command)
{
	struct file *file = fget(fd);
	int op = command & ~4u;		/* LOCK_NB */

	if (!file)
		return -EBADF;
	fput(file);
	return op == 1 || op == 2 || op == 8 ? 0 : -EINVAL;
}

void files_init(void)
{
	filp_cache = kmem_cache_create("filp", sizeof(struct file), 0, 0, NULL);
}
