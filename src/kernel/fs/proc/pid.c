// SPDX-License-Identifier: MIT
/*
 * The directory of a process, /proc/PID, and what is in it. Nothing of it is kept: inodes are made when a name is looked
 * up and die with their last user, and each access finds the task again by its number. (man 5 proc)
 */
#include <kernel/init.h>
#include <kernel/string.h>
#include "internal.h"
#include "pid.h"

/* ---- From an inode to its task --------------------------------------------------------------------------------------- */

/* i_private holds the task's number, and above it a descriptor's plus one; i_generation tells its reuse. */
struct task_struct *proc_task(const struct inode *inode)
{
	struct task_struct *task = find_task_by_vpid((pid_t)(unsigned long)inode->i_private);

	return task && (u32)task->start_time == inode->i_generation ? task : NULL;
}

int proc_fd(const struct inode *inode)
{
	return (int)((unsigned long)inode->i_private >> 32) - 1;
}

int name_to_int(const struct qstr *name)
{
	int n = 0;

	if (!name->len || name->len > 9 || (name->name[0] == '0' && name->len > 1))
		return -1;
	for (unsigned int i = 0; i < name->len; i++) {
		if (name->name[i] < '0' || name->name[i] > '9')
			return -1;
		n = n * 10 + name->name[i] - '0';
	}
	return n;
}

static int pid_revalidate(struct dentry *dentry, unsigned int flags)
{
	struct inode *inode = dentry->d_inode;
	struct task_struct *task = inode ? proc_task(inode) : NULL;
	int fd = inode ? proc_fd(inode) : -1;

	return task && (fd < 0 || proc_fd_file(task, fd));
}

static const struct dentry_operations pid_dentry_operations = { .d_revalidate = pid_revalidate };

/* Rights follow from the process; who may change its files' modes would be nobody. */
static int pid_setattr(struct dentry *dentry, struct iattr *attr)
{
	int err = attr->ia_valid & ATTR_MODE ? -EPERM : setattr_prepare(dentry, attr);

	if (!err)
		setattr_copy(dentry->d_inode, attr);
	return err;
}

static const struct inode_operations pid_file_iops = { .setattr = pid_setattr };

struct dentry *proc_pid_instantiate(struct dentry *dentry, struct task_struct *task, int fd,
				  const struct pid_entry *entry)
{
	struct inode *inode = new_inode(dentry->d_sb);

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->i_ino = get_next_ino();
	inode->i_mode = entry->mode;
	/* What a program whose image may not be dumped has is root's; all may look into its directories. */
	if (entry->mode == (S_IFDIR | 0555) || (task->mm && !task->mm->undumpable)) {
		inode->i_uid.val = task->cred->euid.val;
		inode->i_gid.val = task->cred->egid.val;
	}
	inode->i_generation = (u32)task->start_time;
	inode->i_private = (void *)((unsigned long)(u32)task->pid | (unsigned long)(fd + 1) << 32);
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time(inode);
	if (S_ISDIR(entry->mode))
		set_nlink(inode, 2);
	if (entry->fops)
		inode->i_fop = entry->fops;
	inode->i_op = entry->iops ? entry->iops : &pid_file_iops;
	dentry->d_flags |= DCACHE_DONTCACHE;
	dentry->d_op = &pid_dentry_operations;
	d_add(dentry, inode);
	return NULL;
}

/* ---- Texts: what an entry's show function prints -------------------------------------------------------------------- */

static int show_task(struct seq_file *m, void *v)
{
	const struct inode *inode = m->private;
	struct task_struct *task = proc_task(inode);
	const struct pid_entry *entry = (const void *)inode->i_link;

	return task ? entry->show(m, task) : -ESRCH;
}

int proc_pid_text_open(struct inode *inode, struct file *file)
{
	return single_open(file, show_task, inode);
}

static const struct file_operations text_fops = {
	.open = proc_pid_text_open, .read = seq_read, .llseek = seq_lseek, .release = single_release,
};

/* Those that sendfile(2) and splice(2) take as well. */
static const struct file_operations mounts_fops = {
	.open = proc_pid_text_open, .read_iter = seq_read_iter, .llseek = seq_lseek, .release = single_release,
};

