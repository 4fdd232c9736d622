// SPDX-License-Identifier: MIT
/* Who a program is right after execve: ids, capabilities, dumpability, its name. */
#include "report.h"

#include <sys/auxv.h>
#include <sys/prctl.h>
#include <linux/capability.h>

extern char **environ;

/* main() comes here, instead of making a directory, when it has been executed by exec_calls. */
void exec_child(int argc)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };
	uid_t r, e, s;
	gid_t gr, ge, gs;
	char name[20];

	getresuid(&r, &e, &s), getresgid(&gr, &ge, &gs);
	syscall(SYS_capget, &header, data);
	prctl(PR_GET_NAME, name);
	say("  executed with %d arguments, environment of %zu bytes, as %s: uid %d %d %d gid %d %d %d", argc,
	    environ[0] ? strlen(environ[0]) : 0, name, r, e, s, gr, ge, gs);
	say("  capabilities %x %x, secure %ld, dumpable %d, execfn %s", data[0].permitted, data[0].effective,
	    getauxval(AT_SECURE), prctl(PR_GET_DUMPABLE), (char *)getauxval(AT_EXECFN));
}
