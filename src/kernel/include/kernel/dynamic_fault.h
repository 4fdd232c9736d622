/* SPDX-License-Identifier: MIT */
/*
 * Fault sites in the middle of functions, turned on by /sys/kernel/debug/dynamic_fault/control. A site is an expression:
 *
 *	if (race_fault() || somebody_was_faster())
 *		goto again;
 *
 * While it is off it costs one nop. After Kent Overstreet's dynamic_fault (semantics F1 to F11); docs/dynamic-fault.md.
 */
#ifndef _KERNEL_DYNAMIC_FAULT_H
#define _KERNEL_DYNAMIC_FAULT_H

#include <kernel/jump_label.h>
#include <kernel/types.h>

enum dfault_state { DFAULT_DISABLED, DFAULT_ENABLED, DFAULT_ONESHOT };

/* A site; the linker gathers them in __faults. */
struct _dfault {
	const char *modname, *function, *filename;
	unsigned int line;
	const char *class;		/* "memory", "race", or NAME:NAME:... */
	enum dfault_state state;
	unsigned int frequency;		/* fire at every so-manieth call; 0 and 1: at each */
	unsigned int count;		/* calls since it fired */
	struct static_key key;		/* on unless the site is disabled */
} __attribute__((aligned(8)));

/* Whether an enabled site fires now. */
bool __dynamic_fault_enabled(struct _dfault *site);

#define dynamic_fault(_class) ({						\
	static struct _dfault __site						\
	__attribute__((used, aligned(8), section("__faults"))) = {		\
		.modname = KBUILD_MODNAME,					\
		.function = __func__,						\
		.filename = __FILE__,						\
		.line = __LINE__,						\
		.class = _class,						\
	};									\
	static_key_false(&__site.key) && __dynamic_fault_enabled(&__site); })

/* An allocation may fail here. */
#define memory_fault()	dynamic_fault("memory")
/* A race may have been lost here. */
#define race_fault()	dynamic_fault("race")

#endif
