/** Programs that a real Linux 6.1 was asked about: the same verdict, errno and last lines of the log. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeInstructions } from "../../../src/bpf/isa.ts";
import type { MapDescriptor } from "../../../src/bpf/verifier/index.ts";
import { verify } from "../../../src/bpf/verifier/index.ts";

const EBADF = 9;
const EINVAL = 22;

/** The maps of the recording, by the file descriptors they had. */
const map = (id: number, type: number, valueSize: number, maxEntries: number, flags = 0): MapDescriptor => ({
  ...{ id, type, keySize: 4, valueSize, maxEntries, flags },
});
const MAPS = [
  map(5, 2, 8, 4),
  map(6, 2, 64, 4),
  map(7, 1, 8, 4),
  map(8, 3, 4, 4),
  { ...map(9, 27, 0, 4096), keySize: 0 },
  map(10, 4, 4, 1),
  map(11, 2, 8, 1, 1 << 7),
  map(12, 2, 8, 1, 1 << 8),
];
const mapByFd = (fd: number): MapDescriptor | number => MAPS.find(({ id }) => id === fd) ?? (fd === 0 ? EINVAL : EBADF);

const rows = readFileSync(new URL("./linux-6.1-verdicts.tsv", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .slice(1)
  .map((line) => line.split("\t"));

describe("verifier: answers as Linux 6.1", () => {
  for (const [id, description, type, level, program, errno, log] of rows) {
    it(`${id} ${description}`, () => {
      const result = verify({
        type: Number(type),
        instructions: decodeInstructions(Buffer.from(program, "hex")),
        gplCompatible: true,
        logLevel: Number(level),
        mapByFd,
      });
      expect(result.errno).toBe(Number(errno));
      if (log) expect(result.log.trimEnd().split("\n").slice(-2).join(" | ")).toBe(log);
    }, 30_000);
  }
});
