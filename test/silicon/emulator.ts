/**
 * The emulated processor as the other side of the comparison. The case runs in user mode, 64-bit or compatibility, under page tables, a GDT,
 * an LDT, an IDT and a TSS like those of a kernel, so that its exceptions are real ones, delivered to ring 0. Each vector's handler
 * writes to a port, which ends the run; what the processor pushed on the kernel's stack is part of what is compared.
 *
 * Selectors are Linux's: 0x10 kernel code, 0x18 kernel data, 0x2b user data, 0x33 user code.
 */

import { Decoded, Decoder } from "../../src/cpu/decoder.ts";
import { Cpu, type SystemBus, type TierOptions } from "../../src/cpu/index.ts";
import { segmentOf } from "../../src/cpu/segmentation.ts";
import { type Segment, layout as stateLayout, XMM_STRIDE } from "../../src/cpu/state.ts";
import { x87Layout } from "../../src/cpu/x87/layout.ts";
import { type Ending, type Outcome, type Patch, startRip, type TestCase } from "./case.ts";
import { layout } from "./layout.ts";
import { localDescriptors, segmentNames, segmentOfSelector } from "./segments.ts";

/** Physical addresses; those below 0x20000 are the supervisor's. */
const physical = {
  gdt: 0x1000,
  idt: 0x2000,
  tss: 0x3000,
  ldt: 0x4000,
  stack: 0x5000,
  /** One for each vector, 16 bytes apart; then the IRETQ that enters the case, and the target of SYSCALL. */
  handlers: 0x6000,
  enter: 0x7000,
  systemCall: 0x7100,
  pageTables: 0x8000,
  code: 0x2_0000,
  data: 0x2_2000,
  readOnly: 0x2_4000,
  size: 0x40_0000,
} as const;

/** Where the supervisor sees the physical addresses below 0x20000: far from what user code would touch by accident. */
const supervisor = 0xffff_a000_0000_0000n;

const selectors = { kernelCode: 0x10, kernelData: 0x18, tss: 0x40, ldt: 0x50 } as const;
const ldtLimit = localDescriptors().length * 8 - 1;
const errorCodeVectors = new Set([8, 10, 11, 12, 13, 14, 17, 21]);
const present = 1;
const writable = 2;
const user = 4;
const noExecute = 1n << 63n;
const trapFlag = 0x100n;
const defaultLimit = 200_000;

/** OUT 0xF4, AL: what the handlers consist of. */
const stopInstruction = Uint8Array.of(0xe6, 0xf4);

/** A bus with nothing on it but the port that ends a run. */
const makeBus = (stop: () => void): SystemBus => ({
  readPort: () => 0xffff_ffff,
  writePort: stop,
  readMmio: () => 0xffff_ffff,
  writeMmio: () => undefined,
  acknowledgeInterrupt: () => 0xff,
  readTaskPriority: () => 0,
  writeTaskPriority: () => undefined,
});

/** Builds four-level page tables in RAM. */
class PageTables {
  readonly #cpu: Cpu;
  #next: number = physical.pageTables + 0x1000;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
  }

  map(virtual: bigint, target: number, size: number, flags: number, executable: boolean): void {
    for (let at = 0; at < size; at += layout.pageSize) {
      const address = virtual + BigInt(at);
      let table: number = physical.pageTables;
      for (const shift of [39n, 30n, 21n]) {
        const entry = table + Number((address >> shift) & 511n) * 8;
        const next = this.#cpu.memory.readUint64(entry);
        if (next === 0n) {
          this.#cpu.memory.writeUint64(entry, BigInt(this.#next | present | writable | user));
          table = this.#next;
          this.#next += layout.pageSize;
        } else {
          table = Number(next & ~0xfffn);
        }
      }
      const entry = table + Number((address >> 12n) & 511n) * 8;
      this.#cpu.memory.writeUint64(entry, BigInt(target + at) | BigInt(flags) | (executable ? 0n : noExecute));
    }
  }
}

/** The emulator, ready to run cases one after the other. */
export class Emulator {
  readonly cpu: Cpu;
  readonly #base: Uint8Array;
  #codeUsed: { offset: number; size: number } = { offset: 0, size: 0 };

  /** @param baseMemory contents of the data area before every case's patches */
  constructor(baseMemory: Uint8Array, options: TierOptions = {}) {
    this.#base = baseMemory;
    this.cpu = new Cpu({ ramBytes: physical.size, bus: makeBus(() => this.cpu.requestStop()), ...options });
    this.#buildMemory();
    this.#enterLongMode();
  }

