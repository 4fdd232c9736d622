/** The parts of capstone-wasm that are used here; the package hides its own declarations from NodeNext resolution. */
declare module "capstone-wasm" {
  export interface Insn {
    readonly address: number | bigint;
    readonly size: number;
    readonly bytes: Uint8Array;
    readonly mnemonic: string;
    readonly opStr: string;
  }
  export class Capstone {
    constructor(arch: number, mode: number);
    /** Throws when not even one instruction can be decoded. */
    disasm(data: number[] | Uint8Array, options?: { address?: number | bigint; count?: number }): Insn[];
    close(): void;
  }
  export const Const: {
    readonly CS_ARCH_X86: number;
    readonly CS_MODE_16: number;
    readonly CS_MODE_32: number;
    readonly CS_MODE_64: number;
  };
  export function loadCapstone(args?: Record<string, unknown>): Promise<void>;
}
