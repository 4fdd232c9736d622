// SPDX-License-Identifier: MIT
/*
 * fault-attributes PART...
 *
 * What the files of the fault-injection framework take and give back, who decides in which order, and what a failing
 * call looks like; one line for each question. Linux 6.1 and this kernel must print the same
 * (test/kernel/fault-injection.test.ts). As root, with debugfs at /sys/kernel/debug and a disk /dev/vda. Parts: see the
 * table at the end.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEBUGFS "/sys/kernel/debug/"

static const char *error_name(int error)
{
	return error ? strerrorname_np(error) : "ok";
}

/* Writes @value: 0 or an errno. */
static int set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY), error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, value, strlen(value)) < 0)
		error = errno;
	close(fd);
	return error;
}

/* The first line of a file, or the errno's name in <>. */
static const char *get(const char *path)
{
	static char text[512];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		snprintf(text, sizeof(text), "<%s>", error_name(errno));
	else
		text[n] = '\0';
	if (fd >= 0)
		close(fd);
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = c[1] ? '|' : '\0';
	return text;
}

/* What a value looks like in a line of output. */
static void print_quoted(const char *value)
{
	putchar('\'');
	for (; *value; value++) {
		if (*value == '\n')
			printf("\\n");
		else
			putchar(*value);
	}
	putchar('\'');
}

static void try_values(const char *path, const char *const *values)
{
	printf("%s: %s", path, get(path));
	for (; *values; values++) {
		int error = set(path, *values);

		printf(", ");
		print_quoted(*values);
		printf(" ");
		if (error)
			printf("%s", error_name(error));
		else
			printf("-> %s", get(path));
	}
	printf("\n");
}

/* "NAME=VALUE NAME=VALUE ..." of a capability. */
static void configure(const char *capability, const char *settings)
{
	char text[200], path[96], *save;

	snprintf(text, sizeof(text), "%s", settings);
	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *value = strchr(word, '=');
		int error;

		*value++ = '\0';
		snprintf(path, sizeof(path), DEBUGFS "%s/%s", capability, word);
		error = set(path, value);
		if (error)
			printf("  %s=%s: %s\n", path, value, error_name(error));
	}
}

static const char *attribute(const char *capability, const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), DEBUGFS "%s/%s", capability, name);
	return get(path);
}

/* ---- files ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The files of a directory with their modes; not those of the stack filter, which Linux 6.1 has not on x86-64. */
static void list(const char *directory)
{
	char *names[64], path[160];
	DIR *dir = opendir(directory);
	struct dirent *entry;
	int n = 0;

	printf("%s:", directory);
	while (dir && n < 64 && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !strstr(entry->d_name, "stacktrace-depth") && !strstr(entry->d_name, "-start") &&
		    !strstr(entry->d_name, "-end"))
			names[n++] = strdup(entry->d_name);
	qsort(names, n, sizeof(*names), by_name);
	for (int i = 0; i < n; i++) {
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		lstat(path, &st);
		printf(" %s %o", names[i], st.st_mode);
		if (S_ISREG(st.st_mode))
			printf(" %s", get(path));
	}
	printf("\n");
	if (dir)
		closedir(dir);
}

static const char *const capabilities[] = {
	"failslab", "fail_page_alloc", "fail_make_request", "fail_io_timeout", "fail_futex", "fail_usercopy",
	"fail_function",
};

static void files(void)
{
	char path[64];

	for (unsigned int i = 0; i < sizeof(capabilities) / sizeof(*capabilities); i++) {
		snprintf(path, sizeof(path), DEBUGFS "%s", capabilities[i]);
		list(path);
	}
}

/* ---- what the files take ---- */

static const char *const numbers[] = {
	"0", "1", "100", "101", "-1", "-2", "+7", "0x10", "010", "5\n", "5\n\n", " 5", "5 ", "5x", "", "\n", "1 2",
	"2147483647", "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296", "4294967301",
	"9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616",
	"00000000000000000000007", "000000000000000000000007", "0000000000000000000000000000007", NULL,
};

static const char *const truths[] = {
	"Y", "N", "y", "n", "1", "0", "on", "off", "oN", "oFF", "o", "true", "T", "t", "f", "2", "x", "", "Yes", "\n",
	"1\n", "-1", " Y", NULL,
};

static void values(void)
{
	static const char *const names[] = { "probability", "interval", "times", "space", "verbose",
		"verbose_ratelimit_interval_ms", "verbose_ratelimit_burst" };
	char path[96];

	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), DEBUGFS "fail_function/%s", names[i]);
		try_values(path, numbers);
	}
	try_values(DEBUGFS "fail_function/task-filter", truths);
	try_values(DEBUGFS "failslab/ignore-gfp-wait", truths);
	try_values(DEBUGFS "failslab/cache-filter", truths);
	try_values(DEBUGFS "fail_page_alloc/ignore-gfp-highmem", truths);
	try_values(DEBUGFS "fail_page_alloc/ignore-gfp-wait", truths);
	try_values(DEBUGFS "fail_page_alloc/min-order", numbers);
	try_values(DEBUGFS "fail_futex/ignore-private", truths);
	try_values("/sys/block/vda/make-it-fail", numbers);
	try_values("/sys/block/vda/make-it-fail", truths);
	try_values("/sys/block/vda/io-timeout-fail", numbers);
	try_values("/sys/block/vda/io-timeout-fail", truths);
	configure("fail_function", "probability=0 interval=1 times=1 space=0 verbose=2 verbose_ratelimit_interval_ms=0 "
		  "verbose_ratelimit_burst=10 task-filter=N");
	configure("failslab", "ignore-gfp-wait=Y cache-filter=N");
	configure("fail_page_alloc", "ignore-gfp-wait=Y ignore-gfp-highmem=Y min-order=1");
	configure("fail_futex", "ignore-private=N");
	set("/sys/block/vda/make-it-fail", "0");
	set("/sys/block/vda/io-timeout-fail", "0");
}

