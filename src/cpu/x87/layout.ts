/** Where the x87 part of the CPU state has its fields, and what is known of instructions without executing them. */

/** Offsets of the fields in the x87 part of the CPU state. */
export const x87Layout = {
  control: 0,
  status: 2,
  /** One bit a physical register: 1 = holds a value (as FXSAVE has it). */
  tags: 4,
  /** Last non-control instruction: its 11 opcode bits, address, and the address of its memory operand. */
  opcode: 6,
  instructionPointer: 8,
  dataPointer: 16,
  /** Selectors that belong to the two addresses. */
  codeSelector: 24,
  dataSelector: 26,
  /** Eight physical registers of 16 bytes each: significand, then sign and exponent. */
  registers: 32,
  size: 32 + 8 * 16,
} as const;

/** Instructions that do not wait for a pending exception: FNINIT, FNCLEX, FNSTCW, FNSTSW, FNSTENV, FNSAVE. */
export function isNonWaiting(opcode: number, modrm: number): boolean {
  const digit = (modrm >> 3) & 7;
  if (modrm < 0xc0) return (opcode === 0xd9 && digit >= 6) || (opcode === 0xdd && digit >= 6);
  return (opcode === 0xdb && digit === 4) || (opcode === 0xdf && modrm === 0xe0);
}
