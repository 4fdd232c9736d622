// SPDX-License-Identifier: GPL-2.0
/* Uses most helpers and map kinds that a kprobe program may use, and prints what it saw to the trace buffer. */
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int (*name)[value]
#define __type(name, value) __typeof__(value) *name

typedef unsigned int u32;
typedef unsigned long long u64;

struct pt_regs {
	u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

static void *(*map_lookup)(void *map, const void *key) = (void *)1;
static long (*map_update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*map_delete)(void *map, const void *key) = (void *)3;
static long (*trace_printk)(const char *fmt, u32 size, ...) = (void *)6;
static u32 (*get_smp_processor_id)(void) = (void *)8;
static long (*tail_call)(void *ctx, void *map, u32 index) = (void *)12;
static u64 (*get_current_pid_tgid)(void) = (void *)14;
static long (*get_current_comm)(void *buf, u32 size) = (void *)16;
static long (*get_stackid)(void *ctx, void *map, u64 flags) = (void *)27;
static long (*get_stack)(void *ctx, void *buf, u32 size, u64 flags) = (void *)67;
static long (*map_push)(void *map, const void *value, u64 flags) = (void *)87;
static long (*map_pop)(void *map, void *value) = (void *)88;
static long (*probe_read_kernel)(void *dst, u32 size, const void *src) = (void *)113;
static u64 (*get_func_ip)(void *ctx) = (void *)173;

#define print(format, ...) ({ static const char text[] = format; trace_printk(text, sizeof(text), ##__VA_ARGS__); })

struct { __uint(type, 1); __uint(max_entries, 8); __type(key, u64); __type(value, u64); } hash SEC(".maps");
struct { __uint(type, 6); __uint(max_entries, 2); __type(key, u32); __type(value, u64); } percpu SEC(".maps");
struct { __uint(type, 9); __uint(max_entries, 2); __type(key, u64); __type(value, u64); } lru SEC(".maps");
struct { __uint(type, 7); __uint(max_entries, 8); __uint(key_size, 4); __uint(value_size, 64); } stacks SEC(".maps");
struct { __uint(type, 3); __uint(max_entries, 2); __uint(key_size, 4); __uint(value_size, 4); } programs SEC(".maps");
struct { __uint(type, 22); __uint(max_entries, 2); __uint(value_size, 4); } queue SEC(".maps");

const volatile int wanted = 10;
u64 hits;

static __attribute__((noinline)) int triangle(int n)
{
	int sum = 0;

	for (int i = 0; i <= n && i < 50; i++)
		sum += i;
	return sum;
}

SEC("kprobe/__x64_sys_open")
int probe(struct pt_regs *ctx)
{
	u64 stack[4] = { 0 }, key = ++hits, value = 5, path = 0;
	u32 index = 1, word = 77;
	char comm[16];
	u64 *slot;

	get_current_comm(comm, sizeof(comm));
	if (comm[0] != 'c' || hits > 3)
		return 0;
	print("comm %s cpu %u pid matches %d", comm, get_smp_processor_id(), (u32)get_current_pid_tgid() > 1);

	get_stack(ctx, stack, sizeof(stack), 0);
	print("stack %pS <- %pS", stack[0], stack[1]);
	print("function %pS, stack id %d", get_func_ip(ctx), get_stackid(ctx, &stacks, 0) >= 0);

	print("hash: new %d, again %d", map_update(&hash, &key, &value, 1), map_update(&hash, &key, &value, 1));
	slot = map_lookup(&hash, &key);
	print("hash: value %d, deleted %d, then %d", slot ? (int)*slot : -1, map_delete(&hash, &key), map_delete(&hash, &key));

	slot = map_lookup(&percpu, &index);
	if (slot)
		print("per CPU: %d", (int)(*slot += triangle(wanted)));
	for (int i = 1; i <= 3; i++) {
		key = i;
		map_update(&lru, &key, &key, 0);
	}
	key = 1;
	print("LRU: oldest is gone %d", !map_lookup(&lru, &key));
	map_push(&queue, &word, 0);
	word = 0;
	print("queue: popped %d (%d), then %d", map_pop(&queue, &word), word, map_pop(&queue, &word));

	print("bad address: %d", probe_read_kernel(&path, sizeof(path), (void *)0xffff800000000000));
	probe_read_kernel(&path, sizeof(path), (void *)(ctx->di + __builtin_offsetof(struct pt_regs, di)));
	print("first argument is a user address %d", path > 4096 && path < 1ul << 47);
	tail_call(ctx, &programs, 0);
	print("no program to go on with");
	return 0;
}

char _license[] SEC("license") = "GPL";
