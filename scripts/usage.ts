/** Wrong options of the developers' commands: one line, and exit code 2. */
import { type ParseArgsConfig, parseArgs } from "node:util";

/** Says what is wrong and ends the process. */
export function badUsage(message: string): never {
  console.error(`error: ${message}`);
  process.exit(2);
}

/** The command line by `config`, as node:util's parseArgs has it; unknown options and missing values are bad usage. */
export function parseOptions<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    return badUsage(error instanceof Error ? error.message : String(error));
  }
}
