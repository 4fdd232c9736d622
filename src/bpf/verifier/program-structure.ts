/**
 * What is checked before any path is followed: where subprograms begin and end, that every opcode exists, and which maps
 * the program names.
 */
import {
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_ALU64,
  BPF_AND,
  BPF_ARSH,
  BPF_ATOMIC,
  BPF_B,
  BPF_CALL,
  BPF_DIV,
  BPF_DW,
  BPF_END,
  BPF_EXIT,
  BPF_H,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JMP,
  BPF_JMP32,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LSH,
  BPF_MEM,
  BPF_MOD,
  BPF_MOV,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_PSEUDO_BTF_ID,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_IDX,
  BPF_PSEUDO_MAP_IDX_VALUE,
  BPF_PSEUDO_MAP_VALUE,
  BPF_RSH,
  BPF_ST,
  BPF_STX,
  BPF_SUB,
  BPF_TO_BE,
  BPF_TO_LE,
  BPF_W,
  BPF_X,
  BPF_XOR,
  bpfClass,
  bpfMode,
  bpfOp,
  isKfuncCall,
  isLdImm64,
  isLongJump,
  isPseudoCall,
  isPseudoFunc,
  jumpDistance,
} from "../isa.ts";
import { SubprogramInfo, type VerifierEnvironment } from "./environment.ts";
import { E2BIG, EBADF, EINVAL, ENOTSUPP, EPERM, EPROTO } from "./errors.ts";
import type { MapDescriptor } from "./interface.ts";
import { BPF_MAX_VAR_OFF } from "./limits.ts";
import { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_STRUCT_OPS } from "./map-types.ts";
import { BPF_PROG_TYPE_SOCKET_FILTER, isEventProgram } from "./program-types.ts";

const MAX_SUBPROGRAMS = 256;
const MAX_USED_MAPS = 64;

const KNOWN_OPCODES: ReadonlySet<number> = new Set(
  (function* () {
    const operations = [BPF_ADD, BPF_SUB, BPF_AND, BPF_OR, BPF_LSH, BPF_RSH, BPF_XOR, BPF_MUL, BPF_MOV, BPF_ARSH];
    for (const alu of [BPF_ALU, BPF_ALU64]) {
      for (const op of [...operations, BPF_DIV, BPF_MOD]) {
        yield alu | op | BPF_X;
        yield alu | op | BPF_K;
      }
      yield alu | BPF_NEG;
    }
    yield BPF_ALU | BPF_END | BPF_TO_BE;
    yield BPF_ALU | BPF_END | BPF_TO_LE;
    const conditions = [BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JLT, BPF_JGE, BPF_JLE, BPF_JSGT, BPF_JSLT, BPF_JSGE, BPF_JSLE];
    for (const jump of [BPF_JMP, BPF_JMP32]) {
      for (const op of [...conditions, BPF_JSET]) {
        yield jump | op | BPF_X;
        yield jump | op | BPF_K;
      }
    }
    yield BPF_JMP | BPF_JA;
    yield BPF_JMP32 | BPF_JA;
    yield BPF_JMP | BPF_CALL;
    yield BPF_JMP | BPF_EXIT;
    for (const size of [BPF_B, BPF_H, BPF_W, BPF_DW]) {
      yield BPF_STX | BPF_MEM | size;
      yield BPF_ST | BPF_MEM | size;
      yield BPF_LDX | BPF_MEM | size;
    }
    for (const size of [BPF_W, BPF_DW]) yield BPF_STX | BPF_ATOMIC | size;
    for (const size of [BPF_B, BPF_H, BPF_W]) {
      yield BPF_LD | BPF_ABS | size;
      yield BPF_LD | BPF_IND | size;
    }
    yield BPF_LD | BPF_IMM | BPF_DW;
  })(),
);

/** Finds the functions of the program: every target of a bpf-to-bpf call or of a callback's address. */
export function findSubprograms(env: VerifierEnvironment): void {
  const starts = new Set<number>([0]);
  const count = env.instructions.length;
  env.instructions.forEach((insn, index) => {
    if (!isPseudoFunc(insn) && !isPseudoCall(insn) && !isKfuncCall(insn)) return;
    if (!env.capable) {
      env.reject(EPERM, "loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN");
    }
    if (isKfuncCall(insn)) {
      // A loader leaves 0 for a function that the kernel does not have: fine as long as the call is dead.
      if (insn.imm === 0 && insn.off === 0) return;
      env.reject(ENOTSUPP, "calling kernel function is not supported without CONFIG_DEBUG_INFO_BTF");
    }
    const target = index + insn.imm + 1;
    if (target >= count || target < 0) env.reject(EINVAL, "call to invalid destination");
    if (starts.size >= MAX_SUBPROGRAMS && !starts.has(target)) env.reject(E2BIG, "too many subprograms");
    starts.add(target);
  });
  for (const start of [...starts].sort((a, b) => a - b)) env.subprograms.push(new SubprogramInfo(start));
  env.subprograms.push(new SubprogramInfo(count));
  if (env.log.everyPath) {
    env.subprograms.slice(0, -1).forEach((subprogram, i) => {
      env.verbose(`func#${i} @${subprogram.start}\n`);
    });
  }
}

