/** Generated x86-64 code does what the reference interpreter does: on the processor of this machine, through a small C program. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import * as isa from "../../src/bpf/isa.ts";
import { CodeGenerationError, compile, type KernelLayout } from "../../src/bpf/x86-64/code-generator.ts";
import { CONTEXT_SIZE, randomContext, randomProgram } from "./random-program.ts";
import { CONTEXT, type Outcome, runReference } from "./reference.ts";

const CODE = 0x10000000n;
const layout: KernelLayout = { mapMaxEntries: 24, arrayPointers: 256, progFunction: 40 };
const helperAddress = (id: number): bigint => 0x0fff0000n + 16n * BigInt(id);

const directory = mkdtempSync(join(tmpdir(), "enomem-bpf-"));
afterAll(() => rmSync(directory, { recursive: true }));

function buildRunner(): string | undefined {
  if (process.arch !== "x64" || process.platform !== "linux") return undefined;
  const runner = join(directory, "native-runner");
  const source = new URL("./native-runner.c", import.meta.url).pathname;
  const built = spawnSync("gcc", ["-O1", "-o", runner, source]);
  return built.status === 0 ? runner : undefined;
}

const runner = buildRunner();
if (runner === undefined) console.log("bpf/code-generator: no gcc for x86-64 Linux, the native comparison is skipped");

/** Runs programs on this processor. */
function native(
  command: string,
  cases: readonly { program: readonly isa.Instruction[]; context: Uint8Array }[],
): Outcome[] {
  const chunks: Uint8Array[] = [];
  for (const { program, context } of cases) {
    const code = compile({ instructions: program, helperAddress, layout }).bind(CODE);
    chunks.push(new Uint8Array(Uint32Array.of(code.length).buffer), code, context);
  }
  const output = execFileSync(command, { input: Buffer.concat(chunks), maxBuffer: 1 << 28, timeout: 60_000 });
  const record = 8 + CONTEXT_SIZE;
  return cases.map((_, index) => {
    const at = output.subarray(index * record, (index + 1) * record);
    return { r0: at.readBigUInt64LE(0), context: new Uint8Array(at.subarray(8)) };
  });
}

const exit = isa.instruction(isa.BPF_JMP | isa.BPF_EXIT);

