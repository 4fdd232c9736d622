/**
 * Files of a volume: inodes, directories, extents, checksums of their data. Subvolumes are followed as directories.
 */
import { nameHash } from "./checksums.ts";
import { BtrfsError, checksumObjectId, keyType, readKey, rootDirectoryObjectId, treeId, viewOf } from "./format.ts";
import type { Root, Volume } from "./volume.ts";

export interface Inode {
  readonly root: Root;
  readonly number: bigint;
  readonly size: number;
  readonly mode: number;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  readonly device: bigint;
  /** Seconds and nanoseconds. */
  readonly modified: { readonly seconds: bigint; readonly nanoseconds: number };
}

export interface DirectoryEntry {
  readonly name: string;
  readonly index: bigint;
  readonly type: number;
  /** In which tree and under which number the entry's inode is. */
  readonly root: Root;
  readonly inode: bigint;
}

export interface Extent {
  readonly fileOffset: number;
  readonly length: number;
  readonly kind: "inline" | "regular" | "hole" | "preallocated";
  readonly compression: number;
  /** Logical address of the first byte of this part of the extent; 0 for inline data and holes. */
  readonly logical: bigint;
  readonly data?: Uint8Array;
}

const fileType = 0o170000;
export const isDirectory = (inode: Inode): boolean => (inode.mode & fileType) === 0o040000;
export const isRegular = (inode: Inode): boolean => (inode.mode & fileType) === 0o100000;
export const isSymbolicLink = (inode: Inode): boolean => (inode.mode & fileType) === 0o120000;

export class FileTree {
  readonly volume: Volume;
  readonly root: Root;
  readonly #checksums: Root;

  /** The default subvolume's files, or those of the tree given. */
  constructor(volume: Volume, root: Root = volume.root(treeId.filesystem)) {
    this.volume = volume;
    this.root = root;
    this.#checksums = volume.root(treeId.checksum);
  }

  inode(root: Root, number: bigint): Inode {
    for (const { data } of this.volume.itemsOf(root, number, keyType.inodeItem)) {
      if (data.length !== 160) throw new BtrfsError(`inode ${number}: item of ${data.length} bytes`);
      const view = viewOf(data);
      return {
        root,
        number,
        size: Number(view.getBigUint64(16, true)),
        links: view.getUint32(40, true),
        uid: view.getUint32(44, true),
        gid: view.getUint32(48, true),
        mode: view.getUint32(52, true),
        device: view.getBigUint64(56, true),
        modified: { seconds: view.getBigInt64(136, true), nanoseconds: view.getUint32(144, true) },
      };
    }
    throw new BtrfsError(`inode ${number} is missing from tree ${root.owner}`);
  }

