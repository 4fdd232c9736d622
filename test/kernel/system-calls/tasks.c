// SPDX-License-Identifier: MIT
/* What a task has: credentials, capabilities, limits, threads and futexes, scheduling, times, names. */
#include "report.h"

#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <asm/prctl.h>

static void ids(const char *what)
{
	uid_t r, e, s;
	gid_t gr, ge, gs;

	getresuid(&r, &e, &s);
	getresgid(&gr, &ge, &gs);
	say("%s: uid %d %d %d gid %d %d %d", what, r, e, s, gr, ge, gs);
}

static void caps(const char *what)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		say("capget: %s", error_name(errno));
	else
		say("%s: effective %08x%08x permitted %08x%08x inheritable %08x%08x", what, data[1].effective,
		    data[0].effective, data[1].permitted, data[0].permitted, data[1].inheritable, data[0].inheritable);
}

FAMILY(credentials)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	gid_t groups[3] = { 7, 5, 9 };

	ids("start"), caps("start");
	SHOW(setgroups(3, groups));
	SHOW(getgroups(0, NULL));
	SHOW(getgroups(2, groups));
	SHOW(getgroups(3, groups));
	say("%d %d %d", groups[0], groups[1], groups[2]);
	SHOW(setgroups(-1, groups));
	SHOW(setgroups(70000, groups));
	SHOW(setreuid(5, 6)), ids("setreuid"), caps("setreuid");
	SHOW(setuid(5)), ids("setuid");
	SHOW(setuid(0)), ids("setuid");
	SHOW(setreuid(-1, 0));
	SHOW(setresuid(-1, 5, -1)), ids("setresuid");
	IN_CHILD(SHOW(setgid(5)));
	SHOW(setresuid(-2, 5, -1));
	SHOW(setfsuid(5));
	SHOW(setfsuid(99));
	SHOW(setfsuid(-1));
	header.version = 0x12345;
	SHOW(syscall(SYS_capget, &header, NULL));
	say("%#x", header.version);
	SHOW(syscall(SYS_capget, &header, data));
	header.pid = 1 << 29;
	SHOW(syscall(SYS_capget, &header, data));
	header.pid = -1;
	SHOW(syscall(SYS_capget, &header, data));
	header.pid = 0;
	memset(data, 0, sizeof(data));
	data[0].effective = 1;
	SHOW(syscall(SYS_capset, &header, data));
	data[0].effective = 0;
	SHOW(syscall(SYS_capset, &header, data));
	header.pid = 1;
	SHOW(syscall(SYS_capset, &header, data));
}

FAMILY(capabilities)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	SHOW(prctl(PR_CAPBSET_READ, 0));
	SHOW(prctl(PR_CAPBSET_READ, 40));
	SHOW(prctl(PR_CAPBSET_READ, 63));
	SHOW(prctl(PR_GET_KEEPCAPS));
	SHOW(prctl(PR_SET_KEEPCAPS, 1));
	SHOW(setresuid(77, 77, 77)), caps("kept");
	data[0].effective = data[0].permitted = 1 << CAP_SYS_ADMIN | 1 << CAP_SETUID, data[0].inheritable = 0;
	data[1] = (struct __user_cap_data_struct){};
	SHOW(syscall(SYS_capset, &header, data)), caps("capset");
	data[0].permitted |= 1 << CAP_KILL;
	SHOW(syscall(SYS_capset, &header, data));
	SHOW(sethostname("box", 3));
	SHOW(kill(1, 0));
	SHOW(setresuid(0, 0, 0)), caps("root again");
	SHOW(prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT));
	SHOW(prctl(PR_SET_SECUREBITS, 0));
	SHOW(prctl(PR_GET_SECUREBITS));
	SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	SHOW(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
}

