// SPDX-License-Identifier: MIT
/*
 * Sockets of the family AF_UNIX, the only one: streams, datagrams and sequenced packets between processes, with names
 * in the file system or abstract ones, descriptors and credentials in messages. (man 7 unix)
 *
 * Descriptors of sockets themselves cannot be sent: nothing would collect cycles of them.
 */
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/un.h>
#include <asm/socket.h>
#include <asm/ioctls.h>
#include <kernel/err.h>
#include <kernel/fdtable.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/poll.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include "../fs/internal.h"
#include "unix.h"

static LIST_HEAD(sockets);
static struct vfsmount *sock_mnt;

/* ---- messages ---- */

void free_message(struct message *m)
{
	for (int i = 0; i < m->nr_files; i++)
		fput(m->files[i]);
	kfree(m->files);
	kfree(m);
}

struct message *new_message(size_t length)
{
	struct message *m = kmalloc(sizeof(*m) + length, GFP_KERNEL);

	if (!m)
		return NULL;
	memset(m, 0, sizeof(*m));
	m->length = length;
	m->cred = (struct sock_cred){ current->tgid, current->cred->euid.val, current->cred->egid.val };
	return m;
}

static void drop_first(struct unix_sock *s, struct message *m)
{
	list_del(&m->list);
	s->queued--;
	s->queued_bytes -= m->length - m->offset;
	free_message(m);
}

/* ---- sockets ---- */

static bool is_stream(const struct unix_sock *s) { return s->type == SOCK_STREAM; }
static bool is_connected_kind(const struct unix_sock *s) { return s->type != SOCK_DGRAM; }

static struct message *first(struct unix_sock *s)
{
	return list_empty(&s->queue) ? NULL : list_first_entry(&s->queue, struct message, list);
}

/* No room for more from @from. */
static bool full(const struct unix_sock *s, const struct unix_sock *from)
{
	if (s->type != SOCK_DGRAM)
		return s->queued_bytes >= SOCKET_BUFFER;
	if (s->peer != from && s->queued > MAX_DATAGRAMS)
		return true;
	return s->queued * DATAGRAM_COST + s->queued_bytes >= SOCKET_BUFFER;
}

/* The messages that @s has sent and nobody has read: they show its name as it is when they are read. */
static void rename_messages(struct unix_sock *s, bool gone)
{
	struct unix_sock *other;
	struct message *m;

	list_for_each_entry(other, &sockets, all)
		list_for_each_entry(m, &other->queue, list) {
			if (m->sender != s)
				continue;
	m->from = s->name;
			m->from_length = s->name_length;
			if (gone)
				m->sender = NULL;
		}
}

static void wake(struct unix_sock *s)
{
	wake_up_interruptible_all(&s->wait);
}

static void release_sock(struct unix_sock *s)
{
	struct unix_sock *other;
	struct message *m;

	list_del(&s->all);
	rename_messages(s, true);
	list_for_each_entry(other, &sockets, all) {
		if (other->peer != s)
			continue;
		other->peer = NULL;
		other->peer_closed = true;
		/* What was sent and never read is lost: the other side hears of it. */
		if (is_connected_kind(other) && s->queued)
			other->error = ECONNRESET;
		wake(other);
	}
	if (s->peer)
		wake(s->peer);
	while (!list_empty(&s->pending)) {
		struct unix_sock *waiting = list_first_entry(&s->pending, struct unix_sock, accept);

		list_del_init(&waiting->accept);
		release_sock(waiting);
	}
	while ((m = first(s)))
		drop_first(s, m);
	if (s->inode)
		iput(s->inode);
	kfree(s);
}

static struct unix_sock *new_sock(int type)
{
	struct unix_sock *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	s->type = type;
	s->cred = (struct sock_cred){ current->tgid, current->cred->euid.val, current->cred->egid.val };
	init_waitqueue_head(&s->wait);
	INIT_LIST_HEAD(&s->queue);
	INIT_LIST_HEAD(&s->pending);
	INIT_LIST_HEAD(&s->accept);
	list_add(&s->all, &sockets);
	return s;
}

