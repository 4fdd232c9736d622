// SPDX-License-Identifier: MIT
/*
 * Sequence files: records are formatted one by one into a buffer that grows until the first record fits; reading goes
 * on with the record after the last that was given out. (Documentation/filesystems/seq_file.rst)
 */
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

int seq_open(struct file *file, const struct seq_operations *op)
{
	struct seq_file *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return -ENOMEM;
	mutex_init(&m->lock);
	m->op = op;
	m->file = file;
	file->private_data = m;
	/* pwrite has no meaning for text of the kernel's; pread has. */
	file->f_mode &= ~FMODE_PWRITE;
	return 0;
}

static char *seq_buf_alloc(size_t size)
{
	return kmalloc(size, GFP_KERNEL);
}

bool seq_has_overflowed(struct seq_file *m)
{
	return m->count == m->size;
}

static void seq_set_overflow(struct seq_file *m)
{
	m->count = m->size;
}

static int larger(struct seq_file *m)
{
	kfree(m->buf);
	m->count = 0;
	m->buf = seq_buf_alloc(m->size <<= 1);
	return m->buf ? 0 : -ENOMEM;
}

/* Brings the file to @offset by producing everything before it again. */
static int traverse(struct seq_file *m, loff_t offset)
{
	loff_t pos = 0;
	int err = 0;
	void *p;

	m->index = 0;
	m->count = m->from = 0;
	if (!offset)
		return 0;
	if (!m->buf) {
		m->buf = seq_buf_alloc(m->size = PAGE_SIZE);
		if (!m->buf)
			return -ENOMEM;
	}
	p = m->op->start(m, &m->index);
	while (p) {
		err = IS_ERR(p) ? PTR_ERR(p) : m->op->show(m, p);
		if (err < 0)
			break;
		if (err) {
			err = 0;
			m->count = 0;
		}
		if (seq_has_overflowed(m)) {
			m->op->stop(m, p);
			err = larger(m);
			return err ? err : -EAGAIN;
		}
		p = m->op->next(m, p, &m->index);
		if (pos + (loff_t)m->count > offset) {
			m->from = offset - pos;
			m->count -= m->from;
			break;
		}
		pos += m->count;
		m->count = 0;
		if (pos == offset)
			break;
	}
	m->op->stop(m, p);
	return err;
}

static ssize_t do_read(struct seq_file *m, struct iov_iter *to, loff_t *ppos)
{
	size_t size = iov_iter_count(to);
	size_t copied = 0, n;
	int err = 0;
	void *p;

	if (!size)
		return 0;
	if (!*ppos) {
		m->index = 0;
		m->count = 0;
	}
	if (*ppos != m->read_pos) {
		while ((err = traverse(m, *ppos)) == -EAGAIN)
			;
		if (err) {
			m->read_pos = 0;
			m->index = 0;
			m->count = 0;
			return err;
		}
		m->read_pos = *ppos;
	}
	if (!m->buf) {
		m->buf = seq_buf_alloc(m->size = PAGE_SIZE);
		if (!m->buf)
			return -ENOMEM;
	}
	/* What is left of the last record. */
	if (m->count) {
		n = min(m->count, size);
		if (copy_to_iter(m->buf + m->from, n, to) < n)
			return -EFAULT;
		m->count -= n;
		m->from += n;
		size -= n;
		copied += n;
		if (m->count)
			goto done;
	}
	m->from = 0;
	p = m->op->start(m, &m->index);
	for (;;) {
		err = PTR_ERR(p);
		if (!p || IS_ERR(p))
			break;
		err = m->op->show(m, p);
		if (err < 0)
			break;
		if (err)
			m->count = 0;
		if (!m->count) {
			p = m->op->next(m, p, &m->index);
			continue;
		}
		if (!seq_has_overflowed(m))
			goto fill;
		m->op->stop(m, p);
		err = larger(m);
		if (err)
			goto done;
		p = m->op->start(m, &m->index);
	}
	m->op->stop(m, p);
	m->count = 0;
	goto done;
fill:
	/* As many records as fit. */
	for (;;) {
		size_t before = m->count;
		loff_t index = m->index;

		p = m->op->next(m, p, &m->index);
		if (m->index == index)
			m->index++;
		if (!p || IS_ERR(p)) {
			err = PTR_ERR(p);
			break;
		}
		if (m->count >= size)
			break;
		err = m->op->show(m, p);
		if (seq_has_overflowed(m) || err) {
			m->count = before;
			if (err <= 0)
				break;
		}
	}
	m->op->stop(m, p);
	n = min(m->count, size);
	if (copy_to_iter(m->buf, n, to) < n) {
		err = -EFAULT;
		goto done;
	}
	copied += n;
	m->count -= n;
	m->from = n;
done:
	if (!copied)
		return err;
	*ppos += copied;
	m->read_pos += copied;
	return copied;
}

