/** Every snippet of docs/scripts.md does what it says. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runHere } from "../run/run-here.ts";
import { hasTypes, imagePath } from "./images.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/scripts.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "enomem-docs-"));
afterAll(() => rmSync(folder, { recursive: true }));

const snippets = [...page.matchAll(/^## (.*)$|^```ts image=(\S+)\n([\s\S]*?)^```$/gm)];
const typed = await hasTypes("mount-and-read");

describe("docs/scripts.md", () => {
  let section = "the first script";
  for (const [index, [, heading, image, code]] of snippets.entries()) {
    if (heading !== undefined) {
      section = heading;
      continue;
    }
    const needsTypes = /currentTask|onOverride|struct\(/.test(code);
    it.skipIf(needsTypes && !typed)(`${section}: the snippet works`, async () => {
      const whole = code.includes("export default") ? code : `export default async function (session) {\n${code}}\n`;
      const file = join(folder, `snippet${index}.ts`);
      writeFileSync(file, whole);
      const { code: exitCode, err } = await runHere(imagePath(image), "--script", file);
      expect(err).not.toMatch(/^error:/m);
      // What the guest makes of it is another matter: a refused mount is an exit code too.
      expect([0, 1]).toContain(exitCode);
    });
  }
});
