/** Where the miniature kernel's answers differ from Linux's for a reason that lies in what it is; kept short. */
import type { ExpectedDifference } from "./facts.ts";

const ownOpenCtree = "where instructions of this kernel's own open_ctree begin; it starts with a 5-byte nop";

export const expectedDifferences: readonly ExpectedDifference[] = [
  { id: "create.10.offset_*", reason: ownOpenCtree },
  { id: "create.32.plus4", reason: ownOpenCtree },
  { id: "create.34.plus5", reason: ownOpenCtree },
  {
    id: "progs.21b.kprobe_multi_link",
    reason: "the recorded kernel was built without CONFIG_FPROBE; one with it attaches, as this kernel does",
  },
  {
    id: "tramp.fexit_ret.kprobe_override.list",
    reason: "probes on a function's entry are int3 ones here, and there is no enabled_functions of the function tracer",
  },
  ...["11_LPM_TRIE", "15_USER_RINGBUF", "17_SOCKMAP", "18_DEVMAP", "19_CPUMAP", "20_REUSEPORT_SOCKARRAY"].map(
    (map) => ({
      id: `tramp.sleepable_map.${map}`,
      reason: "this kind of map is not there: it cannot be created",
    }),
  ),
];
