/** BPF object files as clang makes them. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { disassemble } from "../../src/bpf/disassembler.ts";
import { type BpfObject, BpfObjectError, readBpfObject } from "../../src/bpf/elf.ts";

const SOURCE = `
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) __typeof__(val) *name
struct key { int pid; char comm[16]; };
struct { __uint(type, 1); __uint(max_entries, 64); __type(key, struct key); __type(value, unsigned long); } counts SEC(".maps");
struct { __uint(type, 2); __uint(max_entries, 4); __uint(key_size, 4); __uint(value_size, 24); __uint(map_flags, 8); } slots SEC(".maps");
static void *(*map_lookup)(void *, const void *) = (void *)1;
const volatile int wanted = 7;
int total;
long started = 5;
static __attribute__((noinline)) int twice(int x) { return x * 2 + total; }
__attribute__((noinline)) int thrice(int x) { return twice(x) + x + wanted; }
SEC("kprobe/open_ctree") int first(void *ctx) { struct key k; __builtin_memset(&k, 0, sizeof(k)); total++; return map_lookup(&counts, &k) ? thrice(total) : started; }
SEC("kprobe/open_ctree") int second(void *ctx) { int k = 2; return map_lookup(&slots, &k) == 0; }
char _license[] SEC("license") = "GPL";
unsigned int _version SEC("version") = 0x60100;
`;

const directory = mkdtempSync(join(tmpdir(), "enomem-bpf-elf-"));
afterAll(() => rmSync(directory, { recursive: true }));

function compile(source: string, ...options: string[]): Uint8Array | undefined {
  const file = join(directory, "program.o");
  writeFileSync(join(directory, "program.c"), source);
  const clang = spawnSync("clang", [
    ...["-target", "bpf", "-O2", "-g", ...options, "-c", join(directory, "program.c"), "-o", file],
  ]);
  return clang.status === 0 ? new Uint8Array(readFileSync(file)) : undefined;
}

const bytes = compile(SOURCE);
if (bytes === undefined) console.log("bpf/elf: no clang with the BPF target, object files are not tested");
const object: BpfObject | undefined = bytes && readBpfObject(bytes);

const texts = (name: string): string[] => {
  const program = object?.programs.find((candidate) => candidate.name === name)?.instructions ?? [];
  return program.map((_, slot) => disassemble(program, slot));
};

describe.skipIf(bytes === undefined)("BPF object files", () => {
  it("licence, version, programs by section", () => {
    expect(object?.license).toBe("GPL");
    expect(object?.version).toBe(0x60100);
    expect(object?.programs.map(({ name, section }) => [name, section])).toEqual([
      ["first", "kprobe/open_ctree"],
      ["second", "kprobe/open_ctree"],
    ]);
  });

  it("maps of .maps, and global variables as maps", () => {
    const maps = Object.fromEntries((object?.maps ?? []).map((map) => [map.name, map]));
    expect(maps.counts).toEqual({ name: "counts", type: 1, keySize: 20, valueSize: 8, maxEntries: 64, flags: 0 });
    expect(maps.slots).toEqual({ name: "slots", type: 2, keySize: 4, valueSize: 24, maxEntries: 4, flags: 8 });
    expect(maps[".rodata"]).toMatchObject({ type: 2, maxEntries: 1, valueSize: 4, flags: 0x80 });
    expect([...(maps[".rodata"].initial ?? [])]).toEqual([7, 0, 0, 0]);
    expect([...(maps[".data"].initial ?? [])]).toEqual([5, 0, 0, 0, 0, 0, 0, 0]);
    expect(maps[".bss"]).toMatchObject({ valueSize: 4, flags: 0 });
  });

  it("a program brings the functions that it calls, each once", () => {
    const calls = texts("first").filter((text) => text.startsWith("call pc"));
    expect(calls).toHaveLength(2);
    expect(texts("first").filter((text) => text === "exit")).toHaveLength(3);
    expect(texts("second").filter((text) => text === "exit")).toHaveLength(1);
  });

  it("references to maps and variables", () => {
    const names = object?.maps.map(({ name }) => name) ?? [];
    expect(texts("second").some((text) => text.endsWith(`= map[idx:${names.indexOf("slots")}]`))).toBe(true);
    expect(texts("first").some((text) => text.includes(`= map[idx:${names.indexOf(".bss")}]+0`))).toBe(true);
    expect(texts("first").some((text) => text.includes(`= map[idx:${names.indexOf(".rodata")}]+0`))).toBe(true);
  });

  it("BTF: types by name, sizes, fields, C", () => {
    const btf = object?.btf;
    if (btf === undefined) throw new Error("no BTF");
    const key = btf.find("key", "struct");
    if (key === undefined) throw new Error("no struct key");
    expect(btf.size(key.id)).toBe(20);
    expect(btf.field(key.id, "comm").bitOffset).toBe(32);
    expect(btf.field(key.id, "comm[3]").bitOffset).toBe(56);
    expect(btf.toC(btf.find("first", "func")?.id ?? 0)).toBe("int first(void *ctx)");
    expect(() => btf.field(key.id, "nothing")).toThrow("struct key has no field nothing");
  });

  it("old-style maps sections", () => {
    const old = compile(`
      struct def { unsigned type, key, value, entries, flags; };
      struct def __attribute__((section("maps"), used)) hash = { 1, 4, 8, 100, 1 };
      __attribute__((section("socket"), used)) int f(void *c) { return ((long (*)(void *, void *))1)(&hash, c); }`);
    expect(readBpfObject(old ?? new Uint8Array(0)).maps).toEqual([
      { name: "hash", type: 1, keySize: 4, valueSize: 8, maxEntries: 100, flags: 1 },
    ]);
  });

  it("refuses what is no BPF object, and never crashes on damage", () => {
    expect(() => readBpfObject(new Uint8Array(10))).toThrow("not an ELF file");
    const other = (bytes ?? new Uint8Array(0)).slice();
    other[18] = 62;
    other[19] = 0;
    expect(() => readBpfObject(other)).toThrow("made for machine 62, not for BPF (247)");
    expect(() => readBpfObject((bytes ?? new Uint8Array(0)).slice(0, 500))).toThrow(BpfObjectError);
  });
});
