// SPDX-License-Identifier: MIT
/* The page tables of processes: faults, copying on write, duplication, removal. */
#include <kernel/err.h>
#include <kernel/error-injection.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/msr.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include "../arch/pgtable.h"
#include "internal.h"
#include "walk.h"

static unsigned long user_prot(unsigned long vm_flags, bool writable)
{
	unsigned long prot = _PAGE_USER | _PAGE_ACCESSED;

	/* Without any access the entry stays but does not count as present. */
	prot |= vm_flags & (VM_READ | VM_WRITE | VM_EXEC) ? _PAGE_PRESENT : _PAGE_PROTNONE;
	if (writable && (vm_flags & VM_WRITE))
		prot |= _PAGE_RW | _PAGE_DIRTY;
	if (!(vm_flags & VM_EXEC))
		prot |= _PAGE_NX;
	return prot;
}

void flush_tlb(void)
{
	write_cr3(read_cr3());
}

static void flush_page(struct mm_struct *mm, unsigned long addr)
{
	if (current->mm == mm)
		invlpg(addr);
}

static struct page *pte_page(pte_t pte)
{
	return pte & _PAGE_SPECIAL ? NULL : pfn_to_page((pte & PTE_PFN_MASK) >> PAGE_SHIFT);
}

/* ---- walking ---- */

static void walk_level(pte_t *table, int shift, unsigned long addr, unsigned long end, pte_visitor visit, void *data)
{
	while (addr < end) {
		pte_t *entry = &table[addr >> shift & 511];
		unsigned long next = min((addr >> shift) + 1, ~0UL >> shift) << shift;

		next = min(next, end);
		if (*entry) {
			if (shift == PAGE_SHIFT)
				visit(entry, addr, data);
			else
				walk_level(__va(*entry & PTE_PFN_MASK), shift - 9, addr, next, visit, data);
		}
		addr = next;
	}
}

void walk_ptes(struct mm_struct *mm, unsigned long start, unsigned long end, pte_visitor visit, void *data)
{
	walk_level(mm->pgd, 39, start, end, visit, data);
}

static void zap_pte(pte_t *pte, unsigned long addr, void *data)
{
	struct mm_struct *mm = data;
	struct page *page = pte_page(*pte);

	*pte = 0;
	flush_page(mm, addr);
	if (page) {
		put_page(page);
		mm->rss--;
	}
}

void unmap_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	walk_ptes(mm, start, end, zap_pte, mm);
}

void unmap_mapping_range(struct address_space *mapping, loff_t start)
{
	pgoff_t first = (start + PAGE_SIZE - 1) >> PAGE_SHIFT;
	struct vm_area_struct *vma;
	struct task_struct *task;

	list_for_each_entry(task, &task_list, tasks) {
		if (!task->mm)
			continue;
		list_for_each_entry(vma, &task->mm->mmap, vm_list) {
			pgoff_t skip = first > vma->vm_pgoff ? first - vma->vm_pgoff : 0;

			if (vma->vm_file && vma->vm_file->f_mapping == mapping &&
			    skip < (vma->vm_end - vma->vm_start) >> PAGE_SHIFT)
				unmap_range(task->mm, vma->vm_start + (skip << PAGE_SHIFT), vma->vm_end);
		}
	}
}

static void protect_pte(pte_t *pte, unsigned long addr, void *data)
{
	struct vm_area_struct *vma = data;
	struct page *page = pte_page(*pte);
	/* Private pages become writable by faulting, which copies them if need be. */
	bool writable = (vma->vm_flags & VM_SHARED) || (page && page->_refcount == 1 && !page->mapping && (*pte & _PAGE_RW));

	*pte = (*pte & (PTE_PFN_MASK | _PAGE_SPECIAL)) | user_prot(vma->vm_flags, writable);
	flush_page(vma->vm_mm, addr);
}

void protect_range(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	walk_ptes(vma->vm_mm, start, end, protect_pte, vma);
}

