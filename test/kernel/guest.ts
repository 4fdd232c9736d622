/**
 * Runs programs on the kernel that test/build-guest.ts has built: in our own machine, under QEMU, or natively on the host,
 * for tests that compare.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { boot, type Machine } from "../../src/index.ts";
import type { Disk } from "../../src/machine/disk.ts";
import { RootFiles } from "../../src/machine/initramfs.ts";

const root = join(import.meta.dirname, "../..");
const kernelPath = join(root, "build/kernel/kernel.elf");

function has(tool: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${tool}`]).status === 0;
}

/** What is missing for building and running guests, or undefined. */
export function missingForGuest(...more: readonly string[]): string | undefined {
  const missing = ["gcc", "make", "ld", "nm", "awk", "pahole", ...more].filter((tool) => !has(tool));
  return missing.length === 0 ? undefined : missing.join(", ");
}

/** The host path of a user program: "init", "tests/files". */
export function userProgram(name: string): string {
  return join(root, "build/user", name);
}

export interface GuestRun {
  /** By path in the guest, the host's files. /init is always there. */
  readonly files: Readonly<Record<string, string>>;
  /** Program and arguments. */
  readonly exec: string;
  readonly options?: string;
  readonly disk?: Disk;
}

export interface GuestResult {
  /** What the program printed, with newlines as the host has them. */
  readonly output: string;
  readonly exitCode: number | undefined;
}

function rootFiles(run: GuestRun): RootFiles {
  const files = new RootFiles();
  for (const [path, from] of Object.entries({ "/init": userProgram("init"), ...run.files }))
    files.set(path, { kind: "file", data: readFileSync(from), mode: 0o755 });
  return files;
}

/** The console without the kernel's own lines. */
const plain = (console: string): string => console.replaceAll("\r\n", "\n").replace(/^\[ *\d+\.\d{6}\] .*\n/gm, "");

function bootGuest(run: GuestRun): Machine {
  return boot({
    name: kernelPath,
    kernel: readFileSync(kernelPath),
    root: rootFiles(run),
    disks: run.disk ? [run.disk] : [],
    memory: 256 << 20,
    commandLine: `quiet ${run.options ?? ""}`,
    exec: run.exec,
  }).machine;
}

/** A guest that somebody types at. */
export class TypingGuest {
  readonly #machine: Machine;
  #unread = "";
  exitCode: number | undefined;

  constructor(run: GuestRun) {
    this.#machine = bootGuest(run);
    this.#machine.console.listener = (bytes) => {
      this.#unread += Buffer.from(bytes).toString().replaceAll("\r\n", "\n");
    };
  }

  /** Types, then runs until the guest has printed this; what it has printed since the last time. */
  type(text: string, until: RegExp): string {
    this.#machine.sendInput(text);
    for (let slices = 0; slices < 20_000 && this.exitCode === undefined; slices++) {
      const stop = this.#machine.run({ time: this.#machine.time + 200_000 });
      if (stop.reason === "exit") this.exitCode = stop.code;
      if (until.test(this.#unread) || stop.reason !== "time") break;
    }
    return this.#take();
  }

  /** Types, then gives the guest this much time (of its own); what it has printed meanwhile. */
  typeAndWait(text: string, milliseconds = 50): string {
    this.#machine.sendInput(text);
    this.#machine.run({ time: this.#machine.time + milliseconds * 1e6 });
    return this.#take();
  }

  #take(): string {
    const printed = this.#unread;
    this.#unread = "";
    return printed;
  }
}

/** Runs in our machine, with a quiet kernel. */
export function runInMachine(run: GuestRun): GuestResult {
  const machine = bootGuest(run);
  const chunks: Uint8Array[] = [];
  machine.console.listener = (bytes) => chunks.push(bytes.slice());
  const end = machine.run({ instructions: 5e9 });
  return {
    output: plain(Buffer.concat(chunks).toString()),
    exitCode: end.reason === "exit" ? end.code : undefined,
  };
}

/** Runs under QEMU's microvm. */
export function runInQemu(run: GuestRun): GuestResult {
  const directory = mkdtempSync(join(tmpdir(), "guest-"));
  try {
    const initrd = join(directory, "root.cpio");
    writeFileSync(initrd, rootFiles(run).toCpio());
    // Not stdio: QEMU drops characters when the reader of a pipe is slow.
    const serial = join(directory, "serial");
    const machine = "microvm,x-option-roms=off,pit=off,pic=off,rtc=off,acpi=off,isa-serial=on";
    const arguments_ = [
      "-M",
      machine,
      "-cpu",
      "qemu64",
      "-accel",
      "tcg",
      "-m",
      "256",
      "-nodefaults",
      "-no-user-config",
    ];
    arguments_.push(
      "-display",
      "none",
      "-no-reboot",
      "-serial",
      `file:${serial}`,
      "-device",
      "isa-debug-exit,iobase=0xf4,iosize=4",
    );
    arguments_.push("-global", "virtio-mmio.force-legacy=false", "-kernel", kernelPath, "-initrd", initrd);
    arguments_.push("-append", `quiet ${run.options ?? ""} -- ${run.exec}`);
    const result = spawnSync("qemu-system-x86_64", arguments_, { timeout: 60_000, stdio: "ignore" });
    // QEMU ends with twice the code plus one.
    const exitCode = result.status !== null && result.status & 1 ? result.status >> 1 : undefined;
    return { output: plain(readFileSync(serial, "utf8")), exitCode };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Runs a user program on the host with an empty directory as its argument. */
export function runNatively(program: string): GuestResult {
  const directory = mkdtempSync(join(tmpdir(), "native-"));
  try {
    const result = spawnSync(program, [directory], { timeout: 60_000 });
    return { output: result.stdout.toString(), exitCode: result.status ?? undefined };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
