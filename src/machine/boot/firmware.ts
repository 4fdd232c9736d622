/**
 * A flat image as a PC's firmware: its last byte lies at 4 GiB - 1 and again at 1 MiB - 1, and the processor starts as after RESET,
 * 16 bytes before that (AMD64 APM volume 2, 14.1.3). It lies in RAM, so the copy below 1 MiB can be written, as shadowed ROM.
 */
import type { Cpu } from "../../cpu/index.ts";
import { InputError } from "../input-error.ts";

const PAGE = 4096;
const ONE_MIB = 0x10_0000;
const LARGEST = 256 << 10;

/** Loads the image and resets the processor. Throws InputError. */
export function loadFirmware(cpu: Cpu, image: Uint8Array, name: string): void {
  if (image.length === 0 || image.length > LARGEST || image.length % PAGE !== 0)
    throw new InputError(
      `${name}: ${image.length} bytes; expected whole pages of 4096 bytes, at most ${LARGEST >> 10} KiB`,
    );
  cpu.memory.write(ONE_MIB - image.length, image);
  cpu.reset();
  cpu.linear.walk.firmwareBytes = image.length;
}