FAMILY(prctls)
{
	char name[20] = "";
	int value = 0;

	SHOW(prctl(PR_SET_NAME, "a name that is too long"));
	SHOW(prctl(PR_GET_NAME, name));
	say("%s", name);
	SHOW(prctl(PR_SET_PDEATHSIG, 99));
	SHOW(prctl(PR_SET_PDEATHSIG, SIGUSR1));
	SHOW(prctl(PR_GET_PDEATHSIG, &value));
	VALUE(value);
	SHOW(prctl(PR_GET_DUMPABLE));
	SHOW(prctl(PR_SET_DUMPABLE, 2));
	SHOW(prctl(PR_SET_DUMPABLE, 0));
	SHOW(prctl(PR_GET_DUMPABLE));
	SHOW(prctl(PR_SET_CHILD_SUBREAPER, 1));
	SHOW(prctl(PR_GET_CHILD_SUBREAPER, &value));
	VALUE(value);
	pid_t child = fork();
	if (!child) {
		if (!fork()) {
			sleep_ms(30);
			_exit(getppid() == 1);
		}
		_exit(0);
	}
	waitpid(child, NULL, 0);
	int status;
	SHOW(wait(&status) > 0);
	VALUE(status);
	SHOW(prctl(PR_SET_TIMERSLACK, 100));
	SHOW(prctl(PR_GET_TIMERSLACK));
	SHOW(prctl(PR_GET_TSC, &value));
	VALUE(value);
	SHOW(prctl(PR_GET_SECCOMP));
	SHOW(prctl(PR_SET_SECCOMP, 1));
	SHOW(prctl(PR_GET_TID_ADDRESS, &value));
	SHOW(prctl(99999));
	SHOW(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	SHOW(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	SHOW(prctl(PR_SET_MM, 1, 0, 0, 0));
	SHOW(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	SHOW(prctl(PR_SET_VMA, 0, 1, 1, 0));
	unsigned long base = 0;
	SHOW(syscall(SYS_arch_prctl, ARCH_GET_FS, &base));
	SHOW(base == (unsigned long)pthread_self());
	SHOW(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x12345000));
	SHOW(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
	say("%#lx", base);
	SHOW(syscall(SYS_arch_prctl, ARCH_SET_GS, 1UL << 63));
	SHOW(syscall(SYS_arch_prctl, 0x9999, 0));
	SHOW(syscall(SYS_arch_prctl, ARCH_GET_CPUID, 0));
	SHOW(personality(0xffffffff));
	SHOW(personality(ADDR_NO_RANDOMIZE));
	SHOW(personality(0xffffffff) == ADDR_NO_RANDOMIZE);
}

FAMILY(limits)
{
	struct rlimit limit, other;
	struct rusage usage;
	struct tms tms;

	for (int i = 0; i < 16; i++) {
		getrlimit(i, &limit);
		if (i != RLIMIT_NPROC && i != RLIMIT_SIGPENDING && i != RLIMIT_MEMLOCK)
			say("limit %d: %ld %ld", i, (long)limit.rlim_cur, (long)limit.rlim_max);
	}
	SHOW(getrlimit(16, &limit));
	SHOW(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 10, 5 }));
	SHOW(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 10, 1 << 30 }));
	SHOW(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 10, 20 }));
	SHOW(prlimit(0, RLIMIT_NOFILE, &(struct rlimit){ 5, 20 }, &other));
	say("%ld %ld", (long)other.rlim_cur, (long)other.rlim_max);
	SHOW(prlimit(1 << 29, RLIMIT_NOFILE, NULL, &other));
	SHOW(prlimit(1, RLIMIT_NOFILE, NULL, &other));
	SHOW(setresuid(1000, 1000, 1000));
	SHOW(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 10, 30 }));
	SHOW(prlimit(1, RLIMIT_NOFILE, NULL, &other));
	IN_CHILD(setrlimit(RLIMIT_NPROC, &(struct rlimit){ 1, 1 }); SHOW(fork()));
	if (!counting_objects)
		IN_CHILD(setrlimit(RLIMIT_CPU, &(struct rlimit){ 1, 2 }); for (;;));
	SHOW(getrusage(RUSAGE_SELF, &usage));
	SHOW(getrusage(RUSAGE_CHILDREN, &usage));
	SHOW(usage.ru_utime.tv_sec >= 1);
	SHOW(usage.ru_maxrss > 100);
	SHOW(getrusage(5, &usage));
	SHOW_OK(times(&tms));
	SHOW(tms.tms_cutime >= 90);
	SHOW(getpriority(PRIO_PROCESS, 0));
	SHOW(setpriority(PRIO_PROCESS, 0, 5));
	SHOW(getpriority(PRIO_PROCESS, 0));
	SHOW(setpriority(PRIO_PROCESS, 0, 0));
	SHOW(setpriority(9, 0, 0));
	SHOW(nice(30));
	SHOW(getpriority(PRIO_PROCESS, 0));
}

static int word;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static long sum;
static __thread int own = 3;

static void *adder(void *argument)
{
	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&lock);
		sum += (long)argument;
		pthread_mutex_unlock(&lock);
		if (i % 100 == 0)
			sched_yield();
	}
	own += (long)argument;
	return (void *)(long)own;
}

