/* SPDX-License-Identifier: MIT */
#ifndef _SYS_RESOURCE_H
#define _SYS_RESOURCE_H
#include <linux/resource.h>
typedef unsigned long rlim_t;
#define RLIM_INFINITY (~0UL)
int getrlimit(int resource, struct rlimit *limit);
int setrlimit(int resource, const struct rlimit *limit);
#endif
