/** PUSH, POP, ENTER, LEAVE, flags on the stack (AMD64 APM volume 3, chapter 3). */
import { c32, c64, type Expr, i32, i64 } from "../../wasm/index.ts";
import { define } from "../definition.ts";
import { Flag, layout } from "../state.ts";
import type { Tier } from "../tier.ts";

define("push", ["50+r Zv", "68 Iz", "6A Ibs", "FF /6 Ev"], (t, source) => t.push(t.readSigned(source)), {
  default64: true,
});

define(
  "pop",
  "58+r Zv",
  (t, destination) => {
    const value = t.loadStack(0, t.size);
    t.setStackPointer(i64.add(t.stackPointer(), c64(t.size)));
    t.write(destination, value);
  },
  { default64: true },
);

define(
  "pop",
  "8F /0 Ev",
  (t, destination) => {
    const value = t.loadStack(0, t.size);
    const pointer = t.let(t.stackPointer());
    // The address of the destination is computed with rSP as it is after the pop.
    if (destination.kind === "memory") {
      t.setStackPointer(i64.add(pointer, c64(t.size)));
      const address = t.linearAddress(destination);
      t.setStackPointer(pointer);
      t.store(address, t.size, value);
      t.setStackPointer(i64.add(pointer, c64(t.size)));
    } else {
      t.setStackPointer(i64.add(pointer, c64(t.size)));
      t.write(destination, value);
    }
  },
  { default64: true },
);

define(
  "leave",
  "C9",
  (t) => {
    const frame = t.let(t.register(5, t.stackSize));
    const value = t.loadStackAt(frame, t.size);
    t.setStackPointer(i64.add(frame, c64(t.size)));
    t.setRegister(5, value);
  },
  { default64: true },
);

define(
  "enter",
  "C8 Iw,Ib",
  (t, allocation, nesting) => {
    const level = t.let(i64.and(t.read(nesting), c64(31)));
    t.call("enter", t.read(allocation), level, c64(t.size), c64(t.stackSize));
  },
  { default64: true },
);

define(
  "pusha",
  "60",
  (t) => {
    const pointer = t.let(t.stackPointer());
    for (let i = 0; i < 8; i++) t.storeStackAt(t.let(i64.sub(pointer, c64(t.size * (i + 1)))), t.size, t.register(i));
    t.setStackPointer(i64.sub(pointer, c64(t.size * 8)));
  },
  { not64: true },
);

define(
  "popa",
  "61",
  (t) => {
    const pointer = t.let(t.stackPointer());
    // Registers that were popped before one faults keep their new values, as on AMD's processors.
    for (let i = 0; i < 8; i++) {
      const value = t.loadStack(i * t.size, t.size);
      if (i !== 3) t.setRegister(7 - i, value);
    }
    t.setStackPointer(i64.add(pointer, c64(t.size * 8)));
  },
  { not64: true },
);

/** RFLAGS as PUSHF stores it: without RF and VM. */
function flagsImage(t: Tier): Expr {
  const system = i32.and(t.field("i32", layout.systemFlags), c32(~(Flag.RF | Flag.VM)));
  return i32.or(i32.or(t.flags.image(), system), c32(2));
}

/** Virtual-8086 mode with IOPL below 3 (i32). */
const isRestricted = (t: Tier): Expr => {
  const bits = t.let(i32.and(t.field("i32", layout.systemFlags), c32(Flag.VM | Flag.IOPL)));
  return i32.and(i32.ne(i32.and(bits, c32(Flag.VM)), c32(0)), i32.ne(bits, c32(Flag.VM | Flag.IOPL)));
};

define(
  "pushf",
  "9C",
  (t) => {
    if (t.mode === 64) {
      t.push(i64.extend_i32_u(t.let(flagsImage(t))));
      return;
    }
    const image = t.variable(i64.extend_i32_u(flagsImage(t)));
    t.if(isRestricted(t), () => {
      t.call("checkVirtualFlags", c64(t.size));
      // VIF is shown in the place of IF, and IOPL as 3.
      const virtual = i32.and(i32.shr_u(t.field("i32", layout.systemFlags), c32(10)), c32(Flag.IF));
      const shown = i64.extend_i32_u(i32.or(virtual, c32(Flag.IOPL)));
      t.assign(image, i64.or(i64.and(image, c64(~(Flag.IF | Flag.IOPL))), shown));
    });
    t.push(image);
  },
  { default64: true },
);

define(
  "popf",
  "9D",
  (t) => {
    const value = t.loadStack(0, t.size);
    if (t.mode !== 64) t.if(isRestricted(t), () => t.call("loadVirtualFlags", c64(t.size), value));
    const pointer = t.let(i64.add(t.stackPointer(), c64(t.size)));
    const image = t.let(i32.wrap(value));
    const system = t.let(t.field("i32", layout.systemFlags));
    const cpl = t.let(t.field("i32", layout.cpl));
    const iopl = t.let(i32.and(i32.shr_u(system, c32(12)), c32(3)));
    const writable = t.let(
      i32.or(
        c32(Flag.TF | Flag.DF | Flag.NT | (t.size > 2 ? Flag.AC | Flag.ID : 0)),
        i32.or(i32.mul(i32.eqz(cpl), c32(Flag.IOPL)), i32.mul(i32.le_u(cpl, iopl), c32(Flag.IF))),
      ),
    );
    const kept = i32.and(system, i32.xor(i32.or(writable, c32(Flag.RF)), c32(-1)));
    const next = t.let(i32.or(kept, i32.and(image, writable)));
    t.setField("i32", layout.systemFlags, next);
    t.flags.setImage(image);
    t.if(i32.and(i32.xor(next, system), c32(Flag.AC)), () => t.call("alignmentFlagChanged"));
    t.setStackPointer(pointer);
    // A trap or an interrupt may be due now.
    t.if(i32.and(next, c32(Flag.TF | Flag.IF)), () => t.call("flagsLoaded"));
    t.endBlock();
  },
  { default64: true, ends: true },
);

define("lahf", "9F", (t) => t.setHighByte(0, i64.extend_i32_u(i32.or(i32.and(t.flags.image(), c32(0xd5)), c32(2)))));
define("sahf", "9E", (t) => {
  const overflow = i32.shl(t.flags.overflow(), c32(11));
  t.flags.setImage(i32.or(i32.and(i32.wrap(t.highByte(0)), c32(0xd5)), overflow));
});
