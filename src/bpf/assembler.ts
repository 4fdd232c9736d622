/**
 * Assembles BPF text, in the notation in which the kernel shows programs (the disassembler's), with labels instead of counted
 * offsets where that is easier:
 *
 *     r6 = r1
 *     r2 = -12
 *     call override_return          ; by name, with the helperId option, or `call 58`
 *     if r0 != 0 goto out
 *     *(u64 *)(r10 -8) = r0
 *     lock *(u32 *)(r10 -8) += w1
 *     out: exit
 *
 * Comments begin with `;` or `//`. `call NAME` of a label is a bpf-to-bpf call; `rN = NAME ll` takes its address.
 */
import { ATOMIC_NAMES, aluOperations, jumpConditions } from "./disassembler.ts";
import * as isa from "./isa.ts";

export interface AssemblerOptions {
  /** Number of a helper by its name (without "bpf_"). */
  readonly helperId?: (name: string) => number | undefined;
}

export class AssemblerError extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}

/** A slot, with what it refers to if that is a label. */
interface Pending {
  readonly insn: isa.Instruction;
  readonly label?: string;
  readonly line: number;
}

const SIZE_CODES: Readonly<Record<string, number>> = { u8: isa.BPF_B, u16: isa.BPF_H, u32: isa.BPF_W, u64: isa.BPF_DW };
const NUMBER = "[+-]?(?:0x[0-9a-fA-F]+|\\d+)";
const MEMORY = `\\((u8|u16|u32|u64)\\s*\\*\\)\\s*\\(r(\\d+)\\s*(?:([+-])\\s*(0x[0-9a-f]+|\\d+))?\\)`;

const pattern = (text: string): RegExp => new RegExp(`^${text}$`, "i");
const P = {
  exit: pattern("exit"),
  goto: pattern("goto(l?)\\s+(\\S+)"),
  condition: pattern(`if\\s+([rw])(\\d+)\\s*(\\S+?)\\s*(?:([rw])(\\d+)|(${NUMBER}))\\s+goto\\s+(\\S+)`),
  call: pattern("call\\s+(\\S+)"),
  insn: pattern(`\\.insn\\s+(${NUMBER}),\\s*r(\\d+),\\s*r(\\d+),\\s*(${NUMBER}),\\s*(${NUMBER})`),
  order: pattern("r(\\d+)\\s*=\\s*(be|le)(16|32|64)\\s+r(\\d+)"),
  negate: pattern("([rw])(\\d+)\\s*=\\s*-\\s*([rw])(\\d+)"),
  load: pattern(`r(\\d+)\\s*=\\s*\\*${MEMORY}`),
  store: pattern(`\\*${MEMORY}\\s*=\\s*(?:r(\\d+)|(${NUMBER}))`),
  lock: pattern(`lock\\s+\\*${MEMORY}\\s*([|&^+]=)\\s*[rw](\\d+)`),
  atomic: pattern(
    `r(\\d+)\\s*=\\s*atomic(?:64)?_(fetch_add|fetch_and|fetch_or|fetch_xor|xchg|cmpxchg)\\(${MEMORY},\\s*(?:r0,\\s*)?r(\\d+)\\)`,
  ),
  wide: pattern(`r(\\d+)\\s*=\\s*(\\S+)\\s+ll`),
  mapFd: pattern("r(\\d+)\\s*=\\s*map\\[(fd|idx):(\\d+)\\](?:(?:\\[0\\])?\\+(\\d+))?"),
  packet: pattern(`r0\\s*=\\s*\\*\\((u8|u16|u32)\\s*\\*\\)skb\\[(?:r(\\d+)\\s*\\+\\s*)?(${NUMBER})\\]`),
  func: pattern("r(\\d+)\\s*=\\s*func\\[(\\S+)\\]"),
  alu: pattern(`([rw])(\\d+)\\s*(s?>>=|<<=|[-+*/|&%^]?=)\\s*(?:([rw])(\\d+)|(${NUMBER}))`),
} as const;

/**
 * Assembles a program.
 * @throws AssemblerError naming the line
 */
