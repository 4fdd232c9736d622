// SPDX-License-Identifier: MIT
/* What can be written in /proc/PID: the name, who is a victim when memory runs out, which requests fail. */
#include <kernel/perf_event.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include <trace/events/task.h>
#include "pid.h"

int proc_pid_comm(struct seq_file *m, struct task_struct *task)
{
	seq_printf(m, "%s\n", task->comm);
	return 0;
}

static ssize_t comm_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct task_struct *task = proc_task(file_inode(file));
	char comm[TASK_COMM_LEN] = { 0 };

	if (copy_from_user(comm, buf, min_t(size_t, count, sizeof(comm) - 1)))
		return -EFAULT;
	if (!task)
		return -ESRCH;
	if (task->tgid != current->tgid)
		return -EINVAL;
	trace_task_rename(task, comm);
	strscpy(task->comm, comm, sizeof(task->comm));
	perf_event_comm(task, false);
	return count;
}

const struct file_operations proc_pid_set_comm_operations = {
	.open = proc_pid_text_open, .read = seq_read, .write = comm_write, .llseek = seq_lseek, .release = single_release,
};

/* Numbers of the task's that may be changed, by who has @CAPABILITY if it is not negative. */
#define NUMBER_LENGTH	13	/* of the text, with the NUL; what is longer is cut */
#define NUMBER_FILE(NAME, FIELD, MIN, MAX, CAPABILITY)								\
static ssize_t NAME ## _read(struct file *file, char __user *buf, size_t count, loff_t *pos)			\
{														\
	struct task_struct *task = proc_task(file_inode(file));							\
	char text[NUMBER_LENGTH];										\
														\
	if (!task)												\
		return -ESRCH;											\
	return simple_read_from_buffer(buf, count, pos, text,							\
				       scnprintf(text, sizeof(text), "%d\n", task->FIELD));			\
}														\
static ssize_t NAME ## _write(struct file *file, const char __user *buf, size_t count, loff_t *pos)		\
{														\
	struct task_struct *task = proc_task(file_inode(file));							\
	char text[NUMBER_LENGTH] = { 0 };									\
	int value, err;												\
														\
	if ((CAPABILITY) >= 0 && !capable(CAPABILITY))								\
		return -EPERM;											\
	if (copy_from_user(text, buf, min_t(size_t, count, sizeof(text) - 1)))					\
		return -EFAULT;											\
	err = kstrtoint(strim(text), 0, &value);								\
	if (err)												\
		return err;											\
	if (value < (MIN) || value > (MAX))									\
		return -EINVAL;											\
	if (!task)												\
		return -ESRCH;											\
	task->FIELD = value;											\
	return count;												\
}														\
const struct file_operations NAME ## _operations = {								\
	.read = NAME ## _read, .write = NAME ## _write, .llseek = generic_file_llseek,				\
}

NUMBER_FILE(proc_oom_score_adj, oom_score_adj, -1000, 1000, -1);
NUMBER_FILE(proc_make_it_fail, make_it_fail, 0, 1, CAP_SYS_RESOURCE);

static ssize_t fail_nth_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct task_struct *task = proc_task(file_inode(file));
	char text[NUMBER_LENGTH];

	if (!task)
		return -ESRCH;
	return simple_read_from_buffer(buf, count, pos, text, scnprintf(text, sizeof(text), "%u\n", task->fail_nth));
}

static ssize_t fail_nth_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct task_struct *task;
	unsigned int value;
	int err = kstrtouint_from_user(buf, count, 0, &value);

	if (err)
		return err;
	task = proc_task(file_inode(file));
	if (!task)
		return -ESRCH;
	task->fail_nth = value;
	return count;
}

const struct file_operations proc_fail_nth_operations = { .read = fail_nth_read, .write = fail_nth_write };
