/**
 * `npm run oracle -- [options]`: asks the miniature kernel what real Linux was asked, and prints how far the answers agree. The
 * questions are a static Linux program, run unchanged as /oracle in the guest; Linux's answers were recorded. Both are in the
 * folder that --oracle names. Differences that have an inherent reason are listed in expected-differences.ts; any other one, and
 * anything accepted that Linux refused, ends the command with status 1. Needs gcc, make, libbpf-dev, libelf-dev, zlib1g-dev and
 * mkfs.btrfs (Debian).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { missingForGuest } from "../kernel/guest.ts";
import { expectedDifferences } from "./expected-differences.ts";
import {
  acceptsWhatWasRefused,
  compareFacts,
  expectedDifference,
  maskResult,
  parseFacts,
  type Verdict,
} from "./facts.ts";

const root = join(import.meta.dirname, "../..");
const diskBytes = 110 << 20;

/** Which recording answers for which groups: kprobes at a function's entry are int3 ones here, as in the first. */
const recordings: Readonly<Record<string, readonly string[]>> = {
  "linux-6.1-int3.tsv": ["classic", "create", "progs"],
  "linux-6.1.tsv": ["debugfs", "fault", "tramp", "lsm", "verif", "run"],
};

interface Options {
  readonly oracle: string;
  readonly groups?: string;
  readonly answers?: string;
  readonly keep?: string;
  readonly all?: boolean;
}

function quietly(command: string, args: readonly string[], cwd = root): void {
  execFileSync(command, args, { cwd, stdio: ["ignore", "ignore", "inherit"] });
}

/** Runs the program of questions in the guest. Returns what it wrote on the second serial port. */
function ask(oracle: string, groups: readonly string[]): string {
  const scratch = mkdtempSync(join(tmpdir(), "oracle-"));
  try {
    for (const part of ["src/kernel", "src/kernel/user"]) quietly("make", ["-s", "-j2", "-C", part]);
    const sources = join(scratch, "tests");
    cpSync(join(oracle, "tests"), sources, { recursive: true });
    const program = join(scratch, "oracle");
    quietly("sh", ["build.sh", program], sources);
    const disk = join(scratch, "btrfs.img");
    writeFileSync(disk, "");
    truncateSync(disk, diskBytes);
    quietly("mkfs.btrfs", ["-q", "-L", "oracle", "-m", "single", "-d", "single", disk]);
    const answers = join(scratch, "answers.tsv");
    // Some questions run this program three times: any one that ends well will do.
    const files = ["/init=build/user/init", `/oracle=${program}`, "/bin/busybox=build/user/echo"].flatMap((file) => [
      "--file",
      file,
    ]);
    const output = ["--serial2", answers, "--append", "quiet"];
    const run = spawnSync(
      "npx",
      ["tsx", "run.ts", "build/kernel/kernel.elf", ...files, "--disk", disk, "--memory", "512M"].concat(
        ["--exec", `/oracle ${groups.join(" ")}`],
        output,
      ),
      { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 },
    );
    if (run.status !== 0) {
      console.error(run.stdout.slice(-4000), run.stderr.slice(-4000));
      throw new Error(`the guest ended with status ${run.status}`);
    }
    return readFileSync(answers, "utf8");
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Prints the verdicts on one recording. Returns how many differences were not expected. */
function printVerdicts(verdicts: readonly Verdict[], all: boolean): number {
  let unexpected = 0;
  const groups = new Map<string, { agree: number; expected: number; facts: number }>();
  for (const verdict of verdicts) {
    const { fact } = verdict;
    const count = groups.get(fact.group) ?? { agree: 0, expected: 0, facts: 0 };
    groups.set(fact.group, count);
    count.facts++;
    const expected = expectedDifference(fact, expectedDifferences);
    if (verdict.kind === "agrees") {
      count.agree++;
      continue;
    }
    const unsafe = acceptsWhatWasRefused(verdict) && expected?.mayAccept !== true;
    if (expected !== undefined && !unsafe) count.expected++;
    else unexpected++;
    if (expected !== undefined && !unsafe && !all) continue;
    console.log(`${fact.id}  ${fact.what}`);
    console.log(`    Linux: ${maskResult(fact.result)}`);
    console.log(`    here:  ${verdict.here === undefined ? "no answer" : maskResult(verdict.here)}`);
    if (expected !== undefined) console.log(`    expected: ${expected.reason}`);
    if (unsafe) console.log("    accepted what Linux refuses");
  }
  for (const [group, { agree, expected, facts }] of groups)
    console.log(
      `${group.padEnd(8)} ${String(agree).padStart(4)} of ${facts} agree, ${expected} differ as expected, ` +
        `${facts - agree - expected} otherwise`,
    );
  return unexpected;
}

function main(options: Options): void {
  if (!existsSync(join(options.oracle, "tests"))) {
    console.log(`npm run oracle: skipped, ${options.oracle} is missing (--oracle FOLDER names another place)`);
    return;
  }
  const missing = missingForGuest("mkfs.btrfs");
  if (missing !== undefined && options.answers === undefined) {
    console.log(`npm run oracle: skipped, ${missing} missing`);
    return;
  }
  const groups = new Set(options.groups?.split(",") ?? Object.values(recordings).flat());
  const answers =
    options.answers === undefined ? ask(options.oracle, [...groups]) : readFileSync(options.answers, "utf8");
  if (options.keep !== undefined) writeFileSync(options.keep, answers);
  const here = parseFacts(answers);
  let unexpected = 0;
  for (const [recording, answered] of Object.entries(recordings)) {
    const chosen = new Set(answered.filter((group) => groups.has(group)));
    if (chosen.size === 0) continue;
    const reference = parseFacts(readFileSync(join(options.oracle, recording), "utf8"));
    unexpected += printVerdicts(compareFacts(reference, here, chosen), options.all === true);
  }
  if (unexpected > 0) {
    console.error(`${unexpected} differences that expected-differences.ts does not list`);
    process.exitCode = 1;
  }
}

main(
  new Command("oracle")
    .description("compares the miniature kernel's answers with real Linux's")
    .option("--oracle <folder>", "questions and recorded answers", join(root, "../shared/oracle"))
    .option("--groups <list>", "only these groups, separated by commas")
    .option("--answers <file>", "compares this recording instead of running the guest")
    .option("--keep <file>", "keeps this kernel's answers")
    .option("--all", "prints expected differences too")
    .parse()
    .opts<Options>(),
);
