/* SPDX-License-Identifier: MIT */
#ifndef _EVENTS_ATTR_H
#define _EVENTS_ATTR_H

#include <kernel/perf_event.h>

/*
 * Takes the attributes of a new event from user space and checks what can be checked without knowing the kind of event:
 * 0, -E2BIG (with the size that the kernel knows written back), -EINVAL, -EFAULT.
 */
int perf_copy_attr(struct perf_event_attr __user *uattr, struct perf_event_attr *attr);

#endif
