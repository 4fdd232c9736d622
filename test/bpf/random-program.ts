/**
 * Random BPF programs for comparing executors: every arithmetic, jump, load, store and atomic form, helper calls and calls
 * between functions. They end always (jumps go forward only), and no address depends on where stack or context lie.
 */
import * as isa from "../../src/bpf/isa.ts";

/** Bytes of context that a program reads and writes through r1 on entry. */
export const CONTEXT_SIZE = 256;
/** Helpers 1 ... HELPER_COUNT may be called; 12 is bpf_tail_call and is left out. */
export const HELPER_COUNT = 8;

/** A small seeded generator (xorshift32). */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = (seed * 2654435761) | 1;
  }
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x | 0;
    return x >>> 0;
  }
  below(limit: number): number {
    return this.next() % limit;
  }
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }
}

const EDGES = [0, 1, -1, 2, 7, 8, 31, 32, 33, 63, 64, 65, 127, 128, -128, -129, 255, 256, 0x7fffffff, -0x80000000];
const ALU = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xa0, 0xb0, 0xc0];
const JUMPS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
const ATOMICS = [0, 1, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1];
const STACK_BYTES = 64;

function edge(random: Random): number {
  return random.below(3) === 0 ? random.next() | 0 : random.pick(EDGES);
}

