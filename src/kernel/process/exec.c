// SPDX-License-Identifier: MIT
/* execve: ELF64 programs (static, static-PIE, with an interpreter) and #! scripts; the new stack as the ABI wants it. */
#include <linux/binfmts.h>
#include <kernel/elf.h>
#include <kernel/err.h>
#include <kernel/fdtable.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/perf_event.h>
#include <kernel/msr.h>
#include <kernel/random.h>
#include <kernel/sched.h>
#include <kernel/security.h>
#include <kernel/slab.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include <kernel/uprobes.h>
#include <kernel/vmalloc.h>
#include <trace/events/sched.h>
#include <trace/events/task.h>
#include "../mm/internal.h"
#include "exec.h"
#include "process.h"

#define BINPRM_BUF_SIZE		256
#define MAX_RECURSION		4
#define STACK_TOP		TASK_SIZE_MAX

/* ---- argument strings: a copy of all of them in kernel memory until the new stack exists ---- */

/* Room for @bytes more: an eighth of the limit at first, which most never exceed. */
static int make_room(struct arg_list *list, size_t bytes)
{
	size_t capacity = list->capacity ? list->capacity : MAX_ARG_BYTES / 8;
	char *text;

	if (list->bytes + bytes > MAX_ARG_BYTES)
		return -E2BIG;
	while (capacity < list->bytes + bytes)
		capacity *= 2;
	if (capacity == list->capacity)
		return 0;
	text = vmalloc(capacity);
	if (!text)
		return -ENOMEM;
	memcpy(text, list->text, list->bytes);
	vfree(list->text);
	list->text = text;
	list->capacity = capacity;
	return 0;
}

int add_arg(struct arg_list *list, const char *s, size_t len)
{
	int ret = make_room(list, len + 1);

	if (ret)
		return ret;
	memcpy(list->text + list->bytes, s, len);
	list->text[list->bytes + len] = '\0';
	list->bytes += len + 1;
	list->count++;
	return 0;
}

static int copy_kernel_args(struct arg_list *list, const char *const *argv)
{
	int ret = 0;

	for (; argv && *argv && !ret; argv++)
		ret = add_arg(list, *argv, strlen(*argv));
	return ret;
}

static int copy_user_args(struct arg_list *list, const char __user *const __user *argv)
{
	const char __user *s;
	long len;
	int ret;

	if (!argv)
		return 0;
	for (;; argv++) {
		if (get_user(s, argv))
			return -EFAULT;
		if (!s)
			return 0;
		/* As it grows, a string is copied again. */
		for (size_t room = 256;; room = min(room * 4, MAX_STRING_BYTES)) {
			ret = make_room(list, room);
			if (ret)
				return ret;
			len = strncpy_from_user(list->text + list->bytes, s, room);
			if (len < 0)
				return len;
			if ((size_t)len < room)
				break;
			if (room == MAX_STRING_BYTES)
				return -E2BIG;
		}
		list->bytes += len + 1;
		list->count++;
		if (fatal_signal_pending(current))
			return -ERESTARTNOHAND;
	}
}

/* ---- finding the program ---- */

/* "#! interpreter argument": replaces the first argument by interpreter, argument and the script's name. */
static int script_args(struct linux_binprm *bprm, char *buf)
{
	char *end = strnchr(buf, BINPRM_BUF_SIZE, '\n'), *interp, *arg;
	struct arg_list old = bprm->argv;
	const char *s = old.text;
	int ret;

	if (end)
		*end = '\0';
	else
		buf[BINPRM_BUF_SIZE - 1] = '\0';
	interp = strim(buf + 2);
	if (!*interp)
		return -ENOEXEC;
	arg = strpbrk(interp, " \t");
	if (arg) {
		*arg++ = '\0';
		arg = skip_spaces(arg);
	}
	bprm->argv = (struct arg_list){ 0 };
	ret = add_arg(&bprm->argv, interp, strlen(interp));
	if (!ret && arg && *arg)
		ret = add_arg(&bprm->argv, arg, strlen(arg));
	if (!ret)
		ret = add_arg(&bprm->argv, bprm->interp, strlen(bprm->interp));
	for (int i = 0; i < old.count && !ret; i++, s += strlen(s) + 1)
		if (i)
			ret = add_arg(&bprm->argv, s, strlen(s));
	vfree(old.text);
	if (!ret) {
		strscpy(bprm->interp_text, interp, sizeof(bprm->interp_text));
		bprm->interp = bprm->interp_text;
	}
	return ret;
}

