// SPDX-License-Identifier: MIT
/* Files in proc's root: version, cpuinfo, meminfo, stat, kallsyms and the like. (man 5 proc) */
#include <linux/utsname.h>
#include <kernel/blkdev.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/interrupt.h>
#include <kernel/kallsyms.h>
#include <kernel/vmalloc.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/time.h>
#include <kernel/capability.h>
#include "internal.h"

/* Probes and programs read it by its name. */
const char linux_proc_banner[] = "%s version %s (enomem@enomem) (gcc) %s\n";

static int version_show(struct seq_file *m, void *v)
{
	seq_printf(m, linux_proc_banner, UTS_SYSNAME, UTS_RELEASE, UTS_VERSION);
	return 0;
}

static int cmdline_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%s\n", saved_command_line);
	return 0;
}

static int uptime_show(struct seq_file *m, void *v)
{
	u64 hundredths = ktime_get_ns() / (NSEC_PER_SEC / 100);

	seq_printf(m, "%llu.%02llu %llu.%02llu\n", hundredths / 100, hundredths % 100, 0ULL, 0ULL);
	return 0;
}

static unsigned int count_tasks(bool running)
{
	struct task_struct *task;
	unsigned int n = 0;

	for_each_process_thread_all(task)
		n += !running || (task->__state == TASK_RUNNING && !task->exit_state);
	return n;
}

static pid_t last_pid(void)
{
	struct task_struct *task;
	pid_t last = 0;

	for_each_process_thread_all(task)
		last = max(last, task->pid);
	return last;
}

static int loadavg_show(struct seq_file *m, void *v)
{
	seq_printf(m, "0.00 0.00 0.00 %u/%u %d\n", count_tasks(true), count_tasks(false), last_pid());
	return 0;
}

static int meminfo_show(struct seq_file *m, void *v)
{
	unsigned long kb = PAGE_SIZE / 1024;

	seq_printf(m, "MemTotal:       %8lu kB\n", totalram_pages * kb);
	seq_printf(m, "MemFree:        %8lu kB\n", nr_free_pages_count * kb);
	seq_printf(m, "MemAvailable:   %8lu kB\n", nr_free_pages_count * kb);
	seq_printf(m, "Buffers:        %8lu kB\n", 0UL);
	seq_printf(m, "Cached:         %8lu kB\n", cached_pages() * kb);
	seq_printf(m, "SwapCached:     %8lu kB\n", 0UL);
	seq_printf(m, "SwapTotal:      %8lu kB\n", 0UL);
	seq_printf(m, "SwapFree:       %8lu kB\n", 0UL);
	seq_printf(m, "Dirty:          %8lu kB\n", 0UL);
	seq_printf(m, "Writeback:      %8lu kB\n", 0UL);
	seq_printf(m, "Slab:           %8lu kB\n", slab_pages_count() * kb);
	seq_printf(m, "KernelStack:    %8lu kB\n", (unsigned long)count_tasks(false) * (THREAD_SIZE / 1024));
	return 0;
}

static void cpuid(u32 leaf, u32 subleaf, u32 out[4])
{
	__asm__ __volatile__("cpuid" : "=a" (out[0]), "=b" (out[1]), "=c" (out[2]), "=d" (out[3]) :
			     "a" (leaf), "c" (subleaf));
}

static const char *const features_edx[32] = {
	"fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", NULL, "sep", "mtrr", "pge", "mca", "cmov",
	"pat", "pse36", "pn", "clflush", NULL, "dts", "acpi", "mmx", "fxsr", "sse", "sse2", "ss", "ht", "tm", "ia64", "pbe",
};
static const char *const features_ecx[32] = {
	"pni", "pclmulqdq", "dtes64", "monitor", "ds_cpl", "vmx", "smx", "est", "tm2", "ssse3", "cid", "sdbg", "fma",
	"cx16", "xtpr", "pdcm", NULL, "pcid", "dca", "sse4_1", "sse4_2", "x2apic", "movbe", "popcnt",
	"tsc_deadline_timer", "aes", "xsave", NULL, "avx", "f16c", "rdrand", "hypervisor",
};
static const char *const features_extended_edx[32] = {
	[11] = "syscall", [20] = "nx", [26] = "pdpe1gb", [27] = "rdtscp", [29] = "lm",
};

static void show_features(struct seq_file *m, u32 bits, const char *const *names)
{
	for (int i = 0; i < 32; i++)
		if ((bits & (1U << i)) && names[i])
			seq_printf(m, " %s", names[i]);
}

