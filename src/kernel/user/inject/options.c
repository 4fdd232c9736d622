// SPDX-License-Identifier: MIT
/* The command line of inject. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "inject.h"

static const char usage[] =
	"usage: inject -f FUNCTION [OPTIONS] -- COMMAND [ARGUMENT...]\n"
	"       inject --list [PATTERN]\n"
	"Runs COMMAND and makes one call of a kernel function fail in it.\n"
	"  -f, --function F[,F...]   which function; a name or a pattern with *, from the list of --list\n"
	"  -e, --error NAME          which error it returns: ENOMEM, EIO, ...; by default what its callers expect\n"
	"  -r, --return VALUE        or any value\n"
	"      --force               also a value that its callers do not expect\n"
	"which call:\n"
	"  -n, --nth N | N- | N-M    the Nth that matches (default 1), from the Nth on, or a range\n"
	"      --caller F[,F...]     only with these functions on the call stack, the innermost first\n"
	"      --not-caller F[,F...] only without any of these\n"
	"      --if 'argN OP VALUE'  only with this argument; OP is ==, !=, <, <=, >, >= or & (has one of the bits)\n"
	"whose call (the default: the command's own):\n"
	"  -p, --pid PID   -c, --comm NAME   --any-task\n"
	"how:\n"
	"      --every-stack         run COMMAND again and again, each time failing a call with a stack not seen before\n"
	"      --max-runs N          with --every-stack: no more than that\n"
	"      --count               no fault: count the calls that match, by function and caller\n"
	"      --timeout SECONDS     do not wait longer than that for COMMAND (default 600; 0: wait for ever)\n"
	"  -v, --verbose             what is attached where\n"
	"exit code: 0 a fault fired and COMMAND ended; 1 no call matched; 2 usage; 3 the function cannot be made to fail;\n"
	"  4 no privilege or no support; 5 COMMAND cannot be run; 7 COMMAND was killed or did not end, or the kernel complained\n";

void complain(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("inject: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\n", stderr);
}

#define FAIL_USAGE(...) do { complain(__VA_ARGS__); fputs("inject: --help tells the options\n", stderr); exit(EXIT_USAGE); } while (0)

static unsigned long number(const char *text, const char *option)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = text[0] == '-' ? (unsigned long)strtol(text, &end, 0) : strtoul(text, &end, 0);
	if (end == text || *end)
		FAIL_USAGE("%s: \"%s\" is not a number", option, text);
	if (errno == ERANGE)
		FAIL_USAGE("%s: %s has more than 64 bits", option, text);
	return value;
}

static unsigned int number_from(unsigned int least, const char *text, const char *option)
{
	unsigned long value = number(text, option);

	if (value < least || value > INT_MAX)
		FAIL_USAGE("%s: %s is not between %u and %d", option, text, least, INT_MAX);
	return value;
}

/* N, N- (without end) or N-M. */
static void parse_nth(const char *text, struct options *options)
{
	char *end;

	errno = 0;
	options->first = options->last = strtoul(text, &end, 10);
	if (end != text && *end == '-') {
		const char *last = end + 1;

		options->last = *last ? strtoul(last, &end, 10) : ~0UL;
		end = *last ? end : "";
	}
	if (!isdigit(*text) || *end || errno || !options->first || options->last < options->first)
		FAIL_USAGE("--nth: \"%s\" is neither N, N- nor N-M; calls are counted from 1", text);
}

static void add_callers(const char *text, struct function *callers, int *count, const char *option)
{
	char *copy = strdup(text), *rest = copy, *name, similar[256];

	if (!text[strspn(text, ",")])
		FAIL_USAGE("%s: no function is named", option);
	while ((name = strtok_r(rest, ",", &rest))) {
		if (*count == MAX_CALLERS)
			FAIL_USAGE("%s: more than %d functions", option, MAX_CALLERS);
		if (!symbols_find(name, &callers[(*count)++])) {
			symbols_suggest(name, similar, sizeof(similar));
			FAIL_USAGE("%s: no function %s in /proc/kallsyms: misspelled, or the compiler has inlined it%s%s", option, name,
				   *similar ? "; similar: " : "", similar);
		}
	}
}

static void add_functions(const char *text, struct options *options)
{
	char *copy = strdup(text), *rest = copy, *name;

	while ((name = strtok_r(rest, ",", &rest))) {
		if (strchr(name, '*')) {
			if (!list_expand(name, options))
				FAIL_USAGE("--function: nothing on the list matches %s", name);
			continue;
		}
		if (options->function_count == MAX_FUNCTIONS)
			FAIL_USAGE("--function: more than %d functions", MAX_FUNCTIONS);
		for (int i = 0; i < options->function_count; i++)
			if (!strcmp(options->functions[i].name, name))
				FAIL_USAGE("--function: %s is named twice", name);
		options->functions[options->function_count++].name = name;
	}
}

