/**
 * How the kernel talks to the BPF co-processor: registers, commands and the request blocks in guest memory. This table is the
 * only place for these numbers; the device reads it, and `src/bpf/guest/coprocessor.h` is generated from it
 * (`npx tsx scripts/coprocessor-header.ts`; a test checks that they agree).
 *
 * The driver writes the physical address of a request block to REQUEST_LOW and REQUEST_HIGH, then a command to COMMAND. When that
 * write is done the command is done: the status is in STATUS, the answer in the block. All numbers are little endian;
 * addresses in blocks are physical unless said otherwise, and what they point to must be contiguous.
 *
 * A program is loaded so: UPLOAD its instructions piece by piece, LOAD verifies them and keeps the result under a handle,
 * READ_LOG fetches the verifier's log (kept until the next LOAD), READ_CODE the machine code for its final address, FREE forgets it.
 */

import { trampolineKinds } from "./x86-64/trampoline.ts";

/** What the MAGIC register reads: "eBPF". */
export const COPROCESSOR_MAGIC = 0x46504265;
export const COPROCESSOR_VERSION = 1;

/** 32-bit registers by offset. */
export const registers = {
  magic: 0x00,
  version: 0x04,
  request_low: 0x08,
  request_high: 0x0c,
  command: 0x10,
  status: 0x14,
} as const;

export const commands = {
  /** Tells where helpers are and how the kernel's structures are laid out. */
  setup: 1,
  upload: 2,
  load: 3,
  read_log: 4,
  read_code: 5,
  /** Reads the program after the verifier's changes, as BPF instructions. */
  read_xlated: 6,
  free: 7,
  /** Keeps bytes for the next command that wants some, piece by piece. */
  upload_data: 8,
  /** Checks the bytes as type information, and keeps it under a handle. */
  load_btf: 9,
  free_btf: 10,
  /** Checks key and value types of a map. */
  check_map_btf: 11,
  /** Reads what a loaded program's type information says of its code. */
  read_info: 12,
  /** Tells where the kernel's own type information is. */
  kernel_btf: 13,
  /** Generates a trampoline. */
  make_trampoline: 14,
} as const;

export const statuses = {
  ok: 0,
  bad_command: 1,
  /** Something lies outside of memory. */
  bad_address: 2,
  bad_request: 3,
  bad_handle: 4,
  /** An error in the co-processor itself. */
  internal: 5,
} as const;

/** read_xlated.form */
export const xlatedForms = {
  /** Addresses of maps, numbers of helpers: what an interpreter runs. */
  executable: 0,
  /** As BPF_OBJ_GET_INFO_BY_FD shows programs: numbers of maps, functions by number, helpers by distance from `call_base`. */
  dump: 1,
} as const;

/** Bits of load.privileges. */
export const privilegeBits = { bpf: 1, perfmon: 2 } as const;
/** In load.privileges too: the kernel is going to interpret the program, which bars what only compiled programs may do. */
export const loadBits = { interpret: 0x100 } as const;
/** In bits 16 to 19 of load.privileges: the year whose rules are in force (the kernel option bpf_rules=). */
export const ruleCodes = { latest: 0, y2015: 1, y2017: 2, y2020: 3 } as const;
export const LOAD_RULES_SHIFT = 16;
/** Bits of load.attach_flags: what the kernel knows of the function that attach_btf_id names. */
export const attachBits = { has_address: 1, error_injectable: 2 } as const;
/** In load.attach_result with the number of registers that the function's arguments take. */
export const attachResultBits = { returns_void: 0x100 } as const;
/** Bits of load.result_flags. */
export const resultBits = { kprobe_override: 1, tail_call: 2, get_stack: 4, write_user: 8 } as const;
/** In bits 16 to 31 of load.result_flags: where the last access to the context ends, in bytes. */
export const RESULT_CONTEXT_SHIFT = 16;

/**
 * read_info.kind: `function` blocks; `struct bpf_func_info` and `struct bpf_line_info` for the program as the verifier left
 * it; the offset in the image of each line's code, as u32; the functions' names from the type information;
 * `extable_entry` blocks.
 */
