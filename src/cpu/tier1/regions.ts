/**
 * The regions of tier 1: which blocks become one, when they are compiled and when they are dropped. Regions consist of blocks of
 * tier 0 and live at most as long: a block that is overwritten takes its region along. No region runs while TypeScript does,
 * so dropping one is a matter of putting its blocks' headers back.
 */
import { encodeModule } from "../../wasm/index.ts";
import type { Block, Blocks, CodePlace, Region } from "../blocks.ts";
import { Fixed, type Handlers, REGIONS, regionSignature } from "../tier0/handlers.ts";
import { RECORD_BYTES, Record } from "../tier0/record.ts";
import { x87FastImports } from "../x87/fast.ts";
import { RegionBuilder, ripOf, successors } from "./region.ts";

/** Largest region. */
const MOST_BLOCKS = 100;
const MOST_INSTRUCTIONS = 600;
/** Modules alive in this process, dropped ones that have not been collected included. Node dies at 60,000. */
const MOST_MODULES = 20_000;
const PAGE = 4096;
/** A block that was entered this part of the threshold is worth compiling along with a hot one. */
const WARM = 16;
/** Blocks of a page whose regions were dropped because of writes wait up to 2^this times longer. */
const MOST_PATIENCE = 12;

/** The code goes on in a page that is not known to be mapped. */
const NOT_HERE = new Error("not mapped");

let modulesAlive = 0;
const collected = new FinalizationRegistry<undefined>(() => {
  modulesAlive--;
});

export interface RegionsOptions {
  readonly memory: WebAssembly.Memory;
  readonly blocks: Blocks;
  readonly handlers: Handlers;
  /** How often a block is entered before it is compiled; 0: before it is first entered. */
  readonly threshold: number;
  /** Physical address of code at a virtual one now, without side effects; undefined if there is none. */
  readonly translate: (ripLow: number, ripHigh: number) => number | undefined;
}

export class Regions {
  readonly #options: RegionsOptions;
  readonly #view: DataView;
  /** By slot of the table of regions. */
  readonly #slots: (Region | undefined)[] = [undefined];
  #free: number[] = [];
  readonly #drops = new Map<number, number>();
  readonly #onlyTier0 = new Set<number>();
  /** Regions compiled so far. */
  compiled = 0;

