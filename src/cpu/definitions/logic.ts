/** AND, OR, XOR, NOT, TEST (AMD64 APM volume 3, chapter 3). AF is undefined; this processor clears it. */
import { c64, type Expr, i64 } from "../../wasm/index.ts";
import { define } from "../definition.ts";
import { defineAlu } from "./forms.ts";

const logical = (name: string, index: number, compute: (a: Expr, b: Expr) => Expr): void =>
  defineAlu(
    name,
    index,
    (t, destination, source) => {
      const result = t.let(compute(t.readForWriteSigned(destination), t.readSigned(source)));
      t.write(destination, result);
      t.flags.logic(result);
    },
    { lock: true },
  );

logical("or", 1, i64.or);
logical("and", 4, i64.and);
logical("xor", 6, i64.xor);

define(
  "not",
  ["F6 /2 Eb", "F7 /2 Ev"],
  (t, destination) => {
    t.write(destination, i64.xor(t.readForWrite(destination), c64(-1)));
  },
  { lock: true },
);

define("test", [
  "84 Eb,Gb",
  "85 Ev,Gv",
  "A8 AL,Ib",
  "A9 rAX,Iz",
  "F6 /0 Eb,Ib",
  "F7 /0 Ev,Iz",
  "F6 /1 Eb,Ib",
  "F7 /1 Ev,Iz",
], (t, left, right) => {
  t.flags.logic(t.let(i64.and(t.readSigned(left), t.readSigned(right))));
});
