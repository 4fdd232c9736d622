/* SPDX-License-Identifier: MIT */
/* debugfs: /sys/kernel/debug. @parent NULL is its root. (Documentation/filesystems/debugfs.rst) */
#ifndef _KERNEL_DEBUGFS_H
#define _KERNEL_DEBUGFS_H

#include <kernel/types.h>
#include <kernel/fs.h>
#include <kernel/seq_file.h>

struct dentry *debugfs_create_dir(const char *name, struct dentry *parent);
/* @data becomes i_private; simple_open() copies it to private_data. */
struct dentry *debugfs_create_file(const char *name, umode_t mode, struct dentry *parent, void *data,
				   const struct file_operations *fops);
struct dentry *debugfs_create_symlink(const char *name, struct dentry *parent, const char *target);
void debugfs_create_u32(const char *name, umode_t mode, struct dentry *parent, u32 *value);
void debugfs_create_x64(const char *name, umode_t mode, struct dentry *parent, u64 *value);
void debugfs_create_ulong(const char *name, umode_t mode, struct dentry *parent, unsigned long *value);
void debugfs_create_atomic_t(const char *name, umode_t mode, struct dentry *parent, atomic_t *value);
void debugfs_create_bool(const char *name, umode_t mode, struct dentry *parent, bool *value);
/* Removes an entry and everything below it. Files that are open stay readable until they are closed. */
void debugfs_remove(struct dentry *dentry);
#define debugfs_remove_recursive debugfs_remove

/* A file with one number. Once it has been removed, who has it open gets EIO. */
ssize_t debugfs_attr_read(struct file *file, char __user *buf, size_t count, loff_t *pos);
ssize_t debugfs_attr_write(struct file *file, const char __user *buf, size_t count, loff_t *pos);
ssize_t debugfs_attr_write_signed(struct file *file, const char __user *buf, size_t count, loff_t *pos);
#define DEFINE_DEBUGFS_ATTRIBUTE(__fops, __get, __set, __fmt)	\
	DEFINE_NUMBER_ATTRIBUTE(__fops, __get, __set, __fmt, debugfs_attr_read, debugfs_attr_write)
#define DEFINE_DEBUGFS_ATTRIBUTE_SIGNED(__fops, __get, __set, __fmt)	\
	DEFINE_NUMBER_ATTRIBUTE(__fops, __get, __set, __fmt, debugfs_attr_read, debugfs_attr_write_signed)
#define debugfs_create_file_unsafe debugfs_create_file

#endif
