import { inspect } from "node:util";

/**
 * What is wrong with something the user gave: an image, a file, an option. The message says where, what was given and what was
 * expected, in one line; the command prints it and ends with the code for bad input. Everything else that is thrown is a bug.
 */
export class InputError extends Error {
  override readonly name = "InputError";
}

/** The message of whatever was thrown, for a line of our own around it. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : inspect(error);
}

/** Why a file could not be read or written, in words. */
export function fileProblem(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOENT":
      return "no such file";
    case "EACCES":
      return "permission denied";
    case "EISDIR":
      return "is a directory";
    case "ENOTDIR":
      return "a part of its path is not a directory";
    case "ENOSPC":
      return "no space left on the device";
    case "EROFS":
      return "the file system is read-only";
    case "ESPIPE":
      return "is a pipe, expected a file";
    default:
      return messageOf(error);
  }
}
