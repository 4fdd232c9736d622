/** Fault sites and their control file: src/kernel/user/dynamic-fault.c and tests/fault-sites.c turn them on. (docs/dynamic-fault.md) */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { Session } from "../../src/debug/session.ts";
import { Symbols } from "../../src/debug/symbols.ts";
import { boot } from "../../src/index.ts";
import { Disk } from "../../src/machine/disk.ts";
import { RootFiles } from "../../src/machine/initramfs.ts";
import { type GuestResult, missingForGuest, runInMachine, userProgram } from "./guest.ts";

const missing = missingForGuest();
const image = join(import.meta.dirname, "../../images/disks/btrfs.img.gz");

describe.skipIf(missing !== undefined)("dynamic_fault", () => {
  let run: GuestResult = { output: "", exitCode: undefined };
  /** The lines below a title. */
  const part = (title: string): string[] =>
    (run.output.split(/^== /m).find((text) => text.startsWith(title)) ?? "").split("\n").slice(1, -1);

  beforeAll(async () => {
    const files = { "/dynamic-fault": userProgram("dynamic-fault") };
    run = runInMachine({ files, exec: "/dynamic-fault /dev/vda /mnt", disk: await Disk.fromFile(image) });
  });

  test("every mount ends as it should, and nothing is left", () => {
    expect(run.output).toMatch(/^objects left allocated: 0$/m);
    expect(run.exitCode).toBe(0);
  });

  test("sites are listed in the original's form, all of them off", () => {
    const sites = part("the sites");
    expect(sites.length).toBeGreaterThan(20);
    for (const line of sites) expect(line).toMatch(/^ {2}src\/\S+\.c:\d+ class:\S+ module:\S+ func:\w+ disabled ""$/);
    expect(sites.filter((line) => line.includes(" class:race ")).length).toBe(1);
    expect(sites.filter((line) => line.includes(" class:memory module:btrfs ")).length).toBeGreaterThan(15);
  });

  test("a race that is lost once, or every third time, is handled", () => {
    expect(part("a race").map((line) => line.replace(/c:\d+/, "c:N"))).toEqual([
      "class race oneshot",
      "  mount: succeeds",
      "class race frequency 3",
      "  mount: succeeds",
      '  src/btrfs-model/extent_io.c:N class:race module:btrfs func:alloc_extent_buffer enabled ""',
      "class race frequency 0 disable",
      "  mount: succeeds",
    ]);
  });

  test("a checksum that does not match once costs a copy, always the mount", () => {
    expect(part("in the middle").filter((line) => line.startsWith("  mount"))).toEqual([
      "  mount: succeeds",
      "  mount: Input/output error",
      "  mount: succeeds",
    ]);
  });

  test("each allocation of btrfs fails by itself, and the mount with ENOMEM", () => {
    const outcomes = part("each allocation").map((line) => line.slice(2).split(/ {2,}/)[1] ?? line);
    expect(outcomes.length).toBe(part("the sites").filter((line) => line.includes("class:memory module:btrfs")).length);
    expect(new Set(outcomes)).toEqual(new Set(["not reached", "Cannot allocate memory"]));
    expect(outcomes.filter((outcome) => outcome === "Cannot allocate memory").length).toBeGreaterThan(12);
  });

  test("commands that make no sense are refused", () => {
    const refusals = part("commands").map((line) => line.trim());
    expect(refusals.filter((line) => line.endsWith("accepted"))).toEqual([]);
    expect(refusals.slice(0, 2)).toEqual([
      "func no_such_function enable: No such file or directory",
      "class race: Invalid argument",
    ]);
  });
});

interface Site {
  readonly file: string;
  readonly line: number;
  readonly class: string;
  readonly module: string;
  readonly function: string;
}

