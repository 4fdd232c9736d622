// SPDX-License-Identifier: MIT
/*
 * Parsing fetch arguments of probe events. What they do at a hit is in probe_fetch.c. (Documentation/trace/kprobetrace.rst)
 */
#include "probe_args.h"
#include <kernel/ctype.h>
#include <kernel/err.h>
#include <kernel/kallsyms.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/slab.h>
#include <kernel/string.h>

static const struct fetch_type fetch_types[] = {
	{ "x64", "u64", "0x%Lx", 8, PRINT_HEX },	/* the default */
	{ "x8", "u8", "0x%x", 1, PRINT_HEX },
	{ "x16", "u16", "0x%x", 2, PRINT_HEX },
	{ "x32", "u32", "0x%x", 4, PRINT_HEX },
	{ "u8", "u8", "%u", 1, PRINT_UNSIGNED },
	{ "u16", "u16", "%u", 2, PRINT_UNSIGNED },
	{ "u32", "u32", "%u", 4, PRINT_UNSIGNED },
	{ "u64", "u64", "%Lu", 8, PRINT_UNSIGNED },
	{ "s8", "s8", "%d", 1, PRINT_SIGNED },
	{ "s16", "s16", "%d", 2, PRINT_SIGNED },
	{ "s32", "s32", "%d", 4, PRINT_SIGNED },
	{ "s64", "s64", "%Ld", 8, PRINT_SIGNED },
	{ "symbol", "u64", "%pS", 8, PRINT_SYMBOL },
	{ "string", "__data_loc char[]", "\\\"%s\\\"", 4, PRINT_STRING },
	{ "ustring", "__data_loc char[]", "\\\"%s\\\"", 4, PRINT_STRING },
	{ "symstr", "__data_loc char[]", "\\\"%s\\\"", 4, PRINT_STRING },
};

#define REGISTER(name) { #name, offsetof(struct pt_regs, name) }
static const struct { const char *name; u16 offset; } registers[] = {
	REGISTER(r15), REGISTER(r14), REGISTER(r13), REGISTER(r12), REGISTER(r11), REGISTER(r10), REGISTER(r9), REGISTER(r8),
	REGISTER(bx), REGISTER(cx), REGISTER(dx), REGISTER(si), REGISTER(di), REGISTER(bp), REGISTER(ax), REGISTER(orig_ax),
	REGISTER(ip), REGISTER(cs), REGISTER(flags), REGISTER(sp), REGISTER(ss),
};

/* What the fields of every record are called already. */
static const char *const reserved_names[] = {
	"common_type", "common_flags", "common_preempt_count", "common_pid", "common_tgid",
	"__probe_ip", "__probe_ret_ip", "__probe_func",
};

struct parser {
	struct probe_arg *arg;
	unsigned int flags;
	unsigned int used;		/* steps of MAX_FETCH_STEPS, without the base */
	struct probe_arg_error *error;
};

static int refuse(struct probe_arg_error *error, const char *message, int position, int code)
{
	error->message = message;
	error->position = position;
	return code;
}

static int too_many_steps(struct parser *p, int at)
{
	return refuse(p->error, "Dereference is too much nested", at, -EINVAL);
}

static bool take_step(struct parser *p)
{
	return ++p->used < MAX_FETCH_STEPS;
}

/* The type of that name; "b<width>@<offset>/<size>" is the unsigned integer of that size. */
static const struct fetch_type *find_type(const char *name)
{
	char of_size[8];
	unsigned long bits;

	if (name[0] == 'b') {
		name = strchr(name, '/');
		if (!name || kstrtoul(name + 1, 0, &bits) || bits > 64)
			return NULL;
		snprintf(of_size, sizeof(of_size), "u%lu", bits);
		name = of_size;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(fetch_types); i++)
		if (!strcmp(fetch_types[i].name, name))
			return &fetch_types[i];
	return NULL;
}

