/** Whether the types that a loader names for a map's keys and values are what the map holds. (map_check_btf) */
import { type Btf, BtfError, type BtfType } from "../btf.ts";
import {
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE_CGROUP_ARRAY,
  BPF_MAP_TYPE_HASH,
  BPF_MAP_TYPE_HASH_OF_MAPS,
  BPF_MAP_TYPE_LRU_HASH,
  BPF_MAP_TYPE_PERCPU_ARRAY,
  BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  BPF_MAP_TYPE_STACK_TRACE,
} from "../verifier/map-types.ts";

const EACCES = 13;
const EINVAL = 22;
const EOPNOTSUPP = 95;
const ENOTSUPP = 524;
const BPF_F_RDONLY_PROG = 1 << 7;

export interface MapTypesRequest {
  readonly mapType: number;
  readonly keyType: number;
  readonly valueType: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly mapFlags: number;
}

export interface MapTypes {
  /** 0 or a positive errno. */
  readonly errno: number;
  /** Where in a value these lie. */
  readonly spinLockOffset?: number;
  readonly timerOffset?: number;
}

const WITHOUT_TYPES: ReadonlySet<number> = new Set([
  BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  BPF_MAP_TYPE_CGROUP_ARRAY,
  BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE_HASH_OF_MAPS,
  BPF_MAP_TYPE_STACK_TRACE,
]);
const ARRAYS: ReadonlySet<number> = new Set([BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY]);

/** The one member of this structure type, unless there is none, or several, or it is out of place. */
function findStructure(btf: Btf, value: BtfType, name: string, size: number, alignment: number): number | undefined {
  const isIt = (id: number): boolean => {
    const type = btf.resolve(id);
    return type.kind === "struct" && type.name === name && type.size === size;
  };
  const offsets =
    value.kind === "struct"
      ? value.members.filter((member) => isIt(member.type)).map(({ bitOffset }) => bitOffset / 8)
      : value.kind === "datasec"
        ? value.variables.filter(({ type }) => isIt(variableType(btf, type))).map(({ offset }) => offset)
        : [];
  return offsets.length === 1 && offsets[0] % alignment === 0 ? offsets[0] : undefined;
}

function variableType(btf: Btf, id: number): number {
  const type = btf.type(id);
  return type.kind === "var" ? type.type : id;
}

function checkKey(btf: Btf, request: MapTypesRequest, value: BtfType): number {
  const { keyType, mapType } = request;
  const mayLackKey = ARRAYS.has(mapType) || WITHOUT_TYPES.has(mapType);
  if (keyType === 0 && !mayLackKey) return EINVAL;
  if (!ARRAYS.has(mapType)) return 0;
  if (keyType === 0) {
    // A section of global variables has no key.
    return mapType === BPF_MAP_TYPE_ARRAY && request.maxEntries === 1 && value.kind === "datasec" ? 0 : EINVAL;
  }
  const key = btf.resolve(keyType);
  return key.kind === "int" && key.bits === 32 ? 0 : EINVAL;
}

function check(btf: Btf, request: MapTypesRequest): MapTypes {
  const { mapType } = request;
  if (request.keyType !== 0 && btf.size(request.keyType) !== request.keySize) return { errno: EINVAL };
  if (request.keyType === 0 && !ARRAYS.has(mapType) && !WITHOUT_TYPES.has(mapType)) return { errno: EINVAL };
  if (btf.size(request.valueType) !== request.valueSize) return { errno: EINVAL };
  const value = btf.resolve(request.valueType);
  const spinLockOffset = findStructure(btf, value, "bpf_spin_lock", 4, 4);
  if (spinLockOffset !== undefined) {
    if (request.mapFlags & BPF_F_RDONLY_PROG) return { errno: EACCES };
    if (mapType !== BPF_MAP_TYPE_HASH && mapType !== BPF_MAP_TYPE_ARRAY) return { errno: ENOTSUPP };
  }
  const timerOffset = findStructure(btf, value, "bpf_timer", 16, 8);
  if (timerOffset !== undefined) {
    if (request.mapFlags & BPF_F_RDONLY_PROG) return { errno: EACCES };
    if (![BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_ARRAY].includes(mapType)) return { errno: EOPNOTSUPP };
  }
  if (WITHOUT_TYPES.has(mapType)) return { errno: ENOTSUPP };
  return { errno: checkKey(btf, request, value), spinLockOffset, timerOffset };
}

/** Checks the types of a map. */
export function checkMapTypes(btf: Btf, request: MapTypesRequest): MapTypes {
  try {
    return check(btf, request);
  } catch (error) {
    if (error instanceof BtfError) return { errno: EINVAL };
    throw error;
  }
}
