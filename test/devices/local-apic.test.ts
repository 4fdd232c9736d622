import { beforeEach, describe, expect, it } from "vitest";
import { APIC_BASE_MSR, LocalApic, TSC_DEADLINE_MSR } from "../../src/devices/local-apic.ts";
import { randomNumbers, TestClock } from "./device-bench.ts";

const ADDRESS = 0xfee0_0000;
let clock: TestClock;
let apic: LocalApic;
let moved: number | undefined;
let nmis: number;
let ended: number[];
const read = (register: number) => apic.readMmio(register, 4);
const write = (register: number, value: number) => apic.writeMmio(register, 4, value);
const fixed = (vector: number, level = false) =>
  apic.receive({ vector, delivery: 0, logical: false, destination: 0, level });

beforeEach(() => {
  clock = new TestClock();
  nmis = 0;
  ended = [];
  apic = new LocalApic({
    clock,
    address: ADDRESS,
    moved: (address) => {
      moved = address;
    },
    changed: () => {},
    nmi: () => {
      nmis++;
    },
    init: () => {},
    endOfInterrupt: (vector) => ended.push(vector),
  });
});

describe("local APIC", () => {
  it("takes no interrupts until software enables it", () => {
    expect(fixed(0x40)).toBe(false);
    write(0xf0, 0x1ff);
    expect(fixed(0x40)).toBe(true);
    expect(apic.hasInterrupt()).toBe(true);
  });

  it("serves the highest vector first and holds back lower classes until the EOI", () => {
    write(0xf0, 0x1ff);
    fixed(0x31);
    fixed(0x52);
    expect(apic.acknowledge()).toBe(0x52);
    expect(read(0x100 + 0x20) >>> 18).toBe(1); // in service: word 2, bit 18
    expect(apic.hasInterrupt()).toBe(false);
    fixed(0x58); // same class: waits too
    expect(apic.hasInterrupt()).toBe(false);
    write(0xb0, 0);
    expect(apic.acknowledge()).toBe(0x58);
    write(0xb0, 0);
    expect(apic.acknowledge()).toBe(0x31);
  });

  it("holds interrupts back by task priority, which CR8 shares", () => {
    write(0xf0, 0x1ff);
    apic.taskPriority = 0x50;
    expect(read(0x80)).toBe(0x50);
    fixed(0x52);
    expect(apic.hasInterrupt()).toBe(false);
    fixed(0x61);
    expect(apic.hasInterrupt()).toBe(true);
    write(0x80, 0);
    expect(read(0xa0)).toBe(0);
  });

  it("gives the spurious vector when nothing waits", () => {
    write(0xf0, 0x1fe);
    expect(apic.acknowledge()).toBe(0xfe);
    expect(read(0x170)).toBe(0);
  });

  it("tells the I/O APIC of the end of level-triggered interrupts only", () => {
    write(0xf0, 0x1ff);
    fixed(0x41);
    apic.acknowledge();
    write(0xb0, 0);
    expect(ended).toEqual([]);
    fixed(0x42, true);
    apic.acknowledge();
    write(0xb0, 0);
    expect(ended).toEqual([0x42]);
  });

  it("one-shot timer: counts down at the divided rate and fires once", () => {
    write(0xf0, 0x1ff);
    write(0x3e0, 0x3); // divide by 16
    write(0x320, 0x40);
    write(0x380, 1000);
    clock.advance(8000);
    expect(read(0x390)).toBe(500);
    clock.advance(7999);
    expect(apic.hasInterrupt()).toBe(false);
    clock.advance(1);
    expect(apic.acknowledge()).toBe(0x40);
    write(0xb0, 0);
    expect(read(0x390)).toBe(0);
    expect(clock.next()).toBeUndefined();
  });

  it("periodic timer: fires at every multiple of its period, however late it is read", () => {
    write(0xf0, 0x1ff);
    write(0x3e0, 0xb); // divide by 1
    write(0x320, 0x2_0041);
    write(0x380, 100);
    for (let i = 1; i <= 5; i++) {
      clock.advance(100);
      expect(apic.acknowledge()).toBe(0x41);
      write(0xb0, 0);
    }
    clock.advance(30);
    expect(read(0x390)).toBe(70);
  });

  it("a masked timer counts but needs no alarm", () => {
    write(0xf0, 0x1ff);
    write(0x3e0, 0xb);
    write(0x320, 0x1_0040);
    write(0x380, 0xffff_ffff);
    clock.advance(1_000_000);
    expect(read(0x390)).toBe(0xffff_ffff - 1_000_000);
    expect(clock.next()).toBeUndefined();
  });

  it("TSC-deadline timer: fires when the TSC reaches the MSR, which then reads zero", () => {
    write(0xf0, 0x1ff);
    expect(apic.writeMsr(TSC_DEADLINE_MSR, 5n)).toBe(true); // ignored in another mode
    expect(clock.next()).toBeUndefined();
    write(0x320, 0x4_0042);
    apic.writeMsr(TSC_DEADLINE_MSR, 12345n);
    expect(apic.readMsr(TSC_DEADLINE_MSR)).toBe(12345n);
    clock.advance(12344);
    expect(apic.hasInterrupt()).toBe(false);
    clock.advance(1);
    expect(apic.acknowledge()).toBe(0x42);
    expect(apic.readMsr(TSC_DEADLINE_MSR)).toBe(0n);
    apic.writeMsr(TSC_DEADLINE_MSR, 0xffff_ffff_ffff_ffffn);
    expect(clock.next()).toBeUndefined();
  });

  it("interrupts itself, and sends itself an NMI", () => {
    write(0xf0, 0x1ff);
    write(0x300, 0x4_0055);
    expect(apic.acknowledge()).toBe(0x55);
    write(0x300, 0x4_4402 & ~2);
    expect(nmis).toBe(1);
  });

  it("reports illegal vectors through the error status register", () => {
    write(0xf0, 0x1ff);
    write(0x300, 0x4_0005);
    write(0x280, 0);
    expect(read(0x280)).toBe(0x20);
  });

  it("can be moved by its MSR, to a page that exists", () => {
    expect(apic.writeMsr(APIC_BASE_MSR, 0xfee1_0900n)).toBe(true);
    expect(moved).toBe(0xfee1_0000);
    expect(apic.readMsr(APIC_BASE_MSR)).toBe(0xfee1_0900n);
    expect(apic.writeMsr(APIC_BASE_MSR, 1n << 40n)).toBe(false);
  });

  it("goes from disabled to xAPIC to x2APIC mode and back to disabled, no other way", () => {
    const enable = 0x800n;
    const extended = 0x400n;
    const change = (mode: bigint): boolean => apic.writeMsr(APIC_BASE_MSR, 0xfee0_0100n | mode);
    expect(change(extended)).toBe(false);
    expect(change(enable | extended)).toBe(true);
    expect(read(0x30)).toBe(0xffff_ffff);
    expect(change(enable)).toBe(false);
    expect(change(0n)).toBe(true);
    expect(change(enable | extended)).toBe(false);
    expect(change(enable)).toBe(true);
  });

  it("has its registers as MSRs in x2APIC mode", () => {
    apic.writeMsr(APIC_BASE_MSR, 0xfee0_0d00n);
    expect(apic.readMsr(0x802)).toBe(0n);
    expect(apic.readMsr(0x803)).toBe(0x5_0014n);
    expect(apic.writeMsr(0x803, 0n)).toBe(false);
    expect(apic.readMsr(0x80e)).toBeUndefined();
    expect(apic.writeMsr(0x80b, 1n)).toBe(false);
    expect(apic.writeMsr(0x80f, 0x1ffn)).toBe(true);
    expect(apic.writeMsr(0x83f, 0x41n)).toBe(true);
    expect(apic.acknowledge()).toBe(0x41);
    expect(apic.writeMsr(0x80b, 0n)).toBe(true);
    // A fixed interrupt to APIC id 0.
    expect(apic.writeMsr(0x830, 0x4042n)).toBe(true);
    expect(apic.acknowledge()).toBe(0x42);
  });

  it("keeps a count that has ended at 0 when the mode of the timer changes", () => {
    write(0xf0, 0x1ff);
    write(0x3e0, 0xb);
    write(0x320, 0x40);
    write(0x380, 1000);
    clock.time += 2000;
    write(0x320, 0x2_0040);
    expect(read(0x390)).toBe(0);
  });

  it("can be switched off by its MSR", () => {
    expect(apic.readMsr(APIC_BASE_MSR)).toBe(0xfee0_0900n);
    expect(apic.writeMsr(APIC_BASE_MSR, 0xfee0_0100n)).toBe(true);
    expect(read(0x30)).toBe(0xffff_ffff);
    expect(apic.acceptsExternal()).toBe(true);
  });

  it("survives any register access", () => {
    const random = randomNumbers(7);
    for (let i = 0; i < 20_000; i++) {
      const offset = random(0x1000);
      const size = ([1, 2, 4] as const)[random(3)];
      if (random(2) === 0) apic.readMmio(offset, size);
      else apic.writeMmio(offset, size, random(2 ** 32));
      if (random(10) === 0 && apic.hasInterrupt()) apic.acknowledge();
      clock.time += random(1000);
    }
  });
});
