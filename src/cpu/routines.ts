/**
 * Routines: what is rare and large and therefore plain TypeScript, called by generated code (page walks apart): far transfers, system
 * registers, CPUID, x87 arithmetic. A routine takes its arguments from `cpu.argument(i)`, leaves results with `cpu.setResult(i)`,
 * and throws a {@link Fault} to raise an exception; it must not change anything before it is sure not to fault.
 */
import type { Cpu } from "./cpu.ts";

/** `record` is the address of the decoded record of the calling instruction (see tier0/record.ts). */
export type Routine = (cpu: Cpu, record: number) => void;

const names: string[] = [];
const table: (Routine | undefined)[] = [];

/** The number by which generated code calls a routine; it may be defined later. */
export function routineId(name: string): number {
  const found = names.indexOf(name);
  if (found >= 0) return found;
  return names.push(name) - 1;
}

export function defineRoutine(name: string, routine: Routine): void {
  const id = routineId(name);
  if (table[id] !== undefined) throw new Error(`routine ${name} is defined twice`);
  table[id] = routine;
}

export function routineById(id: number): Routine {
  const routine = table[id];
  if (routine === undefined) throw new Error(`routine ${names[id] ?? id} is not defined`);
  return routine;
}
