/** Segment registers, far pointers, descriptor tables (AMD64 APM volume 3, chapter 4). */
import { c32, c64, i32, i64 } from "../../wasm/index.ts";
import { define } from "../definition.ts";
import { Vector } from "../fault.ts";
import { layout, SEGMENT_BYTES, SEGMENT_SELECTOR } from "../state.ts";
import type { Operand, Tier } from "../tier.ts";
import { preventUserMode } from "./privilege.ts";

const selectorOf = (t: Tier, index: number) =>
  i64.extend_i32_u(t.field("u16", layout.segments + index * SEGMENT_BYTES + SEGMENT_SELECTOR));

/** Selectors go to 16 bits of memory, or to the whole of a register. */
function storeSelector(t: Tier, destination: Operand, value: Parameters<Tier["write"]>[1]): void {
  if (destination.kind === "memory") t.store(t.linearAddress(destination), 2, value);
  else t.write(destination, value);
}

define("mov", "8C Ev,Sw", (t, destination, segment) => {
  const number = t.let(t.number(segment));
  t.raiseIf(i32.gt_u(number, c32(5)), Vector.UD);
  t.call("segmentSelector", number);
  storeSelector(t, destination, t.let(t.result(0)));
});
define(
  "mov",
  "8E Sw,Ew",
  (t, segment, source) => {
    const number = t.let(t.number(segment));
    t.raiseIf(i32.or(i32.gt_u(number, c32(5)), i32.eq(number, c32(1))), Vector.UD);
    t.call("loadSegment", number, t.read(source), c64(0));
    t.endBlock();
  },
  { ends: true },
);

const pushes: readonly (readonly [string, string, number, boolean])[] = [
  ["06", "07", 0, true],
  ["0E", "", 1, true],
  ["16", "17", 2, true],
  ["1E", "1F", 3, true],
  ["0F A0", "0F A1", 4, false],
  ["0F A8", "0F A9", 5, false],
];
for (const [push, pop, index, not64] of pushes) {
  define("push", push, (t) => t.push(t.let(selectorOf(t, index))), { default64: true, not64 });
  if (pop)
    define(
      "pop",
      pop,
      (t) => {
        const value = t.loadStack(0, t.size);
        t.call("loadSegment", c64(index), i64.and(value, c64(0xffff)), c64(0));
        t.setStackPointer(i64.add(t.stackPointer(), c64(t.size)));
        t.endBlock();
      },
      { default64: true, not64, ends: true },
    );
}

const farLoads: readonly (readonly [string, number, boolean])[] = [
  ["C4", 0, true],
  ["C5", 3, true],
  ["0F B2", 2, false],
  ["0F B4", 4, false],
  ["0F B5", 5, false],
];
for (const [opcode, index, not64] of farLoads)
  define(
    "lds",
    `${opcode} Gv,Mp`,
    (t, destination, source) => {
      const address = t.linearAddress(source);
      // AMD processors know no 64-bit offsets here, whatever REX.W says.
      const size = t.size === 2 ? 2 : 4;
      const offset = t.load(address, size);
      const selector = t.load(t.let(i64.add(address, c64(size))), 2);
      t.call("loadSegment", c64(index), selector, c64(1));
      t.write(destination, offset);
      t.endBlock();
    },
    { ends: true, not64 },
  );

// Descriptor tables: limit (2 bytes), then base (8 bytes in 64-bit mode, else 4).

function storeTable(name: string, digit: number, table: number): void {
  define(name, `0F 01 /${digit} mem Ms`, (t, destination) => {
    preventUserMode(t);
    const address = t.linearAddress(destination);
    t.call("probeWrite", address, c64(t.mode === 64 ? 10 : 6));
    t.store(address, 2, t.field("i64", table + 8));
    t.store(t.let(i64.add(address, c64(2))), t.mode === 64 ? 8 : 4, t.field("i64", table));
  });
}
storeTable("sgdt", 0, layout.gdtr);
storeTable("sidt", 1, layout.idtr);

function loadTable(name: string, digit: number, routine: string): void {
  define(
    name,
    `0F 01 /${digit} mem Ms`,
    (t, source) => {
      const address = t.linearAddress(source);
      const limit = t.load(address, 2);
      let base = t.load(t.let(i64.add(address, c64(2))), t.mode === 64 ? 8 : 4);
      // With a 16-bit operand size the base has 24 bits.
      if (t.mode !== 64 && t.size === 2) base = i64.and(base, c64(0xff_ffff));
      t.call(routine, base, limit);
      t.endBlock();
    },
    { privileged: true, ends: true },
  );
}
loadTable("lgdt", 2, "loadGdt");
loadTable("lidt", 3, "loadIdt");

function storeSystemSelector(name: string, digit: number, segment: number): void {
  define(
    name,
    `0F 00 /${digit} Ev`,
    (t, destination) => {
      preventUserMode(t);
      storeSelector(t, destination, t.let(selectorOf(t, segment)));
    },
    { protectedOnly: true },
  );
}
storeSystemSelector("sldt", 0, 6);
storeSystemSelector("str", 1, 7);
define("lldt", "0F 00 /2 Ew", (t, source) => t.call("loadLdt", t.read(source)), {
  privileged: true,
  protectedOnly: true,
});
define("ltr", "0F 00 /3 Ew", (t, source) => t.call("loadTask", t.read(source)), {
  privileged: true,
  protectedOnly: true,
});
define(
  "verr",
  "0F 00 /4 Ew",
  (t, source) => {
    t.call("verify", t.read(source), c64(0));
    t.flags.setZero(t.let(i32.wrap(t.result(0))));
  },
  { protectedOnly: true },
);
define(
  "verw",
  "0F 00 /5 Ew",
  (t, source) => {
    t.call("verify", t.read(source), c64(1));
    t.flags.setZero(t.let(i32.wrap(t.result(0))));
  },
  { protectedOnly: true },
);

const queries: readonly (readonly [string, string, string])[] = [
  ["lar", "0F 02", "loadAccessRights"],
  ["lsl", "0F 03", "loadSegmentLimit"],
];
for (const [name, opcode, routine] of queries)
  define(
    name,
    `${opcode} Gv,Ew`,
    (t, destination, source) => {
      t.call(routine, t.read(source));
      const found = t.let(i32.wrap(t.result(0)));
      const value = t.let(t.result(1));
      t.if(found, () => t.write(destination, value));
      t.flags.setZero(found);
    },
    { protectedOnly: true },
  );
