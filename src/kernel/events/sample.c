// SPDX-License-Identifier: MIT
/*
 * Samples: PERF_RECORD_SAMPLE with the parts that sample_type asks for, in the order of the ABI. (man perf_event_open,
 * "MMAP layout")
 */
#include <asm/perf_regs.h>
#include <kernel/irqflags.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/mm.h>
#include <kernel/ptrace.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/time.h>
#include <kernel/uaccess.h>
#include "internal.h"
#include "ring_buffer.h"

#define MAX_CALLCHAIN	127
#define RECORD_LIMIT	0xfff8		/* header.size has 16 bits */

u32 bpf_walk_kernel_stack(const struct pt_regs *regs, u64 *ips, u32 max);

static u64 perf_clock(const struct perf_event *event)
{
	if (!event->attr.use_clockid)
		return ktime_get_ns();
	switch (event->attr.clockid) {
	case CLOCK_REALTIME: case CLOCK_TAI: return ktime_get_real_ns();
	case CLOCK_BOOTTIME: return ktime_get_boottime_ns();
	default: return ktime_get_ns();
	}
}

static u64 primary_id(const struct perf_event *event)
{
	return event->id;
}

/* A task that is gone has no numbers any more. */
static u32 task_number(const struct task_struct *task, bool thread)
{
	return thread ? task->pid : task->tgid;
}

/* ---- sample_id ---- */

u32 perf_sample_id_size(const struct perf_event *event)
{
	u64 type = event->attr.sample_type;

	return 8 * (!!(type & PERF_SAMPLE_TID) + !!(type & PERF_SAMPLE_TIME) + !!(type & PERF_SAMPLE_ID) +
		    !!(type & PERF_SAMPLE_STREAM_ID) + !!(type & PERF_SAMPLE_CPU) + !!(type & PERF_SAMPLE_IDENTIFIER));
}

void perf_fill_sample_id(const struct perf_event *event, void *to)
{
	u64 type = event->attr.sample_type, *at = to;

	if (type & PERF_SAMPLE_TID)
		*at++ = (u64)task_number(current, true) << 32 | task_number(current, false);
	if (type & PERF_SAMPLE_TIME)
		*at++ = perf_clock(event);
	if (type & PERF_SAMPLE_ID)
		*at++ = primary_id(event);
	if (type & PERF_SAMPLE_STREAM_ID)
		*at++ = event->id;
	if (type & PERF_SAMPLE_CPU)
		*at++ = 0;
	if (type & PERF_SAMPLE_IDENTIFIER)
		*at++ = primary_id(event);
}

/* ---- stacks and registers ---- */

static unsigned int user_callchain(const struct pt_regs *regs, u64 *ips, unsigned int max)
{
	unsigned long frame[2], bp = regs->bp;
	unsigned int n = 0;

	if (n < max)
		ips[n++] = regs->ip;
	while (n < max && !(bp & 7) && bp && !copy_from_user_nofault(frame, (void __user *)bp, sizeof(frame))) {
		ips[n++] = frame[1];
		if (frame[0] <= bp)
			break;
		bp = frame[0];
	}
	return n;
}

static unsigned int callchain(const struct perf_event *event, struct pt_regs *regs, u64 *ips)
{
	unsigned int max = event->attr.sample_max_stack, n = 0;

	if (!user_mode(regs) && !event->attr.exclude_callchain_kernel) {
		ips[n++] = PERF_CONTEXT_KERNEL;
		n += bpf_walk_kernel_stack(regs, ips + n, max);
	}
	if (!event->attr.exclude_callchain_user && current->mm) {
		const struct pt_regs *user = user_mode(regs) ? regs : task_pt_regs(current);

		ips[n++] = PERF_CONTEXT_USER;
		n += user_callchain(user, ips + n, max > n - 1 ? max - (n - 1) : 0);
	}
	return n;
}

