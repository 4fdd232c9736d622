import { describe, expect, it } from "vitest";
import { commandLine, platformOptions, splitCommand } from "../../src/machine/command-line.ts";
import { formatMemorySize, parseMemorySize } from "../../src/machine/memory-size.ts";

describe("kernel command line", () => {
  it("announces devices as QEMU's microvm does, and hands the program to init after --", () => {
    const options = ["console=ttyS0", ...platformOptions(2, true)];
    expect(commandLine({ options, exec: "/bin/a 'b c'" })).toBe(
      "console=ttyS0 bpf_coprocessor=0x1000@0xfea00000 virtio_mmio.device=512@0xfeb00e00:12 " +
        "virtio_mmio.device=512@0xfeb00c00:11 -- /bin/a 'b c'",
    );
  });

  it("is refused when it is too long", () => {
    expect(() => commandLine({ options: ["x".repeat(2048)] })).toThrow("2048 bytes, expected at most 2047");
  });
});

describe("command for /init", () => {
  it.each([
    ["/bin/a  b", ["/bin/a", "b"]],
    ["a 'b c' \"d 'e\"", ["a", "b c", "d 'e"]],
    ["a b\\ c '\\'", ["a", "b c", "\\"]],
    ["a '' b", ["a", "", "b"]],
  ])("%s is split at spaces, with quotes and backslashes", (command, words) => {
    expect(splitCommand(command, "x")).toEqual(words);
  });

  it.each(["", "   ", "a 'b", 'a "b', "a\nb"])("%j is refused", (command) => {
    expect(() => splitCommand(command, "--exec")).toThrow(/^--exec: /);
  });
});

describe("memory size", () => {
  it.each([
    ["256M", 2 ** 28],
    ["1g", 2 ** 30],
    ["1048576", 2 ** 20],
    ["2048K", 2 ** 21],
  ])("%s", (text, bytes) => {
    expect(parseMemorySize(text)).toBe(bytes);
  });

  it.each(["", "lots", "-1M", "512", "0", "3G", "1000001", "99999999999999999999G", "1.5G"])("refuses %j", (text) => {
    expect(() => parseMemorySize(text)).toThrow();
  });

  it("is written in its largest whole unit", () => {
    expect(formatMemorySize(2 ** 28)).toBe("256M");
    expect(formatMemorySize(4097)).toBe("4097");
  });
});
