/* SPDX-License-Identifier: MIT */
/*
 * Where read and write move bytes to and from: a buffer of a program's, or one of the kernel's for code inside it that reads
 * and writes files. (Documentation/filesystems/vfs.rst, read_iter; include/linux/uio.h)
 */
#ifndef _KERNEL_UIO_H
#define _KERNEL_UIO_H

#include <kernel/types.h>

#define ITER_DEST	0	/* bytes go there: a read */
#define ITER_SOURCE	1	/* bytes come from there: a write */

struct kvec {
	void *iov_base;
	size_t iov_len;
};

struct iov_iter {
	bool is_user;
	bool data_source;
	union {
		char __user *ubuf;
		char *kbuf;
	};
	size_t count;		/* bytes left */
};

struct kiocb {
	struct file *ki_filp;
	loff_t ki_pos;
};

void iov_iter_ubuf(struct iov_iter *i, unsigned int direction, void __user *buf, size_t count);
/* One segment is all that anybody here has. */
void iov_iter_kvec(struct iov_iter *i, unsigned int direction, const struct kvec *kvec, unsigned long nr_segs, size_t count);
static inline size_t iov_iter_count(const struct iov_iter *i) { return i->count; }
void iov_iter_advance(struct iov_iter *i, size_t bytes);

/* How many bytes were moved; fewer than asked for only if the program's memory is not there (or fail_usercopy says so). */
size_t copy_to_iter(const void *from, size_t bytes, struct iov_iter *i);
size_t copy_from_iter(void *to, size_t bytes, struct iov_iter *i);
size_t iov_iter_zero(size_t bytes, struct iov_iter *i);

#endif
