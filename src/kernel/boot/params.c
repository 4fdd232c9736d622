// SPDX-License-Identifier: MIT
/* The command line: parameters that the kernel's parts registered, init's arguments behind "--". */
#include <kernel/ctype.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include "boot.h"

#define MAX_INIT_ARGS 32

extern const struct obs_kernel_param __setup_start[], __setup_end[];

static char early_line[2048], late_line[2048], saved_line[2048];
char *saved_command_line = saved_line;
const char *init_argv[MAX_INIT_ARGS + 2] = { "/init" };
const char *init_envp[MAX_INIT_ARGS + 2] = { "HOME=/", "TERM=linux" };

/* Cuts the next word off; quotes keep blanks together and vanish. */
static char *next_word(char **line)
{
	char *p = skip_spaces(*line), *start = p, *to = p;
	bool quoted = false;

	if (!*p)
		return NULL;
	for (; *p && (quoted || !isspace((u8)*p)); p++) {
		if (*p == '"')
			quoted = !quoted;
		else
			*to++ = *p;
	}
	*line = *p ? p + 1 : p;
	*to = '\0';
	return start;
}

static bool same_name(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i] && !((a[i] == '-' || a[i] == '_') && (b[i] == '-' || b[i] == '_')))
			return false;
	return true;
}

static bool run_setup(char *word, int early)
{
	const struct obs_kernel_param *p;
	bool done = false;

	for (p = __setup_start; p < __setup_end; p++) {
		size_t n = strlen(p->str);

		if (p->early != early || strnlen(word, n) < n || !same_name(word, p->str, n))
			continue;
		if (early && word[n] != '=' && word[n] != '\0')
			continue;
		if (!early && p->str[n - 1] != '=' && word[n] != '\0' && word[n] != '=')
			continue;
		done |= p->setup_func(word + n + (word[n] == '=')) != 0;
	}
	return done;
}

void __init parse_early_params(void)
{
	char *line = early_line, *word;

	strscpy(early_line, boot_command_line, sizeof(early_line));
	strscpy(saved_line, boot_command_line, sizeof(saved_line));
	while ((word = next_word(&line)) && strcmp(word, "--"))
		run_setup(word, 1);
}

static bool was_early(const char *word)
{
	const struct obs_kernel_param *p;

	for (p = __setup_start; p < __setup_end; p++) {
		size_t n = strlen(p->str);

		if (p->early && strnlen(word, n) == n && same_name(word, p->str, n) && (word[n] == '=' || word[n] == '\0'))
			return true;
	}
	return false;
}

/*
 * What nobody knows, or could make sense of, goes to init as in Linux: "name=value" into its environment. Other words are
 * only told of, for init's arguments say here what it has to run.
 */
void __init parse_params(void)
{
	static char unknown[sizeof(late_line)];
	size_t length = 0;
	unsigned int argc = 1, envc = 2;
	char *line = late_line, *word;
	bool for_init = false;

	strscpy(late_line, boot_command_line, sizeof(late_line));
	while ((word = next_word(&line))) {
		if (!for_init && !strcmp(word, "--")) {
			for_init = true;
			continue;
		}
		if (for_init) {
			if (argc < MAX_INIT_ARGS)
				init_argv[argc++] = word;
			continue;
		}
		if (run_setup(word, 0))
			continue;
		if (strnchr(word, strcspn(word, "="), '.'))
			continue;	/* a module's parameter */
		if (was_early(word))
			continue;
		length += scnprintf(unknown + length, sizeof(unknown) - length, "%s%s", length ? " " : "", word);
		if (strchr(word, '=') && envc < MAX_INIT_ARGS)
			init_envp[envc++] = word;
	}
	if (length)
		pr_notice("Unknown kernel command line parameters \"%s\", will be passed to user space.\n", unknown);
}
