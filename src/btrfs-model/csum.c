// SPDX-License-Identifier: MIT
/* The four checksum algorithms behind one call, and the hash of names in directories. */
#include <kernel/blake2b.h>
#include <kernel/crc32c.h>
#include <kernel/errno.h>
#include <kernel/kernel.h>
#include <kernel/sha256.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/xxhash.h>
#include "ctree.h"

/* An algorithm in use by a mount. Linux allocates a crypto transform here, which is one of the ways a mount can fail. */
struct crypto_shash {
	u16 csum_type;
};

static const struct {
	const char *name;
	const char *driver;
	u16 size;
} csum_types[] = {
	[BTRFS_CSUM_TYPE_CRC32] = { "crc32c", "crc32c-generic", 4 },
	[BTRFS_CSUM_TYPE_XXHASH] = { "xxhash64", "xxhash64-generic", 8 },
	[BTRFS_CSUM_TYPE_SHA256] = { "sha256", "sha256-generic", 32 },
	[BTRFS_CSUM_TYPE_BLAKE2] = { "blake2b", "blake2b-256-generic", 32 },
};

bool btrfs_supported_super_csum(u16 csum_type)
{
	return csum_type < ARRAY_SIZE(csum_types);
}

const char *btrfs_super_csum_name(u16 csum_type)
{
	return csum_types[csum_type].name;
}

const char *btrfs_super_csum_driver(u16 csum_type)
{
	return csum_types[csum_type].driver;
}

u16 btrfs_csum_type_size(u16 csum_type)
{
	return csum_types[csum_type].size;
}

noinline int btrfs_init_csum_hash(struct btrfs_fs_info *fs_info, u16 csum_type)
{
	struct crypto_shash *shash = kmalloc(sizeof(*shash), GFP_KERNEL);

	if (!shash) {
		btrfs_err(fs_info, "error allocating %s hash for checksum", btrfs_super_csum_name(csum_type));
		return -ENOMEM;
	}
	shash->csum_type = csum_type;
	fs_info->csum_shash = shash;
	btrfs_info(fs_info, "using %s (%s) checksum algorithm", btrfs_super_csum_name(csum_type),
		   btrfs_super_csum_driver(csum_type));
	return 0;
}

void btrfs_free_csum_hash(struct btrfs_fs_info *fs_info)
{
	kfree(fs_info->csum_shash);
	fs_info->csum_shash = NULL;
}

void btrfs_csum(const struct btrfs_fs_info *fs_info, const void *data, size_t length, u8 result[BTRFS_CSUM_SIZE])
{
	u32 crc;
	u64 hash;

	memset(result, 0, BTRFS_CSUM_SIZE);
	switch (fs_info->csum_shash->csum_type) {
	case BTRFS_CSUM_TYPE_CRC32:
		crc = ~crc32c(~0u, data, length);
		memcpy(result, &crc, sizeof(crc));
		break;
	case BTRFS_CSUM_TYPE_XXHASH:
		hash = xxh64(data, length, 0);
		memcpy(result, &hash, sizeof(hash));
		break;
	case BTRFS_CSUM_TYPE_SHA256:
		sha256(data, length, result);
		break;
	case BTRFS_CSUM_TYPE_BLAKE2:
		blake2b_256(data, length, result);
		break;
	}
}

u32 btrfs_name_hash(const char *name, int len)
{
	return crc32c((u32)~1, name, len);
}