describe.skipIf(missing !== undefined)("commands for /sys/kernel/debug/dynamic_fault/control", () => {
  let disk: Disk | undefined;
  let sites: readonly Site[] = [];

  /** What fault-sites prints about these words, by word in order: the lines behind each. */
  function tell(...words: readonly string[]): readonly string[] {
    const files = { "/fault-sites": userProgram("tests/fault-sites") };
    const quoted = words.map((word) => `'${word}'`).join(" ");
    const run = runInMachine({ files, exec: `/fault-sites /dev/vda /mnt ${quoted}`, ...(disk && { disk }) });
    expect(run.output).toMatch(/^left: 0$/m);
    return run.output.split("\n").slice(0, -2);
  }

  const lineOf = /^ {2}(\S+):(\d+) class:(\S+) module:(\S+) func:(\w+) (\w+) ""$/;
  const nameOf = ({ file, line }: Site): string => `${file}:${line}`;

  beforeAll(async () => {
    disk = await Disk.fromFile(image);
    sites = tell("all").flatMap((text) => {
      const [, file, line, class_, module, function_] = lineOf.exec(text) ?? [];
      if (!file || !class_ || !module || !function_) return [];
      return [{ file, line: Number(line), class: class_, module, function: function_ }];
    });
    expect(sites.length).toBeGreaterThan(25);
  });

  test("select by function, file, line, module, class and index, all of which must match", () => {
    const [, , , chosen] = sites.filter((site) => site.module === "btrfs");
    if (chosen === undefined) throw new Error("no sites of btrfs");
    const base = chosen.file.slice(chosen.file.lastIndexOf("/") + 1);
    const inBtrfs = sites.filter(({ module }) => module === "btrfs");
    const cases: readonly (readonly [string, readonly Site[]])[] = [
      ["", sites],
      ["func alloc_extent_buffer", sites.filter((site) => site.function === "alloc_extent_buffer")],
      [`file ${chosen.file}`, sites.filter(({ file }) => file === chosen.file)],
      [`file ${base}`, sites.filter(({ file }) => file === chosen.file)],
      [`file ${base} line ${chosen.line}`, [chosen]],
      ["line 100-200", sites.filter(({ line }) => line >= 100 && line <= 200)],
      ["module btrfs", inBtrfs],
      ["class memory", sites.filter((site) => site.class === "memory")],
      ["class fs", sites.filter((site) => site.class.startsWith("fs:"))],
      ["class fs:btrfs", sites.filter((site) => site.class.startsWith("fs:btrfs:"))],
      ["class fs:btrfs:csum", sites.filter((site) => site.class === "fs:btrfs:csum")],
      ["index 0", sites.slice(0, 1)],
      ["index 3-5", sites.slice(3, 6)],
      ["module btrfs index 1-2", inBtrfs.slice(1, 3)],
      ["index 20-9999", sites.slice(20)],
      ["class race line 1-9999 index 0", sites.filter((site) => site.class === "race")],
      ['func "alloc_extent_buffer"', sites.filter((site) => site.function === "alloc_extent_buffer")],
    ];
    // On, but not firing: without memory the control file could not even be opened.
    const lines = tell(...cases.flatMap(([selector]) => [`${selector} frequency 4000000000`, "list", "disable"]));
    const enabled: string[][] = [];
    for (const line of lines) {
      if (line === "list:") enabled.push([]);
      const [, file, number] = lineOf.exec(line) ?? [];
      if (file) enabled.at(-1)?.push(`${file}:${number}`);
    }
    expect(enabled).toEqual(cases.map(([, selected]) => selected.map(nameOf)));
  });

  test("are refused as a whole", () => {
    const refused: readonly (readonly [string, string])[] = [
      ["", "EINVAL"],
      ["   ", "EINVAL"],
      ["enabled", "EINVAL"],
      ["func", "EINVAL"],
      ["func kmalloc", "EINVAL"],
      ["func kmalloc enable frequency", "EINVAL"],
      ["func no_such enable", "ENOENT"],
      ["func kmal enable", "ENOENT"],
      ["func * enable", "ENOENT"],
      ['func "" enable', "ENOENT"],
      ["file mm/slab.c enable", "ENOENT"],
      ["class mem enable", "ENOENT"],
      ["class fs:btr enable", "ENOENT"],
      ["class memory: enable", "ENOENT"],
      ["module slab class race enable", "ENOENT"],
      ["index 9999 enable", "ENOENT"],
      ["line 0 enable", "ENOENT"],
      ["line x enable", "EINVAL"],
      ["line 1- enable", "EINVAL"],
      ["line -5 enable", "EINVAL"],
      ["line 5-4 enable", "EINVAL"],
      ["line 1-2-3 enable", "EINVAL"],
      ["index 0x1 enable", "EINVAL"],
      ["frequency -1", "EINVAL"],
      ["frequency 4294967296", "EINVAL"],
      ["frequency often", "EINVAL"],
      ["probability 10", "EINVAL"],
      ['file "slab.c enable', "EINVAL"],
      ["line 1 line 1 line 1 line 1 line 1 enable", "E2BIG"],
      ["long 256", "E2BIG"],
    ];
    const lines = tell(...refused.map(([command]) => command), "list");
    expect(lines).toEqual([...refused.map(([command, error]) => `${command}: ${error}`), "list:"]);
    // As many words and bytes as there may be, one number of 32 bits.
    expect(
      tell("line 1-9999 index 0 class race module btrfs disable", "long 255", "frequency 4294967295 disable"),
    ).toEqual([
      "line 1-9999 index 0 class race module btrfs disable: ok",
      "long 255: ok",
      "frequency 4294967295 disable: ok",
    ]);
  });

  test("oneshot fires once, a frequency every so often, and both can be combined", () => {
    const states = (words: readonly string[]): readonly string[] =>
      tell(...words).map((line) => lineOf.exec(line)?.[6] ?? line.replace(/^.*: (?=\w)/, ""));
    const csum = "class fs:btrfs:csum";
    // A mount reads a dozen tree blocks, each of which has a second copy: only two bad ones in a row make it fail.
    expect(states([`${csum} oneshot`, "list", "mount", "list"])).toEqual(["ok", "list:", "oneshot", "ok", "list:"]);
    expect(states([`${csum} enable`, "mount", "list", `${csum} disable`, "mount", "list"])).toEqual([
      "ok",
      "EIO",
      "list:",
      "enabled",
      "ok",
      "ok",
      "list:",
    ]);
    expect(states([`${csum} frequency 2`, "mount", "list"])).toEqual(["ok", "ok", "list:", "enabled"]);
    expect(states([`${csum} oneshot frequency 5`, "list", "mount", "list"])).toEqual([
      "ok",
      "list:",
      "oneshot",
      "ok",
      "list:",
    ]);
    expect(states([`${csum} oneshot frequency 500`, "mount", "list"])).toEqual(["ok", "ok", "list:", "oneshot"]);
    // A frequency of 1 is every call, and stays when the site is enabled again.
    expect(states([`${csum} frequency 1`, "mount", `${csum} frequency 0`, "mount"])).toEqual([
      "ok",
      "EIO",
      "ok",
      "EIO",
    ]);
    expect(states([`${csum} frequency 500 disable`, `${csum} enable`, "mount"])).toEqual(["ok", "ok", "ok"]);
  });

  test("what ktest writes: every hundredth allocation, every thousandth race", () => {
    const mounts = Array.from({ length: 12 }, () => "mount");
    const lines = tell(
      "class memory frequency 100",
      "class race frequency 1000",
      ...mounts,
      "class memory disable",
      "class race disable",
    );
    const outcomes = lines.slice(2, -2).map((line) => line.replace("mount: ", ""));
    expect(new Set(outcomes)).toEqual(new Set(["ok", "ENOMEM"]));
    expect(lines.slice(-2)).toEqual(["class memory disable: ok", "class race disable: ok"]);
  });
});

