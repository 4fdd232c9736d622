/** System instructions (AMD64 APM volume 3, chapter 4). What they do is in ../system-routines.ts. */
import { c32, c64, i32, i64 } from "../../wasm/index.ts";
import { define } from "../definition.ts";
import { Vector } from "../fault.ts";
import { addressOf, Flag, layout, segmentAddress } from "../state.ts";
import type { Operand, Tier } from "../tier.ts";
import { preventUserMode } from "./privilege.ts";

const privileged = { privileged: true, ends: true } as const;

// Control and debug registers: the operand size is that of the mode.

// Which registers exist is looked at before the privilege level.
function checkControlRegister(t: Tier, register: Operand): void {
  const exists = i32.and(i32.shr_u(c32(0x11d), i32.and(t.number(register), c32(31))), c32(1));
  t.raiseIf(i32.eqz(exists), Vector.UD);
  t.raiseIf(t.field("i32", layout.cpl), Vector.GP, 0);
}
function checkDebugRegister(t: Tier, register: Operand): void {
  t.raiseIf(i32.gt_u(t.number(register), c32(7)), Vector.UD);
  t.raiseIf(t.field("i32", layout.cpl), Vector.GP, 0);
}
define(
  "mov",
  "0F 20 Ry,Cn",
  (t, destination, register) => {
    checkControlRegister(t, register);
    t.call("readControlRegister", t.number(register));
    t.setWhole(destination, t.let(t.result(0)));
  },
  { ends: true },
);
define(
  "mov",
  "0F 22 Cn,Ry",
  (t, register, source) => {
    checkControlRegister(t, register);
    t.call("writeControlRegister", t.number(register), t.readWhole(source));
    t.endBlock();
  },
  { ends: true },
);
define(
  "mov",
  "0F 21 Ry,Dn",
  (t, destination, register) => {
    checkDebugRegister(t, register);
    t.call("readDebugRegister", t.number(register));
    t.setWhole(destination, t.let(t.result(0)));
  },
  { ends: true },
);
define(
  "mov",
  "0F 23 Dn,Ry",
  (t, register, source) => {
    checkDebugRegister(t, register);
    t.call("writeDebugRegister", t.number(register), t.readWhole(source));
    t.endBlock();
  },
  { ends: true },
);

define("smsw", "0F 01 /4 Ev", (t, destination) => {
  preventUserMode(t);
  const value = t.let(t.field("i64", addressOf("cr0")));
  if (destination.kind === "memory") t.store(t.linearAddress(destination), 2, value);
  else t.write(destination, value);
});
define(
  "lmsw",
  "0F 01 /6 Ew",
  (t, source) => {
    t.call("loadMachineStatus", t.read(source));
    t.endBlock();
  },
  privileged,
);
define(
  "clts",
  "0F 06",
  (t) => {
    t.call("clearTaskSwitched");
    t.endBlock();
  },
  privileged,
);

define(
  "invlpg",
  "0F 01 /7 Mn",
  (t, operand) => {
    t.call("invalidatePage", t.linearAddress(operand));
    t.endBlock();
  },
  privileged,
);
define(
  "invpcid",
  "66 0F 38 82 Gy,Ms",
  (t, type, descriptor) => {
    const address = t.linearAddress(descriptor);
    const identifier = t.load(address, 8);
    const linear = t.load(t.let(i64.add(address, c64(8))), 8);
    t.call("invalidateByIdentifier", t.readWhole(type), identifier, linear);
    t.endBlock();
  },
  privileged,
);
// #UD, not #GP, outside CPL 0.
for (const [name, opcode, value] of [
  ["clac", "CA", 0],
  ["stac", "CB", Flag.AC],
] as const)
  define(name, `NP 0F 01 =${opcode}`, (t) => {
    t.raiseIf(i32.ne(t.field("i32", layout.cpl), c32(0)), Vector.UD);
    const flags = i32.and(t.field("i32", layout.systemFlags), c32(~Flag.AC));
    t.setField("i32", layout.systemFlags, i32.or(flags, c32(value)));
  });
define("wbinvd", ["0F 09", "0F 08"], () => {}, { privileged: true });
define(
  "hlt",
  "F4",
  (t) => {
    t.call("halt");
    t.endBlock();
  },
  privileged,
);

