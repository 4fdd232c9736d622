/** The system guests: multiboot kernels of one source file each, assembled by gcc, and how they end on QEMU and on this machine. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TierOptions } from "../../src/cpu/index.ts";
import { boot } from "../../src/machine/boot/boot.ts";
import { RootFiles } from "../../src/machine/initramfs.ts";

export const GUESTS = [
  "protected",
  "paging-legacy",
  "paging-long",
  "exceptions",
  "interrupts",
  "modes",
  "smc",
  "vm86",
  "debug",
] as const;

/**
 * Checks that fail on QEMU 7.2 (TCG), "?": it does not come to the end. TCG checks neither limits nor null selectors at memory accesses,
 * and no reserved bits of control registers; its #PF with the reserved bit has no present bit; error codes of gates in long mode have
 * twice the vector and no external bit; no exceptions of SSE, RF is not pushed; no general detect; INT1 is an interrupt.
 */
export const QEMU_FAILS: Readonly<Record<string, string>> = {
  protected: "fhi",
  "paging-legacy": "u",
  "paging-long": "krstuzUVW?",
  exceptions: "mnopwxyzAETXY02",
  interrupts: "",
  modes: "",
  smc: "",
  vm86: "jFGK",
  debug: "qrstHILP",
};

/** Checks that fail here, with reasons. */
export const EXPECTED_FAILURES: Readonly<Record<string, string>> = {};

export function isInstalled(tool: string): boolean {
  return spawnSync(tool, ["--version"]).status === 0;
}

function run(tool: string, options: readonly string[]): void {
  const { status, stderr } = spawnSync(tool, options, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
}

/** Assembles and links a guest at 1 MiB, and returns where the ELF file is. */
export function assemble(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), "system-"));
  const output = join(folder, `${name}.elf`);
  const linked = join(folder, `${name}.64`);
  const source = join(import.meta.dirname, "guests", `${name}.S`);
  // Only a 64-bit file takes the relocations of 64-bit code; only a 32-bit one is booted by QEMU.
  const flags = ["-m64", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none,-N,-Ttext=0x100000"];
  run("gcc", [...flags, source, "-o", linked]);
  run("objcopy", ["-O", "elf32-i386", linked, output]);
  return output;
}

/** Bytes of RAM. */
export const GUEST_MEMORY = 16 << 20;

/** Boots a multiboot kernel on this machine. */
export function bootGuest(path: string, options: TierOptions = {}): ReturnType<typeof boot> {
  return boot(
    { name: path, kernel: readFileSync(path), root: new RootFiles(), disks: [], memory: GUEST_MEMORY, commandLine: "" },
    { bpfCoprocessor: false, ...options },
  );
}

export const QEMU_OPTIONS = [
  ...["-M", "pc", "-accel", "tcg", "-cpu", "max", "-m", "16", "-nodefaults", "-display", "none", "-no-reboot"],
  ...["-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
] as const;

/** What the guest prints under QEMU. Its serial port goes to a file: what it writes to a pipe may get lost on a busy host. */
export function consoleOfQemu(path: string): string {
  const scratch = mkdtempSync(join(tmpdir(), "system-qemu-"));
  try {
    const console = join(scratch, "console");
    // Time goes by instructions, not by how busy the host is.
    const options = [...QEMU_OPTIONS, "-icount", "shift=3,sleep=off", "-serial", `file:${console}`, "-kernel", path];
    spawnSync("qemu-system-x86_64", options, { timeout: 60_000 });
    return readFileSync(console, "utf8");
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
