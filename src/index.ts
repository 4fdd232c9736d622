/**
 * The typed API of the machine. Virtual addresses and 64-bit registers are unsigned bigints; physical addresses, sizes and times
 * are numbers (bytes, ticks). What a caller gave wrong is thrown as {@link InputError}.
 *
 * Bare code:
 *
 *     const bare = new BareMachine({ mode: "long" });
 *     bare.map(0x400000n, 4096);
 *     bare.write(0x400000n, new Uint8Array([0x48, 0xff, 0xc0, 0xf4])); // inc rax; hlt
 *     bare.registers.rip = 0x400000n;
 *     bare.registers.rax = 41n;
 *     bare.run(); // { reason: "hlt" }
 *     bare.registers.rax; // 42n
 *
 * An image:
 *
 *     const { machine, elf } = boot(await readBootSource("images/mount-and-read.bin"));
 *     machine.console.listener = (bytes) => process.stdout.write(bytes);
 *     const session = await Session.create({ machine, symbols: new Symbols(elf.symbols()), btf: kernelBtf(elf) });
 *     await session.runTo("open_ctree");
 *     await session.run(); // { reason: "exit", code: 0 }
 */
export { type CpuState, Flag, type GeneralRegister, type Segment, type SegmentRegister } from "./cpu/state.ts";
export type { Frame, FrameStart } from "./debug/backtrace.ts";
export type { Dialogue, DialogueOptions } from "./debug/dialogue.ts";
export { type Disassembler, type Instruction, loadDisassembler } from "./debug/disassemble.ts";
export type { Patch } from "./debug/patch.ts";
export type { Override, OverrideActions, ProbeActions, ProbeHit } from "./debug/probe-hits.ts";
export { describeStop, type Place, Session, type SessionOptions } from "./debug/session.ts";
export { SessionError } from "./debug/session-error.ts";
export type { MemoryWrite, RegisterChange, Step } from "./debug/step.ts";
export type {
  Breakpoint,
  BreakpointAction,
  BreakpointOptions,
  Watch,
  WatchAction,
  WatchedAccess,
  WatchOptions,
} from "./debug/stops.ts";
export { parseAddress, type Symbol, Symbols } from "./debug/symbols.ts";
export { Trace, type TraceOptions, type TracePlace } from "./debug/trace.ts";
export { kernelBtf, type PrettyPrinter, Types, type Value } from "./debug/types.ts";
export { VirtualMemory } from "./debug/virtual-memory.ts";
export { platform } from "./devices/platform.ts";
export type { BlockStorage } from "./devices/virtio-blk.ts";
export type { ProbedAddress, RegisteredProbe } from "./kprobes/host/kprobes.ts";
export {
  BareMachine,
  type BareMachineOptions,
  type BareMode,
  type BarePorts,
  type BareStop,
  type RunCondition,
} from "./machine/bare-machine.ts";
export {
  type BootedMachine,
  type BootOverrides,
  type BootSource,
  boot,
  readBootSource,
} from "./machine/boot/boot.ts";
export { Disk } from "./machine/disk.ts";
export { type Elf, type ElfSymbol, parseElf } from "./machine/elf.ts";
export {
  buildImage,
  type Image,
  type ImageContents,
  loadImage,
  type Manifest,
  parseManifest,
} from "./machine/image.ts";
export { type RootEntry, RootFiles } from "./machine/initramfs.ts";
export { InputError } from "./machine/input-error.ts";
export { type End, Machine, type MachineOptions, type RunLimits, type Stop } from "./machine/machine.ts";
export type { Permissions } from "./machine/page-tables.ts";
export type { Registers } from "./machine/registers.ts";
export { PhysicalMemory } from "./mmu/physical-memory.ts";
