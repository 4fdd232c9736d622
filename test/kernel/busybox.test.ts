/** Debian's static busybox, unchanged, as the guest's shell: scripts print what they print on the host. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { missingForGuest, runInMachine } from "./guest.ts";

const busybox = "/bin/busybox";
/** A static program names no interpreter. */
const isStatic = existsSync(busybox) && !readFileSync(busybox).subarray(0, 4096).includes("/lib64/ld-linux");
const missing = missingForGuest() ?? (isStatic ? undefined : "busybox-static");
if (missing !== undefined) console.log(`busybox: skipped, not installed: ${missing}`);

/** Scripts run in an empty directory; $B is busybox. */
const scripts: Readonly<Record<string, string>> = {
  "pipes and redirection": `
    for i in 1 2 3 4 5; do echo "line $i"; done > list
    $B cat < list | $B grep -v 3 | $B sort -r | $B tr a-z A-Z | $B tee copy | $B wc
    $B cat copy; $B ls missing 2>&1 >/dev/null | $B sed 's/.*: //'
    echo appended >> list; $B tail -n 2 list; (exit 3); echo "status $?"`,
  "a tree of files": `
    $B mkdir -p a/b/c a/d; for i in $($B seq 1 60); do echo "content of $i" > a/b/file$i; done
    $B cp -r a copy; $B mv copy/d copy/e; $B ln -s ../a/b/file7 copy/link; $B ln a/b/file1 a/hard
    $B find . | $B sort; $B find . -type f | $B sort | $B xargs $B sha256sum
    $B cat copy/link; $B stat -c '%n %s %h %a %F' a/hard copy/link; $B rm -r a; $B ls -1 copy copy/b | $B tail -n 5
    $B tar cf t.tar copy && $B tar tf t.tar | $B sort | $B head -n 4; $B du -a copy | $B wc -l`,
  "processes and signals": `
    ( sleep 5 & kill $!; wait $!; echo "killed: $?" ) 2>/dev/null
    trap 'echo got USR1' USR1; kill -USR1 $$; echo "after trap"
    x=$(echo sub; exit 4); echo "$x $?"; $B yes | $B head -n 3; set -- a b c; shift; echo $# $*
    { echo one; echo two >&2; } 2>&1 | $B sort; echo $((2 + 3 * 4)) \${#x}; $B printf '%05d|%-5s|%x\\n' 42 ab 255
    $B sh -c 'exit 9'; echo $?; $B seq 1 1000 | while read n; do echo $n; done | $B md5sum`,
};

describe.skipIf(missing !== undefined)("busybox shell", () => {
  test.each(Object.entries(scripts))("%s", (_, script) => {
    const line = `B=${busybox}; ${script.trim().split(/\n\s*/).join("; ")}`;
    const directory = mkdtempSync(join(tmpdir(), "busybox-"));
    const native = spawnSync(busybox, ["sh", "-c", line], { cwd: directory, timeout: 30_000 });
    rmSync(directory, { recursive: true });
    expect(native.stdout.length).toBeGreaterThan(50);
    const quoted = `cd /tmp; ${line}`.replaceAll("'", `'"'"'`);
    const guest = runInMachine({ files: { [busybox]: busybox }, exec: `${busybox} sh -c '${quoted}'` });
    expect(guest).toEqual({ output: native.stdout.toString(), exitCode: native.status });
  });
});
