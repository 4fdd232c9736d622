/**
 * Disks: the bytes a user gives (raw or gzip) below, what the guest writes above. The user's file is never written. Contents are
 * kept sparsely, in chunks of 64 KiB of which those that are all zero are not kept, so a mostly empty disk of gigabytes is cheap.
 */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { totalmem } from "node:os";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { DeviceState } from "../devices/device.ts";
import type { BlockStorage } from "../devices/virtio-blk.ts";
import { fileProblem, InputError, messageOf } from "./input-error.ts";

const CHUNK = 65536;
const SECTOR = 512;
/** More than this is not a disk but a mistake, or a gzip bomb. */
const LARGEST_DISK = 2 ** 40;
/** How many bytes other than zeros are kept of what the user gives: what lets this host do something else, too. */
export const MOST_KEPT = Math.floor(totalmem() / 2);
const ZERO_CHUNK = Buffer.alloc(CHUNK);

/** The bytes of a disk as given: chunk number -> contents; chunks that are not there are zero. */
export class SparseContents {
  readonly #chunks = new Map<number, Uint8Array>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many bytes are kept in memory. */
  get kept(): number {
    return this.#chunks.size * CHUNK;
  }

  /**
   * Gathers a stream; `name` is what error messages call it. The limits, in bytes: how large it may get, and how much of it may be
   * kept. Throws InputError beyond them.
   */
  static async from(
    stream: AsyncIterable<unknown>,
    name: string,
    { size = LARGEST_DISK, kept = MOST_KEPT }: { readonly size?: number; readonly kept?: number } = {},
  ): Promise<SparseContents> {
    const contents = new SparseContents();
    const partial = Buffer.alloc(CHUNK);
    let filled = 0;
    const keep = (source: Uint8Array, start: number, length: number): void => {
      if (ZERO_CHUNK.compare(source, start, start + length, 0, length) !== 0) {
        const chunk = Buffer.alloc(CHUNK);
        chunk.set(source.subarray(start, start + length));
        contents.#chunks.set(Math.floor(contents.#size / CHUNK), chunk);
        if (contents.kept > kept) throw new InputError(`${name}: more data than fits into ${kept} bytes of this host`);
      }
      contents.#size += length;
    };
    for await (const piece of stream) {
      if (!(piece instanceof Uint8Array)) throw new TypeError("a stream of bytes is needed");
      if (contents.#size + filled + piece.length > size)
        throw new InputError(`${name}: longer than the ${size} bytes that are expected at most`);
      for (let position = 0; position < piece.length; ) {
        const length = Math.min(CHUNK - filled, piece.length - position);
        if (length === CHUNK) keep(piece, position, CHUNK);
        else {
          partial.set(piece.subarray(position, position + length), filled);
          filled += length;
          if (filled === CHUNK) {
            keep(partial, 0, CHUNK);
            filled = 0;
          }
        }
        position += length;
      }
    }
    if (filled > 0) keep(partial, 0, filled);
    return contents;
  }

  /** Chunk `number`, or undefined if it is all zero. */
  chunk(number: number): Uint8Array | undefined {
    return this.#chunks.get(number);
  }

  /** The numbers of the chunks that are there. */
  chunkNumbers(): IterableIterator<number> {
    return this.#chunks.keys();
  }

  /** All of it in one piece. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.#size);
    for (const [number, chunk] of this.#chunks)
      bytes.set(chunk.subarray(0, Math.min(CHUNK, this.#size - number * CHUNK)), number * CHUNK);
    return bytes;
  }

  /** A disk has whole sectors: what is missing of the last one reads as zero. */
  roundUpToSector(): void {
    this.#size = Math.ceil(this.#size / SECTOR) * SECTOR;
  }
}

/** A disk with a copy-on-write overlay. */
export class Disk implements BlockStorage {
  readonly readOnly = false;
  readonly #base: SparseContents;
  readonly #overlay = new Map<number, Uint8Array>();

  /** A disk with these contents, which it shares and never writes. */
  constructor(base: SparseContents) {
    this.#base = base;
  }

  /** Bytes, a multiple of 512. */
  get size(): number {
    return this.#base.size;
  }

  /** An empty disk of `size` bytes, a multiple of 512. */
  static async blank(size: number): Promise<Disk> {
    return Disk.fromBytes(new Uint8Array(size));
  }

  /** A disk with these contents, filled up with zeros to whole sectors. Throws InputError if there are none. */
  static async fromBytes(bytes: Uint8Array): Promise<Disk> {
    return Disk.fromStream(Readable.from([bytes]), "disk");
  }