export function assemble(text: string, options: AssemblerOptions = {}): isa.Instruction[] {
  const pending: Pending[] = [];
  const labels = new Map<string, number>();
  for (const [index, raw] of text.split("\n").entries()) {
    const line = index + 1;
    let rest = raw.replace(/(?:;|\/\/).*$/, "").trim();
    rest = rest.replace(/^\d+:\s*/, ""); // slot numbers of a listing
    for (
      let match = /^([A-Za-z_.][\w.]*):\s*/.exec(rest);
      match !== null;
      match = /^([A-Za-z_.][\w.]*):\s*/.exec(rest)
    ) {
      if (labels.has(match[1])) throw new AssemblerError(line, `label ${match[1]} is there twice`);
      labels.set(match[1], pending.length);
      rest = rest.slice(match[0].length);
    }
    if (rest !== "") pending.push(...assembleLine(rest, line, options).map((slot) => ({ ...slot, line })));
  }
  return pending.map(({ insn, label, line }, slot) => {
    if (label === undefined) return insn;
    const relative = /^pc([+-]\d+)$/.exec(label);
    const target = labels.get(label);
    if (relative === null && target === undefined) throw new AssemblerError(line, `unknown label or helper ${label}`);
    const distance = relative === null ? (target ?? 0) - slot - 1 : Number(relative[1]);
    const isJump = isa.bpfOp(insn.code) !== isa.BPF_CALL && isa.bpfClass(insn.code) !== isa.BPF_LD;
    if (isJump && !isa.isLongJump(insn) && (distance < -0x8000 || distance > 0x7fff))
      throw new AssemblerError(line, `${label} is too far`);
    return isJump ? isa.withJumpDistance(insn, distance) : { ...insn, imm: distance };
  });
}

