// SPDX-License-Identifier: MIT
/*
 * Fetch arguments of probe events: parsing, fetching, printing. (Documentation/trace/kprobetrace.rst)
 */
#include "probe_args.h"
#include <kernel/ctype.h>
#include <kernel/err.h>
#include <kernel/kallsyms.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

static const struct fetch_type fetch_types[] = {
	{ .name = "x64", .c_type = "u64", .print = "0x%Lx", .size = 8, .is_hex = true },	/* the default */
	{ .name = "u8", .c_type = "u8", .print = "%u", .size = 1 },
	{ .name = "u16", .c_type = "u16", .print = "%u", .size = 2 },
	{ .name = "u32", .c_type = "u32", .print = "%u", .size = 4 },
	{ .name = "u64", .c_type = "u64", .print = "%Lu", .size = 8 },
	{ .name = "s8", .c_type = "s8", .print = "%d", .size = 1, .is_signed = true },
	{ .name = "s16", .c_type = "s16", .print = "%d", .size = 2, .is_signed = true },
	{ .name = "s32", .c_type = "s32", .print = "%d", .size = 4, .is_signed = true },
	{ .name = "s64", .c_type = "s64", .print = "%Ld", .size = 8, .is_signed = true },
	{ .name = "x8", .c_type = "u8", .print = "0x%x", .size = 1, .is_hex = true },
	{ .name = "x16", .c_type = "u16", .print = "0x%x", .size = 2, .is_hex = true },
	{ .name = "x32", .c_type = "u32", .print = "0x%x", .size = 4, .is_hex = true },
	{ .name = "char", .c_type = "char", .print = "'%c'", .size = 1, .is_char = true },
	{ .name = "symbol", .c_type = "u64", .print = "%pS", .size = 8, .is_symbol = true },
	{ .name = "string", .c_type = "__data_loc char[]", .print = "\\\"%s\\\"", .size = 4, .is_string = true },
	{ .name = "ustring", .c_type = "__data_loc char[]", .print = "\\\"%s\\\"", .size = 4, .is_string = true },
};

static const struct { const char *name; u16 offset; } registers[] = {
	{ "r15", offsetof(struct pt_regs, r15) }, { "r14", offsetof(struct pt_regs, r14) },
	{ "r13", offsetof(struct pt_regs, r13) }, { "r12", offsetof(struct pt_regs, r12) },
	{ "r11", offsetof(struct pt_regs, r11) }, { "r10", offsetof(struct pt_regs, r10) },
	{ "r9", offsetof(struct pt_regs, r9) }, { "r8", offsetof(struct pt_regs, r8) },
	{ "bx", offsetof(struct pt_regs, bx) }, { "cx", offsetof(struct pt_regs, cx) },
	{ "dx", offsetof(struct pt_regs, dx) }, { "si", offsetof(struct pt_regs, si) },
	{ "di", offsetof(struct pt_regs, di) }, { "bp", offsetof(struct pt_regs, bp) },
	{ "ax", offsetof(struct pt_regs, ax) }, { "ip", offsetof(struct pt_regs, ip) },
	{ "cs", offsetof(struct pt_regs, cs) }, { "flags", offsetof(struct pt_regs, flags) },
	{ "sp", offsetof(struct pt_regs, sp) }, { "ss", offsetof(struct pt_regs, ss) },
};

/* The registers of the first six arguments of a function. */
static const u16 argument_registers[] = {
	offsetof(struct pt_regs, di), offsetof(struct pt_regs, si), offsetof(struct pt_regs, dx),
	offsetof(struct pt_regs, cx), offsetof(struct pt_regs, r8), offsetof(struct pt_regs, r9),
};

static int refuse(struct probe_arg_error *error, const char *message, int position, int code)
{
	error->message = message;
	error->position = position;
	return code;
}

static const struct fetch_type *find_type(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(fetch_types); i++)
		if (!strcmp(fetch_types[i].name, name))
			return &fetch_types[i];
	return NULL;
}

/* "$..." */
static int parse_variable(struct probe_arg *arg, const char *name, bool is_return, int at, struct probe_arg_error *error)
{
	unsigned long n;

	if (!strcmp(name, "retval")) {
		if (!is_return)
			return refuse(error, "$retval is not available on probe", at, -EINVAL);
		arg->base = FETCH_RETVAL;
		return 0;
	}
	if (!strcmp(name, "comm") || !strcmp(name, "COMM")) {
		arg->base = FETCH_COMM;
		return 0;
	}
	if (!strcmp(name, "stack")) {
		arg->base = FETCH_STACK_ADDR;
		return 0;
	}
	if (!strncmp(name, "stack", 5)) {
		if (kstrtoul(name + 5, 10, &n))
			return refuse(error, "Invalid stack number", at, -EINVAL);
		if (n > 4096 / sizeof(long))
			return refuse(error, "Invalid stack number", at, -EINVAL);
		arg->base = FETCH_STACK;
		arg->value = n;
		return 0;
	}
	if (!strncmp(name, "arg", 3) && !kstrtoul(name + 3, 10, &n) && n >= 1 && !is_return) {
		if (n > ARRAY_SIZE(argument_registers))
			return refuse(error, "Invalid argument number", at, -EINVAL);
		arg->base = FETCH_REG;
		arg->value = argument_registers[n - 1];
		return 0;
	}
	return refuse(error, "Invalid $-valiable specified", at, -EINVAL);
}

