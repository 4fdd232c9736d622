/** The parts of keystone-wasm that are used here; the package hides its own declarations from NodeNext resolution. */
declare module "keystone-wasm" {
  export class Keystone {
    constructor(arch: number, mode: number);
    /** Throws when the text cannot be assembled. */
    asm(data: string, options?: { address?: number | bigint }): Uint8Array;
    close(): void;
  }
  export const Const: {
    readonly KS_ARCH_X86: number;
    readonly KS_MODE_16: number;
    readonly KS_MODE_32: number;
    readonly KS_MODE_64: number;
  };
  export function loadKeystone(args?: Record<string, unknown>): Promise<void>;
}
