// SPDX-License-Identifier: MIT
/*
 * /sys/kernel/tracing/README: what the files here are for and what can be written to them. Tools look words up in it to find
 * out what a kernel can do, so the grammar of probe events is given in Linux's notation.
 */
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/string.h>
#include <kernel/tracefs.h>

static const char readme[] =
	"Tracing in a small kernel\n\n"
	"# echo 0 > tracing_on : stop recording\n"
	"# echo 1 > tracing_on : go on recording\n"
	"  trace\t\t\t- the records, oldest first; opening it with O_TRUNC empties it\n"
	"  trace_pipe\t\t- reading takes records out, and waits for the next\n"
	"  error_log\t\t- what was wrong with the last commands, and where\n"
	"  available_events\t- GROUP:EVENT of all events\n"
	"  events/GROUP/EVENT\t- enable, filter, format, id\n\n"
	"  dynamic_events\t- probe events of the kernel and of programs\n"
	"  kprobe_events\t\t- those of the kernel; kprobe_profile: hits and misses\n"
	"  uprobe_events\t\t- those of programs; uprobe_profile: hits\n"
	"\t  accepts: event-definitions (one definition per line)\n"
	"\t   Format: p[:[<group>/][<event>]] <place> [<args>]\n"
	"\t           r[maxactive][:[<group>/][<event>]] <place> [<args>]\n"
	"\t           -:[<group>/][<event>] [<place> [<args>]]\n"
	"\t    place: [<module>:]<symbol>[+<offset>]|<memaddr>\n"
	"\t    place (kretprobe): [<module>:]<symbol>[+<offset>]%return|<memaddr>\n"
	"\t    place (uprobe): <path>:<offset>[%return][(ref_ctr_offset)]\n"
	"\t     args: <name>=fetcharg[:type]\n"
	"\t fetcharg: %<register>, @<address>, @<symbol>[+|-<offset>], @+<offset> (file offset),\n"
	"\t           $stack<index>, $stack, $retval, $comm, $arg<N>, \\<immediate>, \\\"<text>\",\n"
	"\t           +|-[u]<offset>(<fetcharg>)\n"
	"\t     type: s8/16/32/64, u8/16/32/64, x8/16/32/64, string, ustring, symbol, symstr,\n"
	"\t           b<bit-width>@<bit-offset>/<container-size>, <type>\\[<array-size>\\]\n";

static ssize_t readme_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	return simple_read_from_buffer(buf, count, pos, readme, sizeof(readme) - 1);
}

static const struct file_operations readme_fops = { .read = readme_read };

static int __init readme_init(void)
{
	tracefs_create_file("README", 0444, NULL, NULL, &readme_fops);
	return 0;
}
fs_initcall(readme_init);
