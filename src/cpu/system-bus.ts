/** What the processor needs of the machine around it, and what it says when it stops. */
import type { WatchHit } from "./watchpoints.ts";

export interface SystemBus {
  /** Port I/O, size in bytes. Unclaimed ports read all ones. */
  readPort(port: number, size: 1 | 2 | 4): number;
  writePort(port: number, size: 1 | 2 | 4, value: number): void;
  /** Physical addresses outside RAM. 8-byte accesses are split by the CPU into two of 4. */
  readMmio(address: number, size: 1 | 2 | 4): number;
  writeMmio(address: number, size: 1 | 2 | 4, value: number): void;
  /** Called when the CPU takes an external interrupt (INTR asserted, IF=1, no shadow): the vector, from local APIC or PIC. */
  acknowledgeInterrupt(): number;
  /** CR8 <-> local APIC TPR (bits 7:4). */
  readTaskPriority(): number;
  writeTaskPriority(value: number): void;
  /** MSRs that devices own (IA32_APIC_BASE, IA32_TSC_DEADLINE); undefined = the CPU raises #GP. */
  readMsr?(index: number): bigint | undefined;
  /** False = the CPU raises #GP. */
  writeMsr?(index: number, value: bigint): boolean;
}

export type StopReason =
  /** cpu.time reached the limit given to run(). */
  | { readonly kind: "time" }
  /** HLT: nothing runs until an interrupt; the machine advances time to the next event. */
  | { readonly kind: "halted" }
  /** Triple fault. */
  | { readonly kind: "shutdown" }
  /** requestStop() was called by a device or a hook. */
  | { readonly kind: "requested" }
  /** About to execute an address in cpu.breakpoints. */
  | { readonly kind: "breakpoint"; readonly address: bigint }
  /** The last instruction used memory of cpu.watchpoints. */
  | { readonly kind: "watchpoint"; readonly hit: WatchHit };

/** An exception, external interrupt or software interrupt as it is delivered. */
export interface Delivery {
  readonly vector: number;
  readonly errorCode?: number;
  /** RIP that is pushed. */
  readonly rip: bigint;
  readonly kind: "exception" | "interrupt" | "software";
}
