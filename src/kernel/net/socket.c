// SPDX-License-Identifier: MIT
/* The system calls about sockets: arguments, names, bytes and vectors. (man 2 socket, sendmsg, recvmsg) */
#include <linux/socket.h>
#include <linux/uio.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/security.h>
#include <kernel/slab.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include "unix.h"

#define LARGEST_PIECE	32768		/* of a stream in one message */

struct unix_sock *sock_from_fd(int fd, struct file **file)
{
	struct unix_sock *s;

	*file = fget(fd);
	if (!*file)
		return ERR_PTR(-EBADF);
	s = sock_from_file(*file);
	if (s)
		return s;
	fput(*file);
	return ERR_PTR(-ENOTSOCK);
}

/* ---- bytes ---- */

/* Copies the next @n bytes out of the pieces, or into them. False: a fault. */
static bool copy_pieces(struct user_pieces *pieces, char *bytes, size_t n, bool out)
{
	if (pieces->iter)
		return (out ? copy_to_iter(bytes, n, pieces->iter) : copy_from_iter(bytes, n, pieces->iter)) == n;
	while (n) {
		char __user *at = pieces->vector->iov_base + pieces->done;
		size_t part = min(n, pieces->vector->iov_len - pieces->done);

		if (out ? copy_to_user(at, bytes, part) : copy_from_user(bytes, at, part))
			return false;
		bytes += part;
		n -= part;
		pieces->done += part;
		if (pieces->done == pieces->vector->iov_len && n) {
			pieces->vector++;
			pieces->done = 0;
		}
	}
	return true;
}

static ssize_t send_bytes(struct unix_sock *s, struct user_pieces *pieces, size_t count, struct message *with,
			  const void __user *name, int length, bool nonblock, bool quiet)
{
	size_t done = 0;

	if (s->type != SOCK_STREAM && count > SOCKET_BUFFER - 32) {
		if (with)
			free_message(with);
		return -EMSGSIZE;
	}
	/* A stream has no empty messages. */
	if (s->type == SOCK_STREAM && !count) {
		if (with)
			free_message(with);
		return 0;
	}
	do {
		size_t n = s->type == SOCK_STREAM ? min_t(size_t, count - done, LARGEST_PIECE) : count;
		struct message *m = new_message(n);
		int err = m ? 0 : -ENOMEM;

		if (m && !copy_pieces(pieces, m->data, n, false))
			err = -EFAULT;
		if (m && with) {
			m->files = with->files;
			m->nr_files = with->nr_files;
			m->cred = with->cred;
			kfree(with);
			with = NULL;
		}
		if (err && m)
			free_message(m);
		if (!err)
			err = unix_send(s, m, name, length, nonblock, quiet);
		if (err) {
			if (with)
				free_message(with);
			return done ? (ssize_t)done : err;
		}
		done += n;
	} while (done < count);
	return done;
}

ssize_t socket_send(struct unix_sock *s, struct iov_iter *from, bool nonblock)
{
	struct user_pieces pieces = { .iter = from };

	return send_bytes(s, &pieces, iov_iter_count(from), NULL, NULL, 0, nonblock, false);
}

static void note_message(struct receipt *r, struct message *m, bool peek)
{
	r->from = m->from;
	r->from_length = m->from_length;
	r->cred = m->cred;
	r->any = true;
	if (!peek && m->nr_files && !r->files) {
		r->files = m->files;
		r->nr_files = m->nr_files;
		m->files = NULL;
		m->nr_files = 0;
	}
}

static ssize_t receive_bytes(struct unix_sock *s, struct user_pieces *pieces, size_t count, unsigned int flags, bool nonblock,
			     struct receipt *r)
{
	bool peek = flags & MSG_PEEK;
	size_t done = 0, n, length;
	struct message *m;

	if (s->type == SOCK_STREAM && !count)
		return 0;
	for (;;) {
		m = unix_wait_message(s, nonblock || (done && !(flags & MSG_WAITALL)));
		if (IS_ERR_OR_NULL(m))
			return done ? (ssize_t)done : m ? PTR_ERR(m) : 0;
		/* Descriptors end what is received at once. */
		if (done && (m->nr_files || r->files))
			return done;
		length = m->length - m->offset;
		n = min(count - done, length);
		if (!copy_pieces(pieces, m->data + m->offset, n, true))
			return done ? (ssize_t)done : -EFAULT;
		note_message(r, m, peek);
		if (s->type != SOCK_STREAM) {
			if (n < length)
				r->flags |= MSG_TRUNC;
			if (s->type == SOCK_SEQPACKET)
				r->flags |= MSG_EOR;
			if (!peek)
				unix_consume(s, m, length);
			return flags & MSG_TRUNC ? length : n;
		}
		done += n;
		if (peek)
			return done;
		unix_consume(s, m, n);
		if (done == count)
			return done;
	}
}

