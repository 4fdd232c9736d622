// SPDX-License-Identifier: MIT
/* fork, vfork, clone3, exec, exit, wait4, waitid, process groups and sessions. */
#include "report.h"

#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void show_status(const char *what, pid_t got, pid_t child, const int *at)
{
	int status = *at;

	say("%s: pid %s, exited %d %d, signaled %d %d core %d, stopped %d %d, continued %d", what,
	    got == child ? "right" : got == 0 ? "0" : got < 0 ? error_name(errno) : "wrong", WIFEXITED(status),
	    WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status),
	    WIFSIGNALED(status) ? WTERMSIG(status) : -1, WIFSIGNALED(status) && WCOREDUMP(status),
	    WIFSTOPPED(status), WIFSTOPPED(status) ? WSTOPSIG(status) : -1, WIFCONTINUED(status));
}

static void show_info(const char *what, long result, const siginfo_t *info, pid_t child)
{
	say("%s: %ld %s; signo %d errno %d code %d pid %s uid %d status %d", what, result,
	    result < 0 ? error_name(errno) : "", info->si_signo, info->si_errno, info->si_code,
	    info->si_pid == child ? "right" : info->si_pid == 0 ? "0" : "wrong", (int)info->si_uid, info->si_status);
}

FAMILY(wait_status)
{
	siginfo_t info;
	int status = 0;
	pid_t child = fork();

	if (!child)
		_exit(0x1ff);
	show_status("exit", waitpid(child, &status, 0), child, &status);
	const int fatal[] = { SIGKILL, SIGTERM, SIGABRT, SIGQUIT, SIGSYS, SIGXCPU, SIGRTMIN, SIGPIPE };
	struct rlimit none = { 0, 0 };
	setrlimit(RLIMIT_CORE, &none);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++) {
		child = fork();
		if (!child) {
			kill(getpid(), fatal[i]);
			_exit(1);
		}
		show_status("killed", waitpid(child, &status, 0), child, &status);
	}
	child = fork();
	if (!child) {
		for (;;)
			pause();
	}
	status = 0;
	show_status("running, WNOHANG", waitpid(child, &status, WNOHANG), child, &status);
	kill(child, SIGSTOP);
	show_status("stopped", waitpid(child, &status, WUNTRACED), child, &status);
	status = 0;
	show_status("stop seen already", waitpid(child, &status, WUNTRACED | WNOHANG), child, &status);
	kill(child, SIGCONT);
	show_status("continued", waitpid(child, &status, WCONTINUED), child, &status);
	kill(child, SIGTSTP);	/* nobody could continue an orphaned process group: no effect */
	sleep_ms(20);
	show_status("SIGTSTP, WNOHANG", waitpid(child, &status, WUNTRACED | WNOHANG), child, &status);
	kill(child, SIGSTOP);
	memset(&info, 0, sizeof(info));
	show_info("waitid stopped, WNOWAIT", waitid(P_PID, child, &info, WSTOPPED | WNOWAIT), &info, child);
	memset(&info, 0, sizeof(info));
	show_info("waitid stopped", waitid(P_PID, child, &info, WSTOPPED), &info, child);
	memset(&info, 0xff, sizeof(info));
	show_info("waitid stopped, WNOHANG", waitid(P_PID, child, &info, WSTOPPED | WNOHANG), &info, child);
	kill(child, SIGCONT);
	memset(&info, 0, sizeof(info));
	show_info("waitid continued", waitid(P_ALL, 0, &info, WCONTINUED), &info, child);
	kill(child, SIGKILL);
	memset(&info, 0, sizeof(info));
	show_info("waitid killed, WNOWAIT", waitid(P_PGID, 0, &info, WEXITED | WNOWAIT), &info, child);
	memset(&info, 0, sizeof(info));
	show_info("waitid killed", waitid(P_PID, child, &info, WEXITED), &info, child);
	SHOW(waitid(P_PID, child, &info, WEXITED));
	SHOW(waitid(P_PID, 1 << 30, &info, WEXITED));
	SHOW(waitid(P_PID, child, &info, 0));
	SHOW(waitid(99, child, &info, WEXITED));
	SHOW(waitid(P_PID, child, &info, WEXITED | 0x100000));
	SHOW(waitid(P_PID, -1, &info, WEXITED));
	SHOW(waitid(P_PIDFD, 99, &info, WEXITED));
	SHOW(waitpid(-1, &status, 0));
	SHOW(waitpid(-1, &status, 0x100000));
	SHOW(waitpid(INT_MIN, &status, 0));
	SHOW(syscall(SYS_wait4, -1, (int *)1, WNOHANG, (void *)1));
	child = fork();
	if (!child)
		_exit(5);
	SHOW(syscall(SYS_wait4, child, (int *)1, 0, NULL));
	SHOW(waitpid(child, &status, 0));
	signal(SIGCHLD, SIG_IGN);
	child = fork();
	if (!child)
		_exit(5);
	SHOW(waitpid(child, &status, 0));
}

