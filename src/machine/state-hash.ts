/**
 * One number for the whole state of a machine: SHA-256 over the processor's state, all of RAM (pages that are not zero, with their
 * numbers) and every device. Two machines that have the same hash go on in the same way.
 */
import { createHash, type Hash } from "node:crypto";
import type { DeviceState } from "../devices/device.ts";

const PAGE = 4096;
const BLOCK = 65536;
const ZERO_BLOCK = Buffer.alloc(BLOCK);

/** Adds a value so that different values never give the same bytes: each with its kind and length. */
function addValue(hash: Hash, value: DeviceState): void {
  if (value instanceof Uint8Array) hash.update(`bytes ${value.length}:`).update(value);
  else if (Array.isArray(value)) {
    hash.update(`list ${value.length}:`);
    for (const item of value) addValue(hash, item);
  } else if (typeof value === "object") {
    const names = Object.keys(value).sort();
    hash.update(`object ${names.length}:`);
    for (const name of names) {
      hash.update(`${name.length} ${name}=`);
      addValue(hash, (value as { readonly [name: string]: DeviceState })[name]);
    }
  } else {
    const text = String(value);
    hash.update(`${typeof value} ${text.length} ${text};`);
  }
}

/** RAM: pages that hold anything. Zero memory is passed over in large blocks. */
function addMemory(hash: Hash, ram: Uint8Array): void {
  hash.update(`memory ${ram.length}:`);
  for (let block = 0; block < ram.length; block += BLOCK) {
    const end = Math.min(block + BLOCK, ram.length);
    if (ZERO_BLOCK.compare(ram, block, end, 0, end - block) === 0) continue;
    for (let page = block; page < end; page += PAGE) {
      if (ZERO_BLOCK.compare(ram, page, page + PAGE, 0, PAGE) === 0) continue;
      hash.update(`page ${page / PAGE}:`).update(ram.subarray(page, page + PAGE));
    }
  }
}

/** Lower-case hexadecimal. */
export function stateHash(ram: Uint8Array, rest: DeviceState): string {
  const hash = createHash("sha256");
  addValue(hash, rest);
  addMemory(hash, ram);
  return hash.digest("hex");
}
