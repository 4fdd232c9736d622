// SPDX-License-Identifier: MIT
/* Signals: actions and their flags, masks, waiting, timers, what siginfo_t says of faults. */
#include "report.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

static volatile int count, depth, deepest, last, code, pid_right, on_stack;
static void *volatile address;
static sigjmp_buf back;

static void note(int signal, siginfo_t *info, void *context)
{
	stack_t now;

	last = signal, code = info->si_code, address = info->si_addr;
	pid_right = info->si_pid == getpid();
	sigaltstack(NULL, &now);
	on_stack = now.ss_flags;
	count++;
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (count < 3)
		raise(signal);
	depth--;
	(void)context;
}

static void catch(int signal, int flags, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };

	if (sigaction(signal, &action, NULL) < 0)
		say("sigaction %d: %s", signal, error_name(errno));
}

static void once(int signal, siginfo_t *info, void *context)
{
	last = signal, code = info->si_code, address = info->si_addr, count++;
	(void)context;
}

FAMILY(signal_actions)
{
	struct sigaction old;
	int pipes[2], fd;
	char byte;
	stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };

	catch(SIGUSR1, 0, note);
	SHOW(raise(SIGUSR1));
	say("plain: %d deliveries, %d deep, code %d, from me %d", count, deepest, code, pid_right);
	count = deepest = 0;
	catch(SIGUSR1, SA_NODEFER, note);
	SHOW(kill(getpid(), SIGUSR1));
	say("SA_NODEFER: %d deliveries, %d deep, code %d, from me %d", count, deepest, code, pid_right);
	SHOW(sigaltstack(&stack, NULL));
	catch(SIGUSR1, SA_ONSTACK | SA_RESETHAND, once);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &old);
	say("SA_RESETHAND: now %s, flags %#x", old.sa_handler == SIG_DFL ? "default" : "other", old.sa_flags);
	catch(SIGUSR1, SA_ONSTACK, note);
	raise(SIGUSR1);
	say("SA_ONSTACK: flags %d", on_stack);
	stack.ss_size = 100;
	SHOW(sigaltstack(&stack, NULL));
	stack.ss_flags = 77;
	SHOW(sigaltstack(&stack, NULL));
	stack.ss_flags = SS_DISABLE;
	SHOW(sigaltstack(&stack, NULL));
	SHOW(sigaction(SIGKILL, NULL, NULL));
	SHOW(sigaction(SIGKILL, &old, NULL));
	SHOW(sigaction(SIGSTOP, &old, NULL));
	SHOW(sigaction(SIGKILL, NULL, &old));
	SHOW(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8));
	SHOW(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
	SHOW(syscall(SYS_rt_sigaction, 64, NULL, NULL, 8));
	SHOW(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
	SHOW(syscall(SYS_rt_sigaction, SIGUSR1, (void *)8, NULL, 8));
	SHOW(syscall(SYS_rt_sigprocmask, 99, &old, NULL, 8));
	SHOW(syscall(SYS_rt_sigprocmask, 99, NULL, NULL, 8));
	SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, (void *)8, NULL, 8));

	pipe(pipes);
	catch(SIGALRM, SA_RESTART, once);
	count = 0;
	if (!fork()) {
		sleep_ms(50);
		kill(getppid(), SIGALRM);
		sleep_ms(50);
		write(pipes[1], "x", 1);
		_exit(0);
	}
	SHOW(read(pipes[0], &byte, 1));
	VALUE(count);
	wait(NULL);
	catch(SIGALRM, 0, once);
	if (!fork()) {
		sleep_ms(50);
		kill(getppid(), SIGALRM);
		_exit(0);
	}
	SHOW(read(pipes[0], &byte, 1));
	wait(NULL);
	signal(SIGPIPE, SIG_IGN);
	close(pipes[0]);
	SHOW(write(pipes[1], "x", 1));
	IN_CHILD(signal(SIGPIPE, SIG_DFL); write(pipes[1], "x", 1));
	catch(SIGPIPE, 0, once);
	SHOW(write(pipes[1], "x", 1));
	say("SIGPIPE: code %d", code);
	catch(SIGCHLD, SA_NOCLDSTOP, once);
	count = 0;
	pid_t child = fork();
	if (!child) {
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(child, NULL, WUNTRACED);
	say("after stop: %d", count);
	kill(child, SIGCONT);
	while (waitpid(child, NULL, 0) < 0)
		;
	say("after exit: %d code %d", count, code);
	catch(SIGCHLD, SA_NOCLDWAIT, once);
	if (!(child = fork()))
		_exit(0);
	while (count < 2)
		sleep_ms(1);
	SHOW(waitpid(child, NULL, 0));
}

