// SPDX-License-Identifier: MIT
/* The system calls about sockets: arguments, vectors, control messages, options. (man 2 socket, sendmsg, recvmsg) */
#include <linux/socket.h>
#include <linux/uio.h>
#include <asm/socket.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include "unix.h"

#define LARGEST_PIECE	32768		/* of a stream in one message */

/* struct msghdr as user space has it. */
struct user_msghdr {
	void __user *name;
	int name_length;
	struct iovec __user *vector;
	unsigned long count;
	void __user *control;
	unsigned long control_length;
	unsigned int flags;
};

struct user_cmsghdr {
	unsigned long length;
	int level, type;
};

#define CMSG_ALIGNED(n)	(((n) + sizeof(long) - 1) & ~(sizeof(long) - 1))

/* The socket behind a descriptor; its file is to be put. */
static struct unix_sock *get_sock(int fd, struct file **file)
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

static ssize_t send_bytes(struct unix_sock *s, const void __user *buf, size_t count, struct message *with,
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

		if (m && copy_from_user(m->data, buf + done, n))
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

ssize_t socket_send(struct unix_sock *s, const void __user *buf, size_t count, bool nonblock)
{
	return send_bytes(s, buf, count, NULL, NULL, 0, nonblock, false);
}

/* What one call receives, and what it tells besides the bytes. */
struct receipt {
	struct sockaddr_un from;
	int from_length;
	struct sock_cred cred;
	struct file **files;
	int nr_files;
	unsigned int flags;		/* MSG_ */
	bool any;
};

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

static ssize_t receive_bytes(struct unix_sock *s, void __user *buf, size_t count, unsigned int flags, bool nonblock,
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
		if (copy_to_user(buf + done, m->data + m->offset, n))
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

static void drop_files(struct receipt *r)
{
	for (int i = 0; i < r->nr_files; i++)
		if (r->files[i])
			fput(r->files[i]);
	kfree(r->files);
}

ssize_t socket_receive(struct unix_sock *s, void __user *buf, size_t count, bool nonblock)
{
	struct receipt r = { 0 };
	ssize_t n = receive_bytes(s, buf, count, 0, nonblock, &r);

	drop_files(&r);
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
	int flags = type & ~SOCK_TYPE_MASK;
	struct unix_sock *s;

	type &= SOCK_TYPE_MASK;
	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	if (family < 0 || family >= AF_MAX || family != AF_UNIX)
		return -EAFNOSUPPORT;
	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
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
	struct unix_sock *s = get_sock(fd, &file);
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
	struct unix_sock *s = get_sock(fd, &file);
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
	struct unix_sock *s = get_sock(fd, &file);
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
		s->cred = (struct sock_cred){ current->tgid, current->cred.euid, current->cred.egid };
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
	s = get_sock(fd, &file);
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
	struct unix_sock *s = get_sock(fd, &file);
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
	struct unix_sock *s = get_sock(fd, &file);
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
	struct unix_sock *s = get_sock(fd, &file);
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
	struct unix_sock *s = get_sock(fd, &file);
	ssize_t ret = PTR_ERR_OR_ZERO(s);

	if (ret)
		return ret;
	ret = send_bytes(s, buff, min_t(size_t, len, INT_MAX), NULL, addr, addr ? addr_len : 0,
			 (flags & MSG_DONTWAIT) || (file->f_flags & O_NONBLOCK), flags & MSG_NOSIGNAL);
	fput(file);
	return ret;
}

SYSCALL_DEFINE6(recvfrom, int, fd, void __user *, ubuf, size_t, size, unsigned int, flags, void __user *, addr,
		int __user *, addr_len)
{
	struct file *file;
	struct unix_sock *s = get_sock(fd, &file);
	struct receipt r = { 0 };
	ssize_t ret = PTR_ERR_OR_ZERO(s);
	int err = 0;

	if (ret)
		return ret;
	ret = receive_bytes(s, ubuf, min_t(size_t, size, INT_MAX), flags,
			    (flags & MSG_DONTWAIT) || (file->f_flags & O_NONBLOCK), &r);
	/* A connected stream tells no addr. */
	if (ret >= 0 && addr && s->type == SOCK_DGRAM && r.from_length)
		err = put_name(&r.from, r.from_length, addr, addr_len);
	else if (ret >= 0 && addr)
		err = put_user(0, addr_len);
	drop_files(&r);
	fput(file);
	return err ? err : ret;
}

/* The descriptors and credentials that go with a message; NULL if there are none. */
static struct message *read_control(const struct user_msghdr *header)
{
	const char __user *at = header->control, *end = at + header->control_length;
	struct message *m = NULL;
	struct user_cmsghdr c;
	int fds[MAX_FILES], err = 0;

	while (!err && end - at >= (long)sizeof(c)) {
		size_t bytes;

		if (copy_from_user(&c, at, sizeof(c))) {
			err = -EFAULT;
			break;
		}
		if (c.length < sizeof(c) || c.length > (unsigned long)(end - at)) {
			err = -EINVAL;
			break;
		}
		bytes = c.length - sizeof(c);
		if (!m)
			m = new_message(0);
		if (!m) {
			err = -ENOMEM;
		} else if (c.level != SOL_SOCKET) {
			;
		} else if (c.type == SCM_RIGHTS) {
			int n = bytes / sizeof(int);

			if (n > MAX_FILES || m->files)
				err = -EINVAL;
			else if (copy_from_user(fds, at + sizeof(c), n * sizeof(int)))
				err = -EFAULT;
			else if (n && !(m->files = kcalloc(n, sizeof(*m->files), GFP_KERNEL)))
				err = -ENOMEM;
			for (int i = 0; i < n && !err; i++) {
				struct file *file = fget(fds[i]);

				if (!file) {
					err = -EBADF;
				} else if (sock_from_file(file)) {
					fput(file);
					err = -ETOOMANYREFS;
				} else {
					m->files[m->nr_files++] = file;
				}
			}
		} else if (c.type == SCM_CREDENTIALS) {
			struct sock_cred cred;

			if (bytes != sizeof(cred))
				err = -EINVAL;
			else if (copy_from_user(&cred, at + sizeof(c), sizeof(cred)))
				err = -EFAULT;
			else if ((cred.pid != current->tgid && !capable(CAP_SYS_ADMIN)) ||
				 (cred.uid != current_uid() && cred.uid != current_euid() && !capable(CAP_SETUID)) ||
				 (cred.gid != current_gid() && cred.gid != current_egid() && !capable(CAP_SETGID)))
				err = -EPERM;
			else
				m->cred = cred;
		} else {
			err = -EINVAL;
		}
		at += CMSG_ALIGNED(c.length);
	}
	if (!err)
		return m;
	if (m)
		free_message(m);
	return ERR_PTR(err);
}

/* One buffer for all pieces of a vector: what is sent at once must arrive as one. */
static ssize_t gather(const struct user_msghdr *header, char **copy, struct iovec **vector)
{
	size_t total = 0;

	if (header->count > UIO_MAXIOV)
		return -EMSGSIZE;
	*vector = kmalloc(header->count * sizeof(**vector) + 1, GFP_KERNEL);
	if (!*vector)
		return -ENOMEM;
	if (copy_from_user(*vector, header->vector, header->count * sizeof(**vector)))
		return -EFAULT;
	for (unsigned long i = 0; i < header->count; i++) {
		if ((ssize_t)(*vector)[i].iov_len < 0)
			return -EINVAL;
		total += min_t(size_t, (*vector)[i].iov_len, 1 << 20);
		if (total > 1 << 20)
			total = 1 << 20;
	}
	*copy = kvmalloc(total + 1, GFP_KERNEL);
	return *copy ? (ssize_t)total : -ENOMEM;
}

static ssize_t do_sendmsg(struct file *file, struct unix_sock *s, const struct user_msghdr *header, unsigned int flags)
{
	struct iovec *vector = NULL;
	struct message *with = NULL;
	char *copy = NULL;
	bool old = current->uaccess_kernel;
	ssize_t ret = gather(header, &copy, &vector), at = 0, total = ret;

	for (unsigned long i = 0; ret >= 0 && i < header->count && at < total; i++) {
		size_t n = min_t(size_t, vector[i].iov_len, total - at);

		if (copy_from_user(copy + at, vector[i].iov_base, n))
			ret = -EFAULT;
		at += n;
	}
	if (ret >= 0 && header->control_length > INT_MAX)
		ret = -ENOBUFS;
	if (ret >= 0 && header->control_length) {
		with = read_control(header);
		if (IS_ERR(with)) {
			ret = PTR_ERR(with);
			with = NULL;
		}
	}
	if (ret >= 0) {
		struct sockaddr_un name;
		int length = header->name ? header->name_length : 0;

		if (length < 0 || length > (int)sizeof(name))
			ret = -EINVAL;
		else if (length && copy_from_user(&name, header->name, length))
			ret = -EFAULT;
		if (ret < 0) {
			if (with)
				free_message(with);
			goto out;
		}
		current->uaccess_kernel = true;
		ret = send_bytes(s, copy, total, with, &name, length,
				 (flags & MSG_DONTWAIT) || (file->f_flags & O_NONBLOCK), flags & MSG_NOSIGNAL);
		current->uaccess_kernel = old;
	}
out:
	kvfree(copy);
	kfree(vector);
	return ret;
}

SYSCALL_DEFINE3(sendmsg, int, fd, struct user_msghdr __user *, msg, unsigned int, flags)
{
	struct user_msghdr header;
	struct file *file;
	struct unix_sock *s = get_sock(fd, &file);
	ssize_t ret;

	if (IS_ERR(s))
		return PTR_ERR(s);
	ret = copy_from_user(&header, msg, sizeof(header)) ? -EFAULT : do_sendmsg(file, s, &header, flags);
	fput(file);
	return ret;
}

/* Puts one control message if it fits; how many bytes of the room it took. */
static size_t put_control(void __user *to, size_t room, int type, const void *data, size_t bytes, unsigned int *flags)
{
	struct user_cmsghdr c = { .length = sizeof(c) + bytes, .level = SOL_SOCKET, .type = type };

	if (room < c.length) {
		*flags |= MSG_CTRUNC;
		return 0;
	}
	if (copy_to_user(to, &c, sizeof(c)) || copy_to_user(to + sizeof(c), data, bytes))
		return 0;
	return min(room, CMSG_ALIGNED(c.length));
}

/* Gives the received files descriptors, as many as there is room for. */
static size_t put_files(void __user *to, size_t room, struct receipt *r, bool close_on_exec)
{
	int fds[MAX_FILES], n = 0, fit = room < sizeof(struct user_cmsghdr) + sizeof(int) ? 0 :
				   (room - sizeof(struct user_cmsghdr)) / sizeof(int);

	for (; n < r->nr_files && n < fit; n++) {
		fds[n] = get_unused_fd_flags(close_on_exec ? O_CLOEXEC : 0);
		if (fds[n] < 0)
			break;
		fd_install(fds[n], r->files[n]);
		r->files[n] = NULL;
	}
	if (n < r->nr_files)
		r->flags |= MSG_CTRUNC;
	return n ? put_control(to, room, SCM_RIGHTS, fds, n * sizeof(int), &r->flags) : 0;
}

static ssize_t do_recvmsg(struct file *file, struct unix_sock *s, struct user_msghdr *header,
			  struct user_msghdr __user *user, unsigned int flags)
{
	struct iovec *vector = NULL;
	struct receipt r = { 0 };
	char *copy = NULL;
	bool old = current->uaccess_kernel;
	ssize_t ret = gather(header, &copy, &vector), at = 0, got;
	size_t used = 0;

	if (ret < 0)
		goto out;
	current->uaccess_kernel = true;
	ret = receive_bytes(s, copy, ret, flags, (flags & MSG_DONTWAIT) || (file->f_flags & O_NONBLOCK), &r);
	current->uaccess_kernel = old;
	if (ret < 0)
		goto out;
	got = ret;
	for (unsigned long i = 0; i < header->count && at < got; i++) {
		size_t n = min_t(size_t, vector[i].iov_len, got - at);

		if (copy_to_user(vector[i].iov_base, copy + at, n)) {
			ret = -EFAULT;
			goto out;
		}
		at += n;
	}
	if (s->pass_cred && r.any)
		used += put_control(header->control, header->control_length, SCM_CREDENTIALS, &r.cred, sizeof(r.cred), &r.flags);
	if (r.nr_files)
		used += put_files(header->control + used, header->control_length - used, &r, flags & MSG_CMSG_CLOEXEC);
	if (header->name && put_name(&r.from, s->type == SOCK_DGRAM ? r.from_length : 0, header->name, &user->name_length))
		ret = -EFAULT;
	if (header->name && ret >= 0 && (s->type != SOCK_DGRAM || !r.from_length) && put_user(0, &user->name_length))
		ret = -EFAULT;
	r.flags |= flags & MSG_CMSG_CLOEXEC;
	if (put_user(r.flags, &user->flags) || put_user(used, &user->control_length))
		ret = -EFAULT;
out:
	drop_files(&r);
	kvfree(copy);
	kfree(vector);
	return ret;
}

SYSCALL_DEFINE3(recvmsg, int, fd, struct user_msghdr __user *, msg, unsigned int, flags)
{
	struct user_msghdr header;
	struct file *file;
	struct unix_sock *s = get_sock(fd, &file);
	ssize_t ret;

	if (IS_ERR(s))
		return PTR_ERR(s);
	ret = copy_from_user(&header, msg, sizeof(header)) ? -EFAULT : do_recvmsg(file, s, &header, msg, flags);
	fput(file);
	return ret;
}

/* ---- options ---- */

static int get_option(struct unix_sock *s, int option, void *value, int *length)
{
	int number = 0;

	switch (option) {
	case SO_TYPE: number = s->type; break;
	case SO_DOMAIN: number = AF_UNIX; break;
	case SO_PROTOCOL: number = 0; break;
	case SO_ACCEPTCONN: number = s->listening; break;
	case SO_PASSCRED: number = s->pass_cred; break;
	case SO_SNDBUF: case SO_RCVBUF: number = SOCKET_BUFFER; break;
	case SO_ERROR:
		number = s->error;
		s->error = 0;
		break;
	case SO_PEERCRED:
		*length = min_t(int, *length, sizeof(s->peer_cred));
		if (!s->connected)
			s->peer_cred = (struct sock_cred){ 0, -1, -1 };
		memcpy(value, &s->peer_cred, *length);
		return 0;
	case SO_REUSEADDR: case SO_KEEPALIVE: case SO_BROADCAST: case SO_LINGER: case SO_RCVTIMEO: case SO_SNDTIMEO:
		memset(value, 0, *length = min(*length, option == SO_LINGER ? 8 : option == SO_RCVTIMEO ||
					       option == SO_SNDTIMEO ? 16 : 4));
		return 0;
	default:
		return -ENOPROTOOPT;
	}
	*length = min_t(int, *length, sizeof(number));
	memcpy(value, &number, *length);
	return 0;
}

SYSCALL_DEFINE5(getsockopt, int, fd, int, level, int, optname, void __user *, optval, int __user *, optlen)
{
	struct file *file;
	struct unix_sock *s = get_sock(fd, &file);
	char value[32];
	int length, ret = PTR_ERR_OR_ZERO(s);

	if (ret)
		return ret;
	if (get_user(length, optlen))
		ret = -EFAULT;
	else if (length < 0)
		ret = -EINVAL;
	else
		ret = level == SOL_SOCKET ? get_option(s, optname, value, &length) : -EOPNOTSUPP;
	if (!ret && (copy_to_user(optval, value, length) || put_user(length, optlen)))
		ret = -EFAULT;
	fput(file);
	return ret;
}

SYSCALL_DEFINE5(setsockopt, int, fd, int, level, int, optname, const void __user *, optval, int, optlen)
{
	struct file *file;
	struct unix_sock *s = get_sock(fd, &file);
	int value, ret = PTR_ERR_OR_ZERO(s);

	if (ret)
		return ret;
	if (level != SOL_SOCKET)
		ret = -EOPNOTSUPP;
	else if (optlen < (int)sizeof(value))
		ret = -EINVAL;
	else if (get_user(value, (const int __user *)optval))
		ret = -EFAULT;
	else if (optname == SO_PASSCRED)
		s->pass_cred = value;
	else if (optname != SO_SNDBUF && optname != SO_RCVBUF && optname != SO_REUSEADDR && optname != SO_KEEPALIVE &&
		 optname != SO_BROADCAST && optname != SO_LINGER)
		ret = -ENOPROTOOPT;
	fput(file);
	return ret;
}
