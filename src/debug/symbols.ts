/** Names for addresses and addresses for names, from ELF symbol tables. */
import type { ElfSymbol } from "../machine/elf.ts";

const PAGE = 4096n;

/** Code that a guest made while it ran. */
export type GeneratedCode = Pick<Symbol, "name" | "address" | "size">;

/** A name and where it is (virtual), with its size in bytes. */
export interface Symbol {
  readonly name: string;
  readonly address: bigint;
  /** 0 when the table does not say (labels in assembly). */
  readonly size: bigint;
  readonly isFunction: boolean;
}

/** Prefers what people call a place by: functions before labels, global names before local ones. */
const rank = (symbol: ElfSymbol): number =>
  (symbol.type === "function" ? 0 : 2) + (symbol.binding === "global" ? 0 : 1);

/** Symbols of the kernel, of programs that were added, and of code that the guest generates. */
export class Symbols {
  readonly #byName = new Map<string, Symbol>();
  /** By address; of several names for one address, the preferred one. */
  readonly #sorted: Symbol[] = [];
  readonly #generated: () => Iterable<GeneratedCode>;

  /** `generated` gives what is not in any file: code that appears while the guest runs. */
  constructor(symbols: readonly ElfSymbol[] = [], generated: () => Iterable<GeneratedCode> = () => []) {
    this.#generated = generated;
    this.add(symbols);
  }

  /** More symbols; a name that is known already keeps its first meaning. */
  add(symbols: readonly ElfSymbol[]): void {
    const usable = symbols
      .filter(({ type }) => type === "function" || type === "object" || type === "none")
      .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : rank(a) - rank(b)));
    for (const { name, address, size, type } of usable) {
      const symbol = { name, address, size, isFunction: type === "function" };
      if (!this.#byName.has(name)) this.#byName.set(name, symbol);
      this.#sorted.push(symbol);
    }
    // Stable: of several names for one address, those of earlier calls and the preferred ones come first.
    this.#sorted.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
    const kept = this.#sorted.filter((symbol, i) => i === 0 || this.#sorted[i - 1].address !== symbol.address);
    this.#sorted.splice(0, this.#sorted.length, ...kept);
  }

  /** The same symbols for another machine, which generates code of its own. */
  for(generated: () => Iterable<GeneratedCode>): Symbols {
    const copy = new Symbols([], generated);
    for (const [name, symbol] of this.#byName) copy.#byName.set(name, symbol);
    copy.#sorted.push(...this.#sorted);
    return copy;
  }

  /** How many names there are, generated code aside. */
  get size(): number {
    return this.#byName.size;
  }

  /** The symbol called `name`; of local ones with the same name, the first. */
  find(name: string): Symbol | undefined {
    const symbol = this.#byName.get(name);
    if (symbol !== undefined) return symbol;
    for (const code of this.#generated()) if (code.name === name) return { ...code, isFunction: true };
    return undefined;
  }

  /** The symbol that `address` lies in: inside its size, or after a label without one. */
  at(address: bigint): Symbol | undefined {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle].address <= address) low = middle + 1;
      else high = middle;
    }
    if (low > 0) {
      const symbol = this.#sorted[low - 1];
      // A label without a size reaches to the next symbol, but no further than a page.
      const next = this.#sorted.at(low)?.address ?? symbol.address + PAGE;
      const reach = symbol.size > 0n ? symbol.size : PAGE;
      const end = symbol.address + reach;
      if (address < (symbol.size === 0n && next < end ? next : end)) return symbol;
    }
    for (const code of this.#generated())
      if (address >= code.address && address < code.address + code.size) return { ...code, isFunction: true };
    return undefined;
  }

  /** "open_ctree+0x5", or undefined for an address without a name. */
  describe(address: bigint): string | undefined {
    const symbol = this.at(address);
    if (symbol === undefined) return undefined;
    const offset = address - symbol.address;
    return offset === 0n ? symbol.name : `${symbol.name}+0x${offset.toString(16)}`;
  }

  /** Names that contain `part`, at most `limit`: for "did you mean". */
  similar(part: string, limit = 5): string[] {
    const wanted = part.toLowerCase();
    const found: string[] = [];
    for (const name of this.#byName.keys()) {
      if (name.toLowerCase().includes(wanted)) found.push(name);
      if (found.length === limit) break;
    }
    return found;
  }
}

/**
 * The address that `text` means: a symbol, symbol+offset, or a hexadecimal number with 0x. Undefined if it is none of these.
 */
export function parseAddress(text: string, symbols: Symbols): bigint | undefined {
  const match = /^([A-Za-z_.$][\w.$]*)(?:\+(0x[0-9a-f]+|\d+))?$/i.exec(text);
  if (match !== null) {
    const symbol = symbols.find(match[1]);
    return symbol && symbol.address + BigInt(match[2] ?? 0);
  }
  return /^0x[0-9a-f]+$/i.test(text) ? BigInt(text) : undefined;
}
