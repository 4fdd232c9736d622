/** Whether the types that a loader names for a map's keys and values are what the map holds. (map_check_btf) */
import { type Btf, BtfError, type BtfType } from "../btf.ts";
import type { KernelPointer } from "../verifier/interface.ts";
import {
  BPF_F_RDONLY_PROG,
  BPF_F_WRONLY_PROG,
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE_CGROUP_ARRAY,
  BPF_MAP_TYPE_HASH,
  BPF_MAP_TYPE_HASH_OF_MAPS,
  BPF_MAP_TYPE_INODE_STORAGE,
  BPF_MAP_TYPE_LPM_TRIE,
  BPF_MAP_TYPE_LRU_HASH,
  BPF_MAP_TYPE_PERCPU_ARRAY,
  BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  BPF_MAP_TYPE_STACK_TRACE,
  BPF_MAP_TYPE_TASK_STORAGE,
} from "../verifier/map-types.ts";

const EPERM = 1;
const EACCES = 13;
const EINVAL = 22;
const EOPNOTSUPP = 95;
const ENOTSUPP = 524;

export interface MapTypesRequest {
  readonly mapType: number;
  readonly keyType: number;
  readonly valueType: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly mapFlags: number;
  /** The creator has CAP_BPF. */
  readonly capable: boolean;
}

export interface MapTypes {
  /** 0 or a positive errno. */
  readonly errno: number;
  /** Where in a value these lie. */
  readonly spinLockOffset?: number;
  readonly timerOffset?: number;
  readonly kernelPointers?: readonly KernelPointer[];
}

const MAX_KPTRS = 8;

const WITHOUT_TYPES: ReadonlySet<number> = new Set([
  BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  BPF_MAP_TYPE_CGROUP_ARRAY,
  BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE_HASH_OF_MAPS,
  BPF_MAP_TYPE_STACK_TRACE,
]);
const WITH_KPTRS: readonly number[] = [
  BPF_MAP_TYPE_HASH,
  BPF_MAP_TYPE_LRU_HASH,
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_PERCPU_ARRAY,
];
const LOCAL_STORAGE: ReadonlySet<number> = new Set([BPF_MAP_TYPE_INODE_STORAGE, BPF_MAP_TYPE_TASK_STORAGE]);
const WITH_LOCKS: ReadonlySet<number> = new Set([BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY, ...LOCAL_STORAGE]);
const ARRAYS: ReadonlySet<number> = new Set([BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY]);

/** A member of a structure, or a variable of a section of global variables. */
interface Field {
  readonly type: BtfType;
  readonly bitOffset: number;
}

function fieldsOf(btf: Btf, value: BtfType): readonly Field[] {
  if (value.kind === "struct" || value.kind === "union") {
    return value.members.map(({ type, bitOffset }) => ({ type: btf.type(type), bitOffset }));
  }
  if (value.kind !== "datasec") return [];
  return value.variables.map(({ type, offset }) => ({
    type: btf.resolve(variableType(btf, type)),
    bitOffset: offset * 8,
  }));
}

/** The one member of this structure type, unless there is none, or several, or it is out of place. */
function findStructure(btf: Btf, value: BtfType, name: string, size: number, alignment: number): number | undefined {
  const offsets = fieldsOf(btf, value)
    .filter(({ type }) => type.kind === "struct" && type.name === name && type.size === size)
    .map(({ bitOffset }) => bitOffset / 8);
  return offsets.length === 1 && offsets[0] % alignment === 0 ? offsets[0] : undefined;
}

/**
 * Pointers to structures of the kernel in a map's values (`__kptr`): members that are pointers to a structure, tagged as such. The
 * kernel has a structure of that name. What is not right with any of them makes all of them plain numbers, as on Linux, and so does a
 * member of another type that is not aligned to 8 bytes. The kernel has no structures that maps may own (`__kptr_ref`).
 */
