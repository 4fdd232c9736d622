/**
 * Mounts damaged btrfs disks in the miniature kernel, and in a Linux of your own to compare, and prints what each says.
 *
 *   npx tsx scripts/btrfs-damage.ts [--seeds FIRST-LAST] [--superblock] [--disk IMAGE] [--kernel ELF] [--user DIRECTORY]
 *                                   [--linux BZIMAGE] [--out FILE]
 *
 * --superblock: one case for each rule of the superblock; --seeds: cases made at random, the same for the same seed.
 * With --linux (a kernel with btrfs, a virtio disk and the serial port built in; needs qemu-system-x86_64, cpio and
 * busybox-static), differences in errno or messages are printed and counted; the exit code is 1 if errnos differ.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DamageMaker, formatCases, superblockCases } from "../src/btrfs-model/host/damage.ts";
import { loadImage } from "../src/btrfs-model/host/volume.ts";
import { boot } from "../src/index.ts";
import { Disk } from "../src/machine/disk.ts";
import { RootFiles } from "../src/machine/initramfs.ts";
import { badUsage, parseOptions } from "./usage.ts";

const root = join(import.meta.dirname, "..");
const { values } = parseOptions({
  options: {
    seeds: { type: "string" },
    superblock: { type: "boolean", default: false },
    disk: { type: "string", default: join(root, "test/btrfs-model/disks/crc32c.img.gz") },
    kernel: { type: "string", default: join(root, "build/kernel/kernel.elf") },
    user: { type: "string", default: join(root, "build/user") },
    linux: { type: "string" },
    out: { type: "string" },
  },
});

const image = loadImage(values.disk);
const maker = new DamageMaker(image);
const cases = values.superblock || values.seeds === undefined ? superblockCases(maker) : [];
if (values.seeds !== undefined) {
  if (!/^\d+(-\d+)?$/.test(values.seeds)) badUsage(`--seeds ${values.seeds}: expected a number, or FIRST-LAST`);
  const [first, last = first] = values.seeds.split("-").map(Number);
  for (let seed = first; seed <= last; seed++) cases.push(maker.random(seed));
}
const text = formatCases(cases);

async function runOurs(): Promise<string> {
  const files = new RootFiles();
  for (const [path, name] of Object.entries({ "/init": "init", "/bin/mount-damaged": "mount-damaged" }))
    files.set(path, { kind: "file", data: readFileSync(join(values.user, name)), mode: 0o755 });
  files.set("/cases", { kind: "file", data: Buffer.from(text), mode: 0o644 });
  const { machine } = boot({
    name: values.kernel,
    kernel: readFileSync(values.kernel),
    root: files,
    disks: [await Disk.fromBytes(image.bytes.slice())],
    memory: 256 << 20,
    commandLine: "quiet loglevel=1",
    exec: "/bin/mount-damaged /cases /dev/vda /mnt",
  });
  const chunks: Uint8Array[] = [];
  machine.console.listener = (bytes) => chunks.push(bytes.slice());
  const stop = machine.run();
  return `${Buffer.concat(chunks).toString()}\nstopped: ${stop.reason}\n`;
}

/** The same program as the first process's child under QEMU. */
function runLinux(kernel: string): string {
  const scratch = mkdtempSync(join(tmpdir(), "btrfs-damage-"));
  try {
    const tree = join(scratch, "root");
    for (const name of ["bin", "dev", "proc", "mnt"]) mkdirSync(join(tree, name), { recursive: true });
    const busybox = execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim();
    execFileSync("cp", [busybox, join(tree, "bin/busybox")]);
    execFileSync("cp", [join(values.user, "mount-damaged"), join(tree, "bin/mount-damaged")]);
    writeFileSync(join(tree, "cases"), text);
    const script = [
      "#!/bin/busybox sh",
      "/bin/busybox mount -t devtmpfs dev /dev",
      "/bin/busybox stty -F /dev/ttyS1 raw -echo",
      "/bin/mount-damaged /cases /dev/vda /mnt 250 > /dev/ttyS1 2>&1",
      "/bin/busybox poweroff -f",
    ];
    writeFileSync(join(tree, "init"), `${script.join("\n")}\n`, { mode: 0o755 });
    const initrd = join(scratch, "initrd");
    writeFileSync(
      initrd,
      execFileSync("cpio", ["-o", "-H", "newc", "--quiet"], { cwd: tree, input: listing(tree), maxBuffer: 64 << 20 }),
    );
    const disk = join(scratch, "disk");
    writeFileSync(disk, image.bytes);
    const serial = join(scratch, "serial");
    const machine = [
      "-accel",
      "tcg",
      "-cpu",
      "qemu64",
      "-m",
      "512",
      "-display",
      "none",
      "-monitor",
      "none",
      "-no-reboot",
    ];
    const ports = ["-serial", "null", "-serial", `file:${serial}`];
    const drive = ["-drive", `file=${disk},if=virtio,format=raw`];
    const boot = ["-kernel", kernel, "-initrd", initrd, "-append", "quiet panic=-1 printk.devkmsg=on"];
    spawnSync("qemu-system-x86_64", [...machine, ...ports, ...drive, ...boot], { timeout: 900_000, stdio: "ignore" });
    return readFileSync(serial, "utf8");
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const listing = (tree: string): string => execFileSync("find", ["."], { cwd: tree, encoding: "utf8" });

/** Of each case, the answer and the messages. */
function parse(output: string): Map<string, { readonly answer: string; readonly messages: string[] }> {
  const results = new Map<string, { answer: string; messages: string[] }>();
  let messages: string[] = [];
  for (const line of output.replaceAll("\r", "").split("\n")) {
    const head = /^([-\w]+): (.*)$/.exec(line);
    if (head !== null) {
      messages = [];
      results.set(head[1], { answer: head[2], messages });
    } else if (line.startsWith("  ")) messages.push(line.trim());
  }
  return results;
}

/** What makes messages differ without meaning: kernels name who scanned, and where code is. */
const plain = (messages: readonly string[]): string[] =>
  messages
    .filter((message) => !/scanned by|^BTRFS info|^btrfs_printk: /.test(message))
    .map((message) => message.replace(/(open_ctree failed:) -\d+/, "$1"));

const ours = await runOurs();
if (values.out !== undefined) writeFileSync(values.out, ours);
if (values.linux === undefined) {
  process.stdout.write(ours);
} else {
  const linux = runLinux(values.linux);
  if (values.out !== undefined) writeFileSync(`${values.out}.linux`, linux);
  const theirs = parse(linux);
  const mine = parse(ours);
  let errnos = 0;
  let wordings = 0;
  let masked = 0;
  for (const { name } of cases) {
    const [a, b] = [mine.get(name), theirs.get(name)];
    // Linux 6.1 says EINVAL for whatever fails at many steps; this kernel says what it was.
    const isMasked =
      a !== undefined && a.answer !== b?.answer && b?.answer === "mount 22" && a.answer.startsWith("mount ");
    const sameAnswer = a?.answer === b?.answer || isMasked;
    const sameMessages = plain(a?.messages ?? []).join("\n") === plain(b?.messages ?? []).join("\n");
    if (isMasked) masked++;
    if (!sameAnswer) errnos++;
    if (!sameMessages) wordings++;
    if (sameAnswer && sameMessages) continue;
    console.log(`${name}: ours ${a?.answer}${a?.answer === b?.answer ? "" : `; Linux ${b?.answer}`}`);
    if (sameMessages) continue;
    for (const message of plain(a?.messages ?? [])) console.log(`  ours   ${message}`);
    for (const message of plain(b?.messages ?? [])) console.log(`  Linux  ${message}`);
  }
  console.log(
    `${cases.length} cases: ${errnos} with another answer, ${masked} where Linux masks the errno with EINVAL,`,
  );
  console.log(`${wordings} with other messages`);
  process.exitCode = errnos === 0 ? 0 : 1;
}
