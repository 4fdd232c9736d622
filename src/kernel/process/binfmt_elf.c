// SPDX-License-Identifier: MIT
/* Loads ELF64 programs, and lays out their first stack. (ELF specification; System V ABI, AMD64 supplement, 3.4.1) */
#include <kernel/elf.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/ptrace.h>
#include <kernel/random.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/uaccess.h>
#include <kernel/msr.h>
#include "../mm/internal.h"
#include "exec.h"

#define STACK_TOP		TASK_SIZE_MAX
#define STACK_INITIAL		(128UL << 10)
#define MAX_PHDRS		64

struct image {
	struct elf64_hdr header;
	struct elf64_phdr *phdrs;
	unsigned long bias;
	unsigned long start_code, end_code, start_data, end_data, brk;
	unsigned long phdr_addr;
	char interp[EXEC_NAME_MAX];
	bool exec_stack;
};

static int read_exact(struct file *file, void *buf, size_t len, loff_t pos)
{
	ssize_t n = kernel_read(file, buf, len, &pos);

	return n == (ssize_t)len ? 0 : n < 0 ? n : -ENOEXEC;
}

static int read_headers(struct file *file, struct image *image)
{
	struct elf64_hdr *h = &image->header;
	int ret = read_exact(file, h, sizeof(*h), 0);

	if (ret)
		return ret;
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) || h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_machine != EM_X86_64 ||
	    (h->e_type != ET_EXEC && h->e_type != ET_DYN) || h->e_phentsize != sizeof(struct elf64_phdr) || !h->e_phnum ||
	    h->e_phnum > MAX_PHDRS)
		return -ENOEXEC;
	image->phdrs = kmalloc_array(h->e_phnum, sizeof(struct elf64_phdr), GFP_KERNEL);
	if (!image->phdrs)
		return -ENOMEM;
	ret = read_exact(file, image->phdrs, h->e_phnum * sizeof(struct elf64_phdr), h->e_phoff);
	for (int i = 0; i < h->e_phnum && !ret; i++) {
		struct elf64_phdr *p = &image->phdrs[i];

		if (p->p_type == PT_GNU_STACK)
			image->exec_stack = p->p_flags & PF_X;
		if (p->p_type != PT_INTERP)
			continue;
		if (p->p_filesz < 2 || p->p_filesz > sizeof(image->interp))
			return -ENOEXEC;
		ret = read_exact(file, image->interp, p->p_filesz, p->p_offset);
		if (!ret && image->interp[p->p_filesz - 1])
			ret = -ENOEXEC;
	}
	return ret;
}

static unsigned long image_size(const struct image *image, unsigned long *first)
{
	unsigned long low = ~0UL, high = 0;

	for (int i = 0; i < image->header.e_phnum; i++) {
		const struct elf64_phdr *p = &image->phdrs[i];

		if (p->p_type != PT_LOAD)
			continue;
		low = min(low, p->p_vaddr & PAGE_MASK);
		high = max(high, p->p_vaddr + p->p_memsz);
	}
	*first = low;
	return high > low ? PAGE_ALIGN(high) - low : 0;
}

static unsigned long segment_prot(const struct elf64_phdr *p)
{
	return (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_WRITE : 0) |
	       (p->p_flags & PF_X ? PROT_EXEC : 0);
}

/* File pages, then zeros to the end of the segment. */
static int map_segment(struct file *file, struct image *image, const struct elf64_phdr *p)
{
	unsigned long start = image->bias + p->p_vaddr, in_page = offset_in_page(start), page = start - in_page;
	unsigned long file_end = start + p->p_filesz, end = start + p->p_memsz;
	unsigned long prot = segment_prot(p), addr;

	if (p->p_filesz > p->p_memsz || end > TASK_SIZE || end < start)
		return -EINVAL;
	if (p->p_filesz) {
		addr = do_mmap(file, page, p->p_filesz + in_page, prot, MAP_PRIVATE | MAP_FIXED,
			       (p->p_offset - in_page) >> PAGE_SHIFT);
		if (IS_ERR_VALUE(addr))
			return addr;
	}
	if (end > file_end && PAGE_ALIGN(end) > (p->p_filesz ? PAGE_ALIGN(file_end) : page)) {
		unsigned long zero = p->p_filesz ? PAGE_ALIGN(file_end) : page;

		addr = do_mmap(NULL, zero, PAGE_ALIGN(end) - zero, prot, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, 0);
		if (IS_ERR_VALUE(addr))
			return addr;
	}
	if (end > file_end && p->p_filesz && offset_in_page(file_end) && (prot & PROT_WRITE) &&
	    clear_user((void __user *)file_end, PAGE_SIZE - offset_in_page(file_end)))
		return -EFAULT;
	if (p->p_flags & PF_X) {
		image->start_code = min(image->start_code, start);
		image->end_code = max(image->end_code, file_end);
	} else {
		image->start_data = max(image->start_data, start);
	}
	image->end_data = max(image->end_data, file_end);
	image->brk = max(image->brk, end);
	return 0;
}

