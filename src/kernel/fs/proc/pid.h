/* SPDX-License-Identifier: MIT */
/* What the files that make up /proc/PID know of each other. Names are Linux's where it has the same. */
#ifndef _PROC_PID_H
#define _PROC_PID_H

#include <kernel/fs.h>
#include <kernel/sched.h>
#include <kernel/seq_file.h>

/* One name in the directory of a process. */
struct pid_entry {
	const char *name;
	umode_t mode;
	int (*show)(struct seq_file *m, struct task_struct *task);
	const struct file_operations *fops;
	const struct inode_operations *iops;
	int (*link)(struct task_struct *task, struct path *path);	/* what a magic link leads to */
};

/* The task of an inode here, or NULL if it is gone; the descriptor, or -1; a number as a name, or -1. */
struct task_struct *proc_task(const struct inode *inode);
int proc_fd(const struct inode *inode);
int name_to_int(const struct qstr *name);
/* Gives a name that is looked up its inode. Returns NULL, or an error's pointer. */
struct dentry *proc_pid_instantiate(struct dentry *dentry, struct task_struct *task, int fd,
				    const struct pid_entry *entry);
/* Opens a file whose entry has a show function. */
int proc_pid_text_open(struct inode *inode, struct file *file);

/* pid_status.c, pid_memory.c, pid_settings.c: texts */
int proc_pid_status(struct seq_file *m, struct task_struct *task);
int proc_pid_stat(struct seq_file *m, struct task_struct *task);
int proc_pid_wchan(struct seq_file *m, struct task_struct *task);
int proc_pid_stack(struct seq_file *m, struct task_struct *task);
int proc_pid_limits(struct seq_file *m, struct task_struct *task);
int proc_pid_mounts(struct seq_file *m, struct task_struct *task);
int proc_pid_mountinfo(struct seq_file *m, struct task_struct *task);
int proc_pid_cgroup(struct seq_file *m, struct task_struct *task);
int proc_pid_personality(struct seq_file *m, struct task_struct *task);
int proc_pid_oom_score(struct seq_file *m, struct task_struct *task);
int proc_pid_oom_adj(struct seq_file *m, struct task_struct *task);
int proc_pid_timerslack(struct seq_file *m, struct task_struct *task);
int proc_pid_coredump_filter(struct seq_file *m, struct task_struct *task);
int proc_pid_statm(struct seq_file *m, struct task_struct *task);
int proc_pid_maps(struct seq_file *m, struct task_struct *task);
int proc_pid_comm(struct seq_file *m, struct task_struct *task);

/* pid_memory.c: pages of kinds of areas, and of page tables */
struct memory_sizes {
	unsigned long locked, data, stack, code, rss_file;
};
struct memory_sizes proc_measure(struct mm_struct *mm);
unsigned long proc_count_tables(struct mm_struct *mm);
extern const struct file_operations proc_pid_cmdline_ops, proc_environ_operations, proc_auxv_operations,
	proc_mem_operations;

/* pid_settings.c */
extern const struct file_operations proc_pid_set_comm_operations, proc_oom_score_adj_operations,
	proc_make_it_fail_operations, proc_fail_nth_operations;

/* pid_fd.c: the file behind a descriptor, or NULL; what links lead to */
struct file *proc_fd_file(struct task_struct *task, int fd);
int proc_exe_path(struct task_struct *task, struct path *path);
int proc_cwd_path(struct task_struct *task, struct path *path);
int proc_root_path(struct task_struct *task, struct path *path);
extern const struct inode_operations proc_pid_link_inode_operations;
extern const struct file_operations proc_fd_operations;
extern const struct inode_operations proc_fd_inode_operations, proc_fdinfo_inode_operations;

#endif
