/* SPDX-License-Identifier: MIT */
/*
 * What the families of system call tests share. A family is a function that makes calls and prints, a line each, what
 * they answered; the lines must not depend on the machine, the time or addresses, so that they can be compared with
 * those that another kernel gave.
 */
#ifndef REPORT_H
#define REPORT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

struct family {
	const char *name;
	void (*run)(void);
	struct family *next;
};

void register_family(struct family *family);
/* Set when only what a family leaves behind matters: what takes long may be left out. */
extern int counting_objects;

/* Defines the family NAME. It runs in a process of its own, in an empty directory. */
#define FAMILY(name_)								\
	static void run_##name_(void);						\
	static struct family family_##name_ = { #name_, run_##name_, NULL };	\
	__attribute__((constructor)) static void register_##name_(void)	\
	{									\
		register_family(&family_##name_);				\
	}									\
	static void run_##name_(void)

/* What a program that a family has executed says of itself. */
void exec_child(int argc);

/* Prints a line. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The name of an error number. */
const char *error_name(int error);

/* Prints a call's text and its result, or the error. Gives the result. */
long show(const char *text, long result);
#define SHOW(call) (errno = 0, show(#call, (long)(call)))

/* The same for a call whose successful result is not comparable (an address, a time): prints "ok". */
long show_ok(const char *text, long result);
#define SHOW_OK(call) (errno = 0, show_ok(#call, (long)(call)))

/* Prints an expression and its value. */
#define VALUE(expression) say("%s: %ld", #expression, (long)(expression))

/* Runs a statement in a child and prints the wait status. */
#define IN_CHILD(statement)							\
	do {									\
		pid_t child_ = fork();						\
		if (child_ == 0) {						\
			statement;						\
			_exit(0);						\
		}								\
		show_child(child_);						\
	} while (0)

/* Waits for a child and prints how it ended, if other than by exit(0). */
void show_child(pid_t child);

/* Writes a whole file; aborts the family if that fails. */
void put_file(const char *path, const char *text);

/* Sleeps. */
void sleep_ms(int ms);

/* Milliseconds on CLOCK_MONOTONIC. */
long now_ms(void);

#endif
