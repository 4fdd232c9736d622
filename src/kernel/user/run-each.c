// SPDX-License-Identifier: MIT
/*
 * run-each FILE [PREFIX]
 *
 * Runs each line of a file as a command, words separated by spaces ('...' keeps them together), and prints the line, what the
 * command prints, and its exit status unless that is 0. Lines that begin with # are only printed. With PREFIX, only the lines
 * that begin so are run. Exit code: 0 if every command's status is the one in brackets at the line's beginning ("[3] inject
 * ..."; none: 0).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_WORDS 64

static void split(char *line, char **words)
{
	char *to = line;
	int n = 0;

	while (*line && n < MAX_WORDS - 1) {
		char quote = 0;

		line += strspn(line, " ");
		if (!*line)
			break;
		words[n++] = to = line;
		for (; *line && (quote || *line != ' '); line++) {
			if (*line == '\'')
				quote = !quote;
			else
				*to++ = *line;
		}
		if (*line)
			line++;
		*to = '\0';
	}
	words[n] = NULL;
}

static int run(char *line)
{
	char *words[MAX_WORDS];
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		split(line, words);
		/* One stream, so that lines come in the order in which they are written. */
		dup2(1, 2);
		execvp(words[0], words);
		perror(words[0]);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;
	char *line = NULL;
	size_t size = 0;
	int bad = 0;

	if (!f) {
		fprintf(stderr, "usage: run-each FILE [PREFIX]\n");
		return 2;
	}
	while (getline(&line, &size, f) > 0) {
		int expected = 0, status;
		char *command = line;

		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || !line[0]) {
			puts(line);
			continue;
		}
		if (line[0] == '[') {
			expected = strtol(line + 1, &command, 10);
			command += strspn(command, "] ");
		}
		if (argc > 2 && strncmp(command, argv[2], strlen(argv[2])))
			continue;
		printf("$ %s\n", command);
		status = run(command);
		if (status || expected)
			printf("exit code %d%s\n", status, status == expected ? "" : ", which is not as it should be");
		bad |= status != expected;
	}
	return bad;
}
