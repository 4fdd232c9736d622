/**
 * The accepted program becomes the one to generate code for: branches that are never taken and code that is never reached go
 * away, division by a register gets its check for zero, and maps are named by number.
 */
import { helperId } from "../helpers.ts";
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_CALL,
  BPF_DIV,
  BPF_EXIT,
  BPF_JA,
  BPF_JEQ,
  BPF_JMP,
  BPF_JMP32,
  BPF_JNE,
  BPF_K,
  BPF_LDX,
  BPF_MEM,
  BPF_MOD,
  BPF_MODE_MASK,
  BPF_MOV,
  BPF_PROBE_MEM,
  BPF_PSEUDO_MAP_IDX,
  BPF_PSEUDO_MAP_IDX_VALUE,
  BPF_PSEUDO_MAP_VALUE,
  BPF_X,
  BPF_XOR,
  bpfClass,
  bpfMode,
  bpfOp,
  type Instruction,
  instruction,
  isHelperCall,
  isKfuncCall,
  isLdImm64,
  isLongJump,
  isPseudoCall,
  isPseudoFunc,
  jumpDistance,
  withJumpDistance,
} from "../isa.ts";
import type { InstructionAux, VerifierEnvironment } from "./environment.ts";
import { EINVAL } from "./errors.ts";
import type { InstructionFacts, Subprogram, VerifiedProgram } from "./interface.ts";
import { baseType, PTR_TO_BTF_ID, PTR_TO_CTX } from "./register-state.ts";
import { linesAfterChanges } from "./type-info.ts";

const ERANGE = 34;
const TAIL_CALL = helperId("tail_call");
/** Where the map is known, code calls the map's own function, which returns an int. */
const MAP_OPERATIONS = new Set(
  ["map_update_elem", "map_delete_elem", "map_push_elem", "map_pop_elem", "map_peek_elem", "for_each_map_elem"].map(
    helperId,
  ),
);
const OVERRIDE_RETURN = helperId("override_return");

/** One slot on its way into the final program. Jumps know the node they go to, so that slots can come and go. */
interface Node {
  insn: Instruction;
  readonly original: number;
  readonly aux: InstructionAux;
  target: Node | null;
  /** Where jumps to this slot go once it is gone. */
  removed: boolean;
}

const isConditional = (insn: Instruction): boolean => {
  const group = bpfClass(insn.code);
  if (group !== BPF_JMP && group !== BPF_JMP32) return false;
  const op = bpfOp(insn.code);
  return op !== BPF_JA && op !== BPF_CALL && op !== BPF_EXIT;
};

const isJump = (insn: Instruction): boolean =>
  isConditional(insn) || isLongJump(insn) || insn.code === (BPF_JMP | BPF_JA);
const isRelativeByImmediate = (insn: Instruction): boolean => isPseudoCall(insn) || isPseudoFunc(insn);

function makeNodes(env: VerifierEnvironment): Node[] {
  const nodes = env.instructions.map((insn, original): Node => {
    return { insn, original, aux: env.aux[original], target: null, removed: false };
  });
  nodes.forEach((node, i) => {
    if (isJump(node.insn)) node.target = nodes[i + jumpDistance(node.insn) + 1] ?? null;
    else if (isRelativeByImmediate(node.insn)) node.target = nodes[i + node.insn.imm + 1] ?? null;
  });
  return nodes;
}

/** Branches of which only one side was ever taken become plain jumps. */
function wireDeadBranches(nodes: readonly Node[]): void {
  const jump = instruction(BPF_JMP | BPF_JA);
  nodes.forEach((node, i) => {
    if (node.aux.seen === 0 || !isConditional(node.insn)) return;
    const next = nodes[i + 1];
    if (next !== undefined && next.aux.seen === 0) node.insn = jump;
    else if (node.target !== null && node.target.aux.seen === 0) {
      node.insn = jump;
      node.target = next;
    }
  });
}

/** Slots that no path reaches, and jumps to the next slot, go away. */
function removeDeadCode(nodes: readonly Node[]): Node[] {
  for (const node of nodes) if (node.aux.seen === 0) node.removed = true;
  const alive = nodes.filter((node) => !node.removed);
  alive.forEach((node, i) => {
    if (node.insn.code === (BPF_JMP | BPF_JA) && node.target === alive[i + 1]) node.removed = true;
  });
  return alive.filter((node) => !node.removed);
}