static void free_tables(pte_t *table, int shift)
{
	unsigned int entries = shift == 39 ? 256 : 512;

	for (unsigned int i = 0; shift > PAGE_SHIFT && i < entries; i++)
		if (table[i]) {
			free_tables(__va(table[i] & PTE_PFN_MASK), shift - 9);
			table[i] = 0;
		}
	free_page((unsigned long)table);
}

void free_page_tables(struct mm_struct *mm)
{
	free_tables(mm->pgd, 39);
	mm->pgd = NULL;
}

/* ---- faults ---- */

static struct page *copy_page_of(struct page *old)
{
	struct page *page = alloc_page(GFP_HIGHUSER_MOVABLE);

	if (page)
		memcpy(page_address(page), page_address(old), PAGE_SIZE);
	return page;
}

/* What the area says to a first write to a page that it shares. */
static vm_fault_t ask_to_write(struct vm_area_struct *vma, unsigned long addr)
{
	struct vm_fault vmf = { .vma = vma, .flags = FAULT_FLAG_WRITE, .address = addr,
				.pgoff = vma->vm_pgoff + ((addr - vma->vm_start) >> PAGE_SHIFT) };

	return vma->vm_ops && vma->vm_ops->page_mkwrite ? vma->vm_ops->page_mkwrite(&vmf) : 0;
}

static vm_fault_t write_protected(struct vm_area_struct *vma, unsigned long addr, pte_t *pte)
{
	struct page *page = pte_page(*pte), *copy;

	if ((vma->vm_flags & VM_SHARED) && ask_to_write(vma, addr))
		return VM_FAULT_SIGBUS;
	if (vma->vm_flags & VM_SHARED || (page && page->_refcount == 1 && !page->mapping)) {
		*pte = (*pte & (PTE_PFN_MASK | _PAGE_SPECIAL)) | user_prot(vma->vm_flags, true);
		flush_page(vma->vm_mm, addr);
		return 0;
	}
	if (!page)
		return VM_FAULT_SIGBUS;
	copy = copy_page_of(page);
	if (!copy)
		return VM_FAULT_OOM;
	*pte = page_to_phys(copy) | user_prot(vma->vm_flags, true);
	flush_page(vma->vm_mm, addr);
	put_page(page);
	return 0;
}

static vm_fault_t new_page(struct vm_area_struct *vma, unsigned long addr, unsigned int flags, pte_t *pte)
{
	bool shared = vma->vm_flags & VM_SHARED, write = flags & FAULT_FLAG_WRITE, writable = true;
	struct page *page;

	if (vma->vm_ops && vma->vm_ops->fault) {
		struct vm_fault vmf = { .vma = vma, .flags = flags, .address = addr,
					.pgoff = vma->vm_pgoff + ((addr - vma->vm_start) >> PAGE_SHIFT) };
		vm_fault_t ret = vma->vm_ops->fault(&vmf);

		if (ret)
			return ret & VM_FAULT_NOPAGE ? 0 : ret;
		page = vmf.page;
		writable = shared && !ask_to_write(vma, addr);
		if (shared && write && !writable) {
			put_page(page);
			return VM_FAULT_SIGBUS;
		}
		if (write && !shared) {
			struct page *copy = copy_page_of(page);

			put_page(page);
			if (!copy)
				return VM_FAULT_OOM;
			page = copy;
			writable = true;
		}
		/* The file system may have slept; somebody may have been here. */
		if (*pte) {
			put_page(page);
			return 0;
		}
	} else {
		page = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_ZERO);
		if (!page)
			return VM_FAULT_OOM;
	}
	*pte = page_to_phys(page) | user_prot(vma->vm_flags, writable);
	vma->vm_mm->rss++;
	vma->vm_mm->hiwater_rss = max(vma->vm_mm->hiwater_rss, vma->vm_mm->rss);
	return 0;
}

