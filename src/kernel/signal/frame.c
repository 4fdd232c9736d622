// SPDX-License-Identifier: MIT
/*
 * The signal frame of x86-64: what a handler finds on its stack, and rt_sigreturn(2), which restores from it. The layout
 * is Linux's, because libc's unwinders and debuggers know it. (<asm/sigcontext.h>, <asm/ucontext.h>)
 */
#include <kernel/signal.h>
#include <asm/processor-flags.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/ptrace.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include <linux/signal.h>
#include "signal-internal.h"

#define UC_SIGCONTEXT_SS	0x2
#define UC_STRICT_RESTORE_SS	0x4
#define RED_ZONE		128
#define FXSAVE_MXCSR		24
#define FXSAVE_MXCSR_MASK	0xffff

/* Flags that a handler's return may change. */
#define RESTORABLE_FLAGS (X86_EFLAGS_AC | X86_EFLAGS_OF | X86_EFLAGS_DF | X86_EFLAGS_TF | X86_EFLAGS_SF | X86_EFLAGS_ZF | \
			  X86_EFLAGS_AF | X86_EFLAGS_PF | X86_EFLAGS_CF | X86_EFLAGS_RF)

struct rt_sigframe {
	void __user *pretcode;
	struct ucontext uc;
	kernel_siginfo_t info;
	/* the FXSAVE image lies above, aligned to 64 */
};

static bool on_sig_stack(const struct pt_regs *regs)
{
	return regs->sp > current->sas_ss_sp && regs->sp - current->sas_ss_sp <= current->sas_ss_size;
}

static unsigned long choose_stack(const struct k_sigaction *action, const struct pt_regs *regs)
{
	if ((action->sa_flags & SA_ONSTACK) && current->sas_ss_size && !on_sig_stack(regs))
		return current->sas_ss_sp + current->sas_ss_size;
	return regs->sp - RED_ZONE;
}

static void save_registers(struct sigcontext *sc, const struct pt_regs *regs, const sigset_t *mask)
{
	sc->r8 = regs->r8;
	sc->r9 = regs->r9;
	sc->r10 = regs->r10;
	sc->r11 = regs->r11;
	sc->r12 = regs->r12;
	sc->r13 = regs->r13;
	sc->r14 = regs->r14;
	sc->r15 = regs->r15;
	sc->rdi = regs->di;
	sc->rsi = regs->si;
	sc->rbp = regs->bp;
	sc->rbx = regs->bx;
	sc->rdx = regs->dx;
	sc->rax = regs->ax;
	sc->rcx = regs->cx;
	sc->rsp = regs->sp;
	sc->rip = regs->ip;
	sc->eflags = regs->flags;
	sc->cs = regs->cs;
	sc->ss = regs->ss;
	sc->err = current->thread.error_code;
	sc->trapno = current->thread.trap_nr;
	sc->oldmask = *(const unsigned long *)mask;
	sc->cr2 = current->thread.cr2;
}

int setup_rt_frame(int sig, const struct k_sigaction *action, const kernel_siginfo_t *info, sigset_t *mask, struct pt_regs *regs)
{
	unsigned long sp = choose_stack(action, regs), fp;
	struct fxregs_state fx;
	struct rt_sigframe frame;
	struct rt_sigframe __user *user;

	if (!(action->sa_flags & SA_RESTORER))
		return -EFAULT;
	fp = ALIGN_DOWN(sp - sizeof(fx), 64);
	user = (void __user *)(ALIGN_DOWN(fp - sizeof(frame), 16) - 8);

	memset(&frame, 0, sizeof(frame));
	frame.pretcode = action->sa_restorer;
	frame.uc.uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	frame.uc.uc_stack.ss_sp = (void *)current->sas_ss_sp;
	frame.uc.uc_stack.ss_flags = current->sas_ss_size ? (on_sig_stack(regs) ? SS_ONSTACK : 0) : SS_DISABLE;
	frame.uc.uc_stack.ss_size = current->sas_ss_size;
	save_registers(&frame.uc.uc_mcontext, regs, mask);
	frame.uc.uc_mcontext.fpstate = (void *)fp;
	frame.uc.uc_sigmask = *mask;
	frame.info = *info;
	/* The kernel itself uses no FPU registers: they still hold the task's. */
	asm volatile("fxsave64 %0" : "=m"(fx));
	if (copy_to_user((void __user *)fp, &fx, sizeof(fx)) || copy_to_user(user, &frame, sizeof(frame)))
		return -EFAULT;

	regs->di = sig;
	regs->si = (unsigned long)&user->info;
	regs->dx = (unsigned long)&user->uc;
	regs->ax = 0;
	regs->ip = (unsigned long)action->sa_handler;
	regs->sp = (unsigned long)user;
	regs->cs = __USER_CS;
	regs->ss = __USER_DS;
	regs->flags &= ~(X86_EFLAGS_DF | X86_EFLAGS_RF | X86_EFLAGS_TF);
	return 0;
}

static int restore_fpu(const void __user *from)
{
	struct fxregs_state fx;

	if (!from)
		return 0;
	if (copy_from_user(&fx, from, sizeof(fx)))
		return -EFAULT;
	*(u32 *)(fx.bytes + FXSAVE_MXCSR) &= FXSAVE_MXCSR_MASK;	/* reserved bits would fault */
	asm volatile("fxrstor64 %0" : : "m"(fx));
	return 0;
}

static void restore_registers(struct pt_regs *regs, const struct sigcontext *sc)
{
	regs->r8 = sc->r8;
	regs->r9 = sc->r9;
	regs->r10 = sc->r10;
	regs->r11 = sc->r11;
	regs->r12 = sc->r12;
	regs->r13 = sc->r13;
	regs->r14 = sc->r14;
	regs->r15 = sc->r15;
	regs->di = sc->rdi;
	regs->si = sc->rsi;
	regs->bp = sc->rbp;
	regs->bx = sc->rbx;
	regs->dx = sc->rdx;
	regs->ax = sc->rax;
	regs->cx = sc->rcx;
	regs->sp = sc->rsp;
	regs->ip = sc->rip;
	regs->cs = sc->cs | 3;
	regs->ss = __USER_DS;
	regs->flags = (regs->flags & ~RESTORABLE_FLAGS) | (sc->eflags & RESTORABLE_FLAGS);
	regs->orig_ax = -1;	/* no system call to restart */
}

SYSCALL_DEFINE0(rt_sigreturn)
{
	/* ret has taken pretcode off the stack. */
	struct rt_sigframe __user *user = (void __user *)(task_pt_regs(current)->sp - sizeof(long));
	struct pt_regs *to = task_pt_regs(current);
	struct rt_sigframe frame;

	if (copy_from_user(&frame, user, sizeof(frame)))
		goto bad;
	*sigbits(&frame.uc.uc_sigmask) &= ~(sigmask(SIGKILL) | sigmask(SIGSTOP));
	current->blocked = frame.uc.uc_sigmask;
	recalc_sigpending();
	restore_registers(to, &frame.uc.uc_mcontext);
	if (restore_fpu((const void __user *)frame.uc.uc_mcontext.fpstate))
		goto bad;
	current->sas_ss_sp = (unsigned long)frame.uc.uc_stack.ss_sp;
	current->sas_ss_size = frame.uc.uc_stack.ss_flags & SS_DISABLE ? 0 : frame.uc.uc_stack.ss_size;
	return to->ax;
bad:
	force_sig(SIGSEGV);
	return 0;
}
