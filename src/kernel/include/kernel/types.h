/* SPDX-License-Identifier: MIT */
/* The kernel's basic types. */
#ifndef _KERNEL_TYPES_H
#define _KERNEL_TYPES_H

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdbool.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef unsigned long long u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef long long s64;

typedef u8 uint8_t;
typedef u16 uint16_t;
typedef u32 uint32_t;
typedef unsigned long uint64_t;
typedef s8 int8_t;
typedef s16 int16_t;
typedef s32 int32_t;
typedef long int64_t;
typedef unsigned long uintptr_t;
typedef long intptr_t;

typedef __kernel_size_t size_t;
typedef __kernel_ssize_t ssize_t;
typedef long long loff_t;
typedef __kernel_pid_t pid_t;
typedef __u32 uid_t;
typedef __u32 gid_t;
typedef __u32 dev_t;
typedef unsigned long ino_t;
typedef unsigned short umode_t;
typedef __u32 nlink_t;
typedef __kernel_long_t time_t;
typedef __kernel_clock_t clock_t;
typedef int clockid_t;
typedef s64 time64_t;
typedef s64 ktime_t;
typedef unsigned int gfp_t;
typedef unsigned long pgoff_t;
typedef u64 sector_t;
typedef u64 phys_addr_t;
typedef u64 dma_addr_t;
typedef unsigned char uchar;
typedef unsigned int uint;
typedef unsigned long ulong;

typedef struct { int counter; } atomic_t;
typedef struct { s64 counter; } atomic64_t;
typedef atomic64_t atomic_long_t;

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_head {
	struct hlist_node *first;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};

/* A number that stands for a user or a group inside the kernel. All user namespaces are the first one, so it is the user's. */
typedef struct {
	uid_t val;
} kuid_t;

typedef struct {
	gid_t val;
} kgid_t;

#include <kernel/compiler.h>

#endif /* __ASSEMBLER__ */
#endif