describe("generated x86-64 code", () => {
  it.skipIf(runner === undefined)("random programs: result and memory are the interpreter's", () => {
    const cases = Array.from({ length: 600 }, (_, seed) => ({
      program: randomProgram(seed + 1, seed % 40 === 0 ? 400 : 60),
      context: randomContext(seed),
    }));
    const outcomes = native(runner ?? "", cases);
    for (const [index, { program, context }] of cases.entries()) {
      expect({ seed: index + 1, ...outcomes[index] }).toEqual({ seed: index + 1, ...runReference(program, context) });
    }
  });

  it.skipIf(runner === undefined)("every operation on every pair of registers", () => {
    const operations = [isa.BPF_DIV, isa.BPF_MOD, isa.BPF_LSH, isa.BPF_RSH, isa.BPF_ARSH, isa.BPF_MUL, isa.BPF_SUB];
    const cases: { program: isa.Instruction[]; context: Uint8Array }[] = [];
    const all = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    for (const cls of [isa.BPF_ALU, isa.BPF_ALU64]) {
      for (const operation of operations) {
        for (const dst of all) {
          for (const src of all) {
            const program: isa.Instruction[] = [];
            for (const register of all)
              program.push(...isa.ldImm64(register, 0, 0xfedcba9876543210n * BigInt(register + 3)));
            program.push(...isa.ldImm64(src, 0, src % 3 === 0 ? 0n : 0x1_0000_0007n));
            program.push(isa.instruction(cls | operation | isa.BPF_X, dst, src));
            for (const register of all.slice(1)) {
              program.push(isa.instruction(isa.BPF_ALU64 | isa.BPF_MUL | isa.BPF_K, 0, 0, 0, 31));
              program.push(isa.instruction(isa.BPF_ALU64 | isa.BPF_XOR | isa.BPF_X, 0, register));
            }
            cases.push({ program: [...program, exit], context: new Uint8Array(CONTEXT_SIZE) });
          }
        }
      }
    }
    const outcomes = native(runner ?? "", cases);
    for (const [index, { program, context }] of cases.entries()) {
      expect({ index, r0: outcomes[index].r0 }).toEqual({ index, r0: runReference(program, context).r0 });
    }
  });

  it("has Linux's prologue and epilogue", () => {
    const program = [isa.instruction(isa.BPF_ALU64 | isa.BPF_MOV | isa.BPF_K, 0, 0, 0, -12), exit];
    const code = compile({ instructions: program, stackDepths: [0], helperAddress, layout }).bind(CODE);
    expect(Buffer.from(code).toString("hex")).toBe("0f1f4400006690554889e548c7c0f4ffffffc9c3");
  });

  it("a tail call counts, checks the index, and enters behind the prologue", () => {
    const program = [isa.instruction(isa.BPF_JMP | isa.BPF_CALL, 0, 0, 0, 12), exit];
    const code = compile({ instructions: program, stackDepths: [8], helperAddress, layout }).bind(CODE);
    expect(Buffer.from(code).toString("hex")).toBe(
      "0f1f44000031c0554889e54881ec0800000050" + // xor eax, eax; sub rsp, 8; push rax
        "89d2395618762d" + // mov edx, edx; cmp [rsi+24], edx; jbe
        "8b45f083f8217325" + // mov eax, [rbp-16]; cmp eax, 33; jae
        "83c0018945f0488b8cd6000100004885c97412" + // add eax, 1; store; mov rcx, [rsi+rdx*8+256]; test; je
        "584881c408000000488b49284883c10bffe1" +
        "c9c3",
    );
  });

  it.skipIf(runner === undefined)("tail calls stop after 33, also when made by a subprogram", () => {
    const tail: KernelLayout = { mapMaxEntries: 24, arrayPointers: 64, progFunction: 40 };
    const context = new Uint8Array(CONTEXT_SIZE);
    const view = new DataView(context.buffer);
    view.setUint32(24, 1, true);
    view.setBigUint64(64, CONTEXT + 128n, true);
    view.setBigUint64(128 + 40, CODE, true);
    const count = [
      isa.instruction(isa.BPF_ALU64 | isa.BPF_MOV | isa.BPF_X, 6, 1),
      isa.instruction(isa.BPF_LDX | isa.BPF_MEM | isa.BPF_DW, 7, 1, 200),
      isa.instruction(isa.BPF_ALU64 | isa.BPF_ADD | isa.BPF_K, 7, 0, 0, 1),
      isa.instruction(isa.BPF_STX | isa.BPF_MEM | isa.BPF_DW, 1, 7, 200),
    ];
    const jump = [
      isa.instruction(isa.BPF_ALU64 | isa.BPF_MOV | isa.BPF_X, 2, 1),
      isa.instruction(isa.BPF_ALU64 | isa.BPF_MOV | isa.BPF_K, 3, 0, 0, 0),
      isa.instruction(isa.BPF_JMP | isa.BPF_CALL, 0, 0, 0, 12),
      isa.instruction(isa.BPF_LDX | isa.BPF_MEM | isa.BPF_DW, 0, 6, 200),
      exit,
    ];
    const call = isa.instruction(isa.BPF_JMP | isa.BPF_CALL, 0, isa.BPF_PSEUDO_CALL, 0, 1);
    const keep = isa.instruction(isa.BPF_ALU64 | isa.BPF_MOV | isa.BPF_X, 6, 1);
    for (const program of [
      [...count, ...jump],
      [...count, call, exit, keep, ...jump],
    ]) {
      const code = compile({ instructions: program, helperAddress, layout: tail }).bind(CODE);
      const input = Buffer.concat([new Uint8Array(Uint32Array.of(code.length).buffer), code, context]);
      const output = execFileSync(runner ?? "", { input, timeout: 60_000 });
      expect(output.readBigUInt64LE(0)).toBe(34n);
    }
  });

  it("refuses what is not resolved, and helpers out of reach", () => {
    const load = [...isa.ldImm64(1, isa.BPF_PSEUDO_MAP_FD, 3n), exit];
    expect(() => compile({ instructions: load, helperAddress, layout })).toThrow("insn 0: unresolved pseudo load 1");
    const call = [isa.instruction(isa.BPF_JMP | isa.BPF_CALL, 0, 0, 0, 3), exit];
    expect(() => compile({ instructions: call, helperAddress, layout }).bind(0x7f0000000000n)).toThrow(
      CodeGenerationError,
    );
  });
});