static u64 perf_reg(const struct pt_regs *regs, unsigned int number)
{
	static const u8 offsets[] = {
		[PERF_REG_X86_AX] = offsetof(struct pt_regs, ax), [PERF_REG_X86_BX] = offsetof(struct pt_regs, bx),
		[PERF_REG_X86_CX] = offsetof(struct pt_regs, cx), [PERF_REG_X86_DX] = offsetof(struct pt_regs, dx),
		[PERF_REG_X86_SI] = offsetof(struct pt_regs, si), [PERF_REG_X86_DI] = offsetof(struct pt_regs, di),
		[PERF_REG_X86_BP] = offsetof(struct pt_regs, bp), [PERF_REG_X86_SP] = offsetof(struct pt_regs, sp),
		[PERF_REG_X86_IP] = offsetof(struct pt_regs, ip), [PERF_REG_X86_FLAGS] = offsetof(struct pt_regs, flags),
		[PERF_REG_X86_CS] = offsetof(struct pt_regs, cs), [PERF_REG_X86_SS] = offsetof(struct pt_regs, ss),
		[PERF_REG_X86_R8] = offsetof(struct pt_regs, r8), [PERF_REG_X86_R9] = offsetof(struct pt_regs, r9),
		[PERF_REG_X86_R10] = offsetof(struct pt_regs, r10), [PERF_REG_X86_R11] = offsetof(struct pt_regs, r11),
		[PERF_REG_X86_R12] = offsetof(struct pt_regs, r12), [PERF_REG_X86_R13] = offsetof(struct pt_regs, r13),
		[PERF_REG_X86_R14] = offsetof(struct pt_regs, r14), [PERF_REG_X86_R15] = offsetof(struct pt_regs, r15),
	};

	return *(const u64 *)((const char *)regs + offsets[number]);
}

/* ABI and the registers of @mask; without registers the ABI is "none". */
static u64 *put_regs(u64 *at, const struct pt_regs *regs, u64 mask)
{
	*at++ = regs ? PERF_SAMPLE_REGS_ABI_64 : PERF_SAMPLE_REGS_ABI_NONE;
	for (unsigned int i = 0; regs && i < PERF_REG_X86_64_MAX; i++)
		if (mask >> i & 1)
			*at++ = perf_reg(regs, i);
	return at;
}

/* Size, that many bytes of the user's stack, and how many of them could be read. */
static u64 *put_user_stack(u64 *at, const struct pt_regs *regs, const void *end, u32 size)
{
	u64 got = 0;

	if ((char *)(at + 2) + size > (const char *)end)
		size = ((char *)end - (char *)(at + 2)) & ~7u;
	if (!regs)
		size = 0;
	*at++ = size;
	if (!size)
		return at;
	memset(at, 0, size);
	while (got < size) {
		u32 n = min_t(u32, size - got, PAGE_SIZE - offset_in_page(regs->sp + got));

		if (copy_from_user_nofault((char *)at + got, (void __user *)(regs->sp + got), n))
			break;
		got += n;
	}
	at += size / 8;
	*at++ = got;
	return at;
}

/* A size in 32 bits and the bytes, together filled with zeros to a multiple of 8. */
static u64 *put_raw(u64 *at, const struct perf_sample_data *data)
{
	u32 size = ALIGN(data->raw_size + sizeof(u32), 8) - sizeof(u32);

	if (!data->raw)
		size = sizeof(u32);
	*(u32 *)at = size;
	memset((char *)at + sizeof(u32), 0, size);
	if (data->raw)
		memcpy((char *)at + sizeof(u32), data->raw, data->raw_size);
	return at + (size + sizeof(u32)) / 8;
}

#define MEM_NA	(PERF_MEM_S(OP, NA) | PERF_MEM_S(LVL, NA) | PERF_MEM_S(SNOOP, NA) | PERF_MEM_S(LOCK, NA) | \
		 PERF_MEM_S(TLB, NA))

static char record[RECORD_LIMIT] __attribute__((aligned(8)));

