/** The x87's state in memory: FNSTENV, FLDENV, FNSAVE, FRSTOR, and its part of FXSAVE images. */
import type { X87Host } from "./host.ts";
import { abridgedTags } from "./registers.ts";
import { X87Stack } from "./stack.ts";

const mask64 = 0xffff_ffff_ffff_ffffn;

/** The control word as it is kept: bit 6 reads as one, other reserved bits as zero. */
export function controlWord(value: number): number {
  return (value & 0x1f3f) | 0x40;
}

export class X87Images extends X87Stack {
  protected readonly host: X87Host;

  constructor(view: () => DataView, base: number, host: X87Host) {
    super(view, base);
    this.host = host;
  }

  protected writeMemory(address: bigint, size: number, value: bigint): void {
    for (let at = 0; at < size; ) {
      const step = size - at >= 8 ? 8 : size - at >= 4 ? 4 : 2;
      this.host.write(address + BigInt(at), step, BigInt.asUintN(step * 8, value >> BigInt(at * 8)));
      at += step;
    }
  }

  protected readExtended(address: bigint): bigint {
    const low = this.host.read(address, 8);
    return (this.host.read(address + 8n, 2) << 64n) | low;
  }

  /** Faults in the order of the processor: the near end, the far end, what is between. */
  protected probeImage(address: bigint, size: number): void {
    this.host.probeWrite(address, size % 4 === 0 ? 4 : 2);
    this.host.probeWrite(address + BigInt(size - 1), 1);
    this.host.probeWrite(address, size);
  }

  protected storeEnvironment(address: bigint, size16: boolean): void {
    const { opcode, code, codeSelector, data, dataSelector } = this.pointers();
    const words = [BigInt(this.control), BigInt(this.status), BigInt(this.tagWord())];
    if (size16) {
      const all = [...words, code & 0xffffn, BigInt(codeSelector), data & 0xffffn, BigInt(dataSelector)];
      all.forEach((word, i) => {
        this.host.write(address + BigInt(i * 2), 2, word);
      });
      return;
    }
    const all = [
      ...words.map((word) => word | 0xffff_0000n),
      code & 0xffff_ffffn,
      BigInt((opcode << 16) | codeSelector),
      data & 0xffff_ffffn,
      BigInt(dataSelector) | 0xffff_0000n,
    ];
    all.forEach((word, i) => {
      this.host.write(address + BigInt(i * 4), 4, word);
    });
  }

  protected loadEnvironment(address: bigint, size16: boolean): void {
    const step = size16 ? 2n : 4n;
    const words: bigint[] = [];
    // First the near end, then the far one.
    this.host.read(address, Number(step));
    this.host.read(address + 7n * step - 1n, 1);
    for (let i = 0n; i < 7n; i++) words.push(this.host.read(address + i * step, Number(step)));
    this.control = controlWord(Number(words[0] & 0xffffn));
    this.status = Number(words[1] & 0xffffn);
    this.tags = abridgedTags(Number(words[2] & 0xffffn));
    const opcode = size16 ? 0 : Number((words[4] >> 16n) & 0x7ffn);
    const selector = (word: bigint): number => Number(word & 0xffffn);
    const [, , , code, codeWord, data, dataWord] = words;
    this.setPointers({ opcode, code, codeSelector: selector(codeWord), data, dataSelector: selector(dataWord) });
    this.summarise();
  }

  protected save(address: bigint, size16: boolean): void {
    const environment = size16 ? 14 : 28;
    this.probeImage(address, environment + 80);
    this.storeEnvironment(address, size16);
    for (let i = 0; i < 8; i++) this.writeMemory(address + BigInt(environment + i * 10), 10, this.read(i));
    this.initialise();
  }

  protected restore(address: bigint, size16: boolean): void {
    const environment = size16 ? 14 : 28;
    const values: bigint[] = [];
    this.host.read(address, size16 ? 2 : 4);
    this.host.read(address + BigInt(environment + 79), 1);
    for (let i = 0; i < 8; i++) values.push(this.readExtended(address + BigInt(environment + i * 10)));
    this.loadEnvironment(address, size16);
    for (let i = 0; i < 8; i++) this.writeRegister((this.top + i) & 7, values[i]);
  }

  /** The x87 part of an FXSAVE image: the first 160 bytes, without MXCSR. Pointers are saved while an error is pending. */
  saveImage(image: DataView, rexW: boolean): void {
    image.setUint16(0, this.control, true);
    image.setUint16(2, this.status, true);
    image.setUint16(4, this.tags, true);
    if (this.pending) {
      const { opcode, code, codeSelector, data, dataSelector } = this.pointers();
      image.setUint16(6, opcode, true);
      if (rexW) {
        image.setBigUint64(8, code, true);
        image.setBigUint64(16, data, true);
      } else {
        image.setUint32(8, Number(code & 0xffff_ffffn), true);
        image.setUint16(12, codeSelector, true);
        image.setUint32(16, Number(data & 0xffff_ffffn), true);
        image.setUint16(20, dataSelector, true);
      }
    }
    for (let i = 0; i < 8; i++) {
      const value = this.read(i);
      image.setBigUint64(32 + i * 16, value & mask64, true);
      image.setBigUint64(40 + i * 16, value >> 64n, true);
    }
  }

  /** The reverse of `saveImage`. */
  restoreImage(image: DataView, rexW: boolean): void {
    this.control = controlWord(image.getUint16(0, true));
    this.status = image.getUint16(2, true);
    this.tags = image.getUint8(4);
    this.summarise();
    // Pointers count while an error is pending. With REX.W they are linear addresses of 57 bits at most.
    if (!this.pending) {
      this.setPointers({ opcode: 0, code: 0n, codeSelector: 0, data: 0n, dataSelector: 0 });
    } else {
      const extend = (value: bigint): bigint => BigInt.asUintN(64, BigInt.asIntN(57, value));
      const opcode = image.getUint16(6, true) & 0x7ff;
      const code = rexW ? extend(image.getBigUint64(8, true)) : BigInt(image.getUint32(8, true));
      const data = rexW ? extend(image.getBigUint64(16, true)) : BigInt(image.getUint32(16, true));
      const selector = (at: number): number => (rexW ? 0 : image.getUint16(at, true));
      this.setPointers({ opcode, code, codeSelector: selector(12), data, dataSelector: selector(20) });
    }
    for (let i = 0; i < 8; i++) {
      const at = 32 + i * 16;
      const value = (BigInt(image.getUint16(at + 8, true)) << 64n) | image.getBigUint64(at, true);
      this.writeRegister((this.top + i) & 7, value);
    }
  }
}
