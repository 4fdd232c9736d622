// SPDX-License-Identifier: MIT
/*
 * Helpers of tracing programs: reading any memory without faulting, printing to the trace buffer, and sending the probed call
 * back to its caller with a value of the program's choice.
 */
#include <kernel/bpf_rules.h>
#include <kernel/error-injection.h>
#include <kernel/ctype.h>
#include <kernel/kprobes.h>
#include <kernel/mm.h>
#include <kernel/perf_event.h>
#include <kernel/trace_events.h>
#include "internal.h"
#include "run_context.h"

/* ---- reading memory; the destination is cleared when the source cannot be read ---- */

static long read_kernel(void *dst, u32 size, const void *from)
{
	long err = copy_from_kernel_nofault(dst, from, size);

	if (err)
		memset(dst, 0, size);
	return err;
}

static long read_user(void *dst, u32 size, const void __user *from)
{
	if (!copy_from_user_nofault(dst, from, size))
		return 0;
	memset(dst, 0, size);
	return -EFAULT;
}

static long read_kernel_str(void *dst, u32 size, const void *from)
{
	long length = size ? strncpy_from_kernel_nofault(dst, from, size) : 0;

	if (length < 0)
		memset(dst, 0, size);
	return length;
}

static long read_user_str(void *dst, u32 size, const void __user *from)
{
	long length = size ? strncpy_from_user_nofault(dst, from, size) : 0;

	if (length < 0)
		memset(dst, 0, size);
	return length;
}

BPF_HELPER(probe_read_kernel) { return read_kernel((void *)r1, r2, (void *)r3); }
BPF_HELPER(probe_read_user) { return read_user((void *)r1, r2, (void *)r3); }
BPF_HELPER(probe_read_kernel_str) { return read_kernel_str((void *)r1, r2, (void *)r3); }
BPF_HELPER(probe_read_user_str) { return read_user_str((void *)r1, r2, (void *)r3); }

/* The older forms tell user from kernel addresses by their value. */
BPF_HELPER(probe_read)
{
	/* At first the destination was left as it was when the source could not be read. (B6) */
	if (bpf_rules == BPF_RULES_2015)
		return r3 < TASK_SIZE ? copy_from_user_nofault((void *)r1, (void __user *)r3, r2)
				      : copy_from_kernel_nofault((void *)r1, (void *)r3, r2);
	return r3 < TASK_SIZE ? read_user((void *)r1, r2, (void *)r3) : read_kernel((void *)r1, r2, (void *)r3);
}

BPF_HELPER(probe_read_str)
{
	return r3 < TASK_SIZE ? read_user_str((void *)r1, r2, (void *)r3) : read_kernel_str((void *)r1, r2, (void *)r3);
}

BPF_HELPER(probe_write_user)
{
	if (current->flags & (PF_KTHREAD | PF_EXITING) || !current->mm)
		return -EPERM;
	return copy_to_user_nofault((void __user *)r1, (const void *)r2, (u32)r3) ? -EFAULT : 0;
}

/* ---- perf events ---- */

BPF_HELPER(perf_event_output)
{
	struct bpf_map *map = (struct bpf_map *)r2;
	u64 index = r3 & BPF_F_INDEX_MASK;
	struct perf_event *event;

	if (r3 & ~(u64)BPF_F_INDEX_MASK)
		return -EINVAL;
	if (index == BPF_F_CURRENT_CPU)
		index = 0;
	if (index >= map->max_entries)
		return -E2BIG;
	event = bpf_fd_array_entry(map, index);
	return event ? perf_event_bpf_output(event, (struct pt_regs *)bpf_run_regs(), (const void *)r4, r5) : -ENOENT;
}

/* The present value of an event of a PERF_EVENT_ARRAY, if it counts here. */
static long read_event(struct bpf_map *map, u64 flags, struct bpf_perf_event_value *value)
{
	u64 index = flags & BPF_F_INDEX_MASK;
	struct perf_event *event;

	if (flags & ~(u64)BPF_F_INDEX_MASK)
		return -EINVAL;
	if (index == BPF_F_CURRENT_CPU)
		index = 0;
	if (index >= map->max_entries)
		return -E2BIG;
	event = bpf_fd_array_entry(map, index);
	if (!event)
		return -ENOENT;
	/* Descendants' counts are elsewhere; another task's event cannot be read from here. */
	if (event->attr.inherit)
		return -EOPNOTSUPP;
	if (event->task && event->task != current)
		return -EINVAL;
	value->counter = perf_event_read_value(event, &value->enabled, &value->running);
	return 0;
}

