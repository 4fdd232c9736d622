/**
 * The machine: processor, memory and devices of the platform put together, and the loop that runs them. Time is counted in ticks (see
 * `platform.ticksPerSecond`): one for each instruction; while the processor is halted, time jumps to the next alarm of a
 * device. Nothing of the host's time or chance enters.
 */

import { verify } from "../bpf/verifier/index.ts";
import { Cpu, type StopReason, type SystemBus, type TierOptions, tierOptions } from "../cpu/index.ts";
import { type CpuState, Flag } from "../cpu/state.ts";
import type { WatchHit, Watchpoints } from "../cpu/watchpoints.ts";
import { BpfCoprocessor } from "../devices/bpf-coprocessor.ts";
import { Bus } from "../devices/bus.ts";
import { CmosRtc } from "../devices/cmos-rtc.ts";
import type { Clock, DeviceState, Stateful } from "../devices/device.ts";
import {
  DEBUG_CONSOLE_PORT,
  debugConsolePort,
  debugExitPort,
  KEYBOARD_CONTROLLER_PORT,
  keyboardResetPort,
  PCI_ADDRESS_PORT,
  POWER_CONTROL_PORT,
  powerControlPort,
  pvpanicPort,
  resetControlPort,
} from "../devices/exit-ports.ts";
import { FW_CFG, FwCfg } from "../devices/fw-cfg.ts";
import { IoApic } from "../devices/io-apic.ts";
import { LocalApic } from "../devices/local-apic.ts";
import { PcTestDevice, TEST_DEVICE } from "../devices/pc-testdev.ts";
import { Pic8259 } from "../devices/pic-8259.ts";
import { Pit8254 } from "../devices/pit-8254.ts";
import { platform } from "../devices/platform.ts";
import { Uart16550 } from "../devices/uart-16550.ts";
import { type BlockStorage, VirtioBlock } from "../devices/virtio-blk.ts";
import { VirtioMmio } from "../devices/virtio-mmio.ts";
import type { PhysicalMemory } from "../mmu/physical-memory.ts";
import { diskSlot } from "./command-line.ts";
import { ConsoleLog } from "./console-log.ts";
import { EventQueue } from "./event-queue.ts";
import { InputError, messageOf } from "./input-error.ts";
import { checkMemorySize } from "./memory-size.ts";
import { stateHash } from "./state-hash.ts";

/** How the guest ended its run. */
export type End =
  /** It wrote `code` to the debug-exit port. */
  | { readonly reason: "exit"; readonly code: number }
  /** It asked for a reset. */
  | { readonly reason: "reboot" }
  /** Its kernel panicked (pvpanic). */
  | { readonly reason: "panic" }
  | { readonly reason: "triple-fault" };

/** Why a run stopped. */
export type Stop =
  | End
  /** The processor is halted, and nothing will wake it but input from outside. */
  | { readonly reason: "halted" }
  /** The number of instructions given to run() has been executed. */
  | { readonly reason: "instruction-limit" }
  /** The time given to run() has come. */
  | { readonly reason: "time" }
  /** The instruction at `address`, which is in {@link Machine.breakpoints}, is next. */
  | { readonly reason: "breakpoint"; readonly address: bigint }
  /** The last instruction used memory that is in {@link Machine.watchpoints}. */
  | { readonly reason: "watchpoint"; readonly hit: WatchHit }
  /** {@link Machine.requestStop} was called. */
  | { readonly reason: "requested" };

/** What a machine is made of. */
export interface MachineOptions extends TierOptions {
  /** Bytes of RAM, whole pages from 1 MiB to 2 GiB. */
  readonly memory: number;
  /** Disks on virtio-mmio, the first in the last slot, as QEMU places them. At most 8. */
  readonly disks?: readonly BlockStorage[];
  /** Whether the BPF co-processor is there; it is unless this is false. */
  readonly bpfCoprocessor?: boolean;
  /** Told of mistakes of the co-processor itself that a guest's request brought to light. Default: a line on standard error. */
  readonly internalError?: (error: unknown) => void;
  /** Adds QEMU's pc-testdev, debug console and power control port. */
  readonly testDevice?: boolean;
  /** Seed of what RDRAND and RDSEED give; 0 unless given. */
  readonly randomSeed?: bigint;
}

