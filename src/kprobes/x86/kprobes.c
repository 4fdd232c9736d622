// SPDX-License-Identifier: MIT
/*
 * Probes on x86-64: int3 in place of the instruction's first byte. On a hit the instruction is either emulated on the
 * saved registers or run from a copy that ends in another int3, so that no single-step flag is needed.
 * (semantics C4 to C7, C9 to C17; Linux has worked this way since 5.13)
 */
#include "arch.h"
#include "insn.h"
#include <asm/processor-flags.h>
#include <kernel/bpf.h>
#include <kernel/err.h>
#include <kernel/kallsyms.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/text-patching.h>
#include <kernel/uaccess.h>
#include <kernel/vmalloc.h>

void kprobes_inc_nmissed_count(struct kprobe *p);

/* ---- decoding the code as it is without probes ---- */

/* Copies up to MAX_INSN_SIZE bytes at @addr with every probe's int3 replaced by what it hides. */
static void original_bytes(u8 *buf, unsigned long addr)
{
	memcpy(buf, (void *)addr, MAX_INSN_SIZE);
	for (int i = 0; i < MAX_INSN_SIZE; i++) {
		struct kprobe *p;

		if (buf[i] == INT3_INSN_OPCODE && (p = get_kprobe((void *)(addr + i))))
			buf[i] = p->opcode;
	}
}

#define ENDBR64_SIZE 4

kprobe_opcode_t *arch_adjust_kprobe_addr(unsigned long function, unsigned long offset, bool *on_func_entry)
{
	static const u8 endbr64[ENDBR64_SIZE] = { 0xf3, 0x0f, 0x1e, 0xfa };
	u8 bytes[ENDBR64_SIZE];

	if (copy_from_kernel_nofault(bytes, (void *)function, ENDBR64_SIZE))
		return ERR_PTR(-EINVAL);
	*on_func_entry = offset == 0;
	/* A function that may be called indirectly begins, for probes, behind the mark that says so. (A16) */
	if (!memcmp(bytes, endbr64, ENDBR64_SIZE) && (offset == 0 || offset == ENDBR64_SIZE)) {
		*on_func_entry = true;
		offset = ENDBR64_SIZE;
	}
	return (kprobe_opcode_t *)(function + offset);
}

int arch_check_insn_boundary(unsigned long addr, unsigned long function)
{
	u8 bytes[MAX_INSN_SIZE];
	struct insn insn;
	unsigned long at;

	for (at = function; at < addr; at += insn.length) {
		original_bytes(bytes, at);
		if (bytes[0] == INT3_INSN_OPCODE || insn_decode(&insn, bytes, sizeof(bytes)))
			return -EILSEQ;
	}
	return at == addr ? 0 : -EILSEQ;
}

/* ---- slots: executable memory for the copies ---- */

#define SLOT_SIZE	32	/* a copy of at most 15 bytes and its int3, with room to spare */
#define SLOTS_PER_PAGE	(PAGE_SIZE / SLOT_SIZE)

struct slot_page {
	struct slot_page *next;
	u8 *base;
	bool used[SLOTS_PER_PAGE];
};

static struct slot_page *slot_pages;

static u8 *get_slot(void)
{
	struct slot_page *page;

	for (page = slot_pages; page; page = page->next)
		for (unsigned int i = 0; i < SLOTS_PER_PAGE; i++)
			if (!page->used[i]) {
				page->used[i] = true;
				return page->base + i * SLOT_SIZE;
			}
	page = kzalloc(sizeof(*page), GFP_KERNEL);
	if (!page)
		return NULL;
	page->base = exec_alloc(PAGE_SIZE);
	if (!page->base) {
		kfree(page);
		return NULL;
	}
	page->next = slot_pages;
	slot_pages = page;
	page->used[0] = true;
	return page->base;
}

static void put_slot(u8 *slot)
{
	struct slot_page **link, *page;

	for (link = &slot_pages; (page = *link); link = &page->next) {
		if (slot < page->base || slot >= page->base + PAGE_SIZE)
			continue;
		page->used[(slot - page->base) / SLOT_SIZE] = false;
		for (unsigned int i = 0; i < SLOTS_PER_PAGE; i++)
			if (page->used[i])
				return;
		*link = page->next;
		exec_free(page->base);
		kfree(page);
		return;
	}
}

