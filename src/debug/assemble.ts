/**
 * Text to machine code, by keystone (Intel syntax). `{symbol}` and `{symbol+0x10}` in the text stand for addresses.
 */
import { Const, Keystone, loadKeystone } from "keystone-wasm";
import { SessionError } from "./session-error.ts";

export interface Assembler {
  /** The bytes of `text` at `address`. Throws SessionError. */
  assemble(text: string, address: bigint, bits?: 16 | 32 | 64): Uint8Array;
}

let loaded: Promise<void> | undefined;

/** Loads keystone (once). `resolve` gives the address of a place in braces; it throws for what it does not know. */
export async function loadAssembler(resolve: (place: string) => bigint): Promise<Assembler> {
  loaded ??= loadKeystone();
  await loaded;
  const engines = new Map<number, Keystone>();
  const engine = (bits: 16 | 32 | 64): Keystone => {
    let found = engines.get(bits);
    if (found === undefined) {
      const mode = bits === 64 ? Const.KS_MODE_64 : bits === 32 ? Const.KS_MODE_32 : Const.KS_MODE_16;
      found = new Keystone(Const.KS_ARCH_X86, mode);
      engines.set(bits, found);
    }
    return found;
  };
  return {
    assemble(text, address, bits = 64) {
      const source = text
        .replace(/(?:\/\/|#).*$/gm, "")
        // Keystone does not know it.
        .replace(/\bendbr64\b/gi, ".byte 0xf3, 0x0f, 0x1e, 0xfa")
        .replace(/\{([^}]*)\}/g, (_, place: string) => `0x${resolve(place.trim()).toString(16)}`)
        .trim();
      if (source === "") return new Uint8Array();
      try {
        return engine(bits).asm(source, { address });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new SessionError(`cannot assemble "${text}": ${reason}`);
      }
    },
  };
}
