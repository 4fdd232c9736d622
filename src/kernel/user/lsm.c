// SPDX-License-Identifier: MIT
/*
 * lsm [loading|hooks|several|exec]...
 *
 * Programs on the hooks of security modules: which load, and for each hook what a program that says no makes fail. Prints one line for
 * each question; the lines are the same on Linux 6.1. (docs/lsm.md)
 */
#define _GNU_SOURCE
#include "lib/bpf.h"
#include "lib/bpf_insn.h"
#include "lib/probes.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <linux/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Others than "lsm!..." are let through. */
#define ONLY_US				SET64(BPF_REG_10, -16, 0), MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -16), MOV(BPF_REG_2, 8), \
					CALL(get_current_comm), LOAD32(BPF_REG_0, BPF_REG_10, -16), \
					JEQ(BPF_REG_0, 0x216d736c, 2), RETURN(0)
/* map[key]++ */
#define COUNT(fd, key)			STORE(-4, key), MOV_REG(BPF_REG_2, BPF_REG_10), ADD(BPF_REG_2, -4), MAP(BPF_REG_1, fd), \
					CALL(map_lookup_elem), JEQ(BPF_REG_0, 0, 3), LOAD64(BPF_REG_1, BPF_REG_0, 0), \
					ADD(BPF_REG_1, 1), STORE64(BPF_REG_0, 0, BPF_REG_1)

static char log_text[65536];
static int map;

static int load_as(const char *hook, const char *license, const struct bpf_insn *insns, int count)
{
	union bpf_attr attr;
	char name[64];

	snprintf(name, sizeof(name), "bpf_lsm_%s", hook);
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_LSM;
	attr.expected_attach_type = BPF_LSM_MAC;
	attr.attach_btf_id = bpf_kernel_function_id(name);
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = count;
	attr.license = (unsigned long)license;
	attr.log_buf = (unsigned long)log_text;
	attr.log_size = sizeof(log_text);
	attr.log_level = 1;
	log_text[0] = '\0';
	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

#define LOAD(hook, ...) load_as(hook, "GPL", INSNS(__VA_ARGS__))

static int show(const char *what, int result)
{
	printf("%s: %s\n", what, result < 0 ? error_name() : "ok");
	return result;
}

static void show_load(const char *what, int program)
{
	if (show(what, program) < 0) {
		/* The reason is the line before the statistics. */
		char *end = strstr(log_text, "processed ");

		if (end && end > log_text) {
			end[-1] = '\0';
			end = strrchr(log_text, '\n');
			printf("  %s\n", end ? end + 1 : log_text);
		}
	} else {
		close(program);
	}
}

/* ---- loading ---- */

static void loading(void)
{
	printf("== loading\n");
	show_load("returns nothing", LOAD("file_open", EXIT));
	show_load("a hook without a result: returns nothing", LOAD("task_free", EXIT));
	show_load("a hook without a result: reads one", LOAD("task_free", LOAD64(BPF_REG_0, BPF_REG_1, 8), RETURN(0)));
	show_load("returns 1", LOAD("file_open", RETURN(1)));
	show_load("returns what it reads", LOAD("file_open", LOAD64(BPF_REG_0, BPF_REG_1, 8), EXIT));
	show_load("returns a pointer", LOAD("file_open", LOAD64(BPF_REG_0, BPF_REG_1, 0), EXIT));
	show_load("reads behind the result", LOAD("file_open", LOAD64(BPF_REG_0, BPF_REG_1, 16), EXIT));
	show_load("reads half a slot", LOAD("file_open", LOAD32(BPF_REG_0, BPF_REG_1, 4), EXIT));
	show_load("stores into the structure", LOAD("file_open", LOAD64(BPF_REG_1, BPF_REG_1, 0), MOV(BPF_REG_0, 0),
		  STORE64(BPF_REG_1, 0, BPF_REG_0), EXIT));
	show_load("another license", load_as("file_open", "Proprietary", (struct bpf_insn[]){ RETURN(0) }, 2));
	show_load("bpf_get_func_arg_cnt", LOAD("file_open", CALL(get_func_arg_cnt), RETURN(0)));
	show_load("bpf_get_func_ip", LOAD("file_open", CALL(get_func_ip), RETURN(0)));
	show_load("bpf_get_attach_cookie", LOAD("file_open", CALL(get_attach_cookie), RETURN(0)));
	show_load("bpf_override_return", LOAD("file_open", MOV(BPF_REG_2, 0), CALL(override_return), RETURN(0)));
	show_load("bpf_copy_from_user", LOAD("file_open", MOV(BPF_REG_3, 0), MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -8),
		  MOV(BPF_REG_2, 8), CALL(copy_from_user), RETURN(0)));
}

