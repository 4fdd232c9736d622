/* SPDX-License-Identifier: MIT */
/*
 * tracefs: /sys/kernel/tracing, also seen at /sys/kernel/debug/tracing. @parent NULL is its root, so
 * tracefs_create_file("kprobe_events", 0640, NULL, NULL, &fops) makes /sys/kernel/tracing/kprobe_events.
 */
#ifndef _KERNEL_TRACEFS_H
#define _KERNEL_TRACEFS_H

#include <kernel/types.h>
#include <kernel/fs.h>
#include <kernel/seq_file.h>

struct dentry *tracefs_create_dir(const char *name, struct dentry *parent);
/* @data becomes i_private. NULL on failure. */
struct dentry *tracefs_create_file(const char *name, umode_t mode, struct dentry *parent, void *data,
				   const struct file_operations *fops);
/* Removes an entry and everything below it, also while files in it are open. */
void tracefs_remove(struct dentry *dentry);

#endif
