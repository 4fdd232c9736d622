/** The guest's files, directories, pipes and terminal answer as Linux does: the same program runs on both. */
import { describe, expect, test } from "vitest";
import { type GuestRun, missingForGuest, runInMachine, runInQemu, runNatively, userProgram } from "./guest.ts";

const missing = missingForGuest();
const missingQemu = missingForGuest("qemu-system-x86_64");
const isRoot = process.getuid?.() === 0;
if (missing !== undefined) console.log(`guest files: skipped, not installed: ${missing}`);
else if (!isRoot) console.log("guest files: comparison with the host skipped: not root");

const programs = ["files", "pipes"];

function testRun(name: string): GuestRun {
  return { files: { [`/${name}`]: userProgram(`tests/${name}`) }, exec: `/${name} /tmp` };
}

describe.skipIf(missing !== undefined)("guest files", () => {
  describe.each(programs)("%s", (name) => {
    test.skipIf(!isRoot)("prints in our machine what it prints on the host", () => {
      const native = runNatively(userProgram(`tests/${name}`));
      expect(native.exitCode).toBe(0);
      expect(runInMachine(testRun(name))).toEqual(native);
    });

    test.skipIf(!isRoot || missingQemu !== undefined)("prints under QEMU what it prints on the host", () => {
      expect(runInQemu(testRun(name))).toEqual(runNatively(userProgram(`tests/${name}`)));
    });
  });

  test("allocations that fail leave nothing behind", () => {
    const { output, exitCode } = runInMachine(testRun("allocation-failures"));
    expect(output.replaceAll(/^\w+: survives\n/gm, "")).toMatch(/^\d{2,} failures injected\n$/);
    expect(exitCode).toBe(0);
  });

  test("the initramfs brings files and directories with their modes", () => {
    const run = {
      files: { "/bin/ls": userProgram("ls"), "/data/some/file": userProgram("echo") },
      exec: "/bin/ls /data /data/some",
    };
    expect(runInMachine(run)).toEqual({ output: "/data:\nsome\n\n/data/some:\nfile\n", exitCode: 0 });
  });

  test("init reports a missing program, and passes on quoted words", () => {
    expect(runInMachine({ files: {}, exec: "/missing" })).toEqual({
      output: "init: /missing: No such file or directory\n",
      exitCode: 127,
    });
    const echo = { files: { "/bin/echo": userProgram("echo") }, exec: `echo 'two words' "and 'three' more" a\\ b` };
    expect(runInMachine(echo)).toEqual({ output: "two words and 'three' more a b\n", exitCode: 0 });
  });
});
