/* SPDX-License-Identifier: MIT */
/* Linux's name for a part of <kernel/time.h>. */
#ifndef _KERNEL_DELAY_H
#define _KERNEL_DELAY_H
#include <kernel/time.h>
#endif