/** Unprivileged: code that is never reached traps in itself, should speculation ever get there. */
function trapDeadCode(nodes: readonly Node[]): void {
  for (const node of nodes) {
    if (node.aux.seen !== 0) continue;
    node.insn = instruction(BPF_JMP | BPF_JA, 0, 0, -1, 0);
    node.target = node;
  }
}

/** x / 0 is 0 and x % 0 is x: processors disagree, so the program checks. */
function guardDivision(node: Node, following: Node | undefined): Node[] {
  const { insn, original, aux } = node;
  const is64 = bpfClass(insn.code) === BPF_ALU64;
  const made = (code: number, dst: number, src: number, target: Node | null): Node => ({
    insn: instruction(code, dst, src, 0, 0),
    original,
    aux,
    target,
    removed: false,
  });
  const compare = is64 ? BPF_JMP : BPF_JMP32;
  const operation: Node = { insn, original, aux, target: null, removed: false };
  const end = following ?? null;
  const skip = made(BPF_JMP | BPF_JA, 0, 0, end);
  if (bpfOp(insn.code) === BPF_DIV) {
    const clear = made(BPF_ALU | BPF_XOR | BPF_X, insn.dst, insn.dst, null);
    return [made(compare | BPF_JNE | BPF_K, insn.src, 0, operation), clear, skip, operation];
  }
  if (is64) return [made(compare | BPF_JEQ | BPF_K, insn.src, 0, end), operation];
  // The 32-bit result is zero-extended, also when it is the dividend itself.
  const extend = made(BPF_ALU | BPF_MOV | BPF_X, insn.dst, insn.dst, null);
  return [made(compare | BPF_JEQ | BPF_K, insn.src, 0, extend), operation, skip, extend];
}

const isDivisionByRegister = (insn: Instruction): boolean => {
  const group = bpfClass(insn.code);
  if (group !== BPF_ALU && group !== BPF_ALU64) return false;
  return (bpfOp(insn.code) === BPF_DIV || bpfOp(insn.code) === BPF_MOD) && (insn.code & BPF_X) !== 0;
};

function guardDivisions(nodes: readonly Node[]): Node[] {
  const result: Node[] = [];
  /** First slot of the sequence that replaces a division. */
  const entry = new Map<Node, Node>();
  nodes.forEach((node, i) => {
    if (!isDivisionByRegister(node.insn)) {
      result.push(node);
      return;
    }
    const sequence = guardDivision(node, nodes[i + 1]);
    entry.set(node, sequence[0]);
    result.push(...sequence);
  });
  if (entry.size === 0) return result;
  for (const node of result) if (node.target !== null) node.target = entry.get(node.target) ?? node.target;
  return result;
}

/** A jump to a slot that went away goes to the next one that stayed. */
function emit(env: VerifierEnvironment, all: readonly Node[], nodes: readonly Node[]): Instruction[] {
  const index = new Map<Node, number>(nodes.map((node, i) => [node, i]));
  const placeOf = (target: Node): number => {
    let node: Node | undefined = target;
    while (node !== undefined && !index.has(node)) node = all[node.original + 1];
    return node === undefined ? nodes.length : (index.get(node) ?? nodes.length);
  };
  return nodes.map((node, i) => {
    const { insn } = node;
    if (node.target === null) return insn;
    const distance = placeOf(node.target) - i - 1;
    if (isRelativeByImmediate(insn)) return { ...insn, imm: distance };
    if (!isJump(insn)) return insn;
    if (!isLongJump(insn) && (distance < -0x8000 || distance > 0x7fff)) env.reject(ERANGE);
    return withJumpDistance(insn, distance);
  });
}

/** Maps by number instead of the loader's file descriptors. */
function nameMaps(env: VerifierEnvironment, nodes: readonly Node[]): void {
  nodes.forEach((node, i) => {
    const { insn, aux } = node;
    if (!isLdImm64(insn) || aux.map === null || isPseudoFunc(insn)) return;
    const isValue = insn.src === BPF_PSEUDO_MAP_VALUE || insn.src === BPF_PSEUDO_MAP_IDX_VALUE;
    const imm = env.maps.indexOf(aux.map);
    node.insn = { ...insn, src: isValue ? BPF_PSEUDO_MAP_IDX_VALUE : BPF_PSEUDO_MAP_IDX, imm };
    const second = nodes[i + 1];
    if (second !== undefined) second.insn = { ...second.insn, imm: isValue ? aux.mapOffset : 0 };
  });
}

