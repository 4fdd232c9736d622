/**
 * The part of QEMU's fw_cfg that suites of system tests ask before anything else: how many processors there are and how much memory.
 * A selector is written to the first port; the item's bytes are read one after another from the second, zeros behind its end.
 */
import type { AccessSize, DeviceState, PortDevice, Stateful } from "./device.ts";

export const FW_CFG = { port: 0x510, ports: 2 } as const;

// Selectors, as QEMU's specification of the device numbers them.
const SIGNATURE = 0;
const INTERFACE = 1;
const RAM_SIZE = 3;
const PROCESSORS = 5;
const MOST_PROCESSORS = 0xf;
/** The traditional interface alone, no DMA. */
const TRADITIONAL = 1;

export class FwCfg implements PortDevice, Stateful {
  readonly #items: ReadonlyMap<number, Uint8Array>;
  #selector = 0;
  #offset = 0;

  constructor(memoryBytes: number) {
    this.#items = new Map([
      [SIGNATURE, Buffer.from("QEMU")],
      [INTERFACE, littleEndian(TRADITIONAL, 4)],
      [RAM_SIZE, littleEndian(memoryBytes, 8)],
      [PROCESSORS, littleEndian(1, 2)],
      [MOST_PROCESSORS, littleEndian(1, 2)],
    ]);
  }

  writePort(offset: number, size: AccessSize, value: number): void {
    if (offset !== 0 || size !== 2) return;
    this.#selector = value;
    this.#offset = 0;
  }

  readPort(offset: number, size: AccessSize): number {
    if (offset !== 1 || size !== 1) return 0;
    return this.#items.get(this.#selector)?.[this.#offset++] ?? 0;
  }

  copyFrom(other: FwCfg): void {
    this.#selector = other.#selector;
    this.#offset = other.#offset;
  }

  state(): DeviceState {
    return { selector: this.#selector, offset: this.#offset };
  }
}

function littleEndian(value: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * i)) & 0xff);
}
