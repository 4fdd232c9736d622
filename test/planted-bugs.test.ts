/**
 * Every image with a planted bug, images/planted-bugs/BUG.bin: without its fault the kernel is silent, with it the symptom shows.
 * The console is compared with what is expected of it, and the exit code says the same. The kernel without bugs handles each of the
 * faults (images/planted-bugs.bin in images.test.ts), and each call of the same functions on each way to it, which is here.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { boot, readBootSource, type Stop } from "../src/index.ts";

const directory = join(import.meta.dirname, "../images/planted-bugs");
const recipe = JSON.parse(readFileSync(join(directory, "image.json"), "utf8")) as {
  readonly planted: { readonly bugs: readonly string[] };
};
const { bugs } = recipe.planted;

/** Linux's words for what the bug has done; for two of them the errno is the symptom. */
const symptoms: Readonly<Record<string, RegExp>> = {
  "leaked-reference": /BTRFS error \(device vda\): leaked root 2 refcount 1/,
  "stale-error-pointer": /NULL pointer dereference, address: 0{14}[^0].\n[\s\S]*RIP: 0010:free_root_pointers/,
  "wrong-errno": /returned -EIO[\s\S]*exit status 22/,
  "success-on-failure": /returned -EIO[\s\S]*exit status 0/,
  "double-free": /BUG kmalloc-32 \(Not tainted\): Object already free\n[\s\S]*init_mount_fs_info/,
  "use-after-free": /general protection fault, probably for non-canonical address 0x6b6b6b6b6b6b6b6b/,
  "unbalanced-lock": /WARNING: lock held when returning to user space!\n[\s\S]*\(&fs_info->chunk_mutex\)/,
  "missed-wakeup": /INFO: task try-mount:\d+ blocked for more than 120 seconds\.\n[\s\S]*wait_for_completion/,
  "teardown-order": /buffer leak start \d+ len 16384 refs 1/,
  "unchecked-null": /BUG: kernel NULL pointer dereference, address: 0{16}\n[\s\S]*btrfs_recover_balance/,
  "wrong-label": /sysfs: cannot create duplicate filename '\/fs\/btrfs\/[\s\S]*mount: File exists/,
  "endless-retry": /watchdog: BUG: soft lockup - CPU#0 stuck for 2s! \[try-mount:\d+\][\s\S]*RIP: 0010:open_ctree/,
};

/** Runs an image, with another command if one is given; what it prints, and how it ends. */
async function run(
  image: string,
  exec?: string,
): Promise<{ console: string; expected: string | undefined; end: Stop }> {
  const source = await readBootSource(image);
  const { machine } = boot(source, exec === undefined ? {} : { exec });
  const chunks: Uint8Array[] = [];
  machine.console.listener = (bytes) => chunks.push(bytes.slice());
  const end = machine.run({ instructions: 5_000_000_000 });
  const console = Buffer.concat(chunks).toString().replaceAll("\r\n", "\n");
  return { console, expected: source.expectedConsole, end };
}

/** A mount that loses each call of a function once, by every stack that leads to it. */
const everyStack = (options: string, mount: string): string =>
  `/bin/inject ${options} --caller btrfs_mount_root --every-stack -- try-mount ${mount} /dev/vda /mnt`;

test("every bug has its image and every image its bug", () => {
  const images = readdirSync(directory).filter((name) => name.endsWith(".bin"));
  expect(images.sort()).toEqual(bugs.map((bug) => `${bug}.bin`).sort());
  expect(Object.keys(symptoms).sort()).toEqual([...bugs].sort());
});

describe.each(bugs)("planted bug: %s", (bug) => {
  test("is silent without its fault and shows its symptom with it", async () => {
    const { console, expected, end } = await run(join(directory, `${bug}.bin`));
    expect(console).toBe(expected);
    expect(end).toMatchObject({ reason: "exit", code: 0 });
    const fault = console.indexOf("$ inject");
    expect(console.slice(0, fault)).toMatch(/^\$ try-mount .*\nmount: done.*\numount: done\n$/);
    expect(console.slice(fault)).toMatch(symptoms[bug] ?? /never/);
  });
});

test.each([
  ["-f kmalloc", "-r", 35],
  ["-f kmem_cache_alloc", "", 30],
  ["-f __alloc_pages", "", 15],
  ["-f btrfs_search_slot -e EIO", "-o rescan_uuid_tree", 15],
  ["-f should_fail_bio", "-r", 10],
])("without a bug: inject %s, try-mount %s: each way fails cleanly", async (options, mount, stacks) => {
  const { console, end } = await run(`${directory}.bin`, everyStack(options, mount));
  const [, count, troubles] = /(\d+) stacks, one fault each; (\d+) runs? in trouble/.exec(console) ?? [];
  expect(Number(count)).toBeGreaterThanOrEqual(stacks);
  expect(troubles).toBe("0");
  expect(console).toMatch(/no new stack: exit status 0$/m);
  expect(end).toMatchObject({ reason: "exit", code: 0 });
});

test.each([
  [
    "stale-error-pointer",
    "-f btrfs_search_slot -e EIO",
    /btrfs_get_fs_root < open_ctree: .*the kernel has died in it/,
    1,
  ],
  ["use-after-free", "-f btrfs_search_slot -e EIO", /load_global_roots: .*the kernel has died in it/, 1],
  ["unchecked-null", "-f kmem_cache_alloc", /btrfs_alloc_path < btrfs_recover_balance .*the kernel has died in it/, 1],
  // What was left in sysfs is in the way of the next mount, too.
  [
    "wrong-label",
    "-f btrfs_search_slot -e EIO",
    /btrfs_read_block_groups .*: exit status 5; \d+ objects left allocated/,
    2,
  ],
  [
    "leaked-reference",
    "-f btrfs_search_slot -e EIO",
    /load_global_roots: exit status 5; .*: leaked root 2 refcount 1$/m,
    8,
  ],
  ["double-free", "-f kmalloc", /init_mount_fs_info .*; the kernel says: BUG kmalloc-32 .*: Object already free$/m, 1],
  ["unbalanced-lock", "-f kmalloc", /btrfs_read_sys_array .*: lock held when returning to user space!$/m, 1],
  ["teardown-order", "-f btrfs_search_slot -e EIO", /btrfs_read_chunk_tree .*: buffer leak start \d+ /, 16],
])("who tries every way finds %s", async (bug, options, line, troubles) => {
  const { console, end } = await run(join(directory, `${bug}.bin`), everyStack(options, "-r"));
  expect(console).toMatch(line);
  expect(console).toMatch(new RegExp(` ${troubles} runs? in trouble$`, "m"));
  expect(end).toMatchObject({ reason: "exit", code: 7 });
});
