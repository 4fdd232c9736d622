// SPDX-License-Identifier: MIT
/*
 * Reports of the kernel's own errors, in Linux's format, and the end of the task or of the machine.
 * (Documentation/admin-guide/bug-hunting.rst)
 */
#include <kernel/bug.h>
#include <kernel/init.h>
#include <kernel/io.h>
#include <kernel/irq.h>
#include <kernel/kallsyms.h>
#include <kernel/kdebug.h>
#include <kernel/kernel.h>
#include <kernel/proc_fs.h>
#include <kernel/mm.h>
#include <kernel/ptrace.h>
#include <kernel/msr.h>
#include <kernel/reboot.h>
#include <kernel/sched.h>
#include <kernel/uaccess.h>
#include <generated/platform.h>
#include "unwind.h"

#define PVPANIC_PANICKED 1

static unsigned int oops_count;
static bool panicking;
static int panic_on_oops, panic_on_warn;
static unsigned int tainted;		/* Documentation/admin-guide/tainted-kernels.rst */

static int __init oops_setup(char *value)
{
	if (!strcmp(value, "panic"))
		panic_on_oops = 1;
	return 1;
}
early_param("oops", oops_setup);

static int __init panic_on_warn_setup(char *value)
{
	panic_on_warn = 1;
	return 1;
}
early_param("panic_on_warn", panic_on_warn_setup);

/* panic=N: restart N seconds later (N < 0: at once); 0, the default: stay. */
static int panic_timeout;

static int __init panic_setup(char *value)
{
	return !kstrtoint(value, 0, &panic_timeout);
}
early_param("panic", panic_setup);

/* An exception that cannot be delivered: the processor shuts down, and the machine starts anew. */
static void __noreturn triple_fault(void)
{
	struct { u16 size; u64 address; } __packed none = { 0, 0 };

	__asm__ __volatile__("lidt %0; int3" : : "m" (none));
	machine_halt();
}

const char *print_tainted(void)
{
	static const char letters[] = "PFSRMBUDAWCIOELKXTN";
	static char text[sizeof("Tainted: ") + sizeof(letters)];
	char *to = text + sprintf(text, "Tainted: ");

	if (!tainted)
		return "Not tainted";
	/* Without a proprietary module, the first is G. */
	for (unsigned int bit = 0; letters[bit]; bit++)
		*to++ = tainted & 1u << bit ? letters[bit] : bit ? ' ' : 'G';
	*to = '\0';
	return text;
}

void add_taint(unsigned int flag)
{
	tainted |= 1u << flag;
}

static void print_header(void)
{
	printk("%sCPU: %d PID: %d Comm: %.20s %s %s %.*s\n", KERN_DEFAULT, 0, current->pid, current->comm, print_tainted(),
	       UTS_RELEASE, (int)strlen(UTS_VERSION), UTS_VERSION);
	printk("%sHardware name: enomem\n", KERN_DEFAULT);
}

/* The bytes around the instruction, the instruction's first in angle brackets. */
static void show_opcodes(struct pt_regs *regs)
{
	unsigned char bytes[64];
	char text[64 * 3 + 8];
	int n = 0;
	unsigned long start = regs->ip - 42;

	if (user_mode(regs) ? copy_from_user_nofault(bytes, (void __user *)start, sizeof(bytes)) :
			      copy_from_kernel_nofault(bytes, (void *)start, sizeof(bytes))) {
		printk("%sCode: Unable to access opcode bytes at 0x%lx.\n", KERN_DEFAULT, start);
		return;
	}
	for (int i = 0; i < 64; i++)
		n += sprintf(text + n, i == 42 ? " <%02x>" : " %02x", bytes[i]);
	printk("%sCode:%s\n", KERN_DEFAULT, text);
}

