/* SPDX-License-Identifier: MIT */
/* The kernel's own symbols. */
#ifndef _KERNEL_KALLSYMS_H
#define _KERNEL_KALLSYMS_H

#include <kernel/types.h>

#define KSYM_NAME_LEN		512
#define KSYM_SYMBOL_LEN		(KSYM_NAME_LEN + 64)

/* 0 if there is no such symbol. */
unsigned long kallsyms_lookup_name(const char *name);
/* Non-zero if the address is within a symbol; either result may be NULL. */
int kallsyms_lookup_size_offset(unsigned long addr, unsigned long *size, unsigned long *offset);
/* The name of the symbol that holds the address (in @namebuf or static), with size and offset; NULL if there is none. */
const char *kallsyms_lookup(unsigned long addr, unsigned long *size, unsigned long *offset, char **modname,
			    char *namebuf);
int lookup_symbol_name(unsigned long addr, char *symname);	/* 0 or -ERANGE */
/* "name+0x1/0x23", or "0x…". The length. _no_offset: only the name. _backtrace: address - 1 names the symbol. */
int sprint_symbol(char *buffer, unsigned long addr);
int sprint_symbol_no_offset(char *buffer, unsigned long addr);
int kallsyms_on_each_symbol(int (*fn)(void *data, const char *name, unsigned long addr), void *data);

/* Symbol number @index in address order with nm's letter; false behind the last. For /proc/kallsyms. */
bool kallsyms_get(unsigned int index, unsigned long *addr, char *type, const char **name);
/* How many symbols there are, those of generated code not counted. */
unsigned int kallsyms_number(void);
/* How many symbols have exactly this name. */
unsigned int kallsyms_count_name(const char *name);

/* Init text counts only until the first user program runs. */
bool core_kernel_text(unsigned long addr);
/* Also true for executable memory (probes' copies, compiled programs). */
bool kernel_text_address(unsigned long addr);
bool __kernel_text_address(unsigned long addr);

extern char _text[], _stext[], _etext[], _sdata[], _edata[], __bss_start[], __bss_stop[], _end[];
extern char __start_rodata[], __end_rodata[];

#endif
