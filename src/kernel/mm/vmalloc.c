// SPDX-License-Identifier: MIT
/* Ranges of kernel addresses: vmalloc, device registers, executable memory. First fit, one guard page behind each. */
#include <kernel/err.h>
#include <kernel/io.h>
#include <kernel/kallsyms.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/slab.h>
#include <kernel/vmalloc.h>
#include "../arch/pgtable.h"

struct vm_struct {
	struct list_head list;
	unsigned long start, size;	/* mapped; the guard page follows */
	bool io;
};

struct exec_symbol {
	struct list_head list;
	unsigned long start, size;
	char name[128];
};

struct address_area {
	unsigned long start, end;
	struct list_head used;
};

static struct address_area vmalloc_area = { VMALLOC_START, VMALLOC_END, LIST_HEAD_INIT(vmalloc_area.used) };
static struct address_area exec_area = { MODULES_VADDR, MODULES_END, LIST_HEAD_INIT(exec_area.used) };
static LIST_HEAD(exec_symbols);

static struct vm_struct *get_area(struct address_area *area, unsigned long size)
{
	struct vm_struct *vm = kmalloc(sizeof(*vm), GFP_KERNEL), *other;
	unsigned long at = area->start;

	if (!vm)
		return NULL;
	list_for_each_entry(other, &area->used, list) {
		if (other->start - at >= size + PAGE_SIZE)
			break;
		at = other->start + other->size + PAGE_SIZE;
	}
	if (at + size > area->end) {
		kfree(vm);
		return NULL;
	}
	*vm = (struct vm_struct){ .start = at, .size = size };
	list_add_tail(&vm->list, &other->list);
	return vm;
}

static struct vm_struct *find_area(struct address_area *area, const void *addr)
{
	struct vm_struct *vm;

	list_for_each_entry(vm, &area->used, list)
		if (vm->start == (unsigned long)addr)
			return vm;
	return NULL;
}

static void release_area(struct vm_struct *vm)
{
	for (unsigned long at = vm->start; at < vm->start + vm->size; at += PAGE_SIZE) {
		pte_t old = unmap_kernel_page(at);

		if (old && !vm->io)
			__free_page(pfn_to_page((old & PTE_PFN_MASK) >> PAGE_SHIFT));
	}
	list_del(&vm->list);
	kfree(vm);
}

static void *map_new_pages(struct address_area *area, unsigned long size, gfp_t gfp, unsigned long prot, int fill)
{
	struct vm_struct *vm;

	/* What there is not enough memory for is not even begun. */
	if (!size || size >> PAGE_SHIFT > totalram_pages)
		return NULL;
	vm = get_area(area, PAGE_ALIGN(size));
	if (!vm)
		return NULL;
	for (unsigned long at = vm->start; at < vm->start + vm->size; at += PAGE_SIZE) {
		struct page *page = alloc_page(gfp & ~__GFP_ZERO);

		if (page && map_kernel_page(at, page_to_phys(page), prot)) {
			__free_page(page);
			page = NULL;
		}
		if (!page) {
			release_area(vm);
			return NULL;
		}
		if (fill >= 0)
			memset(page_address(page), fill, PAGE_SIZE);
	}
	return (void *)vm->start;
}

void *__vmalloc(unsigned long size, gfp_t gfp)
{
	return map_new_pages(&vmalloc_area, size, gfp, __PAGE_KERNEL, gfp & __GFP_ZERO ? 0 : -1);
}

void *vmalloc(unsigned long size)
{
	return __vmalloc(size, GFP_KERNEL);
}

void *vzalloc(unsigned long size)
{
	return __vmalloc(size, GFP_KERNEL | __GFP_ZERO);
}

void *vmalloc_user(unsigned long size)
{
	return vzalloc(size);
}

void vfree(const void *addr)
{
	struct vm_struct *vm;

	if (!addr)
		return;
	vm = find_area(&vmalloc_area, addr);
	if (WARN(!vm || vm->io, "Trying to vfree() nonexistent vm area (%px)\n", addr))
		return;
	release_area(vm);
}

