/* SPDX-License-Identifier: MIT */
/*
 * The kernel asks security modules before it does something: security_NAME() for each hook. The modules are "capability", which is
 * built into most of the checks themselves, and BPF, whose programs are attached to bpf_lsm_NAME().
 */
#ifndef _KERNEL_SECURITY_H
#define _KERNEL_SECURITY_H

#include <kernel/types.h>
#include <kernel/fs.h>

/* What a perf event's opener is asked about. */
#define PERF_SECURITY_OPEN	0

/* FMODE_ of the flags that something is opened with. */
#define OPEN_FMODE(flags)	((fmode_t)(((flags) + 1) & O_ACCMODE))

struct bpf_map;
struct bpf_prog;
struct cred;
struct kernel_siginfo;
struct linux_binprm;
struct mm_struct;
struct perf_event_attr;
struct task_struct;
struct timespec64;
struct timezone;
struct user_namespace;
struct vm_area_struct;
struct vfsmount;
union bpf_attr;

#define LSM_HOOK(result, none, name, parameters, arguments) result security_##name parameters;
/* A name that is not the hook's. */
#define security_bprm_check_security security_bprm_check
#include <kernel/lsm_hook_defs.h>
#undef LSM_HOOK

#endif