FAMILY(groups)
{
	pid_t child, self = getpid();
	int status;

	SHOW(setsid());
	SHOW(getsid(0) == self);
	SHOW(getpgrp() == self);
	SHOW(setpgid(0, 0));
	SHOW(setpgid(0, -1));
	SHOW(setpgid(-1, 0));
	SHOW(setpgid(1, 0));
	SHOW(getpgid(1 << 29));
	SHOW(getsid(1 << 29));
	SHOW(getpgid(-1));
	child = fork();
	if (!child) {
		SHOW(setpgid(0, 0));
		SHOW(getpgrp() == getpid());
		SHOW(setpgid(0, 1 << 29));
		SHOW(setsid());
		kill(0, SIGTERM);
		_exit(1);
	}
	siginfo_t info;
	waitid(P_PID, child, &info, WEXITED | WNOWAIT);
	SHOW(waitpid(-self, &status, 0));
	SHOW(waitpid(-child, &status, 0) == child);
	VALUE(status);
	child = fork();
	if (!child) {
		char *argv[] = { "true", "-l", NULL };
		execve("/proc/self/exe", argv, (char *[]){ NULL });
	}
	waitpid(child, &status, 0);
	SHOW(kill(-1 << 29, 0));
	SHOW(kill(1 << 29, 0));
	SHOW(kill(self, 65));
	SHOW(kill(self, -1));
	SHOW(kill(self, 0));
	SHOW(kill(INT_MIN, SIGTERM));
	SHOW(syscall(SYS_tkill, self, 0));
	SHOW(syscall(SYS_tkill, 0, 0));
	SHOW(syscall(SYS_tgkill, self, self, 0));
	SHOW(syscall(SYS_tgkill, 1, self, 0));
	SHOW(syscall(SYS_tgkill, 0, self, 0));
	SHOW(getppid() == 0);
}

static int clone_child(void *argument)
{
	*(int *)argument = 7;
	return 3;
}

FAMILY(clone_calls)
{
	static char stack[65536] __attribute__((aligned(16)));
	struct clone_args args = { 0 };
	int value = 0, status, pidfd = -1, tid = 0;
	pid_t child;

	child = clone(clone_child, stack + sizeof(stack), CLONE_VM | SIGCHLD, &value);
	SHOW(waitpid(child, &status, 0) == child);
	say("status %#x value %d", status, value);
	value = 0;
	child = clone(clone_child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK, &value);
	VALUE(value);
	SHOW(waitpid(child, &status, 0));
	SHOW(waitpid(child, &status, __WCLONE) == child);
	signal(SIGUSR1, SIG_IGN);
	child = clone(clone_child, stack + sizeof(stack), SIGUSR1, &value);
	SHOW(waitpid(child, &status, __WALL) == child);
	child = vfork();
	if (!child)
		_exit(9);
	SHOW(waitpid(child, &status, 0) == child);
	VALUE(WEXITSTATUS(status));
	SHOW(clone(clone_child, stack + sizeof(stack), CLONE_THREAD, &value));
	SHOW(clone(clone_child, stack + sizeof(stack), CLONE_SIGHAND, &value));
	SHOW(clone(clone_child, stack + sizeof(stack), CLONE_THREAD | CLONE_SIGHAND, &value));
	SHOW(clone(clone_child, stack + sizeof(stack), CLONE_NEWNS | CLONE_FS, &value));
	args.exit_signal = SIGCHLD;
	args.flags = CLONE_PIDFD | CLONE_PARENT_SETTID;
	args.pidfd = (uintptr_t)&pidfd;
	args.parent_tid = (uintptr_t)&tid;
	child = syscall(SYS_clone3, &args, sizeof(args));
	if (!child)
		_exit(11);
	SHOW(tid == child);
	VALUE(pidfd);
	SHOW(fcntl(pidfd, F_GETFD));
	siginfo_t info = { 0 };
	SHOW(waitid(P_PIDFD, pidfd, &info, WEXITED));
	say("code %d status %d", info.si_code, info.si_status);
	SHOW(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0));
	SHOW(close(pidfd));
	SHOW(syscall(SYS_clone3, &args, 8));
	SHOW(syscall(SYS_clone3, &args, 5000));
	SHOW(syscall(SYS_clone3, NULL, sizeof(args)));
	args.exit_signal = 100;
	SHOW(syscall(SYS_clone3, &args, sizeof(args)));
	args.exit_signal = SIGCHLD;
	args.flags = CLONE_DETACHED;
	SHOW(syscall(SYS_clone3, &args, sizeof(args)));
	args.flags = 0;
	args.stack = 4096;
	SHOW(syscall(SYS_clone3, &args, sizeof(args)));
}

