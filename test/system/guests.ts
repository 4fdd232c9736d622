/** The system guests: multiboot kernels of one source file each, assembled by gcc, and how they end on QEMU and on this machine. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TierOptions } from "../../src/cpu/index.ts";
import { boot } from "../../src/machine/boot/boot.ts";
import { RootFiles } from "../../src/machine/initramfs.ts";

export const GUESTS = ["protected"] as const;

/** Checks that fail on QEMU: TCG checks neither limits nor null selectors at memory accesses. */
export const QEMU_FAILS: Readonly<Record<string, string>> = { protected: "fhi" };

/** Checks that fail here, with reasons. */
export const EXPECTED_FAILURES: Readonly<Record<string, string>> = { protected: "" };

export function isInstalled(tool: string): boolean {
  return spawnSync(tool, ["--version"]).status === 0;
}

/** Assembles and links a guest at 1 MiB, and returns where the ELF file is. */
export function assemble(name: string): string {
  const output = join(mkdtempSync(join(tmpdir(), "system-")), `${name}.elf`);
  const source = join(import.meta.dirname, "guests", `${name}.S`);
  const flags = ["-m32", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none,-N,-Ttext=0x100000"];
  const { status, stderr } = spawnSync("gcc", [...flags, source, "-o", output], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return output;
}

/** Boots a multiboot kernel on this machine. */
export function bootGuest(path: string, options: TierOptions = {}): ReturnType<typeof boot> {
  return boot(
    { name: path, kernel: readFileSync(path), root: new RootFiles(), disks: [], memory: 16 << 20, commandLine: "" },
    { bpfCoprocessor: false, ...options },
  );
}

export const QEMU_OPTIONS = [
  ...["-M", "pc", "-accel", "tcg", "-cpu", "max", "-m", "16", "-nodefaults", "-display", "none", "-no-reboot"],
  ...["-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
] as const;

/** What the guest prints under QEMU. */
export function consoleOfQemu(path: string): string {
  const options = [...QEMU_OPTIONS, "-serial", "stdio", "-kernel", path];
  return spawnSync("qemu-system-x86_64", options, { encoding: "utf8", timeout: 30_000 }).stdout;
}
