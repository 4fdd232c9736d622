/** The debugger's breakpoints: a set that says when it changes, since blocks must end before every address in it. */
export class BreakpointSet extends Set<bigint> {
  readonly #changed: () => void;

  constructor(changed: () => void) {
    super();
    this.#changed = changed;
  }

  override add(address: bigint): this {
    if (!this.has(address)) {
      super.add(address);
      this.#changed();
    }
    return this;
  }

  override delete(address: bigint): boolean {
    const deleted = super.delete(address);
    if (deleted) this.#changed();
    return deleted;
  }

  override clear(): void {
    if (this.size === 0) return;
    super.clear();
    this.#changed();
  }
}