static ssize_t read_locked(struct seq_file *m, struct iov_iter *to, loff_t *pos)
{
	ssize_t result;

	mutex_lock(&m->lock);
	result = do_read(m, to, pos);
	mutex_unlock(&m->lock);
	return result;
}

ssize_t seq_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct iov_iter to;

	iov_iter_ubuf(&to, ITER_DEST, buf, size);
	return read_locked(file->private_data, &to, pos);
}

/* For files that may be spliced and sent, too. */
ssize_t seq_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return read_locked(iocb->ki_filp->private_data, to, &iocb->ki_pos);
}

loff_t seq_lseek(struct file *file, loff_t offset, int whence)
{
	struct seq_file *m = file->private_data;
	loff_t result = -EINVAL;

	mutex_lock(&m->lock);
	if (whence == SEEK_CUR)
		offset += file->f_pos;
	if ((whence == SEEK_SET || whence == SEEK_CUR) && offset >= 0) {
		result = offset;
		if (offset != m->read_pos) {
			while ((result = traverse(m, offset)) == -EAGAIN)
				;
			if (result) {
				file->f_pos = 0;
				m->read_pos = 0;
				m->index = 0;
				m->count = 0;
			} else {
				m->read_pos = offset;
				result = file->f_pos = offset;
			}
		} else {
			file->f_pos = offset;
		}
	}
	mutex_unlock(&m->lock);
	return result;
}

int seq_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	kfree(m->buf);
	kfree(m);
	return 0;
}

/* ---- Files of one record --------------------------------------------------------------------------------------- */

static void *single_start(struct seq_file *m, loff_t *pos)
{
	return *pos ? NULL : SEQ_START_TOKEN;
}

static void *single_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return NULL;
}

static void single_stop(struct seq_file *m, void *v)
{
}

int single_open(struct file *file, int (*show)(struct seq_file *, void *), void *data)
{
	struct seq_operations *op = kmalloc(sizeof(*op), GFP_KERNEL);
	int err = -ENOMEM;

	if (op) {
		op->start = single_start;
		op->next = single_next;
		op->stop = single_stop;
		op->show = show;
		err = seq_open(file, op);
		if (err)
			kfree(op);
		else
			((struct seq_file *)file->private_data)->private = data;
	}
	return err;
}

int single_open_size(struct file *file, int (*show)(struct seq_file *, void *), void *data, size_t size)
{
	char *buf = seq_buf_alloc(size);
	int err;

	if (!buf)
		return -ENOMEM;
	err = single_open(file, show, data);
	if (err) {
		kfree(buf);
		return err;
	}
	((struct seq_file *)file->private_data)->buf = buf;
	((struct seq_file *)file->private_data)->size = size;
	return 0;
}

int single_release(struct inode *inode, struct file *file)
{
	const struct seq_operations *op = ((struct seq_file *)file->private_data)->op;
	int err = seq_release(inode, file);

	kfree(op);
	return err;
}

/* ---- Output ------------------------------------------------------------------------------------------------------ */

void seq_vprintf(struct seq_file *m, const char *fmt, __builtin_va_list args)
{
	int len;

	if (m->count < m->size) {
		len = vsnprintf(m->buf + m->count, m->size - m->count, fmt, args);
		if (m->count + len < m->size) {
			m->count += len;
			return;
		}
	}
	seq_set_overflow(m);
}

void seq_printf(struct seq_file *m, const char *fmt, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, fmt);
	seq_vprintf(m, fmt, args);
	__builtin_va_end(args);
}

int seq_write(struct seq_file *m, const void *data, size_t len)
{
	if (m->count + len < m->size) {
		memcpy(m->buf + m->count, data, len);
		m->count += len;
		return 0;
	}
	seq_set_overflow(m);
	return -1;
}

void seq_puts(struct seq_file *m, const char *s)
{
	seq_write(m, s, strlen(s));
}

void seq_putc(struct seq_file *m, char c)
{
	if (m->count < m->size)
		m->buf[m->count++] = c;
}

void seq_escape(struct seq_file *m, const char *s, const char *esc)
{
	for (; *s; s++) {
		if (strchr(esc, *s))
			seq_printf(m, "\\%03o", (unsigned char)*s);
		else
			seq_putc(m, *s);
	}
}

int seq_path(struct seq_file *m, const struct path *path, const char *esc)
{
	char *buffer = kmalloc(PATH_MAX, GFP_KERNEL), *text;
	int err = -ENOMEM;

	if (!buffer) {
		seq_set_overflow(m);
		return err;
	}
	text = d_path(path, buffer, PATH_MAX);
	err = PTR_ERR_OR_ZERO(text);
	if (!err)
		seq_escape(m, text, esc);
	kfree(buffer);
	return err;
}

