// SPDX-License-Identifier: MIT
/*
 * Driver of the BPF co-processor: hands programs to it, and puts the code that it generates into executable memory.
 * The protocol is described in src/bpf/coprocessor-protocol.ts. The device sits where the kernel command line says:
 * bpf_coprocessor=SIZE@ADDRESS. Without it bpf(2) loads no programs.
 */
#define pr_fmt(fmt) "bpf: " fmt

#include <kernel/bpf_rules.h>
#include <kernel/extable.h>
#include <linux/btf.h>
#include <kernel/init.h>
#include <kernel/kallsyms.h>
#include <kernel/io.h>
#include <kernel/mm.h>
#include <kernel/mutex.h>
#include <kernel/text-patching.h>
#include <kernel/time.h>
#include <kernel/vmalloc.h>
#include "btf.h"

/* Records of BPF_HELPER(), gathered by the linker. */
extern const struct bpf_helper_entry __start_bpf_helpers[], __stop_bpf_helpers[];
extern const u8 __start_BTF[], __stop_BTF[];

/* A bigger map's values are not known to the verifier. */
#define MAX_FROZEN_VALUES (1 << 20)
#define FROZEN_UPLOADED	2

static void __iomem *registers;
/* The request blocks and one page through which data goes; the mutex keeps an exchange together. */
static DEFINE_MUTEX(coprocessor_mutex);
static void *request_page, *data_page;

bool bpf_coprocessor_present(void)
{
	return registers;
}

/* Runs a command on the block in request_page. 0 or -EIO. */
static int command(u32 number)
{
	u64 phys = virt_to_phys(request_page);
	u32 status;

	barrier();
	writel(lower_32_bits(phys), registers + BPF_COP_REG_REQUEST_LOW);
	writel(upper_32_bits(phys), registers + BPF_COP_REG_REQUEST_HIGH);
	writel(number, registers + BPF_COP_REG_COMMAND);
	status = readl(registers + BPF_COP_REG_STATUS);
	barrier();
	if (status == BPF_COP_STATUS_OK)
		return 0;
	pr_err("co-processor command %u failed with status %u\n", number, status);
	return -EIO;
}

static int upload(const struct bpf_insn *insns, u32 count)
{
	const u32 slots = PAGE_SIZE / sizeof(*insns);
	struct bpf_cop_upload *request = request_page;
	u32 first;
	int err;

	for (first = 0; first < count; first += slots) {
		u32 now = min(slots, count - first);

		memcpy(data_page, insns + first, now * sizeof(*insns));
		*request = (struct bpf_cop_upload){
			.data = virt_to_phys(data_page), .first = first, .count = now };
		err = command(BPF_COP_CMD_UPLOAD);
		if (err)
			return err;
	}
	return 0;
}

/* Hands bytes over for the next command; @offset says how many went before. */
static int upload_data(const void *from, u32 length, u32 offset)
{
	struct bpf_cop_upload_data *request = request_page;
	u32 at;
	int err;

	for (at = 0; at < length || (!length && !offset && !at); at += PAGE_SIZE) {
		u32 now = min_t(u32, PAGE_SIZE, length - at);

		memcpy(data_page, from + at, now);
		*request = (struct bpf_cop_upload_data){
			.data = virt_to_phys(data_page), .offset = offset + at, .length = now };
		err = command(BPF_COP_CMD_UPLOAD_DATA);
		if (err)
			return err;
	}
	return 0;
}

/* Gives the log to user space, cut to the buffer. -ENOSPC if it was cut. */
static int copy_log(u32 length, char __user *buf, u32 size)
{
	struct bpf_cop_read_log *request = request_page;
	u32 shown = min(length, size - 1), at;
	int err;

	for (at = 0; at < shown; at += PAGE_SIZE) {
		u32 now = min_t(u32, PAGE_SIZE, shown - at);

		*request = (struct bpf_cop_read_log){
			.data = virt_to_phys(data_page), .offset = at, .length = now };
		err = command(BPF_COP_CMD_READ_LOG);
		if (err)
			return err;
		if (copy_to_user(buf + at, data_page, now))
			return -EFAULT;
	}
	if (put_user((char)0, buf + shown))
		return -EFAULT;
	return length >= size - 1 ? -ENOSPC : 0;
}

