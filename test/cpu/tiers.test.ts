/**
 * The tiers are the same processor: programs of all kinds end in the same state after the same number of instructions, whichever
 * tier executes them and however the run is cut into slices.
 */
import { describe, expect, it } from "vitest";
import type { Cpu, TierOptions } from "../../src/cpu/index.ts";
import { bareCpu, CODE, DATA, DEVICE, HANDLERS, load, STACK, setHandler } from "./bare-cpu.ts";

const tiers: Readonly<Record<string, TierOptions>> = {
  "tier 0": { tier: 0 },
  "tier 1": { tier: 1 },
  mixed: { tier: "mixed", hotThreshold: 5 },
};

interface Program {
  readonly text: string;
  readonly prepare?: (cpu: Cpu) => Promise<void>;
  /** Where an exception of this vector goes, by an address in the code. */
  readonly handlers?: Readonly<Record<number, number>>;
}

const programs: Readonly<Record<string, Program>> = {
  "loops of loads and stores of every size": {
    text: `mov rsi, ${DATA}; mov ecx, 300; l: mov [rsi+rcx*8], rcx; movzx eax, byte ptr [rsi+rcx*8]; add al, ah; mov [rsi+rcx], al;
      movsx rbx, word ptr [rsi+rcx*2]; sub bx, cx; mov [rsi+rcx*2+0x4000], bx; xchg bl, bh; xchg [rsi+rcx*4+0x8000], ebx;
      adc rdx, rbx; sbb edi, edx; mov ah, bl; dec ecx; jnz l; hlt`,
  },
  "every condition behind every kind of flags": {
    text: `mov ecx, 200; mov rbx, 0x123456789abcdef; l: imul rbx, rbx, 0x5851f42d; add rbx, rcx; xor r15d, r15d;
      ${[
        "cmp eax, ebx",
        "test bl, bh",
        "add eax, ebx",
        "sub bx, ax",
        "inc ebx",
        "dec al",
        "sbb rax, rbx",
        "neg eax",
        "shl ebx, 3",
        "sar eax, cl",
        "ror ebx, 5",
        "bt ebx, 7",
      ]
        .map(
          (op) =>
            `mov eax, ecx; ${op}; ${[
              "o",
              "b",
              "z",
              "be",
              "s",
              "p",
              "l",
              "le",
              "no",
              "ae",
              "nz",
              "a",
              "ns",
              "np",
              "ge",
              "g",
            ]
              .map((c) => `set${c} dl; rcl r15, 1; add r14b, dl; cmp eax, ebx; ${op}; j${c} $+6; xor r13d, r15d; nop`)
              .slice(0, 4)
              .join("; ")}`,
        )
        .join("; ")}; dec ecx; jnz l; hlt`.replace(/j(\w+) \$\+6; xor r13d, r15d; nop/g, "cmov$1 r13d, r15d"),
  },
  "calls, returns and indirect jumps across pages": {
    text: `mov ecx, 100; lea rbx, [rip+far]; l: call far; call rbx; push rcx; call far; pop rcx; lea rdx, [rip+back]; jmp rdx; nop;
      back: dec ecx; jnz l; hlt; .balign 4096; far: add rax, rcx; test cl, 1; jnz odd; ret; odd: add rax, 3; ret`,
  },
  "repeated string instructions over pages, both ways": {
    text: `mov ebp, 20; l: cld; mov rdi, ${DATA + 5}; mov eax, ebp; mov ecx, 9000; rep stosb; mov rsi, ${DATA + 1};
      mov rdi, ${DATA + 0x10003}; mov ecx, 3001; rep movsq; std; lea rsi, [rdi-7]; lea rdi, [rsi+0x5000]; mov ecx, 700; rep movsq; cld;
      mov rsi, ${DATA}; mov rdi, ${DATA + 0x10002}; mov ecx, 9000; rep cmpsb; mov rdi, ${DATA}; mov ecx, 9999; xor eax, eax;
      repne scasw; lodsb; add r8, rcx; dec ebp; jnz l; hlt`,
  },
  "accesses across pages and to a device": {
    text: `mov rbx, ${DATA + 0xffe}; mov rdx, ${DEVICE}; mov ecx, 60; l: mov [rbx], rcx; add rax, [rbx]; add [rbx], eax; mov eax, [rdx];
      add r8, rax; inc r9; mov [rdx+4], r9d; add rbx, 3; dec ecx; jnz l; hlt`,
  },
  "code that patches the block it is in": {
    text: `mov ecx, 50; l: lea rbx, [rip+place]; mov byte ptr [rbx+1], cl; mov al, 7; place: mov al, 0; add rdx, rax; dec ecx; jnz l; hlt`,
  },
  "a function patched with int3 and back": {
    text: `mov ecx, 40; lea rbx, [rip+f]; l: mov byte ptr [rbx], 0xcc; call f; mov byte ptr [rbx], 0x90; call f; call f; dec ecx; jnz l; hlt;
      .balign 4096; f: nop; inc rdx; ret; .balign 64; handler: inc r8; iretq`,
    handlers: { 3: CODE + 0x1040 },
  },
  "faults in a hot loop": {
    text: `mov ecx, 60; l: mov eax, ecx; and eax, 7; mov rbx, ${DATA}; cmp eax, 3; jne fine; mov rbx, 0x7000000000; fine: add r9, 1;
      mov [rsp-8], rcx; mov [rbx], ecx; add r10, 1; xor edx, edx; mov eax, ecx; mov esi, ecx; and esi, 3; div esi; add r11, rax;
      dec ecx; jnz l; hlt; .balign 4096; page: add rsp, 8; add r8, [rsp+8]; mov rbx, ${DATA}; iretq; .balign 64; divide: inc esi; add r12, rdx; iretq`,
    handlers: { 14: CODE + 0x1000, 0: CODE + 0x1040 },
  },
  "division, multiplication, bits, stack frames": {
    text: `mov r15d, 80; mov ecx, 80; mov r9, 0x9e3779b97f4a7c15; l: imul r9, r9, 77; mov rax, r9; mul rcx; add r10, rdx; mov rax, r9; cqo; mov rbx, rcx;
      idiv rbx; add r11, rdx; mov ax, cx; mov bl, 9; div bl; add r12, rax; bsf rax, r9; bsr rdx, r9; bts r13, rcx; bswap r9; enter 32, 0;
      mov [rbp-8], rax; pushfq; pop rax; and eax, 0x8d5; add r14, rax; lahf; sahf; leave; cmpxchg [rsp-64], rdx; xadd [rsp-64], ecx;
      mov ecx, [rsp-64]; and ecx, 127; or ecx, 8; dec r15d; jnz l; hlt`,
  },
  "floating point and vectors": {
    text: `mov ecx, 90; mov eax, 0x1fa0; mov [rsp-8], eax; ldmxcsr [rsp-8]; l: cvtsi2sd xmm0, ecx; sqrtsd xmm1, xmm0; addsd xmm2, xmm1; mulsd xmm2, xmm0;
      divsd xmm2, xmm1; movaps [rsp-64], xmm2; paddd xmm3, xmm2; pshufd xmm4, xmm3, 27; pxor xmm4, xmm2; movups xmm5, [rsp-63];
      cvttsd2si rax, xmm1; add r8, rax; comisd xmm1, xmm2; seta bl; add r9b, bl; fld1; fadd st(0), st(0); fstp qword ptr [rsp-32];
      dec ecx; jnz l; hlt`,
  },
  "time stamps, flags and system registers": {
    text: `mov ecx, 70; l: rdtsc; add r8, rax; cli; inc r9; sti; mov rax, cr3; inc r10; mov cr3, rax; add r11, 1; invlpg [rsp]; pushfq; popfq;
      mov rax, cr0; add r12, rax; cpuid; mov ecx, r13d; inc r13d; cmp r13d, 70; jne l; hlt`,
  },
};

