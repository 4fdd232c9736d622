/* SPDX-License-Identifier: MIT */
/* Between the two halves of the native test program: vfs.c sees kernel headers only, host.c the C library's only. */
#ifndef _NATIVE_HOST_H
#define _NATIVE_HOST_H

/* True once, for the allocation (or other step that could run out of memory) that was chosen to fail. */
int host_should_fail(void);
void host_fail(const char *what);
int host_read_image(unsigned long offset, void *buf, unsigned long length);
void *host_alloc_unlimited(unsigned long size);
void host_free_unlimited(void *memory);
/* Collects a file's contents, then reports it. */
void host_file_bytes(const void *bytes, unsigned long length);
void host_file_end(const char *path, unsigned int mode, unsigned long long size, int error);

/* Mounts, reads every file, unmounts. 0 or -errno of mount. */
int vfs_mount_and_read(unsigned long image_size, int read_only, char *options);
int vfs_open_devices(void);

#endif
