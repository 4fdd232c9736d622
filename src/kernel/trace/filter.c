// SPDX-License-Identifier: MIT
/* Filters of trace events: parsing by recursive descent, evaluation of the tree. (Documentation/trace/events.rst, 5) */
#include <kernel/ctype.h>
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/trace_events.h>
#include <kernel/uaccess.h>
#include "filter.h"

#define MAX_OPERAND	256
#define MAX_DEPTH	32
#define NO_REASON	""

enum node_kind { NODE_AND, NODE_OR, NODE_NOT, NODE_NUMBER, NODE_STRING };
enum operator { OP_GLOB, OP_NE, OP_EQ, OP_LE, OP_LT, OP_GE, OP_GT, OP_BAND };
enum string_kind { STRING_NONE, STRING_ARRAY, STRING_DYNAMIC, STRING_POINTER, STRING_COMM };

struct node {
	enum node_kind kind;
	enum operator op;
	struct node *left, *right;
	const struct trace_event_field *field;	/* NULL: the CPU, or the task's name */
	enum string_kind string;
	u64 value;
	char *pattern;
};

struct event_filter {
	char *text;
	struct node *root;		/* NULL: refused, lets nothing be filtered */
};

struct parser {
	struct trace_event_call *call;
	const char *text, *at;
	const char *error;
	int position;			/* of the error */
	int errno;
};

static const struct { const char *text; enum operator op; } operators[] = {
	{ "~", OP_GLOB }, { "!=", OP_NE }, { "==", OP_EQ }, { "<=", OP_LE }, { "<", OP_LT }, { ">=", OP_GE }, { ">", OP_GT },
	{ "&", OP_BAND },
};

static const struct trace_event_field common_fields[] = {
	{ "unsigned short", "common_type", 0, 2, false },
	{ "unsigned char", "common_flags", 2, 1, false },
	{ "unsigned char", "common_preempt_count", 3, 1, false },
	{ "int", "common_pid", 4, 4, true },
};

static void free_node(struct node *node)
{
	if (!node)
		return;
	free_node(node->left);
	free_node(node->right);
	kfree(node->pattern);
	kfree(node);
}

static void *fail(struct parser *p, const char *error)
{
	if (!p->error) {
		p->error = error;
		/* Linux points behind the place. */
		p->position = min((int)(p->at - p->text) + 1, (int)strlen(p->text));
	}
	return NULL;
}

static void skip_space(struct parser *p)
{
	while (isspace(*p->at))
		p->at++;
}

static const struct trace_event_field *find_field(struct trace_event_call *call, const char *name, size_t length)
{
	for (unsigned int i = 0; i < call->nr_fields; i++)
		if (strlen(call->fields[i].name) == length && !memcmp(call->fields[i].name, name, length))
			return &call->fields[i];
	for (unsigned int i = 0; i < ARRAY_SIZE(common_fields); i++)
		if (strlen(common_fields[i].name) == length && !memcmp(common_fields[i].name, name, length))
			return &common_fields[i];
	return NULL;
}

static enum string_kind string_kind(const struct trace_event_field *field)
{
	if (!strncmp(field->type, "__data_loc", 10) && strstr(field->type, "char"))
		return STRING_DYNAMIC;
	if (!strncmp(field->type, "char[", 5))
		return STRING_ARRAY;
	if (!strcmp(field->type, "char *") || !strcmp(field->type, "const char *"))
		return STRING_POINTER;
	return STRING_NONE;
}

static bool is(const char *name, size_t length, const char *upper, const char *lower)
{
	return (strlen(upper) == length && !memcmp(name, upper, length)) ||
	       (strlen(lower) == length && !memcmp(name, lower, length));
}

static struct node *parse_value(struct parser *p, struct node *node)
{
	char digits[24];
	size_t length = 0;

	if (*p->at == '"' || *p->at == '\'') {
		char quote = *p->at;

		if (node->string == STRING_NONE)
			return fail(p, "Expecting numeric field");
		p->at++;
		while (p->at[length] != quote)
			length++;
		if (length >= MAX_OPERAND)
			return fail(p, "Operand too long");
		node->pattern = kmalloc(length + 1, GFP_KERNEL);
		if (!node->pattern)
			return fail(p, "Error");
		memcpy(node->pattern, p->at, length);
		node->pattern[length] = '\0';
		p->at += length + 1;
		node->kind = NODE_STRING;
		return node;
	}
	if (!isdigit(*p->at) && *p->at != '-')
		return fail(p, "Invalid value (did you forget quotes)?");
	if (node->string != STRING_NONE)
		return fail(p, "Expecting string field");
	while (isalnum(p->at[length]) || p->at[length] == '-')
		length++;
	if (length >= sizeof(digits))
		return fail(p, "Operand too long");
	memcpy(digits, p->at, length);
	digits[length] = '\0';
	if (kstrtoll(digits, 0, (long long *)&node->value) && kstrtoull(digits, 0, (unsigned long long *)&node->value))
		return fail(p, "Illegal integer value");
	p->at += length;
	node->kind = NODE_NUMBER;
	return node;
}

