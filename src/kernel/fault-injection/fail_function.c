// SPDX-License-Identifier: MIT
/*
 * fail_function: makes functions of the error-injection list fail by the framework's attributes, which all of them share. Names
 * are written to /sys/kernel/debug/fail_function/inject; each gets a directory with the value that it returns instead.
 * Unlike a BPF program's, the value must suit the function's type. (Documentation/fault-injection; semantics E13, E14)
 */
#include <kernel/debugfs.h>
#include <kernel/err.h>
#include <kernel/error-injection.h>
#include <kernel/fault-inject.h>
#include <kernel/init.h>
#include <kernel/kallsyms.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/list.h>
#include <kernel/mutex.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

struct failing_function {
	struct list_head list;
	struct kprobe kp;
	unsigned long retval;
	struct dentry *dir;
};

static struct fault_attr fail_function = FAULT_ATTR_INITIALIZER("fail_function");
static struct dentry *fail_function_dir;
static LIST_HEAD(functions);
static DEFINE_MUTEX(functions_mutex);

/* What the function at @addr may return that is nearest to @value. */
static unsigned long suitable_value(unsigned long addr, unsigned long value)
{
	bool is_errno = IS_ERR_VALUE(value);

	switch (get_injectable_error_type(addr)) {
	case EI_ETYPE_NULL: return 0;
	case EI_ETYPE_ERRNO: return is_errno ? value : (unsigned long)-EINVAL;
	case EI_ETYPE_ERRNO_NULL: return is_errno || !value ? value : (unsigned long)-EINVAL;
	case EI_ETYPE_TRUE: return 1;
	default: return value;
	}
}

static int pre_handler(struct kprobe *kp, struct pt_regs *regs)
{
	struct failing_function *function = container_of(kp, struct failing_function, kp);

	if (!should_fail_ex(&fail_function, 1, 0))
		return 0;
	regs->ax = function->retval;
	override_function_with_return(regs);
	return 1;
}
NOKPROBE_SYMBOL(pre_handler);

static struct failing_function *find(const char *name)
{
	struct failing_function *function;

	list_for_each_entry(function, &functions, list)
		if (!strcmp(function->kp.symbol_name, name))
			return function;
	return NULL;
}

/* Its files may be open longer than it lives. */
static bool is_alive(const struct failing_function *wanted)
{
	struct failing_function *function;

	list_for_each_entry(function, &functions, list)
		if (function == wanted)
			return true;
	return false;
}

static int retval_set(void *data, u64 value)
{
	struct failing_function *function = data;
	int ret = -ENOENT;

	mutex_lock(&functions_mutex);
	if (is_alive(function)) {
		ret = suitable_value((unsigned long)function->kp.addr, value) == value ? 0 : -EINVAL;
		if (!ret)
			function->retval = value;
	}
	mutex_unlock(&functions_mutex);
	return ret;
}

static int retval_get(void *data, u64 *value)
{
	struct failing_function *function = data;
	int ret = -ENOENT;

	mutex_lock(&functions_mutex);
	if (is_alive(function)) {
		*value = function->retval;
		ret = 0;
	}
	mutex_unlock(&functions_mutex);
	return ret;
}
DEFINE_DEBUGFS_ATTRIBUTE(retval_fops, retval_get, retval_set, "%llx\n");

static void free_function(struct failing_function *function)
{
	kfree(function->kp.symbol_name);
	kfree(function);
}

static void remove(struct failing_function *function)
{
	debugfs_remove(function->dir);
	unregister_kprobe(&function->kp);
	list_del(&function->list);
	free_function(function);
}

static int add(const char *name)
{
	unsigned long addr = kallsyms_lookup_name(name);
	struct failing_function *function;
	int ret;

	if (!addr)
		return -EINVAL;
	if (!within_error_injection_list(addr))
		return -ERANGE;
	if (find(name))
		return -EBUSY;
	function = kzalloc(sizeof(*function), GFP_KERNEL);
	if (!function)
		return -ENOMEM;
	function->kp.symbol_name = kstrdup(name, GFP_KERNEL);
	function->kp.pre_handler = pre_handler;
	function->retval = suitable_value(addr, 0);
	ret = function->kp.symbol_name ? register_kprobe(&function->kp) : -ENOMEM;
	if (ret) {
		free_function(function);
		return ret;
	}
	function->dir = debugfs_create_dir(name, fail_function_dir);
	debugfs_create_file("retval", 0600, function->dir, function, &retval_fops);
	list_add_tail(&function->list, &functions);
	return 0;
}

/* "NAME" adds, "!NAME" removes, nothing but white space removes all. */
static int run_command(char *text)
{
	struct failing_function *function, *next;
	int ret = 0;

	mutex_lock(&functions_mutex);
	if (!text[0]) {
		list_for_each_entry_safe(function, next, &functions, list)
			remove(function);
	} else if (text[0] == '!') {
		function = find(text + 1);
		if (function)
			remove(function);
		else
			ret = -ENOENT;
	} else {
		ret = add(text);
	}
	mutex_unlock(&functions_mutex);
	return ret;
}

static ssize_t inject_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	char *text;
	int ret;

	count = min(count, (size_t)KSYM_NAME_LEN);
	text = memdup_user_nul(buf, count);
	if (IS_ERR(text))
		return PTR_ERR(text);
	ret = run_command(strim(text));
	kfree(text);
	return ret ? ret : (ssize_t)count;
}

static int inject_show(struct seq_file *m, void *v)
{
	struct failing_function *function;

	mutex_lock(&functions_mutex);
	list_for_each_entry(function, &functions, list)
		seq_printf(m, "%ps\n", function->kp.addr);
	mutex_unlock(&functions_mutex);
	return 0;
}

static int inject_open(struct inode *inode, struct file *file)
{
	return single_open(file, inject_show, NULL);
}

static const struct file_operations inject_fops = {
	.open = inject_open, .read = seq_read, .write = inject_write, .llseek = seq_lseek, .release = single_release,
};

static int __init fail_function_init(void)
{
	fail_function_dir = fault_create_debugfs_attr(&fail_function);
	debugfs_create_symlink("injectable", fail_function_dir, "../error_injection/list");
	debugfs_create_file("inject", 0600, fail_function_dir, NULL, &inject_fops);
	return 0;
}
late_initcall(fail_function_init);
