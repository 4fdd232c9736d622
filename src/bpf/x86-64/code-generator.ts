/**
 * Generates x86-64 code for a verified BPF program, laid out as Linux 6.1's JIT lays it out (register mapping, prologue,
 * tail call sequence), so that what a debugger shows is what people know from there.
 *
 * | BPF | r0  | r1  | r2  | r3  | r4  | r5 | r6  | r7  | r8  | r9  | r10 |
 * | x86 | rax | rdi | rsi | rdx | rcx | r8 | rbx | r13 | r14 | r15 | rbp |
 *
 * r10 and r11 are scratch. The arguments of a helper are thus where the System V ABI wants them, except that rcx and r8 follow
 * rdx as there; a helper is called without moving anything. All functions of a program (the main one first, then its
 * subprograms) make one image. The program must be resolved: the only pseudo loads left are those of subprogram addresses.
 *
 * Division and modulo by zero follow RFC 9669, section 4.1 (quotient 0, remainder the dividend): the verifier patches programs so,
 * and for a program that it has not patched the generated code does it.
 */
import { internalHelpers } from "../coprocessor-protocol.ts";
import * as isa from "../isa.ts";
import {
  CC,
  type ConditionCode,
  Emitter,
  GROUP1,
  GROUP2,
  type Group1,
  type Group2,
  isImm8,
  R8,
  R10,
  R11,
  R13,
  R14,
  R15,
  RAX,
  RBP,
  RBX,
  RCX,
  RDI,
  RDX,
  RSI,
  RSP,
} from "./emitter.ts";

/** Offsets inside the kernel's structures that a tail call reads. */
export interface KernelLayout {
  /** In the map: its u32 max_entries. */
  readonly mapMaxEntries: number;
  /** In a PROG_ARRAY map: the array of program pointers. */
  readonly arrayPointers: number;
  /** In struct bpf_prog: the address of its code. */
  readonly progFunction: number;
}

export interface ProgramToCompile {
  /** All functions, resolved. */
  readonly instructions: readonly isa.Instruction[];
  /** Slot at which each function starts, ascending; the first is 0. Derived from the calls when absent. */
  readonly functionStarts?: readonly number[];
  /** Bytes of stack of each function; all 512 when absent. */
  readonly stackDepths?: readonly number[];
  /** Address of a helper. */
  readonly helperAddress: (id: number) => bigint | undefined;
  readonly layout: KernelLayout;
  /** Helper calls of which only the lower half of the result counts. */
  readonly narrowResult?: (slot: number) => boolean;
  /** The program looks at divisors itself, as the verifier makes programs do: none is zero where a division is reached. */
  readonly divisorsChecked?: boolean;
}

/** A load that gives 0 where it would fault. */
export interface FaultingLoad {
  /** Of the instruction in the image, and of the one behind it. */
  readonly offset: number;
  readonly end: number;
  /** The hardware register that is loaded. */
  readonly register: number;
}

/** The code, not yet bound to an address. Its size does not depend on the address. */
export interface CompiledProgram {
  /** Bytes of the whole image. */
  readonly size: number;
  /** Where each function starts in the image. */
  readonly functionOffsets: readonly number[];
  /** Behind the last byte of each function; what is between functions fills up to their alignment. */
  readonly functionEnds: readonly number[];
  /** Where each slot's code starts in the image; the last element is the end. */
  readonly slotOffsets: readonly number[];
  /** Loads that may fault. */
  readonly faultingLoads: readonly FaultingLoad[];
  /** Where a tail call enters the image. */
  readonly tailCallEntry: number;
  /** The code for the address `base` of its first byte. @throws CodeGenerationError if a helper is out of reach. */
  bind(base: bigint): Uint8Array;
}

/** A program that no code can be generated for: it was not verified or not resolved. */
export class CodeGenerationError extends Error {
  readonly slot: number;
  constructor(slot: number, message: string) {
    super(`insn ${slot}: ${message}`);
    this.slot = slot;
  }
}

