// SPDX-License-Identifier: MIT
/* Running the command, and telling what became of it: the calls that failed, with their stacks. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../lib/bpf.h"
#include "../lib/faults.h"
#include "inject.h"

#define NO_END	-1	/* for a status: the command did not end in time */

static struct state read_state(const struct injection *injection)
{
	struct state state = { 0 };
	unsigned int zero = 0;

	bpf_map_lookup_elem(injection->state_map, &zero, &state);
	return state;
}

/* Waits for the child, at most so long. */
static int wait_for(pid_t pid, unsigned int seconds)
{
	struct timespec pause = { .tv_nsec = 1000000 };
	struct timespec begin, now;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (;;) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (seconds && now.tv_sec - begin.tv_sec >= (long)seconds)
			return NO_END;
		/* Ever longer, so that a command that hangs is not looked at too often. */
		nanosleep(&pause, NULL);
		if (pause.tv_sec)
			continue;
		pause.tv_nsec *= 2;
		if (pause.tv_nsec > 500000000)
			pause = (struct timespec){ .tv_sec = 2 };
	}
}

int run_command(const struct options *options, struct injection *injection, int *status)
{
	struct state state = { 0 };
	unsigned int zero = 0;
	int go[2], failed[2], error = 0;
	char byte = 0;
	pid_t pid;

	fflush(stdout);
	if (pipe2(go, O_CLOEXEC) || pipe2(failed, O_CLOEXEC)) {
		complain("pipe: %s", strerror(errno));
		return EXIT_NO_COMMAND;
	}
	pid = fork();
	if (!pid) {
		read(go[0], &byte, 1);
		execvp(options->command[0], options->command);
		error = errno;
		write(failed[1], &error, sizeof(error));
		_exit(127);
	}
	close(failed[1]);
	state.pid = -(long)pid;
	bpf_map_update_elem(injection->state_map, &zero, &state, BPF_ANY);
	write(go[1], &byte, 1);
	if (pid < 0 || read(failed[0], &error, sizeof(error)) == sizeof(error)) {
		complain("%s cannot be run: %s", options->command[0], strerror(pid < 0 ? errno : error));
		waitpid(pid, status, 0);
		error = EXIT_NO_COMMAND;
	} else {
		*status = wait_for(pid, options->timeout);
	}
	close(failed[0]);
	close(go[0]);
	close(go[1]);
	return error;
}