static void forget(u32 handle)
{
	struct bpf_cop_free *request = request_page;

	*request = (struct bpf_cop_free){ .handle = handle };
	command(BPF_COP_CMD_FREE);
}

/* Fetches the code for the address where it will lie, and writes it there. */
static int place_code(struct bpf_prog *prog)
{
	struct bpf_cop_read_code *request = request_page;
	u32 at;
	int err;

	for (at = 0; at < prog->jited_len; at += PAGE_SIZE) {
		u32 now = min_t(u32, PAGE_SIZE, prog->jited_len - at);

		*request = (struct bpf_cop_read_code){
			.data = virt_to_phys(data_page), .base = (u64)prog->image, .handle = prog->handle,
			.offset = at, .length = now };
		err = command(BPF_COP_CMD_READ_CODE);
		if (err)
			return err;
		text_poke(prog->image + at, data_page, now);
	}
	return 0;
}

/* One of the program's tables, BPF_COP_INFO_. */
static int read_info(const struct bpf_prog *prog, u32 kind, void *to, u32 length)
{
	struct bpf_cop_read_info *request = request_page;
	int err = 0;
	u32 at;

	for (at = 0; at < length && !err; at += PAGE_SIZE) {
		u32 now = min_t(u32, PAGE_SIZE, length - at);

		*request = (struct bpf_cop_read_info){
			.data = virt_to_phys(data_page), .handle = prog->handle, .kind = kind, .offset = at,
			.length = now };
		err = command(BPF_COP_CMD_READ_INFO);
		if (!err)
			memcpy(to + at, data_page, now);
	}
	return err;
}

/* A load of the program faulted: its register gets 0, and the program goes on. */
static bool fixup_load(struct exec_extable *table, struct pt_regs *regs)
{
	const struct bpf_cop_extable_entry *entry = (const void *)(table + 1);
	u32 offset = regs->ip - table->start, i;

	for (i = 0; i < (unsigned long)table->data; i++, entry++) {
		if (entry->offset != offset)
			continue;
		*(u64 *)((u8 *)regs + entry->register_offset) = 0;
		regs->ip = table->start + entry->resume;
		return true;
	}
	return false;
}

static int place_extable(struct bpf_prog *prog, u32 count)
{
	struct exec_extable *table = kzalloc(sizeof(*table) + count * sizeof(struct bpf_cop_extable_entry), GFP_KERNEL);
	int err;

	if (!table)
		return -ENOMEM;
	err = read_info(prog, BPF_COP_INFO_EXTABLE, table + 1, count * sizeof(struct bpf_cop_extable_entry));
	if (err) {
		kfree(table);
		return err;
	}
	table->start = (unsigned long)prog->image;
	table->end = table->start + prog->jited_len;
	table->handler = fixup_load;
	table->data = (void *)(unsigned long)count;
	register_exec_extable(table);
	prog->extable = table;
	return 0;
}

int bpf_coprocessor_make_trampoline(struct bpf_cop_make_trampoline *wanted)
{
	struct bpf_cop_make_trampoline *request = request_page;
	int err;

	mutex_lock(&coprocessor_mutex);
	*request = *wanted;
	request->data = virt_to_phys(data_page);
	request->room = PAGE_SIZE;
	err = command(BPF_COP_CMD_MAKE_TRAMPOLINE);
	if (!err) {
		*wanted = *request;
		text_poke((void *)wanted->base, data_page, wanted->length);
	}
	mutex_unlock(&coprocessor_mutex);
	return err;
}

static void name_function(void *code, u32 length, const u8 *tag, const char *function)
{
	char name[sizeof("bpf_prog_") + 2 * BPF_TAG_SIZE + 1 + BPF_COP_INFO_NAME_SIZE];
	int at = scnprintf(name, sizeof(name), "bpf_prog_"), i;

	for (i = 0; i < BPF_TAG_SIZE; i++)
		at += scnprintf(name + at, sizeof(name) - at, "%02x", tag[i]);
	if (function[0])
		scnprintf(name + at, sizeof(name) - at, "_%s", function);
	exec_name(code, length, name);
}

