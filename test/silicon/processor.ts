/**
 * Drives `native/processor.c`: compiles it with gcc when its source is newer than the binary, feeds it cases in batches and
 * reads what the real processor made of them.
 */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Ending, type Outcome, type Patch, startRip, type TestCase } from "./case.ts";
import { userDescriptors } from "./segments.ts";

const source = fileURLToPath(new URL("native/processor.c", import.meta.url));
const directory = fileURLToPath(new URL("../../build/silicon/", import.meta.url));
const binary = `${directory}processor`;

const runToBreakpoint = 1;
const setBase = 2;
const setLdt = 4;
/** Offsets and sizes in the structures of native/processor.c. */
const caseFxsave = 24 + 16 * 8 + 4 * 8;
const caseHeader = caseFxsave + 512 + 256;
const resultFxsave = 16 + 2 * 8 + 16 * 8 + 4 * 8 + 16;
const resultHeader = resultFxsave + 512 + 256;
const signals = { trap: 5, system: 31, timer: 26 } as const;

/** Says why the real processor cannot be asked here, or nothing if it can. */
export function processorUnavailable(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return "needs x86-64 Linux";
  try {
    execFileSync("gcc", ["--version"], { stdio: "ignore" });
  } catch {
    return "needs gcc";
  }
  return undefined;
}

function build(): void {
  mkdirSync(directory, { recursive: true });
  if (existsSync(binary) && statSync(binary).mtimeMs > statSync(source).mtimeMs) return;
  // Position-independent: it is loaded where no test case looks for memory.
  const options =
    "-O2 -Wall -Wextra -ffreestanding -nostdlib -static-pie -fpie -fno-stack-protector -mgeneral-regs-only";
  execFileSync("gcc", [...options.split(" "), "-o", binary, source], { stdio: "inherit" });
}

function encodePatches(patches: readonly Patch[]): Uint8Array {
  const size = patches.reduce((sum, patch) => sum + 4 + patch.bytes.length, 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const patch of patches) {
    view.setUint16(at, patch.offset, true);
    view.setUint16(at + 2, patch.bytes.length, true);
    bytes.set(patch.bytes, at + 4);
    at += 4 + patch.bytes.length;
  }
  return bytes;
}

function encodeCase(test: TestCase): Uint8Array {
  const patches = encodePatches(test.patches);
  const bytes = new Uint8Array(caseHeader + test.code.length + patches.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, test.runToBreakpoint ? runToBreakpoint : 0, true);
  view.setUint16(6, test.codeOffset, true);
  view.setUint16(8, test.code.length, true);
  view.setUint16(10, test.patches.length, true);
  for (let i = 0; i < 6; i++) view.setUint16(12 + i * 2, test.selectors[i], true);
  for (let i = 0; i < 16; i++) view.setBigUint64(24 + i * 8, test.gpr[i], true);
  view.setBigUint64(152, startRip(test), true);
  view.setBigUint64(160, test.rflags, true);
  view.setBigUint64(168, test.fsBase, true);
  view.setBigUint64(176, test.gsBase, true);
  bytes.set(test.fxsave.subarray(0, 512), caseFxsave);
  bytes.set(test.ymmHigh, caseFxsave + 512);
  bytes.set(test.code, caseHeader);
  bytes.set(patches, caseHeader + test.code.length);
  return bytes;
}

function encodeBase(memory: Uint8Array): Uint8Array {
  const patches = encodePatches([{ offset: 0, bytes: memory }]);
  const bytes = new Uint8Array(caseHeader + patches.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, setBase, true);
  view.setUint16(10, 1, true);
  bytes.set(patches, caseHeader);
  return bytes;
}

function encodeLdt(): Uint8Array {
  const table = userDescriptors();
  const bytes = new Uint8Array(caseHeader + table.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, setLdt, true);
  view.setUint16(8, table.length, true);
  bytes.set(table, caseHeader);
  return bytes;
}

function decodeEnding(signal: number, vector: number, error: number, cr2: bigint): Ending {
  if (signal === signals.system) return { kind: "system call" };
  if (signal === signals.timer) return { kind: "timeout" };
  return { kind: "exception", vector, error, cr2: vector === 14 ? cr2 : 0n };
}

function decodeOutcome(bytes: Uint8Array): Outcome {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const gpr = new BigUint64Array(16);
  for (let i = 0; i < 16; i++) gpr[i] = view.getBigUint64(32 + i * 8, true);
  const changes: Patch[] = [];
  let at = resultHeader;
  for (let i = view.getUint32(12, true); i > 0; i--) {
    const size = view.getUint16(at + 2, true);
    changes.push({ offset: view.getUint16(at, true), bytes: bytes.slice(at + 4, at + 4 + size) });
    at += 4 + size;
  }
  const error = Number(view.getBigUint64(16, true));
  const fxsave = bytes.slice(resultFxsave, resultFxsave + 512);
  // MXCSR_MASK says what this processor has, not what the case did.
  fxsave.fill(0, 28, 32);
  return {
    ending: decodeEnding(view.getUint32(4, true), view.getUint32(8, true), error, view.getBigUint64(24, true)),
    gpr,
    rip: view.getBigUint64(160, true),
    rflags: view.getBigUint64(168, true),
    fsBase: view.getBigUint64(176, true),
    gsBase: view.getBigUint64(184, true),
    selectors: Uint16Array.from({ length: 6 }, (_, i) => view.getUint16(192 + i * 2, true)),
    fxsave,
    ymmHigh: bytes.slice(resultFxsave + 512, resultFxsave + 768),
    changes,
  };
}

/** The real processor. Cases may be run in any number of batches; `close` ends the native program. */
export class Processor {
  readonly #child: ChildProcessWithoutNullStreams;
  #received: Uint8Array = new Uint8Array(0);
  #waiting: (() => void) | undefined;
  #failure: string | undefined;

  /** @param baseMemory contents of the data area before every case's patches */
  constructor(baseMemory: Uint8Array) {
    const unavailable = processorUnavailable();
    if (unavailable) throw new Error(`the real processor cannot be asked: ${unavailable}`);
    build();
    this.#child = spawn(binary, [], { stdio: "pipe" });
    this.#child.stdout.on("data", (data: Uint8Array) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#waiting?.();
    });
    this.#child.stderr.on("data", (data: Uint8Array) => {
      this.#failure = Buffer.from(data).toString();
    });
    this.#child.on("exit", (code, signal) => {
      this.#failure ??= `native program ended (${signal ?? code})`;
      this.#waiting?.();
    });
    this.#child.stdin.on("error", () => undefined);
    this.#child.stdin.write(encodeLdt());
    this.#child.stdin.write(encodeBase(baseMemory));
  }

  /** Runs every case once, in order. */
  async run(cases: readonly TestCase[]): Promise<Outcome[]> {
    for (const test of cases) this.#child.stdin.write(encodeCase(test));
    const outcomes: Outcome[] = [];
    while (outcomes.length < cases.length) {
      let at = 0;
      const bytes = this.#received;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      while (bytes.length - at >= 4 && bytes.length - at >= view.getUint32(at, true)) {
        const size = view.getUint32(at, true);
        outcomes.push(decodeOutcome(bytes.subarray(at, at + size)));
        at += size;
      }
      this.#received = bytes.subarray(at);
      if (outcomes.length === cases.length) break;
      if (this.#failure) throw new Error(`${this.#failure} after ${outcomes.length} of ${cases.length} cases`);
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
      this.#waiting = undefined;
    }
    return outcomes;
  }

  close(): void {
    this.#failure = "closed";
    this.#child.stdin.end();
  }
}
