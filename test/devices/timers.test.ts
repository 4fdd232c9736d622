import { beforeEach, describe, expect, it } from "vitest";
import { CmosRtc, RTC_START } from "../../src/devices/cmos-rtc.ts";
import { PIT_HZ, Pit8254 } from "../../src/devices/pit-8254.ts";
import { TestClock } from "./device-bench.ts";

const TICKS_PER_SECOND = 1_000_000_000;
/** Ticks that take a little more than `counts` input clocks of the 8254. */
const ticksOf = (counts: number): number => Math.ceil((counts * TICKS_PER_SECOND) / PIT_HZ) + 1;

let clock: TestClock;
let edges: number;
let level: boolean;
const line = (asserted: boolean): void => {
  if (asserted && !level) edges++;
  level = asserted;
};
beforeEach(() => {
  clock = new TestClock();
  edges = 0;
  level = true;
});

describe("8254", () => {
  const pit = (): Pit8254 => new Pit8254({ clock, ticksPerSecond: TICKS_PER_SECOND, line });
  function program(device: Pit8254, control: number, count: number): void {
    device.ports.writePort(3, 1, control);
    device.ports.writePort(control >> 6, 1, count & 0xff);
    device.ports.writePort(control >> 6, 1, count >> 8);
  }
  function latched(device: Pit8254, counter: number): number {
    device.ports.writePort(3, 1, counter << 6);
    return device.ports.readPort(counter, 1) | (device.ports.readPort(counter, 1) << 8);
  }

  it("interrupts once on terminal count (mode 0)", () => {
    const device = pit();
    program(device, 0x30, 1000);
    clock.advance(ticksOf(999));
    expect(edges).toBe(0);
    clock.advance(ticksOf(2));
    expect(edges).toBe(1);
    clock.advance(ticksOf(100_000));
    expect(edges).toBe(1);
  });

  it.each([2, 3])("interrupts once in a period (mode %i)", (mode) => {
    const device = pit();
    program(device, 0x30 | (mode << 1), 1193);
    clock.advance(ticksOf(1193 * 10 + 5));
    expect(edges).toBe(10);
  });

  it("counts down, and keeps what was latched", () => {
    const device = pit();
    program(device, 0x34, 10_000);
    clock.advance(ticksOf(100));
    device.ports.writePort(3, 1, 0);
    clock.advance(ticksOf(500));
    expect(device.ports.readPort(0, 1) | (device.ports.readPort(0, 1) << 8)).toBe(9900);
    expect(latched(device, 0)).toBeLessThan(9405);
  });

  it("reads back status and count", () => {
    const device = pit();
    program(device, 0x36, 10_000);
    device.ports.writePort(3, 1, 0xe2); // status of counter 0
    expect(device.ports.readPort(0, 1)).toBe(0xb6);
  });

  it("counts in BCD", () => {
    const device = pit();
    program(device, 0x35, 0x1000);
    clock.advance(ticksOf(1));
    expect(latched(device, 0)).toBe(0x0999);
  });

  it("runs counter 2 while port 0x61 opens its gate, and shows its output there", () => {
    const device = pit();
    program(device, 0xb0, 1000);
    clock.advance(ticksOf(2000));
    expect(device.speakerPort.readPort(0, 1) & 0x20).toBe(0);
    device.speakerPort.writePort(0, 1, 1);
    clock.advance(ticksOf(1001));
    expect(device.speakerPort.readPort(0, 1) & 0x21).toBe(0x21);
  });
});

describe("real-time clock", () => {
  const rtc = (): CmosRtc => new CmosRtc({ clock, ticksPerSecond: TICKS_PER_SECOND, memoryBytes: 64 << 20, line });
  const read = (device: CmosRtc, register: number): number => {
    device.ports.writePort(0, 1, register);
    return device.ports.readPort(1, 1);
  };
  const write = (device: CmosRtc, register: number, value: number): void => {
    device.ports.writePort(0, 1, register);
    device.ports.writePort(1, 1, value);
  };

  it("starts at a fixed date and goes with the machine's time", () => {
    const device = rtc();
    const date = (): number[] => [0x32, 9, 8, 7, 4, 2, 0].map((register) => read(device, register));
    const { year, month, day } = { year: 0x26, month: 1, day: 1 };
    expect(new Date(RTC_START * 1000).toISOString()).toBe("2026-01-01T00:00:00.000Z");
    expect(date()).toEqual([0x20, year, month, day, 0, 0, 0]);
    clock.advance(TICKS_PER_SECOND * (3600 * 13 + 61));
    expect(date()).toEqual([0x20, year, month, day, 0x13, 1, 1]);
  });

  it("can be set, in binary and with twelve hours", () => {
    const device = rtc();
    write(device, 0x0b, 0x04);
    write(device, 4, 0x80 | 11);
    expect(read(device, 4)).toBe(0x8b);
    write(device, 0x0b, 0x02);
    expect(read(device, 4)).toBe(0x23);
  });

  it("interrupts periodically, and waits for its flags to be read", () => {
    const device = rtc();
    write(device, 0x0a, 0x26); // 1024 Hz
    level = false;
    write(device, 0x0b, 0x42);
    clock.advance(Math.ceil(TICKS_PER_SECOND / 1024) + 1);
    expect(edges).toBe(1);
    clock.advance(TICKS_PER_SECOND);
    expect(edges).toBe(1);
    expect(read(device, 0x0c) & 0xc0).toBe(0xc0);
    clock.advance(Math.ceil(TICKS_PER_SECOND / 1024) + 1);
    expect(edges).toBe(2);
  });

  it("interrupts at the alarm's time", () => {
    const device = rtc();
    write(device, 1, 0x05);
    write(device, 3, 0xc0);
    write(device, 5, 0xc0);
    level = false;
    write(device, 0x0b, 0x22);
    clock.advance(TICKS_PER_SECOND * 4.5);
    expect(edges).toBe(0);
    clock.advance(TICKS_PER_SECOND);
    expect(edges).toBe(1);
  });

  it("tells the size of memory", () => {
    const device = rtc();
    expect(read(device, 0x17) | (read(device, 0x18) << 8)).toBe(63 << 10);
    expect(read(device, 0x34) | (read(device, 0x35) << 8)).toBe((48 << 20) >> 16);
  });
});
