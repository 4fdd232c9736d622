/** Sessions on a guest of a few instructions: stopping, stepping, watching, patching, expecting, the console. */
import { beforeAll, describe, expect, it } from "vitest";
import { boot, RootFiles, Session, SessionError, type SessionOptions, Symbols } from "../../src/index.ts";
import { assemble, tinyElf } from "../run/tiny-guest.ts";

/**
 * 32-bit code without paging: calls add_one five times, stores each result, prints the letters of the word at `text`, reads a
 * character from the serial port until one is there and ends with it as exit code.
 */
const PROGRAM = [
  "mov esp, 0x80000; mov ebx, 5; xor eax, eax",
  "again: call add_one; mov [0x90000], eax; dec ebx; jnz again",
  "mov esi, 0x90010; mov dword ptr [esi], 0x0a216948; mov byte ptr [esi + 4], 0; mov dx, 0x3f8",
  "print: lodsb; test al, al; jz wait; out dx, al; jmp print",
  "wait: mov dx, 0x3fd; poll: in al, dx; test al, 1; jz poll; mov dx, 0x3f8; in al, dx; movzx eax, al; mov dx, 0xf4; out dx, eax",
  "add_one: push ebp; mov ebp, esp; add eax, 1; pop ebp; ret",
].join("; ");

let elf: Uint8Array;
let offsets: { start: number; again: number; afterCall: number; add_one: number; poll: number };
beforeAll(async () => {
  const code = await assemble(PROGRAM, 32);
  const find = (bytes: readonly number[]): number => Buffer.from(code).indexOf(Buffer.from(bytes));
  const again = find([0xe8]);
  offsets = {
    start: 0,
    again,
    afterCall: again + 5,
    add_one: find([0x55, 0x89, 0xe5]),
    poll: find([0xec, 0xa8, 0x01]),
  };
  elf = tinyElf(code, { symbols: offsets });
});

async function open(more: Partial<SessionOptions> = {}): Promise<{ session: Session; lines: string[] }> {
  const source = { name: "tiny", kernel: elf, root: new RootFiles(), disks: [], memory: 2 << 20, commandLine: "" };
  const { machine, elf: loaded } = boot(source, { bpfCoprocessor: false });
  const lines: string[] = [];
  const symbols = new Symbols(loaded.symbols());
  const session = await Session.create({
    machine,
    symbols,
    log: (line) => lines.push(line),
    limits: { instructions: 1e6 },
    ...more,
  });
  return { session, lines };
}

describe("breakpoints", () => {
  it("stop each time, and count", async () => {
    const { session } = await open();
    const breakpoint = session.breakAt("add_one");
    for (let hit = 1; hit <= 5; hit++) {
      expect(await session.run()).toEqual({ reason: "breakpoint", address: session.address("add_one") });
      expect(session.registers.eax).toBe(BigInt(hit - 1));
      expect(breakpoint.hits).toBe(hit);
    }
    breakpoint.remove();
    session.type("A");
    await session.expectExit(65);
  });

  it("stop only where their condition holds", async () => {
    const { session } = await open();
    session.breakAt("add_one", { when: ({ registers }) => registers.eax === 3n });
    expect((await session.run()).reason).toBe("breakpoint");
    expect(session.registers.eax).toBe(3n);
    session.type("A");
    expect(await session.run()).toEqual({ reason: "exit", code: 65 });
  });

  it("let some pass first, and can be there once", async () => {
    const { session } = await open();
    const breakpoint = session.breakAt("add_one", { skip: 2, once: true });
    await session.run();
    expect(session.registers.eax).toBe(2n);
    session.type("A");
    expect((await session.run()).reason).toBe("exit");
    expect(breakpoint.hits).toBe(3);
  });

  it("can be switched off and on, at symbol plus offset too, two at one place", async () => {
    const { session } = await open();
    const seen: string[] = [];
    const first = session.breakAt("again+0x5", () => void seen.push("first"));
    session.breakAt("afterCall", { action: () => void seen.push("second"), skip: 1 });
    first.enabled = false;
    session.breakAt("add_one", {
      skip: 3,
      once: true,
      action: () => {
        first.enabled = true;
      },
    });
    session.type("A");
    await session.expectExit(65);
    expect(seen).toEqual(["second", "second", "first", "second", "first", "second"]);
  });

  it("may stop by what their action says, or go on by themselves", async () => {
    const { session } = await open();
    session.breakAt("add_one", async ({ registers }) => (registers.eax === 4n ? "stop" : undefined));
    expect((await session.run()).reason).toBe("breakpoint");
    expect(session.registers.eax).toBe(4n);
  });

  it("change nothing of the run", async () => {
    const results: string[] = [];
    for (const watched of [false, true]) {
      const { session } = await open();
      if (watched) {
        session.breakAt("add_one", { when: () => false });
        session.watch(0x90000n, { size: 4, action: () => undefined });
      }
      session.type("A");
      await session.expectExit(65);
      results.push(`${session.machine.instructions} ${session.machine.stateHash()}`);
    }
    expect(results[1]).toBe(results[0]);
  });
});