/*
 * "bpf_prog_TAG" or "bpf_prog_TAG_NAME" for each function, as Linux shows programs in symbol look-ups: the name from the
 * type information, else the program's, "F" for its other functions.
 */
static void name_code(struct bpf_prog *prog)
{
	struct bpf_cop_function *functions;
	char *names;
	u32 i;

	functions = kcalloc(prog->func_cnt, sizeof(*functions), GFP_KERNEL);
	names = kcalloc(prog->func_cnt, BPF_COP_INFO_NAME_SIZE, GFP_KERNEL);
	if (functions && names &&
	    !read_info(prog, BPF_COP_INFO_FUNCTIONS, functions, prog->func_cnt * sizeof(*functions)) &&
	    !read_info(prog, BPF_COP_INFO_NAMES, names, prog->func_cnt * BPF_COP_INFO_NAME_SIZE)) {
		for (i = 0; i < prog->func_cnt; i++) {
			const char *name = names + i * BPF_COP_INFO_NAME_SIZE;

			if (!name[0])
				name = i ? "F" : prog->name;
			name_function(prog->image + functions[i].offset, functions[i].length,
				      i ? functions[i].tag : prog->tag, name);
		}
	}
	kfree(functions);
	kfree(names);
}

/* One page of instructions from @first, into data_page; how many, or -errno. */
static int read_xlated_page(struct bpf_prog *prog, u32 first, u32 count, u32 form)
{
	struct bpf_cop_read_xlated *request = request_page;
	u32 now = min_t(u32, PAGE_SIZE / sizeof(struct bpf_insn), count - first);
	int err;

	*request = (struct bpf_cop_read_xlated){
		.data = virt_to_phys(data_page), .handle = prog->handle, .first = first, .count = now,
		.form = form };
	err = command(BPF_COP_CMD_READ_XLATED);
	return err ?: now;
}

int bpf_coprocessor_read_xlated(struct bpf_prog *prog, void __user *to, u32 length)
{
	u32 count = length / sizeof(struct bpf_insn), first;
	int now = 0;

	mutex_lock(&coprocessor_mutex);
	for (first = 0; first < count && now >= 0; first += now) {
		now = read_xlated_page(prog, first, count, BPF_COP_XLATED_DUMP);
		if (now >= 0 && copy_to_user(to + first * sizeof(struct bpf_insn), data_page,
					     now * sizeof(struct bpf_insn)))
			now = -EFAULT;
	}
	mutex_unlock(&coprocessor_mutex);
	return min(now, 0);
}

/* Replaces the program's instructions by those that the interpreter runs. */
static int fetch_instructions(struct bpf_prog *prog)
{
	struct bpf_insn *insns = kvmalloc(prog->len * sizeof(*insns), GFP_USER);
	u32 first;
	int now;

	if (!insns)
		return -ENOMEM;
	for (first = 0; first < prog->len; first += now) {
		now = read_xlated_page(prog, first, prog->len, BPF_COP_XLATED_EXECUTABLE);
		if (now < 0) {
			kvfree(insns);
			return now;
		}
		memcpy(insns + first, data_page, now * sizeof(*insns));
	}
	if (!bpf_interpreter_has_helpers(insns, prog->len)) {
		kvfree(insns);
		return -EINVAL;
	}
	kvfree(prog->insns);
	prog->insns = insns;
	prog->jited_len = 0;
	prog->bpf_func = bpf_interpret;
	return 0;
}

