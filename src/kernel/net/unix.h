/* SPDX-License-Identifier: MIT */
/* What the socket calls and the sockets share. */
#ifndef _NET_UNIX_H
#define _NET_UNIX_H

#include <linux/uio.h>
#include <linux/un.h>
#include <kernel/list.h>
#include <kernel/types.h>
#include <kernel/uio.h>
#include <kernel/wait.h>

/* Values of <sys/socket.h>, which the kernel's interface headers leave out. */
#define SOCK_STREAM	1
#define SOCK_DGRAM	2
#define SOCK_RAW	3
#define SOCK_SEQPACKET	5
#define SOCK_TYPE_MASK	0xf
#define SOCK_CLOEXEC	02000000
#define SOCK_NONBLOCK	00004000
#define AF_UNSPEC	0
#define AF_UNIX		1
#define AF_MAX		46
#define SHUT_RD		0
#define SHUT_WR		1
#define SHUT_RDWR	2
#define MSG_PEEK	2
#define MSG_CTRUNC	8
#define MSG_TRUNC	0x20
#define MSG_DONTWAIT	0x40
#define MSG_EOR		0x80
#define MSG_WAITALL	0x100
#define MSG_NOSIGNAL	0x4000
#define MSG_CMSG_CLOEXEC 0x40000000
#define SCM_RIGHTS	1
#define SCM_CREDENTIALS	2

#define SOCKET_BUFFER	212992		/* bytes that wait in a socket */
#define MAX_DATAGRAMS	10		/* from others than the peer */
#define DATAGRAM_COST	767		/* of the buffer, besides its bytes */
#define MAX_FILES	253		/* in one message */

struct file;
struct inode;
struct unix_sock;

struct sock_cred {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

struct message {
	struct list_head list;
	size_t length, offset;
	struct unix_sock *sender;	/* to be told from others, no more */
	struct sockaddr_un from;
	int from_length;
	struct sock_cred cred;
	int nr_files;
	struct file **files;
	char data[];
};

struct unix_sock {
	struct list_head all;
	int type;
	wait_queue_head_t wait;
	struct unix_sock *peer;
	bool connected;			/* was once; the peer may be gone */
	bool peer_closed, listening, shut_read, shut_write, pass_cred;
	int error;			/* reported once */
	struct list_head queue;		/* messages */
	unsigned int queued;
	size_t queued_bytes;
	struct list_head pending, accept;	/* connections not yet accepted; being one */
	int nr_pending, backlog;
	struct sockaddr_un name;
	int name_length;
	struct inode *inode;		/* of a name in the file system */
	struct sock_cred cred, peer_cred;
};

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

/* What one call sends or fills: pieces of user memory, of which the first one's first bytes are done, or what read and write have. */
struct user_pieces {
	struct iov_iter *iter;
	const struct iovec *vector;
	unsigned long count;
	size_t done;
};

struct unix_sock *unix_create(int type);
void unix_free(struct unix_sock *s);
void unix_make_pair(struct unix_sock *a, struct unix_sock *b);
int sock_map_fd(struct unix_sock *s, int flags);
struct unix_sock *sock_from_file(const struct file *file);
/* The socket behind a descriptor; its file is to be put. ERR_PTR(-EBADF or -ENOTSOCK) */
struct unix_sock *sock_from_fd(int fd, struct file **file);
int unix_bind(struct unix_sock *s, const void __user *user, int length);
int unix_connect(struct unix_sock *s, const void __user *user, int length, bool nonblock);
struct unix_sock *unix_accept(struct unix_sock *s, bool nonblock);
int unix_shutdown(struct unix_sock *s, int how);
struct message *new_message(size_t length);
void free_message(struct message *m);
/* Sends @m, which it takes over; the address may be NULL with length 0. */
int unix_send(struct unix_sock *s, struct message *m, const void __user *user, int length, bool nonblock, bool quiet);
struct message *unix_wait_message(struct unix_sock *s, bool nonblock);
void unix_consume(struct unix_sock *s, struct message *m, size_t bytes);
ssize_t socket_receive(struct unix_sock *s, struct iov_iter *to, bool nonblock);
ssize_t socket_send(struct unix_sock *s, struct iov_iter *from, bool nonblock);

/* The descriptors and credentials that are to go with a message; NULL if there are none, or ERR_PTR. */
struct message *scm_read(const struct user_msghdr *header);
/* Puts one control message if it fits; how many bytes of the room it took. */
size_t scm_put(void __user *to, size_t room, int type, const void *data, size_t bytes, unsigned int *flags);
/* Gives the received files descriptors, as many as there is room for; how many bytes of the room it took. */
size_t scm_put_files(void __user *to, size_t room, struct receipt *r, bool close_on_exec);
/* Puts the received files that nobody took. */
void scm_drop_files(struct receipt *r);

#endif
