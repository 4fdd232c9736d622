// SPDX-License-Identifier: MIT
/*
 * The line discipline: what happens between a serial port and the programs that read and write the terminal. Canonical
 * and raw input, echo, editing, signals from the keyboard, output processing, job control. (man 3 termios)
 */
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/irqflags.h>
#include <kernel/kernel.h>
#include <kernel/poll.h>
#include <kernel/printk.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/string.h>
#include <kernel/tty.h>
#include <kernel/uaccess.h>
#include <asm/ioctls.h>

#define TTY_FIRST_SERIAL	64
#define MAX_TTYS		4

#define MARK_LINE	1	/* a line ends with this byte */
#define MARK_EOF	2	/* ... which is not given out */

#define L(tty, flag)	((tty)->termios.c_lflag & (flag))
#define I(tty, flag)	((tty)->termios.c_iflag & (flag))
#define O(tty, flag)	((tty)->termios.c_oflag & (flag))
#define CC(tty, c, which) ((c) == (tty)->termios.c_cc[which] && (c) != 0)

static struct tty_struct *ttys[MAX_TTYS];

static const struct termios default_termios = {
	.c_iflag = ICRNL | IXON,
	.c_oflag = OPOST | ONLCR,
	.c_cflag = B9600 | CS8 | CREAD | HUPCL | CLOCAL,
	.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.c_cc = {
		[VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4, [VTIME] = 0, [VMIN] = 1,
		[VSTART] = 17, [VSTOP] = 19, [VSUSP] = 26, [VREPRINT] = 18, [VDISCARD] = 15, [VWERASE] = 23,
		[VLNEXT] = 22,
	},
};

/* ---- Output --------------------------------------------------------------------------------------------------------- */

static void put(struct tty_struct *tty, u8 c)
{
	tty->ops->write(tty, (const char *)&c, 1);
}

/* A byte with output processing. */
static void put_processed(struct tty_struct *tty, u8 c)
{
	if (!O(tty, OPOST)) {
		put(tty, c);
		return;
	}
	switch (c) {
	case '\n':
		if (O(tty, ONLCR))
			put(tty, '\r');
		if (O(tty, ONLCR | ONLRET))
			tty->column = 0;
		break;
	case '\r':
		if (O(tty, ONOCR) && !tty->column)
			return;
		if (O(tty, OCRNL)) {
			c = '\n';
			if (O(tty, ONLRET))
				tty->column = 0;
		} else {
			tty->column = 0;
		}
		break;
	case '\t': {
		unsigned int spaces = 8 - (tty->column & 7);

		tty->column += spaces;
		if (O(tty, TABDLY) == XTABS) {
			while (spaces--)
				put(tty, ' ');
			return;
		}
		break;
	}
	case '\b':
		if (tty->column)
			tty->column--;
		break;
	default:
		if (O(tty, OLCUC) && c >= 'a' && c <= 'z')
			c -= 32;
		if (c >= ' ' && c != 127)
			tty->column++;
	}
	put(tty, c);
}

static void echo(struct tty_struct *tty, u8 c)
{
	if (!L(tty, ECHO) && !(c == '\n' && L(tty, ECHONL) && L(tty, ICANON)))
		return;
	if (L(tty, ECHOCTL) && (c < ' ' || c == 127) && c != '\n' && c != '\t') {
		put_processed(tty, '^');
		put_processed(tty, c ^ 0x40);
	} else {
		put_processed(tty, c);
	}
}

/* ---- Input ---------------------------------------------------------------------------------------------------------- */

static void store(struct tty_struct *tty, u8 c, u8 mark)
{
	/* One place stays free for the newline that ends a line. */
	unsigned int used = tty->head - tty->tail;

	if (used >= N_TTY_BUF_SIZE - (mark ? 0 : 1))
		return;
	tty->buffer[tty->head % N_TTY_BUF_SIZE] = c;
	tty->marks[tty->head % N_TTY_BUF_SIZE] = mark;
	tty->head++;
	if (mark || !L(tty, ICANON)) {
		tty->canon = tty->head;
		wake_up_interruptible_poll(&tty->read_wait, EPOLLIN | EPOLLRDNORM);
	}
}

/* Takes one byte off the line that is being typed, on the screen too. */
static bool erase_one(struct tty_struct *tty)
{
	u8 c;

	if (tty->head == tty->canon)
		return false;
	c = tty->buffer[--tty->head % N_TTY_BUF_SIZE];
	if (!L(tty, ECHO))
		return true;
	if (!L(tty, ECHOE)) {
		echo(tty, tty->termios.c_cc[VERASE]);
		return true;
	}
	for (int i = c < ' ' || c == 127 ? 2 : 1; i; i--) {
		put_processed(tty, '\b');
		put_processed(tty, ' ');
		put_processed(tty, '\b');
	}
	return true;
}

static bool is_word(u8 c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';
}

static void erase_word(struct tty_struct *tty)
{
	bool seen = false;

	while (tty->head != tty->canon) {
		bool word = is_word(tty->buffer[(tty->head - 1) % N_TTY_BUF_SIZE]);

		if (!word && seen)
			return;
		seen |= word;
		erase_one(tty);
	}
}

static void interrupt(struct tty_struct *tty, u8 c, int signal)
{
	if (!L(tty, NOFLSH))
		tty->head = tty->canon = tty->tail;
	echo(tty, c);
	if (tty->pgrp > 0)
		kill_pgrp_nr(tty->pgrp, signal, 1);
	wake_up_interruptible_all(&tty->read_wait);
}

void tty_receive(struct tty_struct *tty, u8 c)
{
	if (I(tty, ISTRIP))
		c &= 0x7f;
	if (tty->literal_next) {
		tty->literal_next = false;
		echo(tty, c);
		store(tty, c, 0);
		return;
	}
	if (I(tty, IXON)) {
		if (CC(tty, c, VSTART) || CC(tty, c, VSTOP)) {
			tty->stopped = CC(tty, c, VSTOP);
			wake_up_interruptible_all(&tty->write_wait);
			return;
		}
		if (tty->stopped && I(tty, IXANY)) {
			tty->stopped = false;
			wake_up_interruptible_all(&tty->write_wait);
		}
	}
	if (L(tty, ISIG)) {
		int signal = CC(tty, c, VINTR) ? SIGINT : CC(tty, c, VQUIT) ? SIGQUIT : CC(tty, c, VSUSP) ? SIGTSTP : 0;

		if (signal) {
			interrupt(tty, c, signal);
			return;
		}
	}
	if (c == '\r') {
		if (I(tty, IGNCR))
			return;
		if (I(tty, ICRNL))
			c = '\n';
	} else if (c == '\n' && I(tty, INLCR)) {
		c = '\r';
	}
	if (I(tty, IUCLC) && L(tty, IEXTEN) && c >= 'A' && c <= 'Z')
		c += 32;
	if (!L(tty, ICANON)) {
		echo(tty, c);
		store(tty, c, 0);
		return;
	}
	if (CC(tty, c, VERASE)) {
		erase_one(tty);
	} else if (CC(tty, c, VWERASE) && L(tty, IEXTEN)) {
		erase_word(tty);
	} else if (CC(tty, c, VKILL)) {
		while (erase_one(tty))
			;
		if (L(tty, ECHOK) && !L(tty, ECHOKE))
			put_processed(tty, '\n');
	} else if (CC(tty, c, VLNEXT) && L(tty, IEXTEN)) {
		tty->literal_next = true;
		if (L(tty, ECHO) && L(tty, ECHOCTL)) {
			put_processed(tty, '^');
			put_processed(tty, '\b');
		}
	} else if (CC(tty, c, VREPRINT) && L(tty, IEXTEN)) {
		echo(tty, c);
		put_processed(tty, '\n');
		for (unsigned int i = tty->canon; i != tty->head; i++)
			echo(tty, tty->buffer[i % N_TTY_BUF_SIZE]);
	} else if (CC(tty, c, VEOF)) {
		store(tty, 0, MARK_LINE | MARK_EOF);
	} else {
		bool ends = c == '\n' || CC(tty, c, VEOL) || (CC(tty, c, VEOL2) && L(tty, IEXTEN));

		echo(tty, c);
		store(tty, c, ends ? MARK_LINE : 0);
	}
}

/* ---- Job control ---------------------------------------------------------------------------------------------------- */

static struct tty_struct *current_tty(void)
{
	return current->signal->tty;
}

static bool ignores(int signal)
{
	return current->sighand->action[signal - 1].sa_handler == SIG_IGN || (current->blocked & sigmask(signal));
}

/* Background processes are stopped by @signal before they touch the terminal. 0: go on. */
static int check_foreground(struct tty_struct *tty, int signal)
{
	if (current_tty() != tty || tty->pgrp <= 0 || current->pgrp == tty->pgrp)
		return 0;
	if (ignores(signal))
		return signal == SIGTTIN ? -EIO : 0;
	kill_pgrp_nr(current->pgrp, signal, 1);
	return -ERESTARTSYS;
}

void disassociate_ctty(struct task_struct *task)
{
	struct tty_struct *tty = task->signal ? task->signal->tty : NULL;

	if (!tty)
		return;
	task->signal->tty = NULL;
	if (tty->session != task->session || task->pid != task->session)
		return;
	if (tty->pgrp > 0)
		kill_pgrp_nr(tty->pgrp, SIGHUP, 1);
	tty->session = 0;
	tty->pgrp = 0;
}

dev_t task_tty_nr(struct task_struct *task, pid_t *pgrp)
{
	struct tty_struct *tty = task->signal ? task->signal->tty : NULL;

	*pgrp = tty ? tty->pgrp : -1;
	return tty ? MKDEV(TTY_MAJOR, TTY_FIRST_SERIAL + tty->index) : 0;
}

static int set_controlling(struct tty_struct *tty, bool steal)
{
	struct task_struct *task;

	if (current->pid == current->session && tty->session == current->session && current_tty() == tty)
		return 0;
	if (current->pid != current->session || current_tty())
		return -EPERM;
	if (tty->session > 0) {
		if (!steal || !capable(CAP_SYS_ADMIN))
			return -EPERM;
		for_each_process(task)
			if (task->session == tty->session && task->signal && task->signal->tty == tty)
				task->signal->tty = NULL;
	}
	tty->session = current->session;
	tty->pgrp = current->pgrp;
	current->signal->tty = tty;
	return 0;
}

/* ---- Files ---------------------------------------------------------------------------------------------------------- */

static int tty_open(struct inode *inode, struct file *file)
{
	unsigned int major = MAJOR(inode->i_rdev), minor = MINOR(inode->i_rdev);
	struct tty_struct *tty = NULL;
	bool controls = !(file->f_flags & O_NOCTTY);

	stream_open(inode, file);
	if (major == TTYAUX_MAJOR && minor == 0) {
		tty = current_tty();
		controls = false;
	} else if (major == TTYAUX_MAJOR) {
		tty = preferred_console < 0 ? NULL : ttys[preferred_console];	/* /dev/console */
		controls = false;
		if (!tty)
			return -ENODEV;
	} else if (minor - TTY_FIRST_SERIAL < MAX_TTYS) {
		tty = ttys[minor - TTY_FIRST_SERIAL];
	}
	if (!tty)
		return -ENXIO;
	file->private_data = tty;
	if (controls && (file->f_mode & FMODE_READ) && current->pid == current->session && !current_tty() &&
	    !tty->session)
		set_controlling(tty, false);
	return 0;
}

static bool readable(struct tty_struct *tty)
{
	if (L(tty, ICANON))
		return tty->canon != tty->tail;
	return tty->head - tty->tail >= max_t(u8, tty->termios.c_cc[VTIME] ? 1 : tty->termios.c_cc[VMIN], 1);
}

/* Moves what can be read now; the number of bytes, or -1 at an end of file. */
static ssize_t take(struct tty_struct *tty, char *to, size_t count)
{
	unsigned long flags;
	ssize_t n = 0;

	local_irq_save(flags);
	while ((size_t)n < count && tty->tail != (L(tty, ICANON) ? tty->canon : tty->head)) {
		u8 c = tty->buffer[tty->tail % N_TTY_BUF_SIZE], mark = tty->marks[tty->tail % N_TTY_BUF_SIZE];

		tty->tail++;
		if (L(tty, ICANON) && (mark & MARK_EOF)) {
			if (!n)
				n = -1;
			break;
		}
		to[n++] = c;
		if (L(tty, ICANON) && mark)
			break;
	}
	/* An end of file right behind a full buffer belongs to the bytes before it. */
	if (L(tty, ICANON) && n > 0 && (size_t)n == count && tty->tail != tty->canon &&
	    (tty->marks[tty->tail % N_TTY_BUF_SIZE] & MARK_EOF) && !(tty->marks[(tty->tail - 1) % N_TTY_BUF_SIZE]))
		tty->tail++;
	local_irq_restore(flags);
	return n;
}

static ssize_t tty_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;
	size_t count = iov_iter_count(to);
	struct tty_struct *tty = file->private_data;
	char chunk[256];
	ssize_t done = 0, n;
	int err;

	if (!count)
		return 0;
	for (;;) {
		u8 vmin = tty->termios.c_cc[VMIN], vtime = tty->termios.c_cc[VTIME];
		bool canonical = L(tty, ICANON);

		err = check_foreground(tty, SIGTTIN);
		if (err)
			return done ? done : err;
		n = take(tty, chunk, min_t(size_t, count - done, sizeof(chunk)));
		if (n < 0)
			return done;
		if (n > 0) {
			if (copy_to_iter(chunk, n, to) < (size_t)n)
				return done ? done : -EFAULT;
			done += n;
			if ((size_t)done == count)
				return done;
			if (canonical) {
				if (tty->marks[(tty->tail - 1) % N_TTY_BUF_SIZE])
					return done;
				continue;
			}
			if (tty->head != tty->tail)
				continue;
		}
		if (done && (canonical || done >= vmin))
			return done;
		if (file->f_flags & O_NONBLOCK)
			return done ? done : -EAGAIN;
		if (canonical || vmin || done) {
			if (!canonical && vtime && done) {
				n = wait_event_interruptible_timeout(tty->read_wait, tty->head != tty->tail,
								     vtime * HZ / 10);
				if (!n)
					return done;
				err = n < 0 ? n : 0;
			} else {
				err = wait_event_interruptible(tty->read_wait, tty->tail !=
					(L(tty, ICANON) ? tty->canon : tty->head));
			}
		} else {
			/* VMIN 0: wait VTIME at most for a first byte. */
			n = vtime ? wait_event_interruptible_timeout(tty->read_wait, tty->head != tty->tail,
								     vtime * HZ / 10) : 0;
			if (!n && tty->head == tty->tail)
				return 0;
			err = n < 0 ? n : 0;
		}
		if (err)
			return done ? done : err;
	}
}

