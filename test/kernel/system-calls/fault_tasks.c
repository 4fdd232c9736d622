// SPDX-License-Identifier: MIT
/* make-it-fail and fail-nth belong to a task, not to its process. */
#include "report.h"

#include <pthread.h>

static void put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		say("%s: %s", value, error_name(errno));
	close(fd);
}

static int number(const char *path)
{
	char text[16] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return -errno;
	read(fd, text, sizeof(text) - 1);
	close(fd);
	return atoi(text);
}

static char thread_nth[64], thread_fail[64], leader_nth[64], leader_fail[64];

static void say_all(const char *when)
{
	say("%s: thread %d %d, leader %d %d, process %d %d", when, number(thread_nth), number(thread_fail), number(leader_nth),
	    number(leader_fail), number("/proc/self/fail-nth"), number("/proc/self/make-it-fail"));
}

static void *second(void *unused)
{
	say("its thread's: make-it-fail %d, fail-nth %d", number("/proc/thread-self/make-it-fail"),
	    number("/proc/thread-self/fail-nth"));
	return NULL;
}

static void *first(void *unused)
{
	int tid = syscall(SYS_gettid);
	pthread_t thread;

	snprintf(thread_nth, sizeof(thread_nth), "/proc/self/task/%d/fail-nth", tid);
	snprintf(thread_fail, sizeof(thread_fail), "/proc/self/task/%d/make-it-fail", tid);
	put(leader_nth, "1000");
	put(thread_fail, "1");
	say_all("the leader counts, the thread may fail");
	put(leader_nth, "0");
	put("/proc/self/fail-nth", "900");
	say_all("a process's file is its leader's");
	put("/proc/self/fail-nth", "0");
	pthread_create(&thread, NULL, second, NULL);
	pthread_join(thread, NULL);
	put(thread_fail, "0");
	put("/proc/self/make-it-fail", "1");
	say_all("the leader may fail");
	put("/proc/self/make-it-fail", "0");
	/* What counts is what this task asks for, and each copy of a name is one. */
	put("/proc/thread-self/fail-nth", "3");
	int got = open("/nothing", O_RDONLY) < 0 ? errno : 0;
	int then = open("/nothing", O_RDONLY) < 0 ? errno : 0;
	int last = open("/nothing", O_RDONLY) < 0 ? errno : 0;
	int after = open("/nothing", O_RDONLY) < 0 ? errno : 0;
	say("%s %s %s %s", error_name(got), error_name(then), error_name(last), error_name(after));
	say("a thread that is not there: %s", open("/proc/self/task/1/fail-nth", O_RDWR) < 0 ? error_name(errno) : "there");
	return NULL;
}

FAMILY(fault_tasks)
{
	pthread_t thread;

	snprintf(leader_nth, sizeof(leader_nth), "/proc/self/task/%d/fail-nth", getpid());
	snprintf(leader_fail, sizeof(leader_fail), "/proc/self/task/%d/make-it-fail", getpid());
	/* The reports would differ in their stacks. */
	put("/sys/kernel/debug/fail_usercopy/verbose", "0");
	pthread_create(&thread, NULL, first, NULL);
	pthread_join(thread, NULL);
	put("/sys/kernel/debug/fail_usercopy/verbose", "2");
}