/* ---- who decides: getpgid(2) as the one function that may fail, so that each call asks once, with size 1 ---- */

#define FUNCTION "__x64_sys_getpgid"
#define RESET "probability=0 interval=1 times=-1 space=0 verbose=0 task-filter=N"

/* "F" for a call that failed with @error, "." for one that succeeded. */
static void call_it(int times, int error)
{
	char pattern[128];

	for (int i = 0; i < times; i++)
		pattern[i] = syscall(__NR_getpgid, 0) >= 0 ? '.' : errno == error ? 'F' : '?';
	pattern[times] = '\0';
	printf("%s", pattern);
}

static void decide(const char *settings)
{
	configure("fail_function", RESET);
	configure("fail_function", settings);
	printf("%s: ", settings);
	call_it(12, ENOMEM);
	printf(" times %s", attribute("fail_function", "times"));
	printf(" space %s\n", attribute("fail_function", "space"));
	configure("fail_function", RESET);
}

static void decisions(void)
{
	set(DEBUGFS "fail_function/inject", FUNCTION);
	set(DEBUGFS "fail_function/" FUNCTION "/retval", "0xfffffffffffffff4");
	decide("probability=0");
	decide("probability=100");
	decide("probability=101");
	decide("probability=18446744073709551615");
	decide("probability=100 times=0");
	decide("probability=100 times=1");
	decide("probability=100 times=5");
	decide("probability=100 times=-1");
	decide("probability=100 times=-2");
	decide("probability=100 interval=0");
	decide("probability=100 interval=2");
	decide("probability=100 interval=5 times=1");
	decide("probability=100 interval=100");
	decide("probability=100 space=1");
	decide("probability=100 space=2");
	decide("probability=100 space=5 interval=2");
	decide("probability=100 space=-5");
	decide("probability=100 space=100");
	decide("probability=100 space=3 times=0");
	decide("probability=100 space=3 task-filter=Y");
	decide("probability=100 interval=3 task-filter=Y");
	set("/proc/self/make-it-fail", "1");
	decide("probability=100 task-filter=Y times=3");
	set("/proc/self/make-it-fail", "0");
}

static void run_child(void (*work)(void))
{
	int status;

	fflush(stdout);
	if (!fork()) {
		work();
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	if (status)
		printf("  child: status 0x%x\n", status);
}

static void print_task(void)
{
	printf(" make-it-fail %s", get("/proc/self/make-it-fail"));
	printf(" fail-nth %s", get("/proc/self/fail-nth"));
	printf(" calls ");
	call_it(4, ENOMEM);
	printf("\n");
}

static void in_grandchild(void)
{
	printf("grandchild:");
	print_task();
}

static void in_child(void)
{
	printf("child:");
	print_task();
	run_child(in_grandchild);
}

static char *self;

static void execute(const char *part)
{
	char *const argv[] = { self, (char *)part, NULL };

	fflush(stdout);
	execv(self, argv);
	printf("%s: %s\n", self, error_name(errno));
}

static void in_execed(void)
{
	execute("print-task");
}

static int user_part;

static void unprivileged(void)
{
	setgid(1000);
	setuid(1000);
	if (user_part == 1)
		execute("as-user");
	printf("make-it-fail %s", error_name(set("/proc/self/make-it-fail", "1")));
	printf(" fail-nth %s\n", error_name(set("/proc/self/fail-nth", "1")));
}

static void as_user(void)
{
	char path[64];

	printf("as user: make-it-fail %s", error_name(set("/proc/self/make-it-fail", "1")));
	printf(" fail-nth %s", error_name(set("/proc/self/fail-nth", "0")));
	snprintf(path, sizeof(path), "/proc/%d/fail-nth", getppid());
	printf(" of the parent %s,", error_name(set(path, "1")));
	printf(" debugfs %s", error_name(set(DEBUGFS "fail_function/probability", "0")));
	printf(" reads %s\n", get("/proc/self/make-it-fail"));
}

/* make-it-fail and fail-nth belong to a task; children have the first of them, too. */
static void tasks(void)
{
	static const char *const values[] = {
		"0", "1", "2", "-1", "x", "", " 1", "1 ", "0x0", "0x1", "0\n", "00000000001", "000000000001",
		"0000000000001", "00000000000000001", "4294967296", "99999999999", "999999999999",
		"9999999999999999999999", NULL,
	};
	static const char *const nths[] = {
		"0", "-1", "x", "", " 0", "0 ", "0\n", "0x0", "-0", "+0", "4294967296", "99999999999999999999999",
		"0 0", "00000000000000", "0000000000000000000000000000000000000", NULL,
	};
	struct stat st;
	char path[64];
	pid_t pid;

	set(DEBUGFS "fail_function/inject", FUNCTION);
	set(DEBUGFS "fail_function/" FUNCTION "/retval", "0xfffffffffffffff4");
	try_values("/proc/self/make-it-fail", values);
	set("/proc/self/make-it-fail", "0");
	try_values("/proc/self/fail-nth", nths);
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), i & 1 ? "/proc/self/task/%d/%s" : "/proc/%d/%s", getpid(), i & 2 ? "fail-nth" : "make-it-fail");
		printf("%s %o %s\n", i & 1 ? "task" : "process", stat(path, &st) ? 0 : st.st_mode, get(path));
	}
	configure("fail_function", RESET " probability=100 task-filter=Y");
	set("/proc/self/make-it-fail", "1");
	printf("this:");
	print_task();
	run_child(in_child);
	run_child(in_execed);
	set("/proc/self/make-it-fail", "0");
	configure("fail_function", RESET);
	user_part = 0;
	run_child(unprivileged);
	user_part = 1;
	run_child(unprivileged);
	/* Of another task. */
	fflush(stdout);
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/fail-nth", pid);
	printf("another's fail-nth: %s", error_name(set(path, "77")));
	printf(" %s", get(path));
	snprintf(path, sizeof(path), "/proc/%d/make-it-fail", pid);
	printf(", make-it-fail: %s", error_name(set(path, "1")));
	printf(" %s", get(path));
	printf(", mine: %s", get("/proc/self/fail-nth"));
	printf(" %s\n", get("/proc/self/make-it-fail"));
	{
		int fd = open(path, O_RDWR), status;

		kill(pid, 9);
		waitpid(pid, &status, 0);
		printf("of a task that has ended: write %s", write(fd, "1", 1) < 0 ? error_name(errno) : "ok");
		printf(" read %s\n", pread(fd, path, 8, 0) < 0 ? error_name(errno) : "ok");
		close(fd);
	}
}

