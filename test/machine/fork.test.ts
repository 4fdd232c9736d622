/** A forked machine goes on exactly as the one that it was forked from. */
import { describe, expect, it } from "vitest";
import { boot, Machine, readBootSource } from "../../src/index.ts";
import { imagePath } from "../debug/images.ts";

const finish = (machine: Machine): readonly unknown[] => {
  const end = machine.run({ instructions: 1e9 });
  return [end, machine.instructions, machine.time, machine.console.sha256(), machine.stateHash()];
};

describe("a fork", () => {
  it.each([
    ["override-open-ctree", [0, 0.511]],
    ["mount-and-read", [0.03, 0.9]],
  ] as const)("of %s at any time ends as the run ends that was never forked", async (name, parts) => {
    const source = await readBootSource(imagePath(name));
    const disks = () => source.disks.map((disk) => disk.copy());
    const plain = boot(source, { disks: disks() }).machine;
    const expected = finish(plain);
    expect(expected[0]).toEqual({ reason: "exit", code: 0 });
    const total = plain.instructions;

    const machine = boot(source, { disks: disks() }).machine;
    for (const part of parts) {
      machine.run({ instructions: Math.floor(total * part) });
      const fork = machine.fork();
      expect(fork.stateHash()).toBe(machine.stateHash());
      expect(finish(fork), `forked after ${part} of the run`).toEqual(expected);
    }
    // Nor did the forks, or being forked, touch it.
    expect(finish(machine)).toEqual(expected);
  });

  it("while a request of the disk is under way has it completed too", async () => {
    const source = await readBootSource(imagePath("mount-and-read"));
    const { machine, elf } = boot(source);
    const mount = elf.symbols().find(({ name }) => name === "open_ctree");
    machine.breakpoints.add(mount?.address ?? 0n);
    machine.run();
    machine.breakpoints.clear();
    // Small steps from here: some of them end between the request and its completion.
    for (let i = 0; i < 3; i++) {
      machine.run({ time: machine.time + 3001 });
      const fork = machine.fork();
      const until = { time: machine.time + 100_000 };
      const original = machine.fork();
      fork.run(until);
      original.run(until);
      expect(fork.stateHash()).toBe(original.stateHash());
    }
  });

  it("is apart from what it was forked from: memory, registers, disks, console", async () => {
    const source = await readBootSource(imagePath("mount-and-read"));
    const { machine } = boot(source);
    machine.run({ instructions: 1_000_000 });
    const before = machine.stateHash();
    const fork = machine.fork();
    fork.memory.write(0x100000, new Uint8Array([1, 2, 3]));
    fork.registers.rax ^= 1n;
    fork.run({ instructions: 3_000_000 });
    expect(machine.stateHash()).toBe(before);
    expect(machine.console.count).toBeLessThan(fork.console.count);
  });

  it("of a machine that has ended has ended", () => {
    const machine = new Machine({ memory: 2 ** 20, bpfCoprocessor: false });
    machine.end({ reason: "panic" });
    expect(machine.fork().run()).toEqual({ reason: "panic" });
  });
});
