/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU variables. One processor: a per-CPU variable is a variable in the section .data..percpu. What the entry code
 * needs by way of GS is struct pcpu_hot.
 */
#ifndef _KERNEL_PERCPU_H
#define _KERNEL_PERCPU_H

/* Offsets from GS base. */
#define PCPU_SELF		0
#define PCPU_TOP_OF_STACK	8
#define PCPU_USER_SP		16

#ifndef __ASSEMBLER__
#include <kernel/types.h>
#include <kernel/slab.h>

struct pcpu_hot {
	struct pcpu_hot *self;
	unsigned long top_of_stack;	/* kernel stack of the current task: where system calls start */
	unsigned long user_sp;		/* scratch of the system call entry */
	unsigned int irq_depth;
};
extern struct pcpu_hot pcpu_hot;

#define DECLARE_PER_CPU(type, name)	extern __typeof__(type) name
#define DEFINE_PER_CPU(type, name)	__section(".data..percpu") __typeof__(type) name
#define per_cpu_ptr(ptr, cpu)	((void)(cpu), (ptr))
#define this_cpu_ptr(ptr)	(ptr)
#define raw_cpu_ptr(ptr)	(ptr)
#define per_cpu(var, cpu)	(*((void)(cpu), &(var)))
#define this_cpu_read(var)	READ_ONCE(var)
#define this_cpu_write(var, v)	WRITE_ONCE(var, v)
#define this_cpu_inc(var)	((var)++)
#define this_cpu_dec(var)	((var)--)
#define this_cpu_add(var, n)	((var) += (n))
#define this_cpu_inc_return(var) (++(var))
#define __this_cpu_read		this_cpu_read
#define __this_cpu_write	this_cpu_write
#define __this_cpu_inc		this_cpu_inc
#define __this_cpu_dec		this_cpu_dec
#define get_cpu_var(var)	(var)
#define put_cpu_var(var)	((void)&(var))
#define get_cpu()		0
#define put_cpu()		((void)0)
#define alloc_percpu(type)	((type *)kzalloc(sizeof(type), GFP_KERNEL))
#define __alloc_percpu(size, align) kzalloc(size, GFP_KERNEL)
#define free_percpu(ptr)	kfree(ptr)
#endif
#endif
