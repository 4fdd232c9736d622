/**
 * How fast the execution tier runs small loops: millions of guest instructions a second, the best of several runs. Not a test.
 *
 *     npx tsx test/cpu/speed.ts [0 | 1 | mixed]
 */
import { bareCpu, CODE, DATA, load } from "./bare-cpu.ts";

const programs: Readonly<Record<string, string>> = {
  "load, add, store": `mov rsi, ${DATA}; lea rdi, [rsi+0x100000]; mov ebx, 100; outer: xor ecx, ecx;
    again: mov rdx, [rsi+rcx*8]; add rax, rdx; mov [rdi+rcx*8], rax; add rcx, 1; cmp rcx, 10000; jl again; dec ebx; jnz outer; hlt`,
  "recursive fib": `mov edi, 26; call fib; hlt; fib: cmp rdi, 2; jge more; mov rax, rdi; ret;
    more: push rbx; push rdi; sub rdi, 1; call fib; mov rbx, rax; pop rdi; sub rdi, 2; call fib; add rax, rbx; pop rbx; ret`,
  "bubble sort": `mov rsi, ${DATA}; mov ecx, 500; fill: imul rdx, rcx, 7919; and rdx, 1023; mov [rsi+rcx*8], rdx; loop fill;
    xor r8d, r8d; outer: xor ecx, ecx; inner: mov rax, [rsi+rcx*8]; mov rdx, [rsi+rcx*8+8]; cmp rax, rdx; jle skip;
    mov [rsi+rcx*8], rdx; mov [rsi+rcx*8+8], rax; skip: add rcx, 1; cmp rcx, 500; jl inner; add r8, 1; cmp r8, 500; jl outer; hlt`,
  "32-bit arithmetic": `mov ecx, 1000000; again: lea eax, [rax+rcx*2+7]; xor eax, ecx; rol eax, 5; imul eax, eax, 0x9e3779b1;
    dec ecx; jnz again; hlt`,
  "system call": `mov ecx, 1; mov eax, 0x80; mov r14d, 100000; lea r15, [rip+entry]; again: int 0x80; dec r14d; jnz again; hlt;
    entry: iretq`,
};

const argument = process.argv[2] ?? "mixed";
const tier = argument === "0" ? 0 : argument === "1" ? 1 : "mixed";
for (const [name, text] of Object.entries(programs)) {
  const cpu = bareCpu({}, { tier });
  await load(cpu, text);
  if (name === "system call") {
    const { setHandler } = await import("./bare-cpu.ts");
    const offset = cpu.memory.read(CODE, 100).lastIndexOf(0x48);
    setHandler(cpu, 0x80, CODE + offset);
  }
  let best = 0;
  let retired = 0;
  for (let i = 0; i < 5; i++) {
    cpu.state.rip = BigInt(CODE);
    const before = cpu.retired;
    const start = performance.now();
    const stop = cpu.run(cpu.time + 1_000_000_000);
    if (stop.kind !== "halted") throw new Error(`${name}: ${stop.kind}`);
    retired = cpu.retired - before;
    best = Math.max(best, retired / (performance.now() - start) / 1000);
    cpu.wake();
  }
  console.log(`${name.padEnd(20)} ${best.toFixed(1).padStart(7)} M instr/s  (${retired} instructions)`);
}
