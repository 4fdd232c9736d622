/** Code written over the guest's code, and put back. */
import type { Session } from "./session.ts";
import { SessionError } from "./session-error.ts";

/** Code that has been written over the guest's. */
export interface Patch {
  readonly address: bigint;
  /** What was there. */
  readonly original: Uint8Array;
  /** What was written, the padding included. */
  readonly bytes: Uint8Array;
  /** Puts back what was there. Throws SessionError if the guest has written over the patch since. */
  undo(): void;
}

const NOP = 0x90;

/** Writes `code` at `address`; the rest of the last instruction that it cuts becomes nops if `pad`. */
export function writePatch(session: Session, address: bigint, code: Uint8Array, pad: boolean): Patch {
  let length = code.length;
  if (pad) {
    length = 0;
    while (length < code.length) {
      const [cut] = session.disassemble(address + BigInt(length));
      if (cut === undefined) throw new SessionError(`patch: ${session.describe(address)} is not mapped`);
      length += cut.bytes.length;
    }
  }
  const bytes = new Uint8Array(length).fill(NOP);
  bytes.set(code);
  const original = session.memory.read(address, length);
  session.memory.write(address, bytes);
  let undone = false;
  const undo = (): void => {
    if (undone) return;
    if (Buffer.compare(session.memory.read(address, length), bytes) !== 0)
      throw new SessionError(`patch: the code at ${session.describe(address)} has been changed since`);
    session.memory.write(address, original);
    undone = true;
  };
  return { address, original, bytes, undo };
}
