/**
 * The tag by which Linux shows a program: the first 8 bytes of the SHA-1 of its instructions, with what differs from load to
 * load (map descriptors) left out. Kernel: bpf_prog_calc_tag().
 */
import { createHash } from "node:crypto";
import * as isa from "./isa.ts";

/**
 * Tag of one function of a program of several: of its instructions after the verifier's changes, with calls among functions
 * naming them by number.
 */
export function functionTag(
  program: readonly isa.Instruction[],
  starts: readonly number[],
  start: number,
  end: number,
): Uint8Array {
  if (starts.length === 1) return progTag(program);
  const named = program.slice(start, end).map((insn, index) => {
    if (!isa.isPseudoCall(insn)) return insn;
    return { ...insn, imm: 1, off: starts.indexOf(start + index + 1 + insn.imm) };
  });
  return progTag(named);
}

/** Tag of a program as user space gave it. */
export function progTag(program: readonly isa.Instruction[]): Uint8Array {
  let insideMapLoad = false;
  const cleaned = program.map((insn) => {
    const isMap = insn.src === isa.BPF_PSEUDO_MAP_FD || insn.src === isa.BPF_PSEUDO_MAP_VALUE;
    if (!insideMapLoad && isa.isLdImm64(insn) && isMap) {
      insideMapLoad = true;
      return { ...insn, imm: 0 };
    }
    if (insideMapLoad) {
      insideMapLoad = false;
      return { ...insn, imm: 0 };
    }
    return insn;
  });
  const digest = createHash("sha1").update(isa.encodeInstructions(cleaned)).digest();
  return new Uint8Array(digest.subarray(0, 8));
}