FAMILY(signal_masks)
{
	sigset_t set, old, pending;
	siginfo_t info;
	struct timespec zero = { 0, 0 }, little = { 0, 30000000 }, bad = { 0, 1000000000 };
	union sigval value = { .sival_int = 4711 };

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGKILL);
	SHOW(sigprocmask(SIG_BLOCK, &set, &old));
	sigprocmask(SIG_BLOCK, NULL, &old);
	say("blocked: USR1 %d KILL %d", sigismember(&old, SIGUSR1), sigismember(&old, SIGKILL));
	raise(SIGUSR1);
	raise(SIGUSR1);
	for (int i = 0; i < 3; i++) {
		value.sival_int = i;
		SHOW(sigqueue(getpid(), SIGRTMIN, value));
	}
	sigpending(&pending);
	say("pending: USR1 %d RTMIN %d", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGRTMIN));
	for (int i = 0; i < 5; i++) {
		memset(&info, 0, sizeof(info));
		long got = SHOW(sigtimedwait(&set, &info, &zero));
		if (got > 0)
			say("code %d value %d pid %d", info.si_code, info.si_value.sival_int,
			    info.si_pid == getpid());
	}
	SHOW(sigtimedwait(&set, &info, &little));
	SHOW(sigtimedwait(&set, &info, &bad));
	SHOW(sigqueue(getpid(), 65, value));
	SHOW(sigqueue(1 << 29, 0, value));
	info.si_code = SI_USER;
	SHOW(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR1, &info));
	info.si_code = SI_TKILL;
	SHOW(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR1, &info));
	info.si_code = SI_QUEUE;
	SHOW(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &info));
	SHOW(sigtimedwait(&set, &info, &zero));
	int fd = SHOW(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
	struct signalfd_siginfo in;
	SHOW(read(fd, &in, sizeof(in)));
	value.sival_int = 99;
	sigqueue(getpid(), SIGRTMIN, value);
	SHOW(read(fd, &in, 10));
	SHOW(read(fd, &in, sizeof(in)));
	say("signo %d code %d int %d pid %d", in.ssi_signo, in.ssi_code, in.ssi_int, in.ssi_pid == getpid());
	SHOW(write(fd, &in, sizeof(in)));
	SHOW(signalfd(fd, &set, 0) == fd);
	SHOW(signalfd(1, &set, 0));
	SHOW(signalfd(-1, &set, 1));
	sigfillset(&set);
	SHOW(sigprocmask(SIG_SETMASK, &set, NULL));
	struct rlimit none = { 0, 0 };
	setrlimit(RLIMIT_CORE, &none);
	IN_CHILD(*(volatile int *)8 = 1);
	IN_CHILD(raise(SIGKILL));
	IN_CHILD(raise(SIGABRT));
	IN_CHILD(abort());
	raise(SIGUSR1);
	catch(SIGUSR1, 0, once);
	sigfillset(&set);
	sigdelset(&set, SIGUSR1);
	SHOW(sigsuspend(&set));
	VALUE(last);
	SHOW(syscall(SYS_rt_sigsuspend, &set, 4));
	SHOW(syscall(SYS_rt_sigpending, &set, 16));
	SHOW(syscall(SYS_rt_sigpending, NULL, 8));
}

static void jump(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	last = signal, code = info->si_code, address = info->si_addr;
	say("trap %lld error %#llx", uc->uc_mcontext.gregs[REG_TRAPNO], uc->uc_mcontext.gregs[REG_ERR]);
	siglongjmp(back, 1);
}

static void report_fault(const char *what, const void *base)
{
	if (!address || (uintptr_t)address < 4096)
		say("%s: signal %d code %d address %p", what, last, code, address);
	else if (!base)
		say("%s: signal %d code %d address in the program", what, last, code);
	else
		say("%s: signal %d code %d offset %ld", what, last, code, (long)((char *)address - (char *)base));
}

#define FAULT(what, base, statement)				\
	do {							\
		if (!sigsetjmp(back, 1)) {			\
			statement;				\
			say("%s: no signal", what);		\
		} else {					\
			report_fault(what, base);		\
		}						\
	} while (0)

