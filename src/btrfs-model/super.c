// SPDX-License-Identifier: MIT
/*
 * The file system type "btrfs": mount(2), mount options, statfs(2), unmounting. After Linux's fs/btrfs/super.c.
 *
 * The model never writes. A mount that asks for writing goes through every step that a writable one takes and is then
 * marked read-only, so that whatever would change something answers EROFS.
 */
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include "ctree.h"

/* ---- Options -------------------------------------------------------------------------------------------------- */

/* The value of "name=value", or NULL. */
static const char *option_value(const char *option, const char *name)
{
	size_t length = strlen(name);

	return !strncmp(option, name, length) && option[length] == '=' ? option + length + 1 : NULL;
}

/* Options that Linux knows and that make no difference to a reader. */
static bool is_accepted(const char *option)
{
	static const char *const plain[] = {
		"ssd", "nossd", "ssd_spread", "nossd_spread", "datacow", "nodatacow", "datasum", "nodatasum", "barrier",
		"nobarrier", "acl", "noacl", "discard", "nodiscard", "autodefrag", "noautodefrag", "flushoncommit",
		"noflushoncommit", "treelog", "notreelog", "enospc_debug", "noenospc_debug", "clear_cache",
		"space_cache", "nospace_cache", "skip_balance", "user_subvol_rm_allowed", "compress", "compress-force",
		"inode_cache", "noinode_cache", "recovery",
	};
	static const char *const valued[] = {
		"compress", "compress-force", "commit", "max_inline", "thread_pool", "metadata_ratio", "discard",
		"space_cache", "device", "fatal_errors", "alloc_start", "check_int_print_mask", "ratio",
	};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (!strcmp(option, plain[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(valued); i++)
		if (option_value(option, valued[i]))
			return true;
	return false;
}

static int parse_rescue_options(struct btrfs_fs_info *fs_info, char *value)
{
	char *one;

	while ((one = strsep(&value, ":"))) {
		if (!strcmp(one, "usebackuproot")) {
			btrfs_info(fs_info, "trying to use backup root at mount time");
			fs_info->mount_opt |= BTRFS_MOUNT_USEBACKUPROOT;
		} else if (!strcmp(one, "nologreplay")) {
			fs_info->mount_opt |= BTRFS_MOUNT_NOLOGREPLAY;
			btrfs_info(fs_info, "disabling log replay at mount time");
		} else if (!strcmp(one, "ignoredatacsums") || !strcmp(one, "idatacsums")) {
			fs_info->mount_opt |= BTRFS_MOUNT_IGNOREDATACSUMS;
			btrfs_info(fs_info, "ignoring data csums");
		} else {
			btrfs_err(fs_info, "unrecognized rescue value %s", one);
			return -EINVAL;
		}
	}
	return 0;
}

static int parse_one_option(struct btrfs_fs_info *fs_info, char *option)
{
	const char *value;

	if (!strcmp(option, "degraded")) {
		btrfs_info(fs_info, "allowing degraded mounts");
		fs_info->mount_opt |= BTRFS_MOUNT_DEGRADED;
	} else if (!strcmp(option, "usebackuproot") || !strcmp(option, "recovery")) {
		btrfs_warn(fs_info, "'%s' is deprecated, use 'rescue=usebackuproot' instead", option);
		btrfs_info(fs_info, "trying to use backup root at mount time");
		fs_info->mount_opt |= BTRFS_MOUNT_USEBACKUPROOT;
	} else if (!strcmp(option, "nologreplay") || !strcmp(option, "norecovery")) {
		btrfs_warn(fs_info, "'nologreplay' is deprecated, use 'rescue=nologreplay' instead");
		fs_info->mount_opt |= BTRFS_MOUNT_NOLOGREPLAY;
		btrfs_info(fs_info, "disabling log replay at mount time");
	} else if (!strcmp(option, "rescan_uuid_tree")) {
		fs_info->mount_opt |= BTRFS_MOUNT_RESCAN_UUID_TREE;
	} else if ((value = option_value(option, "rescue"))) {
		return parse_rescue_options(fs_info, (char *)value);
	} else if (option_value(option, "subvol") || option_value(option, "subvolid")) {
		/* Taken by btrfs_parse_subvol_options. */
	} else if (!is_accepted(option)) {
		btrfs_err(fs_info, "unrecognized mount option '%s'", option);
		return -EINVAL;
	}
	return 0;
}

noinline int btrfs_parse_options(struct btrfs_fs_info *fs_info, char *options, unsigned long new_flags)
{
	const struct btrfs_super_block *super = fs_info->super_copy;
	char *copy = NULL, *rest, *option;
	int ret = 0;

	if (super->compat_ro_flags & BTRFS_FEATURE_COMPAT_RO_FREE_SPACE_TREE)
		fs_info->mount_opt |= BTRFS_MOUNT_FREE_SPACE_TREE;
	else if (super->cache_generation)
		fs_info->mount_opt |= BTRFS_MOUNT_SPACE_CACHE;
	if (options && *options) {
		copy = kstrdup(options, GFP_KERNEL);
		if (!copy)
			return -ENOMEM;
		rest = copy;
		while (!ret && (option = strsep(&rest, ",")))
			if (*option)
				ret = parse_one_option(fs_info, option);
		kfree(copy);
	}
	if (!ret && btrfs_test_opt(fs_info, NOLOGREPLAY) && !(new_flags & SB_RDONLY)) {
		btrfs_err(fs_info, "nologreplay must be used with ro mount option");
		ret = -EINVAL;
	}
	if (ret)
		return ret;
	if (btrfs_test_opt(fs_info, SPACE_CACHE))
		btrfs_info(fs_info, "disk space caching is enabled");
	if (btrfs_test_opt(fs_info, FREE_SPACE_TREE))
		btrfs_info(fs_info, "using free space tree");
	return 0;
}

/* subvol=PATH and subvolid=N, which say what of the file system appears at the mount point. */
static noinline int btrfs_parse_subvol_options(const char *options, char **subvol_name, u64 *subvol_objectid)
{
	char *copy, *rest, *option;
	int ret = 0;

	*subvol_name = NULL;
	*subvol_objectid = 0;
	if (!options || !*options)
		return 0;
	copy = kstrdup(options, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	rest = copy;
	while (!ret && (option = strsep(&rest, ","))) {
		const char *value = option_value(option, "subvol");
		char *end;

		if (value) {
			kfree(*subvol_name);
			*subvol_name = kstrdup(value, GFP_KERNEL);
			if (!*subvol_name)
				ret = -ENOMEM;
		}
		value = option_value(option, "subvolid");
		if (value) {
			*subvol_objectid = simple_strtoull(value, &end, 0);
			if (end == value || *end)
				ret = -EINVAL;
			/* 0 is another name of the top level. */
			if (!*subvol_objectid)
				*subvol_objectid = BTRFS_FS_TREE_OBJECTID;
		}
	}
	kfree(copy);
	if (ret) {
		kfree(*subvol_name);
		*subvol_name = NULL;
	}
	return ret;
}

static int btrfs_show_options(struct seq_file *seq, struct dentry *dentry)
{
	const struct btrfs_fs_info *fs_info = btrfs_sb(dentry->d_sb);

	if (btrfs_test_opt(fs_info, DEGRADED))
		seq_puts(seq, ",degraded");
	if (btrfs_test_opt(fs_info, NOLOGREPLAY))
		seq_puts(seq, ",rescue=nologreplay");
	if (btrfs_test_opt(fs_info, USEBACKUPROOT))
		seq_puts(seq, ",rescue=usebackuproot");
	if (btrfs_test_opt(fs_info, IGNOREDATACSUMS))
		seq_puts(seq, ",rescue=ignoredatacsums");
	if (btrfs_test_opt(fs_info, FREE_SPACE_TREE))
		seq_puts(seq, ",space_cache=v2");
	else if (btrfs_test_opt(fs_info, SPACE_CACHE))
		seq_puts(seq, ",space_cache");
	else
		seq_puts(seq, ",nospace_cache");
	seq_printf(seq, ",subvolid=%llu", (unsigned long long)(fs_info->subvol_objectid ?: BTRFS_FS_TREE_OBJECTID));
	seq_printf(seq, ",subvol=%s", fs_info->subvol_name ?: "/");
	return 0;
}

/* ---- The super block ------------------------------------------------------------------------------------------ */

static int btrfs_statfs(struct dentry *dentry, struct kstatfs *buf)
{
	const struct btrfs_fs_info *fs_info = btrfs_sb(dentry->d_sb);
	const struct btrfs_super_block *super = fs_info->super_copy;
	const struct btrfs_space_info *info;
	int bits = fs_info->sectorsize_bits;
	u64 total_used = 0, allocated = 0, free_data = 0;
	u32 fsid[4];

	list_for_each_entry(info, &fs_info->space_info, list) {
		total_used += info->disk_used;
		allocated += info->disk_total;
		if (info->flags & BTRFS_BLOCK_GROUP_DATA)
			free_data += info->total_bytes - info->bytes_used;
	}
	buf->f_type = BTRFS_SUPER_MAGIC;
	buf->f_bsize = fs_info->sectorsize;
	buf->f_frsize = fs_info->sectorsize;
	buf->f_namelen = BTRFS_NAME_LEN;
	buf->f_blocks = super->total_bytes >> bits;
	buf->f_bfree = super->total_bytes > total_used ? (super->total_bytes - total_used) >> bits : 0;
	/* Data may also go where no chunk is yet. */
	if (super->total_bytes > allocated)
		free_data += super->total_bytes - allocated;
	buf->f_bavail = free_data >> bits;
	if (buf->f_bavail > buf->f_bfree)
		buf->f_bavail = buf->f_bfree;
	buf->f_files = 0;
	buf->f_ffree = 0;
	memcpy(fsid, fs_info->fs_devices->fsid, sizeof(fsid));
	buf->f_fsid = (u64)(__builtin_bswap32(fsid[0]) ^ __builtin_bswap32(fsid[2])) |
		      (u64)(__builtin_bswap32(fsid[1]) ^ __builtin_bswap32(fsid[3])) << 32;
	return 0;
}

static void btrfs_put_super(struct super_block *sb)
{
	struct btrfs_fs_info *fs_info = btrfs_sb(sb);
	char uuid[BTRFS_UUID_TEXT_SIZE];

	btrfs_info(fs_info, "last unmount of filesystem %s", btrfs_uuid_text(uuid, fs_info->fs_devices->fsid));
	close_ctree(fs_info);
}

static int btrfs_remount(struct super_block *sb, int *flags, char *data)
{
	if (!(*flags & SB_RDONLY))
		return -EROFS;
	return 0;
}

static const struct super_operations btrfs_super_ops = {
	.alloc_inode = btrfs_alloc_inode,
	.free_inode = btrfs_free_inode,
	.evict_inode = btrfs_evict_inode,
	.put_super = btrfs_put_super,
	.statfs = btrfs_statfs,
	.remount_fs = btrfs_remount,
	.show_options = btrfs_show_options,
};

static noinline int btrfs_fill_super(struct super_block *sb, struct btrfs_fs_devices *fs_devices, void *data)
{
	struct btrfs_fs_info *fs_info = btrfs_sb(sb);
	struct inode *inode;
	int ret;

	sb->s_maxbytes = (loff_t)~0ULL >> 1 & 0x7fffffffffffffffLL;
	sb->s_magic = BTRFS_SUPER_MAGIC;
	sb->s_op = &btrfs_super_ops;
	sb->s_time_gran = 1;
	ret = open_ctree(sb, fs_devices, data);
	if (ret) {
		btrfs_err(fs_info, "open_ctree failed: %d", ret);
		return ret;
	}
	inode = btrfs_iget(sb, BTRFS_FIRST_FREE_OBJECTID, fs_info->fs_root);
	if (IS_ERR(inode)) {
		ret = PTR_ERR(inode);
		goto fail_close;
	}
	sb->s_root = d_make_root(inode);
	if (!sb->s_root) {
		ret = -ENOMEM;
		goto fail_close;
	}
	sb->s_flags |= SB_ACTIVE | SB_RDONLY;
	return 0;

fail_close:
	close_ctree(fs_info);
	return ret;
}

static int btrfs_test_super(struct super_block *sb, void *data)
{
	const struct btrfs_fs_info *wanted = data;

	return btrfs_sb(sb)->fs_devices == wanted->fs_devices;
}

static int btrfs_set_super(struct super_block *sb, void *data)
{
	int ret = set_anon_super(sb, data);

	if (!ret)
		sb->s_fs_info = data;
	return ret;
}

/*
 * One mount or unmount at a time, which Linux gets from s_umount and the device's holder: nobody may find a super block
 * that is still being filled, or devices that are just being closed.
 */
static DEFINE_MUTEX(btrfs_mount_mutex);
static struct task_struct *btrfs_mount_owner;

static void btrfs_mount_lock(void)
{
	mutex_lock(&btrfs_mount_mutex);
	btrfs_mount_owner = current;
}

static void btrfs_mount_unlock(void)
{
	btrfs_mount_owner = NULL;
	mutex_unlock(&btrfs_mount_mutex);
}

static void btrfs_kill_super(struct super_block *sb)
{
	struct btrfs_fs_info *fs_info = btrfs_sb(sb);
	bool inside_mount = btrfs_mount_owner == current;
	u64 mark = fs_info->mount_mark, end = fs_info->mount_end;
	pid_t pid = fs_info->mount_pid;

	if (!inside_mount)
		btrfs_mount_lock();
	kill_anon_super(sb);
	if (!fs_info->devices_taken)
		btrfs_abandon_devices(fs_info->fs_devices);
	btrfs_free_fs_info(fs_info);
	if (!inside_mount) {
		kmem_report_between(mark, end, pid, "btrfs unmounted");
		btrfs_mount_unlock();
	}
}

static struct file_system_type btrfs_fs_type;

static struct btrfs_fs_info *alloc_fs_info(void)
{
	struct btrfs_fs_info *fs_info = kvzalloc(sizeof(*fs_info), GFP_KERNEL);

	if (!fs_info)
		return NULL;
	btrfs_init_fs_info(fs_info);
	fs_info->super_copy = kzalloc(BTRFS_SUPER_INFO_SIZE, GFP_KERNEL);
	fs_info->super_for_commit = kzalloc(BTRFS_SUPER_INFO_SIZE, GFP_KERNEL);
	if (!fs_info->super_copy || !fs_info->super_for_commit) {
		btrfs_free_fs_info(fs_info);
		return NULL;
	}
	return fs_info;
}

/* Scans the device and opens what it belongs to. */
static int scan_and_open(struct btrfs_fs_info *fs_info, const char *device_name, fmode_t mode)
{
	struct btrfs_device *device;
	int ret;

	device = btrfs_scan_one_device(device_name, mode, &btrfs_fs_type);
	if (IS_ERR(device)) {
		ret = PTR_ERR(device);
	} else {
		fs_info->fs_devices = device->fs_devices;
		ret = btrfs_open_devices(fs_info->fs_devices, mode, &btrfs_fs_type);
		if (ret)
			btrfs_free_unopened_devices(fs_info->fs_devices);
	}
	return ret;
}

/* The root of the whole file system, with a reference, in a super block that is new or in use already. */
static noinline struct dentry *btrfs_mount_root(struct file_system_type *fs_type, int flags, const char *device_name,
						void *data)
{
	fmode_t mode = FMODE_READ | FMODE_EXCL;
	struct btrfs_fs_info *fs_info;
	struct super_block *sb;
	int error;

	fs_info = alloc_fs_info();
	if (!fs_info)
		return ERR_PTR(-ENOMEM);
	error = scan_and_open(fs_info, device_name, mode);
	if (error) {
		btrfs_free_fs_info(fs_info);
		return ERR_PTR(error);
	}
	sb = sget(fs_type, btrfs_test_super, btrfs_set_super, flags, fs_info);
	if (IS_ERR(sb)) {
		btrfs_close_devices(fs_info->fs_devices);
		btrfs_free_fs_info(fs_info);
		return ERR_CAST(sb);
	}
	/* The VFS frees it after it has called btrfs_kill_super. */
	kmem_not_a_leak(sb);
	if (sb->s_root) {
		btrfs_close_devices(fs_info->fs_devices);
		btrfs_free_fs_info(fs_info);
		return dget(sb->s_root);
	}
	snprintf(sb->s_id, sizeof(sb->s_id), "%s", fs_info->fs_devices->latest_dev->bdev->bd_disk->disk_name);
	error = btrfs_fill_super(sb, fs_info->fs_devices, data);
	if (error) {
		deactivate_locked_super(sb);
		return ERR_PTR(error);
	}
	return dget(sb->s_root);
}

/* ---- Subvolumes ------------------------------------------------------------------------------------------------ */

/* The subvolume that is mounted when nobody says which: the directory item "default" in the tree of roots. */
static noinline int get_default_subvol_objectid(struct btrfs_fs_info *fs_info, u64 *objectid)
{
	static const char name[] = "default";
	struct btrfs_key key = {
		fs_info->super_copy->root_dir_objectid, BTRFS_DIR_ITEM_KEY, btrfs_name_hash(name, sizeof(name) - 1)
	};
	struct btrfs_path *path = btrfs_alloc_path();
	int ret;

	*objectid = BTRFS_FS_TREE_OBJECTID;
	if (!path)
		return -ENOMEM;
	ret = btrfs_search_slot(NULL, fs_info->tree_root, &key, path, 0, 0);
	if (!ret && btrfs_item_size(path->nodes[0], path->slots[0]) >= sizeof(struct btrfs_dir_item)) {
		const struct btrfs_dir_item *di = btrfs_item_data(path->nodes[0], path->slots[0]);

		*objectid = di->location.objectid;
	}
	btrfs_free_path(path);
	return ret < 0 ? ret : 0;
}

/* Takes @root's reference and gives one to the entry at @path below it. */
static struct dentry *walk_to(struct dentry *root, const char *path)
{
	while (!IS_ERR(root)) {
		const char *end;
		struct qstr name;
		struct dentry *dentry, *found;

		while (*path == '/')
			path++;
		if (!*path)
			break;
		for (end = path; *end && *end != '/'; end++)
			;
		name = (struct qstr)QSTR_INIT(path, end - path);
		name.hash = full_name_hash(root, path, end - path);
		if (!d_inode(root) || !S_ISDIR(d_inode(root)->i_mode) || name.len > BTRFS_NAME_LEN) {
			dput(root);
			return ERR_PTR(-ENOTDIR);
		}
		dentry = d_lookup(root, &name);
		if (!dentry) {
			dentry = d_alloc(root, &name);
			if (!dentry) {
				dput(root);
				return ERR_PTR(-ENOMEM);
			}
			found = d_inode(root)->i_op->lookup(d_inode(root), dentry, 0);
			if (found) {
				dput(dentry);
				dentry = found;
			}
		}
		dput(root);
		root = dentry;
		if (!IS_ERR(root) && d_is_negative(root)) {
			dput(root);
			return ERR_PTR(-ENOENT);
		}
		path = end;
	}
	return root;
}

/* What of a mounted file system the mount point shows. Takes @root's reference. */
static noinline struct dentry *mount_subvol(struct dentry *root, const char *subvol_name, u64 subvol_objectid)
{
	struct super_block *sb = root->d_sb;
	struct btrfs_fs_info *fs_info = btrfs_sb(sb);
	struct dentry *dentry = root;
	struct btrfs_root *subvol;
	struct inode *inode;
	int ret = 0;

	if (subvol_name) {
		dentry = walk_to(root, subvol_name);
	} else {
		if (!subvol_objectid)
			ret = get_default_subvol_objectid(fs_info, &subvol_objectid);
		if (!ret && subvol_objectid == BTRFS_FS_TREE_OBJECTID)
			return root;
		dput(root);
		if (ret)
			return ERR_PTR(ret);
		subvol = btrfs_get_fs_root(fs_info, subvol_objectid, true);
		if (IS_ERR(subvol))
			return ERR_CAST(subvol);
		inode = btrfs_iget(sb, BTRFS_FIRST_FREE_OBJECTID, subvol);
		btrfs_put_root(subvol);
		if (IS_ERR(inode))
			return ERR_CAST(inode);
		dentry = d_find_alias(inode);
		if (dentry)
			iput(inode);
		else
			dentry = d_make_root(inode);
		if (!dentry)
			return ERR_PTR(-ENOMEM);
	}
	if (IS_ERR(dentry))
		return dentry;
	if (BTRFS_I(d_inode(dentry))->objectid != BTRFS_FIRST_FREE_OBJECTID) {
		btrfs_err(fs_info, "'%s' is not a valid subvolume", subvol_name ?: "");
		dput(dentry);
		return ERR_PTR(-EINVAL);
	}
	return dentry;
}

static noinline struct dentry *btrfs_mount(struct file_system_type *fs_type, int flags, const char *device_name,
					   void *data)
{
	struct btrfs_fs_info *fs_info;
	struct super_block *sb;
	struct dentry *root;
	u64 subvol_objectid, mark;
	char *subvol_name;
	dev_t dev;
	int ret;

	/* First, so that the names on the way are cached and do not count as left behind by the mount. */
	ret = lookup_bdev(device_name, &dev);
	if (ret)
		return ERR_PTR(ret);
	btrfs_mount_lock();
	mark = kmem_mark();
	ret = btrfs_parse_subvol_options(data, &subvol_name, &subvol_objectid);
	if (ret) {
		btrfs_mount_unlock();
		return ERR_PTR(ret);
	}
	root = btrfs_mount_root(fs_type, flags, device_name, data);
	if (!IS_ERR(root)) {
		sb = root->d_sb;
		root = mount_subvol(root, subvol_name, subvol_objectid);
		if (IS_ERR(root))
			deactivate_super(sb);
	}
	kfree(subvol_name);
	if (IS_ERR(root)) {
		kmem_report_between(mark, kmem_mark(), current->pid, "btrfs mount failed");
	} else if (!btrfs_sb(root->d_sb)->mount_mark) {
		fs_info = btrfs_sb(root->d_sb);
		fs_info->mount_mark = mark;
		fs_info->mount_end = kmem_mark();
		fs_info->mount_pid = current->pid;
	}
	btrfs_mount_unlock();
	return root;
}

static struct file_system_type btrfs_fs_type = {
	.name = "btrfs",
	.fs_flags = FS_REQUIRES_DEV,
	.mount = btrfs_mount,
	.kill_sb = btrfs_kill_super,
};

static int init_btrfs_fs(void)
{
	int ret = btrfs_extent_buffer_cache_init();

	if (!ret)
		ret = btrfs_ctree_init();
	if (!ret)
		ret = btrfs_inode_cache_init();
	if (!ret)
		ret = btrfs_init_sysfs();
	if (!ret)
		ret = register_filesystem(&btrfs_fs_type);
	return ret;
}
late_initcall(init_btrfs_fs);
