/**
 * What stops a session's run: breakpoints and watchpoints with conditions, counts and actions. The machine knows only addresses; which of
 * several at one address counts, and whether the run goes on, is decided here.
 */
import type { Watchpoint as MachineWatchpoint, WatchHit } from "../cpu/watchpoints.ts";
import type { Machine } from "../machine/machine.ts";
import type { Session } from "./session.ts";

/** Called when a breakpoint is reached. "stop" ends the run there; anything else lets it go on. */
export type BreakpointAction = (session: Session) => unknown;

/** What breakpoints and watchpoints have in common. */
interface StopOptions {
  /** Only while this holds. It may read everything and must change nothing. */
  readonly when?: (session: Session) => boolean | Promise<boolean>;
  /** Lets so many pass before the first that counts. */
  readonly skip?: number;
  /** Removes itself once it has counted. */
  readonly once?: boolean;
}

/** When a breakpoint counts, and what it does then. */
export interface BreakpointOptions extends StopOptions {
  /** Without one, the run stops. */
  readonly action?: BreakpointAction;
}

/** A breakpoint of a session; it changes nothing in the guest's memory. */
export interface Breakpoint {
  readonly address: bigint;
  /** How often it was reached while its condition held, those that were skipped among them. */
  readonly hits: number;
  /** False: as if it were not there. */
  enabled: boolean;
  remove(): void;
}

/** One use of watched memory. */
export interface WatchedAccess {
  /** Of the access; it may be larger than what is watched. */
  readonly address: bigint;
  readonly size: number;
  readonly write: boolean;
  /** The instruction that did it; the processor is behind it. */
  readonly instruction: bigint;
  /** The watched bytes as a number (little-endian), before and after. */
  readonly before: bigint;
  readonly after: bigint;
}

/** Called when watched memory is used, behind the instruction. "stop" ends the run there. */
export type WatchAction = (session: Session, access: WatchedAccess) => unknown;

/** Which accesses count, and what is done then. */
export interface WatchOptions extends StopOptions {
  /** Bytes that are watched; by default the symbol's size, or 8. */
  readonly size?: number;
  /** What counts; by default writing. */
  readonly on?: "write" | "read" | "access";
  readonly action?: WatchAction;
}

/** Watched memory of a session: virtual address and bytes. */
export interface Watch {
  readonly address: bigint;
  readonly size: number;
  readonly hits: number;
  /** The last access that counted. */
  readonly last: WatchedAccess | undefined;
  remove(): void;
}

interface ActiveBreakpoint extends Breakpoint {
  hits: number;
  readonly options: BreakpointOptions;
}

interface ActiveWatch extends Watch {
  hits: number;
  last: WatchedAccess | undefined;
  known: bigint;
  readonly options: WatchOptions;
  readonly watchpoint: MachineWatchpoint;
}

export class Stops {
  readonly #machine: Machine;
  readonly #session: Session;
  readonly #breakpoints = new Set<ActiveBreakpoint>();
  readonly #watches = new Set<ActiveWatch>();

  constructor(machine: Machine, session: Session) {
    this.#machine = machine;
    this.#session = session;
  }

  breakAt(address: bigint, options: BreakpointOptions): Breakpoint {
    const place = (): void => {
      const wanted = [...this.#breakpoints].some((other) => other.address === address && other.enabled);
      if (wanted) this.#machine.breakpoints.add(address);
      else this.#machine.breakpoints.delete(address);
    };
    let enabled = true;
    const breakpoint: ActiveBreakpoint = {
      address,
      options,
      hits: 0,
      get enabled() {
        return enabled;
      },
      set enabled(value) {
        enabled = value;
        place();
      },
      remove: () => {
        if (this.#breakpoints.delete(breakpoint)) place();
      },
    };
    this.#breakpoints.add(breakpoint);
    place();
    return breakpoint;
  }

  watch(address: bigint, size: number, options: WatchOptions): Watch {
    const on = options.on ?? "write";
    const watchpoint = { address, length: size, reads: on !== "write", writes: on !== "read" };
    const watch: ActiveWatch = {
      address,
      size,
      options,
      watchpoint,
      hits: 0,
      last: undefined,
      known: this.#number(address, size),
      remove: () => {
        this.#watches.delete(watch);
        this.#machine.watchpoints.delete(watchpoint);
      },
    };
    this.#watches.add(watch);
    this.#machine.watchpoints.add(watchpoint);
    return watch;
  }

  /** The machine stopped at `address`. True: the run is to stop there. */
  async reachedBreakpoint(address: bigint): Promise<boolean> {
    let stop = false;
    let known = false;
    for (const breakpoint of [...this.#breakpoints]) {
      if (breakpoint.address !== address || !breakpoint.enabled) continue;
      known = true;
      if (!(await this.#counts(breakpoint, breakpoint.options))) continue;
      const { action } = breakpoint.options;
      if (action === undefined || (await action(this.#session)) === "stop") stop = true;
    }
    // What somebody put into the machine's own set always stops.
    return stop || !known;
  }

  /** An instruction used watched memory. True: the run is to stop behind it. */
  async used(hit: WatchHit): Promise<boolean> {
    let stop = false;
    let known = false;
    for (const watch of [...this.#watches]) {
      const overlaps =
        hit.address < watch.address + BigInt(watch.size) && watch.address < hit.address + BigInt(hit.size);
      if (!overlaps) continue;
      known = true;
      const before = watch.known;
      const after = this.#number(watch.address, watch.size);
      watch.known = after;
      if (watch.options.on === "read" && watch.watchpoint !== hit.watchpoint) continue;
      const { address, size, write, rip } = hit;
      watch.last = { address, size, write, instruction: rip, before, after };
      if (!(await this.#counts(watch, watch.options))) continue;
      const { action } = watch.options;
      if (action === undefined || (await action(this.#session, watch.last)) === "stop") stop = true;
    }
    return stop || !known;
  }

  /** Condition and counts. */
  async #counts(entry: { hits: number; remove(): void }, options: StopOptions): Promise<boolean> {
    if (options.when !== undefined && !(await options.when(this.#session))) return false;
    entry.hits++;
    if (entry.hits <= (options.skip ?? 0)) return false;
    if (options.once === true) entry.remove();
    return true;
  }

  #number(address: bigint, size: number): bigint {
    return this.#session.memory
      .readMapped(address, size)
      .reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
  }
}
