/* SPDX-License-Identifier: MIT */
/* Memory barriers are in <kernel/compiler.h>. */
#ifndef _KERNEL_BARRIER_H
#define _KERNEL_BARRIER_H
#include <kernel/compiler.h>
#define dma_wmb()	barrier()
#define dma_rmb()	barrier()
#define virt_mb()	mb()
#endif