async function prepared(program: Program, options: TierOptions): Promise<Cpu> {
  const seen: number[] = [];
  const cpu: Cpu = bareCpu(
    {
      readMmio: (address) => (address * 31 + cpu.time) >>> 0,
      writeMmio: (address, _size, value) => seen.push(address, value, cpu.time),
    },
    options,
  );
  await load(cpu, program.text);
  for (const [vector, address] of Object.entries(program.handlers ?? {})) setHandler(cpu, Number(vector), address);
  cpu.state.rsp = BigInt(STACK);
  return cpu;
}

/** Everything that the guest can see in the end. */
function outcome(cpu: Cpu): unknown {
  const data = Buffer.from(cpu.memory.read(DATA, 0x20_000));
  const stack = Buffer.from(cpu.memory.read(STACK - 0x1000, 0x1000));
  return {
    time: cpu.time,
    state: cpu.state.snapshot(),
    data: data.toString("base64"),
    stack: stack.toString("base64"),
  };
}

function run(cpu: Cpu, slice: number): void {
  for (let i = 0; i < 2_000_000; i++) {
    const stop = cpu.run(cpu.time + slice);
    if (stop.kind === "halted") return;
    if (stop.kind !== "time") throw new Error(`stopped: ${stop.kind}`);
  }
  throw new Error("does not come to its end");
}

describe.each(Object.entries(programs))("%s", (_, program) => {
  it("ends the same way at every tier, in slices too", async () => {
    const expected = await prepared(program, { tier: 0 });
    run(expected, 10_000_000);
    expect(expected.state.rip, "no handler was missing").toBeLessThan(BigInt(HANDLERS + 0x1_0000));
    for (const [name, options] of Object.entries(tiers))
      for (const slice of [10_000_000, 997, 10]) {
        const cpu = await prepared(program, options);
        run(cpu, slice);
        expect(outcome(cpu), `${name}, slices of ${slice}`).toEqual(outcome(expected));
        if (slice > 1000 && options.tier === 1) expect(cpu.compiledRegions, name).toBeGreaterThan(0);
      }
  });
});

describe("interrupts", () => {
  it.each(Object.entries(tiers))("arrive at the same instruction: %s", async (_, options) => {
    const text = `sti; mov ecx, 2000; l: add rax, rcx; mov [rsp-16], rax; add rbx, [rsp-16]; dec ecx; jnz l; cli; hlt`;
    const delivered = async (choice: TierOptions): Promise<string[]> => {
      const list: string[] = [];
      const cpu: Cpu = bareCpu({ acknowledgeInterrupt: () => 0x20 }, choice);
      await load(cpu, text);
      const handler = HANDLERS + 0x800;
      await load(cpu, "inc r8; iretq", handler);
      setHandler(cpu, 0x20, handler);
      cpu.onDelivery = ({ rip }) => {
        list.push(`${cpu.time} ${rip.toString(16)}`);
        cpu.setInterruptLine(false);
      };
      while (!cpu.isHalted) {
        cpu.run(cpu.time + 137);
        cpu.setInterruptLine(true);
      }
      return list;
    };
    expect(await delivered(options)).toEqual(await delivered({ tier: 0 }));
  });
});
