/*
 * Runs generated BPF code on the processor of this machine.
 *
 * Reads cases from standard input: u32 code size, the code, 256 bytes of context. Writes for each: u64 r0, the context afterwards.
 * Code lies at 0x10000000, the context at 0x20000000, helpers 1 to 15 are called at 0x0fff0000 + 16 * id (all numbers
 * little endian). A helper returns a number made from its id and its five arguments, and destroys all registers that a
 * function may destroy. PROG_ARRAY for tail calls: at 0x20001000, see the test.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CODE	0x10000000ul
#define HELPERS	0x0fff0000ul
#define CONTEXT	0x20000000ul

static int read_all(void *to, size_t size)
{
	char *at = to;

	while (size) {
		ssize_t got = read(0, at, size);

		if (got <= 0)
			return 0;
		at += got;
		size -= got;
	}
	return 1;
}

static uint64_t mix(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t id)
{
	return (((((id * 31 + a) * 31 + b) * 31 + c) * 31 + d) * 31 + e);
}

/* rdi rsi rdx rcx r8 are the arguments; the id comes in r11 from the thunk. */
__attribute__((naked, used)) static void helper(void)
{
	asm("mov %r11, %r9\n"
	    "push %rbp\n mov %rsp, %rbp\n and $-16, %rsp\n"
	    "call mix_for_helper\n"
	    "leave\n"
	    "mov $-1, %rdi\n mov $-2, %rsi\n mov $-3, %rdx\n mov $-4, %rcx\n mov $-5, %r8\n mov $-6, %r9\n"
	    "mov $-7, %r10\n mov $-8, %r11\n ret");
}

__attribute__((used)) uint64_t mix_for_helper(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t id)
{
	return mix(a, b, c, d, e, id);
}

static void *map_at(unsigned long address, size_t size, int protection)
{
	return mmap((void *)address, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

/* rbx, rbp and r12 to r15 must come back as they were. */
static uint64_t call(void)
{
	uint64_t result, damage;

	asm volatile("push %%rbx\n push %%rbp\n push %%r12\n push %%r13\n push %%r14\n push %%r15\n"
		     "mov $0x1111, %%rbx\n mov $0x2222, %%r12\n mov $0x3333, %%r13\n mov $0x4444, %%r14\n"
		     "mov $0x5555, %%r15\n mov %[context], %%rdi\n call *%[code]\n"
		     "xor $0x1111, %%rbx\n xor $0x2222, %%r12\n xor $0x3333, %%r13\n xor $0x4444, %%r14\n"
		     "xor $0x5555, %%r15\n or %%r12, %%rbx\n or %%r13, %%rbx\n or %%r14, %%rbx\n or %%r15, %%rbx\n"
		     "mov %%rbx, %%rdi\n"
		     "pop %%r15\n pop %%r14\n pop %%r13\n pop %%r12\n pop %%rbp\n pop %%rbx"
		     : "=a"(result), "=D"(damage)
		     : [code] "a"(CODE), [context] "S"(CONTEXT)
		     : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
	if (damage)
		fprintf(stderr, "callee-saved registers were lost\n");
	return result;
}

int main(void)
{
	uint8_t *code = map_at(CODE, 1 << 20, PROT_READ | PROT_WRITE | PROT_EXEC);
	uint8_t *thunk = map_at(HELPERS, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
	uint8_t *context = map_at(CONTEXT, 8192, PROT_READ | PROT_WRITE);
	uint32_t size;

	if (code == MAP_FAILED || thunk == MAP_FAILED || context == MAP_FAILED)
		return 2;
	for (int id = 0; id < 16; id++) {
		uint8_t *at = thunk + 16 * id;
		uint64_t target = (uint64_t)helper;

		/* mov r11d, id; jmp [rip + 0]... the address is kept in a table behind the thunks */
		uint8_t text[] = { 0x41, 0xbb, id, 0, 0, 0, 0xff, 0x25, 0, 0, 0, 0 };
		int32_t rel = 0x800 - (16 * id + 12);

		memcpy(text + 8, &rel, 4);
		memcpy(at, text, sizeof(text));
		memcpy(thunk + 0x800, &target, 8);
	}
	while (read_all(&size, 4)) {
		uint64_t result;

		if (size > 1 << 20 || !read_all(code, size) || !read_all(context, 256))
			return 3;
		result = call();
		fwrite(&result, 8, 1, stdout);
		fwrite(context, 256, 1, stdout);
	}
	return fflush(stdout) != 0;
}
