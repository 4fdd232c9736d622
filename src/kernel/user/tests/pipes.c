// SPDX-License-Identifier: MIT
/*
 * pipes DIRECTORY: pipes, FIFOs, poll and select, between processes. Prints the same on Linux and on our kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#define T(expression) show(#expression, (long)(expression))

static void show(const char *text, long value)
{
	if (value == -1)
		printf("%s = -1 %s\n", text, strerrorname_np(errno));
	else
		printf("%s = %ld\n", text, value);
}

static char buffer[70000];

static void alone(void)
{
	struct pollfd p[2];
	int fds[2], n;

	printf("-- alone\n");
	T(syscall(__NR_pipe, 8));
	T(pipe2(fds, 12345));
	T(pipe2(fds, O_NONBLOCK));
	T(read(fds[0], buffer, 10));
	T(write(fds[1], "hello", 5));
	T(ioctl(fds[0], FIONREAD, &n));
	T(n);
	T(read(fds[0], buffer, 3));
	T(read(fds[0], buffer, 30));
	T(lseek(fds[0], 0, SEEK_SET));
	T(pread(fds[0], buffer, 1, 0));
	T(write(fds[0], "x", 1));
	T(read(fds[1], buffer, 1));
	T(write(fds[1], buffer, 70000));
	T(write(fds[1], buffer, 1));
	T(fcntl(fds[1], F_GETPIPE_SZ));
	p[0] = (struct pollfd){ .fd = fds[0], .events = POLLIN | POLLOUT };
	p[1] = (struct pollfd){ .fd = fds[1], .events = POLLIN | POLLOUT };
	T(poll(p, 2, 0));
	printf("%x %x\n", p[0].revents, p[1].revents);
	T(read(fds[0], buffer, 4096));
	T(poll(p, 2, 0));
	printf("%x %x\n", p[0].revents, p[1].revents);
	T(close(fds[1]));
	T(poll(p, 1, 0));
	printf("%x\n", p[0].revents);
	T(read(fds[0], buffer, 70000));
	T(read(fds[0], buffer, 70000));
	T(poll(p, 1, -1));
	printf("%x\n", p[0].revents);
	p[0].fd = 77;
	p[1].fd = -1;
	T(poll(p, 2, 0));
	printf("%x %x\n", p[0].revents, p[1].revents);
	T(poll(NULL, 0, 5));
	T(poll((struct pollfd *)8, 1, 0));
	T(close(fds[0]));
	T(pipe(fds));
	T(close(fds[0]));
	signal(SIGPIPE, SIG_IGN);
	T(write(fds[1], "x", 1));
	signal(SIGPIPE, SIG_DFL);
	p[0] = (struct pollfd){ .fd = fds[1], .events = POLLOUT };
	T(poll(p, 1, 0));
	printf("%x\n", p[0].revents);
	T(close(fds[1]));
}

static void between_processes(void)
{
	int fds[2], back[2], status;
	struct pollfd p;
	long total = 0, sum = 0;
	ssize_t n;
	pid_t pid;

	printf("-- between processes\n");
	fflush(stdout);
	pipe(fds);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		for (int i = 0; i < 200; i++) {
			memset(buffer, i, 3000);
			if (write(fds[1], buffer, 3000) != 3000)
				_exit(1);
		}
		_exit(7);
	}
	close(fds[1]);
	while ((n = read(fds[0], buffer, 1000)) > 0) {
		total += n;
		for (ssize_t i = 0; i < n; i++)
			sum += buffer[i];
	}
	printf("read %ld bytes, sum %ld\n", total, sum);
	T(waitpid(pid, &status, 0) == pid);
	T(WEXITSTATUS(status));
	close(fds[0]);

	/* A reader that goes away kills the writer. */
	pipe(fds);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		for (;;)
			write(fds[1], buffer, 70000);
	}
	close(fds[1]);
	read(fds[0], buffer, 10);
	close(fds[0]);
	T(waitpid(pid, &status, 0) == pid);
	T(WIFSIGNALED(status));
	T(WTERMSIG(status));

	/* poll wakes up when the other side writes, and when it ends. */
	pipe(fds);
	pipe(back);
	pid = fork();
	if (pid == 0) {
		usleep(20000);
		write(fds[1], "x", 1);
		read(back[0], buffer, 1);
		usleep(20000);
		_exit(0);
	}
	close(fds[1]);
	p = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	T(poll(&p, 1, 5));
	T(poll(&p, 1, -1));
	printf("%x\n", p.revents);
	T(read(fds[0], buffer, 10));
	write(back[1], "y", 1);
	T(poll(&p, 1, 10000));
	printf("%x\n", p.revents);
	waitpid(pid, &status, 0);
	close(fds[0]);
	close(back[0]);
	close(back[1]);
}

