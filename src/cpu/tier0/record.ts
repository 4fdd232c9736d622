/**
 * The decoded record: what a block consists of in linear memory. A block is a header record, one record an instruction, and link
 * records; a handler gets its record's address. Fields that an instruction does not use are left as they are.
 */

export const RECORD_BYTES = 48;

export const Record = {
  /** Table slot of the handler (i32). */
  handler: 0,
  /** Instructions of the block that are not finished when this one starts, itself included (u16). Header: all. */
  remaining: 4,
  /** Length of the instruction (u8). */
  length: 6,
  /** Bit 0: faults of the memory operand are #SS (u8). */
  flags: 7,
  /** RIP of the next instruction (u64). Header and links: RIP of where they lead. */
  nextRip: 8,
  /** Address of the base register's slot, or of the register that ModRM.rm names (i32). */
  base: 16,
  displacement: 20,
  /** Address of the index register's slot (u16). */
  index: 24,
  /** Address of the segment's base (u16). */
  segment: 26,
  /** Shift count of the index (u8). */
  scale: 28,
  /** The ModRM byte (u8): what the x87 keeps of the last opcode. */
  modrm: 29,
  /** Address of the register that ModRM.reg names, or its number for segment, control and debug registers (u16). */
  reg: 30,
  /** Immediate (i64). Links: address of the slot that leads here. */
  immediate: 32,
  /** Block (header record) to go to: taken, not taken (i32). Second immediate, or register in the immediate; VEX.vvvv. */
  target: 40,
  notTaken: 44,
} as const;
