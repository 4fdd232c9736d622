// SPDX-License-Identifier: MIT
/*
 * The way back to user mode: rescheduling, signal frames, system call restarts. The frame is Linux's for x86-64:
 * return address (the restorer), struct ucontext, siginfo; floating-point state above. (asm/ucontext.h, asm/sigcontext.h)
 */
#include <asm/processor-flags.h>
#include <asm/sigcontext.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/mm.h>
#include <kernel/ptrace.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include <kernel/uprobes.h>
#include <trace/events/syscalls.h>
#include "../process/process.h"
#include "../process/signal.h"
#include "arch.h"

#define UC_FP_XSTATE		0x1
#define UC_SIGCONTEXT_SS	0x2
#define UC_STRICT_RESTORE_SS	0x4
#define RED_ZONE_SIZE		128
#define USER_FLAGS (X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_TF | \
		    X86_EFLAGS_DF | X86_EFLAGS_OF | X86_EFLAGS_RF | X86_EFLAGS_AC)

/* <asm/sigcontext.h> has two views of this; here is the kernel's. */
struct sigcontext_kernel {
	unsigned long r8, r9, r10, r11, r12, r13, r14, r15;
	unsigned long di, si, bp, bx, dx, ax, cx, sp, ip, flags;
	unsigned short cs, gs, fs, ss;
	unsigned long err, trapno, oldmask, cr2;
	struct fxregs_state __user *fpstate;
	unsigned long reserved[8];
};

struct ucontext_kernel {
	unsigned long uc_flags;
	void __user *uc_link;
	stack_t uc_stack;
	struct sigcontext_kernel uc_mcontext;
	sigset_t uc_sigmask;
};

struct rt_sigframe {
	void __user *pretcode;
	struct ucontext_kernel uc;
	siginfo_t info;
};

static struct fxregs_state initial_fpu;

void fpu_init(void)
{
	u32 mxcsr = 0x1f80;

	__asm__ __volatile__("fninit; ldmxcsr %1; fxsave64 %0" : "=m" (initial_fpu) : "m" (mxcsr));
	/* Registers nobody has written yet. */
	memset(initial_fpu.bytes + 32, 0, 384);
}

void fpu_reset(struct task_struct *task)
{
	task->thread.fxregs = initial_fpu;
	if (task == current)
		__asm__ __volatile__("fxrstor64 %0" : : "m" (task->thread.fxregs));
}

static bool on_altstack(unsigned long sp)
{
	return sp > current->sas_ss_sp && sp - current->sas_ss_sp <= current->sas_ss_size;
}

static unsigned long *frame_place(struct pt_regs *regs, const struct k_sigaction *sa, struct fxregs_state __user **fpstate)
{
	unsigned long sp = regs->sp - RED_ZONE_SIZE;

	if ((sa->sa_flags & SA_ONSTACK) && current->sas_ss_size && !on_altstack(regs->sp))
		sp = current->sas_ss_sp + current->sas_ss_size;
	sp = ALIGN_DOWN(sp - sizeof(struct fxregs_state), 64);
	*fpstate = (void __user *)sp;
	sp -= sizeof(struct rt_sigframe);
	/* As if the handler had been called: 8 bytes off a multiple of 16. */
	sp = ALIGN_DOWN(sp + 8, 16) - 8;
	return (void *)sp;
}

static int setup_frame(int sig, const struct k_sigaction *sa, kernel_siginfo_t *info, struct pt_regs *regs)
{
	struct fxregs_state __user *fpstate;
	struct rt_sigframe __user *frame = (void __user *)frame_place(regs, sa, &fpstate);
	struct rt_sigframe f;
	struct sigcontext_kernel *sc = &f.uc.uc_mcontext;

	if (!(sa->sa_flags & SA_RESTORER))
		return -EFAULT;
	memset(&f, 0, sizeof(f));
	f.pretcode = sa->sa_restorer;
	f.uc.uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	f.uc.uc_stack.ss_sp = (void *)current->sas_ss_sp;
	f.uc.uc_stack.ss_size = current->sas_ss_size;
	f.uc.uc_stack.ss_flags = !current->sas_ss_size ? SS_DISABLE : on_altstack(regs->sp) ? SS_ONSTACK : 0;
	*sc = (struct sigcontext_kernel){
		.r8 = regs->r8, .r9 = regs->r9, .r10 = regs->r10, .r11 = regs->r11, .r12 = regs->r12, .r13 = regs->r13,
		.r14 = regs->r14, .r15 = regs->r15, .di = regs->di, .si = regs->si, .bp = regs->bp, .bx = regs->bx,
		.dx = regs->dx, .ax = regs->ax, .cx = regs->cx, .sp = regs->sp, .ip = regs->ip, .flags = regs->flags,
		.cs = regs->cs, .ss = regs->ss, .err = current->thread.error_code, .trapno = current->thread.trap_nr,
		.oldmask = current->restore_sigmask ? current->saved_sigmask : current->blocked,
		.cr2 = current->thread.cr2, .fpstate = fpstate,
	};
	f.uc.uc_sigmask = sc->oldmask;
	f.info = *info;
	__asm__ __volatile__("fxsave64 %0" : "=m" (current->thread.fxregs));
	if (copy_to_user(fpstate, &current->thread.fxregs, sizeof(*fpstate)) || copy_to_user(frame, &f, sizeof(f)))
		return -EFAULT;
	regs->di = sig;
	regs->si = (unsigned long)&frame->info;
	regs->dx = (unsigned long)&frame->uc;
	regs->ax = 0;
	regs->ip = (unsigned long)sa->sa_handler;
	regs->sp = (unsigned long)frame;
	regs->cs = __USER_CS;
	regs->ss = __USER_DS;
	regs->flags &= ~(X86_EFLAGS_DF | X86_EFLAGS_RF | X86_EFLAGS_TF);
	return 0;
}