/* ---- The directory itself --------------------------------------------------------------------------------------------------- */

static const struct file_operations task_dir_fops;
static const struct inode_operations task_dir_iops;

#define TEXT(NAME, MODE, SHOW)	{ NAME, S_IFREG | (MODE), .show = SHOW, .fops = &text_fops }
#define LINK(NAME, PATH)	{ NAME, S_IFLNK | 0777, .link = PATH, .iops = &proc_pid_link_inode_operations }
#define FILE_OF(NAME, MODE, FOPS) { NAME, S_IFREG | (MODE), .fops = &(FOPS) }

static const struct pid_entry entries[] = {
	{ "task", S_IFDIR | 0555, .fops = &task_dir_fops, .iops = &task_dir_iops },
	{ "fd", S_IFDIR | 0500, .fops = &proc_fd_operations, .iops = &proc_fd_inode_operations },
	{ "fdinfo", S_IFDIR | 0555, .fops = &proc_fd_operations, .iops = &proc_fdinfo_inode_operations },
	FILE_OF("environ", 0400, proc_environ_operations),
	FILE_OF("auxv", 0400, proc_auxv_operations),
	TEXT("status", 0444, proc_pid_status),
	TEXT("limits", 0444, proc_pid_limits),
	TEXT("oom_adj", 0644, proc_pid_oom_adj),
	TEXT("personality", 0400, proc_pid_personality),
	TEXT("oom_score", 0444, proc_pid_oom_score),
	TEXT("timerslack_ns", 0666, proc_pid_timerslack),
	TEXT("coredump_filter", 0644, proc_pid_coredump_filter),
	{ "comm", S_IFREG | 0644, .show = proc_pid_comm, .fops = &proc_pid_set_comm_operations },
	FILE_OF("cmdline", 0444, proc_pid_cmdline_ops),
	TEXT("stat", 0444, proc_pid_stat),
	TEXT("statm", 0444, proc_pid_statm),
	TEXT("maps", 0444, proc_pid_maps),
	FILE_OF("mem", 0600, proc_mem_operations),
	LINK("cwd", proc_cwd_path),
	LINK("root", proc_root_path),
	LINK("exe", proc_exe_path),
	{ "mounts", S_IFREG | 0444, .show = proc_pid_mounts, .fops = &mounts_fops },
	{ "mountinfo", S_IFREG | 0444, .show = proc_pid_mountinfo, .fops = &mounts_fops },
	TEXT("stack", 0400, proc_pid_stack),
	TEXT("wchan", 0444, proc_pid_wchan),
	TEXT("cgroup", 0444, proc_pid_cgroup),
	FILE_OF("oom_score_adj", 0644, proc_oom_score_adj_operations),
	FILE_OF("make-it-fail", 0644, proc_make_it_fail_operations),
	FILE_OF("fail-nth", 0644, proc_fail_nth_operations),
};

/* A thread's directory has no "task". */
static unsigned int first_entry(struct inode *dir)
{
	return dir->i_link ? 1 : 0;
}

static struct dentry *pid_dir_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	struct task_struct *task = proc_task(dir);
	struct dentry *result;

	if (!task)
		return ERR_PTR(-ENOENT);
	for (unsigned int i = first_entry(dir); i < ARRAY_SIZE(entries); i++) {
		if (strcmp(entries[i].name, dentry->d_name.name))
			continue;
		result = proc_pid_instantiate(dentry, task, -1, &entries[i]);
		/* i_link is free here: it remembers the entry of files and links, and marks fdinfo. */
		if (!result && (!S_ISDIR(entries[i].mode) || entries[i].iops == &proc_fdinfo_inode_operations))
			dentry->d_inode->i_link = (const char *)&entries[i];
		return result;
	}
	return ERR_PTR(-ENOENT);
}

static int pid_dir_readdir(struct file *file, struct dir_context *ctx)
{
	unsigned int first = first_entry(file_inode(file));

	if (!proc_task(file_inode(file)))
		return -ENOENT;
	if (!dir_emit_dots(file, ctx))
		return 0;
	for (; ctx->pos - 2 + first < ARRAY_SIZE(entries); ctx->pos++) {
		const struct pid_entry *entry = &entries[ctx->pos - 2 + first];

		if (!dir_emit(ctx, entry->name, strlen(entry->name), ctx->pos + 1000, (entry->mode & S_IFMT) >> 12))
			break;
	}
	return 0;
}

