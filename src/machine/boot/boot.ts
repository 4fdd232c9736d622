/**
 * From what a user gives (an image bundle or a bare kernel, options on top) to a machine about to execute its first instruction.
 */
import { open, readFile } from "node:fs/promises";
import { commandLine, platformOptions, splitCommand } from "../command-line.ts";
import { type Disk, isGzip } from "../disk.ts";
import { type Elf, isElf } from "../elf.ts";
import { loadImage } from "../image.ts";
import { RootFiles } from "../initramfs.ts";
import { fileProblem, InputError } from "../input-error.ts";
import { Machine } from "../machine.ts";
import { parseMemorySize } from "../memory-size.ts";
import { loadPvh } from "./pvh.ts";

/** Memory of a bare kernel when nothing else is said. */
const DEFAULT_MEMORY = "256M";

/** Everything that a boot needs, whether it came from an image or from options. */
export interface BootSource {
  /** What error messages call the kernel. */
  readonly name: string;
  readonly kernel: Uint8Array;
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
export interface BootOverrides {
  readonly memory?: number;
  /** In place of the image's disks. */
  readonly disks?: readonly Disk[];
  /** More options for the kernel. What follows " -- " in it is a program for /init. */
  readonly append?: string;
  readonly exec?: string;
  /** False leaves the BPF co-processor out. */
  readonly bpfCoprocessor?: boolean;
  /** Added to the guest's root, or in place of what is there. */
  readonly files?: ReadonlyMap<string, { readonly data: Uint8Array; readonly mode: number }>;
}

export interface BootedMachine {
  readonly machine: Machine;
  /** The kernel's file, for its symbols. */
  readonly elf: Elf;
  readonly commandLine: string;
}

/** Reads an image bundle or a bare ELF kernel. Throws InputError. */
export async function readBootSource(path: string): Promise<BootSource> {
  let first: Uint8Array;
  try {
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(0x206), 0, 0x206, 0);
      first = buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new InputError(`${path}: cannot be read: ${fileProblem(error)}`);
  }
  if (isGzip(first)) {
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
  if (first.length >= 0x206 && Buffer.from(first.subarray(0x202, 0x206)).toString("latin1") === "HdrS")
    throw new InputError(
      `${path}: a Linux bzImage, which this machine cannot boot yet; expected an image bundle or an ELF kernel`,
    );
  if (!isElf(first)) {
    const start = first.length === 0 ? "is empty" : `begins with ${Buffer.from(first.subarray(0, 4)).toString("hex")}`;
    throw new InputError(`${path}: ${start}; expected an image bundle (a gzip-compressed tar) or an ELF kernel`);
  }
  return {
    name: path,
    kernel: await readFile(path),
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
  const machine = new Machine({ memory: overrides.memory ?? source.memory, disks, bpfCoprocessor });
  const root = source.root.copy();
  for (const [path, { data, mode }] of overrides.files ?? []) root.set(path, { kind: "file", data, mode });

  const [append, appendedExec] = splitAtInit(overrides.append ?? "");
  const exec = overrides.exec ?? appendedExec ?? source.exec;
  if (exec !== undefined) splitCommand(exec, "program for /init");
  const options = [source.commandLine, append, ...platformOptions(disks.length, bpfCoprocessor)];
  const line = commandLine({ options, ...(exec !== undefined && { exec }) });
  const elf = loadPvh(machine.cpu, {
    kernel: source.kernel,
    name: source.name,
    commandLine: line,
    ...(root.size > 0 && { initramfs: root.toCpio() }),
  });
  return { machine, elf, commandLine: line };
}

/** Options, and what follows " -- ". */
function splitAtInit(append: string): [string, string | undefined] {
  const match = /(?:^|\s)--(?:\s|$)/.exec(append);
  if (match === null) return [append.trim(), undefined];
  return [append.slice(0, match.index).trim(), append.slice(match.index + match[0].length).trim()];
}
