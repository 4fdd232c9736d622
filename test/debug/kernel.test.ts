/** Sessions on the miniature kernel: its types, backtraces, probes. */
import { existsSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { boot, loadDisassembler, readBootSource, Session, SessionError, Symbols, Trace } from "../../src/index.ts";
import { hasTypes, imagePath, openSession } from "./images.ts";

const BUSYBOX = "/bin/busybox";
const typed = await hasTypes("override-open-ctree");
if (!typed) console.log("the kernel's types are not tested: the images' kernel carries none");

describe.skipIf(!typed)("types", () => {
  let session: Session;
  beforeAll(async () => {
    ({ session } = await openSession("override-open-ctree"));
    await session.runTo("open_ctree");
  });

  it("give fields by path, through pointers and arrays", () => {
    const task = session.currentTask;
    expect(task.typeName).toBe("struct task_struct");
    expect(task.field("comm").text).toBe("mount-with-bpf");
    expect(task.field("comm[1]").value).toBe(BigInt("o".charCodeAt(0)));
    expect(task.field("pid").number).toBe(3);
    expect(task.field("parent->pid").value).toBe(1n);
    expect(task.field("parent.comm").text).toBe("init");
    expect(task.field("group_leader").value).toBe(task.address);
    expect(task.field("comm").size).toBe(16);
    expect(task.field("cred->uid.val").value).toBe(0n);
    expect(task.fieldNames).toContain("mm");
  });

  it("have signs, sizes and offsets", () => {
    expect(session.types.sizeof("struct pt_regs")).toBe(168);
    expect(session.types.offsetof("pt_regs", "ip")).toBe(128);
    const child = session.types.list(session.address("task_list"), "task_struct", "tasks");
    expect([...child].map((task) => task.field("pid").value)).toContain(1n);
    const pid = session.currentTask.field("pid");
    const old = pid.value;
    pid.value = -5n;
    expect(pid.value).toBe(-5n);
    expect(session.memory.readUint(pid.address, 4)).toBe(0xffff_fffbn);
    pid.value = old;
    const { address } = session.currentTask;
    const tasks = session.currentTask.field("tasks").address;
    expect(session.types.containerOf(tasks, "task_struct", "tasks").address).toBe(address);
  });

  it("print as C", () => {
    const task = session.currentTask;
    expect(task.field("comm").format()).toBe('"mount-with-bpf"');
    expect(task.field("cred").deref().format(2)).toMatch(/^\{\n {2}\.uid = \{\n {4}\.val = 0,\n/);
    expect(task.format(1)).toMatch(/\n {2}\.pid = 3,\n/);
    expect(task.format(1)).toMatch(/\n {2}\.thread = \{ \.\.\. \},\n/);
    expect(task.format(1)).toMatch(/\n {2}\.children = \(empty\),\n/);
    expect(session.struct("super_block", session.registers.rdi).field("s_type->name").format()).toMatch(
      /^0x[0-9a-f]+ "btrfs"$/,
    );
    session.types.printers.set("cred", (cred) => `uid ${cred.field("uid.val").value}`);
    expect(task.field("cred").deref().format()).toBe("uid 0");
    session.types.printers.delete("cred");
  });

  it("say what is not there", () => {
    expect(() => session.struct("task_strukt", 0n)).toThrow(new SessionError('no type "task_strukt"'));
    expect(() => session.struct("task", 0n)).toThrow(/no type "task"; there is .*task_struct/);
    expect(() => session.currentTask.field("name")).toThrow(
      /^struct task_struct has no field "name" \(of "name"\); it has /,
    );
    expect(() => session.currentTask.field("vfork_done->done")).toThrow(/is null$/);
    expect(() => session.currentTask.value).toThrow("struct task_struct is not a number; take one of its fields");
    expect(() => session.currentTask.field("pid").text).toThrow(/is not text$/);
  });
});

describe.skipIf(!typed)("backtraces", () => {
  const names = (session: Session): string[] =>
    session
      .backtrace()
      .map(({ address, kind }) => (kind === "user" ? "user" : (session.symbols.at(address)?.name ?? "?")));
  const CALLERS = ["btrfs_fill_super", "btrfs_mount_root", "btrfs_mount"];

  it("are the same at every instruction of a function, as far as its callers go", async () => {
    const { session } = await openSession("mount-and-read");
    await session.runTo("open_ctree");
    const expected = names(session).slice(1);
    expect(expected.slice(0, 3)).toEqual(CALLERS);
    expect(expected.slice(-2)).toEqual(["entry_SYSCALL_64_after_hwframe", "user"]);
    const end = session.memory.readUint(session.registers.rsp, 8);
    for (let steps = 0; steps < 3000 && session.registers.rip !== end; steps++) {
      const found = names(session);
      const from = found.indexOf("open_ctree");
      expect(from, `${session.describe(session.registers.rip)}: ${found}`).toBeGreaterThanOrEqual(0);
      expect(found.slice(from + 1), session.describe(session.registers.rip)).toEqual(expected);
      session.step();
    }
  });

  it("are the same at every instruction of an exception, from its entry code to its return", async () => {
    const { session } = await openSession("override-open-ctree");
    await session.runTo("open_ctree");
    const expected = names(session);
    const end = session.memory.readUint(session.registers.rsp, 8);
    const entries = new Set<string>();
    while (session.registers.rip !== end) {
      const found = names(session);
      const from = found.findIndex((name) => name === "open_ctree" || name === "just_return_func");
      expect(from, `${session.describe(session.registers.rip)}: ${found}`).toBeGreaterThanOrEqual(0);
      expect(found.slice(from + 1), session.describe(session.registers.rip)).toEqual(expected.slice(1));
      if (from > 0) entries.add(found[from - 1]);
      session.step();
    }
    expect([...entries]).toContain("asm_int3");
  });

  it.skipIf(!existsSync(BUSYBOX))("go on through a hooked return to the real caller", async () => {
    const commands = [
      "echo 'r:p btrfs_mount' > /sys/kernel/tracing/kprobe_events",
      "echo 1 > /sys/kernel/tracing/events/kprobes/p/enable",
      "/bin/mount /dev/vda /mnt",
    ];
    const { session } = await openSession("override-open-ctree", {
      exec: `${BUSYBOX} sh -c "${commands.join("; ")}"`,
      files: new Map([[BUSYBOX, { data: readFileSync(BUSYBOX), mode: 0o755 }]]),
    });
    await session.runTo("open_ctree");
    expect(session.kprobes.map(({ place, probes }) => [place, probes[0].kind])).toEqual([["btrfs_mount", "kretprobe"]]);
    const hooked = session.backtrace().find(({ address }) => session.symbols.at(address)?.name === "__x64_sys_mount");
    expect(session.describe(session.memory.readUint(hooked?.slot ?? 0n, 8))).toBe("arch_rethook_trampoline");
    expect(names(session).slice(1, 4)).toEqual(CALLERS);
  });

  it("start from any registers", async () => {
    const { session } = await openSession("mount-and-read");
    await session.runTo("open_ctree");
    const { rip, rsp, rbp } = session.registers;
    await session.finish();
    expect(session.backtrace({ from: { rip, rsp, rbp }, limit: 1 })).toHaveLength(1);
    expect(names(session)[0]).toBe("btrfs_fill_super");
  });
});

describe.skipIf(!typed)("probes of the guest", () => {
  it("are listed with the instruction that they cover", async () => {
    const { session } = await openSession("override-open-ctree");
    expect(session.kprobes).toEqual([]);
    await session.runTo("open_ctree");
    const [probe] = session.kprobes;
    expect(session.kprobes).toHaveLength(1);
    expect(probe).toMatchObject({ place: "open_ctree", armed: true });
    expect(Buffer.from(probe.instruction).toString("hex")).toBe("0f1f440000");
    expect(probe.probes.map(({ kind, disabled, missed, handler }) => ({ kind, disabled, missed, handler }))).toEqual([
      { kind: "kprobe", disabled: false, missed: 0n, handler: "kprobe_dispatcher" },
    ]);
    const [first, second] = session.disassemble("open_ctree", 2);
    expect(first.text).toBe("int3  # probe on: nop dword ptr [rax + rax]");
    expect(Buffer.from(first.bytes).toString("hex")).toBe("cc1f440000");
    expect(second.text).toBe("push rbp");
  });

  it("call back at each hit, where they are asked to", async () => {
    const { session } = await openSession("override-open-ctree");
    await session.runTo("open_ctree");
    const hits: string[] = [];
    session.onProbe("open_ctree", {
      before: ({ regs }) => void hits.push(`before ${session.describe(regs.field("ip").value)}`),
      after: ({ regs, overridden }) => void hits.push(`after ${regs.field("ax").value & 0xffffn} ${overridden}`),
    });
    session.onProbe("btrfs_mount", { before: () => void hits.push("never") });
    await session.expectExit(0);
    expect(hits).toEqual(["before open_ctree+0x1", "after 65524 true"]);
  });

  it("let a script change what an override returns", async () => {
    const { session } = await openSession("override-open-ctree");
    session.onOverride({
      before: ({ regs }) => {
        regs.field("ax").value = -5n;
      },
    });
    await session.waitFor("Input/output error (errno 5)");
    await session.expectExit(0);
  });
});

describe("symbols of programs", () => {
  it("come from the guest's root or from a file, and name user code", async () => {
    const { session } = await openSession("mount-and-read");
    await session.runTo("open_ctree");
    const user = session.backtrace().find(({ kind }) => kind === "user");
    expect(user?.text).toMatch(/^0x/);
    session.loadGuestSymbols("/bin/mount-and-read");
    expect(session.describe(user?.address ?? 0n)).toMatch(/^\w+\+0x/);
    expect(session.address("main")).toBeLessThan(1n << 47n);
    expect(session.symbols.find("open_ctree")?.address).toBeGreaterThan(1n << 63n);
    expect(() => session.loadGuestSymbols("/bin/nothing")).toThrow(
      "symbols of /bin/nothing: the guest's root has no such file",
    );
    await expect(session.loadSymbols("/nowhere")).rejects.toThrow(/^symbols of \/nowhere: /);
  });
});

describe("a trace around a session", () => {
  it("does not keep it from stopping where the console says something", async () => {
    const { machine, elf } = boot(await readBootSource(imagePath("mount-and-read")));
    const symbols = new Symbols(elf.symbols());
    let lines = 0;
    const trace = new Trace(machine, symbols, await loadDisassembler(symbols), { all: true, print: () => lines++ });
    const session = await Session.create({ machine, symbols, runner: trace });
    expect(await session.waitFor("Linux")).toMatch(/Linux$/);
    expect(session.console).toMatch(/Linux$/);
    expect(lines).toBeGreaterThan(1000);
  });
});
