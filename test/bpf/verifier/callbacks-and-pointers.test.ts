/** What random programs with type information brought to light; verdicts and words are those of Linux 6.1. */
import { describe, expect, it } from "vitest";
import { assemble } from "../../../src/bpf/assembler.ts";
import { Btf } from "../../../src/bpf/btf.ts";
import { kernelPointers } from "../../../src/bpf/btf-validation/map-types.ts";
import { type MapDescriptor, type ProgramToVerify, verify } from "../../../src/bpf/verifier/index.ts";
import { BtfWriter } from "../btf-writer.ts";

const RAW_TRACEPOINT = 17;

const writer = new BtfWriter();
const int = writer.int("int", 4);
const task = writer.struct("task_struct", 16, [{ name: "flags", type: int, offset: 0 }]);
const pointers = writer.struct("pointers", 16, [
  { name: "task", type: writer.pointer(writer.type("type_tag", "kptr", task)), offset: 0 },
  { name: "number", type: writer.int("long", 8), offset: 8 },
]);
const prototype = writer.prototype(int, []);
const functions = [writer.func("main", prototype, 1), writer.func("s", prototype, 0), writer.func("g", prototype, 1)];
const btf = new Btf(writer.bytes());

const map = (fd: number, more: Partial<MapDescriptor>): MapDescriptor => ({
  ...{ id: fd, type: 2, keySize: 4, valueSize: 16, maxEntries: 1, flags: 0 },
  ...more,
});

function check(text: string, starts: readonly [start: number, type: number][], more: Partial<ProgramToVerify> = {}) {
  const records = new Uint8Array(Uint32Array.from(starts.flat()).buffer);
  const result = verify({
    type: RAW_TRACEPOINT,
    instructions: assemble(text),
    gplCompatible: true,
    kernelTypes: btf,
    typeInfo: {
      btf,
      functions: { count: starts.length, recordSize: 8, bytes: records },
      lines: { count: 0, recordSize: 0, bytes: new Uint8Array(0) },
    },
    ...more,
  });
  return { errno: result.errno, reason: result.log.trimEnd().split("\n").at(-2) };
}

const LOOP = `r1 = 3
r2 = func[pc+6]
r3 = 0
r4 = 0
call 181
r0 = 0
exit
r0 = 0
exit`;

describe("verifier: callbacks", () => {
  it("are static functions of the program, not its main one", () => {
    expect(
      check(LOOP, [
        [0, functions[0]],
        [8, functions[1]],
      ]).errno,
    ).toBe(0);
    expect(
      check(LOOP, [
        [0, functions[0]],
        [8, functions[2]],
      ]),
    ).toEqual({
      errno: 22,
      reason: "callback function not static",
    });
    expect(check("r2 = func[pc-1]\nr0 = 0\nexit", [[0, functions[1]]])).toEqual({
      errno: 22,
      reason: "callback function cannot be the main program",
    });
  });
});

describe("verifier: memory that helpers write", () => {
  it("is not a map's that programs only read, whether the size is known or not", () => {
    const readOnly = map(3, { flags: 128 });
    const text = (size: string): string =>
      `r6 = r1\nr1 = map[fd:3][0]+0\nr2 = ${size === "8" ? "8" : "*(u64 *)(r6 +0)\nr2 &= 7"}\nr3 = 0\ncall 113\nr0 = 0\nexit`;
    for (const size of ["8", "unknown"]) {
      expect(check(text(size), [[0, functions[0]]], { mapByFd: () => readOnly })).toMatchObject({
        errno: 13,
        reason: expect.stringMatching(/^write into map forbidden, value_size=16 off=0 size=/),
      });
    }
  });
});

describe("verifier: pointers to the kernel's structures in maps", () => {
  const found = kernelPointers(btf, pointers, btf);
  const mapByFd = (): MapDescriptor => map(3, { kernelPointers: found });
  const ask = (text: string) => check(`r1 = map[fd:3][0]+0\n${text}\nr0 = 0\nexit`, [[0, functions[0]]], { mapByFd });

  it("are found by their tag", () => {
    expect(found).toMatchObject([{ offset: 0, structure: { name: "task_struct" }, referenced: false }]);
  });

  it.each([
    ["r2 = *(u64 *)(r1 +0)\n*(u64 *)(r1 +0) = r2", 0, undefined],
    ["*(u64 *)(r1 +8) = r1", 0, undefined],
    ["*(u64 *)(r1 +0) = 1", 13, "BPF_ST imm must be 0 when storing to kptr at off=0"],
    ["r2 = *(u32 *)(r1 +0)", 13, "kptr access size must be BPF_DW"],
    ["r2 = *(u32 *)(r1 +4)", 13, "kptr access misaligned expected=0 off=4"],
    [
      "r2 = 1\n*(u64 *)(r1 +0) = r2",
      13,
      "invalid kptr access, R2 type=scalar expected=ptr_task_struct or untrusted_ptr_task_struct",
    ],
    ["r2 = 8\nr3 = 0\ncall 113", 13, "kptr cannot be accessed indirectly by helper"],
  ])("%s", (text, errno, reason) => {
    const result = ask(text);
    expect(result.errno).toBe(errno);
    if (reason !== undefined) expect(result.reason).toBe(reason);
  });
});
