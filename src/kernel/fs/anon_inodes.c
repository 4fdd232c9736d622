// SPDX-License-Identifier: MIT
/* Files without a place in any directory: perf events, BPF objects, eventfd. They share one inode. */
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/poll.h>
#include <kernel/sched.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include "internal.h"

static struct vfsmount *anon_mnt;
static struct inode *anon_inode;

static char *anon_dname(struct dentry *dentry, char *buffer, int size)
{
	scnprintf(buffer, size, "anon_inode:%s", dentry->d_name.name);
	return buffer;
}

static const struct dentry_operations anon_dentry_operations = { .d_dname = anon_dname };

struct file *anon_inode_getfile(const char *name, const struct file_operations *fops, void *priv, int flags)
{
	struct qstr q = QSTR_INIT(name, strlen(name));
	struct path path = { .dentry = d_alloc(NULL, &q) };
	struct file *file;

	if (!path.dentry)
		return ERR_PTR(-ENOMEM);
	path.dentry->d_sb = anon_mnt->mnt_sb;
	path.dentry->d_op = &anon_dentry_operations;
	path.mnt = mntget(anon_mnt);
	ihold(anon_inode);
	d_instantiate(path.dentry, anon_inode);
	file = alloc_file(&path, flags & (O_ACCMODE | O_NONBLOCK), fops);
	if (IS_ERR(file))
		path_put(&path);
	else
		file->private_data = priv;
	return file;
}

int anon_inode_getfd(const char *name, const struct file_operations *fops, void *priv, int flags)
{
	int fd = get_unused_fd_flags(flags);
	struct file *file;

	if (fd < 0)
		return fd;
	file = anon_inode_getfile(name, fops, priv, flags);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

static const struct super_operations anon_super_operations = { .statfs = simple_statfs };

static int anon_fill_super(struct super_block *sb, void *data, int silent)
{
	struct inode *inode;

	sb->s_op = &anon_super_operations;
	sb->s_magic = ANON_INODE_FS_MAGIC;
	inode = new_inode(sb);
	if (inode)
		inode->i_mode = S_IFDIR | 0600;
	sb->s_root = d_make_root(inode);
	return sb->s_root ? 0 : -ENOMEM;
}

static struct dentry *anon_mount(struct file_system_type *type, int flags, const char *dev_name, void *data)
{
	return mount_nodev(type, flags, data, anon_fill_super);
}

static struct file_system_type anon_inodefs_type = {
	.name = "anon_inodefs",
	.mount = anon_mount,
	.kill_sb = kill_anon_super,
};

/* ---- eventfd (man 2 eventfd) ---------------------------------------------------------------------------------------- */

#define EFD_SEMAPHORE	1
#define EFD_CLOEXEC	O_CLOEXEC
#define EFD_NONBLOCK	O_NONBLOCK

struct eventfd {
	wait_queue_head_t wait;
	u64 count;
	unsigned int flags;
	int id;
};

static ssize_t eventfd_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct eventfd *e = file->private_data;
	u64 value;
	int err;

	if (size < sizeof(value))
		return -EINVAL;
	if (!e->count && (file->f_flags & O_NONBLOCK))
		return -EAGAIN;
	err = wait_event_interruptible(e->wait, e->count);
	if (err)
		return err;
	value = e->flags & EFD_SEMAPHORE ? 1 : e->count;
	e->count -= value;
	wake_up_interruptible_all(&e->wait);
	return put_user(value, (u64 __user *)buf) ? -EFAULT : (ssize_t)sizeof(value);
}

static ssize_t eventfd_write(struct file *file, const char __user *buf, size_t size, loff_t *pos)
{
	struct eventfd *e = file->private_data;
	u64 value;
	int err;

	if (size < sizeof(value))
		return -EINVAL;
	if (copy_from_user(&value, buf, sizeof(value)))
		return -EFAULT;
	if (value == ~0ULL)
		return -EINVAL;
	if (~0ULL - e->count <= value && (file->f_flags & O_NONBLOCK))
		return -EAGAIN;
	err = wait_event_interruptible(e->wait, ~0ULL - e->count > value);
	if (err)
		return err;
	e->count += value;
	wake_up_interruptible_all(&e->wait);
	return sizeof(value);
}

static __poll_t eventfd_poll(struct file *file, poll_table *table)
{
	struct eventfd *e = file->private_data;

	poll_wait(file, &e->wait, table);
	return (e->count ? EPOLLIN : 0) | (e->count == ~0ULL ? EPOLLERR : 0) | (~0ULL - 1 > e->count ? EPOLLOUT : 0);
}

static int eventfd_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static void eventfd_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct eventfd *e = file->private_data;

	seq_printf(m, "eventfd-count: %16llx\neventfd-id: %d\n", e->count, e->id);
}

static const struct file_operations eventfd_fops = {
	.show_fdinfo = eventfd_show_fdinfo,
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.release = eventfd_release,
	.llseek = noop_llseek,
};

static int do_eventfd(unsigned int count, int flags)
{
	static int next_id;
	struct eventfd *e;
	int fd;

	if (flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK))
		return -EINVAL;
	e = kzalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	init_waitqueue_head(&e->wait);
	e->count = count;
	e->id = next_id++;
	e->flags = flags;
	fd = anon_inode_getfd("[eventfd]", &eventfd_fops, e, O_RDWR | (flags & (EFD_CLOEXEC | EFD_NONBLOCK)));
	if (fd < 0)
		kfree(e);
	return fd;
}

SYSCALL_DEFINE2(eventfd2, unsigned int, count, int, flags)
{
	return do_eventfd(count, flags);
}

SYSCALL_DEFINE1(eventfd, unsigned int, count)
{
	return do_eventfd(count, 0);
}

static int anon_inode_init(void)
{
	register_filesystem(&anon_inodefs_type);
	anon_mnt = kern_mount(&anon_inodefs_type);
	if (IS_ERR(anon_mnt))
		return PTR_ERR(anon_mnt);
	anon_inode = new_inode(anon_mnt->mnt_sb);
	if (!anon_inode)
		return -ENOMEM;
	anon_inode->i_ino = get_next_ino();
	anon_inode->i_mode = S_IRUSR | S_IWUSR;
	return 0;
}
core_initcall(anon_inode_init);
