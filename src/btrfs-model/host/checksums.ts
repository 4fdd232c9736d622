/**
 * The four checksums of btrfs: crc32c, xxhash64, SHA-256 and BLAKE2b-256. Each gives the bytes as they are stored on disk
 * (little-endian numbers), without the zero padding of the 32-byte checksum field.
 * Sources: RFC 3720 B.4 (crc32c), the xxHash specification, FIPS 180-4, RFC 7693.
 */
import { createHash } from "node:crypto";

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

/** The bare crc32c step without inversions: `seed` in, register out. Name hashes of btrfs use it with seed 0xfffffffe. */
export function crc32cRaw(seed: number, data: Uint8Array): number {
  let crc = seed >>> 0;
  for (const byte of data) crc = (crcTable[(crc ^ byte) & 0xff] ^ (crc >>> 8)) >>> 0;
  return crc;
}

/** The key offset of a DIR_ITEM for a name. */
export const nameHash = (name: Uint8Array): number => crc32cRaw(0xfffffffe, name);

const mask64 = (1n << 64n) - 1n;
const rotateLeft = (value: bigint, count: bigint): bigint => ((value << count) | (value >> (64n - count))) & mask64;
const prime1 = 0x9e3779b185ebca87n;
const prime2 = 0xc2b2ae3d27d4eb4fn;
const prime3 = 0x165667b19e3779f9n;
const prime4 = 0x85ebca77c2b2ae63n;
const prime5 = 0x27d4eb2f165667c5n;

/** xxHash64 with seed 0. */
export function xxhash64(data: Uint8Array): bigint {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const round = (lane: bigint, input: bigint): bigint =>
    (rotateLeft((lane + input * prime2) & mask64, 31n) * prime1) & mask64;
  let position = 0;
  let hash: bigint;
  if (data.length >= 32) {
    const lanes = [(prime1 + prime2) & mask64, prime2, 0n, -prime1 & mask64];
    for (; position + 32 <= data.length; position += 32)
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i], view.getBigUint64(position + i * 8, true));
    hash = [1n, 7n, 12n, 18n].reduce((sum, count, i) => sum + rotateLeft(lanes[i], count), 0n) & mask64;
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * prime1 + prime4) & mask64;
  } else hash = prime5;
  hash = (hash + BigInt(data.length)) & mask64;
  for (; position + 8 <= data.length; position += 8)
    hash = (rotateLeft(hash ^ round(0n, view.getBigUint64(position, true)), 27n) * prime1 + prime4) & mask64;
  if (position + 4 <= data.length) {
    hash =
      (rotateLeft(hash ^ ((BigInt(view.getUint32(position, true)) * prime1) & mask64), 23n) * prime2 + prime3) & mask64;
    position += 4;
  }
  for (; position < data.length; position++)
    hash = (rotateLeft(hash ^ ((BigInt(data[position]) * prime5) & mask64), 11n) * prime1) & mask64;
  hash = ((hash ^ (hash >> 33n)) * prime2) & mask64;
  hash = ((hash ^ (hash >> 29n)) * prime3) & mask64;
  return hash ^ (hash >> 32n);
}

const blakeIv = BigUint64Array.of(
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
);
const blakeSigma = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];
const blakeColumns = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
];

/** BLAKE2b with a 32-byte digest and no key. */
export function blake2b256(data: Uint8Array): Uint8Array {
  const h = BigUint64Array.from(blakeIv);
  h[0] ^= 0x01010020n;
  const block = new Uint8Array(128);
  const words = new BigUint64Array(block.buffer);
  const v = new BigUint64Array(16);
  for (let position = 0; position === 0 || position < data.length; position += 128) {
    const chunk = data.subarray(position, position + 128);
    const last = position + 128 >= data.length;
    block.fill(0);
    block.set(chunk);
    v.set(h);
    v.set(blakeIv, 8);
    v[12] ^= BigInt(position + chunk.length);
    if (last) v[14] ^= mask64;
    for (let round = 0; round < 12; round++) {
      const order = blakeSigma[round % 10];
      for (let i = 0; i < 8; i++) {
        const [a, b, c, d] = blakeColumns[i];
        v[a] = v[a] + v[b] + words[order[2 * i]];
        v[d] = rotateLeft(v[d] ^ v[a], 32n);
        v[c] = v[c] + v[d];
        v[b] = rotateLeft(v[b] ^ v[c], 40n);
        v[a] = v[a] + v[b] + words[order[2 * i + 1]];
        v[d] = rotateLeft(v[d] ^ v[a], 48n);
        v[c] = v[c] + v[d];
        v[b] = rotateLeft(v[b] ^ v[c], 1n);
      }
    }
    for (let i = 0; i < 8; i++) h[i] ^= v[i] ^ v[i + 8];
    if (last) break;
  }
  return new Uint8Array(h.buffer, 0, 32).slice();
}

/** A checksum algorithm: the superblock's `csum_type`, its name in messages, its size in bytes. */
export interface ChecksumAlgorithm {
  readonly type: number;
  readonly name: string;
  readonly size: number;
  compute(data: Uint8Array): Uint8Array;
}

const littleEndian = (value: bigint, size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));

export const checksumAlgorithms: readonly ChecksumAlgorithm[] = [
  {
    type: 0,
    name: "crc32c",
    size: 4,
    compute: (data) => littleEndian(BigInt((crc32cRaw(0xffffffff, data) ^ 0xffffffff) >>> 0), 4),
  },
  { type: 1, name: "xxhash64", size: 8, compute: (data) => littleEndian(xxhash64(data), 8) },
  { type: 2, name: "sha256", size: 32, compute: (data) => new Uint8Array(createHash("sha256").update(data).digest()) },
  { type: 3, name: "blake2b", size: 32, compute: blake2b256 },
];
