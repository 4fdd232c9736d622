// SPDX-License-Identifier: MIT
/*
 * BPF_PROG_TEST_RUN for programs of functions: calls functions that exist for that. The attached programs run as they do anywhere;
 * the result tells what the function returned, and whether it really ran. (net/bpf/test_run.c)
 */
#include <kernel/compiler.h>
#include <kernel/error-injection.h>
#include <kernel/uaccess.h>
#include "internal.h"

struct bpf_fentry_test_t {
	struct bpf_fentry_test_t *a;
};

int bpf_fentry_test1(int a);
int bpf_fentry_test2(int a, u64 b);
int bpf_fentry_test3(char a, int b, u64 c);
int bpf_fentry_test4(void *a, char b, int c, u64 d);
int bpf_fentry_test5(u64 a, void *b, short c, int d, u64 e);
int bpf_fentry_test6(u64 a, void *b, short c, int d, void *e, u64 f);
int bpf_fentry_test7(struct bpf_fentry_test_t *arg);
int bpf_fentry_test8(struct bpf_fentry_test_t *arg);
int bpf_modify_return_test(int a, int *b);

noinline int bpf_fentry_test1(int a)
{
	return a + 1;
}
ALLOW_ERROR_INJECTION(bpf_fentry_test1, ERRNO);

noinline int bpf_fentry_test2(int a, u64 b)
{
	return a + b;
}

noinline int bpf_fentry_test3(char a, int b, u64 c)
{
	return a + b + c;
}

noinline int bpf_fentry_test4(void *a, char b, int c, u64 d)
{
	return (long)a + b + c + d;
}

noinline int bpf_fentry_test5(u64 a, void *b, short c, int d, u64 e)
{
	return a + (long)b + c + d + e;
}

noinline int bpf_fentry_test6(u64 a, void *b, short c, int d, void *e, u64 f)
{
	return a + (long)b + c + d + (long)e + f;
}

noinline int bpf_fentry_test7(struct bpf_fentry_test_t *arg)
{
	return (long)arg;
}

noinline int bpf_fentry_test8(struct bpf_fentry_test_t *arg)
{
	return (long)arg->a;
}

noinline int bpf_modify_return_test(int a, int *b)
{
	*b += 1;
	return a + *b;
}
ALLOW_ERROR_INJECTION(bpf_modify_return_test, ERRNO);

static bool all_functions_answer(void)
{
	struct bpf_fentry_test_t arg = { 0 };

	return bpf_fentry_test1(1) == 2 && bpf_fentry_test2(2, 3) == 5 && bpf_fentry_test3(4, 5, 6) == 15 &&
	       bpf_fentry_test4((void *)7, 8, 9, 10) == 34 && bpf_fentry_test5(11, (void *)12, 13, 14, 15) == 65 &&
	       bpf_fentry_test6(16, (void *)17, 18, 19, (void *)20, 21) == 111 && !bpf_fentry_test7(NULL) &&
	       !bpf_fentry_test8(&arg);
}

int bpf_prog_test_run_tracing(struct bpf_prog *prog, const union bpf_attr *attr, union bpf_attr __user *uattr)
{
	u16 side_effect = 0, ret = 0;
	int b = 2;

	if (attr->test.flags || attr->test.cpu || attr->test.batch_size)
		return -EINVAL;
	switch (prog->expected_attach_type) {
	case BPF_TRACE_FENTRY:
	case BPF_TRACE_FEXIT:
		if (!all_functions_answer())
			return -EFAULT;
		break;
	case BPF_MODIFY_RETURN:
		ret = bpf_modify_return_test(1, &b);
		side_effect = b != 2;
		break;
	default:
		return -EFAULT;
	}
	return put_user((u32)side_effect << 16 | ret, &uattr->test.retval);
}
