// SPDX-License-Identifier: MIT
/*
 * Inodes: allocation, the cache of inodes by number, and their end. An inode whose last reference goes stays cached
 * while it has links and its file system is active. (Documentation/filesystems/vfs.rst)
 */
#include <kernel/bpf_local_storage.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/printk.h>
#include <kernel/sched.h>
#include <kernel/cred.h>
#include "internal.h"

#define HASH_SIZE	1024
#define MAX_UNUSED	4096

static struct list_head inode_hashtable[HASH_SIZE];
static LIST_HEAD(unused);
static unsigned int nr_unused;
static struct kmem_cache *inode_cache;
static DECLARE_WAIT_QUEUE_HEAD(new_inode_wait);

static struct list_head *bucket(const struct super_block *sb, unsigned long hashval)
{
	return &inode_hashtable[(hashval ^ ((unsigned long)sb >> 8)) % HASH_SIZE];
}

void inode_init_always(struct super_block *sb, struct inode *inode)
{
	static const struct inode_operations no_inode_operations;
	static const struct file_operations no_file_operations;

	memset(inode, 0, sizeof(*inode));
	inode->i_sb = sb;
	inode->i_count = 1;
	inode->i_nlink = 1;
	inode->i_blkbits = sb->s_blocksize_bits ? sb->s_blocksize_bits : 12;
	inode->i_op = &no_inode_operations;
	inode->i_fop = &no_file_operations;
	inode->i_mapping = &inode->i_data;
	inode->i_data.host = inode;
	inode->i_data.i_pages = RB_ROOT;
	mutex_init(&inode->i_rwsem);
	INIT_LIST_HEAD(&inode->i_hash);
	INIT_LIST_HEAD(&inode->i_lru);
	INIT_LIST_HEAD(&inode->i_sb_list);
	INIT_LIST_HEAD(&inode->i_dentry);
}

static struct inode *alloc_inode(struct super_block *sb)
{
	struct inode *inode;

	if (sb->s_op && sb->s_op->alloc_inode)
		inode = sb->s_op->alloc_inode(sb);
	else
		inode = kmem_cache_alloc(inode_cache, GFP_KERNEL);
	if (inode)
		inode_init_always(sb, inode);
	return inode;
}

static void destroy_inode(struct inode *inode)
{
	bpf_local_storage_owner_gone(inode);
	if (inode->i_sb->s_op && inode->i_sb->s_op->free_inode)
		inode->i_sb->s_op->free_inode(inode);
	else
		kmem_cache_free(inode_cache, inode);
}

struct inode *new_inode(struct super_block *sb)
{
	struct inode *inode = alloc_inode(sb);

	if (inode)
		list_add(&inode->i_sb_list, &sb->s_inodes);
	return inode;
}

static void lru_del(struct inode *inode)
{
	if (list_empty(&inode->i_lru))
		return;
	list_del_init(&inode->i_lru);
	nr_unused--;
}

void ihold(struct inode *inode)
{
	inode->i_count++;
}

/* Finds a cached inode, with a reference, and waits until it has been filled in. */
static struct inode *find_inode(struct super_block *sb, unsigned long hashval, int (*test)(struct inode *, void *),
				void *data)
{
	struct inode *inode;

	list_for_each_entry(inode, bucket(sb, hashval), i_hash) {
		if (inode->i_sb != sb || (inode->i_state & I_FREEING) ||
		    !(test ? test(inode, data) : inode->i_ino == hashval))
			continue;
		inode->i_count++;
		lru_del(inode);
		return inode;
	}
	return NULL;
}

static struct inode *wait_until_filled(struct inode *inode)
{
	wait_event(new_inode_wait, !(inode->i_state & I_NEW));
	return inode;
}

struct inode *iget5_locked(struct super_block *sb, unsigned long hashval, int (*test)(struct inode *, void *),
			   int (*set)(struct inode *, void *), void *data)
{
	struct inode *inode;

	for (;;) {
		inode = find_inode(sb, hashval, test, data);
		if (!inode)
			break;
		wait_until_filled(inode);
		if (!list_empty(&inode->i_hash))
			return inode;
		iput(inode);	/* filling it failed */
	}
	inode = new_inode(sb);
	if (!inode)
		return NULL;
	inode->i_ino = hashval;
	if (set && set(inode, data)) {
		inode->i_nlink = 0;
		iput(inode);
		return NULL;
	}
	inode->i_state |= I_NEW;
	list_add(&inode->i_hash, bucket(sb, hashval));
	return inode;
}

