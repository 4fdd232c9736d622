/** The files that the command writes: never one that is also an input, and none is emptied before all can be written. */
import { closeSync, fstatSync, ftruncateSync, openSync, type Stats, statSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { fileProblem, InputError } from "../machine/input-error.ts";

export class OutputFiles {
  readonly #inputs: ReadonlySet<string>;
  /** The option that writes a file, by the file's identity. */
  readonly #options = new Map<string, string>();
  readonly #files: OutputFile[] = [];

  /** `inputs`: paths of what is read. */
  constructor(inputs: readonly string[]) {
    this.#inputs = new Set(inputs.map(identity));
  }

  /** The file that `option` writes; undefined without a path. Throws InputError if it is an input, or another option writes it. */
  add(option: string, path: string | undefined): OutputFile | undefined {
    if (path === undefined) return undefined;
    const name = `${option} ${path}`;
    const file = identity(path);
    if (this.#inputs.has(file))
      throw new InputError(`${name}: this file is an input of the run and would be overwritten`);
    const other = this.#options.get(file);
    if (other !== undefined) throw new InputError(`${name}: this file is also that of ${other}`);
    const status = statusOf(path);
    // Terminals, pipes and /dev/null may have several writers.
    if (status === undefined || status.isFile()) this.#options.set(file, option);
    const output = new OutputFile(name, path);
    this.#files.push(output);
    return output;
  }

  /** Opens all, then empties them. Throws InputError; then nothing has been lost. */
  open(): void {
    for (const file of this.#files) file.open();
    for (const file of this.#files) file.empty();
  }

  close(): void {
    for (const file of this.#files) file.close();
  }
}

export class OutputFile {
  readonly #name: string;
  readonly #path: string;
  #descriptor: number | undefined;

  /** `name` is what error messages call it. */
  constructor(name: string, path: string) {
    this.#name = name;
    this.#path = path;
  }

  open(): void {
    this.#descriptor = this.#try(() => openSync(this.#path, "a"));
  }

  empty(): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined || !fstatSync(descriptor).isFile()) return;
    this.#try(() => ftruncateSync(descriptor));
  }

  /** Writes all of it before it returns. Throws InputError. */
  write(data: Uint8Array | string): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return;
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    this.#try(() => {
      for (let position = 0; position < bytes.length; )
        position += writeSync(descriptor, bytes, position, bytes.length - position);
    });
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #try<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw new InputError(`${this.#name}: cannot be written: ${fileProblem(error)}`);
    }
  }
}

function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    // Opening it will say what is wrong.
    return undefined;
  }
}

/** What is the same for all names of a file. */
function identity(path: string): string {
  const status = statusOf(path);
  return status === undefined ? resolve(path) : `${status.dev}:${status.ino}`;
}
