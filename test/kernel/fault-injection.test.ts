/**
 * The fault-injection framework of 2006: src/kernel/user/tests/fault-attributes.c asks what its files take, who decides, and what
 * then fails. The lines in fault-injection.txt are what Linux 6.1 prints, where each system call copies as often from and to user memory,
 * each futex operation makes as many requests, and each object has the same size. (docs/fault-injection.md)
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { Disk } from "../../src/machine/disk.ts";
import { missingForGuest, runInMachine, userProgram } from "./guest.ts";

const missing = missingForGuest();
const image = join(import.meta.dirname, "../../images/disks/btrfs.img.gz");

describe.skipIf(missing !== undefined)("fault injection", () => {
  let disk: Disk | undefined;

  beforeAll(async () => {
    disk = await Disk.fromFile(image);
  });

  /** What the program prints about these parts, with these options for the kernel. */
  function ask(parts: string, options = ""): string {
    const files = { "/fault-attributes": userProgram("tests/fault-attributes") };
    const exec = `/fault-attributes ${parts}`.trim();
    const { output, exitCode } = runInMachine({ files, exec, options, ...(disk && { disk }) });
    expect(exitCode).toBe(0);
    return output;
  }

  /** The lines of an answer by their titles. */
  const parts = (answer: string): Map<string, readonly string[]> =>
    new Map(
      answer
        .split(/^== /m)
        .slice(1)
        .map((part) => part.trimEnd().split("\n"))
        .map(([title = "", ...lines]) => [title, lines]),
    );

  const recorded = parts(readFileSync(join(import.meta.dirname, "fault-injection.txt"), "utf8"));

  describe("is as on Linux 6.1", () => {
    let answers: ReadonlyMap<string, readonly string[]> = new Map();

    beforeAll(() => {
      answers = parts(ask(""));
    });

    test.each([...recorded.keys()])("%s", (title) => {
      expect(answers.get(title)).toEqual(recorded.get(title));
    });
  });

  describe("boot options", () => {
    const unset = [
      "failslab",
      "fail_page_alloc",
      "fail_make_request",
      "fail_io_timeout",
      "fail_futex",
      "fail_usercopy",
    ];
    /** Interval, probability, space and times of each capability, then what the log says. As Linux 6.1 prints it. */
    const boot = (options: string): readonly string[] => ask("boot", options).trimEnd().split("\n").slice(1);
    const withDefaults = (changed: Readonly<Record<string, string>>): readonly string[] =>
      unset.map((name) => `${name} ${changed[name] ?? "1 0 0 1"}`);
    const unknown = (option: string): string =>
      `Unknown kernel command line parameters "${option}", will be passed to user space.`;
    const unreadable = "FAULT_INJECTION: failed to parse arguments";

    test("set interval, probability, space and times", () => {
      const options =
        "failslab=7,100,1000000000,3junk fail_page_alloc=2,50,1000000,-1 fail_futex=1,0,99999999999,4,5 " +
        "fail_usercopy=4294967296,18446744073709551616,2147483648,-3 fail_make_request=010,0,-3,-4 fail_io_timeout=3,2,1,0";
      expect(boot(options)).toEqual(
        withDefaults({
          failslab: "7 100 1000000000 3",
          fail_page_alloc: "2 50 1000000 -1",
          fail_make_request: "10 0 -3 -4",
          fail_io_timeout: "3 2 1 0",
          fail_futex: "1 0 1215752191 4",
          fail_usercopy: "4294967296 0 -2147483648 -3",
        }),
      );
    });

    test.each([
      "failslab=1,2",
      "failslab=",
      "fail_futex=1,2,3,x",
      "fail_futex=1,1,-x,3",
      "fail_make_request=-1,100,0,1",
      "fail_io_timeout=0x10,010,1,1",
      "fail_usercopy=+1,0,1,1",
      "fail_page_alloc=1.0,2,3,4",
    ])("%s cannot be read: nothing is set", (option) => {
      expect(boot(option)).toEqual([...withDefaults({}), unreadable, unknown(option)]);
    });

    test.each(["failslab", "fail_function=1,1,1,1"])("%s is none", (option) => {
      expect(boot(option)).toEqual([...withDefaults({}), unknown(option)]);
    });
  });

  test("draws repeat, unless the seed is another", () => {
    const first = ask("draws");
    const failures = first.match(/F/g) ?? [];
    expect(failures.length).toBeGreaterThan(60);
    expect(failures.length).toBeLessThan(140);
    expect(ask("draws")).toBe(first);
    expect(ask("draws", "random.seed=0")).toBe(first);
    const other = ask("draws", "random.seed=1");
    expect(other).not.toBe(first);
    expect(ask("draws", "random.seed=0x1")).toBe(other);
  });

  test("the stack filter's files, and what it lets fail", () => {
    const lines = parts(ask("stack-filter")).get("stack-filter") ?? [];
    const [zeros, ones] = ["0".repeat(16), "f".repeat(16)];
    const addresses =
      `'0' -> 0x${zeros}, '1' -> 0x0000000000000001, '0xffffffff81000000' -> 0xffffffff81000000, ` +
      `'18446744073709551615' -> 0x${ones}, '-1' EINVAL, 'x' EINVAL`;
    const file = "/sys/kernel/debug/failslab";
    expect(lines).toEqual([
      `${file}/stacktrace-depth: 32, '0' -> 0, '1' -> 1, '31' -> 31, '32' -> 32, '33' -> 32, '1000' -> 32, '-1' EINVAL, 'x' EINVAL`,
      `${file}/require-start: 0x${zeros}, ${addresses}`,
      `${file}/require-end: 0x${ones}, ${addresses}`,
      `${file}/reject-start: 0x${zeros}, ${addresses}`,
      `${file}/reject-end: 0x${zeros}, ${addresses}`,
      "none: pipe ENFILE, pipe2 ENFILE",
      "required: pipe ok, pipe2 ENFILE",
      "required, depth 1: pipe ok, pipe2 ok",
      "required, depth 0: pipe ok, pipe2 ok",
      "rejected: pipe ENFILE, pipe2 ok",
      "rejected, depth 1: pipe ENFILE, pipe2 ENFILE",
    ]);
  });

  test("the dump names the stack, from the request to the system call", () => {
    expect(parts(ask("stack")).get("stack")?.[0]).toMatch(
      /^ENFILE: dump_stack .*should_fail_ex .*should_failslab kmem_cache_alloc .*do_pipe2 __x64_sys_pipe do_syscall_64 entry_SYSCALL_64_after_hwframe$/,
    );
  });

  test("cache-filter: only caches fail that slub_debug=A has marked", () => {
    expect(parts(ask("cache-filter", "slub_debug=A,kmalloc-64")).get("cache-filter")).toEqual([
      "kmalloc-64 1, kmalloc-128 0",
      "cache-filter N: 40 bytes ENOMEM, 100 bytes ENOMEM",
      "cache-filter Y: 40 bytes ENOMEM, 100 bytes EINVAL",
    ]);
  });

  test("fail_function: what returns a pointer can return NULL only", () => {
    const lines = parts(ask("null")).get("null") ?? [];
    expect(lines[2]).toMatch(/^'~~~~~~~~': ENOMEM/);
    expect(lines.slice(0, 2)).toEqual([
      "'kmalloc': ok, lists kmalloc",
      "/sys/kernel/debug/fail_function/kmalloc/retval: 0, '0' -> 0, '1' EINVAL, '0xfffffffffffffff4' EINVAL, '0x0' -> 0",
    ]);
  });
});
