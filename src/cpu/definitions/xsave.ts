/**
 * XSAVE, XSAVEOPT, XSAVEC, XSAVES, XRSTOR, XRSTORS (AMD64 APM volume 2, 11.5): the x87, SSE and AVX states in an area of 512 bytes
 * as FXSAVE writes them, a header of 64 bytes, and the upper halves of the YMM registers.
 */
import { c64, i64 } from "../../wasm/index.ts";
import type { Cpu } from "../cpu.ts";
import { define } from "../definition.ts";
import { generalProtection } from "../fault.ts";
import { defineRoutine } from "../routines.ts";
import { layout, XMM_STRIDE } from "../state.ts";
import { type OperandMemory, setXmm, unitOf } from "./floating-point-routines.ts";
import { requireCr4 } from "./forms.ts";

const X87 = 1;
const SSE = 2;
const AVX = 4;
const HEADER = 512;
const EXTENDED = 576;
const AVX_BYTES = 256;
const COMPACTED = 1n << 63n;
const MXCSR_MASK = 0xffff;
const CR4_OSXSAVE = 0x4_0000;
const INITIAL_MXCSR = 0x1f80;

const registerCount = (cpu: Cpu): number => (cpu.state.codeBits === 64 ? 16 : 8);
const ymmHigh = (register: number): number => layout.xmm + register * XMM_STRIDE + 16;

/** The x87 part of an image: what lies before MXCSR, and the registers. */
function x87Image(cpu: Cpu, rexW: boolean): DataView {
  const image = new DataView(new ArrayBuffer(512));
  unitOf(cpu).x87.saveImage(image, rexW);
  return image;
}
function initialX87(): DataView {
  const image = new DataView(new ArrayBuffer(512));
  image.setUint16(0, 0x37f, true);
  return image;
}
const equalImages = (a: DataView, b: DataView): boolean => {
  for (let i = 0; i < 160; i += 8) if (a.getBigUint64(i, true) !== b.getBigUint64(i, true)) return false;
  return true;
};

/** Components that are not in their initial state (XINUSE): SSE counts MXCSR only where it is compacted. */
export function componentsInUse(cpu: Cpu): number {
  const { view } = cpu;
  const anySet = (at: (register: number) => number): boolean => {
    for (let i = 0; i < 16; i++)
      if (view.getBigUint64(at(i), true) !== 0n || view.getBigUint64(at(i) + 8, true) !== 0n) return true;
    return false;
  };
  return (
    (equalImages(x87Image(cpu, true), initialX87()) ? 0 : X87) |
    (anySet((i) => layout.xmm + i * XMM_STRIDE) ? SSE : 0) |
    (anySet(ymmHigh) ? AVX : 0)
  );
}

/** Linear address, offset, address size, REX.W, EDX:EAX. */
function areaOperand(
  cpu: Cpu,
  record: number,
  write: boolean,
): { address: bigint; memory: OperandMemory; rexW: boolean; requested: number } {
  const address = cpu.argument(0);
  const memory = unitOf(cpu).memory.set(record, address, cpu.argument(1), cpu.argumentNumber(2));
  if (address & 63n) throw generalProtection();
  memory.checkPlace(address, write);
  const requested = Number(cpu.argument(4) & cpu.state.xcr0);
  return { address, memory, rexW: cpu.argumentNumber(3) !== 0, requested };
}

/** Where the AVX state lies: always in the same place, as the only one beyond the first two. */
const avxOffset = (): number => EXTENDED;

function save(cpu: Cpu, record: number, kind: "xsave" | "xsaveopt" | "xsavec" | "xsaves"): void {
  const { address, memory, rexW, requested } = areaOperand(cpu, record, true);
  const compacted = kind === "xsavec" || kind === "xsaves";
  const inUse = componentsInUse(cpu) | (compacted && cpu.state.mxcsr !== INITIAL_MXCSR ? SSE : 0);
  // What is in its initial state is not written, but by XSAVE.
  const written = kind === "xsave" ? requested : requested & inUse;
  const registers = registerCount(cpu);
  // The AVX state counts in full even where half of its registers do not exist.
  const size = requested & AVX ? EXTENDED + AVX_BYTES : EXTENDED;
  // Both ends first; the last page faults at its last byte.
  memory.probeWrite(address, 1);
  memory.probeWrite(address + BigInt(size - 1), 1);
  const oldComponents = compacted ? 0n : memory.read(address + BigInt(HEADER), 8);
  const write = (at: number, value: bigint): void => memory.write(address + BigInt(at), 8, value);
  if (written & X87) {
    const image = x87Image(cpu, rexW);
    for (let i = 0; i < 160; i += 8) if (i !== 24) write(i, image.getBigUint64(i, true));
  }
  if (compacted ? written & SSE : requested & (SSE | AVX)) {
    write(24, BigInt(cpu.state.mxcsr) | (BigInt(MXCSR_MASK) << 32n));
  }
  if (written & SSE) {
    for (let i = 0; i < registers; i++) {
      const value = cpu.state.xmm(i);
      write(160 + i * 16, BigInt.asUintN(64, value));
      write(168 + i * 16, value >> 64n);
    }
  }
  if (written & AVX) {
    for (let i = 0; i < registers * 16; i += 8)
      write(avxOffset() + i, cpu.view.getBigUint64(ymmHigh(i >> 4) + (i & 8), true));
  }
  const components = BigInt(requested & inUse);
  write(HEADER, (oldComponents & ~BigInt(requested)) | components);
  if (compacted) write(HEADER + 8, BigInt(requested) | COMPACTED);
}

