// SPDX-License-Identifier: MIT
/*
 * Self test of kprobes, run at the end of booting with the boot option `kprobes_selftest`: instructions of every kind
 * must do with a probe on them what they do without one, with handlers seeing each hit; some must take no probe at all.
 * The instructions are in x86/selftest_insns.S. (semantics C5, C6, C9, C14 to C17)
 */
#include <asm/processor-flags.h>
#include <kernel/err.h>
#include <kernel/init.h>
#include <kernel/irqflags.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/printk.h>
#include <kernel/string.h>

struct selftest_regs {
	unsigned long ax, cx, dx, bx, flags, path;
};

struct selftest_insn {
	const char *name;
	void (*run)(struct selftest_regs *regs);
	union {
		kprobe_opcode_t *addr;		/* of the instruction */
		long error;			/* of an instruction that is refused */
	};
};

extern const struct selftest_insn kprobe_selftest_insns[], kprobe_selftest_refused[];

#define NR_STATES 64

static unsigned int pre_hits, post_hits;

static int pre_handler(struct kprobe *p, struct pt_regs *regs)
{
	pre_hits++;
	return 0;
}

static void post_handler(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
	post_hits++;
}

/* Every combination of the flags that conditions look at, and small counts. */
static struct selftest_regs state(unsigned int n)
{
	unsigned long flags = X86_EFLAGS_FIXED | (n & 1 ? X86_EFLAGS_CF : 0) | (n & 2 ? X86_EFLAGS_PF : 0) |
			      (n & 4 ? X86_EFLAGS_ZF : 0) | (n & 8 ? X86_EFLAGS_SF : 0) | (n & 16 ? X86_EFLAGS_OF : 0);
	/* Upper halves that an address size of 32 bits must not look at. */
	static const unsigned long counts[] = { 2, 0x100000002UL, 5, 0x500000000UL | 3 };

	return (struct selftest_regs){
		.ax = 0x1111111111111111UL * (n % 16), .cx = counts[n / 2 % 4], .dx = X86_EFLAGS_FIXED | (n * 37 & 0x8d5),
		.bx = n, .flags = flags,
	};
}

static void run(const struct selftest_insn *insn, struct selftest_regs *results)
{
	unsigned long flags;

	local_irq_save(flags);
	for (unsigned int n = 0; n < NR_STATES; n++) {
		results[n] = state(n);
		insn->run(&results[n]);
		local_irq_disable();
	}
	local_irq_restore(flags);
}

/* With an address size of 32 bits the processor clears the counter's upper half; Linux's emulation leaves it. */
static void forget_upper_half(struct selftest_regs *results)
{
	for (unsigned int n = 0; n < NR_STATES; n++)
		results[n].cx = (u32)results[n].cx;
}

static bool check(const struct selftest_insn *insn)
{
	static struct selftest_regs without[NR_STATES], with[NR_STATES];
	struct kprobe probe = { .addr = insn->addr, .pre_handler = pre_handler, .post_handler = post_handler };
	bool faults = !strcmp(insn->name, "load_fault");
	unsigned int differ = 0;
	int ret;

	run(insn, without);
	pre_hits = post_hits = 0;
	ret = register_kprobe(&probe);
	if (ret) {
		pr_err("kprobes selftest: %s: refused, %d\n", insn->name, ret);
		return false;
	}
	run(insn, with);
	unregister_kprobe(&probe);
	if (!strcmp(insn->name, "loop_addr32")) {
		forget_upper_half(without);
		forget_upper_half(with);
	}
	for (unsigned int n = 0; n < NR_STATES; n++)
		if (memcmp(&with[n], &without[n], sizeof(with[n])))
			differ++;
	/* What faults has not been carried out: no post handler. */
	if (!differ && pre_hits == NR_STATES && post_hits == (faults ? 0 : NR_STATES) && !probe.nmissed)
		return true;
	pr_err("kprobes selftest: %s: %u of %u states differ, %u hits, %u after\n", insn->name, differ, NR_STATES, pre_hits,
	       post_hits);
	return false;
}

/* Linux's emulation of loop tests the counter before it counts, so 1 goes round once more. Ours does too. (C9) */
static bool check_loop_at_one(const struct selftest_insn *insn)
{
	struct selftest_regs without = { .cx = 1, .flags = X86_EFLAGS_FIXED }, with = without;
	struct kprobe probe = { .addr = insn->addr, .pre_handler = pre_handler };
	unsigned long flags;

	if (register_kprobe(&probe))
		return false;
	local_irq_save(flags);
	insn->run(&with);
	local_irq_restore(flags);
	unregister_kprobe(&probe);
	local_irq_save(flags);
	insn->run(&without);
	local_irq_restore(flags);
	return with.path == 2 && with.cx == 0 && without.path == 1 && without.cx == 0;
}

static bool check_refused(const struct selftest_insn *insn)
{
	struct kprobe probe = { .addr = (kprobe_opcode_t *)insn->run, .pre_handler = pre_handler };
	int ret = register_kprobe(&probe);

	if (!ret)
		unregister_kprobe(&probe);
	if (ret == insn->error)
		return true;
	pr_err("kprobes selftest: %s: %d instead of %ld\n", insn->name, ret, insn->error);
	return false;
}

static bool wanted;

static int __init selftest_setup(char *value)
{
	wanted = true;
	return 1;
}
early_param("kprobes_selftest", selftest_setup);

static int __init kprobes_selftest(void)
{
	const struct selftest_insn *insn;
	unsigned int run = 0, good = 0, refused = 0, good_refused = 0;

	if (!wanted)
		return 0;
	for (insn = kprobe_selftest_insns; insn->name; insn++, run++)
		good += check(insn) && (strcmp(insn->name, "loop") || check_loop_at_one(insn));
	for (insn = kprobe_selftest_refused; insn->name; insn++, refused++)
		good_refused += check_refused(insn);
	pr_info("kprobes selftest: %u of %u instructions as without a probe, %u of %u refused\n", good, run, good_refused,
		refused);
	return 0;
}
late_initcall(kprobes_selftest);
