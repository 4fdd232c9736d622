/* SPDX-License-Identifier: MIT */
#ifndef _ERRNO_H
#define _ERRNO_H
#include <asm/errno.h>
#define ENOTSUP EOPNOTSUPP
extern int errno;
#endif
