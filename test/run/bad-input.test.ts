import { chmodSync, existsSync, linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildImage } from "../../src/machine/image.ts";
import { RootFiles } from "../../src/machine/initramfs.ts";
import { runHere as run } from "./run-here.ts";
import { assemble, printAndExit, tinyElf } from "./tiny-guest.ts";

const folder = mkdtempSync(join(tmpdir(), "enomem-run-"));
const path = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  const code = await assemble(printAndExit("ok\n", 0), 32);
  writeFileSync(path("good.elf"), tinyElf(code));
  writeFileSync(path("arm.elf"), tinyElf(code, { machine: 183 }));
  writeFileSync(path("no-note.elf"), tinyElf(code, { withNote: false }));
  writeFileSync(path("high.elf"), tinyElf(code, { loadAddress: 0x8000_0000 }));
  writeFileSync(path("huge.elf"), tinyElf(code, { memorySize: 2 ** 40 }));
  writeFileSync(path("low.elf"), tinyElf(code, { loadAddress: 0x8000 }));
  writeFileSync(path("cut.elf"), tinyElf(code).subarray(0, 200));
  const object = Buffer.from(tinyElf(code));
  object.writeUInt16LE(1, 16);
  writeFileSync(path("object.elf"), object);
  const big = Buffer.from(tinyElf(code));
  big[5] = 2;
  writeFileSync(path("big-endian.elf"), big);
  writeFileSync(path("text"), "hello, I am a text file\n");
  writeFileSync(path("empty"), "");
  const linux = Buffer.alloc(4096);
  linux.write("HdrS", 0x202);
  writeFileSync(path("bzImage"), linux);
  writeFileSync(path("disk.gz"), gzipSync(Buffer.alloc(8192, 1)).subarray(0, 20));
  writeFileSync(path("not-a-script.ts"), "export const x = 1;\n");
  writeFileSync(path("syntax.ts"), "export default function ( {\n");
  const image = await buildImage({
    manifest: { format: 1, description: "d", kernel: "k", memory: "16M", commandLine: "", disks: [] },
    files: new Map([["k", readFileSync(path("good.elf"))]]),
    root: new RootFiles(),
  });
  writeFileSync(path("image.bin"), image);
  writeFileSync(path("cut.bin"), image.subarray(0, image.length - 30));
  const derived = await buildImage({
    manifest: { format: 1, description: "d", kernel: "k", base: "none.bin", memory: "16M", commandLine: "", disks: [] },
    files: new Map([["k", readFileSync(path("good.elf"))]]),
    root: new RootFiles(),
  });
  writeFileSync(path("derived.bin"), derived);
  writeFileSync(path("script.ts"), "export default () => {};\n");
  linkSync(path("text"), path("hard-link"));
  const bomb = await buildImage({
    manifest: { format: 1, description: "d", kernel: "k", memory: "16M", commandLine: "", disks: [], script: "s" },
    files: new Map([
      ["k", readFileSync(path("good.elf"))],
      ["s", new Uint8Array(2 ** 26 + 1)],
    ]),
    root: new RootFiles(),
  });
  writeFileSync(path("bomb.bin"), bomb);
});

