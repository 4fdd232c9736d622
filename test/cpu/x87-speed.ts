/**
 * How long x87 instructions take, in nanoseconds, each in a loop of ten. Not a test.
 *
 *     npx tsx test/cpu/x87-speed.ts [0 | 1 | mixed]
 */
import { bareCpu, CODE, DATA, load } from "./bare-cpu.ts";

/** Leaves the stack as deep as it found it; ST(0) and ST(1) are 1.1 and 0.7. */
const programs: Readonly<Record<string, string>> = {
  nothing: "nop",
  "fadd st0, st1": "fadd st(0), st(1)",
  "fmul m64": "fmul qword ptr [rsi]",
  "fdiv m64, fmul m64": "fdiv qword ptr [rsi]; fmul qword ptr [rsi]",
  "fld m64, fstp m64": "fld qword ptr [rsi+16]; fstp qword ptr [rsi+32]",
  "fld m32, fstp m32": "fld dword ptr [rsi+24]; fstp dword ptr [rsi+32]",
  "fld m80, fstp m80": "fld tbyte ptr [rsi+48]; fstp tbyte ptr [rsi+64]",
  "fild m32, fistp m32": "fild dword ptr [rsi+40]; fistp dword ptr [rsi+44]",
  fxch: "fxch st(1)",
  "fcom m64, fnstsw": "fcom qword ptr [rsi]; fnstsw ax",
  "fcomi st1": "fcomi st(0), st(1)",
  fchs: "fchs",
  fsqrt: "fld st(0); fsqrt; fstp st(0)",
};

const argument = process.argv[2] ?? "mixed";
const tier = argument === "0" ? 0 : argument === "1" ? 1 : "mixed";
const LOOPS = 20_000;
for (const [name, text] of Object.entries(programs)) {
  const cpu = bareCpu({}, { tier });
  const body = Array.from({ length: 10 }, () => text).join("; ");
  await load(
    cpu,
    `mov rsi, ${DATA}; mov rax, 0x3ff000000000000d; mov [rsi], rax; mov [rsi+16], rax; mov dword ptr [rsi+24], 0x3f8ccccd;
    mov dword ptr [rsi+40], 123456; mov rax, 0xc000000000000001; mov [rsi+48], rax; mov word ptr [rsi+56], 0x4000;
    fninit; fld qword ptr [rsi]; fld qword ptr [rsi]; mov ecx, ${LOOPS}; again: ${body}; dec ecx; jnz again; hlt`,
  );
  let best = Infinity;
  for (let i = 0; i < 4; i++) {
    cpu.state.rip = BigInt(CODE);
    const start = performance.now();
    const stop = cpu.run(cpu.time + 1_000_000_000);
    if (stop.kind !== "halted") throw new Error(`${name}: ${stop.kind}`);
    best = Math.min(best, performance.now() - start);
    cpu.wake();
  }
  const instructions = text.split(";").length * 10 * LOOPS;
  console.log(`${name.padEnd(22)} ${((best * 1e6) / instructions).toFixed(1).padStart(7)} ns`);
}
