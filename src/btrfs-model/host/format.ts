/**
 * The on-disk format of btrfs as far as the reader needs it: key types, tree numbers, superblock, tree block headers,
 * chunks. Offsets are bytes from the start of the structure; everything is little-endian.
 */

/** Where the superblock and its mirrors are, in bytes. */
export const superblockOffsets = [0x1_0000, 0x400_0000, 0x40_0000_0000] as const;
export const superblockSize = 4096;
export const superblockMagic = "_BHRfS_M";
export const checksumFieldSize = 32;
export const treeBlockHeaderSize = 101;
export const leafItemSize = 25;
export const nodePointerSize = 33;

/** Tree numbers (object ids of ROOT_ITEMs). */
export const treeId = {
  root: 1n,
  extent: 2n,
  chunk: 3n,
  device: 4n,
  filesystem: 5n,
  checksum: 7n,
  uuid: 9n,
  freeSpace: 10n,
  dataRelocation: BigInt.asUintN(64, -9n),
} as const;

/** Item key types. */
export const keyType = {
  inodeItem: 1,
  inodeRef: 12,
  dirItem: 84,
  dirIndex: 96,
  extentData: 108,
  extentChecksum: 128,
  rootItem: 132,
  extentItem: 168,
  metadataItem: 169,
  blockGroupItem: 192,
  deviceExtent: 204,
  deviceItem: 216,
  chunkItem: 228,
} as const;

/** The object id under which data checksums are kept. */
export const checksumObjectId = BigInt.asUintN(64, -10n);
export const rootDirectoryObjectId = 256n;

export interface Key {
  readonly objectId: bigint;
  readonly type: number;
  readonly offset: bigint;
}

/** Orders keys as the trees do: by object id, type, offset. */
export function compareKeys(a: Key, b: Key): number {
  if (a.objectId !== b.objectId) return a.objectId < b.objectId ? -1 : 1;
  if (a.type !== b.type) return a.type - b.type;
  if (a.offset !== b.offset) return a.offset < b.offset ? -1 : 1;
  return 0;
}

export const showKey = (key: Key): string => `(${key.objectId} ${key.type} ${key.offset})`;

/** A DataView on the same bytes. */
export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Reads the 17-byte disk key at `offset`. */
export function readKey(view: DataView, offset: number): Key {
  return {
    objectId: view.getBigUint64(offset, true),
    type: view.getUint8(offset + 8),
    offset: view.getBigUint64(offset + 9, true),
  };
}

/** Offsets of superblock fields that the reader and the editor use. */
export const superblockField = {
  checksum: 0,
  fsid: 0x20,
  bytenr: 0x30,
  flags: 0x38,
  magic: 0x40,
  generation: 0x48,
  root: 0x50,
  chunkRoot: 0x58,
  logRoot: 0x60,
  totalBytes: 0x70,
  bytesUsed: 0x78,
  rootDirectory: 0x80,
  deviceCount: 0x88,
  sectorSize: 0x90,
  nodeSize: 0x94,
  leafSize: 0x98,
  stripeSize: 0x9c,
  systemChunkArraySize: 0xa0,
  chunkRootGeneration: 0xa4,
  compat: 0xac,
  compatRo: 0xb4,
  incompat: 0xbc,
  checksumType: 0xc4,
  rootLevel: 0xc6,
  chunkRootLevel: 0xc7,
  logRootLevel: 0xc8,
  deviceItem: 0xc9,
  label: 0x12b,
  systemChunkArray: 0x32b,
  backupRoots: 0xb2b,
} as const;

export interface Superblock {
  readonly fsid: Uint8Array;
  readonly bytenr: bigint;
  readonly generation: bigint;
  readonly root: bigint;
  readonly rootLevel: number;
  readonly chunkRoot: bigint;
  readonly chunkRootLevel: number;
  readonly totalBytes: bigint;
  readonly bytesUsed: bigint;
  readonly sectorSize: number;
  readonly nodeSize: number;
  readonly incompat: bigint;
  readonly compatRo: bigint;
  readonly checksumType: number;
  readonly label: string;
  readonly deviceId: bigint;
  readonly deviceUuid: Uint8Array;
  readonly systemChunkArray: Uint8Array;
}

const zeroTerminated = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
};

