// SPDX-License-Identifier: MIT
/*
 * Runs the families named as arguments, or all, in the order of their names, each in a process and a directory of its
 * own below the current one (or /tmp, if that is where it is started from /). With -l, prints their names.
 */
#include "report.h"

#include <ftw.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static struct family *families;
int counting_objects;

void register_family(struct family *family)
{
	struct family **at = &families;

	while (*at && strcmp((*at)->name, family->name) < 0)
		at = &(*at)->next;
	family->next = *at;
	*at = family;
}

void say(const char *format, ...)
{
	char line[2000];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (length > (int)sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length] = '\n';
	if (write(1, line, length + 1) < 0)
		_exit(99);
}

const char *error_name(int error)
{
	static char number[20];
	const char *name = strerrorname_np(error);

	if (name)
		return name;
	snprintf(number, sizeof(number), "error %d", error);
	return number;
}

long show(const char *text, long result)
{
	int error = errno;

	if (result == -1 && error)
		say("%s = -1 %s", text, error_name(error));
	else
		say("%s = %ld", text, result);
	errno = error;
	return result;
}

long show_ok(const char *text, long result)
{
	int error = errno;

	if (result == -1 && error)
		say("%s = -1 %s", text, error_name(error));
	else
		say("%s: ok", text);
	errno = error;
	return result;
}

void show_child(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child)
		say("child: cannot wait: %s", error_name(errno));
	else if (WIFSIGNALED(status))
		say("child: signal %d%s", WTERMSIG(status), WCOREDUMP(status) ? " (core)" : "");
	else if (WEXITSTATUS(status))
		say("child: exit %d", WEXITSTATUS(status));
}

void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		say("cannot write %s: %s", path, error_name(errno));
		_exit(99);
	}
	close(fd);
}

void sleep_ms(int ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&time, &time) < 0 && errno == EINTR)
		;
}

long now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	remove(path);
	return 0;
}

static void run(const struct family *family)
{
	char directory[PATH_MAX];
	pid_t child;
	int status;

	snprintf(directory, sizeof(directory), "/tmp/family-%s", family->name);
	say("== %s", family->name);
	child = fork();
	if (child == 0) {
		umask(022);
		if (mkdir(directory, 0755) < 0 || chdir(directory) < 0) {
			say("cannot make %s: %s", directory, error_name(errno));
			_exit(99);
		}
		alarm(20);
		setsid();
		family->run();
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status)
		say("%s ended with status %#x", family->name, status);
	nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- -k: what a family leaves in the kernel's caches, as /proc/slabinfo of our kernel counts exactly ---- */

#define MAX_CACHES 200

struct cache {
	char name[40];
	long active;
};

static int read_caches(struct cache *caches)
{
	FILE *file = fopen("/proc/slabinfo", "r");
	int n = 0;

	while (n < MAX_CACHES && fscanf(file, "%39s %ld %*[^\n]", caches[n].name, &caches[n].active) == 2)
		n++;
	fclose(file);
	return n;
}

/* Pages that are neither free nor a cache's. */
static long used_pages(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	long total = 0, unused = 0, slab = 0;
	char line[100];

	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "MemTotal: %ld", &total);
		sscanf(line, "MemFree: %ld", &unused);
		sscanf(line, "Slab: %ld", &slab);
	}
	fclose(file);
	return (total - unused - slab) / 4;
}

/* Runs a family, unseen. */
static void run_quietly(const struct family *family)
{
	int out = fcntl(1, F_DUPFD_CLOEXEC, 500), null = open("/dev/null", O_WRONLY);

	dup2(null, 1);
	run(family);
	dup2(out, 1);
	close(out), close(null);
	/* What ends in the background ends within this. */
	sleep_ms(50);
}

static int find_leaks(const struct family *family)
{
	static struct cache before[MAX_CACHES], after[MAX_CACHES];
	int n, found = 0;
	long pages;

	/* The first time fills caches and makes what is made once. */
	run_quietly(family);
	read_caches(after);	/* so that its memory is there */
	read_caches(before);
	pages = used_pages();
	run_quietly(family);
	n = read_caches(after);
	pages = used_pages() - pages;
	for (int i = 0; i < n; i++)
		if (after[i].active != before[i].active) {
			say("%s: %s %+ld", family->name, after[i].name, after[i].active - before[i].active);
			found = 1;
		}
	if (pages)
		say("%s: %+ld pages", family->name, pages);
	return found || pages;
}

int main(int argc, char **argv)
{
	const struct family *family;
	int leaks = 0;

	if (argc >= 2 && strcmp(argv[1], "exec_child") == 0) {
		exec_child(argc);
		return 0;
	}
	if (argc >= 2 && strcmp(argv[1], "-k") == 0) {
		counting_objects = 1;
		for (family = families; family; family = family->next)
			if (argc == 2 || strcmp(argv[2], family->name) == 0)
				leaks |= find_leaks(family);
		if (!leaks)
			say("no objects left");
		return leaks;
	}

	for (family = families; family; family = family->next) {
		int wanted = argc < 2;

		for (int i = 1; i < argc; i++)
			wanted |= strcmp(argv[i], family->name) == 0;
		if (argc == 2 && strcmp(argv[1], "-l") == 0)
			say("%s", family->name);
		else if (wanted)
			run(family);
	}
	return 0;
}