  /** A disk that has these contents below. Throws InputError if there are none. */
  static fromContents(contents: SparseContents, name: string): Disk {
    contents.roundUpToSector();
    if (contents.size === 0) throw new InputError(`${name}: disk is empty; expected at least one sector of 512 bytes`);
    return new Disk(contents);
  }

  /** Reads a disk file, raw or gzip (told apart by its first two bytes). Throws InputError. */
  static async fromFile(path: string): Promise<Disk> {
    try {
      const file = await open(path, "r");
      try {
        if ((await file.stat()).isCharacterDevice())
          throw new InputError(`${path}: disk is a character device, expected a file or a block device`);
        const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
        if (isGzip(buffer.subarray(0, bytesRead)))
          return await Disk.fromStream(file.createReadStream({ start: 0, autoClose: false }), path, true);
        return Disk.fromContents(await SparseContents.from(fileBlocks(file), path), path);
      } finally {
        await file.close();
      }
    } catch (error) {
      if (error instanceof InputError) throw error;
      throw new InputError(`${path}: disk cannot be read: ${fileProblem(error)}`);
    }
  }

  /** Reads a disk from a stream; `name` is what error messages call it. Throws InputError. */
  static async fromStream(stream: Readable, name: string, gzip = false): Promise<Disk> {
    try {
      return Disk.fromContents(await SparseContents.from(gzip ? gunzip(stream) : stream, name), name);
    } catch (error) {
      if (error instanceof InputError) throw error;
      const what = gzip ? "disk is not a whole gzip file" : "disk cannot be read";
      throw new InputError(`${name}: ${what}: ${messageOf(error)}`);
    }
  }

  /** A disk with the same contents, the guest's own writes among them; each can be written without the other. */
  copy(): Disk {
    const copy = new Disk(this.#base);
    for (const [number, chunk] of this.#overlay) copy.#overlay.set(number, chunk.slice());
    return copy;
  }

  /** A copy of these bytes; what is beyond the end is zero. */
  read(offset: number, length: number): Uint8Array {
    const result = new Uint8Array(length);
    for (const piece of pieces(offset, length)) {
      const chunk = this.#overlay.get(piece.chunk) ?? this.#base.chunk(piece.chunk);
      if (chunk !== undefined) result.set(chunk.subarray(piece.start, piece.start + piece.length), piece.position);
    }
    return result;
  }

  /** Writes into the overlay. */
  write(offset: number, data: Uint8Array): void {
    for (const piece of pieces(offset, data.length)) {
      let chunk = this.#overlay.get(piece.chunk);
      if (chunk === undefined) {
        chunk = new Uint8Array(CHUNK);
        const below = this.#base.chunk(piece.chunk);
        if (below !== undefined) chunk.set(below);
        this.#overlay.set(piece.chunk, chunk);
      }
      chunk.set(data.subarray(piece.position, piece.position + piece.length), piece.start);
    }
  }

  /** The contents as the guest sees them: hashes of the chunks that are not all zero. */
  state(): DeviceState {
    const numbers = [...new Set([...this.#base.chunkNumbers(), ...this.#overlay.keys()])].sort((a, b) => a - b);
    const chunks: DeviceState[] = [];
    for (const number of numbers) {
      const chunk = this.#overlay.get(number) ?? this.#base.chunk(number);
      if (chunk !== undefined && ZERO_CHUNK.compare(chunk) !== 0)
        chunks.push([number, createHash("sha256").update(chunk).digest()]);
    }
    return { size: this.size, chunks };
  }
}

/** Whether these first bytes are those of a gzip file (RFC 1952). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** A stream unpacked; an error of either end ends it. */
export function gunzip(stream: Readable): Readable {
  const output = createGunzip({ chunkSize: CHUNK });
  stream.on("error", (error) => output.destroy(error));
  return stream.pipe(output);
}

/**
 * A file's contents, from where it was last read without a position, in large blocks; each is valid until the next. Much faster than a
 * stream for large files.
 */
export async function* fileBlocks(file: FileHandle): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(64 * CHUNK);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Cuts a range of bytes at chunk boundaries. */
function* pieces(
  offset: number,
  length: number,
): Generator<{ chunk: number; start: number; position: number; length: number }> {
  for (let position = 0; position < length; ) {
    const chunk = Math.floor((offset + position) / CHUNK);
    const start = offset + position - chunk * CHUNK;
    const size = Math.min(CHUNK - start, length - position);
    yield { chunk, start, position, length: size };
    position += size;
  }
}