static struct node *parse_predicate(struct parser *p)
{
	const char *name = p->at;
	struct node *node, *result = NULL;
	size_t length = 0;
	unsigned int i;

	while (isalnum(name[length]) || name[length] == '_')
		length++;
	if (!length) {
		p->errno = -1;
		return fail(p, NO_REASON);
	}
	node = kzalloc(sizeof(*node), GFP_KERNEL);
	if (!node)
		return fail(p, "Error");
	node->field = find_field(p->call, name, length);
	if (node->field) {
		node->string = string_kind(node->field);
	} else if (is(name, length, "COMM", "comm")) {
		node->string = STRING_COMM;
	} else if (!is(name, length, "CPU", "cpu")) {
		p->at += length;
		fail(p, "Field not found");
		goto out;
	}
	p->at += length;
	skip_space(p);
	for (i = 0; i < ARRAY_SIZE(operators); i++)
		if (!strncmp(p->at, operators[i].text, strlen(operators[i].text)))
			break;
	if (i == ARRAY_SIZE(operators)) {
		fail(p, "Invalid operator");
		goto out;
	}
	node->op = operators[i].op;
	p->at += strlen(operators[i].text);
	skip_space(p);
	if ((*p->at == '"' || *p->at == '\'' || isdigit(*p->at) || node->string != STRING_NONE) &&
	    (node->string != STRING_NONE ? node->op > OP_EQ : node->op == OP_GLOB)) {
		fail(p, "Illegal operation for field type");
		goto out;
	}
	result = parse_value(p, node);
out:
	if (!result)
		free_node(node);
	return result;
}

static struct node *parse_or(struct parser *p);

/* A term where an operator should be. */
static struct node *too_many_terms(struct parser *p)
{
	fail(p, "Too many terms in predicate expression");
	p->position = p->at - p->text;
	p->errno = -1;
	return NULL;
}

static struct node *parse_unary(struct parser *p)
{
	struct node *node, *inner = NULL;

	skip_space(p);
	if (*p->at == '!') {
		p->at++;
		node = kzalloc(sizeof(*node), GFP_KERNEL);
		if (!node)
			return fail(p, "Error");
		node->kind = NODE_NOT;
		node->left = parse_unary(p);
		if (!node->left) {
			kfree(node);
			return NULL;
		}
		return node;
	}
	if (*p->at == '(') {
		p->at++;
		inner = parse_or(p);
		skip_space(p);
		if (inner && *p->at != ')') {
			free_node(inner);
			return too_many_terms(p);
		}
		if (inner)
			p->at++;
	} else if (*p->at) {
		inner = parse_predicate(p);
	} else {
		p->at--;
		return fail(p, p->at >= p->text ? "Meaningless filter expression" : NO_REASON);
	}
	return inner;
}

static struct node *parse_binary(struct parser *p, const char *op, enum node_kind kind, struct node *(*parse)(struct parser *))
{
	struct node *left = parse(p), *node;

	for (;;) {
		skip_space(p);
		if (!left || strncmp(p->at, op, 2))
			return left;
		p->at += 2;
		node = kzalloc(sizeof(*node), GFP_KERNEL);
		if (node) {
			node->kind = kind;
			node->left = left;
			node->right = parse(p);
			if (node->right) {
				left = node;
				continue;
			}
		} else {
			fail(p, "Error");
		}
		free_node(left);
		kfree(node);
		return NULL;
	}
}

static struct node *parse_and(struct parser *p)
{
	return parse_binary(p, "&&", NODE_AND, parse_unary);
}

static struct node *parse_or(struct parser *p)
{
	return parse_binary(p, "||", NODE_OR, parse_and);
}

/*
 * Quotes and parentheses must match, before anything else is looked at. What Linux returns for those that do not are the
 * numbers 1 to 3, which happen to be errnos of no relation.
 */
static void check_nesting(struct parser *p)
{
	const char *text = p->text, *open[MAX_DEPTH], *quoted = NULL;
	int depth = 0;

	for (const char *c = text; *c && !p->errno; c++) {
		if (quoted) {
			if (*c == *quoted)
				quoted = NULL;
		} else if (*c == '"' || *c == '\'') {
			quoted = c;
		} else if (*c == '(') {
			if (depth < MAX_DEPTH)
				open[depth] = c;
			depth++;
		} else if (*c == ')' && !depth--) {
			*p = (struct parser){ p->call, text, text, "Too few '('", c - text, -1 };
		}
	}
	if (p->errno)
		return;
	if (quoted)
		*p = (struct parser){ p->call, text, text, "Missing matching quote", quoted - text, -3 };
	else if (depth)
		*p = (struct parser){ p->call, text, text, "Too many '('", depth > MAX_DEPTH ? 0 : open[depth - 1] - text, -2 };
}

/* For the filter file: the text, a caret under the place, and the reason. */
static char *error_text(const char *text, int position, const char *reason)
{
	if (!*reason)
		return kasprintf(GFP_KERNEL, "%s\nError: (0)\n", text);
	return kasprintf(GFP_KERNEL, "%s\n%*s^\nparse_error: %s\n", text, position, "", reason);
}