static void *sleeper(void *argument)
{
	long woken;

	errno = 0;
	woken = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	return (void *)(woken < 0 ? -(long)errno : woken);
}

static void *killer(void *argument)
{
	sleep_ms(20);
	pthread_kill(*(pthread_t *)argument, SIGUSR1);
	return NULL;
}

static void nothing(int signal)
{
}

FAMILY(threads)
{
	pthread_t thread[8];
	void *result;
	struct timespec soon = { 0, 20000000 };
	pthread_mutex_t robust;
	pthread_mutexattr_t attributes;

	for (long i = 0; i < 8; i++)
		SHOW(pthread_create(&thread[i], NULL, adder, (void *)i));
	for (int i = 0; i < 8; i++) {
		pthread_join(thread[i], &result);
		VALUE(result);
	}
	VALUE(sum);
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 1, NULL));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &soon));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAKE, 1));
	SHOW(syscall(SYS_futex, (char *)&word + 1, FUTEX_WAIT, 0, &soon));
	SHOW(syscall(SYS_futex, 8, FUTEX_WAIT, 0, &soon));
	SHOW(syscall(SYS_futex, &word, 77, 0, &soon));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &(struct timespec){ 0, 1 }, NULL, 1));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &(struct timespec){ 0, -1 }));
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, sleeper, NULL);
	sleep_ms(30);
	static int other;
	SHOW(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE_PRIVATE, 1, 2, &other, 5));
	SHOW(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE_PRIVATE, 1, 2, &other, 0));
	SHOW(syscall(SYS_futex, &other, FUTEX_WAKE_PRIVATE, 10));
	SHOW(syscall(SYS_futex, &word, FUTEX_WAKE_OP_PRIVATE, 1, 1, &other, FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 0)));
	VALUE(other);
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], &result);
		VALUE(result);
	}
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attributes);
	pthread_create(&thread[0], NULL, (void *(*)(void *))pthread_mutex_lock, &robust);
	pthread_join(thread[0], &result);
	SHOW(pthread_mutex_lock(&robust) == EOWNERDEAD);
	SHOW(pthread_mutex_consistent(&robust));
	SHOW(pthread_mutex_unlock(&robust));
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	SHOW(pthread_mutex_init(&robust, &attributes));
	SHOW(pthread_mutex_lock(&robust));
	SHOW(pthread_mutex_unlock(&robust));
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 20000000;
	soon.tv_sec += soon.tv_nsec / 1000000000, soon.tv_nsec %= 1000000000;
	pthread_mutex_lock(&lock);
	SHOW(pthread_cond_timedwait(&condition, &lock, &soon) == ETIMEDOUT);
	pthread_mutex_unlock(&lock);
	signal(SIGUSR1, nothing);
	pthread_t self = pthread_self();
	pthread_create(&thread[0], NULL, killer, &self);
	struct timespec wait = { 5, 0 };
	SHOW(nanosleep(&wait, NULL));
	pthread_join(thread[0], NULL);
	void *head;
	size_t length;
	SHOW(syscall(SYS_get_robust_list, 0, &head, &length));
	VALUE(length);
	SHOW(syscall(SYS_set_robust_list, head, 5));
	SHOW(syscall(SYS_set_tid_address, &word) == getpid());
	SHOW(syscall(SYS_gettid) == getpid());
	SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) > 0);
	IN_CHILD(pthread_create(&thread[0], NULL, sleeper, NULL); sleep_ms(5); syscall(SYS_exit_group, 3));
	IN_CHILD(pthread_create(&thread[0], NULL, sleeper, NULL); sleep_ms(5); raise(SIGKILL));
	IN_CHILD(pthread_create(&thread[0], NULL, killer, &self); pthread_exit(NULL));
	IN_CHILD(pthread_create(&thread[0], NULL, sleeper, NULL); sleep_ms(5);
		 execl("/proc/self/exe", "program", "-l", NULL));
}

