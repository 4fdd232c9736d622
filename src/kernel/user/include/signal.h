/* SPDX-License-Identifier: MIT */
#ifndef _SIGNAL_H
#define _SIGNAL_H
#include <sys/types.h>
#include <asm/signal.h>
#include <asm/siginfo.h>
typedef void (*sighandler_t)(int);
int sigaction(int signal, const struct sigaction *action, struct sigaction *old);
sighandler_t signal(int number, sighandler_t handler);
int sigprocmask(int how, const sigset_t *set, sigset_t *old);
int kill(pid_t pid, int signal);
int raise(int signal);
static inline int sigemptyset(sigset_t *set) { *set = 0; return 0; }
static inline int sigaddset(sigset_t *set, int n) { *set |= 1UL << (n - 1); return 0; }
#endif
