/* SPDX-License-Identifier: MIT */
/*
 * The btrfs model: a file system driver that mounts and reads what mkfs.btrfs makes, step for step as Linux 6.1 does, so
 * that every failure of those steps can be provoked and watched. This header has the structures in memory and the calls
 * between the files; the on-disk structures are those of <linux/btrfs_tree.h> and, for what that lacks, disk-format.h.
 *
 * Tree blocks are contiguous in memory, so on-disk structures are read in place. Nothing read from a block may be used as
 * an offset, length or count unless tree-checker.c has vetted it.
 */
#ifndef _BTRFS_MODEL_CTREE_H
#define _BTRFS_MODEL_CTREE_H

#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <kernel/types.h>
#include <kernel/list.h>
#include <kernel/fs.h>
#include <kernel/blkdev.h>
#include <kernel/compiler.h>
#include <kernel/mutex.h>
#include <kernel/sched.h>
#include <kernel/completion.h>
#include "disk-format.h"
#include "memory-faults.h"
#include "planted.h"

struct btrfs_device;
struct btrfs_fs_devices;
struct btrfs_fs_info;
struct btrfs_path;
struct btrfs_root;
struct crypto_shash;
struct extent_buffer;

#define BTRFS_SECTORSIZE_MIN	4096

/* ---- Devices and chunks (volumes.c) ------------------------------------------------------------------------- */

struct btrfs_device {
	struct list_head dev_list;
	struct btrfs_fs_devices *fs_devices;
	struct btrfs_fs_info *fs_info;
	char *name;
	u64 devid;
	u64 generation;
	u64 total_bytes;
	u64 bytes_used;
	u8 uuid[BTRFS_UUID_SIZE];
	struct block_device *bdev;
	fmode_t mode;
	void *holder;
	bool in_fs_metadata;		/* its DEV_ITEM was read */
	u32 stats[BTRFS_DEV_STAT_VALUES_MAX];
};

struct btrfs_fs_devices {
	u8 fsid[BTRFS_FSID_SIZE];
	u8 metadata_uuid[BTRFS_FSID_SIZE];
	struct list_head devices;
	u64 num_devices;
	u64 open_devices;
	u64 rw_devices;
	u64 missing_devices;
	u64 total_rw_bytes;
	struct btrfs_device *latest_dev;
	int opened;
	struct list_head fs_list;	/* in the list of all file systems that are open */
	bool sysfs_added;
};

struct btrfs_io_stripe {
	struct btrfs_device *dev;
	u64 physical;
};

/* Where a range of logical addresses lies. Linux: struct map_lookup in an extent map. */
struct btrfs_chunk_map {
	struct list_head list;		/* sorted by start */
	u64 start;
	u64 chunk_len;
	u64 type;
	int num_stripes;
	int verified_stripes;		/* dev extents found for it */
	struct btrfs_io_stripe stripes[];
};

struct btrfs_device *btrfs_scan_one_device(const char *path, fmode_t flags, void *holder);
int btrfs_open_devices(struct btrfs_fs_devices *fs_devices, fmode_t flags, void *holder);
void btrfs_close_devices(struct btrfs_fs_devices *fs_devices);
void btrfs_abandon_devices(struct btrfs_fs_devices *fs_devices);
void btrfs_free_unopened_devices(struct btrfs_fs_devices *fs_devices);
void btrfs_free_extra_devids(struct btrfs_fs_devices *fs_devices);
int btrfs_read_sys_array(struct btrfs_fs_info *fs_info);
int btrfs_read_chunk_tree(struct btrfs_fs_info *fs_info);
int btrfs_verify_dev_extents(struct btrfs_fs_info *fs_info);
int btrfs_init_dev_stats(struct btrfs_fs_info *fs_info);
int btrfs_recover_balance(struct btrfs_fs_info *fs_info);
int btrfs_init_dev_replace(struct btrfs_fs_info *fs_info);
void btrfs_mapping_tree_free(struct btrfs_fs_info *fs_info);
struct btrfs_chunk_map *btrfs_find_chunk_map(struct btrfs_fs_info *fs_info, u64 logical, u64 length);
int btrfs_num_copies(struct btrfs_fs_info *fs_info, u64 logical, u64 length);
/* Reads @length bytes at @logical from one mirror (1 is the first) into direct-map memory. */
int btrfs_read_logical(struct btrfs_fs_info *fs_info, u64 logical, void *buf, u32 length, int mirror);
void btrfs_dev_stat_inc_and_print(struct btrfs_fs_info *fs_info, u64 logical, int mirror, int index);
int btrfs_check_chunk_valid(struct btrfs_fs_info *fs_info, const struct extent_buffer *leaf,
			    const struct btrfs_chunk *chunk, u64 logical, u32 item_size);