static ssize_t tty_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct file *file = iocb->ki_filp;
	size_t count = iov_iter_count(from);
	struct tty_struct *tty = file->private_data;
	char chunk[256];
	size_t done = 0;
	int err;

	if (L(tty, TOSTOP)) {
		err = check_foreground(tty, SIGTTOU);
		if (err)
			return err;
	}
	while (done < count) {
		size_t n = min_t(size_t, count - done, sizeof(chunk));
		unsigned long flags;

		if (tty->stopped) {
			if (file->f_flags & O_NONBLOCK)
				return done ? (ssize_t)done : -EAGAIN;
			err = wait_event_interruptible(tty->write_wait, !tty->stopped);
			if (err)
				return done ? (ssize_t)done : err;
		}
		if (copy_from_iter(chunk, n, from) < n)
			return done ? (ssize_t)done : -EFAULT;
		local_irq_save(flags);
		for (size_t i = 0; i < n; i++)
			put_processed(tty, chunk[i]);
		local_irq_restore(flags);
		done += n;
		cond_resched();
	}
	return done;
}

static __poll_t tty_poll(struct file *file, poll_table *table)
{
	struct tty_struct *tty = file->private_data;

	poll_wait(file, &tty->read_wait, table);
	poll_wait(file, &tty->write_wait, table);
	return (readable(tty) ? EPOLLIN | EPOLLRDNORM : 0) | (tty->stopped ? 0 : EPOLLOUT | EPOLLWRNORM);
}

