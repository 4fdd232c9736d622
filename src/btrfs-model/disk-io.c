// SPDX-License-Identifier: MIT
/*
 * open_ctree and its way back. The steps, their order and the labels that undo them are those of Linux 6.1's
 * fs/btrfs/disk-io.c (the table in docs/btrfs.md names each). One difference is intended: where 6.1 answers -EINVAL
 * whatever went wrong, this returns the errno of the step that failed, as Linux does since 6.4.
 */
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/error-injection.h>
#include <kernel/kernel.h>
#include <kernel/kthread.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include "ctree.h"
#include "disk-io.h"

/* Cached tree blocks that nobody holds are let go above this many bytes. */
#define EXTENT_BUFFER_CACHE_SIZE	(2u << 20)

/* ---- Threads ------------------------------------------------------------------------------------------------- */

/* Linux: deletes dropped subvolumes and runs delayed iputs. Here it waits to be stopped, as it mostly does there. */
static int cleaner_kthread(void *arg)
{
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/* Linux: commits transactions every 30 seconds. There are none to commit in a file system that is only read. */
static int transaction_kthread(void *arg)
{
	return cleaner_kthread(arg);
}

/* Compares the UUID tree with the subvolumes it names; corrections would need writing. */
static int btrfs_uuid_rescan_kthread(void *data)
{
	struct btrfs_fs_info *fs_info = data;
	struct btrfs_key key = { };
	struct btrfs_path *path = btrfs_alloc_path();
	int ret = path ? 0 : -ENOMEM;

	if (path)
		for (ret = btrfs_search_forward_slot(fs_info->uuid_root, &key, path);
		     !ret && !(fs_info->state & BTRFS_FS_CLOSING_START);
		     ret = btrfs_next_item(fs_info->uuid_root, path))
			;
	btrfs_free_path(path);
	if (ret < 0)
		btrfs_warn(fs_info, "iterating uuid_tree failed %d", ret);
	if (planted(missed_wakeup) && ret < 0)
		return 0;
	complete(&fs_info->uuid_rescan_done);
	return 0;
}

static noinline int btrfs_check_uuid_tree(struct btrfs_fs_info *fs_info)
{
	struct task_struct *task;

	init_completion(&fs_info->uuid_rescan_done);
	task = kthread_run(btrfs_uuid_rescan_kthread, fs_info, "btrfs-uuid");
	if (IS_ERR(task)) {
		btrfs_warn(fs_info, "failed to start uuid_rescan task");
		return PTR_ERR(task);
	}
	fs_info->uuid_rescan_running = true;
	return 0;
}

static void wait_for_uuid_rescan(struct btrfs_fs_info *fs_info)
{
	if (fs_info->uuid_rescan_running)
		wait_for_completion(&fs_info->uuid_rescan_done);
	fs_info->uuid_rescan_running = false;
}

/* ---- Allocation and release of what surrounds a mount --------------------------------------------------------- */

void btrfs_init_fs_info(struct btrfs_fs_info *fs_info)
{
	mutex_init(&fs_info->chunk_mutex);
	INIT_LIST_HEAD(&fs_info->global_roots);
	INIT_LIST_HEAD(&fs_info->fs_roots);
	INIT_LIST_HEAD(&fs_info->allocated_roots);
	INIT_LIST_HEAD(&fs_info->eb_lru);
	INIT_LIST_HEAD(&fs_info->mapping_tree);
	INIT_LIST_HEAD(&fs_info->block_groups);
	INIT_LIST_HEAD(&fs_info->space_info);
	INIT_LIST_HEAD(&fs_info->qgroups);
	for (int i = 0; i < EXTENT_BUFFER_HASH_SIZE; i++)
		INIT_LIST_HEAD(&fs_info->eb_hash[i]);
	fs_info->sectorsize = BTRFS_SECTORSIZE_MIN;
	fs_info->subvol_objectid = 0;
}

static int btrfs_alloc_stripe_hash_table(struct btrfs_fs_info *fs_info)
{
	struct btrfs_stripe_hash_table *table = kvzalloc(sizeof(*table), GFP_KERNEL);

	if (!table)
		return -ENOMEM;
	INIT_LIST_HEAD(&table->stripe_cache);
	for (size_t i = 0; i < ARRAY_SIZE(table->table); i++)
		INIT_LIST_HEAD(&table->table[i]);
	fs_info->stripe_hash_table = table;
	return 0;
}

static noinline int init_mount_fs_info(struct btrfs_fs_info *fs_info, struct super_block *sb)
{
	int ret;

	fs_info->sb = sb;
	sb->s_blocksize = BTRFS_SECTORSIZE_MIN;
	sb->s_blocksize_bits = 12;
	/* dirty metadata, delayed allocation, ordered data, device replace: counters that only writing would move. */
	for (size_t i = 0; i < ARRAY_SIZE(fs_info->percpu_counters); i++) {
		fs_info->percpu_counters[i] = kzalloc(sizeof(s64), GFP_KERNEL);
		if (!fs_info->percpu_counters[i])
			return -ENOMEM;
	}
	fs_info->delayed_root = kmalloc(sizeof(*fs_info->delayed_root), GFP_KERNEL);
	if (!fs_info->delayed_root)
		return -ENOMEM;
	INIT_LIST_HEAD(&fs_info->delayed_root->node_list);
	INIT_LIST_HEAD(&fs_info->delayed_root->prepare_list);
	ret = btrfs_alloc_stripe_hash_table(fs_info);
	if (planted(double_free) && ret)
		kfree(fs_info->delayed_root);
	return ret;
}

static noinline int btrfs_init_workqueues(struct btrfs_fs_info *fs_info)
{
	static const char *const names[BTRFS_NR_WORKQUEUES] = {
		[BTRFS_WORKERS] = "worker", [BTRFS_HIPRI_WORKERS] = "worker-high",
		[BTRFS_DELALLOC_WORKERS] = "delalloc", [BTRFS_FLUSH_WORKERS] = "flush_delalloc",
		[BTRFS_CACHING_WORKERS] = "cache", [BTRFS_FIXUP_WORKERS] = "fixup",
		[BTRFS_ENDIO_WORKERS] = "endio", [BTRFS_ENDIO_META_WORKERS] = "endio-meta",
		[BTRFS_ENDIO_RAID56_WORKERS] = "endio-raid56", [BTRFS_RMW_WORKERS] = "rmw",
		[BTRFS_ENDIO_WRITE_WORKERS] = "endio-write",
		[BTRFS_COMPRESSED_WRITE_WORKERS] = "compressed-write",
		[BTRFS_ENDIO_FREESPACE_WORKER] = "freespace-write", [BTRFS_DELAYED_WORKERS] = "delayed-meta",
		[BTRFS_QGROUP_RESCAN_WORKERS] = "qgroup-rescan", [BTRFS_DISCARD_WORKERS] = "btrfs_discard",
	};

	for (int i = 0; i < BTRFS_NR_WORKQUEUES; i++) {
		struct btrfs_workqueue *queue = kzalloc(sizeof(*queue), GFP_KERNEL);

		if (!queue)
			return -ENOMEM;
		queue->name = names[i];
		INIT_LIST_HEAD(&queue->pending);
		fs_info->workqueues[i] = queue;
	}
	return 0;
}

static void btrfs_stop_all_workers(struct btrfs_fs_info *fs_info)
{
	for (int i = 0; i < BTRFS_NR_WORKQUEUES; i++) {
		kfree(fs_info->workqueues[i]);
		fs_info->workqueues[i] = NULL;
	}
}

/* Every root must be gone by now; what is not, somebody holds a reference to that nobody will put. */
static void btrfs_check_leaked_roots(struct btrfs_fs_info *fs_info)
{
	struct btrfs_root *root, *next;

	list_for_each_entry_safe(root, next, &fs_info->allocated_roots, leak_list) {
		btrfs_err(fs_info, "leaked root %lld refcount %d", (long long)root->objectid, root->refs);
		root->refs = 1;
		btrfs_put_root(root);
	}
}

/* What is left when open_ctree or close_ctree has done its part; also for a mount that did not get that far. */
void btrfs_free_fs_info(struct btrfs_fs_info *fs_info)
{
	for (size_t i = 0; i < ARRAY_SIZE(fs_info->percpu_counters); i++)
		kfree(fs_info->percpu_counters[i]);
	btrfs_free_csum_hash(fs_info);
	kvfree(fs_info->stripe_hash_table);
	kfree(fs_info->delayed_root);
	forget_roots(fs_info);
	btrfs_put_root(fs_info->fs_root);
	btrfs_put_root(fs_info->tree_root);
	btrfs_put_root(fs_info->chunk_root);
	btrfs_check_leaked_roots(fs_info);
	kfree(fs_info->super_copy);
	kfree(fs_info->super_for_commit);
	kfree(fs_info->subvol_name);
	kvfree(fs_info);
}

/* ---- Mounting ------------------------------------------------------------------------------------------------- */

/* A log could only be replayed by writing, and a reader cannot. That it is there to be read is seen to first, as in Linux. */
static noinline int btrfs_replay_log(struct btrfs_fs_info *fs_info, struct btrfs_fs_devices *fs_devices)
{
	const struct btrfs_super_block *super = fs_info->super_copy;
	struct btrfs_root *log;
	int ret;

	log = btrfs_alloc_root(fs_info, BTRFS_TREE_LOG_OBJECTID, GFP_KERNEL);
	if (!log)
		return -ENOMEM;
	ret = load_super_root(log, super->log_root, super->generation + 1, super->log_root_level);
	btrfs_put_root(log);
	if (ret) {
		btrfs_warn(fs_info, "failed to read log tree");
		return ret;
	}
	btrfs_warn(fs_info, "log replay required on RO media");
	return -EIO;
}

/* Files deleted while open leave orphan items; their removal would need writing, so they are counted and stay. */
static noinline int btrfs_orphan_cleanup(struct btrfs_root *root)
{
	struct btrfs_key key = { BTRFS_ORPHAN_OBJECTID, BTRFS_ORPHAN_ITEM_KEY, 0 };
	struct btrfs_path *path = btrfs_alloc_path();
	int orphans = 0, ret;

	if (!path)
		return -ENOMEM;
	for (ret = btrfs_search_forward_slot(root, &key, path); !ret; ret = btrfs_next_item(root, path)) {
		struct btrfs_key found = btrfs_item_key(path->nodes[0], path->slots[0]);

		if (found.objectid != BTRFS_ORPHAN_OBJECTID || found.type != BTRFS_ORPHAN_ITEM_KEY)
			break;
		orphans++;
	}
	btrfs_free_path(path);
	if (orphans)
		btrfs_debug(root->fs_info, "left %d orphans alone", orphans);
	return ret < 0 ? ret : 0;
}

/* What a writable mount checks before it lets anyone in. */
static noinline int btrfs_start_pre_rw_mount(struct btrfs_fs_info *fs_info)
{
	int ret = btrfs_orphan_cleanup(fs_info->fs_root);

	if (!ret)
		ret = btrfs_orphan_cleanup(fs_info->tree_root);
	return ret;
}

noinline int open_ctree(struct super_block *sb, struct btrfs_fs_devices *fs_devices, char *options)
{
	struct btrfs_fs_info *fs_info = btrfs_sb(sb);
	struct btrfs_super_block *disk_super;
	char uuid[BTRFS_UUID_TEXT_SIZE];
	u64 features;
	u16 csum_type;
	int ret;

	fs_info->devices_taken = true;
	ret = init_mount_fs_info(fs_info, sb);
	if (ret)
		goto fail;

	fs_info->tree_root = btrfs_alloc_root(fs_info, BTRFS_ROOT_TREE_OBJECTID, GFP_KERNEL);
	fs_info->chunk_root = btrfs_alloc_root(fs_info, BTRFS_CHUNK_TREE_OBJECTID, GFP_KERNEL);
	if (!fs_info->tree_root || !fs_info->chunk_root) {
		ret = -ENOMEM;
		goto fail;
	}

	fs_info->btree_inode = new_inode(sb);
	if (!fs_info->btree_inode) {
		ret = -ENOMEM;
		goto fail;
	}
	set_nlink(fs_info->btree_inode, 1);

	invalidate_bdev(fs_devices->latest_dev->bdev);
	disk_super = btrfs_read_dev_super(fs_devices->latest_dev->bdev);
	if (IS_ERR(disk_super)) {
		ret = PTR_ERR(disk_super);
		goto fail_alloc;
	}
	btrfs_info(fs_info, "first mount of filesystem %s", btrfs_uuid_text(uuid, disk_super->fsid));

	csum_type = disk_super->csum_type;
	if (!btrfs_supported_super_csum(csum_type)) {
		btrfs_err(fs_info, "unsupported checksum algorithm: %u", csum_type);
		btrfs_release_disk_super(disk_super);
		ret = -EINVAL;
		goto fail_alloc;
	}
	fs_info->csum_type = csum_type;
	fs_info->csum_size = btrfs_csum_type_size(csum_type);
	ret = btrfs_init_csum_hash(fs_info, csum_type);
	if (ret) {
		btrfs_release_disk_super(disk_super);
		goto fail_alloc;
	}

	if (btrfs_check_super_csum(fs_info, disk_super)) {
		btrfs_err(fs_info, "superblock checksum mismatch");
		btrfs_release_disk_super(disk_super);
		ret = -EINVAL;
		goto fail_alloc;
	}

	memcpy(fs_info->super_copy, disk_super, sizeof(*fs_info->super_copy));
	btrfs_release_disk_super(disk_super);
	disk_super = fs_info->super_copy;
	features = disk_super->flags;
	if (features & BTRFS_SUPER_FLAG_CHANGING_FSID_V2) {
		disk_super->flags = features & ~BTRFS_SUPER_FLAG_CHANGING_FSID_V2;
		btrfs_info(fs_info, "found metadata UUID change in progress flag, clearing");
	}
	memcpy(fs_info->super_for_commit, fs_info->super_copy, sizeof(*fs_info->super_for_commit));

	ret = btrfs_validate_mount_super(fs_info);
	if (ret) {
		btrfs_err(fs_info, "superblock contains fatal errors");
		goto fail_alloc;
	}
	if (!disk_super->root) {
		ret = -EINVAL;
		goto fail_alloc;
	}
	if (disk_super->flags & BTRFS_SUPER_FLAG_ERROR)
		fs_info->state |= BTRFS_FS_STATE_ERROR;

	fs_info->nodesize = disk_super->nodesize;
	fs_info->sectorsize = disk_super->sectorsize;
	fs_info->sectorsize_bits = 12;
	fs_info->eb_max = EXTENT_BUFFER_CACHE_SIZE / fs_info->nodesize;

	ret = btrfs_parse_options(fs_info, options, sb->s_flags);
	if (ret)
		goto fail_alloc;
	ret = btrfs_check_features(fs_info, !sb_rdonly(sb));
	if (ret)
		goto fail_alloc;

	ret = btrfs_init_workqueues(fs_info);
	if (ret)
		goto fail_sb_buffer;
	sb->s_blocksize = fs_info->sectorsize;
	sb->s_blocksize_bits = fs_info->sectorsize_bits;
	memcpy(sb->s_uuid, fs_devices->fsid, BTRFS_FSID_SIZE);

	mutex_lock(&fs_info->chunk_mutex);
	ret = btrfs_read_sys_array(fs_info);
	if (!planted(unbalanced_lock) || !ret)
		mutex_unlock(&fs_info->chunk_mutex);
	if (ret) {
		btrfs_err(fs_info, "failed to read the system array: %d", ret);
		goto fail_sb_buffer;
	}

	ret = load_super_root(fs_info->chunk_root, disk_super->chunk_root, disk_super->chunk_root_generation,
			      disk_super->chunk_root_level);
	if (ret) {
		btrfs_err(fs_info, "failed to read chunk root");
		goto fail_tree_roots;
	}
	memcpy(fs_info->chunk_tree_uuid, btrfs_header(fs_info->chunk_root->node)->chunk_tree_uuid, BTRFS_UUID_SIZE);

	ret = btrfs_read_chunk_tree(fs_info);
	/* "There will be memory soon." */
	while (planted(endless_retry) && ret == -ENOMEM) {
		for (int i = 0; i < 50000000; i++)
			barrier();
		ret = btrfs_read_chunk_tree(fs_info);
	}
	if (ret) {
		btrfs_err(fs_info, "failed to read chunk tree: %d", ret);
		if (planted(wrong_errno))
			ret = -EINVAL;
		goto fail_tree_roots;
	}

	btrfs_free_extra_devids(fs_devices);
	if (!fs_devices->latest_dev) {
		btrfs_err(fs_info, "failed to read devices");
		ret = -EIO;
		goto fail_tree_roots;
	}

	ret = init_tree_roots(fs_info);
	if (ret)
		goto fail_tree_roots;

	ret = btrfs_verify_dev_extents(fs_info);
	if (ret) {
		btrfs_err(fs_info, "failed to verify dev extents against chunks: %d", ret);
		goto fail_block_groups;
	}
	ret = btrfs_recover_balance(fs_info);
	if (ret) {
		btrfs_err(fs_info, "failed to recover balance: %d", ret);
		goto fail_block_groups;
	}
	ret = btrfs_init_dev_stats(fs_info);
	if (ret) {
		btrfs_err(fs_info, "failed to init dev_stats: %d", ret);
		goto fail_block_groups;
	}
	ret = btrfs_init_dev_replace(fs_info);
	if (ret) {
		btrfs_err(fs_info, "failed to init dev_replace: %d", ret);
		goto fail_block_groups;
	}

	ret = btrfs_sysfs_add_fsid(fs_devices);
	if (ret) {
		btrfs_err(fs_info, "failed to init sysfs fsid interface: %d", ret);
		goto fail_block_groups;
	}
	ret = btrfs_sysfs_add_mounted(fs_info);
	if (ret) {
		btrfs_err(fs_info, "failed to init sysfs interface: %d", ret);
		goto fail_fsdev_sysfs;
	}

	ret = btrfs_init_space_info(fs_info);
	if (ret) {
		btrfs_err(fs_info, "failed to initialize space info: %d", ret);
		goto fail_sysfs;
	}
	ret = btrfs_read_block_groups(fs_info);
	if (ret) {
		btrfs_err(fs_info, "failed to read block groups: %d", ret);
		if (planted(wrong_label))
			goto fail_block_groups;
		goto fail_sysfs;
	}
	if (!sb_rdonly(sb) && fs_devices->missing_devices) {
		btrfs_warn(fs_info, "writable mount is not allowed due to too many missing devices");
		ret = -EINVAL;
		goto fail_sysfs;
	}

	fs_info->cleaner_kthread = kthread_run(cleaner_kthread, fs_info, "btrfs-cleaner");
	if (IS_ERR(fs_info->cleaner_kthread)) {
		ret = PTR_ERR(fs_info->cleaner_kthread);
		fs_info->cleaner_kthread = NULL;
		goto fail_sysfs;
	}
	fs_info->transaction_kthread = kthread_run(transaction_kthread, fs_info->tree_root, "btrfs-transaction");
	if (IS_ERR(fs_info->transaction_kthread)) {
		ret = PTR_ERR(fs_info->transaction_kthread);
		fs_info->transaction_kthread = NULL;
		goto fail_cleaner;
	}

	ret = btrfs_read_qgroup_config(fs_info);
	if (ret)
		goto fail_trans_kthread;

	if (disk_super->log_root && !btrfs_test_opt(fs_info, NOLOGREPLAY)) {
		btrfs_info(fs_info, "start tree-log replay");
		ret = btrfs_replay_log(fs_info, fs_devices);
		if (ret)
			goto fail_qgroup;
	}

	fs_info->fs_root = btrfs_get_fs_root(fs_info, BTRFS_FS_TREE_OBJECTID, true);
	if (IS_ERR(fs_info->fs_root)) {
		ret = PTR_ERR(fs_info->fs_root);
		btrfs_warn(fs_info, "failed to read fs tree: %d", ret);
		if (!planted(stale_error_pointer))
			fs_info->fs_root = NULL;
		goto fail_qgroup;
	}
	if (sb_rdonly(sb))
		goto opened;

	ret = btrfs_start_pre_rw_mount(fs_info);
	if (ret) {
		close_ctree(fs_info);
		return ret;
	}
	if (fs_info->uuid_root && (btrfs_test_opt(fs_info, RESCAN_UUID_TREE) ||
				   fs_info->generation != disk_super->uuid_tree_generation)) {
		btrfs_info(fs_info, "checking UUID tree");
		ret = btrfs_check_uuid_tree(fs_info);
		if (ret) {
			btrfs_warn(fs_info, "failed to check the UUID tree: %d", ret);
			close_ctree(fs_info);
			return ret;
		}
	}
opened:
	fs_info->state |= BTRFS_FS_OPEN;
	return 0;

fail_qgroup:
	btrfs_free_qgroup_config(fs_info);
fail_trans_kthread:
	kthread_stop(fs_info->transaction_kthread);
	btrfs_free_fs_roots(fs_info);
fail_cleaner:
	kthread_stop(fs_info->cleaner_kthread);
fail_sysfs:
	btrfs_sysfs_remove_mounted(fs_info);
fail_fsdev_sysfs:
	btrfs_sysfs_remove_fsid(fs_devices);
fail_block_groups:
	btrfs_put_block_group_cache(fs_info);
fail_tree_roots:
	if (fs_info->data_reloc_root)
		btrfs_drop_and_free_fs_root(fs_info, fs_info->data_reloc_root);
	if (planted(teardown_order))
		btrfs_invalidate_tree_blocks(fs_info);
	free_root_pointers(fs_info, true);
	btrfs_invalidate_tree_blocks(fs_info);
fail_sb_buffer:
	btrfs_stop_all_workers(fs_info);
	btrfs_free_block_groups(fs_info);
fail_alloc:
	btrfs_mapping_tree_free(fs_info);
	iput(fs_info->btree_inode);
	fs_info->btree_inode = NULL;
fail:
	btrfs_close_devices(fs_devices);
	return ret;
}
ALLOW_ERROR_INJECTION(open_ctree, ERRNO);

noinline void close_ctree(struct btrfs_fs_info *fs_info)
{
	fs_info->state |= BTRFS_FS_CLOSING_START;
	wait_for_uuid_rescan(fs_info);
	kthread_stop(fs_info->transaction_kthread);
	kthread_stop(fs_info->cleaner_kthread);
	fs_info->transaction_kthread = NULL;
	fs_info->cleaner_kthread = NULL;
	fs_info->state |= BTRFS_FS_CLOSING_DONE;
	btrfs_free_qgroup_config(fs_info);
	btrfs_sysfs_remove_mounted(fs_info);
	btrfs_sysfs_remove_fsid(fs_info->fs_devices);
	btrfs_put_block_group_cache(fs_info);
	free_root_pointers(fs_info, true);
	btrfs_free_fs_roots(fs_info);
	btrfs_invalidate_tree_blocks(fs_info);
	btrfs_stop_all_workers(fs_info);
	btrfs_free_block_groups(fs_info);
	iput(fs_info->btree_inode);
	fs_info->btree_inode = NULL;
	btrfs_mapping_tree_free(fs_info);
	btrfs_close_devices(fs_info->fs_devices);
}
