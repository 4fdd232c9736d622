/** Makes a program on which two kernels differ small: slots are taken out as long as the difference stays. */
import * as isa from "../../../src/bpf/isa.ts";
import type { TypedProgram } from "./programs.ts";

/** Whether a slot holds a distance to another slot, and which. */
function target(insn: isa.Instruction, slot: number): number | undefined {
  const cls = isa.bpfClass(insn.code);
  if (isa.isPseudoCall(insn) || isa.isPseudoFunc(insn)) return slot + 1 + insn.imm;
  if (cls !== isa.BPF_JMP && cls !== isa.BPF_JMP32) return undefined;
  const operation = isa.bpfOp(insn.code);
  return operation === isa.BPF_CALL || operation === isa.BPF_EXIT ? undefined : slot + 1 + isa.jumpDistance(insn);
}

/** The program without these slots. What led into them leads behind them. */
export function without(insns: readonly isa.Instruction[], removed: ReadonlySet<number>): isa.Instruction[] {
  let kept = 0;
  const moved = insns.map((_insn, slot) => (removed.has(slot) ? kept : kept++));
  const place = (slot: number): number => moved[slot] ?? slot - removed.size;
  return insns.flatMap((insn, slot) => {
    if (removed.has(slot)) return [];
    const led = target(insn, slot);
    if (led === undefined) return [insn];
    const distance = place(led) - place(slot) - 1;
    return [
      isa.isPseudoCall(insn) || isa.isPseudoFunc(insn)
        ? { ...insn, imm: distance }
        : isa.withJumpDistance(insn, distance),
    ];
  });
}

/** Changes of a program, of which several may be made together: slots taken out, or operands replaced by simpler ones. */
interface Change {
  readonly removed: ReadonlySet<number>;
  readonly operands: ReadonlyMap<number, number>;
}

function apply(insns: readonly isa.Instruction[], { removed, operands }: Change): isa.Instruction[] {
  return without(
    insns.map((insn, slot) => ({ ...insn, imm: operands.get(slot) ?? insn.imm })),
    removed,
  );
}

function both(a: Change, b: Change): Change {
  return { removed: new Set([...a.removed, ...b.removed]), operands: new Map([...a.operands, ...b.operands]) };
}

/** What may be taken out: runs of instructions, large ones first. The two slots of ld_imm64 go together. */
function cuts(insns: readonly isa.Instruction[]): Change[] {
  const units: number[][] = [];
  for (let slot = 0; slot < insns.length; slot++) {
    if (isa.isLdImm64(insns[slot]) && slot + 1 < insns.length) units.push([slot, ++slot]);
    else units.push([slot]);
  }
  const found: Change[] = [];
  for (let size = units.length >> 1; size > 0; size >>= 1)
    for (let from = 0; from < units.length; from += size)
      found.push({ removed: new Set(units.slice(from, from + size).flat()), operands: new Map() });
  return found;
}

function simplerOperands(insns: readonly isa.Instruction[]): Change[] {
  return insns.flatMap((insn, slot) => {
    const plain = [isa.BPF_ALU, isa.BPF_ALU64, isa.BPF_ST].includes(isa.bpfClass(insn.code)) && insn.imm !== 0;
    if (!plain || isa.bpfOp(insn.code) === isa.BPF_END) return [];
    const choices = insn.imm === 1 ? [0] : [0, 1];
    return choices.map((imm) => ({ removed: new Set<number>(), operands: new Map([[slot, imm]]) }));
  });
}

/** Asks which of the candidates make the kernels differ still, and ends with the small program. */
type Shrinking = Generator<readonly TypedProgram[], TypedProgram, readonly boolean[]>;

function* shrinking(program: TypedProgram): Shrinking {
  let { insns } = program;
  const changed = (change: Change): TypedProgram => ({ ...program, insns: apply(insns, change) });
  for (const changes of [cuts, simplerOperands, cuts]) {
    for (;;) {
      const possible = changes(insns);
      const still = yield possible.map(changed);
      const good = possible.filter((_change, index) => still[index]);
      if (good.length === 0) break;
      // As many of them together as can be.
      const together = [good[0]];
      for (const change of good.slice(1)) together.push(both(together[together.length - 1], change));
      const smaller = together.filter(({ removed }) => removed.size < insns.length);
      const differs = yield smaller.map(changed);
      insns = apply(insns, smaller[Math.max(differs.lastIndexOf(true), 0)]);
    }
  }
  return { ...program, insns };
}

/**
 * Makes programs small, all at the same time, because a kernel takes long to start.
 * @param differ whether each of the candidates makes the kernels differ as the program of that number does
 */
export function shrink(
  programs: readonly TypedProgram[],
  differ: (candidates: readonly { readonly of: number; readonly program: TypedProgram }[]) => readonly boolean[],
): TypedProgram[] {
  const runs = programs.map((program) => shrinking(program));
  const states = runs.map((run) => run.next());
  for (;;) {
    const candidates = states.flatMap((state, of) =>
      state.done === true ? [] : state.value.map((program) => ({ of, program })),
    );
    const answers = candidates.length === 0 ? [] : differ(candidates);
    states.forEach((state, of) => {
      if (state.done !== true) states[of] = runs[of].next(answers.filter((_answer, at) => candidates[at].of === of));
    });
    const small = states.flatMap((state) => (state.done === true ? [state.value] : []));
    if (small.length === programs.length) return small;
  }
}
