// SPDX-License-Identifier: MIT
/* /sys/fs/btrfs/UUID: what a mounted file system tells about itself. After Linux's fs/btrfs/sysfs.c. */
#include <kernel/errno.h>
#include <kernel/kernel.h>
#include <kernel/string.h>
#include <kernel/sysfs.h>
#include "ctree.h"

#define FSID_PATH_SIZE	(sizeof("fs/btrfs/") + BTRFS_UUID_TEXT_SIZE + 32)

static void fsid_path(char *path, const struct btrfs_fs_devices *fs_devices, const char *name)
{
	char uuid[BTRFS_UUID_TEXT_SIZE];

	snprintf(path, FSID_PATH_SIZE, "fs/btrfs/%s%s%s", btrfs_uuid_text(uuid, fs_devices->fsid), *name ? "/" : "", name);
}

static ssize_t label_show(void *priv, char *buf)
{
	struct btrfs_fs_info *fs_info = priv;
	char label[BTRFS_LABEL_SIZE];

	memcpy(label, fs_info->super_copy->label, sizeof(label));
	label[sizeof(label) - 1] = 0;
	return sysfs_emit(buf, label[0] ? "%s\n" : "%s", label);
}

static ssize_t nodesize_show(void *priv, char *buf)
{
	return sysfs_emit(buf, "%u\n", ((struct btrfs_fs_info *)priv)->nodesize);
}

static ssize_t sectorsize_show(void *priv, char *buf)
{
	return sysfs_emit(buf, "%u\n", ((struct btrfs_fs_info *)priv)->sectorsize);
}

static ssize_t generation_show(void *priv, char *buf)
{
	return sysfs_emit(buf, "%llu\n", (unsigned long long)((struct btrfs_fs_info *)priv)->generation);
}

static ssize_t checksum_show(void *priv, char *buf)
{
	u16 type = ((struct btrfs_fs_info *)priv)->csum_type;

	return sysfs_emit(buf, "%s (%s)\n", btrfs_super_csum_name(type), btrfs_super_csum_driver(type));
}

static const struct {
	const char *name;
	sysfs_show_t show;
} attributes[] = {
	{ "label", label_show },
	{ "nodesize", nodesize_show },
	{ "sectorsize", sectorsize_show },
	{ "generation", generation_show },
	{ "checksum", checksum_show },
};

int btrfs_init_sysfs(void)
{
	return sysfs_create_dir_simple("fs/btrfs");
}

noinline int btrfs_sysfs_add_fsid(struct btrfs_fs_devices *fs_devices)
{
	char path[FSID_PATH_SIZE];
	int ret;

	fsid_path(path, fs_devices, "");
	ret = sysfs_create_dir_simple(path);
	fs_devices->sysfs_added = !ret;
	return ret;
}

void btrfs_sysfs_remove_fsid(struct btrfs_fs_devices *fs_devices)
{
	char path[FSID_PATH_SIZE];

	if (!fs_devices->sysfs_added)
		return;
	fs_devices->sysfs_added = false;
	fsid_path(path, fs_devices, "");
	sysfs_remove_simple(path);
}

noinline int btrfs_sysfs_add_mounted(struct btrfs_fs_info *fs_info)
{
	char path[FSID_PATH_SIZE];
	int ret;

	fs_info->sysfs_mounted = true;
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		fsid_path(path, fs_info->fs_devices, attributes[i].name);
		ret = sysfs_create_file_simple(path, 0444, attributes[i].show, NULL, fs_info);
		if (ret) {
			btrfs_sysfs_remove_mounted(fs_info);
			return ret;
		}
	}
	return 0;
}

void btrfs_sysfs_remove_mounted(struct btrfs_fs_info *fs_info)
{
	char path[FSID_PATH_SIZE];

	if (!fs_info->sysfs_mounted)
		return;
	fs_info->sysfs_mounted = false;
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		fsid_path(path, fs_info->fs_devices, attributes[i].name);
		sysfs_remove_simple(path);
	}
}
