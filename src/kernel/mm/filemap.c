// SPDX-License-Identifier: MIT
/*
 * The page cache: pages of files by index. File systems that keep their bytes elsewhere fill pages in ->readpage;
 * ramfs and tmpfs have nothing but these pages. Reading, mapping and executing go through here.
 */
#include <kernel/error-injection.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include "filemap.h"

struct cached_page {
	struct rb_node node;
	pgoff_t index;
	struct page *page;
	struct address_space *mapping;
	struct list_head clean;		/* in clean_pages, if its file system could read it again */
};

/* How many pages shrink_page_cache() gives back at most. */
#define SHRINK_PAGES	1024

static struct kmem_cache *cached_page_cache;
/* Pages that can be had again from ->readpage, the oldest first. */
static LIST_HEAD(clean_pages);
static unsigned long nr_cached;

unsigned long cached_pages(void)
{
	return nr_cached;
}

static struct cached_page *find(struct address_space *mapping, pgoff_t index)
{
	struct rb_node *node = mapping->i_pages.rb_node;

	while (node) {
		struct cached_page *c = rb_entry(node, struct cached_page, node);

		if (index == c->index)
			return c;
		node = index < c->index ? node->rb_left : node->rb_right;
	}
	return NULL;
}

struct page *find_get_page(struct address_space *mapping, pgoff_t index)
{
	struct cached_page *c = find(mapping, index);

	if (!c)
		return NULL;
	get_page(c->page);
	return c->page;
}

int __filemap_add_folio(struct address_space *mapping, struct page *page, pgoff_t index, gfp_t gfp, void **shadowp);

/*
 * Puts @page, whose reference the cache takes over, at @index. 0, -EEXIST or -ENOMEM (then the caller keeps it). Nothing is
 * remembered of a page that was here before: *@shadowp is left alone.
 */
noinline int __filemap_add_folio(struct address_space *mapping, struct page *page, pgoff_t index, gfp_t gfp,
				 void **shadowp)
{
	struct rb_node **link = &mapping->i_pages.rb_node, *parent = NULL;
	struct cached_page *c = kmem_cache_alloc(cached_page_cache, gfp), *other;

	/* Before the walk: making room for it may take pages out of this very tree. */
	if (!c)
		return -ENOMEM;
	if (mapping->a_ops->charge && mapping->a_ops->charge(mapping->host)) {
		kmem_cache_free(cached_page_cache, c);
		return -ENOSPC;
	}
	while (*link) {
		other = rb_entry(*link, struct cached_page, node);
		if (other->index == index) {
			kmem_cache_free(cached_page_cache, c);
			if (mapping->a_ops->uncharge)
				mapping->a_ops->uncharge(mapping->host);
			return -EEXIST;
		}
		parent = *link;
		link = index < other->index ? &parent->rb_left : &parent->rb_right;
	}
	c->index = index;
	c->page = page;
	c->mapping = mapping;
	INIT_LIST_HEAD(&c->clean);
	if (mapping->a_ops->readpage)
		list_add_tail(&c->clean, &clean_pages);
	rb_link_node(&c->node, parent, link);
	rb_insert_color(&c->node, &mapping->i_pages);
	mapping->nrpages++;
	nr_cached++;
	if (!mapping->a_ops->readpage)
		mapping->host->i_blocks += PAGE_SIZE / 512;
	return 0;
}
ALLOW_ERROR_INJECTION(__filemap_add_folio, ERRNO);

static void drop(struct address_space *mapping, struct cached_page *c)
{
	rb_erase(&c->node, &mapping->i_pages);
	list_del(&c->clean);
	mapping->nrpages--;
	nr_cached--;
	if (!mapping->a_ops->readpage)
		mapping->host->i_blocks -= PAGE_SIZE / 512;
	if (mapping->a_ops->uncharge)
		mapping->a_ops->uncharge(mapping->host);
	put_page(c->page);
	kmem_cache_free(cached_page_cache, c);
}

