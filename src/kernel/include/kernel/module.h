/* SPDX-License-Identifier: MIT */
/* There are no modules: what Linux code says about itself for them has no effect. */
#ifndef _KERNEL_MODULE_H
#define _KERNEL_MODULE_H

#include <kernel/init.h>

struct module;
#define THIS_MODULE		((struct module *)0)
#define EXPORT_SYMBOL(sym)
#define EXPORT_SYMBOL_GPL(sym)
#define MODULE_LICENSE(x)
#define MODULE_AUTHOR(x)
#define MODULE_DESCRIPTION(x)
#define module_param(name, type, perm)
static inline bool try_module_get(struct module *m) { (void)m; return true; }
static inline void module_put(struct module *m) { (void)m; }
static inline void __module_get(struct module *m) { (void)m; }

#endif