/** BPF r0 ... r10 in hardware registers. */
export const HARDWARE_REGISTERS: readonly number[] = [RAX, RDI, RSI, RDX, RCX, R8, RBX, R13, R14, R15, RBP];

/** Bytes of the prologue that a tail call jumps over: nop5, two bytes that clear the counter, push rbp, mov rbp, rsp. */
export const TAIL_CALL_OFFSET = 11;

const HELPER_TAIL_CALL = 12;
const CALLEE_SAVED = [RBX, R13, R14, R15];
const FUNCTION_ALIGNMENT = 16;
const MAX_PASSES = 32;
/** Behind the last page of user space and one more. */
const FIRST_KERNEL_ADDRESS = 0x8000_0000_0000n;

interface FunctionInfo {
  readonly index: number;
  readonly start: number;
  readonly end: number;
  readonly stackDepth: number;
  /** Which of r6 ... r9 it uses. */
  readonly saved: readonly number[];
  /** The tail call counter is in its frame, because it or a function that it calls makes tail calls. */
  readonly tailCallReachable: boolean;
}

/** Slot at which each function of a program starts, from its calls and function addresses. */
export function functionStarts(instructions: readonly isa.Instruction[]): number[] {
  const starts = new Set([0]);
  instructions.forEach((insn, slot) => {
    if (isa.isPseudoCall(insn) || isa.isPseudoFunc(insn)) starts.add(slot + insn.imm + 1);
  });
  return [...starts].sort((a, b) => a - b);
}

const isTailCall = (insn: isa.Instruction): boolean => isa.isHelperCall(insn) && insn.imm === HELPER_TAIL_CALL;

function analyse(program: ProgramToCompile): FunctionInfo[] {
  const { instructions } = program;
  const starts = program.functionStarts ?? functionStarts(instructions);
  const ends = [...starts.slice(1), instructions.length];
  const callees = starts.map(() => new Set<number>());
  const reachable = starts.map(() => false);
  const saved = starts.map(() => new Set<number>());
  for (const [index, start] of starts.entries()) {
    for (let slot = start; slot < ends[index]; slot++) {
      const insn = instructions[slot];
      if (isTailCall(insn)) reachable[index] = true;
      if (isa.isPseudoCall(insn)) callees[index].add(starts.indexOf(slot + insn.imm + 1));
      for (const register of [insn.dst, insn.src]) {
        if (register >= 6 && register <= 9) saved[index].add(HARDWARE_REGISTERS[register]);
      }
      if (isa.isLdImm64(insn)) slot++;
    }
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (const [index, set] of callees.entries()) {
      if (!reachable[index] && [...set].some((callee) => reachable[callee])) {
        reachable[index] = true;
        changed = true;
      }
    }
  }
  return starts.map((start, index) => ({
    index,
    start,
    end: ends[index],
    stackDepth: ((program.stackDepths?.[index] ?? isa.MAX_BPF_STACK) + 7) & ~7,
    saved: CALLEE_SAVED.filter((register) => saved[index].has(register)),
    tailCallReachable: reachable[index],
  }));
}

const ALU_GROUP1: ReadonlyMap<number, Group1> = new Map<number, Group1>([
  [isa.BPF_ADD, GROUP1.add],
  [isa.BPF_SUB, GROUP1.sub],
  [isa.BPF_OR, GROUP1.or],
  [isa.BPF_AND, GROUP1.and],
  [isa.BPF_XOR, GROUP1.xor],
]);

const ALU_GROUP2: ReadonlyMap<number, Group2> = new Map<number, Group2>([
  [isa.BPF_LSH, GROUP2.shl],
  [isa.BPF_RSH, GROUP2.shr],
  [isa.BPF_ARSH, GROUP2.sar],
]);

