// SPDX-License-Identifier: MIT
/*
 * The real processor as an oracle: reads test cases from standard input, executes the bytes of each once in user mode with
 * exactly the given registers, segments, flags, x87/SSE state and memory, and writes what became of them to standard output.
 *
 * One signal is one case. A case begins with the rt_sigreturn of a handler whose frame we filled in and ends with the next
 * signal: #DB of the trap flag, #BP of an int3 behind the code, or whatever exception the code raised. So the handler is the
 * main loop. The program is freestanding: tested code may load FS, and a C library keeps its thread pointer there.
 *
 * Addresses (also in layout.ts):
 *   CODE  0x10000000  two pages, execute + read; the page behind them is not mapped
 *   DATA  0x20000000  two pages, read + write; unmapped on both sides
 *   RODATA 0x20004000 one page, read only; unmapped on both sides
 *
 * Protocol, little endian, structures below. A seccomp filter turns every system call from CODE into SIGSYS.
 */
#include <asm/ldt.h>
#include <asm/signal.h>
#include <asm/unistd_64.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE 4096UL
#define CODE 0x10000000UL
#define CODE_SIZE (2 * PAGE)
#define DATA 0x20000000UL
#define DATA_SIZE (2 * PAGE)
#define RODATA 0x20004000UL

#define RUN_TO_BREAKPOINT 1 /* no trap flag: the code ends in an int3 of its own */
#define SET_BASE 2 /* not a case: the patches become the memory every later case starts from */
#define SET_LDT 4 /* not a case: the code is struct user_desc after struct user_desc for modify_ldt */

/* Of uc_flags: SS is part of the frame, and to be taken from it whatever it is. */
#define UC_SIGCONTEXT_SS 2
#define UC_STRICT_RESTORE_SS 4

#define TRAP_FLAG 0x100UL
/* Upper halves of the YMM registers in the XSAVE area of a signal frame, which is never compacted (CPUID 0xD, 2). */
#define YMM_HIGH 576

/* asm/sigcontext.h and asm/ucontext.h of the UAPI clash with each other outside a C library; the frame is this. */
enum { R8, R9, R10, R11, R12, R13, R14, R15, RDI, RSI, RBP, RBX, RDX, RAX, RCX, RSP, RIP, EFLAGS, CSGSFS, ERR, TRAPNO, OLDMASK,
	CR2, NGREG };

struct frame {
	uint64_t flags;
	void *link;
	struct { void *sp; int flags; size_t size; } stack;
	uint64_t gregs[NGREG];
	uint8_t *fpstate;
};

/* The order of segment registers in instructions. */
enum { ES, CS, SS, DS, FS, GS };

/* The order of register numbers in instructions: rax rcx rdx rbx rsp rbp rsi rdi r8..r15. */
static const uint8_t greg_of[16] = { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

struct test_case {
	uint32_t size; /* of everything, this field included */
	uint16_t flags;
	uint16_t code_offset; /* in CODE */
	uint16_t code_size;
	uint16_t patch_count;
	uint16_t selectors[6]; /* es cs ss ds fs gs */
	uint64_t gpr[16];
	uint64_t rip;
	uint64_t rflags;
	uint64_t fs_base;
	uint64_t gs_base;
	uint8_t fxsave[512];
	uint8_t ymm_high[256];
	/* code, then patch_count times { uint16_t offset, size; bytes } in DATA */
};

struct result {
	uint32_t size;
	uint32_t signal;
	uint32_t vector;
	uint32_t run_count;
	uint64_t error;
	uint64_t cr2;
	uint64_t gpr[16];
	uint64_t rip;
	uint64_t rflags;
	uint64_t fs_base;
	uint64_t gs_base;
	uint16_t selectors[8]; /* es cs ss ds fs gs, two unused */
	uint8_t fxsave[512];
	uint8_t ymm_high[256];
	/* run_count times { uint16_t offset, size; bytes }: what changed in DATA */
};

static inline long syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret;
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;

	asm volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	return ret;
}

void *memcpy(void *to, const void *from, size_t size)
{
	void *start = to;

	asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
	return start;
}

void *memset(void *to, int value, size_t size)
{
	void *start = to;

	asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
	return start;
}

