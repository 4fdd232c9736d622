import { describe, expect, it } from "vitest";
import { FwCfg } from "../../src/devices/fw-cfg.ts";

describe("fw_cfg", () => {
  const read = (device: FwCfg, selector: number, bytes: number): number[] => {
    device.writePort(0, 2, selector);
    return Array.from({ length: bytes }, () => device.readPort(1, 1));
  };

  it("gives an item's bytes, and zeros behind them", () => {
    const device = new FwCfg(0x1000_0000);
    expect(Buffer.from(read(device, 0, 4)).toString()).toBe("QEMU");
    expect(read(device, 3, 8)).toEqual([0, 0, 0, 0x10, 0, 0, 0, 0]);
    expect(read(device, 5, 4)).toEqual([1, 0, 0, 0]);
    expect(read(device, 0x7777, 2)).toEqual([0, 0]);
  });

  it("goes on where it was in a copy", () => {
    const device = new FwCfg(1 << 20);
    read(device, 0, 2);
    const copy = new FwCfg(1 << 20);
    copy.copyFrom(device);
    expect(copy.state()).toEqual(device.state());
    expect(copy.readPort(1, 1)).toBe(0x4d);
  });
});
