/**
 * Guest memory by linear address: the slow path of generated code (TLB misses, page-crossing accesses, memory-mapped devices,
 * pages that hold translated code, watched addresses), and the accesses that TypeScript itself makes.
 */
import { RAM } from "../mmu/memory-layout.ts";
import { PageWalk, type PagingMode } from "../mmu/page-walk.ts";
import type { Tlb } from "../mmu/tlb.ts";
import { Fault, Vector } from "./fault.ts";
import { CHECKED_SEGMENT_HIGH, Flag, layout } from "./state.ts";
import type { SystemBus } from "./system-bus.ts";
import { READS_TOO, STACK_ACCESS } from "./tier0/emitter.ts";
import type { Watchpoints } from "./watchpoints.ts";

const PAGE = 4096;
const linearAddress = (low: number, high: number): bigint =>
  BigInt.asUintN(64, (BigInt(high) << 32n) | BigInt(low >>> 0));

/** What the memory needs of the processor around it. */
export interface MemoryClient {
  /** Called before a device is accessed. False: not now; the instruction must be run alone. */
  mayAccessDevice(): boolean;
  /** Called before translated code is overwritten. */
  invalidateCode(start: number, end: number): void;
  isCodePage(page: number): boolean;
  /** Whether data breakpoints watch this page; such pages stay out of the TLB. */
  watches: boolean;
  /** A data access while something is watched. False: not now; the instruction must be run alone. */
  watched(address: bigint, size: number, write: boolean): boolean;
  /** Checks an access whose address is marked: see CHECKED_SEGMENT. */
  checkSegment(low: number, high: number, size: number, write: boolean): void;
  /** Checks an access that is not marked and goes on at address 0: a fault unless the segment begins elsewhere. */
  checkWrap(low: number, size: number, stack: boolean): void;
  /** The debugger's watchpoints; pages of theirs stay out of the TLB. */
  readonly watchpoints: Watchpoints;
  /** An access while there are any. False: not now; the instruction must be run alone. */
  debuggerWatched(address: bigint, size: number, read: boolean, write: boolean): boolean;
}

export class GuestMemory {
  readonly walk: PageWalk;
  readonly mode: PagingMode = {
    levels: 0,
    root: 0,
    writeProtect: false,
    noExecute: false,
    smep: false,
    smap: false,
    largePages: false,
  };
  /** CPL 3. */
  user = false;
  /** Outside 64-bit mode: addresses of operands have 32 bits, and may be marked. */
  segmented = false;
  /** Operands that are not aligned raise #AC. */
  checksAlignment = false;
  readonly #tlb: Tlb;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #ramBytes: number;
  /** Page of RAM, by its number, behind which a device hides it: where IA32_APIC_BASE has moved the local APIC. -1: none. */
  devicePage = -1;
  /** CR4.SMAP. */
  supervisorAccessPrevention = false;
  readonly #bus: SystemBus;
  readonly #client: MemoryClient;
  // A write that passes through the scratch area: where it goes.
  #pendingSize = 0;
  #pendingFirst = 0;
  #pendingSecond = 0;
  #pendingSplit = 0;

  constructor(memory: WebAssembly.Memory, ramBytes: number, tlb: Tlb, bus: SystemBus, client: MemoryClient) {
    this.walk = new PageWalk(memory, ramBytes);
    this.#tlb = tlb;
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#ramBytes = ramBytes;
    this.#bus = bus;
    this.#client = client;
  }

