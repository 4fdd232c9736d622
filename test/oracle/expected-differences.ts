/** Where the miniature kernel's answers differ from Linux's for a reason that lies in what it is; kept short. */
import type { ExpectedDifference } from "./facts.ts";

const ownOpenCtree = "where instructions of this kernel's own open_ctree begin; it starts with a 5-byte nop";

const fewerFunctions =
  "the list, in Linux's order: iopl, io_ctl_init and 64 other functions of a whole Linux are not in this kernel";

export const expectedDifferences: readonly ExpectedDifference[] = [
  { id: "create.10.offset_*", reason: ownOpenCtree },
  { id: "create.32.plus4", reason: ownOpenCtree },
  { id: "create.34.plus5", reason: ownOpenCtree },
  {
    id: "progs.21b.kprobe_multi_link",
    reason: "the recorded kernel was built without CONFIG_FPROBE; one with it attaches, as this kernel does",
    mayAccept: true,
  },
  {
    id: "debugfs.ei_list.*",
    reason: fewerFunctions,
  },
  {
    id: "debugfs.file.kprobes.blacklist",
    reason: "the names of this kernel's own functions that take no probes",
  },
  {
    id: "debugfs.failslab.30",
    reason: "the stack filter, which x86-64 got with Linux 6.2, is there",
    mayAccept: true,
  },
  {
    id: "tramp.fexit_ret.kprobe_override.list",
    reason: "probes on a function's entry are int3 ones here, and there is no enabled_functions of the function tracer",
  },
  ...["15_USER_RINGBUF", "17_SOCKMAP", "18_DEVMAP", "19_CPUMAP", "20_REUSEPORT_SOCKARRAY"].map((map) => ({
    id: `tramp.sleepable_map.${map}`,
    reason: "this kind of map is not there: it cannot be created",
  })),
];
