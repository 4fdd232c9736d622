/* SPDX-License-Identifier: MIT */
/* Filters of trace events: expressions over the fields of a record. (Documentation/trace/events.rst, 5) */
#ifndef _TRACE_FILTER_H
#define _TRACE_FILTER_H

#include <kernel/types.h>

struct trace_event_call;
struct event_filter;

/*
 * Compiles "field op value" with &&, ||, ! and parentheses. 0, -ENOMEM, -EINVAL and such; on a refusal *@filter holds
 * no expression but a text with a caret and the reason, for the filter file to show.
 */
int event_filter_create(struct trace_event_call *call, const char *text, struct event_filter **filter);
/* A filter that lets everything pass and says why it is none; NULL without memory. */
struct event_filter *event_filter_refusal(const char *text, const char *reason);
void event_filter_free(struct event_filter *filter);
const char *event_filter_text(const struct event_filter *filter);
bool filter_match_preds(const struct event_filter *filter, struct trace_event_call *call, const void *record);

#endif
