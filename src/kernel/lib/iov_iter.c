// SPDX-License-Identifier: MIT
#include <kernel/bug.h>
#include <kernel/kernel.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include <kernel/uio.h>

void iov_iter_ubuf(struct iov_iter *i, unsigned int direction, void __user *buf, size_t count)
{
	*i = (struct iov_iter){ .is_user = true, .data_source = direction, .ubuf = buf, .count = count };
}

void iov_iter_kvec(struct iov_iter *i, unsigned int direction, const struct kvec *kvec, unsigned long nr_segs, size_t count)
{
	BUG_ON(nr_segs != 1);
	*i = (struct iov_iter){ .data_source = direction, .kbuf = kvec->iov_base, .count = min(count, kvec->iov_len) };
}

void iov_iter_advance(struct iov_iter *i, size_t bytes)
{
	bytes = min(bytes, i->count);
	i->kbuf += bytes;
	i->count -= bytes;
}

size_t copy_to_iter(const void *from, size_t bytes, struct iov_iter *i)
{
	size_t missed = 0;

	bytes = min(bytes, i->count);
	if (i->is_user)
		missed = copy_to_user(i->ubuf, from, bytes);
	else
		memcpy(i->kbuf, from, bytes);
	iov_iter_advance(i, bytes - missed);
	return bytes - missed;
}

size_t copy_from_iter(void *to, size_t bytes, struct iov_iter *i)
{
	size_t missed = 0;

	bytes = min(bytes, i->count);
	if (i->is_user)
		missed = copy_from_user(to, i->ubuf, bytes);
	else
		memcpy(to, i->kbuf, bytes);
	iov_iter_advance(i, bytes - missed);
	return bytes - missed;
}

size_t iov_iter_zero(size_t bytes, struct iov_iter *i)
{
	size_t missed = 0;

	bytes = min(bytes, i->count);
	if (i->is_user)
		missed = clear_user(i->ubuf, bytes);
	else
		memset(i->kbuf, 0, bytes);
	iov_iter_advance(i, bytes - missed);
	return bytes - missed;
}