  #buildMemory(): void {
    const { memory } = this.cpu;
    const tables = new PageTables(this.cpu);
    tables.map(supervisor, 0, 0x2_0000, present | writable, true);
    tables.map(BigInt(layout.code.address), physical.code, layout.code.size, present | user, true);
    tables.map(BigInt(layout.data.address), physical.data, layout.data.size, present | writable | user, false);
    tables.map(BigInt(layout.readOnly.address), physical.readOnly, layout.readOnly.size, present | user, false);
    const descriptors: [number, bigint][] = [
      [0x08, 0x00cf_9b00_0000_ffffn],
      [0x10, 0x00af_9b00_0000_ffffn],
      [0x18, 0x00cf_9300_0000_ffffn],
      [0x20, 0x00cf_fb00_0000_ffffn],
      [0x28, 0x00cf_f300_0000_ffffn],
      [0x30, 0x00af_fb00_0000_ffffn],
      [0x40, 0x0000_8b00_0000_0067n | (BigInt(physical.tss) << 16n)],
      [0x48, supervisor >> 32n],
      [0x50, 0x0000_8200_0000_0000n | BigInt(ldtLimit) | (BigInt(physical.ldt) << 16n)],
      [0x58, supervisor >> 32n],
      // Linux keeps the processor's number in the limit of this one.
      [0x78, 0x0040_f500_0000_0000n],
    ];
    localDescriptors().forEach((value, i) => {
      memory.writeUint64(physical.ldt + i * 8, value);
    });
    for (const [offset, value] of descriptors) memory.writeUint64(physical.gdt + offset, value);
    memory.writeUint64(physical.tss + 4, supervisor + BigInt(physical.stack + 0x1000));
    // No I/O permission bitmap: its offset lies beyond the limit.
    memory.writeUint(physical.tss + 0x66, 2, 0x68);
    for (let vector = 0; vector < 256; vector++) {
      const handler = supervisor + BigInt(physical.handlers + vector * 16);
      const privilege = vector === 3 || vector === 4 || vector === 0x80 ? 3n : 0n;
      const low = (handler & 0xffffn) | (BigInt(selectors.kernelCode) << 16n) | ((0x8e00n | (privilege << 13n)) << 32n);
      memory.writeUint64(physical.idt + vector * 16, low | (((handler >> 16n) & 0xffffn) << 48n));
      memory.writeUint64(physical.idt + vector * 16 + 8, handler >> 32n);
      memory.write(physical.handlers + vector * 16, stopInstruction);
    }
    memory.write(physical.enter, Uint8Array.of(0x48, 0xcf));
    memory.write(physical.systemCall, stopInstruction);
    memory.write(physical.code, new Uint8Array(layout.code.size).fill(0xcc));
    memory.write(physical.data, this.#base);
  }

