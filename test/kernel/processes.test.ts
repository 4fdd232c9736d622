/** Processes, signals and memory of the guest answer as Linux does; its reports of its own errors look as Linux's. */
import { describe, expect, test } from "vitest";
import {
  type GuestResult,
  type GuestRun,
  missingForGuest,
  runInMachine,
  runInQemu,
  runNatively,
  userProgram,
} from "./guest.ts";

const missing = missingForGuest();
const missingQemu = missingForGuest("qemu-system-x86_64");
if (missing !== undefined) console.log(`guest processes: skipped, not installed: ${missing}`);
else if (missingQemu !== undefined) console.log(`guest processes under QEMU: skipped, not installed: ${missingQemu}`);

const processes: GuestRun = { files: { "/processes": userProgram("tests/processes") }, exec: "/processes /tmp" };

function provoke(crash: string, run: (guest: GuestRun) => GuestResult): GuestResult {
  return run({
    files: { "/provoke": userProgram("tests/provoke") },
    exec: `/provoke ${crash}`,
    options: "printk.time=0 ignore_loglevel",
  });
}

describe.skipIf(missing !== undefined)("guest processes", () => {
  test("fork, wait, signals, faults and exec: in our machine as on the host", () => {
    const native = runNatively(userProgram("tests/processes"));
    expect(native.exitCode).toBe(0);
    expect(runInMachine(processes)).toEqual(native);
  });

  test.skipIf(missingQemu !== undefined)("fork, wait, signals, faults and exec: under QEMU as on the host", () => {
    expect(runInQemu(processes)).toEqual(runNatively(userProgram("tests/processes")));
  });

  test("an oops names the place and its callers, and kills the task only", () => {
    const { output, exitCode } = provoke("EXCEPTION", runInMachine);
    expect(output).toMatch(
      /BUG: kernel NULL pointer dereference, address: 0000000000000000\n#PF: supervisor write access/,
    );
    expect(output).toMatch(/Oops: 0002 \[#1\].*\nCPU: 0 PID: \d+ Comm: provoke Not tainted 6\.1\.0-enomem/);
    expect(output).toMatch(/RIP: 0010:lkdtm_EXCEPTION\+0x[0-9a-f]+\/0x[0-9a-f]+\nCode: .*<c7> 04 25 00 00 00 00/);
    expect(output).toMatch(
      /Call Trace:\n <TASK>\n direct_write\+.*\n vfs_write\+.*\n __x64_sys_write\+.*\n do_syscall_64\+/,
    );
    expect(output).toMatch(/---\[ end trace 0000000000000000 \]---/);
    expect(output).not.toContain("survived");
    expect(exitCode).toBe(137);
  });

  test.each([
    ["BUG", /kernel BUG at src\/kernel\/debug\/lkdtm\.c:\d+!\ninvalid opcode: 0000 \[#1\]/],
    [
      "WRITE_RO",
      /BUG: unable to handle page fault .*\n#PF: supervisor write .*\n#PF: error_code\(0x0003\) - permissions viol/,
    ],
    ["WRITE_KERN", /#PF: error_code\(0x0003\) - permissions violation/],
    [
      "EXEC_DATA",
      /#PF: supervisor instruction fetch in kernel mode\n#PF: error_code\(0x0011\) - permissions violation/,
    ],
    [
      "GENERAL_PROTECTION",
      /general protection fault, probably for non-canonical address 0xdead000000000000: 0000 \[#1\].*[\s\S]*RIP: 0010:recurse/,
    ],
  ])("%s ends in an oops", (crash, report) => {
    const { output, exitCode } = provoke(crash, runInMachine);
    expect(output).toMatch(report);
    expect(exitCode).toBe(137);
  });

  test.each([
    ["WARNING", /-\[ cut here \]-+\nWARNING: CPU: 0 PID: \d+ at src\/kernel\/debug\/lkdtm\.c:\d+ lkdtm_WARNING\+/],
    [
      "SLAB_FREE_DOUBLE",
      /BUG kmalloc-128 \([^)]*\): Object already free[\s\S]*freed by:\n kfree.*\n lkdtm_SLAB_FREE_DOUBLE/,
    ],
    ["WRITE_AFTER_FREE", /BUG kmalloc-1k \([^)]*\): Poison overwritten/],
    ["SLAB_LINEAR_OVERFLOW", /BUG kmalloc-1k \([^)]*\): Right Redzone overwritten/],
    ["SLAB_LEAK", /40 bytes .* allocated by PID \d+:\n kmalloc.*\n lkdtm_SLAB_LEAK[\s\S]*nothing left allocated/],
  ])("%s is reported, and the kernel goes on", (crash, report) => {
    const { output, exitCode } = provoke(crash, runInMachine);
    expect(output).toMatch(report);
    expect(output).toContain("survived");
    expect(exitCode).toBe(0);
  });

  test("a panic ends the run", () => {
    const { output, exitCode } = provoke("PANIC", runInMachine);
    expect(output).toMatch(
      /Kernel panic - not syncing: dumptest\n[\s\S]*---\[ end Kernel panic - not syncing: dumptest \]---/,
    );
    expect(exitCode).toBeUndefined();
  });

  test.skipIf(missingQemu !== undefined)("the oops is the same under QEMU", () => {
    const lines = ({ output }: GuestResult) => output.match(/RIP: 0010:lkdtm.*|Code: .*| [a-z_0-9]+\+0x\S+$/gm);
    expect(lines(provoke("EXCEPTION", runInQemu))).toEqual(lines(provoke("EXCEPTION", runInMachine)));
  });
});
