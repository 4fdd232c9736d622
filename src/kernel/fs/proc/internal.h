/* SPDX-License-Identifier: MIT */
/* What the parts of proc know of each other. */
#ifndef _PROC_INTERNAL_H
#define _PROC_INTERNAL_H

#include <kernel/proc_fs.h>
#include "../internal.h"

struct dentry *proc_root(void);

#endif
