/* SPDX-License-Identifier: MIT */
/* Segment selectors; the order of the user segments is what sysret wants. */
#ifndef _KERNEL_SEGMENT_H
#define _KERNEL_SEGMENT_H

#define __KERNEL32_CS		0x08
#define __KERNEL_CS		0x10
#define __KERNEL_DS		0x18
#define __USER32_CS		0x23
#define __USER_DS		0x2b
#define __USER_CS		0x33
#define GDT_ENTRY_TSS		8
#define __KERNEL_TSS		0x40

#endif