  /** Entries in the order of their index, which is the order readdir gives. */
  *directory(inode: Inode): Generator<DirectoryEntry> {
    if (!isDirectory(inode)) throw new BtrfsError(`inode ${inode.number} is not a directory`);
    for (const { key, data } of this.volume.itemsOf(inode.root, inode.number, keyType.dirIndex))
      for (const entry of this.#entries(inode, data)) yield { ...entry, index: key.offset };
  }

  /** Finds a name through the DIR_ITEM under its hash, as a lookup does. */
  lookup(inode: Inode, name: string): DirectoryEntry | undefined {
    const hash = BigInt(nameHash(new TextEncoder().encode(name)));
    for (const { key, data } of this.volume.itemsOf(inode.root, inode.number, keyType.dirItem))
      if (key.offset === hash) for (const entry of this.#entries(inode, data)) if (entry.name === name) return entry;
    return undefined;
  }

  *#entries(parent: Inode, data: Uint8Array): Generator<DirectoryEntry> {
    const view = viewOf(data);
    for (let position = 0; position < data.length; ) {
      if (position + 30 > data.length) throw new BtrfsError(`directory ${parent.number}: entry is cut off`);
      const location = readKey(view, position);
      const dataLength = view.getUint16(position + 25, true);
      const nameLength = view.getUint16(position + 27, true);
      const end = position + 30 + nameLength + dataLength;
      if (end > data.length) throw new BtrfsError(`directory ${parent.number}: name of ${nameLength} bytes is cut off`);
      const name = new TextDecoder().decode(data.subarray(position + 30, position + 30 + nameLength));
      const subvolume = location.type === keyType.rootItem;
      yield {
        name,
        index: 0n,
        type: view.getUint8(position + 29),
        root: subvolume ? this.volume.root(location.objectId) : parent.root,
        inode: subvolume ? rootDirectoryObjectId : location.objectId,
      };
      position = end;
    }
  }

  /** The inode at a path (no symbolic links are followed). */
  resolve(path: string): Inode {
    let inode = this.inode(this.root, rootDirectoryObjectId);
    for (const part of path.split("/").filter((name) => name !== "" && name !== ".")) {
      const entry = this.lookup(inode, part);
      if (entry === undefined) throw new BtrfsError(`${path}: no entry ${JSON.stringify(part)}`);
      inode = this.inode(entry.root, entry.inode);
    }
    return inode;
  }

  /** Extents in file order, as stored: gaps (NO_HOLES) are not listed. */
  *extents(inode: Inode): Generator<Extent> {
    for (const { key, data } of this.volume.itemsOf(inode.root, inode.number, keyType.extentData)) {
      if (data.length < 21) throw new BtrfsError(`inode ${inode.number}: extent item of ${data.length} bytes`);
      const view = viewOf(data);
      const compression = view.getUint8(16);
      const type = view.getUint8(20);
      const fileOffset = Number(key.offset);
      if (type === 0) {
        const inline = data.slice(21);
        const length = Number(view.getBigUint64(8, true));
        yield { fileOffset, length, kind: "inline", compression, logical: 0n, data: inline };
        continue;
      }
      if (data.length !== 53) throw new BtrfsError(`inode ${inode.number}: extent item of ${data.length} bytes`);
      const disk = view.getBigUint64(21, true);
      yield {
        fileOffset,
        length: Number(view.getBigUint64(45, true)),
        kind: disk === 0n ? "hole" : type === 2 ? "preallocated" : "regular",
        compression,
        logical: disk === 0n ? 0n : disk + view.getBigUint64(37, true),
      };
    }
  }

  /** All bytes of a file or the target of a symbolic link, with checksums verified. */
  read(inode: Inode): Uint8Array {
    const content = new Uint8Array(inode.size);
    for (const extent of this.extents(inode)) {
      if (extent.compression !== 0) throw new BtrfsError(`inode ${inode.number}: compressed extents are not supported`);
      const room = inode.size - extent.fileOffset;
      if (room <= 0) continue;
      if (extent.kind === "inline") content.set((extent.data ?? new Uint8Array()).subarray(0, room), extent.fileOffset);
      else if (extent.kind === "regular")
        content.set(this.readData(extent.logical, extent.length).subarray(0, room), extent.fileOffset);
    }
    return content;
  }

  /** Data at a logical address; every sector must match its checksum on some mirror if it has one. */
  readData(logical: bigint, length: number): Uint8Array {
    const { sectorSize } = this.volume.superblock;
    const result = new Uint8Array(length);
    const sums = this.#dataChecksums(logical, length);
    for (let offset = 0; offset < length; offset += sectorSize) {
      const address = logical + BigInt(offset);
      const expected = sums.get(address);
      const good = this.volume
        .physicalAddresses(address, sectorSize)
        .map((physical) => this.volume.image.read(physical, sectorSize))
        .find(
          (sector) => expected === undefined || Buffer.compare(this.volume.checksum.compute(sector), expected) === 0,
        );
      if (good === undefined) throw new BtrfsError(`data at ${address}: wrong checksum`);
      result.set(good.subarray(0, length - offset), offset);
    }
    return result;
  }

  /** Stored checksums of the sectors in a range, by logical address. */
  #dataChecksums(logical: bigint, length: number): Map<bigint, Uint8Array> {
    const { size } = this.volume.checksum;
    const sectorSize = BigInt(this.volume.superblock.sectorSize);
    const end = logical + BigInt(length);
    const found = new Map<bigint, Uint8Array>();
    for (const { key, data } of this.volume.itemsOf(this.#checksums, checksumObjectId, keyType.extentChecksum)) {
      if (key.offset >= end) break;
      const count = BigInt(Math.floor(data.length / size));
      const first = logical > key.offset ? (logical - key.offset) / sectorSize : 0n;
      for (let i = first; i < count && key.offset + i * sectorSize < end; i++)
        found.set(key.offset + i * sectorSize, data.slice(Number(i) * size, (Number(i) + 1) * size));
    }
    return found;
  }

  /** Every path below the root directory, depth first, in readdir order. */
  *walk(
    start: Inode = this.inode(this.root, rootDirectoryObjectId),
    prefix = "",
  ): Generator<{ path: string; inode: Inode }> {
    for (const entry of this.directory(start)) {
      const inode = this.inode(entry.root, entry.inode);
      const path = `${prefix}/${entry.name}`;
      yield { path, inode };
      if (isDirectory(inode)) yield* this.walk(inode, path);
    }
  }
}
