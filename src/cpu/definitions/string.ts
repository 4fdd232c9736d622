/** String instructions: one iteration each, repeated by the tier (AMD64 APM volume 3, chapter 3; volume 1, 3.4.2). */
import { c32, c64, type Expr, i32, i64, select } from "../../wasm/index.ts";
import { define } from "../definition.ts";
import { Flag, layout } from "../state.ts";
import type { Size, Tier } from "../tier.ts";
import { signExtend } from "./forms.ts";

const RSI = 6;
const RDI = 7;

/** The element size of a row: bytes in the even opcode, the operand size in the odd one. */
const rows = (opcode: number): [string, string] => {
  const text = (value: number): string => value.toString(16).toUpperCase();
  return [text(opcode), text(opcode + 1)];
};

function defineString(name: string, opcode: number, semantics: (t: Tier, size: Size) => void, ends = false): void {
  const [bytes, words] = rows(opcode);
  define(`${name}b`, bytes, (t) => semantics(t, 1), { string: true, ends });
  define(name, words, (t) => semantics(t, t.size), { string: true, ends });
}

const step = (t: Tier, size: number): Expr => {
  const backwards = i32.and(t.field("i32", layout.systemFlags), c32(Flag.DF));
  return t.let(select(c64(-size), c64(size), backwards));
};
const source = (t: Tier): Expr => t.segmentAddress("data", t.register(RSI, t.addressSize));
const destination = (t: Tier): Expr => t.segmentAddress("es", t.register(RDI, t.addressSize));
const advance = (t: Tier, register: number, by: Expr): void =>
  t.setRegister(register, i64.add(t.register(register, t.addressSize), by), t.addressSize);

defineString("movs", 0xa4, (t, size) =>
  t.repeatString(size, [RSI, RDI], false, () => {
    t.store(destination(t), size, t.load(source(t), size));
    const by = step(t, size);
    advance(t, RSI, by);
    advance(t, RDI, by);
  }),
);

defineString("cmps", 0xa6, (t, size) =>
  t.repeatString(size, [RSI, RDI], true, () => {
    const a = t.load(source(t), size, true);
    const b = t.load(destination(t), size, true);
    const by = step(t, size);
    advance(t, RSI, by);
    advance(t, RDI, by);
    t.flags.sub(a, b, t.let(signExtend(i64.sub(a, b), size)), size);
  }),
);

defineString("stos", 0xaa, (t, size) =>
  t.repeatString(size, [RDI], false, () => {
    t.store(destination(t), size, t.register(0, size));
    advance(t, RDI, step(t, size));
  }),
);

defineString("lods", 0xac, (t, size) =>
  t.repeatString(size, [RSI], false, () => {
    const value = t.load(source(t), size);
    t.setRegister(0, value, size);
    advance(t, RSI, step(t, size));
  }),
);

defineString("scas", 0xae, (t, size) =>
  t.repeatString(size, [RDI], true, () => {
    const a = t.let(signExtend(t.register(0, size), size));
    const b = t.load(destination(t), size, true);
    advance(t, RDI, step(t, size));
    t.flags.sub(a, b, t.let(signExtend(i64.sub(a, b), size)), size);
  }),
);

defineString(
  "ins",
  0x6c,
  (t, element) => {
    const size = element === 8 ? 4 : element;
    t.call("checkPort", t.register(2, 2), c64(size));
    t.repeatString(size, [RDI], false, () => {
      const address = destination(t);
      // The port must not be read when the store cannot be made.
      t.call("probeWrite", address, c64(size));
      t.call("readPort", t.register(2, 2), c64(size));
      const value = t.let(t.result(0));
      t.store(address, size, value);
      advance(t, RDI, step(t, size));
    });
    t.endBlock();
  },
  true,
);

defineString(
  "outs",
  0x6e,
  (t, element) => {
    const size = element === 8 ? 4 : element;
    t.call("checkPort", t.register(2, 2), c64(size));
    t.repeatString(size, [RSI], false, () => {
      const value = t.load(source(t), size);
      t.call("writePort", t.register(2, 2), c64(size), value);
      advance(t, RSI, step(t, size));
    });
    t.endBlock();
  },
  true,
);
