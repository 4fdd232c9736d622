/** Putting the segments of an ELF kernel where they belong in RAM. */
import type { PhysicalMemory } from "../../mmu/physical-memory.ts";
import type { Elf } from "../elf.ts";
import { InputError } from "../input-error.ts";
import { formatMemorySize } from "../memory-size.ts";

/** Physical addresses from `start` up to `end` (exclusive), taken by what a boot loader tells the kernel. */
export interface BootArea {
  readonly start: number;
  readonly end: number;
}

/** Copies the segments to their physical addresses. Returns where the last one ends. Throws InputError. */
export function loadSegments(memory: PhysicalMemory, elf: Elf, name: string, reserved: BootArea): number {
  if (elf.segments.length === 0) throw new InputError(`${name}: no segment to load`);
  let end = 0;
  for (const { physicalAddress, data, memorySize } of elf.segments) {
    const segmentEnd = physicalAddress + memorySize;
    const where = `${name}: segment 0x${physicalAddress.toString(16)} to 0x${segmentEnd.toString(16)}`;
    if (segmentEnd > memory.size)
      throw new InputError(`${where} is not in RAM, which is ${formatMemorySize(memory.size)}`);
    if (physicalAddress < reserved.end && segmentEnd > reserved.start)
      throw new InputError(`${where} lies where the boot information goes`);
    memory.write(physicalAddress, data);
    end = Math.max(end, segmentEnd);
  }
  return end;
}
