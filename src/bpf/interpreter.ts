/**
 * Executes a BPF program one instruction at a time, as RFC 9669 describes it. The reference that generated code is compared
 * with; it knows nothing of kernels: memory and helpers are given by the caller.
 */
import * as isa from "./isa.ts";

/** What a program can reach besides its registers. Addresses are unsigned 64 bits. */
export interface Environment {
  /** Zero-extended load. */
  load(address: bigint, bytes: 1 | 2 | 4 | 8): bigint;
  store(address: bigint, bytes: 1 | 2 | 4 | 8, value: bigint): void;
  /** Calls helper `id` with r1 to r5; the result goes to r0. */
  callHelper(id: number, args: readonly bigint[]): bigint;
  /** The program to continue with for bpf_tail_call(ctx, map, index), if there is one. */
  tailCall?(map: bigint, index: number): readonly isa.Instruction[] | undefined;
  /** Address that a function pointer (BPF_PSEUDO_FUNC) to `slot` has. */
  functionAddress?(slot: number): bigint;
}

export interface InterpreterOptions {
  /** Value of r1 on entry. */
  readonly context: bigint;
  /** Address just above the first frame's stack; each call's frame lies `frameSize` bytes below its caller's. */
  readonly stackTop: bigint;
  /** Bytes from one frame to the next; 512 when absent. */
  readonly frameSize?: bigint;
  /** Instructions after which the program is given up; 1,000,000 when absent. */
  readonly maxInstructions?: number;
}

export class InterpreterError extends Error {
  readonly slot: number;
  constructor(slot: number, message: string) {
    super(`insn ${slot}: ${message}`);
    this.slot = slot;
  }
}

const MASK64 = (1n << 64n) - 1n;
const MASK32 = (1n << 32n) - 1n;
const HELPER_TAIL_CALL = 12;

const signed = (value: bigint, wide: boolean): bigint => BigInt.asIntN(wide ? 64 : 32, value);
const unsigned = (value: bigint, wide: boolean): bigint => value & (wide ? MASK64 : MASK32);

/** Result of an arithmetic operation on operands of 64 (`wide`) or 32 bits, zero-extended; undefined for no such operation. */
export function arithmetic(operation: number, a: bigint, b: bigint, wide: boolean): bigint | undefined {
  const x = unsigned(a, wide);
  const y = unsigned(b, wide);
  const count = y & (wide ? 63n : 31n);
  switch (operation) {
    case isa.BPF_ADD:
      return unsigned(x + y, wide);
    case isa.BPF_SUB:
      return unsigned(x - y, wide);
    case isa.BPF_MUL:
      return unsigned(x * y, wide);
    case isa.BPF_DIV:
      return y === 0n ? 0n : x / y;
    case isa.BPF_MOD:
      return y === 0n ? x : x % y;
    case isa.BPF_OR:
      return x | y;
    case isa.BPF_AND:
      return x & y;
    case isa.BPF_XOR:
      return x ^ y;
    case isa.BPF_LSH:
      return unsigned(x << count, wide);
    case isa.BPF_RSH:
      return x >> count;
    case isa.BPF_ARSH:
      return unsigned(signed(x, wide) >> count, wide);
    case isa.BPF_MOV:
      return y;
    case isa.BPF_NEG:
      return unsigned(-x, wide);
    default:
      return undefined;
  }
}

/** Whether a conditional jump is taken; undefined for no such condition. */
export function condition(operation: number, a: bigint, b: bigint, wide: boolean): boolean | undefined {
  const x = unsigned(a, wide);
  const y = unsigned(b, wide);
  switch (operation) {
    case isa.BPF_JEQ:
      return x === y;
    case isa.BPF_JNE:
      return x !== y;
    case isa.BPF_JSET:
      return (x & y) !== 0n;
    case isa.BPF_JGT:
      return x > y;
    case isa.BPF_JGE:
      return x >= y;
    case isa.BPF_JLT:
      return x < y;
    case isa.BPF_JLE:
      return x <= y;
    case isa.BPF_JSGT:
      return signed(x, wide) > signed(y, wide);
    case isa.BPF_JSGE:
      return signed(x, wide) >= signed(y, wide);
    case isa.BPF_JSLT:
      return signed(x, wide) < signed(y, wide);
    case isa.BPF_JSLE:
      return signed(x, wide) <= signed(y, wide);
    default:
      return undefined;
  }
}

/** `value` cut to `bits`, with its bytes reversed if `swap`. */
export function byteOrder(value: bigint, bits: number, swap: boolean): bigint {
  let rest = BigInt.asUintN(bits, value);
  if (!swap) return rest;
  let result = 0n;
  for (let byte = 0; byte < bits / 8; byte++) {
    result = (result << 8n) | (rest & 255n);
    rest >>= 8n;
  }
  return result;
}

interface Frame {
  readonly insns: readonly isa.Instruction[];
  readonly returnTo: number;
  readonly saved: readonly bigint[];
}

/**
 * Runs a program to its exit.
 * @returns r0 of the main program, unsigned 64 bits
 * @throws InterpreterError for invalid instructions, jumps out of the program, too deep calls and endless loops
 */