/* ---- Extent buffers: tree blocks in memory (extent_io.c) ----------------------------------------------------- */

struct extent_buffer {
	u64 start;
	u32 len;
	int refs;
	bool uptodate;
	int read_mirror;
	unsigned int order;
	char *data;
	struct btrfs_fs_info *fs_info;
	struct list_head hash;
	struct list_head lru;		/* most recently used first */
};

/* What the reader of a tree block knows about it from its parent; 0 or NULL where it knows nothing. */
struct btrfs_tree_parent_check {
	u64 owner_root;
	u64 transid;
	const struct btrfs_key *first_key;
	u8 level;
};

struct extent_buffer *read_tree_block(struct btrfs_fs_info *fs_info, u64 bytenr,
				      const struct btrfs_tree_parent_check *check);
void free_extent_buffer(struct extent_buffer *eb);
/* Drops every cached block; complains about those that are still held. */
void btrfs_invalidate_tree_blocks(struct btrfs_fs_info *fs_info);
int btrfs_extent_buffer_cache_init(void);

static inline struct extent_buffer *extent_buffer_get(struct extent_buffer *eb)
{
	eb->refs++;
	return eb;
}

static inline const struct btrfs_header *btrfs_header(const struct extent_buffer *eb)
{
	return (const struct btrfs_header *)eb->data;
}

static inline u32 btrfs_header_nritems(const struct extent_buffer *eb)
{
	return btrfs_header(eb)->nritems;
}

static inline int btrfs_header_level(const struct extent_buffer *eb)
{
	return btrfs_header(eb)->level;
}

static inline u64 btrfs_header_owner(const struct extent_buffer *eb)
{
	return btrfs_header(eb)->owner;
}

static inline u64 btrfs_header_generation(const struct extent_buffer *eb)
{
	return btrfs_header(eb)->generation;
}

static inline const struct btrfs_item *btrfs_item(const struct extent_buffer *leaf, int slot)
{
	return (const struct btrfs_item *)(leaf->data + sizeof(struct btrfs_header)) + slot;
}

static inline const struct btrfs_key_ptr *btrfs_node_ptr(const struct extent_buffer *node, int slot)
{
	return (const struct btrfs_key_ptr *)(node->data + sizeof(struct btrfs_header)) + slot;
}

static inline struct btrfs_key disk_key(const struct btrfs_disk_key *key)
{
	return (struct btrfs_key){ key->objectid, key->type, key->offset };
}

static inline struct btrfs_key btrfs_item_key(const struct extent_buffer *leaf, int slot)
{
	return disk_key(&btrfs_item(leaf, slot)->key);
}

static inline struct btrfs_key btrfs_node_key(const struct extent_buffer *node, int slot)
{
	return disk_key(&btrfs_node_ptr(node, slot)->key);
}

static inline u32 btrfs_item_size(const struct extent_buffer *leaf, int slot)
{
	return btrfs_item(leaf, slot)->size;
}

/* The item's bytes; the checker has made sure that they lie in the leaf. */
static inline const void *btrfs_item_data(const struct extent_buffer *leaf, int slot)
{
	return leaf->data + sizeof(struct btrfs_header) + btrfs_item(leaf, slot)->offset;
}

/* ---- Trees (ctree.c) ---------------------------------------------------------------------------------------- */

struct btrfs_path {
	struct extent_buffer *nodes[BTRFS_MAX_LEVEL];
	int slots[BTRFS_MAX_LEVEL];
};

struct btrfs_trans_handle;

int btrfs_comp_cpu_keys(const struct btrfs_key *a, const struct btrfs_key *b);
struct btrfs_path *btrfs_alloc_path(void);
void btrfs_release_path(struct btrfs_path *path);
void btrfs_free_path(struct btrfs_path *path);
/* 0: found; 1: path is where it would be inserted; or an errno. */
int btrfs_search_slot(struct btrfs_trans_handle *trans, struct btrfs_root *root, const struct btrfs_key *key,
		      struct btrfs_path *path, int ins_len, int cow);
/* Which of several blocks of a tree is locked while another is. */
enum btrfs_lock_nesting { BTRFS_NESTING_NORMAL, BTRFS_NESTING_COW };
int btrfs_cow_block(struct btrfs_trans_handle *trans, struct btrfs_root *root, struct extent_buffer *buf,
		    struct extent_buffer *parent, int parent_slot, struct extent_buffer **cow_ret,
		    enum btrfs_lock_nesting nest);
