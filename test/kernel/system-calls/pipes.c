// SPDX-License-Identifier: MIT
/* Pipes, FIFOs, poll, select, epoll, eventfd, timerfd, splice. */
#include "report.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>

FAMILY(pipes)
{
	static char big[1 << 17], in[1 << 17];
	int p[2], available;
	struct stat st;

	signal(SIGPIPE, SIG_IGN);
	SHOW(pipe2(p, O_NONBLOCK | O_CLOEXEC));
	say("%d %d", p[0], p[1]);
	SHOW(pipe2(p, O_APPEND));
	SHOW(pipe((int *)8));
	SHOW(fcntl(p[0], F_GETFL));
	SHOW(fcntl(p[1], F_GETFL));
	SHOW(fcntl(p[1], F_GETFD));
	SHOW(fcntl(p[1], F_GETPIPE_SZ));
	SHOW(read(p[0], big, 1));
	SHOW(read(p[0], big, 0));
	SHOW(write(p[0], big, 1));
	SHOW(read(p[1], big, 1));
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = i * 7 + (i >> 8);
	SHOW(write(p[1], big, sizeof(big)));
	SHOW(write(p[1], big, 1));
	SHOW(ioctl(p[0], FIONREAD, &available));
	VALUE(available);
	SHOW(read(p[0], in, 4095));
	SHOW(write(p[1], big, 4096));
	SHOW(read(p[0], in, 1));
	SHOW(write(p[1], big, 4096));
	SHOW(write(p[1], big, 4097));
	SHOW(read(p[0], in, sizeof(in)));
	say("same %d", memcmp(in, big + 4096, 65536 - 4096) == 0);
	SHOW(lseek(p[0], 0, SEEK_CUR));
	SHOW(pread(p[0], in, 1, 0));
	SHOW(ftruncate(p[0], 0));
	SHOW(fsync(p[0]));
	SHOW(fstat(p[0], &st));
	say("mode %o size %ld links %ld blksize %ld", st.st_mode, (long)st.st_size, (long)st.st_nlink,
	    (long)st.st_blksize);
	SHOW(fcntl(p[1], F_SETPIPE_SZ, 5000));
	SHOW(fcntl(p[1], F_SETPIPE_SZ, 1));
	SHOW(fcntl(p[1], F_SETPIPE_SZ, 1 << 20));
	SHOW(fcntl(p[1], F_SETPIPE_SZ, 0x80000001u));
	SHOW(fcntl(1, F_GETPIPE_SZ) < 0);
	SHOW(write(p[1], (void *)8, 10));
	SHOW(writev(p[1], (struct iovec[]){ { big, 10 }, { (void *)8, 10 } }, 2));
	SHOW(read(p[0], (void *)8, 10));
	SHOW(close(p[0]));
	SHOW(write(p[1], big, 10));
	SHOW(close(p[1]));
	SHOW(close(p[1]));
	pipe(p);
	write(p[1], "abc", 3);
	close(p[1]);
	SHOW(read(p[0], in, 10));
	SHOW(read(p[0], in, 10));
	close(p[0]);
	SHOW(mkfifo("fifo", 0600));
	SHOW(mkfifo("fifo", 0600));
	SHOW(open("fifo", O_WRONLY | O_NONBLOCK));
	SHOW(open("fifo", O_RDONLY | O_NONBLOCK));
	SHOW(read(3, in, 10));
	SHOW(open("fifo", O_WRONLY | O_NONBLOCK));
	SHOW(read(3, in, 10));
	SHOW(write(4, "hello", 5));
	SHOW(read(3, in, 10));
	if (!fork()) {
		int fd = open("fifo", O_RDONLY);
		_exit(read(fd, in, 3) == 3 ? 4 : 5);
	}
	close(3), close(4);
	SHOW(open("fifo", O_WRONLY));
	SHOW(write(3, "xyz", 3));
	int status;
	wait(&status);
	VALUE(WEXITSTATUS(status));
	close(3);
	pipe(p);		/* 3, 4 */
	pipe(p + 0);		/* 5, 6 */
	write(4, "0123456789", 10);
	SHOW(tee(3, 6, 4, 0));
	SHOW(splice(3, NULL, 6, NULL, 100, 0));
	SHOW(read(5, in, 100));
	say("%.14s", in);
	put_file("file", "contents of a file");
	int fd = open("file", O_RDWR);
	loff_t off = 3;
	SHOW(splice(fd, &off, 4, NULL, 5, 0));
	VALUE(off);
	SHOW(read(3, in, 100));
	write(4, "XX", 2);
	off = 1;
	SHOW(splice(3, NULL, fd, &off, 2, 0));
	SHOW(pread(fd, in, 100, 0));
	say("%.18s", in);
	SHOW(splice(fd, NULL, fd, NULL, 5, 0));
	SHOW(splice(3, NULL, 3, NULL, 5, 0));
	SHOW(splice(3, NULL, 6, NULL, 5, SPLICE_F_NONBLOCK));
	SHOW(tee(3, 6, 5, SPLICE_F_NONBLOCK));
	SHOW(tee(fd, 6, 5, 0));
	SHOW(vmsplice(4, (struct iovec[]){ { "vm", 2 } }, 1, 0));
	SHOW(read(3, in, 100));
}