export function interpret(
  program: readonly isa.Instruction[],
  environment: Environment,
  options: InterpreterOptions,
): bigint {
  const registers = new Array<bigint>(isa.MAX_BPF_REG).fill(0n);
  const frameSize = options.frameSize ?? BigInt(isa.MAX_BPF_STACK);
  const limit = options.maxInstructions ?? 1_000_000;
  const frames: Frame[] = [];
  let insns = program;
  let tailCalls = 0;
  let slot = 0;
  registers[isa.BPF_REG_1] = options.context;
  registers[isa.BPF_REG_FP] = options.stackTop;

  for (let count = 0; count < limit; count++) {
    const insn = insns[slot];
    if (insn === undefined) throw new InterpreterError(slot, "outside the program");
    const { code, dst, src, off } = insn;
    const unknown = (): InterpreterError =>
      new InterpreterError(slot, `opcode 0x${code.toString(16).padStart(2, "0")} imm ${insn.imm} is not defined`);
    const immediate = BigInt.asUintN(64, BigInt(insn.imm));
    const second = isa.bpfSource(code) === isa.BPF_X ? registers[src] : immediate;
    const address = (register: number): bigint => BigInt.asUintN(64, registers[register] + BigInt(off));
    let next = slot + 1;

    switch (isa.bpfClass(code)) {
      case isa.BPF_ALU:
      case isa.BPF_ALU64: {
        const wide = isa.bpfClass(code) === isa.BPF_ALU64;
        if (isa.bpfOp(code) === isa.BPF_END) {
          if (wide || ![16, 32, 64].includes(insn.imm)) throw unknown();
          registers[dst] = byteOrder(registers[dst], insn.imm, isa.bpfSource(code) === isa.BPF_TO_BE);
          break;
        }
        const result = arithmetic(isa.bpfOp(code), registers[dst], second, wide);
        if (result === undefined) throw unknown();
        registers[dst] = result;
        break;
      }
      case isa.BPF_LD: {
        if (!isa.isLdImm64(insn) || insns[slot + 1] === undefined) throw unknown();
        if (insn.src === isa.BPF_PSEUDO_FUNC && environment.functionAddress !== undefined) {
          registers[dst] = environment.functionAddress(slot + insn.imm + 1);
        } else {
          registers[dst] = isa.imm64(insn, insns[slot + 1]);
        }
        next = slot + 2;
        break;
      }
      case isa.BPF_LDX:
        if (isa.bpfMode(code) !== isa.BPF_MEM) throw unknown();
        registers[dst] = environment.load(address(src), isa.accessBytes(code));
        break;
      case isa.BPF_ST: {
        if (isa.bpfMode(code) !== isa.BPF_MEM) throw unknown();
        const bytes = isa.accessBytes(code);
        environment.store(address(dst), bytes, BigInt.asUintN(8 * bytes, immediate));
        break;
      }
      case isa.BPF_STX: {
        const bytes = isa.accessBytes(code);
        if (isa.bpfMode(code) === isa.BPF_MEM) {
          environment.store(address(dst), bytes, BigInt.asUintN(8 * bytes, registers[src]));
        } else if (isa.bpfMode(code) === isa.BPF_ATOMIC && bytes >= 4) {
          const wide = bytes === 8;
          const old = environment.load(address(dst), bytes);
          let value: bigint | undefined;
          if (insn.imm === isa.BPF_XCHG) value = unsigned(registers[src], wide);
          else if (insn.imm === isa.BPF_CMPXCHG) {
            value = old === unsigned(registers[0], wide) ? unsigned(registers[src], wide) : old;
          } else if ([isa.BPF_ADD, isa.BPF_AND, isa.BPF_OR, isa.BPF_XOR].includes(insn.imm & ~isa.BPF_FETCH)) {
            value = arithmetic(insn.imm & ~isa.BPF_FETCH, old, registers[src], wide);
          }
          if (value === undefined) throw unknown();
          environment.store(address(dst), bytes, value);
          if (insn.imm === isa.BPF_CMPXCHG) registers[0] = old;
          else if ((insn.imm & isa.BPF_FETCH) !== 0) registers[src] = old;
        } else {
          throw unknown();
        }
        break;
      }
      default: {
        const wide = isa.bpfClass(code) === isa.BPF_JMP;
        const operation = isa.bpfOp(code);
        if (operation === isa.BPF_JA) {
          next = slot + 1 + isa.jumpDistance(insn);
        } else if (wide && operation === isa.BPF_EXIT) {
          const frame = frames.pop();
          if (frame === undefined) return registers[0];
          frame.saved.forEach((value, index) => {
            registers[6 + index] = value;
          });
          insns = frame.insns;
          next = frame.returnTo;
        } else if (wide && operation === isa.BPF_CALL && src === isa.BPF_PSEUDO_CALL) {
          if (frames.length + 1 >= isa.MAX_CALL_FRAMES) throw new InterpreterError(slot, "too many call frames");
          frames.push({ insns, returnTo: next, saved: registers.slice(6, 11) });
          registers[isa.BPF_REG_FP] -= frameSize;
          next = slot + 1 + insn.imm;
        } else if (wide && operation === isa.BPF_CALL && src === 0 && insn.imm === HELPER_TAIL_CALL) {
          const index = Number(registers[3] & MASK32);
          const target = tailCalls < isa.MAX_TAIL_CALL_CNT ? environment.tailCall?.(registers[2], index) : undefined;
          if (target !== undefined) {
            tailCalls++;
            insns = target;
            next = 0;
          }
        } else if (wide && operation === isa.BPF_CALL && src === 0) {
          registers[0] = BigInt.asUintN(64, environment.callHelper(insn.imm, registers.slice(1, 6)));
        } else {
          const taken = condition(operation, registers[dst], second, wide);
          if (taken === undefined) throw unknown();
          if (taken) next = slot + 1 + off;
        }
      }
    }
    slot = next;
  }
  throw new InterpreterError(slot, `not finished after ${limit} instructions`);
}
