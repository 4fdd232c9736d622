// SPDX-License-Identifier: MIT
/* Streams and formatted output, without floating point. (ISO C 7.21) */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stream {
	int fd;
	int mode;		/* _IOFBF, _IOLBF, _IONBF */
	char writing;		/* the buffer holds output */
	char eof, error, allocated;
	size_t at, end;		/* read: unread bytes at..end; write: 0..end */
	char buffer[BUFSIZ];
	FILE *next;
};

static FILE streams[3] = {
	{ .fd = 0, .mode = _IOFBF },
	{ .fd = 1, .mode = -1, .next = &streams[0] },	/* decided at the first byte */
	{ .fd = 2, .mode = _IONBF, .next = &streams[1] },
};
FILE *stdin = &streams[0], *stdout = &streams[1], *stderr = &streams[2];
static FILE *all = &streams[2];

static int write_all(int fd, const char *from, size_t n)
{
	while (n) {
		ssize_t done = write(fd, from, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		from += done;
		n -= done;
	}
	return 0;
}

int fflush(FILE *f)
{
	int result = 0;

	if (!f) {
		for (f = all; f; f = f->next)
			if (f->writing)
				fflush(f);
		return 0;
	}
	if (f->writing) {
		result = write_all(f->fd, f->buffer, f->end);
		if (result < 0)
			f->error = 1;
	} else if (f->end > f->at) {
		lseek(f->fd, (long)f->at - (long)f->end, SEEK_CUR);
	}
	f->writing = 0;
	f->at = f->end = 0;
	return result;
}

FILE *fdopen(int fd, const char *mode)
{
	FILE *f = calloc(1, sizeof(*f));

	(void)mode;
	if (!f)
		return NULL;
	f->fd = fd;
	f->allocated = 1;
	f->next = all;
	all = f;
	return f;
}

FILE *fopen(const char *path, const char *mode)
{
	int flags = *mode == 'r' ? O_RDONLY : *mode == 'w' ? O_WRONLY | O_CREAT | O_TRUNC : O_WRONLY | O_CREAT | O_APPEND;
	int fd;
	FILE *f;

	if (strchr(mode, '+'))
		flags = (flags & ~O_ACCMODE) | O_RDWR;
	if (strchr(mode, 'e'))
		flags |= O_CLOEXEC;
	fd = open(path, flags, 0666);
	if (fd < 0)
		return NULL;
	f = fdopen(fd, mode);
	if (!f)
		close(fd);
	return f;
}

int fclose(FILE *f)
{
	int result = f->writing ? fflush(f) : 0;

	for (FILE **link = &all; *link; link = &(*link)->next) {
		if (*link == f) {
			*link = f->next;
			break;
		}
	}
	if (close(f->fd) < 0)
		result = -1;
	if (f->allocated)
		free(f);
	return result;
}

int fileno(FILE *f)
{
	return f->fd;
}

int feof(FILE *f)
{
	return f->eof;
}

int ferror(FILE *f)
{
	return f->error;
}

void clearerr(FILE *f)
{
	f->eof = f->error = 0;
}

int setvbuf(FILE *f, char *buffer, int mode, size_t size)
{
	(void)buffer;
	(void)size;
	f->mode = mode;
	return 0;
}

size_t fwrite(const void *from, size_t size, size_t count, FILE *f)
{
	const char *p = from;
	size_t n = size * count;

	if (f->mode == -1)
		f->mode = isatty(f->fd) ? _IOLBF : _IOFBF;
	if (!f->writing)
		fflush(f);
	f->writing = 1;
	for (size_t i = 0; i < n; i++) {
		if (f->end == BUFSIZ) {
			fflush(f);
			f->writing = 1;
		}
		f->buffer[f->end++] = p[i];
		if (f->mode == _IOLBF && p[i] == '\n') {
			fflush(f);
			f->writing = 1;
		}
	}
	if (f->mode == _IONBF)
		fflush(f);
	return f->error ? 0 : count;
}

int fgetc(FILE *f)
{
	if (f->writing)
		fflush(f);
	if (f->at == f->end) {
		ssize_t n = read(f->fd, f->buffer, BUFSIZ);

		f->at = f->end = 0;
		if (n <= 0) {
			*(n ? &f->error : &f->eof) = 1;
			return EOF;
		}
		f->end = n;
	}
	return (unsigned char)f->buffer[f->at++];
}

int getc(FILE *f)
{
	return fgetc(f);
}

int getchar(void)
{
	return fgetc(stdin);
}

int ungetc(int c, FILE *f)
{
	if (c == EOF || !f->at)
		return EOF;
	f->buffer[--f->at] = c;
	f->eof = 0;
	return c;
}

size_t fread(void *to, size_t size, size_t count, FILE *f)
{
	size_t n = 0;

	for (int c; n < size * count && (c = fgetc(f)) != EOF; n++)
		((char *)to)[n] = c;
	return size ? n / size : 0;
}

char *fgets(char *to, int size, FILE *f)
{
	int n = 0;

	for (int c; n < size - 1 && (c = fgetc(f)) != EOF;) {
		to[n++] = c;
		if (c == '\n')
			break;
	}
	to[n] = 0;
	return n ? to : NULL;
}

ssize_t getline(char **line, size_t *size, FILE *f)
{
	size_t n = 0;

	for (int c; (c = fgetc(f)) != EOF;) {
		if (!*line || n + 2 > *size) {
			size_t wanted = *size < 64 ? 128 : *size * 2;
			char *larger = realloc(*line, wanted);

			if (!larger)
				return -1;
			*line = larger;
			*size = wanted;
		}
		(*line)[n++] = c;
		if (c == '\n')
			break;
	}
	if (!n)
		return -1;
	(*line)[n] = 0;
	return n;
}

int fputc(int c, FILE *f)
{
	char byte = c;

	return fwrite(&byte, 1, 1, f) ? (unsigned char)c : EOF;
}

int putc(int c, FILE *f)
{
	return fputc(c, f);
}

int putchar(int c)
{
	return fputc(c, stdout);
}

int fputs(const char *s, FILE *f)
{
	return fwrite(s, 1, strlen(s), f) ? 0 : -(*s != 0);
}

int puts(const char *s)
{
	return fputs(s, stdout) < 0 ? EOF : putchar('\n');
}

int fseek(FILE *f, long offset, int whence)
{
	fflush(f);
	f->eof = 0;
	return lseek(f->fd, offset, whence) < 0 ? -1 : 0;
}

long ftell(FILE *f)
{
	long at = lseek(f->fd, 0, SEEK_CUR);

	return at < 0 ? at : f->writing ? at + (long)f->end : at - (long)(f->end - f->at);
}

void rewind(FILE *f)
{
	fseek(f, 0, SEEK_SET);
}

/* Where formatted text goes: a buffer with a limit or a stream. */
struct sink {
	char *to;
	size_t size, count;
	FILE *stream;
};

static void put(struct sink *sink, char c)
{
	if (sink->stream)
		fputc(c, sink->stream);
	else if (sink->count + 1 < sink->size)
		sink->to[sink->count] = c;
	sink->count++;
}

static void pad(struct sink *sink, char c, int n)
{
	while (n-- > 0)
		put(sink, c);
}

static void format(struct sink *sink, const char *f, va_list args)
{
	for (; *f; f++) {
		int left = 0, zero = 0, alternate = 0, width = 0, precision = -1, size = 0, base = 10, negative = 0;
		char plus = 0, buffer[32], *text = buffer + sizeof(buffer);
		const char *digits = "0123456789abcdef", *prefix = "";
		unsigned long value;
		int length;

		if (*f != '%') {
			put(sink, *f);
			continue;
		}
		for (f++;; f++) {
			if (*f == '-')
				left = 1;
			else if (*f == '0')
				zero = 1;
			else if (*f == '#')
				alternate = 1;
			else if (*f == '+' || *f == ' ')
				plus = plus == '+' ? '+' : *f;
			else
				break;
		}
		if (*f == '*') {
			width = va_arg(args, int);
			f++;
			if (width < 0) {
				left = 1;
				width = -width;
			}
		}
		while (isdigit(*f))
			width = width * 10 + *f++ - '0';
		if (*f == '.') {
			precision = 0;
			if (*++f == '*') {
				precision = va_arg(args, int);
				f++;
			}
			while (isdigit(*f))
				precision = precision * 10 + *f++ - '0';
		}
		for (; strchr("lhzjt", *f) && *f; f++)
			size += *f == 'h' ? -1 : 2;
		switch (*f) {
		case 0:
			return;
		case '%':
			put(sink, '%');
			continue;
		case 'c':
			pad(sink, ' ', left ? 0 : width - 1);
			put(sink, va_arg(args, int));
			pad(sink, ' ', left ? width - 1 : 0);
			continue;
		case 's':
		case 'm':
			text = *f == 'm' ? strerror(errno) : va_arg(args, char *);
			if (!text)
				text = "(null)";
			length = strnlen(text, precision < 0 ? SIZE_MAX : (size_t)precision);
			pad(sink, ' ', left ? 0 : width - length);
			for (int i = 0; i < length; i++)
				put(sink, text[i]);
			pad(sink, ' ', left ? width - length : 0);
			continue;
		case 'd':
		case 'i':
			value = size > 0 ? va_arg(args, long) : va_arg(args, int);
			if (size == -1)
				value = (short)value;
			else if (size == -2)
				value = (signed char)value;
			negative = (long)value < 0;
			if (negative)
				value = -value;
			break;
		case 'p':
			value = (unsigned long)va_arg(args, void *);
			alternate = 1;
			base = 16;
			break;
		case 'X':
			digits = "0123456789ABCDEF";
			/* fall through */
		case 'x':
		case 'o':
		case 'u':
			base = *f == 'o' ? 8 : *f == 'u' ? 10 : 16;
			value = size > 0 ? va_arg(args, unsigned long) : va_arg(args, unsigned int);
			if (size == -1)
				value = (unsigned short)value;
			else if (size == -2)
				value = (unsigned char)value;
			break;
		default:
			put(sink, '%');
			put(sink, *f);
			continue;
		}
		if (strchr("di", *f))
			prefix = negative ? "-" : plus == '+' ? "+" : plus ? " " : "";
		else if (alternate && value && base == 16)
			prefix = *f == 'X' ? "0X" : "0x";
		else if (alternate && base == 8)
			prefix = "0";
		for (unsigned long v = value; v; v /= base)
			*--text = digits[v % base];
		length = buffer + sizeof(buffer) - text;
		if (precision < 0)
			precision = zero && !left ? width - (int)strlen(prefix) : 1;
		if (precision < length)
			precision = length;
		width -= precision + strlen(prefix);
		pad(sink, ' ', left ? 0 : width);
		while (*prefix)
			put(sink, *prefix++);
		pad(sink, '0', precision - length);
		while (length--)
			put(sink, *text++);
		pad(sink, ' ', left ? width : 0);
	}
}

int vsnprintf(char *to, size_t size, const char *f, va_list args)
{
	struct sink sink = { .to = to, .size = size };

	format(&sink, f, args);
	if (size)
		to[sink.count < size ? sink.count : size - 1] = 0;
	return sink.count;
}

int vfprintf(FILE *stream, const char *f, va_list args)
{
	struct sink sink = { .stream = stream };
	int mode = stream->mode;

	/* One write for one call, also when unbuffered. */
	if (mode == _IONBF)
		stream->mode = _IOFBF;
	format(&sink, f, args);
	stream->mode = stream->mode == -1 || mode != _IONBF ? stream->mode : mode;
	if (mode == _IONBF)
		fflush(stream);
	return sink.count;
}

int vprintf(const char *f, va_list args)
{
	return vfprintf(stdout, f, args);
}

int printf(const char *f, ...)
{
	va_list args;
	int n;

	va_start(args, f);
	n = vfprintf(stdout, f, args);
	va_end(args);
	return n;
}

int fprintf(FILE *stream, const char *f, ...)
{
	va_list args;
	int n;

	va_start(args, f);
	n = vfprintf(stream, f, args);
	va_end(args);
	return n;
}

int dprintf(int fd, const char *f, ...)
{
	char text[2048];
	va_list args;
	int n;

	va_start(args, f);
	n = vsnprintf(text, sizeof(text), f, args);
	va_end(args);
	if (n > (int)sizeof(text) - 1)
		n = sizeof(text) - 1;
	return write_all(fd, text, n) < 0 ? -1 : n;
}

int snprintf(char *to, size_t size, const char *f, ...)
{
	va_list args;
	int n;

	va_start(args, f);
	n = vsnprintf(to, size, f, args);
	va_end(args);
	return n;
}

int sprintf(char *to, const char *f, ...)
{
	va_list args;
	int n;

	va_start(args, f);
	n = vsnprintf(to, PTRDIFF_MAX, f, args);
	va_end(args);
	return n;
}

void perror(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
}
