// SPDX-License-Identifier: MIT
/*
 * processes DIRECTORY: fork, exec, wait, signals, faults. Prints the same on Linux and on our kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/sched.h>
#include <asm/prctl.h>
#include <asm/siginfo.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define T(expression) show(#expression, (long)(expression))

static void show(const char *text, long value)
{
	if (value == -1)
		printf("%s = -1 %s\n", text, strerrorname_np(errno));
	else
		printf("%s = %ld\n", text, value);
	fflush(stdout);
}

static volatile int handled, nested;
static volatile long fault_address, fault_code;

static void count(int sig)
{
	handled = handled * 100 + sig;
}

static void inner(int sig)
{
	nested = sig;
	raise(SIGUSR2);
	handled = handled * 100 + sig;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	fault_address = (long)info->si_addr;
	fault_code = info->si_code;
	/* The page becomes usable, and the instruction is tried again. */
	mprotect((void *)(fault_address & ~4095L), 4096, PROT_READ | PROT_WRITE);
}

static void act(int sig, void (*handler)(int), int flags, sigset_t mask)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = handler;
	sa.sa_flags = flags;
	sa.sa_mask = mask;
	T(sigaction(sig, &sa, NULL));
}

static void waits(void)
{
	int status = 0;
	pid_t pid;

	printf("-- waits\n");
	fflush(stdout);
	T(waitpid(-1, &status, 0));
	pid = fork();
	if (!pid)
		_exit(42);
	T(waitpid(pid, &status, 0) == pid);
	T(status);
	T(waitpid(pid, &status, 0));
	pid = fork();
	if (!pid) {
		for (;;)
			pause();
	}
	T(waitpid(pid, &status, WNOHANG));
	T(kill(pid, 0));
	T(kill(pid, SIGTERM));
	T(waitpid(pid, &status, 0) == pid);
	T(status);
	T(kill(pid, 0));
	pid = fork();
	if (!pid) {
		kill(getpid(), SIGSTOP);
		/* Does not end by itself: the parent shall see that it runs again. */
		for (;;)
			pause();
	}
	T(waitpid(pid, &status, WUNTRACED) == pid);
	T(status);
	T(kill(pid, SIGCONT));
	T(waitpid(pid, &status, WCONTINUED) == pid);
	T(status);
	T(kill(pid, SIGKILL));
	T(waitpid(pid, &status, 0) == pid);
	T(status);
	T(waitpid(-1, &status, 12345678));
}

