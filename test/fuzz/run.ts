/**
 * `npm run fuzz`: episodes of the guest fuzzer until so many instructions have been executed. They run in a child process, which
 * is watched: an exception, silence, or memory that grows is a failure, printed with the command that replays it.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { badUsage, parseOptions } from "../../scripts/usage.ts";
import type { TierOptions } from "../../src/cpu/index.ts";
import { episode, TOO_LONG } from "./episode.ts";

const MEMORY_LIMIT = 3 * 2 ** 30;
const { values } = parseOptions({
  options: {
    instructions: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    tier: { type: "string", default: "both" },
    length: { type: "string", default: "50000" },
    episodes: { type: "string", default: "1000000000" },
    watched: { type: "boolean", default: false },
  },
});

const TIERS: Readonly<Record<string, readonly (TierOptions & { readonly watchDeliveries?: boolean })[]>> = {
  "0": [{ tier: 0 }],
  "1": [{ tier: 1 }],
  mixed: [{ tier: "mixed", hotThreshold: 3 }],
  both: [{ tier: 0, watchDeliveries: true }, { tier: 1 }],
};

function number(text: string): number {
  const parsed = Number(text);
  if (!Number.isSafeInteger(parsed) || parsed < 1) badUsage(`${text}: a number from 1 on was expected`);
  return parsed;
}

const budget = number(values.instructions);
const length = number(values.length);
const first = number(values.seed);
const last = first + number(values.episodes);
const tiers = TIERS[values.tier];
if (tiers === undefined) badUsage("--tier takes 0, 1, mixed or both (0 and 1, and their states compared)");
const replay = (seed: number): string =>
  `npm run fuzz -- --seed ${seed} --episodes 1 --tier ${values.tier} --length ${length}`;

/** The child: says which seed it is at, and what it has executed. */
async function work(chosen: NonNullable<(typeof TIERS)[string]>): Promise<void> {
  let executed = 0;
  for (let seed = first; seed < last && executed < budget; seed++) {
    process.send?.({ seed, executed });
    // Lets the message out, and the end of the parent in.
    await new Promise((resolve) => setImmediate(resolve));
    let expected: string | undefined;
    for (const options of chosen) {
      const outcome = await episode(seed, options, length);
      executed += outcome.instructions;
      const line = `${outcome.instructions} ${outcome.stop} ${outcome.hash}`;
      expected ??= line;
      if (line !== expected) throw new Error(`tiers differ:\n  ${expected}\n  ${line}`);
    }
    const { rss } = process.memoryUsage();
    if (rss > MEMORY_LIMIT) throw new Error(`the process has grown to ${rss} bytes`);
  }
  process.send?.({ seed: 0, executed });
}

function isProgress(message: unknown): message is { seed: number; executed: number } {
  return typeof message === "object" && message !== null && "seed" in message && "executed" in message;
}

/** The parent: starts the child and waits for a word of it. */
function watch(): void {
  const child = fork(fileURLToPath(import.meta.url), [...process.argv.slice(2), "--watched"]);
  let seed = first;
  let failed = false;
  const fail = (what: string): void => {
    if (failed) return;
    failed = true;
    console.error(`seed ${seed}: ${what}\nreplay: ${replay(seed)}`);
    process.exitCode = 1;
  };
  const silence = (): void => {
    fail("no sign of life");
    child.kill("SIGKILL");
  };
  let timer = setTimeout(silence, 6 * TOO_LONG);
  child.on("message", (message) => {
    if (!isProgress(message)) return;
    clearTimeout(timer);
    timer = setTimeout(silence, 6 * TOO_LONG);
    if (message.seed === 0) {
      console.log(`${message.executed} instructions, seeds ${first} to ${seed}: nothing found`);
    } else seed = message.seed;
  });
  child.on("exit", (code, signal) => {
    clearTimeout(timer);
    if (code !== 0) fail(`ended with ${signal ?? code}`);
  });
}

if (values.watched) {
  process.on("disconnect", () => process.exit(1));
  await work(tiers);
  process.exit(0);
} else watch();