static short poll_one(int fd, short events, int timeout)
{
	struct pollfd one = { .fd = fd, .events = events };
	int n = poll(&one, 1, timeout);

	return n < 0 ? -errno : one.revents;
}

FAMILY(polls)
{
	int p[2], e, t;
	uint64_t value = 3;
	fd_set reads, writes;
	struct timeval zero = { 0, 0 };
	struct epoll_event event = { EPOLLIN, { .u32 = 5 } }, got[4];
	struct itimerspec spec = { .it_value.tv_nsec = 20000000, .it_interval.tv_nsec = 10000000 };

	pipe(p);
	VALUE(poll_one(p[0], POLLIN | POLLOUT, 0));
	VALUE(poll_one(p[1], POLLIN | POLLOUT, 0));
	write(p[1], "x", 1);
	VALUE(poll_one(p[0], POLLIN | POLLRDNORM | POLLRDHUP, 0));
	VALUE(poll_one(77, POLLIN, 0));
	VALUE(poll_one(-5, POLLIN, 0));
	put_file("file", "x");
	int fd = open("file", O_RDWR);
	VALUE(poll_one(fd, POLLIN | POLLOUT | POLLPRI, 0));
	int d = open(".", O_RDONLY);
	VALUE(poll_one(d, POLLIN | POLLOUT, 0));
	int null = open("/dev/null", O_RDWR);
	VALUE(poll_one(null, POLLIN | POLLOUT, 0));
	VALUE(poll_one(p[0], 0, 0));
	SHOW(poll((void *)8, 1, 0));
	SHOW(poll(NULL, 0, 10));
	SHOW(poll(NULL, 5000000, 0));
	FD_ZERO(&reads);
	FD_ZERO(&writes);
	FD_SET(p[0], &reads);
	FD_SET(p[1], &writes);
	FD_SET(p[1], &reads);
	SHOW(select(p[1] + 1, &reads, &writes, NULL, &zero));
	say("%d %d %d", !!FD_ISSET(p[0], &reads), !!FD_ISSET(p[1], &reads), !!FD_ISSET(p[1], &writes));
	FD_ZERO(&reads);
	FD_SET(77, &reads);
	SHOW(select(78, &reads, NULL, NULL, &zero));
	SHOW(select(-1, NULL, NULL, NULL, &zero));
	zero.tv_usec = 20000;
	SHOW(select(0, NULL, NULL, NULL, &zero));
	say("left %ld %ld", (long)zero.tv_sec, (long)zero.tv_usec);
	zero.tv_sec = -1;
	SHOW(select(0, NULL, NULL, NULL, &zero));
	close(p[1]);
	VALUE(poll_one(p[0], POLLIN, 0));
	read(p[0], got, 1);
	VALUE(poll_one(p[0], POLLIN, 0));
	close(p[0]);
	pipe(p);
	close(p[0]);
	VALUE(poll_one(p[1], POLLOUT, 0));
	close(p[1]), close(fd), close(d), close(null);

	pipe(p);		/* 3 4 */
	SHOW(e = epoll_create1(EPOLL_CLOEXEC));
	SHOW(epoll_create1(1));
	SHOW(epoll_create(0));
	SHOW(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &event));
	SHOW(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &event));
	SHOW(epoll_ctl(e, EPOLL_CTL_MOD, p[1], &event));
	SHOW(epoll_ctl(e, EPOLL_CTL_DEL, p[1], &event));
	SHOW(epoll_ctl(e, EPOLL_CTL_ADD, e, &event));
	SHOW(epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], &event));
	SHOW(epoll_ctl(e, EPOLL_CTL_ADD, 99, &event));
	SHOW(epoll_ctl(e, 7, p[1], &event));
	SHOW(epoll_ctl(e, EPOLL_CTL_ADD, p[1], (void *)8));
	SHOW(epoll_ctl(e, EPOLL_CTL_ADD, open("file", O_RDONLY), &event));
	SHOW(epoll_wait(e, got, 4, 0));
	write(p[1], "x", 1);
	SHOW(epoll_wait(e, got, 4, -1));
	say("events %#x data %d", got[0].events, got[0].data.u32);
	SHOW(epoll_wait(e, got, 4, 0));
	event.events = EPOLLIN | EPOLLET;
	SHOW(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &event));
	SHOW(epoll_wait(e, got, 4, 0));
	SHOW(epoll_wait(e, got, 4, 0));
	write(p[1], "x", 1);
	SHOW(epoll_wait(e, got, 4, 0));
	event.events = EPOLLIN | EPOLLONESHOT;
	SHOW(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &event));
	SHOW(epoll_wait(e, got, 4, 0));
	SHOW(epoll_wait(e, got, 4, 0));
	SHOW(epoll_wait(e, got, 0, 0));
	SHOW(epoll_wait(e, (void *)8, 4, 0));
	VALUE(poll_one(e, POLLIN, 0));
	close(p[1]);
	event.events = 0;
	SHOW(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &event));
	SHOW(epoll_wait(e, got, 4, 0));
	say("events %#x", got[0].events);
	close(p[0]);
	SHOW(epoll_wait(e, got, 4, 10));
	struct timespec ts = { 0, 1000000 };
	SHOW(syscall(SYS_epoll_pwait2, e, got, 4, &ts, NULL, 8));
	SHOW(epoll_pwait(e, got, 4, 1, NULL));

	SHOW(e = eventfd(5, EFD_NONBLOCK));
	SHOW(eventfd(0, 2));
	SHOW(read(e, &value, 8));
	VALUE(value);
	SHOW(read(e, &value, 8));
	SHOW(write(e, &value, 7));
	SHOW(write(e, &value, 8));
	VALUE(poll_one(e, POLLIN | POLLOUT, 0));
	value = UINT64_MAX;
	SHOW(write(e, &value, 8));
	value--;
	SHOW(write(e, &value, 8));
	value -= 5;
	SHOW(write(e, &value, 8));
	VALUE(poll_one(e, POLLIN | POLLOUT, 0));
	SHOW(e = eventfd(2, EFD_SEMAPHORE));
	SHOW(read(e, &value, 100));
	VALUE(value);
	SHOW(read(e, &value, 4));
	SHOW(lseek(e, 0, SEEK_SET));

	SHOW(t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
	SHOW(timerfd_create(99, 0));
	SHOW(timerfd_create(CLOCK_REALTIME, 1));
	SHOW(read(t, &value, 8));
	SHOW(timerfd_settime(t, 0, &spec, NULL));
	SHOW(read(t, &value, 8));
	VALUE(poll_one(t, POLLIN, 1000));
	sleep_ms(25);
	SHOW(read(t, &value, 8));
	say("expirations %s", value >= 2 && value < 20 ? "some" : "wrong");
	SHOW(read(t, &value, 4));
	SHOW(timerfd_gettime(t, &spec));
	VALUE(spec.it_interval.tv_nsec);
	spec.it_value.tv_nsec = -1;
	SHOW(timerfd_settime(t, 0, &spec, NULL));
	spec.it_value.tv_nsec = 1;
	SHOW(timerfd_settime(t, 99, &spec, NULL));
	SHOW(timerfd_settime(e, 0, &spec, NULL));
	SHOW(timerfd_settime(t, TFD_TIMER_ABSTIME, &spec, NULL));
	SHOW(write(t, &value, 8));
	SHOW(poll_one(t, POLLIN, 100));
}
