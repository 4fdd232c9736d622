// SPDX-License-Identifier: MIT
/* Numbers, sorting, environment, process end. (ISO C 7.22) */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void (*at_exit[32])(void);
static int at_exit_count;

int atexit(void (*function)(void))
{
	if (at_exit_count == 32)
		return -1;
	at_exit[at_exit_count++] = function;
	return 0;
}

_Noreturn void exit(int status)
{
	while (at_exit_count)
		at_exit[--at_exit_count]();
	fflush(NULL);
	_exit(status);
}

_Noreturn void abort(void)
{
	raise(SIGABRT);
	_exit(127);
}

static unsigned long long parse(const char *s, char **end, int base, int *negative, int *overflow)
{
	const char *start = s;
	unsigned long long value = 0;
	int any = 0;

	*overflow = 0;
	while (isspace(*s))
		s++;
	*negative = *s == '-';
	if (*s == '-' || *s == '+')
		s++;
	if ((base == 0 || base == 16) && s[0] == '0' && tolower(s[1]) == 'x' && isxdigit(s[2])) {
		s += 2;
		base = 16;
	} else if (base == 0) {
		base = *s == '0' ? 8 : 10;
	}
	for (;; s++, any = 1) {
		int digit = isdigit(*s) ? *s - '0' : isalpha(*s) ? tolower(*s) - 'a' + 10 : 99;

		if (digit >= base)
			break;
		if (__builtin_mul_overflow(value, (unsigned long long)base, &value) ||
		    __builtin_add_overflow(value, (unsigned long long)digit, &value))
			*overflow = 1;
	}
	if (end)
		*end = (char *)(any ? s : start);
	return value;
}

unsigned long long strtoull(const char *s, char **end, int base)
{
	int negative, overflow;
	unsigned long long value = parse(s, end, base, &negative, &overflow);

	if (overflow) {
		errno = ERANGE;
		return ULLONG_MAX;
	}
	return negative ? -value : value;
}

long long strtoll(const char *s, char **end, int base)
{
	int negative, overflow;
	unsigned long long value = parse(s, end, base, &negative, &overflow);

	if (overflow || value > (unsigned long long)LLONG_MAX + negative) {
		errno = ERANGE;
		return negative ? LLONG_MIN : LLONG_MAX;
	}
	return negative ? -value : value;
}

long strtol(const char *s, char **end, int base)
{
	return strtoll(s, end, base);
}

unsigned long strtoul(const char *s, char **end, int base)
{
	return strtoull(s, end, base);
}

int atoi(const char *s)
{
	return strtol(s, NULL, 10);
}

long atol(const char *s)
{
	return strtol(s, NULL, 10);
}

int abs(int n)
{
	return n < 0 ? -n : n;
}

long labs(long n)
{
	return n < 0 ? -n : n;
}

/* Shell sort: no extra memory, good enough for directories. */
void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	char *a = base;

	for (size_t gap = count / 2; gap; gap = gap == 2 ? 1 : gap * 5 / 11) {
		for (size_t i = gap; i < count; i++) {
			for (size_t j = i; j >= gap && compare(a + (j - gap) * size, a + j * size) > 0; j -= gap) {
				char *x = a + (j - gap) * size, *y = a + j * size;

				for (size_t k = 0; k < size; k++) {
					char c = x[k];

					x[k] = y[k];
					y[k] = c;
				}
			}
		}
	}
}

char *getenv(const char *name)
{
	size_t n = strlen(name);

	for (char **e = environ; e && *e; e++)
		if (!strncmp(*e, name, n) && (*e)[n] == '=')
			return *e + n + 1;
	return NULL;
}

int setenv(const char *name, const char *value, int overwrite)
{
	static char **own;
	size_t n = strlen(name), count = 0;
	char *text, **e;

	if (getenv(name) && !overwrite)
		return 0;
	text = malloc(n + strlen(value) + 2);
	if (!text)
		return -1;
	sprintf(text, "%s=%s", name, value);
	for (e = environ; e && *e; e++, count++) {
		if (!strncmp(*e, text, n + 1)) {
			*e = text;
			return 0;
		}
	}
	e = malloc((count + 2) * sizeof(*e));
	if (!e)
		return -1;
	memcpy(e, environ, count * sizeof(*e));
	e[count] = text;
	e[count + 1] = NULL;
	free(own);
	environ = own = e;
	return 0;
}
