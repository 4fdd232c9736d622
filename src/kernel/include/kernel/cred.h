/* SPDX-License-Identifier: MIT */
/* Who a task is: user and group numbers, capabilities. */
#ifndef _KERNEL_CRED_H
#define _KERNEL_CRED_H

#include <linux/capability.h>
#include <kernel/types.h>

struct user_namespace;

#define NGROUPS_INLINE 32

struct cred {
	kuid_t uid, suid, euid, fsuid;
	kgid_t gid, sgid, egid, fsgid;
	u64 cap_inheritable, cap_permitted, cap_effective, cap_bset, cap_ambient;
	unsigned int securebits;
	int ngroups;
	gid_t groups[NGROUPS_INLINE];
};

#define CAP_FULL_SET	((1ULL << (CAP_LAST_CAP + 1)) - 1)

#define current_cred()	((const struct cred *)current->cred)
#define current_uid()	(current->cred->uid.val)
#define current_gid()	(current->cred->gid.val)
#define current_euid()	(current->cred->euid.val)
#define current_egid()	(current->cred->egid.val)
#define current_fsuid()	(current->cred->fsuid.val)
#define current_fsgid()	(current->cred->fsgid.val)

/* Whether @cred has the capability: 0 or -EPERM. Nobody has made a user namespace. */
int cap_capable(const struct cred *cred, struct user_namespace *targ_ns, int cap, unsigned int opts);
/* Whether the current task may: its effective capabilities, and what security modules say. */
bool capable(int cap);
static inline bool perfmon_capable(void);
bool in_group_p(gid_t gid);

#include <kernel/sched.h>

static inline bool perfmon_capable(void) { return capable(CAP_PERFMON) || capable(CAP_SYS_ADMIN); }
static inline bool bpf_capable(void) { return capable(CAP_BPF) || capable(CAP_SYS_ADMIN); }

#endif
