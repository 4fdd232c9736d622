/* SPDX-License-Identifier: MIT */
/* /sys/kernel/tracing/error_log: why the last commands were refused, with a caret under the place. */
#ifndef _TRACE_ERROR_LOG_H
#define _TRACE_ERROR_LOG_H

/* @position counts bytes of @command. */
void tracing_log_err(const char *system, const char *command, const char *message, int position);

#endif
