/**
 * `npm run bpf-differential -- --programs N --seed S [--linux IMAGE]`: random BPF programs are loaded and run by the miniature
 * kernel and by Linux: this host's, where bpf(2) may be called, or a kernel image under QEMU. Verdict, verifier's log, result and
 * maps are compared. What differs is made small and printed, and the command ends with status 1. Needs gcc, make and what building
 * the kernel takes; qemu-system-x86_64 for an image.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { listing } from "../../../src/bpf/disassembler.ts";
import { helperName } from "../../../src/bpf/helpers.ts";
import { missingForGuest } from "../../kernel/guest.ts";
import { type Answer, hostKernel, type Kernel, linuxImage, miniatureKernel } from "./kernels.ts";
import { differentialProgram, mayDependOnAddresses, type TypedProgram, typedProgram } from "./programs.ts";
import { shrink } from "./shrink.ts";

const root = join(import.meta.dirname, "../../..");
/** The Linux whose verdicts and logs the verifier has. */
const VERSION = "6.1.";
/** Programs for one start of a kernel. */
const BATCH = 2000;

interface Options {
  readonly programs: number;
  readonly seed: number;
  readonly linux?: string;
  readonly typed?: boolean;
  readonly differences: number;
  readonly timeout: number;
}

type Part = "verdict" | "log" | "result";

/** In what two kernels differ. Another version of Linux has other verdicts and logs, and only results are compared with it. */
function difference(program: TypedProgram, a: Answer, b: Answer, sameVersion: boolean): Part | undefined {
  if (sameVersion && a.errno !== b.errno) return "verdict";
  if (sameVersion && a.logHash !== b.logHash) return "log";
  if (a.run === undefined || b.run === undefined || a.run === b.run) return undefined;
  return mayDependOnAddresses(program) ? undefined : "result";
}

const shown = (answer: Answer): string =>
  `${answer.errno === 0 ? "accepted" : `errno ${answer.errno}`}${answer.run === undefined ? "" : `, run: ${answer.run}`}`;

/** The first lines that differ, with one before. */
function logDifference(a: readonly string[], b: readonly string[]): string {
  let at = 0;
  while (at < Math.max(a.length, b.length) && a[at] === b[at]) at++;
  const part = (log: readonly string[], mark: string): string[] =>
    log.slice(at, at + 3).map((line) => `  ${mark} ${line}`);
  return [...(at > 0 ? [`    ${a[at - 1]}`] : []), ...part(a, "L"), ...part(b, "E")].join("\n");
}

interface Compared {
  readonly found: number;
  readonly accepted: number;
}

/** Compares on these seeds; prints at most so many differences. */
function compare(
  ours: Kernel,
  linux: Kernel,
  sameVersion: boolean,
  programs: readonly TypedProgram[],
  firstSeed: number,
  most: number,
): Compared {
  const [theirs, here] = [linux.ask(programs, false), ours.ask(programs, false)];
  const parts = programs.map((program, index) => difference(program, theirs[index], here[index], sameVersion));
  const differing = parts.flatMap((part, index) => (part === undefined ? [] : [{ part, index }]));
  const shownOnes = differing.slice(0, Math.max(most, 0));
  const small = shrink(
    shownOnes.map(({ index }) => programs[index]),
    (candidates) => {
      const asked = candidates.map(({ program }) => program);
      const [linuxAnswers, ourAnswers] = [linux.ask(asked, false), ours.ask(asked, false)];
      return candidates.map(
        ({ of, program }, at) =>
          difference(program, linuxAnswers[at], ourAnswers[at], sameVersion) === shownOnes[of].part,
      );
    },
  );
  const [linuxLogs, ourLogs] = small.length === 0 ? [[], []] : [linux.ask(small, true), ours.ask(small, true)];
  shownOnes.forEach(({ part, index }, at) => {
    console.log(`seed ${firstSeed + index}: the ${part} differs (program type ${small[at].type})`);
    const options = { helperName: (id: number): string => helperName(id).replace("bpf_", "") };
    console.log(listing(small[at].insns, options).trimEnd());
    console.log(`  Linux:  ${shown(linuxLogs[at])}\n  enomem: ${shown(ourLogs[at])}`);
    if (part !== "result") console.log(logDifference(linuxLogs[at].log, ourLogs[at].log));
  });
  return { found: differing.length, accepted: theirs.filter(({ errno }) => errno === 0).length };
}

function main(options: Options): void {
  const missing = missingForGuest(...(options.linux === undefined ? [] : ["qemu-system-x86_64"]));
  if (missing !== undefined) {
    console.log(`npm run bpf-differential: skipped, ${missing} missing`);
    return;
  }
  const scratch = mkdtempSync(join(tmpdir(), "bpf-differential-"));
  try {
    const make = (...args: string[]): void => {
      execFileSync("make", ["-s", "-j2", ...args], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
    };
    make("-C", "src/kernel");
    make("-C", "src/kernel/user");
    const runner = join(scratch, "runner");
    make("-C", "src/kernel/user", "program", `SOURCE=${join(import.meta.dirname, "runner.c")}`, `OUTPUT=${runner}`);
    const linux = options.linux === undefined ? hostKernel(runner) : linuxImage(options.linux, runner, options.timeout);
    if (typeof linux === "string") {
      console.log(`npm run bpf-differential: skipped, ${linux} (--linux IMAGE takes another)`);
      return;
    }
    const sameVersion = options.linux !== undefined || release().startsWith(VERSION);
    if (!sameVersion)
      console.log(`${linux.name} is not ${VERSION}x: only the results of programs that both accept are compared`);
    let found = 0;
    let accepted = 0;
    for (let done = 0; done < options.programs; done += BATCH) {
      const count = Math.min(BATCH, options.programs - done);
      const first = options.seed + done;
      const make = options.typed === true ? typedProgram : differentialProgram;
      const programs = Array.from({ length: count }, (_, index) => make(first + index));
      const most = options.differences - found;
      const compared = compare(miniatureKernel(runner), linux, sameVersion, programs, first, most);
      found += compared.found;
      accepted += compared.accepted;
      console.log(`${done + count} programs, ${accepted} accepted by Linux, ${found} differ`);
    }
    if (found > 0) process.exitCode = 1;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function atLeast(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least || text.trim() === "")
      throw new InvalidArgumentError(`It must be a whole number from ${least} on.`);
    return value;
  };
}

function image(path: string): string {
  if (!existsSync(path)) throw new InvalidArgumentError("There is no such file.");
  return path;
}

main(
  new Command("bpf-differential")
    .description("compares the miniature kernel's BPF with Linux's on random programs")
    .option("--programs <n>", "how many", atLeast(1), 1000)
    .option("--seed <n>", "of the first program; the next has the next", atLeast(0), 1)
    .option(
      "--typed",
      "programs with type information: locks, callbacks, global functions, all helpers, more program types",
    )
    .option("--linux <image>", "a Linux 6.1 kernel image for QEMU instead of this host's kernel", image)
    .option("--differences <n>", "makes so many small and prints them, and only counts the rest", atLeast(0), 5)
    .option("--timeout <seconds>", "how long QEMU may take for one batch", atLeast(1), 600)
    .allowExcessArguments(false)
    .parse()
    .opts<Options>(),
);