describe.skipIf(missing !== undefined)("the code of a fault site", () => {
  test("is a nop of five bytes, a jump while the site is on, and takes no kprobe", async () => {
    const root = new RootFiles();
    for (const [path, program] of [
      ["/init", "init"],
      ["/fault-sites", "tests/fault-sites"],
    ] as const)
      root.set(path, { kind: "file", data: readFileSync(userProgram(program)), mode: 0o755 });
    const name = join(import.meta.dirname, "../../build/kernel/kernel.elf");
    const source = {
      name,
      kernel: readFileSync(name),
      root,
      disks: [await Disk.fromFile(image)],
      memory: 256 << 20,
      commandLine: "quiet",
      exec: "/fault-sites /dev/vda /mnt 'class race enable' 'class race enable' 'class race oneshot' mount 'class race disable'",
    };
    const { machine, elf } = boot(source);
    const session = await Session.create({ machine, symbols: new Symbols(elf.symbols()) });
    const code: string[] = [];
    let site = 0n;
    for (let change = 0; change < 2; change++) {
      await session.runTo("text_poke_bp");
      site = session.registers.rdi;
      const bytes = (): string => Buffer.from(session.memory.read(site, 5)).toString("hex");
      code.push(bytes());
      await session.finish();
      code.push(bytes());
    }
    const pokes = session.breakAt("text_poke_bp", () => undefined);
    await session.expectExit(0);
    expect(pokes.hits).toBe(0);
    const nop = "0f1f440000";
    expect(code).toEqual([nop, expect.stringMatching(/^e9.{8}$/), code[1], nop]);
    const probe = `p 0x${BigInt.asUintN(64, site).toString(16)}`;
    const refused = boot({ ...source, exec: `/fault-sites /dev/vda /mnt '${probe}'` }).machine;
    refused.run({ instructions: 1e9 });
    expect(refused.console.text()).toContain(`${probe}: EINVAL`);
  });
});