/* ---- emulation: what cannot run from a copy, because it uses or changes rip, or the flags that stepping borrows ---- */

static unsigned long next_ip(struct kprobe *p)
{
	return (unsigned long)p->addr + p->ainsn.size;
}

static void emulate_push(struct pt_regs *regs, unsigned long value)
{
	/* The entry code left a gap below the interrupted stack's top for this. */
	regs->sp -= sizeof(value);
	*(unsigned long *)regs->sp = value;
}
NOKPROBE_SYMBOL(emulate_push);

static unsigned long emulate_pop(struct pt_regs *regs)
{
	unsigned long value = *(unsigned long *)regs->sp;

	regs->sp += sizeof(value);
	return value;
}
NOKPROBE_SYMBOL(emulate_pop);

static unsigned long *indirect_register(struct pt_regs *regs, u8 number)
{
	static const u8 offsets[16] = {
		offsetof(struct pt_regs, ax), offsetof(struct pt_regs, cx), offsetof(struct pt_regs, dx),
		offsetof(struct pt_regs, bx), offsetof(struct pt_regs, sp), offsetof(struct pt_regs, bp),
		offsetof(struct pt_regs, si), offsetof(struct pt_regs, di), offsetof(struct pt_regs, r8),
		offsetof(struct pt_regs, r9), offsetof(struct pt_regs, r10), offsetof(struct pt_regs, r11),
		offsetof(struct pt_regs, r12), offsetof(struct pt_regs, r13), offsetof(struct pt_regs, r14),
		offsetof(struct pt_regs, r15),
	};

	return (void *)regs + offsets[number & 15];
}
NOKPROBE_SYMBOL(indirect_register);

static void emulate_if_modifier(struct kprobe *p, struct pt_regs *regs)
{
	switch (p->opcode) {
	case 0xfa: regs->flags &= ~X86_EFLAGS_IF; break;	/* cli */
	case 0xfb: regs->flags |= X86_EFLAGS_IF; break;		/* sti */
	case 0x9c: emulate_push(regs, regs->flags); break;	/* pushf */
	case 0x9d: regs->flags = emulate_pop(regs); break;	/* popf */
	}
	regs->ip = next_ip(p);
}
NOKPROBE_SYMBOL(emulate_if_modifier);

static void emulate_ret(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	regs->ip = emulate_pop(regs);
}
NOKPROBE_SYMBOL(emulate_ret);

static void emulate_call(struct kprobe *p, struct pt_regs *regs)
{
	emulate_push(regs, next_ip(p));
	regs->ip = next_ip(p) + p->ainsn.branch.rel;
}
NOKPROBE_SYMBOL(emulate_call);

static void emulate_jmp(struct kprobe *p, struct pt_regs *regs)
{
	regs->ip = next_ip(p) + p->ainsn.branch.rel;
}
NOKPROBE_SYMBOL(emulate_jmp);

static void emulate_jcc(struct kprobe *p, struct pt_regs *regs)
{
	regs->ip = next_ip(p) + (condition_holds(regs->flags, p->ainsn.branch.type) ? p->ainsn.branch.rel : 0);
}
NOKPROBE_SYMBOL(emulate_jcc);

/*
 * loopne, loope, loop, jrcxz are e0 to e3. The counter is tested before it is decremented, as Linux does (C9), and with an
 * address size of 32 bits its upper half stays as it is.
 */
static void emulate_loop(struct kprobe *p, struct pt_regs *regs)
{
	bool narrow = p->ainsn.branch.address32, zf = regs->flags & X86_EFLAGS_ZF, taken;
	unsigned long count = narrow ? (u32)regs->cx : regs->cx;

	if (p->ainsn.branch.type == 3) {
		taken = count == 0;
	} else {
		taken = count != 0 && (p->ainsn.branch.type == 2 || zf == (p->ainsn.branch.type == 1));
		if (narrow)
			*(u32 *)&regs->cx = (u32)count - 1;
		else
			regs->cx = count - 1;
	}
	regs->ip = next_ip(p) + (taken ? p->ainsn.branch.rel : 0);
}
NOKPROBE_SYMBOL(emulate_loop);

