/**
 * The Multiboot specification 0.6.96 (multiboot 1): a kernel with a header in its first 8 KiB, started in 32-bit protected mode
 * without paging, ebx pointing to a description of the machine. The kernel is an ELF file, or says in its header where it goes.
 */
import type { Cpu } from "../../cpu/index.ts";
import { COMMAND_LINE_BYTES } from "../command-line.ts";
import type { Elf } from "../elf.ts";
import { InputError } from "../input-error.ts";
import { formatMemorySize } from "../memory-size.ts";
import { enterProtectedMode } from "../processor-modes.ts";
import { loadSegments } from "./segments.ts";

const HEADER_MAGIC = 0x1bad_b002;
const HEADER_SEARCH_BYTES = 8192;
const BOOT_LOADER_MAGIC = 0x2bad_b002;
/** Header flags 0 to 15 ask for what a loader must provide or refuse: page-aligned modules, memory information, a video mode. */
const FLAG_PAGE_ALIGN = 1 << 0;
const FLAG_MEMORY_INFO = 1 << 1;
const FLAG_ADDRESSES = 1 << 16;
const REQUIRED_FLAGS = 0xffff;
const INFO = { memory: 1 << 0, commandLine: 1 << 2, modules: 1 << 3, memoryMap: 1 << 6, loaderName: 1 << 9 } as const;
const MEMORY_AVAILABLE = 1;
const MEMORY_RESERVED = 2;

const PAGE = 4096;
const ONE_MIB = 0x10_0000;
/** Where the memory below 640 KiB ends that a PC's BIOS leaves to others. */
const LOW_MEMORY_END = 0x9_fc00;
const INFO_BYTES = 120;
const INFO_ADDRESS = 0x9_d000;
const MODULE_LIST = INFO_ADDRESS + 0x80;
const MEMORY_MAP = INFO_ADDRESS + 0xc0;
const LOADER_NAME = INFO_ADDRESS + 0x180;
const COMMAND_LINE = INFO_ADDRESS + 0x200;
const FILE_NAME_BYTES = 256;
const MODULE_STRING = COMMAND_LINE + FILE_NAME_BYTES + COMMAND_LINE_BYTES;
const BOOT_DATA = { start: INFO_ADDRESS, end: LOW_MEMORY_END };

export interface MultibootHeader {
  /** Where in the file. */
  readonly offset: number;
  readonly flags: number;
}

export interface MultibootBoot {
  readonly kernel: Uint8Array;
  /** The file: what error messages call it. */
  readonly name: string;
  readonly commandLine: string;
  /** Handed over as the only module. */
  readonly module?: Uint8Array;
  /** Its string. */
  readonly moduleName: string;
}

/** The multiboot header of a kernel's file, if it has one. */
export function findMultibootHeader(kernel: Uint8Array): MultibootHeader | undefined {
  const view = new DataView(kernel.buffer, kernel.byteOffset, Math.min(kernel.length, HEADER_SEARCH_BYTES));
  for (let offset = 0; offset + 12 <= view.byteLength; offset += 4) {
    if (view.getUint32(offset, true) !== HEADER_MAGIC) continue;
    const flags = view.getUint32(offset + 4, true);
    if (((HEADER_MAGIC + flags + view.getUint32(offset + 8, true)) & 0xffff_ffff) === 0) return { offset, flags };
  }
  return undefined;
}

