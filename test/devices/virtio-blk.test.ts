import { beforeEach, describe, expect, it } from "vitest";
import { VirtioBlock } from "../../src/devices/virtio-blk.ts";
import { VirtioMmio } from "../../src/devices/virtio-mmio.ts";
import { Disk } from "../../src/machine/disk.ts";
import { randomNumbers, TestClock, TestMemory, Wire } from "./device-bench.ts";

// A driver in miniature: queue of 8, descriptors at DESC, rings after it.
const SIZE = 8;
const DESC = 0x1000;
const AVAIL = 0x2000;
const USED = 0x3000;
const HEADER = 0x4000;
const DATA = 0x5000;
const STATUS_BYTE = 0x8000;
const TABLE = 0x9000;
const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;

let memory: TestMemory;
let clock: TestClock;
let wire: Wire;
let mmio: VirtioMmio;
let available: number;

const reg = (offset: number) => mmio.readMmio(offset, 4);
const set = (offset: number, value: number) => mmio.writeMmio(offset, 4, value);

function descriptor(table: number, index: number, address: number, length: number, flags: number, next = 0): void {
  memory.writeUint64(table + 16 * index, BigInt(address));
  memory.writeUint(table + 16 * index + 8, 4, length);
  memory.writeUint(table + 16 * index + 12, 2, flags);
  memory.writeUint(table + 16 * index + 14, 2, next);
}

/** Negotiates; `features` are the low 32 bits beside VERSION_1. */
function start(features = 0): void {
  set(0x70, 0);
  set(0x70, 1);
  set(0x70, 3);
  set(0x24, 0);
  set(0x20, features);
  set(0x24, 1);
  set(0x20, 1);
  set(0x70, 0xb);
  expect(reg(0x70)).toBe(0xb);
  set(0x30, 0);
  set(0x38, SIZE);
  set(0x80, DESC);
  set(0x90, AVAIL);
  set(0xa0, USED);
  set(0x44, 1);
  set(0x70, 0xf);
  available = 0;
}

function header(type: number, sector: number): void {
  memory.writeUint(HEADER, 4, type);
  memory.writeUint(HEADER + 4, 4, 0);
  memory.writeUint64(HEADER + 8, BigInt(sector));
  memory.writeUint(STATUS_BYTE, 1, 0xff);
}

function submit(head: number): void {
  memory.writeUint(AVAIL + 4 + 2 * (available % SIZE), 2, head);
  available++;
  memory.writeUint(AVAIL + 2, 2, available);
  set(0x50, 0);
}

function request(type: number, sector: number, length: number, table = DESC): void {
  header(type, sector);
  descriptor(table, 0, HEADER, 16, NEXT, 1);
  descriptor(table, 1, DATA, length, NEXT | (type === 1 ? 0 : WRITE), 2);
  descriptor(table, 2, STATUS_BYTE, 1, WRITE);
}

beforeEach(async () => {
  memory = new TestMemory(0x20000);
  clock = new TestClock();
  wire = new Wire();
  const bytes = new Uint8Array(64 * 512);
  for (let i = 0; i < bytes.length; i++) bytes[i] = i / 512 + 1;
  const storage = await Disk.fromBytes(bytes);
  mmio = new VirtioMmio({ device: new VirtioBlock({ storage, memory, clock }), memory, line: wire.line });
});

describe("virtio-mmio", () => {
  it("identifies itself", () => {
    expect([reg(0), reg(4), reg(8), reg(12)]).toEqual([0x7472_6976, 2, 2, 0x554d_4551]);
    expect(new VirtioMmio({ memory, line: wire.line }).readMmio(8, 4)).toBe(0);
  });

  it("shows the capacity in sectors", () => {
    expect(reg(0x100)).toBe(64);
    expect(mmio.readMmio(0x100, 1)).toBe(64);
  });

  it("refuses FEATURES_OK without VERSION_1, and for features that it did not offer", () => {
    set(0x14, 1);
    expect(reg(0x10)).toBe(1);
    set(0x70, 3);
    set(0x24, 0);
    set(0x20, 0);
    set(0x70, 0xb);
    expect(reg(0x70)).toBe(3);
    set(0x24, 1);
    set(0x20, 1);
    set(0x24, 0);
    set(0x20, 1 << 5); // read-only, which this disk is not
    set(0x70, 0xb);
    expect(reg(0x70)).toBe(3);
    set(0x20, 0);
    set(0x70, 0xb);
    expect(reg(0x70)).toBe(0xb);
  });

  it("fixes queue addresses while the queue is ready", () => {
    start();
    set(0x80, 0x7777);
    set(0x44, 0);
    expect(reg(0x44)).toBe(0);
  });

  it("forgets everything at reset", () => {
    start();
    set(0x70, 0);
    expect([reg(0x70), reg(0x44), reg(0x60)]).toEqual([0, 0, 0]);
  });
});

