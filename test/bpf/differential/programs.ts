/**
 * Random BPF programs for comparing kernels. Most statements keep to what the verifier allows, as far as a rough idea of what
 * each register holds can tell; a part of the programs is given wild ones too. Programs use the maps that runner.c creates.
 */
import { type ArgumentKind, HELPER_COUNT, helperName, helperPrototype } from "../../../src/bpf/helpers.ts";
import * as isa from "../../../src/bpf/isa.ts";
import { BPF_F_SLEEPABLE } from "../../../src/bpf/verifier/environment.ts";
import { EBADF } from "../../../src/bpf/verifier/errors.ts";
import { verify } from "../../../src/bpf/verifier/index.ts";
import { BtfWriter } from "../btf-writer.ts";
import { Random } from "../random-program.ts";

/** A program as runner.c loads it. */
export interface TypedProgram {
  /** BPF_PROG_TYPE_. */
  readonly type: number;
  readonly insns: readonly isa.Instruction[];
  readonly attachType?: number;
  readonly flags?: number;
  /** Type information, and of each function the number of its type. */
  readonly types?: { readonly btf: Uint8Array; readonly functions: readonly number[] };
  /** Name of the kernel's function that it is loaded for. */
  readonly target?: string;
}

const SOCKET_FILTER = 1;
const SCHED_CLS = 3;
const RAW_TRACEPOINT = 17;
/** Kprobe, tracepoint and perf event programs can be loaded only, the others run too. */
const TYPES = [SOCKET_FILTER, SOCKET_FILTER, SCHED_CLS, RAW_TRACEPOINT, RAW_TRACEPOINT, RAW_TRACEPOINT, 2, 5, 7];
const TRACING = 26;
const LSM = 29;
const LOADED_ONLY = [2, 5, 7, TRACING, LSM];

/** The maps of runner.c by their place in its table. */
const FIRST_MAP = 20;
const MAPS = {
  ...{ array: 0, hash: 1, wideHash: 2, single: 3, readOnly: 4, ringbuf: 5, programs: 6, perCpu: 7 },
  ...{ locked: 8, lockedHash: 9, pointers: 10, text: 11 },
};
const LOCK_OFFSET = 4;
const WITH_ELEMENTS: readonly (readonly [map: number, keySize: number, valueSize: number])[] = [
  [MAPS.array, 4, 8],
  [MAPS.hash, 4, 8],
  [MAPS.wideHash, 8, 64],
  [MAPS.single, 4, 48],
];

const HELPER = {
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  ktime: 5,
  smpProcessorId: 8,
  tailCall: 12,
  pidTgid: 14,
  uidGid: 15,
  ringbufReserve: 131,
  ringbufSubmit: 132,
  ringbufDiscard: 133,
  spinLock: 93,
  spinUnlock: 94,
  currentTask: 158,
  forEachMapElem: 164,
  loop: 181,
};
/** The helpers that our kernel has, and ids that no helper has. */
const SOCKET_COOKIE = 46;
const HELPER_IDS = [...Array(HELPER_COUNT + 3).keys()].filter(
  (id) => id === 0 || id >= HELPER_COUNT || helperPrototype(id) !== undefined,
);

const ALU = [
  isa.BPF_ADD,
  isa.BPF_SUB,
  isa.BPF_MUL,
  isa.BPF_DIV,
  isa.BPF_OR,
  isa.BPF_AND,
  isa.BPF_LSH,
  isa.BPF_RSH,
  isa.BPF_NEG,
  isa.BPF_MOD,
  isa.BPF_XOR,
  isa.BPF_MOV,
  isa.BPF_ARSH,
];
const SHIFTS = [isa.BPF_LSH, isa.BPF_RSH, isa.BPF_ARSH];
const JUMPS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
const ATOMICS = [0, 1, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, isa.BPF_XCHG, isa.BPF_CMPXCHG];
const EDGES = [0, 1, -1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 255, 256, 4095, -8, -16, 0x7fffffff, -0x80000000];
const MASKS = [1, 3, 7, 15, 31, 63, 255, -8, 0x7fffffff];
const SIZES = [isa.BPF_B, isa.BPF_H, isa.BPF_W, isa.BPF_DW];

/** What a register holds, roughly: nothing, a number, or a pointer to so many bytes. */
type Holds = "nothing" | "number" | "context" | "stack" | { readonly value: number };

const MAX_FUNCTIONS = 4;
const CALLER_SAVED = [0, 1, 2, 3, 4, 5];

/** Writes one function. */
class FunctionWriter {
  readonly insns: isa.Instruction[] = [];
  /** Slots that refer to functions, and which. */
  readonly references: { readonly slot: number; readonly callee: number }[] = [];
  readonly #random: Random;
  readonly #type: number;
  /** One of so many statements is wild; 0 for none. */
  readonly #wild: number;
  /** Functions that may be called, by number. */
  readonly #callees: readonly number[];
  #holds: Holds[] = new Array<Holds>(10).fill("nothing");
  /** Loops keep their counters. */
  readonly #kept = new Set<number>();
  #depth = 0;
  /** Everything that programs with type information have is written, too. */
  readonly #typed: boolean;

  constructor(random: Random, type: number, wild: number, callees: readonly number[], typed = false) {
    this.#typed = typed;
    this.#random = random;
    this.#type = type;
    this.#wild = wild;
    this.#callees = callees;
  }

