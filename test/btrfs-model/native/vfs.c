// SPDX-License-Identifier: MIT
/*
 * The kernel half of the btrfs model as an ordinary program: the least of the VFS, the block layer's driver side and the
 * scheduler that it needs. Everything here counts what it gives out, so that host.c can ask whether something is left.
 */
#include <kernel/blkdev.h>
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/kthread.h>
#include <kernel/mm.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/dynamic_fault.h>
#include <kernel/sysfs.h>
#include "../../../src/btrfs-model/ctree.h"
#include "host.h"

static struct task_struct task = { .comm = "native" };
struct task_struct *current_task = &task;
struct page *mem_map;
static struct file_system_type *btrfs;

bool should_fail_request(struct block_device *bdev, unsigned int bytes) { return false; }

int register_filesystem(struct file_system_type *type)
{
	btrfs = type;
	return 0;
}

/* ---- Inodes and entries ---- */

static LIST_HEAD(inode_hash);

struct inode *new_inode(struct super_block *sb)
{
	struct inode *inode = sb->s_op->alloc_inode(sb);

	if (!inode)
		return NULL;
	inode->i_sb = sb;
	inode->i_count = 1;
	inode->i_nlink = 1;
	inode->i_mapping = &inode->i_data;
	inode->i_data.host = inode;
	INIT_LIST_HEAD(&inode->i_hash);
	list_add(&inode->i_sb_list, &sb->s_inodes);
	return inode;
}

static void evict(struct inode *inode)
{
	inode->i_state |= I_FREEING;
	list_del(&inode->i_sb_list);
	inode->i_sb->s_op->evict_inode(inode);
	list_del_init(&inode->i_hash);
	inode->i_sb->s_op->free_inode(inode);
}

void iput(struct inode *inode)
{
	if (!inode || --inode->i_count)
		return;
	if (!inode->i_nlink || list_empty(&inode->i_hash) || !(inode->i_sb->s_flags & SB_ACTIVE))
		evict(inode);
}

struct inode *iget5_locked(struct super_block *sb, unsigned long hashval, int (*test)(struct inode *, void *),
			   int (*set)(struct inode *, void *), void *data)
{
	struct inode *inode;

	list_for_each_entry(inode, &inode_hash, i_hash) {
		if (inode->i_sb != sb || (inode->i_state & I_FREEING) || !test(inode, data))
			continue;
		inode->i_count++;
		return inode;
	}
	inode = new_inode(sb);
	if (!inode)
		return NULL;
	set(inode, data);
	inode->i_state |= I_NEW;
	list_add(&inode->i_hash, &inode_hash);
	return inode;
}

void unlock_new_inode(struct inode *inode)
{
	inode->i_state &= ~I_NEW;
}

void iget_failed(struct inode *inode)
{
	list_del_init(&inode->i_hash);
	inode->i_state &= ~I_NEW;
	iput(inode);
}

void clear_inode(struct inode *inode) { }
void truncate_inode_pages(struct address_space *mapping, loff_t start) { }
void init_special_inode(struct inode *inode, umode_t mode, dev_t rdev) { }
void generic_fillattr(struct inode *inode, struct kstat *stat) { }

struct dentry *d_alloc(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry = kzalloc(sizeof(*dentry), GFP_KERNEL);

	if (dentry) {
		dentry->d_count = 1;
		dentry->d_sb = parent->d_sb;
		dentry->d_name = *name;
	}
	return dentry;
}

struct dentry *d_make_root(struct inode *inode)
{
	struct dentry *dentry = kzalloc(sizeof(*dentry), GFP_KERNEL);

	if (!dentry) {
		iput(inode);
		return NULL;
	}
	dentry->d_count = 1;
	dentry->d_sb = inode->i_sb;
	dentry->d_inode = inode;
	return dentry;
}

struct dentry *d_splice_alias(struct inode *inode, struct dentry *dentry)
{
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	dentry->d_inode = inode;
	return NULL;
}

void dput(struct dentry *dentry)
{
	if (!dentry || --dentry->d_count)
		return;
	iput(dentry->d_inode);
	kfree(dentry);
}

struct dentry *d_find_alias(struct inode *inode) { return NULL; }
struct dentry *d_lookup(struct dentry *parent, const struct qstr *name) { return NULL; }
u32 full_name_hash(const void *salt, const char *name, unsigned int len) { return 0; }

