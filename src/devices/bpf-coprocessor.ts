/**
 * The BPF co-processor: bpf(2) in the guest hands programs to it; it verifies them as Linux's verifier would, generates x86-64
 * code, and writes the code to where the kernel says. It executes nothing: from then on the guest runs on its own
 * instructions. A command is complete when the write that starts it is, so it takes no guest time and needs no interrupt.
 * Registers and request blocks: `src/bpf/coprocessor-protocol.ts`.
 */
import { createHash } from "node:crypto";
import { Btf } from "../bpf/btf.ts";
import { validateBtf } from "../bpf/btf-validation/index.ts";
import { checkMapTypes, kernelPointers } from "../bpf/btf-validation/map-types.ts";
import {
  attachBits,
  attachResultBits,
  type Block,
  blockSize,
  blocks,
  COPROCESSOR_MAGIC,
  COPROCESSOR_VERSION,
  commands,
  fieldOffsets,
  INFO_NAME_SIZE,
  infoKinds,
  LOAD_RULES_SHIFT,
  loadBits,
  privilegeBits,
  RESULT_CONTEXT_SHIFT,
  registers,
  resultBits,
  ruleCodes,
  statuses,
} from "../bpf/coprocessor-protocol.ts";
import {
  type InlinedProgram,
  type InlineLayout,
  type InlineMap,
  inlineCalls,
  MAP_OPERATIONS,
} from "../bpf/inline-calls.ts";
import * as isa from "../bpf/isa.ts";
import { functionTag, progTag } from "../bpf/prog-tag.ts";
import type {
  InfoTable,
  MapDescriptor,
  ProgramToVerify,
  VerifiedProgram,
  VerifyResult,
} from "../bpf/verifier/index.ts";
import { BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS } from "../bpf/verifier/map-types.ts";
import { isTracingProgram } from "../bpf/verifier/program-types.ts";
import type { RuleName } from "../bpf/verifier/rules.ts";
import { CodeGenerationError, type CompiledProgram, compile, type KernelLayout } from "../bpf/x86-64/code-generator.ts";
import { generateTrampoline, type TrampolineLink } from "../bpf/x86-64/trampoline.ts";
import {
  type AccessSize,
  type DeviceState,
  type DmaMemory,
  insideMemory,
  type MmioDevice,
  type Stateful,
} from "./device.ts";

/** Slots of a program; Linux's own limit for privileged ones is 1,000,000. */
const MAX_SLOTS = 1_000_000;
/** Programs kept at once. */
const MAX_PROGRAMS = 65_536;
const MAX_MAPS = 4096;
const MAX_HELPERS = 1024;
/** Bytes that one command moves at most. */
const MAX_TRANSFER = 1 << 20;
/** A frozen map's contents are read for the verifier up to this size. */
const MAX_CONTENTS = 1 << 20;
const FROZEN_UPLOADED = 2;
/** Bytes that are kept for a command; type information has at most 16 MB, records of lines may be longer. */
const MAX_DATA = 1 << 26;
const MAX_BTFS = 65_536;
/** Programs on one trampoline; Linux's own limit is 38. */
const MAX_LINKS = 64;
const MAX_RUN_CONTEXT = 1024;

const EINVAL = 22;
const ENOMEM = 12;
const EBADF = 9;

const BPF_F_INNER_MAP = 1 << 12;
/** Numbers that stand in calls for the functions of maps. */
const FIRST_OPERATION = 0x2_0000;

const HELPER_TAIL_CALL = 12;
const HELPER_GET_STACKID = 27;
const HELPER_PROBE_WRITE_USER = 36;
const HELPER_GET_STACK = 67;

export interface BpfCoprocessorOptions {
  readonly memory: DmaMemory;
  readonly verify: (program: ProgramToVerify) => VerifyResult;
  /** Told of mistakes of the host's own that a request brought to light; the guest is answered with an error. */
  readonly internalError?: (error: unknown) => void;
}

/** A request that is answered with a status instead of being carried out. */
class Refusal extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`status ${status}`);
    this.status = status;
  }
}

/** A map as the kernel described it. */
interface KernelMap {
  readonly address: bigint;
  readonly values: bigint;
  /** The number by which user space knows it. */
  readonly id: number;
  readonly inline: InlineMap;
}

interface LoadedProgram {
  readonly compiled: CompiledProgram;
  /** By form of `xlatedForms`. */
  readonly xlated: readonly Uint8Array[];
  readonly tag: Uint8Array;
  /** By kind, the tables that READ_INFO gives out. */
  readonly info: ReadonlyMap<number, Uint8Array>;
  /** The code for the address last asked for: it is read piece by piece. */
  bound?: { readonly base: bigint; readonly code: Uint8Array };
}

/** Reads and writes the fields of a request block in guest memory. */
class BlockView<B extends Block> {
  readonly #memory: DmaMemory;
  readonly #address: number;
  readonly #offsets: { readonly [F in keyof B]: number };

