/**
 * A btrfs volume on one device: superblock, map from logical addresses to places on the device, tree blocks with every
 * check that needs no other block, and walks through trees. Independent of the kernel's C code, so that each can judge
 * the other.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { type ChecksumAlgorithm, checksumAlgorithms } from "./checksums.ts";
import {
  BtrfsError,
  type Chunk,
  checksumFieldSize,
  compareKeys,
  type Key,
  keyType,
  leafItemSize,
  nodePointerSize,
  parseChunk,
  parseSuperblock,
  parseTreeBlockHeader,
  readKey,
  type Superblock,
  showKey,
  superblockOffsets,
  superblockSize,
  type TreeBlockHeader,
  treeBlockHeaderSize,
  treeId,
  viewOf,
} from "./format.ts";

/** Bytes of a device, wherever they are. */
export interface ImageSource {
  readonly size: number;
  /** A copy of `length` bytes from `offset`; throws when they reach past the end. */
  read(offset: number, length: number): Uint8Array;
}

/** An image held in memory. */
export class MemoryImage implements ImageSource {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
  get size(): number {
    return this.bytes.length;
  }
  read(offset: number, length: number): Uint8Array {
    if (offset < 0 || offset + length > this.bytes.length)
      throw new BtrfsError(`read of ${length} bytes at ${offset} is outside the image of ${this.bytes.length} bytes`);
    return this.bytes.slice(offset, offset + length);
  }
}

