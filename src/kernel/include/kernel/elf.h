/* SPDX-License-Identifier: MIT */
/* ELF: the structures of <linux/elf.h> and what x86-64 wants in them. */
#ifndef _KERNEL_ELF_H
#define _KERNEL_ELF_H

#include <linux/elf.h>
#include <linux/auxvec.h>

#define ELF_PLATFORM		"x86_64"
/* Where a position-independent program without interpreter goes: two thirds of the address space. */
#define ELF_ET_DYN_BASE		(TASK_SIZE / 3 * 2)

#endif
