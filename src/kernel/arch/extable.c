// SPDX-License-Identifier: MIT
/* Fixups of instructions that may fault: a table made by the compiler and linker, and ranges of run-time code. */
#include <kernel/extable.h>
#include <kernel/kernel.h>
#include <kernel/ptrace.h>

extern const struct exception_table_entry __start___ex_table[], __stop___ex_table[];
static struct exec_extable *exec_tables;

const struct exception_table_entry *search_exception_tables(unsigned long addr)
{
	for (const struct exception_table_entry *e = __start___ex_table; e < __stop___ex_table; e++)
		if ((unsigned long)&e->insn + e->insn == addr)
			return e;
	return NULL;
}

void register_exec_extable(struct exec_extable *table)
{
	table->next = exec_tables;
	exec_tables = table;
}

void unregister_exec_extable(struct exec_extable *table)
{
	for (struct exec_extable **link = &exec_tables; *link; link = &(*link)->next)
		if (*link == table) {
			*link = table->next;
			return;
		}
}

bool fixup_exception(struct pt_regs *regs, int trapnr, unsigned long error_code, unsigned long fault_addr)
{
	const struct exception_table_entry *e = search_exception_tables(regs->ip);

	if (e) {
		regs->ip = (unsigned long)&e->fixup + e->fixup;
		return true;
	}
	for (struct exec_extable *t = exec_tables; t; t = t->next)
		if (regs->ip >= t->start && regs->ip < t->end)
			return t->handler(t, regs);
	return false;
}
