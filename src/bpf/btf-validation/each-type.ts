/** Each type by itself: its fields have values that exist, its names are names. What it refers to is looked at later. */
import { BTF_FUNC_GLOBAL, BTF_KINDS, type BtfKind } from "../btf.ts";
import { BTF_MAX_TYPE, BtfRejection, E2BIG, ENOTSUPP, memberBitOffset, type RawBtf, type RawType } from "./raw-btf.ts";

const TYPE_SIZE = 12;
const BTF_INFO_MASK = 0x9f00_ffff;
const BTF_INT_MASK = 0x0fff_ffff;
const BTF_VAR_GLOBAL_ALLOCATED = 1;

const isTypeId = (id: number): boolean => id <= BTF_MAX_TYPE;
const bytesOfBits = (bits: number): number => Math.ceil(bits / 8);
const isPowerOf2 = (n: number): boolean => n !== 0 && (n & (n - 1)) === 0;

/** Bytes behind the twelve that all types have; needed before they can be read. */
function bodySize(type: RawType): number {
  switch (type.kind) {
    case "int":
    case "var":
    case "decl_tag":
      return 4;
    case "array":
      return 12;
    case "struct":
    case "union":
    case "datasec":
    case "enum64":
      return 12 * type.vlen;
    case "enum":
    case "func_proto":
      return 8 * type.vlen;
    default:
      return 0;
  }
}

const noVlen = (btf: RawBtf, type: RawType): void => {
  if (type.vlen !== 0) btf.rejectType(type, "vlen != 0");
};
const noKindFlag = (btf: RawBtf, type: RawType): void => {
  if (type.kindFlag) btf.rejectType(type, "Invalid btf_info kind_flag");
};
const hasIdentifier = (btf: RawBtf, type: RawType): boolean =>
  type.nameOffset !== 0 && btf.isIdentifier(type.nameOffset);
const hasNameOrNone = (btf: RawBtf, type: RawType): boolean =>
  type.nameOffset === 0 || btf.isIdentifier(type.nameOffset);

function checkInt(btf: RawBtf, type: RawType): void {
  noVlen(btf, type);
  noKindFlag(btf, type);
  const data = btf.u32(type.body);
  if ((data & ~BTF_INT_MASK) !== 0) btf.rejectBasic(type, `Invalid int_data:${data.toString(16)}`);
  const bits = (data & 0xff) + ((data >>> 16) & 0xff);
  if (bits > 128) btf.rejectType(type, "nr_bits exceeds 128");
  if (bytesOfBits(bits) > type.sizeOrType) btf.rejectType(type, "nr_bits exceeds type_size");
  const encoding = (data >>> 24) & 0xf;
  if (![0, 1, 2, 4].includes(encoding)) btf.rejectType(type, "Unsupported encoding", ENOTSUPP);
  btf.logType(type);
}

function checkReference(btf: RawBtf, type: RawType): void {
  noVlen(btf, type);
  noKindFlag(btf, type);
  if (!isTypeId(type.sizeOrType)) btf.rejectType(type, "Invalid type_id");
  const isNamed =
    type.kind === "typedef"
      ? hasIdentifier(btf, type)
      : type.kind === "type_tag"
        ? (btf.string(type.nameOffset) ?? "") !== ""
        : type.nameOffset === 0;
  if (!isNamed) btf.rejectType(type, "Invalid name");
  btf.logType(type);
}

function checkForward(btf: RawBtf, type: RawType): void {
  noVlen(btf, type);
  if (type.sizeOrType !== 0) btf.rejectType(type, "type != 0");
  if (!hasIdentifier(btf, type)) btf.rejectType(type, "Invalid name");
  btf.logType(type);
}

function checkArray(btf: RawBtf, type: RawType): void {
  if (type.nameOffset !== 0) btf.rejectType(type, "Invalid name");
  noVlen(btf, type);
  noKindFlag(btf, type);
  if (type.sizeOrType !== 0) btf.rejectType(type, "size != 0");
  const array = btf.array(type);
  if (array.type === 0 || !isTypeId(array.type)) btf.rejectType(type, "Invalid elem");
  if (array.indexType === 0 || !isTypeId(array.indexType)) btf.rejectType(type, "Invalid index");
  btf.logType(type);
}

function checkStructure(btf: RawBtf, type: RawType): void {
  if (!hasNameOrNone(btf, type)) btf.rejectType(type, "Invalid name");
  btf.logType(type);
  let last = 0;
  for (let index = 0; index < type.vlen; index++) {
    const member = btf.member(type, index);
    if (!btf.isNameOffset(member.nameOffset)) {
      btf.rejectMember(type, member, `Invalid member name_offset:${member.nameOffset}`);
    }
    if (member.nameOffset !== 0 && !btf.isIdentifier(member.nameOffset)) btf.rejectMember(type, member, "Invalid name");
    if (member.type === 0 || !isTypeId(member.type)) btf.rejectMember(type, member, "Invalid type_id");
    const offset = memberBitOffset(type, member.offset);
    // Two members at the same place: the first may be an array of no elements.
    if ((type.kind === "union" && offset !== 0) || last > offset) {
      btf.rejectMember(type, member, "Invalid member bits_offset");
    }
    if (bytesOfBits(offset) > type.sizeOrType) {
      btf.rejectMember(type, member, "Member bits_offset exceeds its struct size");
    }
    btf.logMember(type, member);
    last = offset;
  }
}

