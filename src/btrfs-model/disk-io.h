/* SPDX-License-Identifier: MIT */
/* Between the parts of open_ctree: the superblock's checks, the trees' roots, and the order of things (disk-io.c). */
#ifndef _BTRFS_DISK_IO_H
#define _BTRFS_DISK_IO_H

#include "ctree.h"

/* super-checks.c */
int btrfs_check_super_csum(struct btrfs_fs_info *fs_info, const struct btrfs_super_block *super);
int btrfs_validate_mount_super(struct btrfs_fs_info *fs_info);
int btrfs_check_features(struct btrfs_fs_info *fs_info, bool is_rw_mount);

/* roots.c */
struct btrfs_root *btrfs_alloc_root(struct btrfs_fs_info *fs_info, u64 objectid, gfp_t flags);
int load_super_root(struct btrfs_root *root, u64 bytenr, u64 generation, int level);
void btrfs_drop_and_free_fs_root(struct btrfs_fs_info *fs_info, struct btrfs_root *root);
void btrfs_free_fs_roots(struct btrfs_fs_info *fs_info);
void free_root_pointers(struct btrfs_fs_info *fs_info, bool free_chunk_root);
/* Forgets what read_roots found, so that it can be tried again from another tree root. */
void forget_roots(struct btrfs_fs_info *fs_info);
int init_tree_roots(struct btrfs_fs_info *fs_info);

#endif
