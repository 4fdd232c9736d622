import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { buildImage } from "../../src/machine/image.ts";
import { RootFiles } from "../../src/machine/initramfs.ts";
import { runHere as run } from "./run-here.ts";
import { assemble, printAndExit, type TinyElfOptions, tinyElf } from "./tiny-guest.ts";

const folder = mkdtempSync(join(tmpdir(), "enomem-run-"));
const path = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
async function guest(text: string, options: TinyElfOptions = {}): Promise<string> {
  const file = path(`guest${count++}.elf`);
  writeFileSync(file, tinyElf(await assemble(text, 32), options));
  return file;
}

/** Prints the zero-terminated string at [esi], then exits with 0. */
const PRINT_ESI =
  "mov dx, 0x3f8; next: lodsb; test al, al; jz done; out dx, al; jmp next; done: mov dx, 0xf4; xor eax, eax; out dx, eax";

describe("how a run ends", () => {
  it("prints the guest's console and ends with its exit code", async () => {
    const { code, out, err } = await run(await guest(printAndExit("hello\n", 42)));
    expect({ code, out, err }).toEqual({ code: 42, out: "hello\n", err: "" });
  });

  it.each([
    ["a reset by the keyboard controller", "mov al, 0xfe; out 0x64, al; hlt", 120, "asked for a reboot"],
    ["a reset by port 0xcf9", "mov dx, 0xcf9; mov al, 6; out dx, al; hlt", 120, "asked for a reboot"],
    ["a panic", "mov dx, 0x505; mov al, 1; out dx, al; hlt", 121, "kernel panicked"],
    ["a triple fault", "ud2", 122, "triple fault"],
    ["a halt for ever", "cli; hlt", 123, "halted and nothing can wake it"],
    ["a halt with interrupts on and none to come", "sti; hlt", 123, "halted and nothing can wake it"],
  ])("%s has a code of its own", async (_what, text, expected, message) => {
    const { code, err } = await run(await guest(text));
    expect(err).toContain(message);
    expect(err).toMatch(/after \d+ instructions, at /);
    expect(code).toBe(expected);
  });

  it("--test-device has a debug console and a power switch", async () => {
    const text = "mov al, 0x48; out 0xe9, al; mov dx, 0x604; mov ax, 0x2000; out dx, ax; hlt";
    expect(await run(await guest(text), "--test-device")).toMatchObject({ code: 0, out: "H" });
  });

  it("stops at the instruction limit, exactly", async () => {
    const json = path("limit.json");
    const { code } = await run(await guest("again: jmp again"), "--max-instructions", "1e5", "--json", json);
    expect(code).toBe(124);
    expect(JSON.parse(readFileSync(json, "utf8"))).toMatchObject({
      exitReason: "instruction-limit",
      exitCode: 124,
      instructions: 100_000,
    });
  });

  it.each([
    [256, 255],
    [0x1234, 0x34],
  ])("a guest's code %i that the shell cannot have becomes %i", async (given, expected) => {
    const { code } = await run(await guest(`mov eax, ${given}; mov dx, 0xf4; out dx, eax`));
    expect(code).toBe(expected);
  });
});

