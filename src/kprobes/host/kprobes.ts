/**
 * The kernel's probes as a debugger sees them: read from the guest's memory with the kernel's own type information, while
 * the guest stands still.
 */
import type { Types, Value } from "../../debug/types.ts";

/** A probe that somebody registered. */
export interface RegisteredProbe {
  readonly kind: "kprobe" | "kretprobe";
  readonly disabled: boolean;
  /** Hits that could not be handled because another probe was being handled. */
  readonly missed: bigint;
  /** The function that is called at each hit, by name. */
  readonly handler: string;
  /** The struct kprobe itself. */
  readonly value: Value;
}

/** An address with one or more probes. */
export interface ProbedAddress {
  readonly address: bigint;
  /** "open_ctree+0x5" */
  readonly place: string;
  /** int3 is in the code. */
  readonly armed: boolean;
  /** The probed instruction as it is without a probe. */
  readonly instruction: Uint8Array;
  /** How the kernel carries it out after the handlers. */
  readonly execution: "out of line" | "emulated";
  /** Newest first, which is the order in which they are called. */
  readonly probes: readonly RegisteredProbe[];
}

const INT3 = 0xcc;
const LIST_HEAD_BYTES = 16;
const FLAG_DISABLED = 2n;

/** All registered probes, by address. Empty for a kernel that has none or has not got as far as making its table. */
export function readKprobes(types: Types): ProbedAddress[] {
  const { symbols, memory } = types;
  const table = symbols.find("kprobe_table");
  if (table === undefined || types.btf.find("kprobe", "struct") === undefined) return [];
  const found: ProbedAddress[] = [];
  for (let offset = 0n; offset < table.size; offset += BigInt(LIST_HEAD_BYTES)) {
    // Not mapped before the kernel has its page tables.
    if (memory.readMapped(table.address + offset, 8).length < 8) return [];
    if (memory.readUint(table.address + offset, 8) === 0n) continue;
    for (const top of types.list(table.address + offset, "kprobe", "hlist")) found.push(probedAddress(types, top));
  }
  return found.sort((a, b) => (a.address < b.address ? -1 : 1));
}

/** The entry for a struct kprobe that is in the table. */
function probedAddress(types: Types, top: Value): ProbedAddress {
  const { symbols, memory } = types;
  const aggregate = symbols.find("aggr_pre_handler")?.address;
  const isAggregate = top.field("pre_handler").value === aggregate;
  const address = top.field("addr").value;
  const size = top.field("ainsn.size").number;
  return {
    address,
    place: symbols.describe(address) ?? `0x${address.toString(16)}`,
    armed: memory.readMapped(address, 1)[0] === INT3,
    instruction: top.field("ainsn.opcode_bytes").bytes().subarray(0, size),
    execution: top.field("ainsn.insn").value === 0n ? "emulated" : "out of line",
    probes: (isAggregate ? [...types.list(top.field("list").address, "kprobe", "list")] : [top]).map((probe) =>
      registeredProbe(types, probe),
    ),
  };
}

function registeredProbe(types: Types, probe: Value): RegisteredProbe {
  const pre = probe.field("pre_handler").value;
  const post = probe.field("post_handler").value;
  const handler = pre === 0n ? post : pre;
  return {
    kind: pre !== 0n && pre === types.symbols.find("pre_handler_kretprobe")?.address ? "kretprobe" : "kprobe",
    disabled: (probe.field("flags").value & FLAG_DISABLED) !== 0n,
    missed: probe.field("nmissed").value,
    handler: types.symbols.describe(handler) ?? `0x${handler.toString(16)}`,
    value: probe,
  };
}

/** The probes at one address. */
export function kprobeAt(types: Types, address: bigint): ProbedAddress | undefined {
  return readKprobes(types).find((probed) => probed.address === address);
}
