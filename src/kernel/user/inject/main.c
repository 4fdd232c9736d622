// SPDX-License-Identifier: MIT
/*
 * inject -f FUNCTION [OPTIONS] -- COMMAND [ARGUMENT...]
 *
 * Runs a command and makes one call of a kernel function fail in it, picked by callers, arguments, count and task; says
 * which call it was and how it came there, or why it cannot be done. docs/picking.md is the manual.
 */
#include <stdio.h>
#include <string.h>
#include "inject.h"

static struct options options;
static struct injection injection;

/* A line in the kernel log, for whoever reads there later what went wrong. */
static void announce(const char *function, long value)
{
	FILE *f = fopen("/dev/kmsg", "w");
	char text[32];

	if (!f)
		return;
	fprintf(f, "<6>inject: %s will return %s in %s\n", function, list_describe_value(function, value, text, sizeof(text)),
		options.command[0]);
	fclose(f);
}

int main(int argc, char **argv)
{
	int error = symbols_read();
	long value;

	if (error)
		return error;
	options_parse(argc, argv, &options);
	if (options.list)
		return list_print(options.pattern);
	for (int i = 0; i < options.function_count && !error; i++)
		error = list_check(&options, options.functions[i].name);
	if (!error)
		error = program_create_maps(&options, &injection);
	for (int i = 0; i < options.function_count && !error; i++) {
		error = list_value(&options, options.functions[i].name, &value);
		if (!error)
			error = program_load(&options, &injection, i, value);
		if (!error && !options.count_only)
			announce(options.functions[i].name, value);
	}
	if (!error && options.task == TASK_COMMAND)
		error = program_load_arm(&injection);
	if (!error)
		error = attach_all(&options, &injection);
	if (!error)
		error = options.every_stack ? run_every_stack(&options, &injection) : run_once(&options, &injection);
	detach_all(&options, &injection);
	return error;
}
