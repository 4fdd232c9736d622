// SPDX-License-Identifier: MIT
/* Options of sockets. (man 2 getsockopt, man 7 socket) */
#include <asm/socket.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include "unix.h"

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
	struct unix_sock *s = sock_from_fd(fd, &file);
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
	struct unix_sock *s = sock_from_fd(fd, &file);
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
