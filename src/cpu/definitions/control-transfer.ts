/** Jumps, calls, returns, loops, software interrupts (AMD64 APM volume 3, chapter 3). */
import { c64, type Expr, i32, i64 } from "../../wasm/index.ts";
import { define } from "../definition.ts";
import { Vector } from "../fault.ts";
import type { Operand, Tier } from "../tier.ts";
import { zeroExtend } from "./forms.ts";

const near = { default64: true, ends: true } as const;

define("jmp", ["E9 Jz", "EB Jbs"], (t, target) => t.jump(target), near);
define("jcc", ["70+cc Jbs", "0F 80+cc Jz"], (t, target) => t.branch(t.test(t.condition), target), near);
define("jmp", "FF /4 Ev", (t, target) => t.jumpTo(t.read(target)), near);

define(
  "call",
  "E8 Jz",
  (t, target) => {
    t.push(t.nextRip(), t.size, () => t.checkDirectTarget(target));
    t.jump(target);
  },
  near,
);
define(
  "call",
  "FF /2 Ev",
  (t, target) => {
    const address = t.read(target);
    t.push(t.nextRip(), t.size, () => t.checkTarget(address));
    t.jumpTo(address);
  },
  near,
);

define(
  "ret",
  "C3",
  (t) => {
    const address = t.loadStack(0, t.size);
    t.checkTarget(address);
    t.setStackPointer(i64.add(t.stackPointer(), c64(t.size)));
    t.jumpTo(address);
  },
  near,
);
define(
  "ret",
  "C2 Iw",
  (t, release) => {
    const address = t.loadStack(0, t.size);
    t.checkTarget(address);
    t.setStackPointer(i64.add(i64.add(t.stackPointer(), c64(t.size)), t.read(release)));
    t.jumpTo(address);
  },
  near,
);

/** LOOP and its like: `condition`, if it is given, must hold, too. */
function loop(t: Tier, target: Operand, condition?: Expr): void {
  const count = t.let(i64.sub(t.register(1, t.addressSize), c64(1)));
  const goesOn = i32.eqz(i64.eqz(zeroExtend(count, t.addressSize)));
  const taken = t.let(condition === undefined ? goesOn : i32.and(goesOn, condition));
  // Outside the segment: the counter must not have changed.
  if (t.mode !== 64) t.if(taken, () => t.checkDirectTarget(target));
  t.setRegister(1, count, t.addressSize);
  t.branch(taken, target);
}
define("loopne", "E0 Jbs", (t, target) => loop(t, target, i32.eqz(t.flags.zero())), near);
define("loope", "E1 Jbs", (t, target) => loop(t, target, t.flags.zero()), near);
define("loop", "E2 Jbs", (t, target) => loop(t, target), near);
define("jrcxz", "E3 Jbs", (t, target) => t.branch(i64.eqz(t.register(1, t.addressSize)), target), near);

// Far transfers, in TypeScript.

const far = { ends: true } as const;
define("jmp far", "EA Ap", (t, target) => t.transfer("farJump", t.farSelector(target), t.farOffset(target)), {
  ends: true,
  not64: true,
});
define(
  "call far",
  "9A Ap",
  (t, target) => t.transfer("farCall", t.farSelector(target), t.farOffset(target), c64(t.size), t.nextRip()),
  { ends: true, not64: true },
);
/** A far pointer in memory: offset, then the selector. AMD processors know no 64-bit offsets, whatever REX.W says. */
function farPointer(t: Tier, operand: Parameters<Tier["read"]>[0]) {
  const address = t.linearAddress(operand);
  const size = t.size === 2 ? 2 : 4;
  const offset = t.load(address, size);
  const selector = t.load(t.let(i64.add(address, c64(size))), 2);
  return { offset, selector };
}
define(
  "jmp far",
  "FF /5 Mp",
  (t, target) => {
    const { offset, selector } = farPointer(t, target);
    t.transfer("farJump", selector, offset);
  },
  far,
);
define(
  "call far",
  "FF /3 Mp",
  (t, target) => {
    const { offset, selector } = farPointer(t, target);
    t.transfer("farCall", selector, offset, c64(t.size), t.nextRip());
  },
  far,
);
define("ret far", "CB", (t) => t.transfer("farReturn", c64(t.size), c64(0)), far);
define("ret far", "CA Iw", (t, release) => t.transfer("farReturn", c64(t.size), t.read(release)), far);
define("iret", "CF", (t) => t.transfer("interruptReturn", c64(t.size)), far);

define("int", "CD Ib", (t, vector) => t.transfer("softwareInterrupt", t.read(vector), c64(1)), far);
define("int3", "CC", (t) => t.transfer("softwareInterrupt", c64(Vector.BP), c64(0)), far);
define("int1", "F1", (t) => t.transfer("debugInterrupt"), far);
define(
  "into",
  "CE",
  (t) => {
    t.if(t.flags.overflow(), () => t.transfer("softwareInterrupt", c64(Vector.OF), c64(0)));
    t.endBlock();
  },
  { ends: true, not64: true },
);

// AMD processors do not look for a ModRM byte after UD0 and UD1.
define("ud2", ["0F 0B", "0F FF", "0F B9"], (t) => t.raise(Vector.UD), far);
define("syscall", "0F 05", (t) => t.transfer("systemCall", t.nextRip()), far);
define("sysret", "0F 07", (t) => t.transfer("systemReturn", c64(t.size)), { ends: true });
