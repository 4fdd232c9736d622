/**
 * The virtio-mmio transport, version 2 (Virtual I/O Device specification 1.2, section 4.2): registers, feature negotiation,
 * status, interrupts. What the device does with its queues is the {@link VirtioDevice}'s business.
 */
import type { AccessSize, DeviceState, DmaMemory, InterruptLine, MmioDevice, Stateful } from "./device.ts";
import { Virtqueue, VirtqueueError } from "./virtqueue.ts";

// Registers (table 4.1).
const MAGIC_VALUE = 0x000;
const VERSION = 0x004;
const DEVICE_ID = 0x008;
const VENDOR_ID = 0x00c;
const DEVICE_FEATURES = 0x010;
const DEVICE_FEATURES_SELECT = 0x014;
const DRIVER_FEATURES = 0x020;
const DRIVER_FEATURES_SELECT = 0x024;
const QUEUE_SELECT = 0x030;
const QUEUE_SIZE_MAXIMUM = 0x034;
const QUEUE_SIZE = 0x038;
const QUEUE_READY = 0x044;
const QUEUE_NOTIFY = 0x050;
const INTERRUPT_STATUS = 0x060;
const INTERRUPT_ACKNOWLEDGE = 0x064;
const STATUS = 0x070;
const QUEUE_DESCRIPTORS = 0x080;
const QUEUE_AVAILABLE = 0x090;
const QUEUE_USED = 0x0a0;
const SHARED_MEMORY_LENGTH = 0x0b0;
const SHARED_MEMORY_BASE = 0x0b8;
const CONFIG_GENERATION = 0x0fc;
const CONFIG = 0x100;

const MAGIC = 0x7472_6976; // "virt"
const VENDOR = 0x554d_4551; // "QEMU": the same kernel sees the same device there

// Device status bits (section 2.1).
const STATUS_DRIVER_OK = 4;
const STATUS_FEATURES_OK = 8;
const STATUS_NEEDS_RESET = 0x40;

const INTERRUPT_USED_BUFFER = 1;
const INTERRUPT_CONFIG_CHANGE = 2;

/** Features of every device (section 6), by bit number. */
const FEATURE_INDIRECT_DESCRIPTORS = 28n;
const FEATURE_EVENT_INDEX = 29n;
const FEATURE_VERSION_1 = 32n;

/** What a kind of device adds to the transport. */
export interface VirtioDevice extends Stateful {
  readonly deviceId: number;
  /** Its own feature bits (0 to 23 and 50 to 63). */
  readonly features: bigint;
  /** How large each of its queues may be. */
  readonly queueSizes: readonly number[];
  /** Device-specific configuration, read-only. */
  readonly config: Uint8Array;
  /** The driver says that queue `index` has something new. May throw VirtqueueError. */
  notify(index: number, transport: VirtioTransport): void;
  /** Drops everything under way. */
  reset(): void;
  /** Takes over what is under way in another device of its kind; `transport` is this one's own. */
  copyFrom(other: VirtioDevice, transport: VirtioTransport): void;
}

/** What the transport offers to its device. */
export interface VirtioTransport {
  readonly queues: readonly Virtqueue[];
  /** Whether feature bit `bit` was negotiated. */
  negotiated(bit: bigint): boolean;
  interrupt(): void;
  /** Runs what handles queues; a VirtqueueError in it puts the device into DEVICE_NEEDS_RESET. */
  guard(action: () => void): void;
}

export class VirtioMmio implements MmioDevice, VirtioTransport, Stateful {
  readonly #device: VirtioDevice | undefined;
  readonly #line: InterruptLine;
  readonly queues: readonly Virtqueue[];
  readonly #offered: bigint;

  #status = 0;
  #interruptStatus = 0;
  #deviceFeaturesSelect = 0;
  #driverFeaturesSelect = 0;
  #driverFeatures = 0n;
  #queueSelect = 0;
  /** What went wrong with the guest's queues, for whoever looks at the machine. */
  #lastError: string | undefined;