static void connect_pair(struct unix_sock *a, struct unix_sock *b)
{
	a->peer = b;
	b->peer = a;
	a->connected = b->connected = true;
	a->peer_cred = b->cred;
	b->peer_cred = a->cred;
}

/* ---- names ---- */

/* 0, or an error; *@length is that of the name without padding. */
static int get_address(struct sockaddr_un *address, const void __user *user, int *length)
{
	if (*length < (int)offsetof(struct sockaddr_un, sun_path) || *length > (int)sizeof(*address))
		return -EINVAL;
	memset(address, 0, sizeof(*address));
	if (copy_from_user(address, user, *length))
		return -EFAULT;
	if (address->sun_family != AF_UNIX)
		return -EINVAL;
	if (address->sun_path[0])
		*length = offsetof(struct sockaddr_un, sun_path) +
			  strnlen(address->sun_path, sizeof(address->sun_path)) + 1;
	return 0;
}

/* The socket with a name; ERR_PTR if there is none. */
static struct unix_sock *find_named(const struct sockaddr_un *address, int length, int type)
{
	char name[sizeof(address->sun_path) + 1] = "";
	struct unix_sock *s, *found = NULL;
	struct path path;
	int err;

	if (!address->sun_path[0]) {
		list_for_each_entry(s, &sockets, all)
			if (s->name_length == length && !memcmp(&s->name, address, length))
				found = s;
	} else {
		memcpy(name, address->sun_path, sizeof(address->sun_path));
		err = kern_path(name, LOOKUP_FOLLOW, &path);
		if (err)
			return ERR_PTR(err);
		err = inode_permission(path.dentry->d_inode, MAY_WRITE);
		list_for_each_entry(s, &sockets, all)
			if (s->inode == path.dentry->d_inode)
				found = s;
		path_put(&path);
		if (err)
			return ERR_PTR(err);
	}
	if (!found)
		return ERR_PTR(-ECONNREFUSED);
	return found->type == type ? found : ERR_PTR(-EPROTOTYPE);
}

static int bind_path(struct unix_sock *s, const struct sockaddr_un *address)
{
	char name[sizeof(address->sun_path) + 1] = "";
	struct dentry *dentry;
	struct path parent;
	int err;

	memcpy(name, address->sun_path, sizeof(address->sun_path));
	dentry = filename_create(AT_FDCWD, name, 0, &parent);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry) == -EEXIST ? -EADDRINUSE : PTR_ERR(dentry);
	err = vfs_mknod(parent.dentry->d_inode, dentry, S_IFSOCK | (S_IRWXUGO & ~current->fs->umask), 0);
	if (!err) {
		s->inode = dentry->d_inode;
		ihold(s->inode);
	}
	done_path_create(&parent, dentry);
	return err;
}

static bool path_exists(const struct sockaddr_un *address)
{
	char name[sizeof(address->sun_path) + 1] = "";
	struct path path;

	memcpy(name, address->sun_path, sizeof(address->sun_path));
	if (kern_path(name, 0, &path))
		return false;
	path_put(&path);
	return true;
}

int unix_bind(struct unix_sock *s, const void __user *user, int length)
{
	static unsigned int next_name;
	struct sockaddr_un address;
	struct unix_sock *other;
	int err = get_address(&address, user, &length);

	if (err)
		return err;
	if (s->name_length && !(length > (int)offsetof(struct sockaddr_un, sun_path) && address.sun_path[0] &&
				path_exists(&address)))
		return length == (int)offsetof(struct sockaddr_un, sun_path) ? 0 : -EINVAL;
	if (length == (int)offsetof(struct sockaddr_un, sun_path)) {
		/* Without a name: one of five digits is chosen. */
		length += 1 + scnprintf(address.sun_path + 1, 8, "%05x", next_name++ & 0xfffff);
	}
	if (address.sun_path[0]) {
		err = bind_path(s, &address);
		if (err)
			return err;
	} else {
		list_for_each_entry(other, &sockets, all)
			if (other->name_length == length && !memcmp(&other->name, &address, length))
				return -EADDRINUSE;
	}
	s->name = address;
	s->name_length = length;
	rename_messages(s, false);
	return 0;
}