static int parse_memory(struct probe_arg *arg, char *text, int at, struct probe_arg_error *error)
{
	char *plus;
	long offset = 0;

	arg->base = FETCH_MEMORY;
	if (isdigit(text[0])) {
		if (kstrtoul(text, 0, &arg->value))
			return refuse(error, "Invalid memory address", at, -EINVAL);
		return 0;
	}
	if (text[0] == '+')
		return refuse(error, "File offset is not available with kprobe", at, -EINVAL);
	plus = strpbrk(text, "+-");
	if (plus) {
		if (kstrtol(plus, 0, &offset))
			return refuse(error, "Invalid symbol offset", at, -EINVAL);
		*plus = '\0';
	}
	arg->value = kallsyms_lookup_name(text);
	if (!arg->value)
		return refuse(error, "Invalid memory address or symbol", at, -ENOENT);
	arg->value += offset;
	return 0;
}

/* FETCHARG without its type. @at is where it stands in the argument's text. */
static int parse_fetch(struct probe_arg *arg, char *text, bool is_return, int at, struct probe_arg_error *error)
{
	switch (text[0]) {
	case '%':
		for (unsigned int i = 0; i < ARRAY_SIZE(registers); i++)
			if (!strcmp(registers[i].name, text + 1)) {
				arg->base = FETCH_REG;
				arg->value = registers[i].offset;
				return 0;
			}
		return refuse(error, "Invalid register name", at, -EINVAL);
	case '$':
		return parse_variable(arg, text + 1, is_return, at, error);
	case '@':
		return parse_memory(arg, text + 1, at, error);
	case '\\':
		arg->base = FETCH_IMMEDIATE;
		if (kstrtol(text + 1, 0, (long *)&arg->value))
			return refuse(error, "Invalid immediate value", at, -EINVAL);
		return 0;
	case '+':
	case '-': {
		bool user = text[1] == 'u';
		char *open = strchr(text, '('), *close;
		long offset;
		int ret;

		if (!open)
			return refuse(error, "Dereference needs an opening brace", at, -EINVAL);
		close = strrchr(open, ')');
		if (!close)
			return refuse(error, "Dereference needs a closing brace", at + (int)strlen(text), -EINVAL);
		*open = '\0';
		if (user)
			text[1] = text[0];
		if (kstrtol(text + user, 0, &offset))
			return refuse(error, "Invalid dereference offset", at, -EINVAL);
		*close = '\0';
		ret = parse_fetch(arg, open + 1, is_return, at + (int)(open + 1 - text), error);
		if (ret)
			return ret;
		if (arg->base == FETCH_COMM)
			return refuse(error, "$comm can not be dereferenced", at, -EINVAL);
		if (arg->depth == MAX_FETCH_DEPTH)
			return refuse(error, "Too many dereferences", at, -EINVAL);
		arg->offsets[arg->depth] = offset;
		arg->user[arg->depth++] = user;
		return 0;
	}
	default:
		return refuse(error, "Unknown fetch argument", at, -EINVAL);
	}
}

static bool good_name(const char *name)
{
	if (!isalpha(*name) && *name != '_')
		return false;
	for (; *name; name++)
		if (!isalnum(*name) && *name != '_')
			return false;
	return true;
}