  constructor(memory: DmaMemory, block: B, address: number) {
    if (!insideMemory(memory, address, blockSize(block))) throw new Refusal(statuses.bad_address);
    this.#memory = memory;
    this.#address = address;
    this.#offsets = fieldOffsets(block);
  }

  u32(field: keyof B): number {
    return this.#memory.readUint(this.#address + this.#offsets[field], 4) >>> 0;
  }

  u64(field: keyof B): bigint {
    return this.#memory.readUint64(this.#address + this.#offsets[field]);
  }

  /** A physical address with `length` bytes of memory behind it. */
  pointer(field: keyof B, length: number): number {
    const address = this.u64(field);
    if (address >= BigInt(this.#memory.size) || !insideMemory(this.#memory, Number(address), length)) {
      throw new Refusal(statuses.bad_address);
    }
    return Number(address);
  }

  set(field: keyof B, value: number): void {
    this.#memory.writeUint(this.#address + this.#offsets[field], 4, value);
  }

  setBytes(field: keyof B, value: Uint8Array): void {
    this.#memory.write(this.#address + this.#offsets[field], value);
  }
}

const MAPS_OF_MAPS: ReadonlySet<number> = new Set([BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS]);

const RULES_BY_CODE: Readonly<Record<number, RuleName>> = {
  [ruleCodes.latest]: "6.1",
  [ruleCodes.y2015]: "2015",
  [ruleCodes.y2017]: "2017",
  [ruleCodes.y2020]: "2020",
};

const describeMap = (map: BlockView<typeof blocks.map>): MapDescriptor => ({
  id: map.u64("address"),
  type: map.u32("map_type"),
  keySize: map.u32("key_size"),
  valueSize: map.u32("value_size"),
  maxEntries: map.u32("max_entries"),
  flags: map.u32("map_flags"),
  ...(map.u32("spin_lock") > 0 && { spinLockOffset: map.u32("spin_lock") - 1 }),
  ...(map.u32("timer") > 0 && { timerOffset: map.u32("timer") - 1 }),
});

export class BpfCoprocessor implements MmioDevice, Stateful {
  readonly #memory: DmaMemory;
  readonly #verify: (program: ProgramToVerify) => VerifyResult;
  readonly #internalError: (error: unknown) => void;
  #request = [0, 0];
  #status: number = statuses.ok;
  #helpers: ReadonlyMap<number, bigint> = new Map();
  #layout: (KernelLayout & InlineLayout & { readonly callBase: bigint }) | undefined;
  #staged: isa.Instruction[] = [];
  #data: Uint8Array = new Uint8Array(0);
  #log: Uint8Array = new Uint8Array(0);
  #btfs = new Map<number, Btf>();
  #kernelBtf: Uint8Array = new Uint8Array(0);
  #kernelTypes: Btf | undefined;
  #programs = new Map<number, LoadedProgram>();
  #nextHandle = 1;

  constructor(options: BpfCoprocessorOptions) {
    this.#memory = options.memory;
    this.#verify = options.verify;
    this.#internalError = options.internalError ?? (() => {});
  }

  readMmio(offset: number, size: AccessSize): number {
    if (size !== 4) return 0;
    switch (offset) {
      case registers.magic:
        return COPROCESSOR_MAGIC;
      case registers.version:
        return COPROCESSOR_VERSION;
      case registers.request_low:
        return this.#request[0];
      case registers.request_high:
        return this.#request[1];
      case registers.status:
        return this.#status;
      default:
        return 0;
    }
  }

  writeMmio(offset: number, size: AccessSize, value: number): void {
    if (size !== 4) return;
    if (offset === registers.request_low) this.#request[0] = value >>> 0;
    else if (offset === registers.request_high) this.#request[1] = value >>> 0;
    else if (offset === registers.command) this.#status = this.#execute(value >>> 0);
  }

