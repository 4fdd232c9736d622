// SPDX-License-Identifier: MIT
/*
 * BPF_BTF_LOAD from user space: type information that is sound and such that is not, with the kernel's log. Prints the same
 * on Linux (as root) and here.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char strings[] = "\0int\0point\0x\0y\0main\0.data\0counter\0colour\0RED\0GREEN\0long name with spaces\0user\0" "9bad\0T";
enum { INT = 1, POINT = 5, X = 11, Y = 13, MAIN = 15, DATA = 20, COUNTER = 26, COLOUR = 34, RED = 41, GREEN = 45,
       SPACES = 51, USER = 73, BAD = 78, T = 83 };

static struct {
	struct btf_header header;
	unsigned int body[256];
} blob;
static unsigned int used;

static void begin(void)
{
	memset(&blob, 0, sizeof(blob));
	blob.header = (struct btf_header){ .magic = BTF_MAGIC, .version = 1, .hdr_len = sizeof(blob.header) };
	used = 0;
}

static void word(unsigned int value)
{
	blob.body[used++] = value;
}

static void type(unsigned int name, unsigned int kind, unsigned int flag, unsigned int vlen, unsigned int size)
{
	word(name);
	word(kind << 24 | flag << 31 | vlen);
	word(size);
}

static void three(unsigned int a, unsigned int b, unsigned int c)
{
	word(a);
	word(b);
	word(c);
}

/* Number 1 of most: a signed 32-bit integer. */
static void integer(void)
{
	type(INT, BTF_KIND_INT, 0, 0, 4);
	word(BTF_INT_SIGNED << 24 | 32);
}

static void load_bytes(const char *what, const void *bytes, unsigned int size)
{
	static char log[8192];
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	memset(log, 0, sizeof(log));
	attr.btf = (unsigned long)bytes;
	attr.btf_size = size;
	attr.btf_log_buf = (unsigned long)log;
	attr.btf_log_size = sizeof(log);
	attr.btf_log_level = 1;
	fd = syscall(__NR_bpf, BPF_BTF_LOAD, &attr, sizeof(attr));
	printf("== %s: %s\n%s%s", what, fd < 0 ? strerror(errno) : "ok", log,
	       log[0] && log[strlen(log) - 1] != '\n' ? "\n" : "");
	if (fd >= 0)
		close(fd);
}

static void finish(const char *what)
{
	unsigned int types = used * sizeof(blob.body[0]);

	blob.header.type_len = types;
	blob.header.str_off = types;
	blob.header.str_len = sizeof(strings);
	memcpy(&blob.body[used], strings, sizeof(strings));
	load_bytes(what, &blob, sizeof(blob.header) + types + sizeof(strings));
}

