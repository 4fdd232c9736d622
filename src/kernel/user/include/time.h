/* SPDX-License-Identifier: MIT */
#ifndef _TIME_H
#define _TIME_H
#include <sys/types.h>
#include <linux/time.h>
int clock_gettime(int clock, struct timespec *ts);
int nanosleep(const struct timespec *wanted, struct timespec *remaining);
time_t time(time_t *t);
#endif