  /** Where the code of loaded programs lies in the kernel, by the name that Linux's kallsyms would give it. For debuggers. */
  *placedPrograms(): Generator<{ readonly name: string; readonly address: bigint; readonly size: bigint }> {
    for (const { bound, tag } of this.#programs.values())
      if (bound !== undefined)
        yield {
          name: `bpf_prog_${Buffer.from(tag).toString("hex")}`,
          address: bound.base,
          size: BigInt(bound.code.length),
        };
  }

  /** Takes over the state of another one, which belongs to a machine of the same make. */
  copyFrom(other: BpfCoprocessor): void {
    this.#request = [...other.#request];
    this.#status = other.#status;
    this.#helpers = other.#helpers;
    this.#layout = other.#layout;
    this.#staged = [...other.#staged];
    this.#data = other.#data;
    this.#log = other.#log;
    this.#btfs = new Map(other.#btfs);
    this.#kernelBtf = other.#kernelBtf;
    this.#kernelTypes = other.#kernelTypes;
    this.#programs = new Map([...other.#programs].map(([handle, program]) => [handle, { ...program }]));
    this.#nextHandle = other.#nextHandle;
  }

  state(): DeviceState {
    const hash = createHash("sha256");
    for (const [handle, program] of this.#programs) hash.update(`${handle}:`).update(program.xlated[0]);
    return {
      request: this.#request,
      status: this.#status,
      helpers: [...this.#helpers].flat(),
      layout: this.#layout && Object.values(this.#layout),
      staged: isa.encodeInstructions(this.#staged),
      data: this.#data,
      log: this.#log,
      btfs: [...this.#btfs.keys()],
      nextHandle: this.#nextHandle,
      programs: hash.digest("hex"),
    };
  }

  /** Carries a command out; whatever the guest wrote, the answer is a status. */
  #execute(command: number): number {
    const address = this.#request[1] * 2 ** 32 + this.#request[0];
    try {
      switch (command) {
        case commands.setup:
          this.#setup(new BlockView(this.#memory, blocks.setup, address));
          break;
        case commands.upload:
          this.#upload(new BlockView(this.#memory, blocks.upload, address));
          break;
        case commands.load:
          this.#load(new BlockView(this.#memory, blocks.load, address));
          break;
        case commands.read_log:
          this.#readLog(new BlockView(this.#memory, blocks.read_log, address));
          break;
        case commands.read_code:
          this.#readCode(new BlockView(this.#memory, blocks.read_code, address));
          break;
        case commands.read_xlated:
          this.#readXlated(new BlockView(this.#memory, blocks.read_xlated, address));
          break;
        case commands.free:
          this.#free(new BlockView(this.#memory, blocks.free, address));
          break;
        case commands.upload_data:
          this.#uploadData(new BlockView(this.#memory, blocks.upload_data, address));
          break;
        case commands.load_btf:
          this.#loadBtf(new BlockView(this.#memory, blocks.load_btf, address));
          break;
        case commands.free_btf:
          if (!this.#btfs.delete(new BlockView(this.#memory, blocks.free, address).u32("handle"))) {
            throw new Refusal(statuses.bad_handle);
          }
          break;
        case commands.check_map_btf:
          this.#checkMapBtf(new BlockView(this.#memory, blocks.check_map_btf, address));
          break;
        case commands.kernel_btf:
          this.#setKernelBtf(new BlockView(this.#memory, blocks.kernel_btf, address));
          break;
        case commands.make_trampoline:
          this.#makeTrampoline(new BlockView(this.#memory, blocks.make_trampoline, address));
          break;
        case commands.read_info:
          this.#readInfo(new BlockView(this.#memory, blocks.read_info, address));
          break;
        default:
          return statuses.bad_command;
      }
      return statuses.ok;
    } catch (error) {
      if (error instanceof Refusal) return error.status;
      this.#internalError(error);
      return statuses.internal;
    }
  }

  #setup(block: BlockView<typeof blocks.setup>): void {
    const count = block.u32("helper_count");
    if (count > MAX_HELPERS) throw new Refusal(statuses.bad_request);
    const table = block.pointer("helpers", count * 16);
    const helpers = new Map<number, bigint>();
    for (let index = 0; index < count; index++) {
      const id = this.#memory.readUint64(table + 16 * index);
      if (id >= 1n << 31n) throw new Refusal(statuses.bad_request);
      helpers.set(Number(id), this.#memory.readUint64(table + 16 * index + 8));
    }
    this.#helpers = helpers;
    this.#layout = {
      mapMaxEntries: block.u32("map_max_entries"),
      arrayPointers: block.u32("array_pointers"),
      progFunction: block.u32("prog_function"),
      arrayValue: block.u32("array_value"),
      hashKey: block.u32("hash_key"),
      hashReferenced: block.u32("hash_referenced"),
      callBase: block.u64("call_base"),
      jiffies: block.u64("jiffies"),
    };
  }

  #upload(block: BlockView<typeof blocks.upload>): void {
    const first = block.u32("first");
    const count = block.u32("count");
    if (first + count > MAX_SLOTS || count * isa.SLOT_SIZE > MAX_TRANSFER) throw new Refusal(statuses.bad_request);
    if (first !== 0 && first !== this.#staged.length) throw new Refusal(statuses.bad_request);
    const data = this.#memory.read(block.pointer("data", count * isa.SLOT_SIZE), count * isa.SLOT_SIZE);
    if (first === 0) this.#staged = [];
    for (const insn of isa.decodeInstructions(data)) this.#staged.push(insn);
  }

  #uploadData(block: BlockView<typeof blocks.upload_data>): void {
    const offset = block.u32("offset");
    const length = block.u32("length");
    if (offset !== 0 && offset !== this.#data.length) throw new Refusal(statuses.bad_request);
    if (length > MAX_TRANSFER || offset + length > MAX_DATA) throw new Refusal(statuses.bad_request);
    const data = new Uint8Array(offset + length);
    if (offset !== 0) data.set(this.#data);
    data.set(this.#memory.read(block.pointer("data", length), length), offset);
    this.#data = data;
  }

  #takeData(length: number): Uint8Array {
    if (length !== this.#data.length) throw new Refusal(statuses.bad_request);
    const data = this.#data;
    this.#data = new Uint8Array(0);
    return data;
  }

  #loadBtf(block: BlockView<typeof blocks.load_btf>): void {
    const result = validateBtf(this.#takeData(block.u32("length")), block.u32("log_level"));
    this.#log = new TextEncoder().encode(result.log);
    block.set("log_length", this.#log.length);
    block.set("error", result.errno);
    block.set("handle", 0);
    if (result.btf === undefined) return;
    if (this.#btfs.size >= MAX_BTFS) {
      block.set("error", ENOMEM);
      return;
    }
    const handle = this.#nextHandle++;
    this.#btfs.set(handle, result.btf);
    block.set("handle", handle);
  }

  #btf(handle: number): Btf {
    const btf = this.#btfs.get(handle);
    if (btf === undefined) throw new Refusal(statuses.bad_handle);
    return btf;
  }

  #checkMapBtf(block: BlockView<typeof blocks.check_map_btf>): void {
    const result = checkMapTypes(
      this.#btf(block.u32("handle")),
      {
        mapType: block.u32("map_type"),
        keyType: block.u32("key_type"),
        valueType: block.u32("value_type"),
        keySize: block.u32("key_size"),
        valueSize: block.u32("value_size"),
        maxEntries: block.u32("max_entries"),
        mapFlags: block.u32("map_flags"),
        capable: block.u32("capable") !== 0,
      },
      this.#kernel(),
    );
    block.set("error", result.errno);
    block.set("spin_lock", (result.spinLockOffset ?? -1) + 1);
    block.set("timer", (result.timerOffset ?? -1) + 1);
    const kptrs = (result.kernelPointers ?? []).map(({ offset }) => offset);
    block.set("kptr_count", kptrs.length);
    block.setBytes("kptrs", new Uint8Array(Uint32Array.from(kptrs).buffer));
  }

  /** func_info and line_info of the program that is to be loaded. */
  #typeInfo(block: BlockView<typeof blocks.load>): ProgramToVerify["typeInfo"] {
    const counts = { functions: block.u32("func_info_cnt"), lines: block.u32("line_info_cnt") };
    if (counts.functions === 0 && counts.lines === 0) return undefined;
    const sizes = { functions: block.u32("func_info_rec_size"), lines: block.u32("line_info_rec_size") };
    const functionBytes = sizes.functions * block.u32("func_info_present");
    const lineBytes = sizes.lines * block.u32("line_info_present");
    const data = this.#data;
    if (functionBytes + lineBytes > data.length) throw new Refusal(statuses.bad_request);
    const table = (count: number, recordSize: number, bytes: Uint8Array): InfoTable => ({ count, recordSize, bytes });
    const handle = block.u32("btf");
    return {
      btf: handle === 0 ? block.u32("btf_error") : this.#btf(handle),
      functions: table(counts.functions, sizes.functions, data.subarray(0, functionBytes)),
      lines: table(counts.lines, sizes.lines, data.subarray(functionBytes, functionBytes + lineBytes)),
    };
  }

  #readMaps(block: BlockView<typeof blocks.load>): {
    descriptors: Map<number, MapDescriptor | number>;
    kernel: Map<bigint, KernelMap>;
    operations: Map<number, bigint>;
  } {
    const count = block.u32("map_count");
    if (count > MAX_MAPS) throw new Refusal(statuses.bad_request);
    const size = blockSize(blocks.map);
    const table = count === 0 ? 0 : block.pointer("maps", count * size);
    const descriptors = new Map<number, MapDescriptor | number>();
    const kernel = new Map<bigint, KernelMap>();
    const operations = new Map<number, bigint>();
    const describeKernelMap = (map: BlockView<typeof blocks.map>): void => {
      const address = map.u64("address");
      const numbers = MAP_OPERATIONS.map((name, index) => {
        const operation = map.u64(name);
        if (operation === 0n) return 0;
        const number = FIRST_OPERATION + kernel.size * MAP_OPERATIONS.length + index;
        operations.set(number, operation);
        return number;
      });
      const inline = inlineMap(describeMap(map), numbers, map.u32("bypass_spec_v1") !== 0);
      kernel.set(address, { address, values: map.u64("values"), id: map.u32("id"), inline });
    };
    for (let index = 0; index < count; index++) {
      const map = new BlockView(this.#memory, blocks.map, table + index * size);
      const fd = map.u32("fd") | 0;
      const error = map.u32("error");
      if (error !== 0) {
        descriptors.set(fd, error);
        continue;
      }
      const bytes = map.u32("value_size") * map.u32("max_entries");
      const frozen = map.u32("frozen") !== 0;
      describeKernelMap(map);
      const isMapOfMaps = MAPS_OF_MAPS.has(map.u32("map_type"));
      const contents = frozen && !isMapOfMaps && bytes <= MAX_CONTENTS ? this.#readContents(map, bytes) : undefined;
      const inner = isMapOfMaps ? new BlockView(this.#memory, blocks.map, map.pointer("contents", size)) : undefined;
      if (inner !== undefined) describeKernelMap(inner);
      descriptors.set(fd, {
        ...describeMap(map),
        ...this.#kernelPointers(block, index),
        frozen,
        valuesAddress: map.u64("values"),
        ...(inner !== undefined && { inner: describeMap(inner) }),
        ...(contents !== undefined && { contents }),
      });
    }
    return { descriptors, kernel, operations };
  }

  /** A frozen map's values, for the verifier to know them as constants. */
  #readContents(map: BlockView<typeof blocks.map>, bytes: number): Uint8Array | undefined {
    const at = map.u64("contents");
    if (map.u32("frozen") !== FROZEN_UPLOADED)
      return at === 0n ? undefined : this.#memory.read(map.pointer("contents", bytes), bytes);
    if (at + BigInt(bytes) > this.#data.length) throw new Refusal(statuses.bad_request);
    return this.#data.slice(Number(at), Number(at) + bytes);
  }

  #load(block: BlockView<typeof blocks.load>): void {
    const layout = this.#layout;
    if (layout === undefined || block.u32("insn_cnt") !== this.#staged.length) throw new Refusal(statuses.bad_request);
    const program = this.#staged;
    const maps = this.#readMaps(block);
    const privileges = block.u32("privileges");
    const typeInfo = this.#typeInfo(block);
    this.#staged = [];
    this.#data = new Uint8Array(0);
    this.#log = new Uint8Array(0);

    const hasPointers = [...maps.descriptors.values()].some(
      (map) => typeof map === "object" && map.kernelPointers !== undefined,
    );
    const result = this.#verify({
      type: block.u32("prog_type"),
      instructions: program,
      gplCompatible: block.u32("gpl_compatible") !== 0,
      flags: block.u32("prog_flags"),
      expectedAttachType: block.u32("expected_attach_type"),
      privileges: { bpf: (privileges & privilegeBits.bpf) !== 0, perfmon: (privileges & privilegeBits.perfmon) !== 0 },
      mapByFd: (fd) => maps.descriptors.get(fd) ?? EBADF,
      logLevel: block.u32("log_level"),
      interpreted: (privileges & loadBits.interpret) !== 0,
      rules: RULES_BY_CODE[(privileges >>> LOAD_RULES_SHIFT) & 0xf] ?? "6.1",
      typeInfo,
      ...this.#attachTarget(block, hasPointers),
    });
    this.#log = new TextEncoder().encode(result.log);
    block.set("log_length", this.#log.length);
    block.set("verified_insns", result.statistics.instructionsProcessed);
    block.set("error", result.errno);
    block.set("handle", 0);
    block.set("unknown_fields", 0);
    if (!("instructions" in result)) {
      if (result.internalError !== undefined) this.#internalError(result.internalError);
      if (result.unknownFields !== undefined) block.set("unknown_fields", result.unknownFields === "functions" ? 1 : 2);
      return;
    }

    if (this.#programs.size >= MAX_PROGRAMS) {
      block.set("error", ENOMEM);
      return;
    }
    const resolved = resolve(result.instructions, result.maps, maps.kernel);
    const isInterpreted = (privileges & loadBits.interpret) !== 0;
    const inlined = isInterpreted ? asItIs(result, resolved) : inlineAll(result, resolved, maps.kernel, layout);
    const { instructions } = inlined;
    const helperAddress = (id: number): bigint | undefined => maps.operations.get(id) ?? this.#helpers.get(id);
    let compiled: CompiledProgram;
    try {
      compiled = compile({
        instructions,
        functionStarts: inlined.starts,
        stackDepths: inlined.stackDepths,
        helperAddress,
        layout,
        // A direct call of a map's own function leaves zero in the upper half by itself.
        narrowResult: (slot) =>
          instructions[slot].imm < FIRST_OPERATION && result.facts[inlined.originOf(slot)].narrowResult,
        divisorsChecked: true,
      });
    } catch (error) {
      if (!(error instanceof CodeGenerationError)) throw error;
      this.#log = new TextEncoder().encode(`${result.log}${error.message}\n`);
      block.set("log_length", this.#log.length);
      block.set("error", EINVAL);
      return;
    }
    const handle = this.#nextHandle++;
    const tag = progTag(program);
    this.#programs.set(handle, {
      compiled,
      xlated: [
        isa.encodeInstructions(instructions),
        isa.encodeInstructions(
          dumpForm(instructions, inlined.starts, [...maps.kernel.values()], helperAddress, layout.callBase),
        ),
      ],
      tag,
      info: infoTables(result, inlined, compiled, typeof typeInfo?.btf === "object" ? typeInfo.btf : undefined),
    });
    const flags =
      (result.kprobeOverride ? resultBits.kprobe_override : 0) |
      (result.tailCall ? resultBits.tail_call : 0) |
      (result.helpers.some((id) => id === HELPER_GET_STACKID || id === HELPER_GET_STACK) ? resultBits.get_stack : 0) |
      (result.helpers.includes(HELPER_PROBE_WRITE_USER) ? resultBits.write_user : 0) |
      (result.maxContextOffset << RESULT_CONTEXT_SHIFT);
    block.set("handle", handle);
    block.set("image_size", compiled.size);
    block.set("tail_call_entry", compiled.tailCallEntry);
    block.set("result_flags", flags);
    block.set("stack_depth", inlined.stackDepths[0]);
    block.set("func_cnt", compiled.functionOffsets.length);
    block.set("xlated_cnt", instructions.length);
    const isTyped = result.subprograms[0].type !== undefined;
    block.set("func_info_result", isTyped ? result.subprograms.length : 0);
    block.set("line_info_result", result.lines.length);
    block.set("extable_cnt", isInterpreted ? 0 : compiled.faultingLoads.length);
    const { attach } = result;
    const isVoid = attach?.returnsVoid === true ? attachResultBits.returns_void : 0;
    block.set("attach_result", (attach?.argumentRegisters ?? 0) | isVoid);
    block.setBytes("tag", tag);
  }

  /** The kernel's types; they are read when first something wants them. */
  #kernel(): Btf | undefined {
    if (this.#kernelBtf.length === 0) return undefined;
    this.#kernelTypes ??= new Btf(this.#kernelBtf);
    return this.#kernelTypes;
  }

  /** What the program is for, and the kernel's types if it may look at them. */
  #attachTarget(
    block: BlockView<typeof blocks.load>,
    hasPointers: boolean,
  ): Pick<ProgramToVerify, "attachTarget" | "kernelTypes"> {
    const kernelTypes = isTracingProgram(block.u32("prog_type")) || hasPointers ? this.#kernel() : undefined;
    if (kernelTypes === undefined) return {};
    const id = block.u32("attach_btf_id");
    if (id === 0) return { kernelTypes };
    const flags = block.u32("attach_flags");
    const hasAddress = (flags & attachBits.has_address) !== 0;
    const errorInjectable = (flags & attachBits.error_injectable) !== 0;
    return { kernelTypes, attachTarget: { btf: kernelTypes, id, hasAddress, errorInjectable } };
  }

  /** Pointers to structures of the kernel in the values of a map that a program uses. */
  #kernelPointers(block: BlockView<typeof blocks.load>, index: number): Pick<MapDescriptor, "kernelPointers"> {
    if (block.u32("has_map_types") !== 1) return {};
    const size = blockSize(blocks.map_type);
    const table = block.pointer("map_types", (index + 1) * size);
    const entry = new BlockView(this.#memory, blocks.map_type, table + index * size);
    const handle = entry.u32("btf");
    const kernel = handle === 0 ? undefined : this.#kernel();
    const pointers = kernel && kernelPointers(this.#btf(handle), entry.u32("value_type"), kernel);
    return pointers === undefined || pointers.length === 0 ? {} : { kernelPointers: pointers };
  }

  #setKernelBtf(block: BlockView<typeof blocks.kernel_btf>): void {
    const length = block.u32("length");
    if (length > MAX_DATA) throw new Refusal(statuses.bad_request);
    this.#kernelBtf = this.#memory.read(block.pointer("data", length), length).slice();
    this.#kernelTypes = undefined;
  }

  #makeTrampoline(block: BlockView<typeof blocks.make_trampoline>): void {
    const count = block.u32("link_count");
    if (count > MAX_LINKS) throw new Refusal(statuses.bad_request);
    const size = blockSize(blocks.trampoline_link);
    const table = count === 0 ? 0 : block.pointer("links", count * size);
    const links = Array.from({ length: count }, (_, index): TrampolineLink => {
      const link = new BlockView(this.#memory, blocks.trampoline_link, table + index * size);
      return {
        kind: link.u32("kind"),
        program: link.u64("program"),
        code: link.u64("code"),
        instructions: link.u64("instructions"),
        enter: link.u64("enter"),
        exit: link.u64("exit"),
        cookie: link.u64("cookie"),
      };
    });
    const runContextSize = block.u32("run_context_size");
    if (runContextSize > MAX_RUN_CONTEXT) throw new Refusal(statuses.bad_request);
    try {
      const { code, afterCall, epilogue } = generateTrampoline({
        links,
        argumentRegisters: block.u32("argument_registers"),
        target: block.u64("target"),
        base: block.u64("base"),
        runContextSize,
        image: block.u64("image"),
        enterImage: block.u64("enter_image"),
        exitImage: block.u64("exit_image"),
      });
      if (code.length > block.u32("room")) throw new Refusal(statuses.bad_request);
      this.#memory.write(block.pointer("data", code.length), code);
      block.set("length", code.length);
      block.set("after_call", afterCall);
      block.set("epilogue", epilogue);
    } catch (error) {
      if (error instanceof RangeError) throw new Refusal(statuses.bad_request);
      throw error;
    }
  }

  #readLog(block: BlockView<typeof blocks.read_log>): void {
    this.#copyOut(block, this.#log, block.u32("offset"), block.u32("length"));
  }