static int cpuinfo_show(struct seq_file *m, void *v)
{
	u32 r[4], max_extended;
	char vendor[13] = { 0 }, model[49] = { 0 };
	u32 signature, family, number, clflush;
	u64 khz = tsc_hz / 1000;

	cpuid(0, 0, r);
	memcpy(vendor, &r[1], 4);
	memcpy(vendor + 4, &r[3], 4);
	memcpy(vendor + 8, &r[2], 4);
	cpuid(0x80000000, 0, r);
	max_extended = r[0];
	for (u32 i = 0; i < 3 && max_extended >= 0x80000004; i++) {
		cpuid(0x80000002 + i, 0, r);
		memcpy(model + 16 * i, r, 16);
	}
	cpuid(1, 0, r);
	signature = r[0];
	clflush = (r[1] >> 8 & 0xff) * 8;
	family = signature >> 8 & 15;
	if (family == 15)
		family += signature >> 20 & 0xff;
	number = (signature >> 4 & 15) | (signature >> 12 & 0xf0);
	seq_printf(m, "processor\t: 0\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\n", vendor,
		   family, number, model[0] ? skip_spaces(model) : "unknown");
	seq_printf(m, "stepping\t: %u\ncpu MHz\t\t: %llu.%03llu\n", signature & 15, khz / 1000, khz % 1000);
	seq_puts(m, "physical id\t: 0\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\napicid\t\t: 0\n");
	seq_puts(m, "fpu\t\t: yes\nfpu_exception\t: yes\nwp\t\t: yes\nflags\t\t:");
	show_features(m, r[3], features_edx);
	show_features(m, r[2], features_ecx);
	if (max_extended >= 0x80000001) {
		cpuid(0x80000001, 0, r);
		show_features(m, r[3], features_extended_edx);
	}
	seq_printf(m, "\nbogomips\t: %llu.%02llu\nclflush size\t: %u\n\n", 2 * khz / 1000, 2 * khz / 10 % 100, clflush);
	return 0;
}

static int stat_show(struct seq_file *m, void *v)
{
	u64 user = 0, system = 0, ticks = ktime_get_ns() / (NSEC_PER_SEC / USER_HZ), used;
	struct task_struct *task;

	for_each_process_thread_all(task) {
		user += task->utime;
		system += task->stime;
	}
	user = nsec_to_clock_t(user);
	system = nsec_to_clock_t(system);
	used = user + system;
	for (int i = 0; i < 2; i++)
		seq_printf(m, "cpu%s %llu 0 %llu %llu 0 0 0 0 0 0\n", i ? "0" : " ", user, system,
			   ticks > used ? ticks - used : 0);
	seq_printf(m, "intr %lu\nctxt %lu\n", interrupts_count(), switches_count());
	seq_printf(m, "btime %lld\n", (long long)(ktime_get_real_seconds() - ktime_get_seconds()));
	seq_printf(m, "processes %d\nprocs_running %u\nprocs_blocked 0\n", last_pid(), count_tasks(true));
	return 0;
}

static int devices_show(struct seq_file *m, void *v)
{
	chrdev_show(m);
	seq_printf(m, "\nBlock devices:\n%3d virtblk\n", VIRTBLK_MAJOR);
	return 0;
}

static int partitions_show(struct seq_file *m, void *v)
{
	struct gendisk *disk = NULL;

	seq_puts(m, "major minor  #blocks  name\n\n");
	while ((disk = next_disk(disk)))
		seq_printf(m, "%4d  %7d %10llu %s\n", disk->major, disk->first_minor,
			   disk->part0.bd_nr_sectors / 2, disk->disk_name);
	return 0;
}

static int interrupts_show(struct seq_file *m, void *v)
{
	show_interrupts(m);
	return 0;
}

static int slabinfo_show_file(struct seq_file *m, void *v)
{
	slabinfo_show(m);
	return 0;
}

static int empty_show(struct seq_file *m, void *v)
{
	return 0;
}

/* ---- kallsyms: one symbol a record, in order of addresses ------------------------------------------------------------- */

struct symbol {
	unsigned long address;
	char type;
	const char *name, *module;
};

/* Behind the kernel's own symbols come those of generated code. */
static struct symbol *symbol_at(struct seq_file *m, loff_t pos)
{
	static struct symbol symbol;
	symbol.module = NULL;
	if (kallsyms_get(pos, &symbol.address, &symbol.type, &symbol.name))
		return &symbol;
	symbol.type = 't';
	symbol.module = "bpf";
	symbol.name = exec_symbol_get(pos - kallsyms_number(), &symbol.address);
	return symbol.name ? &symbol : NULL;
}

static void *symbols_start(struct seq_file *m, loff_t *pos)
{
	return symbol_at(m, *pos);
}

static void *symbols_next(struct seq_file *m, void *v, loff_t *pos)
{
	return symbol_at(m, ++*pos);
}

static void symbols_stop(struct seq_file *m, void *v)
{
}

static int kptr_restrict;

