/** Masked loads and stores, and gathers: element by element, those not selected do not fault (AMD64 APM volume 4). */
import type { Cpu } from "../cpu.ts";
import { Fault, Vector } from "../fault.ts";
import { defineRoutine } from "../routines.ts";
import { SEGMENTED_ADDRESS_MASK } from "../state.ts";
import { Record } from "../tier0/record.ts";

const wrap = (address: bigint): bigint => BigInt.asUintN(64, address);
const isStack = (cpu: Cpu, record: number): boolean => (cpu.view.getUint8(record + Record.flags) & 1) !== 0;

/** Element `i` of the halves that start at argument `first`. */
const element = (cpu: Cpu, first: number, i: number, size: number): bigint =>
  BigInt.asUintN(size * 8, cpu.argument(first + ((i * size) >> 3)) >> BigInt(((i * size) & 7) * 8));
const isSelected = (cpu: Cpu, first: number, i: number, size: number): boolean =>
  element(cpu, first, i, size) >> BigInt(size * 8 - 1) === 1n;

/** Linear address, bytes of an element, parts, mask as halves; the results are the elements, 0 where nothing was loaded. */
defineRoutine("maskedVectorLoad", (cpu, record) => {
  const size = cpu.argumentNumber(1);
  const halves = cpu.argumentNumber(2) * 2;
  const words = new BigUint64Array(halves);
  for (let i = 0; i < (halves * 8) / size; i++) {
    if (!isSelected(cpu, 3, i, size)) continue;
    const value = cpu.linear.read(wrap(cpu.argument(0) + BigInt(i * size)), size, false, isStack(cpu, record));
    words[(i * size) >> 3] |= value << BigInt(((i * size) & 7) * 8);
  }
  words.forEach((word, i) => {
    cpu.setResult(i, word);
  });
});

/** The same, then the elements to store. */
defineRoutine("maskedVectorStore", (cpu, record) => {
  const size = cpu.argumentNumber(1);
  const halves = cpu.argumentNumber(2) * 2;
  const stack = isStack(cpu, record);
  for (const write of [false, true]) {
    for (let i = 0; i < (halves * 8) / size; i++) {
      if (!isSelected(cpu, 3, i, size)) continue;
      const address = wrap(cpu.argument(0) + BigInt(i * size));
      if (write) cpu.linear.write(address, size, element(cpu, 3 + halves, i, size), false, stack);
      else cpu.linear.probeWrite(address, size, false, stack);
    }
  }
});

/**
 * Bytes of an index and of an element, number of elements, addresses of destination and mask, address size, mode. The mask is
 * cleared as elements arrive: a fault leaves what has been done.
 */
defineRoutine("gather", (cpu, record) => {
  const { view } = cpu;
  const [indexSize, size, count, destination, mask, addressSize, mode] = [0, 1, 2, 3, 4, 5, 6].map((i) =>
    cpu.argumentNumber(i),
  );
  const indices = view.getUint16(record + Record.index, true);
  if (destination === mask || destination === indices || mask === indices) throw new Fault(Vector.UD);
  const base = view.getBigUint64(view.getInt32(record + Record.base, true), true);
  const displacement = BigInt(view.getInt32(record + Record.displacement, true));
  const scale = BigInt(view.getUint8(record + Record.scale));
  const segment = view.getBigUint64(view.getUint16(record + Record.segment, true), true);
  const clear = (register: number, from: number): void => {
    for (let i = from; i < 32; i++) view.setUint8(register + i, 0);
  };
  for (let i = 0; i < count; i++) {
    const selected = (view.getUint8(mask + i * size + size - 1) & 0x80) !== 0;
    if (!selected) {
      view.setUint32(mask + i * size, 0, true);
      view.setUint32(mask + i * size + size - 4, 0, true);
      continue;
    }
    const at = indices + i * indexSize;
    const index = indexSize === 4 ? BigInt(view.getInt32(at, true)) : view.getBigInt64(at, true);
    const offset = BigInt.asUintN(addressSize * 8, base + displacement + (index << scale));
    const address = mode === 64 ? wrap(segment + offset) : (segment + offset) & SEGMENTED_ADDRESS_MASK;
    const value = cpu.linear.read(address, size, false, isStack(cpu, record));
    if (size === 4) view.setUint32(destination + i * 4, Number(value), true);
    else view.setBigUint64(destination + i * 8, value, true);
    view.setUint32(mask + i * size, 0, true);
    view.setUint32(mask + i * size + size - 4, 0, true);
  }
  clear(destination, count * size);
  clear(mask, 0);
});
