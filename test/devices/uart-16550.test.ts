import { describe, expect, it } from "vitest";
import { Uart16550 } from "../../src/devices/uart-16550.ts";
import { TestClock, Wire } from "./device-bench.ts";

function uart() {
  const clock = new TestClock();
  const wire = new Wire();
  let sent = "";
  const device = new Uart16550({
    line: wire.line,
    clock,
    send: (byte) => {
      sent += String.fromCharCode(byte);
    },
  });
  return { clock, wire, device, sent: () => sent };
}

const SECOND = 1_000_000_000;

describe("16550A UART", () => {
  it("sends a byte at once and is empty again", () => {
    const { device, sent } = uart();
    for (const c of "hello") device.writePort(0, 1, c.charCodeAt(0));
    expect(sent()).toBe("hello");
    expect(device.readPort(5, 1) & 0x60).toBe(0x60);
  });

  it("raises the transmitter interrupt when it is enabled, and again after each character", () => {
    const { device, wire } = uart();
    device.writePort(1, 1, 2);
    expect(wire.level).toBe(true);
    expect(device.readPort(2, 1) & 0x0f).toBe(0x02);
    expect(wire.level).toBe(false);
    expect(device.readPort(2, 1) & 0x0f).toBe(0x01);
    device.writePort(0, 1, 65);
    expect(wire.rises).toBe(2);
    device.writePort(1, 1, 0);
    expect(wire.level).toBe(false);
  });

  it("delivers input a character time apart and interrupts while there is some", () => {
    const { device, clock, wire } = uart();
    device.writePort(1, 1, 1);
    device.receive(Buffer.from("ab"));
    expect(wire.level).toBe(false);
    clock.advance(86_806);
    expect(wire.level).toBe(true);
    expect(device.readPort(2, 1) & 0x0f).toBe(0x04);
    expect(device.readPort(0, 1)).toBe(97);
    expect(wire.level).toBe(false);
    clock.advance(86_806);
    expect(device.readPort(0, 1)).toBe(98);
  });

  it("interrupts below the FIFO's trigger level after four character times", () => {
    const { device, clock, wire } = uart();
    device.writePort(2, 1, 0x81); // FIFOs on, trigger at 8
    expect(device.readPort(2, 1) & 0xc0).toBe(0xc0);
    device.writePort(1, 1, 1);
    device.receive(Buffer.from("abc"));
    clock.advance(4 * 86_806);
    expect(wire.level).toBe(false);
    clock.advance(4 * 86_806);
    expect(wire.level).toBe(true);
    expect(device.readPort(2, 1) & 0x0f).toBe(0x0c);
    for (const c of "abc") expect(device.readPort(0, 1)).toBe(c.charCodeAt(0));
    expect(wire.level).toBe(false);
  });

  it("keeps input that was typed before the guest listens, through its driver's start", () => {
    const { device, clock } = uart();
    device.receive(Buffer.from("ab"));
    clock.advance(SECOND);
    device.writePort(2, 1, 7);
    for (const register of [5, 0, 2, 6]) device.readPort(register, 1);
    clock.advance(SECOND);
    expect(device.readPort(5, 1) & 1).toBe(0);
    device.writePort(1, 1, 1);
    clock.advance(SECOND);
    expect([device.readPort(0, 1), device.readPort(0, 1)]).toEqual([97, 98]);
  });

  it("delivers input to a guest that polls", () => {
    const { device, clock } = uart();
    device.receive(Buffer.from("a"));
    expect(device.readPort(5, 1) & 1).toBe(0);
    expect(device.readPort(5, 1) & 1).toBe(0);
    clock.advance(86_806);
    expect(device.readPort(5, 1) & 1).toBe(1);
    expect(device.readPort(0, 1)).toBe(97);
  });

  it("loses no host input when the guest is slow", () => {
    const { device, clock } = uart();
    device.writePort(2, 1, 1);
    const text = "0123456789".repeat(10);
    device.receive(Buffer.from(text));
    let read = "";
    for (let i = 0; i < 100; i++) {
      clock.advance(SECOND / 100);
      while (device.readPort(5, 1) & 1) read += String.fromCharCode(device.readPort(0, 1));
    }
    expect(read).toBe(text);
  });

  it("loops back, as a driver's probe expects", () => {
    const { device, sent } = uart();
    device.writePort(4, 1, 0x1a);
    expect(device.readPort(6, 1) & 0xf0).toBe(0x90);
    device.writePort(0, 1, 0x5a);
    expect(device.readPort(0, 1)).toBe(0x5a);
    expect(sent()).toBe("");
    device.writePort(4, 1, 0x0b);
    expect(device.readPort(6, 1) & 0xf0).toBe(0xb0);
  });

  it("keeps divisor, scratch and line control", () => {
    const { device, sent } = uart();
    device.writePort(3, 1, 0x80);
    device.writePort(0, 1, 1);
    device.writePort(1, 1, 2);
    expect(device.readPort(0, 1) | (device.readPort(1, 1) << 8)).toBe(0x201);
    device.writePort(3, 1, 3);
    device.writePort(7, 1, 0xa5);
    expect(device.readPort(7, 1)).toBe(0xa5);
    expect(device.readPort(3, 1)).toBe(3);
    expect(sent()).toBe("");
  });
});
