/**
 * Virtio block device (Virtual I/O Device specification 1.2, section 5.2): reads, writes, flush and the device's ID, one request
 * at a time. A request takes a fixed latency and a time by its length, so the driver really waits for its interrupt, and a guest
 * can make the host work only as much as it lets time pass.
 */
import type { Clock, DeviceState, DmaMemory, Timer } from "./device.ts";
import type { VirtioDevice, VirtioTransport } from "./virtio-mmio.ts";
import type { DescriptorBuffer, DescriptorChain } from "./virtqueue.ts";
import { VirtqueueError } from "./virtqueue.ts";

const BLOCK_DEVICE_ID = 2;
const SECTOR = 512;
const QUEUE_SIZE = 256;
/** Data segments of one request; two more descriptors hold its header and status. */
const SEGMENTS_MAXIMUM = QUEUE_SIZE - 2;

// Feature bits (5.2.3).
const FEATURE_SEGMENTS_MAXIMUM = 1n << 2n;
const FEATURE_READ_ONLY = 1n << 5n;
const FEATURE_BLOCK_SIZE = 1n << 6n;
const FEATURE_FLUSH = 1n << 9n;

// Request types and status (5.2.6).
const REQUEST_READ = 0;
const REQUEST_WRITE = 1;
const REQUEST_FLUSH = 4;
const REQUEST_GET_ID = 8;
const STATUS_OK = 0;
const STATUS_IO_ERROR = 1;
const STATUS_UNSUPPORTED = 2;
const HEADER_BYTES = 16;
const ID_BYTES = 20;

/** 5 us and 2 bytes a tick (2 GB/s): a fast disk. */
const LATENCY_TICKS = 5000;
const BYTES_PER_TICK = 2;

/** Where the sectors are. Offsets and lengths are in bytes and inside `size`. */
export interface BlockStorage {
  /** A multiple of 512. */
  readonly size: number;
  readonly readOnly: boolean;
  /** Another one with the same contents, for a machine that is forked. Without it, such a machine cannot be. */
  copy?(): BlockStorage;
  /** A copy of these bytes. */
  read(offset: number, length: number): Uint8Array;
  /** Writes these bytes; what becomes of them after the run is the storage's business. */
  write(offset: number, data: Uint8Array): void;
  /** What tells the contents apart from other contents of the same disk, for the state hash. */
  state(): DeviceState;
}

interface Request {
  readonly chain: DescriptorChain;
  readonly type: number;
  readonly offset: number;
  /** The caller's data, without header and status byte. */
  readonly data: readonly DescriptorBuffer[];
  readonly length: number;
  readonly statusAddress: number;
}

const total = (buffers: readonly DescriptorBuffer[]): number => buffers.reduce((sum, buffer) => sum + buffer.length, 0);

/** The bytes of `buffers` from `skip` on, and not the last `drop` ones. */
function part(buffers: readonly DescriptorBuffer[], skip: number, drop: number): DescriptorBuffer[] {
  const result: DescriptorBuffer[] = [];
  let position = 0;
  const end = total(buffers) - drop;
  for (const { address, length } of buffers) {
    const from = Math.max(skip, position);
    const to = Math.min(end, position + length);
    if (from < to) result.push({ address: address + from - position, length: to - from });
    position += length;
  }
  return result;
}

export class VirtioBlock implements VirtioDevice {
  readonly deviceId = BLOCK_DEVICE_ID;
  readonly queueSizes = [QUEUE_SIZE];
  readonly features: bigint;
  readonly config: Uint8Array;
  readonly #storage: BlockStorage;
  readonly #memory: DmaMemory;
  readonly #clock: Clock;
  readonly #completion: Timer;
  #transport: VirtioTransport | undefined;
  #current: Request | undefined;

  constructor(options: { storage: BlockStorage; memory: DmaMemory; clock: Clock }) {
    this.#storage = options.storage;
    this.#memory = options.memory;
    this.#clock = options.clock;
    this.#completion = options.clock.timer(() => this.#transport?.guard(() => this.#complete()));
    this.features =
      FEATURE_SEGMENTS_MAXIMUM |
      FEATURE_BLOCK_SIZE |
      FEATURE_FLUSH |
      (options.storage.readOnly ? FEATURE_READ_ONLY : 0n);
    // struct virtio_blk_config (5.2.4): capacity in sectors, seg_max, blk_size.
    this.config = new Uint8Array(60);
    const config = new DataView(this.config.buffer);
    config.setBigUint64(0, BigInt(Math.floor(options.storage.size / SECTOR)), true);
    config.setUint32(12, SEGMENTS_MAXIMUM, true);
    config.setUint32(20, SECTOR, true);
  }

