/** The x87's register stack, its status, control and tag words, and its pointers, in linear memory. */
import { defaultNan, extended, floatFlags } from "../soft-float.ts";
import { x87Layout } from "./layout.ts";
import { readPhysical, tagWord, writePhysical } from "./registers.ts";

export const conditionCode = { c0: 0x100, c1: 0x200, c2: 0x400, c3: 0x4000 } as const;
const { c1 } = conditionCode;
const stackFault = 0x40;
const errorSummary = 0x8080;
export const realIndefinite = defaultNan(extended);

/** What the unit remembers of the last instruction that was not a control instruction. */
interface LastInstruction {
  readonly opcode: number;
  readonly code: bigint;
  readonly codeSelector: number;
  readonly data: bigint;
  readonly dataSelector: number;
}

export class X87Stack {
  readonly #view: () => DataView;
  readonly #base: number;

  /**
   * @param view of the memory that holds the state (asked for anew each time: memory may grow)
   * @param base offset of the x87 part, laid out as `x87Layout`
   */
  constructor(view: () => DataView, base: number) {
    this.#view = view;
    this.#base = base;
  }

  get control(): number {
    return this.#view().getUint16(this.#base + x87Layout.control, true);
  }
  set control(value: number) {
    this.#view().setUint16(this.#base + x87Layout.control, value, true);
  }
  get status(): number {
    return this.#view().getUint16(this.#base + x87Layout.status, true);
  }
  set status(value: number) {
    this.#view().setUint16(this.#base + x87Layout.status, value, true);
  }
  get tags(): number {
    return this.#view().getUint8(this.#base + x87Layout.tags);
  }
  set tags(value: number) {
    this.#view().setUint8(this.#base + x87Layout.tags, value);
  }
  get top(): number {
    return (this.status >> 11) & 7;
  }

  /** Whether an unmasked exception waits for the next waiting instruction (#MF). */
  get pending(): boolean {
    return (this.status & 0x80) !== 0;
  }

  /** FNINIT. */
  initialise(): void {
    this.control = 0x37f;
    this.status = 0;
    this.tags = 0;
    this.setPointers({ opcode: 0, code: 0n, codeSelector: 0, data: 0n, dataSelector: 0 });
  }

  /** The 80-bit value of a register counted from the top of the stack, whatever its tag. */
  read(i: number): bigint {
    return this.readRegister((this.top + i) & 7);
  }

  protected readRegister(index: number): bigint {
    return readPhysical(this.#view(), this.#base, index);
  }

  protected writeRegister(index: number, value: bigint): void {
    writePhysical(this.#view(), this.#base, index, value);
  }

  /** Writes a register counted from the top and marks it as holding a value. */
  protected set(i: number, value: bigint): void {
    const index = (this.top + i) & 7;
    this.writeRegister(index, value);
    this.tags |= 1 << index;
  }

  /** The full tag word. */
  protected tagWord(): number {
    return tagWord(this.#view(), this.#base);
  }

  protected isEmpty(i: number): boolean {
    return ((this.tags >> ((this.top + i) & 7)) & 1) === 0;
  }

  protected setTop(top: number): void {
    this.status = (this.status & ~0x3800) | ((top & 7) << 11);
  }

  protected pop(): void {
    this.tags &= ~(1 << this.top);
    this.setTop(this.top + 1);
  }

  protected push(value: bigint): void {
    this.setTop(this.top - 1);
    this.set(0, value);
  }

  protected setPointers({ opcode, code, codeSelector, data, dataSelector }: LastInstruction): void {
    const view = this.#view();
    const base = this.#base;
    view.setUint16(base + x87Layout.opcode, opcode, true);
    view.setBigUint64(base + x87Layout.instructionPointer, code, true);
    view.setUint16(base + x87Layout.codeSelector, codeSelector, true);
    view.setBigUint64(base + x87Layout.dataPointer, data, true);
    view.setUint16(base + x87Layout.dataSelector, dataSelector, true);
  }

  protected pointers(): LastInstruction {
    const view = this.#view();
    const base = this.#base;
    return {
      opcode: view.getUint16(base + x87Layout.opcode, true),
      code: view.getBigUint64(base + x87Layout.instructionPointer, true),
      codeSelector: view.getUint16(base + x87Layout.codeSelector, true),
      data: view.getBigUint64(base + x87Layout.dataPointer, true),
      dataSelector: view.getUint16(base + x87Layout.dataSelector, true),
    };
  }

  protected summarise(): void {
    const raised = this.status & ~this.control & 0x3f;
    this.status = raised ? this.status | errorSummary : this.status & ~errorSummary;
  }

  /** Stack overflow (C1 set) or underflow. True if invalid is masked and the instruction goes on with indefinite. */
  protected stackFault(overflow: boolean): boolean {
    this.status = (this.status & ~c1) | stackFault | floatFlags.invalid | (overflow ? c1 : 0);
    this.summarise();
    return (this.control & floatFlags.invalid) !== 0;
  }

  /** What every MMX instruction does to the x87: top of stack 0, all registers valid; EMMS empties them. */
  enterMmx(): void {
    this.setTop(0);
    this.tags = 0xff;
  }
}