  #readCode(block: BlockView<typeof blocks.read_code>): void {
    const program = this.#program(block.u32("handle"));
    const base = block.u64("base");
    if (program.bound?.base !== base) {
      try {
        program.bound = { base, code: program.compiled.bind(base) };
      } catch (error) {
        if (error instanceof CodeGenerationError) throw new Refusal(statuses.bad_request);
        throw error;
      }
    }
    this.#copyOut(block, program.bound.code, block.u32("offset"), block.u32("length"));
  }

  #readXlated(block: BlockView<typeof blocks.read_xlated>): void {
    const xlated = this.#program(block.u32("handle")).xlated[block.u32("form")];
    if (xlated === undefined) throw new Refusal(statuses.bad_request);
    this.#copyOut(block, xlated, block.u32("first") * isa.SLOT_SIZE, block.u32("count") * isa.SLOT_SIZE);
  }

  #readInfo(block: BlockView<typeof blocks.read_info>): void {
    const table = this.#program(block.u32("handle")).info.get(block.u32("kind"));
    if (table === undefined) throw new Refusal(statuses.bad_request);
    this.#copyOut(block, table, block.u32("offset"), block.u32("length"));
  }

  #free(block: BlockView<typeof blocks.free>): void {
    if (!this.#programs.delete(block.u32("handle"))) throw new Refusal(statuses.bad_handle);
  }

  #program(handle: number): LoadedProgram {
    const program = this.#programs.get(handle);
    if (program === undefined) throw new Refusal(statuses.bad_handle);
    return program;
  }

  #copyOut(block: BlockView<Block & { data: "u64" }>, from: Uint8Array, offset: number, length: number): void {
    if (offset + length > from.length || length > MAX_TRANSFER) throw new Refusal(statuses.bad_request);
    this.#memory.write(block.pointer("data", length), from.subarray(offset, offset + length));
  }
}