define(
  "rdmsr",
  "0F 32",
  (t) => {
    t.call("readMsr", t.register(1, 4));
    const value = t.let(t.result(0));
    t.setRegister(0, value, 4);
    t.setRegister(2, i64.shr_u(value, c64(32)), 4);
    t.endBlock();
  },
  privileged,
);
define(
  "wrmsr",
  "0F 30",
  (t) => {
    t.call("writeMsr", t.register(1, 4), i64.or(i64.shl(t.register(2, 4), c64(32)), t.register(0, 4)));
    t.endBlock();
  },
  privileged,
);

define("rdpmc", "0F 33", (t) => {
  t.call("readPerformanceCounter", t.register(1, 4));
  const value = t.let(t.result(0));
  t.setRegister(0, value, 4);
  t.setRegister(2, i64.shr_u(value, c64(32)), 4);
});
// AMD processors know SYSENTER and SYSEXIT in legacy mode alone.
define("sysenter", "0F 34", (t) => t.transfer("sysenter"), { ends: true });
define("sysexit", "0F 35", (t) => t.transfer("sysexit"), { ends: true });

function readTimeStamp(t: Tier): void {
  t.call("readTimeStamp");
  const value = t.let(t.result(0));
  t.setRegister(0, value, 4);
  t.setRegister(2, i64.shr_u(value, c64(32)), 4);
}
define("rdtsc", "0F 31", readTimeStamp);
define("rdtscp", "0F 01 =F9", (t) => {
  readTimeStamp(t);
  t.setRegister(1, t.field("i64", addressOf("tscAux")), 4);
});

define("cpuid", "0F A2", (t) => {
  t.call("cpuid", t.register(0, 4), t.register(1, 4));
  const values = [0, 1, 2, 3].map((i) => t.let(t.result(i)));
  // EAX, EBX, ECX, EDX
  [0, 3, 1, 2].forEach((register, i) => {
    t.setRegister(register, values[i], 4);
  });
});

define(
  "swapgs",
  "0F 01 =F8",
  (t) => {
    const base = segmentAddress("gs");
    const old = t.let(t.field("i64", base));
    t.setField("i64", base, t.let(t.field("i64", addressOf("kernelGsBase"))));
    t.setField("i64", addressOf("kernelGsBase"), old);
  },
  { privileged: true, only64: true },
);

// Port I/O
define("in", ["E4 AL,Ib", "E5 eAX,Ib"], (t, destination, port) => input(t, destination.size, t.read(port)), {
  ends: true,
});
define("in", ["EC AL,DX", "ED eAX,DX"], (t, destination, port) => input(t, destination.size, t.read(port)), {
  ends: true,
});
define("out", ["E6 Ib,AL", "E7 Ib,eAX"], (t, port, source) => output(t, source.size, t.read(port)), { ends: true });
define("out", ["EE DX,AL", "EF DX,eAX"], (t, port, source) => output(t, source.size, t.read(port)), { ends: true });

/** eAX is 16 bits with a 16-bit operand size. */
const portSize = (t: Tier, size: number): 1 | 2 | 4 => (size === 1 ? 1 : t.size === 2 ? 2 : 4);
function input(t: Tier, operandSize: number, port: Parameters<Tier["call"]>[1]): void {
  const size = portSize(t, operandSize);
  t.call("checkPort", port, c64(size));
  t.call("readPort", port, c64(size));
  t.setRegister(0, t.result(0), size);
  t.endBlock();
}
function output(t: Tier, operandSize: number, port: Parameters<Tier["call"]>[1]): void {
  const size = portSize(t, operandSize);
  t.call("checkPort", port, c64(size));
  t.call("writePort", port, c64(size), t.register(0, size));
  t.endBlock();
}

// Nothing to do
define("nop", [
  "0F 0D Mn",
  "0F 18 Ev",
  "0F 19 Ev",
  "0F 1A Ev",
  "0F 1B Ev",
  "0F 1C Ev",
  "0F 1D Ev",
  "0F 1E Ev",
  "0F 1F Ev",
], () => {});
define("clflush", "NP 0F AE /7 Mb", (t, operand) => {
  // Faults as a load would.
  t.load(t.linearAddress(operand), 1);
});
define("mfence", ["NP 0F AE /6 reg", "NP 0F AE /5 reg", "NP 0F AE /7 reg"], () => {});
