/** Instructions on single flags (AMD64 APM volume 3, chapter 3). */
import { c32, i32 } from "../../wasm/index.ts";
import { define } from "../definition.ts";
import { Flag, layout } from "../state.ts";
import type { Tier } from "../tier.ts";

define("clc", "F8", (t) => t.flags.setCarry(c32(0)));
define("stc", "F9", (t) => t.flags.setCarry(c32(1)));
define("cmc", "F5", (t) => t.flags.setCarry(t.let(i32.eqz(t.flags.carry()))));

const change = (t: Tier, clear: number, set: number): void =>
  t.setField("i32", layout.systemFlags, i32.or(i32.and(t.field("i32", layout.systemFlags), c32(~clear)), c32(set)));

define("cld", "FC", (t) => change(t, Flag.DF, 0));
define("std", "FD", (t) => change(t, 0, Flag.DF));

/** CLI and STI need CPL <= IOPL (virtual-8086 mode: IOPL 3); else they may be about the virtual interrupt flag. */
function byPrivilege(t: Tier, allowed: () => void, virtual: string): void {
  const iopl = i32.and(i32.shr_u(t.field("i32", layout.systemFlags), c32(12)), c32(3));
  t.if(i32.gt_u(t.field("i32", layout.cpl), iopl), () => t.call(virtual), allowed);
}
define("cli", "FA", (t) => byPrivilege(t, () => change(t, Flag.IF, 0), "clearVirtualInterruptFlag"));
define(
  "sti",
  "FB",
  (t) => {
    byPrivilege(t, () => t.call("enableInterrupts"), "setVirtualInterruptFlag");
    t.endBlock();
  },
  { ends: true },
);