/* Moves to the first item of the next leaf. 0, 1 at the end of the tree, or an errno. */
int btrfs_next_leaf(struct btrfs_root *root, struct btrfs_path *path);
/* Finds the first item at or after @key; 1 if there is none. */
int btrfs_search_forward_slot(struct btrfs_root *root, const struct btrfs_key *key, struct btrfs_path *path);
/* To the next item; 1 at the end of the tree. */
int btrfs_next_item(struct btrfs_root *root, struct btrfs_path *path);
int btrfs_ctree_init(void);

/* ---- Checks of tree blocks (tree-checker.c) ----------------------------------------------------------------- */

int btrfs_check_leaf_full(struct extent_buffer *leaf);
int btrfs_check_node(struct extent_buffer *node);
int btrfs_check_eb_owner(const struct extent_buffer *eb, u64 root_owner);

/* ---- Roots and mounting (roots.c, disk-io.c) ---------------------------------------------------------------- */

struct btrfs_root {
	struct list_head list;		/* in fs_info->fs_roots or ->global_roots */
	struct list_head leak_list;	/* in fs_info->allocated_roots */
	struct btrfs_fs_info *fs_info;
	u64 objectid;
	int refs;
	struct extent_buffer *node;
	struct btrfs_root_item root_item;
	dev_t anon_dev;			/* what stat shows as the device of a subvolume's files */
	u64 free_objectid;
};

/* A queue that Linux runs work on from the end of I/O. Reading here is synchronous, so none ever gets work. */
struct btrfs_workqueue {
	const char *name;
	struct list_head pending;
};

enum {
	BTRFS_WORKERS, BTRFS_HIPRI_WORKERS, BTRFS_DELALLOC_WORKERS, BTRFS_FLUSH_WORKERS, BTRFS_CACHING_WORKERS,
	BTRFS_FIXUP_WORKERS, BTRFS_ENDIO_WORKERS, BTRFS_ENDIO_META_WORKERS, BTRFS_ENDIO_RAID56_WORKERS,
	BTRFS_RMW_WORKERS, BTRFS_ENDIO_WRITE_WORKERS, BTRFS_COMPRESSED_WRITE_WORKERS, BTRFS_ENDIO_FREESPACE_WORKER,
	BTRFS_DELAYED_WORKERS, BTRFS_QGROUP_RESCAN_WORKERS, BTRFS_DISCARD_WORKERS, BTRFS_NR_WORKQUEUES,
};

struct btrfs_space_info {
	struct list_head list;
	u64 flags;
	u64 total_bytes;
	u64 bytes_used;
	u64 disk_total;
	u64 disk_used;
};

struct btrfs_free_space_ctl {
	u64 start;
	u64 free_space;
};

struct btrfs_block_group {
	struct list_head list;
	u64 start;
	u64 length;
	u64 used;
	u64 flags;
	struct btrfs_free_space_ctl *free_space_ctl;
	struct btrfs_space_info *space_info;
};

struct btrfs_qgroup {
	struct list_head list;
	u64 qgroupid;
	u64 rfer;
	u64 excl;
};

struct btrfs_delayed_root {
	struct list_head node_list;
	struct list_head prepare_list;
};

struct btrfs_stripe_hash_table {
	struct list_head stripe_cache;
	struct list_head table[64];
};

#define BTRFS_MOUNT_DEGRADED		(1u << 0)
#define BTRFS_MOUNT_USEBACKUPROOT	(1u << 1)
#define BTRFS_MOUNT_NOLOGREPLAY		(1u << 2)
#define BTRFS_MOUNT_SPACE_CACHE		(1u << 3)
#define BTRFS_MOUNT_FREE_SPACE_TREE	(1u << 4)
#define BTRFS_MOUNT_RESCAN_UUID_TREE	(1u << 5)
#define BTRFS_MOUNT_IGNOREDATACSUMS	(1u << 6)

#define BTRFS_FS_STATE_ERROR		(1u << 0)
#define BTRFS_FS_CLOSING_START		(1u << 1)
#define BTRFS_FS_CLOSING_DONE		(1u << 2)
#define BTRFS_FS_OPEN			(1u << 3)
#define BTRFS_FS_QUOTA_ENABLED		(1u << 4)
#define BTRFS_FS_STATE_NO_CSUMS		(1u << 5)