/* "$..." */
static int parse_variable(struct parser *p, const char *name, int at)
{
	const unsigned long max_words = THREAD_SIZE / sizeof(unsigned long);
	unsigned int entry = p->flags & (PROBE_ARG_KERNEL | PROBE_ARG_FENTRY | PROBE_ARG_RETURN);
	struct probe_arg *arg = p->arg;
	unsigned long n;

	if (!strcmp(name, "retval")) {
		if (!(p->flags & PROBE_ARG_RETURN))
			return refuse(p->error, "$retval is not available on probe", at, -EINVAL);
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
	if (!strncmp(name, "stack", 5) && isdigit(name[5]) && !kstrtoul(name + 5, 10, &n)) {
		if ((p->flags & PROBE_ARG_KERNEL) && n > max_words)
			return refuse(p->error, "Invalid stack number", at, -EINVAL);
		arg->base = FETCH_STACK;
		arg->value = (unsigned int)n;
		return 0;
	}
	if (entry == (PROBE_ARG_KERNEL | PROBE_ARG_FENTRY) && !strncmp(name, "arg", 3) && !kstrtoul(name + 3, 10, &n)) {
		if (!n || n > max_words)
			return refuse(p->error, "Invalid argument number", at, -EINVAL);
		arg->base = FETCH_ARGUMENT;
		arg->value = n - 1;
		return 0;
	}
	return refuse(p->error, "Invalid $-variable specified", at, -EINVAL);
}

static int parse_register(struct parser *p, const char *name, int at)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(registers); i++)
		if (!strcmp(registers[i].name, name)) {
			p->arg->base = FETCH_REG;
			p->arg->value = registers[i].offset;
			return 0;
		}
	return refuse(p->error, "Invalid register name", at, -EINVAL);
}

static int add_dereference(struct parser *p, long offset, bool user, int at)
{
	struct probe_arg *arg = p->arg;

	if (!take_step(p))
		return too_many_steps(p, at);
	arg->steps[arg->nr_steps++] = (struct dereference){ offset, user || arg->user };
	return 0;
}

/* "@ADDR", "@+OFFS", "@SYM[+-OFFS]": memory there, so there is a dereference behind the base. */
static int parse_memory(struct parser *p, const char *place, int at)
{
	struct probe_arg *arg = p->arg;
	int ret;

	if (isdigit(place[0])) {
		ret = kstrtoul(place, 0, &arg->value);
		if (ret)
			return refuse(p->error, "Invalid memory address", at, ret);
		arg->base = FETCH_IMMEDIATE;
	} else if (place[0] == '+') {
		if (p->flags & PROBE_ARG_KERNEL)
			return refuse(p->error, "File offset is not available with kprobe", at, -EINVAL);
		ret = kstrtol(place + 1, 0, (long *)&arg->value);
		if (ret)
			return refuse(p->error, "Invalid file offset value", at, ret);
		arg->base = FETCH_FILE_OFFSET;
	} else {
		if (!(p->flags & PROBE_ARG_KERNEL))
			return refuse(p->error, "Symbol is not available with uprobe", at, -EINVAL);
		arg->base = FETCH_SYMBOL;
		arg->data = kstrdup(place, GFP_KERNEL);
		if (!arg->data)
			return -ENOMEM;
		take_step(p);	/* the symbol's place besides its address */
	}
	return add_dereference(p, 0, false, at);
}

static int parse_immediate(struct parser *p, const char *text, int at)
{
	struct probe_arg *arg = p->arg;
	size_t length;
	int ret = -EINVAL;

	if (text[0] == '"') {
		length = strlen(++text);
		if (!length || text[length - 1] != '"')
			return refuse(p->error, "String is not closed with '\"'", at + 2 + (int)length, -EINVAL);
		arg->base = FETCH_TEXT;
		arg->data = kstrndup(text, length - 1, GFP_KERNEL);
		return arg->data ? 0 : -ENOMEM;
	}
	arg->base = FETCH_IMMEDIATE;
	if (isdigit(text[0]))
		ret = kstrtoul(text, 0, &arg->value);
	else if (text[0] == '-')
		ret = kstrtol(text, 0, (long *)&arg->value);
	else if (text[0] == '+')
		ret = kstrtol(text + 1, 0, (long *)&arg->value);
	return ret ? refuse(p->error, "Invalid immediate value", at + 1, ret) : 0;
}

