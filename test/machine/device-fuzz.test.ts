/** A guest may do to the devices what it likes: the host neither throws nor hangs nor grows. */
import { describe, expect, it } from "vitest";
import { BareMachine, Disk, Machine, platform } from "../../src/index.ts";
import { enterProtectedMode } from "../../src/machine/processor-modes.ts";
import { randomNumbers } from "../devices/device-bench.ts";

const { uart, virtioMmio, localApic, ioApic, bpfCoprocessor } = platform;
const PORTS = [
  ...uart.flatMap(({ port }) => Array.from({ length: 8 }, (_, i) => port + i)),
  0x20,
  0x21,
  0xa0,
  0xa1,
  0x4d0,
];
const REGIONS = [
  { address: virtioMmio.address, size: virtioMmio.stride * virtioMmio.slots },
  { address: localApic.address, size: 0x400 },
  { address: ioApic.address, size: 0x50 },
  bpfCoprocessor,
];
const SIZES = [1, 2, 4] as const;

async function looping(): Promise<Machine> {
  const disk = await Disk.fromBytes(new Uint8Array(65536));
  const machine = new Machine({ memory: 4 * 2 ** 20, disks: [disk, disk] });
  machine.memory.write(0x1000, Uint8Array.from([0xeb, 0xfe])); // jmp to itself
  enterProtectedMode(machine.cpu, { rip: 0x1000n });
  return machine;
}

describe("devices under random accesses", () => {
  it.each([1, 2, 3, 4])("seed %i", async (seed) => {
    const machine = await looping();
    const random = randomNumbers(seed * 7919);
    for (let i = 0; i < 30_000; i++) {
      const size = SIZES[random(3)];
      // Small numbers reach further than large ones.
      const value = random(2) === 0 ? random(16) : random(2 ** 32);
      if (random(2) === 0) {
        const port = PORTS[random(PORTS.length)];
        if (random(2) === 0) machine.bus.readPort(port, size);
        else machine.bus.writePort(port, size, value);
      } else {
        const region = REGIONS[random(REGIONS.length)];
        const address = region.address + (random(4) === 0 ? random(region.size) : random(region.size / 4) * 4);
        if (random(2) === 0) machine.bus.readMmio(address, size);
        else machine.bus.writeMmio(address, random(4) === 0 ? size : 4, value);
      }
      if (random(50) === 0)
        machine.memory.write(
          random(2 ** 20),
          Uint8Array.from({ length: 64 }, () => random(256)),
        );
      if (random(100) === 0) machine.memory.write(0x1000, Uint8Array.from([0xeb, 0xfe]));
      if (random(20) === 0) machine.run({ instructions: machine.instructions + random(3000) });
    }
    expect(machine.stateHash()).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("bare machine", () => {
  it("does not mind being asked for what cannot be", () => {
    const bare = new BareMachine({ mode: "long" });
    expect(() => bare.map(0x1234n, 4096)).toThrow("only whole pages can be mapped");
    expect(() => bare.map(0x8000_0000_0000n, 4096)).toThrow("not a canonical address");
    expect(() => bare.map(0x10_0000n, 2 ** 30)).toThrow("no memory left to map");
    expect(() => bare.read(0x1000_0000n, 1)).toThrow(RangeError);
    expect(() => new BareMachine({ mode: "real" }).map(0n, 4096)).toThrow("real mode has no paging");
    expect(() => new BareMachine({ mode: "protected" }).map(0x1_0000_0000n, 4096)).toThrow("32 bits");
    expect(() => new BareMachine({ mode: "real", user: true })).toThrow("real mode has neither rings nor paging");
    expect(() => new BareMachine({ mode: "flat" as never })).toThrow('expected "long", "protected" or "real"');
    expect(() => bare.readMsr(0x1234)).toThrow("MSR 0x1234: #GP");
    expect(() => bare.run({ instructions: -1 })).toThrow("instructions");
  });
});
