// SPDX-License-Identifier: MIT
/*
 * Uprobes: which there are, and their breakpoints in the pages of processes. A page that gets a breakpoint becomes the
 * process's own copy; the file and other processes do not see it.
 */
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/msr.h>
#include <kernel/mutex.h>
#include <kernel/rcupdate_trace.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include "../arch/pgtable.h"
#include "../mm/internal.h"
#include "uprobes.h"

#ifndef ENOTSUPP
#define ENOTSUPP	524
#endif

static LIST_HEAD(uprobes);
static DEFINE_MUTEX(uprobe_mutex);

struct uprobe *uprobe_get(struct uprobe *uprobe)
{
	uprobe->refs++;
	return uprobe;
}

void uprobe_put(struct uprobe *uprobe)
{
	if (--uprobe->refs)
		return;
	fput(uprobe->file);
	kfree(uprobe);
}

/* ---- one breakpoint ---- */

/* Code of a file that the process cannot write to. With @is_register the area must not be writable either. */
static bool valid_vma(const struct vm_area_struct *vma, bool is_register)
{
	unsigned long flags = VM_MAYEXEC | VM_MAYSHARE | (is_register ? VM_WRITE : 0);

	return vma->vm_file && (vma->vm_flags & flags) == VM_MAYEXEC;
}

static unsigned long address_in(const struct vm_area_struct *vma, loff_t offset)
{
	unsigned long first = vma->vm_pgoff << PAGE_SHIFT;

	if (offset < first || offset - first >= vma->vm_end - vma->vm_start)
		return 0;
	return vma->vm_start + (offset - first);
}

/* The present entry of @vaddr, after reading the page in if need be. NULL: there is none to be had. */
static pte_t *present_pte(struct mm_struct *mm, unsigned long vaddr)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		pte_t *pte = lookup_pte(mm->pgd, vaddr & PAGE_MASK, 0);
		int code;

		if (pte && (*pte & _PAGE_PRESENT))
			return *pte & _PAGE_SPECIAL ? NULL : pte;
		if (handle_mm_fault(mm, vaddr, 0, false, &code))
			return NULL;
	}
	return NULL;
}

static u8 *byte_at(pte_t pte, unsigned long vaddr)
{
	return (u8 *)__va(pte & PTE_PFN_MASK) + offset_in_page(vaddr);
}

/* Writes a byte of code, into a private copy of the page. @expected: what must stand there now. */
static int write_byte(struct mm_struct *mm, unsigned long vaddr, u8 expected, u8 byte)
{
	pte_t *pte = present_pte(mm, vaddr);
	struct page *page, *copy;

	if (!pte)
		return -EFAULT;
	if (*byte_at(*pte, vaddr) == byte)
		return 0;
	if (*byte_at(*pte, vaddr) != expected)
		return -EINVAL;
	page = pfn_to_page((*pte & PTE_PFN_MASK) >> PAGE_SHIFT);
	if (page->_refcount != 1 || page->mapping) {
		copy = alloc_page(GFP_HIGHUSER_MOVABLE);
		if (!copy)
			return -ENOMEM;
		memcpy(page_address(copy), page_address(page), PAGE_SIZE);
		*pte = page_to_phys(copy) | (*pte & ~PTE_PFN_MASK);
		put_page(page);
		if (current->mm == mm)
			invlpg(vaddr & PAGE_MASK);
	}
	*byte_at(*pte, vaddr) = byte;
	return 0;
}

/* Reads the instruction from the file and classifies it, once. */
static int prepare(struct uprobe *uprobe)
{
	loff_t pos = uprobe->offset;
	int ret;

	if (uprobe->prepared)
		return 0;
	memset(uprobe->arch.insn, 0, sizeof(uprobe->arch.insn));
	for (unsigned int done = 0; done < sizeof(uprobe->arch.insn);) {
		size_t n = min_t(size_t, sizeof(uprobe->arch.insn) - done, PAGE_SIZE - offset_in_page(pos));
		struct page *page;

		/* Beyond the end of the file there is nothing, but a page that the end is in is zero behind it. */
		if (pos >= i_size_read(uprobe->inode))
			break;
		page = read_mapping_page(uprobe->inode->i_mapping, pos >> PAGE_SHIFT, uprobe->file);
		if (IS_ERR_OR_NULL(page))
			return page ? PTR_ERR(page) : -EIO;
		memcpy(uprobe->arch.insn + done, page_address(page) + offset_in_page(pos), n);
		put_page(page);
		done += n;
		pos += n;
	}
	if (uprobe->arch.insn[0] == UPROBE_INSN)
		return -ENOTSUPP;
	ret = arch_uprobe_analyze_insn(&uprobe->arch);
	uprobe->prepared = !ret;
	return ret;
}

