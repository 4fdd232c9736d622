// SPDX-License-Identifier: MIT
/* The first namespaces, which all tasks are in; their numbers are Linux's. (man 7 namespaces) */
#include <kernel/nsproxy.h>

struct mnt_namespace init_mnt_ns = { .ns.inum = 0xF0000001 };
struct pid_namespace init_pid_ns = { .ns.inum = 0xEFFFFFFC };
struct user_namespace init_user_ns = { .ns.inum = 0xEFFFFFFD };
struct nsproxy init_nsproxy = { .mnt_ns = &init_mnt_ns, .pid_ns_for_children = &init_pid_ns };
