/**
 * Makes test/bpf/verifier/linux-6.1-verdicts.tsv from a recording of a real kernel's answers (rows of group, id, description,
 * result, log; the program is in the result as `insns=HEX`).
 *
 * Usage: npx tsx scripts/verifier-facts.ts RECORDING.tsv > test/bpf/verifier/linux-6.1-verdicts.tsv
 */
import { readFileSync } from "node:fs";

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error("usage: verifier-facts.ts RECORDING.tsv");
  process.exit(2);
}

/** Type of program that the recording runs with BPF_PROG_TEST_RUN. */
const BPF_PROG_TYPE_SCHED_CLS = 3;
const rows = ["id\tdescription\ttype\tlog level\tprogram\terrno\tlast lines of the log"];
for (const line of readFileSync(path, "utf8").split("\n")) {
  const [group, id, description, result = "", log = ""] = line.split("\t");
  const program = /insns=([0-9a-f]+)/.exec(result)?.[1];
  if (program === undefined || (group !== "verif" && group !== "run")) continue;
  const type = /^\[type (\d+)\] /.exec(description)?.[1] ?? BPF_PROG_TYPE_SCHED_CLS;
  const errno = /^(?:load )?-1 \w+\((\d+)\)/.exec(result)?.[1] ?? "0";
  const level = log.startsWith("stack depth") ? 4 : 1;
  rows.push([id, description.replace(/^\[type \d+\] /, ""), type, level, program, errno, log].join("\t"));
}
console.log(rows.join("\n"));
