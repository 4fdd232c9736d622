/* SPDX-License-Identifier: MIT */
/*
 * Each allocation of btrfs is a fault site of class "memory" of its own, so that one place can be chosen by file and line.
 * A macro does not expand itself: inside, the names are the allocator's functions.
 */
#ifndef BTRFS_MEMORY_FAULTS_H
#define BTRFS_MEMORY_FAULTS_H

#include <kernel/dynamic_fault.h>
#include <kernel/gfp.h>
#include <kernel/mm.h>
#include <kernel/slab.h>
#include <kernel/string.h>

#define kmalloc(size, gfp)		(memory_fault() ? NULL : kmalloc(size, gfp))
#define kzalloc(size, gfp)		(memory_fault() ? NULL : kzalloc(size, gfp))
#define kvzalloc(size, gfp)		(memory_fault() ? NULL : kvzalloc(size, gfp))
#define kstrdup(s, gfp)			(memory_fault() ? NULL : kstrdup(s, gfp))
#define kmem_cache_zalloc(cache, gfp)	(memory_fault() ? NULL : kmem_cache_zalloc(cache, gfp))
#define __get_free_pages(gfp, order)	(memory_fault() ? 0 : __get_free_pages(gfp, order))

#endif
