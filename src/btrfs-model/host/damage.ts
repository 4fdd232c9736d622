/**
 * Damage made from a seed: bytes changed in the superblock, the chunk array or a tree block, with the checksum over them
 * made right again (mostly), so that the checks behind it are what notices. The cases are written in the language of the
 * user program mount-damaged.
 */
import { editSuperblock, editTreeBlock } from "./edit.ts";
import { superblockField, superblockOffsets, superblockSize, treeBlockHeaderSize } from "./format.ts";
import { MemoryImage, Volume } from "./volume.ts";

export interface DamageCase {
  readonly name: string;
  readonly options?: string;
  readonly patches: readonly { readonly offset: number; readonly bytes: Uint8Array }[];
}

/** Numbers from 0 up to below a limit, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

type Patch = DamageCase["patches"][number];

/** The runs of bytes in which two copies of a region differ; near ones become one. */
function differences(offset: number, before: Uint8Array, after: Uint8Array): Patch[] {
  const patches: Patch[] = [];
  for (let start = 0; start < before.length; start++) {
    if (before[start] === after[start]) continue;
    let end = start + 1;
    for (let next = end; next < before.length && next < end + 8 && next - start < 120; next++)
      if (before[next] !== after[next]) end = next + 1;
    patches.push({ offset: offset + start, bytes: after.slice(start, end) });
    start = end - 1;
  }
  return patches;
}

/** Makes cases of damage to one image, which itself stays as it is. */
export class DamageMaker {
  readonly #image: MemoryImage;
  readonly #volume: Volume;
  /** Of each tree, the name and the logical addresses of its blocks. */
  readonly #trees: { readonly name: string; readonly blocks: readonly bigint[] }[] = [];

