import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { RootFiles } from "../../src/machine/initramfs.ts";

const file = (text: string, mode = 0o644) => ({ kind: "file" as const, data: Buffer.from(text), mode });

function example(order: readonly string[]): RootFiles {
  const root = new RootFiles();
  for (const path of order) root.set(path, file(`contents of ${path}`, path === "/init" ? 0o755 : 0o644));
  root.set("bin/sh", { kind: "symlink", target: "../init" });
  return root;
}

describe("initramfs", () => {
  it("is the same archive whatever order the files came in", () => {
    const one = example(["/init", "/etc/passwd", "/etc-x"]).toCpio();
    const two = example(["/etc-x", "/etc/passwd", "/init"]).toCpio();
    expect(Buffer.compare(one, two)).toBe(0);
  });

  it("has the directories above each file, before it", () => {
    const paths = example(["/a/b/c"])
      .sorted()
      .map(([path]) => path);
    expect(paths).toEqual(["/a", "/a/b", "/a/b/c", "/bin", "/bin/sh"]);
  });

  it("is read by cpio", ({ skip }) => {
    const archive = example(["/init", "/etc/passwd"]).toCpio();
    const { error, stdout } = spawnSync("cpio", ["-itv", "--quiet"], { input: archive, encoding: "utf8" });
    if (error !== undefined) skip("cpio is not installed");
    const listed = stdout
      .trim()
      .split("\n")
      .map((line) => line.split(/\s+/));
    expect(listed.map((fields) => [fields[0], fields.slice(8).join(" ")])).toEqual([
      ["drwxr-xr-x", "bin"],
      ["lrwxrwxrwx", "bin/sh -> ../init"],
      ["drwxr-xr-x", "etc"],
      ["-rw-r--r--", "etc/passwd"],
      ["-rwxr-xr-x", "init"],
    ]);
  });

  it("refuses a file where a directory is needed, and paths that leave the root", () => {
    const root = new RootFiles();
    root.set("/a", file("x"));
    root.set("/a/b", file("y"));
    expect(() => root.sorted()).toThrow("/a/b: cannot be placed in the guest's root, /a is a file");
    expect(() => root.set("/x/../../y", file(""))).toThrow('must not contain ".."');
  });
});
