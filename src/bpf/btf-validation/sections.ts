/** The header of BTF and where its two sections lie. */
import { BTF_MAGIC } from "../btf.ts";
import { E2BIG, ENOTSUPP, type RawBtf } from "./raw-btf.ts";

const HEADER_SIZE = 24;
const BTF_MAX_NAME_OFFSET = 0x00ff_ffff;

interface Section {
  readonly offset: number;
  readonly length: number;
}

/** Sections follow the header and each other without gap or overlap, up to the end. */
function checkLayout(btf: RawBtf, sections: readonly Section[], available: number): void {
  const sorted = sections.slice().sort((a, b) => (a.offset - b.offset) | 0 || (a.length - b.length) | 0);
  let total = 0;
  for (const { offset, length } of sorted) {
    if (available < offset) btf.reject("Invalid section offset");
    if (total < offset) btf.reject("Unsupported section found");
    if (total > offset) btf.reject("Section overlap found");
    if (available - total < length) btf.reject("Total section length too long");
    total += length;
  }
  if (available !== total) btf.reject("Unsupported section found");
}

/** Reads the header, finds the strings, and tells where in `btf.bytes` the types lie. */
export function checkSections(btf: RawBtf): { readonly start: number; readonly end: number } {
  const size = btf.bytes.length;
  if (size < 8) btf.reject("hdr_len not found");
  const headerLength = btf.u32(4);
  if (size < headerLength) btf.reject("btf_header not found");
  for (let at = HEADER_SIZE; at < headerLength; at++) {
    if (btf.bytes[at] !== 0) btf.reject("Unsupported btf_header", E2BIG);
  }
  // Of an older, shorter header the rest counts as zero.
  const header = new Uint8Array(HEADER_SIZE);
  header.set(btf.bytes.subarray(0, Math.min(headerLength, HEADER_SIZE)));
  const view = new DataView(header.buffer);
  const magic = view.getUint16(0, true);
  const version = header[2];
  const flags = header[3];
  const length = view.getUint32(4, true);
  const types = { offset: view.getUint32(8, true), length: view.getUint32(12, true) };
  const strings = { offset: view.getUint32(16, true), length: view.getUint32(20, true) };
  btf.log.write(
    `magic: 0x${magic.toString(16)}\nversion: ${version}\nflags: 0x${flags.toString(16)}\nhdr_len: ${length}\n` +
      `type_off: ${types.offset}\ntype_len: ${types.length}\nstr_off: ${strings.offset}\nstr_len: ${strings.length}\n` +
      `btf_total_size: ${size}\n`,
  );
  if (magic !== BTF_MAGIC) btf.reject("Invalid magic");
  if (version !== 1) btf.reject("Unsupported version", ENOTSUPP);
  if (flags !== 0) btf.reject("Unsupported flags", ENOTSUPP);
  if (size === length) btf.reject("No data");
  checkLayout(btf, [types, strings], size - length);

  const start = length + strings.offset;
  if (start + strings.length !== size) btf.reject("String section is not at the end");
  const isBounded = strings.length > 0 && strings.length - 1 <= BTF_MAX_NAME_OFFSET && btf.bytes[size - 1] === 0;
  if (!isBounded || btf.bytes[start] !== 0) btf.reject("Invalid string section");
  btf.strings = { start, length: strings.length };

  if ((types.offset & 3) !== 0) btf.reject("Unaligned type_off");
  if (types.length === 0) btf.reject("No type found");
  return { start: length + types.offset, end: length + types.offset + types.length };
}