static int map_image(struct file *file, struct image *image, unsigned long base)
{
	unsigned long first, size = image_size(image, &first);
	int ret = 0;

	if (!size)
		return -ENOEXEC;
	image->start_code = ~0UL;
	if (image->header.e_type == ET_DYN) {
		/* The place for the whole is found first; the segments then go into it. */
		unsigned long addr = do_mmap(NULL, base, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
					     (base ? MAP_FIXED_NOREPLACE : 0), 0);

		if (IS_ERR_VALUE(addr))
			return addr;
		do_munmap(current->mm, addr, size);
		image->bias = addr - first;
	}
	for (int i = 0; i < image->header.e_phnum && !ret; i++) {
		const struct elf64_phdr *p = &image->phdrs[i];

		if (p->p_type != PT_LOAD)
			continue;
		ret = map_segment(file, image, p);
		if (image->header.e_phoff >= p->p_offset && image->header.e_phoff < p->p_offset + p->p_filesz)
			image->phdr_addr = image->bias + p->p_vaddr + (image->header.e_phoff - p->p_offset);
	}
	return ret;
}

/* ---- the stack: strings at its top, then auxv, environment and argument pointers, argc ---- */

struct stack_builder {
	unsigned long sp;
	bool failed;
};

static unsigned long push_bytes(struct stack_builder *b, const void *data, size_t len)
{
	b->sp -= len;
	if (copy_to_user((void __user *)b->sp, data, len))
		b->failed = true;
	return b->sp;
}

static unsigned long store(struct stack_builder *b, unsigned long at, unsigned long value)
{
	if (put_user(value, (unsigned long __user *)at))
		b->failed = true;
	return at + 8;
}

static unsigned long store_strings(struct stack_builder *b, unsigned long at, const struct arg_list *list,
				   unsigned long text)
{
	const char *s = list->text;

	for (int i = 0; i < list->count; i++) {
		at = store(b, at, text + (s - list->text));
		s += strlen(s) + 1;
	}
	return store(b, at, 0);
}