export const infoKinds = { functions: 1, func_info: 2, line_info: 3, line_offsets: 4, names: 5, extable: 6 } as const;
/** Bytes of a function's name in the table `names`, with a terminating zero. */
export const INFO_NAME_SIZE = 64;

/**
 * Functions that generated code calls besides helpers, in the helper table under numbers that no helper has. Loads of packet
 * bytes (ld_abs, ld_ind): (skb, offset) to the value in host order, or a negative errno.
 */
export const internalHelpers = {
  skb_load_8: 0x10001,
  skb_load_16: 0x10002,
  skb_load_32: 0x10004,
  /** __htab_map_lookup_elem: (map, key) to the element. */
  hash_lookup: 0x10010,
} as const;

type FieldType = "u32" | "s32" | "u64" | "tag" | "offsets";
export type Block = Readonly<Record<string, FieldType>>;

/** Pointers to structures of the kernel that a map's value may hold, as on Linux. */
export const MAX_OFFSETS = 8;

const sizes = { u32: 4, s32: 4, u64: 8, tag: 8, offsets: 4 * MAX_OFFSETS } as const;

/** The request blocks. Fields follow each other without gaps; 64-bit ones are where 8 divides the offset. */
export const blocks = {
  setup: {
    /** Pairs of u64: helper id, its kernel address. */
    helpers: "u64",
    helper_count: "u32",
    /** offsetof(struct bpf_map, max_entries) */
    map_max_entries: "u32",
    /** Offset of the pointers in a PROG_ARRAY map. */
    array_pointers: "u32",
    /** offsetof(struct bpf_prog, bpf_func) */
    prog_function: "u32",
    /** Offset of the first value in an array map; in an element of a hash map, of the key and of the byte that says "used". */
    array_value: "u32",
    hash_key: "u32",
    hash_referenced: "u32",
    reserved: "u32",
    /** Addresses of __bpf_call_base and of the tick counter. */
    call_base: "u64",
    jiffies: "u64",
  },
  upload: {
    data: "u64",
    /** First slot; 0 begins a new program. */
    first: "u32",
    count: "u32",
  },
  load: {
    prog_type: "u32",
    expected_attach_type: "u32",
    prog_flags: "u32",
    privileges: "u32",
    gpl_compatible: "u32",
    log_level: "u32",
    insn_cnt: "u32",
    map_count: "u32",
    /** Array of `map` blocks, one for each file descriptor that the program names. */
    maps: "u64",
    /** Type information that func_info and line_info refer to: its handle, or 0 and the errno that resolving it gave. */
    btf: "u32",
    btf_error: "u32",
    /** Records as the loader gave them, uploaded one table after the other. */
    func_info_cnt: "u32",
    func_info_rec_size: "u32",
    line_info_cnt: "u32",
    line_info_rec_size: "u32",
    /** How many records of each were uploaded: fewer if the loader's memory could not be read. */
    func_info_present: "u32",
    line_info_present: "u32",
    /** The function that the program is for, by its number in the kernel's types. */
    attach_btf_id: "u32",
    attach_flags: "u32",
    // The answer.
    /** 0 or a positive errno. */
    error: "u32",
    handle: "u32",
    /** Bytes of log, without a terminating zero. */
    log_length: "u32",
    image_size: "u32",
    /** Offset of the tail call entry in the image. */
    tail_call_entry: "u32",
    result_flags: "u32",
    stack_depth: "u32",
    func_cnt: "u32",
    verified_insns: "u32",
    xlated_cnt: "u32",
    /** Numbers of records in the tables of read_info. */
    func_info_result: "u32",
    line_info_result: "u32",
    /** 1, 2: a record of func_info or line_info has something set behind what is known. */
    unknown_fields: "u32",
    /** Number of loads that may fault. */
    extable_cnt: "u32",
    attach_result: "u32",
    /** Whether what stands behind the tag is there. */
    has_map_types: "u32",
    tag: "tag",
    /** Array of `map_type` blocks, one for each of `maps`. */
    map_types: "u64",
  },
  /** The type of a map's values: handle of the type information (0: none), number of the type. */
  map_type: {
    btf: "u32",
    value_type: "u32",
  },
  map: {
    fd: "u32",
    /** 0, or the positive errno that resolving the descriptor gave; then the rest is meaningless. */
    error: "u32",
    map_type: "u32",
    key_size: "u32",
    value_size: "u32",
    max_entries: "u32",
    map_flags: "u32",
    /** Whether programs may take the values for constants. 2: and `contents` says where they are in what upload_data gave. */
    frozen: "u32",
    /** Offsets of these in the value plus 1, from its type; 0: there is none. */
    spin_lock: "u32",
    timer: "u32",
    /** Its number, and whether it was made by a task that need not be guarded against speculation. */
    id: "u32",
    bypass_spec_v1: "u32",
    /** Kernel address of the struct bpf_map. */
    address: "u64",
    /** Kernel address of the first value, for maps whose values programs may address directly; else 0. */
    values: "u64",
    /**
     * Physical address of the first value if all values are contiguous there; else 0. For an array or hash of maps: of a
     * `map` block that describes the template of the inner maps.
     */
    contents: "u64",
    /** Addresses of the map's own functions; 0: there is none. */
    map_lookup_elem: "u64",
    map_update_elem: "u64",
    map_delete_elem: "u64",
    map_push_elem: "u64",
    map_pop_elem: "u64",
    map_peek_elem: "u64",
  },
  read_log: {
    data: "u64",
    offset: "u32",
    length: "u32",
  },
  read_code: {
    data: "u64",
    /** Virtual address of the first byte of the image. */
    base: "u64",
    handle: "u32",
    offset: "u32",
    length: "u32",
    reserved: "u32",
  },
  read_xlated: {
    data: "u64",
    handle: "u32",
    /** First slot and number of slots. */
    first: "u32",
    count: "u32",
    /** `xlatedForms` */
    form: "u32",
  },
  free: {
    handle: "u32",
    reserved: "u32",
  },
  upload_data: {
    data: "u64",
    /** 0 begins anew. */
    offset: "u32",
    length: "u32",
  },
  load_btf: {
    log_level: "u32",
    length: "u32",
    // The answer.
    error: "u32",
    log_length: "u32",
    handle: "u32",
    reserved: "u32",
  },
  check_map_btf: {
    handle: "u32",
    map_type: "u32",
    key_type: "u32",
    value_type: "u32",
    key_size: "u32",
    value_size: "u32",
    max_entries: "u32",
    map_flags: "u32",
    // The answer.
    error: "u32",
    /** As in `map`. */
    spin_lock: "u32",
    timer: "u32",
    /** Asked: the map's creator has CAP_BPF. */
    capable: "u32",
    /** Offsets in the value of pointers to structures of the kernel. */
    kptr_count: "u32",
    kptrs: "offsets",
  },
  read_info: {
    data: "u64",
    handle: "u32",
    kind: "u32",
    offset: "u32",
    length: "u32",
  },
  kernel_btf: {
    data: "u64",
    length: "u32",
    reserved: "u32",
  },
  make_trampoline: {
    /** Array of `trampoline_link` blocks. */
    links: "u64",
    /** Where the code is to be written, and how much there may be. */
    data: "u64",
    /** Virtual addresses: of the code, of the function, of the trampoline's structure and what is called with it. */
    base: "u64",
    target: "u64",
    image: "u64",
    enter_image: "u64",
    exit_image: "u64",
    link_count: "u32",
    argument_registers: "u32",
    run_context_size: "u32",
    room: "u32",
    // The answer: offsets in the code, and its length.
    length: "u32",
    after_call: "u32",
    epilogue: "u32",
    reserved: "u32",
  },
  trampoline_link: {
    /** Virtual addresses; instructions 0: the program is compiled. */
    program: "u64",
    code: "u64",
    instructions: "u64",
    enter: "u64",
    exit: "u64",
    cookie: "u64",
    kind: "u32",
    reserved: "u32",
  },
  /** A load that may fault: its offset in the image, where execution goes on, and the register that gets 0 (offset in pt_regs). */
  extable_entry: {
    offset: "u32",
    resume: "u32",
    register_offset: "u32",
  },
  /** A function of a program: where its code lies in the image. */
  function: {
    offset: "u32",
    length: "u32",
    /** Type of the function, or 0. */
    type: "u32",
    reserved: "u32",
    tag: "tag",
  },
} as const satisfies Record<string, Block>;

