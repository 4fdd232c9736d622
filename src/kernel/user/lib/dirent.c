// SPDX-License-Identifier: MIT
/* Reading directories over getdents64(2). */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct directory {
	int fd;
	ssize_t at, end;
	_Alignas(8) char buffer[2048];
};

DIR *opendir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir;

	if (fd < 0)
		return NULL;
	dir = malloc(sizeof(*dir));
	if (!dir) {
		close(fd);
		return NULL;
	}
	dir->fd = fd;
	dir->at = dir->end = 0;
	return dir;
}

struct dirent *readdir(DIR *dir)
{
	struct dirent *entry;

	if (dir->at == dir->end) {
		dir->at = 0;
		dir->end = getdents64(dir->fd, dir->buffer, sizeof(dir->buffer));
		if (dir->end <= 0) {
			dir->end = 0;
			return NULL;
		}
	}
	entry = (struct dirent *)(dir->buffer + dir->at);
	dir->at += entry->d_reclen;
	return entry;
}

int closedir(DIR *dir)
{
	int fd = dir->fd;

	free(dir);
	return close(fd);
}

int dirfd(DIR *dir)
{
	return dir->fd;
}
