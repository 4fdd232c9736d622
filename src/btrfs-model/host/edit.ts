/**
 * Changes bytes of an image and repairs the checksums over them, to make damaged images that only the check under test
 * can notice.
 */
import { checksumAlgorithms } from "./checksums.ts";
import { BtrfsError, superblockField, superblockOffsets, superblockSize, viewOf } from "./format.ts";
import { type MemoryImage, Volume } from "./volume.ts";

/** Writes the checksum of a superblock or tree block over its contents. */
function repairChecksum(block: Uint8Array, checksumType: number): void {
  const algorithm = checksumAlgorithms.find((candidate) => candidate.type === checksumType);
  if (algorithm === undefined) throw new BtrfsError(`checksum type ${checksumType} is unknown`);
  block.fill(0, 0, 32);
  block.set(algorithm.compute(block.subarray(32)), 0);
}

/** Gives `change` the superblock and repairs the checksum after it (of the type it had before), in every mirror. */
export function editSuperblock(image: MemoryImage, change: (view: DataView, bytes: Uint8Array) => void): void {
  for (const offset of superblockOffsets) {
    if (offset + superblockSize > image.size) continue;
    const block = image.bytes.subarray(offset, offset + superblockSize);
    const type = viewOf(block).getUint16(superblockField.checksumType, true);
    change(viewOf(block), block);
    repairChecksum(block, type);
  }
}

export interface TreeBlockEdit {
  /** Which mirrors to change; all unless told otherwise. */
  readonly mirrors?: readonly number[];
  /** False leaves the checksum wrong. */
  readonly repair?: boolean;
}

/** Gives `change` each copy of the tree block at a logical address and repairs its checksum. */
export function editTreeBlock(
  image: MemoryImage,
  bytenr: bigint,
  change: (view: DataView, bytes: Uint8Array) => void,
  { mirrors, repair = true }: TreeBlockEdit = {},
): void {
  const volume = new Volume(image);
  const { nodeSize, checksumType } = volume.superblock;
  for (const [mirror, address] of volume.physicalAddresses(bytenr, nodeSize).entries()) {
    if (mirrors !== undefined && !mirrors.includes(mirror)) continue;
    const block = image.bytes.subarray(address, address + nodeSize);
    change(viewOf(block), block);
    if (repair) repairChecksum(block, checksumType);
  }
}
