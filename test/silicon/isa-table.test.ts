import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { isaTable } from "../../scripts/isa-table.ts";

it("docs/isa.md tells what is defined and recorded (npx tsx scripts/isa-table.ts writes it)", () => {
  const text = readFileSync(fileURLToPath(new URL("../../docs/isa.md", import.meta.url)), "utf8");
  expect(isaTable() === text, "docs/isa.md is out of date").toBe(true);
}, 120_000);
