/* SPDX-License-Identifier: MIT */
/* Reader-writer semaphores live with the mutexes. */
#ifndef _KERNEL_RWSEM_H
#define _KERNEL_RWSEM_H
#include <kernel/mutex.h>
#endif