/** One function. The context's address stays in r9 of the main program; functions get it in r1. */
function body(
  random: Random,
  length: number,
  callees: number,
): { insns: isa.Instruction[]; calls: [number, number][] } {
  const insns: isa.Instruction[] = [];
  const calls: [number, number][] = [];
  const base = 9;
  const values = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const emit = (...args: Parameters<typeof isa.instruction>): void => {
    insns.push(isa.instruction(...args));
  };
  const memory = (bytes: number): [number, number] => {
    const stack = random.below(2) === 0;
    const room = stack ? STACK_BYTES : CONTEXT_SIZE;
    const offset = random.below(room / bytes) * bytes;
    return stack ? [10, offset - STACK_BYTES] : [base, offset];
  };
  emit(isa.BPF_ALU64 | isa.BPF_MOV | isa.BPF_X, base, 1);
  for (let at = -STACK_BYTES; at < 0; at += 8) emit(isa.BPF_ST | isa.BPF_MEM | isa.BPF_DW, 10, 0, at, edge(random));
  const refresh = (registers: readonly number[]): void => {
    for (const register of registers) {
      if (random.below(2) === 0)
        insns.push(...isa.ldImm64(register, 0, (BigInt(edge(random)) << 32n) + BigInt(edge(random))));
      else emit(isa.BPF_ALU64 | isa.BPF_MOV | isa.BPF_K, register, 0, 0, edge(random));
    }
  };
  refresh(values);
  const pendingJumps: { slot: number; after: number }[] = [];
  const starts: number[] = [];
  for (let count = 0; count < length; count++) {
    starts.push(insns.length);
    const dst = random.pick(values);
    const src = random.pick(values);
    const wide = random.below(2) === 0;
    const size = random.pick([isa.BPF_B, isa.BPF_H, isa.BPF_W, isa.BPF_DW]);
    const bytes = isa.accessBytes(size);
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const operation = random.pick(ALU);
        const byRegister = operation !== isa.BPF_NEG && random.below(2) === 0;
        let imm = byRegister || operation === isa.BPF_NEG ? 0 : edge(random);
        if ([isa.BPF_LSH, isa.BPF_RSH, isa.BPF_ARSH].includes(operation)) imm &= wide ? 63 : 31;
        if (!byRegister && [isa.BPF_DIV, isa.BPF_MOD].includes(operation) && imm === 0) imm = 3;
        emit(
          (wide ? isa.BPF_ALU64 : isa.BPF_ALU) | operation | (byRegister ? isa.BPF_X : 0),
          dst,
          byRegister ? src : 0,
          0,
          imm,
        );
        break;
      }
      case 4:
        emit(
          isa.BPF_ALU | isa.BPF_END | random.pick([isa.BPF_TO_LE, isa.BPF_TO_BE]),
          dst,
          0,
          0,
          random.pick([16, 32, 64]),
        );
        break;
      case 5: {
        const [register, offset] = memory(bytes);
        emit(isa.BPF_LDX | isa.BPF_MEM | size, dst, register, offset);
        break;
      }
      case 6: {
        const [register, offset] = memory(bytes);
        emit(isa.BPF_STX | isa.BPF_MEM | size, register, src, offset);
        break;
      }
      case 7: {
        const [register, offset] = memory(bytes);
        emit(isa.BPF_ST | isa.BPF_MEM | size, register, 0, offset, edge(random));
        break;
      }
      case 8: {
        const atomicSize = wide ? isa.BPF_DW : isa.BPF_W;
        const [register, offset] = memory(wide ? 8 : 4);
        let through = register;
        if (register !== 10 && random.below(2) === 0) {
          // r0 as the address: compare-and-exchange loops must keep it
          through = 0;
          emit(isa.BPF_ALU64 | isa.BPF_MOV | isa.BPF_X, 0, register);
        }
        const operation = through === 0 ? random.pick(ATOMICS.slice(0, 8)) : random.pick(ATOMICS);
        const value = through === 0 && src === 0 ? 1 : src;
        emit(isa.BPF_STX | isa.BPF_ATOMIC | atomicSize, through, value, offset, operation);
        if (through === 0) emit(isa.BPF_ALU64 | isa.BPF_MOV | isa.BPF_K, 0, 0, 0, edge(random));
        break;
      }
      case 9: {
        const byRegister = random.below(2) === 0;
        pendingJumps.push({ slot: insns.length, after: count + 1 + random.below(6) });
        const jump = random.below(8) === 0 ? undefined : random.pick(JUMPS);
        if (jump === undefined) emit((wide ? isa.BPF_JMP : isa.BPF_JMP32) | isa.BPF_JA);
        else {
          const cls = wide ? isa.BPF_JMP : isa.BPF_JMP32;
          emit(cls | jump | (byRegister ? isa.BPF_X : 0), dst, byRegister ? src : 0, 0, byRegister ? 0 : edge(random));
        }
        break;
      }
      case 10: {
        emit(isa.BPF_JMP | isa.BPF_CALL, 0, 0, 0, 1 + random.below(HELPER_COUNT));
        refresh([1, 2, 3, 4, 5]);
        break;
      }
      default:
        if (callees > 0) {
          emit(isa.BPF_ALU64 | isa.BPF_MOV | isa.BPF_X, 1, base);
          calls.push([insns.length, random.below(callees)]);
          emit(isa.BPF_JMP | isa.BPF_CALL, 0, isa.BPF_PSEUDO_CALL);
          refresh([1, 2, 3, 4, 5]);
        } else {
          refresh([dst]);
        }
    }
  }
  const fold = insns.length;
  for (const register of values.slice(1)) {
    emit(isa.BPF_ALU64 | isa.BPF_MUL | isa.BPF_K, 0, 0, 0, 31);
    emit(isa.BPF_ALU64 | isa.BPF_XOR | isa.BPF_X, 0, register);
  }
  emit(isa.BPF_JMP | isa.BPF_EXIT);
  for (const { slot, after } of pendingJumps) {
    insns[slot] = isa.withJumpDistance(insns[slot], (starts[after] ?? fold) - slot - 1);
  }
  return { insns, calls };
}

/** A program of up to three functions, each calling only later ones. */
export function randomProgram(seed: number, length = 60): isa.Instruction[] {
  const random = new Random(seed);
  const count = 1 + random.below(3);
  const bodies = Array.from({ length: count }, (_, index) => body(random, length, count - 1 - index));
  const starts: number[] = [];
  let at = 0;
  for (const { insns } of bodies) {
    starts.push(at);
    at += insns.length;
  }
  return bodies.flatMap(({ insns, calls }, index) => {
    for (const [slot, callee] of calls) {
      insns[slot] = { ...insns[slot], imm: starts[index + 1 + callee] - (starts[index] + slot) - 1 };
    }
    return insns;
  });
}

/** Context bytes for a seed. */
export function randomContext(seed: number): Uint8Array {
  const random = new Random(seed ^ 0x5eed);
  return Uint8Array.from({ length: CONTEXT_SIZE }, () => random.below(256));
}

/** What a helper of the test returns. */
export function helperResult(id: number, args: readonly bigint[]): bigint {
  return BigInt.asUintN(
    64,
    args.reduce((sum, argument) => sum * 31n + argument, BigInt(id)),
  );
}
