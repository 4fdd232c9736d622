/**
 * The state at one point of one path: call frames with registers and stack, acquired references, and where the path came
 * from. A state that was stored for pruning is the parent of the states continued from it.
 */
import { BPF_REG_FP, MAX_BPF_REG } from "../isa.ts";
import { PTR_TO_STACK, RegisterState, SCALAR_VALUE } from "./register-state.ts";
import type { Tnum } from "./tnum.ts";

export const BPF_REG_SIZE = 8;
/** Call site of a main program. */
export const BPF_MAIN_FUNC = -1;

// What a byte of stack holds.
export const STACK_INVALID = 0;
export const STACK_SPILL = 1;
export const STACK_MISC = 2;
export const STACK_ZERO = 3;
export const STACK_DYNPTR = 4;

/** Eight bytes of stack: one type per byte, [0] for the highest address, and the register spilled there. */
export class StackSlot {
  readonly types: number[];
  readonly spilled: RegisterState;

  constructor(types: number[] = [0, 0, 0, 0, 0, 0, 0, 0], spilled: RegisterState = new RegisterState()) {
    this.types = types;
    this.spilled = spilled;
  }

  /** A register was spilled here, and its lowest byte at least is still intact. */
  isSpilled(): boolean {
    return this.types[BPF_REG_SIZE - 1] === STACK_SPILL;
  }

  clone(): StackSlot {
    return new StackSlot(this.types.slice(), this.spilled.clone());
  }
}

/** Something acquired that must be released: a ring buffer reservation, a socket. */
export interface Reference {
  readonly id: number;
  /** The instruction that acquired it. */
  readonly instruction: number;
  /** Frame number of the callback that acquired it, or 0. */
  readonly callbackFrame: number;
}

export class FrameState {
  readonly registers: RegisterState[] = [];
  /** [i] is the slot at R10 - 8 * (i + 1). */
  readonly stack: StackSlot[] = [];
  references: Reference[] = [];
  readonly callsite: number;
  readonly frameno: number;
  readonly subprogram: number;
  inCallback = false;
  callbackReturnRange: Tnum | null = null;
  inAsyncCallback = false;
  asyncEntryCount = 0;

  constructor(callsite: number, frameno: number, subprogram: number) {
    this.callsite = callsite;
    this.frameno = frameno;
    this.subprogram = subprogram;
  }

  clone(): FrameState {
    const copy = new FrameState(this.callsite, this.frameno, this.subprogram);
    for (const reg of this.registers) copy.registers.push(reg.clone());
    for (const slot of this.stack) copy.stack.push(slot.clone());
    copy.references = this.references.slice();
    copy.inCallback = this.inCallback;
    copy.callbackReturnRange = this.callbackReturnRange;
    copy.inAsyncCallback = this.inAsyncCallback;
    copy.asyncEntryCount = this.asyncEntryCount;
    return copy;
  }

  /** Bytes of stack that the state describes. */
  get allocatedStack(): number {
    return this.stack.length * BPF_REG_SIZE;
  }

  growStack(bytes: number): void {
    while (this.stack.length * BPF_REG_SIZE < bytes) this.stack.push(new StackSlot());
  }
}

/** A new frame: nothing is initialised but the frame pointer. */
export function newFrame(callsite: number, frameno: number, subprogram: number, precise: boolean): FrameState {
  const frame = new FrameState(callsite, frameno, subprogram);
  for (let i = 0; i < MAX_BPF_REG; i++) {
    const reg = new RegisterState();
    reg.markNotInit(precise);
    frame.registers.push(reg);
  }
  const fp = frame.registers[BPF_REG_FP];
  fp.type = PTR_TO_STACK;
  fp.markKnownZero();
  fp.frameno = frameno;
  return frame;
}

/** A jump to `index` that came from `previous`. */
export interface JumpRecord {
  readonly index: number;
  readonly previous: number;
}

export class VerifierState {
  frames: FrameState[] = [];
  parent: VerifierState | null = null;
  /** Paths that continue from this state and have not ended yet. */
  branches = 0;
  /** Where a stored state was taken. */
  instruction = 0;
  /** Id of the map value whose lock is held. */
  activeSpinLock = 0;
  /** This path runs only in the processor's speculation. */
  speculative = false;
  firstInstruction = 0;
  lastInstruction = -1;
  jumpHistory: JumpRecord[] = [];

  get currentFrame(): number {
    return this.frames.length - 1;
  }

  clone(): VerifierState {
    const copy = new VerifierState();
    for (const frame of this.frames) copy.frames.push(frame.clone());
    copy.parent = this.parent;
    copy.branches = this.branches;
    copy.instruction = this.instruction;
    copy.activeSpinLock = this.activeSpinLock;
    copy.speculative = this.speculative;
    copy.firstInstruction = this.firstInstruction;
    copy.lastInstruction = this.lastInstruction;
    copy.jumpHistory = this.jumpHistory.slice();
    return copy;
  }

  /** Every register of every frame, spilled ones included. */
  forEachRegister(visit: (reg: RegisterState, frame: FrameState) => void): void {
    for (const frame of this.frames) {
      for (const reg of frame.registers) visit(reg, frame);
      for (const slot of frame.stack) if (slot.isSpilled()) visit(slot.spilled, frame);
    }
  }

  /** Every scalar of one frame but R10, spilled ones included. */
  static forEachScalar(frame: FrameState, visit: (reg: RegisterState) => void): void {
    for (let i = 0; i < BPF_REG_FP; i++) if (frame.registers[i].type === SCALAR_VALUE) visit(frame.registers[i]);
    for (const slot of frame.stack) if (slot.isSpilled() && slot.spilled.type === SCALAR_VALUE) visit(slot.spilled);
  }
}