FAMILY(busy_text)
{
	char *argv[] = { "copy", "-l", NULL };
	static char bytes[1 << 16];
	int in = open("/proc/self/exe", O_RDONLY), out = open("copy", O_RDWR | O_CREAT | O_EXCL, 0755);
	ssize_t n;
	pid_t child;
	int status;

	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		write(out, bytes, n);
	close(in);
	SHOW(execve("copy", argv, (char *[]){ NULL }));
	close(out);
	SHOW(open("/proc/self/exe", O_RDWR));
	SHOW(open("/proc/self/exe", O_RDONLY | O_TRUNC));
	SHOW(truncate("/proc/self/exe", 0));
	SHOW(open("/proc/self/exe", O_RDONLY));
	child = fork();
	if (!child) {
		close(1);
		execve("copy", argv, (char *[]){ NULL });
	}
	waitpid(child, &status, 0);
	SHOW(open("copy", O_RDWR));
	SHOW(write(open("copy", O_WRONLY), NULL, 10));
	SHOW(read(open("copy", O_RDONLY), NULL, 10));
	SHOW(write(open("copy", O_WRONLY), NULL, 0));
}

static void copy_self(const char *to)
{
	static char bytes[1 << 16];
	int in = open("/proc/self/exe", O_RDONLY), out = open(to, O_RDWR | O_CREAT | O_TRUNC, 0755);
	ssize_t n;

	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		write(out, bytes, n);
	close(in), close(out);
}

/* What the family exec_child, in another program, says of itself. */
#define EXEC(call)						\
	do {							\
		pid_t child_ = fork();				\
		if (child_ == 0) {				\
			SHOW(call);				\
			_exit(1);				\
		}						\
		show_child(child_);				\
	} while (0)

FAMILY(exec_calls)
{
	char *argv[] = { "program", "exec_child", NULL }, *none[] = { NULL }, *envp[] = { "X=1", NULL }, *many[3000];
	static char longest[200000], string[1000];
	int fd, directory;

	copy_self("copy");
	put_file("script", "#!copy exec_child\n");
	put_file("empty", "");
	put_file("text", "no program\n");
	put_file("bad", "#!/none/such\n");
	chmod("script", 0755), chmod("empty", 0755), chmod("text", 0755), chmod("bad", 0755);
	symlink("copy", "link");
	EXEC(execve("copy", argv, envp));
	EXEC(execve("script", none, envp));
	EXEC(execve("empty", argv, envp));
	EXEC(execve("text", argv, envp));
	EXEC(execve("bad", argv, envp));
	EXEC(execve("none", argv, envp));
	EXEC(execve(".", argv, envp));
	EXEC(execve("copy/x", argv, envp));
	EXEC(execve("", argv, envp));
	EXEC(execve((char *)8, argv, envp));
	EXEC(execve("copy", (char **)8, envp));
	EXEC(execve("copy", (char *[]){ "a", (char *)8, NULL }, envp));
	fd = open("copy", O_RDONLY | O_CLOEXEC);
	directory = open(".", O_RDONLY);
	EXEC(syscall(SYS_execveat, directory, "copy", argv, envp, 0));
	EXEC(syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH));
	EXEC(syscall(SYS_execveat, fd, "", argv, envp, 0));
	EXEC(syscall(SYS_execveat, directory, "link", argv, envp, AT_SYMLINK_NOFOLLOW));
	EXEC(syscall(SYS_execveat, 99, "copy", argv, envp, 0));
	EXEC(syscall(SYS_execveat, directory, "copy", argv, envp, 1));
	memset(longest, 'x', 131071);
	EXEC(execve("copy", argv, (char *[]){ longest, NULL }));
	longest[131071] = 'x';
	EXEC(execve("copy", argv, (char *[]){ longest, NULL }));
	memset(string, 'y', 700);
	many[0] = "program", many[1] = "exec_child";
	for (int i = 2; i < 2999; i++)
		many[i] = string;
	many[2999] = NULL;
	EXEC(execve("copy", many, envp));
	many[1500] = NULL;
	EXEC(execve("copy", many, envp));
	chmod("copy", 04755), chown("copy", 77, 88), chmod("copy", 06755);
	EXEC(execve("copy", argv, envp));
	EXEC((setresgid(5, 5, 5), setresuid(5, 5, 5), execve("copy", argv, envp)));
	EXEC((prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), execve("copy", argv, envp)));
	chmod("copy", 0700);
	EXEC((setresuid(5, 5, 5), execve("copy", argv, envp)));
	chmod("copy", 0644);
	EXEC(execve("copy", argv, envp));
}
