/* SPDX-License-Identifier: MIT */
/* The events syscalls:sys_enter_NAME and sys_exit_NAME, which come into being when they are asked for. */
#ifndef _TRACE_TRACE_SYSCALLS_H
#define _TRACE_TRACE_SYSCALLS_H

#include <kernel/trace_events.h>

#define SYSCALL_EVENT_GROUP "syscalls"

/* Makes all of them, for whoever wants a list. */
void trace_syscalls_populate(void);
/* The one with the id, made now if need be; NULL: not one of them. */
struct trace_event_call *trace_syscalls_find_event(int id);

/* trace_events.c: keeps @count ids for later; the first. */
int trace_reserve_ids(int count);
/* The directory of a group, which stays from now on. */
struct dentry *trace_event_group_dir(const char *name);

#endif