  #enterLongMode(): void {
    const { state } = this.cpu;
    state.cr3 = BigInt(physical.pageTables);
    // PAE, PGE, OSFXSR, OSXMMEXCPT, FSGSBASE, OSXSAVE
    state.cr4 = 0x5_06a0n;
    state.xcr0 = 7n;
    // LMA, LME, NXE, SCE
    state.efer = 0xd01n;
    // PG, AM, WP, NE, ET, MP, PE
    state.cr0 = 0x8005_0033n;
    state.star = (0x23n << 48n) | (0x10n << 32n);
    state.sfmask = 0x4_7700n;
    state.lstar = supervisor + BigInt(physical.systemCall);
    state.cstar = state.lstar;
    state.gdtr = { base: supervisor + BigInt(physical.gdt), limit: 0x7f };
    state.idtr = { base: supervisor + BigInt(physical.idt), limit: 0xfff };
    this.#enterSupervisor();
    state.setSegment("ldtr", {
      selector: selectors.ldt,
      base: supervisor + BigInt(physical.ldt),
      limit: ldtLimit,
      attributes: 0x082,
    });
    state.setSegment("tr", {
      selector: selectors.tss,
      base: supervisor + BigInt(physical.tss),
      limit: 0x67,
      attributes: 0x08b,
    });
  }

  /** Every exception leaves the processor in ring 0; a case that was cut off does not. */
  #enterSupervisor(): void {
    const { state } = this.cpu;
    state.setSegment("cs", { selector: selectors.kernelCode, base: 0n, limit: 0xffff_ffff, attributes: 0xa9b });
    state.setSegment("ss", { selector: selectors.kernelData, base: 0n, limit: 0xffff_ffff, attributes: 0xc93 });
    state.cpl = 0;
  }

  /** Compiles the instruction forms that the cases begin with, together. */
  prepare(tests: readonly TestCase[]): void {
    const decoder = new Decoder();
    const forms = new Set<string>();
    for (const { code, bits, selectors } of tests) {
      if (decoder.decode(code, 0, code.length, bits) !== Decoded.ok) continue;
      const { definition, size, addressSize } = decoder;
      const { row, attributes } = definition;
      const repeat = !attributes.string || decoder.repeat === 0 ? "none" : decoder.repeat === 1 ? "rep" : "repne";
      const memoryForm = decoder.isMemory ? decoder.memoryForm : 0;
      const stackSize = bits === 64 ? 8 : segmentOfSelector(selectors[2])?.big ? 4 : 2;
      forms.add([`${row.text}#${row.condition}`, size, memoryForm, addressSize, bits, stackSize, repeat].join("|"));
    }
    this.cpu.compileForms([...forms]);
  }

  /** Runs one case, to its end or for so many instructions. */
  run(test: TestCase, instructionLimit: number = defaultLimit): Outcome {
    this.#load(test);
    const { cpu } = this;
    const stop = cpu.run(cpu.time + instructionLimit);
    return this.#outcome(test, stop.kind === "requested");
  }

  #load(test: TestCase): void {
    const { cpu } = this;
    const { memory, state } = cpu;
    const { offset, size } = this.#codeUsed;
    if (size > 0) memory.write(physical.code + offset, new Uint8Array(size).fill(0xcc));
    if (test.code.length > 0) memory.write(physical.code + test.codeOffset, test.code);
    this.#codeUsed = { offset: test.codeOffset, size: test.code.length };
    for (const patch of test.patches) memory.write(physical.data + patch.offset, patch.bytes);

    if (state.cpl !== 0) this.#enterSupervisor();

    // IRETQ's frame.
    const frame = physical.stack + 0x800;
    const rflags = (test.rflags & ~trapFlag) | (test.runToBreakpoint ? 0n : trapFlag);
    const words = [startRip(test), BigInt(test.selectors[1]), rflags, test.gpr[4], BigInt(test.selectors[2])];
    words.forEach((word, i) => {
      memory.writeUint64(frame + i * 8, word);
    });
    for (let i = 0; i < 16; i++) state.setRegister(i, test.gpr[i]);
    state.rsp = supervisor + BigInt(frame);
    state.rip = supervisor + BigInt(physical.enter);
    state.rflags = 2n;
    for (const i of [0, 3, 4, 5]) {
      const name = segmentNames[i];
      const base = name === "fs" ? test.fsBase : name === "gs" ? test.gsBase : 0n;
      state.setSegment(name, this.#segment(test.selectors[i], base));
    }
    state.cr2 = 0n;
    this.#loadFloatingPoint(test.fxsave);
    for (let i = 0; i < 16; i++) this.#ymmHigh(i).set(test.ymmHigh.subarray(i * 16, i * 16 + 16));
  }

  /** What a segment register holds after a selector was loaded; a null one keeps the base. */
  #segment(selector: number, base: bigint): Segment {
    if ((selector & ~3) === 0) return { selector, base, limit: 0, attributes: 0 };
    const address = (selector & 4 ? physical.ldt : physical.gdt) + (selector & ~7);
    const value = this.cpu.memory.readUint64(address);
    const descriptor = { low: Number(value & 0xffff_ffffn), high: Number(value >> 32n), address: BigInt(address) };
    return segmentOf(selector, descriptor);
  }

  get #view(): DataView {
    return new DataView(this.cpu.memory.host.buffer);
  }

  #ymmHigh(register: number): Uint8Array {
    return new Uint8Array(this.cpu.memory.host.buffer, stateLayout.xmm + register * XMM_STRIDE + 16, 16);
  }

  #loadFloatingPoint(image: Uint8Array): void {
    const view = this.#view;
    const from = new DataView(image.buffer, image.byteOffset);
    const { x87, xmm } = stateLayout;
    const status = from.getUint16(2, true);
    view.setUint16(x87 + x87Layout.control, from.getUint16(0, true), true);
    view.setUint16(x87 + x87Layout.status, status, true);
    view.setUint8(x87 + x87Layout.tags, image[4]);
    view.setUint16(x87 + x87Layout.opcode, 0, true);
    view.setBigUint64(x87 + x87Layout.instructionPointer, 0n, true);
    view.setBigUint64(x87 + x87Layout.dataPointer, 0n, true);
    view.setUint32(x87 + x87Layout.codeSelector, 0, true);
    this.cpu.state.mxcsr = from.getUint32(24, true);
    const top = (status >> 11) & 7;
    for (let i = 0; i < 8; i++) {
      const at = x87 + x87Layout.registers + ((top + i) & 7) * 16;
      view.setBigUint64(at, from.getBigUint64(32 + i * 16, true), true);
      view.setBigUint64(at + 8, from.getBigUint64(40 + i * 16, true), true);
    }
    for (let i = 0; i < 16; i++) {
      for (let j = 0; j < 16; j += 8) {
        view.setBigUint64(xmm + i * XMM_STRIDE + j, from.getBigUint64(160 + i * 16 + j, true), true);
      }
    }
  }

  #storeFloatingPoint(): Uint8Array {
    const view = this.#view;
    const image = new Uint8Array(512);
    const to = new DataView(image.buffer);
    const { x87, xmm } = stateLayout;
    const status = view.getUint16(x87 + x87Layout.status, true);
    to.setUint16(0, view.getUint16(x87 + x87Layout.control, true), true);
    to.setUint16(2, status, true);
    image[4] = view.getUint8(x87 + x87Layout.tags);
    // As XSAVE on AMD processors: the pointers only while an unmasked exception is pending.
    if (status & 0x80) {
      to.setUint16(6, view.getUint16(x87 + x87Layout.opcode, true), true);
      to.setBigUint64(8, view.getBigUint64(x87 + x87Layout.instructionPointer, true), true);
      to.setBigUint64(16, view.getBigUint64(x87 + x87Layout.dataPointer, true), true);
    }
    to.setUint32(24, this.cpu.state.mxcsr, true);
    const top = (status >> 11) & 7;
    for (let i = 0; i < 8; i++) {
      const at = x87 + x87Layout.registers + ((top + i) & 7) * 16;
      to.setBigUint64(32 + i * 16, view.getBigUint64(at, true), true);
      to.setUint16(40 + i * 16, view.getUint16(at + 8, true), true);
    }
    for (let i = 0; i < 16; i++) {
      for (let j = 0; j < 16; j += 8) {
        to.setBigUint64(160 + i * 16 + j, view.getBigUint64(xmm + i * XMM_STRIDE + j, true), true);
      }
    }
    return image;
  }

  #outcome(test: TestCase, ended: boolean): Outcome {
    const { memory, state } = this.cpu;
    const gpr = new BigUint64Array(16);
    for (let i = 0; i < 16; i++) gpr[i] = state.register(i);
    const kernelRsp = Number(gpr[4] & 0x1_ffffn);
    const at = state.rip >= supervisor ? Number(state.rip - supervisor) - stopInstruction.length : -1;
    let ending: Ending = { kind: "timeout" };
    let rip = state.rip;
    let rflags = state.rflags;
    const after = Uint16Array.from(segmentNames, (name) => state.segment(name).selector);
    if (ended && at === physical.systemCall) {
      ending = { kind: "system call" };
      rip = gpr[1];
      rflags = gpr[11];
      after[1] = test.selectors[1];
      after[2] = test.selectors[2];
    } else if (ended && at >= physical.handlers && at < physical.handlers + 0x1000) {
      const vector = (at - physical.handlers) >> 4;
      const hasError = errorCodeVectors.has(vector);
      const error = hasError ? Number(memory.readUint64(kernelRsp)) : 0;
      const frame = kernelRsp + (hasError ? 8 : 0);
      ending =
        vector === 0x80
          ? { kind: "system call" }
          : { kind: "exception", vector, error, cr2: vector === 14 ? state.cr2 : 0n };
      rip = memory.readUint64(frame);
      rflags = memory.readUint64(frame + 16);
      gpr[4] = memory.readUint64(frame + 24);
      after[1] = Number(memory.readUint64(frame + 8));
      after[2] = Number(memory.readUint64(frame + 32));
    }
    return {
      ending,
      gpr,
      rip,
      rflags,
      fsBase: state.segment("fs").base,
      gsBase: state.segment("gs").base,
      selectors: after,
      fxsave: this.#storeFloatingPoint(),
      ymmHigh: Uint8Array.from({ length: 256 }, (_, i) => this.#ymmHigh(i >> 4)[i & 15]),
      changes: this.#takeChanges(),
    };
  }

  /** What the case left in the data area; puts the base memory back. */
  #takeChanges(): Patch[] {
    const { memory } = this.cpu;
    const data = memory.read(physical.data, layout.data.size);
    const now = new BigUint64Array(data.buffer, data.byteOffset, data.length / 8);
    const base = new BigUint64Array(this.#base.buffer, this.#base.byteOffset, this.#base.length / 8);
    const changes: Patch[] = [];
    for (let i = 0; i < now.length; i++) {
      if (now[i] === base[i]) continue;
      let end = i + 1;
      while (end < now.length && now[end] !== base[end]) end++;
      changes.push({ offset: i * 8, bytes: data.slice(i * 8, end * 8) });
      memory.write(physical.data + i * 8, this.#base.subarray(i * 8, end * 8));
      i = end;
    }
    return changes;
  }
}
