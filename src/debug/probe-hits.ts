/**
 * Callbacks of scripts on what the guest's kprobes do: a hit, before its handlers run and after them, and an override. Everything is seen
 * at the kernel's own functions, with the registers that its entry code saved; the guest executes what it always does.
 */
import { kprobeAt, type ProbedAddress } from "../kprobes/host/kprobes.ts";
import type { Session } from "./session.ts";
import type { Breakpoint } from "./stops.ts";
import type { Value } from "./types.ts";

/** A hit of a probe. */
export interface ProbeHit {
  readonly session: Session;
  readonly probe: ProbedAddress;
  /** The registers at the probed instruction, as handlers see and change them: struct pt_regs. */
  readonly regs: Value;
}

/** Returning "stop", or a promise of it, ends the run there. */
export interface ProbeActions {
  /** The exception's entry code has saved the registers; no handler has run. */
  before?(hit: ProbeHit): unknown;
  /** The handlers have run; with `regs` execution goes on. */
  after?(hit: ProbeHit & { readonly overridden: boolean }): unknown;
}

/** A call that is overridden. */
export interface Override {
  readonly session: Session;
  /** The function that will not run. */
  readonly target: bigint;
  /** What its caller gets, as a signed number. */
  readonly result: bigint;
  /** Where it returns to. */
  readonly caller: bigint;
}

/** Returning "stop", or a promise of it, ends the run there. */
export interface OverrideActions {
  /** rip is about to be moved; `regs.ax` has the result already. */
  before?(override: Override & { readonly regs: Value }): unknown;
  /** The lone `ret` is next. */
  after?(override: Override): unknown;
}

/** With Linux's names. */
const INT3_HANDLER = "kprobe_int3_handler";
const OVERRIDE = "override_function_with_return";
const JUST_RETURN = "just_return_func";

export function watchProbe(session: Session, address: bigint | undefined, actions: ProbeActions): Breakpoint {
  return session.breakAt(INT3_HANDLER, {
    when: () => {
      const hit = session.ptRegs(session.registers.rdi).field("ip").value - 1n;
      return (address === undefined || hit === address) && kprobeAt(session.types, hit) !== undefined;
    },
    action: async () => {
      const regs = session.ptRegs(session.registers.rdi);
      const probe = kprobeAt(session.types, regs.field("ip").value - 1n);
      if (probe === undefined) return undefined;
      const { rsp } = session.registers;
      if (actions.after !== undefined) {
        const overrider = session.address(JUST_RETURN);
        session.breakAt(session.memory.readUint(rsp, 8), {
          once: true,
          when: () => session.registers.rsp === rsp + 8n,
          action: () => actions.after?.({ session, probe, regs, overridden: regs.field("ip").value === overrider }),
        });
      }
      return actions.before?.({ session, probe, regs });
    },
  });
}

export function watchOverrides(session: Session, actions: OverrideActions): Breakpoint {
  return session.breakAt(OVERRIDE, async () => {
    const regs = session.ptRegs(session.registers.rdi);
    const stack = regs.field("sp").value;
    const override = {
      session,
      // The int3 has been executed.
      target: regs.field("ip").value - 1n,
      result: BigInt.asIntN(64, regs.field("ax").value),
      caller: session.memory.readUint(stack, 8),
    };
    session.breakAt(JUST_RETURN, {
      once: true,
      when: () => session.registers.rsp === stack,
      action: () => actions.after?.(override),
    });
    return actions.before?.({ ...override, regs });
  });
}