static void parse_condition(const char *text, struct options *options)
{
	static const char *const operators[] = { "==", "!=", "<=", ">=", "<", ">", "&" };
	struct condition *condition = &options->conditions[options->condition_count++];
	const char *at = text + strspn(text, " ");

	if (options->condition_count > MAX_CONDITIONS)
		FAIL_USAGE("--if: more than %d conditions", MAX_CONDITIONS);
	if (strncmp(at, "arg", 3) || at[3] < '1' || at[3] > '6')
		FAIL_USAGE("--if: \"%s\" does not begin with arg1 ... arg6", text);
	condition->argument = at[3] - '0';
	at += 4 + strspn(at + 4, " ");
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		size_t length = strlen(operators[i]);

		if (strncmp(at, operators[i], length))
			continue;
		strcpy(condition->operator, operators[i]);
		at += length + strspn(at + length, " ");
		condition->value = number(at, "--if");
		return;
	}
	FAIL_USAGE("--if: \"%s\" has none of ==, !=, <, <=, >, >=, & behind the argument", text);
}

static void choose_task(struct options *options, enum task_choice task)
{
	if (options->task != TASK_COMMAND)
		FAIL_USAGE("--pid, --comm and --any-task exclude each other");
	options->task = task;
}

static bool is(const char *argument, const char *letter, const char *word)
{
	return (letter && !strcmp(argument, letter)) || !strcmp(argument, word);
}

void options_parse(int argc, char **argv, struct options *options)
{
	int i;

	*options = (struct options){ .first = 1, .last = 1, .timeout = 600 };
	for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		const char *option = argv[i], *value = i + 1 < argc && strcmp(argv[i + 1], "--") ? argv[i + 1] : NULL;

		if (is(option, "-h", "--help")) {
			fputs(usage, stdout);
			exit(0);
		} else if (is(option, "-l", "--list")) {
			options->list = true;
			options->pattern = value ? argv[++i] : "*";
		} else if (is(option, NULL, "--force")) {
			options->force = true;
		} else if (is(option, NULL, "--any-task")) {
			choose_task(options, TASK_ANY);
		} else if (is(option, NULL, "--every-stack")) {
			options->every_stack = true;
		} else if (is(option, NULL, "--count")) {
			options->count_only = true;
		} else if (is(option, "-v", "--verbose")) {
			options->verbose = true;
		} else if (option[0] != '-') {
			FAIL_USAGE("\"%s\": the command stands behind --", option);
		} else if (!is(option, "-f", "--function") && !is(option, "-e", "--error") && !is(option, "-r", "--return") &&
			   !is(option, "-n", "--nth") && !is(option, NULL, "--caller") && !is(option, NULL, "--not-caller") &&
			   !is(option, NULL, "--if") && !is(option, "-p", "--pid") && !is(option, "-c", "--comm") &&
			   !is(option, NULL, "--timeout") && !is(option, NULL, "--max-runs")) {
			FAIL_USAGE("no option %s", option);
		} else if (!value) {
			FAIL_USAGE("%s: something must follow", option);
		} else {
			i++;
			if (is(option, "-f", "--function")) {
				add_functions(value, options);
			} else if (is(option, "-e", "--error")) {
				options->error = value;
			} else if (is(option, "-r", "--return")) {
				options->value = number(value, option);
				options->has_value = true;
			} else if (is(option, "-n", "--nth")) {
				parse_nth(value, options);
			} else if (is(option, NULL, "--caller")) {
				add_callers(value, options->callers, &options->caller_count, option);
			} else if (is(option, NULL, "--not-caller")) {
				add_callers(value, options->not_callers, &options->not_caller_count, option);
			} else if (is(option, NULL, "--if")) {
				parse_condition(value, options);
			} else if (is(option, "-p", "--pid")) {
				choose_task(options, TASK_PID);
				options->pid = number(value, option);
				if (options->pid <= 0 || (kill(options->pid, 0) && errno == ESRCH))
					FAIL_USAGE("--pid: there is no task %s", value);
			} else if (is(option, "-c", "--comm")) {
				if (strlen(value) >= COMM_LEN)
					FAIL_USAGE("--comm: \"%s\" is longer than 15 letters, as no task's name is", value);
				choose_task(options, TASK_COMM);
				strcpy(options->comm, value);
			} else if (is(option, NULL, "--max-runs")) {
				options->max_runs = number_from(1, value, option);
			} else {
				options->timeout = number_from(0, value, option);
			}
		}
	}
	options->command = i < argc ? argv + i + 1 : argv + i;
	if (options->list)
		return;
	if (!options->function_count)
		FAIL_USAGE("-f FUNCTION is missing: what is to fail?");
	if (!*options->command)
		FAIL_USAGE("-- COMMAND is missing");
	if (options->error && options->has_value)
		FAIL_USAGE("--error and --return exclude each other");
	if (options->every_stack && (options->count_only || options->first != 1 || options->last != 1))
		FAIL_USAGE("--every-stack picks the calls itself: neither --nth nor --count");
	if (options->max_runs && !options->every_stack)
		FAIL_USAGE("--max-runs goes with --every-stack: without it there is one run");
	if (options->every_stack && options->task != TASK_COMMAND)
		FAIL_USAGE("--every-stack watches the command itself: neither --pid nor --comm nor --any-task");
}