/* Writes N, calls getpgid @calls times, reads N back, by a descriptor that is open already. */
static void nth(const char *value, int calls)
{
	char text[16] = "";
	int fd = open("/proc/self/fail-nth", O_RDWR), written, got;

	written = pwrite(fd, value, strlen(value), 0);
	printf("fail-nth %s: ", written < 0 ? error_name(errno) : value);
	call_it(calls, ENOMEM);
	got = pread(fd, text, sizeof(text) - 1, 0);
	text[strcspn(text, "\n")] = '\0';
	printf(" reads %s", got < 0 ? error_name(errno) : text);
	got = pread(fd, text, sizeof(text) - 1, 0);
	text[strcspn(text, "\n")] = '\0';
	printf(" then %s", got < 0 ? error_name(errno) : text);
	pwrite(fd, "0", 1, 0);
	close(fd);
	printf(", times %s\n", attribute("fail_function", "times"));
}

static void count_calls(void)
{
	set(DEBUGFS "fail_function/inject", FUNCTION);
	set(DEBUGFS "fail_function/" FUNCTION "/retval", "0xfffffffffffffff4");
	configure("fail_function", RESET " times=5");
	nth("1", 4);
	nth("2", 4);
	nth("4", 4);
	nth("5", 4);
	nth("6", 4);
	nth("7", 4);
	nth("0", 4);
	configure("fail_function", "probability=100 times=-1");
	nth("3", 6);
	nth("8", 6);
	configure("fail_function", RESET " times=0");
	nth("2", 4);
	configure("fail_function", RESET " times=-2");
	nth("2", 4);
	configure("fail_function", RESET " task-filter=Y space=100 interval=7");
	nth("2", 4);
	printf("space %s\n", attribute("fail_function", "space"));
	configure("fail_function", RESET);
}

/* ---- fail_function ---- */

static void inject(const char *name)
{
	int error = set(DEBUGFS "fail_function/inject", name);

	print_quoted(name);
	printf(": %s, lists %s\n", error_name(error), get(DEBUGFS "fail_function/inject"));
}

static void fail_function(void)
{
	static const char *const names[] = {
		"", "open_ctree", "open_ctree", " should_fail_alloc_page\n", "should_failslab", "vfs_read",
		"no_such_function", "!vfs_read", "!", "! open_ctree", "!open_ctree ", "!open_ctree", "open_ctree+0",
		"__x64_sys_getpgid,__x64_sys_read", "__x64_sys_getpgid\n__x64_sys_getpid", "should_fail_bio",
		"btrfs_should_cancel_balance", "__x64_sys_getpid extra", "\n", NULL,
	};
	static const char *const errnos[] = {
		"0", "1", "0xffffffffffffffff", "0xfffffffffffff001", "0xfffffffffffff000", "0xfffff001",
		"18446744073709551604", "-1", "-12", "fffffffffffffff4", "", "x", "0xfffffffffffffff4\n",
		" 0xfffffffffffffff4", NULL,
	};
	static const char *const truths[] = { "0", "1", "2", "0x1", "0xffffffffffffffff", NULL };
	static char name[700];
	char text[32] = "";
	int fd;

	for (const char *const *n = names; *n; n++)
		inject(*n);
	memset(name, ' ', sizeof(name) - 1);
	memcpy(name + 510, "open_ctree", 10);
	printf("510 blanks and open_ctree: %s, lists %s\n", error_name(set(DEBUGFS "fail_function/inject", name)),
	       get(DEBUGFS "fail_function/inject"));
	fd = open(DEBUGFS "fail_function/inject", O_WRONLY);
	printf("600 bytes: %ld\n", (long)write(fd, name, 600));
	printf("no memory: %s\n", write(fd, (void *)8, 8) < 0 ? error_name(errno) : "ok");
	close(fd);
	inject("open_ctree");
	inject("should_fail_alloc_page");
	list(DEBUGFS "fail_function");
	list(DEBUGFS "fail_function/open_ctree");
	try_values(DEBUGFS "fail_function/open_ctree/retval", errnos);
	try_values(DEBUGFS "fail_function/should_fail_alloc_page/retval", truths);
	fd = open(DEBUGFS "fail_function/open_ctree/retval", O_RDWR);
	inject("!open_ctree");
	printf("retval of a function that is gone: %s", read(fd, text, 31) < 0 ? error_name(errno) : text);
	printf(", write %s\n", write(fd, "0xfffffffffffffff4", 18) < 0 ? error_name(errno) : "ok");
	close(fd);
	printf("%s\n", get(DEBUGFS "fail_function/open_ctree/retval"));
	inject("\n");
	inject(FUNCTION);
	configure("fail_function", RESET " probability=100");
	printf("preset: ");
	call_it(2, EINVAL);
	set(DEBUGFS "fail_function/" FUNCTION "/retval", "0xfffffffffffff001");
	printf(" errno 4095: ");
	call_it(2, 4095);
	set(DEBUGFS "fail_function/" FUNCTION "/retval", "0xfffffffffffffff4");
	printf(" ENOMEM: ");
	call_it(2, ENOMEM);
	printf("\n");
	inject("__x64_sys_getsid");
	printf("two functions, one set of attributes, interval 2: ");
	configure("fail_function", "interval=2");
	for (int i = 0; i < 6; i++) {
		long sid = syscall(__NR_getsid, 0);

		printf("%c", sid < 0 ? errno == EINVAL ? 'S' : '?' : '.');
		call_it(1 + (i & 1), ENOMEM);
	}
	printf("\n");
	configure("fail_function", RESET);
	inject("");
	inject("!" FUNCTION);
}