static int build_stack(struct linux_binprm *bprm, const struct image *image, unsigned long interp_base, unsigned long *sp)
{
	struct stack_builder b = { .sp = STACK_TOP - 8 };
	struct mm_struct *mm = current->mm;
	unsigned long execfn, args, envs, platform, random, at, words;
	u32 a, bb, c, d;
	u8 random_bytes[16];
	unsigned long auxv[46];
	unsigned int n = 0;
	int ret;

	ret = do_brk_area(mm, STACK_TOP - STACK_INITIAL - MAX_ARG_BYTES * 2, STACK_INITIAL + MAX_ARG_BYTES * 2,
			  VM_READ | VM_WRITE | VM_GROWSDOWN | (image->exec_stack ? VM_EXEC : 0));
	if (ret)
		return ret;
	execfn = push_bytes(&b, bprm->filename, strlen(bprm->filename) + 1);
	mm->env_end = execfn;
	envs = push_bytes(&b, bprm->envp.text, bprm->envp.bytes);
	args = push_bytes(&b, bprm->argv.text, bprm->argv.bytes);
	mm->arg_start = args;
	mm->arg_end = mm->env_start = envs;
	b.sp = ALIGN_DOWN(b.sp, 16);
	platform = push_bytes(&b, ELF_PLATFORM, sizeof(ELF_PLATFORM));
	get_random_bytes(random_bytes, sizeof(random_bytes));
	random = push_bytes(&b, random_bytes, sizeof(random_bytes));
	cpuid_count(1, 0, &a, &bb, &c, &d);
#define AUX(type, value) do { auxv[n++] = (type); auxv[n++] = (unsigned long)(value); } while (0)
	AUX(AT_HWCAP, d);
	AUX(AT_PAGESZ, PAGE_SIZE);
	AUX(AT_CLKTCK, USER_HZ);
	AUX(AT_PHDR, image->phdr_addr);
	AUX(AT_PHENT, sizeof(struct elf64_phdr));
	AUX(AT_PHNUM, image->header.e_phnum);
	AUX(AT_BASE, interp_base);
	AUX(AT_FLAGS, 0);
	AUX(AT_ENTRY, image->bias + image->header.e_entry);
	AUX(AT_UID, current->cred->uid.val);
	AUX(AT_EUID, current->cred->euid.val);
	AUX(AT_GID, current->cred->gid.val);
	AUX(AT_EGID, current->cred->egid.val);
	AUX(AT_SECURE, current->mm->undumpable);
	AUX(AT_RANDOM, random);
	AUX(AT_HWCAP2, 0);
	AUX(AT_EXECFN, execfn);
	AUX(AT_PLATFORM, platform);
	AUX(AT_NULL, 0);
	memcpy(mm->saved_auxv, auxv, n * sizeof(auxv[0]));
	words = 1 + bprm->argv.count + 1 + bprm->envp.count + 1 + n;
	b.sp = ALIGN_DOWN(b.sp - words * 8, 16);
	*sp = at = b.sp;
	at = store(&b, at, bprm->argv.count);
	at = store_strings(&b, at, &bprm->argv, args);
	at = store_strings(&b, at, &bprm->envp, envs);
	for (unsigned int i = 0; i < n; i++)
		at = store(&b, at, auxv[i]);
	mm->start_stack = b.sp;
	return b.failed ? -EFAULT : 0;
}

static int load_interpreter(const char *name, struct image *interp)
{
	struct file *file = filp_open(name, O_RDONLY, 0);
	int ret;

	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = read_headers(file, interp);
	if (!ret)
		ret = map_image(file, interp, 0);
	fput(file);
	return ret;
}

static void start_thread(unsigned long ip, unsigned long sp)
{
	struct pt_regs *regs = task_pt_regs(current);

	*regs = (struct pt_regs){ .ip = ip, .sp = sp, .cs = __USER_CS, .ss = __USER_DS, .flags = 0x202,
				  .orig_ax = regs->orig_ax };
}

int load_elf_binary(struct linux_binprm *bprm)
{
	struct image *image = kzalloc(sizeof(*image), GFP_KERNEL), *interp = NULL;
	struct mm_struct *mm;
	unsigned long sp, entry;
	int ret = -ENOMEM;

	if (!image)
		return -ENOMEM;
	ret = read_headers(bprm->file, image);
	if (ret)
		goto out;
	if (image->interp[0]) {
		ret = -ENOMEM;
		interp = kzalloc(sizeof(*interp), GFP_KERNEL);
		if (!interp)
			goto out;
	}
	ret = begin_new_exec(bprm);
	if (ret)
		goto out;
	mm = current->mm;
	ret = map_image(bprm->file, image, image->header.e_type == ET_DYN && interp ? ELF_ET_DYN_BASE & PAGE_MASK : 0);
	if (!ret && interp)
		ret = load_interpreter(image->interp, interp);
	if (!ret) {
		mm->start_code = image->start_code;
		mm->end_code = image->end_code;
		mm->start_data = image->start_data;
		mm->end_data = image->end_data;
		/* Linux puts the heap of a static-PIE low, away from the mappings above. */
		mm->start_brk = mm->brk = image->header.e_type == ET_DYN && !interp ? ELF_ET_DYN_BASE & PAGE_MASK :
				PAGE_ALIGN(image->brk);
		ret = build_stack(bprm, image, interp ? interp->bias : 0, &sp);
	}
	if (ret) {
		/* The old program is gone: there is nowhere to return to. */
		force_sig(SIGKILL);
		ret = 0;
		goto out;
	}
	entry = interp ? interp->bias + interp->header.e_entry : image->bias + image->header.e_entry;
	start_thread(entry, sp);
out:
	if (interp)
		kfree(interp->phdrs);
	kfree(interp);
	kfree(image->phdrs);
	kfree(image);
	return ret;
}
