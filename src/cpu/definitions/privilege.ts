/** Conditions on the privilege level that several system instructions share. */
import { c32, i32 } from "../../wasm/index.ts";
import { Vector } from "../fault.ts";
import { addressOf, layout } from "../state.ts";
import type { Tier } from "../tier.ts";

/** CR4.UMIP, AMD64 APM volume 2, 3.1.3. */
const USER_MODE_INSTRUCTION_PREVENTION = 11;

/** SGDT, SIDT, SLDT, STR and SMSW are #GP outside CPL 0 if CR4.UMIP is set. */
export function preventUserMode(t: Tier): void {
  const prevented = i32.and(i32.shr_u(t.field("i32", addressOf("cr4")), c32(USER_MODE_INSTRUCTION_PREVENTION)), c32(1));
  t.raiseIf(i32.and(prevented, i32.ne(t.field("i32", layout.cpl), c32(0))), Vector.GP, 0);
}