static const struct file_operations pid_dir_fops = {
	.read = generic_read_dir, .iterate_shared = pid_dir_readdir, .llseek = generic_file_llseek,
};
static const struct inode_operations pid_dir_iops = { .lookup = pid_dir_lookup };
static const struct pid_entry pid_dir = { "", S_IFDIR | 0555, .fops = &pid_dir_fops, .iops = &pid_dir_iops };

static struct dentry *task_dir_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	struct task_struct *leader = proc_task(dir), *task = find_task_by_vpid(name_to_int(&dentry->d_name));
	struct dentry *result;

	if (!leader || !task || task->tgid != leader->tgid)
		return ERR_PTR(-ENOENT);
	result = proc_pid_instantiate(dentry, task, -1, &pid_dir);
	if (!result)
		dentry->d_inode->i_link = "";	/* a thread's */
	return result;
}

/* The next task with a number of at least @pid: of process @tgid, or any process's leader. */
static struct task_struct *next_task(pid_t pid, pid_t tgid)
{
	struct task_struct *task, *best = NULL;

	for_each_process_thread_all(task) {
		if (task->pid < pid || (tgid ? task->tgid != tgid : task->pid != task->tgid))
			continue;
		if (!best || task->pid < best->pid)
			best = task;
	}
	return best;
}

static int readdir_tasks(struct dir_context *ctx, loff_t first, pid_t tgid)
{
	struct task_struct *task;

	while ((task = next_task(ctx->pos - first, tgid))) {
		char name[12];
		pid_t pid = task->pid;

		ctx->pos = first + pid;
		if (!dir_emit(ctx, name, sprintf(name, "%d", pid), pid, DT_DIR))
			return 0;
		ctx->pos++;
	}
	return 0;
}

static int task_dir_readdir(struct file *file, struct dir_context *ctx)
{
	struct task_struct *leader = proc_task(file_inode(file));

	if (!leader)
		return -ENOENT;
	if (!dir_emit_dots(file, ctx))
		return 0;
	return readdir_tasks(ctx, 2, leader->tgid);
}

static const struct file_operations task_dir_fops = {
	.read = generic_read_dir, .iterate_shared = task_dir_readdir, .llseek = generic_file_llseek,
};
static const struct inode_operations task_dir_iops = { .lookup = task_dir_lookup };

struct dentry *proc_pid_lookup(struct dentry *dentry)
{
	int pid = name_to_int(&dentry->d_name);
	struct task_struct *task = pid > 0 ? find_task_by_vpid(pid) : NULL;

	if (!task) {
		dentry->d_flags |= DCACHE_DONTCACHE;
		d_add(dentry, NULL);
		return NULL;
	}
	return proc_pid_instantiate(dentry, task, -1, &pid_dir);
}

int proc_pid_readdir(struct file *file, struct dir_context *ctx, loff_t first)
{
	return readdir_tasks(ctx, first, 0);
}

/* ---- self --------------------------------------------------------------------------------------------------------------------- */

static const char *self_get_link(struct dentry *dentry, struct inode *inode, char **to_free)
{
	return *to_free = kasprintf(GFP_KERNEL, "%d", current->tgid) ?: ERR_PTR(-ENOMEM);
}

static const char *thread_self_get_link(struct dentry *dentry, struct inode *inode, char **to_free)
{
	return *to_free = kasprintf(GFP_KERNEL, "%d/task/%d", current->tgid, current->pid) ?: ERR_PTR(-ENOMEM);
}

static const struct inode_operations self_iops = { .get_link = self_get_link };
static const struct inode_operations thread_self_iops = { .get_link = thread_self_get_link };

static int proc_self_init(void)
{
	pseudo_create(proc_root(), "self", S_IFLNK | S_IRWXUGO, NULL, NULL, &self_iops);
	pseudo_create(proc_root(), "thread-self", S_IFLNK | S_IRWXUGO, NULL, NULL, &thread_self_iops);
	return 0;
}
fs_initcall(proc_self_init);