int event_filter_create(struct trace_event_call *call, const char *text, struct event_filter **result)
{
	struct event_filter *filter = kzalloc(sizeof(*filter), GFP_KERNEL);
	struct parser p = { .call = call, .text = text, .at = text };

	*result = NULL;
	if (!filter)
		return -ENOMEM;
	check_nesting(&p);
	if (!p.errno) {
		filter->root = parse_or(&p);
		if (filter->root && *p.at) {
			free_node(filter->root);
			filter->root = too_many_terms(&p);
		}
	}
	filter->text = filter->root ? kstrdup(text, GFP_KERNEL) : error_text(text, p.position, p.error);
	if (!filter->text) {
		event_filter_free(filter);
		return -ENOMEM;
	}
	*result = filter;
	return filter->root ? 0 : p.errno ? p.errno : -EINVAL;
}

struct event_filter *event_filter_refusal(const char *text, const char *reason)
{
	struct event_filter *filter = kzalloc(sizeof(*filter), GFP_KERNEL);

	if (filter)
		filter->text = error_text(text, 0, reason);
	return filter;
}

void event_filter_free(struct event_filter *filter)
{
	if (!filter)
		return;
	free_node(filter->root);
	kfree(filter->text);
	kfree(filter);
}

const char *event_filter_text(const struct event_filter *filter)
{
	return filter->text ? filter->text : "";
}

/* ---- evaluation ---- */

/* Shell patterns: *, ?, [set]. */
static bool glob(const char *pattern, const char *text)
{
	const char *retry_pattern = NULL, *retry_text = NULL;

	for (;;) {
		char c = *text++, d = *pattern++;
		bool match = d == c;

		if (d == '*') {
			if (!*pattern)
				return true;
			retry_pattern = pattern;
			retry_text = --text;
			continue;
		}
		if (d == '?') {
			match = c != '\0';
		} else if (d == '[' && strchr(pattern, ']')) {
			bool negate = *pattern == '!';
			const char *set = pattern + negate;

			match = false;
			do {
				char low = *set++, high = low;

				if (set[0] == '-' && set[1] != ']') {
					high = set[1];
					set += 2;
				}
				match |= low <= c && c <= high;
			} while (*set != ']');
			pattern = set + 1;
			match = match != negate && c;
		}
		if (match) {
			if (!c)
				return true;
			continue;
		}
		if (!c || !retry_pattern)
			return false;
		pattern = retry_pattern;
		text = ++retry_text;
	}
}

static bool string_matches(const struct node *node, const void *record)
{
	char text[MAX_OPERAND];
	bool same;

	switch (node->string) {
	case STRING_ARRAY:
		strscpy(text, (const char *)record + node->field->offset, min_t(size_t, node->field->size + 1, sizeof(text)));
		break;
	case STRING_DYNAMIC:
		strscpy(text, (const char *)record + *(const u16 *)((const char *)record + node->field->offset), sizeof(text));
		break;
	case STRING_POINTER:
		if (strncpy_from_kernel_nofault(text, *(const char *const *)((const char *)record + node->field->offset),
						sizeof(text)) < 0)
			return false;
		break;
	default:
		strscpy(text, current->comm, sizeof(text));
	}
	same = node->op == OP_GLOB ? glob(node->pattern, text) : !strcmp(node->pattern, text);
	return node->op == OP_NE ? !same : same;
}

static u64 field_value(const struct trace_event_field *field, const void *record)
{
	const void *at = (const char *)record + field->offset;

	switch (field->size) {
	case 1: return field->is_signed ? (u64)*(const s8 *)at : *(const u8 *)at;
	case 2: return field->is_signed ? (u64)*(const s16 *)at : *(const u16 *)at;
	case 4: return field->is_signed ? (u64)*(const s32 *)at : *(const u32 *)at;
	default: return *(const u64 *)at;
	}
}

static bool match_number(const struct node *node, const void *record)
{
	u64 value = node->field ? field_value(node->field, record) : 0;
	bool is_signed = node->field && node->field->is_signed;
	u64 bias = is_signed ? 1ull << 63 : 0;	/* order of signed numbers as of unsigned ones */

	switch (node->op) {
	case OP_EQ: return value == node->value;
	case OP_NE: return value != node->value;
	case OP_LT: return value + bias < node->value + bias;
	case OP_LE: return value + bias <= node->value + bias;
	case OP_GT: return value + bias > node->value + bias;
	case OP_GE: return value + bias >= node->value + bias;
	default: return value & node->value;
	}
}

static bool match(const struct node *node, const void *record)
{
	switch (node->kind) {
	case NODE_AND: return match(node->left, record) && match(node->right, record);
	case NODE_OR: return match(node->left, record) || match(node->right, record);
	case NODE_NOT: return !match(node->left, record);
	case NODE_STRING: return string_matches(node, record);
	default: return match_number(node, record);
	}
}

bool filter_match_preds(const struct event_filter *filter, struct trace_event_call *call, const void *record)
{
	return !filter->root || match(filter->root, record);
}
NOKPROBE_SYMBOL(filter_match_preds);
