/* SPDX-License-Identifier: MIT */
/* What signal.c, the signal system calls and the processor's signal frames share. */
#ifndef _PROCESS_SIGNAL_H
#define _PROCESS_SIGNAL_H

#include <kernel/signal.h>

struct task_struct;

int get_signal(kernel_siginfo_t *info, struct k_sigaction *action);
int dequeue_signal(unsigned long candidates, kernel_siginfo_t *info);
/* The log's line about a program that died of a fault. */
bool show_unhandled_signals(struct task_struct *task, int sig);
void report_unhandled(int sig, kernel_siginfo_t *info);
/* Sets the mask of blocked signals, never with SIGKILL or SIGSTOP. */
void set_current_blocked(unsigned long mask);

#endif