int unix_connect(struct unix_sock *s, const void __user *user, int length, bool nonblock)
{
	struct sockaddr_un address;
	struct unix_sock *listener, *server;
	__kernel_sa_family_t family;
	int err;

	if (length >= (int)sizeof(family) && !copy_from_user(&family, user, sizeof(family)) && family == AF_UNSPEC &&
	    s->type == SOCK_DGRAM) {
		s->peer = NULL;
		s->connected = false;
		return 0;
	}
	err = get_address(&address, user, &length);
	if (err)
		return err;
	if (is_connected_kind(s) && s->connected)
		return -EISCONN;
	if (s->listening)
		return -EINVAL;
	for (;;) {
		listener = find_named(&address, length, s->type);
		if (IS_ERR(listener))
			return PTR_ERR(listener);
		if (s->type == SOCK_DGRAM) {
			s->peer = listener;
			s->connected = true;
			return 0;
		}
		if (!listener->listening)
			return -ECONNREFUSED;
		if (listener->nr_pending <= listener->backlog)
			break;
		if (nonblock)
			return -EAGAIN;
		/* The listener may be gone after the wait: it is looked up again. */
		err = schedule_timeout_interruptible(1) && signal_pending(current) ? -ERESTARTSYS : 0;
		if (err)
			return err;
	}
	server = new_sock(s->type);
	if (!server)
		return -ENOMEM;
	server->cred = listener->cred;
	server->name = listener->name;
	server->name_length = listener->name_length;
	connect_pair(s, server);
	list_add_tail(&server->accept, &listener->pending);
	listener->nr_pending++;
	wake(listener);
	return 0;
}

struct unix_sock *unix_accept(struct unix_sock *s, bool nonblock)
{
	struct unix_sock *server;
	int err;

	if (!is_connected_kind(s))
		return ERR_PTR(-EOPNOTSUPP);
	if (!s->listening)
		return ERR_PTR(-EINVAL);
	if (list_empty(&s->pending) && nonblock)
		return ERR_PTR(-EAGAIN);
	err = wait_event_interruptible(s->wait, !list_empty(&s->pending) || s->shut_read);
	if (err)
		return ERR_PTR(err);
	if (list_empty(&s->pending))
		return ERR_PTR(-EINVAL);
	server = list_first_entry(&s->pending, struct unix_sock, accept);
	list_del_init(&server->accept);
	s->nr_pending--;
	return server;
}

/* ---- sending ---- */

static int take_error(struct unix_sock *s)
{
	int error = s->error;

	s->error = 0;
	return -error;
}

/* Whom a message goes to, when there is room for it. */
static struct unix_sock *destination(struct unix_sock *s, const struct sockaddr_un *address, int length, bool nonblock)
{
	struct unix_sock *to;
	int err;

	for (;;) {
		if (s->error)
			return ERR_PTR(take_error(s));
		if (s->shut_write)
			return ERR_PTR(-EPIPE);
		to = length ? find_named(address, length, s->type) : s->peer;
		if (IS_ERR(to))
			return to;
		if (!to)
			return ERR_PTR(is_connected_kind(s) ? (s->peer_closed ? -EPIPE : -ENOTCONN) :
				       s->connected ? -ECONNREFUSED : -ENOTCONN);
		if (to->shut_read)
			return ERR_PTR(-EPIPE);
		if (!full(to, s))
			return to;
		if (nonblock)
			return ERR_PTR(-EAGAIN);
		/* Named ones are looked for again: they may be gone. */
		if (length) {
			schedule_timeout_interruptible(1);
			err = signal_pending(current) ? -ERESTARTSYS : 0;
		} else {
			err = wait_event_interruptible(s->wait, !s->peer || !full(s->peer, s) || s->peer->shut_read ||
						       s->shut_write);
		}
		if (err)
			return ERR_PTR(err);
	}
}

