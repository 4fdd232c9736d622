/**
 * What `tsx run.ts` does once its options are parsed: boot, run with trace or script, report. docs/command.md is its manual.
 */

import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { type TierOptions, tierOptions } from "../cpu/index.ts";
import { platform } from "../devices/platform.ts";
import { type BootOverrides, type BootSource, boot, readBootSource } from "../machine/boot/boot.ts";
import { Disk } from "../machine/disk.ts";
import type { RootFiles } from "../machine/initramfs.ts";
import { InputError } from "../machine/input-error.ts";
import { readInputFile } from "../machine/input-file.ts";
import type { Machine, Stop } from "../machine/machine.ts";
import { loadDisassembler } from "./disassemble.ts";
import { OutputFiles } from "./output-files.ts";
import { loadScriptFile, loadScriptText, runScript, type Script } from "./script.ts";
import { describeStop, Session } from "./session.ts";
import { SessionError } from "./session-error.ts";
import { parseAddress, Symbols } from "./symbols.ts";
import { Trace, type TracePlace } from "./trace.ts";
import { kernelBtf } from "./types.ts";

/** The options, as the command line names them. */
export interface RunOptions extends TierOptions {
  readonly image: string;
  readonly disk?: readonly string[];
  /** Guest path and host path. */
  readonly file?: readonly (readonly [string, string])[];
  readonly initrd?: string;
  readonly flat?: boolean;
  readonly exec?: string;
  readonly append?: string;
  /** Bytes. */
  readonly memory?: number;
  readonly serial2?: string;
  readonly input?: string;
  readonly interactive?: boolean;
  readonly script?: string;
  readonly maxInstructions?: number;
  readonly trace?: boolean;
  readonly traceAll?: boolean;
  readonly traceFrom?: string;
  readonly traceUntil?: string;
  readonly traceSymbols?: readonly string[];
  readonly traceFile?: string;
  readonly json?: string;
  readonly bpfCoprocessor?: boolean;
  readonly testDevice?: boolean;
  readonly seed?: bigint;
}

export interface RunOutput {
  stdout(data: Uint8Array | string): void;
  stderr(text: string): void;
}

const EXIT_CODE = { reboot: 120, panic: 121, "triple-fault": 122, halted: 123, "instruction-limit": 124 } as const;
const EXIT_SCRIPT_FAILED = 126;
const EXIT_INTERRUPTED = 130;

/** The command's own exit codes, for --help. */
export const EXIT_CODES: readonly { readonly code: number; readonly meaning: string }[] = [
  { code: EXIT_CODE.reboot, meaning: "the guest asked for a reboot" },
  { code: EXIT_CODE.panic, meaning: "the guest's kernel panicked" },
  { code: EXIT_CODE["triple-fault"], meaning: "triple fault" },
  { code: EXIT_CODE.halted, meaning: "the processor is halted and nothing can wake it" },
  { code: EXIT_CODE["instruction-limit"], meaning: "the instruction limit was reached (--max-instructions)" },
  { code: 125, meaning: "bad usage or bad input; or an output that cannot be written any more" },
  { code: EXIT_SCRIPT_FAILED, meaning: "the script failed (--script)" },
  { code: EXIT_INTERRUPTED, meaning: "interrupted (Ctrl-C)" },
];

/** Ctrl-] leaves an interactive run on a terminal. */
const ESCAPE = 0x1d;
/** How much of its time a guest on a terminal runs at a stretch. */
const TERMINAL_SLICE_MS = 5;