/** What calls on a map become. */
function inlineMap(map: MapDescriptor, operations: readonly number[], bypassesSpeculation: boolean): InlineMap {
  const powerOf2 = 2 ** Math.ceil(Math.log2(map.maxEntries));
  return {
    type: map.type,
    keySize: map.keySize,
    maxEntries: map.maxEntries,
    isVariable: (map.flags & BPF_F_INNER_MAP) !== 0,
    elementSize: (map.valueSize + 7) & ~7,
    ...(!bypassesSpeculation && { indexMask: (powerOf2 - 1) | 0 }),
    operations,
  };
}

const asItIs = (program: VerifiedProgram, instructions: readonly isa.Instruction[]): InlinedProgram => ({
  instructions,
  starts: program.subprograms.map(({ start }) => start),
  stackDepths: program.subprograms.map(({ stackDepth }) => stackDepth),
  placeOf: (slot) => slot,
  originOf: (slot) => slot,
});

function inlineAll(
  program: VerifiedProgram,
  instructions: readonly isa.Instruction[],
  kernel: ReadonlyMap<bigint, KernelMap>,
  layout: InlineLayout,
): InlinedProgram {
  const maps = new Map<number, InlineMap>();
  const loops = new Map<number, number>();
  program.facts.forEach(({ map, loopCallback }, slot) => {
    const known = map === undefined ? undefined : kernel.get(BigInt(map.id));
    if (known !== undefined) maps.set(slot, known.inline);
    if (loopCallback !== undefined) loops.set(slot, loopCallback);
  });
  return inlineCalls({ ...asItIs(program, instructions), maps, loops }, layout);
}

