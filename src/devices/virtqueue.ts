/**
 * A split virtqueue, the device's side (Virtual I/O Device specification 1.2, section 2.7), with indirect descriptors and event
 * index. The rings are in guest memory, and everything in them is the guest's word: addresses outside RAM, endless chains and
 * impossible indices make {@link VirtqueueError}, which the transport turns into DEVICE_NEEDS_RESET.
 */
import type { DeviceState, DmaMemory } from "./device.ts";
import { insideMemory } from "./device.ts";

const DESCRIPTOR_BYTES = 16;
const DESCRIPTOR_NEXT = 1;
const DESCRIPTOR_WRITE = 2;
const DESCRIPTOR_INDIRECT = 4;
const AVAILABLE_NO_INTERRUPT = 1;
/** Chains are never longer than this (the largest queue size there is), whatever the guest's tables say. */
const LONGEST_CHAIN = 32768;

/** The driver put something into the queue that the specification forbids. */
export class VirtqueueError extends Error {}

/** One buffer of a chain, inside RAM. */
export interface DescriptorBuffer {
  readonly address: number;
  readonly length: number;
}

export interface DescriptorChain {
  /** The number by which the chain is given back. */
  readonly head: number;
  /** What the device reads, and what it writes, in order; the driver has to place all of the first before the second. */
  readonly readable: readonly DescriptorBuffer[];
  readonly writable: readonly DescriptorBuffer[];
}

export class Virtqueue {
  readonly #memory: DmaMemory;
  readonly maximumSize: number;
  size: number;
  ready = false;
  descriptorTable = 0;
  availableRing = 0;
  usedRing = 0;
  /** Negotiated VIRTIO_F_INDIRECT_DESC and VIRTIO_F_EVENT_IDX. */
  indirect = false;
  eventIndex = false;
  #nextAvailable = 0;
  #nextUsed = 0;

  constructor(memory: DmaMemory, maximumSize: number) {
    this.#memory = memory;
    this.maximumSize = maximumSize;
    this.size = maximumSize;
  }

  reset(): void {
    this.size = this.maximumSize;
    this.ready = false;
    this.descriptorTable = 0;
    this.availableRing = 0;
    this.usedRing = 0;
    this.indirect = false;
    this.eventIndex = false;
    this.#nextAvailable = 0;
    this.#nextUsed = 0;
  }