/* ---- each hook ---- */

static int fd, child;
static char *memory;

static int do_open(void) { int f = open("/tmp/lsm/file", O_RDONLY); return f < 0 ? f : close(f); }
static int do_read(void) { char c; return read(fd, &c, 1); }
static int do_write(void) { return write(fd, "x", 1); }
static int do_ioctl(void) { int n; return ioctl(fd, FIONREAD, &n); }
static int do_fcntl(void) { return fcntl(fd, F_GETFL); }
static int do_mmap(void) { void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0); return p == MAP_FAILED ? -1 : munmap(p, 4096); }
static int do_mprotect(void) { return mprotect(memory, 4096, PROT_READ); }
static int do_create(void) { int f = open("/tmp/lsm/new", O_CREAT | O_RDWR, 0600); return f < 0 ? f : close(f); }
static int do_link(void) { return link("/tmp/lsm/file", "/tmp/lsm/link"); }
static int do_unlink(void) { return unlink("/tmp/lsm/link"); }
static int do_symlink(void) { return symlink("file", "/tmp/lsm/symlink"); }
static int do_mkdir(void) { return mkdir("/tmp/lsm/dir", 0700); }
static int do_rmdir(void) { return rmdir("/tmp/lsm/dir"); }
static int do_mknod(void) { return mknod("/tmp/lsm/fifo", 0010600, 0); }
static int do_rename(void) { return rename("/tmp/lsm/new", "/tmp/lsm/renamed"); }
static int do_access(void) { return access("/tmp/lsm/file", R_OK); }
static int do_stat(void) { struct stat s; return stat("/tmp/lsm/file", &s); }
static int do_statfs(void) { char s[256]; return syscall(__NR_statfs, "/tmp/lsm", s); }
static int do_mount(void) { return mount("none", "/tmp/lsm", "tmpfs", 0, ""); }
static int do_umount(void) { return umount2("/tmp/lsm", 0); }
static int do_kill(void) { return kill(child, 0); }
static int do_fork(void) { int pid = fork(); if (!pid) _exit(0); return pid < 0 ? pid : waitpid(pid, NULL, 0); }
static int do_socket(void) { int s = syscall(__NR_socket, 1, 1, 0); return s < 0 ? s : close(s); }
static int do_map(void) { int m = bpf_map_create(BPF_MAP_TYPE_ARRAY, "m", 4, 8, 1, 0); return m < 0 ? m : close(m); }
static int do_program(void) { int p = LOAD("task_free", RETURN(0)); return p < 0 ? p : close(p); }

static int do_event(void)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK };
	int event = sys_perf_event_open(&attr, 0, -1, -1, 0);

	return event < 0 ? event : close(event);
}