describe("what the guest is given", () => {
  it("its command line: options, devices, then the program", async () => {
    const text = `mov esi, [ebx + 24]; ${PRINT_ESI}`;
    const disk = path("disk.img");
    writeFileSync(disk, new Uint8Array(4096));
    const args = ["--append", "quiet panic=1", "--exec", "/bin/x 'a b'", "--disk", disk];
    const { out } = await run(await guest(text), ...args);
    expect(out).toBe(
      "quiet panic=1 bpf_coprocessor=0x1000@0xfea00000 virtio_mmio.device=512@0xfeb00e00:12 -- /bin/x 'a b'",
    );
    const plain = await run(await guest(text), "--append", "a=b -- /bin/y", "--no-bpf-coprocessor");
    expect(plain.out).toBe("a=b -- /bin/y");
  });

  it("a seed: for the kernel as an option, for the processor as the start of its random numbers", async () => {
    const line = `mov esi, [ebx + 24]; ${PRINT_ESI}`;
    expect((await run(await guest(line), "--seed", "0x10", "--no-bpf-coprocessor")).out).toBe("random.seed=16");
    const draw = await guest("rdrand eax; and eax, 0x7f; mov dx, 0xf4; out dx, eax");
    const codes = [];
    for (const seed of [[], ["--seed", "0"], ["--seed", "1"], ["--seed", "1"], ["--seed", "18446744073709551615"]])
      codes.push((await run(draw, ...seed)).code);
    expect(codes[1]).toBe(codes[0]);
    expect(codes[3]).toBe(codes[2]);
    expect(new Set(codes).size).toBe(3);
    for (const seed of ["-1", "x", "1.5", "0x", "18446744073709551616"]) {
      const { code, err } = await run(draw, `--seed=${seed}`);
      expect([seed, code]).toEqual([seed, 125]);
      expect(err).toContain("Expected a number of at most 64 bits");
    }
  });

  it("its files, as an initramfs module", async () => {
    writeFileSync(path("hello"), "contents of hello\n");
    // First module: address in [modlist]; the newc entry's data follows its name, padded to 4 bytes.
    const text = `mov edx, [ebx + 16]; mov esi, [edx]; add esi, 112; ${PRINT_ESI}`;
    const { out } = await run(await guest(text), "--file", `/x=${path("hello")}`);
    expect(out).toBe("contents of hello\n");
  });

  it("its memory", async () => {
    // The memory map's only entry: size at offset 8.
    const text = "mov edx, [ebx + 40]; mov eax, [edx + 8]; shr eax, 20; mov dx, 0xf4; out dx, eax";
    expect((await run(await guest(text), "--memory", "48M")).code).toBe(48);
  });

  it("an image's kernel, command line, disks and files, with options on top", async () => {
    const code = await assemble(`mov esi, [ebx + 24]; ${PRINT_ESI}`, 32);
    const image = await buildImage({
      manifest: {
        format: 1,
        description: "prints its command line",
        kernel: "k",
        memory: "16M",
        commandLine: "from=image",
        exec: "/bin/image",
        disks: ["d"],
      },
      files: new Map([
        ["k", tinyElf(code)],
        ["d", new Uint8Array(512)],
      ]),
      root: new RootFiles(),
    });
    writeFileSync(path("image.bin"), image);
    const devices = "bpf_coprocessor=0x1000@0xfea00000 virtio_mmio.device=512@0xfeb00e00:12";
    expect((await run(path("image.bin"))).out).toBe(`from=image ${devices} -- /bin/image`);
    const changed = await run(path("image.bin"), "--append", "more", "--exec", "/bin/other");
    expect(changed.out).toBe(`from=image more ${devices} -- /bin/other`);
  });

  it("what is typed, on its console", async () => {
    writeFileSync(path("typed"), "abc\n");
    const text =
      "again: mov dx, 0x3fd; in al, dx; test al, 1; jz again; mov dx, 0x3f8; in al, dx; out dx, al; cmp al, 10; jne again; " +
      "mov dx, 0xf4; xor eax, eax; out dx, eax";
    expect(await run(await guest(text), "--input", path("typed"))).toEqual({ code: 0, out: "abc\n", err: "" });
  });
});

