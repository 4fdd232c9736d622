/** Trace events and perf events: what tracefs says, filters, records in the trace, samples in mapped buffers. */
import { describe, expect, test } from "vitest";
import { missingForGuest, runInMachine, runInQemu, userProgram } from "./guest.ts";

const missing = missingForGuest();
const missingQemu = missingForGuest("qemu-system-x86_64");
const run = { files: { "/perf-events": userProgram("tests/perf-events") }, exec: "/perf-events" };

/** What Linux 6.1 prints, but for the numbers of tasks. */
const expected = `
	field:__data_loc char[] filename;	offset:8;	size:4;	signed:1;
	field:pid_t pid;	offset:12;	size:4;	signed:1;
	field:pid_t old_pid;	offset:16;	size:4;	signed:1;

print fmt: "filename=%s pid=%d old_pid=%d", __get_str(filename), REC->pid, REC->old_pid
filter: none
unknown field: Invalid argument
child_pid > 0 && nothing == 3
                         ^
parse_error: Field not found

string without quotes: Invalid argument
good: ok
newcomm ~ "ab*" || (oom_score_adj < 0 && !(pid == 1))
enable: ok
group: X
  task_rename: pid=N oldcomm=perf-events newcomm=abc oom_score_adj=0
  task_rename: pid=N oldcomm=xyz newcomm=abd oom_score_adj=0
no filter: ok
header: version 0, data at 4096, size 4096
poll after 1: 0
poll after 2: 1
poll after 3: 0
  type 9 misc 1 size 32:
  type 9 misc 1 size 32:
  type 9 misc 1 size 32:
counted 3
raw: 68 bytes, system call 110
  type 2 misc 0 size 24:
  type 9 misc 1 size 80:
  type 9 misc 1 size 80:
3 data pages: Invalid argument
4 data pages: ok
refresh: Invalid argument
filter: Invalid argument
output to itself: Invalid argument
any task, any cpu: Invalid argument
unknown: No such file or directory
too small: Argument list too long
exits: own 0, inherited 0, everywhere 2
`;

describe.skipIf(missing !== undefined)("trace events and perf events", () => {
  test("are what Linux 6.1 says", () => {
    const { output, exitCode } = runInMachine(run);
    expect(exitCode).toBe(0);
    expect(output.slice(output.indexOf("\n\tfield:__data_loc")).replaceAll(/pid=\d+/g, "pid=N")).toBe(expected);
  });

  test.skipIf(missingQemu !== undefined)("the same under QEMU", () => {
    expect(runInQemu(run)).toEqual(runInMachine(run));
  });
});
