// SPDX-License-Identifier: MIT
/*
 * The rules of the years (kernel option bpf_rules=): which commands, maps and programs there were, and how programs
 * were attached to probe events when each had room for one. (semantics A29, B1 to B9, D8, D10)
 */
#define pr_fmt(fmt) "bpf: " fmt

#include <kernel/bpf_rules.h>
#include <kernel/init.h>
#include <kernel/perf_event.h>
#include <kernel/printk.h>
#include <kernel/proc_fs.h>
#include <kernel/trace_events.h>
#include "internal.h"

enum bpf_rules bpf_rules;
bool bpf_kprobe_override;

_Static_assert(BPF_RULES_6_1 == BPF_COP_RULES_LATEST && BPF_RULES_2015 == BPF_COP_RULES_Y2015 &&
	       BPF_RULES_2017 == BPF_COP_RULES_Y2017 && BPF_RULES_2020 == BPF_COP_RULES_Y2020,
	       "the co-processor knows the years by the same numbers");

static const struct {
	const char *name;
	u32 commands, map_types, prog_types;	/* numbers from there on were not known yet */
	bool version_must_match;		/* attr.kern_version of KPROBE programs (B8) */
} eras[] = {
	[BPF_RULES_6_1] = { "6.1", U32_MAX, U32_MAX, U32_MAX, false },
	[BPF_RULES_2015] = { "2015", BPF_PROG_LOAD + 1, BPF_MAP_TYPE_ARRAY + 1, BPF_PROG_TYPE_SCHED_ACT + 1, true },
	[BPF_RULES_2017] = { "2017", BPF_PROG_QUERY + 1, BPF_MAP_TYPE_CPUMAP + 1, BPF_PROG_TYPE_CGROUP_DEVICE + 1, true },
	[BPF_RULES_2020] = { "2020", BPF_LINK_DETACH + 1, BPF_MAP_TYPE_INODE_STORAGE + 1, BPF_PROG_TYPE_SK_LOOKUP + 1,
			     false },
};

int bpf_rules_check_command(int cmd)
{
	/* All of bpf(2) was for the administrator. */
	if (bpf_rules == BPF_RULES_2015 && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return (u32)cmd >= eras[bpf_rules].commands ? -EINVAL : 0;
}

int bpf_rules_check_map(const union bpf_attr *attr)
{
	return attr->map_type >= eras[bpf_rules].map_types ? -EINVAL : 0;
}

int bpf_rules_check_prog(const union bpf_attr *attr)
{
	if (bpf_rules == BPF_RULES_2015 && attr->insn_cnt >= BPF_MAXINSNS)
		return -EINVAL;
	if (bpf_rules == BPF_RULES_2017 && (!attr->insn_cnt || attr->insn_cnt > BPF_MAXINSNS))
		return -E2BIG;
	if (eras[bpf_rules].version_must_match && attr->prog_type == BPF_PROG_TYPE_KPROBE &&
	    attr->kern_version != LINUX_VERSION_CODE)
		return -EINVAL;
	return attr->prog_type >= eras[bpf_rules].prog_types ? -EINVAL : 0;
}

/* ---- 2015: one program for each event ---- */

static int attach_only(struct trace_event_call *call, struct bpf_prog *prog)
{
	struct bpf_prog_array *array;
	int err;

	if (prog->type != BPF_PROG_TYPE_KPROBE)
		return -EINVAL;
	err = bpf_prog_array_copy(NULL, NULL, prog, 0, &array);
	if (err)
		return err;
	call->prog_array = array;
	call->only_prog = prog;
	return 0;
}

int perf_event_set_only_prog(struct perf_event *event, int prog_fd)
{
	struct trace_event_call *call = event->tp_event;
	struct bpf_prog *prog;
	int err;

	if (event->attr.type != PERF_TYPE_TRACEPOINT)
		return -EINVAL;
	if (call->prog_array)
		return -EEXIST;
	if (!(call->flags & TRACE_EVENT_FL_KPROBE))
		return -EINVAL;
	prog = bpf_prog_get(prog_fd);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	err = attach_only(call, prog);
	if (err)
		bpf_prog_put(prog);
	return err;
}

bool perf_event_free_only_prog(struct perf_event *event)
{
	struct trace_event_call *call = event->tp_event;
	struct bpf_prog *prog = call ? call->only_prog : NULL;

	if (!prog)
		return false;
	call->only_prog = NULL;
	bpf_prog_array_free(call->prog_array);
	call->prog_array = NULL;
	bpf_prog_put(prog);
	return true;
}

/* ---- the switch ---- */

static int set_rules(const char *name)
{
	for (int i = 0; i < ARRAY_SIZE(eras); i++) {
		if (!strcmp(eras[i].name, name)) {
			bpf_rules = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int __init bpf_rules_option(char *value)
{
	if (set_rules(value))
		pr_warn("bpf_rules=%s is none of 2015, 2017, 2020, 6.1\n", value);
	return 0;
}
early_param("bpf_rules", bpf_rules_option);

static int rules_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%s\n", eras[bpf_rules].name);
	return 0;
}

static int rules_open(struct inode *inode, struct file *file)
{
	return single_open(file, rules_show, NULL);
}

static ssize_t rules_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	char name[8];
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (count >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, buf, count))
		return -EFAULT;
	name[count] = '\0';
	err = set_rules(strim(name));
	return err ?: count;
}

static const struct proc_ops rules_ops = {
	.proc_open = rules_open,
	.proc_read = seq_read,
	.proc_write = rules_write,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};

static int __init bpf_rules_init(void)
{
	return proc_create("sys/kernel/bpf_rules", 0644, NULL, &rules_ops) ? 0 : -ENOMEM;
}
late_initcall(bpf_rules_init);
