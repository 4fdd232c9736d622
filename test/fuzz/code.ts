/**
 * Random guest code: bytes of no design, and between them instructions that reach what such bytes seldom do: control registers,
 * MSRs, descriptor tables, devices, far transfers. Encodings that mean the same in 32-bit and 64-bit mode are preferred.
 */
import { platform } from "../../src/devices/platform.ts";

/** A number from 0 up to, but not including, `below`. */
export type Random = (below: number) => number;

const { uart, pit, rtc, virtioMmio, localApic, ioApic, bpfCoprocessor } = platform;
const range = (start: number, length: number): number[] => Array.from({ length }, (_, i) => start + i);
/** Every port but those that end the run. */
const PORTS: readonly number[] = [
  ...uart.flatMap(({ port }) => range(port, 8)),
  ...range(pit.port, 4),
  pit.speakerPort,
  ...range(rtc.port, 2),
  ...[0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x60, 0x64, 0x80],
];
export const REGIONS = [
  { address: virtioMmio.address, size: virtioMmio.stride * virtioMmio.slots },
  { address: localApic.address, size: 0x400 },
  { address: ioApic.address, size: 0x50 },
  { address: bpfCoprocessor.address, size: bpfCoprocessor.size },
] as const;
const MSRS: readonly number[] = [
  ...[0x10, 0x1b, 0x3a, 0x8b, 0xc1, 0xfe, 0x174, 0x175, 0x176, 0x179, 0x17a, 0x1a0, 0x1d9, 0x200, 0x201, 0x250, 0x277],
  ...[0x2ff, 0x6e0, 0xda0, ...range(0x800, 0x40)],
  ...range(0xc000_0080, 5),
  ...range(0xc000_0100, 4),
];
const PREFIXES = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65, 0x48, 0x41, 0x44, 0x4f] as const;

const word32 = (value: number): number[] => range(0, 4).map((i) => (value >>> (8 * i)) & 0xff);
const pick = <T>(random: Random, from: readonly T[]): T => {
  const chosen = from[random(from.length)];
  if (chosen === undefined) throw new Error("nothing to choose from");
  return chosen;
};
export const bytes = (random: Random, length: number): number[] => range(0, length).map(() => random(256));

/** Small numbers, single bits, and anything: the first two reach further. */
export function value(random: Random): number {
  switch (random(4)) {
    case 0:
      return random(64);
    case 1:
      return 2 ** random(32);
    case 2:
      return random(2 ** 22);
    default:
      return random(2 ** 32);
  }
}

/** Instructions by what they reach; each is a sequence of bytes. */
const makers: readonly ((random: Random) => number[])[] = [
  (r) => bytes(r, 1 + r(15)),
  (r) => [...range(0, r(4)).map(() => pick(r, PREFIXES)), ...bytes(r, 1 + r(8))],
  (r) => [...range(0, r(3)).map(() => pick(r, PREFIXES)), 0x0f, ...bytes(r, 2 + r(5))],
  (r) => [pick(r, [0x66, 0xf2, 0xf3, 0x48]), 0x0f, pick(r, [0x38, 0x3a]), r(256), 0xc0 | r(64), r(256)],
  // VEX of two and of three bytes
  (r) => [0xc5, r(256), r(256), 0xc0 | r(64), r(256)],
  (r) => [0xc4, 0xe0 | (1 + r(3)), r(256), r(256), 0xc0 | r(64), r(256)],
  // a general register gets a number
  (r) => [0xb8 + pick(r, [0, 1, 2, 3, 5, 6, 7]), ...word32(value(r))],
  // MOV to and from control and debug registers
  (r) => [0x0f, pick(r, [0x20, 0x21, 0x22, 0x23]), 0xc0 | r(64)],
  // one bit of CR0, CR4 or DR7 changes
  (r) => {
    const [read, number] = pick(r, [
      [0x20, 0],
      [0x20, 4],
      [0x21, 7],
    ] as const);
    return [0x0f, read, 0xc0 | (number << 3), 0x0f, 0xba, 0xf8, r(32), 0x0f, read + 2, 0xc0 | (number << 3)];
  },
  // RDMSR, WRMSR
  (r) => [0xb9, ...word32(pick(r, MSRS)), 0x0f, 0x32, 0x0f, 0xba, 0xf8, r(32), 0x0f, 0x30],
  (r) => [0xb9, ...word32(pick(r, MSRS)), 0xb8, ...word32(value(r)), 0x31, 0xd2, 0x0f, 0x30],
  // LGDT, LIDT, SLDT, LLDT, LTR, VERR, INVLPG ... with a memory or a register operand
  (r) => [0xbf, ...word32(r(2 ** 20)), 0x0f, r(2), 0x07 | (r(8) << 3)],
  (r) => [0xb8, ...word32(8 * r(16) + r(8)), 0x0f, 0x00, 0xc0 | (r(8) << 3)],
  // segment registers, POP of them, far transfers, returns
  (r) => [0xb8, ...word32(8 * r(16) + r(8)), 0x8e, 0xc0 | (r(6) << 3)],
  (r) => [0x68, ...word32(8 * r(16) + r(4)), 0x68, ...word32(r(2 ** 20)), pick(r, [0xcb, 0xcf])],
  (r) => [pick(r, [0x9a, 0xea]), ...word32(r(2 ** 20)), 8 * r(16) + r(4), 0],
  (r) => [0xcd, r(256)],
  (r) => [pick(r, [0xcc, 0xf1, 0x9c, 0x9d, 0xfa, 0xfb, 0x90, 0x58, 0x50, 0xc9, 0xf4])],
  (r) => [0x0f, pick(r, [0x05, 0x07, 0x34, 0x35, 0xa2, 0x31, 0x08, 0x09, 0x06, 0xaa, 0x0b, 0x77, 0xc7])],
  (r) => [0x68, ...word32(r(2 ** 22)), 0x9d],
  // ports, and blocks of them
  (r) => [
    0x66,
    0xba,
    ...word32(pick(r, PORTS)).slice(0, 2),
    0xb0,
    r(256),
    pick(r, [0xec, 0xed, 0xee, 0xef, 0x6c, 0x6e]),
  ],
  (r) => [0xb9, ...word32(r(64)), 0xf3, pick(r, [0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xae, 0xa6, 0x6c, 0x6e])],
  // MMIO, by edi
  (r) => {
    const region = pick(r, REGIONS);
    const address = region.address + (r(4) === 0 ? r(region.size) : 4 * r(region.size / 4));
    return [0xbf, ...word32(address), 0xb8, ...word32(value(r)), pick(r, [0x89, 0x8b, 0x88, 0x01, 0x87, 0x8a]), 0x07];
  },
  (r) => [0xbf, ...word32(pick(r, REGIONS).address + r(0x100)), ...bytes(r, 3)],
  // jumps near by
  (r) => [pick(r, [0xeb, 0xe2, 0xe3, 0x70 + r(16)]), r(256)],
  // a store into code ahead
  (r) => [0xbf, ...word32(0x1_0000 + r(0x1_0000)), 0xc7, 0x07, ...bytes(r, 4)],
];

/** `length` bytes of random code. */
export function randomCode(random: Random, length: number): Uint8Array {
  const code: number[] = [];
  const wild = random(4) === 0;
  while (code.length < length) {
    const maker = wild ? makers[random(3)] : pick(random, makers);
    if (maker !== undefined) code.push(...maker(random));
  }
  return Uint8Array.from(code.slice(0, length));
}
