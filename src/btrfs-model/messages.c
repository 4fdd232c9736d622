// SPDX-License-Identifier: MIT
/* Messages in Linux's wording: "BTRFS error (device vda): ...". */
#include <kernel/kernel.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include "ctree.h"

void btrfs_printk(const struct btrfs_fs_info *fs_info, int level, const char *fmt, ...)
{
	static const char *const type[] = {
		"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug",
	};
	const char *id = "", *state = "";
	char message[384];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (!fs_info) {
		printk("\001%cBTRFS %s: %s\n", '0' + level, type[level], message);
		return;
	}
	/*
	 * Before open_ctree has begun, Linux prints the name inside a super block that is not there yet, which comes out
	 * as "(efault)". Whoever overrides open_ctree sees it.
	 */
	id = fs_info->sb ? fs_info->sb->s_id : "(efault)";
	if (fs_info->state & BTRFS_FS_STATE_ERROR)
		state = fs_info->state & BTRFS_FS_STATE_NO_CSUMS ? ": state EC" : ": state E";
	else if (fs_info->state & BTRFS_FS_STATE_NO_CSUMS)
		state = ": state C";
	printk("\001%cBTRFS %s (device %s%s): %s\n", '0' + level, type[level], id, state, message);
}

static char *put_hex(char *p, u8 byte)
{
	static const char digits[] = "0123456789abcdef";

	*p++ = digits[byte >> 4];
	*p++ = digits[byte & 15];
	return p;
}

const char *btrfs_uuid_text(char buf[BTRFS_UUID_TEXT_SIZE], const u8 *uuid)
{
	char *p = buf;

	for (int i = 0; i < BTRFS_UUID_SIZE; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		p = put_hex(p, uuid[i]);
	}
	*p = 0;
	return buf;
}

const char *btrfs_csum_text(char buf[BTRFS_CSUM_TEXT_SIZE], const u8 *csum, u16 size)
{
	char *p = buf;

	*p++ = '0';
	*p++ = 'x';
	for (int i = 0; i < size; i++)
		p = put_hex(p, csum[i]);
	*p = 0;
	return buf;
}