/* pselect6(2), whose structure libraries hide. */
static int do_select(int n, unsigned long *in, unsigned long *out, long milliseconds)
{
	struct timespec ts = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	return syscall(__NR_pselect6, n, in, out, NULL, &ts, NULL);
}

static void selecting(void)
{
	unsigned long in = 0, out = 0;
	int fds[2];

	printf("-- selecting\n");
	pipe(fds);
	in = 1UL << fds[0];
	out = 1UL << fds[1];
	T(do_select(20, &in, &out, 1000));
	T(in == 0);
	T(out == 1UL << fds[1]);
	write(fds[1], "x", 1);
	in = 1UL << fds[0];
	T(do_select(20, &in, &out, 1000));
	T(in == 1UL << fds[0]);
	read(fds[0], buffer, 1);
	out = 0;
	T(do_select(20, &in, &out, 10));
	T(in);
	in = 1UL << 19;
	T(do_select(20, &in, NULL, 10));
	T(do_select(-1, &in, NULL, 10));
	close(fds[0]);
	close(fds[1]);
}

static void fifos(void)
{
	int status, fd, writer;
	pid_t pid;

	printf("-- fifos\n");
	T(mkfifo("fifo", 0600));
	T(mkfifo("fifo", 0600));
	T(open("fifo", O_WRONLY | O_NONBLOCK));
	fd = open("fifo", O_RDONLY | O_NONBLOCK);
	T(fd >= 0);
	T(read(fd, buffer, 1));
	writer = open("fifo", O_WRONLY);
	T(writer >= 0);
	T(read(fd, buffer, 1));
	T(write(writer, "abc", 3));
	T(read(fd, buffer, 10));
	close(writer);
	T(read(fd, buffer, 10));
	close(fd);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fd = open("fifo", O_WRONLY);
		write(fd, "from the child", 14);
		_exit(3);
	}
	fd = open("fifo", O_RDONLY);
	T(read(fd, buffer, 100));
	T(read(fd, buffer, 100));
	waitpid(pid, &status, 0);
	T(WEXITSTATUS(status));
	close(fd);
	T(unlink("fifo"));
}

static volatile int signalled;

static void on_signal(int number)
{
	signalled = number;
}

static void interrupted(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	int fds[2], status;
	pid_t pid, parent = getpid();

	printf("-- interrupted\n");
	fflush(stdout);
	sigaction(SIGUSR1, &action, NULL);
	pipe(fds);
	pid = fork();
	if (pid == 0) {
		usleep(30000);
		kill(parent, SIGUSR1);
		usleep(30000);
		kill(parent, SIGUSR1);
		usleep(30000);
		kill(parent, SIGUSR1);
		usleep(30000);
		write(fds[1], "x", 1);
		_exit(0);
	}
	T(read(fds[0], buffer, 1));
	T(signalled);
	T(poll(NULL, 0, 10000));
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &action, NULL);
	T(read(fds[0], buffer, 1));
	waitpid(pid, &status, 0);
	close(fds[0]);
	close(fds[1]);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc != 2 || chdir(argv[1]) < 0) {
		fprintf(stderr, "usage: pipes DIRECTORY (%s)\n", strerror(errno));
		return 2;
	}
	alone();
	between_processes();
	selecting();
	fifos();
	interrupted();
	printf("done\n");
	return 0;
}
