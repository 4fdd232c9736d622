/**
 * The PC's pair of 8259A interrupt controllers (Intel 8259A data sheet), the second cascaded on the first's input 2. Before its
 * first initialisation command a controller stays silent, so a guest that uses the I/O APIC alone never hears of it.
 */
import type { AccessSize, DeviceState, PortDevice, Stateful } from "./device.ts";

const CASCADE_INPUT = 2;
// Initialisation command words.
const ICW1 = 0x10;
const ICW1_NEEDS_ICW4 = 0x01;
const ICW1_SINGLE = 0x02;
const ICW1_LEVEL = 0x08;
const ICW4_AUTO_EOI = 0x02;
const ICW4_SPECIAL_FULLY_NESTED = 0x10;
// Operation command word 3.
const OCW3 = 0x08;

/** One controller of eight inputs. */
class Controller {
  /** What the next write to the data port means: a mask, or ICW2 to ICW4. */
  step: "silent" | "icw2" | "icw3" | "icw4" | "ready" = "silent";
  vectorBase = 0;
  needsIcw4 = false;
  single = false;
  levelTriggered = false;
  autoEoi = false;
  rotateOnAutoEoi = false;
  specialMask = false;
  specialFullyNested = false;
  readInService = false;
  poll = false;
  mask = 0;
  request = 0;
  inService = 0;
  asserted = 0;
  /** Inputs that are level-triggered whatever ICW1 says (the chipset's ELCR). */
  edgeLevel = 0;
  /** The input of lowest priority; 7 unless rotated. */
  lowest = 7;

  setInput(input: number, asserted: boolean): void {
    const bit = 1 << input;
    const level = this.levelTriggered || (this.edgeLevel & bit) !== 0;
    if (asserted) {
      if (level || (this.asserted & bit) === 0) this.request |= bit;
      this.asserted |= bit;
    } else {
      // The data sheet wants an edge to stay asserted until it is acknowledged (figure 8); chipsets, as QEMU, remember it. The
      // cascade is no edge of a device: it goes away with the second controller's request.
      if (level || input === CASCADE_INPUT) this.request &= ~bit;
      this.asserted &= ~bit;
    }
  }

  /** 0 is the highest priority. */
  #priority(bits: number): number {
    for (let p = 0; p < 8; p++) if (((bits >> ((this.lowest + 1 + p) & 7)) & 1) !== 0) return p;
    return 8;
  }

  #input(priority: number): number {
    return (this.lowest + 1 + priority) & 7;
  }

  /** The input to be served next, or -1. */
  pending(): number {
    if (this.step !== "ready") return -1;
    const priority = this.#priority(this.request & ~this.mask);
    if (priority === 8) return -1;
    let blocking = this.inService;
    if (this.specialMask) blocking &= ~this.mask;
    // The first controller lets the second's more urgent inputs through while one of them is in service.
    if (this.specialFullyNested && this.#input(priority) === CASCADE_INPUT) blocking &= ~(1 << CASCADE_INPUT);
    return priority < this.#priority(blocking) ? this.#input(priority) : -1;
  }

  take(input: number): void {
    const bit = 1 << input;
    const level = this.levelTriggered || (this.edgeLevel & bit) !== 0;
    if (!level || (this.asserted & bit) === 0) this.request &= ~bit;
    if (!this.autoEoi) this.inService |= bit;
    else if (this.rotateOnAutoEoi) this.lowest = input;
  }

  writeCommand(value: number): void {
    if ((value & ICW1) !== 0) {
      this.step = "icw2";
      this.needsIcw4 = (value & ICW1_NEEDS_ICW4) !== 0;
      this.single = (value & ICW1_SINGLE) !== 0;
      this.levelTriggered = (value & ICW1_LEVEL) !== 0;
      this.autoEoi = false;
      this.rotateOnAutoEoi = false;
      this.specialMask = false;
      this.specialFullyNested = false;
      this.readInService = false;
      this.poll = false;
      this.mask = 0;
      this.request = this.levelTriggered ? this.asserted : this.asserted & this.edgeLevel;
      this.inService = 0;
      this.lowest = 7;
    } else if ((value & OCW3) !== 0) {
      if ((value & 4) !== 0) this.poll = true;
      if ((value & 2) !== 0) this.readInService = (value & 1) !== 0;
      if ((value & 0x40) !== 0) this.specialMask = (value & 0x20) !== 0;
    } else this.#writeOcw2(value);
  }

  #writeOcw2(value: number): void {
    const named = value & 7;
    switch (value >> 5) {
      case 0:
      case 4:
        this.rotateOnAutoEoi = value >> 5 === 4;
        return;
      case 1:
      case 5: {
        const served = this.specialMask ? this.inService & ~this.mask : this.inService;
        const priority = this.#priority(served);
        if (priority === 8) return;
        const input = this.#input(priority);
        this.inService &= ~(1 << input);
        if (value >> 5 === 5) this.lowest = input;
        return;
      }
      case 3:
      case 7:
        this.inService &= ~(1 << named);
        if (value >> 5 === 7) this.lowest = named;
        return;
      case 6:
        this.lowest = named;
        return;
    }
  }

  writeData(value: number): void {
    switch (this.step) {
      case "icw2":
        this.vectorBase = value & 0xf8;
        this.step = this.single ? (this.needsIcw4 ? "icw4" : "ready") : "icw3";
        return;
      case "icw3":
        this.step = this.needsIcw4 ? "icw4" : "ready";
        return;
      case "icw4":
        this.autoEoi = (value & ICW4_AUTO_EOI) !== 0;
        this.specialFullyNested = (value & ICW4_SPECIAL_FULLY_NESTED) !== 0;
        this.step = "ready";
        return;
      default:
        this.mask = value;
    }
  }

  readCommand(): number {
    if (!this.poll) return this.readInService ? this.inService : this.request;
    this.poll = false;
    const input = this.pending();
    if (input < 0) return 0;
    this.take(input);
    return 0x80 | input;
  }

  state(): DeviceState {
    return Object.fromEntries(Object.entries(this));
  }
}

