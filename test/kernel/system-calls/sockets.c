// SPDX-License-Identifier: MIT
/* Sockets of the family AF_UNIX. */
#include "report.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

static struct sockaddr_un address(const char *name, socklen_t *length)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memcpy(a.sun_path, name, strlen(name + 1) + 1);
	*length = offsetof(struct sockaddr_un, sun_path) + strlen(name + 1) + 1 + (name[0] != 0);
	return a;
}

static short events(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP };

	poll(&p, 1, 0);
	return p.revents;
}

FAMILY(sockets)
{
	char buffer[300000];
	int p[2], s, c, a, value;
	socklen_t length;
	struct sockaddr_un name, other;
	struct stat st;
	struct ucred cred;

	signal(SIGPIPE, SIG_IGN);
	SHOW(socket(AF_UNIX, 77, 0));
	SHOW(socket(AF_UNIX, SOCK_STREAM, 5));
	SHOW(socket(999, SOCK_STREAM, 0));
	SHOW(socket(AF_UNIX, SOCK_STREAM | 0x100000, 0));
	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	SHOW(fstat(p[0], &st));
	say("%o", st.st_mode);
	SHOW(write(p[0], "hello", 5));
	SHOW(ioctl(p[1], FIONREAD, &value));
	VALUE(value);
	SHOW(events(p[0]));
	SHOW(events(p[1]));
	SHOW(recv(p[1], buffer, 2, MSG_PEEK));
	SHOW(read(p[1], buffer, 3));
	SHOW(write(p[0], "world", 5));
	SHOW(read(p[1], buffer, 100));
	say("%.7s", buffer);
	SHOW(recv(p[1], buffer, 1, MSG_DONTWAIT));
	SHOW(pread(p[1], buffer, 1, 0));
	SHOW(lseek(p[1], 0, SEEK_SET));
	SHOW(send(p[0], buffer, sizeof(buffer), MSG_DONTWAIT) > 100000);
	SHOW(send(p[0], buffer, 1, MSG_DONTWAIT));
	SHOW(shutdown(p[0], SHUT_WR));
	SHOW(write(p[0], "x", 1));
	SHOW(shutdown(p[0], 9));
	while (read(p[1], buffer, sizeof(buffer)) > 0)
		;
	SHOW(read(p[1], buffer, 1));
	SHOW(events(p[1]));
	SHOW(write(p[1], "back", 4));
	SHOW(close(p[1]));
	SHOW(read(p[0], buffer, 10));
	SHOW(read(p[0], buffer, 10));
	SHOW(events(p[0]));
	close(p[0]);
	IN_CHILD(signal(SIGPIPE, SIG_DFL); socketpair(AF_UNIX, SOCK_STREAM, 0, p); close(p[1]); write(p[0], "x", 1));
	IN_CHILD(signal(SIGPIPE, SIG_DFL); socketpair(AF_UNIX, SOCK_STREAM, 0, p); close(p[1]);
		 SHOW(send(p[0], "x", 1, MSG_NOSIGNAL)));

	SHOW(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, p));
	SHOW(fcntl(p[0], F_GETFL));
	SHOW(send(p[0], "first", 5, 0));
	SHOW(send(p[0], "", 0, 0));
	SHOW(send(p[0], "third", 5, 0));
	SHOW(recv(p[1], buffer, 3, 0));
	SHOW(recv(p[1], buffer, 10, 0));
	SHOW(recv(p[1], buffer, 1, MSG_TRUNC));
	SHOW(recv(p[1], buffer, 10, 0));
	for (value = 0; send(p[0], "x", 1, 0) == 1; value++)
		;
	VALUE(value);
	SHOW(send(p[0], buffer, sizeof(buffer), 0));
	close(p[1]);
	SHOW(send(p[0], "x", 1, 0));
	close(p[0]);
	SHOW(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p));
	SHOW(send(p[0], "packet", 6, 0));
	SHOW(recv(p[1], buffer, 3, 0));
	SHOW(recv(p[1], buffer, 3, MSG_DONTWAIT));
	close(p[0]);
	SHOW(recv(p[1], buffer, 3, 0));
	close(p[1]);

	SHOW(s = socket(AF_UNIX, SOCK_STREAM, 0));
	SHOW(listen(s, 5));
	SHOW(accept(s, NULL, NULL));
	SHOW(events(s));
	name = address("path", &length);
	SHOW(bind(s, (void *)&name, 1));
	SHOW(bind(s, (void *)&name, length));
	SHOW(bind(s, (void *)&name, length));
	stat("path", &st);
	say("%o", st.st_mode);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	SHOW(bind(c, (void *)&name, length));
	SHOW(connect(c, (void *)&name, length));
	SHOW(listen(s, 1));
	SHOW(connect(c, (void *)&name, length));
	SHOW(connect(c, (void *)&name, length));
	SHOW(events(s));
	SHOW(write(c, "early", 5));
	length = sizeof(other);
	SHOW(a = accept4(s, (void *)&other, &length, SOCK_CLOEXEC));
	VALUE(length);
	SHOW(read(a, buffer, 10));
	length = sizeof(other);
	SHOW(getpeername(c, (void *)&other, &length));
	say("%d %s", length, other.sun_path);
	length = sizeof(other);
	SHOW(getsockname(a, (void *)&other, &length));
	say("%d %s", length, other.sun_path);
	length = sizeof(cred);
	SHOW(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &cred, &length));
	say("%d %d %d", cred.pid == getpid(), cred.uid, cred.gid);
	length = sizeof(value);
	SHOW(getsockopt(c, SOL_SOCKET, SO_TYPE, &value, &length));
	VALUE(value);
	SHOW(getsockopt(s, SOL_SOCKET, SO_ACCEPTCONN, &value, &length));
	VALUE(value);
	SHOW(getsockopt(c, SOL_SOCKET, SO_ERROR, &value, &length));
	VALUE(value);
	SHOW(getsockopt(c, 6, 1, &value, &length));
	SHOW(getsockopt(c, SOL_SOCKET, 9999, &value, &length));
	write(c, "unread", 6);
	close(a);
	SHOW(read(c, buffer, 10));
	SHOW(read(c, buffer, 10));
	SHOW(write(c, "x", 1));
	close(c), close(s);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	name = address("path", &length);
	SHOW(connect(c, (void *)&name, length));
	name = address("none", &length);
	SHOW(connect(c, (void *)&name, length));
	SHOW(getpeername(c, (void *)&other, &length));
	SHOW(read(c, buffer, 1));
	SHOW(write(c, buffer, 1));
	SHOW(shutdown(c, SHUT_RD));
	SHOW(events(c));
	close(c);

	s = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0);
	name = address("\0abstract", &length);
	SHOW(bind(s, (void *)&name, length));
	SHOW(bind(c, (void *)&name, length));
	SHOW(sendto(c, "to", 2, 0, (void *)&name, length));
	SHOW(send(c, "x", 1, 0));
	SHOW(bind(c, (void *)&name, 2));
	SHOW(connect(c, (void *)&name, length));
	SHOW(send(c, "connected", 9, 0));
	length = sizeof(other);
	SHOW(recvfrom(s, buffer, 100, 0, (void *)&other, &length));
	VALUE(length);
	length = sizeof(other);
	SHOW(recvfrom(s, buffer, 100, 0, (void *)&other, &length));
	VALUE(length);
	SHOW(listen(s, 1));
	SHOW(accept(s, NULL, NULL));
	close(s);
	SHOW(send(c, "x", 1, 0));
	close(c);
	SHOW(bind(0, (void *)&name, length));
	SHOW(send(99, "x", 1, 0));
	SHOW(recv(0, buffer, 1, 0));
}

