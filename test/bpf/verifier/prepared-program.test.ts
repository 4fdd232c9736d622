/** What the verifier hands to the code generator: dead code gone, maps named by number, divisions guarded. */
import { describe, expect, it } from "vitest";
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_CALL,
  BPF_DIV,
  BPF_EXIT,
  BPF_JA,
  BPF_JEQ,
  BPF_JMP,
  BPF_JNE,
  BPF_K,
  BPF_MOD,
  BPF_MOV,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_IDX,
  BPF_PSEUDO_MAP_IDX_VALUE,
  BPF_PSEUDO_MAP_VALUE,
  BPF_X,
  BPF_XOR,
  type Instruction,
  instruction,
  ldImm64,
} from "../../../src/bpf/isa.ts";
import type { MapDescriptor, ProgramToVerify, VerifiedProgram } from "../../../src/bpf/verifier/index.ts";
import { verify } from "../../../src/bpf/verifier/index.ts";

const KPROBE = 2;
const SOCKET_FILTER = 1;
const OVERRIDE_RETURN = 58;
const TAIL_CALL = 12;
const EINVAL = 22;
const EPERM = 1;

const mov = (dst: number, imm: number): Instruction => instruction(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm);
const exit = instruction(BPF_JMP | BPF_EXIT);
const call = (helper: number): Instruction => instruction(BPF_JMP | BPF_CALL, 0, 0, 0, helper);

const array: MapDescriptor = { id: 1, type: 2, keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 };
const programArray: MapDescriptor = { id: 2, type: 3, keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 };
const mapByFd = (fd: number): MapDescriptor | number => ({ 7: array, 8: programArray })[fd] ?? 9;

function accepted(instructions: Instruction[], more: Partial<ProgramToVerify> = {}): VerifiedProgram {
  const result = verify({ type: KPROBE, instructions, gplCompatible: true, mapByFd, ...more });
  if (!("instructions" in result)) throw new Error(result.log);
  return result;
}

describe("verifier: prepared program", () => {
  it("code that no path reaches is removed", () => {
    const program = [mov(0, 0), instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1, 0), mov(0, 7), exit];
    const result = accepted(program);
    expect(result.instructions).toEqual([mov(0, 0), exit]);
    expect(result.facts.map((fact) => fact.original)).toEqual([0, 3]);
    expect(result.seen).toEqual([true, true, false, true]);
  });

  it("unprivileged programs keep dead code as traps", () => {
    const program = [mov(0, 0), instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1, 0), mov(0, 7), exit];
    const { instructions } = accepted(program, {
      type: SOCKET_FILTER,
      privileges: { bpf: false, perfmon: false },
    });
    // Speculation may go there: it is not dead, but it is no path either.
    expect(instructions[2]).toEqual(instruction(BPF_JMP | BPF_JA, 0, 0, -1, 0));
  });

  it("a live call of bpf_override_return marks the program", () => {
    expect(accepted([mov(2, -12), call(OVERRIDE_RETURN), exit]).kprobeOverride).toBe(true);
  });

  it("a dead call of bpf_override_return does not mark the program", () => {
    const skip = instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0);
    const result = accepted([mov(0, 0), skip, mov(2, -12), call(OVERRIDE_RETURN), exit]);
    expect(result.kprobeOverride).toBe(false);
    expect(result.helpers).toEqual([]);
  });

  it("override and tail call do not go together", () => {
    const tail = [...ldImm64(2, BPF_PSEUDO_MAP_FD, 8n), mov(3, 0), call(TAIL_CALL)];
    const keep = instruction(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1);
    const restore = instruction(BPF_ALU64 | BPF_MOV | BPF_X, 1, 6);
    const program = [keep, mov(2, -12), call(OVERRIDE_RETURN), restore, ...tail, mov(0, 0), exit];
    expect(verify({ type: KPROBE, instructions: program, gplCompatible: true, mapByFd }).errno).toBe(EINVAL);
    const alone = accepted([...tail, mov(0, 0), exit]);
    expect(alone.tailCall).toBe(true);
    expect(alone.subprograms[0].hasTailCall).toBe(true);
  });

  it("maps are named by number", () => {
    const program = [...ldImm64(1, BPF_PSEUDO_MAP_FD, 7n), ...ldImm64(2, BPF_PSEUDO_MAP_VALUE, (4n << 32n) | 7n)];
    const { instructions, maps } = accepted([...program, mov(0, 0), exit]);
    expect(maps).toEqual([array]);
    expect(instructions.slice(0, 4)).toEqual([
      ...ldImm64(1, BPF_PSEUDO_MAP_IDX, 0n),
      ...ldImm64(2, BPF_PSEUDO_MAP_IDX_VALUE, 4n << 32n),
    ]);
  });

  it("division by a register checks for zero, and jumps still arrive", () => {
    const divide = instruction(BPF_ALU64 | BPF_DIV | BPF_X, 0, 1);
    const load = instruction(0x79, 1, 1, 0, 0);
    const skip = instruction(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1, 5);
    const { instructions } = accepted([mov(0, 8), load, skip, divide, exit]);
    expect(instructions).toEqual([
      ...[mov(0, 8), load, instruction(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 4, 5)],
      instruction(BPF_JMP | BPF_JNE | BPF_K, 1, 0, 2, 0),
      instruction(BPF_ALU | BPF_XOR | BPF_X, 0, 0),
      instruction(BPF_JMP | BPF_JA, 0, 0, 1, 0),
      ...[divide, exit],
    ]);
  });

  it("32-bit modulo by zero keeps the low half", () => {
    const modulo = instruction(BPF_ALU | BPF_MOD | BPF_X, 0, 1);
    const load = instruction(0x79, 1, 1, 0, 0);
    const { instructions } = accepted([mov(0, 8), load, modulo, exit]);
    expect(instructions.slice(2)).toEqual([
      instruction(0x16, 1, 0, 2, 0),
      modulo,
      instruction(BPF_JMP | BPF_JA, 0, 0, 1, 0),
      instruction(BPF_ALU | BPF_MOV | BPF_X, 0, 0),
      exit,
    ]);
  });

  it("functions of the program keep their starts and stack depths", () => {
    const store = instruction(0x7a, 10, 0, -24, 0);
    const callPc = instruction(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 3);
    const dead = instruction(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 1, 0);
    const result = accepted([mov(6, 0), callPc, dead, mov(0, 3), exit, store, mov(0, 0), exit]);
    expect(result.subprograms).toMatchObject([
      { start: 0, stackDepth: 0 },
      { start: 3, stackDepth: 24 },
    ]);
    expect(result.instructions[1].imm).toBe(1);
  });

  it("bpf-to-bpf calls need CAP_BPF", () => {
    const callPc = instruction(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 1);
    const result = verify({
      ...{ type: SOCKET_FILTER, instructions: [callPc, exit, mov(0, 0), exit], gplCompatible: true },
      privileges: { bpf: false, perfmon: false },
    });
    expect(result.errno).toBe(EPERM);
  });
});