export class Pic8259 implements Stateful {
  readonly #changed: () => void;
  readonly #first = new Controller();
  readonly #second = new Controller();

  /** `changed`: the INTR output may have changed. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Input 0 to 15 of the pair. */
  setInput(input: number, asserted: boolean): void {
    if (input < 8) this.#first.setInput(input, asserted);
    else this.#second.setInput(input - 8, asserted);
    this.#update();
  }

  hasInterrupt(): boolean {
    return this.#first.pending() >= 0;
  }

  /** The vector for the processor's acknowledge cycle; input 7 of a controller stands for a request that went away. */
  acknowledge(): number {
    const input = this.#first.pending();
    let vector = this.#first.vectorBase + 7;
    if (input === CASCADE_INPUT) {
      this.#first.take(input);
      const second = this.#second.pending();
      // The second's output falls with each acknowledgement, so that its next request is a new edge.
      this.#first.setInput(CASCADE_INPUT, false);
      if (second >= 0) this.#second.take(second);
      vector = this.#second.vectorBase + (second >= 0 ? second : 7);
    } else if (input >= 0) {
      this.#first.take(input);
      vector = this.#first.vectorBase + input;
    }
    this.#update();
    return vector;
  }

  #update(): void {
    this.#first.setInput(CASCADE_INPUT, this.#second.pending() >= 0);
    this.#changed();
  }

  /** The command and data port of the first controller (0x20) or the second (0xa0). */
  ports(which: "first" | "second"): PortDevice {
    const controller = which === "first" ? this.#first : this.#second;
    return this.#bytePorts(
      (offset) => (offset === 0 ? controller.readCommand() : controller.mask),
      (offset, value) => (offset === 0 ? controller.writeCommand(value) : controller.writeData(value)),
    );
  }

  /** The chipset's edge/level control registers (0x4d0 and 0x4d1). */
  edgeLevelPorts(): PortDevice {
    return this.#bytePorts(
      (offset) => (offset === 0 ? this.#first : this.#second).edgeLevel,
      (offset, value) => {
        // Inputs 0, 1, 2, 8 and 13 are edge-triggered by the board's wiring.
        if (offset === 0) this.#first.edgeLevel = value & 0xf8;
        else this.#second.edgeLevel = value & 0xde;
      },
    );
  }

  /** Two byte-wide ports; a wider access at the first reaches both. */
  #bytePorts(read: (offset: number) => number, write: (offset: number, value: number) => void): PortDevice {
    return {
      readPort: (offset: number, size: AccessSize) => {
        const value = size > 1 && offset === 0 ? read(0) | (read(1) << 8) : read(offset);
        this.#update();
        return value;
      },
      writePort: (offset: number, size: AccessSize, value: number) => {
        write(offset, value & 0xff);
        if (size > 1 && offset === 0) write(1, (value >>> 8) & 0xff);
        this.#update();
      },
    };
  }

  /** Takes over the state of another one, which belongs to a machine of the same make. */
  copyFrom(other: Pic8259): void {
    // All of a controller is in its public fields.
    Object.assign(this.#first, other.#first);
    Object.assign(this.#second, other.#second);
  }

  state(): DeviceState {
    return { first: this.#first.state(), second: this.#second.state() };
  }
}
