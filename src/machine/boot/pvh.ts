/**
 * The PVH boot protocol (Xen's docs/misc/pvh.pandoc and xen/include/public/arch-x86/hvm/start_info.h): an ELF file whose note names a
 * 32-bit entry point; the processor starts there in protected mode without paging, ebx pointing to a description of the machine.
 */
import type { Cpu } from "../../cpu/index.ts";
import { COMMAND_LINE_BYTES } from "../command-line.ts";
import type { Elf } from "../elf.ts";
import { InputError } from "../input-error.ts";
import { formatMemorySize } from "../memory-size.ts";
import { enterProtectedMode } from "../processor-modes.ts";
import { loadSegments } from "./segments.ts";

const XEN_ELFNOTE_PHYS32_ENTRY = 18;
const START_INFO_MAGIC = 0x336e_c578;
const START_INFO_VERSION = 1;
const MEMORY_MAP_RAM = 1;
const PAGE = 4096;

/** Where the description lies: one page below any kernel, the command line in the next. */
const START_INFO = 0x8000;
const START_INFO_BYTES = 56;
const MODULE_LIST = START_INFO + 0x40;
const MODULE_BYTES = 32;
const MEMORY_MAP = START_INFO + 0x80;
const MEMORY_MAP_ENTRY_BYTES = 24;
const COMMAND_LINE = START_INFO + PAGE;
const BOOT_DATA = { start: START_INFO, end: COMMAND_LINE + COMMAND_LINE_BYTES };

export interface PvhBoot {
  /** What error messages call the kernel. */
  readonly name: string;
  readonly commandLine: string;
  /** A cpio archive, handed over as the first module. */
  readonly initramfs?: Uint8Array;
}

/** Loads a kernel and prepares the processor to enter it. Throws InputError if the file cannot be booted. */
export function loadPvh(cpu: Cpu, elf: Elf, boot: PvhBoot): void {
  const { memory } = cpu;
  const entry = entryPoint(elf);
  if (entry === undefined) throw new InputError(`${boot.name}: no PVH entry point (an ELF note "Xen" of type 18)`);
  const kernelEnd = Math.max(BOOT_DATA.end, loadSegments(memory, elf, boot.name, BOOT_DATA));
  if (entry >= memory.size)
    throw new InputError(`${boot.name}: the PVH entry point 0x${entry.toString(16)} is not in RAM`);

  const { initramfs } = boot;
  if (initramfs !== undefined) {
    // As high as it goes, like QEMU: the kernel's early memory is just above its image.
    const address = Math.floor((memory.size - 1 - initramfs.length) / PAGE) * PAGE;
    if (address < kernelEnd)
      throw new InputError(
        `${boot.name}: kernel and files for the guest's root (${initramfs.length} bytes) do not fit into ` +
          `${formatMemorySize(memory.size)} of memory`,
      );
    memory.write(address, initramfs);
    memory.writeUint64(MODULE_LIST, BigInt(address));
    memory.writeUint64(MODULE_LIST + 8, BigInt(initramfs.length));
    memory.write(MODULE_LIST + 16, new Uint8Array(MODULE_BYTES - 16));
  }

  memory.write(COMMAND_LINE, Buffer.from(`${boot.commandLine}\0`));
  memory.writeUint64(MEMORY_MAP, 0n);
  memory.writeUint64(MEMORY_MAP + 8, BigInt(memory.size));
  memory.writeUint(MEMORY_MAP + 16, 4, MEMORY_MAP_RAM);
  memory.writeUint(MEMORY_MAP + MEMORY_MAP_ENTRY_BYTES - 4, 4, 0);

  const info = new DataView(new ArrayBuffer(START_INFO_BYTES));
  info.setUint32(0, START_INFO_MAGIC, true);
  info.setUint32(4, START_INFO_VERSION, true);
  info.setUint32(12, initramfs === undefined ? 0 : 1, true);
  info.setBigUint64(16, BigInt(initramfs === undefined ? 0 : MODULE_LIST), true);
  info.setBigUint64(24, BigInt(COMMAND_LINE), true);
  info.setBigUint64(40, BigInt(MEMORY_MAP), true);
  info.setUint32(48, 1, true);
  memory.write(START_INFO, new Uint8Array(info.buffer));

  enterProtectedMode(cpu, { rip: BigInt(entry) });
  cpu.state.rbx = BigInt(START_INFO);
}

/** Whether an ELF file can be booted this way. */
export const hasPvhEntry = (elf: Elf): boolean => entryPoint(elf) !== undefined;

function entryPoint(elf: Elf): number | undefined {
  for (const { owner, type, description } of elf.notes) {
    if (owner !== "Xen" || type !== XEN_ELFNOTE_PHYS32_ENTRY || description.length < 4) continue;
    return new DataView(description.buffer, description.byteOffset).getUint32(0, true);
  }
  return undefined;
}
