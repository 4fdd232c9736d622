/**
 * Which encodings belong to extensions that the emulated processor does not have and the real one may have: for the random
 * walk, where both sides are then right to differ. Opcode maps after AMD64 APM volume 3, appendix A.
 */

const legacyPrefixes = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);

/** Second opcode bytes after 0F that are an extension whatever the prefix: 3DNow!, SSE4a, SSE3 arithmetic, maps 2 and 3. */
const extensionOpcodes = new Set([0x0e, 0x0f, 0x38, 0x3a, 0x78, 0x79, 0x7c, 0x7d, 0xd0, 0xf0]);

/** Whether the bytes begin with such an encoding, or with one whose result no two processors share (time, identity). */
export function isBeyondBaseline(code: Uint8Array): boolean {
  let at = 0;
  let prefix = 0;
  for (; at < code.length; at++) {
    const byte = code[at];
    if ((byte & 0xf0) === 0x40) continue;
    if (!legacyPrefixes.has(byte)) break;
    if (byte === 0xf2 || byte === 0xf3) prefix = byte;
  }
  const [opcode, second = 0, third = 0] = code.subarray(at);
  const digit = (third >> 3) & 7;
  const isRegister = third >= 0xc0;
  // VEX, EVEX, XOP.
  if (opcode === 0xc4 || opcode === 0xc5 || opcode === 0x62) return true;
  if (opcode === 0x8f && (second & 0x1f) >= 8) return true;
  if (opcode !== 0x0f) return false;
  if (extensionOpcodes.has(second)) return true;
  switch (second) {
    case 0x00: // SLDT and STR: Linux emulates them where UMIP forbids them
      return digit <= 1;
    case 0x01: // likewise SGDT, SIDT, SMSW; VMX, SVM, SMAP, MONITOR, XGETBV, RDTSCP, ...
      return (digit <= 4 && digit !== 2 && digit !== 3) || isRegister;
    case 0x12:
    case 0x16: // MOVSLDUP, MOVDDUP, MOVSHDUP
      return prefix !== 0;
    case 0x2b: // MOVNTSS, MOVNTSD
      return prefix !== 0;
    case 0x31: // RDTSC
    case 0x33: // RDPMC
    case 0x34: // SYSENTER and SYSEXIT, which AMD processors do not have in long mode
    case 0x35:
    case 0xa2: // CPUID
      return true;
    case 0xb8: // POPCNT
      return prefix === 0xf3;
    case 0xbc:
    case 0xbd: // TZCNT, LZCNT
      return prefix === 0xf3;
    case 0xae: // FSGSBASE; XSAVE family; CLWB, CLFLUSHOPT
      return prefix === 0xf3 || digit === 4 || digit === 6 || (digit === 5 && !isRegister) || digit === 7;
    case 0xc7: // RDRAND, RDSEED, RDPID, XSAVES, ...
      return digit !== 1;
    case 0x1e: // shadow stacks
      return prefix === 0xf3;
    default:
      return false;
  }
}
