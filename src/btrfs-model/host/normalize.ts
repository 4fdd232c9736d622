/**
 * Makes an image that mkfs.btrfs wrote the same on every run: fixed times, UUIDs and owners, inodes numbered from 257 in
 * the order of the numbers they had, zeros where mkfs leaves memory uninitialised and where nothing refers to (mkfs
 * abandons blocks as it builds the file system). The tree shapes are not touched, so the order in which mkfs saw the
 * files must be the same.
 */
import { editSuperblock, editTreeBlock } from "./edit.ts";
import {
  keyType,
  leafItemSize,
  nodePointerSize,
  parseChunk,
  readKey,
  rootDirectoryObjectId,
  superblockField,
  superblockOffsets,
  superblockSize,
  treeBlockHeaderSize,
  treeId,
  viewOf,
} from "./format.ts";
import { type MemoryImage, type Root, type TreeBlock, Volume } from "./volume.ts";

const uuidKey = 251;
const extentDataRef = 178;
const dataExtentFlag = 1n;

export interface Identity {
  readonly deviceUuid: Uint8Array;
  readonly chunkTreeUuid: Uint8Array;
  readonly subvolumeUuid: Uint8Array;
  /** Seconds since 1970 of every time stamp. */
  readonly time: bigint;
}

const writeTime = (view: DataView, offset: number, time: bigint): void => {
  view.setBigUint64(offset, time, true);
  view.setUint32(offset + 8, 0, true);
};

class Normalizer {
  readonly image: MemoryImage;
  readonly identity: Identity;
  readonly volume: Volume;
  /** Old inode number to new, for all but the top directory. */
  readonly inodes = new Map<bigint, bigint>();

  constructor(image: MemoryImage, identity: Identity) {
    this.image = image;
    this.identity = identity;
    this.volume = new Volume(image);
    let next = rootDirectoryObjectId + 1n;
    for (const { key } of this.volume.items(this.volume.root(treeId.filesystem)))
      if (key.type === keyType.inodeItem && key.objectId > rootDirectoryObjectId) this.inodes.set(key.objectId, next++);
  }

  run(): void {
    // Every block is found before any is changed: the walk itself reads keys.
    const blocks: { root: Root; block: TreeBlock }[] = [];
    for (const root of this.volume.roots()) for (const block of this.volume.blocks(root)) blocks.push({ root, block });
    for (const { root, block } of blocks)
      editTreeBlock(this.image, block.header.bytenr, (view, bytes) => this.#block(root, view, bytes));
    editSuperblock(this.image, (view, bytes) => this.#superblock(view, bytes));
    this.#clearUnused(blocks.map(({ block }) => block.header.bytenr));
  }

  /** Zeroes all but superblocks, the tree blocks given and data extents. */
  #clearUnused(blocks: readonly bigint[]): void {
    const used: { offset: number; length: number }[] = superblockOffsets.map((offset) => ({
      offset,
      length: superblockSize,
    }));
    const keep = (logical: bigint, length: number): void => {
      for (const offset of this.volume.physicalAddresses(logical, length)) used.push({ offset, length });
    };
    for (const bytenr of blocks) keep(bytenr, this.volume.superblock.nodeSize);
    for (const { key, data } of this.volume.items(this.volume.root(treeId.extent)))
      if (key.type === keyType.extentItem && (viewOf(data).getBigUint64(16, true) & dataExtentFlag) !== 0n)
        keep(key.objectId, Number(key.offset));
    const kept = used.filter(({ offset }) => offset < this.image.size).sort((a, b) => a.offset - b.offset);
    let end = 0;
    for (const { offset, length } of kept) {
      if (offset > end) this.image.bytes.fill(0, end, offset);
      end = Math.max(end, offset + length);
    }
    this.image.bytes.fill(0, end);
  }

  #renumber(view: DataView, offset: number): void {
    const renumbered = this.inodes.get(view.getBigUint64(offset, true));
    if (renumbered !== undefined) view.setBigUint64(offset, renumbered, true);
  }