describe("watchpoints", () => {
  it("say who wrote, what was there and what is", async () => {
    const { session } = await open();
    const watch = session.watch(0x90000n, { size: 4 });
    for (let value = 1n; value <= 5n; value++) {
      const stop = await session.run();
      expect(stop.reason).toBe("watchpoint");
      expect(watch.last).toMatchObject({ write: true, size: 4, before: value - 1n, after: value });
      expect(watch.last?.instruction).toBe(session.address("afterCall"));
      expect(session.registers.rip).toBe(session.address("afterCall") + 5n);
    }
    session.type("A");
    expect((await session.run()).reason).toBe("exit");
  });

  it("have conditions, counts and actions; reading is apart from writing", async () => {
    const { session } = await open();
    const values: bigint[] = [];
    const writes = session.watch(0x90000n, { size: 4, skip: 1, action: (_, { after }) => void values.push(after) });
    const reads = session.watch(0x90010n, { size: 1, on: "read", action: () => undefined });
    const never = session.watch(0x90000n, { size: 4, when: ({ registers }) => registers.eax === 99n });
    session.type("A");
    await session.expectExit(65);
    expect(values).toEqual([2n, 3n, 4n, 5n]);
    expect([writes.hits, reads.hits, never.hits]).toEqual([5, 1, 0]);
  });
});

describe("running", () => {
  it("to a place, over calls, out of functions", async () => {
    const { session } = await open();
    await session.runTo("again");
    await session.stepOver();
    expect(session.describe(session.registers.rip)).toBe("afterCall");
    expect(session.registers.eax).toBe(1n);
    await session.stepOver();
    expect(session.registers.rip).toBe(session.address("afterCall") + 5n);
  });

  it("until a condition holds, exactly", async () => {
    const { session } = await open();
    await session.runUntil(({ registers }) => registers.eax === 3n);
    expect(session.disassemble("add_one", 4).map(({ text }) => text)).toContain("pop ebp");
    expect(session.registers.rip).toBe(session.address("add_one") + 6n);
    await expect(session.runUntil(() => false, { instructions: session.machine.instructions + 100 })).rejects.toThrow(
      /the condition to become true, but the instruction limit/,
    );
  });

  it("tells what one step changed", async () => {
    const { session } = await open();
    await session.runTo("again");
    const call = session.stepAndRecord();
    expect(call.instruction.text).toMatch(/^call /);
    expect(call.registers).toEqual([{ name: "rsp", before: 0x80000n, after: 0x7fffcn }]);
    expect(call.writes).toEqual([{ address: 0x7fffcn, size: 4, before: 0n, after: session.address("afterCall") }]);
    session.step(2);
    const add = session.stepAndRecord();
    expect(add.registers[0]).toEqual({ name: "rax", before: 0n, after: 1n });
    expect([add.writes, add.deliveries, add.executed]).toEqual([[], [], true]);
  });

  it("is over once somebody interrupts", async () => {
    let interrupted = false;
    const { session } = await open({ interrupted: () => interrupted });
    session.breakAt("add_one", () => {
      interrupted = true;
      session.machine.requestStop();
    });
    const loop = async (): Promise<void> => {
      for (;;) await session.run();
    };
    await expect(loop()).rejects.toThrow("interrupted");
    await expect(session.runUntil(() => false)).rejects.toThrow("interrupted");
  });

  it("says what happened instead", async () => {
    const { session } = await open();
    session.type("A");
    await expect(session.runTo(0x1234n)).rejects.toThrow(
      "expected to reach 0x1234, but the guest ended with exit code 65",
    );
    expect(() => session.address("ad_one")).toThrow('no symbol "ad_one"');
    expect(() => session.address("one")).toThrow('no symbol "one"; there is add_one');
  });
});

