// SPDX-License-Identifier: MIT
/* The links of /proc/PID that lead to open files and directories, and the directories fd and fdinfo. */
#include <kernel/fdtable.h>
#include <kernel/mm.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include "pid.h"
#include "internal.h"

int proc_exe_path(struct task_struct *task, struct path *path)
{
	if (!task->mm || !task->mm->exe_file)
		return -ENOENT;
	*path = task->mm->exe_file->f_path;
	return 0;
}

int proc_cwd_path(struct task_struct *task, struct path *path)
{
	if (!task->fs)
		return -ENOENT;
	*path = task->fs->pwd;
	return 0;
}

int proc_root_path(struct task_struct *task, struct path *path)
{
	if (!task->fs)
		return -ENOENT;
	*path = task->fs->root;
	return 0;
}

struct file *proc_fd_file(struct task_struct *task, int fd)
{
	return task->files && fd >= 0 && fd < (int)task->files->fdt->max_fds ? task->files->fdt->fd[fd] : NULL;
}

/* Where a magic link leads, with references. */
static int magic_path(struct dentry *dentry, struct path *path)
{
	struct inode *inode = dentry->d_inode;
	struct task_struct *task = proc_task(inode);
	const struct pid_entry *entry = (const void *)inode->i_link;
	int err = 0;

	if (!task)
		return -ESRCH;
	if (proc_fd(inode) >= 0) {
		struct file *file = proc_fd_file(task, proc_fd(inode));

		if (!file)
			return -ENOENT;
		*path = file->f_path;
	} else {
		err = entry->link(task, path);
	}
	if (!err)
		path_get(path);
	return err;
}

static int magic_readlink(struct dentry *dentry, char __user *buffer, int size)
{
	char *page = (char *)__get_free_page(GFP_KERNEL), *text;
	struct path path;
	int len;

	if (!page)
		return -ENOMEM;
	len = magic_path(dentry, &path);
	if (!len) {
		text = d_path(&path, page, PAGE_SIZE);
		len = PTR_ERR_OR_ZERO(text);
		if (!len) {
			len = min_t(int, strlen(text), size);
			if (copy_to_user(buffer, text, len))
				len = -EFAULT;
		}
		path_put(&path);
	}
	free_page((unsigned long)page);
	return len;
}

const struct inode_operations proc_pid_link_inode_operations = { .get_link_path = magic_path, .readlink = magic_readlink };

static int fdinfo_show(struct seq_file *m, void *v)
{
	const struct inode *inode = m->private;
	struct task_struct *task = proc_task(inode);
	struct file *file = task ? proc_fd_file(task, proc_fd(inode)) : NULL;

	if (!file)
		return -ENOENT;
	seq_printf(m, "pos:\t%lli\nflags:\t0%o\nmnt_id:\t%i\nino:\t%lu\n", file->f_pos, file->f_flags,
		   real_mount(file->f_path.mnt)->mnt_id, file_inode(file)->i_ino);
	if (file->f_op->show_fdinfo)
		file->f_op->show_fdinfo(m, file);
	return 0;
}

static int fdinfo_open(struct inode *inode, struct file *file)
{
	return single_open(file, fdinfo_show, inode);
}

static const struct file_operations fdinfo_fops = {
	.open = fdinfo_open, .read = seq_read, .llseek = seq_lseek, .release = single_release,
};

static const struct pid_entry fd_entry = { .mode = S_IFLNK | 0700, .iops = &proc_pid_link_inode_operations };
static const struct pid_entry fdinfo_entry = { .mode = S_IFREG | 0444, .fops = &fdinfo_fops };

static struct dentry *lookup_fd(struct inode *dir, struct dentry *dentry, const struct pid_entry *entry)
{
	struct task_struct *task = proc_task(dir);
	int fd = name_to_int(&dentry->d_name);
	struct file *file = task ? proc_fd_file(task, fd) : NULL;

	if (!file)
		return ERR_PTR(-ENOENT);
	dentry = proc_pid_instantiate(dentry, task, fd, entry);
	return dentry;
}

static struct dentry *fd_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	struct dentry *result = lookup_fd(dir, dentry, &fd_entry);
	struct task_struct *task = proc_task(dir);
	struct file *file;

	if (result)
		return result;
	/* The permission bits say how the file was opened. */
	file = proc_fd_file(task, proc_fd(dentry->d_inode));
	dentry->d_inode->i_mode = S_IFLNK | (file->f_mode & FMODE_READ ? 0500 : 0) |
				  (file->f_mode & FMODE_WRITE ? 0300 : 0);
	i_size_write(dentry->d_inode, 64);
	return NULL;
}

static struct dentry *fdinfo_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	return lookup_fd(dir, dentry, &fdinfo_entry);
}

static int fd_readdir(struct file *file, struct dir_context *ctx)
{
	struct task_struct *task = proc_task(file_inode(file));
	bool info = file_inode(file)->i_link;

	if (!task)
		return -ENOENT;
	if (!dir_emit_dots(file, ctx))
		return 0;
	for (unsigned int fd = ctx->pos - 2; task->files && fd < task->files->fdt->max_fds; fd++) {
		char name[12];

		ctx->pos = fd + 2;
		if (!task->files->fdt->fd[fd])
			continue;
		if (!dir_emit(ctx, name, sprintf(name, "%u", fd), fd + 1, info ? DT_REG : DT_LNK))
			return 0;
		ctx->pos++;
	}
	return 0;
}

const struct file_operations proc_fd_operations = {
	.read = generic_read_dir, .iterate_shared = fd_readdir, .llseek = generic_file_llseek,
};
const struct inode_operations proc_fd_inode_operations = { .lookup = fd_lookup };
const struct inode_operations proc_fdinfo_inode_operations = { .lookup = fdinfo_lookup };
