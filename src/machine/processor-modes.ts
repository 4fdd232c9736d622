/**
 * Putting the processor into a mode as firmware or a boot loader leaves it: registers and segments are set, nothing is executed.
 */
import type { Cpu } from "../cpu/index.ts";
import { Attribute, generalRegisters } from "../cpu/state.ts";

// Segment types (AMD64 APM volume 2, 4.7 and 4.8), present; ring 3 is added.
const CODE = 0x9b;
const DATA = 0x93;
const LDT = 0x82;
const BUSY_TSS = 0x8b;
const RING_3 = 3 << Attribute.dplShift;
const FLAT_LIMIT = 0xffff_ffff;
const FLAT_CODE_32 = CODE | Attribute.big | Attribute.granularity;
const FLAT_CODE_64 = CODE | Attribute.longMode | Attribute.granularity;
const FLAT_DATA = DATA | Attribute.big | Attribute.granularity;
const TASK_STATE_LIMIT = 0x67;

const CR0 = { PE: 1n, ET: 0x10n, NE: 0x20n, WP: 0x1_0000n, PG: 0x8000_0000n } as const;
const CR4 = { PAE: 0x20n, OSFXSR: 0x200n, OSXMMEXCPT: 0x400n, FSGSBASE: 0x1_0000n, OSXSAVE: 0x4_0000n } as const;
const EFER = { SCE: 1n, LME: 0x100n, LMA: 0x400n, NXE: 0x800n } as const;

/** Selectors of the flat segments; {@link flatDescriptors} is the table that fits them. */
export const SELECTOR = { code: 0x08, data: 0x10, userData: 0x1b, userCode: 0x23, task: 0x28 } as const;
const DATA_SEGMENTS = ["es", "ss", "ds", "fs", "gs"] as const;

interface Start {
  readonly rip: bigint;
  readonly rsp?: bigint;
}

/** 32-bit protected mode, flat, no paging, interrupts off: what PVH and multiboot promise. In ring 3 if `user`. */
export function enterProtectedMode(cpu: Cpu, start: Start & { readonly user?: boolean }): void {
  clear(cpu, start);
  cpu.state.cr0 = CR0.PE | CR0.ET | CR0.NE;
  setFlatSegments(cpu, FLAT_CODE_32, start.user === true);
}

/** Turns PAE paging on, with no-execute and write protection. */
export function enablePaging({ state }: Cpu, pageTables: number): void {
  state.cr3 = BigInt(pageTables);
  state.cr4 |= CR4.PAE;
  state.efer |= EFER.NXE;
  state.cr0 |= CR0.WP | CR0.PG;
}

/** What an operating system does for its programs: SSE, AVX and FSGSBASE are on, the x87 unit is initialised (as FNINIT does). */
export function enableExtensions({ state }: Cpu): void {
  state.cr4 |= CR4.OSFXSR | CR4.OSXMMEXCPT | CR4.FSGSBASE | CR4.OSXSAVE;
  state.xcr0 = 7n;
  state.fcw = 0x37f;
}

/** Real mode, with segment `code` in CS (its base is 16 times that) and 0 in the others. */
export function enterRealMode(cpu: Cpu, start: Start & { readonly code?: number }): void {
  clear(cpu, start);
  const { state } = cpu;
  const code = start.code ?? 0;
  state.cr0 = CR0.ET | CR0.NE;
  state.idtr = { base: 0n, limit: 0x3ff };
  state.setSegment("cs", { selector: code, base: BigInt(code) << 4n, limit: 0xffff, attributes: CODE });
  for (const name of DATA_SEGMENTS) state.setSegment(name, { selector: 0, base: 0n, limit: 0xffff, attributes: DATA });
}

/** 64-bit mode with the page tables at `pageTables`; SSE, SYSCALL and no-execute are on. In ring 3 if `user`, else in ring 0. */
export function enterLongMode(cpu: Cpu, start: Start & { readonly pageTables: number; readonly user?: boolean }): void {
  clear(cpu, start);
  const { state } = cpu;
  state.cr3 = BigInt(start.pageTables);
  state.cr4 = CR4.PAE | CR4.OSFXSR | CR4.OSXMMEXCPT;
  state.efer = EFER.SCE | EFER.LME | EFER.LMA | EFER.NXE;
  state.cr0 = CR0.PE | CR0.ET | CR0.NE | CR0.WP | CR0.PG;
  setFlatSegments(cpu, FLAT_CODE_64, start.user === true);
}

function setFlatSegments({ state }: Cpu, codeAttributes: number, user: boolean): void {
  const ring = user ? RING_3 : 0;
  const code = user ? SELECTOR.userCode : SELECTOR.code;
  const data = user ? SELECTOR.userData : SELECTOR.data;
  state.setSegment("cs", { selector: code, base: 0n, limit: FLAT_LIMIT, attributes: codeAttributes | ring });
  for (const name of DATA_SEGMENTS)
    state.setSegment(name, { selector: data, base: 0n, limit: FLAT_LIMIT, attributes: FLAT_DATA | ring });
  state.cpl = user ? 3 : 0;
}

/**
 * The global descriptor table for {@link SELECTOR} in 64-bit mode, or with `bits` in 32-bit protected mode, with a task state segment at
 * `taskState`.
 */
export function flatDescriptors(taskState: bigint, bits: 32 | 64 = 64): Uint8Array {
  const code = bits === 64 ? FLAT_CODE_64 : FLAT_CODE_32;
  const table = new DataView(new ArrayBuffer(SELECTOR.task + 16));
  const set = (selector: number, base: bigint, limit: number, attributes: number): void => {
    const low = BigInt(limit & 0xffff) | ((base & 0xff_ffffn) << 16n) | (BigInt(attributes & 0xff) << 40n);
    const high = BigInt(limit >> 16) | BigInt((attributes >> 8) << 4) | (((base >> 24n) & 0xffn) << 8n);
    table.setBigUint64(selector & ~7, low | (high << 48n), true);
  };
  set(SELECTOR.code, 0n, 0xf_ffff, code);
  set(SELECTOR.data, 0n, 0xf_ffff, FLAT_DATA);
  set(SELECTOR.userData, 0n, 0xf_ffff, FLAT_DATA | RING_3);
  set(SELECTOR.userCode, 0n, 0xf_ffff, code | RING_3);
  set(SELECTOR.task, taskState, TASK_STATE_LIMIT, BUSY_TSS);
  if (bits === 64) table.setBigUint64(SELECTOR.task + 8, taskState >> 32n, true);
  return new Uint8Array(table.buffer);
}

/** Sets the task register to the segment that {@link flatDescriptors} describes. */
export function loadTaskRegister(cpu: Cpu, taskState: bigint): void {
  cpu.state.setSegment("tr", {
    selector: SELECTOR.task,
    base: taskState,
    limit: TASK_STATE_LIMIT,
    attributes: BUSY_TSS,
  });
}

function clear({ state }: Cpu, { rip, rsp }: Start): void {
  for (const name of generalRegisters) state[name] = 0n;
  state.rsp = rsp ?? 0n;
  state.rip = rip;
  state.rflags = 2n;
  state.cpl = 0;
  state.cr0 = CR0.ET | CR0.NE;
  state.cr3 = 0n;
  state.cr4 = 0n;
  state.efer = 0n;
  state.gdtr = { base: 0n, limit: 0 };
  state.idtr = { base: 0n, limit: 0 };
  state.setSegment("ldtr", { selector: 0, base: 0n, limit: 0, attributes: LDT });
  state.setSegment("tr", { selector: 0, base: 0n, limit: TASK_STATE_LIMIT, attributes: BUSY_TSS });
}
