/**
 * The log of the verifier: text that can be taken back to an earlier point, because the log of a path that turned out to be
 * fine is dropped unless BPF_LOG_LEVEL2 asks for it.
 */
export const BPF_LOG_LEVEL1 = 1;
export const BPF_LOG_LEVEL2 = 2;
export const BPF_LOG_LEVEL = BPF_LOG_LEVEL1 | BPF_LOG_LEVEL2;
export const BPF_LOG_STATS = 4;

/** Text beyond this is dropped; no buffer of a loader is larger. */
const LARGEST_LOG = 1 << 26;

export class VerifierLog {
  readonly level: number;
  private chunks: string[] = [];
  /** Characters written so far. */
  length = 0;

  constructor(level: number) {
    this.level = level;
  }

  /** Instructions are to be logged. */
  get perInstruction(): boolean {
    return (this.level & BPF_LOG_LEVEL) !== 0;
  }

  /** Paths that ended well are to be kept, too. */
  get everyPath(): boolean {
    return (this.level & BPF_LOG_LEVEL2) !== 0;
  }

  write(text: string): void {
    if (this.level === 0 || this.length >= LARGEST_LOG) return;
    this.chunks.push(text);
    this.length += text.length;
  }

  /** Drops what was written after `position`. */
  reset(position: number): void {
    while (this.length > position) {
      const last = this.chunks.pop() ?? "";
      this.length -= last.length;
      if (this.length < position) {
        const kept = last.slice(0, position - this.length);
        this.chunks.push(kept);
        this.length += kept.length;
      }
    }
  }

  toString(): string {
    return this.chunks.join("");
  }
}