const JUMP_CONDITIONS: ReadonlyMap<number, ConditionCode> = new Map<number, ConditionCode>([
  [isa.BPF_JEQ, CC.e],
  [isa.BPF_JNE, CC.ne],
  [isa.BPF_JSET, CC.ne],
  [isa.BPF_JGT, CC.a],
  [isa.BPF_JGE, CC.ae],
  [isa.BPF_JLT, CC.b],
  [isa.BPF_JLE, CC.be],
  [isa.BPF_JSGT, CC.g],
  [isa.BPF_JSGE, CC.ge],
  [isa.BPF_JSLT, CC.l],
  [isa.BPF_JSLE, CC.le],
]);

/** One pass over the program with the offsets that the previous pass found. */
class Pass {
  readonly code = new Emitter();
  readonly slotOffsets: number[] = [];
  readonly functionOffsets: number[] = [];
  readonly functionEnds: number[] = [];
  readonly faultingLoads: FaultingLoad[] = [];
  readonly #program: ProgramToCompile;
  readonly #functions: readonly FunctionInfo[];
  readonly #previous: Pass | undefined;
  readonly #base: bigint;

  constructor(program: ProgramToCompile, functions: readonly FunctionInfo[], previous: Pass | undefined, base: bigint) {
    this.#program = program;
    this.#functions = functions;
    this.#previous = previous;
    this.#base = base;
    for (const fn of functions) {
      while (this.code.length % FUNCTION_ALIGNMENT !== 0) this.code.bytes(0xcc);
      this.functionOffsets.push(this.code.length);
      this.#function(fn);
      this.functionEnds.push(this.code.length);
    }
    this.slotOffsets.push(this.code.length);
  }

