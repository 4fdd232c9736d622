/**
 * Programs on functions of the kernel and on hooks of security modules: src/kernel/user/trampolines.c and lsm.c ask; what Linux 6.1
 * answered is in trampolines/ and lsm/. (docs/trampolines.md, docs/lsm.md; semantics D1 to D7)
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { missingForGuest, runInMachine, userProgram } from "./guest.ts";

const missing = missingForGuest();

describe.skipIf(missing !== undefined)("programs on functions of the kernel", () => {
  test.each([
    ["trampolines", "fentry, fexit, fmod_ret"],
    ["lsm", "hooks of security modules"],
  ])("%s: %s as on Linux 6.1", (program) => {
    const files = { [`/${program}`]: userProgram(program) };
    const { output, exitCode } = runInMachine({ files, exec: `/${program}` });
    expect(output).toBe(readFileSync(join(import.meta.dirname, program, "linux-6.1.txt"), "utf8"));
    expect(exitCode).toBe(0);
  });

  test("interpreted programs run on trampolines, too", () => {
    const files = { "/trampolines": userProgram("trampolines") };
    const { output } = runInMachine({ files, exec: "/trampolines interpreter" });
    expect(output).toBe(readFileSync(join(import.meta.dirname, "trampolines/linux-6.1.txt"), "utf8"));
  });
});