describe("bad input: one clear error, exit code 125, nothing on standard output", () => {
  const p = path;
  it.each<[string, () => string[], RegExp]>([
    ["no image", () => [], /^error: missing required argument 'image'/],
    ["an image that is not there", () => [p("none.bin")], /none\.bin: cannot be read: no such file\n$/],
    ["a folder", () => [folder], /: cannot be read: is a directory\n$/],
    [
      "an empty file",
      () => [p("empty")],
      /empty: is empty; expected an image bundle .* an ELF or multiboot kernel, or --flat/,
    ],
    ["a text file", () => [p("text")], /text: begins with 68656c6c; expected an image bundle/],
    ["a bzImage", () => [p("bzImage")], /bzImage: a Linux bzImage, which this machine cannot boot yet/],
    ["a truncated image", () => [p("cut.bin")], /cut\.bin: not a whole gzip file: /],
    [
      "an ELF of another machine",
      () => [p("arm.elf")],
      /arm\.elf: an ELF file for AArch64 \(64-bit\), expected x86-64 or i386\n$/,
    ],
    ["a big-endian ELF", () => [p("big-endian.elf")], /: a big-endian ELF file, expected little-endian x86\n$/],
    ["an object file", () => [p("object.elf")], /: ELF type 1 \(an object file\), expected an executable\n$/],
    ["an ELF without a PVH note", () => [p("no-note.elf")], /: neither a PVH entry point .* nor a multiboot header/],
    ["a truncated ELF", () => [p("cut.elf")], /cut\.elf: truncated: /],
    ["an ELF outside RAM", () => [p("high.elf")], /segment 0x80000000 to .* is not in RAM, which is 256M\n$/],
    ["an ELF larger than RAM", () => [p("huge.elf")], /is not in RAM, which is 256M\n$/],
    ["an ELF where boot information goes", () => [p("low.elf")], /lies where the boot information goes\n$/],
    [
      "a missing disk",
      () => [p("good.elf"), "--disk", p("none.img")],
      /none\.img: disk cannot be read: no such file\n$/,
    ],
    ["a corrupt gzip disk", () => [p("good.elf"), "--disk", p("disk.gz")], /disk\.gz: disk is not a whole gzip file: /],
    [
      "too many disks",
      () => [
        p("good.elf"),
        ...Array(9)
          .fill(["--disk", p("text")])
          .flat(),
      ],
      /9 disks, the machine has room for 8\n$/,
    ],
    [
      "a memory size of words",
      () => [p("good.elf"), "--memory", "lots"],
      /'lots' is invalid\. Expected a number with the unit/,
    ],
    ["too little memory", () => [p("good.elf"), "--memory", "512"], /'512' is invalid\. Expected from 1M to 2G/],
    ["too much memory", () => [p("good.elf"), "--memory", "64G"], /'64G' is invalid\. Expected from 1M to 2G/],
    [
      "an instruction limit that is no number",
      () => [p("good.elf"), "--max-instructions", "many"],
      /'many' is invalid/,
    ],
    [
      "a guest file without a host file",
      () => [p("good.elf"), "--file", "/x"],
      /'\/x' is invalid\. Expected GUEST=HOST/,
    ],
    [
      "a host file that is not there",
      () => [p("good.elf"), "--file", `/x=${p("none")}`],
      /--file .*none: cannot be read: no such file\n$/,
    ],
    [
      "a guest path that leaves the root",
      () => [p("good.elf"), "--file", `/../x=${p("text")}`],
      /must not contain "\.\."\n$/,
    ],
    ["an unclosed quote", () => [p("good.elf"), "--exec", "/bin/a 'b"], /' is not closed in: \/bin\/a 'b\n$/],
    ["an empty command", () => [p("good.elf"), "--exec", " "], /expected a program and its arguments, got nothing\n$/],
    [
      "a script that is not there",
      () => [p("good.elf"), "--script", p("none.ts")],
      /--script .*none\.ts: cannot be read: no such file\n$/,
    ],
    [
      "a script without a default export",
      () => [p("good.elf"), "--script", p("not-a-script.ts")],
      /expected a default export that is a function, got undefined\n$/,
    ],
    [
      "a script that is no TypeScript",
      () => [p("good.elf"), "--script", p("syntax.ts")],
      /syntax\.ts: cannot be loaded: /,
    ],
    [
      "a summary that cannot be written",
      () => [p("good.elf"), "--json", p("none/x.json")],
      /--json .*: cannot be written: no such file\n$/,
    ],
    [
      "an output that is an input",
      () => [p("good.elf"), "--serial2", p("good.elf")],
      /this file is an input of the run/,
    ],
    [
      "a trace symbol that is not there",
      () => [p("good.elf"), "--trace-from", "nowhere"],
      /--trace-from nowhere: the kernel has no such symbol\n$/,
    ],
    [
      "a misspelt option",
      () => [p("good.elf"), "--memroy", "64M"],
      /unknown option '--memroy'\n\(Did you mean --memory\?\)/,
    ],
    ["two images", () => [p("good.elf"), p("good.elf")], /too many arguments/],
    [
      "an endless file for the guest",
      () => [p("good.elf"), "--file", "/x=/dev/zero"],
      /longer than the 2147483648 bytes/,
    ],
    ["an endless firmware", () => ["/dev/zero", "--flat"], /longer than the 2147483648 bytes/],
    ["an endless disk", () => [p("good.elf"), "--disk", "/dev/zero"], /disk is a character device, expected a file/],
    [
      "an output that is a script",
      () => [p("good.elf"), "--script", p("script.ts"), "--json", p("script.ts")],
      /an input/,
    ],
    ["an output that is typed", () => [p("good.elf"), "--input", p("text"), "--serial2", p("text")], /an input/],
    [
      "an output that is an input by another name",
      () => [p("good.elf"), "--file", `/x=${p("text")}`, "--json", p("hard-link")],
      /this file is an input of the run/,
    ],
    [
      "two outputs into one file",
      () => [p("good.elf"), "--json", p("both"), "--trace-file", p("both")],
      /--trace-file .*both: this file is also that of --json\n$/,
    ],
    [
      "an instruction limit beyond what can be counted",
      () => [p("good.elf"), "--max-instructions", "1e16"],
      /at least 1 and below 2\^53/,
    ],
    [
      "a trace from an address of more than 64 bits",
      () => [p("good.elf"), "--trace-from", "0x10000000000000000"],
      /expected a symbol, a 64-bit address \(0x\.\.\.\) or a time in ticks\n$/,
    ],
    ["kernel options of two lines", () => [p("good.elf"), "--append", "a\nb"], /Expected one line of kernel options/],
    [
      "an image whose base is not there",
      () => [p("derived.bin")],
      /derived\.bin: manifest\.json: "base": .*none\.bin: cannot be read: no such file\n$/,
    ],
    [
      "an image whose script is mostly zeros, and long",
      () => [p("bomb.bin")],
      /bomb\.bin: s: 67108865 bytes, expected at most 67108864\n$/,
    ],
  ])("%s", async (_what, args, message) => {
    const { code, out, err } = await run(...args());
    expect(err).toMatch(message);
    expect(err.trim().split("\n").length).toBeLessThanOrEqual(2);
    expect(code).toBe(125);
    expect(out).toBe("");
  });

  it("a file that may not be read", async ({ skip }) => {
    if (process.getuid?.() === 0) skip("root may read every file");
    writeFileSync(path("secret"), "x");
    chmodSync(path("secret"), 0);
    const { code, err } = await run(path("secret"));
    expect(err).toMatch(/secret: cannot be read: permission denied/);
    expect(code).toBe(125);
  });

  it("leaves the input that would have been overwritten as it was", async () => {
    const before = readFileSync(path("good.elf"));
    await run(path("good.elf"), "--json", path("good.elf"));
    expect(Buffer.compare(readFileSync(path("good.elf")), before)).toBe(0);
    expect(existsSync(path("none"))).toBe(false);
  });
});

describe("an output file is emptied only when everything is in order", () => {
  it.each([
    ["a wrong option", () => ["--trace-from", "nowhere"]],
    ["another output that cannot be written", () => ["--serial2", path("none/x")]],
  ])("%s", async (_what, args) => {
    writeFileSync(path("kept.json"), "precious");
    const { code } = await run(path("good.elf"), "--json", path("kept.json"), ...args());
    expect(code).toBe(125);
    expect(readFileSync(path("kept.json"), "utf8")).toBe("precious");
  });

  it.skipIf(!existsSync("/dev/full"))("a full device is reported", async () => {
    const { code, out, err } = await run(path("good.elf"), "--json", "/dev/full");
    expect(err).toBe("error: --json /dev/full: cannot be written: no space left on the device\n");
    expect({ code, out }).toEqual({ code: 125, out: "ok\n" });
  });
});

describe("help", () => {
  it("lists options and exit codes on standard output", async () => {
    const { code, out, err } = await run("--help");
    expect(code).toBe(0);
    expect(err).toBe("");
    for (const text of ["--disk", "--trace", "--json", "121", "triple fault"]) expect(out).toContain(text);
  });
});
