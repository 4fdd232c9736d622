/**
 * Clients of others, unchanged: programs against Debian's libbpf, and Debian's bpftool with its shared libraries, print in
 * the guest what they printed on Linux 6.1 (the .txt files here; on-linux.sh records them). What differs by the nature of
 * the two kernels is taken out of both: addresses, what depends on them, the time of day, the size of the kernel's own types.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Disk } from "../../../src/machine/disk.ts";
import { missingForGuest, runInMachine } from "../../kernel/guest.ts";

const here = import.meta.dirname;

const output = (command: string): string => {
  const result = spawnSync("sh", ["-c", `PATH=$PATH:/usr/sbin; ${command}`], { encoding: "utf8" });
  return result.status === 0 ? result.stdout : "";
};

/** What is missing, or has another version than what the recordings were made with. */
function missing(): string | undefined {
  const tools = missingForGuest("clang", "bpftool", "busybox");
  if (tools !== undefined) return tools;
  const libraries = ["bpf", "elf", "z"].filter(
    (name) => !existsSync(output(`gcc -print-file-name=lib${name}.a`).trim()),
  );
  if (libraries.length > 0) return libraries.map((name) => `lib${name}.a`).join(", ");
  if (!output("bpftool version").startsWith("bpftool v7.1.0")) return "bpftool 7.1.0";
  if (!/clang version 14\./.test(output("clang --version"))) return "clang 14";
  return undefined;
}

const lacking = missing();
if (lacking !== undefined) console.warn(`clients of libbpf and bpftool are skipped: missing ${lacking}`);

/** Takes out what need not be the same. */
function comparable(text: string): string {
  return text
    .replace(/loaded_at \S+/g, "loaded_at TIME")
    .replace(/"loaded_at": ?\d+/g, '"loaded_at": TIME')
    .replace(/(call \w+)#-?\d+/g, "$1#DISTANCE")
    .replace(/^( +)85 00 00 00 .*/gm, "$1CALL")
    .replace(/bpf_prog_[0-9a-f]{16}_/g, "bpf_prog_TAG_")
    .replace(/(name \[vmlinux\] {2}size )\d+/g, "$1SIZE")
    .replace(/("id":1,"size":)\d+/g, "$1SIZE")
    .replace(/(r0 = 0x)[0-9a-f]{8,}/g, "$1ADDRESS")
    .replace(/parent=\w+/g, "parent=PARENT");
}

const recorded = (name: string): string => comparable(readFileSync(join(here, name), "utf8"));

describe.skipIf(lacking !== undefined)("unmodified clients", () => {
  let built = "";
  beforeAll(() => {
    built = mkdtempSync(join(tmpdir(), "clients-"));
    const result = spawnSync("sh", ["-c", `PATH=$PATH:/usr/sbin sh ${join(here, "build.sh")} ${built}`]);
    if (result.status !== 0) throw new Error(result.stderr.toString());
  }, 60_000);
  afterAll(() => {
    if (built !== "") rmSync(built, { recursive: true });
  });

  const run = async (name: string): Promise<string> => {
    const disk = await Disk.fromFile(join(here, "../../../images/disks/btrfs.img.gz"));
    const guest = runInMachine({ files: { [`/${name}`]: join(built, name) }, exec: `/${name}`, disk });
    return comparable(guest.output);
  };

  test("a libbpf program with a skeleton: kprobe, tracepoints, ring buffer, global data, CO-RE, pinning", async () => {
    expect(await run("observe")).toBe(recorded("observe.txt"));
  }, 60_000);

  test("kprobe.multi: patterns, names, addresses, cookies, returns, overrides and refusals", async () => {
    expect(await run("multi")).toBe(recorded("multi.txt"));
  }, 60_000);

  test("helpers about the task: signals, control group, namespaces", async () => {
    expect(await run("signals")).toBe(recorded("signals.txt"));
  }, 60_000);

  test("where tracing programs may be attached, in which order they run, and when not", async () => {
    expect(await run("targets")).toBe(recorded("targets.txt"));
  }, 60_000);

  test("bpftool prog, map, btf, link: plain and JSON", () => {
    const tool = output("command -v bpftool").trim();
    const libraries = output(`ldd ${tool}`).match(/\/lib\S+/g) ?? [];
    const files = {
      "/bin/busybox": output("command -v busybox").trim(),
      "/usr/sbin/bpftool": tool,
      "/tool.bpf.o": join(built, "tool.bpf.o"),
      "/bpftool.sh": join(here, "bpftool.sh"),
      "/begin.sh": join(here, "begin.sh"),
      ...Object.fromEntries(libraries.map((path) => [path, realpathSync(path)])),
    };
    const guest = runInMachine({ files, exec: "/bin/busybox sh /begin.sh" });
    expect(comparable(guest.output)).toBe(recorded("bpftool.txt"));
  }, 180_000);
});