/** Loads a kernel and prepares the processor to enter it. `elf`: the kernel's file, if it is one. Throws InputError. */
export function loadMultiboot(cpu: Cpu, header: MultibootHeader, elf: Elf | undefined, boot: MultibootBoot): void {
  const { memory } = cpu;
  const unknown = header.flags & REQUIRED_FLAGS & ~(FLAG_PAGE_ALIGN | FLAG_MEMORY_INFO);
  if (unknown !== 0)
    throw new InputError(
      `${boot.name}: multiboot header: flags 0x${unknown.toString(16)} ask for what this machine does not provide`,
    );
  const { entry, end } =
    (header.flags & FLAG_ADDRESSES) !== 0 || elf === undefined
      ? loadByHeader(cpu, header, boot)
      : { entry: Number(elf.entry), end: loadSegments(memory, elf, boot.name, BOOT_DATA) };
  if (entry >= memory.size) throw new InputError(`${boot.name}: the entry point 0x${entry.toString(16)} is not in RAM`);

  let flags = INFO.memory | INFO.commandLine | INFO.memoryMap | INFO.loaderName;
  const info = new DataView(new ArrayBuffer(INFO_BYTES));
  info.setUint32(4, LOW_MEMORY_END >> 10, true);
  info.setUint32(8, (memory.size - ONE_MIB) >> 10, true);
  info.setUint32(16, COMMAND_LINE, true);
  // The file's name comes first, as boot loaders and QEMU have it: kernels take it for their argument 0.
  const fileName = Buffer.from(boot.name.slice(boot.name.lastIndexOf("/") + 1)).subarray(0, FILE_NAME_BYTES - 1);
  memory.write(COMMAND_LINE, Buffer.concat([fileName, Buffer.from(` ${boot.commandLine}\0`)]));
  if (boot.module !== undefined) {
    const address = Math.ceil(Math.max(end, ONE_MIB) / PAGE) * PAGE;
    if (address + boot.module.length > memory.size)
      throw new InputError(
        `${boot.name}: kernel and module (${boot.module.length} bytes) do not fit into ` +
          `${formatMemorySize(memory.size)} of memory`,
      );
    memory.write(address, boot.module);
    memory.writeUint(MODULE_LIST, 4, address);
    memory.writeUint(MODULE_LIST + 4, 4, address + boot.module.length);
    memory.writeUint(MODULE_LIST + 8, 4, MODULE_STRING);
    memory.writeUint(MODULE_LIST + 12, 4, 0);
    const moduleName = Buffer.from(boot.moduleName).subarray(0, FILE_NAME_BYTES - 1);
    memory.write(MODULE_STRING, Buffer.concat([moduleName, new Uint8Array(1)]));
    flags |= INFO.modules;
    info.setUint32(20, 1, true);
    info.setUint32(24, MODULE_LIST, true);
  }
  const map = memoryMap(memory.size);
  memory.write(MEMORY_MAP, map);
  info.setUint32(44, map.length, true);
  info.setUint32(48, MEMORY_MAP, true);
  memory.write(LOADER_NAME, Buffer.from("enomem\0"));
  info.setUint32(64, LOADER_NAME, true);
  info.setUint32(0, flags, true);
  memory.write(INFO_ADDRESS, new Uint8Array(info.buffer));

  enterProtectedMode(cpu, { rip: BigInt(entry) });
  cpu.state.rax = BigInt(BOOT_LOADER_MAGIC);
  cpu.state.rbx = BigInt(INFO_ADDRESS);
}

/** Entries of 20 bytes, each after its size. */
function memoryMap(memoryBytes: number): Uint8Array {
  const areas: readonly (readonly [number, number, number])[] = [
    [0, LOW_MEMORY_END, MEMORY_AVAILABLE],
    [LOW_MEMORY_END, ONE_MIB, MEMORY_RESERVED],
    [ONE_MIB, memoryBytes, MEMORY_AVAILABLE],
  ];
  const map = new DataView(new ArrayBuffer(areas.length * 24));
  areas.forEach(([start, end, type], i) => {
    map.setUint32(24 * i, 20, true);
    map.setBigUint64(24 * i + 4, BigInt(start), true);
    map.setBigUint64(24 * i + 12, BigInt(end - start), true);
    map.setUint32(24 * i + 20, type, true);
  });
  return new Uint8Array(map.buffer);
}

/** A kernel that says itself where it goes: header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr. */
function loadByHeader({ memory }: Cpu, { offset, flags }: MultibootHeader, boot: MultibootBoot) {
  const { kernel, name } = boot;
  if ((flags & FLAG_ADDRESSES) === 0 || offset + 32 > kernel.length)
    throw new InputError(`${name}: multiboot header: neither an ELF file nor addresses (flag 16) to load it to`);
  const view = new DataView(kernel.buffer, kernel.byteOffset, kernel.length);
  const field = (at: number): number => view.getUint32(offset + at, true);
  const [headerAddress, loadAddress, loadEnd, bssEnd, entry] = [field(12), field(16), field(20), field(24), field(28)];
  const start = offset - (headerAddress - loadAddress);
  const length = loadEnd === 0 ? kernel.length - start : loadEnd - loadAddress;
  if (start < 0 || length < 0 || start + length > kernel.length)
    throw new InputError(
      `${name}: multiboot header: load addresses 0x${loadAddress.toString(16)} to 0x${loadEnd.toString(16)} do not fit the file`,
    );
  const end = Math.max(loadAddress + length, bssEnd);
  if (end > memory.size)
    throw new InputError(`${name}: ends at 0x${end.toString(16)}, RAM is ${formatMemorySize(memory.size)}`);
  if (loadAddress < BOOT_DATA.end && end > BOOT_DATA.start)
    throw new InputError(`${name}: lies where the boot information goes`);
  memory.write(loadAddress, kernel.subarray(start, start + length));
  return { entry, end };
}
