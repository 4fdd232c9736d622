/* SPDX-License-Identifier: MIT */
/*
 * System calls: SYSCALL_DEFINEn(name, type, arg, ...) defines the call's body and Linux's entry __x64_sys_name(regs), and
 * registers it under __NR_name.
 */
#ifndef _KERNEL_SYSCALLS_H
#define _KERNEL_SYSCALLS_H

#include <asm/unistd_64.h>
#include <kernel/types.h>
#include <kernel/error-injection.h>
#include <kernel/ptrace.h>
#include <kernel/compiler.h>

typedef long (*sys_call_ptr_t)(const struct pt_regs *regs);

struct syscall_entry {
	unsigned long nr;
	sys_call_ptr_t fn;
	const char *name;
	unsigned long nr_args;
	const char *const *types, *const *args;	/* as they were declared, for syscalls:sys_enter_NAME */
};

#define NR_syscalls 512
extern sys_call_ptr_t sys_call_table[NR_syscalls];

#define __SC_PAIRS0()
#define __SC_DECL(t, a)		t a
#define __SC_LONG(t, a)		unsigned long a
#define __SC_CAST(t, a)		(t)a
#define __MAP0(m, ...)
#define __MAP1(m, t, a)		m(t, a)
#define __MAP2(m, t, a, ...)	m(t, a), __MAP1(m, __VA_ARGS__)
#define __MAP3(m, t, a, ...)	m(t, a), __MAP2(m, __VA_ARGS__)
#define __MAP4(m, t, a, ...)	m(t, a), __MAP3(m, __VA_ARGS__)
#define __MAP5(m, t, a, ...)	m(t, a), __MAP4(m, __VA_ARGS__)
#define __MAP6(m, t, a, ...)	m(t, a), __MAP5(m, __VA_ARGS__)
#define __MAP(n, ...)		__MAP##n(__VA_ARGS__)
#define __SC_REGS1		regs->di
#define __SC_REGS2		__SC_REGS1, regs->si
#define __SC_REGS3		__SC_REGS2, regs->dx
#define __SC_REGS4		__SC_REGS3, regs->r10
#define __SC_REGS5		__SC_REGS4, regs->r8
#define __SC_REGS6		__SC_REGS5, regs->r9

#define __SC_TYPE_NAME(t, a)	#t
#define __SC_ARG_NAME(t, a)	#a

#define __SYSCALL_RECORD(sname, x, types, args)					\
	static const struct syscall_entry __syscall_entry_##sname		\
	__attribute__((used, section("__syscall_table"), aligned(8))) =		\
		{ __NR_##sname, __x64_sys_##sname, #sname, x, types, args }

#define __SYSCALL_DEFINEx(x, sname, ...)					\
	static long __se_sys_##sname(__MAP(x, __SC_LONG, __VA_ARGS__));		\
	static __always_inline long __do_sys_##sname(__MAP(x, __SC_DECL, __VA_ARGS__)); \
	long __x64_sys_##sname(const struct pt_regs *regs);			\
	long __x64_sys_##sname(const struct pt_regs *regs)			\
	{									\
		return __se_sys_##sname(__SC_REGS##x);				\
	}									\
	ALLOW_ERROR_INJECTION(__x64_sys_##sname, ERRNO);			\
	static const char *const __types_##sname[] = { __MAP(x, __SC_TYPE_NAME, __VA_ARGS__) };	\
	static const char *const __args_##sname[] = { __MAP(x, __SC_ARG_NAME, __VA_ARGS__) };	\
	__SYSCALL_RECORD(sname, x, __types_##sname, __args_##sname);		\
	static __always_inline long __se_sys_##sname(__MAP(x, __SC_LONG, __VA_ARGS__)) \
	{									\
		return __do_sys_##sname(__MAP(x, __SC_CAST, __VA_ARGS__));	\
	}									\
	static __always_inline long __do_sys_##sname(__MAP(x, __SC_DECL, __VA_ARGS__))

/* __x64_sys_NAME as a second name of __do_sys_NAME, which is the one that the type information and symbolised addresses show. */
#define SYSCALL_ALIAS(sname)							\
	long __x64_sys_##sname(const struct pt_regs *regs) __attribute__((alias("__do_sys_" #sname))); \
	ALLOW_ERROR_INJECTION(__x64_sys_##sname, ERRNO)

#define SYSCALL_DEFINE0(sname)							\
	long __do_sys_##sname(const struct pt_regs *regs);			\
	SYSCALL_ALIAS(sname);							\
	__SYSCALL_RECORD(sname, 0, NULL, NULL);					\
	long __do_sys_##sname(const struct pt_regs *regs __always_unused)
#define SYSCALL_DEFINE1(name, ...) __SYSCALL_DEFINEx(1, name, __VA_ARGS__)
#define SYSCALL_DEFINE2(name, ...) __SYSCALL_DEFINEx(2, name, __VA_ARGS__)
#define SYSCALL_DEFINE3(name, ...) __SYSCALL_DEFINEx(3, name, __VA_ARGS__)
#define SYSCALL_DEFINE4(name, ...) __SYSCALL_DEFINEx(4, name, __VA_ARGS__)
#define SYSCALL_DEFINE5(name, ...) __SYSCALL_DEFINEx(5, name, __VA_ARGS__)
#define SYSCALL_DEFINE6(name, ...) __SYSCALL_DEFINEx(6, name, __VA_ARGS__)

#endif
