// SPDX-License-Identifier: MIT
/* Strings and memory areas. The memory functions are the processor's string instructions. */
#include <kernel/ctype.h>
#include <kernel/errno.h>
#include <kernel/kprobes.h>
#include <kernel/string.h>

void *memcpy(void *to, const void *from, size_t n)
{
	void *ret = to;
	size_t words = n >> 3;

	__asm__ __volatile__("rep movsq" : "+D" (to), "+S" (from), "+c" (words) : : "memory");
	n &= 7;
	__asm__ __volatile__("rep movsb" : "+D" (to), "+S" (from), "+c" (n) : : "memory");
	return ret;
}
NOKPROBE_SYMBOL(memcpy);	/* as on Linux: the entry code copies with it */

void *memmove(void *to, const void *from, size_t n)
{
	void *ret = to;

	if (to <= from || to >= from + n)
		return memcpy(to, from, n);
	to += n - 1;
	from += n - 1;
	__asm__ __volatile__("std; rep movsb; cld" : "+D" (to), "+S" (from), "+c" (n) : : "memory");
	return ret;
}

void *memset(void *s, int c, size_t n)
{
	void *p = s;
	size_t words = n >> 3;

	__asm__ __volatile__("rep stosq" : "+D" (p), "+c" (words) : "a" ((u8)c * 0x0101010101010101UL) : "memory");
	n &= 7;
	__asm__ __volatile__("rep stosb" : "+D" (p), "+c" (n) : "a" (c) : "memory");
	return s;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

void *memchr(const void *s, int c, size_t n)
{
	const u8 *p = s;

	for (; n; n--, p++)
		if (*p == (u8)c)
			return (void *)p;
	return NULL;
}

void *memchr_inv(const void *s, int c, size_t n)
{
	const u8 *p = s;

	for (; n; n--, p++)
		if (*p != (u8)c)
			return (void *)p;
	return NULL;
}

size_t strlen(const char *s)
{
	const char *p = s;

	while (*p)
		p++;
	return p - s;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

char *strcpy(char *to, const char *from)
{
	memcpy(to, from, strlen(from) + 1);
	return to;
}

char *strncpy(char *to, const char *from, size_t n)
{
	size_t len = strnlen(from, n);

	memcpy(to, from, len);
	memset(to + len, 0, n - len);
	return to;
}

ssize_t strscpy(char *to, const char *from, size_t size)
{
	size_t len;

	if (!size)
		return -E2BIG;
	len = strnlen(from, size);
	if (len < size) {
		memcpy(to, from, len + 1);
		return len;
	}
	memcpy(to, from, size - 1);
	to[size - 1] = '\0';
	return -E2BIG;
}

char *strcat(char *to, const char *from)
{
	strcpy(to + strlen(to), from);
	return to;
}

char *strncat(char *to, const char *from, size_t n)
{
	size_t at = strlen(to), len = strnlen(from, n);

	memcpy(to + at, from, len);
	to[at + len] = '\0';
	return to;
}

int strcmp(const char *a, const char *b)
{
	for (; *a == *b; a++, b++)
		if (!*a)
			return 0;
	return (u8)*a < (u8)*b ? -1 : 1;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++) {
		if (*a != *b)
			return (u8)*a < (u8)*b ? -1 : 1;
		if (!*a)
			break;
	}
	return 0;
}

int strncasecmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++) {
		int d = tolower((u8)*a) - tolower((u8)*b);

		if (d || !*a)
			return d;
	}
	return 0;
}

int strcasecmp(const char *a, const char *b)
{
	return strncasecmp(a, b, ~0UL);
}

char *strchrnul(const char *s, int c)
{
	while (*s && *s != (char)c)
		s++;
	return (char *)s;
}

char *strchr(const char *s, int c)
{
	s = strchrnul(s, c);
	return *s == (char)c ? (char *)s : NULL;
}

char *strnchr(const char *s, size_t count, int c)
{
	for (; count-- && *s; s++)
		if (*s == (char)c)
			return (char *)s;
	return NULL;
}

char *strrchr(const char *s, int c)
{
	const char *p = s + strlen(s);

	for (; p >= s; p--)
		if (*p == (char)c)
			return (char *)p;
	return NULL;
}

char *strnstr(const char *haystack, const char *needle, size_t len)
{
	size_t n = strlen(needle);

	for (; len >= n; len--, haystack++)
		if (!memcmp(haystack, needle, n))
			return (char *)haystack;
	return NULL;
}

char *strstr(const char *haystack, const char *needle)
{
	return strnstr(haystack, needle, strlen(haystack));
}

size_t strspn(const char *s, const char *accept)
{
	size_t n = 0;

	while (s[n] && strchr(accept, s[n]))
		n++;
	return n;
}

size_t strcspn(const char *s, const char *reject)
{
	size_t n = 0;

	while (s[n] && !strchr(reject, s[n]))
		n++;
	return n;
}

char *strpbrk(const char *s, const char *accept)
{
	s += strcspn(s, accept);
	return *s ? (char *)s : NULL;
}

char *strsep(char **s, const char *delimiters)
{
	char *start = *s, *end;

	if (!start)
		return NULL;
	end = strpbrk(start, delimiters);
	if (end)
		*end++ = '\0';
	*s = end;
	return start;
}

char *skip_spaces(const char *s)
{
	while (isspace((u8)*s))
		s++;
	return (char *)s;
}

char *strim(char *s)
{
	size_t len = strlen(s);

	while (len && isspace((u8)s[len - 1]))
		s[--len] = '\0';
	return skip_spaces(s);
}