#define EXTENT_BUFFER_HASH_SIZE		64

struct btrfs_fs_info {
	struct super_block *sb;		/* NULL until open_ctree has begun */
	struct btrfs_fs_devices *fs_devices;
	bool devices_taken;		/* open_ctree closes the devices, not who opened them */
	struct btrfs_super_block *super_copy;
	struct btrfs_super_block *super_for_commit;
	u32 mount_opt;
	u32 state;
	u64 subvol_objectid;
	char *subvol_name;
	u64 generation;
	u32 nodesize;
	u32 sectorsize;
	u32 sectorsize_bits;
	u16 csum_type;
	u16 csum_size;
	struct crypto_shash *csum_shash;
	u8 chunk_tree_uuid[BTRFS_UUID_SIZE];

	struct btrfs_root *tree_root;
	struct btrfs_root *chunk_root;
	struct btrfs_root *dev_root;
	struct btrfs_root *fs_root;
	struct btrfs_root *data_reloc_root;
	struct btrfs_root *quota_root;
	struct btrfs_root *uuid_root;
	struct btrfs_root *block_group_root;
	struct list_head global_roots;	/* extent, csum and free space trees */
	struct list_head fs_roots;	/* subvolumes in use */
	struct list_head allocated_roots;

	/* What this call of mount(2) allocated must be gone after unmounting. */
	u64 mount_mark;
	u64 mount_end;
	pid_t mount_pid;

	struct inode *btree_inode;
	struct list_head eb_hash[EXTENT_BUFFER_HASH_SIZE];
	struct list_head eb_lru;
	unsigned int eb_count;
	unsigned int eb_max;

	struct mutex chunk_mutex;
	struct list_head mapping_tree;
	struct list_head block_groups;
	struct list_head space_info;
	u64 super_total_bytes;

	/* Allocated by init_mount_fs_info; the counters count nothing in a file system that is only read. */
	s64 *percpu_counters[4];
	struct btrfs_delayed_root *delayed_root;
	struct btrfs_stripe_hash_table *stripe_hash_table;

	struct btrfs_workqueue *workqueues[BTRFS_NR_WORKQUEUES];
	struct task_struct *cleaner_kthread;
	struct task_struct *transaction_kthread;
	bool uuid_rescan_running;
	struct completion uuid_rescan_done;

	struct list_head qgroups;
	void *qgroup_ulist;
	bool sysfs_mounted;
};

static inline struct btrfs_fs_info *btrfs_sb(struct super_block *sb)
{
	return sb->s_fs_info;
}

#define btrfs_test_opt(fs_info, opt)	((fs_info)->mount_opt & BTRFS_MOUNT_ ## opt)

int open_ctree(struct super_block *sb, struct btrfs_fs_devices *fs_devices, char *options);
void close_ctree(struct btrfs_fs_info *fs_info);
void btrfs_init_fs_info(struct btrfs_fs_info *fs_info);
void btrfs_free_fs_info(struct btrfs_fs_info *fs_info);
struct btrfs_super_block *btrfs_read_dev_super(struct block_device *bdev);
void btrfs_release_disk_super(struct btrfs_super_block *super);
struct btrfs_root *btrfs_get_fs_root(struct btrfs_fs_info *fs_info, u64 objectid, bool check_ref);
struct btrfs_root *btrfs_grab_root(struct btrfs_root *root);
void btrfs_put_root(struct btrfs_root *root);
struct btrfs_root *btrfs_extent_root(struct btrfs_fs_info *fs_info);
struct btrfs_root *btrfs_csum_root(struct btrfs_fs_info *fs_info);
/* The root item of tree @objectid (any version of it), with the key found. 0, -ENOENT or another errno. */
int btrfs_find_root(struct btrfs_fs_info *fs_info, u64 objectid, struct btrfs_root_item *item, struct btrfs_key *key);

/* ---- Checksums (csum.c) ------------------------------------------------------------------------------------- */

bool btrfs_supported_super_csum(u16 csum_type);
const char *btrfs_super_csum_name(u16 csum_type);
const char *btrfs_super_csum_driver(u16 csum_type);
u16 btrfs_csum_type_size(u16 csum_type);
int btrfs_init_csum_hash(struct btrfs_fs_info *fs_info, u16 csum_type);
void btrfs_free_csum_hash(struct btrfs_fs_info *fs_info);
void btrfs_csum(const struct btrfs_fs_info *fs_info, const void *data, size_t length, u8 result[BTRFS_CSUM_SIZE]);
u32 btrfs_name_hash(const char *name, int len);

