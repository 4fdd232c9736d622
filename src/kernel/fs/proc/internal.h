/* SPDX-License-Identifier: MIT */
/* What the parts of proc know of each other. */
#ifndef _PROC_INTERNAL_H
#define _PROC_INTERNAL_H

#include <kernel/proc_fs.h>
#include "../internal.h"

struct dentry *proc_root(void);

/* Sums that other rooms keep. */
unsigned long interrupts_count(void);
unsigned long switches_count(void);
unsigned long slab_pages_count(void);
unsigned long cached_pages(void);

#endif
