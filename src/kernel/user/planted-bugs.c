// SPDX-License-Identifier: MIT
/*
 * planted-bugs BUG			on a kernel that carries this bug (make -C src/kernel PLANT=BUG)
 * planted-bugs --without		on a kernel that carries none
 *
 * For each bug of src/btrfs-model/planted.h there is one fault that wakes it. The first form mounts the disk without the
 * fault, which must be silent, and with it, which must show the symptom. The second injects each of the faults: each must
 * be handled, and there must be no symptom. Exit code: 0 if all is as it should be. docs/planted-bugs.md
 */
#include "lib/faults.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEVICE		"/dev/vda"
#define DIRECTORY	"/mnt"
#define MAX_WORDS	32
#define MAX_TEXT	32768

struct bug {
	const char *name;
	const char *fault;		/* inject's options */
	const char *mount;		/* try-mount's options */
	const char *symptom;		/* in the kernel's log or what inject and try-mount print */
	const char *handled;		/* what they print if the bug is not there */
	int again;			/* the symptom shows at the next mount */
	const char *setting, *value;	/* a file to be written before */
};

static const struct bug bugs[] = {
	{
		.name = "leaked-reference",
		.fault = "-f btrfs_search_slot -e EIO --caller load_global_roots",
		.mount = "-r",
		.symptom = "leaked root 2 refcount 1",
		.handled = "mount: Input/output error",
	},
	{
		.name = "stale-error-pointer",
		.fault = "-f btrfs_search_slot -e EIO --caller btrfs_get_fs_root,open_ctree --not-caller init_tree_roots",
		.mount = "-r",
		.symptom = "BUG: kernel NULL pointer dereference, address: 00000000000000",
		.handled = "mount: Input/output error",
	},
	{
		.name = "wrong-errno",
		.fault = "-f btrfs_search_slot -e EIO --caller btrfs_read_chunk_tree",
		.mount = "-r",
		.symptom = "mount: Invalid argument",
		.handled = "mount: Input/output error",
	},
	{
		.name = "success-on-failure",
		.fault = "-f btrfs_search_slot -e EIO --caller btrfs_read_block_groups",
		.mount = "-r",
		.symptom = "mount: done, 0 of ",
		.handled = "mount: Input/output error",
	},
	{
		.name = "double-free",
		.fault = "-f kmalloc --caller kvmalloc,init_mount_fs_info",
		.mount = "-r",
		.symptom = "Object already free",
		.handled = "mount: Cannot allocate memory",
	},
	{
		.name = "use-after-free",
		.fault = "-f btrfs_search_slot -e EIO --caller load_global_roots",
		.mount = "-r",
		.symptom = "non-canonical address 0x6b6b6b6b6b6b",
		.handled = "mount: Input/output error",
	},
	{
		.name = "unbalanced-lock",
		.fault = "-f kmalloc --caller btrfs_read_sys_array",
		.mount = "-r",
		.symptom = "WARNING: lock held when returning to user space!",
		.handled = "mount: Cannot allocate memory",
	},
	{
		.name = "missed-wakeup",
		.fault = "-f kmem_cache_alloc -c btrfs-uuid --caller btrfs_uuid_rescan_kthread --timeout 260",
		.mount = "-o rescan_uuid_tree",
		.symptom = "INFO: task try-mount:",
		.handled = "umount: done",
	},
	{
		.name = "teardown-order",
		.fault = "-f btrfs_search_slot -e EIO --caller btrfs_recover_balance",
		.mount = "-r",
		.symptom = "buffer leak start",
		.handled = "mount: Input/output error",
	},
	{
		.name = "unchecked-null",
		.fault = "-f kmem_cache_alloc --caller btrfs_recover_balance",
		.mount = "-r",
		.symptom = "BUG: kernel NULL pointer dereference",
		.handled = "mount: Cannot allocate memory",
	},
	{
		.name = "wrong-label",
		.fault = "-f btrfs_search_slot -e EIO --caller btrfs_read_block_groups",
		.mount = "-r",
		.symptom = "sysfs: cannot create duplicate filename",
		.handled = "mount: Input/output error",
		.again = 1,
	},
	{
		.name = "endless-retry",
		.fault = "-f kmem_cache_alloc -n 1-24 --caller btrfs_read_chunk_tree",
		.mount = "-r",
		.symptom = "watchdog: BUG: soft lockup - CPU#0 stuck for",
		.handled = "mount: Cannot allocate memory",
		.setting = "/proc/sys/kernel/watchdog_thresh",
		.value = "1",
	},
};

#define BUG_COUNT (sizeof(bugs) / sizeof(bugs[0]))

/* What a kernel without bugs never says. */
static const char *const complaints[] = {
	"BUG", "WARNING", "Oops", "INFO: task", "leaked", "left allocated", "buffer leak", "cannot create duplicate", "Redzone",
	"general protection",
};