static void set_termios(struct tty_struct *tty, const struct termios *new, bool flush)
{
	unsigned long flags;

	local_irq_save(flags);
	if (flush)
		tty->head = tty->canon = tty->tail;
	/* What came in without lines becomes one line when lines begin to matter. */
	if ((tty->termios.c_lflag ^ new->c_lflag) & ICANON) {
		memset(tty->marks, 0, sizeof(tty->marks));
		tty->canon = tty->head;
		if (tty->head != tty->tail)
			tty->marks[(tty->head - 1) % N_TTY_BUF_SIZE] = MARK_LINE;
		tty->literal_next = false;
	}
	tty->termios = *new;
	if (!I(tty, IXON))
		tty->stopped = false;
	local_irq_restore(flags);
	wake_up_interruptible_all(&tty->read_wait);
	wake_up_interruptible_all(&tty->write_wait);
}

/* The kernel's struct termios2 has two speeds more. */
static int get_termios(struct tty_struct *tty, void __user *arg, bool two)
{
	struct termios2 t;

	memcpy(&t, &tty->termios, sizeof(tty->termios));
	t.c_ispeed = t.c_ospeed = 9600;
	return copy_to_user(arg, &t, two ? sizeof(t) : sizeof(tty->termios)) ? -EFAULT : 0;
}