static void emulate_call_indirect(struct kprobe *p, struct pt_regs *regs)
{
	unsigned long target = *indirect_register(regs, p->ainsn.indirect.reg);

	emulate_push(regs, next_ip(p));
	regs->ip = target;
}
NOKPROBE_SYMBOL(emulate_call_indirect);

static void emulate_jmp_indirect(struct kprobe *p, struct pt_regs *regs)
{
	regs->ip = *indirect_register(regs, p->ainsn.indirect.reg);
}
NOKPROBE_SYMBOL(emulate_jmp_indirect);

/* Chooses an emulation if the instruction needs one. -EOPNOTSUPP for what can be neither emulated nor stepped. */
static int prepare_emulation(struct kprobe *p, const struct insn *insn)
{
	struct arch_specific_insn *ainsn = &p->ainsn;
	s32 rel = insn_s32(ainsn->opcode_bytes, insn->imm_offset, insn->imm_size);

	if (insn->map == 2) {
		if ((insn->opcode & 0xf0) == 0x80) {
			ainsn->branch.type = insn->opcode & 15;
			ainsn->branch.rel = rel;
			ainsn->emulate_op = emulate_jcc;
		} else if (insn->opcode == 0x01 && INSN_MOD(insn) == 3 && INSN_REG(insn) == 0) {
			return -EOPNOTSUPP;	/* vmcall and its group */
		}
		return 0;
	}
	if (insn->map != 1)
		return 0;
	switch (insn->opcode) {
	case 0xfa: case 0xfb: case 0x9c: case 0x9d:
		ainsn->emulate_op = emulate_if_modifier;
		break;
	case 0xc2: case 0xc3: case 0xca: case 0xcb:
		ainsn->emulate_op = emulate_ret;
		break;
	case 0xcc: case 0xcf:
		return -EOPNOTSUPP;
	case 0xe8:
		ainsn->branch.rel = rel;
		ainsn->emulate_op = emulate_call;
		break;
	case 0xeb: case 0xe9:
		ainsn->branch.rel = rel;
		ainsn->emulate_op = emulate_jmp;
		break;
	case 0x70 ... 0x7f:
		ainsn->branch.type = insn->opcode & 15;
		ainsn->branch.rel = rel;
		ainsn->emulate_op = emulate_jcc;
		break;
	case 0xe0 ... 0xe3:
		ainsn->branch.type = insn->opcode & 3;
		ainsn->branch.address32 = insn->address32;
		ainsn->branch.rel = rel;
		ainsn->emulate_op = emulate_loop;
		break;
	case 0xff:
		if (INSN_REG(insn) == 3 || INSN_REG(insn) == 5)
			return -EOPNOTSUPP;	/* far */
		if (INSN_REG(insn) != 2 && INSN_REG(insn) != 4)
			break;
		if (INSN_MOD(insn) != 3 || insn->address32)
			return -EOPNOTSUPP;
		ainsn->indirect.reg = INSN_RM(insn) | (insn->rex & 1) << 3;
		ainsn->emulate_op = INSN_REG(insn) == 2 ? emulate_call_indirect : emulate_jmp_indirect;
		break;
	}
	return 0;
}

/* mov ss and lss hold back the next exception, so the int3 behind a copy would come one instruction too late. */
static bool masks_exceptions(const struct insn *insn)
{
	return (insn->map == 1 && insn->opcode == 0x8e && INSN_REG(insn) == 2) ||
	       (insn->map == 2 && insn->opcode == 0xb2);
}

/* ud2 with "xen" or "kvm" behind it asks a hypervisor to emulate the instruction that follows: one instruction in two. */
static bool asks_for_emulation(const u8 *code)
{
	return code[0] == 0x0f && code[1] == 0x0b && (!memcmp(code + 2, "xen", 3) || !memcmp(code + 2, "kvm", 3));
}

