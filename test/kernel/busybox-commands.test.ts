/**
 * Debian's static busybox, unchanged: many commands, all in one boot, print in the guest what the same busybox prints on
 * the host in the same directory.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { missingForGuest, runInMachine } from "./guest.ts";

const busybox = "/bin/busybox";
/** A static program names no interpreter. */
const isStatic = existsSync(busybox) && !readFileSync(busybox).subarray(0, 4096).includes("/lib64/ld-linux");
const missing = missingForGuest() ?? (isStatic ? undefined : "busybox-static");
if (missing !== undefined) console.log(`busybox commands: skipped, not installed: ${missing}`);

const source = readFileSync(join(import.meta.dirname, "busybox/commands.sh"), "utf8");
const parts = new Map(
  source
    .split(/^#### /m)
    .slice(1)
    .map((part): [string, string] => [part.slice(0, part.indexOf("\n")), part.slice(part.indexOf("\n") + 1)]),
);

/** Runs the parts; what each prints stands behind "#### name". */
const runner = `umask 022
for part in $PARTS; do
  echo "#### \${part##*/}"
  cd "$WORK" || exit 1
  env -i PATH="$PATH" TZ=UTC sh -c "$(cat "$part")" sh 2>&1 < /dev/null
  echo "status $?"
done
`;

function byPart(output: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of output.split(/^#### /m).slice(1)) found.set(part.slice(0, part.indexOf("\n")), part);
  return found;
}

describe.skipIf(missing !== undefined)("busybox commands", () => {
  let host = new Map<string, string>();
  let guest = new Map<string, string>();

  beforeAll(() => {
    const directory = mkdtempSync(join(tmpdir(), "busybox-"));
    try {
      for (const sub of ["bin", "parts", "work"]) mkdirSync(join(directory, sub));
      const files: Record<string, string> = { [busybox]: busybox, "/runner": join(directory, "runner") };
      for (const [name, text] of parts) {
        writeFileSync(join(directory, "parts", name), text);
        files[`/parts/${name}`] = join(directory, "parts", name);
      }
      const list = (where: string) => [...parts.keys()].map((name) => `${where}/${name}`).join(" ");
      writeFileSync(join(directory, "runner"), runner);
      spawnSync(busybox, ["--install", "-s", join(directory, "bin")]);
      const native = spawnSync(busybox, ["sh", join(directory, "runner")], {
        env: { PATH: join(directory, "bin"), WORK: join(directory, "work"), PARTS: list(join(directory, "parts")) },
        timeout: 60_000,
      });
      host = byPart(native.stdout.toString());
      const start = `mkdir /tmp/work; ${busybox} --install -s /bin; PATH=/bin WORK=/tmp/work PARTS="${list("/parts")}" sh /runner`;
      guest = byPart(runInMachine({ files, exec: `${busybox} sh -c '${busybox} ${start}'` }).output);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }, 300_000);

  test.each([...parts.keys()])("%s", (name) => {
    expect(host.get(name)?.length).toBeGreaterThan(20);
    expect(guest.get(name)).toBe(host.get(name));
  });
});
