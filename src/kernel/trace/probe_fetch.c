// SPDX-License-Identifier: MIT
/*
 * Fetching and printing the arguments of probe events. A record is a head, the arguments, and the strings; a string
 * argument is 32 bits: where the string is in the record, and its length in the upper half.
 * (Documentation/trace/kprobetrace.rst)
 */
#include "probe_args.h"
#include <kernel/err.h>
#include <kernel/kallsyms.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/mm.h>
#include <kernel/sched.h>
#include <kernel/seq_file.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

/* The registers of the first six arguments of a function. */
static const u16 argument_registers[] = {
	offsetof(struct pt_regs, di), offsetof(struct pt_regs, si), offsetof(struct pt_regs, dx),
	offsetof(struct pt_regs, cx), offsetof(struct pt_regs, r8), offsetof(struct pt_regs, r9),
};

/* An address below TASK_SIZE cannot be the kernel's, so it is the process's even if nobody says so. */
static bool is_user(unsigned long address, bool user)
{
	return user || address < TASK_SIZE;
}

static long read_memory(void *dst, unsigned long address, size_t size, bool user)
{
	return is_user(address, user) ? copy_from_user_nofault(dst, (const void __user *)address, size)
		    : copy_from_kernel_nofault(dst, (const void *)address, size);
}
NOKPROBE_SYMBOL(read_memory);

/* The @n-th word from the stack's top; 0 behind its end. */
static unsigned long stack_word(const struct probe_arg *arg, const struct pt_regs *regs, unsigned long n)
{
	unsigned long address = regs->sp + n * sizeof(long), value = 0;

	if (arg->user || (address & ~(THREAD_SIZE - 1)) == (regs->sp & ~(THREAD_SIZE - 1)))
		read_memory(&value, address, sizeof(value), arg->user);
	return value;
}
NOKPROBE_SYMBOL(stack_word);

static unsigned long base_value(const struct probe_arg *arg, const struct pt_regs *regs)
{
	const char *bytes = (const char *)regs;

	switch (arg->base) {
	case FETCH_REG: return *(const unsigned long *)(bytes + arg->value);
	case FETCH_STACK_ADDR: return regs->sp;
	case FETCH_STACK: return stack_word(arg, regs, arg->value);
	case FETCH_ARGUMENT:
		if (arg->value < ARRAY_SIZE(argument_registers))
			return *(const unsigned long *)(bytes + argument_registers[arg->value]);
		/* Behind the return address. */
		return stack_word(arg, regs, arg->value - ARRAY_SIZE(argument_registers) + 1);
	case FETCH_RETVAL: return regs->ax;
	case FETCH_COMM: return (unsigned long)current->comm;
	case FETCH_TEXT: return (unsigned long)arg->data;
	case FETCH_FILE_OFFSET: return arg->mapped;
	case FETCH_SYMBOL: case FETCH_IMMEDIATE: return arg->value;
	}
	return 0;
}
NOKPROBE_SYMBOL(base_value);

static u32 make_location(size_t length, size_t offset)
{
	return (u32)(length << 16 | offset);
}

/* A text of the kernel's own is not memory of the process, even where the rest is. */
static bool string_is_user(const struct probe_arg *arg, unsigned long address)
{
	return is_user(address, arg->last.user) && arg->base != FETCH_COMM && arg->base != FETCH_TEXT;
}

/* The bytes with the terminating one, or an error. */
static long string_length(const struct probe_arg *arg, unsigned long address)
{
	bool user = string_is_user(arg, address);
	long length = 0;
	char c;

	do {
		if (read_memory(&c, address + length, 1, user))
			return -EFAULT;
		length++;
	} while (c && length < MAX_STRING_SIZE);
	return length;
}
NOKPROBE_SYMBOL(string_length);

/* Stores a string where *@location says that there is room. Returns its bytes, or an error with an empty string. */
static long store_string(const struct probe_arg *arg, unsigned long address, u32 *location, char *record)
{
	size_t room = *location >> 16, offset = *location & 0xffff;
	long ret;

	if (!room)
		return -ENOMEM;
	if (string_is_user(arg, address))
		ret = strncpy_from_user_nofault(record + offset, (const void __user *)address, room);
	else
		ret = strncpy_from_kernel_nofault(record + offset, (const void *)address, room);
	*location = make_location(ret < 0 ? 0 : ret, offset);
	return ret;
}
NOKPROBE_SYMBOL(store_string);

/* The name of the symbol at @value. Its length does not count the terminating byte, in Linux 6.1 either. */
static long store_symbol_name(unsigned long value, u32 *location, char *record)
{
	return *location >> 16 ? sprint_symbol(record + (*location & 0xffff), value) : -ENOMEM;
}
NOKPROBE_SYMBOL(store_symbol_name);

static void store_bitfield(const struct probe_arg *arg, void *dest)
{
	unsigned int unused = 64 - 8 * arg->type->size;
	u64 value = 0;

	memcpy(&value, dest, arg->type->size);
	value = value << unused << arg->left >> unused >> arg->right;
	memcpy(dest, &value, arg->type->size);
}
NOKPROBE_SYMBOL(store_bitfield);

/*
 * Stores one element at @dest. With no @record only a string's length is found out. Returns what a string takes, or an
 * error of it; an element that cannot be read stays zero.
 */
static long store_element(const struct probe_arg *arg, unsigned long value, void *dest, void *record)
{
	unsigned long address = value + arg->last.offset;
	char symbol[KSYM_SYMBOL_LEN];
	long ret = 0;

	switch (arg->store) {
	case STORE_STRING:
		return record ? store_string(arg, address, dest, record) : string_length(arg, address);
	case STORE_SYMBOL_NAME:
		return record ? store_symbol_name(value, dest, record) : sprint_symbol(symbol, value) + 1;
	case STORE_MEMORY:
		read_memory(dest, address, arg->type->size, arg->last.user);
		break;
	case STORE_VALUE:
		memcpy(dest, &value, arg->type->size);
		break;
	}
	return ret;
}
NOKPROBE_SYMBOL(store_element);