static void show_ip(struct pt_regs *regs)
{
	if (user_mode(regs))
		printk("%sRIP: %04x:0x%lx\n", KERN_DEFAULT, (int)regs->cs, regs->ip);
	else
		printk("%sRIP: %04x:%pS\n", KERN_DEFAULT, (int)regs->cs, (void *)regs->ip);
	show_opcodes(regs);
}

static void show_general(struct pt_regs *regs)
{
	show_ip(regs);
	printk("RSP: %04x:%016lx EFLAGS: %08lx", (int)regs->ss, regs->sp, regs->flags);
	if (regs->orig_ax != -1UL)
		pr_cont(" ORIG_RAX: %016lx\n", regs->orig_ax);
	else
		pr_cont("\n");
	printk("RAX: %016lx RBX: %016lx RCX: %016lx\n", regs->ax, regs->bx, regs->cx);
	printk("RDX: %016lx RSI: %016lx RDI: %016lx\n", regs->dx, regs->si, regs->di);
	printk("RBP: %016lx R08: %016lx R09: %016lx\n", regs->bp, regs->r8, regs->r9);
	printk("R10: %016lx R11: %016lx R12: %016lx\n", regs->r10, regs->r11, regs->r12);
	printk("R13: %016lx R14: %016lx R15: %016lx\n", regs->r13, regs->r14, regs->r15);
}

static void show_system_registers(struct pt_regs *regs)
{
	printk("FS:  %016llx(%04x) GS:%016llx(%04x) knlGS:%016llx\n", rdmsrl_value(MSR_FS_BASE), 0,
	       rdmsrl_value(MSR_GS_BASE), 0, rdmsrl_value(MSR_KERNEL_GS_BASE));
	printk("CS:  %04x DS: %04x ES: %04x CR0: %016lx\n", (int)regs->cs, 0, 0, read_cr0());
	printk("CR2: %016lx CR3: %016lx CR4: %016lx\n", read_cr2(), read_cr3(), read_cr4());
}

void show_trace(struct pt_regs *regs, struct task_struct *task, const char *level)
{
	struct unwind_state state;

	printk("%sCall Trace:\n", level);
	printk("%s <TASK>\n", level);
	unwind_start(&state, task ? task : current, regs, regs ? 0 : task && task != current ? 0 :
		     (unsigned long)__builtin_frame_address(0));
	/* The interrupted function itself is shown by RIP. */
	if (regs && !unwind_done(&state))
		unwind_next(&state);
	else if (regs)
		return (void)printk("%s </TASK>\n", level);
	for (int n = 0; !unwind_done(&state) && n < 64; n++) {
		if (state.regs) {
			struct pt_regs *inner = state.regs;

			show_general(inner);
			unwind_next(&state);
			continue;
		}
		printk("%s %pB\n", level, (void *)state.ip);
		unwind_next(&state);
	}
	printk("%s </TASK>\n", level);
}

notrace void dump_stack(void)
{
	print_header();
	show_trace(NULL, NULL, KERN_DEFAULT);
}

void show_regs(struct pt_regs *regs)
{
	print_header();
	show_general(regs);
	show_system_registers(regs);
	if (!user_mode(regs))
		show_trace(regs, NULL, KERN_DEFAULT);
}

void show_stack(struct task_struct *task, unsigned long *sp)
{
	show_trace(NULL, task, KERN_DEFAULT);
}

static void print_oops_end_marker(void)
{
	pr_warn("---[ end trace %016llx ]---\n", 0ULL);
}

static void __noreturn oops_end(struct pt_regs *regs)
{
	add_taint(TAINT_DIE);
	print_oops_end_marker();
	/* Linux shows the place again, in case that the rest scrolled away. */
	show_general(regs);
	show_system_registers(regs);
	if (in_interrupt())
		panic("Fatal exception in interrupt");
	if (panic_on_oops)
		panic("Fatal exception");
	if (!current->pid)
		panic("Attempted to kill the idle task!");
	local_irq_enable();
	/* The task's user memory must not be waited for any more. */
	current->pagefault_disabled = 0;
	do_exit(SIGKILL);
}

