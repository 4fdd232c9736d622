/** What the verifier allowed under `bpf_rules=2015`, `2017` and `2020`, beside 6.1. (docs/eras.md; semantics A29, B6, B9, D8, D10) */
import { describe, expect, it } from "vitest";
import { assemble } from "../../../src/bpf/assembler.ts";
import { helperId } from "../../../src/bpf/helpers.ts";
import type { MapDescriptor } from "../../../src/bpf/verifier/index.ts";
import { verify } from "../../../src/bpf/verifier/index.ts";
import { RULE_NAMES, type RuleName } from "../../../src/bpf/verifier/rules.ts";

const KPROBE = 2;
const SYSCALL = 31;
const SLEEPABLE = 1 << 4;
const EACCES = 13;
const EINVAL = 22;
const E2BIG = 7;

const HASH: MapDescriptor = { id: 1, type: 1, keySize: 4, valueSize: 8, maxEntries: 4, flags: 0 };

interface Question {
  readonly text: string;
  readonly type?: number;
  readonly flags?: number;
  readonly map?: Partial<MapDescriptor>;
}

function ask(rules: RuleName, { text, type = KPROBE, flags = 0, map = {} }: Question): { errno: number; log: string } {
  const { errno, log } = verify({
    type,
    flags,
    rules,
    instructions: assemble(text, { helperId }),
    gplCompatible: true,
    mapByFd: () => ({ ...HASH, ...map }),
  });
  return { errno, log };
}

const errnos = (question: Question): number[] => RULE_NAMES.map((rules) => ask(rules, question).errno);

describe("rules of 2015, 2017, 2020 and 6.1", () => {
  it.each<[string, Question, number[]]>([
    ["a loop", { text: "r0 = 3\nr0 += -1\nif r0 != 0 goto pc-2\nexit" }, [EINVAL, EINVAL, 0, 0]],
    ["stack that was not written", { text: "r1 = *(u64 *)(r10 - 8)\nr0 = 0\nexit" }, [EACCES, EACCES, EACCES, 0]],
    ["a 32-bit jump", { text: "r0 = 0\nif w0 != 1 goto pc+0\nexit" }, [EINVAL, EINVAL, 0, 0]],
    ["a helper of 2016", { text: "call ktime_get_ns\nr0 = 0\nexit" }, [EINVAL, 0, 0, 0]],
    ["bpf_override_return", { text: "r2 = -12\ncall override_return\nr0 = 0\nexit" }, [EINVAL, 0, 0, 0]],
    ["a helper of 2020", { text: "call ktime_get_boot_ns\nr0 = 0\nexit" }, [EINVAL, EINVAL, 0, 0]],
    [
      "bpf_probe_read of a size that is not constant",
      {
        text: "r3 = r1\nr2 = *(u64 *)(r1 + 0)\nr2 &= 7\nr4 = 0\n*(u64 *)(r10 - 8) = r4\nr1 = r10\nr1 += -8\ncall probe_read\nr0 = 0\nexit",
      },
      [EACCES, 0, 0, 0],
    ],
    ["a sleepable program for uprobes", { text: "r0 = 0\nexit", flags: SLEEPABLE }, [EINVAL, EINVAL, EINVAL, 0]],
    [
      "a sleepable SYSCALL program",
      { text: "r0 = 0\nexit", flags: SLEEPABLE, type: SYSCALL },
      [EINVAL, EINVAL, EINVAL, 0],
    ],
  ])("%s", (_, question, expected) => {
    expect(errnos(question)).toEqual(expected);
  });

  it("the length of programs", () => {
    const long = (count: number): Question => ({ text: `${"r0 = 0\n".repeat(count - 1)}exit` });
    expect(errnos(long(4095))).toEqual([0, 0, 0, 0]);
    expect(errnos(long(4096))).toEqual([E2BIG, 0, 0, 0]);
    expect(errnos(long(4097))).toEqual([E2BIG, E2BIG, 0, 0]);
  });

  it("a SYSCALL program has to be sleepable", () => {
    expect(ask("6.1", { text: "r0 = 0\nexit", type: SYSCALL })).toMatchObject({
      errno: EINVAL,
      log: expect.stringContaining("Syscall programs can only be sleepable"),
    });
  });
});
