/* SPDX-License-Identifier: MIT */
/* Linux's name for the driver side of interrupts. */
#ifndef _KERNEL_INTERRUPT_H
#define _KERNEL_INTERRUPT_H
#include <kernel/irq.h>
#endif
