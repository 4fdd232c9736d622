/* SPDX-License-Identifier: MIT */
/* EXPORT_SYMBOL: see <kernel/module.h>. */
#ifndef _KERNEL_EXPORT_H
#define _KERNEL_EXPORT_H
#include <kernel/module.h>
#endif