/** Where a run stops at the latest. */
export interface RunLimits {
  /** Stop when the clock reaches this time (ticks). */
  readonly time?: number;
  /** Stop when this many instructions have been executed since the machine was made. */
  readonly instructions?: number;
}

/** A halted processor that so many alarms in a row do not wake will not be woken by more of them. */
const FUTILE_ALARMS = 1_000_000;

/** The whole machine: processor, RAM and platform (docs/platform.md). The same options and inputs give the same run. */
export class Machine {
  readonly cpu: Cpu;
  readonly bus = new Bus();
  /** What the guest printed on its first serial port, and on its second. */
  readonly console = new ConsoleLog();
  readonly serial2 = new ConsoleLog();
  readonly #queue = new EventQueue();
  readonly #localApic: LocalApic;
  readonly #ioApic: IoApic;
  readonly #pic: Pic8259;
  readonly #pit: Pit8254;
  readonly #rtc: CmosRtc;
  readonly #testDevice: PcTestDevice | undefined;
  readonly #fwCfg: FwCfg | undefined;
  readonly #uarts: readonly Uart16550[];
  readonly #options: MachineOptions;
  readonly #slots: VirtioMmio[] = [];
  /** Everything that has state, by name, for the state hash. */
  readonly #devices = new Map<string, Stateful>();
  readonly #bpf: BpfCoprocessor | undefined;
  #end: End | undefined;
  #stopRequested = false;
  /** The limit of the processor's run under way. */
  #limit = 0;
  /** The breakpoint last reported: going on from it executes its instruction. */
  #reported: { readonly address: bigint; readonly retired: number } | undefined;

