/** The kernels that are compared: each runs runner.c over a file of programs and answers for each of them. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { boot } from "../../../src/index.ts";
import { RootFiles } from "../../../src/machine/initramfs.ts";
import { programFile, type TypedProgram } from "./programs.ts";

const root = join(import.meta.dirname, "../../..");
const kernelPath = join(root, "build/kernel/kernel.elf");
/** In the guest. */
const RUNNER = "/runner";
const PROGRAMS = "/programs";
const MEMORY = 512 << 20;

/** What a kernel made of a program. */
export interface Answer {
  /** 0 if it was accepted. */
  readonly errno: number;
  readonly logHash: string;
  /** Of programs that were accepted and can be run: errno, result and hash of the maps afterwards. */
  readonly run?: string;
  /** The verifier's log, if it was asked for. */
  readonly log: readonly string[];
}

export interface Kernel {
  readonly name: string;
  /** Answers in the order of the programs. Throws if the kernel does not get to the end of them. */
  ask(programs: readonly TypedProgram[], withLog: boolean): readonly Answer[];
}

/** Reads what runner.c wrote. */
export function parseAnswers(output: string): Answer[] {
  const answers: Answer[] = [];
  let log: string[] = [];
  for (const line of output.replaceAll("\r", "").split("\n")) {
    if (line.startsWith("|")) log.push(line.slice(1));
    else if (line.startsWith("! ")) throw new Error(`maps cannot be created: ${line.slice(2)}`);
    else if (line.startsWith("= ")) {
      const [, errno, logHash, ...run] = line.slice(2).split(" ");
      answers.push({ errno: Number(errno), logHash, ...(run.length > 0 && { run: run.join(" ") }), log });
      log = [];
    }
  }
  return answers;
}

function complete(name: string, programs: readonly TypedProgram[], output: string): Answer[] {
  const answers = parseAnswers(output);
  if (answers.length !== programs.length || !/^\.\r?$/m.test(output))
    throw new Error(`${name} answered for ${answers.length} of ${programs.length} programs`);
  return answers;
}

function guestRoot(runner: string, programs: readonly TypedProgram[]): RootFiles {
  const files = new RootFiles();
  const executable = (path: string) => ({ kind: "file", data: readFileSync(path), mode: 0o755 }) as const;
  files.set("/init", executable(join(root, "build/user/init")));
  files.set(RUNNER, executable(runner));
  files.set(PROGRAMS, { kind: "file", data: programFile(programs), mode: 0o644 });
  return files;
}

const guestCommand = (withLog: boolean): string => `${RUNNER} ${PROGRAMS} /dev/ttyS1${withLog ? " log" : ""}`;

/** The miniature kernel in our machine. */
export function miniatureKernel(runner: string): Kernel {
  const name = "enomem";
  return {
    name,
    ask(programs, withLog) {
      const { machine } = boot({
        name: kernelPath,
        kernel: readFileSync(kernelPath),
        root: guestRoot(runner, programs),
        disks: [],
        memory: MEMORY,
        commandLine: "quiet",
        exec: guestCommand(withLog),
      });
      const output: Uint8Array[] = [];
      const console: Uint8Array[] = [];
      machine.serial2.listener = (bytes) => output.push(bytes.slice());
      machine.console.listener = (bytes) => console.push(bytes.slice());
      const stop = machine.run();
      if (stop.reason !== "exit" || stop.code !== 0)
        throw new Error(`${name} stopped (${stop.reason}):\n${Buffer.concat(console).toString().slice(-2000)}`);
      return complete(name, programs, Buffer.concat(output).toString());
    },
  };
}

/** A Linux kernel image, under QEMU's software emulation. */
export function linuxImage(image: string, runner: string, seconds: number): Kernel {
  return {
    name: image,
    ask(programs, withLog) {
      const scratch = mkdtempSync(join(tmpdir(), "bpf-differential-"));
      try {
        const initrd = join(scratch, "root.cpio");
        const console = join(scratch, "console");
        const output = join(scratch, "output");
        writeFileSync(initrd, guestRoot(runner, programs).toCpio());
        const machine = ["-accel", "tcg", "-cpu", "qemu64", "-m", "1024", "-display", "none", "-monitor", "none"];
        const ports = ["-serial", `file:${console}`, "-serial", `file:${output}`, "-no-reboot"];
        const boot = ["-kernel", image, "-initrd", initrd];
        const command = ["-append", `console=ttyS0 quiet panic=-1 no_timer_check -- ${guestCommand(withLog)}`];
        const result = spawnSync("qemu-system-x86_64", [...machine, ...ports, ...boot, ...command], {
          timeout: seconds * 1000,
          killSignal: "SIGKILL",
          stdio: ["ignore", "ignore", "pipe"],
          encoding: "utf8",
        });
        if (result.error !== undefined && result.signal === null) throw result.error;
        if (result.status !== 0)
          throw new Error(`${image} under QEMU: ${result.signal === null ? result.stderr : `no end in ${seconds} s`}`);
        try {
          return complete(image, programs, readFileSync(output, "utf8"));
        } catch (error) {
          throw new Error(`${String(error)}\n${readFileSync(console, "utf8").slice(-2000)}`);
        }
      } finally {
        rmSync(scratch, { recursive: true });
      }
    },
  };
}

/** The kernel of this host, or the reason why it cannot be asked. */
export function hostKernel(runner: string): Kernel | string {
  const name = `this host's Linux ${release()}`;
  const ask: Kernel["ask"] = (programs, withLog) => {
    const scratch = mkdtempSync(join(tmpdir(), "bpf-differential-"));
    try {
      const file = join(scratch, "programs");
      writeFileSync(file, programFile(programs));
      const result = spawnSync(runner, [file, "-", ...(withLog ? ["log"] : [])], {
        encoding: "utf8",
        maxBuffer: 2 ** 30,
      });
      return complete(name, programs, result.stdout);
    } finally {
      rmSync(scratch, { recursive: true });
    }
  };
  try {
    ask([], false);
    return { name, ask };
  } catch (error) {
    return `${name} is not asked: ${error instanceof Error ? error.message : String(error)}`;
  }
}
