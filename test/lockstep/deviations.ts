/**
 * What QEMU 7.2 (TCG, stepped through its GDB stub) is known to do otherwise. After such an instruction this machine takes over QEMU's
 * state, registers and memory, and both go on from there.
 */

/** One instruction, after which the two differ. */
export interface Difference {
  /** The instruction as the disassembler writes it. */
  readonly text: string;
  /** Bits of the code segment. */
  readonly mode: 16 | 32 | 64;
  /** Vector of the exception that was delivered here, if any was. */
  readonly vector: number | undefined;
  /** Registers that differ. */
  readonly registers: readonly string[];
}

export interface Deviation {
  readonly why: string;
  matches(difference: Difference): boolean;
}

const only = (registers: readonly string[], allowed: readonly string[]): boolean =>
  registers.every((name) => allowed.includes(name));

/** What an exception pushes. */
export const FRAME: Deviation = {
  why: "error codes: no present bit beside the reserved bit, vectors doubled, no external bit; RF is not pushed",
  matches: () => false,
};

export const DEVIATIONS: readonly Deviation[] = [
  {
    why: "devices: what they answer depends on time",
    matches: ({ text, registers }) => /^(rep )?ins?\b/.test(text) && only(registers, ["rax"]),
  },
  {
    why: "another model of processor: CPUID, MSRs, time stamps",
    matches: ({ text, registers }) =>
      /^(cpuid|rdmsr|rdtscp?|xgetbv)\b/.test(text) && only(registers, ["rax", "rbx", "rcx", "rdx"]),
  },
  {
    why: "segment limits and null selectors are not looked at",
    matches: ({ mode, vector }) => mode !== 64 && (vector === 12 || vector === 13),
  },
  {
    why: "a stack address that is not canonical is #GP instead of #SS",
    matches: ({ vector }) => vector === 12,
  },
  {
    why: "reserved bits of control registers and MSRs are not looked at",
    matches: ({ text, vector }) => /^(mov|wrmsr|rdmsr|lmsw|lgdt)\b/.test(text) && vector === 13,
  },
  {
    why: "SSE raises no exceptions, the x87 raises #MF elsewhere and shows other status, unaligned operands raise nothing",
    matches: ({ text, vector }) => vector === 16 || vector === 19 || vector === 17 || /^f?n?stsw\b/.test(text),
  },
  {
    why: "LOCK where it is not allowed, REX and other prefixes are looked at behind the operand",
    matches: ({ text, vector }) => vector === 6 && !/^ud2/.test(text),
  },
  {
    why: "IRET checks the address it goes to when it is there",
    matches: ({ text, vector }) => /^iret/.test(text) && vector === 13,
  },
  {
    why: "handlers and stacks of gates that are not canonical or not mapped",
    matches: ({ vector }) => vector === 8 || vector === 11 || (vector !== undefined && vector >= 12 && vector <= 14),
  },
  {
    why: "a repeated instruction that overwrites itself is fetched anew for each iteration",
    matches: ({ text, registers }) => /^rep/.test(text) && registers.includes("rip"),
  },
  {
    why: "LAR leaves out bits of the limit",
    matches: ({ text, registers }) => /^lar\b/.test(text) && only(registers, ["rax"]),
  },
  {
    why: "a stack of the interrupt stack table makes SS null at the same level, too",
    matches: ({ vector, registers }) => vector !== undefined && only(registers, ["ss"]),
  },
  {
    why: "the stub takes single steps and breakpoints for its own; general detect and INT1 are otherwise",
    matches: ({ text, vector }) => vector === 1 || /^(mov dr7|mov \w+, dr\d|iret)/.test(text),
  },
  {
    why: "a data breakpoint hit by a load of SS is not held off",
    matches: ({ text, vector, registers }) =>
      /^(mov ss|pop ss)/.test(text) && vector === undefined && registers.includes("rip"),
  },
  {
    why: "no virtual interrupts (CR4.VME, CR4.PVI): #GP where IOPL is below 3",
    matches: ({ text, vector, registers }) =>
      /^(cli|sti|pushf|popf|int|iret)/.test(text) && vector === undefined && registers.includes("rip"),
  },
  {
    why: "the stub leaves RF and TF in RFLAGS as they were",
    matches: ({ registers }) => only(registers, ["eflags"]),
  },
];
