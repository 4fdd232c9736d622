/* SPDX-License-Identifier: MIT */
/* What the parts of the boot share. */
#ifndef _BOOT_BOOT_H
#define _BOOT_BOOT_H

#include <kernel/types.h>

#define MAX_MEMORY_RANGES 32

struct memory_range {
	unsigned long start, end;	/* physical, whole pages */
};

extern struct memory_range boot_memory[MAX_MEMORY_RANGES];
extern unsigned int nr_boot_memory;

void pvh_read_start_info(unsigned long phys);
void parse_early_params(void);
void parse_params(void);
void console_init(void);
void page_alloc_init(void);
void slab_init(void);
void paging_init(void);
void cpu_init(void);
void traps_init(void);
void apic_init(void);
void time_init(void);
void time_early_init(void);
void sched_init(void);
void fork_init(void);
void do_initcalls(void);

#endif
