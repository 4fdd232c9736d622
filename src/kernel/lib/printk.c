// SPDX-License-Identifier: MIT
/*
 * The kernel log: a ring of records, printed on the consoles as lines "[    0.123456] text". /dev/kmsg and syslog(2) read
 * the ring. (Documentation/core-api/printk-basics.rst; Documentation/ABI/testing/dev-kmsg)
 */
#include <kernel/init.h>
#include <kernel/io.h>
#include <kernel/irqflags.h>
#include <kernel/kernel.h>
#include <kernel/module.h>
#include <kernel/printk.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/time.h>
#include <kernel/wait.h>
#include <generated/platform.h>

#define LOG_BUF_SIZE	(128 * 1024)
#define LOG_LINE_MAX	1024
#define LOG_RECORDS	2048

struct record {
	u64 ts_nsec;
	u32 at;			/* in log_buf; text never wraps */
	u16 len;
	u8 level, facility;
	bool cont;
};

static char log_buf[LOG_BUF_SIZE];
static struct record records[LOG_RECORDS];
static u64 first_seq, next_seq, console_seq;
static u32 log_head;			/* where the next text goes */
static bool line_open;			/* the last record lacks its newline: a KERN_CONT may go on */
static bool at_line_start = true;	/* of the consoles */
static bool console_ready;
static bool in_printk;

int console_loglevel = CONSOLE_LOGLEVEL_DEFAULT;
int default_message_loglevel = MESSAGE_LOGLEVEL_DEFAULT;
bool printk_time = true;
DECLARE_WAIT_QUEUE_HEAD(log_wait);

static struct record *record_of(u64 seq)
{
	return &records[seq % LOG_RECORDS];
}

static u32 reserve(u32 len)
{
	u32 at;

	if (log_head + len > LOG_BUF_SIZE)
		log_head = 0;
	at = log_head;
	/* Records whose text is overwritten go. */
	while (first_seq < next_seq) {
		struct record *r = record_of(first_seq);

		if (next_seq - first_seq < LOG_RECORDS && (r->at >= at + len || r->at + r->len <= at))
			break;
		first_seq++;
	}
	log_head = at + len;
	return at;
}

static void store(int level, int facility, bool cont, const char *text, size_t len)
{
	u32 at = reserve(len);
	struct record *r = record_of(next_seq);

	memcpy(log_buf + at, text, len);
	*r = (struct record){ .ts_nsec = ktime_get_ns(), .at = at, .len = len, .level = level, .facility = facility,
			      .cont = cont };
	next_seq++;
}

/* The UART's data port needs nothing but to be written: messages can be printed before there are drivers. */
static const u16 serial_ports[] = { PLATFORM_UART0_PORT, PLATFORM_UART1_PORT };
static unsigned long console_lines = BIT(0);
int preferred_console;

static void serial_write(u16 port, const char *s, unsigned int count)
{
	for (; count--; s++) {
		if (*s == '\n')
			outb('\r', port);
		outb(*s, port);
	}
}

static void emit(const char *s, unsigned int n)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(serial_ports); i++)
		if (console_lines & BIT(i))
			serial_write(serial_ports[i], s, n);
}

static void emit_prefix(const struct record *r)
{
	char prefix[32];

	if (printk_time)
		emit(prefix, snprintf(prefix, sizeof(prefix), "[%5llu.%06llu] ", r->ts_nsec / 1000000000ULL,
				      r->ts_nsec / 1000 % 1000000));
}

/* A record of several lines has the prefix before each. */
static void emit_text(const struct record *r, const char *text, size_t len)
{
	for (;;) {
		const char *nl = memchr(text, '\n', len);

		if (!nl)
			break;
		emit(text, nl + 1 - text);
		len -= nl + 1 - text;
		text = nl + 1;
		emit_prefix(r);
	}
	emit(text, len);
}

static void console_flush(void)
{
	if (!console_ready)
		return;
	if (console_seq < first_seq)
		console_seq = first_seq;
	for (; console_seq < next_seq; console_seq++) {
		struct record *r = record_of(console_seq);
		const char *text = log_buf + r->at;
		bool last = console_seq + 1 == next_seq;

		if (r->level >= console_loglevel)
			continue;
		if (r->cont && !at_line_start) {
			emit_text(r, text, r->len);
		} else {
			if (!at_line_start)
				emit("\n", 1);
			emit_prefix(r);
			emit_text(r, text, r->len);
		}
		at_line_start = !(last && line_open);
		if (at_line_start && !(console_seq + 1 < next_seq && record_of(console_seq + 1)->cont))
			emit("\n", 1);
		else
			at_line_start = false;
	}
	/* A newline that came alone, after its text had been printed. */
	if (!line_open && !at_line_start) {
		emit("\n", 1);
		at_line_start = true;
	}
}

static void vprintk_store(int facility, int level, const char *fmt, va_list args)
{
	static char line[LOG_LINE_MAX];
	size_t len = vscnprintf(line, sizeof(line), fmt, args);
	char *text = line;
	bool cont = false;

	while (len >= 2 && text[0] == KERN_SOH[0] && text[1]) {
		if (text[1] >= '0' && text[1] <= '7')
			level = level < 0 ? text[1] - '0' : level;
		else if (text[1] == 'c')
			cont = true;
		text += 2;
		len -= 2;
	}
	if (level < 0)
		level = cont && next_seq > first_seq ? record_of(next_seq - 1)->level : default_message_loglevel;
	cont = cont && line_open;
	line_open = !(len && text[len - 1] == '\n');
	len -= !line_open;
	if (len || (!line_open && !cont))
		store(level, facility, cont, text, len);
}

