// SPDX-License-Identifier: MIT
/*
 * Formatted printing. Besides C's conversions: %pS %ps %pB symbols, %px a raw and %p a hashed pointer, %pe an error,
 * %pV a nested format, %pU* a UUID, %pd a dentry's name, %*ph bytes. (Documentation/core-api/printk-formats.rst)
 */
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/kallsyms.h>
#include <kernel/kernel.h>
#include <kernel/slab.h>
#include <kernel/string.h>

struct spec {
	bool left, plus, space, alternate, zero, upper, is_signed;
	int width, precision;		/* -1: none */
	unsigned int base;
};

struct out {
	char *buf;
	size_t size, len;
};

static void put(struct out *o, char c)
{
	if (o->len < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void pad(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_string(struct out *o, const char *s, struct spec sp)
{
	size_t n;

	if ((unsigned long)s < PAGE_SIZE)
		s = "(null)";
	n = sp.precision >= 0 ? strnlen(s, sp.precision) : strlen(s);
	if (!sp.left)
		pad(o, ' ', sp.width - (int)n);
	for (size_t i = 0; i < n; i++)
		put(o, s[i]);
	if (sp.left)
		pad(o, ' ', sp.width - (int)n);
}

static void put_number(struct out *o, unsigned long long value, struct spec sp)
{
	const char *digits = sp.upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[24], sign = 0;
	const char *prefix = "";
	int n = 0, zeros, total;

	if (sp.is_signed) {
		if ((long long)value < 0) {
			sign = '-';
			value = -value;
		} else if (sp.plus) {
			sign = '+';
		} else if (sp.space) {
			sign = ' ';
		}
	}
	if (sp.alternate && sp.base == 16)
		prefix = sp.upper ? "0X" : "0x";
	else if (sp.alternate && sp.base == 8)
		prefix = "0";
	do {
		text[n++] = digits[value % sp.base];
		value /= sp.base;
	} while (value);
	zeros = sp.precision > n ? sp.precision - n : 0;
	total = n + zeros + !!sign + (int)strlen(prefix);
	if (sp.zero && !sp.left && sp.precision < 0 && sp.width > total) {
		zeros += sp.width - total;
		total = sp.width;
	}
	if (!sp.left)
		pad(o, ' ', sp.width - total);
	if (sign)
		put(o, sign);
	while (*prefix)
		put(o, *prefix++);
	pad(o, '0', zeros);
	while (n)
		put(o, text[--n]);
	if (sp.left)
		pad(o, ' ', sp.width - total);
}

static void put_uuid(struct out *o, const u8 *u, struct spec sp, char kind)
{
	static const u8 big[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	static const u8 little[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	const u8 *order = kind == 'l' || kind == 'L' ? little : big;
	const char *digits = kind == 'B' || kind == 'L' ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[37];
	int n = 0;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[n++] = '-';
		text[n++] = digits[u[order[i]] >> 4];
		text[n++] = digits[u[order[i]] & 15];
	}
	text[n] = '\0';
	put_string(o, text, sp);
}

/* %p hides where things are; the same address always prints the same. */
static u32 hash_pointer(const void *ptr)
{
	u64 x = (u64)ptr;

	x = (x ^ x >> 33) * 0xff51afd7ed558ccdULL;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

static void put_bytes(struct out *o, const u8 *p, struct spec sp, char separator)
{
	int n = sp.width > 0 ? min(sp.width, 64) : 1;

	for (int i = 0; i < n; i++) {
		if (i && separator != 'N')
			put(o, separator == 'C' ? ':' : separator == 'D' ? '-' : ' ');
		put(o, hex_asc[p[i] >> 4]);
		put(o, hex_asc[p[i] & 15]);
	}
}

/* Returns how many characters behind "%p" were used. */
static int put_pointer(struct out *o, const char *fmt, const void *ptr, struct spec sp)
{
	char text[KSYM_SYMBOL_LEN > 256 ? 256 : KSYM_SYMBOL_LEN];
	unsigned long symsize, offset;
	char *mod;

	switch (*fmt) {
	case 'S': case 's': case 'B':
		if (!kallsyms_lookup((unsigned long)ptr - (*fmt == 'B'), &symsize, &offset, &mod, text)) {
			snprintf(text, sizeof(text), "0x%lx", (unsigned long)ptr);
		} else if (*fmt != 's') {
			size_t n = strlen(text);

			snprintf(text + n, sizeof(text) - n, "+0x%lx/0x%lx", offset + (*fmt == 'B'), symsize);
		}
		put_string(o, text, sp);
		return 1;
	case 'x':
	case 'K':
		sp.base = 16;
		sp.zero = true;
		sp.width = sp.width < 0 ? 16 : sp.width;
		put_number(o, (unsigned long)ptr, sp);
		return 1;
	case 'e':
		if (IS_ERR(ptr)) {
			sp.base = 10;
			sp.is_signed = true;
			put_number(o, PTR_ERR(ptr), sp);
			return 1;
		}
		break;
	case 'V': {
		const struct va_format *vf = ptr;
		size_t left = o->len < o->size ? o->size - o->len : 0;
		va_list args;

		va_copy(args, *vf->va);
		o->len += vsnprintf(left ? o->buf + o->len : NULL, left, vf->fmt, args);
		va_end(args);
		return 1;
	}
	case 'U':
		put_uuid(o, ptr, sp, fmt[1]);
		return fmt[1] == 'b' || fmt[1] == 'l' || fmt[1] == 'B' || fmt[1] == 'L' ? 2 : 1;
	case 'd':
		put_string(o, ptr ? ((const struct dentry *)ptr)->d_name.name : NULL, sp);
		return fmt[1] >= '2' && fmt[1] <= '4' ? 2 : 1;
	case 'D':
		put_string(o, ptr ? ((const struct file *)ptr)->f_path.dentry->d_name.name : NULL, sp);
		return fmt[1] >= '2' && fmt[1] <= '4' ? 2 : 1;
	case 'h':
		put_bytes(o, ptr, sp, fmt[1]);
		return fmt[1] == 'C' || fmt[1] == 'D' || fmt[1] == 'N' ? 2 : 1;
	}
	if (!ptr || IS_ERR(ptr)) {
		/* NULL and errors give nothing away. */
		sp.base = 16;
		sp.zero = true;
		sp.width = sp.width < 0 ? 16 : sp.width;
		put_number(o, (unsigned long)ptr, sp);
		return 0;
	}
	sp.base = 16;
	sp.zero = true;
	sp.width = sp.width < 0 ? 16 : sp.width;
	put_number(o, hash_pointer(ptr), sp);
	return 0;
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = { buf, size, 0 };

	for (; *fmt; fmt++) {
		struct spec sp = { .width = -1, .precision = -1, .base = 10 };
		int longs = 0;
		bool flags = true;
		unsigned long long value;

		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		while (flags) {
			switch (*++fmt) {
			case '-': sp.left = true; break;
			case '+': sp.plus = true; break;
			case ' ': sp.space = true; break;
			case '#': sp.alternate = true; break;
			case '0': sp.zero = true; break;
			default: flags = false;
			}
		}
		if (*fmt == '*') {
			sp.width = va_arg(args, int);
			if (sp.width < 0) {
				sp.left = true;
				sp.width = -sp.width;
			}
			fmt++;
		} else if (*fmt >= '0' && *fmt <= '9') {
			for (sp.width = 0; *fmt >= '0' && *fmt <= '9'; fmt++)
				sp.width = sp.width * 10 + (*fmt - '0');
		}
		if (*fmt == '.') {
			sp.precision = 0;
			if (*++fmt == '*') {
				sp.precision = va_arg(args, int);
				fmt++;
			}
			for (; *fmt >= '0' && *fmt <= '9'; fmt++)
				sp.precision = sp.precision * 10 + (*fmt - '0');
		}
		for (;; fmt++) {
			if (*fmt == 'l')
				longs++;
			else if (*fmt == 'h')
				longs--;
			else if (*fmt == 'z' || *fmt == 't' || *fmt == 'j' || *fmt == 'L')
				longs = 2;
			else
				break;
		}
		switch (*fmt) {
		case '%':
			put(&o, '%');
			continue;
		case 'c':
			if (!sp.left)
				pad(&o, ' ', sp.width - 1);
			put(&o, va_arg(args, int));
			if (sp.left)
				pad(&o, ' ', sp.width - 1);
			continue;
		case 's':
			put_string(&o, va_arg(args, const char *), sp);
			continue;
		case 'p':
			fmt += put_pointer(&o, fmt + 1, va_arg(args, const void *), sp);
			continue;
		case 'd': case 'i':
			sp.is_signed = true;
			break;
		case 'u':
			break;
		case 'o':
			sp.base = 8;
			break;
		case 'X':
			sp.upper = true;
			fallthrough;
		case 'x':
			sp.base = 16;
			break;
		case '\0':
			fmt--;
			continue;
		default:
			put(&o, '%');
			put(&o, *fmt);
			continue;
		}
		value = longs > 0 ? va_arg(args, unsigned long) : va_arg(args, unsigned int);
		if (sp.is_signed && longs <= 0)
			value = longs == 0 ? (int)value : longs == -1 ? (short)value : (signed char)value;
		else if (longs < 0)
			value = longs == -1 ? (unsigned short)value : (unsigned char)value;
		put_number(&o, value, sp);
	}
	if (size)
		buf[o.len < size ? o.len : size - 1] = '\0';
	return o.len;
}

int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	int n = vsnprintf(buf, size, fmt, args);

	return n < (int)size ? n : size ? (int)size - 1 : 0;
}

#define VARIADIC(call) ({ va_list args; int n; va_start(args, fmt); n = call; va_end(args); n; })

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	return VARIADIC(vsnprintf(buf, size, fmt, args));
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	return VARIADIC(vscnprintf(buf, size, fmt, args));
}

int sprintf(char *buf, const char *fmt, ...)
{
	return VARIADIC(vsnprintf(buf, INT_MAX, fmt, args));
}

char *kvasprintf(gfp_t gfp, const char *fmt, va_list args)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	text = kmalloc(n + 1, gfp);
	if (text)
		vsnprintf(text, n + 1, fmt, args);
	return text;
}

char *kasprintf(gfp_t gfp, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = kvasprintf(gfp, fmt, args);
	va_end(args);
	return text;
}
