/**
 * The kernel command line: the image's options, what announces the platform's devices, and after " -- " the program for /init,
 * as Linux hands arguments to init.
 */
import { platform } from "../devices/platform.ts";
import { InputError } from "./input-error.ts";

/** COMMAND_LINE_SIZE of Linux on x86, with the terminating zero. */
export const COMMAND_LINE_BYTES = 2048;

const hex = (value: number): string => `0x${value.toString(16)}`;

/**
 * Disk `index` sits in the slot that QEMU's microvm would give it: the last one first.
 */
export function diskSlot(index: number): { address: number; pin: number } {
  const { address, stride, slots, firstIrq } = platform.virtioMmio;
  const slot = slots - 1 - index;
  return { address: address + slot * stride, pin: firstIrq + slot };
}

/** The options that announce the machine's devices. */
export function platformOptions(disks: number, bpfCoprocessor: boolean): string[] {
  const options: string[] = [];
  if (bpfCoprocessor)
    options.push(`bpf_coprocessor=${hex(platform.bpfCoprocessor.size)}@${hex(platform.bpfCoprocessor.address)}`);
  for (let disk = 0; disk < disks; disk++) {
    const { address, pin } = diskSlot(disk);
    options.push(`virtio_mmio.device=${platform.virtioMmio.stride}@${hex(address)}:${pin}`);
  }
  return options;
}

/** Puts the parts together. Throws InputError if the result is longer than the kernel can take. */
export function commandLine(parts: { options: readonly string[]; exec?: string }): string {
  const options = parts.options.filter((option) => option !== "").join(" ");
  const line = parts.exec === undefined ? options : `${options} -- ${parts.exec}`;
  const bytes = Buffer.byteLength(line);
  if (bytes >= COMMAND_LINE_BYTES)
    throw new InputError(`kernel command line: ${bytes} bytes, expected at most ${COMMAND_LINE_BYTES - 1}`);
  return line;
}

/**
 * Splits a command as /init does: words are separated by spaces or tabs; single and double quotes keep them together; a backslash
 * takes the next character as it is, except within single quotes. Nothing else is special. Throws InputError when there is no
 * word or a quote stays open; `name` is what the message calls the command.
 */
export function splitCommand(command: string, name: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let i = 0; i < command.length; i++) {
    const character = command[i];
    if (character === "\n" || character === "\0") throw new InputError(`${name}: a command must be one line of text`);
    if (quote !== undefined && character === quote) quote = undefined;
    else if (character === "\\" && quote !== "'" && i + 1 < command.length) word = (word ?? "") + command[++i];
    else if (quote !== undefined) word += character;
    else if (character === '"' || character === "'") {
      quote = character;
      word ??= "";
    } else if (character === " " || character === "\t") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + character;
  }
  if (quote !== undefined) throw new InputError(`${name}: ${quote} is not closed in: ${command}`);
  if (word !== undefined) words.push(word);
  if (words.length === 0) throw new InputError(`${name}: expected a program and its arguments, got nothing`);
  return words;
}