/* Raises or lowers the counter that tells the program that somebody listens. */
static void update_ref_ctr(struct uprobe *uprobe, struct mm_struct *mm, int by)
{
	struct vm_area_struct *vma;

	if (!uprobe->ref_ctr_offset)
		return;
	list_for_each_entry(vma, &mm->mmap, vm_list) {
		unsigned long vaddr;
		struct page *page;

		if (!vma->vm_file || file_inode(vma->vm_file) != uprobe->inode ||
		    (vma->vm_flags & (VM_WRITE | VM_SHARED)) != VM_WRITE)
			continue;
		vaddr = address_in(vma, uprobe->ref_ctr_offset);
		page = vaddr ? get_user_page(mm, vaddr, true) : NULL;
		if (!page)
			continue;
		*(s16 *)(page_address(page) + offset_in_page(vaddr)) += by;
		put_page(page);
		return;
	}
}

static bool wanted(struct uprobe *uprobe, struct mm_struct *mm)
{
	struct uprobe_consumer *consumer;

	list_for_each_entry(consumer, &uprobe->consumers, list)
		if (!consumer->filter || consumer->filter(consumer, mm))
			return true;
	return false;
}

static int install_breakpoint(struct uprobe *uprobe, struct mm_struct *mm, unsigned long vaddr)
{
	pte_t *pte;
	int ret = prepare(uprobe);

	if (ret)
		return ret;
	pte = present_pte(mm, vaddr);
	if (pte && *byte_at(*pte, vaddr) == UPROBE_INSN)
		return 0;
	ret = write_byte(mm, vaddr, uprobe->arch.insn[0], UPROBE_INSN);
	if (!ret)
		update_ref_ctr(uprobe, mm, 1);
	return ret;
}

static void remove_breakpoint(struct uprobe *uprobe, struct mm_struct *mm, unsigned long vaddr)
{
	pte_t *pte = lookup_pte(mm->pgd, vaddr & PAGE_MASK, 0);

	if (!uprobe->prepared || !pte || !(*pte & _PAGE_PRESENT) || *byte_at(*pte, vaddr) != UPROBE_INSN)
		return;
	if (!write_byte(mm, vaddr, UPROBE_INSN, uprobe->arch.insn[0]))
		update_ref_ctr(uprobe, mm, -1);
}

/* ---- one probe in all address spaces ---- */

/* Where @uprobe's instruction is mapped in @mm, the @nth time; 0: no more. */
static unsigned long nth_mapping(struct uprobe *uprobe, struct mm_struct *mm, unsigned int nth, bool is_register)
{
	struct vm_area_struct *vma;

	list_for_each_entry(vma, &mm->mmap, vm_list) {
		unsigned long vaddr;

		if (!valid_vma(vma, is_register) || file_inode(vma->vm_file) != uprobe->inode)
			continue;
		vaddr = address_in(vma, uprobe->offset);
		if (vaddr && !nth--)
			return vaddr;
	}
	return 0;
}

static int apply_to_mm(struct uprobe *uprobe, struct mm_struct *mm, bool is_register)
{
	bool on = is_register && wanted(uprobe, mm);
	unsigned long vaddr;
	int ret = 0, err;

	for (unsigned int nth = 0; (vaddr = nth_mapping(uprobe, mm, nth, is_register)); nth++) {
		if (on) {
			err = install_breakpoint(uprobe, mm, vaddr);
			ret = ret ? ret : err;
		} else if (!wanted(uprobe, mm)) {
			remove_breakpoint(uprobe, mm, vaddr);
		}
	}
	return ret;
}

void uprobe_unapply(struct uprobe *uprobe, struct mm_struct *mm)
{
	unsigned long vaddr;

	for (unsigned int nth = 0; (vaddr = nth_mapping(uprobe, mm, nth, false)); nth++)
		remove_breakpoint(uprobe, mm, vaddr);
}

/* Breakpoints may sleep, and tasks come and go meanwhile: the address spaces are collected first. */
static int for_each_mm(struct uprobe *uprobe, bool is_register)
{
	unsigned int count = 0, room = 0;
	struct mm_struct **mms;
	struct task_struct *task;
	int ret = 0, err;

	list_for_each_entry(task, &task_list, tasks)
		room++;
	mms = kcalloc(room, sizeof(*mms), GFP_KERNEL);
	if (!mms)
		return -ENOMEM;
	list_for_each_entry(task, &task_list, tasks) {
		if (!task->mm || count == room || (count && mms[count - 1] == task->mm))
			continue;
		mmget(task->mm);
		mms[count++] = task->mm;
	}
	for (unsigned int i = 0; i < count; i++) {
		err = apply_to_mm(uprobe, mms[i], is_register);
		ret = ret ? ret : err;
		mmput(mms[i]);
	}
	kfree(mms);
	return ret;
}