/** Parses the 4096 bytes of a superblock. Throws when the magic is wrong or the chunk array cannot be right. */
export function parseSuperblock(bytes: Uint8Array): Superblock {
  const view = viewOf(bytes);
  const field = superblockField;
  const magic = new TextDecoder("latin1").decode(bytes.subarray(field.magic, field.magic + 8));
  if (magic !== superblockMagic) throw new BtrfsError(`superblock: magic is ${JSON.stringify(magic)}, not btrfs`);
  const arraySize = view.getUint32(field.systemChunkArraySize, true);
  if (arraySize > 2048) throw new BtrfsError(`superblock: system chunk array of ${arraySize} bytes, at most 2048 fit`);
  return {
    fsid: bytes.slice(field.fsid, field.fsid + 16),
    bytenr: view.getBigUint64(field.bytenr, true),
    generation: view.getBigUint64(field.generation, true),
    root: view.getBigUint64(field.root, true),
    rootLevel: view.getUint8(field.rootLevel),
    chunkRoot: view.getBigUint64(field.chunkRoot, true),
    chunkRootLevel: view.getUint8(field.chunkRootLevel),
    totalBytes: view.getBigUint64(field.totalBytes, true),
    bytesUsed: view.getBigUint64(field.bytesUsed, true),
    sectorSize: view.getUint32(field.sectorSize, true),
    nodeSize: view.getUint32(field.nodeSize, true),
    incompat: view.getBigUint64(field.incompat, true),
    compatRo: view.getBigUint64(field.compatRo, true),
    checksumType: view.getUint16(field.checksumType, true),
    label: zeroTerminated(bytes.subarray(field.label, field.label + 256)),
    deviceId: view.getBigUint64(field.deviceItem, true),
    deviceUuid: bytes.slice(field.deviceItem + 66, field.deviceItem + 82),
    systemChunkArray: bytes.slice(field.systemChunkArray, field.systemChunkArray + arraySize),
  };
}

export interface TreeBlockHeader {
  readonly fsid: Uint8Array;
  readonly bytenr: bigint;
  readonly flags: bigint;
  readonly generation: bigint;
  readonly owner: bigint;
  readonly itemCount: number;
  readonly level: number;
}

export function parseTreeBlockHeader(block: Uint8Array): TreeBlockHeader {
  const view = viewOf(block);
  return {
    fsid: block.slice(32, 48),
    bytenr: view.getBigUint64(48, true),
    flags: view.getBigUint64(56, true),
    generation: view.getBigUint64(80, true),
    owner: view.getBigUint64(88, true),
    itemCount: view.getUint32(96, true),
    level: view.getUint8(100),
  };
}

/** Block group type and profile bits of chunks. */
export const profile = {
  data: 1n,
  system: 2n,
  metadata: 4n,
  raid0: 8n,
  raid1: 16n,
  duplicate: 32n,
  raid10: 64n,
  raid5: 128n,
  raid6: 256n,
} as const;
/** Profiles whose every stripe holds the whole chunk. */
const mirrored = profile.raid1 | profile.duplicate;
const unsupported = profile.raid0 | profile.raid10 | profile.raid5 | profile.raid6;

export interface Chunk {
  readonly logical: bigint;
  readonly length: bigint;
  readonly type: bigint;
  readonly stripes: readonly { readonly deviceId: bigint; readonly offset: bigint; readonly deviceUuid: Uint8Array }[];
}

/** Parses a CHUNK_ITEM; also returns its size, because the system chunk array packs them without a length. */
export function parseChunk(logical: bigint, bytes: Uint8Array): { chunk: Chunk; size: number } {
  const view = viewOf(bytes);
  if (bytes.length < 80) throw new BtrfsError(`chunk ${logical}: item of ${bytes.length} bytes is too short`);
  const stripeCount = view.getUint16(44, true);
  const size = 48 + 32 * stripeCount;
  if (stripeCount === 0 || bytes.length < size)
    throw new BtrfsError(`chunk ${logical}: ${stripeCount} stripes do not fit in ${bytes.length} bytes`);
  const type = view.getBigUint64(24, true);
  if ((type & unsupported) !== 0n || ((type & mirrored) === 0n && stripeCount > 1))
    throw new BtrfsError(`chunk ${logical}: profile 0x${type.toString(16)} is not supported`);
  const stripes = Array.from({ length: stripeCount }, (_, i) => ({
    deviceId: view.getBigUint64(48 + 32 * i, true),
    offset: view.getBigUint64(56 + 32 * i, true),
    deviceUuid: bytes.slice(64 + 32 * i, 80 + 32 * i),
  }));
  return { chunk: { logical, length: view.getBigUint64(0, true), type, stripes }, size };
}

/** What is wrong with an image, in words. */
export class BtrfsError extends Error {
  override readonly name = "BtrfsError";
}