FAMILY(socket_messages)
{
	char data[100] = "", control[200], text[20];
	struct iovec vector[2] = { { "two ", 4 }, { "pieces", 6 } };
	struct msghdr m = { .msg_iov = vector, .msg_iovlen = 2, .msg_control = control };
	struct cmsghdr *c = (void *)control;
	struct ucred *cred;
	int p[2], fds[2], one = 1;

	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	put_file("file", "from the file");
	fds[0] = open("file", O_RDONLY), fds[1] = open("/dev/null", O_WRONLY);
	c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	m.msg_controllen = CMSG_SPACE(sizeof(fds));
	SHOW(sendmsg(p[0], &m, 0));
	SHOW(write(p[0], "more", 4));
	close(fds[0]), close(fds[1]);
	vector[0] = (struct iovec){ data, 100 };
	m.msg_iovlen = 1, m.msg_controllen = sizeof(control);
	memset(control, 0, sizeof(control));
	SHOW(recvmsg(p[1], &m, MSG_CMSG_CLOEXEC));
	say("%s, control %zu, flags %#x, level %d type %d length %zu", data, (size_t)m.msg_controllen, m.msg_flags,
	    c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len);
	memcpy(fds, CMSG_DATA(c), sizeof(fds));
	SHOW(read(fds[0], text, 13));
	SHOW(fcntl(fds[1], F_GETFD));
	close(fds[0]), close(fds[1]);
	m.msg_controllen = sizeof(control);
	SHOW(recvmsg(p[1], &m, 0));
	VALUE(m.msg_controllen);
	SHOW(setsockopt(p[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	SHOW(write(p[0], "x", 1));
	m.msg_controllen = sizeof(control);
	SHOW(recvmsg(p[1], &m, 0));
	cred = (void *)CMSG_DATA(c);
	say("type %d length %zu pid %d uid %d", c->cmsg_type, (size_t)c->cmsg_len, cred->pid == getpid(), cred->uid);
	c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(4);
	*(int *)CMSG_DATA(c) = 77;
	m.msg_controllen = CMSG_SPACE(4);
	SHOW(sendmsg(p[0], &m, 0));
	*(int *)CMSG_DATA(c) = 0;
	vector[0].iov_len = 1;
	SHOW(sendmsg(p[0], &m, 0));
	m.msg_controllen = 4;
	SHOW(recvmsg(p[1], &m, 0));
	say("flags %#x", m.msg_flags);
	c->cmsg_len = 3;
	m.msg_controllen = CMSG_SPACE(4);
	SHOW(sendmsg(p[0], &m, 0));
	SHOW(sendmsg(p[0], (void *)8, 0));
	SHOW(recvmsg(p[0], (void *)8, 0));
	m.msg_controllen = 1ul << 31;
	SHOW(sendmsg(p[0], &m, 0));
	m.msg_iovlen = 5000;
	SHOW(sendmsg(p[0], &m, 0));
	SHOW(send(p[0], "not read", 8, 0));
}
