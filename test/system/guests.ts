/** The system guests: multiboot kernels of one source file each, assembled by gcc, and how they end on QEMU and on this machine. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  "virtual-interrupts",
  "debug",
] as const;

/**
 * Checks that fail on QEMU 7.2 (TCG), "?": it does not come to the end. TCG checks neither limits nor null selectors at memory accesses,
 * and no reserved bits of control registers; its #PF with the reserved bit has no present bit; error codes of gates in long mode have
 * twice the vector and no external bit; no exceptions of SSE, RF is not pushed; no general detect; INT1 is an interrupt;
 * there are no virtual interrupts.
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
  "virtual-interrupts": "abdefgklmnorswy",
  debug: "qrstHILP",
};

/**
 * Checks that fail on Bochs 2.7: RET to a non-canonical address is refused before the jump,
 * as Intel's processors do it and AMD's not, and that guest does not come to its end ("?").
 */
export const BOCHS_FAILS: Readonly<Record<string, string>> = { exceptions: "F?" };

/** Checks that fail here, with reasons. */
export const EXPECTED_FAILURES: Readonly<Record<string, string>> = {};

export function isInstalled(tool: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${tool}`]).status === 0;
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

/** What the guest prints under Bochs, which has a BIOS only: GRUB loads the guest from a CD. */
export function consoleOfBochs(path: string): string {
  const scratch = mkdtempSync(join(tmpdir(), "system-bochs-"));
  const file = (name: string): string => join(scratch, name);
  try {
    mkdirSync(file("cd/boot/grub"), { recursive: true });
    cpSync(path, file("cd/boot/guest.elf"));
    writeFileSync(
      file("cd/boot/grub/grub.cfg"),
      "set timeout=0\nmenuentry guest {\n multiboot /boot/guest.elf\n boot\n}\n",
    );
    run("grub-mkrescue", ["-d", "/usr/lib/grub/i386-pc", "-o", file("cd.iso"), file("cd")]);
    const settings = [
      "romimage: file=/usr/share/bochs/BIOS-bochs-latest",
      "vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest",
      "megs: 64",
      "cpu: model=corei7_skylake_x, ips=100000000, ignore_bad_msrs=0",
      "clock: sync=none",
      `ata0-master: type=cdrom, path=${file("cd.iso")}, status=inserted`,
      "boot: cdrom",
      `com1: enabled=1, mode=file, dev=${file("console")}`,
      'display_library: rfb, options="timeout=0"',
      "sound: driver=dummy, waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy",
      `log: ${file("log")}`,
    ];
    writeFileSync(file("bochsrc"), settings.map((line) => `${line}\n`).join(""));
    // Debian's Bochs stops in its debugger first, and takes long to close every descriptor that it might have.
    writeFileSync(file("go"), "c\n");
    const command = 'ulimit -n 256; exec bochs -q -f "$0/bochsrc" -rc "$0/go"';
    spawnSync("bash", ["-c", command, scratch], { timeout: 60_000, stdio: "ignore" });
    return readFileSync(file("console"), "utf8");
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
