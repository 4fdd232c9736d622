/**
 * What a PC's BIOS leaves behind for the kernel that it starts, as far as real-mode code may lean on it: an interrupt vector table
 * whose entries return, and the pair of 8259s with their vectors at 0x08 and 0x70.
 */
import type { Machine } from "../machine.ts";

const BIOS_SEGMENT = 0xf000;
/** Where the IBM PC's own BIOS has its IRET. */
const RETURN = 0xff53;
const END_FIRST = 0xfe00;
const END_BOTH = 0xfe10;
const CODE: readonly (readonly [number, readonly number[]])[] = [
  [RETURN, [0xcf]], // iret
  [END_FIRST, [0x50, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf]], // push ax; mov al, 0x20; out 0x20, al; pop ax; iret
  [END_BOTH, [0x50, 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0x58, 0xcf]], // the same for 0xa0, then 0x20
];
const FIRST_VECTOR = 0x08;
const SECOND_VECTOR = 0x70;
const VECTORS = 256;

export function leaveFirmwareRemains({ bus, memory }: Machine): void {
  for (const [offset, bytes] of CODE) memory.write((BIOS_SEGMENT << 4) + offset, Uint8Array.from(bytes));
  for (let vector = 0; vector < VECTORS; vector++) {
    const first = vector >= FIRST_VECTOR && vector < FIRST_VECTOR + 8;
    const second = vector >= SECOND_VECTOR && vector < SECOND_VECTOR + 8;
    memory.writeUint(vector * 4, 2, first ? END_FIRST : second ? END_BOTH : RETURN);
    memory.writeUint(vector * 4 + 2, 2, BIOS_SEGMENT);
  }
  // ICW1 to ICW4: cascade on input 2, 8086 mode; then no input masked.
  for (const [port, vector, cascade] of [
    [0x20, FIRST_VECTOR, 0x04],
    [0xa0, SECOND_VECTOR, 0x02],
  ] as const) {
    bus.writePort(port, 1, 0x11);
    bus.writePort(port + 1, 1, vector);
    bus.writePort(port + 1, 1, cascade);
    bus.writePort(port + 1, 1, 0x01);
    bus.writePort(port + 1, 1, 0x00);
  }
}
