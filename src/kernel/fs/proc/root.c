// SPDX-License-Identifier: MIT
/*
 * proc: its root, and the entries that belong to no process. The root directory is the kernel's entries followed by one
 * directory for each process, which exists only while somebody looks at it. (Documentation/filesystems/proc.rst)
 */
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include "internal.h"

/* Where the numbers of processes begin in the root's directory offsets. */
#define FIRST_PID_OFFSET	0x10000

struct proc_dir_entry {
	struct dentry *dentry;
	struct file_operations fops;
	const struct proc_ops *ops;
	int (*single_show)(struct seq_file *, void *);
	const struct seq_operations *seq_ops;
	void *data;
};

static struct dentry *root;

void *pde_data(const struct inode *inode)
{
	struct proc_dir_entry *entry = inode->i_private;

	return entry->data;
}

static int entry_open(struct inode *inode, struct file *file)
{
	struct proc_dir_entry *entry = inode->i_private;
	int err;

	if (!entry)
		return -ENOENT;
	if (entry->single_show)
		return single_open(file, entry->single_show, entry->data);
	if (entry->seq_ops) {
		err = seq_open(file, entry->seq_ops);
		if (!err)
			((struct seq_file *)file->private_data)->private = entry->data;
		return err;
	}
	return entry->ops->proc_open ? entry->ops->proc_open(inode, file) : 0;
}

static struct proc_dir_entry *create(const char *name, umode_t mode, struct proc_dir_entry *parent,
				     const struct proc_dir_entry *from)
{
	struct proc_dir_entry *entry = kmemdup(from, sizeof(*from), GFP_KERNEL);
	struct dentry *dir = parent ? parent->dentry : proc_root(), *dentry;
	const char *slash;

	if (!entry)
		return NULL;
	while (dir && (slash = strchr(name, '/'))) {
		struct qstr q = QSTR_INIT(name, slash - name);

		dentry = d_lookup(dir, &q);
		dput(dentry);		/* pinned by being there */
		dir = dentry && dentry->d_inode ? dentry : NULL;
		name = slash + 1;
	}
	if (dir) {
		if (!(mode & S_IALLUGO))
			mode |= S_ISDIR(mode) ? S_IRUGO | S_IXUGO : S_IRUGO;
		dentry = pseudo_create(dir, name, mode, entry, S_ISDIR(mode) ? NULL : &entry->fops, NULL);
		if (!IS_ERR_OR_NULL(dentry)) {
			entry->dentry = dentry;
			return entry;
		}
	}
	kfree(entry);
	return NULL;
}

struct proc_dir_entry *proc_create_data(const char *name, umode_t mode, struct proc_dir_entry *parent,
					const struct proc_ops *ops, void *data)
{
	struct proc_dir_entry entry = { .ops = ops, .data = data };

	entry.fops = (struct file_operations){
		.open = entry_open, .read = ops->proc_read, .write = ops->proc_write,
		.read_iter = ops->proc_read_iter, .write_iter = ops->proc_write_iter, .llseek = ops->proc_lseek,
		.release = ops->proc_release, .poll = ops->proc_poll, .unlocked_ioctl = ops->proc_ioctl,
	};
	return create(name, mode, parent, &entry);
}

struct proc_dir_entry *proc_create(const char *name, umode_t mode, struct proc_dir_entry *parent,
				   const struct proc_ops *ops)
{
	return proc_create_data(name, mode, parent, ops, NULL);
}

struct proc_dir_entry *proc_create_single_data(const char *name, umode_t mode, struct proc_dir_entry *parent,
					       int (*show)(struct seq_file *, void *), void *data)
{
	struct proc_dir_entry entry = { .single_show = show, .data = data };

	entry.fops = (struct file_operations){
		.open = entry_open, .read_iter = seq_read_iter, .llseek = seq_lseek, .release = single_release,
	};
	return create(name, mode, parent, &entry);
}

struct proc_dir_entry *proc_create_seq_data(const char *name, umode_t mode, struct proc_dir_entry *parent,
					    const struct seq_operations *ops, void *data)
{
	struct proc_dir_entry entry = { .seq_ops = ops, .data = data };

	entry.fops = (struct file_operations){
		.open = entry_open, .read_iter = seq_read_iter, .llseek = seq_lseek, .release = seq_release,
	};
	return create(name, mode, parent, &entry);
}

struct proc_dir_entry *proc_mkdir(const char *name, struct proc_dir_entry *parent)
{
	struct proc_dir_entry entry = { .dentry = NULL };

	return create(name, S_IFDIR | 0555, parent, &entry);
}

struct proc_dir_entry *proc_symlink(const char *name, struct proc_dir_entry *parent, const char *target)
{
	struct proc_dir_entry *entry = kzalloc(sizeof(*entry), GFP_KERNEL);

	if (!entry)
		return NULL;
	entry->dentry = pseudo_symlink(parent ? parent->dentry : proc_root(), name, target);
	if (IS_ERR_OR_NULL(entry->dentry)) {
		kfree(entry);
		return NULL;
	}
	entry->dentry->d_inode->i_private = entry;
	return entry;
}

