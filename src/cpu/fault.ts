/** Exceptions of the processor (AMD64 APM volume 2, chapter 8), as TypeScript throws them. */

export const Vector = {
  DE: 0,
  DB: 1,
  NMI: 2,
  BP: 3,
  OF: 4,
  BR: 5,
  UD: 6,
  NM: 7,
  DF: 8,
  TS: 10,
  NP: 11,
  SS: 12,
  GP: 13,
  PF: 14,
  MF: 16,
  AC: 17,
  MC: 18,
  XM: 19,
} as const;

/** Thrown to raise an exception. Not an Error: there is nothing wrong with the host, and a stack trace costs time. */
export class Fault {
  readonly vector: number;
  readonly errorCode: number | undefined;
  /** Faulting address of a #PF, in halves. */
  readonly addressLow: number;
  readonly addressHigh: number;

  constructor(vector: number, errorCode?: number, addressLow = 0, addressHigh = 0) {
    this.vector = vector;
    this.errorCode = errorCode;
    this.addressLow = addressLow;
    this.addressHigh = addressHigh;
  }
}

/** #GP with an error code: 0, or a selector. */
export const generalProtection = (errorCode = 0): Fault => new Fault(Vector.GP, errorCode);
export const invalidOpcode = (): Fault => new Fault(Vector.UD);
