/* SPDX-License-Identifier: MIT */
/*
 * The BPF co-processor's registers, commands and request blocks.
 * Generated from src/bpf/coprocessor-protocol.ts, which explains them; do not edit.
 */
#ifndef _BPF_COPROCESSOR_H
#define _BPF_COPROCESSOR_H

#include <kernel/types.h>

#define BPF_COP_MAGIC                   0x46504265
#define BPF_COP_VERSION                 0x1

#define BPF_COP_REG_MAGIC               0x0
#define BPF_COP_REG_VERSION             0x4
#define BPF_COP_REG_REQUEST_LOW         0x8
#define BPF_COP_REG_REQUEST_HIGH        0xc
#define BPF_COP_REG_COMMAND             0x10
#define BPF_COP_REG_STATUS              0x14

#define BPF_COP_CMD_SETUP               0x1
#define BPF_COP_CMD_UPLOAD              0x2
#define BPF_COP_CMD_LOAD                0x3
#define BPF_COP_CMD_READ_LOG            0x4
#define BPF_COP_CMD_READ_CODE           0x5
#define BPF_COP_CMD_READ_XLATED         0x6
#define BPF_COP_CMD_FREE                0x7
#define BPF_COP_CMD_UPLOAD_DATA         0x8
#define BPF_COP_CMD_LOAD_BTF            0x9
#define BPF_COP_CMD_FREE_BTF            0xa
#define BPF_COP_CMD_CHECK_MAP_BTF       0xb
#define BPF_COP_CMD_READ_INFO           0xc
#define BPF_COP_CMD_KERNEL_BTF          0xd
#define BPF_COP_CMD_MAKE_TRAMPOLINE     0xe

#define BPF_COP_STATUS_OK               0x0
#define BPF_COP_STATUS_BAD_COMMAND      0x1
#define BPF_COP_STATUS_BAD_ADDRESS      0x2
#define BPF_COP_STATUS_BAD_REQUEST      0x3
#define BPF_COP_STATUS_BAD_HANDLE       0x4
#define BPF_COP_STATUS_INTERNAL         0x5

#define BPF_COP_PRIV_BPF                0x1
#define BPF_COP_PRIV_PERFMON            0x2

#define BPF_COP_LOAD_INTERPRET          0x100
#define BPF_COP_LOAD_RULES_SHIFT        0x10

#define BPF_COP_ATTACH_HAS_ADDRESS      0x1
#define BPF_COP_ATTACH_ERROR_INJECTABLE 0x2
#define BPF_COP_ATTACH_RETURNS_VOID     0x100

#define BPF_COP_RULES_LATEST            0x0
#define BPF_COP_RULES_Y2015             0x1
#define BPF_COP_RULES_Y2017             0x2
#define BPF_COP_RULES_Y2020             0x3

#define BPF_COP_RESULT_KPROBE_OVERRIDE  0x1
#define BPF_COP_RESULT_TAIL_CALL        0x2
#define BPF_COP_RESULT_GET_STACK        0x4
#define BPF_COP_RESULT_WRITE_USER       0x8
#define BPF_COP_RESULT_CONTEXT_SHIFT    0x10

#define BPF_COP_HELPER_SKB_LOAD_8       0x10001
#define BPF_COP_HELPER_SKB_LOAD_16      0x10002
#define BPF_COP_HELPER_SKB_LOAD_32      0x10004
#define BPF_COP_HELPER_HASH_LOOKUP      0x10010

#define BPF_COP_INFO_FUNCTIONS          0x1
#define BPF_COP_INFO_FUNC_INFO          0x2
#define BPF_COP_INFO_LINE_INFO          0x3
#define BPF_COP_INFO_LINE_OFFSETS       0x4
#define BPF_COP_INFO_NAMES              0x5
#define BPF_COP_INFO_EXTABLE            0x6

#define BPF_COP_TRAMP_FENTRY            0x0
#define BPF_COP_TRAMP_FEXIT             0x1
#define BPF_COP_TRAMP_MODIFY_RETURN     0x2
#define BPF_COP_INFO_NAME_SIZE          0x40

#define BPF_COP_XLATED_EXECUTABLE       0x0
#define BPF_COP_XLATED_DUMP             0x1

struct bpf_cop_setup {
	u64 helpers;
	u32 helper_count;
	u32 map_max_entries;
	u32 array_pointers;
	u32 prog_function;
	u32 array_value;
	u32 hash_key;
	u32 hash_referenced;
	u32 reserved;
	u64 call_base;
	u64 jiffies;
};
_Static_assert(sizeof(struct bpf_cop_setup) == 56, "struct bpf_cop_setup");

struct bpf_cop_upload {
	u64 data;
	u32 first;
	u32 count;
};
_Static_assert(sizeof(struct bpf_cop_upload) == 16, "struct bpf_cop_upload");