describe("virtio-blk", () => {
  it("reads sectors after some time, interrupts, and lowers the line when acknowledged", () => {
    start();
    request(0, 3, 1024);
    submit(0);
    expect(memory.readUint(STATUS_BYTE, 1)).toBe(0xff);
    expect(wire.level).toBe(false);
    clock.advance(100_000);
    expect(memory.readUint(STATUS_BYTE, 1)).toBe(0);
    expect(memory.bytes[DATA]).toBe(4);
    expect(memory.bytes[DATA + 512]).toBe(5);
    expect(memory.readUint(USED + 2, 2)).toBe(1);
    expect(memory.readUint(USED + 8, 4)).toBe(1025);
    expect(wire.level).toBe(true);
    expect(reg(0x60)).toBe(1);
    set(0x64, 1);
    expect(wire.level).toBe(false);
  });

  it("writes sectors, and reads them back", () => {
    start();
    request(1, 10, 512);
    memory.bytes.fill(0xab, DATA, DATA + 512);
    submit(0);
    clock.advance(100_000);
    expect(memory.readUint(STATUS_BYTE, 1)).toBe(0);
    memory.bytes.fill(0, DATA, DATA + 512);
    request(0, 10, 512);
    submit(0);
    clock.advance(100_000);
    expect(memory.bytes[DATA + 511]).toBe(0xab);
  });

  it("takes indirect descriptors when they were negotiated", () => {
    start(1 << 28);
    request(0, 0, 512, TABLE);
    descriptor(DESC, 5, TABLE, 48, INDIRECT);
    submit(5);
    clock.advance(100_000);
    expect(memory.readUint(STATUS_BYTE, 1)).toBe(0);
    expect(memory.readUint(USED + 4, 4)).toBe(5);
    expect(memory.bytes[DATA]).toBe(1);
  });

  it("interrupts by event index when it was negotiated", () => {
    start(1 << 29);
    memory.writeUint(AVAIL + 4 + 2 * SIZE, 2, 1); // interrupt after the second
    request(0, 0, 512);
    submit(0);
    clock.advance(100_000);
    expect(memory.readUint(USED + 4 + 8 * SIZE, 2)).toBe(1);
    expect(wire.level).toBe(false);
    submit(0);
    clock.advance(100_000);
    expect(wire.level).toBe(true);
  });

  it("leaves the driver alone when it asked for no interrupts", () => {
    start();
    memory.writeUint(AVAIL, 2, 1);
    request(0, 0, 512);
    submit(0);
    clock.advance(100_000);
    expect(memory.readUint(USED + 2, 2)).toBe(1);
    expect(wire.level).toBe(false);
  });

  it.each([
    ["beyond the end", 0, 63, 1024, 1],
    ["at a huge sector", 0, Number.MAX_SAFE_INTEGER, 512, 1],
    ["of part of a sector", 0, 0, 100, 1],
    ["of an unknown type", 77, 0, 512, 2],
    ["flush", 4, 0, 512, 0],
  ])("answers a request %s with its status", (_what, type, sector, length, status) => {
    start();
    request(type, sector, length);
    submit(0);
    clock.advance(100_000);
    expect(memory.readUint(STATUS_BYTE, 1)).toBe(status);
  });

  const NEEDS_RESET = 0x40;
  it.each([
    ["a buffer outside RAM", () => descriptor(DESC, 1, 0xffff_f000, 512, NEXT | WRITE, 2)],
    ["a buffer that wraps", () => memory.writeUint64(DESC + 16, 0xffff_ffff_ffff_ff00n)],
    ["a chain that loops", () => descriptor(DESC, 1, DATA, 512, NEXT | WRITE, 1)],
    ["a chain out of the table", () => descriptor(DESC, 1, DATA, 512, NEXT | WRITE, 500)],
    ["a readable buffer after a writable one", () => descriptor(DESC, 2, STATUS_BYTE, 1, 0)],
    ["an indirect descriptor that was not negotiated", () => descriptor(DESC, 0, TABLE, 48, INDIRECT)],
    ["no status byte", () => descriptor(DESC, 0, HEADER, 16, 0)],
    ["a short header", () => descriptor(DESC, 0, HEADER, 8, NEXT, 1)],
    ["an available index far ahead", () => memory.writeUint(AVAIL + 2, 2, 1000)],
  ])("asks for a reset after %s, and works again after it", (_what, spoil) => {
    start();
    request(0, 0, 512);
    memory.writeUint(AVAIL + 2, 2, 1);
    spoil();
    set(0x50, 0);
    clock.advance(100_000);
    expect(reg(0x70) & NEEDS_RESET).toBe(NEEDS_RESET);
    expect(reg(0x60)).toBe(2);
    set(0x70, 0);
    memory.bytes.fill(0);
    start();
    request(0, 0, 512);
    submit(0);
    clock.advance(100_000);
    expect(memory.readUint(STATUS_BYTE, 1)).toBe(0);
  });

  it("survives rings outside RAM", () => {
    start();
    set(0x44, 0);
    set(0x94, 0x1234);
    set(0x44, 1);
    set(0x50, 0);
    expect(reg(0x70) & NEEDS_RESET).toBe(NEEDS_RESET);
  });

  it("survives any register access and any memory", () => {
    const random = randomNumbers(11);
    for (let round = 0; round < 300; round++) {
      start(random(2) === 0 ? 3 << 28 : 0);
      request(0, 0, 512);
      for (let i = 0; i < 20; i++) {
        memory.writeUint(DESC + random(SIZE * 16), 1, random(256));
        memory.writeUint(AVAIL + random(24), 1, random(256));
        if (random(4) === 0) mmio.writeMmio(random(0x200), ([1, 2, 4] as const)[random(3)], random(2 ** 32));
        mmio.readMmio(random(0x200), ([1, 2, 4] as const)[random(3)]);
        set(0x50, 0);
        clock.advance(10_000);
      }
    }
  });
});
