/* SPDX-License-Identifier: MIT */
/* What uname(2) says. The release and version are in <kernel/kernel.h>. */
#ifndef _KERNEL_UTSNAME_H
#define _KERNEL_UTSNAME_H

#include <linux/utsname.h>

extern struct new_utsname init_utsname;

#endif