  /** The next chain that the driver made available, or undefined when there is none. Throws VirtqueueError. */
  take(): DescriptorChain | undefined {
    if (!this.ready) return undefined;
    this.#check(this.availableRing, 6 + 2 * this.size, "available ring");
    const waiting = (this.#memory.readUint(this.availableRing + 2, 2) - this.#nextAvailable) & 0xffff;
    if (waiting === 0) return undefined;
    if (waiting > this.size)
      throw new VirtqueueError(`the available index is ${waiting} ahead in a queue of ${this.size}`);
    const head = this.#memory.readUint(this.availableRing + 4 + 2 * (this.#nextAvailable % this.size), 2);
    this.#nextAvailable = (this.#nextAvailable + 1) & 0xffff;
    if (this.eventIndex) {
      // avail_event, after the used ring: notify me when you add the next one.
      const field = this.usedRing + 4 + 8 * this.size;
      this.#check(field, 2, "available event index");
      this.#memory.writeUint(field, 2, this.#nextAvailable);
    }
    return this.#chain(head);
  }

  /**
   * Gives a chain back with the number of bytes written into it. Returns whether the driver wants an interrupt for it. Throws
   * VirtqueueError.
   */
  give(chain: DescriptorChain, written: number): boolean {
    this.#check(this.usedRing, 6 + 8 * this.size, "used ring");
    this.#check(this.availableRing, 6 + 2 * this.size, "available ring");
    const entry = this.usedRing + 4 + 8 * (this.#nextUsed % this.size);
    this.#memory.writeUint(entry, 4, chain.head);
    this.#memory.writeUint(entry + 4, 4, written);
    const before = this.#nextUsed;
    this.#nextUsed = (this.#nextUsed + 1) & 0xffff;
    this.#memory.writeUint(this.usedRing + 2, 2, this.#nextUsed);
    if (!this.eventIndex) return (this.#memory.readUint(this.availableRing, 2) & AVAILABLE_NO_INTERRUPT) === 0;
    // used_event, after the available ring: interrupt me when this entry is used (2.7.10).
    const event = this.#memory.readUint(this.availableRing + 4 + 2 * this.size, 2);
    return ((this.#nextUsed - event - 1) & 0xffff) < ((this.#nextUsed - before) & 0xffff);
  }

  #chain(head: number): DescriptorChain {
    const readable: DescriptorBuffer[] = [];
    const writable: DescriptorBuffer[] = [];
    let table = this.descriptorTable;
    let tableSize = this.size;
    let inIndirect = false;
    let index = head;
    for (let steps = 0; steps < LONGEST_CHAIN; steps++) {
      if (index >= tableSize) throw new VirtqueueError(`descriptor ${index} of a table of ${tableSize}`);
      const descriptor = table + DESCRIPTOR_BYTES * index;
      this.#check(descriptor, DESCRIPTOR_BYTES, "descriptor");
      const address = Number(this.#memory.readUint64(descriptor));
      const length = this.#memory.readUint(descriptor + 8, 4);
      const flags = this.#memory.readUint(descriptor + 12, 2);
      const next = this.#memory.readUint(descriptor + 14, 2);
      if ((flags & DESCRIPTOR_INDIRECT) !== 0) {
        if (!this.indirect) throw new VirtqueueError("an indirect descriptor, which was not negotiated");
        if (inIndirect) throw new VirtqueueError("an indirect descriptor inside an indirect table");
        if (length === 0 || length % DESCRIPTOR_BYTES !== 0 || length / DESCRIPTOR_BYTES > LONGEST_CHAIN)
          throw new VirtqueueError(`an indirect table of ${length} bytes`);
        this.#check(address, length, "indirect table");
        table = address;
        tableSize = length / DESCRIPTOR_BYTES;
        inIndirect = true;
        index = 0;
        continue;
      }
      if (readable.length + writable.length >= tableSize) throw new VirtqueueError("a chain that loops");
      this.#check(address, length, "buffer");
      if ((flags & DESCRIPTOR_WRITE) !== 0) writable.push({ address, length });
      else if (writable.length > 0) throw new VirtqueueError("a readable buffer after a writable one");
      else readable.push({ address, length });
      if ((flags & DESCRIPTOR_NEXT) === 0) return { head, readable, writable };
      index = next;
    }
    throw new VirtqueueError("a chain that loops");
  }

  #check(address: number, length: number, what: string): void {
    if (!insideMemory(this.#memory, address, length))
      throw new VirtqueueError(`${what} at 0x${address.toString(16)}, ${length} bytes, is not in RAM`);
  }

  /** Takes over the state of another one, which belongs to a machine of the same make. */
  copyFrom(other: Virtqueue): void {
    this.size = other.size;
    this.ready = other.ready;
    this.descriptorTable = other.descriptorTable;
    this.availableRing = other.availableRing;
    this.usedRing = other.usedRing;
    this.indirect = other.indirect;
    this.eventIndex = other.eventIndex;
    this.#nextAvailable = other.#nextAvailable;
    this.#nextUsed = other.#nextUsed;
  }

  state(): DeviceState {
    return {
      size: this.size,
      ready: this.ready,
      descriptorTable: this.descriptorTable,
      availableRing: this.availableRing,
      usedRing: this.usedRing,
      indirect: this.indirect,
      eventIndex: this.eventIndex,
      nextAvailable: this.#nextAvailable,
      nextUsed: this.#nextUsed,
    };
  }
}