static int parse_fetch(struct parser *p, char *text, int at);

/* "+-[u]OFFS(FETCHARG)". @text is cut. Positions are counted as Linux does, which forgets the u. */
static int parse_dereference(struct parser *p, char *text, int at)
{
	bool user = text[1] == 'u';
	char *open, *close;
	long offset;
	int ret;

	if (user) {
		text[1] = text[0];
		text++;
	}
	if (text[0] == '+')
		text++;		/* kstrtol() takes one sign */
	open = strchr(text, '(');
	if (!open)
		return refuse(p->error, "Dereference needs a brace", at, -EINVAL);
	*open = '\0';
	ret = kstrtol(text, 0, &offset);
	if (ret)
		return refuse(p->error, "Invalid dereference offset", at, ret);
	at += (int)(open + 1 - text) + (text[0] != '-');
	close = strrchr(open + 1, ')');
	if (!close)
		return refuse(p->error, "Dereference brace is not closed", at + (int)strlen(open + 1), -EINVAL);
	*close = '\0';
	ret = parse_fetch(p, open + 1, at);
	if (ret)
		return ret;
	if (!p->arg->nr_steps && (p->arg->base == FETCH_COMM || p->arg->base == FETCH_TEXT))
		return refuse(p->error, "$comm can not be dereferenced", at, -EINVAL);
	return add_dereference(p, offset, user, at);
}

/* FETCHARG without its type. @at is where it stands in the argument's text. */
static int parse_fetch(struct parser *p, char *text, int at)
{
	switch (text[0]) {
	case '$': return parse_variable(p, text + 1, at);
	case '%': return parse_register(p, text + 1, at);
	case '@': return parse_memory(p, text + 1, at);
	case '+': case '-': return parse_dereference(p, text, at);
	case '\\': return parse_immediate(p, text + 1, at);
	default: return refuse(p->error, "Invalid fetch argument", at, -EINVAL);
	}
}

/* "[N]" behind a type, from behind the opening bracket. @body stands at @at in the argument. */
static int parse_array(struct parser *p, char *bracket, const char *body, int at)
{
	char *close = strchr(bracket, ']');
	struct probe_arg *arg = p->arg;

	if (!close)
		return refuse(p->error, "Array is not closed", at + (int)(bracket + strlen(bracket) - body), -EINVAL);
	if (close[1])
		return refuse(p->error, "Array has wrong suffix", at + (int)(close + 1 - body), -EINVAL);
	*close = '\0';
	if (kstrtouint(bracket, 0, &arg->count) || !arg->count)
		return refuse(p->error, "Invalid array size", at + (int)(bracket - body), -EINVAL);
	if (arg->count > MAX_ARRAY_LEN)
		return refuse(p->error, "Array number is too big", at + (int)(bracket - body), -EINVAL);
	return 0;
}

/* "b<width>@<offset>/<size>" */
static int parse_bitfield(struct parser *p, const char *type)
{
	unsigned int bits = 8 * p->arg->type->size;
	unsigned long width, offset;
	char *end;

	width = simple_strtoul(type + 1, &end, 0);
	if (!width || *end != '@')
		return -EINVAL;
	type = end + 1;
	offset = simple_strtoul(type, &end, 0);
	if (end == type || *end != '/' || !take_step(p) || bits < width + offset)
		return -EINVAL;
	p->arg->bitfield = true;
	p->arg->left = bits - (width + offset);
	p->arg->right = bits - width;
	return 0;
}