int vprintk(const char *fmt, va_list args)
{
	unsigned long flags;

	local_irq_save(flags);
	if (!in_printk) {
		in_printk = true;
		vprintk_store(0, -1, fmt, args);
		console_flush();
		in_printk = false;
	}
	local_irq_restore(flags);
	if (waitqueue_active(&log_wait))
		wake_up_interruptible_all(&log_wait);
	return 0;
}

int _printk(const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vprintk(fmt, args);
	va_end(args);
	return n;
}

void printk_bust(void)
{
	in_printk = false;
	line_open = false;
}

void printk_emit_user(int level, const char *text, size_t len)
{
	unsigned long flags;

	while (len && text[len - 1] == '\n')
		len--;
	local_irq_save(flags);
	line_open = false;
	store(level < 0 ? default_message_loglevel : level & 7, level >= 8 ? level >> 3 : 1, false, text,
	      min_t(size_t, len, LOG_LINE_MAX));
	console_flush();
	local_irq_restore(flags);
	if (waitqueue_active(&log_wait))
		wake_up_interruptible_all(&log_wait);
}

bool printk_get_record(u64 seq, struct printk_record *record)
{
	struct record *r;

	if (seq < first_seq)
		seq = first_seq;
	if (seq >= next_seq)
		return false;
	r = record_of(seq);
	*record = (struct printk_record){ .seq = seq, .ts_nsec = r->ts_nsec, .level = r->level, .facility = r->facility,
					  .cont = r->cont, .len = r->len, .text = log_buf + r->at };
	return true;
}

u64 printk_first_seq(void)
{
	return first_seq;
}

u64 printk_next_seq(void)
{
	return next_seq;
}

/* ---- consoles ---- */

void __init console_init(void)
{
	console_ready = true;
	console_flush();
}

/*
 * console=ttyS1, or ttyS1,115200: the messages go to each line that is named, /dev/console is the last of them. A device that
 * is not there gets nothing.
 */
static int __init console_setup(char *value)
{
	static bool named;

	if (!named)
		console_lines = 0;
	named = true;
	preferred_console = -1;
	for (int i = 0; i < ARRAY_SIZE(serial_ports); i++) {
		char name[8];
		size_t n = snprintf(name, sizeof(name), "ttyS%d", i);

		if (strncmp(value, name, n) || (value[n] && value[n] != ','))
			continue;
		console_lines |= BIT(i);
		preferred_console = i;
	}
	return 1;
}
early_param("console", console_setup);

static int __init quiet_setup(char *value)
{
	console_loglevel = CONSOLE_LOGLEVEL_QUIET;
	return 1;
}
early_param("quiet", quiet_setup);

static int __init debug_setup(char *value)
{
	console_loglevel = 10;
	return 1;
}
early_param("debug", debug_setup);

static int __init loglevel_setup(char *value)
{
	return !kstrtoint(value, 0, &console_loglevel);
}
early_param("loglevel", loglevel_setup);

static int __init printk_time_setup(char *value)
{
	return !kstrtobool(value, &printk_time);
}
early_param("printk.time", printk_time_setup);

static int __init ignore_loglevel_setup(char *value)
{
	console_loglevel = INT_MAX;
	return 1;
}
early_param("ignore_loglevel", ignore_loglevel_setup);

void print_hex_dump(const char *level, const char *prefix_str, int prefix_type, int rowsize, int groupsize,
		    const void *buf, size_t len, bool ascii)
{
	const u8 *p = buf;
	char line[200];

	if (rowsize != 16 && rowsize != 32)
		rowsize = 16;
	if (groupsize != 2 && groupsize != 4 && groupsize != 8)
		groupsize = 1;
	for (size_t at = 0; at < len; at += rowsize) {
		size_t n = min_t(size_t, rowsize, len - at);
		int used = 0, full = rowsize * 2 + rowsize / groupsize - 1;

		for (size_t i = 0; i < n; i += groupsize) {
			if (i)
				line[used++] = ' ';
			for (int j = groupsize - 1; j >= 0; j--)
				if (i + j < n)
					used += sprintf(line + used, "%02x", p[at + i + j]);
		}
		if (ascii) {
			while (used < full + 2)
				line[used++] = ' ';
			for (size_t i = 0; i < n; i++)
				line[used++] = p[at + i] >= 0x20 && p[at + i] < 0x7f ? p[at + i] : '.';
		}
		line[used] = '\0';
		if (prefix_type == DUMP_PREFIX_ADDRESS)
			printk("%s%s%px: %s\n", level, prefix_str, p + at, line);
		else if (prefix_type == DUMP_PREFIX_OFFSET)
			printk("%s%s%.8x: %s\n", level, prefix_str, (unsigned int)at, line);
		else
			printk("%s%s%s\n", level, prefix_str, line);
	}
}