BPF_HELPER(perf_event_read)
{
	struct bpf_perf_event_value value;
	long err = read_event((struct bpf_map *)r1, r2, &value);

	return err ? (u64)err : value.counter;
}

BPF_HELPER(perf_event_read_value)
{
	struct bpf_perf_event_value *value = (struct bpf_perf_event_value *)r3;
	long err = (u32)r4 == sizeof(*value) ? read_event((struct bpf_map *)r1, r2, value) : -EINVAL;

	if (err)
		memset(value, 0, (u32)r4);
	return err;
}

/* Of the event that the program, of type PERF_EVENT, is attached to. */
BPF_HELPER(perf_prog_read_value)
{
	struct bpf_perf_event_value *value = (struct bpf_perf_event_value *)r2;

	if ((u32)r3 != sizeof(*value) || !perf_program_event) {
		memset(value, 0, (u32)r3);
		return -EINVAL;
	}
	value->counter = perf_event_read_value(perf_program_event, &value->enabled, &value->running);
	return 0;
}

/* ---- the probed function ---- */

BPF_HELPER(override_return)
{
	struct pt_regs *regs = (struct pt_regs *)r1;

	regs_set_return_value(regs, r2);
	if (bpf_rules == BPF_RULES_2017) {
		bpf_kprobe_override = true;
		regs->ip = (unsigned long)override_func;
		return 0;
	}
	override_function_with_return(regs);
	return 0;
}

BPF_HELPER(get_func_ip)
{
	struct kprobe *kp = kprobe_running();

	if (bpf_run_ctx.prog)
		return ((const u64 *)r1)[-2];

	return kp && (kp->flags & KPROBE_FLAG_ON_FUNC_ENTRY) ? (u64)kp->addr : 0;
}

/* ---- the arguments of a trampoline's function: in front of the context are its address and their number ---- */

BPF_HELPER(get_func_arg)
{
	const u64 *args = (const u64 *)r1;

	if (r2 >= args[-1])
		return -EINVAL;
	*(u64 *)r3 = args[r2];
	return 0;
}

BPF_HELPER(get_func_ret)
{
	const u64 *args = (const u64 *)r1;
	enum bpf_attach_type type = bpf_run_ctx.prog ? bpf_run_ctx.prog->expected_attach_type : BPF_TRACE_FENTRY;

	if (type != BPF_TRACE_FEXIT && type != BPF_MODIFY_RETURN)
		return -EOPNOTSUPP;
	*(u64 *)r2 = args[args[-1]];
	return 0;
}

BPF_HELPER(get_func_arg_cnt)
{
	return ((const u64 *)r1)[-1];
}

BPF_HELPER(get_attach_cookie)
{
	return bpf_run_ctx.bpf_cookie;
}

BPF_HELPER(task_pt_regs)
{
	return (u64)task_pt_regs((struct task_struct *)r1);
}

BPF_HELPER(get_current_task)
{
	return (u64)current;
}

BPF_HELPER(get_current_task_btf)
{
	return (u64)current;
}

/* ---- formatted output ---- */

#define MAX_FORMAT_ARGS	12