function restore(cpu: Cpu, record: number, supervisor: boolean): void {
  const { address, memory, rexW, requested } = areaOperand(cpu, record, false);
  const read = (at: number): bigint => memory.read(address + BigInt(at), 8);
  const { state } = cpu;
  const registers = registerCount(cpu);
  memory.read(address, 1);
  const present = read(HEADER);
  const format = read(HEADER + 8);
  const compacted = (format & COMPACTED) !== 0n;
  const allowed = compacted ? format & ~COMPACTED : state.xcr0;
  let valid = (present & ~allowed) === 0n && (format & ~COMPACTED & ~state.xcr0) === 0n;
  if (!compacted) valid &&= format === 0n && read(HEADER + 16) === 0n && !supervisor;
  else for (let i = 16; i < 64; i += 8) valid &&= read(HEADER + i) === 0n;
  if (!valid) throw generalProtection();
  const loaded = requested & Number(present);
  // A compacted image ends behind what is present.
  const size = (compacted ? loaded : requested) & AVX ? EXTENDED + AVX_BYTES : EXTENDED;
  memory.read(address + BigInt(size - 1), 1);
  // Everything is read before anything changes.
  const legacy = new DataView(new ArrayBuffer(512));
  if (loaded & (X87 | SSE) || requested & (SSE | AVX)) {
    for (let i = 0; i < 160 + registers * 16; i += 8) legacy.setBigUint64(i, read(i), true);
  }
  const high: bigint[] = [];
  if (loaded & AVX) for (let i = 0; i < registers * 2; i++) high.push(read(avxOffset() + i * 8));
  const loadsMxcsr = compacted ? loaded & SSE : requested & (SSE | AVX);
  const mxcsr = loadsMxcsr ? legacy.getUint32(24, true) : requested & SSE ? INITIAL_MXCSR : state.mxcsr;
  if (mxcsr & ~MXCSR_MASK) throw generalProtection();

  if (requested & X87) unitOf(cpu).x87.restoreImage(loaded & X87 ? legacy : initialX87(), rexW);
  state.mxcsr = mxcsr;
  for (let i = 0; i < registers; i++) {
    const at = 160 + i * 16;
    if (loaded & SSE) setXmm(cpu, i, legacy.getBigUint64(at, true), legacy.getBigUint64(at + 8, true));
    else if (requested & SSE) setXmm(cpu, i, 0n, 0n);
    if (requested & AVX) {
      cpu.view.setBigUint64(ymmHigh(i), high[i * 2] ?? 0n, true);
      cpu.view.setBigUint64(ymmHigh(i) + 8, high[i * 2 + 1] ?? 0n, true);
    }
  }
}

for (const kind of ["xsave", "xsaveopt", "xsavec", "xsaves"] as const)
  defineRoutine(kind, (cpu, record) => save(cpu, record, kind));
defineRoutine("xrstor", (cpu, record) => restore(cpu, record, false));
defineRoutine("xrstors", (cpu, record) => restore(cpu, record, true));

for (const [name, row] of [
  ["xsave", "NP 0F AE /4 Mn"],
  ["xrstor", "NP 0F AE /5 Mn"],
  ["xsaveopt", "NP 0F AE /6 Mn"],
  ["xsavec", "NP 0F C7 /4 Mn"],
  ["xsaves", "NP 0F C7 /5 Mn"],
  ["xrstors", "NP 0F C7 /3 Mn"],
] as const) {
  define(
    name,
    row,
    (t, m) => {
      requireCr4(t, CR4_OSXSAVE);
      t.call(
        name,
        t.linearAddress(m),
        t.effectiveAddress(m),
        c64(t.addressSize),
        c64(t.size === 8 ? 1 : 0),
        i64.or(i64.shl(t.register(2, 4), c64(32)), t.register(0, 4)),
      );
    },
    { unit: "xsave", ...(name.endsWith("s") ? { privileged: true } : {}) },
  );
}
