/**
 * Writes the kernel's `platform.h` from the platform table: `npx tsx scripts/platform-header.ts OUT/include/generated/platform.h`.
 * Every number of `src/devices/platform.ts` becomes one plain `#define` (usable from C, assembly and linker scripts), named by
 * its path: `platform.virtioMmio.firstIrq` is `PLATFORM_VIRTIO_MMIO_FIRST_IRQ`, `platform.uart[0].port` is `PLATFORM_UART0_PORT`.
 * The file is only touched when its contents change, so that make does not rebuild what depends on it.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { platform } from "../src/devices/platform.ts";

type Description = number | readonly Description[] | { readonly [name: string]: Description };

const screaming = (name: string): string => name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase();

function* definitions(name: string, value: Description): Generator<string> {
  if (typeof value === "number") yield `#define ${name} 0x${value.toString(16)}`;
  else if (Array.isArray(value)) for (const [i, item] of value.entries()) yield* definitions(`${name}${i}`, item);
  else for (const [key, item] of Object.entries(value)) yield* definitions(`${name}_${screaming(key)}`, item);
}

/** The text of `platform.h`. */
export function platformHeader(): string {
  return [
    "/* Generated from src/devices/platform.ts by scripts/platform-header.ts. */",
    "#ifndef _GENERATED_PLATFORM_H",
    "#define _GENERATED_PLATFORM_H",
    "",
    ...definitions("PLATFORM", platform),
    "",
    "#endif",
    "",
  ].join("\n");
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const target = process.argv[2];
  if (target === undefined || process.argv.length !== 3) {
    console.error("usage: platform-header.ts OUTPUT.h");
    process.exit(1);
  }
  const text = platformHeader();
  if (!existsSync(target) || readFileSync(target, "utf8") !== text) {
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
}
