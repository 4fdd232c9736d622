/* SPDX-License-Identifier: MIT */
/* Error numbers: user space's, and those that never leave the kernel. */
#ifndef _KERNEL_ERRNO_H
#define _KERNEL_ERRNO_H

#include <asm-generic/errno.h>

#define ERESTARTSYS		512	/* restart if no handler, or the handler has SA_RESTART; else -EINTR */
#define ERESTARTNOINTR		513	/* always restart */
#define ERESTARTNOHAND		514	/* restart only if no handler ran */
#define ENOIOCTLCMD		515
#define ERESTART_RESTARTBLOCK	516	/* restart by restart_syscall(2) */
#define EPROBE_DEFER		517
#define EOPENSTALE		518
#define ENOPARAM		519
#define ENOTSUPP		524

#endif
