/* SPDX-License-Identifier: MIT */
#ifndef _SYS_IOCTL_H
#define _SYS_IOCTL_H
#include <asm/ioctls.h>
#include <asm/termios.h>
int ioctl(int fd, unsigned long request, ...);
#endif
