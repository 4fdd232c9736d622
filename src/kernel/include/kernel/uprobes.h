/* SPDX-License-Identifier: MIT */
/*
 * Uprobes: int3 in the code of user programs, by file and offset. (Documentation/trace/uprobetracer.rst)
 */
#ifndef _KERNEL_UPROBES_H
#define _KERNEL_UPROBES_H

#include <kernel/list.h>
#include <kernel/types.h>

struct file;
struct mm_struct;
struct pt_regs;
struct task_struct;
struct uprobe;
struct uprobe_task;
struct vm_area_struct;

/* What a handler returns when it does not want to be called in this address space again. */
#define UPROBE_HANDLER_REMOVE	1

struct uprobe_consumer {
	struct list_head list;
	int (*handler)(struct uprobe_consumer *self, struct pt_regs *regs);
	/* At the return of the function; @func is its address. */
	int (*ret_handler)(struct uprobe_consumer *self, unsigned long func, struct pt_regs *regs);
	/* Whether it wants hits in @mm; NULL: in all. */
	bool (*filter)(struct uprobe_consumer *self, struct mm_struct *mm);
	struct uprobe *uprobe;		/* while registered */
};

/*
 * Puts a breakpoint at @offset of @file, a regular file, wherever it is mapped as code and the consumer wants it, now and
 * later. -EINVAL behind the end, -EIO if the file has no cached pages, -ENOTSUPP or -ENOEXEC for an instruction that
 * cannot be stepped (only told if the code is mapped somewhere). @ref_ctr_offset: a 16-bit counter in the file's data that
 * is raised while there is a breakpoint; 0: none.
 */
int uprobe_register(struct file *file, loff_t offset, loff_t ref_ctr_offset, struct uprobe_consumer *consumer);
void uprobe_unregister(struct uprobe_consumer *consumer);
/* The consumer's filter has changed its mind: adds and removes breakpoints. */
int uprobe_apply(struct uprobe_consumer *consumer);

/* A file was mapped into @vma. */
void uprobe_mmap(struct vm_area_struct *vma);
/* The address space is a copy of another, or is going away. */
void uprobe_dup_mm(struct mm_struct *mm);
void uprobe_clear_state(struct mm_struct *mm);
/* A new task, a copy of the current one; a task that leaves its address space. */
void uprobe_copy_process(struct task_struct *task, unsigned long flags);
void uprobe_free_utask(struct task_struct *task);

/* int3 and single step in user mode: true if it was a uprobe's. */
bool uprobe_handle_breakpoint(struct pt_regs *regs);
bool uprobe_handle_step(struct pt_regs *regs);
/* A signal is due: true if it must wait until the instruction of a uprobe has been stepped. */
bool uprobe_deny_signal(struct pt_regs *regs);

#endif
