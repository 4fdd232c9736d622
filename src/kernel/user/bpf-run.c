// SPDX-License-Identifier: MIT
/*
 * bpf-run OBJECT [COMMAND ARGUMENTS...]: loads a BPF object file, attaches its programs as their sections say, runs the command, and
 * detaches again. Exits with the command's status; 125 if the object could not be loaded or attached. Without a command it only
 * loads and attaches, to see whether that works.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/bpf.h"

#define EXIT_BPF	125
#define EXIT_NOT_RUN	127

static int run(char **argv)
{
	pid_t pid = fork();
	int status;

	if (pid < 0) {
		perror("fork");
		return EXIT_NOT_RUN;
	}
	if (!pid) {
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(EXIT_NOT_RUN);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	struct bpf_program *program = NULL;
	struct bpf_object *object;
	int status = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: bpf-run OBJECT [COMMAND ARGUMENTS...]\n");
		return EXIT_BPF;
	}
	object = bpf_object_open(argv[1]);
	if (!object)
		return EXIT_BPF;
	if (bpf_object_load(object) || bpf_object_attach(object)) {
		bpf_object_close(object);
		return EXIT_BPF;
	}
	while ((program = bpf_object_next_program(object, program)))
		printf("%s: program %s attached (%s)\n", argv[1], bpf_program_name(program), bpf_program_section(program));
	fflush(stdout);
	if (argc > 2)
		status = run(argv + 2);
	bpf_object_close(object);
	return status;
}