/* ---- what the log says ---- */

static int log_fd = -1;

static void forget_log(void)
{
	if (log_fd < 0)
		log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	lseek(log_fd, 0, SEEK_END);
}

/* The messages since; of a stack, what kind of lines it has. */
static void print_log(void)
{
	char record[1024], *text, *end;
	ssize_t n;
	int frames = 0;

	while ((n = read(log_fd, record, sizeof(record) - 1)) > 0) {
		record[n] = '\0';
		text = strchr(record, ';') + 1;
		end = strchr(text, '\n');
		if (end)
			*end = '\0';
		if (strstr(text, "+0x") || !strncmp(text, " 0x", 3))
			frames++;
		else if (!strncmp(text, "CPU: ", 5))
			printf("  %c CPU, PID, Comm, version\n", record[0]);
		else if (strncmp(text, "Hardware name", 13) && strncmp(text, "RIP:", 4) && strncmp(text, "RSP:", 4) && text[0] != 'R' &&
			 text[0] != 'C')
			printf("  %c %s\n", record[0], text);
		else if (!strncmp(text, "Call Trace", 10))
			printf("  %c %s\n", record[0], text);
	}
	if (frames)
		printf("  frames: %s\n", frames > 3 ? "many" : "few");
}

static void log_of(const char *settings)
{
	configure("fail_function", RESET " times=3");
	configure("fail_function", settings);
	forget_log();
	printf("%s: ", settings);
	call_it(4, ENOMEM);
	printf("\n");
	print_log();
	configure("fail_function", RESET);
}

static void messages(void)
{
	set(DEBUGFS "fail_function/inject", FUNCTION);
	set(DEBUGFS "fail_function/" FUNCTION "/retval", "0xfffffffffffffff4");
	log_of("verbose=0 probability=100");
	log_of("verbose=1 probability=100");
	log_of("verbose=1 probability=100 times=-1 space=-7 interval=0");
	log_of("verbose=2 probability=100 times=1");
	log_of("verbose=9 probability=100 times=1");
	log_of("verbose=1 probability=100 verbose_ratelimit_burst=2 verbose_ratelimit_interval_ms=1000000");
	configure("fail_function", "verbose_ratelimit_burst=10 verbose_ratelimit_interval_ms=0");
	configure("fail_function", RESET " times=3 verbose=1");
	forget_log();
	nth("2", 4);
	print_log();
	configure("fail_function", RESET);
	set(DEBUGFS "fail_function/inject", "");
}

/* ---- how often a system call copies from and to user memory: what fail_usercopy and fail-nth count ---- */

static char buffer[8192];
static int null_fd, file_fd, pipe_fds[2];
static const char here[] = "/tmp/fault-attributes";