bool dir_emit_dots(struct file *file, struct dir_context *ctx)
{
	if (ctx->pos < 2)
		ctx->pos = 2;
	return true;
}

ssize_t generic_file_read_iter(struct kiocb *iocb, struct iov_iter *to) { return -ENOSYS; }
int generic_file_mmap(struct file *file, struct vm_area_struct *vma) { return -ENOSYS; }
loff_t generic_file_llseek(struct file *file, loff_t offset, int whence) { return -ENOSYS; }
ssize_t generic_read_dir(struct file *file, char __user *buf, size_t count, loff_t *pos) { return -EISDIR; }

/* ---- Super blocks ---- */

struct super_block *sget(struct file_system_type *type, int (*test)(struct super_block *, void *),
			 int (*set)(struct super_block *, void *), int flags, void *data)
{
	struct super_block *sb = kzalloc(sizeof(*sb), GFP_KERNEL);

	if (!sb)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&sb->s_inodes);
	sb->s_flags = flags;
	sb->s_type = type;
	sb->s_active = 1;
	set(sb, data);
	return sb;
}

int set_anon_super(struct super_block *sb, void *data)
{
	return 0;
}

void kill_anon_super(struct super_block *sb)
{
	struct inode *inode, *next;

	if (sb->s_root) {
		sb->s_flags &= ~SB_ACTIVE;
		dput(sb->s_root);
		sb->s_root = NULL;
		list_for_each_entry_safe(inode, next, &sb->s_inodes, i_sb_list)
			if (!inode->i_count)
				evict(inode);
		sb->s_op->put_super(sb);
	}
	if (!list_empty(&sb->s_inodes))
		host_fail("inodes are left after unmounting");
}

void deactivate_locked_super(struct super_block *sb)
{
	if (--sb->s_active)
		return;
	sb->s_type->kill_sb(sb);
	kfree(sb);
}

void deactivate_super(struct super_block *sb)
{
	deactivate_locked_super(sb);
}

/* ---- Everything else that can fail ---- */

u64 kmem_mark(void) { return 1; }
void kmem_not_a_leak(const void *ptr) { }
unsigned int kmem_report_between(u64 mark, u64 end, pid_t pid, const char *why) { return 0; }
void __mutex_init(struct mutex *lock, const char *name) { }
void mutex_lock(struct mutex *lock) { }
void mutex_unlock(struct mutex *lock) { }
void complete(struct completion *done) { }
void wait_for_completion(struct completion *done) { }
void schedule(void) { }
int wake_up_process(struct task_struct *thread) { return 1; }
bool kthread_should_stop(void) { return true; }

struct task_struct *kthread_create(int (*threadfn)(void *data), void *data, const char *fmt, ...)
{
	void *thread = kmalloc(1, GFP_KERNEL);

	if (!thread)
		return ERR_PTR(-ENOMEM);
	/* The thread that nobody stops runs at once; the others do nothing but wait for their end. */
	if (!strcmp(fmt, "btrfs-uuid")) {
		kfree(thread);
		threadfn(data);
		return &task;
	}
	return thread;
}

int kthread_stop(struct task_struct *thread)
{
	kfree(thread);
	return 0;
}

int sysfs_create_dir_simple(const char *path)
{
	return host_should_fail() ? -ENOMEM : 0;
}

int sysfs_create_file_simple(const char *path, umode_t mode, sysfs_show_t show, sysfs_store_t store, void *priv)
{
	return host_should_fail() ? -ENOMEM : 0;
}

void sysfs_remove_simple(const char *path) { }
int sysfs_emit(char *buf, const char *fmt, ...) { return 0; }
void seq_puts(struct seq_file *m, const char *s) { }
void seq_printf(struct seq_file *m, const char *fmt, ...) { }

/* ---- The disk ---- */

static void submit(struct bio *bio)
{
	unsigned long offset = bio->bi_sector << SECTOR_SHIFT;

	bio->bi_status = 0;
	for (int i = 0; i < bio->bi_vcnt; i++) {
		if (host_read_image(offset, bio->bi_io_vec[i].bv_addr, bio->bi_io_vec[i].bv_len))
			bio->bi_status = -EIO;
		offset += bio->bi_io_vec[i].bv_len;
	}
	bio_endio(bio);
}

static const struct block_device_operations operations = { .submit_bio = submit };
static struct gendisk disk = { .disk_name = "vda", .fops = &operations };

u64 bdev_nr_bytes(const struct block_device *bdev)
{
	return bdev->bd_nr_sectors << SECTOR_SHIFT;
}

