/* SPDX-License-Identifier: MIT */
/*
 * On-disk structures of btrfs that the system's <linux/btrfs_tree.h> does not declare: superblock, tree block header,
 * leaf items, node pointers, backup roots. Little-endian like the processor, so fields are plain integers.
 */
#ifndef _BTRFS_MODEL_DISK_FORMAT_H
#define _BTRFS_MODEL_DISK_FORMAT_H

#include <linux/btrfs_tree.h>

#define BTRFS_MAGIC			0x4d5f53665248425fULL	/* "_BHRfS_M" */
#define BTRFS_SUPER_INFO_OFFSET		0x10000
#define BTRFS_SUPER_INFO_SIZE		4096
#define BTRFS_SYSTEM_CHUNK_ARRAY_SIZE	2048
#define BTRFS_NUM_BACKUP_ROOTS		4
#define BTRFS_MAX_LEVEL			8
#define BTRFS_STRIPE_LEN		0x10000
#define BTRFS_NAME_LEN			255
#define BTRFS_LABEL_SIZE		256

#ifndef BTRFS_INODE_NODATASUM
#define BTRFS_INODE_NODATASUM		(1U << 0)
#define BTRFS_INODE_NODATACOW		(1U << 1)
#define BTRFS_INODE_IMMUTABLE		(1U << 6)
#define BTRFS_INODE_APPEND		(1U << 7)
#endif

struct btrfs_header {
	u8 csum[BTRFS_CSUM_SIZE];
	u8 fsid[BTRFS_FSID_SIZE];
	u64 bytenr;
	u64 flags;
	u8 chunk_tree_uuid[BTRFS_UUID_SIZE];
	u64 generation;
	u64 owner;
	u32 nritems;
	u8 level;
} __attribute__((packed));

struct btrfs_item {
	struct btrfs_disk_key key;
	u32 offset;			/* from the end of the header */
	u32 size;
} __attribute__((packed));

struct btrfs_key_ptr {
	struct btrfs_disk_key key;
	u64 blockptr;
	u64 generation;
} __attribute__((packed));

struct btrfs_root_backup {
	u64 tree_root;
	u64 tree_root_gen;
	u64 chunk_root;
	u64 chunk_root_gen;
	u64 extent_root;
	u64 extent_root_gen;
	u64 fs_root;
	u64 fs_root_gen;
	u64 dev_root;
	u64 dev_root_gen;
	u64 csum_root;
	u64 csum_root_gen;
	u64 total_bytes;
	u64 bytes_used;
	u64 num_devices;
	u64 unused_64[4];
	u8 tree_root_level;
	u8 chunk_root_level;
	u8 extent_root_level;
	u8 fs_root_level;
	u8 dev_root_level;
	u8 csum_root_level;
	u8 unused_8[10];
} __attribute__((packed));

struct btrfs_super_block {
	u8 csum[BTRFS_CSUM_SIZE];
	u8 fsid[BTRFS_FSID_SIZE];
	u64 bytenr;
	u64 flags;
	u64 magic;
	u64 generation;
	u64 root;
	u64 chunk_root;
	u64 log_root;
	u64 unused_log_root_transid;
	u64 total_bytes;
	u64 bytes_used;
	u64 root_dir_objectid;
	u64 num_devices;
	u32 sectorsize;
	u32 nodesize;
	u32 unused_leafsize;
	u32 stripesize;
	u32 sys_chunk_array_size;
	u64 chunk_root_generation;
	u64 compat_flags;
	u64 compat_ro_flags;
	u64 incompat_flags;
	u16 csum_type;
	u8 root_level;
	u8 chunk_root_level;
	u8 log_root_level;
	struct btrfs_dev_item dev_item;
	char label[BTRFS_LABEL_SIZE];
	u64 cache_generation;
	u64 uuid_tree_generation;
	u8 metadata_uuid[BTRFS_FSID_SIZE];
	u64 reserved[28];
	u8 sys_chunk_array[BTRFS_SYSTEM_CHUNK_ARRAY_SIZE];
	struct btrfs_root_backup super_roots[BTRFS_NUM_BACKUP_ROOTS];
	u8 padding[565];
} __attribute__((packed));

_Static_assert(sizeof(struct btrfs_header) == 101, "tree block header");
_Static_assert(sizeof(struct btrfs_item) == 25, "leaf item");
_Static_assert(sizeof(struct btrfs_key_ptr) == 33, "node pointer");
_Static_assert(sizeof(struct btrfs_root_backup) == 168, "backup root");
_Static_assert(__builtin_offsetof(struct btrfs_super_block, sys_chunk_array) == 0x32b, "system chunk array");
_Static_assert(sizeof(struct btrfs_super_block) == BTRFS_SUPER_INFO_SIZE, "superblock");

#endif
