/* SPDX-License-Identifier: MIT */
/* Changing code that is mapped read-only. */
#ifndef _KERNEL_TEXT_PATCHING_H
#define _KERNEL_TEXT_PATCHING_H

#include <kernel/types.h>

/* Writes through the direct map's writable alias of kernel text or executable memory. Returns @addr. */
void *text_poke(void *addr, const void *opcode, size_t len);
/* Makes the processor see what has been written. */
void text_poke_sync(void);
/* For replacing a whole instruction; one processor executes nothing else meanwhile. */
void text_poke_bp(void *addr, const void *opcode, size_t len, const void *emulate);

#endif