describe("what the command writes", () => {
  it("the second serial port, byte for byte", async () => {
    const text =
      "mov dx, 0x2f8; mov al, 0xff; out dx, al; mov al, 10; out dx, al; mov dx, 0xf4; xor eax, eax; out dx, eax";
    writeFileSync(path("serial2"), "what was there before, and longer");
    const { out } = await run(await guest(text), "--serial2", path("serial2"));
    expect(out).toBe("");
    expect([...readFileSync(path("serial2"))]).toEqual([0xff, 10]);
  });

  it("the same summary for the same run, and another for another", async () => {
    const file = await guest(printAndExit("same\n", 3));
    const summary = async (...args: string[]): Promise<Record<string, unknown>> => {
      await run(file, "--json", path("summary.json"), ...args);
      return JSON.parse(readFileSync(path("summary.json"), "utf8"));
    };
    const first = await summary();
    expect(await summary()).toEqual(first);
    expect(first).toMatchObject({ exitReason: "exit", exitCode: 3, memory: 2 ** 28, consoleBytes: 5 });
    expect(first.stateHash).toMatch(/^[0-9a-f]{64}$/);
    expect((await summary("--append", "x")).stateHash).not.toBe(first.stateHash);
  });

  it("a trace of all instructions, or of those between two places", async () => {
    const file = await guest("mov eax, 5; nop; nop; mov ecx, -12; mov dx, 0xf4; out dx, eax", {
      symbols: { first: 0, middle: 5, last: 7 },
    });
    const all = await run(file, "--trace-all");
    const lines = all.err.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^ +0 {2}0000000000100000 first +b805000000 +mov eax, 5 +rax=0x5$/);
    expect(lines[2]).toMatch(/ middle\+0x1 +90 +nop$/);
    expect(lines.length).toBe(6);
    const some = await run(file, "--trace-from", "middle", "--trace-until", "last", "--trace-file", path("trace"));
    expect(some.err).toBe("");
    expect(readFileSync(path("trace"), "utf8").trim().split("\n").length).toBe(2);
    const named = await run(file, "--trace-all", "--trace-symbols", "middle");
    expect(named.err.trim().split("\n").length).toBe(2);
  });
});

describe("scripts", () => {
  const script = (name: string, body: string): string => {
    writeFileSync(path(name), `export default async function (session) {\n${body}\n}\n`);
    return path(name);
  };

  it("see and change the guest, which then runs on", async () => {
    const file = await guest("mov eax, 5; nop; mov dx, 0xf4; out dx, eax; hlt", { symbols: { start: 0, middle: 5 } });
    const change = script(
      "change.ts",
      `await session.runTo("middle");
       session.expectEqual(session.registers.rax, 5, "eax");
       session.log(session.disassemble()[0].text);
       session.registers.rax = 77n;`,
    );
    expect(await run(file, "--script", change)).toEqual({ code: 77, out: "", err: "nop\n" });
  });

  it("that fail end the run with their own code", async () => {
    const file = await guest("nop; hlt", { symbols: { start: 0 } });
    const failing = await run(file, "--script", script("failing.ts", `session.expect(false, "the impossible");`));
    expect(failing.code).toBe(126);
    expect(failing.err).toMatch(/^error: .*failing\.ts:\d+: expected the impossible \(at start, time 0\)\n$/);
    const unknown = await run(file, "--script", script("unknown.ts", `await session.runTo("begin");`));
    expect(unknown.err).toMatch(/^error: .*unknown\.ts:\d+: no symbol "begin"\n$/);
    const broken = await run(file, "--script", script("broken.ts", `session.memory.read(0x1234_5678_0000n, 1);`));
    expect(broken.code).toBe(126);
    expect(broken.err).toMatch(/^error: .*broken\.ts:\d+: RangeError: 0x123456780000 is not mapped\n$/);
  });

  it("cost the guest nothing when they only watch", async () => {
    const file = await guest(`mov ecx, 1000; again: loop again; ${printAndExit("done\n", 0)}`, {
      symbols: { again: 5 },
    });
    const watch = script("watch.ts", `session.breakAt("again", () => undefined); await session.run();`);
    await run(file, "--json", path("alone.json"));
    await run(file, "--json", path("watched.json"), "--script", watch);
    const [alone, watched] = ["alone.json", "watched.json"].map((name) => JSON.parse(readFileSync(path(name), "utf8")));
    expect(watched).toEqual(alone);
  });
});

describe("as a process", () => {
  it("keeps the guest's console and our messages apart", async () => {
    const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
    const file = await guest(printAndExit("out\n", 9));
    const child = spawnSync(process.execPath, ["--import", "tsx", "run.ts", file], { cwd: root, encoding: "utf8" });
    expect(child.stderr).toBe("");
    expect(child.stdout).toBe("out\n");
    expect(child.status).toBe(9);
  });
});
