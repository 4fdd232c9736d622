/* SPDX-License-Identifier: MIT */
/*
 * sysfs without kobjects: directories and attribute files by their path below /sys, for instance
 * "bus/event_source/devices/kprobe/type". Missing directories on the way are made.
 */
#ifndef _KERNEL_SYSFS_H
#define _KERNEL_SYSFS_H

#include <kernel/types.h>
#include <kernel/fs.h>

/* Writes the attribute's text into @buf (PAGE_SIZE bytes); its length or an errno. */
typedef ssize_t (*sysfs_show_t)(void *priv, char *buf);
/* Takes the @count bytes written (NUL-terminated); @count or an errno. */
typedef ssize_t (*sysfs_store_t)(void *priv, const char *buf, size_t count);

int sysfs_create_dir_simple(const char *path);
int sysfs_create_file_simple(const char *path, umode_t mode, sysfs_show_t show, sysfs_store_t store, void *priv);
/* A file of bytes (kernel/btf/vmlinux, kernel/notes); stays where it is in memory. */
int sysfs_create_bin_file_simple(const char *path, umode_t mode, const void *data, size_t size);
void sysfs_remove_simple(const char *path);

__printf(2, 3) int sysfs_emit(char *buf, const char *fmt, ...);

#endif
