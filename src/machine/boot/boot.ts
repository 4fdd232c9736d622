/**
 * From what a user gives (an image bundle or a bare kernel, options on top) to a machine about to execute its first instruction.
 */
import { open } from "node:fs/promises";
import { type TierOptions, tierOptions } from "../../cpu/index.ts";
import { commandLine, platformOptions, splitCommand } from "../command-line.ts";
import { type Disk, isGzip } from "../disk.ts";
import { type Elf, isElf, parseElf } from "../elf.ts";
import { loadImage } from "../image.ts";
import { RootFiles } from "../initramfs.ts";
import { fileProblem, InputError } from "../input-error.ts";
import { readInputFile } from "../input-file.ts";
import { Machine } from "../machine.ts";
import { parseMemorySize } from "../memory-size.ts";
import { loadFirmware } from "./firmware.ts";
import { leaveFirmwareRemains } from "./firmware-remains.ts";
import { findMultibootHeader, loadMultiboot } from "./multiboot.ts";
import { hasPvhEntry, loadPvh } from "./pvh.ts";

/** Memory of a bare kernel when nothing else is said. */
const DEFAULT_MEMORY = "256M";

/** What is read of a file to see what it is: a multiboot header lies in the first 8 KiB. */
const RECOGNISED_BYTES = 8192;

/** Stands for the file of a kernel that is not ELF. */
const NO_ELF: Elf = { bits: 32, entry: 0n, segments: [], notes: [], symbols: () => [] };

/** Everything that a boot needs, whether it came from an image or from options. */
export interface BootSource {
  /** What error messages call the kernel. */
  readonly name: string;
  readonly kernel: Uint8Array;
  /** The kernel is a flat image that ends at the reset vector. */
  readonly flat?: boolean;
  readonly root: RootFiles;
  readonly disks: readonly Disk[];
  /** Bytes. */
  readonly memory: number;
  /** The kernel's options. */
  readonly commandLine: string;
  /** The program for /init, with its arguments. */
  readonly exec?: string;
  readonly script?: string;
  readonly expectedConsole?: string;
}

/** What the user changes about an image. */
export interface BootOverrides extends TierOptions {
  readonly memory?: number;
  /** In place of the image's disks. */
  readonly disks?: readonly Disk[];
  /** More options for the kernel. What follows " -- " in it is a program for /init. */
  readonly append?: string;
  readonly exec?: string;
  /** Of everything that is random: the processor's RDRAND and RDSEED, and this kernel's random numbers (`random.seed=`). */
  readonly seed?: bigint;
  /** False leaves the BPF co-processor out. */
  readonly bpfCoprocessor?: boolean;
  /** Adds QEMU's pc-testdev, debug console and power control port. */
  readonly testDevice?: boolean;
  /** Handed to the kernel as its initramfs or module, in place of an archive of the root's files. */
  readonly initrd?: Uint8Array;
  /** The name of that file, which multiboot kernels are told. */
  readonly initrdName?: string;
  /** Added to the guest's root, or in place of what is there. */
  readonly files?: ReadonlyMap<string, { readonly data: Uint8Array; readonly mode: number }>;
}

/** A machine about to execute its kernel's first instruction. */
export interface BootedMachine {
  readonly machine: Machine;
  /** The kernel's file, for its symbols; one without any for a kernel that is not an ELF file. */
  readonly elf: Elf;
  /** The kernel command line as the kernel gets it. */
  readonly commandLine: string;
}

