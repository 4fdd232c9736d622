/**
 * The bus: which device answers at which port and physical address. What nobody claims reads all ones and ignores writes,
 * as on a PC.
 */
import type { AccessSize, MmioDevice, PortDevice } from "./device.ts";

interface Range<Device> {
  readonly start: number;
  readonly end: number;
  readonly device: Device;
}

const ALL_ONES = { 1: 0xff, 2: 0xffff, 4: 0xffff_ffff } as const;

export class Bus {
  /** Answers at every port, instead of the devices, while set. */
  everyPort?: PortDevice;
  readonly #ports = new Map<number, Range<PortDevice>>();
  readonly #mmio: Range<MmioDevice>[] = [];

  /** Gives `count` ports from `start` to a device. Throws if one of them is taken. */
  mapPorts(start: number, count: number, device: PortDevice): void {
    const range = { start, end: start + count, device };
    for (let port = range.start; port < range.end; port++) {
      if (this.#ports.has(port)) throw new Error(`port 0x${port.toString(16)} has a device already`);
      this.#ports.set(port, range);
    }
  }

  /** Gives `size` bytes of physical addresses from `start` to a device. Throws if they overlap another's. */
  mapMmio(start: number, size: number, device: MmioDevice): void {
    const range = { start, end: start + size, device };
    if (this.#mmio.some((other) => range.start < other.end && other.start < range.end))
      throw new Error(`physical address 0x${start.toString(16)} has a device already`);
    this.#mmio.push(range);
  }

  /** Moves a device that {@link mapMmio} has placed to where no other one is; where there is one, that one wins. */
  moveMmio(device: MmioDevice, start: number): void {
    const at = this.#mmio.findIndex((range) => range.device === device);
    if (at < 0) throw new Error("a device that is not mapped cannot be moved");
    const [{ start: from, end }] = this.#mmio.splice(at, 1);
    this.#mmio.push({ start, end: start + end - from, device });
  }

  /** An access that crosses from one device to the next is split into bytes, as the chipset does. */
  readPort(port: number, size: AccessSize): number {
    if (this.everyPort !== undefined) return this.everyPort.readPort(port, size) >>> 0;
    const range = this.#ports.get(port);
    if (range !== undefined && port + size <= range.end) return range.device.readPort(port - range.start, size) >>> 0;
    if (size === 1) return ALL_ONES[1];
    let value = 0;
    for (let i = 0; i < size; i++) value += this.readPort((port + i) & 0xffff, 1) * 2 ** (8 * i);
    return value;
  }

  writePort(port: number, size: AccessSize, value: number): void {
    if (this.everyPort !== undefined) {
      this.everyPort.writePort(port, size, value >>> 0);
      return;
    }
    const range = this.#ports.get(port);
    if (range !== undefined && port + size <= range.end) range.device.writePort(port - range.start, size, value >>> 0);
    else if (size > 1)
      for (let i = 0; i < size; i++) this.writePort((port + i) & 0xffff, 1, (value >>> (8 * i)) & 0xff);
  }

  readMmio(address: number, size: AccessSize): number {
    const range = this.#find(address, size);
    return range === undefined ? ALL_ONES[size] : range.device.readMmio(address - range.start, size) >>> 0;
  }

  writeMmio(address: number, size: AccessSize, value: number): void {
    const range = this.#find(address, size);
    range?.device.writeMmio(address - range.start, size, value >>> 0);
  }

  #find(address: number, size: number): Range<MmioDevice> | undefined {
    for (const range of this.#mmio) if (address >= range.start && address + size <= range.end) return range;
    return undefined;
  }
}