ssize_t socket_receive(struct unix_sock *s, struct iov_iter *to, bool nonblock)
{
	struct user_pieces pieces = { .iter = to };
	struct receipt r = { 0 };
	ssize_t n = receive_bytes(s, &pieces, iov_iter_count(to), 0, nonblock, &r);

	scm_drop_files(&r);
	return n;
}

/* ---- names ---- */

static int put_name(const struct sockaddr_un *name, int length, void __user *user, int __user *user_length)
{
	struct sockaddr_un none = { .sun_family = AF_UNIX };
	int room;

	if (!length) {
		name = &none;
		length = sizeof(none.sun_family);
	}
	if (get_user(room, user_length))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (copy_to_user(user, name, min(room, length)))
		return -EFAULT;
	return put_user(length, user_length);
}

SYSCALL_DEFINE3(socket, int, family, int, type, int, protocol)
{
	int flags = type & ~SOCK_TYPE_MASK, err;
	struct unix_sock *s;

	type &= SOCK_TYPE_MASK;
	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	if (family < 0 || family >= AF_MAX || family != AF_UNIX)
		return -EAFNOSUPPORT;
	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if ((err = security_socket_create(family, type, protocol, 0)) != 0)
		return err;
	if (type == SOCK_RAW)
		type = SOCK_DGRAM;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	s = unix_create(type);
	return s ? sock_map_fd(s, flags) : -ENOMEM;
}

