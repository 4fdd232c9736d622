/* SPDX-License-Identifier: MIT */
/*
 * The fault-injection framework: a capability (failslab, fail_page_alloc ...) asks should_fail_ex() at its point, and the
 * attributes under /sys/kernel/debug/NAME decide. (Documentation/fault-injection/fault-injection.rst; semantics E1 to E10)
 */
#ifndef _KERNEL_FAULT_INJECT_H
#define _KERNEL_FAULT_INJECT_H

#include <kernel/atomic.h>
#include <kernel/types.h>

struct dentry;

#define FAULT_NOWARN		1	/* flag of should_fail_ex(): inject without a message */
#define MAX_STACK_TRACE_DEPTH	32

struct fault_attr {
	const char *name;
	unsigned long probability;	/* percent */
	unsigned long interval;
	atomic_t times;			/* -1: no limit */
	atomic_t space;			/* size units before the first failure */
	unsigned long verbose;		/* 0 nothing, 1 a message, 2 with the stack */
	bool task_filter;		/* only tasks with make-it-fail set */
	unsigned long stacktrace_depth;
	unsigned long require_start, require_end, reject_start, reject_end;
	unsigned long count;
	u32 ratelimit_interval_ms;	/* of messages: 0, as many as there are; otherwise ... */
	u32 ratelimit_burst;		/* ... so many in an interval */
	u32 ratelimit_printed;
	u64 ratelimit_begin;		/* ns */
};

#define FAULT_ATTR_INITIALIZER(attr_name) {					\
	.name = attr_name, .interval = 1, .times = ATOMIC_INIT(1), .verbose = 2,	\
	.stacktrace_depth = 32, .require_end = ~0UL, .ratelimit_burst = 10,	\
}

/* True: fail this call, which asks for @size units. */
bool should_fail_ex(struct fault_attr *attr, ssize_t size, int flags);
static inline bool should_fail(struct fault_attr *attr, ssize_t size) { return should_fail_ex(attr, size, 0); }
/* "<interval>,<probability>,<space>,<times>" of a boot option; 1 as __setup wants it, 0 if it cannot be read. */
int setup_fault_attr(struct fault_attr *attr, const char *text);
/* The directory of the attributes in debugfs. */
struct dentry *fault_create_debugfs_attr(struct fault_attr *attr);

/* The capabilities that are asked from elsewhere. */
bool should_fail_usercopy(void);
bool should_fail_futex(bool shared);
bool should_fail_io_timeout(void);

#endif