/** Runs an image. Returns the command's exit code. Throws InputError for anything wrong with what was given. */
export async function runCommand(options: RunOptions, output: RunOutput): Promise<number> {
  const source = await readBootSource(options.image, { flat: options.flat === true });
  const overrides = await readOverrides(options);
  const input = options.input === undefined ? undefined : await readInput("--input", options.input);
  const { machine, elf, commandLine } = boot(source, overrides);
  const symbols = new Symbols(elf.symbols(), () => machine.bpfPrograms());
  const script = await findScript(options.script, source.script);

  const outputs = new OutputFiles([
    options.image,
    ...(options.disk ?? []),
    ...(options.file ?? []).map(([, host]) => host),
    ...[options.initrd, options.input, options.script].filter((path) => path !== undefined),
  ]);
  const json = outputs.add("--json", options.json);
  const serial2 = outputs.add("--serial2", options.serial2);
  const traceFile = outputs.add("--trace-file", options.traceFile);
  const print = (line: string): void => (traceFile ? traceFile.write(`${line}\n`) : output.stderr(`${line}\n`));
  const trace = await makeTrace(options, machine, symbols, print);
  try {
    outputs.open();
    machine.console.listener = (bytes) => output.stdout(bytes);
    machine.serial2.listener = (bytes) => serial2?.write(bytes);
    const limits = options.maxInstructions === undefined ? {} : { instructions: options.maxInstructions };
    let interrupted = false;
    let abandoned = false;
    const session = await Session.create({
      machine,
      symbols,
      root: guestRoot(source, overrides),
      btf: () => kernelBtf(elf),
      ...(trace && { runner: trace }),
      log: (line) => output.stderr(`${line}\n`),
      interrupted: () => interrupted || abandoned,
      limits,
    });
    if (input !== undefined) machine.sendInput(input);

    const interrupt = (): void => {
      interrupted = true;
      machine.requestStop();
    };
    process.once("SIGINT", interrupt);
    const terminal = options.interactive === true ? attachTerminal(machine, interrupt) : undefined;
    let stop: Stop;
    let failure: string | undefined;
    try {
      if (script !== undefined)
        failure = await runScript(script, session, () => {
          abandoned = true;
          machine.requestStop();
        });
      stop = failure === undefined ? await runToEnd(session, terminal, () => interrupted) : { reason: "requested" };
    } finally {
      terminal?.detach();
      process.removeListener("SIGINT", interrupt);
    }

    if (interrupted) failure = undefined;
    const code = interrupted ? EXIT_INTERRUPTED : failure !== undefined ? EXIT_SCRIPT_FAILED : exitCode(stop);
    const reason = failure !== undefined ? "script-failed" : interrupted ? "interrupted" : stop.reason;
    if (failure !== undefined) output.stderr(`error: ${failure}\n`);
    else if (stop.reason !== "exit") {
      const where = symbols.describe(machine.cpu.state.rip) ?? `0x${machine.cpu.state.rip.toString(16)}`;
      output.stderr(
        `run.ts: ${describeStop(stop, symbols)}, after ${machine.instructions} instructions, at ${where}\n`,
      );
    }
    json?.write(
      `${JSON.stringify(
        {
          image: options.image,
          commandLine,
          memory: machine.memory.size,
          exitReason: reason,
          exitCode: code,
          instructions: machine.instructions,
          ticks: machine.time,
          stateHash: machine.stateHash(),
          consoleBytes: machine.console.count,
          consoleSha256: machine.console.sha256(),
          serial2Bytes: machine.serial2.count,
          serial2Sha256: machine.serial2.sha256(),
        },
        undefined,
        2,
      )}\n`,
    );
    return code;
  } finally {
    outputs.close();
  }
}

/** The guest's code as the shell sees it; a code that would look like success but is not becomes 255. */
function exitCode(stop: Stop): number {
  switch (stop.reason) {
    case "exit":
      return stop.code !== 0 && (stop.code & 0xff) === 0 ? 255 : stop.code & 0xff;
    case "requested":
    case "breakpoint":
    case "watchpoint":
    case "time":
      return EXIT_INTERRUPTED;
    default:
      return EXIT_CODE[stop.reason];
  }
}

/** Runs on until the guest ends, past breakpoints that a script left, or until the user interrupts it. */
async function runToEnd(session: Session, terminal: Terminal | undefined, interrupted: () => boolean): Promise<Stop> {
  try {
    if (terminal !== undefined) return await runWithTerminal(session, terminal, interrupted);
    for (;;) {
      const stop = await session.run();
      if (interrupted()) return { reason: "requested" };
      if (stop.reason !== "breakpoint" && stop.reason !== "watchpoint" && stop.reason !== "requested") return stop;
    }
  } catch (error) {
    // A run that is to go on after the interrupt refuses to.
    if (interrupted() && error instanceof SessionError) return { reason: "requested" };
    throw error;
  }
}

/** The same for people: guest time does not run ahead of the clock on the wall, and a guest that waits for input may wait. */
async function runWithTerminal(session: Session, terminal: Terminal, interrupted: () => boolean): Promise<Stop> {
  const { machine } = session;
  const ticksPerMillisecond = platform.ticksPerSecond / 1000;
  const start = performance.now() - machine.time / ticksPerMillisecond;
  for (;;) {
    const stop = await session.run({ time: machine.time + TERMINAL_SLICE_MS * ticksPerMillisecond });
    if (interrupted()) return { reason: "requested" };
    const waiting = stop.reason === "halted" && !terminal.closed();
    const goesOn = ["time", "breakpoint", "watchpoint", "requested"].includes(stop.reason);
    if (!waiting && !goesOn) return stop;
    const ahead = machine.time / ticksPerMillisecond - (performance.now() - start);
    if (waiting || ahead > 0) await new Promise((wake) => setTimeout(wake, waiting ? TERMINAL_SLICE_MS : ahead));
  }
}