int unix_send(struct unix_sock *s, struct message *m, const void __user *user, int length, bool nonblock, bool quiet)
{
	struct sockaddr_un address = { 0 };
	struct unix_sock *to;
	int err = length ? get_address(&address, user, &length) : 0;

	if (!err && length && is_connected_kind(s))
		err = s->connected ? -EISCONN : -EOPNOTSUPP;
	if (!err) {
		to = destination(s, &address, length, nonblock);
		err = IS_ERR(to) ? PTR_ERR(to) : 0;
	}
	if (err) {
		if (err == -EPIPE && !quiet && is_connected_kind(s))
			send_sig(SIGPIPE, current, 0);
		free_message(m);
		return err;
	}
	m->sender = s;
	m->from = s->name;
	m->from_length = s->name_length;
	list_add_tail(&m->list, &to->queue);
	to->queued++;
	to->queued_bytes += m->length;
	wake(to);
	return 0;
}

/* ---- receiving ---- */

/* Waits for a message: it, NULL at the end, or ERR_PTR. */
struct message *unix_wait_message(struct unix_sock *s, bool nonblock)
{
	struct message *m;
	int err;

	for (;;) {
		m = first(s);
		if (m)
			return m;
		if (s->error)
			return ERR_PTR(take_error(s));
		if (s->shut_read || (is_connected_kind(s) && s->connected &&
				     (!s->peer || s->peer->shut_write)))
			return NULL;
		if (is_connected_kind(s) && !s->connected)
			return ERR_PTR(is_stream(s) ? -EINVAL : -ENOTCONN);
		if (nonblock)
			return ERR_PTR(-EAGAIN);
		err = wait_event_interruptible(s->wait, first(s) || s->error || s->shut_read ||
					       (s->connected && is_connected_kind(s) && (!s->peer || s->peer->shut_write)));
		if (err)
			return ERR_PTR(err);
	}
}

void unix_consume(struct unix_sock *s, struct message *m, size_t bytes)
{
	if (is_stream(s) && m->offset + bytes < m->length) {
		m->offset += bytes;
		s->queued_bytes -= bytes;
	} else {
		drop_first(s, m);
	}
	/* Whoever waits for room: the peer, or, with datagrams, anybody. */
	if (s->peer)
		wake(s->peer);
	if (s->type == SOCK_DGRAM) {
		struct unix_sock *other;

		list_for_each_entry(other, &sockets, all)
			if (other->peer == s)
				wake(other);
	}
}

int unix_shutdown(struct unix_sock *s, int how)
{
	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	s->shut_read |= how != SHUT_WR;
	s->shut_write |= how != SHUT_RD;
	wake(s);
	if (s->peer)
		wake(s->peer);
	return 0;
}

/* ---- files ---- */

static __poll_t sock_poll(struct file *file, poll_table *table)
{
	struct unix_sock *s = file->private_data, *peer = s->peer;
	bool ended = is_connected_kind(s) && s->connected && (!peer || peer->shut_write);
	__poll_t mask = 0;

	poll_wait(file, &s->wait, table);
	if (s->error)
		mask |= EPOLLERR;
	if (!list_empty(&s->queue) || !list_empty(&s->pending) || ended || s->shut_read)
		mask |= EPOLLIN | EPOLLRDNORM;
	if (ended || s->shut_read)
		mask |= EPOLLRDHUP;
	if (is_connected_kind(s) && !s->listening && (!s->connected || !peer || (s->shut_read && s->shut_write)))
		mask |= EPOLLHUP;
	if (!s->listening && (!peer || !full(peer, s)))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return mask;
}

static int sock_release(struct inode *inode, struct file *file)
{
	release_sock(file->private_data);
	return 0;
}