SYSCALL_DEFINE4(socketpair, int, family, int, type, int, protocol, int __user *, usockvec)
{
	int flags = type & ~SOCK_TYPE_MASK, kind = type & SOCK_TYPE_MASK, first, second;
	struct unix_sock *a, *b;

	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	if (family != AF_UNIX)
		return -EAFNOSUPPORT;
	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (kind != SOCK_STREAM && kind != SOCK_DGRAM && kind != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	a = unix_create(kind);
	b = a ? unix_create(kind) : NULL;
	if (!b) {
		if (a)
			unix_free(a);
		return -ENOMEM;
	}
	unix_make_pair(a, b);
	first = sock_map_fd(a, flags);
	if (first < 0) {
		unix_free(b);
		return first;
	}
	second = sock_map_fd(b, flags);
	if (second < 0) {
		close_fd(first);
		return second;
	}
	if (put_user(first, &usockvec[0]) || put_user(second, &usockvec[1])) {
		close_fd(first);
		close_fd(second);
		return -EFAULT;
	}
	return 0;
}

SYSCALL_DEFINE3(bind, int, fd, void __user *, umyaddr, int, addrlen)
{
	struct file *file;
	struct unix_sock *s = sock_from_fd(fd, &file);
	int ret = PTR_ERR_OR_ZERO(s);

	if (!ret) {
		ret = unix_bind(s, umyaddr, addrlen);
		fput(file);
	}
	return ret;
}

SYSCALL_DEFINE3(connect, int, fd, void __user *, uservaddr, int, addrlen)
{
	struct file *file;
	struct unix_sock *s = sock_from_fd(fd, &file);
	int ret = PTR_ERR_OR_ZERO(s);

	if (!ret) {
		ret = unix_connect(s, uservaddr, addrlen, file->f_flags & O_NONBLOCK);
		fput(file);
	}
	return ret;
}

SYSCALL_DEFINE2(listen, int, fd, int, backlog)
{
	struct file *file;
	struct unix_sock *s = sock_from_fd(fd, &file);
	int ret = PTR_ERR_OR_ZERO(s);

	if (ret)
		return ret;
	if (s->type == SOCK_DGRAM)
		ret = -EOPNOTSUPP;
	else if (!s->name_length || s->connected)
		ret = -EINVAL;
	else {
		s->listening = true;
		s->backlog = backlog < 0 ? 4096 : min(backlog, 4096);
		s->cred = (struct sock_cred){ current->tgid, current->cred->euid.val, current->cred->egid.val };
	}
	fput(file);
	return ret;
}

static int do_accept(int fd, void __user *address, int __user *length, int flags)
{
	struct unix_sock *s, *server;
	struct file *file;
	int ret;

	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	s = sock_from_fd(fd, &file);
	if (IS_ERR(s))
		return PTR_ERR(s);
	server = unix_accept(s, file->f_flags & O_NONBLOCK);
	fput(file);
	if (IS_ERR(server))
		return PTR_ERR(server);
	if (address) {
		const struct unix_sock *peer = server->peer;

		ret = put_name(peer ? &peer->name : NULL, peer ? peer->name_length : 0, address, length);
		if (ret) {
			unix_free(server);
			return ret;
		}
	}
	return sock_map_fd(server, flags);
}

SYSCALL_DEFINE4(accept4, int, fd, void __user *, upeer_sockaddr, int __user *, upeer_addrlen, int, flags)
{
	return do_accept(fd, upeer_sockaddr, upeer_addrlen, flags);
}

SYSCALL_DEFINE3(accept, int, fd, void __user *, upeer_sockaddr, int __user *, upeer_addrlen)
{
	return do_accept(fd, upeer_sockaddr, upeer_addrlen, 0);
}

SYSCALL_DEFINE3(getsockname, int, fd, void __user *, usockaddr, int __user *, usockaddr_len)
{
	struct file *file;
	struct unix_sock *s = sock_from_fd(fd, &file);
	int ret = PTR_ERR_OR_ZERO(s);

	if (!ret) {
		ret = put_name(&s->name, s->name_length, usockaddr, usockaddr_len);
		fput(file);
	}
	return ret;
}

SYSCALL_DEFINE3(getpeername, int, fd, void __user *, usockaddr, int __user *, usockaddr_len)
{
	struct file *file;
	struct unix_sock *s = sock_from_fd(fd, &file);
	int ret = PTR_ERR_OR_ZERO(s);

	if (!ret) {
		ret = s->peer ? put_name(&s->peer->name, s->peer->name_length, usockaddr, usockaddr_len) : -ENOTCONN;
		fput(file);
	}
	return ret;
}

SYSCALL_DEFINE2(shutdown, int, fd, int, how)
{
	struct file *file;
	struct unix_sock *s = sock_from_fd(fd, &file);
	int ret = PTR_ERR_OR_ZERO(s);

	if (!ret) {
		ret = unix_shutdown(s, how);
		fput(file);
	}
	return ret;
}

/* ---- messages ---- */

SYSCALL_DEFINE6(sendto, int, fd, void __user *, buff, size_t, len, unsigned int, flags, void __user *, addr, int, addr_len)
{
	struct file *file;
	struct unix_sock *s = sock_from_fd(fd, &file);
	struct iovec whole = { buff, min_t(size_t, len, INT_MAX) };
	struct user_pieces pieces = { .vector = &whole, .count = 1 };
	ssize_t ret = PTR_ERR_OR_ZERO(s);

	if (ret)
		return ret;
	ret = send_bytes(s, &pieces, whole.iov_len, NULL, addr, addr ? addr_len : 0,
			 (flags & MSG_DONTWAIT) || (file->f_flags & O_NONBLOCK), flags & MSG_NOSIGNAL);
	fput(file);
	return ret;
}

SYSCALL_DEFINE6(recvfrom, int, fd, void __user *, ubuf, size_t, size, unsigned int, flags, void __user *, addr,
		int __user *, addr_len)
{
	struct file *file;
	struct unix_sock *s = sock_from_fd(fd, &file);
	struct iovec whole = { ubuf, min_t(size_t, size, INT_MAX) };
	struct user_pieces pieces = { .vector = &whole, .count = 1 };
	struct receipt r = { 0 };
	ssize_t ret = PTR_ERR_OR_ZERO(s);
	int err = 0;

	if (ret)
		return ret;
	ret = receive_bytes(s, &pieces, whole.iov_len, flags,
			    (flags & MSG_DONTWAIT) || (file->f_flags & O_NONBLOCK), &r);
	/* A connected stream tells no addr. */
	if (ret >= 0 && addr && s->type == SOCK_DGRAM && r.from_length)
		err = put_name(&r.from, r.from_length, addr, addr_len);
	else if (ret >= 0 && addr)
		err = put_user(0, addr_len);
	scm_drop_files(&r);
	fput(file);
	return err ? err : ret;
}

/* The vector of a message, which is the caller's to free also after an error. How many bytes it has. */
static ssize_t read_vector(const struct user_msghdr *header, struct iovec **vector)
{
	size_t total = 0;

	if (header->count > UIO_MAXIOV)
		return -EMSGSIZE;
	*vector = kmalloc_array(header->count + 1, sizeof(**vector), GFP_KERNEL);
	if (!*vector)
		return -ENOMEM;
	if (copy_from_user(*vector, header->vector, header->count * sizeof(**vector)))
		return -EFAULT;
	for (unsigned long i = 0; i < header->count; i++) {
		if ((ssize_t)(*vector)[i].iov_len < 0)
			return -EINVAL;
		total += min_t(size_t, (*vector)[i].iov_len, INT_MAX - total);
	}
	return total;
}

static ssize_t do_sendmsg(struct file *file, struct unix_sock *s, const struct user_msghdr *header, unsigned int flags)
{
	struct iovec *vector = NULL;
	struct message *with = NULL;
	ssize_t ret = read_vector(header, &vector);
	int length = header->name ? header->name_length : 0;

	if (length < 0)
		ret = -EINVAL;
	if (ret >= 0 && header->control_length > INT_MAX)
		ret = -ENOBUFS;
	if (ret >= 0 && header->control_length) {
		with = scm_read(header);
		if (IS_ERR(with))
			ret = PTR_ERR(with);
	}
	if (ret >= 0) {
		struct user_pieces pieces = { .vector = vector, .count = header->count };

		ret = send_bytes(s, &pieces, ret, with, header->name, length,
				 (flags & MSG_DONTWAIT) || (file->f_flags & O_NONBLOCK), flags & MSG_NOSIGNAL);
	}
	kfree(vector);
	return ret;
}

SYSCALL_DEFINE3(sendmsg, int, fd, struct user_msghdr __user *, msg, unsigned int, flags)
{
	struct user_msghdr header;
	struct file *file;
	struct unix_sock *s = sock_from_fd(fd, &file);
	ssize_t ret;

	if (IS_ERR(s))
		return PTR_ERR(s);
	ret = copy_from_user(&header, msg, sizeof(header)) ? -EFAULT : do_sendmsg(file, s, &header, flags);
	fput(file);
	return ret;
}

static ssize_t do_recvmsg(struct file *file, struct unix_sock *s, struct user_msghdr *header,
			  struct user_msghdr __user *user, unsigned int flags)
{
	struct iovec *vector = NULL;
	struct receipt r = { 0 };
	ssize_t ret = read_vector(header, &vector);
	struct user_pieces pieces = { .vector = vector, .count = header->count };
	size_t used = 0;

	if (ret >= 0)
		ret = receive_bytes(s, &pieces, ret, flags, (flags & MSG_DONTWAIT) || (file->f_flags & O_NONBLOCK), &r);
	if (ret < 0)
		goto out;
	if (s->pass_cred && r.any)
		used += scm_put(header->control, header->control_length, SCM_CREDENTIALS, &r.cred, sizeof(r.cred), &r.flags);
	if (r.nr_files)
		used += scm_put_files(header->control + used, header->control_length - used, &r, flags & MSG_CMSG_CLOEXEC);
	if (header->name && put_name(&r.from, s->type == SOCK_DGRAM ? r.from_length : 0, header->name, &user->name_length))
		ret = -EFAULT;
	if (header->name && ret >= 0 && (s->type != SOCK_DGRAM || !r.from_length) && put_user(0, &user->name_length))
		ret = -EFAULT;
	r.flags |= flags & MSG_CMSG_CLOEXEC;
	if (put_user(r.flags, &user->flags) || put_user(used, &user->control_length))
		ret = -EFAULT;
out:
	scm_drop_files(&r);
	kfree(vector);
	return ret;
}

SYSCALL_DEFINE3(recvmsg, int, fd, struct user_msghdr __user *, msg, unsigned int, flags)
{
	struct user_msghdr header;
	struct file *file;
	struct unix_sock *s = sock_from_fd(fd, &file);
	ssize_t ret;

	if (IS_ERR(s))
		return PTR_ERR(s);
	ret = copy_from_user(&header, msg, sizeof(header)) ? -EFAULT : do_recvmsg(file, s, &header, msg, flags);
	fput(file);
	return ret;
}