/** A program as BPF_OBJ_GET_INFO_BY_FD shows it. (bpf_insn_prepare_dump) */
function dumpForm(
  program: readonly isa.Instruction[],
  starts: readonly number[],
  maps: readonly KernelMap[],
  helperAddress: (id: number) => bigint | undefined,
  callBase: bigint,
): isa.Instruction[] {
  const shown = program.slice();
  program.forEach((insn, slot) => {
    const functionAt = (target: number): number => starts.indexOf(target);
    if (isa.isPseudoCall(insn)) {
      shown[slot] = { ...insn, off: insn.imm, imm: functionAt(slot + 1 + insn.imm) };
    } else if (isa.isHelperCall(insn) && insn.imm !== HELPER_TAIL_CALL) {
      const distance = (helperAddress(insn.imm) ?? callBase) - callBase;
      shown[slot] = { ...insn, imm: Number(BigInt.asIntN(32, distance)) };
    } else if (isa.isPseudoFunc(insn)) {
      shown[slot + 1] = { ...program[slot + 1], imm: functionAt(slot + 1 + insn.imm) };
    } else if (isa.isLdImm64(insn)) {
      const value = BigInt.asUintN(64, isa.imm64(insn, program[slot + 1]));
      const map = maps.find(
        ({ address, values, inline }) =>
          value === address || (values !== 0n && value >= values && value < values + BigInt(inline.elementSize)),
      );
      if (map === undefined) return;
      const isAddress = value === map.address;
      shown[slot] = { ...insn, src: isAddress ? isa.BPF_PSEUDO_MAP_FD : isa.BPF_PSEUDO_MAP_VALUE, imm: map.id };
      shown[slot + 1] = { ...program[slot + 1], imm: isAddress ? 0 : Number(value - map.values) };
    }
  });
  return shown;
}