/* ---- /proc/sys --------------------------------------------------------------------------------------------------------- */

struct sysctl {
	int *value, min, max;
	int (*handler)(int value);
	char *string;
	size_t size;
};

static ssize_t sysctl_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct sysctl *sysctl = pde_data(file_inode(iocb->ki_filp));
	char text[512];
	int n;

	if (sysctl->string)
		n = scnprintf(text, sizeof(text), "%s\n", sysctl->string);
	else
		n = scnprintf(text, sizeof(text), "%d\n", *sysctl->value);
	return simple_read_to_iter(iocb, to, text, n);
}

static ssize_t sysctl_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct sysctl *sysctl = pde_data(file_inode(iocb->ki_filp));
	size_t count = iov_iter_count(from);
	char text[512], *word;
	int value, err;

	if (count >= sizeof(text))
		return -EINVAL;
	if (copy_from_iter(text, count, from) < count)
		return -EFAULT;
	text[count] = 0;
	word = strim(text);
	if (sysctl->string) {
		strscpy(sysctl->string, word, sysctl->size);
		return count;
	}
	err = kstrtoint(word, 0, &value);
	if (err || value < sysctl->min || value > sysctl->max)
		return -EINVAL;
	err = sysctl->handler ? sysctl->handler(value) : 0;
	if (err)
		return err;
	*sysctl->value = value;
	return count;
}

static const struct proc_ops sysctl_ops = {
	.proc_read_iter = sysctl_read, .proc_write_iter = sysctl_write, .proc_lseek = generic_file_llseek,
};

static int sysctl_create(const char *path, umode_t mode, const struct sysctl *from)
{
	struct sysctl *sysctl = kmemdup(from, sizeof(*from), GFP_KERNEL);
	char full[128];

	if (!sysctl)
		return -ENOMEM;
	scnprintf(full, sizeof(full), "sys/%s", path);
	/* Directories on the way come with their first file. */
	for (char *p = strchr(full, '/'); p; p = strchr(p + 1, '/')) {
		*p = 0;
		proc_mkdir(full, NULL);
		*p = '/';
	}
	if (proc_create_data(full, mode, NULL, &sysctl_ops, sysctl))
		return 0;
	kfree(sysctl);
	return -EEXIST;
}

int proc_sys_create_int(const char *path, umode_t mode, int *value, int min, int max, int (*handler)(int value))
{
	struct sysctl sysctl = { .value = value, .min = min, .max = max, .handler = handler };

	return sysctl_create(path, mode, &sysctl);
}

int proc_sys_create_string(const char *path, umode_t mode, char *value, size_t size)
{
	struct sysctl sysctl = { .string = value, .size = size };

	return sysctl_create(path, mode, &sysctl);
}

/* ---- The file system ---------------------------------------------------------------------------------------------------- */

static struct dentry *root_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	struct dentry *found = proc_pid_lookup(dentry);

	/* Not a negative entry: nothing can be made here. */
	return found || dentry->d_inode ? found : ERR_PTR(-ENOENT);
}

static int root_readdir(struct file *file, struct dir_context *ctx)
{
	if (ctx->pos < FIRST_PID_OFFSET) {
		struct dentry *cursor = file->private_data;
		int err = dcache_readdir(file, ctx);

		/* All of the kernel's entries are out when the cursor is in front of them. */
		if (err || cursor->d_child.prev != &file_dentry(file)->d_subdirs)
			return err;
		ctx->pos = FIRST_PID_OFFSET;
	}
	return proc_pid_readdir(file, ctx, FIRST_PID_OFFSET);
}

static const struct inode_operations root_inode_operations = { .lookup = root_lookup };
static struct file_operations root_fops;

static int proc_fill_super(struct super_block *sb, void *data, int silent)
{
	int err;

	sb->s_magic = PROC_SUPER_MAGIC;
	err = pseudo_fill_super(sb, data, silent);
	if (err)
		return err;
	root_fops = simple_dir_operations;
	root_fops.iterate_shared = root_readdir;
	sb->s_root->d_inode->i_mode = S_IFDIR | 0555;
	sb->s_root->d_inode->i_op = &root_inode_operations;
	sb->s_root->d_inode->i_fop = &root_fops;
	return 0;
}

static struct dentry *proc_mount(struct file_system_type *type, int flags, const char *dev_name, void *data)
{
	return mount_single(type, flags, data, proc_fill_super);
}

static struct file_system_type proc_type = {
	.name = "proc",
	.fs_flags = FS_USERNS_MOUNT,
	.mount = proc_mount,
	.kill_sb = kill_litter_super,
};

struct dentry *proc_root(void)
{
	struct vfsmount *mnt;

	if (!root) {
		register_filesystem(&proc_type);
		mnt = kern_mount(&proc_type);
		if (IS_ERR(mnt))
			return NULL;
		root = mnt->mnt_root;
	}
	return root;
}
