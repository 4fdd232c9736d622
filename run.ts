/**
 * The command: `tsx run.ts IMAGE [options]`. Parses options; src/debug/run-command.ts does the rest.
 */
import { pathToFileURL } from "node:url";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { TierChoice } from "./src/cpu/index.ts";
import { EXIT_CODES, type RunOptions, runCommand } from "./src/debug/run-command.ts";
import { fileProblem, InputError, messageOf } from "./src/machine/input-error.ts";
import { parseMemorySize } from "./src/machine/memory-size.ts";

/** Where output goes: the guest's console, and our own messages. */
export interface CommandIo {
  stdout(data: Uint8Array | string): void;
  stderr(text: string): void;
}

const append = (value: string, previous: readonly string[] = []): string[] => [...previous, value];

function memory(text: string): number {
  try {
    return parseMemorySize(text);
  } catch (error) {
    throw new InvalidArgumentError(`Expected ${messageOf(error)}, such as 256M.`);
  }
}

/** Parses a number from 1 on; `what` is counted. */
function count(what: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+(e\d+)?$/i.test(text) || !Number.isSafeInteger(value) || value === 0)
      throw new InvalidArgumentError(`Expected a number of ${what} such as 1000000 or 1e9, at least 1 and below 2^53.`);
    return value;
  };
}

function oneLine(text: string): string {
  if (text.includes("\n")) throw new InvalidArgumentError("Expected one line of kernel options.");
  return text;
}

function seed(text: string): bigint {
  if (/^(\d+|0x[0-9a-f]+)$/i.test(text) && BigInt(text) < 1n << 64n) return BigInt(text);
  throw new InvalidArgumentError("Expected a number of at most 64 bits, such as 7 or 0x1234.");
}

function guestFile(text: string, previous: readonly [string, string][] = []): [string, string][] {
  const separator = text.indexOf("=");
  if (separator < 1 || separator === text.length - 1) throw new InvalidArgumentError("Expected GUEST=HOST.");
  return [...previous, [text.slice(0, separator), text.slice(separator + 1)]];
}

function list(text: string): string[] {
  const items = text.split(",").filter((item) => item !== "");
  if (items.length === 0) throw new InvalidArgumentError("Expected names separated by commas.");
  return items;
}

function tier(text: string): TierChoice {
  if (text === "0") return 0;
  if (text === "1") return 1;
  if (text === "mixed") return "mixed";
  throw new InvalidArgumentError("A tier is 0, 1 or mixed.");
}

function command(io: CommandIo, action: (image: string, options: Omit<RunOptions, "image">) => Promise<void>): Command {
  const codes = EXIT_CODES.map(({ code, meaning }) => `  ${String(code).padEnd(9)}${meaning}`).join("\n");
  return new Command("run.ts")
    .description(
      "Runs an image, or a bare ELF kernel, in an x86-64 machine. The guest's console goes to standard output.",
    )
    .argument("<image>", "image bundle (.bin) or ELF kernel with a PVH entry point")
    .option(
      "--disk <file>",
      "disk for the guest, raw or gzip, in place of the image's; never written; repeatable",
      append,
    )
    .option("--file <guest=host>", "adds or replaces a file in the guest's root; repeatable", guestFile)
    .option("--initrd <file>", "hands this file to the kernel as initramfs or module instead of the guest's root")
    .option("--flat", "the image is firmware: a flat binary that ends at the reset vector")
    .option("--exec <command>", "program and arguments that run instead of the image's")
    .option("--append <options>", "adds options to the kernel command line", oneLine)
    .option("--memory <size>", "size of the guest's memory, such as 256M", memory)
    .option("--serial2 <file>", "writes what the guest sends to its second serial port to a file")
    .option("--input <file>", "types the contents of a file on the guest's console")
    .option("--interactive", "connects standard input to the guest's console (such a run cannot be repeated exactly)")
    .option("--script <file>", "runs a TypeScript file whose default export gets a session (docs/scripts.md)")
    .option("--max-instructions <n>", "stops after this many instructions", count("instructions"))
    .option("--trace", "prints the instructions executed from each kernel breakpoint (#BP) until after its return")
    .option("--trace-all", "prints every instruction")
    .option("--trace-from <place>", "starts the trace when this symbol, 0x address or time in ticks is reached")
    .option("--trace-until <place>", "ends the trace there")
    .option("--trace-symbols <names>", "prints only instructions of these functions (separated by commas)", list)
    .option("--trace-file <file>", "writes the trace to a file instead of standard error")
    .option("--json <file>", "writes exit reason, instruction count, state hash and more to a file")
    .option("--tier <tier>", "what executes: 0 interpreted, 1 all compiled, mixed; the guest sees no difference", tier)
    .option("--hot-threshold <n>", "tier mixed: entries of a block of code until it is compiled", count("entries"))
    .option("--seed <n>", "seed of the guest's random numbers, which repeat from run to run; 0 unless given", seed)
    .option("--test-device", "adds QEMU's pc-testdev, debug console and power switch, for suites of system tests")
    .addOption(new Option("--no-bpf-coprocessor", "leaves out the BPF co-processor, as QEMU does"))
    .addHelpText(
      "after",
      `\nThe exit code is the guest program's own, 0 to 255. Ends of other kinds:\n${codes}\n\nDocumentation: docs/command.md`,
    )
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout(text), writeErr: (text) => io.stderr(text) })
    .action(action);
}

/** Runs the command with these arguments and returns its exit code. */
export async function main(args: readonly string[], io: CommandIo): Promise<number> {
  let code = 0;
  try {
    await command(io, async (image, options) => {
      code = await runCommand({ ...options, image }, io);
    }).parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_BAD_USAGE;
    if (!(error instanceof InputError)) throw error;
    io.stderr(`error: ${error.message}\n`);
    return EXIT_BAD_USAGE;
  }
  return code;
}

const EXIT_BAD_USAGE = 125;

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.on("error", (error) => {
    // A reader that goes away (`| head`) ends the command quietly.
    if ("code" in error && error.code === "EPIPE") process.exit(0);
    process.stderr.write(`error: standard output: cannot be written: ${fileProblem(error)}\n`);
    process.exit(EXIT_BAD_USAGE);
  });
  const code = await main(process.argv.slice(2), {
    stdout: (data) => {
      process.stdout.write(data);
    },
    stderr: (text) => {
      process.stderr.write(text);
    },
  });
  // Timers that a script left do not keep the command from ending; what has been written is let through first.
  const leave = (): void => {
    // An error of standard output is reported after the write that met it.
    setImmediate(() => process.exit(code));
  };
  process.stdout.write("", () => process.stderr.write("", leave));
}
