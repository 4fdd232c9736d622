/**
 * BPF_BTF_LOAD's checks: whether type information of a loader is sound, with the errors and the log wording of Linux 6.1
 * (kernel/bpf/btf.c). First every type by itself, then what the types refer to.
 */
import { Btf } from "../btf.ts";
import { checkTypes } from "./each-type.ts";
import { BtfRejection, RawBtf } from "./raw-btf.ts";
import { checkTypeTags, resolveTypes } from "./references.ts";
import { checkSections } from "./sections.ts";

export type BtfValidation =
  | { readonly errno: 0; readonly log: string; readonly btf: Btf }
  | { readonly errno: number; readonly log: string; readonly btf?: undefined };

/**
 * Checks type information.
 *
 * @param logLevel BPF_LOG_ bits; 0 writes no log
 * @returns the types, or a positive errno; the whole log in both cases (cutting it is the caller's business)
 */
export function validateBtf(bytes: Uint8Array, logLevel: number): BtfValidation {
  const raw = new RawBtf(bytes, logLevel);
  try {
    const { start, end } = checkSections(raw);
    checkTypes(raw, start, end);
    resolveTypes(raw);
    checkTypeTags(raw);
  } catch (error) {
    if (error instanceof BtfRejection) return { errno: error.errno, log: raw.log.toString() };
    throw error;
  }
  return { errno: 0, log: raw.log.toString(), btf: new Btf(bytes) };
}