/* The verifier takes what is in frozen arrays for constants. Those that can be mapped are not contiguous in memory. */
static int upload_frozen_maps(struct bpf_load_request *request, u32 offset)
{
	u32 i;

	for (i = 0; i < request->map_count; i++) {
		struct bpf_cop_map *map = &request->maps[i];
		u64 size = (u64)map->value_size * map->max_entries;
		int err;

		if (map->error || !map->frozen || !map->values || map->contents || size > MAX_FROZEN_VALUES)
			continue;
		err = upload_data((void *)map->values, size, offset);
		if (err)
			return err;
		map->frozen = FROZEN_UPLOADED;
		map->contents = offset;
		offset += size;
	}
	return 0;
}

static int load_locked(struct bpf_prog *prog, struct bpf_load_request *request)
{
	u32 func_info_size = request->func_info_present * request->func_info_rec_size;
	u32 line_info_size = request->line_info_present * request->line_info_rec_size;
	struct bpf_cop_load *load = request_page;
	struct bpf_cop_load answer;
	int err;

	err = upload(request->insns, request->insn_cnt);
	if (!err)
		err = upload_data(request->func_info, func_info_size, 0);
	if (!err)
		err = upload_data(request->line_info, line_info_size, func_info_size);
	if (!err)
		err = upload_frozen_maps(request, func_info_size + line_info_size);
	if (err)
		return err;
	*load = (struct bpf_cop_load){
		.prog_type = request->prog_type,
		.expected_attach_type = request->expected_attach_type,
		.prog_flags = request->prog_flags,
		.privileges = (bpf_capable() ? BPF_COP_PRIV_BPF : 0) | (perfmon_capable() ? BPF_COP_PRIV_PERFMON : 0) |
			      (bpf_jit_enable ? 0 : BPF_COP_LOAD_INTERPRET) | bpf_rules << BPF_COP_LOAD_RULES_SHIFT,
		.gpl_compatible = request->gpl_compatible,
		.log_level = request->log_level,
		.insn_cnt = request->insn_cnt,
		.map_count = request->map_count,
		.maps = request->map_count ? virt_to_phys((void *)request->maps) : 0,
		.map_types = request->map_count ? virt_to_phys((void *)request->map_types) : 0,
		.has_map_types = request->map_count != 0,
		.btf = request->btf ? request->btf->handle : 0,
		.btf_error = -request->btf_error,
		.func_info_cnt = request->func_info_cnt,
		.func_info_rec_size = request->func_info_rec_size,
		.func_info_present = request->func_info_present,
		.line_info_cnt = request->line_info_cnt,
		.line_info_rec_size = request->line_info_rec_size,
		.line_info_present = request->line_info_present,
		.attach_btf_id = prog->attach_btf_id,
		.attach_flags = request->attach_flags,
	};
	err = command(BPF_COP_CMD_LOAD);
	if (err)
		return err;
	answer = *load;
	request->unknown_fields = answer.unknown_fields;
	err = -(int)answer.error;
	if (request->log_level) {
		int log_err = copy_log(answer.log_length, request->log_buf, request->log_size);

		if (log_err)
			err = log_err;
	}
	if (err) {
		if (!answer.error)
			forget(answer.handle);
		return err;
	}
	prog->handle = answer.handle;
	prog->jited_len = answer.image_size;
	prog->tail_call_entry = answer.tail_call_entry;
	prog->kprobe_override = !!(answer.result_flags & BPF_COP_RESULT_KPROBE_OVERRIDE);
	prog->max_ctx_offset = answer.result_flags >> BPF_COP_RESULT_CONTEXT_SHIFT;
	prog->call_get_stack = !!(answer.result_flags & BPF_COP_RESULT_GET_STACK);
	prog->stack_depth = answer.stack_depth;
	prog->func_cnt = answer.func_cnt;
	prog->verified_insns = answer.verified_insns;
	prog->len = answer.xlated_cnt;
	prog->func_info_cnt = answer.func_info_result;
	prog->line_info_cnt = answer.line_info_result;
	prog->attach_func_args = answer.attach_result & ~BPF_COP_ATTACH_RETURNS_VOID;
	prog->attach_func_void = !!(answer.attach_result & BPF_COP_ATTACH_RETURNS_VOID);
	memcpy(prog->tag, answer.tag, sizeof(prog->tag));
	if (answer.result_flags & BPF_COP_RESULT_WRITE_USER)
		printk(KERN_WARNING "%s[%d] is installing a program with bpf_probe_write_user helper that may corrupt user "
		       "memory!", current->comm, current->pid);

	if (!bpf_jit_enable) {
		/* The code stays where it is; what is run are the instructions as the verifier left them. */
		err = fetch_instructions(prog);
		if (err)
			forget(prog->handle);
		return err;
	}
	prog->jited = true;
	prog->image_size = PAGE_ALIGN(prog->jited_len);
	prog->image = exec_alloc(prog->image_size);
	err = prog->image ? place_code(prog) : -ENOMEM;
	if (!err && answer.extable_cnt)
		err = place_extable(prog, answer.extable_cnt);
	if (err) {
		if (prog->image)
			exec_free(prog->image);
		prog->image = NULL;
		forget(prog->handle);
		return err;
	}
	prog->bpf_func = prog->image;
	if (bpf_jit_kallsyms)
		name_code(prog);
	return 0;
}

