/* SPDX-License-Identifier: MIT */
/*
 * What programs share that inject faults and then look at what is left: the files of the fault-injection framework,
 * the count of objects that were never freed, the device's claim, and the kernel's log.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <stddef.h>

/* Writes @text to a file: 0 or an errno. */
int write_file(const char *path, const char *text);
/* The number in a file's first line, -1 if it cannot be read. */
long number_in_file(const char *path);
/*
 * Objects that were allocated under a system call of mount's kind and are still there.
 * (/sys/kernel/debug/kmem/left_allocated)
 */
long left_allocated(void);
/* 1 if nobody has claimed the device and forgotten it. */
int device_is_free(const char *path);

/* This task's fail-nth: opens it, 0 or -1. */
int fail_nth_open(void);
/* The @nth request from here on fails; 0: none. */
void fail_nth_arm(unsigned long nth);
/* How many were left to count when it is disarmed; 0: the request came and failed. */
unsigned long fail_nth_disarm(void);

/* The log from /dev/kmsg: opens it, a descriptor or -1. */
int kmsg_open(void);
/* The text of the next record, which may have several lines, without the last newline: 1; 0 if there is none yet. */
int kmsg_next(int fd, char *text, size_t room);

#endif