/* Opens the program, following scripts to their interpreters. */
static int open_program(struct linux_binprm *bprm)
{
	for (int depth = 0; depth <= MAX_RECURSION; depth++) {
		char buf[BINPRM_BUF_SIZE] = "";
		loff_t pos = 0;
		ssize_t n;
		int ret;

		bprm->file = depth ? open_exec(bprm->interp) : open_exec_at(bprm->dfd, bprm->name, bprm->lookup);
		if (IS_ERR(bprm->file))
			return PTR_ERR(bprm->file);
		ret = depth ? 0 : security_bprm_creds_for_exec(bprm);
		n = ret ?: kernel_read(bprm->file, buf, sizeof(buf), &pos);
		ret = n < 0 ? n : security_bprm_check(bprm);
		if (!ret && buf[0] == '#' && buf[1] == '!')
			ret = script_args(bprm, buf);
		else if (!ret && memcmp(buf, ELFMAG, SELFMAG))
			ret = -ENOEXEC;
		else if (!ret)
			return 0;
		fput(bprm->file);
		bprm->file = NULL;
		if (ret)
			return ret;
	}
	return -ELOOP;
}

/* ---- the new program takes over ---- */

int begin_new_exec(struct linux_binprm *bprm)
{
	struct mm_struct *old = current->mm, *mm;
	const char *name;
	int ret;

	ret = de_thread();
	if (ret)
		return ret;
	mm = mm_alloc();
	if (!mm)
		return -ENOMEM;
	set_mm_exe_file(mm, bprm->file);
	uprobe_free_utask(current);
	mm->mmap_base = PAGE_ALIGN(STACK_TOP - (128UL << 20) - PAGE_SIZE);
	if (rlimit(RLIMIT_STACK) < 1UL << 40 && rlimit(RLIMIT_STACK) > 128UL << 20)
		mm->mmap_base = PAGE_ALIGN(STACK_TOP - rlimit(RLIMIT_STACK) - PAGE_SIZE);
	current->mm = current->active_mm = mm;
	write_cr3(__pa(mm->pgd));
	exit_robust_list(current);
	current->clear_child_tid = NULL;
	mm_release_vfork(current);
	if (old)
		mmput(old);
	security_bprm_committing_creds(bprm);
	exec_creds(bprm->file);
	security_bprm_committed_creds(bprm);
	current->flags &= ~(PF_FORKNOEXEC | PF_KTHREAD);
	fpu_reset(current);
	current->thread.fsbase = current->thread.gsbase = 0;
	wrmsrl(MSR_FS_BASE, 0);
	wrmsrl(MSR_KERNEL_GS_BASE, 0);
	current->sas_ss_sp = current->sas_ss_size = 0;
	current->exit_signal = SIGCHLD;
	exit_posix_timers(current->signal);
	flush_signal_handlers(current->sighand, false);
	unshare_files();
	do_close_on_exec(current->files);
	/* A descriptor alone says nothing: the file's own name then. */
	name = strrchr(bprm->filename, '/');
	name = !bprm->name[0] ? file_dentry(bprm->file)->d_name.name : name ? name + 1 : bprm->filename;
	trace_task_rename(current, name);
	strscpy(current->comm, name, sizeof(current->comm));
	return 0;
}