static unsigned int readable_bytes(struct tty_struct *tty)
{
	unsigned int n = 0;

	for (unsigned int i = tty->tail; i != (L(tty, ICANON) ? tty->canon : tty->head); i++)
		if (!L(tty, ICANON) || !(tty->marks[i % N_TTY_BUF_SIZE] & MARK_EOF))
			n++;
	return n;
}

static int set_pgrp(struct tty_struct *tty, pid_t pgrp)
{
	struct task_struct *task;
	int err = check_foreground(tty, SIGTTOU);

	if (err)
		return err;
	if (current_tty() != tty || tty->session != current->session)
		return -ENOTTY;
	if (pgrp < 0)
		return -EINVAL;
	for_each_process(task) {
		if (task->pgrp == pgrp) {
			if (task->session != current->session)
				return -EPERM;
			tty->pgrp = pgrp;
			return 0;
		}
	}
	return -ESRCH;
}

static long tty_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	struct tty_struct *tty = file->private_data;
	void __user *user = (void __user *)arg;
	struct termios termios;
	struct winsize winsize;
	pid_t pgrp;
	int err;

	switch (command) {
	case TCGETS:
	case TCGETS2:
		return get_termios(tty, user, command == TCGETS2);
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2:
		err = check_foreground(tty, SIGTTOU);
		if (err)
			return err;
		if (copy_from_user(&termios, user, sizeof(termios)))
			return -EFAULT;
		set_termios(tty, &termios, command == TCSETSF || command == TCSETSF2);
		return 0;
	case TIOCGWINSZ:
		return copy_to_user(user, &tty->winsize, sizeof(winsize)) ? -EFAULT : 0;
	case TIOCSWINSZ:
		if (copy_from_user(&winsize, user, sizeof(winsize)))
			return -EFAULT;
		if (memcmp(&winsize, &tty->winsize, sizeof(winsize))) {
			tty->winsize = winsize;
			if (tty->pgrp > 0)
				kill_pgrp_nr(tty->pgrp, SIGWINCH, 1);
		}
		return 0;
	case TIOCGPGRP:
		if (current_tty() != tty)
			return -ENOTTY;
		return put_user(tty->pgrp, (pid_t __user *)user);
	case TIOCSPGRP:
		if (get_user(pgrp, (pid_t __user *)user))
			return -EFAULT;
		return set_pgrp(tty, pgrp);
	case TIOCGSID:
		if (current_tty() != tty || tty->session <= 0)
			return -ENOTTY;
		return put_user(tty->session, (pid_t __user *)user);
	case TIOCSCTTY:
		return set_controlling(tty, arg == 1);
	case TIOCNOTTY:
		if (current_tty() != tty)
			return -ENOTTY;
		disassociate_ctty(current);
		return 0;
	case TIOCINQ:
		return put_user((int)readable_bytes(tty), (int __user *)user);
	case TIOCOUTQ:
		return put_user(0, (int __user *)user);
	case TCFLSH:
		if (arg > TCIOFLUSH)
			return -EINVAL;
		if (arg != TCOFLUSH)
			set_termios(tty, &tty->termios, true);
		return 0;
	case TCXONC:
		if (arg > TCION)
			return -EINVAL;
		tty->stopped = arg == TCOOFF ? true : arg == TCOON ? false : tty->stopped;
		wake_up_interruptible_all(&tty->write_wait);
		return 0;
	case TCSBRK:
	case TCSBRKP:
	case TIOCEXCL:
	case TIOCNXCL:
		return 0;
	case TIOCSTI: {
		unsigned long flags;
		u8 c;

		if (get_user(c, (u8 __user *)user))
			return -EFAULT;
		local_irq_save(flags);
		tty_receive(tty, c);
		local_irq_restore(flags);
		return 0;
	}
	}
	return -ENOIOCTLCMD;
}

