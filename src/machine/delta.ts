/**
 * What turns one file into another that is nearly the same: a kernel into the same kernel with one bug more. Stretches that
 * are alike, also if a few bytes in them differ (addresses do when something before them has grown), are kept as the
 * differences of their bytes, which are mostly zeros and vanish when the image is compressed. The idea is bsdiff's.
 *
 * Format, numbers little-endian: "ENOMEMD1", SHA-256 of the old file, length of the new one (u32), then until that is reached
 * { u32 length of new bytes, u32 place in the old file, u32 length of a stretch that is alike, the new bytes, the differences }.
 */
import { createHash } from "node:crypto";
import { InputError } from "./input-error.ts";
import { LARGEST_MEMORY } from "./memory-size.ts";

const MAGIC = "ENOMEMD1";
const HEADER = MAGIC.length + 32 + 4;
const RECORD = 12;
/** Stretches begin with so many equal bytes. */
const SEED = 24;
/** A stretch goes on while so many of the last WINDOW bytes are equal. */
const WINDOW = 64;
const EQUAL_IN_WINDOW = 40;

const digest = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

interface Stretch {
  readonly from: number;
  readonly length: number;
}

/** How far `old` from `from` and `target` from `at` are alike. */
function alike(old: Uint8Array, from: number, target: Uint8Array, at: number): number {
  const most = Math.min(old.length - from, target.length - at);
  let equal = 0;
  let length = 0;
  let end = 0;
  for (; length < most; length++) {
    if (old[from + length] === target[at + length]) {
      equal++;
      end = length + 1;
    }
    if (length < WINDOW) continue;
    if (old[from + length - WINDOW] === target[at + length - WINDOW]) equal--;
    if (equal < EQUAL_IN_WINDOW) break;
  }
  return end;
}

/** The places in `old` of every SEED bytes that begin at a multiple of four. */
function index(old: Buffer): Map<string, number> {
  const places = new Map<string, number>();
  for (let at = 0; at + SEED <= old.length; at += 4) {
    const key = old.toString("latin1", at, at + SEED);
    if (!places.has(key)) places.set(key, at);
  }
  return places;
}

/** What {@link applyDelta} needs to make `target` of `old`. The same for the same files. */
export function makeDelta(oldBytes: Uint8Array, targetBytes: Uint8Array): Uint8Array {
  const old = Buffer.from(oldBytes.buffer, oldBytes.byteOffset, oldBytes.length);
  const target = Buffer.from(targetBytes.buffer, targetBytes.byteOffset, targetBytes.length);
  const places = index(old);
  const header = Buffer.alloc(HEADER);
  header.write(MAGIC, "latin1");
  digest(old).copy(header, MAGIC.length);
  header.writeUInt32LE(target.length, HEADER - 4);
  const parts: Uint8Array[] = [header];
  let literal = 0;
  /** Where the next byte would come from if the last stretch went on. */
  let shift = 0;
  const put = (end: number, { from, length }: Stretch): void => {
    const record = Buffer.alloc(RECORD);
    record.writeUInt32LE(end - literal, 0);
    record.writeUInt32LE(from, 4);
    record.writeUInt32LE(length, 8);
    const differences = new Uint8Array(length);
    for (let i = 0; i < length; i++) differences[i] = (target[end + i] ?? 0) - (old[from + i] ?? 0);
    parts.push(record, target.subarray(literal, end), differences);
    literal = end + length;
    shift = from - end;
  };
  let at = 0;
  while (at + SEED <= target.length) {
    const straight = at + shift;
    const goesOn =
      straight >= 0 &&
      straight + SEED <= old.length &&
      target.compare(old, straight, straight + SEED, at, at + SEED) === 0;
    const from = goesOn ? straight : places.get(target.toString("latin1", at, at + SEED));
    if (from === undefined) {
      at++;
      continue;
    }
    const length = alike(old, from, target, at);
    put(at, { from, length });
    at += length;
  }
  if (literal < target.length) put(target.length, { from: 0, length: 0 });
  return Buffer.concat(parts);
}

/** Makes the new file. Throws InputError, with `name`, if the delta is damaged or is for another file than `old`. */
export function applyDelta(old: Uint8Array, deltaBytes: Uint8Array, name: string): Uint8Array {
  const delta = Buffer.from(deltaBytes.buffer, deltaBytes.byteOffset, deltaBytes.length);
  if (delta.length < HEADER || delta.toString("latin1", 0, MAGIC.length) !== MAGIC)
    throw new InputError(`${name}: not a delta: it does not begin with ${MAGIC}`);
  if (!delta.subarray(MAGIC.length, MAGIC.length + 32).equals(digest(old)))
    throw new InputError(`${name}: this delta is for another base; build both images again`);
  const length = delta.readUInt32LE(HEADER - 4);
  if (length > LARGEST_MEMORY)
    throw new InputError(`${name}: makes ${length} bytes, expected at most ${LARGEST_MEMORY}`);
  const target = Buffer.alloc(length);
  let read = HEADER;
  let written = 0;
  while (written < target.length) {
    if (read + RECORD > delta.length) throw new InputError(`${name}: the delta is cut off`);
    const literal = delta.readUInt32LE(read);
    const from = delta.readUInt32LE(read + 4);
    const length = delta.readUInt32LE(read + 8);
    read += RECORD;
    if (
      read + literal + length > delta.length ||
      from + length > old.length ||
      written + literal + length > target.length
    )
      throw new InputError(`${name}: the delta is damaged`);
    delta.copy(target, written, read, read + literal);
    read += literal;
    written += literal;
    for (let i = 0; i < length; i++) target[written + i] = (old[from + i] ?? 0) + (delta[read + i] ?? 0);
    read += length;
    written += length;
  }
  return target;
}