static void signals(void)
{
	struct timespec wanted = { 5, 0 }, left;
	sigset_t set = 1UL << (SIGUSR1 - 1), old = 0;
	int status;
	pid_t pid;

	printf("-- signals\n");
	T(kill(getpid(), 100));
	T(kill(-12345, SIGTERM));
	T(sigaction(SIGKILL, &(struct sigaction){ 0 }, NULL));
	act(SIGUSR1, count, 0, 0);
	T(raise(SIGUSR1));
	T(handled);
	T(sigprocmask(SIG_BLOCK, &set, &old));
	T(raise(SIGUSR1));
	T(raise(SIGUSR1));
	T(handled);
	T(sigprocmask(SIG_UNBLOCK, &set, NULL));
	T(handled);
	/* SIGUSR2 waits until the handler that blocks it is done. */
	handled = 0;
	act(SIGUSR2, count, 0, 0);
	act(SIGHUP, inner, 0, 1UL << (SIGUSR2 - 1));
	T(raise(SIGHUP));
	T(handled);
	handled = 0;
	act(SIGALRM, count, 0, 0);
	alarm(1);
	T(nanosleep(&wanted, &left));
	T(left.tv_sec >= 3);
	T(handled);
	pid = fork();
	if (!pid) {
		usleep(20000);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	T(pause());
	/* The signal interrupts the wait, or with SA_RESTART does not. */
	T(waitpid(pid, &status, 0) == pid);
	act(SIGUSR1, count, SA_RESTART, 0);
	pid = fork();
	if (!pid) {
		usleep(20000);
		kill(getppid(), SIGUSR1);
		usleep(20000);
		_exit(9);
	}
	T(waitpid(pid, &status, 0) == pid);
	T(status);
	act(SIGUSR1, SIG_IGN, 0, 0);
	T(raise(SIGUSR1));
	act(SIGCHLD, SIG_IGN, 0, 0);
	pid = fork();
	if (!pid)
		_exit(1);
	T(waitpid(pid, &status, 0));
	act(SIGCHLD, SIG_DFL, 0, 0);
}

static int dies(int how)
{
	volatile int *volatile bad = (volatile int *)8;
	volatile char *volatile code = (volatile char *)(long)show;
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		switch (how) {
		case 0: *bad = 1; break;
		case 1: __asm__ volatile("ud2"); break;
		case 2: { volatile int zero = 0; zero = 1 / zero; break; }
		case 3: __asm__ volatile("int3"); break;
		case 4: __asm__ volatile("hlt"); break;
		case 5: *(volatile char *)0x8000000000000000 = 1; break;
		case 6: *(volatile char *)0xffffffff81000000 = 1; break;
		case 7: ((void (*)(void))0x123456)(); break;
		case 8: abort(); break;
		case 9: *code = 1; break;
		}
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status & 0x7f;
}

static void faults(void)
{
	struct sigaction sa;
	volatile char *page;
	int status;
	pid_t pid;

	printf("-- faults\n");
	fflush(stdout);
	for (int i = 0; i < 10; i++)
		printf("%d: %d\n", i, dies(i));
	page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = (sighandler_t)(void *)on_fault;
	sa.sa_flags = SA_SIGINFO;
	T(sigaction(SIGSEGV, &sa, NULL));
	page[5000] = 7;
	T(page[5000]);
	T(fault_address - (long)page);
	T(fault_code);
	T(mprotect((void *)page, 4096, PROT_NONE));
	T(page[12]);
	T(fault_code);
	T(write(1, (char *)0x10, 5));
	T(munmap((void *)page, 8192));
	act(SIGSEGV, SIG_DFL, 0, 0);
	/* Each of the two has its own copy after the fork. */
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	page[0] = 1;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		page[0]++;
		_exit(page[0]);
	}
	T(waitpid(pid, &status, 0) == pid);
	T(status >> 8);
	T(page[0]);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (!pid) {
		page[0] = 99;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	T(page[0]);
}

static void execs(const char *self)
{
	char *argv[] = { "name", "--child", "two words", "", NULL }, *envp[] = { "A=1", "B=two", NULL };
	char path[64];
	int status, fd;
	pid_t pid;

	printf("-- execs\n");
	T(execve("/does/not/exist", argv, envp));
	T(execve("/", argv, envp));
	T(execve((char *)1, argv, envp));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		fd = open("/", O_RDONLY);
		dup2(fd, 50);
		fcntl(50, F_SETFD, FD_CLOEXEC);
		dup2(fd, 51);
		signal(SIGUSR1, SIG_IGN);
		signal(SIGUSR2, count);
		execve(self, argv, envp);
		_exit(1);
	}
	T(waitpid(pid, &status, 0) == pid);
	T(status);
	snprintf(path, sizeof(path), "script");
	fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
	dprintf(fd, "#! %s \t--child \n", self);
	close(fd);
	pid = fork();
	if (!pid) {
		execve(path, argv, envp);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	T(status);
	fd = open(path, O_WRONLY | O_TRUNC);
	write(fd, "not a program", 13);
	close(fd);
	T(execve(path, argv, envp));
	unlink(path);
}

/* What a program finds when it starts. */
static int child(int argc, char **argv)
{
	struct sigaction sa;

	for (int i = 0; i < argc; i++)
		printf("argv[%d] = '%s'\n", i, i || argv[0][0] != '/' ? argv[i] : "/...");
	for (char **e = environ; *e; e++)
		printf("env '%s'\n", *e);
	T(fcntl(50, F_GETFD));
	T(fcntl(51, F_GETFD));
	sigaction(SIGUSR1, NULL, &sa);
	T(sa.sa_handler == SIG_IGN);
	sigaction(SIGUSR2, NULL, &sa);
	T(sa.sa_handler == SIG_DFL);
	T(syscall(__NR_exit_group, 300 + argc));
	return 0;
}

int main(int argc, char **argv)
{
	char self[256];
	ssize_t n;

	if (argc > 1 && !strcmp(argv[1], "--child"))
		return child(argc, argv);
	if (argc != 2 || (n = readlink("/proc/self/exe", self, sizeof(self) - 1)) < 0 || chdir(argv[1])) {
		fprintf(stderr, "usage: processes DIRECTORY (%s)\n", strerror(errno));
		return 2;
	}
	self[n] = '\0';
	waits();
	signals();
	faults();
	execs(self);
	printf("done\n");
	return 0;
}
