/* SPDX-License-Identifier: MIT */
/* Linux's name for a part of <kernel/time.h>. */
#ifndef _KERNEL_JIFFIES_H
#define _KERNEL_JIFFIES_H
#include <kernel/time.h>
#endif
