// SPDX-License-Identifier: MIT
/* File system types and super blocks: finding, making, sharing and ending them. */
#include <kernel/fs.h>
#include <kernel/blkdev.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/proc_fs.h>
#include <kernel/seq_file.h>
#include "internal.h"

#define MAX_ANON	256

LIST_HEAD(super_blocks);
struct file_system_type *file_systems;
static unsigned long anon_minors[MAX_ANON / 64];

int register_filesystem(struct file_system_type *type)
{
	struct file_system_type **p;

	for (p = &file_systems; *p; p = &(*p)->next)
		if (!strcmp((*p)->name, type->name))
			return -EBUSY;
	type->next = NULL;
	*p = type;
	return 0;
}

struct file_system_type *get_fs_type(const char *name)
{
	struct file_system_type *type;

	for (type = file_systems; type; type = type->next)
		if (!strcmp(type->name, name))
			break;
	return type;
}

static void destroy_super(struct super_block *sb)
{
	list_del(&sb->s_list);
	kfree(sb);
}

struct super_block *sget(struct file_system_type *type, int (*test)(struct super_block *, void *),
			 int (*set)(struct super_block *, void *), int flags, void *data)
{
	struct super_block *sb;
	int err;

	list_for_each_entry(sb, &super_blocks, s_list) {
		if (test && sb->s_type == type && sb->s_active && test(sb, data)) {
			sb->s_active++;
			return sb;
		}
	}
	sb = kzalloc(sizeof(*sb), GFP_KERNEL);
	if (!sb)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&sb->s_inodes);
	sb->s_flags = flags;
	sb->s_type = type;
	sb->s_active = 1;
	sb->s_maxbytes = LLONG_MAX;
	sb->s_time_gran = 1;
	strscpy(sb->s_id, type->name, sizeof(sb->s_id));
	list_add_tail(&sb->s_list, &super_blocks);
	err = set ? set(sb, data) : 0;
	if (err) {
		destroy_super(sb);
		return ERR_PTR(err);
	}
	return sb;
}

int set_anon_super(struct super_block *sb, void *data)
{
	for (int i = 1; i < MAX_ANON; i++) {
		if (!(anon_minors[i / 64] & (1UL << (i % 64)))) {
			anon_minors[i / 64] |= 1UL << (i % 64);
			sb->s_dev = MKDEV(0, i);
			return 0;
		}
	}
	return -EMFILE;
}

void generic_shutdown_super(struct super_block *sb)
{
	struct dentry *root = sb->s_root;

	if (root) {
		sb->s_flags &= ~SB_ACTIVE;
		if (sb->s_op->sync_fs)
			sb->s_op->sync_fs(sb, 1);
		shrink_dcache_sb(sb);
		d_genocide(root);
		sb->s_root = NULL;
		if (root->d_count != 1)
			pr_err("BUG: Dentry %p{i=%lx,n=/}  still in use (%d) [unmount of %s %s]\n", root,
			       root->d_inode->i_ino, root->d_count - 1, sb->s_type->name, sb->s_id);
		dput(root);
		evict_inodes(sb);
		if (sb->s_op->put_super)
			sb->s_op->put_super(sb);
		/* Only now: ->put_super may put inodes of the file system's own. */
		if (!list_empty(&sb->s_inodes))
			pr_err("VFS: Busy inodes after unmount of %s. Self-destruct in 5 seconds.  Have a nice day...\n",
			       sb->s_id);
	}
}

void kill_anon_super(struct super_block *sb)
{
	unsigned int minor = MINOR(sb->s_dev);

	generic_shutdown_super(sb);
	anon_minors[minor / 64] &= ~(1UL << (minor % 64));
}

void kill_litter_super(struct super_block *sb)
{
	if (sb->s_root)
		d_genocide(sb->s_root);
	kill_anon_super(sb);
}

void deactivate_locked_super(struct super_block *sb)
{
	if (--sb->s_active)
		return;
	sb->s_type->kill_sb(sb);
	destroy_super(sb);
}

void deactivate_super(struct super_block *sb)
{
	deactivate_locked_super(sb);
}

static struct dentry *fill_new(struct super_block *sb, int flags, void *data,
			       int (*fill_super)(struct super_block *, void *, int))
{
	int err = fill_super(sb, data, flags & SB_SILENT ? 1 : 0);

	if (err) {
		deactivate_locked_super(sb);
		return ERR_PTR(err);
	}
	sb->s_flags |= SB_ACTIVE;
	return dget(sb->s_root);
}

struct dentry *mount_nodev(struct file_system_type *type, int flags, void *data,
			   int (*fill_super)(struct super_block *, void *, int))
{
	struct super_block *sb = sget(type, NULL, set_anon_super, flags, NULL);

	if (IS_ERR(sb))
		return ERR_CAST(sb);
	return fill_new(sb, flags, data, fill_super);
}

static int any_super(struct super_block *sb, void *data)
{
	return 1;
}

struct dentry *mount_single(struct file_system_type *type, int flags, void *data,
			    int (*fill_super)(struct super_block *, void *, int))
{
	struct super_block *sb = sget(type, any_super, set_anon_super, flags, NULL);

	if (IS_ERR(sb))
		return ERR_CAST(sb);
	return sb->s_root ? dget(sb->s_root) : fill_new(sb, flags, data, fill_super);
}

void emergency_sync(void)
{
	struct super_block *sb;

	list_for_each_entry(sb, &super_blocks, s_list)
		if (sb->s_root && sb->s_op->sync_fs && !sb_rdonly(sb))
			sb->s_op->sync_fs(sb, 1);
}

static int filesystems_show(struct seq_file *m, void *v)
{
	struct file_system_type *type;

	for (type = file_systems; type; type = type->next)
		seq_printf(m, "%s\t%s\n", type->fs_flags & FS_REQUIRES_DEV ? "" : "nodev", type->name);
	return 0;
}

static int proc_filesystems_init(void)
{
	proc_create_single("filesystems", 0444, NULL, filesystems_show);
	return 0;
}
fs_initcall(proc_filesystems_init);
