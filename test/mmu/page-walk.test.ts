import { describe, expect, it } from "vitest";
import { createMemory } from "../../src/mmu/memory-layout.ts";
import { PageFault, PageWalk, type PagingMode } from "../../src/mmu/page-walk.ts";
import { PhysicalMemory } from "../../src/mmu/physical-memory.ts";

const RAM_BYTES = 2 ** 20;

function machine(levels: PagingMode["levels"] = 4) {
  const host = createMemory(RAM_BYTES);
  const memory = new PhysicalMemory(RAM_BYTES, host);
  const walk = new PageWalk(host, RAM_BYTES);
  const mode: PagingMode = {
    levels,
    root: 0x1000,
    writeProtect: true,
    noExecute: true,
    smep: false,
    smap: false,
    largePages: true,
  };
  return { memory, walk, mode };
}

/** Long mode: 0x1000 -> 0x2000 -> 0x3000 -> 0x4000, one page at virtual 0x5000. */
function long(entry: bigint) {
  const m = machine();
  m.memory.writeUint64(0x1000, 0x2007n);
  m.memory.writeUint64(0x2000, 0x3007n);
  m.memory.writeUint64(0x3000, 0x4007n);
  m.memory.writeUint64(0x4000 + 5 * 8, entry);
  return m;
}

describe("page walk", () => {
  it("translates, and sets accessed and dirty bits", () => {
    const { memory, walk, mode } = long(0x8_0003n);
    expect(walk.walk(0x5123, 0, mode, false, false, false)).toBe(true);
    expect(walk.page).toBe(0x8_0000);
    expect(walk.writable).toBe(false);
    expect(memory.readUint64(0x4028)).toBe(0x8_0023n);
    expect(memory.readUint64(0x1000)).toBe(0x2027n);
    expect(walk.walk(0x5123, 0, mode, true, false, false)).toBe(true);
    expect(walk.writable).toBe(true);
    expect(memory.readUint64(0x4028)).toBe(0x8_0063n);
  });

  it.each([
    ["not present", 0x8_0002n, {}, 0],
    ["user access to a supervisor page", 0x8_0003n, { user: true }, PageFault.present | PageFault.user],
    ["write to a read-only page", 0x8_0005n, { write: true }, PageFault.present | PageFault.write],
    ["fetch from a no-execute page", (1n << 63n) | 0x8_0003n, { fetch: true }, PageFault.present | PageFault.fetch],
    ["reserved bit", (1n << 45n) | 0x8_0003n, {}, PageFault.present | PageFault.reserved],
  ] as const)("faults: %s", (_name, entry, access: { user?: boolean; write?: boolean; fetch?: boolean }, code) => {
    const { memory, walk, mode } = long(entry);
    expect(walk.walk(0x5000, 0, mode, access.write ?? false, access.user ?? false, access.fetch ?? false)).toBe(false);
    expect(walk.errorCode).toBe(code);
    expect(memory.readUint64(0x4028)).toBe(entry);
  });

  it("lets the supervisor write to read-only pages while CR0.WP is clear", () => {
    const { walk, mode } = long(0x8_0001n);
    mode.writeProtect = false;
    expect(walk.walk(0x5000, 0, mode, true, false, false)).toBe(true);
    expect(walk.walk(0x5000, 0, mode, true, true, false)).toBe(false);
  });

  it("refuses supervisor fetches from user pages under SMEP", () => {
    const { walk, mode } = long(0x8_0007n);
    mode.smep = true;
    expect(walk.walk(0x5000, 0, mode, false, false, true)).toBe(false);
    expect(walk.walk(0x5000, 0, mode, false, true, true)).toBe(true);
  });

  it("knows 2 MiB and 1 GiB pages", () => {
    const { memory, walk, mode } = long(0n);
    memory.writeUint64(0x3000 + 8, 0x60_0083n);
    expect(walk.walk(0x23_4567, 0, mode, false, false, false)).toBe(true);
    expect(walk.page).toBe(0x63_4000);
    expect(walk.large).toBe(true);
    memory.writeUint64(0x2000 + 8, 0x8000_0083n);
    expect(walk.walk(0x4123_4567, 0, mode, false, false, false)).toBe(true);
    expect(walk.page).toBe(0x8123_4000);
  });

  it("knows legacy and PAE paging", () => {
    const legacy = machine(2);
    legacy.memory.writeUint(0x1000, 4, 0x2007);
    legacy.memory.writeUint(0x2000 + 5 * 4, 4, 0x9007);
    expect(legacy.walk.walk(0x5678, 0, legacy.mode, true, true, false)).toBe(true);
    expect(legacy.walk.page).toBe(0x9000);
    const pae = machine(3);
    pae.memory.writeUint64(0x1000, 0x2001n);
    pae.memory.writeUint64(0x2000, 0x4007n);
    pae.memory.writeUint64(0x4000 + 5 * 8, 0x9007n);
    expect(pae.walk.walk(0x5678, 0, pae.mode, true, true, false)).toBe(true);
    expect(pae.walk.page).toBe(0x9000);
  });
});

describe("physical memory", () => {
  it("reads and writes little-endian and refuses what is outside", () => {
    const { memory } = machine();
    memory.writeUint(0x100, 4, 0x1234_5678);
    expect([...memory.read(0x100, 4)]).toEqual([0x78, 0x56, 0x34, 0x12]);
    expect(memory.readUint(0x101, 2)).toBe(0x3456);
    expect(() => memory.read(RAM_BYTES - 1, 2)).toThrow(RangeError);
    expect(() => memory.writeUint64(-1, 0n)).toThrow(/outside RAM/);
  });

  it("tells its listener what was written", () => {
    const { memory } = machine();
    const seen: [number, number][] = [];
    memory.writeListener = (address, length) => seen.push([address, length]);
    memory.write(5, Uint8Array.of(1, 2, 3));
    memory.writeUint64(16, 1n);
    expect(seen).toEqual([
      [5, 3],
      [16, 8],
    ]);
  });
});
