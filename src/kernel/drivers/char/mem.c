// SPDX-License-Identifier: MIT
/* /dev/null, zero, full, random, urandom, kmsg. (man 4 null, man 4 full, man 4 random, Documentation/ABI/testing/dev-kmsg) */
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/poll.h>
#include <kernel/printk.h>
#include <kernel/random.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>

/* Of these only /dev/null takes what is spliced, and only the random numbers can be spliced from; as on Linux. */
static ssize_t null_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	return 0;
}

static ssize_t null_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return iov_iter_count(from);
}

static ssize_t null_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	return count;
}

static ssize_t zero_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	size_t missed = clear_user(buf, count);

	return missed == count && count ? -EFAULT : (ssize_t)(count - missed);
}

static ssize_t full_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	return -ENOSPC;
}

/* Pages of zeros: a private mapping of /dev/zero is anonymous memory. */
static vm_fault_t zero_fault(struct vm_fault *vmf)
{
	vmf->page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	return vmf->page ? 0 : VM_FAULT_OOM;
}

static const struct vm_operations_struct zero_vm_ops = { .fault = zero_fault };

static int zero_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &zero_vm_ops;
	return 0;
}

static ssize_t random_read(struct kiocb *iocb, struct iov_iter *to)
{
	char bytes[64];
	size_t done = 0;

	while (iov_iter_count(to)) {
		size_t n = min_t(size_t, iov_iter_count(to), sizeof(bytes));

		get_random_bytes(bytes, n);
		if (copy_to_iter(bytes, n, to) < n)
			return done ? (ssize_t)done : -EFAULT;
		done += n;
		cond_resched();
	}
	return done;
}

static const struct file_operations null_fops = {
	.read = null_read, .write_iter = null_write_iter, .llseek = noop_llseek,
};
static const struct file_operations zero_fops = {
	.read = zero_read, .write = null_write, .llseek = noop_llseek, .mmap = zero_mmap,
};
static const struct file_operations full_fops = {
	.read = zero_read, .write = full_write, .llseek = noop_llseek,
};
static const struct file_operations random_fops = {
	.read_iter = random_read, .write_iter = null_write_iter, .llseek = noop_llseek,
};

/* ---- kmsg ------------------------------------------------------------------------------------------------------------- */

struct kmsg_reader {
	u64 seq;
	struct mutex lock;
};

static int kmsg_open(struct inode *inode, struct file *file)
{
	struct kmsg_reader *reader;

	if ((file->f_flags & O_ACCMODE) == O_WRONLY)
		return 0;
	reader = kzalloc(sizeof(*reader), GFP_KERNEL);
	if (!reader)
		return -ENOMEM;
	mutex_init(&reader->lock);
	reader->seq = printk_first_seq();
	file->private_data = reader;
	return 0;
}

static int kmsg_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

/* One record a read: "priority,sequence,microseconds,flag;text". */
static ssize_t kmsg_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct kmsg_reader *reader = file->private_data;
	struct printk_record record;
	ssize_t result;
	char *text;
	size_t n;

	if (!reader)
		return -EBADF;
	result = mutex_lock_interruptible(&reader->lock);
	if (result)
		return result;
	if (!printk_get_record(reader->seq, &record)) {
		if (file->f_flags & O_NONBLOCK) {
			result = -EAGAIN;
			goto out;
		}
		result = wait_event_interruptible(log_wait, printk_get_record(reader->seq, &record));
		if (result)
			goto out;
	}
	if (record.seq != reader->seq) {
		reader->seq = record.seq;	/* older ones were overwritten */
		result = -EPIPE;
		goto out;
	}
	text = kmalloc(4 * record.len + 64, GFP_KERNEL);
	if (!text) {
		result = -ENOMEM;
		goto out;
	}
	n = sprintf(text, "%u,%llu,%llu,%c;", record.facility << 3 | record.level, record.seq,
		    record.ts_nsec / 1000, record.cont ? 'c' : '-');
	for (unsigned int i = 0; i < record.len; i++) {
		unsigned char c = record.text[i];

		if (c < ' ' || c >= 127 || c == '\\')
			n += sprintf(text + n, "\\x%02x", c);
		else
			text[n++] = c;
	}
	text[n++] = '\n';
	reader->seq++;
	if (n > count)
		result = -EINVAL;
	else
		result = copy_to_user(buf, text, n) ? -EFAULT : (ssize_t)n;
	kfree(text);
out:
	mutex_unlock(&reader->lock);
	return result;
}

/* "<N>text": N is the priority. */
static ssize_t kmsg_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	unsigned long level = MESSAGE_LOGLEVEL_DEFAULT;
	char *text, *line, *end;

	if (count > 1024 - 32)
		return -EINVAL;
	if (!count)
		return 0;
	line = text = memdup_user_nul(buf, count);
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (*text == '<') {
		unsigned long value = simple_strtoul(text + 1, &end, 10);

		if (end > text + 1 && *end == '>') {
			level = value & 7;
			line = end + 1;
		}
	}
	printk_emit_user(level, line, strlen(line));
	kfree(text);
	return count;
}

static loff_t kmsg_llseek(struct file *file, loff_t offset, int whence)
{
	struct kmsg_reader *reader = file->private_data;

	if (!reader)
		return -EBADF;
	if (offset)
		return -ESPIPE;
	switch (whence) {
	case SEEK_SET:
	case SEEK_DATA:		/* after the last clear; there is no clear */
		reader->seq = printk_first_seq();
		return 0;
	case SEEK_END:
		reader->seq = printk_next_seq();
		return 0;
	}
	return -EINVAL;
}

static __poll_t kmsg_poll(struct file *file, poll_table *table)
{
	struct kmsg_reader *reader = file->private_data;
	struct printk_record record;

	if (!reader)
		return EPOLLERR | EPOLLNVAL;
	poll_wait(file, &log_wait, table);
	return printk_get_record(reader->seq, &record) ? EPOLLIN | EPOLLRDNORM : 0;
}

static const struct file_operations kmsg_fops = {
	.open = kmsg_open, .release = kmsg_release, .read = kmsg_read, .write = kmsg_write, .llseek = kmsg_llseek,
	.poll = kmsg_poll,
};

static const struct {
	const char *name;
	unsigned int minor;
	umode_t mode;
	const struct file_operations *fops;
} devices[] = {
	{ "null", 3, 0666, &null_fops },
	{ "zero", 5, 0666, &zero_fops },
	{ "full", 7, 0666, &full_fops },
	{ "random", 8, 0666, &random_fops },
	{ "urandom", 9, 0666, &random_fops },
	{ "kmsg", 11, 0644, &kmsg_fops },
};

static int mem_init(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(devices); i++) {
		register_chrdev_range(MEM_MAJOR, devices[i].minor, 1, "mem", devices[i].fops);
		devtmpfs_create_node(devices[i].name, S_IFCHR | devices[i].mode, MKDEV(MEM_MAJOR, devices[i].minor));
	}
	return 0;
}
fs_initcall(mem_init);
