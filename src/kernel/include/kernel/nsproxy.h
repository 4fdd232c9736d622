/* SPDX-License-Identifier: MIT */
/*
 * Namespaces: there is one of each kind, and nobody can make another. Programs that tell containers apart ask for their numbers.
 */
#ifndef _KERNEL_NSPROXY_H
#define _KERNEL_NSPROXY_H

#include <kernel/types.h>

struct ns_common {
	unsigned int inum;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct pid_namespace {
	unsigned int level;
	struct ns_common ns;
};

struct user_namespace {
	int level;
	struct ns_common ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
};

extern struct mnt_namespace init_mnt_ns;
extern struct pid_namespace init_pid_ns;
extern struct user_namespace init_user_ns;
extern struct nsproxy init_nsproxy;

#endif
