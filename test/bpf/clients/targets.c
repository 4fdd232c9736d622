// SPDX-License-Identifier: MIT
/* Which programs may be attached to which functions, with what is said; recursion; the order of programs on a function. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "targets.skel.h"

static const char *const functions[] = {
	"security_file_open", "bpf_lsm_file_open", "open_ctree", "should_fail_bio", "should_failslab", "should_fail_alloc_page",
	"__filemap_add_folio", "btrfs_search_slot", "btrfs_cow_block", "btrfs_check_node", "btrfs_should_cancel_balance", "vfs_read",
	"vfs_open", "vfs_fsync", "schedule", "do_exit", "kfree", "strcmp", "snprintf", "rb_erase", "should_fail_ex", "trace_call_bpf",
	"bpf_get_current_task", "bpf_override_return", "bpf_map_lookup_elem", "__bpf_prog_enter", "__bpf_prog_exit",
	"bpf_fentry_test1", "bpf_fentry_test7", "bpf_modify_return_test",
};

static void try(const char *kind, enum bpf_attach_type type, int id, const char *name, int flags)
{
	const struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K }, { .code = BPF_JMP | BPF_EXIT } };
	char log[4096] = "";
	LIBBPF_OPTS(bpf_prog_load_opts, options, .attach_btf_id = id, .prog_flags = flags, .expected_attach_type = type,
		    .log_buf = log, .log_size = sizeof(log), .log_level = 1);
	int program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "target", "GPL", insns, 2, &options), link;

	printf("%s %s: ", kind, name);
	if (program < 0) {
		log[strcspn(log, "\n")] = '\0';
		printf("%s, %s\n", strerror(errno), log);
		return;
	}
	link = bpf_raw_tracepoint_open(NULL, program);
	printf("loaded, %s\n", link < 0 ? strerror(errno) : "attached");
	if (link >= 0)
		close(link);
	close(program);
}

static void each_target(void)
{
	struct btf *btf = btf__load_vmlinux_btf();

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		int id = btf__find_by_name_kind(btf, functions[i], BTF_KIND_FUNC);

		if (id < 0) {
			printf("%s: no such function\n", functions[i]);
			continue;
		}
		try("fentry", BPF_TRACE_FENTRY, id, functions[i], 0);
		try("sleepable fexit", BPF_TRACE_FEXIT, id, functions[i], BPF_F_SLEEPABLE);
		try("fmod_ret", BPF_MODIFY_RETURN, id, functions[i], 0);
	}
	btf__free(btf);
}

static void recursion(struct targets_bpf *skeleton)
{
	struct bpf_link *link = bpf_program__attach(skeleton->progs.on_deletion);
	int key = 0;

	for (int i = 0; i < 2; i++) {
		struct bpf_prog_info info = { 0 };
		__u32 size = sizeof(info);

		bpf_map_delete_elem(bpf_map__fd(skeleton->maps.other), &key);
		bpf_obj_get_info_by_fd(bpf_program__fd(skeleton->progs.on_deletion), &info, &size);
		printf("deletions seen %d, missed %llu\n", skeleton->bss->deletions, (unsigned long long)info.recursion_misses);
	}
	bpf_link__destroy(link);
}

static void order(struct targets_bpf *skeleton)
{
	struct bpf_program *const programs[] = { skeleton->progs.left, skeleton->progs.lets, skeleton->progs.entered,
						 skeleton->progs.refuses };

	for (int i = 0; i < 4; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, run);
		int result;

		if (!bpf_program__attach(programs[i]))
			printf("%s is not attached: %s\n", bpf_program__name(programs[i]), strerror(errno));
		skeleton->bss->ran = 0;
		result = bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.lets), &run);
		printf("%s too: %d, returned %#x;", bpf_program__name(programs[i]), result, run.retval);
		for (unsigned int k = 0; k < skeleton->bss->ran; k++)
			printf(" %c(%ld)", skeleton->bss->order[k], skeleton->bss->seen[k]);
		printf("\n");
	}
}

int main(void)
{
	struct targets_bpf *skeleton = targets_bpf__open_and_load();

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!skeleton)
		return 1;
	recursion(skeleton);
	order(skeleton);
	targets_bpf__destroy(skeleton);
	each_target();
	return 0;
}