static long sock_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	struct unix_sock *s = file->private_data;
	struct message *m = first(s);

	if (command == FIONREAD)
		return put_user(is_connected_kind(s) ? (int)s->queued_bytes : m ? (int)m->length : 0, (int __user *)arg);
	if (command == TIOCOUTQ)
		return put_user(s->peer ? (int)s->peer->queued_bytes : 0, (int __user *)arg);
	return -ENOIOCTLCMD;
}

static ssize_t sock_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return socket_receive(iocb->ki_filp->private_data, to, iocb->ki_filp->f_flags & O_NONBLOCK);
}

static ssize_t sock_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return socket_send(iocb->ki_filp->private_data, from, iocb->ki_filp->f_flags & O_NONBLOCK);
}

static const struct file_operations sock_fops = {
	.read_iter = sock_read_iter, .write_iter = sock_write_iter, .poll = sock_poll, .release = sock_release, .unlocked_ioctl = sock_ioctl,
};

static char *sock_dname(struct dentry *dentry, char *buffer, int size)
{
	scnprintf(buffer, size, "socket:[%lu]", dentry->d_inode->i_ino);
	return buffer;
}

static const struct dentry_operations sock_dentry_operations = { .d_dname = sock_dname };

/* A descriptor for @s, which it takes over also when it fails. */
int sock_map_fd(struct unix_sock *s, int flags)
{
	int fd = get_unused_fd_flags(flags & SOCK_CLOEXEC ? O_CLOEXEC : 0);
	struct inode *inode;
	struct path path;
	struct file *file;

	if (fd < 0) {
		release_sock(s);
		return fd;
	}
	inode = new_inode(sock_mnt->mnt_sb);
	if (inode) {
		inode->i_ino = get_next_ino();
		inode->i_mode = S_IFSOCK | S_IRWXUGO;
		inode->i_uid.val = current_fsuid();
		inode->i_gid.val = current_fsgid();
		inode->i_fop = &sock_fops;
	}
	path.dentry = d_make_root(inode);
	if (!path.dentry)
		goto fail;
	path.dentry->d_op = &sock_dentry_operations;
	path.mnt = mntget(sock_mnt);
	file = alloc_file(&path, O_RDWR | (flags & SOCK_NONBLOCK ? O_NONBLOCK : 0), &sock_fops);
	if (IS_ERR(file)) {
		path_put(&path);
		goto fail;
	}
	file->f_mode &= ~(FMODE_PREAD | FMODE_PWRITE);
	file->private_data = s;
	fd_install(fd, file);
	return fd;
fail:
	put_unused_fd(fd);
	release_sock(s);
	return -ENFILE;
}

struct unix_sock *sock_from_file(const struct file *file)
{
	return file->f_op == &sock_fops ? file->private_data : NULL;
}

struct unix_sock *unix_create(int type)
{
	return new_sock(type);
}

void unix_free(struct unix_sock *s)
{
	release_sock(s);
}

void unix_make_pair(struct unix_sock *a, struct unix_sock *b)
{
	connect_pair(a, b);
}

static const struct super_operations sock_super_operations = { .statfs = simple_statfs };

static int sock_fill_super(struct super_block *sb, void *data, int silent)
{
	struct inode *inode = new_inode(sb);

	sb->s_op = &sock_super_operations;
	sb->s_magic = SOCKFS_MAGIC;
	if (inode)
		inode->i_mode = S_IFDIR | 0600;
	sb->s_root = d_make_root(inode);
	return sb->s_root ? 0 : -ENOMEM;
}

static struct dentry *sock_mount(struct file_system_type *type, int flags, const char *dev_name, void *data)
{
	return mount_nodev(type, flags, data, sock_fill_super);
}

static struct file_system_type sockfs_type = { .name = "sockfs", .mount = sock_mount, .kill_sb = kill_anon_super };

static int sock_init(void)
{
	register_filesystem(&sockfs_type);
	sock_mnt = kern_mount(&sockfs_type);
	return PTR_ERR_OR_ZERO(sock_mnt);
}
core_initcall(sock_init);