  #isRam(physical: number): boolean {
    return physical < this.#ramBytes && Math.floor(physical / PAGE) !== this.devicePage;
  }

  /** Whether the page just walked to may go into the TLB, watchpoints apart. */
  #mayKeep(user: boolean): boolean {
    // With SMAP the flag AC decides anew at each access to a user page.
    return !this.#client.watches && !(this.supervisorAccessPrevention && !user && this.walk.userPage);
  }

  /** #AC comes before #PF, and behind #GP and #SS, as on AMD's processors; 16 bytes are the most that is asked for. */
  #checkAlignment(low: number, high: number, size: number, stack: boolean): void {
    if ((low & (Math.min(size, 16) - 1)) === 0) return;
    this.#checkCanonical(high, stack);
    throw new Fault(Vector.AC, 0);
  }

  /** What a routine reads or writes as one operand: #AC if alignment is checked and `address` is not a multiple of `alignment`. */
  checkAlignment(address: bigint, alignment: number, stack = false): void {
    if (!this.checksAlignment) return;
    const high = this.segmented ? 0 : Number(BigInt.asIntN(32, address >> 32n));
    this.#checkAlignment(Number(BigInt.asIntN(32, address)), high, alignment, stack);
  }

  #checkCanonical(high: number, stack: boolean): void {
    if (this.mode.levels === 4 && high >> 15 !== 0 && high >> 15 !== -1)
      throw new Fault(stack ? Vector.SS : Vector.GP, 0);
  }

  /** Physical address for an access, or a thrown fault. */
  #translate(low: number, high: number, write: boolean, user: boolean, stack = false): number {
    this.#checkCanonical(high, stack);
    // What CPL 3 makes the processor read of tables is implicit: AC does not lift the protection there.
    if (this.supervisorAccessPrevention)
      this.mode.smap = this.user || (this.#view.getInt32(layout.systemFlags, true) & Flag.AC) === 0;
    if (!this.walk.walk(low, high, this.mode, write, user, false))
      throw new Fault(Vector.PF, this.walk.errorCode, low, high);
    return this.walk.page + (low & 0xfff);
  }

  /** Physical address of code, or a thrown fault. */
  fetch(low: number, high: number): number {
    if (this.mode.levels === 4 && high >> 15 !== 0 && high >> 15 !== -1) throw new Fault(Vector.GP, 0);
    if (!this.walk.walk(low, high, this.mode, false, this.user, true))
      throw new Fault(Vector.PF, this.walk.errorCode, low, high);
    return this.walk.page + (low & 0xfff);
  }

  /**
   * The slow path of generated code: host address of `size` bytes, of guest RAM or of the scratch area; throws faults. 0: the
   * instruction must be run alone. A write through the scratch area is finished by `commit`.
   */
  access(low: number, high: number, sizeAndFlags: number, write: boolean): number {
    const size = sizeAndFlags & 0xff;
    const stack = (sizeAndFlags & STACK_ACCESS) !== 0;
    const { user } = this;
    if (this.segmented) {
      if (high & CHECKED_SEGMENT_HIGH) this.#client.checkSegment(low, high, size, write);
      else if ((low >>> 0) + size > 0x1_0000_0000) this.#client.checkWrap(low, size, stack);
      high = 0;
    }
    if (this.checksAlignment) this.#checkAlignment(low, high, size, stack);
    // An access that reaches out of canonical addresses is #GP even where its first page would be a #PF.
    if ((low & 0xfff) + size > PAGE) this.#checkCanonical((low | 0xfff) + 1 === 0 ? (high + 1) | 0 : high, stack);
    const first = this.#translate(low, high, write, user, stack);
    const { writable, large } = this.walk;
    if (this.#client.watches && !this.#client.watched(linearAddress(low, high), size, write)) return 0;
    let keep = this.#mayKeep(user);
    if (this.#client.watchpoints.active) {
      const address = linearAddress(low, high);
      const reads = !write || (sizeAndFlags & READS_TOO) !== 0;
      if (!this.#client.debuggerWatched(address, size, reads, write)) return 0;
      if (this.#client.watchpoints.onPage(address)) keep = false;
    }
    if ((low & 0xfff) + size <= PAGE) {
      if (this.#isRam(first)) {
        const page = Math.floor(first / PAGE);
        const isCode = this.#client.isCodePage(page);
        if (keep) this.#tlb.fill(low, high, user, page * PAGE, writable && !isCode, large);
        if (write && isCode) this.#client.invalidateCode(first, first + size);
        return RAM + first;
      }
      if (!this.#client.mayAccessDevice()) return 0;
      this.#pendingFirst = first;
      this.#pendingSplit = size;
      this.#pendingSize = size;
      if (!write || sizeAndFlags & READS_TOO) this.#readDevice(first, layout.scratch, size);
      return layout.scratch;
    }
    // Two pages: both must be accessible before anything happens.
    const split = PAGE - (low & 0xfff);
    const nextLow = (low + split) | 0;
    const nextHigh = nextLow === 0 && this.mode.levels === 4 ? (high + 1) | 0 : high;
    const second = this.#translate(nextLow, nextHigh, write, user, stack);
    const plain = this.#isRam(first) && this.#isRam(second);
    if (!plain && !this.#client.mayAccessDevice()) return 0;
    this.#pendingFirst = first;
    this.#pendingSecond = second;
    this.#pendingSplit = split;
    this.#pendingSize = size;
    if (!write || sizeAndFlags & READS_TOO) {
      this.#readPhysical(first, layout.scratch, split);
      this.#readPhysical(second, layout.scratch + split, size - split);
    }
    return layout.scratch;
  }

  /** Moves a write from the scratch area to where it goes. */
  commit(): void {
    this.#writePhysical(this.#pendingFirst, layout.scratch, this.#pendingSplit);
    const rest = this.#pendingSize - this.#pendingSplit;
    if (rest > 0) this.#writePhysical(this.#pendingSecond, layout.scratch + this.#pendingSplit, rest);
  }

  #readPhysical(address: number, host: number, size: number): void {
    if (this.#isRam(address + size - 1)) this.#bytes.copyWithin(host, RAM + address, RAM + address + size);
    else this.#readDevice(address, host, size);
  }

  #writePhysical(address: number, host: number, size: number): void {
    if (this.#isRam(address + size - 1)) {
      if (this.#client.isCodePage(Math.floor(address / PAGE))) this.#client.invalidateCode(address, address + size);
      this.#bytes.copyWithin(RAM + address, host, host + size);
    } else this.#writeDevice(address, host, size);
  }

  #readDevice(address: number, host: number, size: number): void {
    for (let done = 0; done < size; ) {
      const part = this.#part(address + done, size - done);
      const value = this.#bus.readMmio(address + done, part);
      if (part === 4) this.#view.setUint32(host + done, value, true);
      else if (part === 2) this.#view.setUint16(host + done, value, true);
      else this.#view.setUint8(host + done, value);
      done += part;
    }
  }

  #writeDevice(address: number, host: number, size: number): void {
    for (let done = 0; done < size; ) {
      const part = this.#part(address + done, size - done);
      const value =
        part === 4
          ? this.#view.getUint32(host + done, true)
          : part === 2
            ? this.#view.getUint16(host + done, true)
            : this.#view.getUint8(host + done);
      this.#bus.writeMmio(address + done, part, value);
      done += part;
    }
  }

  /** The bus takes naturally sized accesses; anything else goes in parts. */
  #part(_address: number, size: number): 1 | 2 | 4 {
    return size >= 4 ? 4 : size >= 2 ? 2 : 1;
  }

  /** #GP if the last byte of an access from TypeScript is not canonical: before a #PF of the first. */
  #checkEnd(address: bigint, size: number, stack: boolean): void {
    if ((address & 0xfffn) + BigInt(size) > 4096n)
      this.#checkCanonical(Number(BigInt.asIntN(32, (address + BigInt(size - 1)) >> 32n)), stack);
  }

  #readHost(host: number, size: number): bigint {
    if (size === 8) return this.#view.getBigUint64(host, true);
    if (size === 4) return BigInt(this.#view.getUint32(host, true));
    if (size === 2) return BigInt(this.#view.getUint16(host, true));
    let value = 0n;
    for (let i = 0; i < size; i++) value |= BigInt(this.#bytes[host + i]) << BigInt(8 * i);
    return value;
  }
  #writeHost(host: number, size: number, value: bigint): void {
    if (size === 8) this.#view.setBigUint64(host, value, true);
    else if (size === 4) this.#view.setUint32(host, Number(BigInt.asUintN(32, value)), true);
    else for (let i = 0; i < size; i++) this.#bytes[host + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }

  /** Reads up to 8 bytes, little-endian. `supervisor`: as CPL 0, as descriptor tables are read. Throws faults. */
  read(address: bigint, size: number, supervisor = false, stack = false): bigint {
    if (this.segmented && !supervisor) address = this.#unmarked(address, size, false, stack);
    if (this.#client.watchpoints.active) this.#client.debuggerWatched(address, size, true, false);
    const firstLow = Number(BigInt.asIntN(32, address));
    if ((firstLow & 0xfff) + size <= PAGE) {
      const firstHigh = Number(BigInt.asIntN(32, address >> 32n));
      const user = this.user && !supervisor;
      const known = this.#tlb.lookUp(firstLow, firstHigh, user, false);
      if (known !== 0) return this.#readHost(known, size);
      const physical = this.#translate(firstLow, firstHigh, false, user, stack);
      if (this.#isRam(physical)) {
        const { writable, large } = this.walk;
        const page = Math.floor(physical / PAGE);
        if (this.#mayKeep(user) && !this.#client.watchpoints.active)
          this.#tlb.fill(firstLow, firstHigh, user, page * PAGE, writable && !this.#client.isCodePage(page), large);
        return this.#readHost(RAM + physical, size);
      }
    }
    let value = 0n;
    this.#checkEnd(address, size, stack);
    for (let done = 0; done < size; ) {
      const at = address + BigInt(done);
      const low = Number(BigInt.asIntN(32, at));
      const high = Number(BigInt.asIntN(32, at >> 32n));
      const physical = this.#translate(low, high, false, this.user && !supervisor, stack);
      const part = Math.min(size - done, PAGE - (low & 0xfff));
      this.#readPhysical(physical, layout.scratch + 128, part);
      for (let i = 0; i < part; i++) value |= BigInt(this.#bytes[layout.scratch + 128 + i]) << BigInt(8 * (done + i));
      done += part;
    }
    return value;
  }

  /** The segment and canonical checks of an access alone. */
  checkPlace(address: bigint, size: number, write: boolean, stack: boolean): void {
    if (this.segmented) this.#unmarked(address, size, write, stack);
    else
      for (const end of [address, address + BigInt(size - 1)])
        this.#checkCanonical(Number(BigInt.asIntN(32, end >> 32n)), stack);
  }

  /** The address of an operand without its mark, checked. */
  #unmarked(address: bigint, size: number, write: boolean, stack: boolean): bigint {
    const high = Number((address >> 32n) & 0x1ffn);
    const low = Number(BigInt.asIntN(32, address));
    if (high & CHECKED_SEGMENT_HIGH) this.#client.checkSegment(low, high, size, write);
    else if ((low >>> 0) + size > 0x1_0000_0000) this.#client.checkWrap(low, size, stack);
    return BigInt.asUintN(32, address);
  }

  /** Faults as a write would. */
  probeWrite(address: bigint, size: number, supervisor = false, stack = false): void {
    if (this.segmented && !supervisor) address = this.#unmarked(address, size, true, stack);
    const last = address + BigInt(size - 1);
    this.#checkEnd(address, size, stack);
    // In the second page the fault is at its start.
    const second = last & ~0xfffn;
    for (const at of second > address ? [address, second] : [address]) {
      const high = Number(BigInt.asIntN(32, at >> 32n));
      this.#translate(Number(BigInt.asIntN(32, at)), high, true, this.user && !supervisor, stack);
    }
  }

  /** Writes up to 8 bytes, or nothing if it faults. */
  write(address: bigint, size: number, value: bigint, supervisor = false, stack = false): void {
    if (this.segmented && !supervisor) address = this.#unmarked(address, size, true, stack);
    if (this.#client.watchpoints.active) this.#client.debuggerWatched(address, size, false, true);
    const firstLow = Number(BigInt.asIntN(32, address));
    if ((firstLow & 0xfff) + size > PAGE) this.probeWrite(address, size, supervisor, stack);
    else {
      const firstHigh = Number(BigInt.asIntN(32, address >> 32n));
      const user = this.user && !supervisor;
      const known = this.#tlb.lookUp(firstLow, firstHigh, user, true);
      if (known !== 0) {
        this.#writeHost(known, size, value);
        return;
      }
      const physical = this.#translate(firstLow, firstHigh, true, user, stack);
      if (this.#isRam(physical)) {
        if (this.#client.isCodePage(Math.floor(physical / PAGE)))
          this.#client.invalidateCode(physical, physical + size);
        this.#writeHost(RAM + physical, size, value);
        return;
      }
    }
    for (let done = 0; done < size; ) {
      const at = address + BigInt(done);
      const low = Number(BigInt.asIntN(32, at));
      const high = Number(BigInt.asIntN(32, at >> 32n));
      const physical = this.#translate(low, high, true, this.user && !supervisor, stack);
      const part = Math.min(size - done, PAGE - (low & 0xfff));
      for (let i = 0; i < part; i++)
        this.#bytes[layout.scratch + 128 + i] = Number((value >> BigInt(8 * (done + i))) & 0xffn);
      this.#writePhysical(physical, layout.scratch + 128, part);
      done += part;
    }
  }

  /** Physical address without side effects or permission checks; undefined if not mapped. */
  probe(address: bigint): number | undefined {
    return this.probeHalves(Number(BigInt.asIntN(32, address)), Number(BigInt.asIntN(32, address >> 32n)));
  }

  /** The same, of an address in two signed halves. */
  probeHalves(low: number, high: number): number | undefined {
    if (this.mode.levels === 4 && high >> 15 !== 0 && high >> 15 !== -1) return undefined;
    if (!this.walk.walk(low, high, this.mode, false, false, false, true)) return undefined;
    return this.walk.page + (low & 0xfff);
  }
}
