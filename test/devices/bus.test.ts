import { describe, expect, it } from "vitest";
import { Bus } from "../../src/devices/bus.ts";
import type { PortDevice } from "../../src/devices/device.ts";

function recorder(): { device: PortDevice; accesses: string[] } {
  const accesses: string[] = [];
  return {
    accesses,
    device: {
      readPort: (offset, size) => {
        accesses.push(`read ${offset} ${size}`);
        return offset + 1;
      },
      writePort: (offset, size, value) => {
        accesses.push(`write ${offset} ${size} 0x${value.toString(16)}`);
      },
    },
  };
}

describe("bus", () => {
  it("reads all ones where nobody answers", () => {
    const bus = new Bus();
    expect([bus.readPort(0x80, 1), bus.readPort(0x80, 2), bus.readPort(0x80, 4)]).toEqual([0xff, 0xffff, 0xffff_ffff]);
    expect([bus.readMmio(0xfed0_0000, 1), bus.readMmio(0xfed0_0000, 4)]).toEqual([0xff, 0xffff_ffff]);
    bus.writePort(0x80, 4, 1);
    bus.writeMmio(0xfed0_0000, 4, 1);
  });

  it("hands accesses on with their offset", () => {
    const bus = new Bus();
    const { device, accesses } = recorder();
    bus.mapPorts(0x3f8, 8, device);
    expect(bus.readPort(0x3fd, 1)).toBe(6);
    bus.writePort(0x3f8, 4, 0xdead_beef);
    expect(accesses).toEqual(["read 5 1", "write 0 4 0xdeadbeef"]);
  });

  it("splits an access that goes beyond a device into bytes", () => {
    const bus = new Bus();
    const { device, accesses } = recorder();
    bus.mapPorts(0x64, 1, device);
    bus.writePort(0x63, 4, 0x0403_0201);
    expect(accesses).toEqual(["write 0 1 0x2"]);
    expect(bus.readPort(0x64, 2)).toBe(0xff01);
    expect(bus.readPort(0xffff, 4)).toBe(0xffff_ffff);
  });

  it("refuses two devices at one place", () => {
    const bus = new Bus();
    bus.mapPorts(0x60, 5, recorder().device);
    expect(() => bus.mapPorts(0x64, 1, recorder().device)).toThrow("port 0x64 has a device already");
    const mmio = { readMmio: () => 0, writeMmio: () => {} };
    bus.mapMmio(0x1000, 0x1000, mmio);
    expect(() => bus.mapMmio(0x1800, 0x1000, mmio)).toThrow("0x1800 has a device already");
  });
});
