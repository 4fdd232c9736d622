/** Every script in examples/ does what its header says. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runHere } from "../run/run-here.ts";
import { hasTypes, imagePath } from "./images.ts";

const examples = join(import.meta.dirname, "../../examples");
const BUSYBOX = "/bin/busybox";

interface Example {
  readonly image: string;
  readonly options?: readonly string[];
  readonly needsTypes?: boolean;
  readonly needsFile?: string;
  readonly exitCode?: number;
  /** What it prints, line by line: the whole, or (`parts`) some lines in this order. */
  readonly lines?: string;
  readonly parts?: readonly RegExp[];
  /** What the guest prints among other things. */
  readonly console?: RegExp;
}

const expected: Readonly<Record<string, Example>> = {
  "watch-override": {
    image: "override-open-ctree",
    needsTypes: true,
    lines: `
hit: open_ctree, called from btrfs_fill_super
    its first instruction is now: int3  # probe on: nop dword ptr [rax + rax]
override: open_ctree will return -12
handled: overridden, at just_return_func
returning: -12 to btrfs_fill_super`,
  },
  "asleep-in-a-program": {
    image: "sleepable",
    needsTypes: true,
    parts: [
      /^sleepable\[3\] runs bpf_prog, which calls its helper$/,
      /^it goes to sleep, \d+ calls deep:$/,
      /^ {4}schedule$/,
      /^ {4}filemap_fault$/,
      /^ {4}copy_from_user$/,
      /^ {4}bpf_copy_from_user$/,
      /^ {4}bpf_prog$/,
      /^ {4}bpf_prog_run_array_sleepable$/,
      /^somebody waits for it: it says so when it leaves$/,
    ],
  },
  "inside-a-trampoline": {
    image: "trampolines",
    lines: `
bpf_modify_return_test begins with: call
    __bpf_tramp_enter
${"    __bpf_prog_enter\n    bpf_prog\n    __bpf_prog_exit\n".repeat(5).trimEnd()}
    __bpf_tramp_exit
the caller gets -12`,
  },
  "profile-trigger": {
    image: "bench-trigger",
    parts: [
      /^an ordinary program: \d+ instructions$/,
      /^ +\d+ {2}bpf_trampoline$/,
      /^a sleepable one: SRCU: \d+ instructions$/,
      /^ +\d+ {2}__srcu_read_lock$/,
      /^a sleepable one: rcu_tasks_trace: \d+ instructions$/,
    ],
  },
  "from-fault-to-oops": {
    image: "planted-bugs/stale-error-pointer",
    needsTypes: true,
    lines: `
the second mount, with fs_root = 0
fault: btrfs_search_forward_slot is given -5
open_ctree writes -5 to fs_root
oops in free_root_pointers, called by open_ctree
rbx = -5`,
  },
  "override-of-2017": {
    image: "override-open-ctree",
    options: ["--append", "bpf_rules=2017"],
    lines: `
open_ctree begins with: call ftrace_regs_caller
the program calls its helper with -12
override_func: ret
back in btrfs_fill_super with eax = -12`,
  },
  "override-step-by-step": {
    image: "override-open-ctree",
    needsTypes: true,
    parts: [
      /^open_ctree is called from btrfs_fill_super\+0x\w+$/,
      /^probe on open_ctree: armed, handled by kprobe_dispatcher$/,
      /^enter open_ctree$/,
      /^ {2}open_ctree +int3 {2}# probe on: nop .* rsp 0x\w+ -> 0x\w+, .*\] = open_ctree\+0x1/,
      /^ {2}-> exception 3$/,
      /^enter asm_int3$/,
      /^ {2}asm_int3\+0x\w+ +push rdi +rsp 0x\w+ -> 0x\w+, \[0x\w+\] = 0x\w+$/,
      /^enter do_int3$/,
      /^enter kprobe_int3_handler$/,
      /^enter trace_call_bpf$/,
      /^enter bpf_prog_\w+$/,
      /^enter bpf_override_return$/,
      /^enter override_function_with_return$/,
      /mov qword ptr \[rdi \+ 0x80\], .*\] = just_return_func$/,
      /^back in bpf_prog_\w+$/,
      /pop rax +rax 0x1 -> 0xfffffffffffffff4/,
      /iretq +rsp/,
      /^enter just_return_func$/,
      /^ {2}just_return_func +ret +rsp/,
      /^\d+ steps, through open_ctree, asm_int3, .*, just_return_func$/,
      /^btrfs_fill_super\+0x\w+ goes on with eax = -12$/,
    ],
  },
  "fail-nth-kmalloc": {
    image: "mount-and-read",
    exitCode: 1,
    parts: [
      /^call 3 of kmalloc\(\d+\) under open_ctree fails, called from:$/,
      /^ {4}open_ctree$/,
      /^open_ctree returned -12$/,
    ],
    console: /open_ctree failed: -12\nmount: Cannot allocate memory\n/,
  },
  "patch-code": {
    image: "mount-and-read",
    exitCode: 1,
    lines: `
open_ctree begins with:
    nop dword ptr [rax + rax]
    push rbp
with 11 bytes written over it:
    mov eax, 0xfffffffb
    jmp <just_return_func>
btrfs_fill_super got -5
put back:
    nop dword ptr [rax + rax]
    push rbp`,
    console: /mount: Input\/output error\n/,
  },
  "inspect-task": {
    image: "override-open-ctree",
    needsTypes: true,
    parts: [
      /^running: mount-with-bpf, pid 3$/,
      /^its parent: init, pid 1$/,
      /^all tasks: .*init.*, mount-with-bpf$/,
      /^credentials: \{$/,
      /^ {2}\.uid = \{$/,
      /^ {4}\.val = 0,$/,
      /^ {4}override_function_with_return \[current\]$/,
      /^ {4}bpf_override_return \[call\]$/,
      /^ {4}bpf_prog_\w+ \[call\]$/,
      /^ {4}kprobe_int3_handler \[call\]$/,
      /^ {4}asm_int3 \[call\]$/,
      /^ {4}open_ctree \[interrupted\]$/,
      /^ {4}btrfs_fill_super \[call\]$/,
      /^ {4}__x64_sys_mount \[call\]$/,
      /^ {4}do_syscall_64 \[call\]$/,
      /^ {4}\w+ \[user\]$/,
      /^probed: open_ctree, ax = -12$/,
      /^its first argument is of file system type "btrfs"$/,
    ],
  },
  "shell-dialogue": {
    image: "mount-and-read",
    options: ["--append", "quiet", "--file", `${BUSYBOX}=${BUSYBOX}`, "--exec", `${BUSYBOX} sh`],
    needsFile: BUSYBOX,
    exitCode: 3,
    parts: [/^# echo \$\(\(6 \* 7\)\)$/, /^ {2}42$/, /^# umount \/mnt/, /^ {2}done$/, /Cannot allocate memory$/],
  },
  "fork-and-compare": {
    image: "mount-and-read",
    parts: [
      /^open_ctree calls kmalloc \d+ times and returns 0$/,
      /^call 1, from \S+: open_ctree returns -12, the run ends with exit$/,
      /^call 5, from \S+: open_ctree returns -12, the run ends with exit$/,
    ],
    console: /\/mnt\/hello.txt\n/,
  },
  "probes-seen-from-outside": {
    image: "count-calls",
    parts: [
      /^btrfs_read_dev_super: 3, from btrfs_scan_one_device, btrfs_open_devices, open_ctree$/,
      /^open_ctree: 1, from btrfs_fill_super$/,
      /^btrfs_search_slot: 1, from btrfs_search_forward_slot$/,
    ],
    console: /^ {7}3 btrfs_read_dev_super$/m,
  },
  "fault-site": {
    image: "dynamic-fault",
    lines: `
in read_tree_block: nop dword ptr [rax + rax] becomes jmp ...
in read_tree_block: jmp ... becomes nop dword ptr [rax + rax]
the site was asked 1 time(s) whether it fires`,
  },
  "what-fail-nth-fails": {
    image: "fault-injection",
    parts: [
      /^request 1: fault_slab < should_failslab < kmem_cache_alloc < /,
      /^request \d+: should_fail_usercopy < copy_to_user < do_pipe2 < /,
    ],
    console: /there is no request \d+/,
  },
  "watch-memory": {
    image: "mount-and-read",
    needsTypes: true,
    parts: [/^schedule\w* wrote current_task repeatedly$/, /^init -> /, /^mount-and-read -> /],
  },
};

const typed = await hasTypes("override-open-ctree");
if (!typed) console.log("examples that use the kernel's types are skipped: the images' kernel carries none");

describe("examples", () => {
  it("all have a test and a header that says how to run them", () => {
    const names = readdirSync(examples).map((file) => file.replace(/\.ts$/, ""));
    expect(names.sort()).toEqual(Object.keys(expected).sort());
    for (const name of names) {
      const header = /^\/\*\*[\s\S]*?\*\//.exec(readFileSync(join(examples, `${name}.ts`), "utf8"))?.[0] ?? "";
      expect(header).toContain(`--script examples/${name}.ts`);
      expect(header).toContain(`npx tsx run.ts images/${expected[name].image}.bin`);
    }
  });

  for (const [name, example] of Object.entries(expected)) {
    const missing =
      (example.needsTypes === true && !typed) || (example.needsFile !== undefined && !existsSync(example.needsFile));
    it.skipIf(missing)(`${name} works`, async () => {
      const script = join(examples, `${name}.ts`);
      const { code, out, err } = await runHere(
        imagePath(example.image),
        "--script",
        script,
        ...(example.options ?? []),
      );
      if (example.lines !== undefined) expect(err).toBe(`${example.lines.trimStart()}\n`);
      let rest = err.split("\n");
      for (const part of example.parts ?? []) {
        const at = rest.findIndex((line) => part.test(line));
        expect(at, `${part} in:\n${rest.slice(0, 40).join("\n")}`).toBeGreaterThanOrEqual(0);
        rest = rest.slice(at + 1);
      }
      if (example.console !== undefined) expect(out.replaceAll("\r\n", "\n")).toMatch(example.console);
      expect(code).toBe(example.exitCode ?? 0);
    });
  }
});
