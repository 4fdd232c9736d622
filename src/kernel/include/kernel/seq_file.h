/* SPDX-License-Identifier: MIT */
/*
 * Sequence files: text files of the kernel whose records are produced one at a time.
 * (Documentation/filesystems/seq_file.rst)
 */
#ifndef _KERNEL_SEQ_FILE_H
#define _KERNEL_SEQ_FILE_H

#include <kernel/types.h>
#include <kernel/fs.h>
#include <kernel/mutex.h>
#include <kernel/list.h>
#include <kernel/compiler.h>

struct seq_operations;

struct seq_file {
	char *buf;
	size_t size;
	size_t from;
	size_t count;
	loff_t index;
	loff_t read_pos;
	struct mutex lock;
	const struct seq_operations *op;
	const struct file *file;
	void *private;
};

struct seq_operations {
	void *(*start)(struct seq_file *m, loff_t *pos);
	void (*stop)(struct seq_file *m, void *v);
	void *(*next)(struct seq_file *m, void *v, loff_t *pos);
	int (*show)(struct seq_file *m, void *v);
};

#define SEQ_SKIP		1
#define SEQ_START_TOKEN		((void *)1)

int seq_open(struct file *file, const struct seq_operations *op);
int seq_release(struct inode *inode, struct file *file);
ssize_t seq_read_iter(struct kiocb *iocb, struct iov_iter *to);
ssize_t seq_read(struct file *file, char __user *buf, size_t count, loff_t *pos);
loff_t seq_lseek(struct file *file, loff_t offset, int whence);

int single_open(struct file *file, int (*show)(struct seq_file *, void *), void *data);
int single_open_size(struct file *file, int (*show)(struct seq_file *, void *), void *data, size_t size);
int single_release(struct inode *inode, struct file *file);

__printf(2, 3) void seq_printf(struct seq_file *m, const char *fmt, ...);
void seq_vprintf(struct seq_file *m, const char *fmt, __builtin_va_list args);
void seq_putc(struct seq_file *m, char c);
void seq_puts(struct seq_file *m, const char *s);
int seq_write(struct seq_file *m, const void *data, size_t len);
void seq_escape(struct seq_file *m, const char *s, const char *esc);
int seq_path(struct seq_file *m, const struct path *path, const char *esc);
bool seq_has_overflowed(struct seq_file *m);


/* NAME_fops from NAME_show(m, v); i_private becomes m->private. */
#define DEFINE_SHOW_ATTRIBUTE(__name)							\
static int __name ## _open(struct inode *inode, struct file *file)			\
{											\
	return single_open(file, __name ## _show, inode->i_private);			\
}											\
static const struct file_operations __name ## _fops = {					\
	.open = __name ## _open,							\
	.read = seq_read,								\
	.llseek = seq_lseek,								\
	.release = single_release,							\
}

/* NAME_fops from NAME_sops; i_private becomes m->private. */
#define DEFINE_SEQ_ATTRIBUTE(__name)							\
static int __name ## _open(struct inode *inode, struct file *file)			\
{											\
	int ret = seq_open(file, &__name ## _sops);					\
	if (!ret && inode->i_private)							\
		((struct seq_file *)file->private_data)->private = inode->i_private;	\
	return ret;									\
}											\
static const struct file_operations __name ## _fops = {					\
	.open = __name ## _open,							\
	.read = seq_read,								\
	.llseek = seq_lseek,								\
	.release = seq_release,								\
}

#endif
