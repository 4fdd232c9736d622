/** Where sleepable programs may be attached: what Linux 6.1 said of each place, and the two hooks of 2020. (semantics D8) */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { verifierRules } from "../../../src/bpf/verifier/rules.ts";
import { refusedSleepableTarget, SLEEPABLE_LSM_HOOKS } from "../../../src/bpf/verifier/sleepable.ts";

const TRACING = 26;
const LSM = 29;

/** What Linux's list of functions has of those that it was asked about. */
const INJECTABLE = new Set([
  ..."open_ctree btrfs_search_slot btrfs_cow_block btrfs_check_leaf_full btrfs_check_node".split(" "),
  ..."btrfs_should_cancel_balance should_failslab should_fail_alloc_page should_fail_bio".split(" "),
  ..."__filemap_add_folio bpf_fentry_test1 bpf_modify_return_test".split(" "),
]);

const answers = readFileSync(join(import.meta.dirname, "../../kernel/sleepable/linux-6.1-targets.txt"), "utf8")
  .split("\n")
  .flatMap((line, i, lines): [kind: string, name: string, reason: string | undefined][] => {
    const match = /^(fentry|fexit|fmod_ret|lsm) (\w+): (OK|EINVAL)$/.exec(line);
    return match === null ? [] : [[match[1], match[2], match[3] === "OK" ? undefined : lines[i + 1].trim()]];
  });

describe("places for sleepable programs", () => {
  it.each(answers)("%s %s", (kind, name, reason) => {
    const programType = kind === "lsm" ? LSM : TRACING;
    const target = { programType, name, errorInjectable: INJECTABLE.has(name) };
    expect(refusedSleepableTarget(target, verifierRules("6.1"))).toBe(reason);
  });

  it("71 hooks; the allocators, which only this kernel's list has, are no place", () => {
    expect(SLEEPABLE_LSM_HOOKS.size).toBe(71);
    for (const name of ["kmalloc", "kmem_cache_alloc", "__alloc_pages"]) {
      const target = { programType: TRACING, name, errorInjectable: true };
      expect(refusedSleepableTarget(target, verifierRules("6.1"))).toBe(`${name} is not sleepable`);
    }
  });

  it.each([
    ["file_mprotect", true],
    ["bprm_committed_creds", true],
    ["file_open", false],
  ])("in 2020 the hook %s: %s", (hook, allowed) => {
    const target = { programType: LSM, name: `bpf_lsm_${hook}`, errorInjectable: false };
    expect(refusedSleepableTarget(target, verifierRules("2020")) === undefined).toBe(allowed);
  });
});