static void say_and_exit(const char *text)
{
	size_t size = 0;

	while (text[size])
		size++;
	syscall6(__NR_write, 2, (long)text, size, 0, 0, 0);
	syscall6(__NR_exit_group, 2, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

/* ---- buffered input and output ---- */

static uint8_t input[1 << 18], output[1 << 18];
static size_t input_start, input_end, output_size;

static void flush(void)
{
	size_t done = 0;

	while (done < output_size) {
		long n = syscall6(__NR_write, 1, (long)output + done, output_size - done, 0, 0, 0);

		if (n <= 0)
			syscall6(__NR_exit_group, 3, 0, 0, 0, 0, 0);
		done += n;
	}
	output_size = 0;
}

/* Makes at least size bytes readable at input + input_start; 0 at the end of the input. */
static int fill(size_t size)
{
	if (input_end - input_start >= size)
		return 1;
	memcpy(input, input + input_start, input_end - input_start); /* moves down, front to back */
	input_end -= input_start;
	input_start = 0;
	while (input_end < size) {
		long n;

		flush(); /* whoever feeds us may be waiting for answers */
		n = syscall6(__NR_read, 0, (long)input + input_end, sizeof(input) - input_end, 0, 0, 0);
		if (n <= 0)
			return 0;
		input_end += n;
	}
	return 1;
}

/* ---- one case ---- */

static uint8_t base[DATA_SIZE];
static uint8_t *code_alias; /* CODE, writable, wherever there is room */
static int running;
static uint32_t previous_code_size, previous_code_offset;

static const uint8_t *apply_patches(uint8_t *memory, const uint8_t *p, unsigned int count)
{
	while (count--) {
		uint16_t offset, size;

		memcpy(&offset, p, 2);
		memcpy(&size, p + 2, 2);
		memcpy(memory + offset, p + 4, size);
		p += 4 + size;
	}
	return p;
}

static void set_ldt(const uint8_t *entries, unsigned int size)
{
	for (unsigned int i = 0; i < size; i += sizeof(struct user_desc))
		if (syscall6(__NR_modify_ldt, 0x11, (long)(entries + i), sizeof(struct user_desc), 0, 0, 0))
			say_and_exit("processor: modify_ldt refuses a segment\n");
}

static void begin_case(struct frame *f)
{
	const struct test_case *c;
	const uint8_t *code;
	uint32_t size;
	uint64_t features;

	for (;;) {
		if (!fill(4)) {
			flush();
			syscall6(__NR_exit_group, 0, 0, 0, 0, 0, 0);
		}
		memcpy(&size, input + input_start, 4);
		if (size < sizeof(*c) || size > sizeof(input) || !fill(size))
			say_and_exit("processor: malformed test case\n");
		c = (const struct test_case *)(input + input_start);
		code = (const uint8_t *)(c + 1);
		input_start += size;
		if (c->flags & SET_LDT) {
			set_ldt(code, c->code_size);
			continue;
		}
		if (!(c->flags & SET_BASE))
			break;
		apply_patches(base, code + c->code_size, c->patch_count);
		memcpy((void *)DATA, base, DATA_SIZE);
	}
	/* Bytes around the code are int3: a wild jump inside CODE stops there. */
	memset(code_alias + previous_code_offset, 0xcc, previous_code_size);
	memcpy(code_alias + c->code_offset, code, c->code_size);
	previous_code_offset = c->code_offset;
	previous_code_size = c->code_size;
	apply_patches((uint8_t *)DATA, code + c->code_size, c->patch_count);
	for (int i = 0; i < 16; i++)
		f->gregs[greg_of[i]] = c->gpr[i];
	f->gregs[RIP] = c->rip;
	f->gregs[EFLAGS] = (c->rflags & ~TRAP_FLAG) | (c->flags & RUN_TO_BREAKPOINT ? 0 : TRAP_FLAG);
	f->gregs[CSGSFS] = c->selectors[CS] | (uint64_t)c->selectors[SS] << 48;
	f->flags |= UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	f->gregs[CR2] = 0;
	memcpy(f->fpstate, c->fxsave, 416);
	memcpy(f->fpstate + YMM_HIGH, c->ymm_high, 256);
	/* XSAVE header: take x87, SSE and AVX from the image, not their initial state. */
	memcpy(&features, f->fpstate + 512, 8);
	features |= 7;
	memcpy(f->fpstate + 512, &features, 8);
	asm volatile("mov %0, %%ds; mov %1, %%es; mov %2, %%fs; mov %3, %%gs" : : "r"(c->selectors[DS]), "r"(c->selectors[ES]),
		     "r"(c->selectors[FS]), "r"(c->selectors[GS]));
	/* Loading a null selector need not clear the base. */
	if (!c->selectors[FS])
		asm volatile("wrfsbase %0" : : "r"(c->fs_base));
	if (!c->selectors[GS])
		asm volatile("wrgsbase %0" : : "r"(c->gs_base));
	running = 1;
}

static void end_case(int signal, const struct frame *f)
{
	struct result *r;
	const uint8_t *data = (const uint8_t *)DATA;
	uint8_t *p;
	uint64_t features;

	if (sizeof(output) - output_size < sizeof(*r) + 4 * DATA_SIZE)
		flush();
	r = (struct result *)(output + output_size);
	r->signal = signal;
	r->vector = f->gregs[TRAPNO];
	r->error = f->gregs[ERR];
	r->cr2 = f->gregs[CR2];
	for (int i = 0; i < 16; i++)
		r->gpr[i] = f->gregs[greg_of[i]];
	r->rip = f->gregs[RIP];
	r->rflags = f->gregs[EFLAGS];
	asm volatile("rdfsbase %0; rdgsbase %1" : "=r"(r->fs_base), "=r"(r->gs_base));
	asm volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
		     : "=m"(r->selectors[DS]), "=m"(r->selectors[ES]), "=m"(r->selectors[FS]), "=m"(r->selectors[GS]));
	r->selectors[CS] = f->gregs[CSGSFS];
	r->selectors[SS] = f->gregs[CSGSFS] >> 48;
	memcpy(r->fxsave, f->fpstate, 416);
	memset(r->fxsave + 416, 0, 96);
	memcpy(&features, f->fpstate + 512, 8);
	if (features & 4)
		memcpy(r->ymm_high, f->fpstate + YMM_HIGH, 256);
	else
		memset(r->ymm_high, 0, 256);
	r->run_count = 0;
	p = (uint8_t *)(r + 1);
	for (unsigned int i = 0; i < DATA_SIZE; i += 8) {
		unsigned int end;
		uint16_t header[2];

		if (*(const uint64_t *)(data + i) == *(const uint64_t *)(base + i))
			continue;
		for (end = i + 8; end < DATA_SIZE; end += 8)
			if (*(const uint64_t *)(data + end) == *(const uint64_t *)(base + end))
				break;
		header[0] = i;
		header[1] = end - i;
		memcpy(p, header, 4);
		memcpy(p + 4, data + i, end - i);
		memcpy((void *)(DATA + i), base + i, end - i);
		p += 4 + end - i;
		r->run_count++;
		i = end;
	}
	r->size = (p - (uint8_t *)r + 7) & ~7U;
	output_size += r->size;
}

static void __attribute__((used)) on_signal(int signal, void *info, struct frame *f)
{
	static int alarms;

	(void)info;
	if (signal == SIGVTALRM && running) {
		/* The timer ticks without regard to cases: only a case that sees two ticks will never end. */
		if (++alarms < 2)
			return;
	}
	alarms = 0;
	if (running) {
		end_case(signal, f);
	}
	begin_case(f);
}

/* Code under test may have set AC, and we read unaligned; NT and ID would stay set, as rt_sigreturn does not restore them. */
asm("enter_on_signal:\n\tpushfq\n\tandl $~0x244000, (%rsp)\n\tpopfq\n\tjmp on_signal\n"
    "restore:\n\tmov $15, %eax\n\tsyscall\n");
void enter_on_signal(void);
void restore(void);

static void map(unsigned long address, unsigned long size, int protection, int flags, int fd, long offset)
{
	if (syscall6(__NR_mmap, address, size, protection, MAP_FIXED_NOREPLACE | flags, fd, offset) != (long)address)
		say_and_exit("processor: cannot map memory at the fixed addresses\n");
}

static void forbid_system_calls_from_code(void)
{
	static struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, CODE, 0, 1),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, CODE + CODE_SIZE + PAGE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	if (syscall6(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0) ||
	    syscall6(__NR_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (long)&program, 0, 0, 0))
		say_and_exit("processor: no seccomp filter\n");
}