int bpf_coprocessor_load(struct bpf_prog *prog, struct bpf_load_request *request)
{
	int err;

	if (!registers)
		return -ENODEV;
	mutex_lock(&coprocessor_mutex);
	err = load_locked(prog, request);
	mutex_unlock(&coprocessor_mutex);
	return err;
}

void bpf_coprocessor_unload(struct bpf_prog *prog)
{
	if (!prog->bpf_func)
		return;
	if (prog->extable) {
		unregister_exec_extable(prog->extable);
		kfree(prog->extable);
	}
	if (prog->image) {
		exec_unname(prog->image);
		exec_free(prog->image);
	}
	mutex_lock(&coprocessor_mutex);
	forget(prog->handle);
	mutex_unlock(&coprocessor_mutex);
}

int bpf_coprocessor_read_info(const struct bpf_prog *prog, u32 kind, void *to, u32 length)
{
	int err;

	mutex_lock(&coprocessor_mutex);
	err = read_info(prog, kind, to, length);
	mutex_unlock(&coprocessor_mutex);
	return err;
}

/* ---- type information ---- */

static int load_btf_locked(struct btf *btf, u32 log_level, char __user *log_buf, u32 log_size)
{
	struct bpf_cop_load_btf *load = request_page;
	struct bpf_cop_load_btf answer;
	int err;

	err = upload_data(btf->data, btf->data_size, 0);
	if (err)
		return err;
	*load = (struct bpf_cop_load_btf){ .log_level = log_level, .length = btf->data_size };
	err = command(BPF_COP_CMD_LOAD_BTF);
	if (err)
		return err;
	answer = *load;
	err = -(int)answer.error;
	if (log_level) {
		int log_err = copy_log(answer.log_length, log_buf, log_size);

		/* What is wrong with the types matters more than that the log does not hold all of it. */
		if (log_err && !err)
			err = log_err;
	}
	if (err && answer.handle) {
		*(struct bpf_cop_free *)request_page = (struct bpf_cop_free){ .handle = answer.handle };
		command(BPF_COP_CMD_FREE_BTF);
	} else {
		btf->handle = answer.handle;
	}
	return err;
}

int bpf_coprocessor_load_btf(struct btf *btf, u32 log_level, char __user *log_buf, u32 log_size)
{
	int err;

	if (!registers)
		return -ENODEV;
	mutex_lock(&coprocessor_mutex);
	err = load_btf_locked(btf, log_level, log_buf, log_size);
	mutex_unlock(&coprocessor_mutex);
	return err;
}

void bpf_coprocessor_free_btf(u32 handle)
{
	mutex_lock(&coprocessor_mutex);
	*(struct bpf_cop_free *)request_page = (struct bpf_cop_free){ .handle = handle };
	command(BPF_COP_CMD_FREE_BTF);
	mutex_unlock(&coprocessor_mutex);
}