static const char *describe_status(int status, char *text, size_t size)
{
	if (status == NO_END)
		snprintf(text, size, "does not end");
	else if (WIFSIGNALED(status))
		snprintf(text, size, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
	return text;
}

/* ---- What the kernel says about itself --------------------------------------------------------------------------- */

struct health {
	long tainted, left_allocated;
	int log;		/* a descriptor behind what the log has said so far */
};

static struct health look_at_kernel(void)
{
	/* On a kernel without a file for it, there is nothing to become worse. */
	struct health health = { number_in_file("/proc/sys/kernel/tainted"), left_allocated(), kmsg_open() };

	if (health.log >= 0)
		lseek(health.log, 0, SEEK_END);
	return health;
}

/* The first line of a report, or a leak that the kernel has noticed. */
static int is_complaint(const char *line)
{
	return !strncmp(line, "BUG", 3) || !strncmp(line, "WARNING", 7) || strstr(line, " BUG: ") || strstr(line, ": leaked ") ||
	       strstr(line, " leak ") || strstr(line, "cannot create duplicate");
}

static void read_complaint(int log, char *text, size_t size)
{
	char record[2048], *save;

	while (kmsg_next(log, record, sizeof(record)))
		for (char *line = strtok_r(record, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
			if (is_complaint(line)) {
				snprintf(text, size, "the kernel says: %s", line);
				return;
			}
}

/* What has become worse since @before, which this ends, or "". */
static const char *complaint(const struct health *before, char *text, size_t size)
{
	struct health now = look_at_kernel();

	*text = '\0';
	if (now.tainted & ~before->tainted & 0x80)
		snprintf(text, size, "the kernel has died in it (see its log)");
	else
		read_complaint(before->log, text, size);
	close(before->log);
	close(now.log);
	if (*text)
		return text;
	if (now.tainted & ~before->tainted)
		snprintf(text, size, "the kernel warns (see its log)");
	else if (now.left_allocated != before->left_allocated)
		snprintf(text, size, "%ld object%s left allocated", now.left_allocated - before->left_allocated,
			 now.left_allocated - before->left_allocated == 1 ? "" : "s");
	return text;
}

/* ---- The calls that failed ------------------------------------------------------------------------------------------ */

/* The first address is the probe's own, on the function's entry. */
static void print_stack(const struct event *event)
{
	char text[96];

	for (long i = 1; i < event->stack_bytes / 8 && i < STACK_DEPTH && event->stack[i]; i++)
		printf("    %s\n", symbols_format(event->stack[i], text, sizeof(text)));
}

static void print_event(const struct options *options, const struct event *event)
{
	const char *function = options->functions[event->function].name;
	char value_text[32];
	long value = 0;

	list_value(options, function, &value);
	printf("inject: %s returned %s: call %lu, in %s (%d); arguments 0x%lx 0x%lx 0x%lx ...\n", function,
	       list_describe_value(function, value, value_text, sizeof(value_text)), event->number, event->comm,
	       (int)event->pid_tgid, event->arguments[0], event->arguments[1], event->arguments[2]);
	print_stack(event);
}

static void print_command(const struct options *options)
{
	for (char **word = options->command; *word; word++)
		printf("%s%s", word == options->command ? "" : " ", *word);
}

/* By function and caller, how many of the calls that were kept. */
static void print_counts(const struct options *options, const struct injection *injection, const struct state *state)
{
	struct { unsigned long function, calls; char caller[64]; } *lines = NULL;
	struct event event;
	char caller[64];
	int n = 0;

	for (unsigned int i = 0; i < state->fired && i < MAX_COUNTED; i++) {
		int j;

		if (bpf_map_lookup_elem(injection->event_map, &i, &event))
			break;
		symbols_name(event.stack[1], caller, sizeof(caller));
		for (j = 0; j < n && (lines[j].function != event.function || strcmp(lines[j].caller, caller)); j++)
			;
		if (j == n) {
			lines = realloc(lines, ++n * sizeof(*lines));
			lines[j].function = event.function;
			lines[j].calls = 0;
			strcpy(lines[j].caller, caller);
		}
		lines[j].calls++;
	}
	for (int function = 0; function < options->function_count; function++)
		for (int j = 0; j < n; j++)
			if (lines[j].function == (unsigned long)function)
				printf("%8lu %s, called by %s\n", lines[j].calls, options->functions[function].name, lines[j].caller);
	if (state->fired > MAX_COUNTED)
		printf("  and %lu calls more\n", state->fired - MAX_COUNTED);
	free(lines);
}

int run_once(const struct options *options, struct injection *injection)
{
	struct health before = look_at_kernel();
	struct event event;
	struct state state;
	char text[128];
	int status, error = run_command(options, injection, &status);

	if (error)
		return error;
	state = read_state(injection);
	if (options->count_only) {
		print_counts(options, injection, &state);
	} else {
		for (unsigned int i = 0; i < state.fired && i < MAX_EVENTS; i++)
			if (!bpf_map_lookup_elem(injection->event_map, &i, &event) && (!i || options->verbose))
				print_event(options, &event);
		if (state.fired > 1)
			printf("inject: and %lu calls more\n", state.fired - 1);
	}
	printf("inject: ");
	print_command(options);
	printf(": %s; %lu of %lu calls matched, %lu failed\n", describe_status(status, text, sizeof(text)), state.matched, state.calls,
	       options->count_only ? 0 : state.fired);
	if (*complaint(&before, text, sizeof(text))) {
		printf("inject: %s\n", text);
		return EXIT_TROUBLE;
	}
	if (status == NO_END || WIFSIGNALED(status))
		return EXIT_TROUBLE;
	return state.fired ? EXIT_FIRED : EXIT_NOT_FIRED;
}

/* "kmalloc < read_one_chunk < btrfs_read_chunk_tree ..." */
static void print_chain(const struct options *options, const struct event *event)
{
	char name[64];

	printf("%s", options->functions[event->function].name);
	for (long i = 1; i < event->stack_bytes / 8 && i <= 5 && event->stack[i]; i++)
		if (symbols_name(event->stack[i], name, sizeof(name)))
			printf(" < %s", name);
}

int run_every_stack(const struct options *options, struct injection *injection)
{
	unsigned int runs = 0, troubles = 0, zero = 0;
	struct event event;
	struct state state;
	char text[128], worse[128];
	int status;

	do {
		struct health before = look_at_kernel();
		int error = run_command(options, injection, &status);
		bool bad;

		if (error)
			return error;
		state = read_state(injection);
		bpf_map_lookup_elem(injection->event_map, &zero, &event);
		complaint(&before, worse, sizeof(worse));
		bad = *worse || status == NO_END || WIFSIGNALED(status);
		troubles += bad;
		runs += state.fired > 0;
		if (state.fired) {
			printf("%4u ", runs);
			print_chain(options, &event);
			printf(": %s%s%s\n", describe_status(status, text, sizeof(text)), *worse ? "; " : "", worse);
		} else {
			printf("     no new stack: %s%s%s\n", describe_status(status, text, sizeof(text)), *worse ? "; " : "", worse);
		}
		if (state.fired && (bad || options->verbose))
			print_stack(&event);
		/* After an oops nothing is what it was: locks stay taken, counters wrong. */
		if (status == NO_END || strstr(worse, "has died"))
			break;
	} while (state.fired && (!options->max_runs || runs < options->max_runs));
	printf("inject: ");
	print_command(options);
	printf(": %u stacks, one fault each; %u run%s in trouble\n", runs, troubles, troubles == 1 ? "" : "s");
	if (troubles)
		return EXIT_TROUBLE;
	return runs ? EXIT_FIRED : EXIT_NOT_FIRED;
}
