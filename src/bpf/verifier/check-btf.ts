/**
 * Loads through pointers to the kernel's structures (PTR_TO_BTF_ID): which member lies at an offset, and whether the load gives a
 * number or another such pointer. The pointer may still be null or stale, so the load is one that may fault.
 * (check_ptr_to_btf_access, btf_struct_walk)
 */
import type { Btf, BtfMember, BtfType } from "../btf.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { EACCES, EFAULT, EINVAL, Rejection } from "./errors.ts";
import {
  DEF_NOT_SUBREG,
  MEM_PERCPU,
  MEM_USER,
  PTR_TO_BTF_ID,
  PTR_UNTRUSTED,
  type RegisterState,
} from "./register-state.ts";
import { tnumIsConst, tnumString } from "./tnum.ts";

type Structure = Extract<BtfType, { kind: "struct" | "union" }>;

/** What was found: a pointer to a structure, or (undefined) a number. */
interface Found {
  readonly structure?: Structure;
  /** The structure itself lies there, not a pointer to it. */
  readonly embedded?: boolean;
  readonly flags: number;
}

const isStructure = (type: BtfType): type is Structure => type.kind === "struct" || type.kind === "union";
const isSized = (btf: Btf, type: number): number | undefined => {
  try {
    return btf.size(type);
  } catch {
    return undefined;
  }
};

/** The innermost element of an array of arrays, and how many of them there are. */
function elements(btf: Btf, type: BtfType): { element: BtfType; count: number } {
  let element = type;
  let count = 1;
  while (element.kind === "array") {
    count *= element.count;
    element = btf.resolve(element.type);
  }
  return { element, count };
}

class StructureWalk {
  readonly #env: VerifierEnvironment;
  readonly #btf: Btf;
  readonly #size: number;
  readonly #untrusted: boolean;
  readonly #stopsAtStructures: boolean;

  constructor(env: VerifierEnvironment, btf: Btf, size: number, untrusted: boolean, stopsAtStructures = false) {
    this.#env = env;
    this.#btf = btf;
    this.#size = size;
    this.#untrusted = untrusted;
    this.#stopsAtStructures = stopsAtStructures;
  }