void unlock_new_inode(struct inode *inode)
{
	inode->i_state &= ~I_NEW;
	wake_up_all(&new_inode_wait);
}

void iget_failed(struct inode *inode)
{
	list_del_init(&inode->i_hash);
	make_bad_inode(inode);
	unlock_new_inode(inode);
	iput(inode);
}

void clear_inode(struct inode *inode)
{
	WARN_ON(inode->i_data.nrpages);
	inode->i_state |= I_FREEING;
}

static void evict(struct inode *inode)
{
	const struct super_operations *op = inode->i_sb->s_op;

	inode->i_state |= I_FREEING;
	lru_del(inode);
	list_del_init(&inode->i_sb_list);
	if (op && op->evict_inode) {
		op->evict_inode(inode);
	} else {
		truncate_inode_pages(&inode->i_data, 0);
		clear_inode(inode);
	}
	list_del_init(&inode->i_hash);
	destroy_inode(inode);
}

void iput(struct inode *inode)
{
	const struct super_operations *op;

	if (!inode || --inode->i_count)
		return;
	op = inode->i_sb->s_op;
	if (!inode->i_nlink || list_empty(&inode->i_hash) || !(inode->i_sb->s_flags & SB_ACTIVE) ||
	    (op && op->drop_inode && op->drop_inode(inode))) {
		evict(inode);
		return;
	}
	if (list_empty(&inode->i_lru))
		nr_unused++;
	else
		list_del(&inode->i_lru);
	list_add_tail(&inode->i_lru, &unused);
	if (nr_unused > MAX_UNUSED)
		evict(list_first_entry(&unused, struct inode, i_lru));
}

/* Unmount: everything that nobody uses goes. */
void evict_inodes(struct super_block *sb)
{
	struct inode *inode, *next;

	list_for_each_entry_safe(inode, next, &sb->s_inodes, i_sb_list) {
		if (!inode->i_count)
			evict(inode);
	}
}

static ssize_t bad_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	return -EIO;
}

static int bad_open(struct inode *inode, struct file *file)
{
	return -EIO;
}

void make_bad_inode(struct inode *inode)
{
	static const struct inode_operations bad_inode_operations;
	static const struct file_operations bad_file_operations = { .open = bad_open, .read = bad_read };

	inode->i_mode = S_IFREG;
	inode->i_op = &bad_inode_operations;
	inode->i_fop = &bad_file_operations;
}

struct timespec64 current_time(struct inode *inode)
{
	struct timespec64 now;

	ktime_get_real_ts64(&now);
	return now;
}

void inode_init_owner(struct inode *inode, const struct inode *dir, umode_t mode)
{
	inode->i_uid.val = current_fsuid();
	inode->i_gid.val = current_fsgid();
	if (dir && (dir->i_mode & S_ISGID)) {
		inode->i_gid.val = dir->i_gid.val;
		if (S_ISDIR(mode))
			mode |= S_ISGID;
		else if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && !in_group_p(inode->i_gid.val) &&
			 !capable(CAP_FSETID))
			mode &= ~S_ISGID;
	}
	inode->i_mode = mode;
}

static int no_open(struct inode *inode, struct file *file)
{
	return -ENXIO;
}

/* Sockets are not opened by name. */
static const struct file_operations no_open_fops = { .open = no_open };

void init_special_inode(struct inode *inode, umode_t mode, dev_t rdev)
{

	inode->i_mode = mode;
	inode->i_rdev = rdev;
	if (S_ISCHR(mode))
		inode->i_fop = &def_chr_fops;
	else if (S_ISBLK(mode))
		inode->i_fop = &def_blk_fops;
	else if (S_ISFIFO(mode))
		inode->i_fop = &pipefifo_fops;
	else
		inode->i_fop = &no_open_fops;
}

ino_t get_next_ino(void)
{
	static unsigned int last;

	if (!++last)
		++last;
	return last;
}

void inode_cache_init(void)
{
	for (int i = 0; i < HASH_SIZE; i++)
		INIT_LIST_HEAD(&inode_hashtable[i]);
	inode_cache = kmem_cache_create("inode_cache", sizeof(struct inode), 0, 0, NULL);
}