#define COPIES(X)								\
	X(getpid, syscall(__NR_getpid))						\
	X(stat, syscall(__NR_stat, "/", buffer))				\
	X(fstat, syscall(__NR_fstat, 0, buffer))				\
	X(newfstatat, syscall(__NR_newfstatat, AT_FDCWD, "/", buffer, 0))	\
	X(statx, syscall(__NR_statx, AT_FDCWD, "/", 0, 0x7ff, buffer))		\
	X(statfs, syscall(__NR_statfs, "/", buffer))				\
	X(access, syscall(__NR_access, "/", 0))					\
	X(readlink, syscall(__NR_readlink, "/proc/self", buffer, 64))		\
	X(getcwd, syscall(__NR_getcwd, buffer, 4096))				\
	X(chdir, syscall(__NR_chdir, "/"))					\
	X(mkdir, syscall(__NR_mkdir, "/tmp/fault-dir", 0755))			\
	X(rename, syscall(__NR_rename, "/tmp/fault-dir", "/tmp/fault-dir2"))	\
	X(rmdir, syscall(__NR_rmdir, "/tmp/fault-dir2"))			\
	X(symlink, syscall(__NR_symlink, "abc", "/tmp/fault-link"))		\
	X(unlink, syscall(__NR_unlink, "/tmp/fault-link"))			\
	X(open_null, (null_fd = syscall(__NR_open, "/dev/null", O_RDWR)))	\
	X(write_null, syscall(__NR_write, null_fd, buffer, 10))			\
	X(read_null, syscall(__NR_read, null_fd, buffer, 10))			\
	X(open_create, (file_fd = syscall(__NR_open, here, O_RDWR | O_CREAT, 0600)))	\
	X(write_10, syscall(__NR_write, file_fd, buffer, 10))			\
	X(write_4096, syscall(__NR_pwrite64, file_fd, buffer, 4096, 0))		\
	X(write_5000, syscall(__NR_pwrite64, file_fd, buffer, 5000, 0))		\
	X(read_10, syscall(__NR_pread64, file_fd, buffer, 10, 0))		\
	X(read_5000, syscall(__NR_pread64, file_fd, buffer, 5000, 0))		\
	X(lseek, syscall(__NR_lseek, file_fd, 0, 0))				\
	X(ftruncate, syscall(__NR_ftruncate, file_fd, 100))			\
	X(writev_2, syscall(__NR_writev, file_fd, two, 2))			\
	X(readv_2, syscall(__NR_readv, file_fd, two, 2))			\
	X(getdents64, syscall(__NR_getdents64, directory_fd, buffer, 8192))	\
	X(pipe, syscall(__NR_pipe, pipe_fds))					\
	X(pipe_write_10, syscall(__NR_write, pipe_fds[1], buffer, 10))		\
	X(pipe_read_10, syscall(__NR_read, pipe_fds[0], buffer, 10))		\
	X(poll, syscall(__NR_poll, &poll_fd, 1, 0))				\
	X(select, syscall(__NR_select, 3, buffer + 100, NULL, NULL, &zero_time))	\
	X(uname, syscall(__NR_uname, buffer))					\
	X(sysinfo, syscall(__NR_sysinfo, buffer))				\
	X(times, syscall(__NR_times, buffer))					\
	X(getrusage, syscall(__NR_getrusage, 0, buffer))			\
	X(getrlimit, syscall(__NR_getrlimit, 7, buffer))			\
	X(prlimit64, syscall(__NR_prlimit64, 0, 7, NULL, buffer))		\
	X(clock_gettime, syscall(__NR_clock_gettime, 0, buffer))		\
	X(clock_getres, syscall(__NR_clock_getres, 0, buffer))			\
	X(gettimeofday, syscall(__NR_gettimeofday, buffer, NULL))		\
	X(nanosleep, syscall(__NR_nanosleep, &zero_time, NULL))			\
	X(rt_sigprocmask, syscall(__NR_rt_sigprocmask, 0, buffer, buffer + 8, 8))	\
	X(rt_sigaction, syscall(__NR_rt_sigaction, 10, NULL, buffer, 8))	\
	X(rt_sigpending, syscall(__NR_rt_sigpending, buffer, 8))		\
	X(sigaltstack, syscall(__NR_sigaltstack, NULL, buffer))			\
	X(getgroups, syscall(__NR_getgroups, 0, NULL))				\
	X(getresuid, syscall(__NR_getresuid, buffer, buffer + 4, buffer + 8))	\
	X(sched_getaffinity, syscall(__NR_sched_getaffinity, 0, 8, buffer))	\
	X(prctl_name, syscall(__NR_prctl, 16, buffer))				\
	X(prctl_set_name, syscall(__NR_prctl, 15, "fault-attribute"))		\
	X(getrandom, syscall(__NR_getrandom, buffer, 16, 0))			\
	X(ioctl_fionread, syscall(__NR_ioctl, pipe_fds[0], 0x541b, buffer))	\
	X(mmap, syscall(__NR_mmap, 0, 4096, 3, 0x22, -1, 0))			\
	X(set_tid_address, syscall(__NR_set_tid_address, NULL))			\
	X(sethostname, syscall(__NR_sethostname, "host", 4))			\
	X(proc_stat, (proc_fd = syscall(__NR_open, "/proc/1/stat", O_RDONLY)))	\
	X(proc_read, syscall(__NR_read, proc_fd, buffer, 1024))			\
	X(sysfs_open, (sys_fd = syscall(__NR_open, "/sys/block/vda/size", O_RDONLY)))	\
	X(debugfs_open, (debug_fd = syscall(__NR_open, DEBUGFS "failslab/times", O_RDWR)))	\
	X(debugfs_read, syscall(__NR_read, debug_fd, buffer, 64))		\
	X(debugfs_write, syscall(__NR_write, debug_fd, "1", 1))			\
	X(chmod, syscall(__NR_chmod, here, 0644))				\
	X(utimensat, syscall(__NR_utimensat, AT_FDCWD, here, NULL, 0))		\
	X(truncate, syscall(__NR_truncate, here, 0))				\
	X(bpf_bad, syscall(__NR_bpf, 0, buffer, 16))				\
	X(futex_wake, syscall(__NR_futex, buffer, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0))	\
	X(wait4, syscall(__NR_wait4, -1, buffer, 1, NULL))			\
	X(umount_bad, syscall(__NR_umount2, "/tmp/nothing", 0))			\
	X(mount_bad, syscall(__NR_mount, "none", "/tmp", "nothing", 0, NULL))	\
	X(execve_bad, syscall(__NR_execve, "/tmp/nothing", NULL, NULL))

