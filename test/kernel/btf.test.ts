/** The kernel's type information (BTF): in the image, and the same bytes in /sys/kernel/btf/vmlinux. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Btf } from "../../src/bpf/btf.ts";
import { boot, parseElf } from "../../src/index.ts";
import { RootFiles } from "../../src/machine/initramfs.ts";
import { missingForGuest, userProgram } from "./guest.ts";

const missing = missingForGuest();
if (missing !== undefined) console.log(`BTF of the kernel is not tested: ${missing} missing`);

const kernelPath = join(import.meta.dirname, "../../build/kernel/kernel.elf");

/** The bytes between the two symbols that enclose the section in memory, as Linux names them. */
function section(kernel: Uint8Array): Uint8Array {
  const elf = parseElf(kernel, "kernel.elf");
  const address = (name: string): bigint => elf.symbols().find((symbol) => symbol.name === name)?.address ?? 0n;
  const [start, stop] = [address("__start_BTF"), address("__stop_BTF")];
  for (const { virtualAddress, data } of elf.segments) {
    const offset = Number(start - virtualAddress);
    if (offset >= 0 && offset < data.length) return data.subarray(offset, offset + Number(stop - start));
  }
  throw new Error("no BTF in the kernel's segments");
}

describe.skipIf(missing !== undefined)("the kernel's BTF", () => {
  const kernel = missing === undefined ? readFileSync(kernelPath) : new Uint8Array();

  it("describes the kernel's structures and functions", () => {
    const btf = new Btf(section(kernel));
    const registers = btf.find("pt_regs", "struct");
    expect(registers?.kind === "struct" && registers.members.map(({ name }) => name)).toEqual(
      "r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs flags sp ss".split(" "),
    );
    expect(registers && btf.size(registers.id)).toBe(168);
    const task = btf.find("task_struct", "struct");
    expect(task && btf.field(task.id, "comm").bitOffset).toBeGreaterThan(0);
    const openCtree = btf.find("open_ctree", "func");
    expect(openCtree && btf.toC(openCtree.id)).toContain("open_ctree");
  });

  it("has no kinds that libbpf of Linux 6.1 does not know", () => {
    const kinds = new Set(new Btf(section(kernel)).types.map(({ kind }) => kind));
    expect(kinds).not.toContain("enum64");
  });

  it("is what the guest reads from /sys/kernel/btf/vmlinux", () => {
    const root = new RootFiles();
    for (const name of ["init", "cat"])
      root.set(`/${name}`, { kind: "file", data: readFileSync(userProgram(name)), mode: 0o755 });
    const { machine } = boot({
      name: kernelPath,
      kernel,
      root,
      disks: [],
      memory: 64 << 20,
      commandLine: "quiet",
      exec: "/cat /sys/kernel/btf/vmlinux",
    });
    const chunks: Uint8Array[] = [];
    machine.console.listener = (bytes) => chunks.push(bytes.slice());
    expect(machine.run({ instructions: 1e9 })).toEqual({ reason: "exit", code: 0 });
    // The terminal puts a carriage return before each newline.
    const got = Buffer.concat(chunks).toString("latin1").replaceAll("\r\n", "\n");
    expect(got.length).toBe(section(kernel).length);
    expect(got === Buffer.from(section(kernel)).toString("latin1")).toBe(true);
  });
});
