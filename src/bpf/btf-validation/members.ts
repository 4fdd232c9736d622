/** Whether a member, once its type is resolved, lies inside its structure and where its type may lie. */
import { memberBitfieldSize, memberBitOffset, type RawBtf, type RawMember, type RawType } from "./raw-btf.ts";
import { isModifier, type Sizes } from "./sizes.ts";

const U32_MAX = 0xffff_ffff;
const roundUpToBytes = (bits: number): number => Math.ceil(bits / 8);
const bytesBefore = (bits: number): number => Math.floor(bits / 8);

/** An integer of `bits` bits that begins somewhere in a byte. */
function checkBits(btf: RawBtf, structure: RawType, member: RawMember, offset: number, bits: number): void {
  const copied = bits + (offset & 7);
  if (copied > 128) btf.rejectMember(structure, member, "nr_copy_bits exceeds 128");
  const start = bytesBefore(offset);
  if (structure.sizeOrType < start || structure.sizeOrType - start < roundUpToBytes(copied)) {
    btf.rejectMember(structure, member, "Member exceeds struct_size");
  }
}

function checkInt(btf: RawBtf, sizes: Sizes, structure: RawType, member: RawMember, type: RawType): void {
  const data = btf.u32(type.body);
  if (!structure.kindFlag) {
    const typeOffset = (data >>> 16) & 0xff;
    if (U32_MAX - member.offset < typeOffset) btf.rejectMember(structure, member, "bits_offset exceeds U32_MAX");
    checkBits(btf, structure, member, member.offset + typeOffset, data & 0xff);
    return;
  }
  if (!sizes.isRegularInt(type)) btf.rejectMember(structure, member, "Invalid member base type");
  const offset = memberBitOffset(structure, member.offset);
  let bits = memberBitfieldSize(member.offset);
  if (bits === 0) {
    if ((offset & 7) !== 0) btf.rejectMember(structure, member, "Invalid member offset");
    bits = data & 0xff;
  } else if (bits > (data & 0xff)) btf.rejectMember(structure, member, "Invalid member bitfield_size");
  checkBits(btf, structure, member, offset, bits);
}

/** What begins at a byte and has a size of its own. */
function checkWhole(btf: RawBtf, structure: RawType, member: RawMember, size: number): void {
  if ((member.offset & 7) !== 0) btf.rejectMember(structure, member, "Member is not byte aligned");
  if ((structure.sizeOrType - bytesBefore(member.offset)) >>> 0 < size) {
    btf.rejectMember(structure, member, "Member exceeds struct_size");
  }
}

function checkEnumeration(btf: RawBtf, structure: RawType, member: RawMember, type: RawType): void {
  if (!structure.kindFlag) {
    checkWhole(btf, structure, member, type.sizeOrType);
    return;
  }
  const offset = memberBitOffset(structure, member.offset);
  let bits = memberBitfieldSize(member.offset);
  if (bits === 0) {
    if ((offset & 7) !== 0) btf.rejectMember(structure, member, "Member is not byte aligned");
    bits = 32;
  } else if (bits > 32) btf.rejectMember(structure, member, "Invalid member bitfield_size");
  if (structure.sizeOrType < roundUpToBytes(offset + bits)) {
    btf.rejectMember(structure, member, "Member exceeds struct_size");
  }
}

function checkFloat(btf: RawBtf, structure: RawType, member: RawMember, type: RawType): void {
  if (member.offset % (8 * Math.min(8, type.sizeOrType)) !== 0) {
    btf.rejectMember(structure, member, "Member is not properly aligned");
  }
  if (bytesBefore(member.offset) + type.sizeOrType > structure.sizeOrType) {
    btf.rejectMember(structure, member, "Member exceeds struct_size");
  }
}

/** Checks a member of a structure or union; its type has been resolved. */
export function checkMember(btf: RawBtf, sizes: Sizes, structure: RawType, given: RawMember): void {
  let member = given;
  let type = btf.types[given.type];
  if (isModifier(type)) {
    const sized = sizes.sizeOf(given.type);
    if (sized === undefined) btf.rejectMember(structure, given, "Invalid member");
    member = { ...given, type: sized.id };
    type = sized.type;
  }
  switch (type.kind) {
    case "int":
      checkInt(btf, sizes, structure, member, type);
      return;
    case "enum":
    case "enum64":
      checkEnumeration(btf, structure, member, type);
      return;
    case "ptr":
    case "array":
    case "struct":
    case "union":
    case "float":
      if (structure.kindFlag && memberBitfieldSize(member.offset) !== 0) {
        btf.rejectMember(structure, member, "Invalid member bitfield_size");
      }
      if (type.kind === "float") checkFloat(btf, structure, member, type);
      else checkWhole(btf, structure, member, sizes.sizeOf(member.type)?.size ?? 0);
      return;
    default:
      btf.rejectBasic(structure, `Unsupported ${structure.kindFlag ? "check_kflag_member" : "check_member"}`);
  }
}