const readInput = (option: string, path: string): Promise<Uint8Array> => readInputFile(path, `${option} ${path}`);

async function readOverrides(options: RunOptions): Promise<BootOverrides> {
  const files = new Map<string, { data: Uint8Array; mode: number }>();
  for (const [guest, host] of options.file ?? []) {
    const data = await readInput("--file", host);
    // Only whether it can be executed is taken over: the rest depends on the host's umask.
    const executable = ((await stat(host)).mode & 0o111) !== 0;
    files.set(guest, { data, mode: executable ? 0o755 : 0o644 });
  }
  const disks = options.disk && (await Promise.all(options.disk.map((path) => Disk.fromFile(path))));
  return {
    files,
    ...(options.initrd !== undefined && {
      initrd: await readInput("--initrd", options.initrd),
      initrdName: basename(options.initrd),
    }),
    ...(disks && { disks }),
    ...(options.memory !== undefined && { memory: options.memory }),
    ...(options.append !== undefined && { append: options.append }),
    ...(options.exec !== undefined && { exec: options.exec }),
    ...(options.seed !== undefined && { seed: options.seed }),
    ...(options.testDevice !== undefined && { testDevice: options.testDevice }),
    ...tierOptions(options),
    ...(options.bpfCoprocessor !== undefined && { bpfCoprocessor: options.bpfCoprocessor }),
  };
}

async function makeTrace(
  options: RunOptions,
  machine: Machine,
  symbols: Symbols,
  print: (line: string) => void,
): Promise<Trace | undefined> {
  const { trace, traceAll, traceFrom, traceUntil, traceSymbols, traceFile } = options;
  const wanted = [trace, traceAll, traceFrom, traceUntil, traceSymbols, traceFile].some(
    (option) => option !== undefined,
  );
  if (!wanted) return undefined;
  const symbolError = (option: string, name: string): InputError => {
    const similar = symbols.similar(name.replace(/\+.*/, ""));
    const hint = similar.length > 0 ? `; there is ${similar.join(", ")}` : "";
    return new InputError(`${option} ${name}: the kernel has no such symbol${hint}`);
  };
  const place = (option: string, text: string | undefined): TracePlace | undefined => {
    if (text === undefined) return undefined;
    if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return { time: Number(text) };
    if (/^\d/.test(text) && !/^0x[0-9a-f]{1,16}$/i.test(text))
      throw new InputError(`${option} ${text}: expected a symbol, a 64-bit address (0x...) or a time in ticks`);
    const address = parseAddress(text, symbols);
    if (address === undefined) throw symbolError(option, text);
    return { address };
  };
  for (const name of traceSymbols ?? [])
    if (symbols.find(name) === undefined) throw symbolError("--trace-symbols", name);
  const from = place("--trace-from", traceFrom);
  const until = place("--trace-until", traceUntil);
  return new Trace(machine, symbols, await loadDisassembler(symbols), {
    ...(traceAll === true && { all: true }),
    ...(from && { from }),
    ...(until && { until }),
    ...(traceSymbols && { functions: new Set(traceSymbols) }),
    print,
  });
}

/** The guest's files as it finds them. */
function guestRoot(source: BootSource, overrides: BootOverrides): RootFiles {
  const root = source.root.copy();
  for (const [path, { data, mode }] of overrides.files ?? []) root.set(path, { kind: "file", data, mode });
  return root;
}

/** The user's script, or else the image's. */
async function findScript(path: string | undefined, text: string | undefined): Promise<Script | undefined> {
  if (path !== undefined) return loadScriptFile(path);
  return text === undefined ? undefined : loadScriptText(text);
}

interface Terminal {
  detach(): void;
  /** Whether standard input has ended. */
  closed(): boolean;
}

/** Connects standard input to the console. */
function attachTerminal(machine: Machine, leave: () => void): Terminal {
  const { stdin } = process;
  let closed = false;
  const receive = (data: Buffer): void => {
    if (stdin.isTTY && data.includes(ESCAPE)) leave();
    else machine.sendInput(data);
  };
  const close = (): void => {
    closed = true;
  };
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on("data", receive);
  stdin.on("end", close);
  return {
    detach: () => {
      stdin.off("data", receive);
      stdin.off("end", close);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
    },
    closed: () => closed,
  };
}