/** Reads an image bundle, a bare kernel, or with `flat` an image for the reset vector. Throws InputError. */
export async function readBootSource(path: string, options: { readonly flat?: boolean } = {}): Promise<BootSource> {
  const flat = options.flat === true;
  let first: Uint8Array;
  try {
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(RECOGNISED_BYTES), 0, RECOGNISED_BYTES, 0);
      first = buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new InputError(`${path}: cannot be read: ${fileProblem(error)}`);
  }
  if (!flat && isGzip(first)) {
    const { manifest, kernel, root, disks, script, expectedConsole } = await loadImage(path);
    return {
      name: `${path}: ${manifest.kernel}`,
      kernel,
      root,
      disks,
      memory: parseMemorySize(manifest.memory),
      commandLine: manifest.commandLine,
      ...(manifest.exec !== undefined && { exec: manifest.exec }),
      ...(script !== undefined && { script }),
      ...(expectedConsole !== undefined && { expectedConsole }),
    };
  }
  if (!flat && first.length >= 0x206 && Buffer.from(first.subarray(0x202, 0x206)).toString("latin1") === "HdrS")
    throw new InputError(
      `${path}: a Linux bzImage, which this machine cannot boot yet; expected an image bundle or an ELF kernel`,
    );
  if (!flat && !isElf(first) && findMultibootHeader(first) === undefined) {
    const start = first.length === 0 ? "is empty" : `begins with ${Buffer.from(first.subarray(0, 4)).toString("hex")}`;
    throw new InputError(
      `${path}: ${start}; expected an image bundle (a gzip-compressed tar), an ELF or multiboot kernel, ` +
        "or --flat for an image at the reset vector",
    );
  }
  return {
    name: path,
    kernel: await readInputFile(path, path),
    ...(flat && { flat }),
    root: new RootFiles(),
    disks: [],
    memory: parseMemorySize(DEFAULT_MEMORY),
    commandLine: "",
  };
}

/** Builds the machine, loads the kernel and everything that goes with it. Throws InputError. */
export function boot(source: BootSource, overrides: BootOverrides = {}): BootedMachine {
  const disks = overrides.disks ?? source.disks;
  const bpfCoprocessor = overrides.bpfCoprocessor ?? true;
  const machine = new Machine({
    memory: overrides.memory ?? source.memory,
    disks,
    bpfCoprocessor,
    testDevice: overrides.testDevice === true,
    ...(overrides.seed !== undefined && { randomSeed: overrides.seed }),
    ...tierOptions(overrides),
  });
  const root = source.root.copy();
  for (const [path, { data, mode }] of overrides.files ?? []) root.set(path, { kind: "file", data, mode });

  const [append, appendedExec] = splitAtInit(overrides.append ?? "");
  const exec = overrides.exec ?? appendedExec ?? source.exec;
  if (exec !== undefined) splitCommand(exec, "program for /init");
  const seed = overrides.seed === undefined ? "" : `random.seed=${overrides.seed}`;
  const options = [source.commandLine, append, seed, ...platformOptions(disks.length, bpfCoprocessor)];
  const line = commandLine({ options, ...(exec !== undefined && { exec }) });
  const initrd = overrides.initrd ?? (root.size > 0 ? root.toCpio() : undefined);
  const elf = loadKernel(machine, source, line, initrd, overrides.initrdName);
  return { machine, elf, commandLine: line };
}

/** Loads the kernel by the protocol that it knows. */
function loadKernel(
  machine: Machine,
  source: BootSource,
  line: string,
  initrd: Uint8Array | undefined,
  moduleName = "",
): Elf {
  const { cpu } = machine;
  const { kernel, name } = source;
  if (source.flat) {
    loadFirmware(cpu, kernel, name);
    return NO_ELF;
  }
  const elf = isElf(kernel) ? parseElf(kernel, name) : undefined;
  if (elf !== undefined && hasPvhEntry(elf)) {
    loadPvh(cpu, elf, { name, commandLine: line, ...(initrd && { initramfs: initrd }) });
    return elf;
  }
  const header = findMultibootHeader(kernel);
  if (header === undefined)
    throw new InputError(
      `${name}: neither a PVH entry point (an ELF note "Xen" of type 18) nor a multiboot header, ` +
        "one of which a kernel for this machine needs",
    );
  leaveFirmwareRemains(machine);
  loadMultiboot(cpu, header, elf, { kernel, name, commandLine: line, moduleName, ...(initrd && { module: initrd }) });
  return elf ?? NO_ELF;
}

/** Options, and what follows " -- ". */
function splitAtInit(append: string): [string, string | undefined] {
  const match = /(?:^|\s)--(?:\s|$)/.exec(append);
  if (match === null) return [append.trim(), undefined];
  return [append.slice(0, match.index).trim(), append.slice(match.index + match[0].length).trim()];
}
