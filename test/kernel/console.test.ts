/**
 * The console as a terminal: what is typed is echoed and edited, keys send signals, jobs stop and go on, programs change
 * the terminal's modes. The programs are busybox's.
 */
import { existsSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { missingForGuest, runInMachine, TypingGuest, userProgram } from "./guest.ts";

const busybox = "/bin/busybox";
const isStatic = existsSync(busybox) && !readFileSync(busybox).subarray(0, 4096).includes("/lib64/ld-linux");
const missing = missingForGuest() ?? (isStatic ? undefined : "busybox-static");
if (missing !== undefined) console.log(`console: skipped, not installed: ${missing}`);

/** The shell's prompt, behind which it asks the terminal where the cursor is. */
const ESC = "\x1b";
const prompt = new RegExp(`/ # (${ESC}\\[6n)?$`);
const [ctrlC, ctrlD, ctrlU, ctrlV, ctrlW, ctrlZ, quit, backspace] = "\x03\x04\x15\x16\x17\x1a\x1c\x7f";

describe.skipIf(missing !== undefined)("a shell on the console", () => {
  let guest: TypingGuest;
  /** What a command prints: without its echo and the next prompt. */
  const command = (line: string): string => guest.type(`${line}\r`, prompt).replace(/^.*\n/, "").replace(prompt, "");

  beforeAll(() => {
    const start = `${busybox} --install -s /bin; export PATH=/bin; exec sh`;
    guest = new TypingGuest({ files: { [busybox]: busybox }, exec: `${busybox} sh -c '${start}'` });
    expect(guest.type("", prompt)).toMatch(/built-in shell \(ash\)/);
  }, 60_000);

  test("prompts, echoes, and edits lines and their history", () => {
    expect(guest.type("echo one two", /two$/)).toBe("echo one two");
    expect(guest.type("\r", prompt)).toMatch(/^\none two\n\/ # /);
    expect(guest.type(`echo wrongX${backspace}${backspace}\r`, prompt)).toMatch(/\nwron\n/);
    expect(guest.type("\x1b[A\x1b[D\x1b[D\x1b[DX\r", prompt)).toMatch(/\nwXron\n/);
    expect(guest.type("ec\tho completed\r", prompt)).toMatch(/completed/);
    expect(guest.type(`echo lost${ctrlC}`, prompt)).toMatch(/\^C/);
  });

  test("the terminal edits lines for programs that let it", () => {
    guest.typeAndWait("cat\r");
    expect(guest.type(`abd${backspace}c\r`, /abc\nabc\n$/)).toBe("abd\b \bc\nabc\n");
    expect(guest.type(`some words${ctrlW}more\r`, /some more\n$/)).toMatch(/\nsome more\n$/);
    expect(guest.type(`nothing${ctrlU}all\r`, /all\n$/)).toMatch(/\nall\n$/);
    expect(guest.type(`${ctrlV}${ctrlC}x\r`, /x\n.*x\n$/)).toBe("^\b^Cx\n\x03x\n");
    expect(guest.type(`half${ctrlD}`, /halfhalf$/)).toBe("halfhalf");
    expect(guest.type(ctrlD, prompt)).toMatch(/^\/ # /);
  });

  test("keys interrupt, quit and stop what runs in the foreground", () => {
    guest.typeAndWait("sleep 1000\r");
    expect(guest.type(ctrlC, prompt)).toMatch(/^\^C\n/);
    expect(command("echo $?")).toBe("130\n");
    guest.typeAndWait("cat\r");
    guest.type("started\r", /started\nstarted\n$/);
    expect(guest.type(quit, prompt)).toMatch(/^\^\\Quit\n/);
    guest.typeAndWait("cat\r");
    guest.type("again\r", /again\nagain\n$/);
    expect(guest.type(ctrlZ, prompt)).toMatch(/^\^Z\[1\]\+ {2}Stopped +cat\n/);
    expect(command("jobs")).toMatch(/^\[1\]\+ {2}Stopped +cat\n$/);
    expect(guest.typeAndWait("fg\r")).toBe("fg\ncat\n");
    expect(guest.type("resumed\r", /resumed\nresumed\n$/)).toBe("resumed\nresumed\n");
    guest.type(ctrlD, prompt);
    expect(command("jobs")).toBe("");
  });

  test("jobs run in the background, and stop when they want to read", () => {
    expect(command("sleep 1000 & jobs")).toMatch(/^\[1\]\+ {2}Running +sleep 1000\n$/);
    expect(command("kill %1; wait; echo waited")).toMatch(/waited\n.*Terminated/);
    command("cat & sleep 0.1");
    expect(command("jobs")).toMatch(/Stopped \(tty input\) +cat\n/);
    expect(command("kill -9 %1; wait; echo $?")).toMatch(/\n?\d+\n$/);
    expect(command("(trap '' HUP; sleep 0.05; echo later) & sleep 0.2")).toMatch(/^later\n/);
  });

  test("programs change the terminal's modes", () => {
    expect(command("tty")).toBe("/dev/console\n");
    expect(command("stty rows 24 cols 80; stty size")).toBe("24 80\n");
    expect(command("stty | head -n 1")).toMatch(/^speed 9600 baud;/);
    expect(guest.typeAndWait('read -s hidden; echo; echo "<$hidden>"\r')).toMatch(/hidden>"\n$/);
    expect(guest.type("secret\r", prompt)).toMatch(/^\n<secret>\n/);
    guest.typeAndWait("stty -icanon -echo min 2; dd bs=10 count=1 2>/dev/null; stty sane\r");
    expect(guest.typeAndWait("x")).toBe("");
    expect(guest.type("y", prompt)).toMatch(/^xy/);
    expect(command("stty -opost; printf 'a\\nb'; stty opost; echo")).toBe("a\nb\n");
  });

  test("an end of file ends the shell", () => {
    guest.type("(exit 5)\r", prompt);
    guest.type(ctrlD, /never/);
    expect(guest.exitCode).toBe(5);
  });
});

describe.skipIf(missingForGuest() !== undefined)("console=", () => {
  const echo = (options: string) =>
    runInMachine({ files: { "/echo": userProgram("echo") }, exec: "/echo here", options });

  test("chooses the line behind /dev/console: the last that is named", () => {
    expect(echo("")).toEqual({ output: "here\n", exitCode: 0 });
    expect(echo("console=ttyS1 console=ttyS0,115200")).toEqual({ output: "here\n", exitCode: 0 });
    expect(echo("console=ttyS0 console=ttyS1")).toEqual({ output: "", exitCode: 0 });
    expect(echo("console=ttyS9").output).toBe("");
  });
});