static struct uprobe *find_uprobe(struct inode *inode, loff_t offset)
{
	struct uprobe *uprobe;

	list_for_each_entry(uprobe, &uprobes, list)
		if (uprobe->inode == inode && uprobe->offset == offset)
			return uprobe;
	return NULL;
}

static void remove_consumer(struct uprobe_consumer *consumer)
{
	struct uprobe *uprobe = consumer->uprobe;

	/* Who is at it, asleep in its program, still has to find the next. */
	__list_del(consumer->list.prev, consumer->list.next);
	consumer->uprobe = NULL;
	for_each_mm(uprobe, false);
	if (list_empty(&uprobe->consumers))
		list_del_init(&uprobe->list);
	uprobe_put(uprobe);
}

int uprobe_register(struct file *file, loff_t offset, loff_t ref_ctr_offset, struct uprobe_consumer *consumer)
{
	struct inode *inode = file_inode(file);
	struct uprobe *uprobe;
	int ret;

	if (!inode->i_mapping || !inode->i_mapping->a_ops)
		return -EIO;
	if (offset > i_size_read(inode))
		return -EINVAL;
	mutex_lock(&uprobe_mutex);
	uprobe = find_uprobe(inode, offset);
	ret = -EINVAL;
	if (uprobe && uprobe->ref_ctr_offset != ref_ctr_offset)
		goto out;
	ret = -ENOMEM;
	if (!uprobe) {
		uprobe = kzalloc(sizeof(*uprobe), GFP_KERNEL);
		if (!uprobe)
			goto out;
		uprobe->file = get_file(file);
		uprobe->inode = inode;
		uprobe->offset = offset;
		uprobe->ref_ctr_offset = ref_ctr_offset;
		INIT_LIST_HEAD(&uprobe->consumers);
		list_add_tail(&uprobe->list, &uprobes);
	}
	uprobe_get(uprobe);
	consumer->uprobe = uprobe;
	/* The newest first, as Linux runs them. */
	list_add(&consumer->list, &uprobe->consumers);
	ret = for_each_mm(uprobe, true);
	if (ret)
		remove_consumer(consumer);
out:
	mutex_unlock(&uprobe_mutex);
	return ret;
}

void uprobe_unregister(struct uprobe_consumer *consumer)
{
	mutex_lock(&uprobe_mutex);
	if (consumer->uprobe)
		remove_consumer(consumer);
	mutex_unlock(&uprobe_mutex);
	synchronize_rcu_tasks_trace();
}

int uprobe_apply(struct uprobe_consumer *consumer)
{
	int ret = 0;

	mutex_lock(&uprobe_mutex);
	if (consumer->uprobe)
		ret = for_each_mm(consumer->uprobe, true);
	mutex_unlock(&uprobe_mutex);
	return ret;
}

/* ---- address spaces ---- */

void uprobe_mmap(struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->vm_mm;
	struct inode *inode;
	struct uprobe *uprobe;

	if (list_empty(&uprobes) || !valid_vma(vma, true))
		return;
	inode = file_inode(vma->vm_file);
	mutex_lock(&uprobe_mutex);
	list_for_each_entry(uprobe, &uprobes, list)
		if (uprobe->inode == inode)
			apply_to_mm(uprobe, mm, true);
	mutex_unlock(&uprobe_mutex);
}

struct uprobe *uprobe_find_active(unsigned long vaddr, bool *is_breakpoint)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma = find_vma(mm, vaddr);
	struct uprobe *uprobe = NULL;
	pte_t *pte;

	*is_breakpoint = false;
	if (!vma || vaddr < vma->vm_start)
		return NULL;
	if (valid_vma(vma, false))
		uprobe = find_uprobe(file_inode(vma->vm_file), vaddr - vma->vm_start + (vma->vm_pgoff << PAGE_SHIFT));
	if (uprobe && uprobe->prepared)
		return uprobe_get(uprobe);
	/* Gone already, or the program's own. */
	pte = present_pte(mm, vaddr);
	*is_breakpoint = pte && *byte_at(*pte, vaddr) == UPROBE_INSN;
	return NULL;
}