describe("overriding and forking", () => {
  it("returns from a function that has not run", async () => {
    const { session } = await open();
    // 32-bit code returns by four bytes: only 64-bit functions can be overridden.
    await session.runTo("again");
    expect(() => session.overrideReturn(1n)).not.toThrow();
    session.step();
    expect(() => session.overrideReturn(1n)).toThrow(/is not a function's first instruction$/);
  });

  it("makes machines that go their own ways, with sessions of their own", async () => {
    const { session } = await open();
    const breakpoint = session.breakAt("add_one", { skip: 2 });
    await session.run();
    const fork = await session.fork();
    expect(fork.machine.stateHash()).toBe(session.machine.stateHash());
    fork.registers.eax = 100n;
    fork.type("F");
    await fork.expectExit(70);
    expect(fork.memory.readUint(0x90000n, 4)).toBe(103n);
    expect(breakpoint.hits).toBe(3);
    breakpoint.remove();
    session.type("S");
    await session.expectExit(83);
    expect(session.memory.readUint(0x90000n, 4)).toBe(5n);
  });

  it("waits in a fork for what comes after what was waited for", async () => {
    const { session } = await open();
    await session.waitFor("H");
    const fork = await session.fork();
    expect(await fork.waitFor("!")).toBe("i!");
    expect(session.console).toBe("H");
  });
});

describe("memory", () => {
  it("goes by address or symbol", async () => {
    const { session } = await open();
    const { memory } = session;
    expect(memory.readUint("again", 1)).toBe(0xe8n);
    expect(memory.readUint("again+0x1", 4)).toBe(memory.readUint(session.address("again") + 1n, 4));
    memory.writeUint("0x90020", 2, 0x4142n);
    expect(memory.readString(0x90020n)).toBe("BA");
    expect(() => memory.read("nowhere", 1)).toThrow('no symbol "nowhere"');
    expect(() => memory.read(0x7fff_ffffn, 1)).toThrow("0x7fffffff is not mapped");
    expect(() => memory.write(0x7fff_ffffn, new Uint8Array(1))).toThrow("0x7fffffff is not mapped");
  });
});

describe("patches", () => {
  it("take effect at once, fill up with nops, and can be undone", async () => {
    const { session } = await open();
    await session.runTo("add_one");
    await session.runTo("afterCall");
    const patch = session.patch("add_one", "inc eax; inc eax; ret");
    expect(session.disassembleRange("add_one", session.address("add_one") + 6n).map(({ text }) => text)).toEqual([
      "inc eax",
      "inc eax",
      "ret",
      "add eax, 1",
    ]);
    await session.runTo("add_one");
    await session.runTo("afterCall");
    expect(session.registers.eax).toBe(3n);
    patch.undo();
    await session.runTo("add_one");
    await session.runTo("afterCall");
    expect(session.registers.eax).toBe(4n);
    session.type("A");
    await session.expectExit(65);
  });

  it("pad to the end of the instruction that they cut", async () => {
    const { session } = await open();
    const patch = session.patch("again", "nop");
    expect(Buffer.from(patch.bytes).toString("hex")).toBe("9090909090");
    expect(patch.original[0]).toBe(0xe8);
    expect(session.patch("again", "nop", { pad: false }).bytes).toHaveLength(1);
  });

  it("know symbols in braces, and say what cannot be assembled", async () => {
    const { session } = await open();
    session.patch("again", "call {add_one}");
    expect(session.disassemble("again")[0].text).toMatch(/^call 0x\w+ <add_one>$/);
    expect(() => session.assemble("bogus eax")).toThrow(/^cannot assemble "bogus eax": .*mnemonic/i);
    expect(() => session.assemble("call {nowhere}")).toThrow('no symbol "nowhere"');
  });

  it("are not undone over what the guest has written since", async () => {
    const { session } = await open();
    const patch = session.patch("again", "nop");
    session.memory.writeUint(session.address("again"), 1, 0xccn);
    expect(() => patch.undo()).toThrow(/has been changed since/);
  });
});

describe("the console", () => {
  it("is waited for, to the very character", async () => {
    const { session } = await open();
    expect(await session.waitFor("Hi")).toBe("Hi");
    expect(session.console).toBe("Hi");
    expect(await session.waitFor(/\n/)).toBe("!\n");
    session.expectConsole(/^Hi!$/m);
    expect(() => session.expectConsole("Ho")).toThrow(/expected 'Ho' on the console, which ends with:\nHi!\n/);
    session.type("B");
    await session.expectExit(66);
  });

  it("that does not say it ends the waiting with what it said", async () => {
    const { session } = await open();
    session.type("A");
    await expect(session.waitFor("Bye")).rejects.toThrow(
      "expected 'Bye' on the console, but the guest ended with exit code 65; its last line is \"Hi!\"",
    );
  });
});

describe("expectations", () => {
  it("name what, and where the guest is", async () => {
    const { session } = await open();
    await session.runTo("add_one");
    const where = `(at add_one, time ${session.machine.time})`;
    expect(() => session.expect(false, "sunshine")).toThrow(new SessionError(`expected sunshine ${where}`));
    expect(() => session.expectEqual(session.registers.eax, 7, "eax")).toThrow(
      new SessionError(`expected eax to be 7 (0x7), got 0 (0x0) ${where}`),
    );
    expect(() => session.expectEqual("a", "b", "the name")).toThrow(`expected the name to be 'b', got 'a' ${where}`);
    expect(() => session.expectEqual([1, 2], [1, 2], "the list")).not.toThrow();
    expect(() => session.expectEqual(12, 12n, "the number")).not.toThrow();
    session.type("A");
    await expect(session.expectExit(0)).rejects.toThrow(
      /expected the guest to end with exit code 0, but .* exit code 65/,
    );
  });
});
