/** Scripts: TypeScript files with a default export that gets a session. Loading, running, and saying where one failed. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { fileProblem, InputError, messageOf } from "../machine/input-error.ts";
import type { Session } from "./session.ts";
import { SessionError } from "./session-error.ts";

export interface Script {
  /** What messages call it. */
  readonly name: string;
  /** The file from which it was loaded. */
  readonly path: string;
  run(session: Session): unknown;
}

/** The script in a file. Throws InputError. */
export async function loadScriptFile(path: string): Promise<Script> {
  try {
    await readFile(path);
  } catch (error) {
    throw new InputError(`--script ${path}: cannot be read: ${fileProblem(error)}`);
  }
  return importScript(resolve(path), path, `--script ${path}`);
}

/** A script that is part of an image; it is written to a temporary file for the loader. */
export async function loadScriptText(text: string): Promise<Script> {
  const folder = await mkdtemp(join(tmpdir(), "enomem-"));
  try {
    const file = join(folder, "script.mts");
    await writeFile(file, text);
    return await importScript(file, "the image's script", "the image's script");
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function importScript(path: string, name: string, source: string): Promise<Script> {
  let run: unknown;
  try {
    const module: { default?: unknown } = await import(pathToFileURL(path).href);
    // In a folder without "type": "module" the loader makes CommonJS of it, whose exports are the default.
    run = isModule(module.default) ? module.default.default : module.default;
  } catch (error) {
    throw new InputError(`${source}: cannot be loaded: ${loadProblem(error)}`);
  }
  if (typeof run !== "function")
    throw new InputError(`${source}: expected a default export that is a function, got ${typeof run}`);
  const script = run;
  return { name, path, run: (session) => script(session) };
}

function isModule(value: unknown): value is { default: unknown } {
  return typeof value === "object" && value !== null && "default" in value;
}

/** One line: of "Transform failed with 1 error:" and what follows, both. */
function loadProblem(error: unknown): string {
  const [first, second] = messageOf(error).split("\n");
  const hint = second?.includes('"cjs" output format') ? " (in a file named .mts it is)" : "";
  return first.endsWith(":") && second !== undefined ? `${first} ${second.trim()}${hint}` : first;
}

/**
 * Runs it. Returns what went wrong, if something did, in text that begins with the place in the script. Also wrong: what is thrown in a
 * timer or by a promise that nobody awaits, and to wait for what will never come. `abandon` is called when the script may still be doing
 * something then.
 */
export async function runScript(script: Script, session: Session, abandon: () => void): Promise<string | undefined> {
  let fail: (error: unknown) => void = () => undefined;
  const stray = new Promise<never>((_, reject) => {
    fail = (error) => {
      abandon();
      reject(error);
    };
  });
  const neverEnds = (): void => fail(new SessionError("the script waits for something that nothing will bring about"));
  process.once("uncaughtException", fail);
  process.once("beforeExit", neverEnds);
  try {
    await Promise.race([(async () => script.run(session))(), stray]);
    return undefined;
  } catch (error) {
    const line = lineOf(error, script.path);
    const where = line === undefined ? script.name : `${script.name}:${line}`;
    if (error instanceof SessionError || error instanceof InputError) return `${where}: ${error.message}`;
    return `${where}: ${error instanceof Error ? `${error.name}: ${error.message}` : inspect(error)}`;
  } finally {
    process.off("uncaughtException", fail);
    process.off("beforeExit", neverEnds);
  }
}

/** The innermost line of the script on an error's stack. */
function lineOf(error: unknown, path: string): number | undefined {
  if (!(error instanceof Error) || error.stack === undefined) return undefined;
  for (const frame of error.stack.split("\n")) {
    const match = /\(?((?:file:|\/|[A-Za-z]:)[^()]*?)(?:\?[^:()]*)?:(\d+):\d+\)?$/.exec(frame);
    if (match === null) continue;
    const file = match[1].startsWith("file:") ? fileURLToPath(match[1]) : match[1];
    if (file === path) return Number(match[2]);
  }
  return undefined;
}
