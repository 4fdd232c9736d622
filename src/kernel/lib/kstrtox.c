// SPDX-License-Identifier: MIT
/* Text to numbers. (Documentation/core-api/kernel-api.rst: string conversions) */
#include <kernel/kernel.h>
#include <kernel/ctype.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

const char hex_asc[] = "0123456789abcdef";

int hex_to_bin(unsigned char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* Skips "0x" or "0" and finds the base that they mean, if none is given. */
static const char *find_base(const char *s, unsigned int *base)
{
	bool hex = s[0] == '0' && (s[1] | 0x20) == 'x' && hex_to_bin(s[2]) >= 0;

	if (!*base)
		*base = hex ? 16 : s[0] == '0' ? 8 : 10;
	return *base == 16 && hex ? s + 2 : s;
}

/* Digits from @s on; how many. *@overflow is set when the number does not fit. */
static unsigned int parse_digits(const char *s, unsigned int base, unsigned long long *value, bool *overflow)
{
	unsigned int n;

	*value = 0;
	*overflow = false;
	for (n = 0; s[n]; n++) {
		char c = s[n] | 0x20;
		unsigned int digit = s[n] >= '0' && s[n] <= '9' ? s[n] - '0' : c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;

		if (digit >= base)
			break;
		if (__builtin_mul_overflow(*value, (unsigned long long)base, value) ||
		    __builtin_add_overflow(*value, (unsigned long long)digit, value))
			*overflow = true;
	}
	return n;
}

unsigned long long simple_strtoull(const char *s, char **end, unsigned int base)
{
	unsigned long long value;
	bool overflow;

	s = find_base(s, &base);
	s += parse_digits(s, base, &value, &overflow);
	if (end)
		*end = (char *)s;
	return value;
}

unsigned long simple_strtoul(const char *s, char **end, unsigned int base)
{
	return simple_strtoull(s, end, base);
}

long simple_strtol(const char *s, char **end, unsigned int base)
{
	return *s == '-' ? -simple_strtoull(s + 1, end, base) : simple_strtoull(s, end, base);
}

int kstrtoull(const char *s, unsigned int base, unsigned long long *res)
{
	unsigned long long value;
	unsigned int n;
	bool overflow;

	if (*s == '+')
		s++;
	s = find_base(s, &base);
	n = parse_digits(s, base, &value, &overflow);
	if (overflow)
		return -ERANGE;
	s += n;
	if (*s == '\n')
		s++;
	if (!n || *s)
		return -EINVAL;
	*res = value;
	return 0;
}

int kstrtoll(const char *s, unsigned int base, long long *res)
{
	unsigned long long value;
	bool negative = *s == '-';
	int err = negative && s[1] == '+' ? -EINVAL : kstrtoull(s + negative, base, &value);

	if (err)
		return err;
	if (value > (unsigned long long)LLONG_MAX + negative)
		return -ERANGE;
	*res = negative ? -value : value;
	return 0;
}

#define NARROW(name, type, wide, from)					\
int name(const char *s, unsigned int base, type *res)			\
{									\
	wide value;							\
	int err = from(s, base, &value);				\
									\
	if (err)							\
		return err;						\
	if (value != (wide)(type)value)					\
		return -ERANGE;						\
	*res = value;							\
	return 0;							\
}

NARROW(kstrtoul, unsigned long, unsigned long long, kstrtoull)
NARROW(kstrtol, long, long long, kstrtoll)
NARROW(kstrtouint, unsigned int, unsigned long long, kstrtoull)
NARROW(kstrtoint, int, long long, kstrtoll)

int kstrtobool(const char *s, bool *res)
{
	switch (s ? *s : 0) {
	case 'y':
	case 'Y':
	case 't':
	case 'T':
	case '1':
		*res = true;
		return 0;
	case 'n':
	case 'N':
	case 'f':
	case 'F':
	case '0':
		*res = false;
		return 0;
	case 'o':
	case 'O':
		if ((s[1] | 0x20) == 'n' || (s[1] | 0x20) == 'f') {
			*res = (s[1] | 0x20) == 'n';
			return 0;
		}
	}
	return -EINVAL;
}

unsigned long long memparse(const char *s, char **end)
{
	char *rest;
	unsigned long long value = simple_strtoull(s, &rest, 0);

	switch (*rest | 0x20) {
	case 'e':
		value <<= 10;
		fallthrough;
	case 'p':
		value <<= 10;
		fallthrough;
	case 't':
		value <<= 10;
		fallthrough;
	case 'g':
		value <<= 10;
		fallthrough;
	case 'm':
		value <<= 10;
		fallthrough;
	case 'k':
		value <<= 10;
		rest++;
	}
	if (end)
		*end = rest;
	return value;
}

/* Sign, prefix, 64 binary digits, newline, NUL: nothing longer is a number. */
#define MAX_TEXT	(1 + 2 + 64 + 1 + 1)

#define FROM_USER(name, type, parse)								\
int name(const char __user *s, size_t count, unsigned int base, type *res)			\
{												\
	char text[MAX_TEXT];									\
												\
	count = min(count, sizeof(text) - 1);							\
	if (copy_from_user(text, s, count))							\
		return -EFAULT;									\
	text[count] = 0;									\
	return parse(text, base, res);								\
}

FROM_USER(kstrtoul_from_user, unsigned long, kstrtoul)
FROM_USER(kstrtouint_from_user, unsigned int, kstrtouint)

int kstrtobool_from_user(const char __user *s, size_t count, bool *res)
{
	char text[4];

	count = min(count, sizeof(text) - 1);
	if (copy_from_user(text, s, count))
		return -EFAULT;
	text[count] = 0;
	return kstrtobool(text, res);
}
