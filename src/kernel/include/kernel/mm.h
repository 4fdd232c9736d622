/* SPDX-License-Identifier: MIT */
/*
 * Memory: pages, the direct map, and the address spaces of processes. (Documentation/x86/x86_64/mm.rst has the map.)
 */
#ifndef _KERNEL_MM_H
#define _KERNEL_MM_H

#define PAGE_SHIFT		12
#define PAGE_OFFSET		0xffff888000000000
#define __START_KERNEL_map	0xffffffff80000000
#define MODULES_VADDR		0xffffffffa0000000
#define MODULES_END		0xffffffffb0000000
#define VMALLOC_START		0xffffc90000000000
#define VMALLOC_END		0xffffe8ffffffffff
#define THREAD_SIZE		16384
#ifndef __ASSEMBLER__

#include <linux/mman.h>
#include <kernel/types.h>
#include <kernel/list.h>
#include <kernel/rbtree.h>
#include <kernel/gfp.h>
#include <kernel/kernel.h>
#include <kernel/page-flags.h>

#define PAGE_SIZE		(1UL << PAGE_SHIFT)
#define PAGE_MASK		(~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x)		ALIGN((unsigned long)(x), PAGE_SIZE)
#define PAGE_ALIGNED(x)		IS_ALIGNED((unsigned long)(x), PAGE_SIZE)
#define offset_in_page(p)	((unsigned long)(p) & ~PAGE_MASK)
#define PFN_UP(x)		(((x) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define PFN_DOWN(x)		((x) >> PAGE_SHIFT)
/* The end of what user space may map: one page less than the canonical half. */
#define TASK_SIZE		0x00007ffffffff000UL
#define TASK_SIZE_MAX		TASK_SIZE

extern struct page *mem_map;
extern unsigned long max_pfn;
extern unsigned long totalram_pages, nr_free_pages_count;

#define __va(p)			((void *)((unsigned long)(p) + PAGE_OFFSET))
/* Of an address in the direct map or in the kernel image. */
static inline unsigned long __pa(const volatile void *v)
{
	unsigned long a = (unsigned long)v;

	return a >= __START_KERNEL_map ? a - __START_KERNEL_map : a - PAGE_OFFSET;
}
#define __pa_symbol(x)		__pa(x)
#define virt_to_phys(v)		__pa(v)
#define phys_to_virt(p)		__va(p)
#define pfn_to_page(pfn)	(mem_map + (pfn))
#define page_to_pfn(page)	((unsigned long)((page) - mem_map))
#define page_to_phys(page)	(page_to_pfn(page) << PAGE_SHIFT)
#define virt_to_page(v)		pfn_to_page(__pa((const void *)(v)) >> PAGE_SHIFT)
#define page_address(page)	__va(page_to_phys(page))
#define page_to_virt		page_address
static inline bool virt_addr_valid(const void *v)
{
	unsigned long a = (unsigned long)v;

	return a >= PAGE_OFFSET && a < PAGE_OFFSET + (max_pfn << PAGE_SHIFT);
}
#define kmap(page)		page_address(page)
#define kunmap(page)		((void)(page))
#define kmap_local_page(page)	page_address(page)
#define kunmap_local(addr)	((void)(addr))
#define clear_page(addr)	memset(addr, 0, PAGE_SIZE)

static inline int page_ref_count(const struct page *page) { return page->_refcount; }
static inline int page_count(const struct page *page) { return page->_refcount; }
static inline void get_page(struct page *page) { page->_refcount++; }
void put_page(struct page *page);
static inline unsigned int get_order(unsigned long size)
{
	size = (size - 1) >> PAGE_SHIFT;
	return size ? 64 - __builtin_clzl(size) : 0;
}

/* ---- address spaces of processes ---- */

#define VM_READ			0x1UL
#define VM_WRITE		0x2UL
#define VM_EXEC			0x4UL
#define VM_SHARED		0x8UL
#define VM_MAYREAD		0x10UL
#define VM_MAYWRITE		0x20UL
#define VM_MAYEXEC		0x40UL
#define VM_MAYSHARE		0x80UL
#define VM_GROWSDOWN		0x100UL
#define VM_PFNMAP		0x400UL
#define VM_LOCKED		0x2000UL
#define VM_IO			0x4000UL
#define VM_DONTCOPY		0x20000UL
#define VM_DONTEXPAND		0x40000UL
#define VM_NORESERVE		0x200000UL
#define VM_WIPEONFORK		0x2000000UL
#define VM_DONTDUMP		0x4000000UL