/* Fetches an argument to @dest. Returns the bytes that its strings take, or an error. */
static long fetch(const struct probe_arg *arg, const struct pt_regs *regs, void *dest, void *record)
{
	unsigned long value = base_value(arg, regs), pointer = value;
	const struct dereference *step = arg->steps, *end = step + arg->nr_steps;
	long ret = 0, total = 0;
	u32 location;

	for (; step < end; step++) {
		pointer = value;
		if (read_memory(&value, pointer + step->offset, sizeof(value), step->user))
			return -EFAULT;
	}
	for (unsigned int i = 0;; ) {
		location = record && probe_arg_is_string(arg) ? *(u32 *)dest : 0;
		ret = store_element(arg, value, dest, record);
		if (arg->bitfield)
			store_bitfield(arg, dest);
		if (!arg->count)
			return ret;
		if (ret < 0)
			ret = 0;
		total += ret;
		if (++i == arg->count)
			return total;
		if (record)
			dest = (char *)dest + arg->type->size;
		if (arg->store != STORE_STRING) {
			value += arg->type->size;
			continue;
		}
		/* An array of strings is one of pointers to them. */
		if (!arg->nr_steps)
			return -EILSEQ;
		if (record)
			*(u32 *)dest = make_location((location >> 16) - ret, (location & 0xffff) + ret);
		step = end - 1;
		pointer += sizeof(char *);
		if (read_memory(&value, pointer + step->offset, sizeof(value), step->user))
			return -EFAULT;
	}
}
NOKPROBE_SYMBOL(fetch);

size_t probe_args_dynamic_size(const struct probe_arg *args, int nr_args, struct pt_regs *regs)
{
	size_t size = 0;

	for (int i = 0; i < nr_args; i++) {
		long length = probe_arg_is_string(&args[i]) ? fetch(&args[i], regs, NULL, NULL) : 0;

		if (length > 0)
			size += length;
	}
	return size;
}
NOKPROBE_SYMBOL(probe_args_dynamic_size);

void probe_args_store(const struct probe_arg *args, int nr_args, struct pt_regs *regs, void *record, size_t head_size,
		      size_t args_size, size_t dynamic_size)
{
	size_t next = head_size + args_size, room = dynamic_size;

	for (int i = 0; i < nr_args; i++) {
		void *dest = (char *)record + head_size + args[i].offset;
		bool string = probe_arg_is_string(&args[i]);
		long ret;

		if (string)
			*(u32 *)dest = make_location(room, next);
		ret = fetch(&args[i], regs, dest, record);
		if (string && ret > 0) {
			next += ret;
			room -= ret;
		}
	}
}
NOKPROBE_SYMBOL(probe_args_store);

static void print_value(struct seq_file *m, const struct fetch_type *type, const void *data, const char *record)
{
	unsigned int unused = 64 - 8 * type->size;
	u64 value = 0;

	memcpy(&value, data, type->size);
	switch (type->print) {
	case PRINT_UNSIGNED: seq_printf(m, "%llu", value); break;
	case PRINT_SIGNED: seq_printf(m, "%lld", (long long)(value << unused) >> unused); break;
	case PRINT_HEX: seq_printf(m, "0x%llx", value); break;
	case PRINT_SYMBOL: seq_printf(m, "%pS", (void *)value); break;
	case PRINT_STRING:
		if (value >> 16)
			seq_printf(m, "\"%s\"", record + (value & 0xffff));
		else
			seq_puts(m, "(fault)");
		break;
	}
}

void probe_args_print(struct seq_file *m, const struct probe_arg *args, int nr_args, const void *record, size_t head_size)
{
	for (int i = 0; i < nr_args; i++) {
		const struct probe_arg *arg = &args[i];
		const char *data = (const char *)record + head_size + arg->offset;

		seq_printf(m, " %s=", arg->name);
		if (!arg->count) {
			print_value(m, arg->type, data, record);
			continue;
		}
		for (unsigned int element = 0; element < arg->count; element++) {
			seq_putc(m, element ? ',' : '{');
			print_value(m, arg->type, data + element * arg->type->size, record);
		}
		seq_putc(m, '}');
	}
}

size_t probe_args_print_fmt(const struct probe_arg *args, int nr_args, char *buf, size_t room)
{
	size_t at = 0;

	for (int i = 0; i < nr_args; i++) {
		at += scnprintf(buf + at, room - at, " %s=", args[i].name);
		for (unsigned int element = 0; element < args[i].count; element++)
			at += scnprintf(buf + at, room - at, "%c%s", element ? ',' : '{', args[i].type->fmt);
		at += scnprintf(buf + at, room - at, "%s", args[i].count ? "}" : args[i].type->fmt);
	}
	return at;
}

size_t probe_args_print_values(const struct probe_arg *args, int nr_args, char *buf, size_t room)
{
	size_t at = 0;

	for (int i = 0; i < nr_args; i++) {
		bool string = probe_arg_is_string(&args[i]);
		const char *name = args[i].name;

		if (!args[i].count)
			at += scnprintf(buf + at, room - at, string ? ", __get_str(%s)" : ", REC->%s", name);
		for (unsigned int element = 0; element < args[i].count; element++)
			at += scnprintf(buf + at, room - at, string ? ", __get_str(%s[%u])" : ", REC->%s[%u]", name, element);
	}
	return at;
}