static int copy_to_slot(struct kprobe *p, const struct insn *insn)
{
	u8 code[MAX_INSN_SIZE + 1];
	u8 *slot = get_slot();

	if (!slot)
		return -ENOMEM;
	memcpy(code, p->ainsn.opcode_bytes, insn->length);
	if (insn->rip_relative) {
		s64 disp = insn_s32(code, insn->disp_offset, 4) + (s64)((u8 *)p->addr - slot);
		s32 disp32 = disp;

		if (disp32 != disp) {
			pr_err("Kprobes error: new displacement does not fit into s32 (%llx)\n", disp);
			put_slot(slot);
			return -EINVAL;
		}
		memcpy(code + insn->disp_offset, &disp32, 4);
	}
	code[insn->length] = INT3_INSN_OPCODE;
	text_poke(slot, code, insn->length + 1);
	p->ainsn.insn = slot;
	return 0;
}

int arch_prepare_kprobe(struct kprobe *p)
{
	struct insn insn;
	int ret;

	memset(&p->ainsn, 0, sizeof(p->ainsn));
	if (p->flags & KPROBE_FLAG_FTRACE) {
		arch_prepare_kprobe_ftrace(p);
		return 0;
	}
	original_bytes(p->ainsn.opcode_bytes, (unsigned long)p->addr);
	if (p->ainsn.opcode_bytes[0] == INT3_INSN_OPCODE)
		return -EINVAL;		/* somebody else's breakpoint */
	if (insn_decode(&insn, p->ainsn.opcode_bytes, MAX_INSN_SIZE) || masks_exceptions(&insn) ||
	    asks_for_emulation(p->ainsn.opcode_bytes))
		return -EINVAL;
	p->ainsn.size = insn.length;
	p->opcode = p->ainsn.opcode_bytes[0];
	ret = prepare_emulation(p, &insn);
	if (!ret && insn.length == MAX_INSN_SIZE)
		ret = -ENOSPC;		/* no room for an int3 behind it, if Linux counts the room so */
	if (ret || p->ainsn.emulate_op)
		return ret;
	return copy_to_slot(p, &insn);
}

void arch_remove_kprobe(struct kprobe *p)
{
	if (p->ainsn.insn)
		put_slot(p->ainsn.insn);
	p->ainsn.insn = NULL;
}

void arch_arm_kprobe(struct kprobe *p)
{
	u8 int3 = INT3_INSN_OPCODE;

	if (p->flags & KPROBE_FLAG_FTRACE) {
		arch_arm_kprobe_ftrace(p);
		return;
	}
	text_poke(p->addr, &int3, 1);
	text_poke_sync();
}

void arch_disarm_kprobe(struct kprobe *p)
{
	if (p->flags & KPROBE_FLAG_FTRACE) {
		arch_disarm_kprobe_ftrace(p);
		return;
	}
	text_poke(p->addr, &p->opcode, 1);
	text_poke_sync();
}

/* ---- the hit ---- */

static void set_current_kprobe(struct kprobe *p, struct pt_regs *regs, struct kprobe_ctlblk *kcb)
{
	current_kprobe = p;
	kcb->saved_flags = regs->flags & X86_EFLAGS_IF;
}
NOKPROBE_SYMBOL(set_current_kprobe);

static void restore_previous_kprobe(struct kprobe_ctlblk *kcb)
{
	current_kprobe = kcb->prev.kp;
	kcb->status = kcb->prev.status;
	kcb->saved_flags = kcb->prev.saved_flags;
}
NOKPROBE_SYMBOL(restore_previous_kprobe);

/* The probed instruction has been carried out. */
static void instruction_done(struct kprobe *p, struct pt_regs *regs, struct kprobe_ctlblk *kcb)
{
	if (kcb->status == KPROBE_REENTER) {
		restore_previous_kprobe(kcb);
		return;
	}
	kcb->status = KPROBE_HIT_SSDONE;
	if (p->post_handler)
		p->post_handler(p, regs, 0);
	current_kprobe = NULL;
}
NOKPROBE_SYMBOL(instruction_done);

static void execute_instruction(struct kprobe *p, struct pt_regs *regs, struct kprobe_ctlblk *kcb, bool reenter)
{
	if (reenter) {
		kcb->prev.kp = current_kprobe;
		kcb->prev.status = kcb->status;
		kcb->prev.saved_flags = kcb->saved_flags;
		set_current_kprobe(p, regs, kcb);
		kcb->status = KPROBE_REENTER;
	} else {
		kcb->status = KPROBE_HIT_SS;
	}
	if (p->ainsn.emulate_op) {
		p->ainsn.emulate_op(p, regs);
		instruction_done(p, regs, kcb);
		return;
	}
	regs->flags &= ~X86_EFLAGS_IF;
	regs->ip = (unsigned long)p->ainsn.insn;
}
NOKPROBE_SYMBOL(execute_instruction);