  notify(_index: number, transport: VirtioTransport): void {
    this.#transport = transport;
    if (this.#current === undefined) this.#start();
  }

  reset(): void {
    this.#current = undefined;
    this.#completion.disarm();
  }

  /** Takes the next request, if there is one; it ends when its time is over. */
  #start(): void {
    const chain = this.#transport?.queues[0].take();
    if (chain === undefined) return;
    this.#current = this.#parse(chain);
    const { type, length } = this.#current;
    const moved = type === REQUEST_READ || type === REQUEST_WRITE ? length : 0;
    this.#completion.arm(this.#clock.now() + LATENCY_TICKS + Math.ceil(moved / BYTES_PER_TICK));
  }

  /** struct virtio_blk_req: a header that the device reads, data, a status byte that it writes; framing is free (2.7.4). */
  #parse(chain: DescriptorChain): Request {
    if (total(chain.readable) < HEADER_BYTES) throw new VirtqueueError("a request without a header");
    const last = part(chain.writable, Math.max(0, total(chain.writable) - 1), 0).at(-1);
    if (last === undefined) throw new VirtqueueError("a request without room for its status");
    const header = new DataView(new ArrayBuffer(HEADER_BYTES));
    let position = 0;
    for (const { address, length } of chain.readable) {
      for (let i = 0; i < length && position < HEADER_BYTES; i++)
        header.setUint8(position++, this.#memory.readUint(address + i, 1));
      if (position === HEADER_BYTES) break;
    }
    const type = header.getUint32(0, true);
    const data = type === REQUEST_WRITE ? part(chain.readable, HEADER_BYTES, 0) : part(chain.writable, 0, 1);
    const offset = Number(header.getBigUint64(8, true)) * SECTOR;
    return { chain, type, offset, data, length: total(data), statusAddress: last.address };
  }

  #complete(): void {
    const request = this.#current;
    this.#current = undefined;
    if (request === undefined || this.#transport === undefined) return;
    const { status, written } = this.#perform(request);
    this.#memory.writeUint(request.statusAddress, 1, status);
    if (this.#transport.queues[0].give(request.chain, written + 1)) this.#transport.interrupt();
    this.#start();
  }

  #perform({ type, offset, data, length }: Request): { status: number; written: number } {
    switch (type) {
      case REQUEST_READ:
        if (!this.#isTransfer(offset, length)) return { status: STATUS_IO_ERROR, written: 0 };
        for (const buffer of data) {
          this.#memory.write(buffer.address, this.#storage.read(offset, buffer.length));
          offset += buffer.length;
        }
        return { status: STATUS_OK, written: length };
      case REQUEST_WRITE:
        if (this.#storage.readOnly || !this.#isTransfer(offset, length)) return { status: STATUS_IO_ERROR, written: 0 };
        for (const buffer of data) {
          this.#storage.write(offset, this.#memory.read(buffer.address, buffer.length));
          offset += buffer.length;
        }
        return { status: STATUS_OK, written: 0 };
      case REQUEST_FLUSH:
        return { status: STATUS_OK, written: 0 };
      case REQUEST_GET_ID: {
        // An empty serial number, zero-terminated, as of a drive that was given none.
        const id = part(data, 0, Math.max(0, length - ID_BYTES));
        for (const buffer of id) this.#memory.write(buffer.address, new Uint8Array(buffer.length));
        return { status: STATUS_OK, written: total(id) };
      }
      default:
        return { status: STATUS_UNSUPPORTED, written: 0 };
    }
  }

  #isTransfer(offset: number, length: number): boolean {
    return length % SECTOR === 0 && offset + length <= this.#storage.size;
  }

  /** Takes over the request of another one under way; `transport` is this one's own. */
  copyFrom(other: VirtioDevice, transport: VirtioTransport): void {
    if (!(other instanceof VirtioBlock)) throw new TypeError("a block device cannot go on as another kind of device");
    this.#transport = other.#transport && transport;
    this.#current = other.#current;
  }

  state(): DeviceState {
    return {
      storage: this.#storage.state(),
      current: this.#current && {
        head: this.#current.chain.head,
        type: this.#current.type,
        offset: this.#current.offset,
        length: this.#current.length,
        buffers: this.#current.data.map(({ address, length }) => [address, length]),
        statusAddress: this.#current.statusAddress,
      },
      completion: this.#completion.deadline,
    };
  }
}