int probe_arg_parse(struct probe_arg *arg, const char *text, int index, bool is_return, struct probe_arg_error *error)
{
	const char *equals = strchr(text, '='), *body = text;
	char *copy, *colon;
	int ret;

	memset(arg, 0, sizeof(*arg));
	if (equals) {
		if (equals - text >= MAX_ARG_NAME)
			return refuse(error, "Argument name is too long", 0, -EINVAL);
		memcpy(arg->name, text, equals - text);
		body = equals + 1;
		if (!good_name(arg->name))
			return refuse(error, "Argument name must follow the same rules as C identifiers", 0, -EINVAL);
	} else {
		snprintf(arg->name, sizeof(arg->name), "arg%d", index + 1);
	}
	if (!*body)
		return refuse(error, "No argument body", (int)(body - text), -EINVAL);
	arg->text = kstrdup(body, GFP_KERNEL);
	copy = kstrdup(body, GFP_KERNEL);
	if (!arg->text || !copy) {
		ret = -ENOMEM;
		goto out;
	}
	arg->type = &fetch_types[0];
	colon = strrchr(copy, ':');
	if (colon) {
		*colon = '\0';
		arg->type = find_type(colon + 1);
		if (!arg->type) {
			ret = refuse(error, "Unknown type is specified", (int)(body - text + (colon + 1 - copy)), -EINVAL);
			goto out;
		}
	}
	ret = parse_fetch(arg, copy, is_return, (int)(body - text), error);
	if (!ret && arg->base == FETCH_COMM) {
		if (colon && !arg->type->is_string)
			ret = refuse(error, "$comm type must be string", (int)(body - text), -EINVAL);
		arg->type = find_type("string");
	}
out:
	kfree(copy);
	if (ret)
		probe_arg_free(arg);
	return ret;
}

void probe_arg_free(struct probe_arg *arg)
{
	kfree(arg->text);
	arg->text = NULL;
}

/* ---- at the hit ---- */

static long read_memory(void *dst, unsigned long address, size_t size, bool user)
{
	return user ? copy_from_user_nofault(dst, (const void __user *)address, size)
		    : copy_from_kernel_nofault(dst, (const void *)address, size);
}

static unsigned long base_value(const struct probe_arg *arg, struct pt_regs *regs)
{
	unsigned long value = 0;

	switch (arg->base) {
	case FETCH_REG: return *(unsigned long *)((char *)regs + arg->value);
	case FETCH_STACK_ADDR: return regs->sp;
	case FETCH_STACK:
		copy_from_kernel_nofault(&value, (unsigned long *)regs->sp + arg->value, sizeof(value));
		return value;
	case FETCH_RETVAL: return regs->ax;
	case FETCH_COMM: return (unsigned long)current->comm;
	default: return arg->value;
	}
}

static size_t fetch_string(char *dst, unsigned long address, bool user)
{
	size_t length;

	for (length = 0; length < MAX_STRING - 1; length++) {
		if (read_memory(dst + length, address + length, 1, user)) {
			strcpy(dst, "(fault)");
			return sizeof("(fault)");
		}
		if (!dst[length])
			return length + 1;
	}
	dst[length] = '\0';
	return length + 1;
}

size_t probe_args_fetch(const struct probe_arg *args, int nr_args, struct pt_regs *regs, void *record, size_t fixed_size)
{
	size_t used = fixed_size;

	for (int i = 0; i < nr_args; i++) {
		const struct probe_arg *arg = &args[i];
		unsigned long value = base_value(arg, regs);
		/* @addr reads memory even without an explicit dereference; so does the last step of a chain. */
		bool memory = arg->base == FETCH_MEMORY || arg->depth, fault = false, user = false;
		unsigned long address = value;

		for (unsigned int d = 0; d < arg->depth; d++) {
			bool last = d + 1 == arg->depth;

			if ((d || arg->base == FETCH_MEMORY) && read_memory(&value, address, sizeof(value), user))
				fault = true;
			user = arg->user[d];
			address = value + arg->offsets[d];
			value = last ? value : address;
		}
		if (arg->type->is_string) {
			char *dst = (char *)record + used;
			size_t length = fault ? (strcpy(dst, "(fault)"), sizeof("(fault)"))
					      : fetch_string(dst, address, user || !strcmp(arg->type->name, "ustring"));

			*(u32 *)((char *)record + arg->offset) = (u32)(length << 16 | used);
			used += length;
			continue;
		}
		if (memory) {
			value = 0;
			if (!fault)
				read_memory(&value, address, arg->type->size, user);
		}
		memcpy((char *)record + arg->offset, &value, arg->type->size);
	}
	return used;
}

void probe_args_print(struct seq_file *m, const struct probe_arg *args, int nr_args, const void *record)
{
	for (int i = 0; i < nr_args; i++) {
		const struct probe_arg *arg = &args[i];
		const char *data = (const char *)record + arg->offset;
		u64 value = 0;

		seq_printf(m, " %s=", arg->name);
		memcpy(&value, data, arg->type->size);
		if (arg->type->is_string)
			seq_printf(m, "\"%s\"", (const char *)record + (value & 0xffff));
		else if (arg->type->is_char)
			seq_printf(m, "'%c'", (char)value);
		else if (arg->type->is_symbol)
			seq_printf(m, "%pS", (void *)value);
		else if (arg->type->is_hex)
			seq_printf(m, "0x%llx", value);
		else if (arg->type->is_signed)
			seq_printf(m, "%lld", (long long)(value << (64 - 8 * arg->type->size)) >> (64 - 8 * arg->type->size));
		else
			seq_printf(m, "%llu", value);
	}
}