/* One conversion of a format: where it starts, what it takes, where the text goes on. */
static const char *format_one(const char *spec, u64 arg, char *out, size_t size, int *written)
{
	char text[32], string[64];
	size_t width_end, at = 1;
	int longs = 0;
	char kind;

	while (spec[at] == '0' || spec[at] == '+' || spec[at] == '-' || spec[at] == ' ')
		at++;
	while (isdigit(spec[at]))
		at++;
	width_end = at;
	if (width_end > 16)
		return NULL;
	memcpy(text, spec, width_end);

	if (spec[at] == 'p') {
		kind = spec[at + 1];
		if ((kind == 'k' || kind == 'u') && spec[at + 2] == 's') {
			at += 3;
			goto string_argument;
		}
		if (kind == 'B' || kind == 'K' || kind == 'x' || kind == 's' || kind == 'S') {
			strscpy(text + width_end, (char[]){ 'p', kind, 0 }, 3);
			*written = scnprintf(out, size, text, (void *)arg);
			return spec + at + 2;
		}
		if (kind && !isspace(kind) && !ispunct(kind))
			return NULL;
		strscpy(text + width_end, "p", 2);
		*written = scnprintf(out, size, text, (void *)arg);
		return spec + at + 1;
	}
	if (spec[at] == 's') {
		kind = 0;
		at++;
		goto string_argument;
	}
	if (spec[at] == 'c') {
		strscpy(text + width_end, "c", 2);
		*written = scnprintf(out, size, text, (int)arg);
		return spec + at + 1;
	}
	while (spec[at] == 'l' && longs < 2) {
		longs++;
		at++;
	}
	kind = spec[at];
	if (kind != 'd' && kind != 'i' && kind != 'u' && kind != 'x' && kind != 'X')
		return NULL;
	if (!longs)
		arg = kind == 'd' || kind == 'i' ? (u64)(s32)arg : (u32)arg;
	strscpy(text + width_end, (char[]){ 'l', 'l', kind, 0 }, 4);
	*written = scnprintf(out, size, text, arg);
	return spec + at + 1;

string_argument:
	string[0] = '\0';
	if (kind == 'u' || (kind == 0 && arg < TASK_SIZE))
		strncpy_from_user_nofault(string, (void __user *)arg, sizeof(string));
	else
		strncpy_from_kernel_nofault(string, (void *)arg, sizeof(string));
	strscpy(text + width_end, "s", 2);
	*written = scnprintf(out, size, text, string);
	return spec + at;
}

/* Bytes written, or -EINVAL for a format that is not allowed or has more conversions than arguments. */
static int format(char *out, size_t size, const char *fmt, u32 fmt_size, const u64 *args, u32 count)
{
	size_t length = strnlen(fmt, fmt_size), at = 0;
	const char *end = fmt + length;
	u32 used = 0;

	if (length == fmt_size)
		return -EINVAL;
	while (fmt < end) {
		u8 c = *fmt;

		if (c >= 0x80 || (!isprint(c) && !isspace(c)))
			return -EINVAL;
		if (c == '%' && fmt[1] == '%') {
			fmt++;
		} else if (c == '%') {
			int written = 0;

			if (used >= count)
				return -EINVAL;
			fmt = format_one(fmt, args[used++], out + at, size - at, &written);
			if (!fmt)
				return -EINVAL;
			at += written;
			continue;
		}
		if (at + 1 < size)
			out[at++] = c;
		fmt++;
	}
	out[at] = '\0';
	return at;
}

static char print_buffer[1024];

static long print(const char *fmt, u32 fmt_size, const u64 *args, u32 count)
{
	int length = format(print_buffer, sizeof(print_buffer), fmt, fmt_size, args, count);

	if (length >= 0)
		trace_buffer_printk(print_buffer, length);
	return length;
}

BPF_HELPER(trace_printk)
{
	u64 args[] = { r3, r4, r5 };

	return print((const char *)r1, r2, args, ARRAY_SIZE(args));
}

BPF_HELPER(trace_vprintk)
{
	u32 bytes = r4;

	if (bytes & 7 || bytes > MAX_FORMAT_ARGS * 8 || (bytes && !r3))
		return -EINVAL;
	return print((const char *)r1, r2, (const u64 *)r3, bytes / 8);
}

BPF_HELPER(snprintf)
{
	u32 bytes = r5;

	if (bytes % 8 || bytes > MAX_FORMAT_ARGS * 8 || (bytes && !r4))
		return -EINVAL;
	return format((char *)r1, r2, (const char *)r3, strlen((const char *)r3) + 1, (const u64 *)r4, bytes / 8);
}

/* No processor here records branches. */
BPF_HELPER(read_branch_records)
{
	return r4 & ~(u64)BPF_F_GET_BRANCH_RECORDS_SIZE ? -EINVAL : -ENOENT;
}
