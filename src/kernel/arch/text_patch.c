// SPDX-License-Identifier: MIT
/* Changes code through the direct map, where its pages are writable. */
#include <kernel/kallsyms.h>
#include <kernel/irqflags.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/mm.h>
#include <kernel/string.h>
#include <kernel/text-patching.h>
#include <kernel/vmalloc.h>
#include "pgtable.h"

static void *writable_alias(unsigned long addr)
{
	pte_t *pte = lookup_kernel_pte(addr);

	BUG_ON(!pte || !(*pte & _PAGE_PRESENT));
	return __va(*pte & PTE_PFN_MASK) + offset_in_page(addr);
}

void *text_poke(void *addr, const void *opcode, size_t len)
{
	unsigned long at = (unsigned long)addr;

	BUG_ON(!core_kernel_text(at) && !is_exec_address(at));
	while (len) {
		size_t n = min(len, PAGE_SIZE - offset_in_page(at));

		memcpy(writable_alias(at), opcode, n);
		at += n;
		opcode += n;
		len -= n;
	}
	return addr;
}

/* A serialising instruction: cpuid. */
void text_poke_sync(void)
{
	unsigned int a = 1, b, c = 0, d;

	__asm__ __volatile__("cpuid" : "+a" (a), "=b" (b), "+c" (c), "=d" (d) : : "memory");
}

void text_poke_bp(void *addr, const void *opcode, size_t len, const void *emulate)
{
	unsigned long flags;

	local_irq_save(flags);
	text_poke(addr, opcode, len);
	local_irq_restore(flags);
	text_poke_sync();
}
