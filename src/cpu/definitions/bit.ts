/** Bit tests, scans and counts, byte swaps (AMD64 APM volume 3, chapter 3). */
import { c32, c64, type Expr, i32, i64 } from "../../wasm/index.ts";
import { define, type Semantics } from "../definition.ts";
import type { Operand, Tier } from "../tier.ts";

type Change = ((value: Expr, bit: Expr) => Expr) | undefined;

/** BT and friends with the bit number in an immediate, or in a register when the destination is one. */
function withinOperand(change: Change): Semantics {
  return (t, destination, index) => {
    const bits = destination.size * 8;
    const position = t.let(i64.and(t.read(index), c64(bits - 1)));
    const value = change ? t.readForWrite(destination) : t.read(destination);
    const carry = t.let(i32.wrap(i64.and(i64.shr_u(value, position), c64(1))));
    if (change) t.write(destination, change(value, t.let(i64.shl(c64(1), position))));
    t.flags.setCarry(carry);
  };
}

/** The same on a bit string in memory: the bit number, signed, selects the operand-sized word as well. */
function inBitString(change: Change): Semantics {
  return (t, destination, index) => {
    if (destination.kind !== "memory") return withinOperand(change)(t, destination, index);
    const { size } = t;
    const number = t.readSigned(index);
    const word = i64.shl(i64.shr_s(number, c64(Math.log2(size * 8))), c64(Math.log2(size)));
    const address = t.linearAddress(destination, t.let(word));
    const position = t.let(i64.and(number, c64(size * 8 - 1)));
    const value = change
      ? t.modify(address, size, (old) => change(old, t.let(i64.shl(c64(1), position))))
      : t.load(address, size);
    const carry = t.let(i32.wrap(i64.and(i64.shr_u(value, position), c64(1))));
    t.flags.setCarry(carry);
  };
}

function bitTest(name: string, opcode: string, digit: number, change: Change): void {
  const lock = change !== undefined;
  define(name, `0F ${opcode} Ev,Gv`, inBitString(change), { lock });
  define(name, `0F BA /${digit} Ev,Ib`, withinOperand(change), { lock });
}

bitTest("bt", "A3", 4, undefined);
bitTest("bts", "AB", 5, i64.or);
bitTest("btr", "B3", 6, (value, bit) => i64.and(value, i64.xor(bit, c64(-1))));
bitTest("btc", "BB", 7, i64.xor);

/**
 * A source of 0 leaves the destination unchanged. Only ZF is defined; this processor sets PF from the result (0 if there is
 * none) and clears the others.
 */
function scan(find: (t: Tier, value: Expr, size: number) => Expr): Semantics {
  return (t, destination: Operand, source: Operand) => {
    const value = t.read(source);
    const zero = t.let(i64.eqz(value));
    const found = t.variable(c64(0));
    t.if(i32.eqz(zero), () => {
      t.assign(found, find(t, value, t.size));
      t.write(destination, found);
    });
    const oddParity = i32.and(i32.wrap(i64.popcnt(found)), c32(1));
    t.flags.setImage(i32.or(i32.shl(zero, c32(6)), i32.shl(i32.eqz(oddParity), c32(2))));
  };
}
define(
  "bsf",
  "0F BC Gv,Ev",
  scan((_t, value) => i64.ctz(value)),
);
define(
  "bsr",
  "0F BD Gv,Ev",
  scan((_t, value) => i64.sub(c64(63), i64.clz(value))),
);

define("popcnt", "F3 0F B8 Gv,Ev", (t, destination, source) => {
  const value = t.read(source);
  const count = t.let(i64.popcnt(value));
  t.write(destination, count);
  // ZF of the source; the other five are cleared.
  t.flags.setImage(i32.shl(i64.eqz(value), c32(6)));
});

/** The bytes of a value of the operand size in reverse order. */
export function byteSwap(t: Tier, value: Expr): Expr {
  const exchange = (x: Expr, mask: bigint, shift: number): Expr =>
    i64.or(i64.shl(i64.and(x, c64(mask)), c64(shift)), i64.and(i64.shr_u(x, c64(shift)), c64(mask)));
  const by8 = t.let(exchange(value, 0x00ff_00ff_00ff_00ffn, 8));
  if (t.size === 2) return by8;
  const swapped = i64.rotl(t.let(exchange(by8, 0x0000_ffff_0000_ffffn, 16)), c64(32));
  return t.size === 4 ? i64.shr_u(swapped, c64(32)) : swapped;
}

// With a 16-bit operand the result is undefined: this processor stores 0.
define("bswap", "0F C8+r Zv", (t, destination) =>
  t.write(destination, t.size === 2 ? c64(0) : byteSwap(t, t.read(destination))),
);
