// SPDX-License-Identifier: MIT
/*
 * Which functions may be made to fail, and with what: the kernel's list in debugfs, and why a function is not on it.
 * (docs/error-injection.md: A1 to A5, A12)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "inject.h"

#define BLACKLIST "/sys/kernel/debug/kprobes/blacklist"

static const char *const type_names[] = {
	[TYPE_NULL] = "NULL", [TYPE_ERRNO] = "ERRNO", [TYPE_ERRNO_NULL] = "ERRNO_NULL", [TYPE_TRUE] = "TRUE",
};

struct entry {
	char name[64];
	enum injection_type type;
};

static struct entry *entries;
static size_t count;

/* 0, or an exit code after having said why there is no list. */
static int read_list(void)
{
	FILE *f;
	char *line = NULL;
	size_t size = 0, room = 0;

	if (entries)
		return 0;
	f = fopen(INJECTION_LIST, "r");
	if (!f && errno == EACCES) {
		complain("%s cannot be read: root is needed", INJECTION_LIST);
		return EXIT_UNAVAILABLE;
	}
	if (!f) {
		complain("there is no %s: %s", INJECTION_LIST, access("/sys/kernel/debug/kprobes", F_OK) ?
			 "debugfs is not mounted there (mount -t debugfs debugfs /sys/kernel/debug)" :
			 "the kernel has not been built with CONFIG_FUNCTION_ERROR_INJECTION");
		return EXIT_UNAVAILABLE;
	}
	while (getline(&line, &size, f) > 0) {
		char *type = strpbrk(line, " \t");

		if (count == room) {
			room = room ? 2 * room : 512;
			entries = realloc(entries, room * sizeof(*entries));
		}
		entries[count] = (struct entry){ .type = TYPE_UNKNOWN };
		snprintf(entries[count].name, sizeof(entries->name), "%.*s", (int)strcspn(line, " \t\n"), line);
		for (int i = TYPE_NULL; type && i <= TYPE_TRUE; i++) {
			size_t length = strlen(type_names[i]);

			type += strspn(type, " \t");
			if (!strncmp(type, type_names[i], length) && strchr(" \t\n", type[length]))
				entries[count].type = i;
		}
		count++;
	}
	fclose(f);
	free(line);
	return 0;
}

static const struct entry *find(const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(entries[i].name, name))
			return &entries[i];
	return NULL;
}

static bool matches(const char *pattern, const char *name)
{
	if (*pattern == '*')
		return matches(pattern + 1, name) || (*name && matches(pattern, name + 1));
	return *pattern == *name && (!*name || matches(pattern + 1, name + 1));
}

/* __x64_sys_open; on Linux also __ia32_sys_open, and __do_sys_getpid for those without arguments. */
static bool is_system_call(const char *name)
{
	return !strncmp(name, "__x64_sys_", 10) || !strncmp(name, "__ia32_sys_", 11) || !strncmp(name, "__do_sys_", 9);
}

/* Every system call is on the list; a pattern means them only if it says so. */
static bool wanted(const char *pattern, const char *name)
{
	return matches(pattern, name) && (is_system_call(pattern) || !is_system_call(name));
}

int list_print(const char *pattern)
{
	int error = read_list();
	bool any = false;

	for (size_t i = 0; i < count; i++)
		if (wanted(pattern, entries[i].name)) {
			printf("%-28s %s\n", entries[i].name, type_names[entries[i].type] ?: "?");
			any = true;
		}
	if (error)
		return error;
	if (!any)
		complain("nothing on the list matches %s", pattern);
	return any ? 0 : EXIT_REFUSED;
}

bool list_expand(const char *pattern, struct options *options)
{
	int before = options->function_count;
	int error = read_list();

	if (error)
		exit(error);
	for (size_t i = 0; i < count; i++) {
		if (!wanted(pattern, entries[i].name))
			continue;
		if (options->function_count == MAX_FUNCTIONS) {
			complain("--function: %s names more than %d functions", pattern, MAX_FUNCTIONS);
			exit(EXIT_USAGE);
		}
		options->functions[options->function_count++].name = entries[i].name;
	}
	return options->function_count > before;
}

static bool is_blacklisted(const char *name)
{
	FILE *f = fopen(BLACKLIST, "r");
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (f && !found && getline(&line, &size, f) > 0) {
		char *tab = strpbrk(line, " \t");

		line[strcspn(line, "\n")] = '\0';
		found = tab && !strcmp(tab + 1, name);
	}
	if (f)
		fclose(f);
	free(line);
	return found;
}

