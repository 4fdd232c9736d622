// SPDX-License-Identifier: MIT
/* The kernel's symbols: the table that the build embeds, and names of run-time code. */
#include <kernel/errno.h>
#include <kernel/init.h>
#include <kernel/kallsyms.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/string.h>
#include <kernel/vmalloc.h>

/* Weak: the first link has no table yet. */
extern const u64 kallsyms_count[] __weak, kallsyms_addresses[] __weak;
extern const u32 kallsyms_name_offsets[] __weak;
extern const char kallsyms_names[] __weak;

const char *exec_lookup(unsigned long addr, unsigned long *size, unsigned long *offset);

static unsigned int count(void)
{
	const u64 *volatile table = kallsyms_count;

	return table ? table[0] : 0;
}

unsigned int kallsyms_number(void)
{
	return count();
}

static const char *name_of(unsigned int i)
{
	return kallsyms_names + kallsyms_name_offsets[i] + 1;
}

bool kallsyms_get(unsigned int index, unsigned long *addr, char *type, const char **name)
{
	if (index >= count())
		return false;
	*addr = kallsyms_addresses[index];
	*name = name_of(index);
	*type = (*name)[-1];
	return true;
}

unsigned long kallsyms_lookup_name(const char *name)
{
	for (unsigned int i = 0; i < count(); i++)
		if (!strcmp(name_of(i), name))
			return kallsyms_addresses[i];
	return 0;
}

unsigned int kallsyms_count_name(const char *name)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < count(); i++)
		n += !strcmp(name_of(i), name);
	return n;
}

/* The last symbol at or before @addr, the first of several at one address; -1 if @addr is not in the kernel. */
static int find(unsigned long addr, unsigned long *size)
{
	unsigned int low = 0, high = count(), next;
	unsigned long end;

	if (!high || addr < (unsigned long)_text || addr >= (unsigned long)_end || addr < kallsyms_addresses[0])
		return -1;
	while (high - low > 1) {
		unsigned int middle = low + (high - low) / 2;

		if (kallsyms_addresses[middle] <= addr)
			low = middle;
		else
			high = middle;
	}
	while (low && kallsyms_addresses[low - 1] == kallsyms_addresses[low])
		low--;
	for (next = low + 1; next < count() && kallsyms_addresses[next] == kallsyms_addresses[low]; next++)
		;
	end = next < count() ? kallsyms_addresses[next] : (unsigned long)_end;
	if (addr < (unsigned long)_etext && end > (unsigned long)_etext)
		end = (unsigned long)_etext;
	*size = end - kallsyms_addresses[low];
	return low;
}

const char *kallsyms_lookup(unsigned long addr, unsigned long *size, unsigned long *offset, char **modname, char *namebuf)
{
	unsigned long symsize, off;
	const char *name;
	int i = find(addr, &symsize);

	if (i >= 0) {
		name = name_of(i);
		off = addr - kallsyms_addresses[i];
	} else {
		name = exec_lookup(addr, &symsize, &off);
		if (!name)
			return NULL;
	}
	if (size)
		*size = symsize;
	if (offset)
		*offset = off;
	if (modname)
		*modname = NULL;
	if (!namebuf)
		return name;
	strscpy(namebuf, name, 200);
	return namebuf;
}

int kallsyms_lookup_size_offset(unsigned long addr, unsigned long *size, unsigned long *offset)
{
	return kallsyms_lookup(addr, size, offset, NULL, NULL) != NULL;
}

int lookup_symbol_name(unsigned long addr, char *symname)
{
	return kallsyms_lookup(addr, NULL, NULL, NULL, symname) ? 0 : -ERANGE;
}

int sprint_symbol(char *buffer, unsigned long addr)
{
	return sprintf(buffer, "%pS", (void *)addr);
}

int sprint_symbol_no_offset(char *buffer, unsigned long addr)
{
	return sprintf(buffer, "%ps", (void *)addr);
}

int kallsyms_on_each_symbol(int (*fn)(void *data, const char *name, unsigned long addr), void *data)
{
	int ret = 0;

	for (unsigned int i = 0; i < count() && !ret; i++)
		ret = fn(data, name_of(i), kallsyms_addresses[i]);
	return ret;
}

extern char __init_text_start[], __init_text_end[];

static bool is_kernel_inittext(unsigned long addr)
{
	return addr >= (unsigned long)__init_text_start && addr < (unsigned long)__init_text_end;
}

notrace bool core_kernel_text(unsigned long addr)
{
	if (is_kernel_inittext(addr))
		return system_state < SYSTEM_RUNNING;
	return addr >= (unsigned long)_stext && addr < (unsigned long)_etext;
}

/* For stack traces: start_kernel() stays at the bottom of the idle task's stack. */
bool __kernel_text_address(unsigned long addr)
{
	return kernel_text_address(addr) || is_kernel_inittext(addr);
}

bool kernel_text_address(unsigned long addr)
{
	return core_kernel_text(addr) || is_exec_address(addr);
}
