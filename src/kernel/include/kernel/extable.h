/* SPDX-License-Identifier: MIT */
/* Instructions that may fault, and where execution goes on if they do. */
#ifndef _KERNEL_EXTABLE_H
#define _KERNEL_EXTABLE_H

#ifdef __ASSEMBLER__
#define _ASM_EXTABLE(from, to)		\
	.pushsection __ex_table, "a" ;	\
	.balign 4 ;			\
	.long (from) - . ;		\
	.long (to) - . ;		\
	.popsection
#else
#include <kernel/types.h>

#define _ASM_EXTABLE(from, to)		\
	".pushsection __ex_table, \"a\"\n"	\
	".balign 4\n"				\
	".long (" #from ") - .\n"		\
	".long (" #to ") - .\n"			\
	".popsection\n"

struct exception_table_entry {
	s32 insn, fixup;
};

struct pt_regs;
const struct exception_table_entry *search_exception_tables(unsigned long addr);
/*
 * A table made at run time (by a code generator) for one range of code: kept sorted by the caller, asked when the
 * built-in table has nothing. @handler changes regs and returns true if it dealt with the fault.
 */
struct exec_extable {
	struct exec_extable *next;
	unsigned long start, end;
	bool (*handler)(struct exec_extable *table, struct pt_regs *regs);
	void *data;
};
void register_exec_extable(struct exec_extable *table);
void unregister_exec_extable(struct exec_extable *table);
/* Moves regs->ip to the fixup; false if there is none. */
bool fixup_exception(struct pt_regs *regs, int trapnr, unsigned long error_code, unsigned long fault_addr);
#endif
#endif
