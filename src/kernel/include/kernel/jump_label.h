/* SPDX-License-Identifier: MIT */
/*
 * Static keys: a branch that is almost never taken costs one five-byte nop while its key is off; turning the key on writes
 * a jump over the nop, turning it off the nop again. (Documentation/staging/static-keys.rst)
 */
#ifndef _KERNEL_JUMP_LABEL_H
#define _KERNEL_JUMP_LABEL_H

#include <kernel/compiler.h>
#include <kernel/types.h>

#define JUMP_LABEL_NOP_SIZE 5

struct static_key {
	int enabled;		/* how often it has been turned on */
};

#define STATIC_KEY_INIT_FALSE { .enabled = 0 }

/* A place in the code that @key patches: the nop at @code becomes a jump to @target. */
struct jump_entry {
	unsigned long code;
	unsigned long target;
	struct static_key *key;
};

static __always_inline bool static_key_false(struct static_key *const key)
{
	__asm__ goto("1:	.byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"
		     "	.pushsection __jump_table, \"a\"\n"
		     "	.balign 8\n"
		     "	.quad 1b, %l[enabled], %c0\n"
		     "	.popsection\n"
		     : : "i" (key) : : enabled);
	return false;
enabled:
	return true;
}

/* Each inc needs its dec; the code changes with the first and the last. */
void static_key_slow_inc(struct static_key *key);
void static_key_slow_dec(struct static_key *key);
/* Whether a patched place lies in @start to @end, both included: no kprobe may be put there. */
bool jump_label_text_reserved(const void *start, const void *end);

#endif
