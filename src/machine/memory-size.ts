/** How much memory the machine has, as people write it: "256M", "1G". */
import { InputError } from "./input-error.ts";

const UNITS: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** One megabyte holds what a PC has below its extended memory; the upper bound leaves the devices their addresses. */
export const SMALLEST_MEMORY = 2 ** 20;
export const LARGEST_MEMORY = 2 * 2 ** 30;
const PAGE = 4096;

/** Bytes of memory. Throws InputError, which says what is expected, if `text` is no size or not one that the machine can have. */
export function parseMemorySize(text: string): number {
  const match = /^(\d+)([KMG]?)$/i.exec(text.trim());
  if (match === null) throw new InputError("a number with the unit K, M or G");
  return checkMemorySize(Number(match[1]) * UNITS[match[2].toUpperCase()]);
}

/** The same for a number of bytes. */
export function checkMemorySize(bytes: number): number {
  if (!(bytes >= SMALLEST_MEMORY && bytes <= LARGEST_MEMORY && bytes % PAGE === 0))
    throw new InputError("from 1M to 2G in whole pages of 4K");
  return bytes;
}

/** The shortest exact form: 268435456 is "256M". */
export function formatMemorySize(bytes: number): string {
  for (const unit of ["G", "M", "K"])
    if (bytes > 0 && bytes % UNITS[unit] === 0) return `${bytes / UNITS[unit]}${unit}`;
  return String(bytes);
}
