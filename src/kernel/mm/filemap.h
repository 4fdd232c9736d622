/* SPDX-License-Identifier: MIT */
/* Files whose only store is the page cache. */
#ifndef _FS_FILEMAP_H
#define _FS_FILEMAP_H

#include <kernel/fs.h>

ssize_t ram_file_write(struct file *file, const char __user *buf, size_t count, loff_t *pos);
void filemap_init(void);

#endif