void *vmap(struct page **pages, unsigned int count, unsigned long flags, unsigned long prot)
{
	struct vm_struct *vm = count ? get_area(&vmalloc_area, (unsigned long)count << PAGE_SHIFT) : NULL;

	if (!vm)
		return NULL;
	for (unsigned int i = 0; i < count; i++) {
		if (map_kernel_page(vm->start + ((unsigned long)i << PAGE_SHIFT), page_to_phys(pages[i]), prot)) {
			release_area(vm);
			return NULL;
		}
		/* The mapping's own reference, which unmapping drops. */
		get_page(pages[i]);
	}
	return (void *)vm->start;
}

void vunmap(const void *addr)
{
	vfree(addr);
}

bool is_vmalloc_addr(const void *ptr)
{
	return (unsigned long)ptr >= VMALLOC_START && (unsigned long)ptr < VMALLOC_END;
}

struct page *vmalloc_to_page(const void *addr)
{
	pte_t *pte = lookup_kernel_pte((unsigned long)addr);

	return pte && *pte ? pfn_to_page((*pte & PTE_PFN_MASK) >> PAGE_SHIFT) : NULL;
}

void __iomem *ioremap(phys_addr_t phys, size_t size)
{
	unsigned long offset = offset_in_page(phys), at;
	struct vm_struct *vm = get_area(&vmalloc_area, PAGE_ALIGN(size + offset));

	if (!vm)
		return NULL;
	vm->io = true;
	phys -= offset;
	for (at = vm->start; at < vm->start + vm->size; at += PAGE_SIZE, phys += PAGE_SIZE)
		if (map_kernel_page(at, phys, __PAGE_KERNEL_NOCACHE)) {
			release_area(vm);
			return NULL;
		}
	return (void __iomem *)(vm->start + offset);
}

void iounmap(void __iomem *addr)
{
	struct vm_struct *vm = find_area(&vmalloc_area, (void *)((unsigned long)addr & PAGE_MASK));

	if (!WARN_ON(!vm || !vm->io))
		release_area(vm);
}

/* ---- code ---- */

void *exec_alloc(size_t size)
{
	return map_new_pages(&exec_area, size, GFP_KERNEL, __PAGE_KERNEL_ROX, 0xcc);
}

/* Forgets the names of what lies in a range. */
static void unname_range(unsigned long start, unsigned long size)
{
	struct exec_symbol *symbol, *next;

	list_for_each_entry_safe(symbol, next, &exec_symbols, list)
		if (symbol->start - start < size) {
			list_del(&symbol->list);
			kfree(symbol);
		}
}

void exec_free(void *addr)
{
	struct vm_struct *vm;

	if (!addr)
		return;
	vm = find_area(&exec_area, addr);
	if (WARN_ON(!vm))
		return;
	unname_range((unsigned long)addr, vm->size);
	release_area(vm);
}

bool is_exec_address(unsigned long addr)
{
	pte_t *pte;

	if (addr < MODULES_VADDR || addr >= MODULES_END)
		return false;
	pte = lookup_kernel_pte(addr);
	return pte && (*pte & _PAGE_PRESENT);
}

int exec_name(void *addr, size_t size, const char *name)
{
	struct exec_symbol *symbol = kmalloc(sizeof(*symbol), GFP_KERNEL);

	if (!symbol)
		return -ENOMEM;
	symbol->start = (unsigned long)addr;
	symbol->size = size;
	strscpy(symbol->name, name, sizeof(symbol->name));
	list_add_tail(&symbol->list, &exec_symbols);
	return 0;
}

void exec_unname(void *addr)
{
	struct exec_symbol *symbol, *next;

	list_for_each_entry_safe(symbol, next, &exec_symbols, list)
		if (symbol->start == (unsigned long)addr) {
			list_del(&symbol->list);
			kfree(symbol);
		}
}

const char *exec_symbol_get(unsigned long pos, unsigned long *address)
{
	struct exec_symbol *symbol;

	list_for_each_entry(symbol, &exec_symbols, list)
		if (!pos--) {
			*address = symbol->start;
			return symbol->name;
		}
	return NULL;
}

/* For symbol look-ups behind the kernel's own table. */
const char *exec_lookup(unsigned long addr, unsigned long *size, unsigned long *offset)
{
	struct exec_symbol *symbol;

	if (addr < MODULES_VADDR || addr >= MODULES_END)
		return NULL;
	list_for_each_entry(symbol, &exec_symbols, list)
		if (addr - symbol->start < symbol->size) {
			*size = symbol->size;
			*offset = addr - symbol->start;
			return symbol->name;
		}
	return NULL;
}
