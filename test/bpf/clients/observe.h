/* SPDX-License-Identifier: MIT */
/* What the programs of observe.bpf.c and their loader tell each other. */
#ifndef OBSERVE_H
#define OBSERVE_H

enum observed { OBSERVED_MKDIR = 1, OBSERVED_CREATE, OBSERVED_RETURN, OBSERVED_SYSCALL, OBSERVED_ENTRY, OBSERVED_EXIT };

struct record {
	int what;			/* enum observed */
	int result;
	unsigned int mode;
	char comm[16];
	char parent[16];
	char name[32];
};

#endif
