/** Static programs that the host's gcc makes with glibc, unchanged, print in the guest what they print on the host. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingForGuest, runInMachine } from "./guest.ts";

const programs: Readonly<Record<string, string>> = {
  hello: `#include <stdio.h>
    int main(void) { puts("hello from glibc"); return 42; }`,
  "printf of floats": `#include <math.h>
    #include <stdio.h>
    int main(void) {
      volatile double third = 1.0 / 3, big = 1.7976931348623157e308, tiny = 4.9e-324;
      printf("%f %.17g %e %a %g\\n", third, third, big, third, tiny);
      printf("%Lf %.20Lg\\n", (long double)third * 3, 1.0L / 7);
      printf("%.15f %.15f %.15f\\n", sin(third), pow(2.5, third), sqrt(2.0));
      printf("%d %lld\\n", (int)-2.9, (long long)(big / 1e300));
      return 0;
    }`,
  "fork and wait": `#include <stdio.h>
    #include <sys/wait.h>
    #include <unistd.h>
    int main(void) {
      int status, pipes[2], value = 0;
      pipe(pipes);
      for (int i = 0; i < 5; i++) {
        pid_t child = fork();
        if (!child) { int v = i * i; write(pipes[1], &v, sizeof v); _exit(i); }
        waitpid(child, &status, 0);
        read(pipes[0], &value, sizeof value);
        printf("child %d: exit %d, sent %d\\n", i, WEXITSTATUS(status), value);
      }
      if (!fork()) *(volatile int *)8 = 1;
      wait(&status);
      printf("signal %d\\n", WTERMSIG(status));
      return 7;
    }`,
  files: `#include <dirent.h>
    #include <errno.h>
    #include <stdio.h>
    #include <string.h>
    #include <sys/stat.h>
    #include <unistd.h>
    int main(void) {
      char line[64];
      struct stat st;
      mkdir("/tmp/enomem-test", 0755);
      FILE *f = fopen("/tmp/enomem-test/a", "w+");
      for (int i = 0; i < 1000; i++) fprintf(f, "line %d\\n", i);
      fseek(f, 6000, SEEK_SET);
      fgets(line, sizeof line, f);
      fgets(line, sizeof line, f);
      fstat(fileno(f), &st);
      printf("%ld bytes, %s", (long)st.st_size, line);
      fclose(f);
      rename("/tmp/enomem-test/a", "/tmp/enomem-test/b");
      DIR *d = opendir("/tmp/enomem-test");
      for (struct dirent *e; (e = readdir(d));) if (e->d_name[0] != '.') puts(e->d_name);
      closedir(d);
      printf("%s\\n", fopen("/tmp/enomem-test/a", "r") ? "there" : strerror(errno));
      unlink("/tmp/enomem-test/b");
      return rmdir("/tmp/enomem-test");
    }`,
};

const missing = missingForGuest();

describe.skipIf(missing !== undefined)("static glibc programs", () => {
  const directory = mkdtempSync(join(tmpdir(), "glibc-"));
  beforeAll(() => {
    for (const [name, source] of Object.entries(programs)) {
      const path = join(directory, name.replaceAll(" ", "-"));
      writeFileSync(`${path}.c`, source);
      execFileSync("gcc", ["-O1", "-w", "-static", "-o", path, `${path}.c`, "-lm"]);
    }
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test.each(Object.keys(programs))("%s", (name) => {
    const path = join(directory, name.replaceAll(" ", "-"));
    const native = spawnSync(path, { encoding: "utf8" });
    const guest = runInMachine({ files: { "/program": path }, exec: "/program" });
    expect(guest.output).toBe(native.stdout);
    expect(guest.exitCode).toBe(native.status);
  });
});