static char text[MAX_TEXT];		/* what a run and the kernel have said */
static int kmsg;

static void append(const char *from, size_t length)
{
	size_t used = strlen(text);

	if (used + length + 1 > sizeof(text))
		length = sizeof(text) - used - 1;
	memcpy(text + used, from, length);
	text[used + length] = '\0';
}

/* The kernel's messages since the last time; only from here on without @keep. */
static void read_log(int keep)
{
	char message[2048];

	while (kmsg_next(kmsg, message, sizeof(message)))
		if (keep) {
			append(message, strlen(message));
			append("\n", 1);
		}
}

static int split(char *line, char **words)
{
	int n = 0;

	for (char *word = strtok(line, " "); word && n < MAX_WORDS - 1; word = strtok(NULL, " "))
		words[n++] = word;
	words[n] = NULL;
	return n;
}

/* Runs a command, shows what it prints and keeps it. */
static void run(const char *line)
{
	char copy[512], *words[MAX_WORDS], buffer[512];
	unsigned int pause = 1000;
	int out[2];
	ssize_t n;
	pid_t pid;

	printf("$ %s\n", line);
	fflush(stdout);
	snprintf(copy, sizeof(copy), "%s", line);
	split(copy, words);
	if (pipe(out))
		exit(1);
	pid = fork();
	if (!pid) {
		dup2(out[1], 1);
		dup2(out[1], 2);
		close(out[0]);
		close(out[1]);
		execvp(words[0], words);
		perror(words[0]);
		_exit(127);
	}
	close(out[1]);
	/* A command that hangs keeps the pipe open, so its parent's end is what counts. */
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	for (;;) {
		int ended = waitpid(pid, NULL, WNOHANG) == pid;

		while ((n = read(out[0], buffer, sizeof(buffer))) > 0) {
			write(1, buffer, n);
			append(buffer, n);
		}
		if (ended)
			break;
		usleep(pause);
		if (pause < 2000000)
			pause *= 2;
	}
	close(out[0]);
	read_log(1);
}

static const char *line_with(const char *what)
{
	static char line[256];
	const char *at = strstr(text, what), *begin = at;

	if (!at)
		return NULL;
	while (begin > text && begin[-1] != '\n')
		begin--;
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(begin, "\n"), begin);
	return line;
}

/* 1 if somebody complained. */
static int complained(void)
{
	for (size_t i = 0; i < sizeof(complaints) / sizeof(complaints[0]); i++)
		if (line_with(complaints[i])) {
			printf("not silent: %s\n", line_with(complaints[i]));
			return 1;
		}
	return 0;
}

static void set(const struct bug *bug)
{
	if (bug->setting)
		write_file(bug->setting, bug->value);
}

static void begin(void)
{
	text[0] = '\0';
	read_log(0);
}

static int mount_without_fault(const struct bug *bug)
{
	char line[512];

	begin();
	snprintf(line, sizeof(line), "try-mount %s " DEVICE " " DIRECTORY, bug->mount);
	run(line);
	return line_with("mount: done") && line_with("umount: done") && !complained() ? 0 : 1;
}

static void mount_with_fault(const struct bug *bug)
{
	char line[512];

	begin();
	set(bug);
	snprintf(line, sizeof(line), "inject %s -- try-mount %s " DEVICE " " DIRECTORY, bug->fault, bug->mount);
	run(line);
}

static int planted(const struct bug *bug)
{
	if (mount_without_fault(bug)) {
		printf("%s: not silent without its fault\n", bug->name);
		return 1;
	}
	mount_with_fault(bug);
	if (bug->again)
		run("try-mount -r " DEVICE " " DIRECTORY);
	if (!line_with(bug->symptom)) {
		printf("%s: no symptom \"%s\"\n", bug->name, bug->symptom);
		return 1;
	}
	printf("%s: silent without its fault; with it: %s\n", bug->name, line_with(bug->symptom));
	return 0;
}

static int without(const struct bug *bug)
{
	int bad;

	mount_with_fault(bug);
	bad = complained() || line_with(bug->symptom) || !line_with(bug->handled) || !line_with("1 failed");
	bad |= mount_without_fault(bug);
	printf("%s: the fault is %s\n\n", bug->name, bad ? "NOT handled" : "handled");
	return bad;
}

int main(int argc, char **argv)
{
	int bad = 0, known = 0;

	kmsg = kmsg_open();
	if (argc != 2 || kmsg < 0) {
		fprintf(stderr, "usage: planted-bugs BUG | --without\n");
		return 2;
	}
	for (size_t i = 0; i < BUG_COUNT; i++) {
		if (!strcmp(argv[1], "--without"))
			bad |= without(&bugs[i]);
		else if (!strcmp(argv[1], bugs[i].name))
			bad |= planted(&bugs[i]);
		else
			continue;
		known = 1;
	}
	if (!known)
		fprintf(stderr, "planted-bugs: no bug %s\n", argv[1]);
	return !known || bad;
}
