// SPDX-License-Identifier: MIT
/* The kernel's functions by name and by address, from /proc/kallsyms. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "inject.h"

struct symbol {
	unsigned long address;
	const char *name;
};

static struct symbol *symbols;		/* by address */
static size_t count;

int symbols_read(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	size_t room = 0, line_size = 0;
	char *line = NULL;

	if (!f) {
		complain("/proc/kallsyms cannot be read; is proc mounted?");
		return EXIT_UNAVAILABLE;
	}
	while (getline(&line, &line_size, f) > 0) {
		char *rest;
		unsigned long address = strtoul(line, &rest, 16);

		if (rest[0] != ' ' || !strchr("tTwW", rest[1]))
			continue;
		rest[3 + strcspn(rest + 3, " \t\n")] = '\0';
		if (count == room) {
			room = room ? 2 * room : 4096;
			symbols = realloc(symbols, room * sizeof(*symbols));
		}
		symbols[count++] = (struct symbol){ address, strdup(rest + 3) };
	}
	fclose(f);
	free(line);
	if (count && !symbols[count - 1].address) {
		complain("/proc/kallsyms shows no addresses: more privilege is needed (kernel.kptr_restrict, CAP_SYSLOG)");
		return EXIT_UNAVAILABLE;
	}
	return 0;
}

/* "f.constprop.0" is f too, as compiled for some of its callers. */
static bool is_body_of(const char *symbol, const char *name)
{
	size_t length = strlen(name);

	return !strncmp(symbol, name, length) && (!symbol[length] || symbol[length] == '.');
}

bool symbols_find(const char *name, struct function *function)
{
	function->name = name;
	function->range_count = 0;
	for (size_t i = 0; i + 1 < count && function->range_count < MAX_RANGES; i++) {
		size_t next = i + 1;

		if (!is_body_of(symbols[i].name, name))
			continue;
		while (next + 1 < count && symbols[next].address == symbols[i].address)
			next++;
		function->ranges[function->range_count++] = (struct range){ symbols[i].address, symbols[next].address };
	}
	return function->range_count > 0;
}

static const struct symbol *symbol_at(unsigned long address)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	/* Of several names of an address the first one is the better known. */
	for (low--; low && symbols[low - 1].address == symbols[low].address; low--)
		;
	return &symbols[low];
}

const char *symbols_format(unsigned long address, char *text, size_t size)
{
	const struct symbol *symbol = symbol_at(address);

	if (symbol)
		snprintf(text, size, "%s+0x%lx", symbol->name, address - symbol->address);
	else
		snprintf(text, size, "0x%lx", address);
	return text;
}

const char *symbols_name(unsigned long address, char *text, size_t size)
{
	const struct symbol *symbol = symbol_at(address);

	if (!symbol)
		return NULL;
	snprintf(text, size, "%.*s", (int)strcspn(symbol->name, "."), symbol->name);
	return text;
}

/* How many letters must be changed, added or left out to make one name of the other; at most @limit + 1. */
static int distance(const char *a, const char *b, int limit)
{
	int row[64], n = strlen(b), best;

	if (n >= 63 || strlen(a) >= 63)
		return limit + 1;
	for (int j = 0; j <= n; j++)
		row[j] = j;
	for (int i = 1; a[i - 1]; i++) {
		int diagonal = row[0];

		best = row[0] = i;
		for (int j = 1; j <= n; j++) {
			int cost = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			cost = cost < row[j] + 1 ? cost : row[j] + 1;
			row[j] = cost < row[j - 1] + 1 ? cost : row[j - 1] + 1;
			best = best < row[j] ? best : row[j];
		}
		if (best > limit)
			return limit + 1;
	}
	return row[n];
}

void symbols_suggest(const char *name, char *text, size_t size)
{
	int found = 0;
	char call[128];

	*text = '\0';
	/* A system call by its own name, or by the one that it has in the source. */
	snprintf(call, sizeof(call), "__x64_sys_%s", name + (strncmp(name, "sys_", 4) ? 0 : 4));
	for (size_t i = 0; i < count && !found; i++)
		if (!strcmp(symbols[i].name, call))
			found = snprintf(text, size, "%s", call) > 0;
	for (int limit = 1; limit <= 3 && limit * 3 <= (int)strlen(name) && !found; limit++)
		for (size_t i = 0; i < count && found < 5; i++) {
			bool close = distance(name, symbols[i].name, limit) <= limit;

			if (!close && (limit < 3 || strlen(name) < 4 || !strstr(symbols[i].name, name)))
				continue;
			snprintf(text + strlen(text), size - strlen(text), "%s%s", found++ ? ", " : "", symbols[i].name);
		}
}
