/* SPDX-License-Identifier: MIT */
#ifndef _POLL_H
#define _POLL_H
#include <asm/poll.h>
typedef unsigned long nfds_t;
int poll(struct pollfd *fds, nfds_t count, int timeout);
#endif
