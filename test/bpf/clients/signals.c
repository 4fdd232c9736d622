// SPDX-License-Identifier: MIT
/* Has programs send it signals, and prints which arrived when the system call was over, and what other helpers gave. */
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "signals.skel.h"

static volatile int arrived[65];

static void count(int signal)
{
	arrived[signal]++;
}

int main(void)
{
	struct signals_bpf *skeleton = signals_bpf__open_and_load();
	long *sent, *asked;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!skeleton)
		return 1;
	skeleton->bss->target = getpid();
	if (signals_bpf__attach(skeleton))
		return 2;
	signal(SIGUSR1, count);
	signal(SIGUSR2, count);
	sent = skeleton->bss->sent;
	asked = skeleton->bss->asked;
	syscall(SYS_getpgid, 0);
	printf("kprobe: %ld, arrived %d %d\n", sent[0], arrived[SIGUSR1], arrived[SIGUSR2]);
	syscall(SYS_getsid, 0);
	printf("fentry: %ld %ld, arrived %d %d\n", sent[1], sent[2], arrived[SIGUSR1], arrived[SIGUSR2]);
	syscall(SYS_getppid);
	printf("tracepoint: %ld, arrived %d %d\n", sent[3], arrived[SIGUSR1], arrived[SIGUSR2]);
	syscall(SYS_getpgrp);
	printf("raw tracepoint: %ld, arrived %d %d\n", sent[4], arrived[SIGUSR1], arrived[SIGUSR2]);
	syscall(SYS_getuid);
	printf("control group %ld, its ancestors %ld %ld\n", asked[0], asked[1], asked[2]);
	printf("numbers in a namespace: %ld, %u %u\n", asked[3], skeleton->bss->numbers.pid, skeleton->bss->numbers.tgid);
	printf("signal 65: %ld, signal 0: %ld\n", asked[4], asked[5]);
	printf("arrived %d %d\n", arrived[SIGUSR1], arrived[SIGUSR2]);
	return 0;
}