static void copies(void)
{
	struct { void *base; size_t length; } two[2] = { { buffer, 5 }, { buffer + 5, 5 } };
	struct { int fd; short events, revents; } poll_fd = { 0, 0, 0 };
	long zero_time[2] = { 0, 0 };
	char text[16];
	int fd = open("/proc/self/fail-nth", O_RDWR), directory_fd = open("/sys/kernel/debug/failslab", O_RDONLY);
	int proc_fd, sys_fd, debug_fd;

	/* All there, so that no copy is done twice, and the file's pages are, which Linux allocates without waiting. */
	memset(buffer, 0, sizeof(buffer));
	file_fd = open(here, O_RDWR | O_CREAT, 0600);
	write(file_fd, buffer, sizeof(buffer));
	close(file_fd);
#define COUNT(NAME, CALL)							\
	{									\
		long ret;							\
										\
		memset(text, 0, sizeof(text));					\
		pwrite(fd, "1000", 4, 0);					\
		ret = CALL;							\
		ret = ret < 0 ? -errno : 0;					\
		pread(fd, text, sizeof(text) - 1, 0);				\
		pwrite(fd, "0", 1, 0);						\
		printf("%s %d%s%s\n", #NAME, 1000 - atoi(text), ret ? " " : "", ret ? error_name(-ret) : "");	\
	}
	COPIES(COUNT)
	unlink(here);
}

/* ---- futexes ---- */

static unsigned int *shared_word;

static long futex(int op, unsigned int value)
{
	static long no_time[2] = { 0, 0 };
	int base = op & 127;
	void *third = base == FUTEX_WAIT || base == FUTEX_WAIT_BITSET || base == FUTEX_LOCK_PI ? (void *)no_time : (void *)1;

	return syscall(__NR_futex, shared_word, op, value, third, shared_word + 1, base == FUTEX_CMP_REQUEUE ? 0 : ~0);
}

static int is_lock(int op)
{
	return op == FUTEX_LOCK_PI || op == FUTEX_TRYLOCK_PI || op == FUTEX_UNLOCK_PI;
}

/* Which of the first requests of a futex operation fail, and with what. */
static void futexes(void)
{
	static const struct { const char *name; int op; unsigned int value; } ops[] = {
		{ "WAKE", FUTEX_WAKE, 1 }, { "WAIT", FUTEX_WAIT, 0 }, { "REQUEUE", FUTEX_REQUEUE, 1 },
		{ "CMP_REQUEUE", FUTEX_CMP_REQUEUE, 1 }, { "WAKE_BITSET", FUTEX_WAKE_BITSET, 1 }, { "WAIT_BITSET", FUTEX_WAIT_BITSET, 0 },
		{ "WAKE_OP", FUTEX_WAKE_OP, 1 }, { "LOCK_PI", FUTEX_LOCK_PI, 0 }, { "TRYLOCK_PI", FUTEX_TRYLOCK_PI, 0 },
		{ "UNLOCK_PI", FUTEX_UNLOCK_PI, 0 },
	};

	shared_word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	configure("fail_futex", "verbose=0 times=-1 probability=100 space=0");
	for (unsigned int i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		printf("%s:", ops[i].name);
		for (int private = 0; private < 2; private++) {
			for (int ignore = 0; ignore < 2; ignore++) {
				configure("fail_futex", ignore ? "ignore-private=Y" : "ignore-private=N");
				printf(" %s %s", private ? "private" : "shared", ignore ? "ignored" : "asked");
				for (int space = 0; space < 5; space++) {
					char text[16];

					/* What is to be unlocked is this task's. */
					*shared_word = ops[i].op == FUTEX_UNLOCK_PI ? (unsigned int)getpid() : 0;
					/* A lock is tried again after a fault, for ever if that stays. */
					configure("fail_futex", is_lock(ops[i].op) ? "times=1" : "times=-1");
					snprintf(text, sizeof(text), "space=%d", space + 1);
					configure("fail_futex", text);
					printf(" %s", futex(ops[i].op | (private ? FUTEX_PRIVATE_FLAG : 0), ops[i].value) < 0 ?
					       error_name(errno) : "ok");
					if (is_lock(ops[i].op))
						printf(" (%s)", attribute("fail_futex", "times"));
				}
			}
		}
		printf("\n");
	}
	configure("fail_futex", "ignore-private=N probability=0 times=1 space=0 verbose=2");
	munmap(shared_word, 4096);
}

/* ---- sizes ---- */

/* What failslab's space loses by an object for @length bytes: a write of that many to `inject` copies them into one. */
static void object_sizes(void)
{
	static const int lengths[] = {
		1, 7, 8, 15, 16, 31, 32, 63, 64, 95, 96, 127, 128, 191, 192, 255, 256, 400, 511, 512, 600,
	};
	static char text[1024];
	int fd = open(DEBUGFS "fail_function/inject", O_WRONLY), may_fail = open("/proc/self/make-it-fail", O_WRONLY);

	memset(text, '~', sizeof(text));
	configure("failslab", "ignore-gfp-wait=N verbose=0 times=-1 interval=1 task-filter=Y probability=100");
	printf("object of write:");
	for (unsigned int i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		int space;

		configure("failslab", "space=1000000");
		pwrite(may_fail, "1", 1, 0);
		if (write(fd, text, lengths[i]) >= 0 || errno != EINVAL)
			printf(" ?");
		pwrite(may_fail, "0", 1, 0);
		space = atoi(attribute("failslab", "space"));
		printf(" %d:%d", lengths[i], 1000000 - space);
	}
	printf("\n");
	configure("failslab", "ignore-gfp-wait=Y probability=0 space=0 times=1 task-filter=N verbose=2");
	close(fd);
	close(may_fail);
}

/*
 * Does touching a new page fail, and how often was the allocator asked? Each attempt in a child, which may be
 * killed.
 */
static void touch_page(void)
{
	volatile char *page;
	int may_fail = open("/proc/self/make-it-fail", O_WRONLY), zero = open("/dev/zero", O_RDONLY);
	long n;

	/* The table of the page is there; the page is not. */
	page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	page[0] = 1;
	pwrite(may_fail, "1", 1, 0);
	n = read(zero, (char *)page + 4096, 16);
	pwrite(may_fail, "0", 1, 0);
	printf("read to a new page: %s,", n < 0 ? error_name(errno) : "ok");
	fflush(stdout);
	pwrite(may_fail, "1", 1, 0);
	page[8192] = 1;
	pwrite(may_fail, "0", 1, 0);
	printf(" touch: ok,");
}

static void try_page(const char *settings)
{
	configure("fail_page_alloc", "verbose=0 interval=1 space=0 task-filter=Y probability=100");
	configure("fail_page_alloc", settings);
	printf("%s: ", settings);
	run_child(touch_page);
	printf(" times %s\n", attribute("fail_page_alloc", "times"));
	configure("fail_page_alloc", "probability=0 times=1 task-filter=N ignore-gfp-wait=Y ignore-gfp-highmem=Y min-order=1 verbose=2");
}

static void pages(void)
{
	try_page("times=1");
	try_page("times=1 min-order=0");
	try_page("times=1 min-order=0 ignore-gfp-wait=N");
	try_page("times=1 min-order=0 ignore-gfp-highmem=N");
	try_page("times=1 min-order=0 ignore-gfp-highmem=N ignore-gfp-wait=N");
	try_page("times=2 min-order=0 ignore-gfp-highmem=N ignore-gfp-wait=N");
	try_page("times=9 min-order=0 ignore-gfp-highmem=N ignore-gfp-wait=N space=3");
	try_page("times=1 min-order=1 ignore-gfp-highmem=N ignore-gfp-wait=N");
}

/* ---- requests to a disk ---- */

static void try_read(const char *may_fail, const char *settings)
{
	int fd = open("/dev/vda", O_RDONLY | O_DIRECT);
	char *aligned = (char *)(((unsigned long)buffer + 4095) & ~4095ul);

	set("/sys/block/vda/make-it-fail", may_fail);
	configure("fail_make_request", "verbose=0 interval=1 space=0 times=-1 probability=100");
	configure("fail_make_request", settings);
	printf("make-it-fail %s %s:", may_fail, settings);
	for (int i = 0; i < 4; i++)
		printf(" %s", pread(fd, aligned, 4096, 65536) < 0 ? error_name(errno) : "ok");
	printf(", times %s", attribute("fail_make_request", "times"));
	printf(" space %s\n", attribute("fail_make_request", "space"));
	configure("fail_make_request", "probability=0 times=1 space=0 verbose=2");
	set("/sys/block/vda/make-it-fail", "0");
	close(fd);
}

static void requests(void)
{
	try_read("0", "times=-1");
	try_read("1", "times=2");
	try_read("1", "space=8192");
	try_read("1", "space=8193");
	try_read("1", "space=4096");
	try_read("2", "interval=2");
	try_read("-1", "times=1");
}

/* A request whose end gets lost: who waits for it does so for ever, and not even SIGKILL reaches it. */
static void lost_completion(void)
{
	char *aligned = (char *)(((unsigned long)buffer + 4095) & ~4095ul), path[64];
	const char *state;
	int fd = open("/dev/vda", O_RDONLY | O_DIRECT), status;
	pid_t pid;

	configure("fail_io_timeout", "verbose=0 times=1 probability=100");
	printf("io-timeout-fail 0: %s", pread(fd, aligned, 4096, 65536) < 0 ? error_name(errno) : "ok");
	printf(", times %s\n", attribute("fail_io_timeout", "times"));
	set("/sys/block/vda/io-timeout-fail", "1");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		pread(fd, aligned, 4096, 65536);
		_exit(0);
	}
	usleep(100000);
	kill(pid, SIGKILL);
	usleep(100000);
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	state = strrchr(get(path), ')');
	printf("io-timeout-fail 1: %s, state %.1s", waitpid(pid, &status, WNOHANG) ? "ended" : "waits", state ? state + 2 : "?");
	set("/sys/block/vda/io-timeout-fail", "0");
	printf(", times %s", attribute("fail_io_timeout", "times"));
	printf(", the next: %s\n", pread(fd, aligned, 4096, 65536) < 0 ? error_name(errno) : "ok");
	configure("fail_io_timeout", "probability=0 times=1 verbose=2");
	close(fd);
}

