/* SPDX-License-Identifier: MIT */
/* Files whose only store is the page cache. */
#ifndef _FS_FILEMAP_H
#define _FS_FILEMAP_H

#include <kernel/fs.h>

ssize_t ram_file_write_iter(struct kiocb *iocb, struct iov_iter *from);
void filemap_init(void);

#endif