/* Does the argument end in a value, or in memory that the last dereference names? */
static bool ends_in_memory(const struct probe_arg *arg)
{
	return arg->nr_steps > 0;
}

/* Decides how what was fetched is stored. @type_at is where the type stands. */
static int choose_store(struct parser *p, const char *type, int at, int type_at)
{
	struct probe_arg *arg = p->arg;
	bool memory = ends_in_memory(arg);

	if (!strcmp(arg->type->name, "symstr")) {
		if (memory ? arg->steps[arg->nr_steps - 1].user
			   : arg->base != FETCH_REG && arg->base != FETCH_STACK && arg->base != FETCH_RETVAL &&
			     arg->base != FETCH_ARGUMENT)
			return refuse(p->error, "Symbol String doesn't accept data/userdata", type_at, -EINVAL);
		arg->store = STORE_SYMBOL_NAME;
	} else if (probe_arg_is_string(arg)) {
		if (!memory && arg->base != FETCH_IMMEDIATE && arg->base != FETCH_COMM && arg->base != FETCH_TEXT)
			return refuse(p->error, "String accepts only memory argument", type_at, -EINVAL);
		arg->store = STORE_STRING;
		arg->last.user = !strcmp(arg->type->name, "ustring") || arg->user;
	} else {
		arg->store = memory ? STORE_MEMORY : STORE_VALUE;
	}
	/* The last dereference is the storing itself, but for arrays of pointers to strings and names of values. */
	if (arg->store == STORE_MEMORY || (arg->store == STORE_STRING && memory && !arg->count)) {
		struct dereference step = arg->steps[--arg->nr_steps];

		arg->last = (struct dereference){ step.offset, step.user || arg->last.user };
	} else if (!take_step(p)) {
		return too_many_steps(p, at);
	}
	if (type && type[0] == 'b' && parse_bitfield(p, type))
		return refuse(p->error, "Invalid bitfield", type_at, -EINVAL);
	if (!arg->count)
		return 0;
	if (arg->store == STORE_VALUE || arg->store == STORE_SYMBOL_NAME || (arg->store == STORE_MEMORY && arg->last.user))
		return refuse(p->error, "String accepts only memory argument", type_at, -EINVAL);
	return take_step(p) ? 0 : too_many_steps(p, at);
}

/* FETCHARG[:TYPE], which stands at @at. @body is cut. */
static int parse_body(struct parser *p, char *body, size_t *size, int at)
{
	struct probe_arg *arg = p->arg;
	char *type = strchr(body, ':'), *bracket = NULL;
	int ret, type_at;
	bool text;

	if (type) {
		*type++ = '\0';
		bracket = strchr(type, '[');
	}
	type_at = at + (type ? (int)(type - body) : 0);
	if (bracket) {
		*bracket++ = '\0';
		ret = parse_array(p, bracket, body, at);
		if (ret)
			return ret;
	}
	text = !strcmp(body, "$comm") || !strcmp(body, "$COMM") || !strncmp(body, "\\\"", 2);
	if (text && (arg->count || (type && strcmp(type, "string"))))
		return -EINVAL;
	arg->type = find_type(text ? "string" : type ? type : "x64");
	if (!arg->type)
		return refuse(p->error, "Unknown type is specified", type_at, -EINVAL);
	arg->offset = *size;
	*size += probe_arg_size(arg);
	if (*size > MAX_PROBE_EVENT_SIZE)
		return refuse(p->error, "Event too big (too many fields?)", at, -E2BIG);
	if (arg->count) {
		/* Linux 6.1 leaves the number of elements out, where the type does not have brackets of its own. */
		arg->c_type = probe_arg_is_string(arg) ? kasprintf(GFP_KERNEL, "%s[%u]", arg->type->c_type, arg->count)
						       : kasprintf(GFP_KERNEL, "%s[]", arg->type->c_type);
		if (!arg->c_type)
			return -ENOMEM;
	}
	ret = parse_fetch(p, body, at);
	return ret ? ret : choose_store(p, type, at, type_at);
}

