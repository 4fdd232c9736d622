/* SPDX-License-Identifier: MIT */
#ifndef _SYS_SYSCALL_H
#define _SYS_SYSCALL_H
#include <asm/unistd.h>
#define SYS_bpf __NR_bpf
#define SYS_perf_event_open __NR_perf_event_open
#define SYS_gettid __NR_gettid
#define SYS_getdents64 __NR_getdents64
#define SYS_sendfile __NR_sendfile
#define SYS_renameat2 __NR_renameat2
#define SYS_faccessat2 __NR_faccessat2
#endif