/* When memory runs out: gives back pages that nobody uses and that can be read again. How many bytes. */
unsigned long shrink_page_cache(void)
{
	struct cached_page *c, *next;
	unsigned long freed = 0;

	list_for_each_entry_safe(c, next, &clean_pages, clean) {
		if (page_ref_count(c->page) != 1)
			continue;
		drop(c->mapping, c);
		if (++freed == SHRINK_PAGES)
			break;
	}
	return freed * PAGE_SIZE;
}

struct page *read_mapping_page(struct address_space *mapping, pgoff_t index, struct file *file)
{
	struct page *page = find_get_page(mapping, index);
	int err = 0;

	if (page)
		return page;
	if (!mapping->a_ops)
		return ERR_PTR(-EINVAL);
	page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!page)
		return ERR_PTR(-ENOMEM);
	if (mapping->a_ops->readpage)
		err = mapping->a_ops->readpage(file, mapping, page, index);
	if (!err)
		err = __filemap_add_folio(mapping, page, index, GFP_KERNEL, NULL);
	if (!err) {
		get_page(page);
		return page;
	}
	put_page(page);
	/* While this read slept another one may have been faster. */
	return err == -EEXIST ? find_get_page(mapping, index) : ERR_PTR(err);
}

void truncate_inode_pages(struct address_space *mapping, loff_t start)
{
	pgoff_t first = (start + PAGE_SIZE - 1) / PAGE_SIZE;
	struct rb_node *node, *next;
	struct cached_page *c;

	if (start % PAGE_SIZE) {
		c = find(mapping, start / PAGE_SIZE);
		if (c)
			memset((char *)page_address(c->page) + start % PAGE_SIZE, 0, PAGE_SIZE - start % PAGE_SIZE);
	}
	if (mapping->nr_areas)
		unmap_mapping_range(mapping, start);
	for (node = rb_first(&mapping->i_pages); node; node = next) {
		next = rb_next(node);
		c = rb_entry(node, struct cached_page, node);
		if (c->index >= first)
			drop(mapping, c);
	}
}

static void zero_part(struct address_space *mapping, loff_t start, loff_t end)
{
	struct cached_page *c = start < end ? find(mapping, start / PAGE_SIZE) : NULL;

	if (c)
		memset((char *)page_address(c->page) + start % PAGE_SIZE, 0, end - start);
}

void punch_inode_pages(struct address_space *mapping, loff_t start, loff_t end)
{
	loff_t first = PAGE_ALIGN(start), last = end & PAGE_MASK;
	struct cached_page *c;

	if (first > last) {
		zero_part(mapping, start, end);
		return;
	}
	zero_part(mapping, start, first);
	zero_part(mapping, last, end);
	if (mapping->nr_areas && first < last)
		unmap_mapping_range(mapping, first);
	for (pgoff_t i = first / PAGE_SIZE; i < (pgoff_t)(last / PAGE_SIZE); i++) {
		c = find(mapping, i);
		if (c)
			drop(mapping, c);
	}
}

loff_t mapping_seek(struct address_space *mapping, loff_t from, bool data)
{
	loff_t size = i_size_read(mapping->host), at;

	for (at = from; at < size; at = (at & PAGE_MASK) + PAGE_SIZE)
		if (!!find(mapping, at / PAGE_SIZE) == data)
			break;
	return min(at, size);
}

ssize_t generic_file_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct address_space *mapping = iocb->ki_filp->f_mapping;
	ssize_t done = 0;

	while (iov_iter_count(to) && iocb->ki_pos < i_size_read(mapping->host)) {
		size_t offset = iocb->ki_pos % PAGE_SIZE, n = min_t(size_t, iov_iter_count(to), PAGE_SIZE - offset), copied;
		pgoff_t index = iocb->ki_pos / PAGE_SIZE;
		struct page *page;

		n = min_t(u64, n, i_size_read(mapping->host) - iocb->ki_pos);
		page = mapping->a_ops->readpage ? read_mapping_page(mapping, index, iocb->ki_filp) : find_get_page(mapping, index);
		if (IS_ERR(page))
			return done ? done : PTR_ERR(page);
		/* No page: a hole in a file that has only pages. */
		if (page) {
			copied = copy_to_iter((char *)page_address(page) + offset, n, to);
			put_page(page);
		} else {
			copied = iov_iter_zero(n, to);
		}
		done += copied;
		iocb->ki_pos += copied;
		if (copied < n)
			return done ? done : -EFAULT;
	}
	return done;
}