int bpf_coprocessor_check_map_btf(struct bpf_map *map, const struct btf *btf, u32 key_type, u32 value_type)
{
	struct bpf_cop_check_map_btf *request = request_page;
	int err;
	u32 i;

	mutex_lock(&coprocessor_mutex);
	*request = (struct bpf_cop_check_map_btf){
		.handle = btf->handle, .map_type = map->map_type, .key_type = key_type, .value_type = value_type,
		.key_size = map->key_size, .value_size = map->value_size, .max_entries = map->max_entries,
		.map_flags = map->map_flags, .capable = bpf_capable() };
	err = command(BPF_COP_CMD_CHECK_MAP_BTF);
	if (!err)
		err = -(int)request->error;
	if (!err) {
		map->spin_lock = request->spin_lock;
		map->timer = request->timer;
		if (map->spin_lock)
			bpf_map_add_field(map, map->spin_lock - 1, sizeof(struct bpf_spin_lock));
		if (map->timer)
			bpf_map_add_field(map, map->timer - 1, sizeof(struct bpf_timer));
		for (i = 0; i < request->kptr_count; i++)
			bpf_map_add_field(map, request->kptrs[i], sizeof(void *));
	}
	mutex_unlock(&coprocessor_mutex);
	return err;
}

/* ---- setting up ---- */

/* Tells the device where helpers are and where a tail call finds its program. */
static int setup(void)
{
	struct bpf_cop_setup *request = request_page;
	const struct bpf_helper_entry *entry;
	u64 *pair = data_page;
	struct bpf_cop_kernel_btf *btf = request_page;
	u32 count = 0;
	int err;

	for (entry = __start_bpf_helpers; entry < __stop_bpf_helpers; entry++, count++) {
		if ((count + 1) * 2 * sizeof(u64) > PAGE_SIZE)
			return -E2BIG;
		pair[2 * count] = entry->id;
		pair[2 * count + 1] = entry->addr;
	}
	*request = (struct bpf_cop_setup){
		.helpers = virt_to_phys(data_page),
		.helper_count = count,
		.map_max_entries = offsetof(struct bpf_map, max_entries),
		.array_pointers = bpf_prog_array_pointers_offset(),
		.prog_function = offsetof(struct bpf_prog, bpf_func),
		.array_value = bpf_prog_array_pointers_offset(),
		.hash_key = bpf_htab_key_offset(),
		.hash_referenced = bpf_htab_ref_offset(),
		.call_base = (u64)__bpf_call_base,
		.jiffies = (u64)&jiffies,
	};
	err = command(BPF_COP_CMD_SETUP);
	if (err)
		return err;
	*btf = (struct bpf_cop_kernel_btf){ .data = virt_to_phys(__start_BTF), .length = __stop_BTF - __start_BTF };
	return command(BPF_COP_CMD_KERNEL_BTF);
}

static phys_addr_t device_address;
static size_t device_size;

static int __init bpf_coprocessor_option(char *value)
{
	char *end;

	device_size = memparse(value, &end);
	if (*end != '@')
		return -EINVAL;
	device_address = memparse(end + 1, &end);
	return *end && *end != ' ' ? -EINVAL : 0;
}
early_param("bpf_coprocessor", bpf_coprocessor_option);

static int __init bpf_coprocessor_init(void)
{
	void __iomem *mapped;
	int err;

	if (!device_size)
		return 0;
	mapped = ioremap(device_address, device_size);
	if (!mapped)
		return -ENOMEM;
	if (readl(mapped + BPF_COP_REG_MAGIC) != BPF_COP_MAGIC ||
	    readl(mapped + BPF_COP_REG_VERSION) != BPF_COP_VERSION) {
		pr_err("no co-processor of version %u at %#llx\n", BPF_COP_VERSION, device_address);
		iounmap(mapped);
		return -ENODEV;
	}
	request_page = (void *)get_zeroed_page(GFP_KERNEL);
	data_page = (void *)get_zeroed_page(GFP_KERNEL);
	if (!request_page || !data_page)
		return -ENOMEM;
	registers = mapped;
	err = setup();
	if (err)
		registers = NULL;
	return err;
}
subsys_initcall(bpf_coprocessor_init);