static bool grow_stack(struct vm_area_struct *vma, unsigned long addr)
{
	struct vm_area_struct *prev;

	addr &= PAGE_MASK;
	if (!(vma->vm_flags & VM_GROWSDOWN) || vma->vm_end - addr > rlimit(RLIMIT_STACK))
		return false;
	if (!list_is_first(&vma->vm_list, &vma->vm_mm->mmap)) {
		prev = list_prev_entry(vma, vm_list);
		/* Linux's guard gap: 256 pages. */
		if (addr < prev->vm_end + 256 * PAGE_SIZE)
			return false;
	}
	vma->vm_mm->total_vm += (vma->vm_start - addr) >> PAGE_SHIFT;
	vma->vm_start = addr;
	return true;
}

vm_fault_t handle_mm_fault(struct mm_struct *mm, unsigned long address, unsigned int flags, bool present, int *code)
{
	struct vm_area_struct *vma = find_vma(mm, address);
	unsigned long needed = VM_READ | VM_WRITE | VM_EXEC;
	pte_t *pte;

	*code = SEGV_MAPERR;
	if (!vma || (address < vma->vm_start && !grow_stack(vma, address)))
		return VM_FAULT_SIGSEGV;
	if (flags & FAULT_FLAG_WRITE)
		needed = VM_WRITE;
	else if (flags & FAULT_FLAG_INSTRUCTION)
		needed = VM_EXEC;
	*code = SEGV_ACCERR;
	if (!(vma->vm_flags & needed))
		return VM_FAULT_SIGSEGV;
	address &= PAGE_MASK;
	current->min_flt++;
	pte = lookup_pte(mm->pgd, address, GFP_KERNEL);
	if (!pte)
		return VM_FAULT_OOM;
	if (!*pte)
		return new_page(vma, address, flags, pte);
	if ((flags & FAULT_FLAG_WRITE) && !(*pte & _PAGE_RW))
		return write_protected(vma, address, pte);
	/* The entry allows it: the translation buffer was out of date. */
	flush_page(mm, address);
	return 0;
}

struct page *get_user_page(struct mm_struct *mm, unsigned long addr, bool write)
{
	int code;
	pte_t *pte;
	struct page *page;

	for (int attempt = 0; attempt < 2; attempt++) {
		pte = lookup_pte(mm->pgd, addr & PAGE_MASK, 0);
		if (pte && (*pte & _PAGE_PRESENT) && (!write || (*pte & _PAGE_RW))) {
			page = pte_page(*pte);
			if (page)
				get_page(page);
			return page;
		}
		if (handle_mm_fault(mm, addr, write ? FAULT_FLAG_WRITE : 0, false, &code))
			return NULL;
	}
	return NULL;
}

int access_process_vm(struct task_struct *task, unsigned long addr, void *buf, int len, bool write)
{
	int done = 0;

	while (done < len && task->mm) {
		int n = min((unsigned long)(len - done), PAGE_SIZE - offset_in_page(addr));
		struct page *page = addr < TASK_SIZE_MAX ? get_user_page(task->mm, addr, write) : NULL;

		if (!page)
			break;
		if (write)
			memcpy(page_address(page) + offset_in_page(addr), buf + done, n);
		else
			memcpy(buf + done, page_address(page) + offset_in_page(addr), n);
		put_page(page);
		done += n;
		addr += n;
	}
	return done;
}

/* ---- fork ---- */

struct copy_state {
	struct vm_area_struct *vma;	/* of the child */
	int error;
};

static void copy_pte(pte_t *pte, unsigned long addr, void *data)
{
	struct copy_state *copy = data;
	struct page *page = pte_page(*pte);
	pte_t *to;

	if (copy->error)
		return;
	to = lookup_pte(copy->vma->vm_mm->pgd, addr, GFP_KERNEL);
	if (!to) {
		copy->error = -ENOMEM;
		return;
	}
	if (!(copy->vma->vm_flags & VM_SHARED))
		*pte &= ~(_PAGE_RW | _PAGE_DIRTY);
	*to = *pte;
	if (page) {
		get_page(page);
		copy->vma->vm_mm->rss++;
	}
}

int copy_page_range(struct vm_area_struct *to, struct vm_area_struct *from)
{
	struct copy_state copy = { .vma = to };

	walk_ptes(from->vm_mm, from->vm_start, from->vm_end, copy_pte, &copy);
	return copy.error;
}
