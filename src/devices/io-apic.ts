/**
 * I/O APIC (Intel 82093AA data sheet): 24 interrupt inputs, each with a redirection entry that says which vector it sends to
 * whom. An edge sends once; a level stays with its "remote IRR" until the processor's EOI, and is sent again if still asserted.
 */
import type { AccessSize, DeviceState, MmioDevice, Stateful } from "./device.ts";
import { Delivery, type InterruptMessage } from "./local-apic.ts";

const SELECT = 0x00;
const WINDOW = 0x10;
/** Directed EOI, of versions 0x20 and later. */
const EOI = 0x40;
const ID_REGISTER = 0;
const VERSION_REGISTER = 1;
const ARBITRATION_REGISTER = 2;
const FIRST_ENTRY = 0x10;
const VERSION = 0x20;

// Low half of a redirection entry.
const VECTOR = 0xff;
const LOGICAL = 0x800;
const REMOTE_IRR = 0x4000;
const LEVEL = 0x8000;
const MASKED = 0x1_0000;
const WRITABLE_LOW = 0x1_afff;

export class IoApic implements MmioDevice, Stateful {
  readonly #send: (message: InterruptMessage) => boolean;
  readonly #low: Uint32Array;
  readonly #high: Uint32Array;
  readonly #asserted: boolean[];
  /** Edges that no one took yet, because the entry was masked. */
  readonly #pendingEdge: boolean[];
  #select = 0;
  #id = 0;

  /** `send` delivers a message and says whether a processor took it. */
  constructor(pins: number, send: (message: InterruptMessage) => boolean) {
    this.#send = send;
    this.#low = new Uint32Array(pins).fill(MASKED);
    this.#high = new Uint32Array(pins);
    this.#asserted = new Array<boolean>(pins).fill(false);
    this.#pendingEdge = new Array<boolean>(pins).fill(false);
  }

  /** Input `pin` changes. */
  setPin(pin: number, asserted: boolean): void {
    const rising = asserted && !this.#asserted[pin];
    this.#asserted[pin] = asserted;
    // An edge at a masked input is lost (82093AA data sheet, 3.2.4).
    if (rising && (this.#low[pin] & (LEVEL | MASKED)) === 0) this.#pendingEdge[pin] = true;
    this.#service(pin);
  }

  /** Whether an input is open that would send an NMI. */
  canSendNmi(): boolean {
    return this.#low.some((low) => (low & MASKED) === 0 && ((low >> 8) & 7) === Delivery.nmi);
  }

  /** The processor ended a level-triggered interrupt. */
  endOfInterrupt(vector: number): void {
    for (let pin = 0; pin < this.#low.length; pin++) {
      if ((this.#low[pin] & VECTOR) !== vector || (this.#low[pin] & REMOTE_IRR) === 0) continue;
      this.#low[pin] &= ~REMOTE_IRR;
      this.#service(pin);
    }
  }

  #service(pin: number): void {
    const low = this.#low[pin];
    if ((low & MASKED) !== 0) return;
    const level = (low & LEVEL) !== 0;
    if (level ? !this.#asserted[pin] || (low & REMOTE_IRR) !== 0 : !this.#pendingEdge[pin]) return;
    this.#pendingEdge[pin] = false;
    const taken = this.#send({
      vector: low & VECTOR,
      delivery: (low >> 8) & 7,
      logical: (low & LOGICAL) !== 0,
      destination: this.#high[pin] >>> 24,
      level,
    });
    if (taken && level) this.#low[pin] |= REMOTE_IRR;
  }

  readMmio(offset: number, _size: AccessSize): number {
    if (offset === SELECT) return this.#select;
    if (offset !== WINDOW) return 0;
    switch (this.#select) {
      case ID_REGISTER:
      case ARBITRATION_REGISTER:
        return this.#id << 24;
      case VERSION_REGISTER:
        return ((this.#low.length - 1) << 16) | VERSION;
      default: {
        const pin = (this.#select - FIRST_ENTRY) >> 1;
        if (pin < 0 || pin >= this.#low.length) return 0;
        return (this.#select & 1) === 0 ? this.#low[pin] : this.#high[pin];
      }
    }
  }

  writeMmio(offset: number, _size: AccessSize, value: number): void {
    if (offset === SELECT) this.#select = value & 0xff;
    else if (offset === EOI) this.endOfInterrupt(value & VECTOR);
    else if (offset === WINDOW) this.#writeRegister(value);
  }

  #writeRegister(value: number): void {
    if (this.#select === ID_REGISTER) {
      this.#id = (value >>> 24) & 0xf;
      return;
    }
    const pin = (this.#select - FIRST_ENTRY) >> 1;
    if (pin < 0 || pin >= this.#low.length) return;
    if ((this.#select & 1) === 1) {
      this.#high[pin] = (value & 0xff00_0000) >>> 0;
      return;
    }
    // Remote IRR belongs to level-triggered entries only.
    const kept = (value & LEVEL) !== 0 ? this.#low[pin] & REMOTE_IRR : 0;
    this.#low[pin] = (value & WRITABLE_LOW) | kept;
    this.#service(pin);
  }

  /** Takes over the state of another one, which belongs to a machine of the same make. */
  copyFrom(other: IoApic): void {
    this.#low.set(other.#low);
    this.#high.set(other.#high);
    for (let pin = 0; pin < this.#low.length; pin++) {
      this.#asserted[pin] = other.#asserted[pin];
      this.#pendingEdge[pin] = other.#pendingEdge[pin];
    }
    this.#select = other.#select;
    this.#id = other.#id;
  }

  state(): DeviceState {
    return {
      select: this.#select,
      id: this.#id,
      low: [...this.#low],
      high: [...this.#high],
      asserted: this.#asserted,
      pendingEdge: this.#pendingEdge,
    };
  }
}