function assembleLine(text: string, line: number, options: AssemblerOptions): Omit<Pending, "line">[] {
  const register = (number: string, most = 10): number => {
    if (Number(number) > most) throw new AssemblerError(line, `r${number} is no register that can stand here`);
    return Number(number);
  };
  const immediate = (number: string): number => {
    const value = parseNumber(number);
    if (value < -(2n ** 31n) || value >= 2n ** 32n) throw new AssemblerError(line, `${number} does not fit 32 bits`);
    return Number(BigInt.asIntN(32, value));
  };
  const offset = (sign: string | undefined, number: string | undefined): number => {
    const value = number === undefined ? 0 : Number(number) * (sign === "-" ? -1 : 1);
    if (value < -0x8000 || value > 0x7fff) throw new AssemblerError(line, `offset ${value} does not fit 16 bits`);
    return value;
  };
  const one = (insn: isa.Instruction, label?: string): Omit<Pending, "line">[] => [
    label === undefined ? { insn } : { insn, label },
  ];
  const two = (pair: readonly isa.Instruction[]): Omit<Pending, "line">[] => pair.map((insn) => ({ insn }));

  if (P.exit.test(text)) return one(isa.instruction(isa.BPF_JMP | isa.BPF_EXIT));
  let m = P.condition.exec(text);
  if (m !== null) {
    const condition = jumpConditions.get(m[3]);
    if (condition === undefined) throw new AssemblerError(line, `unknown condition ${m[3]}`);
    const cls = m[1].toLowerCase() === "r" ? isa.BPF_JMP : isa.BPF_JMP32;
    if (m[5] !== undefined) {
      return one(isa.instruction(cls | condition | isa.BPF_X, register(m[2]), register(m[5])), m[7]);
    }
    return one(isa.instruction(cls | condition, register(m[2]), 0, 0, immediate(m[6])), m[7]);
  }
  m = P.goto.exec(text);
  if (m !== null) return one(isa.instruction((m[1] === "" ? isa.BPF_JMP : isa.BPF_JMP32) | isa.BPF_JA), m[2]);
  m = P.call.exec(text);
  if (m !== null) {
    const call = isa.BPF_JMP | isa.BPF_CALL;
    const numbered = /^(?:\w+#)?(\d+)$/.exec(m[1]);
    if (numbered !== null) return one(isa.instruction(call, 0, 0, 0, Number(numbered[1])));
    const id = options.helperId?.(m[1].replace(/^bpf_/, ""));
    if (id !== undefined) return one(isa.instruction(call, 0, 0, 0, id));
    return one(isa.instruction(call, 0, isa.BPF_PSEUDO_CALL), m[1]);
  }
  m = P.insn.exec(text);
  if (m !== null) {
    const [code, off, imm] = [m[1], m[4], m[5]].map((number) => Number(parseNumber(number)));
    return one(isa.instruction(code, register(m[2], 15), register(m[3], 15), off, imm));
  }
  m = P.order.exec(text);
  if (m !== null && m[1] === m[4]) {
    const direction = m[2].toLowerCase() === "be" ? isa.BPF_TO_BE : isa.BPF_TO_LE;
    return one(isa.instruction(isa.BPF_ALU | isa.BPF_END | direction, register(m[1]), 0, 0, Number(m[3])));
  }
  m = P.negate.exec(text);
  if (m !== null && m[1] === m[3] && m[2] === m[4]) {
    return one(
      isa.instruction((m[1].toLowerCase() === "r" ? isa.BPF_ALU64 : isa.BPF_ALU) | isa.BPF_NEG, register(m[2])),
    );
  }
  m = P.load.exec(text);
  if (m !== null) {
    const code = isa.BPF_LDX | isa.BPF_MEM | SIZE_CODES[m[2]];
    return one(isa.instruction(code, register(m[1]), register(m[3]), offset(m[4], m[5])));
  }
  m = P.store.exec(text);
  if (m !== null) {
    const off = offset(m[3], m[4]);
    const size = isa.BPF_MEM | SIZE_CODES[m[1]];
    if (m[5] !== undefined) return one(isa.instruction(isa.BPF_STX | size, register(m[2]), register(m[5]), off));
    return one(isa.instruction(isa.BPF_ST | size, register(m[2]), 0, off, immediate(m[6])));
  }
  m = P.lock.exec(text);
  if (m !== null) {
    const code = isa.BPF_STX | isa.BPF_ATOMIC | SIZE_CODES[m[1]];
    const operation = aluOperations.get(m[5]) ?? 0;
    return one(isa.instruction(code, register(m[2]), register(m[6]), offset(m[3], m[4]), operation));
  }
  m = P.atomic.exec(text);
  if (m !== null) {
    const name = m[2].toLowerCase();
    const fetch = [...ATOMIC_NAMES].find(([, known]) => known === name)?.[0];
    const operation = fetch ?? (name === "xchg" ? isa.BPF_XCHG : isa.BPF_CMPXCHG);
    const code = isa.BPF_STX | isa.BPF_ATOMIC | SIZE_CODES[m[3]];
    return one(isa.instruction(code, register(m[4]), register(m[7]), offset(m[5], m[6]), operation));
  }
  m = P.mapFd.exec(text);
  if (m !== null) {
    const byValue = m[4] !== undefined;
    const pseudo =
      m[2] === "fd"
        ? [isa.BPF_PSEUDO_MAP_FD, isa.BPF_PSEUDO_MAP_VALUE]
        : [isa.BPF_PSEUDO_MAP_IDX, isa.BPF_PSEUDO_MAP_IDX_VALUE];
    const value = BigInt(m[3]) | (BigInt(m[4] ?? 0) << 32n);
    return two(isa.ldImm64(register(m[1]), pseudo[byValue ? 1 : 0], value));
  }
  m = P.func.exec(text);
  if (m !== null) {
    const [first, second] = isa.ldImm64(register(m[1]), isa.BPF_PSEUDO_FUNC, 0n);
    return [{ insn: first, label: m[2] }, { insn: second }];
  }
  m = P.wide.exec(text);
  if (m !== null) {
    if (new RegExp(`^${NUMBER}$`).test(m[2])) return two(isa.ldImm64(register(m[1]), 0, parseNumber(m[2])));
    const [first, second] = isa.ldImm64(register(m[1]), isa.BPF_PSEUDO_FUNC, 0n);
    return [{ insn: first, label: m[2] }, { insn: second }];
  }
  m = P.packet.exec(text);
  if (m !== null) {
    const mode = m[2] === undefined ? isa.BPF_ABS : isa.BPF_IND;
    return one(isa.instruction(isa.BPF_LD | mode | SIZE_CODES[m[1]], 0, register(m[2] ?? "0"), 0, immediate(m[3])));
  }
  m = P.alu.exec(text);
  if (m !== null) {
    const operation = aluOperations.get(m[3]);
    if (operation !== undefined && (m[4] === undefined || m[4].toLowerCase() === m[1].toLowerCase())) {
      const cls = m[1].toLowerCase() === "r" ? isa.BPF_ALU64 : isa.BPF_ALU;
      if (m[5] !== undefined) return one(isa.instruction(cls | operation | isa.BPF_X, register(m[2]), register(m[5])));
      return one(isa.instruction(cls | operation, register(m[2]), 0, 0, immediate(m[6])));
    }
  }
  throw new AssemblerError(line, `not understood: ${text}`);
}

function parseNumber(text: string): bigint {
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text.replace("+", ""));
}
