/** Hardware breakpoints and single-stepping: DR0 to DR3, DR6, DR7 (AMD64 APM volume 2, 13.1). */
import type { CpuState } from "./state.ts";

interface Watch {
  readonly index: number;
  readonly address: bigint;
  readonly length: number;
  /** 0 execute, 1 write, 2 I/O, 3 read or write. */
  readonly kind: number;
}

const DR6_STEP = 0x4000;
const DR6_TASK_SWITCH = 0x8000;

export class Debugging {
  readonly #state: CpuState;
  #watches: readonly Watch[] = [];
  /** DR6 bits of traps that wait for the instruction boundary. */
  #pending = 0;
  watchesData = false;
  watchesCode = false;

  constructor(state: CpuState) {
    this.#state = state;
  }

  /** Takes over what waits in another one. The registers are in the state. */
  copyFrom(other: Debugging): void {
    this.#pending = other.#pending;
    this.update();
  }

  /** Reads DR7 and the addresses anew. */
  update(): void {
    const control = Number(this.#state.dr7 & 0xffff_ffffn);
    const addresses = [this.#state.dr0, this.#state.dr1, this.#state.dr2, this.#state.dr3];
    this.#watches = addresses.flatMap((address, index) => {
      if (!((control >> (index * 2)) & 3)) return [];
      const kind = (control >> (16 + index * 4)) & 3;
      const length = [1, 2, 8, 4][(control >> (18 + index * 4)) & 3];
      return [{ index, address: address & ~BigInt(length - 1), length, kind }];
    });
    this.watchesData = this.#watches.some((watch) => watch.kind === 1 || watch.kind === 3);
    this.watchesCode = this.#watches.some((watch) => watch.kind === 0);
  }

  #matching(address: bigint, size: number, write: boolean): readonly Watch[] {
    return this.#watches.filter(
      (watch) =>
        (watch.kind === 3 || (watch.kind === 1 && write)) &&
        address < watch.address + BigInt(watch.length) &&
        watch.address < address + BigInt(size),
    );
  }

  hits(address: bigint, size: number, write: boolean): boolean {
    return this.#matching(address, size, write).length > 0;
  }

  /** A watched data access happens: #DB after this instruction. */
  noteData(address: bigint, size: number, write: boolean): void {
    for (const watch of this.#matching(address, size, write)) this.#pending |= 1 << watch.index;
  }

  /** Whether an instruction breakpoint is at an address. */
  codeAddress(address: bigint): boolean {
    return this.#watches.some((watch) => watch.kind === 0 && watch.address === address);
  }

  /** An instruction is about to be executed. True: #DB is due as a fault; DR6 says why. */
  noteCode(address: bigint): boolean {
    let hit = 0;
    for (const watch of this.#watches) if (watch.kind === 0 && watch.address === address) hit |= 1 << watch.index;
    if (hit === 0) return false;
    this.#report(hit);
    return true;
  }

  /** An instruction was executed with TF set. */
  noteStep(): void {
    this.#pending |= DR6_STEP;
  }

  /** A task whose T bit is set begins. */
  noteTaskSwitch(): void {
    this.#pending |= DR6_TASK_SWITCH;
  }

  get trapPending(): boolean {
    return this.#pending !== 0;
  }

  /** The trap is taken: DR6 gets its reasons. */
  takeTrap(): void {
    this.#report(this.#pending);
    this.#pending = 0;
  }

  #report(bits: number): void {
    this.#state.dr6 = (this.#state.dr6 & ~0xfn) | BigInt(bits);
  }
}