SYSCALL_DEFINE0(rt_sigreturn)
{
	struct pt_regs *r = task_pt_regs(current);
	struct rt_sigframe __user *frame = (void __user *)(r->sp - sizeof(long));
	struct ucontext_kernel uc;
	struct sigcontext_kernel *sc = &uc.uc_mcontext;
	u32 mxcsr_mask = 0xffff;

	if (copy_from_user(&uc, &frame->uc, sizeof(uc)))
		goto bad;
	current->restart_block.fn = NULL;
	set_current_blocked(uc.uc_sigmask);
	*r = (struct pt_regs){
		.r8 = sc->r8, .r9 = sc->r9, .r10 = sc->r10, .r11 = sc->r11, .r12 = sc->r12, .r13 = sc->r13, .r14 = sc->r14,
		.r15 = sc->r15, .di = sc->di, .si = sc->si, .bp = sc->bp, .bx = sc->bx, .dx = sc->dx, .ax = sc->ax,
		.cx = sc->cx, .sp = sc->sp, .ip = sc->ip, .cs = __USER_CS, .ss = __USER_DS, .orig_ax = -1UL,
		.flags = (r->flags & ~USER_FLAGS) | (sc->flags & USER_FLAGS),
	};
	if (sc->fpstate) {
		if (copy_from_user(&current->thread.fxregs, sc->fpstate, sizeof(current->thread.fxregs)))
			goto bad;
		*(u32 *)(current->thread.fxregs.bytes + 24) &= mxcsr_mask;
		__asm__ __volatile__("fxrstor64 %0" : : "m" (current->thread.fxregs));
	} else {
		fpu_reset(current);
	}
	current->sas_ss_sp = (unsigned long)uc.uc_stack.ss_sp;
	current->sas_ss_size = uc.uc_stack.ss_flags & SS_DISABLE ? 0 : uc.uc_stack.ss_size;
	return r->ax;
bad:
	force_sig(SIGSEGV);
	return 0;
}


static bool is_restart(long ret)
{
	return ret == -ERESTARTSYS || ret == -ERESTARTNOINTR || ret == -ERESTARTNOHAND || ret == -ERESTART_RESTARTBLOCK;
}

static void handle_signal(int sig, struct k_sigaction *sa, kernel_siginfo_t *info, struct pt_regs *regs)
{
	if ((long)regs->orig_ax >= 0 && is_restart(regs->ax)) {
		if (regs->ax == -ERESTARTNOINTR || (regs->ax == -ERESTARTSYS && (sa->sa_flags & SA_RESTART))) {
			regs->ax = regs->orig_ax;
			regs->ip -= 2;
		} else {
			regs->ax = -EINTR;
		}
	}
	regs->orig_ax = -1UL;
	if (setup_frame(sig, sa, info, regs)) {
		/* The handler of SIGSEGV itself cannot be reached: end. */
		if (sig == SIGSEGV)
			current->sighand->action[SIGSEGV - 1].sa_handler = SIG_DFL;
		force_sig(SIGSEGV);
		return;
	}
	current->restore_sigmask = false;
	set_current_blocked(current->blocked | sa->sa_mask | (sa->sa_flags & SA_NODEFER ? 0 : sigmask(sig)));
}

static void do_signal(struct pt_regs *regs)
{
	struct k_sigaction sa;
	kernel_siginfo_t info;
	int sig = get_signal(&info, &sa);

	if (sig) {
		handle_signal(sig, &sa, &info, regs);
		return;
	}
	if ((long)regs->orig_ax >= 0 && is_restart(regs->ax)) {
		regs->ax = regs->ax == -ERESTART_RESTARTBLOCK ? __NR_restart_syscall : (long)regs->orig_ax;
		regs->ip -= 2;
		regs->orig_ax = -1UL;
	}
	if (current->restore_sigmask) {
		current->restore_sigmask = false;
		set_current_blocked(current->saved_sigmask);
	}
}

void exit_to_user_mode_loop(struct pt_regs *regs)
{
	/* Neither sysretq nor iretq may see an address that is not canonical. */
	if (unlikely(regs->ip >= TASK_SIZE_MAX + PAGE_SIZE && (long)regs->ip >> 47 != -1))
		force_sig(SIGSEGV);
	if (unlikely(current->lockdep_depth))
		lockdep_sys_exit();
	while (current->need_resched || current->sigpending || current->restore_sigmask) {
		bool deny;

		local_irq_enable();
		if (current->need_resched)
			schedule();
		deny = (current->sigpending || current->restore_sigmask) && uprobe_deny_signal(regs);
		if (!deny && (current->sigpending || current->restore_sigmask))
			do_signal(regs);
		local_irq_disable();
		if (deny && !current->need_resched)
			break;
	}
}

notrace void irqentry_exit_to_user_mode(struct pt_regs *regs)
{
	/* Interrupts and exceptions are no system calls to be restarted. */
	regs->orig_ax = -1UL;
	exit_to_user_mode_loop(regs);
}
NOKPROBE_SYMBOL(irqentry_exit_to_user_mode);

void syscall_exit_to_user_mode(struct pt_regs *regs)
{
	trace_sys_exit(regs, regs->ax);
	local_irq_disable();
	exit_to_user_mode_loop(regs);
}
NOKPROBE_SYMBOL(syscall_exit_to_user_mode);