FAMILY(scheduling)
{
	struct sched_param parameter = { 0 };
	cpu_set_t set;
	struct timespec slice;

	SHOW(sched_getscheduler(0));
	SHOW(sched_getparam(0, &parameter));
	VALUE(parameter.sched_priority);
	SHOW(sched_get_priority_max(SCHED_FIFO));
	SHOW(sched_get_priority_min(SCHED_RR));
	SHOW(sched_get_priority_max(SCHED_OTHER));
	SHOW(sched_get_priority_max(99));
	SHOW(sched_setscheduler(0, SCHED_BATCH, &parameter));
	SHOW(sched_getscheduler(0));
	SHOW(sched_setscheduler(0, SCHED_FIFO, &parameter));
	parameter.sched_priority = 3;
	SHOW(sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameter));
	SHOW(sched_getscheduler(0));
	SHOW(sched_setparam(0, &parameter));
	SHOW(sched_getscheduler(1 << 29));
	SHOW(sched_rr_get_interval(0, &slice));
	SHOW(sched_yield());
	SHOW(sched_setscheduler(0, SCHED_OTHER, &parameter));
	parameter.sched_priority = 0;
	SHOW(sched_setscheduler(0, SCHED_OTHER, &parameter));
	SHOW(sched_getaffinity(0, sizeof(set), &set));
	SHOW(CPU_COUNT(&set));
	SHOW(syscall(SYS_sched_getaffinity, 0, 4, &set));
	SHOW(syscall(SYS_sched_getaffinity, 0, 64, &set) >= 8);
	SHOW(sched_setaffinity(0, sizeof(set), &set));
	CPU_ZERO(&set);
	SHOW(sched_setaffinity(0, sizeof(set), &set));
	unsigned int cpu = 9, node = 9;
	SHOW(syscall(SYS_getcpu, &cpu, &node, NULL));
	say("%u %u", cpu, node);
	SHOW(syscall(SYS_ioprio_get, 1, 0));
	SHOW(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 3));
	SHOW(syscall(SYS_ioprio_get, 1, 0));
}

FAMILY(clocks_and_system)
{
	const int clocks[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, -1, 99 };
	struct timespec time, later;
	struct timeval tv;
	struct utsname name;
	struct sysinfo info;
	char bytes[300];
	int zeros = 0;

	for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		say("clock %d", clocks[i]);
		SHOW(clock_gettime(clocks[i], &time));
		time.tv_sec = 0;
		SHOW(clock_getres(clocks[i], &time));
		VALUE(time.tv_sec);
	}
	SHOW(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (void *)8));
	SHOW(clock_settime(CLOCK_MONOTONIC, &time));
	time.tv_nsec = -1;
	SHOW(clock_settime(CLOCK_REALTIME, &time));
	time = (struct timespec){ 2000000000, 0 };
	SHOW(clock_settime(CLOCK_REALTIME, &time));
	clock_gettime(CLOCK_REALTIME, &time);
	VALUE(time.tv_sec / 10);
	gettimeofday(&tv, NULL);
	VALUE(tv.tv_sec / 10);
	SHOW(settimeofday(&(struct timeval){ 1900000000, 0 }, NULL));
	VALUE((long)(*(volatile time_t *)&(time_t){ syscall(SYS_time, NULL) }) / 10);
	clock_gettime(CLOCK_MONOTONIC, &time);
	SHOW(clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ 0, 30000000 }, NULL));
	clock_gettime(CLOCK_MONOTONIC, &later);
	long ms = (later.tv_sec - time.tv_sec) * 1000 + (later.tv_nsec - time.tv_nsec) / 1000000;
	SHOW(ms >= 30 && ms < 300);
	SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL));
	SHOW(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL));
	SHOW(clock_nanosleep(99, 0, &time, NULL));
	uname(&name);
	say("%s %s", name.sysname, name.machine);
	SHOW(sethostname("some-host", 9));
	SHOW(setdomainname("some-domain", 11));
	uname(&name);
	say("%s %s", name.nodename, name.domainname);
	SHOW(sethostname("x", 65));
	SHOW(sethostname("(none)", 6));
	SHOW(setdomainname("(none)", 6));
	SHOW(sysinfo(&info));
	say("unit %d swap %ld high %ld", info.mem_unit, (long)info.totalswap, (long)info.totalhigh);
	SHOW(getrandom(bytes, 300, 0));
	for (int i = 0; i < 300; i++)
		zeros += !bytes[i];
	SHOW(zeros < 20);
	SHOW(getrandom(bytes, 10, 8));
	SHOW(getrandom(bytes, 10, GRND_NONBLOCK | GRND_INSECURE));
	SHOW(getrandom((void *)8, 10, 0));
	const int absent[] = { 134, 154, 156, 174, 180, 181, 183, 184, 185, 214, 215, 236, 335, 400, 423, 451, 999, 5000, -1 };
	for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++) {
		errno = 0;
		long result = syscall(absent[i], 0, 0, 0, 0, 0, 0);
		say("call %d: %ld %s", absent[i], result, error_name(errno));
	}
}
