/* SPDX-License-Identifier: MIT */
/*
 * What a task holds of the file system: its descriptor table (task_struct.files) and its root, working directory and
 * umask (task_struct.fs). fork, exec and exit call these.
 */
#ifndef _KERNEL_FDTABLE_H
#define _KERNEL_FDTABLE_H

#include <kernel/types.h>
#include <kernel/fs.h>

struct task_struct;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
	unsigned long *close_on_exec;
	unsigned long *open_fds;	/* bit: the number is taken (maybe before fd_install) */
};

struct files_struct {
	int count;
	unsigned int next_fd;
	struct fdtable *fdt;		/* fdtab: nobody reads it while it grows */
	struct fdtable fdtab;
};

struct fs_struct {
	int users;
	int umask;
	struct path root;
	struct path pwd;
};

/* Give @task a share (CLONE_FILES, CLONE_FS) or a copy of the current task's. 0 or -ENOMEM. */
int copy_files(unsigned long clone_flags, struct task_struct *task);
int copy_fs(unsigned long clone_flags, struct task_struct *task);
void exit_files(struct task_struct *task);
void exit_fs(struct task_struct *task);
/* exec: stops sharing the table, closes what is marked close-on-exec. */
/* The file behind another task's descriptor, with a reference, or NULL. */
struct file *fget_task(struct task_struct *task, unsigned int fd);
int unshare_files(void);
void do_close_on_exec(struct files_struct *files);

#endif
