/**
 * What the guest printed on a serial port: a hash of all of it, and the text of the most recent part, so that a guest that
 * prints without end does not take the host's memory.
 */
import { createHash } from "node:crypto";
import type { DeviceState } from "../devices/device.ts";

const PIECE = 65536;
const KEPT_PIECES = 256;
const NEWLINE = 10;

export class ConsoleLog {
  #pieces: Uint8Array[] = [];
  #current = new Uint8Array(PIECE);
  #filled = 0;
  #flushed = 0;
  #count = 0;
  #hash = createHash("sha256");
  /** Gets what was printed since the last time: at the end of each line and of each run. */
  listener: ((bytes: Uint8Array) => void) | undefined;
  /** Gets every byte at once, while the guest is executing the instruction that sent it. */
  watcher: ((byte: number) => void) | undefined;

  append(byte: number): void {
    this.watcher?.(byte);
    this.#current[this.#filled++] = byte;
    this.#count++;
    if (byte === NEWLINE) this.flush();
    if (this.#filled < PIECE) return;
    this.flush();
    this.#hash.update(this.#current);
    this.#pieces.push(this.#current);
    if (this.#pieces.length > KEPT_PIECES) this.#pieces.shift();
    this.#current = new Uint8Array(PIECE);
    this.#filled = 0;
    this.#flushed = 0;
  }

  /** Hands what is new to the listener. */
  flush(): void {
    if (this.#flushed === this.#filled) return;
    const piece = this.#current.slice(this.#flushed, this.#filled);
    this.#flushed = this.#filled;
    this.listener?.(piece);
  }

  /** How many bytes were printed in all. */
  get count(): number {
    return this.#count;
  }

  /** The bytes that are kept: all of them up to 16 MiB, then the last 16 MiB. */
  bytes(): Uint8Array {
    return Buffer.concat([...this.#pieces, this.#current.subarray(0, this.#filled)]);
  }

  text(): string {
    return new TextDecoder().decode(this.bytes());
  }

  /** Of everything that was ever printed; lower-case hexadecimal. */
  sha256(): string {
    return this.#hash.copy().update(this.#current.subarray(0, this.#filled)).digest("hex");
  }

  /** Takes over everything that another one was given, without telling the listener. */
  copyFrom(other: ConsoleLog): void {
    this.#pieces = [...other.#pieces];
    this.#current = other.#current.slice();
    this.#filled = other.#filled;
    this.#flushed = other.#flushed;
    this.#count = other.#count;
    this.#hash = other.#hash.copy();
  }

  state(): DeviceState {
    return { count: this.#count, sha256: this.sha256() };
  }
}