/* Functions of the list whose names begin like @name, "btrfs_..."; if there is none, all but system calls. */
static void neighbours(const char *name, char *text, size_t size)
{
	const char *end = strchr(name[0] == '_' ? name + strspn(name, "_") : name, '_');
	size_t prefix = end ? end - name + 1 : 0;
	bool any = false;

	for (int pass = 0; pass < 2 && !any; pass++)
		for (size_t i = 0; i < count; i++) {
			const char *entry = entries[i].name;

			if (is_system_call(entry) != is_system_call(name) ||
			    (!pass && (!prefix || strncmp(entry, name, prefix))))
				continue;
			snprintf(text + strlen(text), size - strlen(text), "%s%s", any ? ", " : "", entry);
			any = true;
		}
}

int list_check(const struct options *options, const char *name)
{
	static char text[1024];
	struct function function;
	size_t plain = strcspn(name, "+");
	int error = read_list();

	if (error)
		return error;
	if (name[plain]) {
		complain("%s: only a function's entry can be made to return; a place inside it cannot (EINVAL). Try -f %.*s", name,
			 (int)plain, name);
		return EXIT_REFUSED;
	}
	if (find(name))
		return 0;
	*text = '\0';
	if (!symbols_find(name, &function)) {
		symbols_suggest(name, text, sizeof(text));
		complain("no function %s in /proc/kallsyms: misspelled, not in this kernel, or the compiler has inlined it%s%s", name,
			 *text ? "; similar: " : "", text);
		return EXIT_REFUSED;
	}
	complain("%s cannot be made to fail: it is not on the list in %s,", name, INJECTION_LIST);
	complain("  because its author has not said that its callers can take that, with ALLOW_ERROR_INJECTION(%s, ...)", name);
	if (is_blacklisted(name))
		complain("  (and there can be no probe on it: %s)", BLACKLIST);
	neighbours(name, text, sizeof(text));
	complain("  on the list: %s", text);
	complain("  which of them are called below it: inject -f '*' --caller %s --count -- %s ...", name,
		 *options->command ? options->command[0] : "COMMAND");
	return EXIT_REFUSED;
}

static int error_number(const char *name)
{
	char *end;
	long value = strtol(name, &end, 0);

	if (end != name && !*end)
		return value < 0 ? -value : value;
	for (int i = 1; i < 4096; i++)
		if (strerrorname_np(i) && !strcmp(strerrorname_np(i), name))
			return i;
	return 0;
}

int list_value(const struct options *options, const char *function, long *value)
{
	const struct entry *entry = find(function);
	enum injection_type type = entry ? entry->type : TYPE_UNKNOWN;
	bool is_error, suits;

	if (options->error) {
		*value = -error_number(options->error);
		if (!*value || *value < -4095) {
			complain("--error: there is no error %s", options->error);
			return EXIT_USAGE;
		}
		/* A function that can only return NULL says ENOMEM by that. */
		if (*value == -ENOMEM && (type == TYPE_NULL || type == TYPE_TRUE))
			*value = type == TYPE_TRUE;
	} else if (options->has_value) {
		*value = options->value;
	} else {
		*value = type == TYPE_NULL ? 0 : type == TYPE_TRUE ? 1 : !strcmp(function, "should_fail_bio") ? -EIO : -ENOMEM;
	}
	is_error = *value >= -4095 && *value < 0;
	switch (type) {
	case TYPE_NULL: suits = !*value; break;
	case TYPE_ERRNO: suits = is_error; break;
	case TYPE_ERRNO_NULL: suits = is_error || !*value; break;
	case TYPE_TRUE: suits = *value == 1; break;
	default: suits = true;
	}
	if (suits || options->force)
		return 0;
	complain("%s is on the list as %s: its callers expect %s. Use --force to return %ld all the same", function,
		 type_names[type], type == TYPE_NULL ? "NULL" : type == TYPE_TRUE ? "1" : "a negative errno", *value);
	return EXIT_USAGE;
}

const char *list_describe_value(const char *function, long value, char *text, size_t size)
{
	const struct entry *entry = find(function);

	if (value < 0 && value >= -4095 && strerrorname_np(-value))
		snprintf(text, size, "-%s", strerrorname_np(-value));
	else if (!value && entry && entry->type != TYPE_ERRNO)
		snprintf(text, size, "NULL");
	else
		snprintf(text, size, value >= 0 && value < 4096 ? "%ld" : "0x%lx", value);
	return text;
}