static const struct file_operations tty_fops = {
	.open = tty_open,
	.read_iter = tty_read,
	.write_iter = tty_write,
	.poll = tty_poll,
	.unlocked_ioctl = tty_ioctl,
};

int tty_register(struct tty_struct *tty)
{
	if (tty->index >= MAX_TTYS)
		return -EINVAL;
	tty->termios = default_termios;
	/* Only the console has a screen; another port carries bytes as they are. */
	if (tty->index != preferred_console) {
		tty->termios.c_oflag = 0;
		tty->termios.c_lflag &= ~(ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE);
	}
	init_waitqueue_head(&tty->read_wait);
	init_waitqueue_head(&tty->write_wait);
	ttys[tty->index] = tty;
	return devtmpfs_create_node(tty->name, S_IFCHR | 0660, MKDEV(TTY_MAJOR, TTY_FIRST_SERIAL + tty->index));
}

static int tty_init(void)
{
	register_chrdev_range(TTY_MAJOR, TTY_FIRST_SERIAL, MAX_TTYS, "ttyS", &tty_fops);
	register_chrdev_range(TTYAUX_MAJOR, 0, 1, "/dev/tty", &tty_fops);
	register_chrdev_range(TTYAUX_MAJOR, 1, 1, "/dev/console", &tty_fops);
	devtmpfs_create_node("tty", S_IFCHR | 0666, MKDEV(TTYAUX_MAJOR, 0));
	devtmpfs_create_node("console", S_IFCHR | 0600, MKDEV(TTYAUX_MAJOR, 1));
	return 0;
}
fs_initcall(tty_init);