/** Unprivileged: an index into a program array is masked for one array, so it must always be the same. */
function checkTailCalls(env: VerifierEnvironment): void {
  if (env.bypassSpectreV1) return;
  env.instructions.forEach((insn, i) => {
    if (isHelperCall(insn) && insn.imm === TAIL_CALL && env.aux[i].callMap === "varies") {
      env.reject(EINVAL, "tail_call abusing map_ptr");
    }
  });
}

/** What the interpreter cannot do: helpers cannot call into the program, and a tail call would leave a function's frame. */
function checkInterpretable(
  env: VerifierEnvironment,
  nodes: readonly Node[],
  subprograms: readonly Subprogram[],
): void {
  if (env.program.interpreted !== true) return;
  if (subprograms.length > 1 && subprograms[0].tailCallReachable) {
    env.reject(EINVAL, "tail_calls are not allowed in non-JITed programs with bpf-to-bpf calls");
  }
  if (nodes.some((node) => isPseudoFunc(node.insn))) {
    env.reject(EINVAL, "callbacks are not allowed in non-JITed programs");
  }
}

/** A pointer to a kernel structure may be anything: the load is one that may fault, and gives 0 then. */
function probeMemory(node: Node): void {
  const { insn, aux } = node;
  if (bpfClass(insn.code) !== BPF_LDX || bpfMode(insn.code) !== BPF_MEM) return;
  if (baseType(aux.pointerType) !== PTR_TO_BTF_ID) return;
  node.insn = { ...insn, code: (insn.code & ~BPF_MODE_MASK) | BPF_PROBE_MEM };
}

/** Prepares an accepted program. */
export function prepareProgram(env: VerifierEnvironment): VerifiedProgram {
  checkTailCalls(env);
  const all = makeNodes(env);
  nameMaps(env, all);
  let nodes: Node[] = all;
  if (env.capable) {
    wireDeadBranches(all);
    nodes = removeDeadCode(all);
  } else {
    trapDeadCode(all);
  }
  if (nodes.some((node) => isKfuncCall(node.insn))) {
    env.reject(EINVAL, "invalid kernel function call not eliminated in verifier pass");
  }
  const kept = nodes;
  for (const node of nodes) probeMemory(node);
  nodes = guardDivisions(nodes);
  const instructions = emit(env, all, nodes);

  const firstSlot = new Map<number, number>();
  nodes.forEach((node, i) => {
    if (!firstSlot.has(node.original)) firstSlot.set(node.original, i);
  });
  const subprograms: Subprogram[] = [];
  /** By number of a function as loaded: its number among those that are left. */
  const numberOf = new Map<number, number>();
  for (let s = 0; s < env.subprograms.length - 1; s++) {
    const { start, stackDepth, hasTailCall, tailCallReachable } = env.subprograms[s];
    const end = env.subprograms[s + 1].start;
    const first = kept.find((node) => node.original >= start && node.original < end);
    if (first === undefined) continue;
    const type = env.types?.functions[s]?.type;
    const place = firstSlot.get(first.original) ?? 0;
    numberOf.set(s, subprograms.length);
    subprograms.push({ start: place, stackDepth, hasTailCall, tailCallReachable, type });
  }
  checkInterpretable(env, kept, subprograms);
  const helpers = new Set(instructions.filter(isHelperCall).map((insn) => insn.imm));
  const facts = nodes.map(
    ({ original, aux, insn }): InstructionFacts => ({
      original,
      contextAccess: aux.pointerType === PTR_TO_CTX,
      zeroExtend: aux.zeroExtend,
      ...(typeof aux.callMap === "object" && aux.callMap !== null && { map: aux.callMap }),
      ...(typeof aux.loopCallback === "number" && { loopCallback: numberOf.get(aux.loopCallback) }),
      narrowResult: isHelperCall(insn) && MAP_OPERATIONS.has(insn.imm) && aux.callMap !== "varies",
    }),
  );
  return {
    instructions,
    facts,
    subprograms,
    lines: linesAfterChanges(env.types?.lines ?? [], env.instructions.length, (slot) => firstSlot.get(slot)),
    maps: env.maps,
    seen: env.aux.map((aux) => aux.seen !== 0),
    kprobeOverride: OVERRIDE_RETURN !== undefined && helpers.has(OVERRIDE_RETURN),
    tailCall: TAIL_CALL !== undefined && helpers.has(TAIL_CALL),
    helpers: [...helpers].sort((a, b) => a - b),
    stackDepth: env.subprograms[0].stackDepth,
    maxContextOffset: env.maxContextOffset,
    ...(env.target !== undefined && { attach: env.target.model }),
  };
}
