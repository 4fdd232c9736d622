/* SPDX-License-Identifier: MIT */
/* What execve's parts share. */
#ifndef _PROCESS_EXEC_H
#define _PROCESS_EXEC_H

#include <kernel/types.h>

#define MAX_ARG_BYTES	(128 * 1024)
#define EXEC_NAME_MAX	256

struct file;
struct task_struct;

/* Strings, one behind the other. */
struct arg_list {
	char *text;
	size_t bytes;
	int count;
};

struct linux_binprm {
	struct file *file;
	struct arg_list argv, envp;
	char filename[EXEC_NAME_MAX];
	char interp_name[EXEC_NAME_MAX];	/* what is really run: the script's interpreter */
};

/* The point of no return: a new, empty address space, default signal handlers, close-on-exec. */
int begin_new_exec(struct linux_binprm *bprm);
int load_elf_binary(struct linux_binprm *bprm);
void mm_release_vfork(struct task_struct *task);

#endif