static uint8_t signal_stack[1 << 16] __attribute__((aligned(64)));

__attribute__((used)) static void start(void)
{
	static const int signals[] = { SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGSYS, SIGVTALRM };
	struct { void *sp; int flags; size_t size; } stack = { signal_stack, 0, sizeof(signal_stack) };
	struct { void *handler; unsigned long flags; void *restorer; uint64_t mask; } action = {
		(void *)enter_on_signal, SA_SIGINFO | SA_ONSTACK | SA_NODEFER | 0x04000000 /* SA_RESTORER */, (void *)restore,
		1UL << (SIGVTALRM - 1),
	};
	struct { long interval[2], value[2]; } tick = { { 1, 0 }, { 1, 0 } };
	long fd = syscall6(__NR_memfd_create, (long)"code", 0, 0, 0, 0, 0);

	if (fd < 0 || syscall6(__NR_ftruncate, fd, CODE_SIZE, 0, 0, 0, 0))
		say_and_exit("processor: no memfd\n");
	map(CODE, CODE_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	code_alias = (uint8_t *)syscall6(__NR_mmap, 0, CODE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if ((unsigned long)code_alias > -PAGE)
		say_and_exit("processor: cannot map the code for writing\n");
	map(DATA, DATA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map(RODATA, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	/* Touch everything: a first access must not be different from later ones. */
	memset(code_alias, 0xcc, CODE_SIZE);
	memset((void *)DATA, 0, DATA_SIZE);
	asm volatile("movb (%0), %%al" : : "r"(RODATA) : "al");
	if (syscall6(__NR_sigaltstack, (long)&stack, 0, 0, 0, 0, 0))
		say_and_exit("processor: no sigaltstack\n");
	for (unsigned int i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (syscall6(__NR_rt_sigaction, signals[i], (long)&action, 0, 8, 0, 0))
			say_and_exit("processor: no signal handler\n");
	if (syscall6(__NR_setitimer, 1 /* ITIMER_VIRTUAL */, (long)&tick, 0, 0, 0, 0))
		say_and_exit("processor: no timer\n");
	forbid_system_calls_from_code();
	asm volatile("int3");
	__builtin_unreachable();
}

asm(".globl _start\n_start:\n\tand $-16, %rsp\n\tcall start\n");
