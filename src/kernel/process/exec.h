/* SPDX-License-Identifier: MIT */
/* What execve's parts share. */
#ifndef _PROCESS_EXEC_H
#define _PROCESS_EXEC_H

#include <linux/limits.h>
#include <kernel/types.h>

#define MAX_ARG_BYTES	(2 << 20)	/* of all arguments, and of the environment */
#define MAX_STRING_BYTES ((size_t)128 << 10)
#define EXEC_NAME_MAX	PATH_MAX

struct file;
struct task_struct;

/* Strings, one behind the other. */
struct arg_list {
	char *text;
	size_t bytes, capacity;
	int count;
};

struct linux_binprm {
	struct file *file;
	struct arg_list argv, envp;
	int dfd;			/* execveat: where the name begins; AT_FDCWD */
	unsigned int lookup;		/* LOOKUP_ */
	char name[EXEC_NAME_MAX];	/* as looked up, from dfd */
	const char *filename, *interp;	/* as the program is told; what is really run: the script's interpreter */
	char filename_text[EXEC_NAME_MAX], interp_text[EXEC_NAME_MAX];
};

/* The point of no return: a new, empty address space, default signal handlers, close-on-exec. */
int begin_new_exec(struct linux_binprm *bprm);
int load_elf_binary(struct linux_binprm *bprm);
void mm_release_vfork(struct task_struct *task);

#endif