struct bpf_cop_load {
	u32 prog_type;
	u32 expected_attach_type;
	u32 prog_flags;
	u32 privileges;
	u32 gpl_compatible;
	u32 log_level;
	u32 insn_cnt;
	u32 map_count;
	u64 maps;
	u32 btf;
	u32 btf_error;
	u32 func_info_cnt;
	u32 func_info_rec_size;
	u32 line_info_cnt;
	u32 line_info_rec_size;
	u32 func_info_present;
	u32 line_info_present;
	u32 attach_btf_id;
	u32 attach_flags;
	u32 error;
	u32 handle;
	u32 log_length;
	u32 image_size;
	u32 tail_call_entry;
	u32 result_flags;
	u32 stack_depth;
	u32 func_cnt;
	u32 verified_insns;
	u32 xlated_cnt;
	u32 func_info_result;
	u32 line_info_result;
	u32 unknown_fields;
	u32 extable_cnt;
	u32 attach_result;
	u32 has_map_types;
	u8 tag[8];
	u64 map_types;
};
_Static_assert(sizeof(struct bpf_cop_load) == 160, "struct bpf_cop_load");

struct bpf_cop_map_type {
	u32 btf;
	u32 value_type;
};
_Static_assert(sizeof(struct bpf_cop_map_type) == 8, "struct bpf_cop_map_type");

struct bpf_cop_map {
	u32 fd;
	u32 error;
	u32 map_type;
	u32 key_size;
	u32 value_size;
	u32 max_entries;
	u32 map_flags;
	u32 frozen;
	u32 spin_lock;
	u32 timer;
	u32 id;
	u32 bypass_spec_v1;
	u64 address;
	u64 values;
	u64 contents;
	u64 map_lookup_elem;
	u64 map_update_elem;
	u64 map_delete_elem;
	u64 map_push_elem;
	u64 map_pop_elem;
	u64 map_peek_elem;
};
_Static_assert(sizeof(struct bpf_cop_map) == 120, "struct bpf_cop_map");

struct bpf_cop_read_log {
	u64 data;
	u32 offset;
	u32 length;
};
_Static_assert(sizeof(struct bpf_cop_read_log) == 16, "struct bpf_cop_read_log");

struct bpf_cop_read_code {
	u64 data;
	u64 base;
	u32 handle;
	u32 offset;
	u32 length;
	u32 reserved;
};
_Static_assert(sizeof(struct bpf_cop_read_code) == 32, "struct bpf_cop_read_code");

struct bpf_cop_read_xlated {
	u64 data;
	u32 handle;
	u32 first;
	u32 count;
	u32 form;
};
_Static_assert(sizeof(struct bpf_cop_read_xlated) == 24, "struct bpf_cop_read_xlated");

struct bpf_cop_free {
	u32 handle;
	u32 reserved;
};
_Static_assert(sizeof(struct bpf_cop_free) == 8, "struct bpf_cop_free");

struct bpf_cop_upload_data {
	u64 data;
	u32 offset;
	u32 length;
};
_Static_assert(sizeof(struct bpf_cop_upload_data) == 16, "struct bpf_cop_upload_data");

struct bpf_cop_load_btf {
	u32 log_level;
	u32 length;
	u32 error;
	u32 log_length;
	u32 handle;
	u32 reserved;
};
_Static_assert(sizeof(struct bpf_cop_load_btf) == 24, "struct bpf_cop_load_btf");

struct bpf_cop_check_map_btf {
	u32 handle;
	u32 map_type;
	u32 key_type;
	u32 value_type;
	u32 key_size;
	u32 value_size;
	u32 max_entries;
	u32 map_flags;
	u32 error;
	u32 spin_lock;
	u32 timer;
	u32 capable;
	u32 kptr_count;
	u32 kptrs[8];
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct bpf_cop_check_map_btf) == 88, "struct bpf_cop_check_map_btf");

struct bpf_cop_read_info {
	u64 data;
	u32 handle;
	u32 kind;
	u32 offset;
	u32 length;
};
_Static_assert(sizeof(struct bpf_cop_read_info) == 24, "struct bpf_cop_read_info");

struct bpf_cop_kernel_btf {
	u64 data;
	u32 length;
	u32 reserved;
};
_Static_assert(sizeof(struct bpf_cop_kernel_btf) == 16, "struct bpf_cop_kernel_btf");

struct bpf_cop_make_trampoline {
	u64 links;
	u64 data;
	u64 base;
	u64 target;
	u64 image;
	u64 enter_image;
	u64 exit_image;
	u32 link_count;
	u32 argument_registers;
	u32 run_context_size;
	u32 room;
	u32 length;
	u32 after_call;
	u32 epilogue;
	u32 reserved;
};
_Static_assert(sizeof(struct bpf_cop_make_trampoline) == 88, "struct bpf_cop_make_trampoline");

struct bpf_cop_trampoline_link {
	u64 program;
	u64 code;
	u64 instructions;
	u64 enter;
	u64 exit;
	u64 cookie;
	u32 kind;
	u32 reserved;
};
_Static_assert(sizeof(struct bpf_cop_trampoline_link) == 56, "struct bpf_cop_trampoline_link");

struct bpf_cop_extable_entry {
	u32 offset;
	u32 resume;
	u32 register_offset;
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct bpf_cop_extable_entry) == 16, "struct bpf_cop_extable_entry");

struct bpf_cop_function {
	u32 offset;
	u32 length;
	u32 type;
	u32 reserved;
	u8 tag[8];
};
_Static_assert(sizeof(struct bpf_cop_function) == 24, "struct bpf_cop_function");

#endif
