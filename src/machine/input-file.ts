/** Reading a whole file that the user gave: a kernel, a file for the guest, what is typed. Endless ones (/dev/zero) end, too. */
import { open } from "node:fs/promises";
import { fileBlocks, SparseContents } from "./disk.ts";
import { fileProblem, InputError } from "./input-error.ts";
import { LARGEST_MEMORY } from "./memory-size.ts";

/**
 * The contents of a file or pipe. `name` is what error messages call it. Throws InputError if it cannot be read or is larger than
 * `limit` bytes; what does not fit into the guest's memory is of no use.
 */
export async function readInputFile(path: string, name: string, limit: number = LARGEST_MEMORY): Promise<Uint8Array> {
  try {
    const file = await open(path, "r");
    try {
      return (await SparseContents.from(fileBlocks(file), name, { size: limit })).toBytes();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${name}: cannot be read: ${fileProblem(error)}`);
  }
}
