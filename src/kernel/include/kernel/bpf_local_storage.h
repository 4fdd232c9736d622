/* SPDX-License-Identifier: MIT */
/* Values that BPF programs keep with tasks and inodes. */
#ifndef _KERNEL_BPF_LOCAL_STORAGE_H
#define _KERNEL_BPF_LOCAL_STORAGE_H

/* A task or an inode is freed: what was kept with it goes, too. */
void bpf_local_storage_owner_gone(const void *owner);

#endif