  #block(root: Root, view: DataView, bytes: Uint8Array): void {
    bytes.set(this.identity.chunkTreeUuid, 64);
    const level = view.getUint8(100);
    const stride = level === 0 ? leafItemSize : nodePointerSize;
    const isFiles = root.owner === treeId.filesystem;
    // What lies between headers and data is left over from items that moved to another block.
    const count = view.getUint32(96, true);
    const headersEnd = treeBlockHeaderSize + count * stride;
    const lowestData =
      level === 0 && count > 0 ? treeBlockHeaderSize + view.getUint32(headersEnd - 8, true) : bytes.length;
    bytes.fill(0, headersEnd, lowestData);
    for (let i = 0; i < count; i++) {
      const at = treeBlockHeaderSize + i * stride;
      if (isFiles) this.#renumber(view, at);
      const { type } = readKey(view, at);
      if (isFiles && type === keyType.inodeRef) this.#renumber(view, at + 9);
      if (level > 0) continue;
      const start = treeBlockHeaderSize + view.getUint32(at + 17, true);
      const data = bytes.subarray(start, start + view.getUint32(at + 21, true));
      if (type === uuidKey) {
        const uuid = viewOf(this.identity.subvolumeUuid);
        view.setBigUint64(at, uuid.getBigUint64(0, true), true);
        view.setBigUint64(at + 9, uuid.getBigUint64(8, true), true);
      } else this.#item(type, data);
    }
  }

  #item(type: number, data: Uint8Array): void {
    const view = viewOf(data);
    const { deviceUuid, chunkTreeUuid, subvolumeUuid, time } = this.identity;
    switch (type) {
      case keyType.inodeItem:
        view.setBigUint64(44, 0n, true); // owner and group
        for (const offset of [112, 124, 136, 148]) writeTime(view, offset, time);
        break;
      case keyType.dirItem:
      case keyType.dirIndex:
        for (let position = 0; position < data.length; ) {
          if (view.getUint8(position + 8) === keyType.inodeItem) this.#renumber(view, position);
          view.setBigUint64(position + 17, 0n, true);
          position += 30 + view.getUint16(position + 25, true) + view.getUint16(position + 27, true);
        }
        break;
      case keyType.rootItem:
        // Trees that are not subvolumes have neither UUID nor times.
        if (data.subarray(247, 263).some((byte) => byte !== 0)) {
          data.set(subvolumeUuid, 247);
          for (const offset of [327, 339]) writeTime(view, offset, time);
        }
        break;
      case keyType.chunkItem:
        this.#chunk(data);
        break;
      case keyType.deviceItem:
        data.set(deviceUuid, 66);
        break;
      case keyType.deviceExtent:
        data.set(chunkTreeUuid, 32);
        break;
      case keyType.extentItem:
        // Header of 24 bytes, then one inline reference: type, root, object id, offset, count.
        if (data.length >= 53 && view.getUint8(24) === extentDataRef) this.#renumber(view, 33);
        break;
    }
  }

  #chunk(data: Uint8Array): number {
    const { chunk, size } = parseChunk(0n, data);
    for (const i of chunk.stripes.keys()) data.set(this.identity.deviceUuid, 64 + 32 * i);
    return size;
  }

  #superblock(view: DataView, bytes: Uint8Array): void {
    bytes.set(this.identity.deviceUuid, superblockField.deviceItem + 66);
    const end = superblockField.systemChunkArray + view.getUint32(superblockField.systemChunkArraySize, true);
    for (let position: number = superblockField.systemChunkArray; position < end; )
      position += 17 + this.#chunk(bytes.subarray(position + 17, end));
    bytes.fill(0, end, superblockField.backupRoots);
  }
}

/** Changes the image in place. */
export function normalizeImage(image: MemoryImage, identity: Identity): void {
  new Normalizer(image, identity).run();
}
