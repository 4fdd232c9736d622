/**
 * The kernel of an image, its root and its disk under QEMU: the console is ours up to the first BPF load, which QEMU has no
 * co-processor for.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { platform } from "../../src/devices/platform.ts";
import { boot, loadImage, readBootSource } from "../../src/index.ts";
import { missingForGuest } from "./guest.ts";

const images = join(import.meta.dirname, "../../images");
const missing = missingForGuest("qemu-system-x86_64");

/** What two platforms rightly differ in: time, frequency, memory, options, the second UART of ours. */
function comparable(console: string): string[] {
  return console
    .replaceAll("\r\n", "\n")
    .split("\n")
    .filter((line) => !/[Cc]ommand line|Memory:|tsc:|ttyS1/.test(line))
    .map((line) => line.replace(/^\[ *\d+\.\d{6}\] /, ""));
}

/** The console of the image under QEMU, and how QEMU ended. */
async function underQemu(name: string): Promise<{ console: string; status: number | null }> {
  const image = await loadImage(join(images, `${name}.bin`));
  const directory = mkdtempSync(join(tmpdir(), "qemu-"));
  const file = (fileName: string, data: Uint8Array): string => {
    const path = join(directory, fileName);
    writeFileSync(path, data);
    return path;
  };
  try {
    const kernel = file("kernel.elf", image.kernel);
    const initrd = file("root.cpio", image.root.toCpio());
    const [disk] = image.disks;
    const diskPath = file("disk.img", disk.read(0, disk.size));
    // Not stdio: QEMU drops characters when the reader of a pipe is slow.
    const serial = join(directory, "serial");
    const options = [
      ["-M", "microvm,x-option-roms=off,pit=off,pic=off,rtc=off,acpi=off,isa-serial=on"],
      ["-cpu", "qemu64", "-accel", "tcg", "-m", "128", "-nodefaults", "-no-user-config", "-display", "none"],
      ["-no-reboot", "-serial", `file:${serial}`, "-global", "virtio-mmio.force-legacy=false"],
      ["-device", `isa-debug-exit,iobase=${platform.debugExitPort},iosize=4`],
      ["-drive", `id=d,file=${diskPath},format=raw,if=none`, "-device", "virtio-blk-device,drive=d"],
      ["-kernel", kernel, "-initrd", initrd],
      ["-append", `console=ttyS0 init_exec="${image.manifest.exec}"`],
    ].flat();
    const run = spawnSync("qemu-system-x86_64", options, { timeout: 60_000, stdio: "ignore" });
    return { console: readFileSync(serial, "utf8"), status: run.status };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function ours(name: string): Promise<string> {
  const { machine } = boot(await readBootSource(join(images, `${name}.bin`)));
  const chunks: Uint8Array[] = [];
  machine.console.listener = (bytes) => chunks.push(bytes.slice());
  machine.run({ instructions: 2e9 });
  return Buffer.concat(chunks).toString();
}

describe.skipIf(missing !== undefined)("the same kernel under QEMU", () => {
  test("mount-and-read prints the same, and ends with the same code", async () => {
    const qemu = await underQemu("mount-and-read");
    expect(comparable(qemu.console)).toEqual(comparable(await ours("mount-and-read")));
    expect(qemu.status).toBe((0 << 1) | 1);
  });

  test("override-open-ctree prints the same up to the first BPF load, which fails", async () => {
    const qemu = comparable((await underQemu("override-open-ctree")).console);
    const here = comparable(await ours("override-open-ctree"));
    const init = "Run /init as init process";
    const booted = here.indexOf(init);
    expect(booted).toBeGreaterThan(0);
    expect(qemu.slice(0, booted + 1)).toEqual(here.slice(0, booted + 1));
    expect(qemu.slice(booted + 1).join("\n")).toMatch(/No such device/);
  });
});