  /** A machine after power-on, nothing loaded. Throws InputError for options that it cannot have. */
  constructor(options: MachineOptions) {
    this.#options = options;
    const memoryBytes = memoryOf(options);
    const disks = options.disks ?? [];
    if (disks.length > platform.virtioMmio.slots)
      throw new InputError(`${disks.length} disks, the machine has room for ${platform.virtioMmio.slots}`);
    const randomSeed = options.randomSeed !== undefined && { randomSeed: options.randomSeed };
    this.cpu = new Cpu({ ramBytes: memoryBytes, bus: this.#systemBus(), ...randomSeed, ...tierOptions(options) });
    this.#queue.armed = (time) => {
      if (time >= this.#limit) return;
      this.#limit = Math.max(time, this.cpu.time);
      this.cpu.setLimit(this.#limit);
    };

    this.#localApic = new LocalApic({
      clock: this.clock,
      address: platform.localApic.address,
      changed: () => this.#updateInterruptLine(),
      moved: (address) => {
        this.bus.moveMmio(this.#localApic, address);
        this.cpu.setDevicePage(address);
      },
      nmi: () => this.cpu.raiseNmi(),
      init: () => this.end({ reason: "reboot" }),
      endOfInterrupt: (vector) => this.#ioApic.endOfInterrupt(vector),
    });
    this.#ioApic = new IoApic(platform.ioApic.pins, (message) => this.#localApic.receive(message));
    this.#pic = new Pic8259(() => this.#updateInterruptLine());
    this.bus.mapMmio(platform.localApic.address, platform.localApic.size, this.#localApic);
    this.bus.mapMmio(platform.ioApic.address, platform.ioApic.size, this.#ioApic);
    this.bus.mapPorts(0x20, 2, this.#pic.ports("first"));
    this.bus.mapPorts(0xa0, 2, this.#pic.ports("second"));
    this.bus.mapPorts(0x4d0, 2, this.#pic.edgeLevelPorts());
    this.#devices.set("local APIC", this.#localApic).set("I/O APIC", this.#ioApic).set("8259", this.#pic);

    const { ticksPerSecond } = platform;
    this.#pit = new Pit8254({ clock: this.clock, ticksPerSecond, line: this.irqLine(platform.pit.irq) });
    this.bus.mapPorts(platform.pit.port, 4, this.#pit.ports);
    this.bus.mapPorts(platform.pit.speakerPort, 1, this.#pit.speakerPort);
    this.#rtc = new CmosRtc({ clock: this.clock, ticksPerSecond, memoryBytes, line: this.irqLine(platform.rtc.irq) });
    this.bus.mapPorts(platform.rtc.port, 2, this.#rtc.ports);
    this.#devices.set("8254", this.#pit).set("RTC", this.#rtc);

    this.#uarts = platform.uart.map(({ port, irq }, number) => {
      const log = number === 0 ? this.console : this.serial2;
      const uart = new Uart16550({ line: this.irqLine(irq), clock: this.clock, send: (byte) => log.append(byte) });
      this.bus.mapPorts(port, 8, uart);
      this.#devices.set(`UART ${number}`, uart).set(`UART ${number} output`, log);
      return uart;
    });

    const { address, stride, slots } = platform.virtioMmio;
    const memory = this.cpu.memory;
    for (let index = 0; index < slots; index++) {
      const { address: slotAddress, pin } = diskSlot(index);
      const storage: BlockStorage | undefined = disks[index];
      const device = storage && new VirtioBlock({ storage, memory, clock: this.clock });
      const slot = new VirtioMmio({ ...(device && { device }), memory, line: this.irqLine(pin) });
      this.bus.mapMmio(slotAddress, stride, slot);
      this.#slots.push(slot);
      this.#devices.set(`virtio-mmio ${(slotAddress - address) / stride}`, slot);
    }

    if (options.bpfCoprocessor !== false) {
      const report = options.internalError ?? ((error: unknown): void => console.error("BPF co-processor:", error));
      this.#bpf = new BpfCoprocessor({ memory, verify, internalError: report });
      this.bus.mapMmio(platform.bpfCoprocessor.address, platform.bpfCoprocessor.size, this.#bpf);
      this.#devices.set("BPF co-processor", this.#bpf);
    }

    if (options.testDevice === true) {
      this.#testDevice = new PcTestDevice((irq) => this.irqLine(irq));
      this.bus.mapPorts(TEST_DEVICE.latchPort, TEST_DEVICE.latchPorts, this.#testDevice.latch);
      this.bus.mapPorts(TEST_DEVICE.irqPort, TEST_DEVICE.irqs, this.#testDevice.irqPorts);
      this.bus.mapMmio(TEST_DEVICE.memory, TEST_DEVICE.memoryBytes, this.#testDevice);
      this.#fwCfg = new FwCfg(memoryBytes);
      this.bus.mapPorts(FW_CFG.port, FW_CFG.ports, this.#fwCfg);
      this.#devices.set("pc-testdev", this.#testDevice).set("fw_cfg", this.#fwCfg);
      const off = powerControlPort(() => this.end({ reason: "exit", code: 0 }));
      this.bus.mapPorts(POWER_CONTROL_PORT, 2, off);
      const send = (byte: number): void => this.console.append(byte);
      this.bus.mapPorts(DEBUG_CONSOLE_PORT, 1, debugConsolePort(send));
    }

    this.bus.mapPorts(
      platform.debugExitPort,
      4,
      debugExitPort((code) => this.end({ reason: "exit", code })),
    );
    this.bus.mapPorts(
      platform.pvpanicPort,
      1,
      pvpanicPort(() => this.end({ reason: "panic" })),
    );
    const reset = (): void => this.end({ reason: "reboot" });
    this.bus.mapPorts(KEYBOARD_CONTROLLER_PORT, 1, keyboardResetPort(reset));
    this.bus.mapPorts(PCI_ADDRESS_PORT, 4, resetControlPort(reset));
  }

  /** Guest time and alarms, for devices. */
  get clock(): Clock {
    return { now: () => this.cpu.time, timer: (callback) => this.#queue.timer(callback) };
  }

  /** Interrupt request `irq` of the board: input of the I/O APIC and, up to 15, of the 8259 pair. */
  irqLine(irq: number): (asserted: boolean) => void {
    return (asserted) => {
      this.#ioApic.setPin(irq, asserted);
      if (irq < 16) this.#pic.setInput(irq, asserted);
    };
  }

  /** The machine code of BPF programs that the guest has loaded, as Linux names it in kallsyms. */
  bpfPrograms(): Iterable<{ readonly name: string; readonly address: bigint; readonly size: bigint }> {
    return this.#bpf?.placedPrograms() ?? [];
  }

  /** Adds a device's state to the state hash. */
  addStateful(name: string, device: Stateful): void {
    this.#devices.set(name, device);
  }

  /** RAM, by physical address. */
  get memory(): PhysicalMemory {
    return this.cpu.memory;
  }

  /** The processor's registers by name. */
  get registers(): CpuState {
    return this.cpu.state;
  }

  /** Ticks since the start. */
  get time(): number {
    return this.cpu.time;
  }

  /** Instructions executed since the start. */
  get instructions(): number {
    return this.cpu.retired;
  }

  /** How the guest ended its run, once it has. */
  get ended(): End | undefined {
    return this.#end;
  }

  /** Virtual addresses before whose instruction a run stops. */
  get breakpoints(): Set<bigint> {
    return this.cpu.breakpoints;
  }

  /** Ranges of virtual addresses whose use stops a run, behind the instruction that did it. */
  get watchpoints(): Watchpoints {
    return this.cpu.watchpoints;
  }

  /** Types on the console, or sends to the second serial port. */
  sendInput(data: Uint8Array | string, port: 0 | 1 = 0): void {
    this.#uarts[port].receive(typeof data === "string" ? Buffer.from(data) : data);
  }

  /** Ends the guest's run; the first end counts. */
  end(end: End): void {
    this.#end ??= end;
    this.cpu.requestStop();
  }

  /** Takes back how the machine ended: it can run again. */
  forgetEnd(): void {
    this.#end = undefined;
  }

  /** Makes the run under way, or else the next one, stop at the next instruction boundary. */
  requestStop(): void {
    this.#stopRequested = true;
    this.cpu.requestStop();
  }

  /** Whether the next run stops at once because of {@link requestStop}. */
  get stopIsRequested(): boolean {
    return this.#stopRequested;
  }

  /** Runs until something stops it. A machine whose guest has ended stays ended. */
  run(limits: RunLimits = {}): Stop {
    // Time is counted in whole ticks: half of one would show in the guest's time-stamp counter.
    const stop = this.#run(Math.ceil(limits.time ?? Infinity), Math.ceil(limits.instructions ?? Infinity));
    this.console.flush();
    this.serial2.flush();
    return stop;
  }

  /**
   * Executes one instruction, or delivers one interrupt. A halted processor is woken by the next alarm first. Returns undefined,
   * or why nothing could be executed, or that what was executed used watched memory.
   */
  step(): Stop | undefined {
    for (let futile = 0; ; futile++) {
      this.#queue.runDue(this.cpu.time);
      if (this.#end !== undefined) return this.#end;
      const stop = this.cpu.step();
      if (this.#end !== undefined) return undefined; // the instruction ended the run: the next call says so
      if (stop.kind === "shutdown") this.end({ reason: "triple-fault" });
      if (stop.kind === "watchpoint") return { reason: "watchpoint", hit: stop.hit };
      if (stop.kind !== "halted") return undefined;
      if (futile >= FUTILE_ALARMS || !this.#skipToAlarm(Infinity)) return { reason: "halted" };
    }
  }

  #run(untilTime: number, untilInstructions: number): Stop {
    const cpu = this.cpu;
    let futile = 0;
    let lastRetired = cpu.retired;
    if (this.#reported?.retired === cpu.retired && cpu.breakpoints.has(this.#reported.address)) {
      this.#reported = undefined;
      const stopped = this.step();
      if (stopped !== undefined) return stopped;
    }
    for (;;) {
      this.#queue.runDue(cpu.time);
      if (this.#end !== undefined) return this.#end;
      if (this.#stopRequested) {
        this.#stopRequested = false;
        return { reason: "requested" };
      }
      if (cpu.retired >= untilInstructions) return { reason: "instruction-limit" };
      if (cpu.time >= untilTime) return { reason: "time" };
      const alarm = this.#queue.next() ?? Infinity;
      const limit = Math.min(alarm, untilTime, cpu.time + (untilInstructions - cpu.retired), Number.MAX_SAFE_INTEGER);
      // An alarm that is due again at once still lets one instruction pass.
      this.#limit = Math.max(limit, cpu.time + 1);
      const reason: StopReason = cpu.run(this.#limit);
      this.#limit = 0;
      if (this.#end !== undefined) return this.#end;
      switch (reason.kind) {
        case "time":
        case "requested":
          break;
        case "breakpoint":
          this.#reported = { address: reason.address, retired: cpu.retired };
          return { reason: "breakpoint", address: reason.address };
        case "watchpoint":
          return { reason: "watchpoint", hit: reason.hit };
        case "shutdown":
          this.end({ reason: "triple-fault" });
          break;
        case "halted":
          futile = cpu.retired === lastRetired ? futile + 1 : 0;
          lastRetired = cpu.retired;
          if (futile > FUTILE_ALARMS || !this.#skipToAlarm(untilTime)) return { reason: "halted" };
      }
    }
  }

  /** Moves a halted processor's time to the next alarm, or to `limit`. False if nothing is to come that could wake it. */
  #skipToAlarm(limit: number): boolean {
    const alarm = this.#queue.next();
    // With interrupts off only an NMI wakes, and no alarm leads to one but through an I/O APIC entry.
    const deaf = (this.cpu.state.flags & Flag.IF) === 0 && !this.#ioApic.canSendNmi();
    if (alarm === undefined || deaf) return false;
    const target = Math.min(alarm, limit);
    if (target > this.cpu.time) this.cpu.advanceTime(target - this.cpu.time);
    return true;
  }

  #updateInterruptLine(): void {
    this.cpu.setInterruptLine(
      this.#localApic.hasInterrupt() || (this.#pic.hasInterrupt() && this.#localApic.acceptsExternal()),
    );
  }

  #systemBus(): SystemBus {
    return {
      readPort: (port, size) => this.bus.readPort(port, size),
      writePort: (port, size, value) => this.bus.writePort(port, size, value),
      readMmio: (address, size) => this.bus.readMmio(address, size),
      writeMmio: (address, size, value) => this.bus.writeMmio(address, size, value),
      acknowledgeInterrupt: () => {
        const fromPic =
          !this.#localApic.hasInterrupt() && this.#pic.hasInterrupt() && this.#localApic.acceptsExternal();
        const vector = fromPic ? this.#pic.acknowledge() : this.#localApic.acknowledge();
        this.#updateInterruptLine();
        return vector;
      },
      readTaskPriority: () => this.#localApic.taskPriority >> 4,
      writeTaskPriority: (value) => {
        this.#localApic.taskPriority = (value & 0xf) << 4;
      },
      readMsr: (index) => this.#localApic.readMsr(index),
      writeMsr: (index, value) => this.#localApic.writeMsr(index, value),
    };
  }

  /**
   * Another machine in exactly this state: registers, memory, devices, disks, time. From here on the two have nothing to do with each
   * other; given the same, they do the same. Breakpoints, watchpoints and listeners are not copied. Throws InputError if a disk
   * cannot be copied.
   */
  fork(): Machine {
    const disks = this.#options.disks?.map((disk, index) => {
      if (disk.copy === undefined)
        throw new InputError(`disk ${index} cannot be copied, so the machine cannot be forked`);
      return disk.copy();
    });
    const fork = new Machine({ ...this.#options, ...(disks && { disks }) });
    fork.cpu.copyFrom(this.cpu);
    fork.#localApic.copyFrom(this.#localApic);
    fork.#ioApic.copyFrom(this.#ioApic);
    fork.#pic.copyFrom(this.#pic);
    fork.#pit.copyFrom(this.#pit);
    fork.#rtc.copyFrom(this.#rtc);
    if (this.#testDevice !== undefined) fork.#testDevice?.copyFrom(this.#testDevice);
    if (this.#fwCfg !== undefined) fork.#fwCfg?.copyFrom(this.#fwCfg);
    for (const [index, uart] of fork.#uarts.entries()) uart.copyFrom(this.#uarts[index]);
    for (const [index, slot] of fork.#slots.entries()) slot.copyFrom(this.#slots[index]);
    if (this.#bpf !== undefined) fork.#bpf?.copyFrom(this.#bpf);
    fork.console.copyFrom(this.console);
    fork.serial2.copyFrom(this.serial2);
    fork.#queue.copyFrom(this.#queue);
    fork.#end = this.#end;
    fork.#reported = this.#reported;
    return fork;
  }

  /** The state of processor, memory and devices as one SHA-256, lower-case hexadecimal. */
  stateHash(): string {
    const devices: Record<string, DeviceState> = {};
    for (const [name, device] of this.#devices) devices[name] = device.state();
    return stateHash(this.memory.bytes, {
      time: this.time,
      instructions: this.instructions,
      cpu: this.cpu.state.snapshot(),
      halted: this.cpu.isHalted,
      devices,
    });
  }
}

function memoryOf({ memory }: MachineOptions): number {
  try {
    return checkMemorySize(memory);
  } catch (error) {
    throw new InputError(`memory: expected ${messageOf(error)}, got ${memory} bytes`);
  }
}
