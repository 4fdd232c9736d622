// SPDX-License-Identifier: MIT
/*
 * syslog(2): reading the kernel log as text, as dmesg does.
 */
#include <kernel/cred.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/poll.h>
#include <kernel/printk.h>
#include <kernel/proc_fs.h>
#include <kernel/sched.h>
#include <kernel/security.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include <kernel/wait.h>

/* Linux's names for the actions (man 2 syslog). */
enum {
	SYSLOG_ACTION_CLOSE, SYSLOG_ACTION_OPEN, SYSLOG_ACTION_READ, SYSLOG_ACTION_READ_ALL, SYSLOG_ACTION_READ_CLEAR,
	SYSLOG_ACTION_CLEAR, SYSLOG_ACTION_CONSOLE_OFF, SYSLOG_ACTION_CONSOLE_ON, SYSLOG_ACTION_CONSOLE_LEVEL,
	SYSLOG_ACTION_SIZE_UNREAD, SYSLOG_ACTION_SIZE_BUFFER,
};

#define LOG_BUFFER_SIZE	(1 << 17)
#define MAX_TEXT	4096

static u64 read_seq, clear_seq;

/* Each line of the record with its priority and time. */
static int format_record(const struct printk_record *r, char *text)
{
	const char *line = r->text, *end = r->text + r->len;
	int n = 0;

	do {
		const char *nl = memchr(line, '\n', end - line);
		int length = (nl ? nl : end) - line;

		n += scnprintf(text + n, MAX_TEXT - n, "<%u>", r->facility << 3 | r->level);
		if (printk_time)
			n += scnprintf(text + n, MAX_TEXT - n, "[%5llu.%06llu] ", r->ts_nsec / 1000000000,
				       r->ts_nsec / 1000 % 1000000);
		n += scnprintf(text + n, MAX_TEXT - n, "%.*s\n", length, line);
		line += length + 1;
	} while (line <= end);
	return n;
}

/* Text of the records from @seq on that fit into @size bytes; where it stopped goes to *next. */
static long copy_records(char __user *buf, size_t size, u64 seq, u64 *next)
{
	static char line[MAX_TEXT];
	struct printk_record r;
	size_t done = 0;

	while (printk_get_record(seq, &r)) {
		size_t n = format_record(&r, line);

		if (done + n > size)
			break;
		if (buf && copy_to_user(buf + done, line, n))
			return -EFAULT;
		done += n;
		seq = r.seq + 1;
	}
	*next = seq;
	return done;
}

/* The oldest record from which everything to the end fits: READ_ALL gives the last @size bytes. */
static u64 last_that_fit(size_t size)
{
	u64 seq = max(clear_seq, printk_first_seq()), next;

	while (seq < printk_next_seq()) {
		if (copy_records(NULL, size, seq, &next) >= 0 && next >= printk_next_seq())
			break;
		seq++;
	}
	return seq;
}

SYSCALL_DEFINE3(syslog, int, type, char __user *, buf, int, len)
{
	u64 next;
	long ret;

	ret = security_syslog(type);
	if (ret)
		return ret;
	if (!capable(CAP_SYSLOG) && !capable(CAP_SYS_ADMIN) && type != SYSLOG_ACTION_READ_ALL && type != SYSLOG_ACTION_SIZE_BUFFER)
		return -EPERM;
	switch (type) {
	case SYSLOG_ACTION_CLOSE: case SYSLOG_ACTION_OPEN:
		return 0;
	case SYSLOG_ACTION_READ:
		if (!buf || len < 0)
			return -EINVAL;
		ret = wait_event_interruptible(log_wait, printk_next_seq() > read_seq);
		if (ret)
			return ret;
		return copy_records(buf, len, read_seq, &read_seq);
	case SYSLOG_ACTION_READ_ALL: case SYSLOG_ACTION_READ_CLEAR:
		if (!buf || len < 0)
			return -EINVAL;
		ret = copy_records(buf, len, last_that_fit(len), &next);
		if (type == SYSLOG_ACTION_READ_CLEAR)
			clear_seq = printk_next_seq();
		return ret;
	case SYSLOG_ACTION_CLEAR:
		clear_seq = printk_next_seq();
		return 0;
	case SYSLOG_ACTION_CONSOLE_OFF:
		console_loglevel = 1;
		return 0;
	case SYSLOG_ACTION_CONSOLE_ON:
		console_loglevel = 7;
		return 0;
	case SYSLOG_ACTION_CONSOLE_LEVEL:
		if (len < 1 || len > 8)
			return -EINVAL;
		console_loglevel = len;
		return 0;
	case SYSLOG_ACTION_SIZE_UNREAD:
		return copy_records(NULL, LOG_BUFFER_SIZE, read_seq, &next);
	case SYSLOG_ACTION_SIZE_BUFFER:
		return LOG_BUFFER_SIZE;
	default:
		return -EINVAL;
	}
}

/* ---- /proc/kmsg: the same reading as a file, for who may ---- */

static int proc_kmsg_open(struct inode *inode, struct file *file)
{
	return capable(CAP_SYSLOG) || capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

static ssize_t proc_kmsg_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	int ret;

	if ((file->f_flags & O_NONBLOCK) && printk_next_seq() <= read_seq)
		return -EAGAIN;
	ret = wait_event_interruptible(log_wait, printk_next_seq() > read_seq);
	return ret ? ret : copy_records(buf, count, read_seq, &read_seq);
}

static __poll_t proc_kmsg_poll(struct file *file, struct poll_table_struct *table)
{
	poll_wait(file, &log_wait, table);
	return printk_next_seq() > read_seq ? EPOLLIN | EPOLLRDNORM : 0;
}

static const struct proc_ops proc_kmsg_ops = {
	.proc_open = proc_kmsg_open, .proc_read = proc_kmsg_read, .proc_poll = proc_kmsg_poll,
};

static int proc_kmsg_init(void)
{
	return proc_create("kmsg", 0400, NULL, &proc_kmsg_ops) ? 0 : -ENOMEM;
}
fs_initcall(proc_kmsg_init);