/** An image in a file, read where it is needed (sparse files of many gigabytes cost nothing). */
export class FileImage implements ImageSource {
  readonly size: number;
  readonly #descriptor: number;
  constructor(path: string) {
    this.#descriptor = openSync(path, "r");
    this.size = fstatSync(this.#descriptor).size;
  }
  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    if (offset < 0 || readSync(this.#descriptor, bytes, 0, length, offset) !== length)
      throw new BtrfsError(`read of ${length} bytes at ${offset} is outside the image of ${this.size} bytes`);
    return bytes;
  }
  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Loads an image file whole; gzip-compressed ones are recognised by their first bytes. */
export function loadImage(path: string): MemoryImage {
  const bytes = readFileSync(path);
  return new MemoryImage(new Uint8Array(bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes));
}

export interface Item {
  readonly key: Key;
  readonly data: Uint8Array;
}

export interface TreeBlock {
  readonly header: TreeBlockHeader;
  readonly bytes: Uint8Array;
}

/** Where a tree starts. */
export interface Root {
  readonly owner: bigint;
  readonly bytenr: bigint;
  readonly level: number;
  readonly generation: bigint;
}

const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

export class Volume {
  readonly image: ImageSource;
  readonly superblock: Superblock;
  readonly checksum: ChecksumAlgorithm;
  readonly chunks: Chunk[] = [];
  readonly rootTree: Root;
  readonly chunkTree: Root;
  /** Blocks that passed every check. An image that is edited needs a new volume. */
  readonly #cache = new Map<bigint, TreeBlock>();

  /** Reads the superblock (mirror 0 unless told otherwise) and the chunk tree. Throws BtrfsError. */
  constructor(image: ImageSource, mirror: 0 | 1 | 2 = 0) {
    this.image = image;
    const bytes = image.read(superblockOffsets[mirror], superblockSize);
    const superblock = parseSuperblock(bytes);
    const algorithm = checksumAlgorithms.find((candidate) => candidate.type === superblock.checksumType);
    if (algorithm === undefined)
      throw new BtrfsError(`superblock: checksum type ${superblock.checksumType} is unknown`);
    if (!checksumMatches(algorithm, bytes)) throw new BtrfsError("superblock: wrong checksum");
    const { sectorSize, nodeSize } = superblock;
    const powerOfTwo = (value: number): boolean => value > 0 && (value & (value - 1)) === 0;
    if (
      !powerOfTwo(sectorSize) ||
      sectorSize < 4096 ||
      !powerOfTwo(nodeSize) ||
      nodeSize < sectorSize ||
      nodeSize > 65536
    )
      throw new BtrfsError(`superblock: sector size ${sectorSize}, node size ${nodeSize}`);
    this.superblock = superblock;
    this.checksum = algorithm;
    const { generation } = superblock;
    this.rootTree = { owner: treeId.root, bytenr: superblock.root, level: superblock.rootLevel, generation };
    this.chunkTree = {
      owner: treeId.chunk,
      bytenr: superblock.chunkRoot,
      level: superblock.chunkRootLevel,
      generation,
    };
    this.#readSystemChunks();
    for (const { key, data } of this.items(this.chunkTree))
      if (key.type === keyType.chunkItem) this.#addChunk(parseChunk(key.offset, data).chunk);
  }

  #addChunk(chunk: Chunk): void {
    if (!this.chunks.some((known) => known.logical === chunk.logical)) this.chunks.push(chunk);
  }

  #readSystemChunks(): void {
    const array = this.superblock.systemChunkArray;
    for (let position = 0; position < array.length; ) {
      if (position + 17 > array.length) throw new BtrfsError("superblock: system chunk array ends inside a key");
      const key = readKey(viewOf(array), position);
      if (key.type !== keyType.chunkItem) throw new BtrfsError(`superblock: key ${showKey(key)} in system chunk array`);
      const { chunk, size } = parseChunk(key.offset, array.subarray(position + 17));
      this.#addChunk(chunk);
      position += 17 + size;
    }
  }

  /** Places on the device of `length` bytes at a logical address, one a mirror. Throws where nothing is mapped. */
  physicalAddresses(logical: bigint, length: number): number[] {
    for (const chunk of this.chunks)
      if (logical >= chunk.logical && logical + BigInt(length) <= chunk.logical + chunk.length)
        return chunk.stripes.map((stripe) => Number(stripe.offset + logical - chunk.logical));
    throw new BtrfsError(`logical ${logical}, length ${length}: no chunk maps it`);
  }

  /** Reads and checks a tree block, trying each mirror. */
  readTreeBlock(bytenr: bigint, expected: { level?: number; owner?: bigint } = {}): TreeBlock {
    const cached = this.#cache.get(bytenr);
    if (cached !== undefined && (expected.level ?? cached.header.level) === cached.header.level) return cached;
    let failure: unknown;
    for (const address of this.physicalAddresses(bytenr, this.superblock.nodeSize)) {
      try {
        const block = this.checkTreeBlock(this.image.read(address, this.superblock.nodeSize), bytenr, expected);
        this.#cache.set(bytenr, block);
        return block;
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  /** Checks one copy of a tree block: checksum, place, file system, level, and that every item lies inside. */
  checkTreeBlock(bytes: Uint8Array, bytenr: bigint, expected: { level?: number; owner?: bigint } = {}): TreeBlock {
    const fail = (what: string): never => {
      throw new BtrfsError(`tree block ${bytenr}: ${what}`);
    };
    const { nodeSize, fsid } = this.superblock;
    if (!checksumMatches(this.checksum, bytes)) fail("wrong checksum");
    const header = parseTreeBlockHeader(bytes);
    if (header.bytenr !== bytenr) fail(`says that it is block ${header.bytenr}`);
    if (!equalBytes(header.fsid, fsid)) fail("belongs to another file system");
    if (header.level >= 8) fail(`level ${header.level}`);
    if (expected.level !== undefined && header.level !== expected.level)
      fail(`level ${header.level}, parent says ${expected.level}`);
    if (expected.owner !== undefined && header.owner !== expected.owner)
      fail(`owner ${header.owner}, not ${expected.owner}`);
    const view = viewOf(bytes);
    const room = nodeSize - treeBlockHeaderSize;
    const stride = header.level === 0 ? leafItemSize : nodePointerSize;
    if (header.itemCount * stride > room) fail(`${header.itemCount} items do not fit`);
    if (header.level > 0 && header.itemCount === 0) fail("node without pointers");
    let previous: Key | undefined;
    let end = room;
    for (let i = 0; i < header.itemCount; i++) {
      const at = treeBlockHeaderSize + i * stride;
      const key = readKey(view, at);
      if (previous !== undefined && compareKeys(previous, key) >= 0)
        fail(`keys out of order: ${showKey(previous)} before ${showKey(key)}`);
      previous = key;
      if (header.level > 0) continue;
      const offset = view.getUint32(at + 17, true);
      const size = view.getUint32(at + 21, true);
      if (offset + size !== end) fail(`item ${i}: data ends at ${offset + size}, expected ${end}`);
      end = offset;
      if (offset < header.itemCount * leafItemSize) fail(`item ${i}: data overlaps the item headers`);
    }
    return { header, bytes };
  }

  /** Items of a leaf. */
  *leafItems(leaf: TreeBlock): Generator<Item> {
    const view = viewOf(leaf.bytes);
    for (let i = 0; i < leaf.header.itemCount; i++) {
      const at = treeBlockHeaderSize + i * leafItemSize;
      const start = treeBlockHeaderSize + view.getUint32(at + 17, true);
      yield { key: readKey(view, at), data: leaf.bytes.subarray(start, start + view.getUint32(at + 21, true)) };
    }
  }

  /** Every block of a tree, parents first. */
  *blocks(root: Root): Generator<TreeBlock> {
    const block = this.readTreeBlock(root.bytenr, { level: root.level });
    yield block;
    for (const child of this.#pointers(block))
      yield* this.blocks({ ...root, bytenr: child.bytenr, level: root.level - 1 });
  }

  *#pointers(block: TreeBlock): Generator<{ key: Key; bytenr: bigint }> {
    if (block.header.level === 0) return;
    const view = viewOf(block.bytes);
    for (let i = 0; i < block.header.itemCount; i++) {
      const at = treeBlockHeaderSize + i * nodePointerSize;
      yield { key: readKey(view, at), bytenr: view.getBigUint64(at + 17, true) };
    }
  }

  /** Items of a tree in key order, from the first at or after `from`. */
  *items(root: Root, from: Key = { objectId: 0n, type: 0, offset: 0n }): Generator<Item> {
    const block = this.readTreeBlock(root.bytenr, { level: root.level });
    if (root.level === 0) {
      for (const item of this.leafItems(block)) if (compareKeys(item.key, from) >= 0) yield item;
      return;
    }
    const pointers = [...this.#pointers(block)];
    for (const [i, pointer] of pointers.entries()) {
      const next = pointers[i + 1];
      if (next !== undefined && compareKeys(next.key, from) <= 0) continue;
      yield* this.items({ ...root, bytenr: pointer.bytenr, level: root.level - 1 }, from);
    }
  }

  /** Items of one object, optionally of one type. */
  *itemsOf(root: Root, objectId: bigint, type?: number): Generator<Item> {
    for (const item of this.items(root, { objectId, type: type ?? 0, offset: 0n })) {
      if (item.key.objectId !== objectId || (type !== undefined && item.key.type !== type)) return;
      yield item;
    }
  }

  /** All trees that the root tree names, and the root tree and chunk tree themselves. */
  *roots(): Generator<Root> {
    yield this.rootTree;
    yield this.chunkTree;
    for (const { key, data } of this.items(this.rootTree))
      if (key.type === keyType.rootItem) {
        if (data.length < 239) throw new BtrfsError(`root item ${key.objectId}: ${data.length} bytes are too few`);
        const view = viewOf(data);
        yield {
          owner: key.objectId,
          bytenr: view.getBigUint64(176, true),
          level: view.getUint8(238),
          generation: view.getBigUint64(160, true),
        };
      }
  }

  /** The tree with this number. Throws when the root tree does not name it. */
  root(owner: bigint): Root {
    for (const root of this.roots()) if (root.owner === owner) return root;
    throw new BtrfsError(`tree ${owner} is missing from the root tree`);
  }
}

/** Whether the checksum field at the start of a block matches the rest of it. */
export function checksumMatches(algorithm: ChecksumAlgorithm, block: Uint8Array): boolean {
  const sum = algorithm.compute(block.subarray(checksumFieldSize));
  return equalBytes(sum, block.subarray(0, algorithm.size));
}
