import { describe, expect, it } from "vitest";
import { IoApic } from "../../src/devices/io-apic.ts";
import type { InterruptMessage } from "../../src/devices/local-apic.ts";
import { Pic8259 } from "../../src/devices/pic-8259.ts";
import { randomNumbers } from "./device-bench.ts";

function ioApic() {
  const sent: InterruptMessage[] = [];
  const device = new IoApic(24, (message) => {
    sent.push(message);
    return true;
  });
  const write = (register: number, value: number) => {
    device.writeMmio(0, 4, register);
    device.writeMmio(0x10, 4, value);
  };
  const read = (register: number) => {
    device.writeMmio(0, 4, register);
    return device.readMmio(0x10, 4);
  };
  return { device, sent, read, write };
}

describe("I/O APIC", () => {
  it("starts with all inputs masked", () => {
    const { device, sent, read } = ioApic();
    expect(read(1) >>> 16).toBe(23);
    expect(read(0x10 + 2 * 4)).toBe(0x1_0000);
    device.setPin(4, true);
    expect(sent).toEqual([]);
  });

  it("sends an edge once", () => {
    const { device, sent, write } = ioApic();
    write(0x10 + 2 * 4, 0x34);
    device.setPin(4, true);
    device.setPin(4, true);
    expect(sent.map((m) => m.vector)).toEqual([0x34]);
    device.setPin(4, false);
    device.setPin(4, true);
    expect(sent.length).toBe(2);
  });

  it("loses an edge that came while it was masked, as the data sheet says", () => {
    const { device, sent, write } = ioApic();
    device.setPin(5, true);
    write(0x10 + 2 * 5, 0x35);
    expect(sent).toEqual([]);
    device.setPin(5, false);
    device.setPin(5, true);
    expect(sent.map((m) => m.vector)).toEqual([0x35]);
  });

  it("sends a level again after the EOI while it is asserted", () => {
    const { device, sent, read, write } = ioApic();
    write(0x10 + 2 * 12, 0x803c);
    write(0x11 + 2 * 12, 0x0100_0000);
    device.setPin(12, true);
    expect(sent).toEqual([{ vector: 0x3c, delivery: 0, logical: false, destination: 1, level: true }]);
    expect(read(0x10 + 2 * 12)).toBe(0xc03c);
    device.endOfInterrupt(0x3c);
    expect(sent.length).toBe(2);
    device.setPin(12, false);
    device.endOfInterrupt(0x3c);
    expect(sent.length).toBe(2);
    expect(read(0x10 + 2 * 12)).toBe(0x803c);
  });
});

function pic() {
  const device = new Pic8259(() => {});
  const first = device.ports("first");
  const second = device.ports("second");
  const initialise = () => {
    for (const [port, base, cascade] of [
      [first, 0x20, 4],
      [second, 0x28, 2],
    ] as const) {
      port.writePort(0, 1, 0x11);
      port.writePort(1, 1, base);
      port.writePort(1, 1, cascade);
      port.writePort(1, 1, 1);
    }
  };
  return { device, first, second, initialise };
}

describe("8259 pair", () => {
  it("is silent before it is initialised", () => {
    const { device } = pic();
    device.setInput(4, true);
    expect(device.hasInterrupt()).toBe(false);
  });

  it("delivers an edge with its vector and waits for the EOI", () => {
    const { device, first, initialise } = pic();
    initialise();
    device.setInput(4, true);
    expect(device.hasInterrupt()).toBe(true);
    expect(device.acknowledge()).toBe(0x24);
    device.setInput(4, false);
    device.setInput(4, true);
    expect(device.hasInterrupt()).toBe(false);
    device.setInput(1, true); // more urgent: nests
    expect(device.acknowledge()).toBe(0x21);
    first.writePort(0, 1, 0x20);
    first.writePort(0, 1, 0x20);
    expect(device.acknowledge()).toBe(0x24);
  });

  it("reaches the second controller through the first's input 2", () => {
    const { device, first, second, initialise } = pic();
    initialise();
    device.setInput(12, true);
    device.setInput(9, true);
    expect(device.acknowledge()).toBe(0x29);
    second.writePort(0, 1, 0x20);
    first.writePort(0, 1, 0x20);
    expect(device.acknowledge()).toBe(0x2c);
  });

  it("masks inputs, and reads mask, requests and what is in service", () => {
    const { device, first, initialise } = pic();
    initialise();
    first.writePort(1, 1, 0x10);
    device.setInput(4, true);
    expect(device.hasInterrupt()).toBe(false);
    expect(first.readPort(1, 1)).toBe(0x10);
    expect(first.readPort(0, 1)).toBe(0x10);
    first.writePort(1, 1, 0);
    device.acknowledge();
    first.writePort(0, 1, 0x0b);
    expect(first.readPort(0, 1)).toBe(0x10);
  });

  it("gives vector 7 when a level goes away before it is acknowledged, and remembers an edge", () => {
    const { device, initialise } = pic();
    initialise();
    device.setInput(4, true);
    device.setInput(4, false);
    expect(device.acknowledge()).toBe(0x24);
    device.edgeLevelPorts().writePort(0, 1, 0x20);
    device.setInput(5, true);
    device.setInput(5, false);
    expect(device.acknowledge()).toBe(0x27);
  });

  it("survives any port access", () => {
    const { device, first, second } = pic();
    const random = randomNumbers(3);
    const ports = [first, second, device.edgeLevelPorts()];
    for (let i = 0; i < 20_000; i++) {
      const port = ports[random(3)];
      if (random(3) === 0) port.readPort(random(2), 1);
      else port.writePort(random(2), 1, random(256));
      device.setInput(random(16), random(2) === 0);
      if (device.hasInterrupt()) device.acknowledge();
    }
  });
});