static void headers(void)
{
	unsigned int size = sizeof(blob.header) + 16 + sizeof(strings);

#define HEADER(change)									\
	do {										\
		begin();								\
		integer();								\
		blob.header.type_len = 16;						\
		blob.header.str_off = 16;						\
		blob.header.str_len = sizeof(strings);					\
		memcpy(&blob.body[used], strings, sizeof(strings));			\
		change;									\
		load_bytes(#change, &blob, size);					\
	} while (0)
	HEADER();
	HEADER(blob.header.magic = 0x1234);
	HEADER(blob.header.version = 2);
	HEADER(blob.header.flags = 1);
	HEADER(blob.header.hdr_len = 4);
	HEADER(blob.header.hdr_len = 1000);
	HEADER(blob.header.type_off = 4);
	HEADER(blob.header.type_len = 12);
	HEADER(blob.header.type_len = 1000);
	HEADER(blob.header.type_len = 0);
	HEADER(blob.header.str_len = 5);
	HEADER(blob.header.str_off = 15);
	HEADER(blob.header.str_off = 2);
	HEADER(((char *)&blob)[sizeof(blob.header) + 16] = 'x');
	HEADER(((char *)&blob)[size - 1] = 'x');
	load_bytes("six bytes", &blob, 6);
	load_bytes("nothing", &blob, 0);
	load_bytes("the header alone", &blob, sizeof(blob.header));
}

#define CASE(what, ...)  do { begin(); integer(); __VA_ARGS__; finish(what); } while (0)

static void each_type(void)
{
	CASE("a structure", type(POINT, BTF_KIND_STRUCT, 0, 2, 8); three(X, 1, 0); three(Y, 1, 32));
	CASE("all kinds",
	     type(0, BTF_KIND_PTR, 0, 0, 1); type(0, BTF_KIND_ARRAY, 0, 0, 0); three(1, 1, 4);
	     type(0, BTF_KIND_UNION, 0, 1, 16); three(X, 3, 0);
	     type(COLOUR, BTF_KIND_ENUM, 1, 2, 4); word(RED); word(1); word(GREEN); word(-3);
	     type(USER, BTF_KIND_FWD, 1, 0, 0); type(T, BTF_KIND_TYPEDEF, 0, 0, 4);
	     type(0, BTF_KIND_CONST, 0, 0, 7); type(0, BTF_KIND_VOLATILE, 0, 0, 8); type(0, BTF_KIND_RESTRICT, 0, 0, 2);
	     type(0, BTF_KIND_FUNC_PROTO, 0, 2, 1); word(X); word(1); word(0); word(0);
	     type(MAIN, BTF_KIND_FUNC, 0, 1, 11); type(COUNTER, BTF_KIND_VAR, 0, 0, 1); word(1);
	     type(DATA, BTF_KIND_DATASEC, 0, 1, 4); three(13, 0, 4);
	     type(0, BTF_KIND_FLOAT, 0, 0, 8); type(USER, BTF_KIND_DECL_TAG, 0, 0, 12); word(0);
	     type(USER, BTF_KIND_TYPE_TAG, 0, 0, 1); type(COLOUR, BTF_KIND_ENUM64, 0, 1, 8); three(RED, 1, 2));
	CASE("kind 0", type(0, 0, 0, 0, 0));
	CASE("kind 20", type(0, 20, 0, 0, 0));
	CASE("bits of info", word(0); word(0x40000001); word(0));
	CASE("a name outside", type(5000, BTF_KIND_STRUCT, 0, 0, 0));
	CASE("a name with spaces", type(SPACES, BTF_KIND_STRUCT, 0, 0, 0));
	CASE("a name with a digit first", type(BAD, BTF_KIND_TYPEDEF, 0, 0, 1));
	CASE("half a type", word(0); word(BTF_KIND_PTR << 24));
	CASE("half a structure", type(POINT, BTF_KIND_STRUCT, 0, 2, 8); three(X, 1, 0));
	CASE("an integer of odd encoding", type(INT, BTF_KIND_INT, 0, 0, 4); word(3 << 24 | 32));
	CASE("an integer of too many bits", type(INT, BTF_KIND_INT, 0, 0, 4); word(33));
	CASE("an integer of 200 bits", type(INT, BTF_KIND_INT, 0, 0, 4); word(200));
	CASE("an integer with more", type(INT, BTF_KIND_INT, 0, 0, 4); word(0x10000020));
	CASE("an integer with vlen", type(INT, BTF_KIND_INT, 0, 1, 4); word(32));
	CASE("a pointer with a name", type(X, BTF_KIND_PTR, 0, 0, 1));
	CASE("a typedef without", type(0, BTF_KIND_TYPEDEF, 0, 0, 1));
	CASE("an array of void", type(0, BTF_KIND_ARRAY, 0, 0, 0); three(0, 1, 4));
	CASE("an array with a size", type(0, BTF_KIND_ARRAY, 0, 0, 4); three(1, 1, 4));
	CASE("members that go back", type(POINT, BTF_KIND_STRUCT, 0, 2, 8); three(X, 1, 32); three(Y, 1, 0));
	CASE("a member outside", type(POINT, BTF_KIND_STRUCT, 0, 1, 4); three(X, 1, 64));
	CASE("a union with an offset", type(POINT, BTF_KIND_UNION, 0, 1, 8); three(X, 1, 32));
	CASE("a member of void", type(POINT, BTF_KIND_STRUCT, 0, 1, 4); three(X, 0, 0));
	CASE("an enumeration of 3 bytes", type(COLOUR, BTF_KIND_ENUM, 0, 0, 3));
	CASE("an enumerator without a name", type(COLOUR, BTF_KIND_ENUM, 0, 1, 4); word(0); word(1));
	CASE("a forward with a type", type(USER, BTF_KIND_FWD, 0, 0, 1));
	CASE("a function of odd linkage", type(0, BTF_KIND_FUNC_PROTO, 0, 0, 0); type(MAIN, BTF_KIND_FUNC, 0, 2, 2));
	CASE("a variable of void", type(COUNTER, BTF_KIND_VAR, 0, 0, 0); word(0));
	CASE("an extern variable", type(COUNTER, BTF_KIND_VAR, 0, 0, 1); word(2));
	CASE("an empty section", type(DATA, BTF_KIND_DATASEC, 0, 0, 0));
	CASE("a variable behind its section", type(COUNTER, BTF_KIND_VAR, 0, 0, 1); word(0);
	     type(DATA, BTF_KIND_DATASEC, 0, 1, 4); three(2, 4, 4));
	CASE("variables that overlap", type(COUNTER, BTF_KIND_VAR, 0, 0, 1); word(0);
	     type(DATA, BTF_KIND_DATASEC, 0, 2, 8); three(2, 0, 4); three(2, 2, 4));
	CASE("a float of 3 bytes", type(X, BTF_KIND_FLOAT, 0, 0, 3));
	CASE("a tag without a value", type(0, BTF_KIND_DECL_TAG, 0, 0, 1); word(-1));
	CASE("a tag of component -2", type(USER, BTF_KIND_DECL_TAG, 0, 0, 1); word(-2));
}

static void references(void)
{
	int i;

	CASE("a pointer to nowhere", type(0, BTF_KIND_PTR, 0, 0, 9));
	CASE("a pointer to itself", type(0, BTF_KIND_PTR, 0, 0, 2));
	CASE("a constant of itself", type(0, BTF_KIND_CONST, 0, 0, 2));
	CASE("typedefs in a circle", type(T, BTF_KIND_TYPEDEF, 0, 0, 3); type(X, BTF_KIND_TYPEDEF, 0, 0, 2));
	CASE("a structure in itself", type(POINT, BTF_KIND_STRUCT, 0, 1, 8); three(X, 2, 0));
	CASE("a structure by a pointer in itself", type(POINT, BTF_KIND_STRUCT, 0, 1, 8); three(X, 3, 0);
	     type(0, BTF_KIND_PTR, 0, 0, 2));
	CASE("structures in each other", type(POINT, BTF_KIND_STRUCT, 0, 1, 8); three(X, 3, 0);
	     type(T, BTF_KIND_STRUCT, 0, 1, 8); three(Y, 2, 0));
	CASE("an array of functions", type(0, BTF_KIND_FUNC_PROTO, 0, 0, 0); type(0, BTF_KIND_ARRAY, 0, 0, 0); three(2, 1, 2));
	CASE("an array indexed by a structure", type(POINT, BTF_KIND_STRUCT, 0, 0, 0); type(0, BTF_KIND_ARRAY, 0, 0, 0); three(1, 2, 2));
	CASE("an array too large", type(0, BTF_KIND_ARRAY, 0, 0, 0); three(1, 1, 0x7fffffff));
	CASE("a member too large", type(POINT, BTF_KIND_STRUCT, 0, 1, 2); three(X, 1, 0));
	CASE("a member between bytes", type(POINT, BTF_KIND_STRUCT, 0, 2, 16); three(X, 3, 4); three(Y, 1, 64); type(0, BTF_KIND_PTR, 0, 0, 1));
	CASE("a bit field", type(POINT, BTF_KIND_STRUCT, 1, 2, 4); three(X, 1, 3 << 24); three(Y, 1, 29 << 24 | 3));
	CASE("a bit field too wide", type(POINT, BTF_KIND_STRUCT, 1, 1, 8); three(X, 1, 33 << 24));
	CASE("a bit field of a pointer", type(0, BTF_KIND_PTR, 0, 0, 1); type(POINT, BTF_KIND_STRUCT, 1, 1, 8); three(X, 2, 3 << 24));
	CASE("a member that is a forward", type(USER, BTF_KIND_FWD, 0, 0, 0); type(POINT, BTF_KIND_STRUCT, 0, 1, 8); three(X, 2, 0));
	CASE("a function that is no function", type(MAIN, BTF_KIND_FUNC, 0, 0, 1));
	CASE("a parameter without a name", type(0, BTF_KIND_FUNC_PROTO, 0, 1, 0); word(0); word(1); type(MAIN, BTF_KIND_FUNC, 0, 0, 2));
	CASE("a parameter of void", type(0, BTF_KIND_FUNC_PROTO, 0, 2, 0); word(X); word(0); word(Y); word(1));
	CASE("... with a name", type(0, BTF_KIND_FUNC_PROTO, 0, 1, 0); word(X); word(0));
	CASE("a result that is a forward", type(USER, BTF_KIND_FWD, 0, 0, 0); type(0, BTF_KIND_FUNC_PROTO, 0, 0, 2));
	CASE("a section of no variables", type(DATA, BTF_KIND_DATASEC, 0, 1, 4); three(1, 0, 4));
	CASE("a variable too large", type(COUNTER, BTF_KIND_VAR, 0, 0, 1); word(0); type(DATA, BTF_KIND_DATASEC, 0, 1, 4); three(2, 0, 2));
	CASE("a variable of a function", type(0, BTF_KIND_FUNC_PROTO, 0, 0, 0); type(COUNTER, BTF_KIND_VAR, 0, 0, 2); word(0));
	CASE("a tag of an integer", type(USER, BTF_KIND_DECL_TAG, 0, 0, 1); word(-1));
	CASE("a tag of a fifth member", type(POINT, BTF_KIND_STRUCT, 0, 1, 4); three(X, 1, 0); type(USER, BTF_KIND_DECL_TAG, 0, 0, 2); word(5));
	CASE("a type tag behind a modifier", type(USER, BTF_KIND_TYPE_TAG, 0, 0, 1); type(0, BTF_KIND_CONST, 0, 0, 2); type(0, BTF_KIND_PTR, 0, 0, 3));
	begin();
	integer();
	for (i = 0; i < 40; i++)
		type(0, i & 1 ? BTF_KIND_CONST : BTF_KIND_VOLATILE, 0, 0, i < 39 ? i + 3 : 1);
	finish("forty modifiers");
}

static void attributes(void)
{
	union bpf_attr attr;

#define ATTRIBUTES(change)								\
	do {										\
		memset(&attr, 0, sizeof(attr));						\
		change;									\
		errno = 0;								\
		printf("%s: %ld %s\n", #change, syscall(__NR_bpf, BPF_BTF_LOAD, &attr, sizeof(attr)), strerror(errno));	\
	} while (0)
	ATTRIBUTES(attr.btf_size = 17 << 20);
	ATTRIBUTES(attr.btf_size = 100);
	ATTRIBUTES(attr.btf_log_level = 1);
	ATTRIBUTES(attr.btf_log_size = 4096);
	ATTRIBUTES(attr.btf_log_level = 8; attr.btf_log_size = 4096; attr.btf_log_buf = (unsigned long)&blob);
	ATTRIBUTES(attr.prog_btf_fd = 1);
}

int main(void)
{
	headers();
	each_type();
	references();
	attributes();
	return 0;
}
