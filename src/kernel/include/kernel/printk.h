/* SPDX-License-Identifier: MIT */
/* Kernel messages. (Documentation/core-api/printk-basics.rst, printk-formats.rst) */
#ifndef _KERNEL_PRINTK_H
#define _KERNEL_PRINTK_H

#include <stdarg.h>
#include <kernel/types.h>
#include <kernel/compiler.h>

#define KERN_SOH	"\001"
#define KERN_EMERG	KERN_SOH "0"
#define KERN_ALERT	KERN_SOH "1"
#define KERN_CRIT	KERN_SOH "2"
#define KERN_ERR	KERN_SOH "3"
#define KERN_WARNING	KERN_SOH "4"
#define KERN_NOTICE	KERN_SOH "5"
#define KERN_INFO	KERN_SOH "6"
#define KERN_DEBUG	KERN_SOH "7"
#define KERN_DEFAULT	""
#define KERN_CONT	KERN_SOH "c"

#define MESSAGE_LOGLEVEL_DEFAULT	4
#define CONSOLE_LOGLEVEL_QUIET		4
#define CONSOLE_LOGLEVEL_DEFAULT	7

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif

__printf(1, 2) int _printk(const char *fmt, ...);
int vprintk(const char *fmt, va_list args);
#define printk(fmt...) _printk(fmt)

#define pr_emerg(fmt, ...)	printk(KERN_EMERG pr_fmt(fmt), ##__VA_ARGS__)
#define pr_alert(fmt, ...)	printk(KERN_ALERT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_crit(fmt, ...)	printk(KERN_CRIT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err(fmt, ...)	printk(KERN_ERR pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...)	printk(KERN_WARNING pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice(fmt, ...)	printk(KERN_NOTICE pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...)	printk(KERN_INFO pr_fmt(fmt), ##__VA_ARGS__)
#define pr_cont(fmt, ...)	printk(KERN_CONT fmt, ##__VA_ARGS__)
#define pr_debug(fmt, ...)	do { if (0) printk(KERN_DEBUG pr_fmt(fmt), ##__VA_ARGS__); } while (0)
#define printk_once(fmt...) ({ static bool __p; if (!__p) { __p = true; printk(fmt); } })
#define pr_err_once(fmt, ...)	printk_once(KERN_ERR pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn_once(fmt, ...)	printk_once(KERN_WARNING pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info_once(fmt, ...)	printk_once(KERN_INFO pr_fmt(fmt), ##__VA_ARGS__)
#define printk_ratelimited	printk
#define pr_err_ratelimited	pr_err
#define pr_warn_ratelimited	pr_warn
#define pr_info_ratelimited	pr_info
#define pr_notice_ratelimited	pr_notice

/* %pV: a format and its arguments in one. */
struct va_format {
	const char *fmt;
	va_list *va;
};

void print_hex_dump(const char *level, const char *prefix_str, int prefix_type, int rowsize, int groupsize,
		    const void *buf, size_t len, bool ascii);
enum { DUMP_PREFIX_NONE, DUMP_PREFIX_ADDRESS, DUMP_PREFIX_OFFSET };
void dump_stack(void);
/* Before a report of the kernel death: printk works again whatever it was in the middle of. */
void printk_bust(void);

extern int console_loglevel, default_message_loglevel;
extern bool printk_time;

/* ---- the log: what /dev/kmsg and syslog(2) read ---- */

/* One record. @text has no newline at its end. */
struct printk_record {
	u64 seq;
	u64 ts_nsec;
	u8 level;
	u8 facility;
	bool cont;
	u16 len;
	const char *text;
};

/* The record with number @seq, or the oldest one after it that is still there. False if there is none yet. */
bool printk_get_record(u64 seq, struct printk_record *record);
u64 printk_first_seq(void);
u64 printk_next_seq(void);
/* Adds a line as if printk'd, with facility user (a write to /dev/kmsg). */
void printk_emit_user(int level, const char *text, size_t len);
/* Woken when a record is added. */
struct wait_queue_head;
extern struct wait_queue_head log_wait;

/* The serial line behind /dev/console, as console= has it: the number of a ttyS, or -1 if it names nothing that is there. */
extern int preferred_console;

#endif
