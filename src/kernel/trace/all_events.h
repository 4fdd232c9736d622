/* SPDX-License-Identifier: MIT */
/* Every static event, for one part of static_events.c after the other. No include guard. */
#include <trace/events/exceptions.h>
#include <trace/events/irq.h>
#include <trace/events/kmem.h>
#include <trace/events/sched.h>
#include <trace/events/signal.h>
#include <trace/events/syscalls.h>
#include <trace/events/task.h>
