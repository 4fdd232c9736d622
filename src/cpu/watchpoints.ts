/**
 * The debugger's watchpoints: ranges of linear addresses whose reading or writing stops a run behind the instruction that did it.
 * Pages with a watched byte stay out of the soft TLB, so every access to them comes by here; all other memory is as fast as ever.
 * The guest cannot see them: its own debug registers are apart.
 */

export interface Watchpoint {
  readonly address: bigint;
  readonly length: number;
  /** Which accesses stop. */
  readonly reads: boolean;
  readonly writes: boolean;
}

/** What an instruction did to a watched range. */
export interface WatchHit {
  readonly watchpoint: Watchpoint;
  /** Of the access, which may be larger than the range. */
  readonly address: bigint;
  readonly size: number;
  readonly write: boolean;
  /** Of the instruction; of what was interrupted, for accesses of an exception's delivery. */
  readonly rip: bigint;
}

/** Told about every data access. */
export type AccessRecorder = (address: bigint, size: number, read: boolean, write: boolean) => void;

const PAGE_SHIFT = 12n;

export class Watchpoints {
  readonly #list = new Set<Watchpoint>();
  readonly #pages = new Set<bigint>();
  readonly #changed: () => void;
  #recorder: AccessRecorder | undefined;

  /** `changed`: translations of addresses must be looked up anew. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Whether there is anything to look at. */
  get active(): boolean {
    return this.#list.size > 0 || this.#recorder !== undefined;
  }

  /** While set, it is told about all data accesses, before they happen. That is slow: for single steps. */
  get recorder(): AccessRecorder | undefined {
    return this.#recorder;
  }
  set recorder(recorder: AccessRecorder | undefined) {
    this.#recorder = recorder;
    this.#changed();
  }

  add(watchpoint: Watchpoint): void {
    this.#list.add(watchpoint);
    this.#update();
  }

  delete(watchpoint: Watchpoint): void {
    if (this.#list.delete(watchpoint)) this.#update();
  }

  /** Whether some byte of the page that `address` lies in is watched. */
  onPage(address: bigint): boolean {
    return this.#recorder !== undefined || this.#pages.has(address >> PAGE_SHIFT);
  }

  /** The watchpoint that an access concerns. */
  find(address: bigint, size: number, read: boolean, write: boolean): Watchpoint | undefined {
    for (const watchpoint of this.#list) {
      if (!((read && watchpoint.reads) || (write && watchpoint.writes))) continue;
      const end = watchpoint.address + BigInt(watchpoint.length);
      if (address < end && watchpoint.address < address + BigInt(size)) return watchpoint;
    }
    return undefined;
  }

  #update(): void {
    this.#pages.clear();
    for (const { address, length } of this.#list)
      for (let page = address >> PAGE_SHIFT; page <= (address + BigInt(length - 1)) >> PAGE_SHIFT; page++)
        this.#pages.add(page);
    this.#changed();
  }
}
