/* SPDX-License-Identifier: MIT */
/* Linux's name for <kernel/rcu.h>. */
#ifndef _KERNEL_RCUPDATE_H
#define _KERNEL_RCUPDATE_H
#include <kernel/rcu.h>
#endif