/** Offset of each field of a block. */
export function fieldOffsets<B extends Block>(block: B): { readonly [F in keyof B]: number } {
  const offsets: Record<string, number> = {};
  let at = 0;
  for (const [name, type] of Object.entries(block)) {
    if (at % Math.min(sizes[type], 8) !== 0 && type !== "tag" && type !== "offsets")
      throw new Error(`field ${name} at ${at} is not aligned`);
    offsets[name] = at;
    at += sizes[type];
  }
  return offsets as { readonly [F in keyof B]: number };
}

/** Bytes of a block, rounded up so that an array of them stays aligned. */
export function blockSize(block: Block): number {
  const bytes = Object.values(block).reduce((sum, type) => sum + sizes[type], 0);
  return (bytes + 7) & ~7;
}

/** The text of `src/bpf/guest/coprocessor.h`. */
export function coprocessorHeader(): string {
  const upper = (name: string): string => `BPF_COP_${name.toUpperCase()}`;
  const define = (name: string, value: number): string => `#define ${name.padEnd(31)} 0x${value.toString(16)}`;
  const lines = [
    "/* SPDX-License-Identifier: MIT */",
    "/*",
    " * The BPF co-processor's registers, commands and request blocks.",
    " * Generated from src/bpf/coprocessor-protocol.ts, which explains them; do not edit.",
    " */",
    "#ifndef _BPF_COPROCESSOR_H",
    "#define _BPF_COPROCESSOR_H",
    "",
    "#include <kernel/types.h>",
    "",
    define("BPF_COP_MAGIC", COPROCESSOR_MAGIC),
    define("BPF_COP_VERSION", COPROCESSOR_VERSION),
    "",
  ];
  const group = (prefix: string, values: Readonly<Record<string, number>>): void => {
    for (const [name, value] of Object.entries(values)) lines.push(define(upper(`${prefix}_${name}`), value));
    lines.push("");
  };
  group("reg", registers);
  group("cmd", commands);
  group("status", statuses);
  group("priv", privilegeBits);
  group("load", loadBits);
  lines.splice(-1, 0, define("BPF_COP_LOAD_RULES_SHIFT", LOAD_RULES_SHIFT));
  group("attach", { ...attachBits, ...attachResultBits });
  group("rules", ruleCodes);
  group("result", resultBits);
  lines.splice(-1, 0, define("BPF_COP_RESULT_CONTEXT_SHIFT", RESULT_CONTEXT_SHIFT));
  group("helper", internalHelpers);
  group("info", infoKinds);
  group("tramp", trampolineKinds);
  lines.splice(-1, 0, define("BPF_COP_INFO_NAME_SIZE", INFO_NAME_SIZE));
  group("xlated", xlatedForms);
  for (const [name, block] of Object.entries(blocks)) {
    lines.push(`struct bpf_cop_${name} {`);
    for (const [field, type] of Object.entries(block)) {
      if (type === "offsets") lines.push(`\tu32 ${field}[${MAX_OFFSETS}];`);
      else lines.push(type === "tag" ? `\tu8 ${field}[8];` : `\t${type} ${field};`);
    }
    const bytes = Object.values(block as Block).reduce((sum, type) => sum + sizes[type], 0);
    lines.push(
      bytes === blockSize(block) ? "};" : "} __attribute__((aligned(8)));",
      `_Static_assert(sizeof(struct bpf_cop_${name}) == ${blockSize(block)}, "struct bpf_cop_${name}");`,
      "",
    );
  }
  lines.push("#endif", "");
  return lines.join("\n");
}
