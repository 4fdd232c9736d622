/** MOV and its relatives, LEA, exchanges, conversions, conditional moves and sets (AMD64 APM volume 3, chapter 3). */
import { c64, i32, i64 } from "../../wasm/index.ts";
import { define } from "../definition.ts";
import { signExtend } from "./forms.ts";

define("mov", [
  "88 Eb,Gb",
  "89 Ev,Gv",
  "8A Gb,Eb",
  "8B Gv,Ev",
  "A0 AL,Ob",
  "A1 rAX,Ov",
  "A2 Ob,AL",
  "A3 Ov,rAX",
  "B0+r Zb,Ib",
  "B8+r Zv,Iv",
  "C6 /0 Eb,Ib",
  "C7 /0 Ev,Iz",
], (t, destination, source) => t.write(destination, t.read(source)));

define("movzx", ["0F B6 Gv,Eb", "0F B7 Gv,Ew"], (t, destination, source) => t.write(destination, t.read(source)));
define("movsx", ["0F BE Gv,Eb", "0F BF Gv,Ew"], (t, destination, source) => t.write(destination, t.readSigned(source)));
define(
  "movsxd",
  "63 Gv,Ed",
  (t, destination, source) => {
    // Without REX.W it is a plain move.
    t.write(destination, t.readSigned(source));
  },
  { only64: true },
);

define("lea", "8D Gv,Mn", (t, destination, source) => t.write(destination, t.effectiveAddress(source)));

define(
  "xchg",
  ["86 Eb,Gb", "87 Ev,Gv"],
  (t, destination, source) => {
    const a = t.readForWrite(destination);
    const b = t.read(source);
    t.write(destination, b);
    t.write(source, a);
  },
  { lock: true },
);
define("xchg", "90+r Zv,rAX", (t, destination, source) => {
  const a = t.read(destination);
  const b = t.read(source);
  // Opcode 90 with rAX itself is NOP (with F3: PAUSE): it does not even clear the upper half.
  t.if(i32.ne(t.addressOf(destination), t.addressOf(source)), () => {
    t.write(destination, b);
    t.write(source, a);
  });
});

define("cmovcc", "0F 40+cc Gv,Ev", (t, destination, source) => {
  // The source is read either way; a 32-bit destination loses its upper half either way.
  const value = t.read(source);
  if (t.size === 4)
    t.if(
      t.test(t.condition),
      () => t.write(destination, value),
      () => t.write(destination, t.read(destination)),
    );
  else t.if(t.test(t.condition), () => t.write(destination, value));
});

define("setcc", "0F 90+cc Eb", (t, destination) => t.write(destination, i64.extend_i32_u(t.let(t.test(t.condition)))));

/** CBW, CWDE, CDQE. */
define("cbw", "98", (t) => t.setRegister(0, signExtend(t.let(t.register(0, t.size / 2)), t.size / 2)));
/** CWD, CDQ, CQO. */
define("cwd", "99", (t) => {
  const value = t.let(signExtend(t.register(0), t.size));
  t.setRegister(2, i64.shr_s(value, c64(63)));
});

define("xlat", "D7", (t) => {
  const offset = i64.add(t.register(3, t.addressSize), t.register(0, 1));
  const masked = t.addressSize === 8 ? offset : i64.and(offset, c64((1n << BigInt(8 * t.addressSize)) - 1n));
  t.setRegister(0, t.load(t.let(t.segmentAddress("data", masked)), 1), 1);
});
