/* SPDX-License-Identifier: MIT */
/*
 * BUG and WARN: ud2 with an entry in the section __bug_table that tells file, line and kind, so that the place
 * costs two bytes of code and the registers in the report are those of the place itself.
 */
#ifndef _KERNEL_BUG_H
#define _KERNEL_BUG_H

#include <kernel/types.h>
#include <kernel/compiler.h>

#define BUGFLAG_WARNING		(1 << 0)
#define BUGFLAG_ONCE		(1 << 1)
#define BUGFLAG_DONE		(1 << 2)

struct bug_entry {
	s32 bug_addr_disp;
	s32 file_disp;
	u16 line;
	u16 flags;
};

#define _BUG_FLAGS(flags)							\
	__asm__ __volatile__("1:\tud2\n"					\
		     ".pushsection __bug_table, \"aw\"\n"			\
		     "2:\t.long 1b - 2b\n"					\
		     "\t.long %c0 - 2b - 4\n"					\
		     "\t.word %c1, %c2\n"					\
		     ".popsection"						\
		     : : "i" (__FILE__), "i" (__LINE__), "i" (flags))

#define BUG() do { _BUG_FLAGS(0); __builtin_unreachable(); } while (0)
#define BUG_ON(cond) do { if (unlikely(cond)) BUG(); } while (0)

#define __WARN_FLAGS(flags)	_BUG_FLAGS(BUGFLAG_WARNING | (flags))
#define WARN_ON(cond) ({ bool __w = !!(cond); if (unlikely(__w)) __WARN_FLAGS(0); unlikely(__w); })
#define WARN_ON_ONCE(cond) ({ bool __w = !!(cond); if (unlikely(__w)) __WARN_FLAGS(BUGFLAG_ONCE); unlikely(__w); })

__printf(1, 2) void __warn_printk(const char *fmt, ...);
#define WARN(cond, fmt...) ({							\
	bool __w = !!(cond);							\
	if (unlikely(__w)) { __warn_printk(fmt); __WARN_FLAGS(0); }		\
	unlikely(__w); })
#define WARN_ONCE(cond, fmt...) ({						\
	static bool __once;							\
	bool __w = !!(cond);							\
	if (unlikely(__w) && !__once) { __once = true; __warn_printk(fmt); __WARN_FLAGS(0); } \
	unlikely(__w); })

#define BUILD_BUG_ON(cond)	_Static_assert(!(cond), "BUILD_BUG_ON: " #cond)
#define static_assert		_Static_assert

struct pt_regs;
/* The #UD handler's: BUG_TRAP_TYPE_WARN if the address is a WARN and the report has been printed. */
enum bug_trap_type { BUG_TRAP_TYPE_NONE, BUG_TRAP_TYPE_WARN, BUG_TRAP_TYPE_BUG };
enum bug_trap_type report_bug(unsigned long addr, struct pt_regs *regs);
struct bug_entry *find_bug(unsigned long addr);

#endif
