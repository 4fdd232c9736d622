/** Writes `src/bpf/guest/coprocessor.h`, the C side of the BPF co-processor's protocol. */
import { writeFileSync } from "node:fs";
import { coprocessorHeader } from "../src/bpf/coprocessor-protocol.ts";

writeFileSync(new URL("../src/bpf/guest/coprocessor.h", import.meta.url), coprocessorHeader());