/* RLIMIT_FSIZE: writes end there; one that begins there is a signal and an error. */
static int limit_write(struct inode *inode, loff_t pos, size_t *count)
{
	unsigned long limit = rlimit(RLIMIT_FSIZE);

	if (limit != RLIM_INFINITY && current->mm) {
		if ((unsigned long)pos >= limit) {
			send_sig(SIGXFSZ, current, 0);
			return -EFBIG;
		}
		*count = min(*count, limit - pos);
	}
	*count = min_t(u64, *count, inode->i_sb->s_maxbytes - pos);
	return 0;
}

/* For files that have only pages. */
ssize_t ram_file_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct file *file = iocb->ki_filp;
	struct address_space *mapping = file->f_mapping;
	struct inode *inode = mapping->host;
	size_t count = iov_iter_count(from);
	ssize_t err = 0, done = 0;

	inode_lock(inode);
	if (file->f_flags & O_APPEND)
		iocb->ki_pos = i_size_read(inode);
	if (iocb->ki_pos >= inode->i_sb->s_maxbytes && count)
		err = -EFBIG;
	else
		err = limit_write(inode, iocb->ki_pos, &count);
	while ((size_t)done < count && !err) {
		size_t offset = iocb->ki_pos % PAGE_SIZE, n = min_t(size_t, count - done, PAGE_SIZE - offset), copied;
		struct page *page = read_mapping_page(mapping, iocb->ki_pos / PAGE_SIZE, file);

		if (IS_ERR(page)) {
			err = PTR_ERR(page) == -ENOMEM ? -ENOSPC : PTR_ERR(page);
			break;
		}
		copied = copy_from_iter((char *)page_address(page) + offset, n, from);
		put_page(page);
		done += copied;
		iocb->ki_pos += copied;
		if (copied < n)
			err = -EFAULT;
		if (iocb->ki_pos > i_size_read(inode))
			i_size_write(inode, iocb->ki_pos);
	}
	if (done)
		inode->i_mtime = inode->i_ctime = current_time(inode);
	inode_unlock(inode);
	return done ? done : err;
}

/* ---- Mapping ------------------------------------------------------------------------------------------------------ */

static vm_fault_t filemap_fault(struct vm_fault *vmf)
{
	struct file *file = vmf->vma->vm_file;
	struct address_space *mapping = file->f_mapping;
	struct page *page;

	if ((loff_t)vmf->pgoff * (loff_t)PAGE_SIZE >= i_size_read(mapping->host))
		return VM_FAULT_SIGBUS;
	page = read_mapping_page(mapping, vmf->pgoff, file);
	if (IS_ERR(page))
		return PTR_ERR(page) == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
	vmf->page = page;
	return 0;
}

static void filemap_open(struct vm_area_struct *vma)
{
	vma->vm_file->f_mapping->nr_areas++;
}

static void filemap_close(struct vm_area_struct *vma)
{
	vma->vm_file->f_mapping->nr_areas--;
}

static const struct vm_operations_struct generic_file_vm_ops = {
	.open = filemap_open,
	.close = filemap_close,
	.fault = filemap_fault,
};

/* Written pages of a shared mapping have nowhere to go but the page cache. */
int generic_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct address_space *mapping = file->f_mapping;

	if (!mapping->a_ops)
		return -ENODEV;
	if (mapping->a_ops->readpage && (vma->vm_flags & VM_SHARED) && (vma->vm_flags & VM_MAYWRITE))
		return -EINVAL;
	vma->vm_ops = &generic_file_vm_ops;
	filemap_open(vma);
	return 0;
}

void filemap_init(void)
{
	cached_page_cache = kmem_cache_create("cached_page", sizeof(struct cached_page), 0, 0, NULL);
}