static int symbols_show(struct seq_file *m, void *v)
{
	struct symbol *symbol = v;
	bool visible = !kptr_restrict ? true : kptr_restrict == 1 && capable(CAP_SYSLOG);

	seq_printf(m, "%016lx %c %s", visible ? symbol->address : 0, symbol->type, symbol->name);
	if (symbol->module)
		seq_printf(m, "\t[%s]", symbol->module);
	seq_putc(m, '\n');
	return 0;
}

static const struct seq_operations symbols_ops = {
	.start = symbols_start, .next = symbols_next, .stop = symbols_stop, .show = symbols_show,
};

extern char host_name[], domain_name[];
static char ostype[] = UTS_SYSNAME, osrelease[] = UTS_RELEASE, osversion[] = UTS_VERSION;
static char core_pattern[128] = "core";
static int pid_max = 32768, overcommit_memory, randomize_va_space, file_max = 65536;
static int overflow_id = 65534, nr_open = 1024 * 1024, pipe_max_size = 1 << 20, always = 1, never;
static int max_map_count = 65530, ngroups_max = NGROUPS_INLINE, cap_last_cap = CAP_LAST_CAP, dmesg_restrict;

static int proc_generic_init(void)
{
	proc_create_single("version", 0444, NULL, version_show);
	proc_create_single("cmdline", 0444, NULL, cmdline_show);
	proc_create_single("cpuinfo", 0444, NULL, cpuinfo_show);
	proc_create_single("meminfo", 0444, NULL, meminfo_show);
	proc_create_single("uptime", 0444, NULL, uptime_show);
	proc_create_single("loadavg", 0444, NULL, loadavg_show);
	proc_create_single("stat", 0444, NULL, stat_show);
	proc_create_single("interrupts", 0444, NULL, interrupts_show);
	proc_create_single("devices", 0444, NULL, devices_show);
	proc_create_single("partitions", 0444, NULL, partitions_show);
	proc_create_single("modules", 0444, NULL, empty_show);
	proc_create_single("swaps", 0444, NULL, empty_show);
	proc_create_single("slabinfo", 0400, NULL, slabinfo_show_file);
	proc_create_seq("kallsyms", 0444, NULL, &symbols_ops);
	proc_symlink("mounts", NULL, "self/mounts");
	proc_sys_create_string("kernel/hostname", 0644, host_name, __NEW_UTS_LEN + 1);
	proc_sys_create_string("kernel/domainname", 0644, domain_name, __NEW_UTS_LEN + 1);
	proc_sys_create_string("kernel/ostype", 0444, ostype, sizeof(ostype));
	proc_sys_create_string("kernel/osrelease", 0444, osrelease, sizeof(osrelease));
	proc_sys_create_string("kernel/version", 0444, osversion, sizeof(osversion));
	proc_sys_create_string("kernel/core_pattern", 0644, core_pattern, sizeof(core_pattern));
	proc_sys_create_int("kernel/pid_max", 0644, &pid_max, 301, 4194304, NULL);
	proc_sys_create_int("kernel/kptr_restrict", 0644, &kptr_restrict, 0, 2, NULL);
	proc_sys_create_int("kernel/dmesg_restrict", 0644, &dmesg_restrict, 0, 1, NULL);
	proc_sys_create_int("kernel/randomize_va_space", 0644, &randomize_va_space, 0, 2, NULL);
	proc_sys_create_int("kernel/ngroups_max", 0444, &ngroups_max, 0, INT_MAX, NULL);
	proc_sys_create_int("kernel/cap_last_cap", 0444, &cap_last_cap, 0, INT_MAX, NULL);
	proc_sys_create_int("kernel/overflowuid", 0644, &overflow_id, 0, 65535, NULL);
	proc_sys_create_int("kernel/overflowgid", 0644, &overflow_id, 0, 65535, NULL);
	proc_sys_create_int("fs/nr_open", 0444, &nr_open, 0, INT_MAX, NULL);
	proc_sys_create_int("fs/pipe-max-size", 0444, &pipe_max_size, 0, INT_MAX, NULL);
	proc_sys_create_int("fs/protected_hardlinks", 0444, &always, 0, 1, NULL);
	proc_sys_create_int("fs/protected_symlinks", 0444, &always, 0, 1, NULL);
	proc_sys_create_int("fs/suid_dumpable", 0444, &never, 0, 0, NULL);
	proc_sys_create_int("vm/max_map_count", 0444, &max_map_count, 0, INT_MAX, NULL);
	proc_sys_create_int("vm/overcommit_memory", 0644, &overcommit_memory, 0, 2, NULL);
	proc_sys_create_int("fs/file-max", 0644, &file_max, 0, INT_MAX, NULL);
	return 0;
}
fs_initcall(proc_generic_init);