  #function(fn: FunctionInfo): void {
    this.#prologue(fn);
    for (let slot = fn.start; slot < fn.end; slot++) {
      this.slotOffsets.push(this.code.length);
      const insn = this.#program.instructions[slot];
      this.#instruction(fn, slot, insn);
      if (isa.isLdImm64(insn)) {
        slot++;
        this.slotOffsets.push(this.code.length);
      }
    }
  }

  #prologue(fn: FunctionInfo): void {
    const { code } = this;
    code.bytes(0x0f, 0x1f, 0x44, 0x00, 0x00); // nop5: a trampoline's call may be patched in
    if (fn.tailCallReachable && fn.index === 0) code.regReg([0x31], false, RAX, RAX);
    else code.bytes(0x66, 0x90);
    code.push(RBP);
    code.mov(true, RBP, RSP);
    if (fn.stackDepth > 0) this.#adjustStack(GROUP1.sub, fn.stackDepth);
    if (fn.tailCallReachable) code.push(RAX);
    for (const register of fn.saved) code.push(register);
  }

  /** add or sub rsp, imm32: always the long form, as in Linux, so that the tail call sequence has a fixed shape. */
  #adjustStack(operation: Group1, bytes: number): void {
    this.code.bytes(0x48, 0x81, 0xc0 | (operation << 3) | RSP);
    this.code.imm32(bytes);
  }

  #restoreSaved(fn: FunctionInfo): void {
    for (const register of [...fn.saved].reverse()) this.code.pop(register);
  }

  #counterOffset(fn: FunctionInfo): number {
    return -fn.stackDepth - 8;
  }

  #instruction(fn: FunctionInfo, slot: number, insn: isa.Instruction) {
    switch (isa.bpfClass(insn.code)) {
      case isa.BPF_ALU:
      case isa.BPF_ALU64:
        return this.#alu(slot, insn);
      case isa.BPF_LD:
        if (isa.isLdImm64(insn)) return this.#ldImm64(slot, insn);
        return this.#loadPacket(fn, slot, insn);
      case isa.BPF_LDX:
        if (isa.bpfMode(insn.code) === isa.BPF_PROBE_MEM) return this.#probeLoad(insn);
        if (isa.bpfMode(insn.code) !== isa.BPF_MEM) break;
        return this.code.load(isa.accessBytes(insn.code), this.#reg(insn.dst), this.#reg(insn.src), insn.off);
      case isa.BPF_ST:
        if (isa.bpfMode(insn.code) !== isa.BPF_MEM) break;
        return this.code.storeImm(isa.accessBytes(insn.code), this.#reg(insn.dst), insn.off, insn.imm);
      case isa.BPF_STX:
        if (isa.bpfMode(insn.code) === isa.BPF_ATOMIC) return this.#atomic(slot, insn);
        if (isa.bpfMode(insn.code) !== isa.BPF_MEM) break;
        return this.code.store(isa.accessBytes(insn.code), this.#reg(insn.dst), insn.off, this.#reg(insn.src));
      case isa.BPF_JMP:
      case isa.BPF_JMP32:
        return this.#jump(fn, slot, insn);
    }
    this.#unknown(slot, insn);
  }

  /** A load through a pointer that nobody vouches for: 0 below the kernel's addresses, and where the load faults. */
  #probeLoad(insn: isa.Instruction): void {
    const { code } = this;
    const dst = this.#reg(insn.dst);
    const otherwise = new Emitter();
    otherwise.regReg([0x31], false, dst, dst);
    const load = new Emitter();
    load.load(isa.accessBytes(insn.code), dst, R10, 0);
    code.regMem([0x8d], true, R10, this.#reg(insn.src), insn.off); // lea
    code.movAbs(R11, FIRST_KERNEL_ADDRESS);
    code.group1(GROUP1.cmp, true, R10, R11);
    code.bytes(0x70 | CC.ae, otherwise.length + 2, ...otherwise.take());
    code.bytes(0xeb, load.length);
    const offset = code.length;
    code.bytes(...load.take());
    this.faultingLoads.push({ offset, end: code.length, register: dst });
  }

  #unknown(slot: number, insn: isa.Instruction): never {
    throw new CodeGenerationError(slot, `opcode 0x${insn.code.toString(16).padStart(2, "0")} cannot be compiled`);
  }

  #reg(register: number): number {
    return HARDWARE_REGISTERS[register];
  }

  #ldImm64(slot: number, insn: isa.Instruction) {
    const next = this.#program.instructions[slot + 1];
    if (!isa.isLdImm64(insn) || next === undefined) return this.#unknown(slot, insn);
    if (insn.src === isa.BPF_PSEUDO_FUNC) {
      const index = this.#functions.findIndex((fn) => fn.start === slot + insn.imm + 1);
      if (index < 0) throw new CodeGenerationError(slot, "address of something that is not a function");
      this.code.movAbs(this.#reg(insn.dst), this.#base + BigInt(this.#previous?.functionOffsets[index] ?? 0));
    } else if (insn.src === 0) {
      this.code.movImm64(this.#reg(insn.dst), isa.imm64(insn, next));
    } else {
      throw new CodeGenerationError(slot, `unresolved pseudo load ${insn.src}`);
    }
  }

  /** ld_abs and ld_ind: bytes of the packet whose context is in r6; outside of it the program ends with 0. */
  #loadPacket(fn: FunctionInfo, slot: number, insn: isa.Instruction) {
    const { code } = this;
    const mode = isa.bpfMode(insn.code);
    const bytes = isa.accessBytes(insn.code);
    if ((mode !== isa.BPF_ABS && mode !== isa.BPF_IND) || bytes === 8) return this.#unknown(slot, insn);
    if (mode === isa.BPF_IND) {
      code.mov(false, RSI, this.#reg(insn.src));
      if (insn.imm !== 0) code.group1Imm(GROUP1.add, false, RSI, insn.imm);
    } else {
      code.movImm32(false, RSI, insn.imm);
    }
    code.mov(true, RDI, RBX);
    this.#callHelper(
      slot,
      { 1: internalHelpers.skb_load_8, 2: internalHelpers.skb_load_16, 4: internalHelpers.skb_load_32 }[bytes],
    );
    const leave = new Emitter();
    leave.regReg([0x31], false, RAX, RAX);
    for (const register of [...fn.saved].reverse()) leave.pop(register);
    leave.bytes(0xc9, 0xc3);
    code.test(true, RAX, RAX);
    code.bytes(0x70 | CC.ns, leave.length, ...leave.take());
  }

  #alu(slot: number, insn: isa.Instruction) {
    const { code } = this;
    const wide = isa.bpfClass(insn.code) === isa.BPF_ALU64;
    const fromRegister = isa.bpfSource(insn.code) === isa.BPF_X;
    const dst = this.#reg(insn.dst);
    const src = this.#reg(insn.src);
    const operation = isa.bpfOp(insn.code);
    const group1 = ALU_GROUP1.get(operation);
    if (group1 !== undefined) {
      if (fromRegister) code.group1(group1, wide, dst, src);
      else code.group1Imm(group1, wide, dst, insn.imm);
      return;
    }
    const group2 = ALU_GROUP2.get(operation);
    if (group2 !== undefined) {
      if (fromRegister) this.#shiftByRegister(group2, wide, dst, src);
      else if ((insn.imm & (wide ? 63 : 31)) !== 0) code.shiftImm(group2, wide, dst, insn.imm & (wide ? 63 : 31));
      else if (!wide) code.mov(false, dst, dst);
      return;
    }
    switch (operation) {
      case isa.BPF_MOV:
        return fromRegister ? code.mov(wide, dst, src) : code.movImm32(wide, dst, insn.imm);
      case isa.BPF_NEG:
        return code.neg(wide, dst);
      case isa.BPF_MUL:
        return fromRegister ? code.imul(wide, dst, src) : code.imulImm(wide, dst, insn.imm);
      case isa.BPF_DIV:
      case isa.BPF_MOD:
        return this.#divide(operation === isa.BPF_MOD, wide, dst, fromRegister ? src : undefined, insn.imm);
      case isa.BPF_END:
        if (wide) return this.#unknown(slot, insn);
        return this.#byteOrder(slot, insn, dst);
      default:
        return this.#unknown(slot, insn);
    }
  }

  #shiftByRegister(operation: Group2, wide: boolean, dst: number, src: number): void {
    const { code } = this;
    const to = dst === RCX ? R11 : dst;
    if (dst === RCX) code.mov(true, R11, RCX);
    if (src !== RCX) {
      code.push(RCX);
      code.mov(true, RCX, src);
    }
    code.shiftCl(operation, wide, to);
    if (src !== RCX) code.pop(RCX);
    if (dst === RCX) code.mov(true, RCX, R11);
  }

  /** DIV works on rdx:rax, so both are saved around it unless one is the destination. */
  #divide(modulo: boolean, wide: boolean, dst: number, srcRegister: number | undefined, imm: number) {
    const { code } = this;
    if (srcRegister === undefined && imm === 0) {
      if (!modulo) code.movImm32(false, dst, 0);
      else if (!wide) code.mov(false, dst, dst);
      return;
    }
    const body = (divide: Emitter): void => {
      let src = srcRegister ?? R11;
      if (dst !== RAX) divide.push(RAX);
      if (dst !== RDX) divide.push(RDX);
      if (srcRegister === undefined) divide.movImm32(wide, R11, imm);
      if (src === RAX || src === RDX) {
        divide.mov(true, R11, src);
        src = R11;
      }
      if (dst !== RAX) divide.mov(true, RAX, dst);
      divide.regReg([0x31], false, RDX, RDX);
      divide.div(wide, src);
      if (modulo && dst !== RDX) divide.mov(true, dst, RDX);
      else if (!modulo && dst !== RAX) divide.mov(true, dst, RAX);
      if (dst !== RDX) divide.pop(RDX);
      if (dst !== RAX) divide.pop(RAX);
    };
    if (srcRegister === undefined || this.#program.divisorsChecked === true) return body(code);

    const division = new Emitter();
    body(division);
    code.test(wide, srcRegister, srcRegister);
    if (modulo) {
      // jz around the division; the 32-bit form still clears the upper half.
      const otherwise = new Emitter();
      if (!wide) otherwise.mov(false, dst, dst);
      const skip = otherwise.length > 0 ? 2 : 0;
      code.bytes(0x70 | CC.e, division.length + skip, ...division.take());
      if (skip > 0) code.bytes(0xeb, otherwise.length, ...otherwise.take());
    } else {
      const zero = new Emitter();
      zero.movImm32(false, dst, 0);
      code.bytes(0x70 | CC.ne, zero.length + 2, ...zero.take(), 0xeb, division.length, ...division.take());
    }
  }

  #byteOrder(slot: number, insn: isa.Instruction, dst: number) {
    const { code } = this;
    const swap = isa.bpfSource(insn.code) === isa.BPF_TO_BE;
    switch (insn.imm) {
      case 16:
        if (swap) code.swap16(dst);
        return code.zeroExtend16(dst);
      case 32:
        return swap ? code.bswap(false, dst) : code.mov(false, dst, dst);
      case 64:
        if (swap) code.bswap(true, dst);
        return;
      default:
        return this.#unknown(slot, insn);
    }
  }

  #atomic(slot: number, insn: isa.Instruction) {
    const { code } = this;
    const bytes = isa.accessBytes(insn.code);
    if (bytes < 4) return this.#unknown(slot, insn);
    const wide = bytes === 8;
    const dst = this.#reg(insn.dst);
    const src = this.#reg(insn.src);
    const lock = (opcode: readonly number[], base: number, register: number): void => {
      code.bytes(0xf0);
      code.regMem(opcode, wide, register, base, insn.off);
    };
    switch (insn.imm) {
      case isa.BPF_ADD:
      case isa.BPF_AND:
      case isa.BPF_OR:
      case isa.BPF_XOR:
        return lock([((ALU_GROUP1.get(insn.imm) ?? 0) << 3) | 1], dst, src);
      case isa.BPF_ADD | isa.BPF_FETCH:
        return lock([0x0f, 0xc1], dst, src);
      case isa.BPF_XCHG:
        return code.regMem([0x87], wide, src, dst, insn.off); // xchg with memory locks by itself
      case isa.BPF_CMPXCHG:
        lock([0x0f, 0xb1], dst, src);
        if (!wide) code.mov(false, RAX, RAX); // where memory was equal the processor leaves rax alone
        return;
      case isa.BPF_AND | isa.BPF_FETCH:
      case isa.BPF_OR | isa.BPF_FETCH:
      case isa.BPF_XOR | isa.BPF_FETCH: {
        // x86 cannot fetch with these: a compare-and-exchange loop, r0 saved in r10 meanwhile.
        const group1 = ALU_GROUP1.get(insn.imm & ~isa.BPF_FETCH) ?? GROUP1.and;
        const realSrc = src === RAX ? R10 : src;
        const realDst = dst === RAX ? R10 : dst;
        code.mov(true, R10, RAX);
        const again = code.length;
        code.load(bytes, RAX, realDst, insn.off);
        code.mov(true, R11, RAX);
        code.group1(group1, wide, R11, realSrc);
        lock([0x0f, 0xb1], realDst, R11);
        code.bytes(0x70 | CC.ne, (again - (code.length + 2)) & 255);
        code.mov(wide, realSrc, RAX);
        code.mov(true, RAX, R10);
        return;
      }
      default:
        return this.#unknown(slot, insn);
    }
  }

  #jump(fn: FunctionInfo, slot: number, insn: isa.Instruction) {
    const { code } = this;
    const wide = isa.bpfClass(insn.code) === isa.BPF_JMP;
    const operation = isa.bpfOp(insn.code);
    if (operation === isa.BPF_JA || operation === isa.BPF_CALL || operation === isa.BPF_EXIT) {
      if (operation === isa.BPF_JA) return this.#jumpTo(fn, slot, isa.jumpDistance(insn));
      if (!wide) return this.#unknown(slot, insn);
      if (operation === isa.BPF_CALL) return this.#call(fn, slot, insn);
      this.#restoreSaved(fn);
      code.bytes(0xc9, 0xc3); // leave; ret
      return;
    }
    const condition = JUMP_CONDITIONS.get(operation);
    if (condition === undefined) return this.#unknown(slot, insn);
    const dst = this.#reg(insn.dst);
    if (isa.bpfSource(insn.code) === isa.BPF_X) {
      const src = this.#reg(insn.src);
      if (operation === isa.BPF_JSET) code.test(wide, dst, src);
      else code.group1(GROUP1.cmp, wide, dst, src);
    } else if (operation === isa.BPF_JSET) {
      code.testImm(wide, dst, insn.imm);
    } else if (insn.imm === 0) {
      code.test(wide, dst, dst);
    } else {
      code.group1Imm(GROUP1.cmp, wide, dst, insn.imm);
    }
    const distance = this.#distance(fn, slot, insn.off, 2);
    if (distance !== undefined && isImm8(distance)) {
      code.bytes(0x70 | condition, distance & 255);
    } else {
      code.bytes(0x0f, 0x80 | condition);
      code.imm32(this.#distance(fn, slot, insn.off, 4) ?? 0);
    }
  }

  /**
   * Bytes from the end of a jump, `length` bytes from here, to the slot `off` slots on; undefined in the first pass. Distances
   * are taken in the previous pass's layout, where both ends are known; once nothing moves any more they are exact.
   */
  #distance(fn: FunctionInfo, slot: number, off: number, length: number): number | undefined {
    const target = slot + 1 + off;
    if (target < fn.start || target >= fn.end)
      throw new CodeGenerationError(slot, `jump out of its function to ${target}`);
    const previous = this.#previous;
    if (previous === undefined) return undefined;
    const here = previous.slotOffsets[slot] + (this.code.length - this.slotOffsets[slot]);
    return previous.slotOffsets[target] - (here + length);
  }

  #jumpTo(fn: FunctionInfo, slot: number, off: number): void {
    if (off === 0) return;
    const distance = this.#distance(fn, slot, off, 2);
    if (distance !== undefined && isImm8(distance)) {
      this.code.bytes(0xeb, distance & 255);
    } else {
      const long = this.#distance(fn, slot, off, 5) ?? 0;
      this.code.bytes(0xe9);
      this.code.imm32(long);
    }
  }

  #call(fn: FunctionInfo, slot: number, insn: isa.Instruction) {
    const { code } = this;
    if (isTailCall(insn)) return this.#tailCall(fn);
    if (insn.src === isa.BPF_PSEUDO_CALL) {
      const callee = this.#functions.findIndex((other) => other.start === slot + insn.imm + 1);
      if (callee < 0) throw new CodeGenerationError(slot, "call of something that is not a function");
      if (fn.tailCallReachable) code.regMem([0x8b], true, RAX, RBP, this.#counterOffset(fn));
      const target = this.#previous?.functionOffsets[callee] ?? 0;
      const here = (this.#previous?.slotOffsets[slot] ?? 0) + (code.length - this.slotOffsets[slot]);
      code.bytes(0xe8);
      code.imm32(target - (here + 5));
      return;
    }
    if (insn.src !== 0) throw new CodeGenerationError(slot, "calls of kernel functions by BTF id are not supported");
    this.#callHelper(slot, insn.imm);
    if (this.#program.narrowResult?.(slot) === true) code.mov(false, RAX, RAX);
  }

  #callHelper(slot: number, id: number): void {
    const { code } = this;
    const address = this.#program.helperAddress(id);
    if (address === undefined) throw new CodeGenerationError(slot, `helper ${id} has no address`);
    code.bytes(0xe8);
    const distance = BigInt.asIntN(64, address - (this.#base + BigInt(code.length + 4)));
    if (this.#base !== 0n && BigInt.asIntN(32, distance) !== distance) {
      throw new CodeGenerationError(slot, `helper ${id} at 0x${address.toString(16)} is out of reach`);
    }
    code.imm32(Number(BigInt.asIntN(32, distance)));
  }

  /** r1 = ctx, r2 = the PROG_ARRAY, r3 = index; falls through when there is no program or the limit is reached. */
  #tailCall(fn: FunctionInfo): void {
    const { code } = this;
    const { layout } = this.#program;
    const counter = this.#counterOffset(fn);
    const jump = new Emitter();
    this.#leaveForTailCall(jump, fn);
    const fromTest = jump.length;

    const limit = new Emitter();
    limit.regMem([0x8b], false, RAX, RBP, counter);
    limit.bytes(0x83, 0xf8, isa.MAX_TAIL_CALL_CNT);
    const lookup = new Emitter();
    lookup.bytes(0x83, 0xc0, 0x01); // add eax, 1
    lookup.regMem([0x89], false, RAX, RBP, counter);
    lookup.bytes(0x48, 0x8b, 0x8c, 0xd6); // mov rcx, [rsi + rdx * 8 + pointers]
    lookup.imm32(layout.arrayPointers);
    lookup.test(true, RCX, RCX);

    code.bytes(0x89, 0xd2); // mov edx, edx
    code.regMem([0x39], false, RDX, RSI, layout.mapMaxEntries); // cmp [rsi + max_entries], edx
    code.bytes(0x70 | CC.be, limit.length + 2 + lookup.length + 2 + fromTest, ...limit.take());
    code.bytes(0x70 | CC.ae, lookup.length + 2 + fromTest, ...lookup.take());
    code.bytes(0x70 | CC.e, fromTest, ...jump.take());
  }

  #leaveForTailCall(jump: Emitter, fn: FunctionInfo): void {
    for (const register of [...fn.saved].reverse()) jump.pop(register);
    jump.pop(RAX);
    if (fn.stackDepth > 0) {
      jump.bytes(0x48, 0x81, 0xc4);
      jump.imm32(fn.stackDepth);
    }
    jump.regMem([0x8b], true, RCX, RCX, this.#program.layout.progFunction);
    jump.bytes(0x48, 0x83, 0xc1, TAIL_CALL_OFFSET); // add rcx, TAIL_CALL_OFFSET
    jump.bytes(0xff, 0xe1); // jmp rcx
  }
}

/** Passes over the program until no offset changes: jumps start long and only get shorter. */
function settle(program: ProgramToCompile, functions: readonly FunctionInfo[], base: bigint): Pass {
  let pass = new Pass(program, functions, undefined, base);
  for (let count = 0; count < MAX_PASSES; count++) {
    const next = new Pass(program, functions, pass, base);
    const settled = next.slotOffsets.every((offset, slot) => offset === pass.slotOffsets[slot]);
    pass = next;
    if (settled) return pass;
  }
  throw new CodeGenerationError(0, `no stable layout after ${MAX_PASSES} passes`);
}

/**
 * Lays the code of a program out.
 * @throws CodeGenerationError for what no verifier would have let through
 */
export function compile(program: ProgramToCompile): CompiledProgram {
  const functions = analyse(program);
  const layout = settle(program, functions, 0n);
  return {
    size: layout.code.length,
    functionOffsets: layout.functionOffsets,
    functionEnds: layout.functionEnds,
    slotOffsets: layout.slotOffsets,
    faultingLoads: layout.faultingLoads,
    tailCallEntry: TAIL_CALL_OFFSET,
    bind: (base) => new Pass(program, functions, layout, base).code.take(),
  };
}
