/* SPDX-License-Identifier: MIT */
#ifndef _SYS_TIME_H
#define _SYS_TIME_H
#include <time.h>
int gettimeofday(struct timeval *tv, void *tz);
#endif
