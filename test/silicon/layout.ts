/**
 * What both processors see of memory while one test case runs. The native program (`native/processor.c`) maps the same
 * addresses; the emulator side builds page tables for them.
 */
export const layout = {
  pageSize: 0x1000,
  /** Two pages, execute and read. The page behind them is not mapped, so code can run into nothing. */
  code: { address: 0x1000_0000, size: 0x2000 },
  /** Two pages, read and write, nothing mapped around them. */
  data: { address: 0x2000_0000, size: 0x2000 },
  /** One page that can only be read, nothing mapped around it. */
  readOnly: { address: 0x2000_4000, size: 0x1000 },
} as const;

/** Order of the general registers in instructions, and in every array of sixteen here. */
export const registerNames = [
  "rax",
  "rcx",
  "rdx",
  "rbx",
  "rsp",
  "rbp",
  "rsi",
  "rdi",
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
] as const;