function checkEnumeration(btf: RawBtf, type: RawType): void {
  if (type.sizeOrType > 8 || !isPowerOf2(type.sizeOrType)) btf.rejectType(type, "Unexpected size");
  if (!hasNameOrNone(btf, type)) btf.rejectType(type, "Invalid name");
  btf.logType(type);
  const isWide = type.kind === "enum64";
  for (let index = 0; index < type.vlen; index++) {
    const at = type.body + (isWide ? 12 : 8) * index;
    const nameOffset = btf.u32(at);
    if (!btf.isNameOffset(nameOffset)) btf.reject(`\tInvalid name_offset:${nameOffset}`);
    if (nameOffset === 0 || !btf.isIdentifier(nameOffset)) btf.rejectType(type, "Invalid name");
    const bits = isWide ? 64 : 32;
    const value = BigInt(btf.u32(at + 4)) | (isWide ? BigInt(btf.u32(at + 8)) << 32n : 0n);
    btf.log.write(`\t${btf.name(nameOffset)} val=${type.kindFlag ? BigInt.asIntN(bits, value) : value}\n`);
  }
}

function checkFunctionPrototype(btf: RawBtf, type: RawType): void {
  if (type.nameOffset !== 0) btf.rejectType(type, "Invalid name");
  noKindFlag(btf, type);
  btf.logType(type);
}

function checkFunction(btf: RawBtf, type: RawType): void {
  if (!hasIdentifier(btf, type)) btf.rejectType(type, "Invalid name");
  if (type.vlen > BTF_FUNC_GLOBAL) btf.rejectType(type, "Invalid func linkage");
  noKindFlag(btf, type);
  btf.logType(type);
}

function checkVariable(btf: RawBtf, type: RawType): void {
  noVlen(btf, type);
  noKindFlag(btf, type);
  if (!hasIdentifier(btf, type)) btf.rejectType(type, "Invalid name");
  if (type.sizeOrType === 0 || !isTypeId(type.sizeOrType)) btf.rejectType(type, "Invalid type_id");
  if (btf.u32(type.body) > BTF_VAR_GLOBAL_ALLOCATED) btf.rejectType(type, "Linkage not supported");
  btf.logType(type);
}

function checkDataSection(btf: RawBtf, type: RawType): void {
  const size = type.sizeOrType;
  if (size === 0) btf.rejectType(type, "size == 0");
  noKindFlag(btf, type);
  if (!hasIdentifier(btf, type)) btf.rejectType(type, "Invalid name");
  btf.logType(type);
  let end = 0;
  let sum = 0;
  for (let index = 0; index < type.vlen; index++) {
    const variable = btf.variable(type, index);
    if (variable.type === 0 || !isTypeId(variable.type)) btf.rejectVariable(type, variable, "Invalid type_id");
    if (variable.offset < end || variable.offset >= size) btf.rejectVariable(type, variable, "Invalid offset");
    if (variable.size === 0 || variable.size > size) btf.rejectVariable(type, variable, "Invalid size");
    end = (variable.offset + variable.size) >>> 0;
    if (end > size) btf.rejectVariable(type, variable, "Invalid offset+size");
    btf.logVariable(type, variable);
    sum += variable.size;
  }
  if (size < sum) btf.rejectType(type, "Invalid btf_info size");
}

function checkFloat(btf: RawBtf, type: RawType): void {
  noVlen(btf, type);
  noKindFlag(btf, type);
  if (![2, 4, 8, 12, 16].includes(type.sizeOrType)) btf.rejectType(type, "Invalid type_size");
  btf.logType(type);
}

function checkDeclarationTag(btf: RawBtf, type: RawType): void {
  if ((btf.string(type.nameOffset) ?? "") === "") btf.rejectType(type, "Invalid value");
  noVlen(btf, type);
  noKindFlag(btf, type);
  if ((btf.u32(type.body) | 0) < -1) btf.rejectType(type, "Invalid component_idx");
  btf.logType(type);
}

const checks: Readonly<Record<Exclude<BtfKind, "void">, (btf: RawBtf, type: RawType) => void>> = {
  int: checkInt,
  ptr: checkReference,
  array: checkArray,
  struct: checkStructure,
  union: checkStructure,
  enum: checkEnumeration,
  fwd: checkForward,
  typedef: checkReference,
  volatile: checkReference,
  const: checkReference,
  restrict: checkReference,
  func: checkFunction,
  func_proto: checkFunctionPrototype,
  var: checkVariable,
  datasec: checkDataSection,
  float: checkFloat,
  decl_tag: checkDeclarationTag,
  type_tag: checkReference,
  enum64: checkEnumeration,
};

/** Checks the types between two places in `btf.bytes`, and fills `btf.types`. */
export function checkTypes(btf: RawBtf, start: number, end: number): void {
  let at = start;
  while (at < end) {
    if (end - at < TYPE_SIZE) btf.reject(`[${btf.current}] meta_left:${end - at} meta_needed:${TYPE_SIZE}`);
    const type = btf.readType(at);
    if ((type.info & ~BTF_INFO_MASK) !== 0) btf.reject(`[${btf.current}] Invalid btf_info:${type.info.toString(16)}`);
    const number = (type.info >>> 24) & 0x1f;
    if (number === 0 || number >= BTF_KINDS.length || type.kind === "void") {
      btf.reject(`[${btf.current}] Invalid kind:${number}`);
    }
    if (!btf.isNameOffset(type.nameOffset)) btf.reject(`[${btf.current}] Invalid name_offset:${type.nameOffset}`);
    const left = end - type.body;
    const needed = bodySize(type);
    if (left < needed) btf.rejectBasic(type, `meta_left:${left} meta_needed:${needed}`);
    checks[type.kind](btf, type);
    if (btf.types.length > BTF_MAX_TYPE) {
      btf.log.write("Exceeded max num of types");
      throw new BtfRejection(E2BIG);
    }
    btf.types.push(type);
    btf.current++;
    at = type.body + needed;
  }
}