  #emit(code: number, dst = 0, src = 0, off = 0, imm = 0): void {
    this.insns.push(isa.instruction(code, dst, src, off, imm));
  }
  #move(dst: number, src: number): void {
    this.#emit(isa.BPF_ALU64 | isa.BPF_MOV | isa.BPF_X, dst, src);
  }
  #set(dst: number, imm: number): void {
    this.#emit(isa.BPF_ALU64 | isa.BPF_MOV | isa.BPF_K, dst, 0, 0, imm);
  }
  #add(dst: number, imm: number): void {
    this.#emit(isa.BPF_ALU64 | isa.BPF_ADD | isa.BPF_K, dst, 0, 0, imm);
  }
  #call(helper: number): void {
    this.#emit(isa.BPF_JMP | isa.BPF_CALL, 0, 0, 0, helper);
  }
  #map(dst: number, map: number, offset?: number): void {
    const kind = offset === undefined ? isa.BPF_PSEUDO_MAP_FD : isa.BPF_PSEUDO_MAP_VALUE;
    this.insns.push(...isa.ldImm64(dst, kind, (BigInt(offset ?? 0) << 32n) | BigInt(FIRST_MAP + map)));
  }
  #edge(): number {
    return this.#random.below(6) === 0 ? this.#random.next() | 0 : this.#random.pick(EDGES);
  }
  #one(of: number): boolean {
    return this.#random.below(of) === 0;
  }
  #isWild(): boolean {
    return this.#wild > 0 && this.#one(this.#wild);
  }

  /** A register that holds such a thing, or any if the statement is wild. */
  #find(holds: (what: Holds) => boolean): number | undefined {
    if (this.#isWild()) return this.#random.below(11);
    const found = this.#holds.flatMap((what, register) => (holds(what) ? [register] : []));
    return found.length === 0 ? undefined : this.#random.pick(found);
  }
  #number(): number | undefined {
    return this.#find((what) => what === "number");
  }
  /** A register to be written. */
  #target(): number {
    if (this.#isWild()) return this.#random.below(11);
    for (;;) {
      const register = this.#random.below(10);
      if (this.#kept.has(register)) continue;
      // The context stays in r6 most of the time.
      if (this.#holds[register] === "context" && !this.#one(20)) continue;
      return register;
    }
  }
  #hold(register: number, what: Holds): void {
    if (register < 10) this.#holds[register] = what;
  }

  /** After a call: r0 is what it returned, the arguments are gone, and some are given numbers again. */
  #called(result: Holds): void {
    for (const register of CALLER_SAVED) this.#hold(register, "nothing");
    this.#hold(0, result);
    for (const register of CALLER_SAVED.slice(1)) {
      if (!this.#one(3)) continue;
      this.#set(register, this.#edge());
      this.#hold(register, "number");
    }
    if (result !== "nothing" && this.#one(2)) {
      const register = 7 + this.#random.below(3);
      if (this.#kept.has(register)) return;
      this.#move(register, 0);
      this.#hold(register, result);
    }
  }

  #stackSlot(bytes = 8): number {
    const slot = -8 * (1 + this.#random.below(6));
    return this.#isWild() ? slot + this.#random.below(8) : slot + bytes * this.#random.below(8 / bytes);
  }

  #arithmetic(): void {
    const wide = this.#one(2);
    const operation = this.#random.pick(ALU);
    const source = operation === isa.BPF_NEG || this.#one(2) ? undefined : this.#number();
    const target = operation === isa.BPF_MOV ? this.#target() : this.#number();
    if (target === undefined || this.#kept.has(target)) return;
    let imm = operation === isa.BPF_NEG || source !== undefined ? 0 : this.#edge();
    if (SHIFTS.includes(operation) && !this.#isWild()) imm &= wide ? 63 : 31;
    if (operation === isa.BPF_AND && source === undefined) imm = this.#random.pick(MASKS);
    if ((operation === isa.BPF_DIV || operation === isa.BPF_MOD) && source === undefined && imm === 0) imm = 3;
    const code = (wide ? isa.BPF_ALU64 : isa.BPF_ALU) | operation | (source === undefined ? isa.BPF_K : isa.BPF_X);
    this.#emit(code, target, source ?? 0, 0, imm);
    this.#hold(target, "number");
  }

  #byteOrder(): void {
    const target = this.#number();
    if (target === undefined || this.#kept.has(target)) return;
    const order = this.#random.pick([isa.BPF_TO_LE, isa.BPF_TO_BE]);
    this.#emit(isa.BPF_ALU | isa.BPF_END | order, target, 0, 0, this.#random.pick([16, 32, 64]));
  }

  #constant(): void {
    const target = this.#target();
    const value = (BigInt(this.#edge()) << 32n) + BigInt(this.#edge());
    if (this.#one(2)) this.insns.push(...isa.ldImm64(target, 0, value));
    else this.#set(target, this.#edge());
    this.#hold(target, "number");
  }

  /** A conditional jump over the next few statements. */
  #branch(statements: number): void {
    const left = this.#number();
    if (left === undefined) return;
    const right = this.#one(3) ? this.#number() : undefined;
    const width = this.#one(2) ? isa.BPF_JMP : isa.BPF_JMP32;
    const slot = this.insns.length;
    const jump = width | this.#random.pick(JUMPS) | (right === undefined ? isa.BPF_K : isa.BPF_X);
    this.#emit(jump, left, right ?? 0, 0, right === undefined ? this.#edge() : 0);
    const before = [...this.#holds];
    for (let count = 0; count < statements; count++) this.statement();
    let over = this.insns.length - slot - 1;
    if (this.#one(3)) {
      // An alternative.
      const end = this.insns.length;
      const after = this.#holds;
      this.#emit((this.#one(4) ? isa.BPF_JMP32 : isa.BPF_JMP) | isa.BPF_JA);
      this.#holds = [...before];
      this.statement();
      this.insns[end] = isa.withJumpDistance(this.insns[end], this.insns.length - end - 1);
      over = end - slot;
      this.#join(after);
    } else this.#join(before);
    this.insns[slot] = { ...this.insns[slot], off: over };
  }

  /** Keeps what both ways agree in. */
  #join(other: readonly Holds[]): void {
    this.#holds = this.#holds.map((what, register) => {
      const there = other[register];
      const same = JSON.stringify(what) === JSON.stringify(there);
      return same ? what : "nothing";
    });
  }

  /** A loop that is known to end, mostly. */
  #loop(): void {
    const counter = 7 + this.#random.below(3);
    if (this.#kept.has(counter) || this.#depth > 2) return;
    this.#set(counter, 0);
    this.#hold(counter, "number");
    this.#kept.add(counter);
    const start = this.insns.length;
    const before = [...this.#holds];
    this.#depth += 2;
    for (let count = 1 + this.#random.below(3); count > 0; count--) this.statement();
    this.#depth -= 2;
    this.#join(before);
    this.#add(counter, 1 + this.#random.below(2));
    const times = this.#isWild() ? this.#edge() : 1 + this.#random.below(this.#one(10) ? 300 : 12);
    const width = this.#one(3) ? isa.BPF_JMP32 : isa.BPF_JMP;
    const until = this.#random.pick([isa.BPF_JLT, isa.BPF_JSLT, isa.BPF_JLE]);
    this.#emit(width | until | isa.BPF_K, counter, 0, start - this.insns.length - 1, times);
    this.#kept.delete(counter);
  }

  #stack(): void {
    const size = this.#random.pick(SIZES);
    const bytes = isa.accessBytes(size);
    switch (this.#random.below(4)) {
      case 0:
        this.#emit(isa.BPF_ST | isa.BPF_MEM | size, 10, 0, this.#stackSlot(bytes), this.#edge());
        return;
      case 1: {
        // Spilled and filled: what the register held comes back.
        const from = this.#find((what) => what !== "nothing");
        if (from === undefined) return;
        const slot = this.#stackSlot();
        this.#emit(isa.BPF_STX | isa.BPF_MEM | isa.BPF_DW, 10, from, slot);
        if (this.#one(2)) this.statement();
        const to = this.#target();
        this.#emit(isa.BPF_LDX | isa.BPF_MEM | (this.#one(4) ? size : isa.BPF_DW), to, 10, slot);
        this.#hold(to, this.#holds[from] === "number" ? "number" : "nothing");
        return;
      }
      case 2: {
        const from = this.#number();
        if (from !== undefined) this.#emit(isa.BPF_STX | isa.BPF_MEM | size, 10, from, this.#stackSlot(bytes));
        return;
      }
      default: {
        const slot = this.#stackSlot(bytes);
        if (!this.#one(4)) this.#emit(isa.BPF_ST | isa.BPF_MEM | size, 10, 0, slot, this.#edge());
        const to = this.#target();
        this.#emit(isa.BPF_LDX | isa.BPF_MEM | size, to, 10, slot);
        this.#hold(to, "number");
      }
    }
  }

  #atomic(): void {
    const size = this.#one(2) ? isa.BPF_DW : isa.BPF_W;
    const from = this.#number();
    if (from === undefined) return;
    const pointer = this.#one(2) ? undefined : this.#find((what) => typeof what === "object" && what.value >= 8);
    const operation = this.#random.pick(ATOMICS);
    if (operation === isa.BPF_CMPXCHG && this.#holds[0] !== "number" && !this.#isWild()) return;
    if ((operation & isa.BPF_FETCH) !== 0 && this.#kept.has(from)) return;
    const at = pointer === undefined ? this.#stackSlot(isa.accessBytes(size)) : 0;
    if (pointer === undefined) this.#emit(isa.BPF_ST | isa.BPF_MEM | size, 10, 0, at, this.#edge());
    this.#emit(isa.BPF_STX | isa.BPF_ATOMIC | size, pointer ?? 10, from, at, operation);
    if (operation === isa.BPF_CMPXCHG) this.#hold(0, "number");
  }

  /** A key on the stack, its address in r2, the map in r1. */
  #mapAndKey(map: number, keySize: number): void {
    const slot = this.#stackSlot();
    const key = this.#one(8) ? this.#edge() : this.#random.below(6);
    this.#emit(isa.BPF_ST | isa.BPF_MEM | (keySize === 8 ? isa.BPF_DW : isa.BPF_W), 10, 0, slot, key);
    this.#move(2, 10);
    this.#add(2, slot);
    this.#map(1, map);
  }

  #lookup(): void {
    if (this.#one(5)) {
      const target = this.#target();
      const [map, size] = this.#one(3) ? [MAPS.readOnly, 16] : [MAPS.single, 48];
      const offset = this.#one(3) ? this.#random.below(size + (this.#wild > 0 ? 2 : 0)) : 0;
      this.#map(target, map, offset);
      this.#hold(target, map === MAPS.readOnly ? "nothing" : { value: size - offset });
      return;
    }
    const [map, keySize, valueSize] = this.#random.pick(WITH_ELEMENTS);
    this.#mapAndKey(map, keySize);
    this.#call(HELPER.mapLookup);
    if (this.#isWild()) {
      this.#called("nothing");
      return;
    }
    const early = this.#one(2);
    if (early) {
      this.#emit(isa.BPF_JMP | isa.BPF_JNE | isa.BPF_K, 0, 0, 2, 0);
      this.#set(0, 0);
      this.#emit(isa.BPF_JMP | isa.BPF_EXIT);
      this.#called({ value: valueSize });
    } else {
      const slot = this.insns.length;
      this.#emit(isa.BPF_JMP | isa.BPF_JEQ | isa.BPF_K, 0, 0, 0, 0);
      this.#called({ value: valueSize });
      for (let count = 1 + this.#random.below(3); count > 0; count--) this.#throughPointer();
      this.insns[slot] = { ...this.insns[slot], off: this.insns.length - slot - 1 };
      this.#holds = this.#holds.map((what, register) => (register > 5 && typeof what !== "object" ? what : "nothing"));
    }
  }

  #update(): void {
    const [map, keySize] = this.#random.pick(WITH_ELEMENTS);
    const remove = this.#one(3);
    this.#mapAndKey(map, keySize);
    if (!remove) {
      // A value of 8 bytes; more of the stack for wider ones.
      for (const at of map === MAPS.array || map === MAPS.hash ? [-56] : [-64, -72, -80, -88, -96, -104, -112, -120])
        this.#emit(isa.BPF_ST | isa.BPF_MEM | isa.BPF_DW, 10, 0, at, this.#edge());
      this.#move(3, 10);
      this.#add(3, map === MAPS.array || map === MAPS.hash ? -56 : -120);
      this.#set(4, this.#random.below(4));
    }
    this.#call(remove ? HELPER.mapDelete : HELPER.mapUpdate);
    this.#called("number");
  }

  /** Pointer arithmetic on a map value, the stack or the context, and an access. */
  #throughPointer(): void {
    const pointer = this.#find((what) => typeof what === "object");
    const what = pointer === undefined || pointer > 9 ? undefined : this.#holds[pointer];
    const size = this.#random.pick(SIZES);
    const bytes = isa.accessBytes(size);
    let base = pointer;
    let room = typeof what === "object" ? what.value : 48;
    let offset = 0;
    if (base === undefined || this.#one(3)) {
      base = this.#target();
      this.#move(base, pointer ?? 10);
      const index = this.#one(2) ? this.#number() : undefined;
      if (pointer === undefined) this.#add(base, -48);
      if (index !== undefined && index !== base && !this.#kept.has(index)) {
        const mask = this.#random.pick([1, 3, 7, 15]);
        if (this.#one(3)) this.#emit(isa.BPF_JMP | isa.BPF_JGT | isa.BPF_K, index, 0, 1, mask);
        else this.#emit(isa.BPF_ALU64 | isa.BPF_AND | isa.BPF_K, index, 0, 0, mask);
        this.#emit(isa.BPF_ALU64 | this.#random.pick([isa.BPF_ADD, isa.BPF_ADD, isa.BPF_SUB]) | isa.BPF_X, base, index);
        room -= mask;
      } else if (this.#one(2)) {
        offset = this.#random.below(room);
        this.#add(base, offset);
        room -= offset;
      }
      this.#hold(base, pointer === undefined ? "stack" : { value: Math.max(room, 0) });
    }
    if (room < bytes && !this.#isWild()) return;
    const at = room <= bytes ? 0 : this.#random.below(room - bytes + 1 + (this.#wild > 0 ? 1 : 0));
    const aligned = this.#one(8) ? at : at - (at % bytes);
    switch (this.#random.below(3)) {
      case 0: {
        const to = this.#target();
        this.#emit(isa.BPF_LDX | isa.BPF_MEM | size, to, base, aligned);
        this.#hold(to, "number");
        return;
      }
      case 1: {
        const from = this.#number();
        if (from !== undefined) this.#emit(isa.BPF_STX | isa.BPF_MEM | size, base, from, aligned);
        return;
      }
      default:
        this.#emit(isa.BPF_ST | isa.BPF_MEM | size, base, 0, aligned, this.#edge());
    }
  }

  #context(): void {
    const context = this.#find((what) => what === "context");
    if (context === undefined) return;
    const to = this.#target();
    const packet = this.#type === SOCKET_FILTER || this.#type === SCHED_CLS;
    if (packet && this.#one(3)) {
      // Needs the context in r6.
      const index = this.#one(2) ? this.#number() : undefined;
      const size = this.#random.pick([isa.BPF_B, isa.BPF_H, isa.BPF_W]);
      const mode = index === undefined ? isa.BPF_ABS : isa.BPF_IND;
      this.#emit(isa.BPF_LD | mode | size, 0, index ?? 0, 0, this.#one(6) ? this.#edge() : this.#random.below(70));
      this.#called("number");
      return;
    }
    // Length, protocol, interface; or any eight bytes of registers or arguments.
    const offset = packet ? this.#random.pick([0, 0, 16, 40]) : 8 * this.#random.below(4);
    const size = packet ? isa.BPF_W : isa.BPF_DW;
    const wild = this.#isWild();
    this.#emit(
      isa.BPF_LDX | isa.BPF_MEM | (wild ? this.#random.pick(SIZES) : size),
      to,
      context,
      wild ? 4 * this.#random.below(50) : offset,
    );
    this.#hold(to, "number");
  }

  #helper(): void {
    const ids = [HELPER.smpProcessorId, HELPER.uidGid];
    // What they return differs from kernel to kernel.
    if (LOADED_ONLY.includes(this.#type)) ids.push(HELPER.ktime, HELPER.pidTgid);
    this.#call(this.#isWild() ? this.#random.pick(HELPER_IDS) : this.#random.pick(ids));
    this.#called("number");
  }

  #function(): void {
    if (this.#callees.length === 0) return;
    const callee = this.#random.pick(this.#callees);
    const kind = this.#random.below(4);
    if (kind > 1) {
      // bpf_loop(times, callback, context, 0) or bpf_for_each_map_elem(map, callback, context, 0)
      if (kind === 2) this.#set(1, this.#random.below(10));
      else this.#map(1, this.#random.pick(WITH_ELEMENTS)[0]);
      this.references.push({ slot: this.insns.length, callee });
      this.insns.push(...isa.ldImm64(2, isa.BPF_PSEUDO_FUNC, 0n));
      if (this.#one(2)) this.#set(3, 0);
      else {
        this.#emit(isa.BPF_ST | isa.BPF_MEM | isa.BPF_DW, 10, 0, -8, this.#edge());
        this.#move(3, 10);
        this.#add(3, -8);
      }
      this.#set(4, this.#isWild() ? 1 : 0);
      this.#call(kind === 2 ? HELPER.loop : HELPER.forEachMapElem);
    } else {
      for (let register = 1; register <= 3; register++) {
        if (this.#holds[register] !== "nothing" && this.#one(2)) continue;
        this.#set(register, this.#edge());
      }
      const context = this.#holds.indexOf("context");
      if (context > 0 && this.#one(2)) this.#move(1, context);
      this.references.push({ slot: this.insns.length, callee });
      this.#emit(isa.BPF_JMP | isa.BPF_CALL, 0, isa.BPF_PSEUDO_CALL);
    }
    this.#called("number");
  }

  #ringbuf(): void {
    const size = 8 * (1 + this.#random.below(4));
    this.#map(1, MAPS.ringbuf);
    this.#set(2, size);
    this.#set(3, 0);
    this.#call(HELPER.ringbufReserve);
    const slot = this.insns.length;
    this.#emit(isa.BPF_JMP | isa.BPF_JEQ | isa.BPF_K, 0, 0, 0, 0);
    const bytes = this.#random.pick(SIZES);
    this.#emit(isa.BPF_ST | isa.BPF_MEM | bytes, 0, 0, this.#random.below(size - 7), this.#edge());
    if (!this.#isWild()) {
      this.#move(1, 0);
      this.#set(2, this.#random.below(3));
      this.#call(this.#one(2) ? HELPER.ringbufSubmit : HELPER.ringbufDiscard);
    }
    this.insns[slot] = { ...this.insns[slot], off: this.insns.length - slot - 1 };
    this.#set(0, 0);
    this.#called("number");
  }

  #tailCall(): void {
    const context = this.#holds.indexOf("context");
    if (context < 0) return;
    if (context !== 1) this.#move(1, context);
    this.#map(2, MAPS.programs);
    this.#set(3, this.#random.below(4));
    this.#call(HELPER.tailCall);
    this.#set(0, 1);
    this.#called("number");
  }

  /** r0 is checked; what follows is done, or the program ends, where it is null. */
  #ifNotNull(): void {
    this.#emit(isa.BPF_JMP | isa.BPF_JNE | isa.BPF_K, 0, 0, 2, 0);
    this.#set(0, 0);
    this.#emit(isa.BPF_JMP | isa.BPF_EXIT);
  }

  /** A register among r6 to r9 that may be used up. */
  #saved(): number | undefined {
    const register = 7 + this.#random.below(3);
    return this.#kept.has(register) ? undefined : register;
  }

  #lockedRegion(): void {
    const saved = this.#saved();
    if (saved === undefined) return;
    this.#mapAndKey(this.#one(2) ? MAPS.locked : MAPS.lockedHash, 4);
    this.#call(HELPER.mapLookup);
    if (!this.#isWild()) this.#ifNotNull();
    this.#move(saved, 0);
    const lock = (helper: number): void => {
      this.#move(1, this.#isWild() ? 0 : saved);
      this.#add(1, this.#isWild() ? this.#random.below(24) : LOCK_OFFSET);
      this.#call(helper);
      this.#called("nothing");
    };
    lock(HELPER.spinLock);
    for (let count = this.#random.below(3); count > 0; count--) {
      const size = this.#random.pick(SIZES);
      const at = this.#isWild() ? this.#random.below(24) : 8 + this.#random.below(2) * 8;
      if (this.#one(2)) this.#emit(isa.BPF_ST | isa.BPF_MEM | size, saved, 0, at, this.#edge());
      else {
        this.#emit(isa.BPF_LDX | isa.BPF_MEM | size, 0, saved, at);
        this.#hold(0, "number");
      }
      if (this.#isWild()) this.statement();
    }
    if (!this.#isWild()) lock(HELPER.spinUnlock);
    this.#hold(saved, "nothing");
  }

  /** A pointer to a structure of the kernel in a map's value. */
  #kernelPointer(): void {
    const saved = this.#saved();
    if (saved === undefined) return;
    this.#mapAndKey(MAPS.pointers, 4);
    this.#call(HELPER.mapLookup);
    this.#ifNotNull();
    this.#move(saved, 0);
    const at = this.#isWild() ? this.#random.below(16) : 0;
    const size = this.#isWild() ? this.#random.pick(SIZES) : isa.BPF_DW;
    switch (this.#random.below(4)) {
      case 0:
        this.#emit(isa.BPF_ST | isa.BPF_MEM | size, saved, 0, at, this.#isWild() ? 1 : 0);
        break;
      case 1:
        this.#call(HELPER.currentTask);
        if (this.#isWild()) this.#add(0, 8 * this.#random.below(3));
        this.#emit(isa.BPF_STX | isa.BPF_MEM | size, saved, 0, at);
        break;
      case 2:
        this.#emit(isa.BPF_STX | isa.BPF_MEM | size, saved, this.#random.below(10), at);
        break;
      default: {
        this.#emit(isa.BPF_LDX | isa.BPF_MEM | size, 0, saved, at);
        if (this.#one(2)) this.#emit(isa.BPF_STX | isa.BPF_MEM | size, saved, 0, at);
        if (this.#one(3)) this.#ifNotNull();
        if (this.#one(3)) this.#emit(isa.BPF_STX | isa.BPF_MEM | size, saved, 0, this.#one(3) ? 8 : at);
      }
    }
    this.#called("nothing");
    this.#hold(saved, this.#one(2) ? { value: 0 } : "nothing");
  }

  /** A record of the ring buffer that is kept over some statements. */
  #record(): void {
    const saved = this.#saved();
    if (saved === undefined) return;
    const size = 8 * (1 + this.#random.below(4));
    this.#map(1, MAPS.ringbuf);
    this.#set(2, size);
    this.#set(3, 0);
    this.#call(HELPER.ringbufReserve);
    this.#ifNotNull();
    this.#move(saved, 0);
    this.#called("nothing");
    this.#kept.add(saved);
    for (let count = 1 + this.#random.below(3); count > 0; count--) {
      if (this.#one(2)) this.statement();
      else this.#emit(isa.BPF_ST | isa.BPF_MEM | isa.BPF_W, saved, 0, 4 * this.#random.below(size / 4), this.#edge());
    }
    this.#kept.delete(saved);
    if (!this.#isWild()) {
      this.#move(1, saved);
      this.#set(2, this.#random.below(3));
      this.#call(this.#one(2) ? HELPER.ringbufSubmit : HELPER.ringbufDiscard);
    }
    this.#hold(saved, "nothing");
    this.#called("nothing");
  }

  /** One argument of a helper, of the kind that it takes, mostly. */
  #argument(register: number, kind: ArgumentKind, helper: number, before: ArgumentKind | undefined): void {
    const slot = -64 + 8 * this.#random.below(4);
    const stack = (at: number): void => {
      this.#move(register, 10);
      this.#add(register, at);
    };
    if (this.#isWild()) {
      if (this.#one(3)) this.#set(register, 0);
      else if (this.#one(2)) stack(-4 * this.#random.below(20));
      else this.#map(register, this.#random.below(12), this.#one(2) ? this.#random.below(16) : undefined);
      return;
    }
    switch (kind) {
      case "ctx": {
        const context = this.#holds.indexOf("context");
        if (context > 5 && register !== context) this.#move(register, context);
        return;
      }
      case "map":
        this.#map(register, helperName(helper).includes("ringbuf") ? MAPS.ringbuf : this.#random.below(12));
        return;
      case "size":
      case "sizeOrZero":
        this.#set(register, this.#one(3) ? 8 * this.#random.below(5) : this.#random.below(33));
        if (this.#one(4)) {
          this.#emit(isa.BPF_LDX | isa.BPF_MEM | isa.BPF_W, register, 10, -64);
          this.#emit(isa.BPF_ALU64 | isa.BPF_AND | isa.BPF_K, register, 0, 0, this.#random.pick(MASKS));
        }
        return;
      case "allocSize":
        this.#set(register, 8 * this.#random.below(10));
        return;
      case "func":
        if (this.#callees.length === 0) return;
        this.references.push({ slot: this.insns.length, callee: this.#random.pick(this.#callees) });
        this.insns.push(...isa.ldImm64(register, isa.BPF_PSEUDO_FUNC, 0n));
        return;
      case "constString":
        this.#map(register, MAPS.text, this.#one(2) ? 0 : this.#random.below(24));
        return;
      case "spinLock":
      case "timer":
      case "taskStruct":
      case "inode":
      case "ringbufMem":
        return;
      case "anything":
        if (before !== "func" && this.#one(3)) stack(slot);
        else this.#set(register, this.#one(2) ? 0 : this.#edge());
        return;
      default:
        if (kind.endsWith("OrNull") && this.#one(4)) this.#set(register, 0);
        else if (this.#one(6)) this.#map(register, this.#one(2) ? MAPS.single : MAPS.readOnly, 0);
        else stack(slot);
    }
  }

  /** Any helper, with arguments that its prototype asks for. */
  #anyHelper(): void {
    const id = this.#random.pick(HELPER_IDS);
    // Linux offers programs on its functions another one of that name.
    if (id === SOCKET_COOKIE) return;
    const prototype = helperPrototype(id);
    if (prototype === undefined && !this.#isWild()) return;
    for (let at = -64; at < -32; at += 8) this.#emit(isa.BPF_ST | isa.BPF_MEM | isa.BPF_DW, 10, 0, at, this.#edge());
    const kinds = prototype?.arguments ?? [];
    if (kinds.includes("taskStruct")) this.#call(HELPER.currentTask);
    kinds.forEach((kind, index) => {
      this.#argument(index + 1, kind, id, kinds[index - 1]);
      if (kind === "taskStruct") this.#move(index + 1, 0);
    });
    this.#call(id);
    this.#called(prototype?.returns === "integer" ? "number" : "nothing");
  }

  #typedStatement(): void {
    switch (this.#random.below(6)) {
      case 0:
        this.#lockedRegion();
        return;
      case 1:
        this.#kernelPointer();
        return;
      case 2:
        this.#record();
        return;
      case 3:
        this.#function();
        return;
      default:
        // What helpers return differs from kernel to kernel.
        if (LOADED_ONLY.includes(this.#type)) this.#anyHelper();
    }
  }

  /** Any fields at all. */
  #noise(): void {
    const { code, dst, src, off, imm } = isa.instruction(
      this.#random.next(),
      this.#random.below(12),
      this.#random.below(12),
      this.#one(2) ? 0 : this.#random.below(16) - 8,
      this.#edge(),
    );
    this.#emit(code, dst, src, off, imm);
    if (this.#one(20)) this.#emit(isa.BPF_JMP | isa.BPF_JA, 0, 0, this.#random.below(12) - 6);
  }

  /** One statement: some instructions. */
  statement(): void {
    if (this.#depth > 6) return;
    this.#depth++;
    if (this.#typed && this.#one(7)) {
      this.#typedStatement();
      this.#depth--;
      return;
    }
    const choice = this.#random.below(100);
    if (choice < 34) this.#arithmetic();
    else if (choice < 38) this.#constant();
    else if (choice < 40) this.#byteOrder();
    else if (choice < 54) this.#branch(1 + this.#random.below(3));
    else if (choice < 65) this.#stack();
    else if (choice < 68) this.#atomic();
    else if (choice < 73) this.#lookup();
    else if (choice < 75) this.#update();
    else if (choice < 83) this.#throughPointer();
    else if (choice < 88) this.#context();
    else if (choice < 90) this.#helper();
    else if (choice < 94) this.#function();
    else if (choice < 96) this.#loop();
    else if (choice < 97) this.#ringbuf();
    else if (choice < 98) this.#tailCall();
    else if (this.#isWild()) this.#noise();
    this.#depth--;
  }

  /** A whole function. */
  body(main: boolean, statements: number): void {
    if (main) {
      this.#move(6, 1);
      this.#hold(6, "context");
      if (this.#one(2)) this.#hold(1, "context");
    } else {
      // Numbers, or whatever callers give.
      for (const register of [1, 2]) if (this.#one(2)) this.#hold(register, "number");
    }
    for (let register = 0; register < 10; register++) {
      if (register === 6 || this.#holds[register] !== "nothing" || this.#one(4)) continue;
      this.#set(register, this.#edge());
      this.#hold(register, "number");
    }
    // What was on the stack before can be read, and differs.
    if (!LOADED_ONLY.includes(this.#type))
      for (let at = -48; at < 0; at += 8) this.#emit(isa.BPF_ST | isa.BPF_MEM | isa.BPF_DW, 10, 0, at, this.#edge());
    for (let count = 0; count < statements; count++) this.statement();
    const result = this.#holds.lastIndexOf("number");
    if (this.#isWild()) {
      if (this.#one(2)) return;
    } else if (result < 0 || this.#one(main ? 3 : 2)) this.#set(0, this.#random.below(2));
    else this.#move(0, result);
    this.#emit(isa.BPF_JMP | isa.BPF_EXIT);
  }
}

/** What programs of the kernel's functions are for: names that both kernels have, with the same prototypes. */
const TARGETS: Readonly<Record<number, readonly (readonly [attachType: number, name: string])[]>> = {
  [TRACING]: [
    [24, "vfs_read"],
    [25, "vfs_read"],
    [24, "vfs_write"],
    [25, "do_sys_openat2"],
  ],
  [LSM]: [
    [27, "bpf_lsm_file_open"],
    [27, "bpf_lsm_task_alloc"],
    [27, "bpf_lsm_bprm_check_security"],
    [27, "bpf_lsm_task_free"],
  ],
};

/** The names of contexts in the type information of programs. */
const CONTEXTS: Readonly<Record<number, string>> = {
  [SOCKET_FILTER]: "__sk_buff",
  [SCHED_CLS]: "__sk_buff",
  2: "bpf_user_pt_regs_t",
  7: "bpf_perf_event_data",
};

/** Types for functions of a program: most of them static, with any prototypes. */
function functionTypes(random: Random, type: number, count: number, wild: number): NonNullable<TypedProgram["types"]> {
  const btf = new BtfWriter();
  const int = btf.int("int", 4);
  const long = btf.int("long", 8);
  const pair = btf.struct("pair", 16, [
    { name: "a", type: int, offset: 0 },
    { name: "b", type: long, offset: 8 },
  ]);
  const context = btf.struct(CONTEXTS[type] ?? "context", 8, []);
  const kinds = [int, long, int, long, btf.pointer(context), btf.pointer(pair), btf.pointer(int), btf.pointer(0), pair];
  const functions = Array.from({ length: count }, (_, index) => {
    const isGlobal = index === 0 ? random.below(20) !== 0 : random.below(3) === 0;
    const length = index === 0 || random.below(20) === 0 ? random.below(7) : random.below(4);
    const types = wild > 0 ? kinds : kinds.slice(0, isGlobal ? 4 : 8);
    const parameters = Array.from({ length }, (_empty, at) => ({ name: `p${at}`, type: random.pick(types) }));
    const result = random.below(12) === 0 ? random.pick([0, kinds[5]]) : random.pick([int, long]);
    return btf.func(`f${index}`, btf.prototype(result, parameters), isGlobal ? 1 : 0);
  });
  return { btf: btf.bytes(), functions };
}

/** The program of a seed with type information: locks, pointers of the kernel, all helpers, callbacks, global functions, more types. */
export function typedProgram(seed: number): TypedProgram {
  const random = new Random(seed ^ 0x7e57_ab1e);
  const type = random.pick([...TYPES, 2, TRACING, TRACING, LSM]);
  const wild = random.pick([0, 0, 200, 60, 15]);
  const [attachType, target] = TARGETS[type] === undefined ? [0, undefined] : random.pick(TARGETS[type]);
  const statements = 3 + random.below(25);
  const { insns, functions } = writeProgram(random, type, wild, 1 + random.below(MAX_FUNCTIONS), statements, true);
  const types = random.below(12) === 0 ? undefined : functionTypes(random, type, functions, wild);
  const sleepable = target !== undefined && random.below(3) === 0 ? BPF_F_SLEEPABLE : 0;
  return { type, insns, attachType, target, types, flags: sleepable };
}

/** The program of a seed. */
export function differentialProgram(seed: number): TypedProgram {
  const random = new Random(seed);
  const type = random.pick(TYPES);
  const wild = random.pick([0, 0, 200, 60, 15]);
  const count = random.below(2) === 0 ? 1 : 1 + random.below(MAX_FUNCTIONS);
  const statements = 3 + random.below(random.below(8) === 0 ? 80 : 25);
  const { insns } = writeProgram(random, type, wild, count, statements, false);
  return { type, insns };
}

/** Writes main program and functions. With type information functions that nobody refers to are left out. */
function writeProgram(
  random: Random,
  type: number,
  wild: number,
  count: number,
  statements: number,
  typed: boolean,
): { insns: isa.Instruction[]; functions: number } {
  const functions = Array.from({ length: count }, (_, number) => {
    const callees = Array.from({ length: count - 1 - number }, (_empty, later) => number + 1 + later);
    // A function may call itself only where nothing is to be accepted.
    if (wild === 15 && random.below(10) === 0) callees.push(number);
    const writer = new FunctionWriter(random, type, wild, callees, typed);
    writer.body(number === 0, number === 0 ? statements : 1 + random.below(10));
    return writer;
  });
  // Functions refer to later ones, or to themselves.
  const used = new Set([0]);
  functions.forEach(({ references }, number) => {
    if (!typed) used.add(number);
    if (used.has(number)) for (const { callee } of references) used.add(callee);
  });
  const starts: number[] = [];
  let at = 0;
  for (const [number, { insns }] of functions.entries()) {
    starts.push(at);
    if (used.has(number)) at += insns.length;
  }
  const insns = functions.flatMap((writer, number) => {
    if (!used.has(number)) return [];
    for (const { slot, callee } of writer.references)
      writer.insns[slot] = { ...writer.insns[slot], imm: starts[callee] - (starts[number] + slot) - 1 };
    return writer.insns;
  });
  return { insns, functions: used.size };
}

/** BPF_MAP_TYPE_, key size, value size, entries and flags. */
const MAP_SHAPES = [
  [2, 4, 8, 8, 0],
  [1, 4, 8, 4, 0],
  [1, 8, 64, 2, 0],
  [2, 4, 48, 1, 0],
  [2, 4, 16, 1, 128],
  [27, 0, 0, 4096, 0],
  [3, 4, 4, 2, 0],
  [6, 4, 24, 2, 0],
  [2, 4, 24, 2, 0],
  [1, 4, 24, 3, 1],
  [2, 4, 16, 1, 0],
  [2, 4, 26, 1, 128],
] as const;

/**
 * Whether what a program does may depend on where the kernel puts things: whether the verifier refuses it to a loader that may
 * not learn addresses nor read old stack. It is then refused more than that, but never less.
 */
export function mayDependOnAddresses({ type, insns }: TypedProgram): boolean {
  const { errno } = verify({
    type,
    instructions: insns,
    gplCompatible: true,
    privileges: { bpf: true, perfmon: false },
    functionInfo: true,
    logLevel: 0,
    mapByFd: (fd) => {
      const shape = MAP_SHAPES[fd - FIRST_MAP];
      if (shape === undefined) return EBADF;
      const [mapType, keySize, valueSize, maxEntries, flags] = shape;
      return { id: fd, type: mapType, keySize, valueSize, maxEntries, flags };
    },
  });
  return errno !== 0;
}

/** The file that runner.c reads. */
export function programFile(programs: readonly TypedProgram[]): Uint8Array {
  return Buffer.concat(
    programs.flatMap(({ type, insns, attachType, flags, types, target }) => {
      const name = Buffer.from(target ?? "", "latin1");
      const btf = types?.btf ?? new Uint8Array(0);
      const functions = Uint32Array.from(types === undefined ? [] : functionRecords(insns, types.functions));
      const head = [type, insns.length, attachType ?? 0, flags ?? 0, btf.length, functions.length / 2, name.length];
      return [
        new Uint8Array(Uint32Array.from(head).buffer),
        isa.encodeInstructions(insns),
        btf,
        new Uint8Array(functions.buffer),
        name,
      ];
    }),
  );
}

/**
 * func_info: where each function begins and its type. After instructions were taken out the functions are where calls lead to; there may
 * be fewer of them then.
 */
function functionRecords(insns: readonly isa.Instruction[], types: readonly number[]): number[] {
  const starts = new Set([0]);
  insns.forEach((insn, slot) => {
    if (isa.isPseudoCall(insn) || isa.isPseudoFunc(insn)) starts.add(slot + insn.imm + 1);
  });
  return [...starts].sort((a, b) => a - b).flatMap((start, index) => [start, types[index] ?? 0]);
}