static u64 *fill(struct perf_event *event, struct perf_sample_data *data, struct pt_regs *regs, u64 *at)
{
	const struct pt_regs *user = user_mode(regs) ? regs : current->mm ? task_pt_regs(current) : NULL;
	u64 type = event->attr.sample_type;

	if (type & PERF_SAMPLE_IDENTIFIER)
		*at++ = primary_id(event);
	if (type & PERF_SAMPLE_IP)
		*at++ = regs->ip;
	if (type & PERF_SAMPLE_TID)
		*at++ = (u64)task_number(current, true) << 32 | task_number(current, false);
	if (type & PERF_SAMPLE_TIME)
		*at++ = perf_clock(event);
	if (type & PERF_SAMPLE_ADDR)
		*at++ = data->addr;
	if (type & PERF_SAMPLE_ID)
		*at++ = primary_id(event);
	if (type & PERF_SAMPLE_STREAM_ID)
		*at++ = event->id;
	if (type & PERF_SAMPLE_CPU)
		*at++ = 0;
	if (type & PERF_SAMPLE_PERIOD)
		*at++ = data->period;
	if (type & PERF_SAMPLE_READ)
		at += perf_event_read_format(event, at);
	if (type & PERF_SAMPLE_CALLCHAIN) {
		at[0] = callchain(event, regs, at + 1);
		at += 1 + at[0];
	}
	if (type & PERF_SAMPLE_RAW)
		at = put_raw(at, data);
	if (type & PERF_SAMPLE_BRANCH_STACK)
		*at++ = 0;
	if (type & PERF_SAMPLE_REGS_USER)
		at = put_regs(at, user, event->attr.sample_regs_user);
	if (type & PERF_SAMPLE_STACK_USER)
		at = put_user_stack(at, user, record + sizeof(record) - 1024, event->attr.sample_stack_user);
	if (type & PERF_SAMPLE_WEIGHT_TYPE)
		*at++ = 0;
	if (type & PERF_SAMPLE_DATA_SRC)
		*at++ = MEM_NA;
	if (type & PERF_SAMPLE_TRANSACTION)
		*at++ = 0;
	if (type & PERF_SAMPLE_REGS_INTR)
		at = put_regs(at, regs, event->attr.sample_regs_intr);
	if (type & PERF_SAMPLE_PHYS_ADDR)
		*at++ = 0;
	if (type & PERF_SAMPLE_DATA_PAGE_SIZE)
		*at++ = 0;
	if (type & PERF_SAMPLE_CODE_PAGE_SIZE)
		*at++ = PAGE_SIZE;
	if (type & PERF_SAMPLE_AUX)
		*at++ = 0;
	return at;
}

int perf_event_output(struct perf_event *event, struct perf_sample_data *data, struct pt_regs *regs)
{
	struct perf_event_header *header = (struct perf_event_header *)record;
	unsigned long flags;
	char *end;
	int ret;

	if (!event->rb)
		return -ENOENT;
	local_irq_save(flags);
	end = (char *)fill(event, data, regs, (u64 *)(header + 1));
	header->type = PERF_RECORD_SAMPLE;
	header->misc = user_mode(regs) ? PERF_RECORD_MISC_USER : PERF_RECORD_MISC_KERNEL;
	header->size = end - record;
	ret = perf_output_record(event, header, true);
	local_irq_restore(flags);
	return ret;
}
NOKPROBE_SYMBOL(perf_event_output);

int perf_event_bpf_output(struct perf_event *event, struct pt_regs *regs, const void *raw, u32 size)
{
	struct perf_sample_data data = { .raw = raw, .raw_size = size };

	if (event->attr.type != PERF_TYPE_SOFTWARE || event->attr.config != PERF_COUNT_SW_BPF_OUTPUT)
		return -EINVAL;
	if (!perf_event_counts_here(event))
		return -EOPNOTSUPP;
	return perf_event_output(event, &data, regs) ? -ENOSPC : 0;
}