/* ---- parts that are asked for by name ---- */

/* What boot options have set, and what the log says of them. */
static void boot(void)
{
	static const char *const names[] = { "interval", "probability", "space", "times" };
	char record[1024];
	ssize_t n;

	for (unsigned int i = 0; i < sizeof(capabilities) / sizeof(*capabilities) - 1; i++) {
		printf("%s", capabilities[i]);
		for (int k = 0; k < 4; k++)
			printf(" %s", attribute(capabilities[i], names[k]));
		printf("\n");
	}
	log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	while ((n = read(log_fd, record, sizeof(record) - 1)) > 0) {
		char *text;

		record[n] = '\0';
		text = strchr(record, ';') + 1;
		if (!strncmp(text, "FAULT_INJECTION", 15) || !strncmp(text, "Unknown kernel", 14))
			printf("%s", text);
	}
}

/* Which of 400 calls fail at 25 percent. */
static void draws(void)
{
	set(DEBUGFS "fail_function/inject", FUNCTION);
	set(DEBUGFS "fail_function/" FUNCTION "/retval", "0xfffffffffffffff4");
	configure("fail_function", RESET " probability=25");
	for (int i = 0; i < 4; i++) {
		call_it(100, ENOMEM);
		printf("\n");
	}
}

/* The stack filter's files; then which of the pipes fail that are made by pipe(2) and by pipe2(2). */
static void stack_filter(void)
{
	static const char *const depths[] = { "0", "1", "31", "32", "33", "1000", "-1", "x", NULL };
	static const char *const addresses[] = {
		"0", "1", "0xffffffff81000000", "18446744073709551615", "-1", "x", NULL,
	};
	static const char *const names[] = { "require-start", "require-end", "reject-start", "reject-end" };
	char path[96], line[160], start[32] = "", end[32] = "", settings[200];
	static const struct { const char *what, *format; } filters[] = {
		{ "none", "stacktrace-depth=32" },
		{ "required", "require-start=%s require-end=%s" },
		{ "required, depth 1", "require-start=%s require-end=%s stacktrace-depth=1" },
		{ "required, depth 0", "require-start=%s require-end=%s stacktrace-depth=0" },
		{ "rejected", "reject-start=%s reject-end=%s" },
		{ "rejected, depth 1", "reject-start=%s reject-end=%s stacktrace-depth=1" },
	};
	FILE *f = fopen("/proc/kallsyms", "r");
	int may_fail = open("/proc/self/make-it-fail", O_WRONLY);

	try_values(DEBUGFS "failslab/stacktrace-depth", depths);
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), DEBUGFS "failslab/%s", names[i]);
		try_values(path, addresses);
	}
	while (f && fgets(line, sizeof(line), f)) {
		if (start[0] && !end[0] && strncmp(start + 2, line, 16))
			snprintf(end, sizeof(end), "0x%.16s", line);
		if (strstr(line, " __x64_sys_pipe2\n"))
			snprintf(start, sizeof(start), "0x%.16s", line);
	}
	if (f)
		fclose(f);
	for (unsigned int i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		int fds[2], error[2];

		configure("failslab", "verbose=0 ignore-gfp-wait=N task-filter=Y times=-1 probability=100 stacktrace-depth=32 "
			  "require-start=0 require-end=0xffffffffffffffff reject-start=0 reject-end=0");
		snprintf(settings, sizeof(settings), filters[i].format, start, end);
		configure("failslab", settings);
		pwrite(may_fail, "1", 1, 0);
		for (int k = 0; k < 2; k++)
			error[k] = syscall(k ? __NR_pipe2 : __NR_pipe, fds, 0) ? errno : 0;
		pwrite(may_fail, "0", 1, 0);
		printf("%s: pipe %s", filters[i].what, error_name(error[0]));
		printf(", pipe2 %s\n", error_name(error[1]));
	}
	configure("failslab", "probability=0");
}