/* ---- Block groups, space, quota (block-group.c) -------------------------------------------------------------- */

int btrfs_init_space_info(struct btrfs_fs_info *fs_info);
int btrfs_read_block_groups(struct btrfs_fs_info *fs_info);
void btrfs_put_block_group_cache(struct btrfs_fs_info *fs_info);
int btrfs_free_block_groups(struct btrfs_fs_info *fs_info);
int btrfs_read_qgroup_config(struct btrfs_fs_info *fs_info);
void btrfs_free_qgroup_config(struct btrfs_fs_info *fs_info);

/* ---- Mount options and super blocks (super.c), messages ----------------------------------------------------- */

int btrfs_parse_options(struct btrfs_fs_info *fs_info, char *options, unsigned long new_flags);

#define BTRFS_UUID_TEXT_SIZE	37
/* 8-4-4-4-12 hexadecimal digits, as %pU prints them. */
const char *btrfs_uuid_text(char buf[BTRFS_UUID_TEXT_SIZE], const u8 *uuid);
/* "0x" and the bytes of a checksum. */
#define BTRFS_CSUM_TEXT_SIZE	(2 + 2 * BTRFS_CSUM_SIZE + 1)
const char *btrfs_csum_text(char buf[BTRFS_CSUM_TEXT_SIZE], const u8 *csum, u16 size);

/* For %llu: numbers of the disk format are unsigned long. */
#define ULL(value)	((unsigned long long)(value))

__printf(3, 4) void btrfs_printk(const struct btrfs_fs_info *fs_info, int level, const char *fmt, ...);
#define btrfs_crit(fs_info, fmt, ...)	btrfs_printk(fs_info, 2, fmt, ##__VA_ARGS__)
#define btrfs_err(fs_info, fmt, ...)	btrfs_printk(fs_info, 3, fmt, ##__VA_ARGS__)
#define btrfs_warn(fs_info, fmt, ...)	btrfs_printk(fs_info, 4, fmt, ##__VA_ARGS__)
#define btrfs_info(fs_info, fmt, ...)	btrfs_printk(fs_info, 6, fmt, ##__VA_ARGS__)
#define btrfs_debug(fs_info, fmt, ...)	btrfs_printk(fs_info, 7, fmt, ##__VA_ARGS__)

/* ---- sysfs.c ------------------------------------------------------------------------------------------------- */

int btrfs_init_sysfs(void);
int btrfs_sysfs_add_fsid(struct btrfs_fs_devices *fs_devices);
void btrfs_sysfs_remove_fsid(struct btrfs_fs_devices *fs_devices);
int btrfs_sysfs_add_mounted(struct btrfs_fs_info *fs_info);
void btrfs_sysfs_remove_mounted(struct btrfs_fs_info *fs_info);

/* ---- Inodes and files (inode.c, dir.c, file.c) --------------------------------------------------------------- */

struct btrfs_inode {
	struct inode vfs_inode;
	struct btrfs_root *root;	/* with a reference */
	u64 objectid;
	u64 generation;
	u64 flags;
	struct timespec64 i_otime;
};

static inline struct btrfs_inode *BTRFS_I(const struct inode *inode)
{
	return container_of(inode, struct btrfs_inode, vfs_inode);
}

struct inode *btrfs_iget(struct super_block *sb, u64 objectid, struct btrfs_root *root);
struct inode *btrfs_alloc_inode(struct super_block *sb);
void btrfs_free_inode(struct inode *inode);
void btrfs_evict_inode(struct inode *inode);
int btrfs_inode_cache_init(void);
int btrfs_getattr(const struct path *path, struct kstat *stat, u32 request_mask, unsigned int flags);
/* What a name in a directory refers to. 0, -ENOENT or another errno. */
int btrfs_inode_by_name(struct inode *dir, const char *name, int len, struct btrfs_key *location);
/* Copies @length bytes at @offset of an inline or regular file into direct-map memory; zeros beyond extents. */
int btrfs_read_file_range(struct inode *inode, u64 offset, void *buf, u32 length);

extern const struct inode_operations btrfs_dir_inode_operations;
extern const struct file_operations btrfs_dir_file_operations;
extern const struct inode_operations btrfs_file_inode_operations;
extern const struct file_operations btrfs_file_operations;
extern const struct address_space_operations btrfs_aops;
extern const struct inode_operations btrfs_symlink_inode_operations;
extern const struct inode_operations btrfs_special_inode_operations;

#endif