/** Replaces the verifier's map references by kernel addresses. */
function resolve(
  program: readonly isa.Instruction[],
  used: readonly MapDescriptor[],
  kernel: ReadonlyMap<bigint, KernelMap>,
): isa.Instruction[] {
  const resolved = program.slice();
  program.forEach((insn, slot) => {
    if (!isa.isLdImm64(insn)) return;
    const byValue = insn.src === isa.BPF_PSEUDO_MAP_IDX_VALUE;
    if (!byValue && insn.src !== isa.BPF_PSEUDO_MAP_IDX) return;
    const map = kernel.get(BigInt(used[insn.imm]?.id ?? -1));
    if (map === undefined) throw new CodeGenerationError(slot, `map ${insn.imm} is unknown`);
    const address = byValue ? map.values + BigInt(program[slot + 1].imm >>> 0) : map.address;
    const [first, second] = isa.ldImm64(insn.dst, 0, address);
    resolved[slot] = first;
    resolved[slot + 1] = second;
  });
  return resolved;
}

/** Offset in struct pt_regs of each hardware register; rsp is never loaded. */
const PT_REGS = [80, 88, 96, 40, -1, 32, 104, 112, 72, 64, 56, 48, 24, 16, 8, 0];

/** The tables of READ_INFO, by kind. */
function infoTables(
  program: VerifiedProgram,
  { instructions, starts, placeOf }: InlinedProgram,
  compiled: CompiledProgram,
  btf: Btf | undefined,
): ReadonlyMap<number, Uint8Array> {
  const words = (values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
  const isTyped = program.subprograms[0].type !== undefined;
  const lines = program.lines.map((line) => ({ ...line, instruction: placeOf(line.instruction) }));
  const functions = program.subprograms.map(({ type }, index) => {
    const start = starts[index];
    const end = starts[index + 1] ?? instructions.length;
    const offset = compiled.functionOffsets[index];
    const tag = functionTag(instructions, starts, start, end);
    const length = compiled.functionEnds[index] - offset;
    return [...words([offset, length, type ?? 0, 0]), ...tag];
  });
  // A function's first line begins with its prologue.
  const codeOf = (slot: number): number => {
    const index = starts.indexOf(slot);
    return index < 0 ? compiled.slotOffsets[slot] : compiled.functionOffsets[index];
  };
  const names = program.subprograms.map(({ type }) => {
    const found = type === undefined ? undefined : btf?.types[type]?.name;
    const bytes = Buffer.alloc(INFO_NAME_SIZE);
    bytes.write((found ?? "").slice(0, INFO_NAME_SIZE - 1), "latin1");
    return bytes;
  });
  return new Map([
    [infoKinds.names, new Uint8Array(Buffer.concat(names))],
    [infoKinds.functions, Uint8Array.from(functions.flat())],
    [
      infoKinds.func_info,
      words(isTyped ? program.subprograms.flatMap(({ type }, index) => [starts[index], type ?? 0]) : []),
    ],
    [
      infoKinds.line_info,
      words(lines.flatMap(({ instruction, file, text, lineAndColumn }) => [instruction, file, text, lineAndColumn])),
    ],
    [
      infoKinds.extable,
      words(compiled.faultingLoads.flatMap(({ offset, end, register }) => [offset, end, PT_REGS[register], 0])),
    ],
    [infoKinds.line_offsets, words(lines.map(({ instruction }) => codeOf(instruction)))],
  ]);
}