void die(const char *str, struct pt_regs *regs, long err)
{
	printk_bust();
	printk(KERN_DEFAULT "%s: %04lx [#%d] %s\n", str, err & 0xffff, ++oops_count, "NOPTI");
	notify_die(DIE_OOPS, str, regs, err, 0, SIGSEGV);
	show_regs(regs);
	oops_end(regs);
}

/* ---- BUG and WARN ---- */

extern struct bug_entry __start___bug_table[], __stop___bug_table[];

struct bug_entry *find_bug(unsigned long addr)
{
	for (struct bug_entry *bug = __start___bug_table; bug < __stop___bug_table; bug++)
		if ((unsigned long)&bug->bug_addr_disp + bug->bug_addr_disp == addr)
			return bug;
	return NULL;
}

static bool warn_printed;

void __warn_printk(const char *fmt, ...)
{
	va_list args;

	pr_warn("------------[ cut here ]------------\n");
	va_start(args, fmt);
	vprintk(fmt, args);
	va_end(args);
	warn_printed = true;
}

notrace enum bug_trap_type report_bug(unsigned long addr, struct pt_regs *regs)
{
	struct bug_entry *bug = find_bug(addr);
	const char *file;

	if (!bug)
		return BUG_TRAP_TYPE_NONE;
	file = (const char *)&bug->file_disp + bug->file_disp;
	if (bug->flags & BUGFLAG_WARNING) {
		if (bug->flags & BUGFLAG_ONCE) {
			if (bug->flags & BUGFLAG_DONE)
				return BUG_TRAP_TYPE_WARN;
			bug->flags |= BUGFLAG_DONE;
		}
		if (!warn_printed)
			pr_warn("------------[ cut here ]------------\n");
		warn_printed = false;
		pr_warn("WARNING: CPU: %d PID: %d at %s:%d %pS\n", 0, current->pid, file, bug->line, (void *)addr);
		if (panic_on_warn)
			panic("panic_on_warn set ...\n");
		show_regs(regs);
		add_taint(TAINT_WARN);
		print_oops_end_marker();
		return BUG_TRAP_TYPE_WARN;
	}
	printk_bust();
	printk(KERN_DEFAULT "------------[ cut here ]------------\n");
	printk(KERN_CRIT "kernel BUG at %s:%u!\n", file, bug->line);
	return BUG_TRAP_TYPE_BUG;
}

/* ---- panic ---- */

void panic(const char *fmt, ...)
{
	static char text[512];
	va_list args;

	local_irq_disable();
	printk_bust();
	if (panicking)
		machine_halt();
	panicking = true;
	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (text[0] && text[strlen(text) - 1] == '\n')
		text[strlen(text) - 1] = '\0';
	printk(KERN_EMERG "Kernel panic - not syncing: %s\n", text);
	if (!oops_count && current)
		dump_stack();
	printk(KERN_EMERG "---[ end Kernel panic - not syncing: %s ]---\n", text);
	outb(PVPANIC_PANICKED, PLATFORM_PVPANIC_PORT);
	if (panic_timeout) {
		if (panic_timeout > 0)
			mdelay(panic_timeout * 1000UL);
		triple_fault();
	}
	machine_halt();
}

static int oops_sysctl_init(void)
{
	proc_sys_create_int("kernel/panic", 0644, &panic_timeout, INT_MIN, INT_MAX, NULL);
	proc_sys_create_int("kernel/panic_on_oops", 0644, &panic_on_oops, INT_MIN, INT_MAX, NULL);
	proc_sys_create_int("kernel/panic_on_warn", 0644, &panic_on_warn, 0, 1, NULL);
	return proc_sys_create_int("kernel/tainted", 0444, (int *)&tainted, 0, INT_MAX, NULL);
}
device_initcall(oops_sysctl_init);
