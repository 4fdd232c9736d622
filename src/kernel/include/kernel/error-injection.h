/* SPDX-License-Identifier: MIT */
/*
 * Which functions may be made to fail, and with what kind of value: Linux's error-injection records.
 * ALLOW_ERROR_INJECTION(fn, TYPE) leaves one record in the section _error_injection_whitelist; the list that the attach
 * checks consult is built from the section at late_initcall time. (semantics A1 to A5)
 */
#ifndef _KERNEL_ERROR_INJECTION_H
#define _KERNEL_ERROR_INJECTION_H

#include <kernel/types.h>

/* What an injected return value must look like to be one that callers know how to take. */
enum {
	EI_ETYPE_NONE,		/* not injectable */
	EI_ETYPE_NULL,		/* NULL on failure */
	EI_ETYPE_ERRNO,		/* -ERRNO on failure */
	EI_ETYPE_ERRNO_NULL,	/* -ERRNO or NULL on failure */
	EI_ETYPE_TRUE,		/* true on failure */
};

/* The record in _error_injection_whitelist. 16 bytes, as Linux's. */
struct error_injection_entry {
	unsigned long addr;
	int etype;
};

#define ALLOW_ERROR_INJECTION(fname, _etype)						\
	static struct error_injection_entry _eil_addr_##fname				\
	__attribute__((used, section("_error_injection_whitelist"), aligned(8))) = {	\
		.addr = (unsigned long)fname,						\
		.etype = EI_ETYPE_##_etype,						\
	}

/* True for any address inside a listed function, not only for its entry (A4). */
bool within_error_injection_list(unsigned long addr);

/* The EI_ETYPE_ of the listed function that contains @addr; EI_ETYPE_NONE if none does. */
int get_injectable_error_type(unsigned long addr);

struct pt_regs;

/* The lone `ret` that an overridden call returns through. */
void just_return_func(void);

/* Makes the probed function return at once to its caller: rip = just_return_func. The caller of this sets rax. */
void override_function_with_return(struct pt_regs *regs);

#endif
