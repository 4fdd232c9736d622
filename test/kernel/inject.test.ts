/**
 * inject, the tool that picks the call to fail: inject/commands.txt has the command lines, each behind the exit code that it must
 * give; one boot runs them all. Here stands what they must print.
 */
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { Disk } from "../../src/machine/disk.ts";
import { type GuestResult, missingForGuest, runInMachine, userProgram } from "./guest.ts";

const missing = missingForGuest();
const root = join(import.meta.dirname, "../..");

describe.skipIf(missing !== undefined)("inject", () => {
  let result: GuestResult = { output: "", exitCode: undefined };
  const printed = new Map<string, string>();

  const programs = Object.fromEntries(
    ["run-each", "inject", "try-mount", "as-user"].map((name) => [`/bin/${name}`, userProgram(name)]),
  );
  const disk = (): Promise<Disk> => Disk.fromFile(join(root, "images/disks/btrfs.img.gz"));

  beforeAll(async () => {
    result = runInMachine({
      files: { ...programs, "/commands.txt": join(import.meta.dirname, "inject/commands.txt") },
      exec: "/bin/run-each /commands.txt",
      options: "loglevel=1",
      disk: await disk(),
    });
    for (const part of result.output.split(/^\$ /m).slice(1)) {
      const end = part.indexOf("\n");
      printed.set(part.slice(0, end), part.slice(end + 1));
    }
  });

  const said = (command: string): string => {
    const mount = `inject ${command} -- try-mount -r /dev/vda /mnt`;
    return printed.get(command) ?? printed.get(`inject ${command}`) ?? printed.get(mount) ?? "was not run";
  };

  test("every command ends with its exit code", () => {
    expect([...printed].filter(([, text]) => text.includes("not as it should be"))).toEqual([]);
    expect(printed.size).toBe(66);
    expect(result.exitCode).toBe(0);
  });

  test("the first thing wrong with an option is told", () => {
    expect(said("-f kmalloc -n -1")).toMatch(/neither N, N- nor N-M/);
    expect(said("-f kmalloc -r 99999999999999999999")).toMatch(/more than 64 bits/);
    expect(said("-f kmalloc -p 99999")).toMatch(/there is no task 99999/);
    expect(said("-f kmalloc --max-runs 3")).toMatch(/goes with --every-stack/);
    expect(said("-f kmalloc,kmalloc")).toMatch(/kmalloc is named twice/);
    expect(said("-f mount")).toMatch(/similar: __x64_sys_mount/);
  });

  test.each([
    ["", "-f FUNCTION is missing"],
    ["-f kmalloc", "-- COMMAND is missing"],
    ["-f kmalloc try-mount", '"try-mount": the command stands behind --'],
    ["-f kmalloc -n 5-3", '"5-3" is neither N, N- nor N-M'],
    ["-f kmalloc --frobnicate", "no option --frobnicate"],
    ["-f kmalloc -e ENOTHING", "there is no error ENOTHING"],
    ["-f kmalloc -e ENOMEM -r 0", "--error and --return exclude each other"],
    ["-f kmalloc -r 0xdead0000", "kmalloc is on the list as NULL: its callers expect NULL"],
    ["-f btrfs_search_slot -r 0", "as ERRNO: its callers expect a negative errno"],
    ["-f kmalloc --caller open_ctre", "no function open_ctre in /proc/kallsyms"],
    ["-f kmalloc --if 'arg7 == 1'", "does not begin with arg1 ... arg6"],
    ["-f kmalloc --if 'arg1 ~ 1'", "has none of ==, !=,"],
    ["-f kmalloc -c a-name-that-is-too-long", "longer than 15 letters"],
    ["-f kmalloc -c init --any-task", "--pid, --comm and --any-task exclude each other"],
    ["-f kmalloc --every-stack -n 3", "--every-stack picks the calls itself"],
  ])("bad options are named: inject %s", (command, message) => {
    const text = command === "" ? (printed.get("inject") ?? "") : said(command);
    expect(text).toContain(message);
    expect(text).toContain("exit code 2");
  });

  test.each([
    ["-f btrfs_read_block_groups", "it is not on the list in /sys/kernel/debug/error_injection/list"],
    ["-f btrfs_read_block_groups", "on the list: btrfs_search_slot, btrfs_cow_block,"],
    ["-f btrfs_read_block_groups", "inject -f '*' --caller btrfs_read_block_groups --count -- try-mount"],
    ["-f btrfs_serch_slot", "similar: btrfs_search_slot"],
    ["-f open_ctree+4", "only a function's entry can be made to return"],
    ["-f do_syscall_64", "there can be no probe on it: /sys/kernel/debug/kprobes/blacklist"],
    ["-f nothing_like_this_anywhere", "no function nothing_like_this_anywhere in /proc/kallsyms"],
    ["-f kmalloc -- no-such-command", "no-such-command cannot be run: No such file or directory"],
    ["as-user 1000 inject -f kmalloc -- try-mount -r /dev/vda /mnt", "root is needed"],
  ])("a refusal has its reason: inject %s", (command, message) => {
    expect(said(command)).toContain(message);
  });

  test("the fault that fired is named, with its stack", () => {
    expect(said("-f kmalloc -n 3 --caller open_ctree")).toMatch(
      /^mount: Cannot allocate memory\ninject: kmalloc returned NULL: call 3, in try-mount \(\d+\); arguments 0x.*\n {4}init_mount_fs_info\S*\+0x.*\n {4}open_ctree\+0x.*\n {4}btrfs_fill_super\+0x[\s\S]*exit status 12; 3 of \d+ calls matched, 1 failed$/m,
    );
  });

  test("a function is picked by the chain of its callers, in their order", () => {
    const right = said(
      "-f btrfs_search_slot -e EIO --caller btrfs_get_fs_root,open_ctree --not-caller init_tree_roots",
    );
    expect(right).toMatch(/ {4}btrfs_get_fs_root\+0x\w+\n {4}open_ctree\+0x/);
    expect(right).not.toContain("init_tree_roots");
    expect(said("-f btrfs_search_slot -e EIO --caller open_ctree,btrfs_get_fs_root")).toContain("; 0 of ");
    expect(said("-f btrfs_search_slot -e EIO --not-caller btrfs_mount")).toContain("; 0 of ");
  });

  test("a call is picked by its arguments", () => {
    expect(said("-f kmalloc --if 'arg1 == 4096' --caller open_ctree")).toContain("arguments 0x1000 ");
    expect(said("-f kmalloc --if 'arg1>=1000' --if 'arg1<=1100' --caller open_ctree")).toContain("arguments 0x410 ");
    expect(said("-f kmalloc --if 'arg1 > 0x7fffffffffffffff'")).toContain("; 0 of ");
  });

  test("another task than the command is picked by its name", () => {
    const text = printed.get("inject -f kmem_cache_alloc -c btrfs-uuid -- try-mount -o rescan_uuid_tree /dev/vda /mnt");
    expect(text).toMatch(/mount: done[\s\S]*returned NULL: call 1, in btrfs-uuid \(\d+\)/);
  });

  test("errors are names or numbers", () => {
    expect(said("-f btrfs_search_slot -e 117 --caller btrfs_read_block_groups")).toMatch(
      /returned -EUCLEAN: [\s\S]*status 117/,
    );
    expect(said("-f should_fail_bio -n 1- --caller open_ctree")).toContain("mount: Input/output error");
  });

  test("every stack fails once, and then none is left", () => {
    const text = said("-f should_failslab --caller btrfs_read_block_groups --every-stack");
    expect(text).toMatch(
      /^ {3}1 should_failslab < kmem_cache_alloc < btrfs_alloc_path < btrfs_read_block_groups < open_ctree/m,
    );
    expect(text).toMatch(/no new stack: exit status 0\n.*: 3 stacks, one fault each; 0 runs in trouble/);
    expect(said("-f should_failslab --caller open_ctree --every-stack --max-runs 2")).toContain(": 2 stacks,");
  });

  test("an oops is told from an error, and a command that hangs from one that ends", () => {
    const text = said("-f btrfs_search_slot -r 1 --force --caller btrfs_read_block_groups");
    expect(text).toMatch(/killed by signal 9 \(Killed\); [\s\S]*the kernel has died in it/);
    expect(said("-f btrfs_search_slot --timeout 2")).toContain("try-mount -r /dev/vda /mnt: does not end;");
  });

  test("a kernel that lacks a helper is found out", async () => {
    const { output, exitCode } = runInMachine({
      files: programs,
      exec: "/bin/inject -f kmalloc -- try-mount -r /dev/vda /mnt",
      options: "bpf_rules=2015",
      disk: await disk(),
    });
    expect(output).toContain("inject: the kernel is too old: its BPF has no bpf_get_current_pid_tgid\n");
    expect(exitCode).toBe(4);
  });
});
