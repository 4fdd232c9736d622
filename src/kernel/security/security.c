// SPDX-License-Identifier: MIT
/*
 * Security modules: security_NAME() asks bpf_lsm_NAME(), which does nothing but say what no module says. Programs are attached to
 * either. /sys/kernel/security/lsm names the modules. (Documentation/bpf/prog_lsm.rst)
 */
#include <kernel/compiler.h>
#include <kernel/cred.h>
#include <kernel/errno.h>
#include <kernel/init.h>
#include <kernel/security.h>
#include <kernel/seq_file.h>
#include <kernel/sysfs.h>

/* A hook is really called, whatever the compiler sees in it. */
#define __hook __attribute__((noipa))

#define LSM_HOOK(result, none, name, parameters, arguments)	\
	result bpf_lsm_##name parameters;			\
	__hook result bpf_lsm_##name parameters			\
	{							\
		return none;					\
	}							\
	__hook result security_##name parameters		\
	{							\
		return bpf_lsm_##name arguments;		\
	}
#define LSM_HOOK_CAPABILITY(result, none, name, parameters, arguments)	\
	result bpf_lsm_##name parameters;				\
	__hook result bpf_lsm_##name parameters				\
	{								\
		return none;						\
	}								\
	__hook result security_##name parameters			\
	{								\
		return cap_##name arguments ?: bpf_lsm_##name arguments; \
	}
#include <kernel/lsm_hook_defs.h>
#undef LSM_HOOK

/* securityfs has nothing else, so its one file lies where it would be mounted. */
static ssize_t lsm_show(void *priv, char *buf)
{
	return sysfs_emit(buf, "capability,bpf");
}

static int __init security_files_init(void)
{
	return sysfs_create_file_simple("kernel/security/lsm", 0444, lsm_show, NULL, NULL);
}
fs_initcall(security_files_init);