  constructor(options: RegionsOptions) {
    this.#options = options;
    this.#view = new DataView(options.memory.buffer);
    const { blocks } = options;
    blocks.threshold = (page, single) => (single && options.threshold > 0 ? undefined : this.#threshold(page));
    blocks.regionBroken = (region) => {
      const page = Math.floor(region.blocks[0].physical / PAGE);
      this.#drops.set(page, (this.#drops.get(page) ?? 0) + 1);
      this.#drop(region);
    };
    blocks.flushed = () => {
      for (const region of this.#slots) if (region !== undefined) this.#drop(region);
    };
  }

  #threshold(page: number): number {
    return this.#options.threshold * 2 ** Math.min(this.#drops.get(page) ?? 0, MOST_PATIENCE);
  }

  /** Compiles the region of the block with this header, if that can be. */
  compile(header: number): void {
    const seed = this.#options.blocks.byHeader.get(header);
    if (seed === undefined || seed.region !== undefined) return;
    // Not counted any more, whatever happens.
    this.#view.setInt32(header, Fixed.header, true);
    if (!this.#canStart(seed) || modulesAlive >= MOST_MODULES) return;
    const { generation } = this.#options.blocks;
    const members = this.#select(seed);
    if (generation !== this.#options.blocks.generation) return;
    for (const region of new Set(members.map((block) => block.region))) if (region !== undefined) this.#drop(region);
    const id = this.#free.pop() ?? this.#slots.length;
    if (id >= REGIONS) {
      for (const region of this.#slots) if (region !== undefined) this.#drop(region);
      return;
    }
    const builder = new RegionBuilder(members, id, this.#view, this.#options.handlers);
    const code = builder.build();
    for (const slot of builder.onlyTier0) this.#onlyTier0.add(slot);
    const module = new WebAssembly.Module(
      encodeModule({
        types: [regionSignature],
        functionImports: builder.usesX87 ? x87FastImports : [],
        memoryPages: 1,
        functions: [code],
        exports: [{ name: "region", function: 0 }],
      }),
    );
    const instance = new WebAssembly.Instance(module, {
      env: { memory: this.#options.memory, ...this.#options.handlers.x87Functions },
    });
    modulesAlive++;
    collected.register(instance, undefined);
    this.#options.handlers.regions.set(id, instance.exports.region);
    this.compiled++;
    const region: Region = { id, blocks: members };
    this.#slots[id] = region;
    members.forEach((block, label) => {
      block.region = region;
      this.#view.setInt32(block.header, Fixed.region, true);
      this.#view.setInt32(block.header + Record.target, id, true);
      this.#view.setInt32(block.header + Record.notTaken, label, true);
    });
  }

  #drop(region: Region): void {
    this.#slots[region.id] = undefined;
    this.#free.push(region.id);
    this.#options.handlers.regions.set(region.id, null);
    for (const block of region.blocks) {
      block.region = undefined;
      this.#view.setInt32(block.header, Fixed.counting, true);
      this.#view.setInt32(block.header + Record.immediate, this.#threshold(Math.floor(block.physical / PAGE)), true);
      this.#view.setInt32(block.header + Record.target, 0, true);
    }
  }

  /** Whether its first instruction can be executed in a region. */
  #canStart(block: Block): boolean {
    const slot = this.#view.getInt32(block.header + RECORD_BYTES, true);
    return this.#options.handlers.formOf(slot) !== undefined && !this.#onlyTier0.has(slot);
  }

  /** The blocks reachable from one by direct jumps that are worth it, in the order of their addresses. */
  #select(seed: Block): Block[] {
    const { blocks, handlers } = this.#options;
    const found = new Set([seed]);
    let instructions = seed.count;
    const add = (next: Block | undefined): void => {
      if (next === undefined || found.has(next) || !this.#wanted(next)) return;
      if (found.size >= MOST_BLOCKS || instructions + next.count > MOST_INSTRUCTIONS) return;
      instructions += next.count;
      found.add(next);
    };
    const spread = (from: Iterable<Block>): void => {
      for (const block of from)
        for (const rip of successors(this.#view, block, handlers)) add(this.#neighbour(block, rip));
    };
    spread(found);
    // What is around may be reached by indirect jumps and returns: the cases of a switch, the rest of a function.
    for (const page of new Set([...found].map((block) => Math.floor(block.physical / PAGE)))) {
      for (const block of blocks.onPage(page)) if (this.#goesWith(seed, block)) add(block);
    }
    spread(found);
    // Another region comes along as a whole or not at all.
    for (const block of found) {
      const { region } = block;
      if (region !== undefined && !region.blocks.every((other) => found.has(other))) found.delete(block);
    }
    return [...found].sort((a, b) => (ripOf(a) < ripOf(b) ? -1 : 1));
  }

  /** Whether a block is in the same mode and address space, as far as that can be told. */
  #goesWith(seed: Block, block: Block): boolean {
    return block.mode === seed.mode && this.#options.translate(block.ripLow, block.ripHigh) === block.physical;
  }

  #wanted(block: Block): boolean {
    if (!this.#canStart(block)) return false;
    if (this.#options.threshold === 0) return block.region === undefined;
    if (block.region !== undefined) return true;
    const handler = this.#view.getInt32(block.header, true);
    if (handler !== Fixed.counting) return false;
    const threshold = this.#threshold(Math.floor(block.physical / PAGE));
    return (threshold - this.#view.getInt32(block.header + Record.immediate, true)) * WARM >= threshold;
  }

  #neighbour(block: Block, rip: bigint): Block | undefined {
    const { blocks, threshold, translate } = this.#options;
    if (block.mode & 1) return undefined;
    const low = Number(BigInt.asIntN(32, rip));
    const high = Number(BigInt.asIntN(32, rip >> 32n));
    const samePage =
      ((low ^ block.ripLow) & ~0xfff) === 0 &&
      high === block.ripHigh &&
      ((block.physical - block.ripLow) & 0xfff) === 0;
    const physical = samePage ? block.physical + (low - block.ripLow) : translate(low, high);
    if (physical === undefined) return undefined;
    const there = blocks.find(block, low, high, physical);
    if (there !== undefined || threshold > 0 || !samePage) return there;
    // From the first instruction: what will be executed is not known yet, so all that can be reached is taken.
    if (blocks.endsBefore?.(low, high)) return undefined;
    const place: CodePlace = {
      ripLow: low,
      ripHigh: high,
      physical,
      codeBits: (block.mode & 0x70) as CodePlace["codeBits"],
      stackSize: (block.mode & 0xe) as CodePlace["stackSize"],
      csBaseLow: (physical - low) | 0,
      limit: block.limit,
    };
    try {
      return blocks.get(place, false, () => {
        throw NOT_HERE;
      });
    } catch (error) {
      if (error === NOT_HERE) return undefined;
      throw error;
    }
  }
}
