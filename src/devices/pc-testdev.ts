/**
 * QEMU's pc-testdev, which suites of system tests talk to: a latch in port space, ports that drive interrupt requests of the board,
 * and 64 KiB of memory-mapped bytes. No guest finds it unless it looks for it.
 */
import type { AccessSize, DeviceState, InterruptLine, MmioDevice, PortDevice, Stateful } from "./device.ts";

export const TEST_DEVICE = {
  latchPort: 0xe0,
  latchPorts: 4,
  /** A byte written to port `irqPort + n` is the level of interrupt request n. */
  irqPort: 0x2000,
  irqs: 24,
  memory: 0xff00_0000,
  memoryBytes: 0x1_0000,
} as const;

export class PcTestDevice implements MmioDevice, Stateful {
  readonly #latch = new Uint8Array(TEST_DEVICE.latchPorts);
  readonly #memory = new Uint8Array(TEST_DEVICE.memoryBytes);
  readonly #lines: readonly InterruptLine[];

  /** `line` gives the wire of an interrupt request. */
  constructor(line: (irq: number) => InterruptLine) {
    this.#lines = Array.from({ length: TEST_DEVICE.irqs }, (_, irq) => line(irq));
  }

  readonly latch: PortDevice = {
    readPort: (offset, size) => load(this.#latch, offset, size),
    writePort: (offset, size, value) => store(this.#latch, offset, size, value),
  };

  readonly irqPorts: PortDevice = {
    readPort: () => 0,
    writePort: (offset, _size, value) => this.#lines[offset]((value & 0xff) !== 0),
  };

  readMmio(offset: number, size: AccessSize): number {
    return load(this.#memory, offset, size);
  }

  writeMmio(offset: number, size: AccessSize, value: number): void {
    store(this.#memory, offset, size, value);
  }

  copyFrom(other: PcTestDevice): void {
    this.#latch.set(other.#latch);
    this.#memory.set(other.#memory);
  }

  state(): DeviceState {
    return { latch: [...this.#latch], memory: this.#memory.slice() };
  }
}

function load(bytes: Uint8Array, offset: number, size: AccessSize): number {
  let value = 0;
  for (let i = 0; i < size; i++) value += bytes[offset + i] * 2 ** (8 * i);
  return value;
}

function store(bytes: Uint8Array, offset: number, size: AccessSize, value: number): void {
  for (let i = 0; i < size; i++) bytes[offset + i] = (value >>> (8 * i)) & 0xff;
}
