/** The general registers by name, in the order of their numbers in instructions. */
export const GENERAL_REGISTERS = [
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
export type GeneralRegister = (typeof GENERAL_REGISTERS)[number];

/** Hexadecimal without leading zeros; small negative numbers, such as error codes, are shown as such too. */
export function formatRegister(value: bigint): string {
  const signed = BigInt.asIntN(64, value);
  const hex = `0x${value.toString(16)}`;
  return signed < 0n && signed >= -4095n ? `${hex} (${signed})` : hex;
}