export function kernelPointers(btf: Btf, valueType: number, kernelTypes: Btf): readonly KernelPointer[] {
  const found: KernelPointer[] = [];
  for (const { type, bitOffset } of fieldsOf(btf, btf.resolve(valueType))) {
    if (bitOffset % 64 !== 0) return [];
    const tag = type.kind === "ptr" ? btf.type(type.type) : undefined;
    if (tag?.kind !== "type_tag") continue;
    if (tag.name !== "kptr" || btf.type(tag.type).kind === "type_tag") return [];
    const target = btf.resolve(tag.type);
    const structure = target.kind === "struct" ? kernelTypes.find(target.name, "struct") : undefined;
    if (structure === undefined || found.length === MAX_KPTRS) return [];
    found.push({ offset: bitOffset / 8, structure, referenced: false });
  }
  return found;
}

function variableType(btf: Btf, id: number): number {
  const type = btf.type(id);
  return type.kind === "var" ? type.type : id;
}

function checkKey(btf: Btf, request: MapTypesRequest, value: BtfType): number {
  const { keyType, mapType } = request;
  const mayLackKey = ARRAYS.has(mapType) || WITHOUT_TYPES.has(mapType);
  if (keyType === 0 && !mayLackKey) return EINVAL;
  if (LOCAL_STORAGE.has(mapType)) {
    const key = btf.resolve(keyType);
    return key.kind === "int" && key.bits === 32 ? 0 : EINVAL;
  }
  // The key begins with the length of the prefix.
  if (mapType === BPF_MAP_TYPE_LPM_TRIE) return btf.resolve(keyType).kind === "struct" ? 0 : EINVAL;
  if (!ARRAYS.has(mapType)) return 0;
  if (keyType === 0) {
    // A section of global variables has no key.
    return mapType === BPF_MAP_TYPE_ARRAY && request.maxEntries === 1 && value.kind === "datasec" ? 0 : EINVAL;
  }
  const key = btf.resolve(keyType);
  return key.kind === "int" && key.bits === 32 ? 0 : EINVAL;
}

function check(btf: Btf, request: MapTypesRequest, kernelTypes: Btf | undefined): MapTypes {
  const { mapType } = request;
  if (request.keyType !== 0 && btf.size(request.keyType) !== request.keySize) return { errno: EINVAL };
  if (request.keyType === 0 && !ARRAYS.has(mapType) && !WITHOUT_TYPES.has(mapType)) return { errno: EINVAL };
  if (btf.size(request.valueType) !== request.valueSize) return { errno: EINVAL };
  const value = btf.resolve(request.valueType);
  const spinLockOffset = findStructure(btf, value, "bpf_spin_lock", 4, 4);
  if (spinLockOffset !== undefined) {
    if (request.mapFlags & BPF_F_RDONLY_PROG) return { errno: EACCES };
    if (!WITH_LOCKS.has(mapType)) return { errno: ENOTSUPP };
  }
  const timerOffset = findStructure(btf, value, "bpf_timer", 16, 8);
  if (timerOffset !== undefined) {
    if (request.mapFlags & BPF_F_RDONLY_PROG) return { errno: EACCES };
    if (![BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_ARRAY].includes(mapType)) return { errno: EOPNOTSUPP };
  }
  const pointers = kernelTypes === undefined ? [] : kernelPointers(btf, request.valueType, kernelTypes);
  if (pointers.length > 0) {
    if (!request.capable) return { errno: EPERM };
    if (request.mapFlags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) return { errno: EACCES };
    if (!WITH_KPTRS.includes(mapType)) return { errno: EOPNOTSUPP };
  }
  if (WITHOUT_TYPES.has(mapType)) return { errno: ENOTSUPP };
  return { errno: checkKey(btf, request, value), spinLockOffset, timerOffset, kernelPointers: pointers };
}

/** Checks the types of a map. */
export function checkMapTypes(btf: Btf, request: MapTypesRequest, kernelTypes?: Btf): MapTypes {
  try {
    return check(btf, request, kernelTypes);
  } catch (error) {
    if (error instanceof BtfError) return { errno: EINVAL };
    throw error;
  }
}
