/**
 * What types refer to: every chain of types ends in something that has a size where one is needed, nothing contains itself,
 * and members fit into their structures. Types are visited depth first with an explicit stack; a pointer may lead back to
 * where it came from, a structure may not.
 */
import { checkMember } from "./members.ts";
import { BtfRejection, E2BIG, EEXIST, EINVAL, ELOOP, type RawBtf, type RawType } from "./raw-btf.ts";
import { isModifier, isNoSize, isSourceOnly, isStructure, needsResolving, Sizes } from "./sizes.ts";

const MAX_RESOLVE_DEPTH = 32;
const U32_MAX = 0xffff_ffff;

/** What the type at the bottom of the stack asks of those above it: what ends the search. */
type Mode = "undecided" | "pointer" | "structure or array";

interface Vertex {
  readonly type: RawType;
  readonly id: number;
  nextMember: number;
}

class Resolver {
  readonly btf: RawBtf;
  readonly sizes: Sizes;
  readonly #state: ("new" | "visited" | "resolved")[];
  #stack: Vertex[] = [];
  #mode: Mode = "undecided";

  constructor(btf: RawBtf) {
    this.btf = btf;
    this.sizes = new Sizes(btf);
    this.#state = btf.types.map(() => "new");
  }

  isResolved(id: number): boolean {
    return this.#state[id] === "resolved";
  }