static int do_exec(void)
{
	int status = 0, pid = fork();

	if (!pid) {
		char *const args[] = { "lsm", "nothing", NULL };

		execv("/proc/self/exe", args);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	errno = WEXITSTATUS(status);
	return errno ? -1 : 0;
}

static const struct hook {
	const char *name;
	int (*operation)(void);
} hooks[] = {
	{ "file_open", do_open }, { "file_permission", do_read }, { "file_permission", do_write }, { "file_ioctl", do_ioctl },
	{ "file_fcntl", do_fcntl }, { "mmap_file", do_mmap }, { "mmap_addr", do_mmap }, { "file_mprotect", do_mprotect },
	{ "inode_create", do_create }, { "inode_link", do_link }, { "inode_unlink", do_unlink }, { "inode_symlink", do_symlink },
	{ "inode_mkdir", do_mkdir }, { "inode_rmdir", do_rmdir }, { "inode_mknod", do_mknod }, { "inode_rename", do_rename },
	{ "inode_permission", do_access }, { "inode_permission", do_open }, { "inode_getattr", do_stat },
	{ "sb_statfs", do_statfs }, { "sb_mount", do_mount }, { "sb_umount", do_umount }, { "task_kill", do_kill },
	{ "task_alloc", do_fork }, { "socket_create", do_socket }, { "bpf", do_map }, { "bpf_map", do_map },
	{ "bpf_prog", do_program }, { "perf_event_open", do_event }, { "bprm_creds_for_exec", do_exec },
	{ "bprm_check_security", do_exec }, { "capable", do_mount }, { "capable", do_umount }, { "capable", do_open },
};

static void each_hook(void)
{
	printf("== hooks\n");
	for (unsigned int i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		int program = LOAD(hooks[i].name, ONLY_US, RETURN(-EPERM)), link = attach_tracing(program), result;

		if (link < 0) {
			printf("%s: %s\n", hooks[i].name, error_name());
			continue;
		}
		result = hooks[i].operation();
		printf("%s says no: %s", hooks[i].name, result < 0 ? error_name() : "ok");
		close(link);
		close(program);
		result = hooks[i].operation();
		printf("; then: %s\n", result < 0 ? error_name() : "ok");
	}
}

/* ---- several programs ---- */

static void several(void)
{
	int one = LOAD("file_open", ONLY_US, COUNT(map, 0), RETURN(0));
	int no = LOAD("file_open", ONLY_US, COUNT(map, 1), RETURN(-EACCES));
	int strange = LOAD("file_open", ONLY_US, RETURN(1));
	int void_hook = LOAD("bprm_committed_creds", COUNT(map, 2), RETURN(0)), first, second;

	printf("== several\n");
	first = attach_tracing(one);
	show("lets it be", do_open());
	second = attach_tracing(no);
	show("the newer one says no", do_open());
	printf("  asked: %llu and %llu\n", value_in(map, 0), value_in(map, 1));
	show("attached again", attach_tracing(no));
	close(second);
	show("gone", do_open());
	close(first);
	first = attach_tracing(no);
	second = attach_tracing(one);
	show("the older one says no", do_open());
	printf("  asked: %llu and %llu\n", value_in(map, 0), value_in(map, 1));
	close(first);
	close(second);
	first = attach_tracing(strange);
	show("file_open says 1", do_open());
	close(first);
	first = attach_tracing(void_hook);
	do_exec();
	do_exec();
	printf("programs started: %llu\n", value_in(map, 2));
	close(first);
	close(one);
	close(no);
	close(strange);
	close(void_hook);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } parts[] = {
		{ "loading", loading }, { "hooks", each_hook }, { "several", several },
	};

	if (argc > 1 && !strcmp(argv[1], "nothing"))
		return 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	syscall(__NR_prctl, PR_SET_NAME, "lsm!", 0, 0, 0);
	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "values", 4, 8, 4, 0);
	mkdir("/tmp", 0777);
	mkdir("/tmp/lsm", 0700);
	fd = open("/tmp/lsm/file", O_CREAT | O_RDWR, 0600);
	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	for (unsigned int i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int wanted = argc < 2;

		for (int a = 1; a < argc; a++)
			wanted |= !strcmp(argv[a], parts[i].name);
		if (wanted)
			parts[i].run();
	}
	kill(child, SIGKILL);
	return 0;
}