/* A probe is hit while another is being handled: count it as missed and carry out its instruction only (C16). */
static void reenter_kprobe(struct kprobe *p, struct pt_regs *regs, struct kprobe_ctlblk *kcb)
{
	if (kcb->status == KPROBE_REENTER) {
		pr_err("Unrecoverable kprobe detected.\n");
		pr_err("Dump kprobe:\n.symbol_name = %s, .offset = %x, .addr = %pS\n", p->symbol_name, p->offset, p->addr);
		BUG();
	}
	kprobes_inc_nmissed_count(p);
	execute_instruction(p, regs, kcb, true);
}
NOKPROBE_SYMBOL(reenter_kprobe);

/* The int3 behind the copy: go on after the probed instruction. */
static void resume_after_copy(struct kprobe *p, struct pt_regs *regs, struct kprobe_ctlblk *kcb)
{
	regs->ip = next_ip(p);
	regs->flags |= kcb->saved_flags;
	instruction_done(p, regs, kcb);
}
NOKPROBE_SYMBOL(resume_after_copy);

static bool is_stepping(const struct kprobe_ctlblk *kcb)
{
	return current_kprobe && (kcb->status == KPROBE_HIT_SS || kcb->status == KPROBE_REENTER);
}
NOKPROBE_SYMBOL(is_stepping);

/*
 * The handler has moved ip, but the function has a trampoline. That is entered as if the new ip had called it, which is how
 * a probe through the function tracer does it: if the trampoline calls the function itself, an override has no effect.
 */
static void enter_trampoline(struct kprobe *p, struct pt_regs *regs)
{
	void *image = bpf_trampoline_image_at(p->addr);

	if (!image)
		return;
	emulate_push(regs, regs->ip);
	regs->ip = (unsigned long)image;
}
NOKPROBE_SYMBOL(enter_trampoline);

int kprobe_int3_handler(struct pt_regs *regs)
{
	struct kprobe_ctlblk *kcb = &kprobe_ctlblk;
	kprobe_opcode_t *addr = (kprobe_opcode_t *)(regs->ip - 1);
	struct kprobe *p;

	if (user_mode(regs))
		return 0;
	p = get_kprobe(addr);
	if (p) {
		if (current_kprobe) {
			reenter_kprobe(p, regs, kcb);
			return 1;
		}
		set_current_kprobe(p, regs, kcb);
		kcb->status = KPROBE_HIT_ACTIVE;
		/* The handler sees ip behind the int3. If it moved ip, that is where execution goes on (A18). */
		if (p->pre_handler && p->pre_handler(p, regs)) {
			enter_trampoline(p, regs);
			current_kprobe = NULL;
		}
		else
			execute_instruction(p, regs, kcb, false);
		return 1;
	}
	if (is_stepping(kcb) && current_kprobe->ainsn.insn && addr == current_kprobe->ainsn.insn + current_kprobe->ainsn.size) {
		resume_after_copy(current_kprobe, regs, kcb);
		return 1;
	}
	if (*addr != INT3_INSN_OPCODE) {
		/* The probe was removed between the trap and here: run what is there now. */
		regs->ip = (unsigned long)addr;
		return 1;
	}
	return 0;
}
NOKPROBE_SYMBOL(kprobe_int3_handler);

int kprobe_page_fault(struct pt_regs *regs, unsigned int trapnr)
{
	struct kprobe_ctlblk *kcb = &kprobe_ctlblk;

	(void)trapnr;
	if (user_mode(regs) || !is_stepping(kcb) || regs->ip != (unsigned long)current_kprobe->ainsn.insn)
		return 0;
	/* The copy faulted: the fault belongs to the probed address, and the probe is over (C17). */
	regs->ip = (unsigned long)current_kprobe->addr;
	regs->flags |= kcb->saved_flags;
	if (kcb->status == KPROBE_REENTER)
		restore_previous_kprobe(kcb);
	else
		current_kprobe = NULL;
	return 0;
}
NOKPROBE_SYMBOL(kprobe_page_fault);