static bool is_field_name(const char *name)
{
	if (!isalpha(*name) && *name != '_')
		return false;
	for (; *name; name++)
		if (!isalnum(*name) && *name != '_')
			return false;
	return true;
}

static bool name_is_taken(const struct probe_arg *args, int nr_args, const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(reserved_names); i++)
		if (!strcmp(reserved_names[i], name))
			return true;
	for (int i = 0; i < nr_args; i++)
		if (!strcmp(args[i].name, name))
			return true;
	return false;
}

int probe_arg_parse(struct probe_arg *args, int index, const char *text, unsigned int flags, size_t *size,
		    struct probe_arg_error *error)
{
	struct probe_arg *arg = &args[index];
	struct parser p = { .arg = arg, .flags = flags, .error = error };
	const char *equals = strchr(text, '='), *body = equals ? equals + 1 : text;
	char *copy;
	int ret;

	memset(arg, 0, sizeof(*arg));
	arg->user = !(flags & PROBE_ARG_KERNEL);
	if (equals && equals - text > MAX_ARG_NAME_LEN)
		return refuse(error, "Argument name is too long", 0, -EINVAL);
	if (equals == text)
		return refuse(error, "Argument name is not specified", 0, -EINVAL);
	arg->name = equals ? kmemdup_nul(text, equals - text, GFP_KERNEL) : kasprintf(GFP_KERNEL, "arg%d", index + 1);
	if (!arg->name)
		return -ENOMEM;
	if (!is_field_name(arg->name))
		return refuse(error, "Argument name must follow the same rules as C identifiers", 0, -EINVAL);
	if (name_is_taken(args, index, arg->name))
		return refuse(error, "This argument name is already used", 0, -EINVAL);
	if (strlen(body) > MAX_ARGSTR_LEN)
		return refuse(error, "Argument expression is too long", (int)(body - text), -EINVAL);
	if (!*body)
		return refuse(error, "No argument expression", (int)(body - text), -EINVAL);
	arg->text = kstrdup(body, GFP_KERNEL);
	copy = kstrdup(body, GFP_KERNEL);
	ret = arg->text && copy ? parse_body(&p, copy, size, (int)(body - text)) : -ENOMEM;
	kfree(copy);
	return ret;
}

int probe_arg_resolve(struct probe_arg *arg)
{
	char *name, *sign;
	long offset = 0;
	int ret = 0;

	if (arg->base != FETCH_SYMBOL)
		return 0;
	name = kstrdup(arg->data, GFP_KERNEL);
	if (!name)
		return -ENOMEM;
	sign = strpbrk(name, "+-");
	if (sign) {
		ret = kstrtol(sign, 0, &offset);
		*sign = '\0';
	}
	arg->value = ret ? 0 : kallsyms_lookup_name(name);
	if (!ret && !arg->value)
		ret = -ENOENT;
	arg->value += offset;
	kfree(name);
	return ret;
}

void probe_arg_free(struct probe_arg *arg)
{
	kfree(arg->name);
	kfree(arg->text);
	kfree(arg->c_type);
	kfree(arg->data);
	memset(arg, 0, sizeof(*arg));
}

int probe_args_first_difference(const struct probe_arg *a, int nr_a, const struct probe_arg *b, int nr_b)
{
	if (nr_a != nr_b)
		return min(nr_a, nr_b) + 1;
	for (int i = 0; i < nr_a; i++)
		if (a[i].type != b[i].type || a[i].count != b[i].count || strcmp(a[i].name, b[i].name))
			return i + 1;
	return 0;
}

bool probe_args_same_texts(const struct probe_arg *a, const struct probe_arg *b, int nr_args)
{
	for (int i = 0; i < nr_args; i++)
		if (strcmp(a[i].text, b[i].text))
			return false;
	return true;
}
