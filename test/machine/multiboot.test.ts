import { describe, expect, it } from "vitest";
import { type BootSource, boot } from "../../src/machine/boot/boot.ts";
import { RootFiles } from "../../src/machine/initramfs.ts";

const MAGIC = 0x1bad_b002;
const ADDRESSES = 1 << 16;
const LOAD_ADDRESS = 0x20_0000;

/** A kernel that says in its header where it goes: `code` follows the 32 bytes of the header. */
function kernel(code: readonly number[], flags = ADDRESSES): Uint8Array {
  const file = new Uint8Array(64 + code.length);
  const view = new DataView(file.buffer);
  const fields = [MAGIC, flags, -(MAGIC + flags), LOAD_ADDRESS + 16, LOAD_ADDRESS, 0, 0, LOAD_ADDRESS + 64];
  fields.forEach((value, i) => {
    view.setUint32(16 + 4 * i, value >>> 0, true);
  });
  file.set(code, 64);
  return file;
}
const source = (file: Uint8Array, more: Partial<BootSource> = {}): BootSource => ({
  name: "kernel",
  kernel: file,
  root: new RootFiles(),
  disks: [],
  memory: 16 << 20,
  commandLine: "one two",
  ...more,
});

describe("multiboot", () => {
  it("starts the kernel in protected mode with what the machine has in ebx", () => {
    const { machine } = boot(source(kernel([0xf4])), {
      initrd: Buffer.from("A=1\n"),
      initrdName: "env",
      bpfCoprocessor: false,
    });
    expect(machine.registers.rax).toBe(0x2bad_b002n);
    expect(machine.registers.rip).toBe(BigInt(LOAD_ADDRESS + 64));
    const info = Number(machine.registers.rbx);
    const word = (at: number): number => machine.memory.readUint(at, 4);
    expect(word(info) & 0x4d).toBe(0x4d);
    expect(word(info + 8)).toBe(15 << 10);
    expect(Buffer.from(machine.memory.read(word(info + 16), 15)).toString()).toBe("kernel one two\0");
    expect(word(info + 20)).toBe(1);
    const module = word(info + 24);
    expect(Buffer.from(machine.memory.read(word(module), word(module + 4) - word(module))).toString()).toBe("A=1\n");
    expect(Buffer.from(machine.memory.read(word(module + 8), 4)).toString()).toBe("env\0");
    const map = word(info + 48);
    expect(word(info + 44)).toBe(3 * 24);
    expect([word(map), machine.memory.readUint64(map + 4), word(map + 20)]).toEqual([20, 0n, 1]);
    expect(machine.run().reason).toBe("halted");
  });

  it("leaves real-mode interrupt vectors that return, and the 8259s as a BIOS does", () => {
    // mov al, 0x20; out 0xf4, al after an IRQ would need real mode: the table itself is looked at.
    const { machine } = boot(source(kernel([0xf4])));
    const vector = machine.memory.readUint(0x70 * 4, 4);
    const address = (vector >>> 16) * 16 + (vector & 0xffff);
    expect([...machine.memory.read(address, 9)].at(-1)).toBe(0xcf);
    expect(machine.bus.readPort(0x21, 1)).toBe(0);
  });

  it.each([
    ["flags that ask for a video mode", kernel([0xf4], ADDRESSES | 4), /flags 0x4 ask for what this machine does not/],
    ["neither ELF nor addresses", kernel([0xf4], 0), /neither an ELF file nor addresses/],
  ])("refuses %s", (_what, file, message) => {
    expect(() => boot(source(file))).toThrow(message);
  });
});

describe("a flat image at the reset vector", () => {
  const image = new Uint8Array(4096);
  image.set([0xea, 0x00, 0xf0, 0x00, 0xf0], 4096 - 16); // jmp 0xf000:0xf000
  image.set([0xb0, 0x2a, 0xe6, 0xf4], 0); // mov al, 42; out 0xf4, al

  it("starts 16 bytes below 4 GiB and lies below 1 MiB, too", () => {
    const { machine } = boot(source(image, { flat: true }));
    expect(machine.registers.rip).toBe(0xfff0n);
    expect(machine.registers.segment("cs").base).toBe(0xffff_0000n);
    expect(machine.run()).toEqual({ reason: "exit", code: 42 });
  });

  it.each([0, 1000, 512 << 10])("must be whole pages, at most 256 KiB: not %i bytes", (bytes) => {
    expect(() => boot(source(new Uint8Array(bytes), { flat: true }))).toThrow(/expected whole pages/);
  });
});
