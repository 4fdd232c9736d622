/** Accesses of routines to the stack that is loaded: through SS with its limit, at its width, aligned if that is asked for. */
import type { Cpu } from "./cpu.ts";
import { Attribute } from "./state.ts";

/** Which bits of rSP count. */
export function stackMask(cpu: Cpu): bigint {
  if (cpu.state.codeBits === 64) return 0xffff_ffff_ffff_ffffn;
  return cpu.state.segment("ss").attributes & Attribute.big ? 0xffff_ffffn : 0xffffn;
}

/** Reads at a stack pointer. */
export function readStack(cpu: Cpu, pointer: bigint, size: number): bigint {
  const address = cpu.segmentLinear("ss", pointer);
  cpu.linear.checkAlignment(address, size, true);
  return cpu.linear.read(address, size, false, true);
}

/** Writes the low bytes of `value` at a stack pointer. */
export function writeStack(cpu: Cpu, pointer: bigint, size: number, value: bigint): void {
  const address = cpu.segmentLinear("ss", pointer);
  cpu.linear.checkAlignment(address, size, true);
  cpu.linear.write(address, size, BigInt.asUintN(size * 8, value), false, true);
}

/** Words taken from the stack one by one, while nothing of the processor changes. */
export class StackReader {
  readonly #cpu: Cpu;
  readonly #size: number;
  readonly #mask: bigint;
  /** Where the next word lies. */
  pointer: bigint;

  constructor(cpu: Cpu, size: number) {
    this.#cpu = cpu;
    this.#size = size;
    this.#mask = stackMask(cpu);
    this.pointer = cpu.state.rsp & this.#mask;
  }

  pop(): bigint {
    const value = readStack(this.#cpu, this.pointer, this.#size);
    this.skip(this.#size);
    return value;
  }

  skip(bytes: number): void {
    this.pointer = (this.pointer + BigInt(bytes)) & this.#mask;
  }
}
