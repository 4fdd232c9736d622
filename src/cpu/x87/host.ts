/** What the x87 unit and the processor around it say to each other. */

/** What the unit needs of the processor around it. Memory accesses throw the processor's faults. */
export interface X87Host {
  /** Little-endian integer at a linear address. */
  read(address: bigint, size: number): bigint;
  write(address: bigint, size: number, value: bigint): void;
  /** Faults if a write of so many bytes would. */
  probeWrite(address: bigint, size: number): void;
  /** RFLAGS, for FCMOVcc. */
  readFlags(): number;
  /** Sets CF, PF and ZF from the low byte and clears OF, SF and AF, for FCOMI. */
  writeComparison(flags: number): void;
  writeAx(value: number): void;
}

/** One x87 instruction as decoded. */
export interface X87Instruction {
  /** First opcode byte, D8 to DF. */
  readonly opcode: number;
  readonly modrm: number;
  /** Linear address of the memory operand; 0 for register forms. */
  readonly address: bigint;
  /** Offset of that operand in its segment: what FDP records. */
  readonly offset: bigint;
  /** RIP of the instruction. */
  readonly rip: bigint;
  /** Selectors of CS and of the memory operand's segment. */
  readonly codeSelector: number;
  readonly dataSelector: number;
  /** Whether the operand size is 16 bits (FNSTENV, FLDENV, FNSAVE, FRSTOR). */
  readonly operandSize16: boolean;
}