FAMILY(signal_faults)
{
	const int kinds[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	volatile int zero = 0;
	char *page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("short", O_RDWR | O_CREAT, 0600);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		catch(kinds[i], 0, jump);
	FAULT("null", NULL, *(volatile char *)0 = 1);
	FAULT("near null", NULL, zero = *(volatile char *)16);
	FAULT("read-only", page, page[5] = 1);
	munmap(page + 4096, 4096);
	FAULT("unmapped", page, zero = ((volatile char *)page)[4100]);
	mprotect(page, 4096, PROT_NONE);
	FAULT("no access", page, zero = ((volatile char *)page)[1]);
	FAULT("execute", page, ((void (*)(void))page)());
	FAULT("kernel", (void *)0xffffffff81000000, *(volatile char *)0xffffffff81000123 = 1);
	FAULT("not canonical", NULL, *(volatile char *)0x8000000000000000 = 1);
	ftruncate(fd, 100);
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	FAULT("within the last page", page, page[200] = 1);
	FAULT("beyond the end", page, page[4096 + 7] = 1);
	FAULT("divide", NULL, zero = 5 / zero);
	FAULT("overflow", NULL, asm volatile("idivl %0" :: "r"(1), "a"(0), "d"(1)));
	FAULT("ud2", NULL, asm volatile("ud2"));
	FAULT("int3", NULL, asm volatile("int3"));
	FAULT("hlt", NULL, asm volatile("hlt"));
	FAULT("in", NULL, asm volatile("inb $0x60, %%al" ::: "rax"));
	FAULT("cli", NULL, asm volatile("cli"));
	FAULT("single step", NULL, asm volatile("pushfq; orl $0x100, (%rsp); popfq; nop; nop"));
	FAULT("jump out of range", NULL, asm volatile("movabs $0x8000000000000000, %%rax; jmp *%%rax" ::: "rax"));
}

FAMILY(interval_timers)
{
	struct itimerval timer = { .it_value.tv_usec = 20000, .it_interval.tv_usec = 10000 }, old;
	struct itimerval bad = { .it_value.tv_usec = 1000000 };

	catch(SIGALRM, 0, once);
	alarm(0);
	SHOW(alarm(100));
	SHOW(alarm(0));
	SHOW(setitimer(ITIMER_REAL, &timer, NULL));
	while (count < 3)
		pause();
	say("code %d", code);
	timer.it_value.tv_usec = timer.it_interval.tv_usec = 0;
	SHOW(setitimer(ITIMER_REAL, &timer, &old));
	say("interval %ld", (long)old.it_interval.tv_usec);
	SHOW(setitimer(ITIMER_REAL, &bad, NULL));
	SHOW(setitimer(9, &timer, NULL));
	SHOW(getitimer(ITIMER_REAL, &old));
	say("%ld %ld", (long)old.it_value.tv_sec, (long)old.it_value.tv_usec);
	count = 0;
	catch(SIGVTALRM, 0, once);
	catch(SIGPROF, 0, once);
	timer.it_value.tv_usec = 20000;
	SHOW(setitimer(ITIMER_VIRTUAL, &timer, NULL));
	for (long end = now_ms() + 2000; !count && now_ms() < end;)
		;
	VALUE(last == SIGVTALRM);
	count = 0;
	SHOW(setitimer(ITIMER_PROF, &timer, NULL));
	for (long end = now_ms() + 2000; !count && now_ms() < end;)
		;
	VALUE(last == SIGPROF);
	struct timespec t = { 5, 0 }, left = { 0, 0 };
	timer.it_value.tv_usec = 20000;
	setitimer(ITIMER_REAL, &timer, NULL);
	SHOW(nanosleep(&t, &left));
	VALUE(left.tv_sec);
	t.tv_nsec = -1;
	SHOW(nanosleep(&t, NULL));
	SHOW(nanosleep((void *)8, NULL));

	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2, .sigev_value.sival_int = 77 };
	struct itimerspec spec = { .it_value.tv_nsec = 20000000, .it_interval.tv_nsec = 5000000 }, was;
	timer_t id;
	catch(SIGUSR2, 0, once);
	count = 0;
	SHOW(timer_create(CLOCK_MONOTONIC, &event, &id));
	SHOW(timer_settime(id, 0, &spec, NULL));
	while (count < 3)
		pause();
	say("signal %d code %d", last, code);
	SHOW(timer_gettime(id, &was));
	VALUE(was.it_interval.tv_nsec);
	SHOW(timer_getoverrun(id));
	SHOW(timer_delete(id));
	SHOW(syscall(SYS_timer_delete, 55));
	SHOW(timer_create(99, &event, &id));
	event.sigev_signo = 99;
	SHOW(timer_create(CLOCK_MONOTONIC, &event, &id));
}