/* The functions on the stack of a failing pipe(2), from the innermost. */
static void stack(void)
{
	char record[1024], *text, *plus;
	int fds[2], fd = open("/proc/self/fail-nth", O_WRONLY);

	configure("failslab", "ignore-gfp-wait=N verbose=2");
	forget_log();
	pwrite(fd, "1", 1, 0);
	printf("%s:", pipe(fds) ? error_name(errno) : "ok");
	for (ssize_t n; (n = read(log_fd, record, sizeof(record) - 1)) > 0;) {
		record[n] = '\0';
		text = strchr(record, ';') + 2;
		plus = strstr(text, "+0x");
		if (plus && text[0] != '?')
			printf(" %.*s", (int)(plus - text), text);
	}
	printf("\n");
}

/*
 * With failslab's cache-filter only the caches fail that slub_debug=A has marked: a write of 40 bytes needs a
 * kmalloc-64.
 */
static void cache_filter(void)
{
	static const char forty[] = "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~";
	static const char hundred[] = "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~";
	int fd = open(DEBUGFS "fail_function/inject", O_WRONLY), may_fail = open("/proc/self/make-it-fail", O_WRONLY);
	int error[2];

	printf("kmalloc-64 %s", get("/sys/kernel/slab/kmalloc-64/failslab"));
	printf(", kmalloc-128 %s\n", get("/sys/kernel/slab/kmalloc-128/failslab"));
	for (int filter = 0; filter < 2; filter++) {
		configure("failslab", filter ? "cache-filter=Y" : "cache-filter=N");
		configure("failslab", "verbose=0 ignore-gfp-wait=N task-filter=Y times=-1 probability=100");
		pwrite(may_fail, "1", 1, 0);
		error[0] = write(fd, forty, 40) < 0 ? errno : 0;
		error[1] = write(fd, hundred, 100) < 0 ? errno : 0;
		pwrite(may_fail, "0", 1, 0);
		printf("cache-filter %c: 40 bytes %s", "NY"[filter], error_name(error[0]));
		printf(", 100 bytes %s\n", error_name(error[1]));
	}
	configure("failslab", "probability=0");
}

/* A function that returns NULL when it fails, which Linux 6.1 lists none of. */
static void null_function(void)
{
	static const char *const values[] = { "0", "1", "0xfffffffffffffff4", "0x0", NULL };
	int may_fail = open("/proc/self/make-it-fail", O_WRONLY);

	inject("kmalloc");
	try_values(DEBUGFS "fail_function/kmalloc/retval", values);
	/* The filter first: from then on nobody can open anything. */
	configure("fail_function", RESET " task-filter=Y probability=100");
	pwrite(may_fail, "1", 1, 0);
	inject("~~~~~~~~");
	pwrite(may_fail, "0", 1, 0);
	configure("fail_function", RESET);
	inject("");
}

static const struct { const char *name; void (*run)(void); int by_name; } parts[] = {
	{ "files", files, 0 }, { "values", values, 0 }, { "decisions", decisions, 0 }, { "tasks", tasks, 0 },
	{ "fail-nth", count_calls, 0 }, { "fail_function", fail_function, 0 }, { "messages", messages, 0 },
	{ "copies", copies, 0 }, { "futexes", futexes, 0 }, { "object-sizes", object_sizes, 0 }, { "pages", pages, 0 },
	{ "requests", requests, 0 }, { "lost-completion", lost_completion, 0 },
	{ "boot", boot, 1 }, { "draws", draws, 1 }, { "stack-filter", stack_filter, 1 }, { "stack", stack, 1 },
	{ "cache-filter", cache_filter, 1 }, { "null", null_function, 1 },
};

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc == 2 && !strcmp(argv[1], "print-task")) {
		printf("executed:");
		print_task();
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "as-user")) {
		as_user();
		return 0;
	}
	for (unsigned int i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		int wanted = argc == 1 && !parts[i].by_name;

		for (int k = 1; k < argc; k++)
			wanted |= !strcmp(argv[k], parts[i].name);
		if (wanted) {
			printf("== %s\n", parts[i].name);
			parts[i].run();
			fflush(stdout);
		}
	}
	return 0;
}