  constructor(image: MemoryImage) {
    this.#image = new MemoryImage(image.bytes.slice());
    this.#volume = new Volume(image);
    const roots = [this.#volume.chunkTree, this.#volume.rootTree, ...this.#volume.roots()];
    for (const root of roots) {
      const blocks = [...this.#volume.blocks(root)].map((block) => block.header.bytenr);
      this.#trees.push({ name: `tree${BigInt.asIntN(64, root.owner)}`, blocks });
    }
  }

  /** The superblock with a change; its checksum is right. */
  superblock(name: string, change: (view: DataView, bytes: Uint8Array) => void, options?: string): DamageCase {
    const regions = superblockOffsets.filter((offset) => offset + superblockSize <= this.#image.size);
    return this.#case(name, regions, superblockSize, (image) => editSuperblock(image, change), options);
  }

  /** A tree block with a change in all its copies; its checksum is right unless told otherwise. */
  treeBlock(
    name: string,
    bytenr: bigint,
    change: (view: DataView, bytes: Uint8Array) => void,
    repair = true,
  ): DamageCase {
    const { nodeSize } = this.#volume.superblock;
    const regions = this.#volume.physicalAddresses(bytenr, nodeSize);
    return this.#case(name, regions, nodeSize, (image) => editTreeBlock(image, bytenr, change, { repair }));
  }

  /** The case of a seed. */
  random(seed: number): DamageCase {
    const random = seededRandom(seed);
    const damage = (bytes: Uint8Array, at: number): void => {
      const values = [0, 0xff, bytes[at] ^ (1 << random(8)), random(256), bytes[at] + 1];
      bytes[at] = values[random(values.length)];
    };
    const where = random(10);
    if (where === 0) return this.superblock(`superblock-${seed}`, (_, bytes) => damage(bytes, 32 + random(0x12b - 32)));
    if (where === 1)
      return this.superblock(`chunk-array-${seed}`, (view, bytes) => {
        const size = view.getUint32(superblockField.systemChunkArraySize, true);
        damage(bytes, superblockField.systemChunkArray + random(size));
      });
    const tree = this.#trees[random(this.#trees.length)];
    const bytenr = tree.blocks[random(tree.blocks.length)];
    const changes = 1 + random(2);
    const repair = random(16) > 0;
    const change = (view: DataView, bytes: Uint8Array): void => {
      for (let i = 0; i < changes; i++) damage(bytes, placeIn(view, random));
    };
    return this.treeBlock(`${tree.name}-${seed}`, bytenr, change, repair);
  }

  #case(
    name: string,
    regions: readonly number[],
    size: number,
    edit: (image: MemoryImage) => void,
    options?: string,
  ): DamageCase {
    const before = regions.map((offset) => this.#image.bytes.slice(offset, offset + size));
    edit(this.#image);
    const patches = regions.flatMap((offset, i) =>
      differences(offset, before[i], this.#image.bytes.subarray(offset, offset + size)),
    );
    for (const [i, offset] of regions.entries()) this.#image.bytes.set(before[i], offset);
    return options === undefined ? { name, patches } : { name, options, patches };
  }
}

/** A byte of a tree block: in its header, in the array of items or node pointers, or in the data of an item. */
function placeIn(view: DataView, random: (limit: number) => number): number {
  const count = view.getUint32(96, true);
  const level = view.getUint8(100);
  const kind = random(4);
  if (kind === 0 || count === 0) return 32 + random(treeBlockHeaderSize - 32);
  if (level > 0) return treeBlockHeaderSize + random(count * 33);
  const item = treeBlockHeaderSize + 25 * random(count);
  if (kind === 1) return item + random(25);
  const offset = treeBlockHeaderSize + view.getUint32(item + 17, true);
  const size = view.getUint32(item + 21, true);
  return size === 0 || offset + size > view.byteLength ? item + random(25) : offset + random(size);
}

/** Cases as the text that mount-damaged reads. */
export function formatCases(cases: readonly DamageCase[]): string {
  const lines = cases.flatMap(({ name, options, patches }) => [
    `case ${name}${options === undefined ? "" : ` ${options}`}`,
    ...patches.map(({ offset, bytes }) => `patch ${offset} ${Buffer.from(bytes).toString("hex")}`),
  ]);
  return `${lines.join("\n")}\n`;
}

/** The image with the case's damage done. */
export function damaged(image: MemoryImage, { patches }: DamageCase): MemoryImage {
  const bytes = image.bytes.slice();
  for (const { offset, bytes: changed } of patches) bytes.set(changed, offset);
  return new MemoryImage(bytes);
}

/** One case for each rule that the superblock has to obey, and for what this reader or Linux refuses. */
export function superblockCases(maker: DamageMaker): DamageCase[] {
  const f = superblockField;
  const set32 = (at: number, value: number) => (view: DataView) => view.setUint32(at, value, true);
  const set64 = (at: number, value: bigint) => (view: DataView) => view.setBigUint64(at, value, true);
  const or64 = (at: number, bits: bigint) => (view: DataView) =>
    view.setBigUint64(at, view.getBigUint64(at, true) | bits, true);
  const cases: [string, (view: DataView, bytes: Uint8Array) => void, string?][] = [
    ["magic", (view) => view.setUint8(f.magic, 0)],
    ["bytenr", set64(f.bytenr, 0n)],
    ["csum-type", (view) => view.setUint16(f.checksumType, 9, true)],
    ["flags", or64(0x38, 1n << 50n)],
    ["changing-fsid", or64(0x38, 1n << 36n)],
    ["root-level", (view) => view.setUint8(f.rootLevel, 8)],
    ["chunk-level", (view) => view.setUint8(f.rootLevel + 1, 9)],
    ["log-level", (view) => view.setUint8(f.rootLevel + 2, 255)],
    ["sectorsize-8k", set32(f.sectorSize, 8192)],
    ["sectorsize-odd", set32(f.sectorSize, 5000)],
    ["sectorsize-512", set32(f.sectorSize, 512)],
    ["nodesize-odd", set32(f.nodeSize, 20000)],
    ["nodesize-2k", set32(f.nodeSize, 2048)],
    ["nodesize-128k", set32(f.nodeSize, 131072)],
    ["leafsize", set32(f.nodeSize + 4, 4096)],
    ["root-unaligned", set64(f.root, 12345n)],
    ["chunk-root-unaligned", set64(f.chunkRoot, 12345n)],
    ["log-root-unaligned", set64(f.logRoot, 12345n)],
    ["root-zero", set64(f.root, 0n)],
    ["dev-item-fsid", (_, bytes) => bytes.fill(7, 0xc9 + 82, 0xc9 + 98)],
    ["metadata-uuid", or64(f.incompat, 1n << 10n)],
    ["block-group-tree", or64(f.compatRo, 1n << 3n)],
    ["block-group-tree-alone", (view) => view.setBigUint64(f.compatRo, 8n, true)],
    ["bytes-used", set64(f.bytesUsed, 1n)],
    ["stripesize", set32(0x9c, 3)],
    ["no-devices", set64(f.deviceCount, 0n)],
    ["many-devices", set64(f.deviceCount, 1n << 40n)],
    ["two-devices", set64(f.deviceCount, 2n)],
    ["chunk-array-long", set32(f.systemChunkArraySize, 2049)],
    ["chunk-array-short", set32(f.systemChunkArraySize, 96)],
    ["chunk-array-empty", set32(f.systemChunkArraySize, 0)],
    ["chunk-array-cut", set32(f.systemChunkArraySize, 100)],
    ["generation-old", set64(0x48, 1n)],
    ["incompat-unknown", or64(f.incompat, 1n << 50n)],
    ["incompat-extent-tree-v2", or64(f.incompat, 1n << 13n)],
    ["incompat-zoned", or64(f.incompat, 1n << 12n)],
    ["incompat-mixed", or64(f.incompat, 4n)],
    ["compat-ro-unknown", or64(f.compatRo, 1n << 40n)],
    ["log-root", set64(f.logRoot, 30408704n)],
    ["log-root-nologreplay", set64(f.logRoot, 30408704n), "rescue=nologreplay"],
    ["total-bytes-small", set64(0x70, 1n << 20n)],
    ["total-bytes-large", set64(0x70, 1n << 50n)],
    ["dev-id", set64(0xc9, 2n)],
    ["chunk-array-raid1", (view) => or64(f.systemChunkArray + 17 + 24, 16n)(view)],
    ["chunk-array-no-stripes", (view) => view.setUint16(f.systemChunkArray + 17 + 44, 0, true)],
    ["chunk-array-not-system", (view) => view.setBigUint64(f.systemChunkArray + 17 + 24, 1n, true)],
    ["chunk-array-key", (view) => view.setUint8(f.systemChunkArray + 8, 1)],
    ["chunk-array-missing-device", set64(f.systemChunkArray + 17 + 48, 7n)],
    ["option-unknown", () => undefined, "bogus"],
    ["option-subvol-absent", () => undefined, "subvol=absent"],
    ["option-subvolid-absent", () => undefined, "subvolid=999"],
    ["option-rescue-bogus", () => undefined, "rescue=bogus"],
    ["undamaged", () => undefined],
  ];
  return cases.map(([name, change, options]) => maker.superblock(name, change, options));
}
