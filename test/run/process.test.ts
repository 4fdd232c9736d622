/** The command as a process of its own: interrupts, standard output that fails, scripts that go wrong behind our back. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assemble, printAndExit, tinyElf } from "./tiny-guest.ts";

const repository = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "enomem-process-"));
const path = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  writeFileSync(path("good.elf"), tinyElf(await assemble(printAndExit("ok\n", 0), 32)));
  const prompt = "mov dx, 0x3f8; mov al, 62; out dx, al";
  writeFileSync(path("endless.elf"), tinyElf(await assemble(`${prompt}; again: jmp again`, 32)));
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command; `onOutput` sees what it prints on standard output, which goes to `stdout` if that is given. */
function run(args: readonly string[], options: { stdout?: string; onOutput?: (kill: () => void) => void } = {}) {
  return new Promise<Ended>((resolve, reject) => {
    const stdout = options.stdout === undefined ? "pipe" : openSync(options.stdout, "w");
    // Without the command "tsx", whose process would be a second one that gets signals.
    const child = spawn(process.execPath, ["--import", "tsx", join(repository, "run.ts"), ...args], {
      cwd: repository,
      stdio: ["ignore", stdout, "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout?.on("data", (data) => {
      out += String(data);
      options.onOutput?.(() => child.kill("SIGINT"));
    });
    child.stderr?.on("data", (data) => {
      err += String(data);
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

it("ends with 130 and a summary when it is interrupted, whenever that is", { timeout: 60_000 }, async () => {
  for (const delay of [0, 70]) {
    const onOutput = (kill: () => void): unknown => setTimeout(kill, delay);
    const { code, err } = await run([path("endless.elf"), "--json", path("json")], { onOutput });
    expect(err).toMatch(/^run\.ts: it was asked to stop, after \d+ instructions, at 0x[0-9a-f]+\n$/);
    expect(code).toBe(130);
    expect(JSON.parse(readFileSync(path("json"), "utf8"))).toMatchObject({ exitReason: "interrupted", exitCode: 130 });
  }
});

it.skipIf(!existsSync("/dev/full"))("says when standard output cannot be written", async () => {
  const { code, err } = await run([path("good.elf")], { stdout: "/dev/full" });
  expect(err).toBe("error: standard output: cannot be written: no space left on the device\n");
  expect(code).toBe(125);
});

describe("scripts", () => {
  it.each([
    ["a promise that nobody awaits fails", 'Promise.reject(new Error("stray"));', /script\.ts:2: Error: stray\n$/],
    ["a timer fails", 'setTimeout(() => { throw new Error("late"); }, 1);', /script\.ts:2: Error: late\n$/],
    ["nothing ends its waiting", "", /script\.ts: the script waits for something that nothing will bring about\n$/],
    ["what is thrown is no error", "throw { toString: 1 };", /script\.ts: \{ toString: 1 \}\n$/],
  ])("%s: exit code 126 and one line", async (_what, text, message) => {
    writeFileSync(path("script.ts"), `export default async () => {\n${text}\nawait new Promise(() => undefined); };\n`);
    const { code, out, err } = await run([path("good.elf"), "--script", path("script.ts")]);
    expect(err).toMatch(message);
    expect(err.split("\n")).toHaveLength(2);
    expect({ code, out }).toEqual({ code: 126, out: "" });
  });

  it("do not keep the command from ending by timers that they left", async () => {
    writeFileSync(path("script.ts"), "export default () => { setInterval(() => undefined, 1000); };\n");
    expect(await run([path("good.elf"), "--script", path("script.ts")])).toEqual({ code: 0, out: "ok\n", err: "" });
  });
});