  #isSink(type: RawType): boolean {
    switch (this.#mode) {
      case "undecided":
        return !needsResolving(type);
      case "pointer":
        return !isModifier(type) && type.kind !== "ptr";
      case "structure or array":
        return !isModifier(type) && type.kind !== "array" && !isStructure(type);
    }
  }

  #push(type: RawType, id: number): void {
    if (this.#stack.length === MAX_RESOLVE_DEPTH) throw new BtfRejection(E2BIG);
    if (this.#state[id] !== "new") throw new BtfRejection(EEXIST);
    this.#state[id] = "visited";
    this.#stack.push({ type, id, nextMember: 0 });
    if (this.#mode !== "undecided") return;
    if (type.kind === "ptr") this.#mode = "pointer";
    else if (isStructure(type) || type.kind === "array") this.#mode = "structure or array";
  }

  #pop(resolvedId: number, size: number): void {
    const vertex = this.#stack.pop();
    if (vertex === undefined) return;
    this.sizes.resolve(vertex.id, resolvedId, size);
    this.#state[vertex.id] = "resolved";
  }

  /** Whether the type has to be resolved first; it is on the stack then. */
  #descend(type: RawType, id: number): boolean {
    if (this.#isSink(type) || this.isResolved(id)) return false;
    this.#push(type, id);
    return true;
  }

  resolve(type: RawType, id: number): void {
    const btf: RawBtf = this.btf;
    const current = btf.current;
    this.#mode = "undecided";
    this.#push(type, id);
    try {
      for (let vertex = this.#stack.at(-1); vertex !== undefined; vertex = this.#stack.at(-1)) {
        btf.current = vertex.id;
        this.#step(vertex);
      }
    } catch (error) {
      if (!(error instanceof BtfRejection)) throw error;
      btf.current = id;
      if (error.errno === E2BIG) btf.logType(type, `Exceeded max resolving depth:${MAX_RESOLVE_DEPTH}`);
      else if (error.errno === EEXIST) btf.logType(type, "Loop detected");
      throw error;
    }
    btf.current = id;
    if (!this.#isConsistent(type, id)) btf.rejectType(type, "Invalid resolve state");
    btf.current = current;
  }

  #step(vertex: Vertex): void {
    switch (vertex.type.kind) {
      case "ptr":
      case "var":
        this.#stepReference(vertex, true);
        break;
      case "typedef":
      case "volatile":
      case "const":
      case "restrict":
      case "type_tag":
        this.#stepReference(vertex, false);
        break;
      case "array":
        this.#stepArray(vertex);
        break;
      case "struct":
      case "union":
        this.#stepStructure(vertex);
        break;
      case "func":
        this.#stepFunction(vertex);
        break;
      case "datasec":
        this.#stepDataSection(vertex);
        break;
      case "decl_tag":
        this.#stepDeclarationTag(vertex);
        break;
      default:
        this.btf.rejectBasic(vertex.type, "Unsupported resolve");
    }
  }

  /**
   * Pointers, variables and modifiers. A modifier that was resolved for a structure ended at a pointer; for a pointer the
   * search goes on from there, so that it does not lead back to itself unnoticed.
   */
  #stepReference({ type }: Vertex, continuesBehindModifier: boolean): void {
    const btf: RawBtf = this.btf;
    const { sizes } = this;
    let nextId = type.sizeOrType;
    let next = btf.type(nextId);
    if (next === undefined || isSourceOnly(next)) btf.rejectType(type, "Invalid type_id");
    if (this.#descend(next, nextId)) return;
    if (continuesBehindModifier && isModifier(next)) {
      const behindId = sizes.resolvedId(nextId);
      const behind = btf.type(behindId);
      if (behind?.kind === "ptr" && this.#descend(behind, behindId)) return;
    }
    const sized = sizes.sizeOf(nextId);
    if (sized !== undefined) nextId = sized.id;
    else {
      if (type.kind === "var") btf.rejectType(type, "Invalid type_id");
      if (this.isResolved(nextId)) {
        nextId = sizes.resolvedId(nextId);
        next = btf.type(nextId);
      }
      if (next?.kind !== "void" && next?.kind !== "fwd" && next?.kind !== "func_proto") {
        btf.rejectType(type, "Invalid type_id");
      }
    }
    this.#pop(nextId, 0);
  }

  #stepArray({ type }: Vertex): void {
    const btf: RawBtf = this.btf;
    const { sizes } = this;
    const array = btf.array(type);
    const index = btf.type(array.indexType);
    if (index === undefined || isNoSize(index) || isSourceOnly(index)) btf.rejectType(type, "Invalid index");
    if (this.#descend(index, array.indexType)) return;
    const sizedIndex = sizes.sizeOf(array.indexType);
    if (sizedIndex?.type.kind !== "int" || !sizes.isRegularInt(sizedIndex.type)) btf.rejectType(type, "Invalid index");
    const element = btf.type(array.type);
    if (element === undefined || isNoSize(element) || isSourceOnly(element)) btf.rejectType(type, "Invalid elem");
    if (this.#descend(element, array.type)) return;
    const sized = sizes.sizeOf(array.type);
    if (sized === undefined) btf.rejectType(type, "Invalid elem");
    if (sized.type.kind === "int" && !sizes.isRegularInt(sized.type)) btf.rejectType(type, "Invalid array of int");
    if (array.count !== 0 && sized.size > Math.floor(U32_MAX / array.count)) {
      btf.rejectType(type, "Array size overflows U32_MAX");
    }
    this.#pop(sized.id, sized.size * array.count);
  }

  #stepStructure(vertex: Vertex): void {
    const btf: RawBtf = this.btf;
    const { sizes } = this;
    const { type } = vertex;
    if (vertex.nextMember > 0) checkMember(btf, sizes, type, btf.member(type, vertex.nextMember - 1));
    for (let index = vertex.nextMember; index < type.vlen; index++) {
      const member = btf.member(type, index);
      const memberType = btf.type(member.type);
      if (memberType === undefined || isNoSize(memberType) || isSourceOnly(memberType)) {
        btf.rejectMember(type, member, "Invalid member");
      }
      vertex.nextMember = index + 1;
      if (this.#descend(memberType, member.type)) return;
      checkMember(btf, sizes, type, member);
    }
    this.#pop(0, 0);
  }

  #stepFunction({ type }: Vertex): void {
    const btf: RawBtf = this.btf;
    const prototype = btf.type(type.sizeOrType);
    if (prototype?.kind !== "func_proto") btf.rejectType(type, "Invalid type_id");
    for (let index = 0; index < prototype.vlen; index++) {
      const { nameOffset, second } = btf.pair(prototype, index);
      if (nameOffset === 0 && second !== 0) btf.rejectType(type, `Invalid arg#${index + 1}`);
    }
    this.#pop(type.sizeOrType, 0);
  }

  #stepDataSection(vertex: Vertex): void {
    const btf: RawBtf = this.btf;
    const { sizes } = this;
    const { type } = vertex;
    this.#mode = "undecided";
    for (let index = vertex.nextMember; index < type.vlen; index++) {
      const entry = btf.variable(type, index);
      const variable = btf.type(entry.type);
      if (variable?.kind !== "var") btf.rejectVariable(type, entry, "Not a VAR kind member");
      // The search comes back to the section at the next one: this variable's size is not looked at then, as on Linux.
      vertex.nextMember = index + 1;
      if (this.#descend(variable, entry.type)) return;
      const sized = sizes.sizeOf(variable.sizeOrType);
      if (sized === undefined) btf.rejectVariable(type, entry, "Invalid type");
      if (entry.size < sized.size) btf.rejectVariable(type, entry, "Invalid size");
    }
    this.#pop(0, 0);
  }

  #stepDeclarationTag({ type }: Vertex): void {
    const btf: RawBtf = this.btf;
    const target = btf.type(type.sizeOrType);
    const isTarget = target !== undefined && (isStructure(target) || ["func", "var", "typedef"].includes(target.kind));
    if (!isTarget) btf.rejectType(type, "Invalid type_id");
    if (this.#descend(target, type.sizeOrType)) return;
    const component = btf.u32(type.body) | 0;
    if (component !== -1) {
      if (target.kind === "var" || target.kind === "typedef") btf.rejectType(type, "Invalid component_idx");
      const parts = isStructure(target) ? target.vlen : (btf.type(target.sizeOrType)?.vlen ?? 0);
      if (component >= parts) btf.rejectType(type, "Invalid component_idx");
    }
    this.#pop(type.sizeOrType, 0);
  }

  #isConsistent(type: RawType, id: number): boolean {
    const btf: RawBtf = this.btf;
    const { sizes } = this;
    if (!this.isResolved(id)) return false;
    if (!isModifier(type) && type.kind !== "ptr" && type.kind !== "var") return true;
    const target = btf.type(sizes.resolvedId(id));
    return target !== undefined && !isModifier(target) && target.kind !== "var" && target.kind !== "datasec";
  }

  /** What a function returns and takes must have a size; only the last parameter may be "...". */
  checkPrototype(type: RawType): void {
    const btf: RawBtf = this.btf;
    const { sizes } = this;
    const check = (id: number, message: string, hasBadName: boolean): void => {
      const target = btf.type(id);
      if (target === undefined || isSourceOnly(target) || hasBadName) btf.rejectType(type, message);
      if (needsResolving(target) && !this.isResolved(id)) this.resolve(target, id);
      if (sizes.sizeOf(id) === undefined) btf.rejectType(type, message);
    };
    if (type.sizeOrType !== 0) check(type.sizeOrType, "Invalid return type", false);
    let count = type.vlen;
    if (count === 0) return;
    const last = btf.pair(type, count - 1);
    if (last.second === 0) {
      if (last.nameOffset !== 0) btf.rejectType(type, `Invalid arg#${count}`);
      count--;
    }
    for (let index = 0; index < count; index++) {
      const { nameOffset, second } = btf.pair(type, index);
      const isName = nameOffset === 0 || (btf.isNameOffset(nameOffset) && btf.isIdentifier(nameOffset));
      check(second, `Invalid arg#${index + 1}`, !isName);
    }
  }
}

/** Checks what all types refer to. */
export function resolveTypes(btf: RawBtf): void {
  const resolver = new Resolver(btf);
  btf.resolving = true;
  for (let id = 1; id < btf.types.length; id++) {
    const type = btf.types[id];
    btf.current = id;
    if (needsResolving(type) && !resolver.isResolved(id)) resolver.resolve(type, id);
    if (type.kind === "func_proto") resolver.checkPrototype(type);
  }
}

/** Type tags stand before all other modifiers of their chain. */
export function checkTypeTags(btf: RawBtf): void {
  let good = 0;
  for (let id = 1; id < btf.types.length; id++) {
    let type = btf.types[id];
    if (!isModifier(type)) continue;
    let current = id;
    let inTags = type.kind === "type_tag";
    for (let left = 32; isModifier(type); left--) {
      if (left === 0) btf.reject("Max chain length or cycle detected", ELOOP);
      if (type.kind !== "type_tag") inTags = false;
      else if (!inTags) btf.reject("Type tags don't precede modifiers");
      if (current <= good) break;
      current = type.sizeOrType;
      const next = btf.type(current);
      if (next === undefined) throw new BtfRejection(EINVAL);
      type = next;
    }
    good = id;
  }
}
