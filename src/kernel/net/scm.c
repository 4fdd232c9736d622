// SPDX-License-Identifier: MIT
/* Control messages: descriptors and credentials that go with what is sent. (man 7 unix, man 3 cmsg) */
#include <linux/socket.h>
#include <asm/socket.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/uaccess.h>
#include "unix.h"

struct user_cmsghdr {
	unsigned long length;
	int level, type;
};

#define CMSG_ALIGNED(n)	(((n) + sizeof(long) - 1) & ~(sizeof(long) - 1))

struct message *scm_read(const struct user_msghdr *header)
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

size_t scm_put(void __user *to, size_t room, int type, const void *data, size_t bytes, unsigned int *flags)
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

size_t scm_put_files(void __user *to, size_t room, struct receipt *r, bool close_on_exec)
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
	return n ? scm_put(to, room, SCM_RIGHTS, fds, n * sizeof(int), &r->flags) : 0;
}

void scm_drop_files(struct receipt *r)
{
	for (int i = 0; i < r->nr_files; i++)
		if (r->files[i])
			fput(r->files[i]);
	kfree(r->files);
}