static int exec_program(struct linux_binprm *bprm)
{
	pid_t old_pid = current->pid;
	int ret;

	bprm->filename = bprm->interp = bprm->filename_text;
	current->in_execve = true;
	ret = open_program(bprm);
	if (!ret)
		ret = load_elf_binary(bprm);
	current->in_execve = false;
	if (!ret) {
		perf_event_exec();
		perf_event_comm(current, true);
		trace_sched_process_exec(current, old_pid, bprm->filename);
	}
	if (bprm->file && !IS_ERR(bprm->file))
		fput(bprm->file);
	vfree(bprm->argv.text);
	vfree(bprm->envp.text);
	return ret;
}

/* Executes, unless there is an error already, and frees. */
static int finish_exec(struct linux_binprm *bprm, int error)
{
	size_t bytes = bprm->argv.bytes + bprm->envp.bytes + (bprm->argv.count + bprm->envp.count) * sizeof(char *);

	/* A quarter of the stack may be arguments, but 128 KB always. */
	if (!error && bytes > max(rlimit(RLIMIT_STACK) / 4, 128UL << 10))
		error = -E2BIG;
	if (!error) {
		error = exec_program(bprm);
	} else {
		vfree(bprm->argv.text);
		vfree(bprm->envp.text);
	}
	kfree(bprm);
	return error;
}

int kernel_execve(const char *filename, const char *const *argv, const char *const *envp)
{
	struct linux_binprm *bprm = kzalloc(sizeof(*bprm), GFP_KERNEL);
	int ret;

	if (!bprm)
		return -ENOMEM;
	bprm->dfd = AT_FDCWD;
	bprm->lookup = LOOKUP_FOLLOW;
	strscpy(bprm->name, filename, sizeof(bprm->name));
	strscpy(bprm->filename_text, filename, sizeof(bprm->filename_text));
	ret = copy_kernel_args(&bprm->argv, argv);
	if (!ret)
		ret = copy_kernel_args(&bprm->envp, envp);
	return finish_exec(bprm, ret);
}

/* What the program is told that it is called. */
static void set_filename(struct linux_binprm *bprm)
{
	if (bprm->dfd == AT_FDCWD || bprm->name[0] == '/')
		strscpy(bprm->filename_text, bprm->name, sizeof(bprm->filename_text));
	else
		scnprintf(bprm->filename_text, sizeof(bprm->filename_text),
			  bprm->name[0] ? "/dev/fd/%d/%s" : "/dev/fd/%d", bprm->dfd, bprm->name);
}

static int do_execve(int dfd, const char __user *filename, const char __user *const __user *argv,
		     const char __user *const __user *envp, int flags)
{
	struct linux_binprm *bprm;
	long ret;

	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	bprm = kzalloc(sizeof(*bprm), GFP_KERNEL);
	if (!bprm)
		return -ENOMEM;
	bprm->dfd = dfd;
	bprm->lookup = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	ret = strncpy_from_user(bprm->name, filename, sizeof(bprm->name));
	if (ret >= (long)sizeof(bprm->name))
		ret = -ENAMETOOLONG;
	else if (!ret && !(flags & AT_EMPTY_PATH))
		ret = -ENOENT;
	else if (ret >= 0)
		ret = 0;
	set_filename(bprm);
	if (!ret)
		ret = copy_user_args(&bprm->argv, argv);
	if (!ret)
		ret = copy_user_args(&bprm->envp, envp);
	/* A program without a name gets an empty one. */
	if (!ret && !bprm->argv.count)
		ret = add_arg(&bprm->argv, "", 0);
	return finish_exec(bprm, ret);
}

SYSCALL_DEFINE3(execve, const char __user *, filename, const char __user *const __user *, argv,
		const char __user *const __user *, envp)
{
	return do_execve(AT_FDCWD, filename, argv, envp, 0);
}

SYSCALL_DEFINE5(execveat, int, fd, const char __user *, filename, const char __user *const __user *, argv,
		const char __user *const __user *, envp, int, flags)
{
	return do_execve(fd, filename, argv, envp, flags);
}
