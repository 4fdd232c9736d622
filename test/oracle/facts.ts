/**
 * Facts that a test program found out about a kernel, and how two kernels' facts compare. A fact is a line of tab-separated fields:
 * group (may be absent), id, what was done, result, log. The id is "group.number.name"; only results are compared, with what belongs
 * to one build or one run masked: addresses, ids, offsets of code.
 */

export interface Fact {
  readonly group: string;
  readonly id: string;
  /** What was asked. */
  readonly what: string;
  readonly result: string;
}

/** How one fact of the reference fared here. */
export type Verdict =
  | { readonly kind: "agrees"; readonly fact: Fact }
  | { readonly kind: "differs"; readonly fact: Fact; readonly here: string | undefined };

/** What is said of an expected difference. */
export interface ExpectedDifference {
  /** The fact's id, or a prefix of ids that ends in `*`. */
  readonly id: string;
  /** Part of what was asked, where several facts share the id. */
  readonly what?: string;
  readonly reason: string;
  /** What the recorded kernel was built without, or a later Linux allows: the one case in which more may be accepted here. */
  readonly mayAccept?: true;
}

/** Reads a recording; lines that are no facts (a header, a short line) are left out. */
export function parseFacts(text: string): Fact[] {
  const facts: Fact[] = [];
  for (const line of text.replaceAll("\r", "").split("\n")) {
    const fields = line.split("\t");
    if (fields[0] === "group") continue;
    const [id, what, result] = fields[0]?.includes(".") ? fields : fields.slice(1);
    if (id === undefined || what === undefined || result === undefined) continue;
    facts.push({ group: id.split(".", 1)[0] ?? id, id, what, result });
  }
  return facts;
}

/** A program in hexadecimal without the descriptors in its loads of maps (`lddw` with source register 1). */
function maskMapDescriptors(program: string): string {
  const loadOfMap = /^(181[0-9a-f]....)[0-9a-f]{8}/;
  return program.replace(/.{1,16}/g, (instruction) => instruction.replace(loadOfMap, "$1FD"));
}

/** `result` without what differs from build to build and run to run. */
export function maskResult(result: string): string {
  return result
    .replace(/0x[0-9a-f]{6,}/g, "0xADDR")
    .replace(/\b[0-9a-f]{16}\b/g, "ADDR")
    .replace(/\b(ID|id|pid|fd|btf_id|func#)[:= ]?\d+/g, "$1=N")
    .replace(/(?<=insns=)[0-9a-f]+/g, maskMapDescriptors)
    .replace(/\s+/g, " ")
    .trim();
}

/** Facts with the same id and question are told apart by their order. */
function byQuestion(facts: readonly Fact[]): Map<string, Fact> {
  const found = new Map<string, Fact>();
  for (const fact of facts) {
    let n = 0;
    const question = `${fact.id}\t${maskResult(fact.what)}`;
    while (found.has(`${question}\t${n}`)) n++;
    found.set(`${question}\t${n}`, fact);
  }
  return found;
}

/** Compares every fact of `reference` that is of one of `groups` with the one of `here` that answers the same question. */
export function compareFacts(
  reference: readonly Fact[],
  here: readonly Fact[],
  groups: ReadonlySet<string>,
): readonly Verdict[] {
  const answers = byQuestion(here);
  const verdicts: Verdict[] = [];
  for (const [question, fact] of byQuestion(reference)) {
    if (!groups.has(fact.group)) continue;
    const answer = answers.get(question);
    if (answer !== undefined && maskResult(answer.result) === maskResult(fact.result))
      verdicts.push({ kind: "agrees", fact });
    else verdicts.push({ kind: "differs", fact, here: answer?.result });
  }
  return verdicts;
}

/**
 * True where the reference kernel refused something and this one did it: an expected difference only with `mayAccept`. A result is one step or
 * several, "open OK; SET_BPF -1 EINVAL(22)"; the first that differs counts. EILSEQ says where instructions of the kernel's own code
 * begin, which differs from build to build.
 */
export function acceptsWhatWasRefused(verdict: Verdict): boolean {
  if (verdict.kind === "agrees" || verdict.here === undefined) return false;
  const here = maskResult(verdict.here).split(/ ?; /);
  const reference = maskResult(verdict.fact.result).split(/ ?; /);
  const step = reference.findIndex((text, i) => text !== here[i]);
  const refused = /^(.*?)-1 E(?!ILSEQ)[A-Z0-9]+/.exec(reference[step] ?? "");
  const done = /^(.*?)(?:OK|\d+)\b/.exec(here[step] ?? "");
  return refused !== null && done !== null && refused[1] === done[1];
}

/** The entry of `expected` that covers `fact`. */
export function expectedDifference(
  fact: Fact,
  expected: readonly ExpectedDifference[],
): ExpectedDifference | undefined {
  return expected.find(
    ({ id, what }) =>
      (id.endsWith("*") ? fact.id.startsWith(id.slice(0, -1)) : fact.id === id) &&
      (what === undefined || fact.what.includes(what)),
  );
}