struct gendisk *next_disk(struct gendisk *previous)
{
	return previous ? NULL : &disk;
}

struct block_device *blkdev_get_by_path(const char *path, fmode_t mode, void *holder)
{
	disk.part0.bd_openers++;
	return &disk.part0;
}

int lookup_bdev(const char *path, dev_t *dev)
{
	*dev = disk.part0.bd_dev;
	return 0;
}

void blkdev_put(struct block_device *bdev, fmode_t mode)
{
	if (--bdev->bd_openers == 0)
		invalidate_bdev(bdev);
}

int vfs_open_devices(void)
{
	return disk.part0.bd_openers;
}

/* ---- Reading everything ---- */

/* Names of one directory, copied out as getdents would. */
struct listing {
	struct dir_context ctx;
	char names[2048][256];
	int count;
};

static bool list_entry_actor(struct dir_context *ctx, const char *name, int namelen, loff_t offset, u64 ino,
			     unsigned int type)
{
	struct listing *listing = container_of(ctx, struct listing, ctx);

	if (listing->count == ARRAY_SIZE(listing->names) || namelen >= sizeof(listing->names[0]))
		return false;
	memcpy(listing->names[listing->count], name, namelen);
	listing->names[listing->count++][namelen] = 0;
	return true;
}

/* Blocks that may still be read: a damaged size must not keep us for hours. */
static int budget;

static int read_whole(struct inode *inode, const char *path)
{
	u64 size = i_size_read(inode), offset;
	u8 buffer[65536];
	int ret = 0;

	for (offset = 0; offset < size && !ret && budget-- > 0; offset += sizeof(buffer)) {
		u32 n = min_t(u64, size - offset, sizeof(buffer));

		ret = btrfs_read_file_range(inode, offset, buffer, n);
		if (!ret)
			host_file_bytes(buffer, n);
	}
	host_file_end(path, inode->i_mode, size, ret);
	return ret;
}

static int read_link(struct inode *inode, const char *path)
{
	char *text = NULL;
	const char *target = inode->i_op->get_link(NULL, inode, &text);

	if (!IS_ERR(target))
		host_file_bytes(target, strlen(target));
	host_file_end(path, inode->i_mode, i_size_read(inode), IS_ERR(target) ? PTR_ERR(target) : 0);
	kfree(text);
	return 0;
}

static void walk(struct inode *dir, const char *prefix, int depth)
{
	struct listing *listing = host_alloc_unlimited(sizeof(*listing));
	struct file file = { .f_inode = dir };

	listing->ctx = (struct dir_context){ .actor = list_entry_actor };
	dir->i_fop->iterate_shared(&file, &listing->ctx);
	for (int i = 0; i < listing->count && budget-- > 0; i++) {
		struct dentry entry = {
			.d_name = { .name = listing->names[i], .len = strlen(listing->names[i]) },
			.d_count = 1, .d_sb = dir->i_sb,
		};
		struct dentry *found = dir->i_op->lookup(dir, &entry, 0);
		struct inode *inode = entry.d_inode;
		char path[1024];

		snprintf(path, sizeof(path), "%s/%s", prefix, listing->names[i]);
		if (IS_ERR(found) || !inode)
			continue;
		if (S_ISREG(inode->i_mode))
			read_whole(inode, path);
		else if (S_ISLNK(inode->i_mode))
			read_link(inode, path);
		else if (S_ISDIR(inode->i_mode) && depth < 8)
			walk(inode, path, depth + 1);
		iput(inode);
	}
	host_free_unlimited(listing);
}

int vfs_mount_and_read(unsigned long image_size, int read_only, char *options)
{
	struct super_block *sb;
	struct dentry *root;

	INIT_LIST_HEAD(&disk.part0.bd_blocks);
	disk.part0.bd_disk = &disk;
	disk.part0.bd_nr_sectors = image_size >> SECTOR_SHIFT;
	budget = 3000;
	root = btrfs->mount(btrfs, read_only ? SB_RDONLY : 0, "/dev/vda", options);
	if (IS_ERR(root))
		return PTR_ERR(root);
	sb = root->d_sb;
	walk(d_inode(root), "", 0);
	dput(root);
	deactivate_super(sb);
	return 0;
}

/* No fault site is ever turned on. */
bool __dynamic_fault_enabled(struct _dfault *site)
{
	(void)site;
	return false;
}
