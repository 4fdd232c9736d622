// SPDX-License-Identifier: MIT
/* ls [-la] [PATH...]: names in order of their bytes, one a line; -l adds mode, links, owner, group, size. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

static int long_format, all;

static void show(const char *path, const char *name)
{
	static const char letters[] = "?pc?d?b?-?l?s???";
	char mode[11], target[256];
	struct stat st;
	ssize_t n;

	if (!long_format) {
		puts(name);
		return;
	}
	if (lstat(path, &st) < 0) {
		fprintf(stderr, "ls: %s: %s\n", path, strerror(errno));
		return;
	}
	mode[0] = letters[(st.st_mode & S_IFMT) >> 12];
	for (int i = 0; i < 9; i++)
		mode[1 + i] = st.st_mode & (0400 >> i) ? "rwx"[i % 3] : '-';
	mode[10] = 0;
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		printf("%s %2lu %4u %4u %3lu, %3lu %s", mode, (unsigned long)st.st_nlink, st.st_uid, st.st_gid,
		       (unsigned long)(st.st_rdev >> 8), (unsigned long)(st.st_rdev & 0xff), name);
	else
		printf("%s %2lu %4u %4u %8ld %s", mode, (unsigned long)st.st_nlink, st.st_uid, st.st_gid,
		       (long)st.st_size, name);
	if (S_ISLNK(st.st_mode) && (n = readlink(path, target, sizeof(target) - 1)) >= 0) {
		target[n] = 0;
		printf(" -> %s", target);
	}
	putchar('\n');
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(const char *path)
{
	size_t count = 0, room = 0;
	char **names = NULL, full[4096];
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (!dir) {
		if (errno == ENOTDIR) {
			show(path, path);
			return 0;
		}
		fprintf(stderr, "ls: %s: %s\n", path, strerror(errno));
		return 1;
	}
	errno = 0;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' && !all)
			continue;
		if (count == room)
			names = realloc(names, (room = room * 2 + 16) * sizeof(*names));
		if (!names || !(names[count++] = strdup(entry->d_name))) {
			fprintf(stderr, "ls: %s\n", strerror(ENOMEM));
			return 1;
		}
	}
	if (errno)
		fprintf(stderr, "ls: %s: %s\n", path, strerror(errno));
	closedir(dir);
	if (count)
		qsort(names, count, sizeof(*names), by_name);
	for (size_t i = 0; i < count; i++) {
		snprintf(full, sizeof(full), "%s/%s", path, names[i]);
		show(full, names[i]);
		free(names[i]);
	}
	free(names);
	return errno != 0;
}

int main(int argc, char **argv)
{
	int status = 0, i;

	for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		for (const char *c = argv[i] + 1; *c; c++) {
			if (*c == 'l') {
				long_format = 1;
			} else if (*c == 'a') {
				all = 1;
			} else if (*c != '1') {
				fprintf(stderr, "ls: unknown option -%c\nusage: ls [-la] [PATH...]\n", *c);
				return 2;
			}
		}
	}
	if (i == argc)
		return list(".");
	for (int first = i; i < argc; i++) {
		if (argc - first > 1)
			printf("%s%s:\n", i > first ? "\n" : "", argv[i]);
		status |= list(argv[i]);
	}
	return status;
}
