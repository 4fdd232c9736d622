// SPDX-License-Identifier: MIT
/*
 * Functions that may be made to fail here and that Linux 6.1 does not list: the allocator's entries. Their callers in this kernel
 * are held to survive a failure, whichever it is, and making one of them fail is what this machine is for. (docs/error-injection.md)
 */
#include <kernel/error-injection.h>
#include <kernel/gfp.h>
#include <kernel/slab.h>

ALLOW_ERROR_INJECTION(__alloc_pages, NULL);
ALLOW_ERROR_INJECTION(kmalloc, NULL);
ALLOW_ERROR_INJECTION(kmem_cache_alloc, NULL);
