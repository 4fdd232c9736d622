// SPDX-License-Identifier: MIT
/*
 * Who decides whether a fault is injected: attributes, task filter, stack filter, and /proc/PID/fail-nth, which overrides
 * them all. (Documentation/fault-injection/fault-injection.rst; semantics E1 to E8, E15)
 */
#include <kernel/ctype.h>
#include <kernel/debugfs.h>
#include <kernel/fault-inject.h>
#include <kernel/irq.h>
#include <kernel/kdebug.h>
#include <kernel/kernel.h>
#include <kernel/printk.h>
#include <kernel/random.h>
#include <kernel/sched.h>
#include <kernel/time.h>

int setup_fault_attr(struct fault_attr *attr, const char *text)
{
	long fields[4];
	char *end = (char *)text;

	for (unsigned int i = 0; i < ARRAY_SIZE(fields); i++) {
		const char *field = end;
		bool negative = i >= 2 && field[0] == '-';	/* the first two are unsigned */
		bool number = isdigit(field[negative]);

		fields[i] = simple_strtol(field, &end, 10);
		if (!number || (i < 3 && *end++ != ',')) {
			pr_warn("FAULT_INJECTION: failed to parse arguments\n");
			return 0;
		}
	}
	attr->interval = fields[0];
	attr->probability = fields[1];
	atomic_set(&attr->space, fields[2]);
	atomic_set(&attr->times, fields[3]);
	return 1;
}

/* At most `burst` messages in `interval`. */
static bool may_report(struct fault_attr *attr)
{
	u64 now = ktime_get_ns();

	if (!attr->ratelimit_interval_ms)
		return true;
	if (!attr->ratelimit_begin || now - attr->ratelimit_begin > attr->ratelimit_interval_ms * 1000000ULL) {
		attr->ratelimit_begin = now;
		attr->ratelimit_printed = 0;
	}
	if (attr->ratelimit_printed >= attr->ratelimit_burst)
		return false;
	attr->ratelimit_printed++;
	return true;
}

static noinline void fail_dump(struct fault_attr *attr)
{
	if (!attr->verbose || !may_report(attr))
		return;
	pr_notice("FAULT_INJECTION: forcing a failure.\n"
		  "name %s, interval %lu, probability %lu, space %d, times %d\n",
		  attr->name, attr->interval, attr->probability, atomic_read(&attr->space), atomic_read(&attr->times));
	if (attr->verbose > 1)
		dump_stack();
}

/* Some frame lies in the required range and none in the rejected one. */
static bool stack_allows(struct fault_attr *attr)
{
	unsigned long entries[MAX_STACK_TRACE_DEPTH];
	unsigned int depth = attr->stacktrace_depth, nr;
	bool found = attr->require_start == 0 && attr->require_end == ~0UL;

	if (depth == 0 || (found && !attr->reject_start && !attr->reject_end))
		return found;
	nr = stack_trace_save(entries, depth, 1);
	for (unsigned int i = 0; i < nr; i++) {
		if (attr->reject_start <= entries[i] && entries[i] < attr->reject_end)
			return false;
		if (attr->require_start <= entries[i] && entries[i] < attr->require_end)
			found = true;
	}
	return found;
}

static bool attributes_say_fail(struct fault_attr *attr, ssize_t size)
{
	if (attr->probability == 0)
		return false;
	if (attr->task_filter && (!in_task() || !current->make_it_fail))
		return false;
	if (atomic_read(&attr->times) == 0)
		return false;
	if (atomic_read(&attr->space) > size) {
		atomic_sub(size, &attr->space);
		return false;
	}
	if (attr->interval > 1 && ++attr->count % attr->interval)
		return false;
	if (attr->probability <= get_random_u32() % 100)
		return false;
	return stack_allows(attr);
}

bool should_fail_ex(struct fault_attr *attr, ssize_t size, int flags)
{
	if (in_task() && current->fail_nth) {
		if (--current->fail_nth)
			return false;
	} else if (!attributes_say_fail(attr, size)) {
		return false;
	}
	if (!(flags & FAULT_NOWARN))
		fail_dump(attr);
	if (atomic_read(&attr->times) != -1)
		atomic_add_unless(&attr->times, -1, 0);
	return true;
}

static int stacktrace_depth_get(void *data, u64 *value)
{
	*value = *(unsigned long *)data;
	return 0;
}

/* More than is looked at is taken as that much. */
static int stacktrace_depth_set(void *data, u64 value)
{
	*(unsigned long *)data = min(value, (u64)MAX_STACK_TRACE_DEPTH);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(stacktrace_depth_fops, stacktrace_depth_get, stacktrace_depth_set, "%llu\n");

struct dentry *fault_create_debugfs_attr(struct fault_attr *attr)
{
	struct dentry *dir = debugfs_create_dir(attr->name, NULL);

	debugfs_create_ulong("probability", 0600, dir, &attr->probability);
	debugfs_create_ulong("interval", 0600, dir, &attr->interval);
	debugfs_create_atomic_t("times", 0600, dir, &attr->times);
	debugfs_create_atomic_t("space", 0600, dir, &attr->space);
	debugfs_create_ulong("verbose", 0600, dir, &attr->verbose);
	debugfs_create_u32("verbose_ratelimit_interval_ms", 0600, dir, &attr->ratelimit_interval_ms);
	debugfs_create_u32("verbose_ratelimit_burst", 0600, dir, &attr->ratelimit_burst);
	debugfs_create_bool("task-filter", 0600, dir, &attr->task_filter);
	debugfs_create_file("stacktrace-depth", 0600, dir, &attr->stacktrace_depth, &stacktrace_depth_fops);
	debugfs_create_x64("require-start", 0600, dir, (u64 *)&attr->require_start);
	debugfs_create_x64("require-end", 0600, dir, (u64 *)&attr->require_end);
	debugfs_create_x64("reject-start", 0600, dir, (u64 *)&attr->reject_start);
	debugfs_create_x64("reject-end", 0600, dir, (u64 *)&attr->reject_end);
	return dir;
}