  /** Behind the end of a structure there may still be the elements of its last member, an array without a length. */
  #behind(structure: Structure, offset: number): Found {
    const last = structure.members.at(-1);
    const array = last && this.#btf.resolve(last.type);
    const start = (last?.bitOffset ?? 0) >> 3;
    if (array?.kind === "array" && array.count === 0 && offset >= start) {
      const element = this.#btf.resolve(array.type);
      if (element.kind === "int") return { flags: 0 };
      if (isStructure(element) && element.size > 0) return this.find(element, (offset - start) % element.size);
    }
    const place = `off ${offset} size ${this.#size}`;
    return this.#env.reject(EACCES, `access beyond struct ${structure.name || "(anon)"} at ${place}`);
  }

  find(structure: Structure, offset: number): Found {
    if (offset + this.#size > structure.size) return this.#behind(structure, offset);
    for (const member of structure.members) {
      const start = member.bitOffset >> 3;
      if (offset + this.#size <= start) break;
      if (member.bitSize !== 0) {
        const end = (member.bitOffset + member.bitSize + 7) >> 3;
        if (offset <= start && end <= offset + this.#size) return { flags: 0 };
        continue;
      }
      if (offset < start) break;
      const bytes = isSized(this.#btf, member.type);
      if (bytes === undefined) this.#env.reject(EFAULT, `field ${member.name} doesn't have size`);
      if (offset >= start + bytes) continue;
      return this.#member(structure, member, offset, start, bytes);
    }
    const name = structure.name || "(anon)";
    return this.#env.reject(EINVAL, `struct ${name} doesn't have field at offset ${offset}`);
  }

  #member(structure: Structure, member: BtfMember, offset: number, first: number, bytes: number): Found {
    const btf = this.#btf;
    const { element, count } = elements(btf, btf.resolve(member.type));
    const width = bytes / count;
    const start = first + Math.floor((offset - first) / width) * width;
    if (isStructure(element) && offset === start && this.#stopsAtStructures) {
      return { structure: element, embedded: true, flags: 0 };
    }
    if (isStructure(element)) return this.find(element, offset - start);
    const place = `struct ${structure.name || "(anon)"} with off ${offset} size ${this.#size}`;
    if (element.kind === "ptr") {
      if (width !== this.#size || offset !== start) {
        this.#env.reject(EACCES, `cannot access ptr member ${member.name} with moff ${start} in ${place}`);
      }
      const target = btf.type(element.type);
      const pointee = btf.resolve(element.type);
      const tag = target.kind === "type_tag" ? target.name : "";
      const flags = tag === "user" ? MEM_USER : tag === "percpu" ? MEM_PERCPU : 0;
      if (isStructure(pointee)) return { structure: pointee, flags };
    }
    const end = first + bytes;
    if (offset + this.#size > end && !this.#untrusted) {
      this.#env.reject(EACCES, `access beyond the end of member ${member.name} (mend:${end}) in ${place}`);
    }
    return { flags: 0 };
  }
}

/** An access of `size` bytes at `offset` in the structure that a register points to. */
export function checkStructureAccess(
  env: VerifierEnvironment,
  regno: number,
  offset: number,
  size: number,
  isWrite: boolean,
  value: RegisterState | null,
): void {
  const reg = env.registers[regno];
  const { structure, type } = reg;
  const btf = env.program.kernelTypes;
  if (structure === null || btf === undefined || !isStructure(structure)) {
    env.reject(EINVAL, `Type '${structure?.name ?? ""}' is not a struct`);
  }
  const refuse = (what: string): never => env.reject(EACCES, `R${regno} is ptr_${structure.name} ${what}`);
  if (offset < 0) refuse(`invalid negative access: off=${offset}`);
  if (!tnumIsConst(reg.varOff) || reg.varOff.value !== 0n) {
    refuse(`invalid variable offset: off=${offset}, var_off=${tnumString(reg.varOff)}`);
  }
  if (type & MEM_USER) refuse(`access user memory: off=${offset}`);
  if (type & MEM_PERCPU) refuse(`access percpu memory: off=${offset}`);
  if (isWrite) env.reject(EACCES, "only read is supported");
  const untrusted = type & PTR_UNTRUSTED;
  const found = new StructureWalk(env, btf, size, untrusted !== 0).find(structure, offset);
  if (value === null) return;
  env.markUnknown(value);
  if (found.structure === undefined) return;
  value.markKnownZero();
  value.type = PTR_TO_BTF_ID | found.flags | untrusted;
  value.structure = found.structure;
  value.subregDef = DEF_NOT_SUBREG;
}

/** A structure of the kernel, for what a helper returns. */
export function kernelStructure(env: VerifierEnvironment, name: string): BtfType {
  const structure = env.program.kernelTypes?.find(name, "struct");
  if (structure === undefined) env.reject(EINVAL, `the kernel's types have no struct ${name}`);
  return structure;
}

/** Whether a register points to a structure of this name: to the whole object, or to a member at its offset. */
export function pointsTo(env: VerifierEnvironment, reg: RegisterState, name: string): boolean {
  const btf = env.program.kernelTypes;
  let { structure } = reg;
  let offset = reg.off;
  while (btf !== undefined && structure !== null && isStructure(structure)) {
    if (offset === 0 && structure.name === name) return true;
    try {
      const found: Found = new StructureWalk(env, btf, 1, false, true).find(structure, offset);
      if (found.embedded !== true || found.structure === undefined) return false;
      structure = found.structure;
      offset = 0;
    } catch (error) {
      // What is wrong with the offset is in the log.
      if (error instanceof Rejection) return false;
      throw error;
    }
  }
  return false;
}