  /** A transport without a device announces device ID 0, as the specification asks of empty slots. */
  constructor(options: { device?: VirtioDevice; memory: DmaMemory; line: InterruptLine }) {
    this.#device = options.device;
    this.#line = options.line;
    this.queues = (options.device?.queueSizes ?? []).map((size) => new Virtqueue(options.memory, size));
    this.#offered =
      (options.device?.features ?? 0n) |
      (1n << FEATURE_INDIRECT_DESCRIPTORS) |
      (1n << FEATURE_EVENT_INDEX) |
      (1n << FEATURE_VERSION_1);
  }

  get lastError(): string | undefined {
    return this.#lastError;
  }

  negotiated(bit: bigint): boolean {
    return (this.#status & STATUS_FEATURES_OK) !== 0 && ((this.#driverFeatures >> bit) & 1n) !== 0n;
  }

  interrupt(): void {
    this.#setInterrupt(this.#interruptStatus | INTERRUPT_USED_BUFFER);
  }

  guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof VirtqueueError)) throw error;
      this.#lastError = error.message;
      this.#device?.reset();
      this.#status |= STATUS_NEEDS_RESET;
      if ((this.#status & STATUS_DRIVER_OK) !== 0) this.#setInterrupt(this.#interruptStatus | INTERRUPT_CONFIG_CHANGE);
    }
  }

  #setInterrupt(status: number): void {
    this.#interruptStatus = status;
    this.#line(status !== 0);
  }

  #reset(): void {
    this.#device?.reset();
    for (const queue of this.queues) queue.reset();
    this.#status = 0;
    this.#deviceFeaturesSelect = 0;
    this.#driverFeaturesSelect = 0;
    this.#driverFeatures = 0n;
    this.#queueSelect = 0;
    this.#setInterrupt(0);
  }

  #queue(): Virtqueue | undefined {
    return this.queues[this.#queueSelect];
  }

  readMmio(offset: number, size: AccessSize): number {
    if (offset >= CONFIG) return this.#readConfig(offset - CONFIG, size);
    // All other registers are words.
    if (size !== 4 || (offset & 3) !== 0) return 0;
    switch (offset) {
      case MAGIC_VALUE:
        return MAGIC;
      case VERSION:
        return 2;
      case DEVICE_ID:
        return this.#device?.deviceId ?? 0;
      case VENDOR_ID:
        return VENDOR;
    }
    if (this.#device === undefined) return 0;
    switch (offset) {
      case DEVICE_FEATURES:
        if (this.#deviceFeaturesSelect > 1) return 0;
        return Number((this.#offered >> BigInt(32 * this.#deviceFeaturesSelect)) & 0xffff_ffffn);
      case QUEUE_SIZE_MAXIMUM:
        return this.#queue()?.maximumSize ?? 0;
      case QUEUE_READY:
        return this.#queue()?.ready === true ? 1 : 0;
      case INTERRUPT_STATUS:
        return this.#interruptStatus;
      case STATUS:
        return this.#status;
      case CONFIG_GENERATION:
        return 0; // this configuration never changes
      case SHARED_MEMORY_LENGTH:
      case SHARED_MEMORY_LENGTH + 4:
      case SHARED_MEMORY_BASE:
      case SHARED_MEMORY_BASE + 4:
        return 0xffff_ffff; // no such region (4.2.2.1)
      default:
        return 0;
    }
  }

  #readConfig(offset: number, size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value += (this.#device?.config[offset + i] ?? 0) * 2 ** (8 * i);
    return value;
  }

  writeMmio(offset: number, size: AccessSize, value: number): void {
    if (this.#device === undefined || size !== 4 || (offset & 3) !== 0) return;
    switch (offset) {
      case DEVICE_FEATURES_SELECT:
        this.#deviceFeaturesSelect = value;
        return;
      case DRIVER_FEATURES:
        // Too late once the device agreed.
        if ((this.#status & STATUS_FEATURES_OK) === 0 && this.#driverFeaturesSelect <= 1) {
          const shift = BigInt(32 * this.#driverFeaturesSelect);
          this.#driverFeatures = (this.#driverFeatures & ~(0xffff_ffffn << shift)) | (BigInt(value) << shift);
        }
        return;
      case DRIVER_FEATURES_SELECT:
        this.#driverFeaturesSelect = value;
        return;
      case QUEUE_SELECT:
        this.#queueSelect = value;
        return;
      case QUEUE_NOTIFY:
        if (
          (this.#status & STATUS_DRIVER_OK) !== 0 &&
          (this.#status & STATUS_NEEDS_RESET) === 0 &&
          value < this.queues.length
        )
          this.guard(() => this.#device?.notify(value, this));
        return;
      case INTERRUPT_ACKNOWLEDGE:
        this.#setInterrupt(this.#interruptStatus & ~value);
        return;
      case STATUS:
        this.#writeStatus(value & 0xff);
        return;
      default:
        this.#writeQueueRegister(offset, value);
    }
  }

  #writeStatus(value: number): void {
    if (value === 0) {
      this.#reset();
      return;
    }
    let status = value | (this.#status & STATUS_NEEDS_RESET);
    if ((value & STATUS_FEATURES_OK) !== 0 && (this.#status & STATUS_FEATURES_OK) === 0) {
      // The device agrees only to what it offered, and only to drivers of version 1.
      const unknown = this.#driverFeatures & ~this.#offered;
      const modern = ((this.#driverFeatures >> FEATURE_VERSION_1) & 1n) !== 0n;
      if (unknown !== 0n || !modern) status &= ~STATUS_FEATURES_OK;
    }
    this.#status = status;
    for (const queue of this.queues) {
      queue.indirect = this.negotiated(FEATURE_INDIRECT_DESCRIPTORS);
      queue.eventIndex = this.negotiated(FEATURE_EVENT_INDEX);
    }
  }

  #writeQueueRegister(offset: number, value: number): void {
    const queue = this.#queue();
    if (queue === undefined) return;
    if (offset === QUEUE_READY) {
      queue.ready = (value & 1) !== 0;
      return;
    }
    // Size and addresses are fixed while the queue is in use (4.2.2.2).
    if (queue.ready) return;
    const low = (address: number): number => Math.floor(address / 2 ** 32) * 2 ** 32 + value;
    const high = (address: number): number => (address % 2 ** 32) + value * 2 ** 32;
    switch (offset) {
      case QUEUE_SIZE:
        // A power of two up to the maximum (2.7); anything else is ignored.
        if (value > 0 && value <= queue.maximumSize && (value & (value - 1)) === 0) queue.size = value;
        return;
      case QUEUE_DESCRIPTORS:
        queue.descriptorTable = low(queue.descriptorTable);
        return;
      case QUEUE_DESCRIPTORS + 4:
        queue.descriptorTable = high(queue.descriptorTable);
        return;
      case QUEUE_AVAILABLE:
        queue.availableRing = low(queue.availableRing);
        return;
      case QUEUE_AVAILABLE + 4:
        queue.availableRing = high(queue.availableRing);
        return;
      case QUEUE_USED:
        queue.usedRing = low(queue.usedRing);
        return;
      case QUEUE_USED + 4:
        queue.usedRing = high(queue.usedRing);
        return;
    }
  }

  /** Takes over the state of another one, which belongs to a machine of the same make. */
  copyFrom(other: VirtioMmio): void {
    this.#status = other.#status;
    this.#interruptStatus = other.#interruptStatus;
    this.#deviceFeaturesSelect = other.#deviceFeaturesSelect;
    this.#driverFeaturesSelect = other.#driverFeaturesSelect;
    this.#driverFeatures = other.#driverFeatures;
    this.#queueSelect = other.#queueSelect;
    this.#lastError = other.#lastError;
    for (const [index, queue] of this.queues.entries()) queue.copyFrom(other.queues[index]);
    if (other.#device !== undefined) this.#device?.copyFrom(other.#device, this);
  }

  state(): DeviceState {
    return {
      status: this.#status,
      interruptStatus: this.#interruptStatus,
      deviceFeaturesSelect: this.#deviceFeaturesSelect,
      driverFeaturesSelect: this.#driverFeaturesSelect,
      driverFeatures: this.#driverFeatures,
      queueSelect: this.#queueSelect,
      queues: this.queues.map((queue) => queue.state()),
      device: this.#device?.state(),
    };
  }
}