/** Every jump stays in its function, and no function runs into the next. */
export function checkSubprograms(env: VerifierEnvironment): void {
  const BPF_FUNC_tail_call = 12;
  for (let number = 0; number < env.subprograms.length - 1; number++) {
    const subprogram = env.subprograms[number];
    const end = env.subprograms[number + 1].start;
    for (let i = subprogram.start; i < end; i++) {
      const insn = env.instructions[i];
      const code = insn.code;
      if (code === (BPF_JMP | BPF_CALL) && insn.src !== BPF_PSEUDO_CALL && insn.imm === BPF_FUNC_tail_call) {
        subprogram.hasTailCall = true;
        subprogram.tailCallReachable = true;
      }
      if (bpfClass(code) === BPF_LD && (bpfMode(code) === BPF_ABS || bpfMode(code) === BPF_IND)) {
        subprogram.hasLoadAbsolute = true;
      }
      const isJump = bpfClass(code) === BPF_JMP || bpfClass(code) === BPF_JMP32;
      if (isJump && bpfOp(code) !== BPF_EXIT && bpfOp(code) !== BPF_CALL) {
        const target = i + jumpDistance(insn) + 1;
        if (target < subprogram.start || target >= end) {
          env.reject(EINVAL, `jump out of range from insn ${i} to ${target}`);
        }
      }
      const leaves = code === (BPF_JMP | BPF_EXIT) || code === (BPF_JMP | BPF_JA) || isLongJump(insn);
      if (i === end - 1 && !leaves) {
        env.reject(EINVAL, "last insn is not an exit or jmp");
      }
    }
  }
}

/** Some maps may not be used by some kinds of program. */
function checkMapCompatibility(env: VerifierEnvironment, map: MapDescriptor): void {
  const tracing = isEventProgram(env.program.type);
  if (map.spinLockOffset !== undefined) {
    if (env.program.type === BPF_PROG_TYPE_SOCKET_FILTER) {
      env.reject(EINVAL, "socket filter progs cannot use bpf_spin_lock yet");
    }
    if (tracing) env.reject(EINVAL, "tracing progs cannot use bpf_spin_lock yet");
    if (env.sleepable) env.reject(EINVAL, "sleepable progs cannot use bpf_spin_lock yet");
  }
  if (map.timerOffset !== undefined && tracing) env.reject(EINVAL, "tracing progs cannot use bpf_timer yet");
  if (map.type === BPF_MAP_TYPE_STRUCT_OPS) env.reject(EINVAL, "bpf_struct_ops map cannot be used in prog");
  const refused = env.sleepable ? env.rules.sleepable.refusedMap(map) : undefined;
  if (refused !== undefined) env.reject(EINVAL, refused);
}

/** Every opcode exists, every ld_imm64 is whole, and file descriptors of maps become maps. */
export function resolveMaps(env: VerifierEnvironment): void {
  const insns = env.instructions;
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i];
    const unknown = env.rules.refusedInstruction?.(insn);
    if (unknown !== undefined) env.reject(EINVAL, unknown);
    if (bpfClass(insn.code) === BPF_LDX && (bpfMode(insn.code) !== BPF_MEM || insn.imm !== 0)) {
      env.reject(EINVAL, "BPF_LDX uses reserved fields");
    }
    if (!isLdImm64(insn)) {
      if (!KNOWN_OPCODES.has(insn.code)) {
        env.reject(EINVAL, `unknown opcode ${insn.code.toString(16).padStart(2, "0")}`);
      }
      continue;
    }
    const next = insns[i + 1];
    if (next === undefined || next.code !== 0 || next.dst !== 0 || next.src !== 0 || next.off !== 0) {
      env.reject(EINVAL, "invalid bpf_ld_imm64 insn");
    }
    if (insn.src !== 0 && insn.src !== BPF_PSEUDO_FUNC) {
      if (insn.src === BPF_PSEUDO_BTF_ID)
        env.reject(EINVAL, "kernel is missing BTF, make sure CONFIG_DEBUG_INFO_BTF=y is specified in Kconfig.");
      loadMap(env, i);
    }
    i++;
  }
}

function loadMap(env: VerifierEnvironment, index: number): void {
  const [insn, next] = [env.instructions[index], env.instructions[index + 1]];
  const isValue = insn.src === BPF_PSEUDO_MAP_VALUE || insn.src === BPF_PSEUDO_MAP_IDX_VALUE;
  const isMap = (insn.src === BPF_PSEUDO_MAP_FD || insn.src === BPF_PSEUDO_MAP_IDX) && next.imm === 0;
  if (!isValue && !isMap) env.reject(EINVAL, "unrecognized bpf_ld_imm64 insn");
  let fd = insn.imm;
  if (insn.src === BPF_PSEUDO_MAP_IDX || insn.src === BPF_PSEUDO_MAP_IDX_VALUE) {
    if (env.program.mapFds === undefined) env.reject(EPROTO, "fd_idx without fd_array is invalid");
    fd = env.program.mapFds[insn.imm] ?? -1;
  }
  const map = env.program.mapByFd?.(fd) ?? EBADF;
  if (typeof map === "number") env.reject(map, `fd ${insn.imm} is not pointing to valid bpf_map`);
  checkMapCompatibility(env, map);
  const aux = env.aux[index];
  if (isValue) {
    const offset = next.imm >>> 0;
    if (offset >= BPF_MAX_VAR_OFF) env.reject(EINVAL, `direct value offset of ${offset} is not allowed`);
    if (map.type !== BPF_MAP_TYPE_ARRAY) env.reject(EINVAL, "no direct value access support for this map type");
    if (map.maxEntries !== 1 || offset >= map.valueSize) {
      env.reject(
        map.maxEntries !== 1 ? ENOTSUPP : EINVAL,
        `invalid access to map value pointer, value_size=${map.valueSize} off=${offset}`,
      );
    }
    aux.mapOffset = offset;
  }
  const known = env.maps.find((candidate) => candidate.id === map.id);
  aux.map = known ?? map;
  if (known !== undefined) return;
  if (env.maps.length >= MAX_USED_MAPS) env.reject(E2BIG);
  env.maps.push(map);
}