struct address_space;
struct file;
struct mm_struct;
struct vm_area_struct;
struct task_struct;
struct xol_area;

struct vm_fault {
	struct vm_area_struct *vma;
	unsigned int flags;		/* FAULT_FLAG_ */
	pgoff_t pgoff;
	unsigned long address;
	struct page *page;		/* result of ->fault, with a reference */
};

#define FAULT_FLAG_WRITE	0x01
#define FAULT_FLAG_USER		0x40

typedef unsigned int vm_fault_t;
#define VM_FAULT_OOM		0x0001
#define VM_FAULT_SIGBUS		0x0002
#define VM_FAULT_SIGSEGV	0x0040
#define VM_FAULT_NOPAGE		0x0100	/* ->fault put the entry in itself */

struct vm_operations_struct {
	void (*open)(struct vm_area_struct *vma);
	void (*close)(struct vm_area_struct *vma);
	vm_fault_t (*fault)(struct vm_fault *vmf);
	/* A shared page is about to be written for the first time: VM_FAULT_SIGBUS forbids it. NULL: never. */
	vm_fault_t (*page_mkwrite)(struct vm_fault *vmf);
	const char *(*name)(struct vm_area_struct *vma);
};

struct vm_area_struct {
	unsigned long vm_start;		/* first address */
	unsigned long vm_end;		/* first address behind */
	struct mm_struct *vm_mm;
	unsigned long vm_flags;
	struct list_head vm_list;	/* in mm->mmap, by address */
	const struct vm_operations_struct *vm_ops;
	unsigned long vm_pgoff;		/* of vm_start in the file */
	struct file *vm_file;
	void *vm_private_data;
};

struct mm_struct {
	struct list_head mmap;
	unsigned long *pgd;		/* in the direct map */
	int mm_users;
	int map_count;
	unsigned long start_code, end_code, start_data, end_data;
	unsigned long start_brk, brk, start_stack;
	unsigned long arg_start, arg_end, env_start, env_end;
	unsigned long mmap_base;
	unsigned long total_vm;		/* pages */
	unsigned long rss;		/* pages */
	unsigned long hiwater_rss;
	struct file *exe_file;
	struct xol_area *xol_area;	/* where instructions of uprobes are stepped */
	bool undumpable, thp_disabled;	/* prctl(2) */
	unsigned long saved_auxv[46];
};

extern struct mm_struct init_mm;

struct mm_struct *mm_alloc(void);
void mmget(struct mm_struct *mm);
/* The program that @mm executes; as long as it does, nobody may write the file. */
void set_mm_exe_file(struct mm_struct *mm, struct file *file);
void mmput(struct mm_struct *mm);
struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long addr);	/* first with vm_end > addr */
unsigned long do_mmap(struct file *file, unsigned long addr, unsigned long len, unsigned long prot,
		      unsigned long flags, unsigned long pgoff);
/* Takes a truncated file's pages from @start on out of all address spaces, private copies too. */
void unmap_mapping_range(struct address_space *mapping, loff_t start);
/* A file in memory without a name, shown as @name; its pages come from tmpfs. ERR_PTR on failure. */
struct file *shmem_file_setup(const char *name, loff_t size);
int do_munmap(struct mm_struct *mm, unsigned long start, size_t len);
/* The page behind a user address of @mm, faulted in, with a reference; NULL if there is none. */
struct page *get_user_page(struct mm_struct *mm, unsigned long addr, bool write);
/* Copies from or to another process's memory (also /proc/PID/mem, cmdline). Bytes copied. */
int access_process_vm(struct task_struct *task, unsigned long addr, void *buf, int len, bool write);

/* Memory that a driver maps: uncached device registers. */
void __iomem *ioremap(phys_addr_t phys, size_t size);
void iounmap(void __iomem *addr);

struct sysinfo;
void si_meminfo(struct sysinfo *info);

bool is_vmalloc_addr(const void *ptr);
#endif /* __ASSEMBLER__ */
#endif
