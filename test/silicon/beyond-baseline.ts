/**
 * Which encodings belong to extensions that the emulated processor does not have and the real one may have: for the random
 * walk, where both sides are then right to differ. Opcode maps after AMD64 APM volume 3, appendix A.
 */

const legacyPrefixes = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);

/** Second opcode bytes after 0F that are an extension whatever the prefix: 3DNow!, SSE4a. */
const extensionOpcodes = new Set([0x0e, 0x0f, 0x78, 0x79]);

/** VEX-encoded instructions of AVX-512's opmasks, AVX-VNNI, VAES, VPCLMULQDQ and GFNI. */
function isVexBeyond(map: number, opcode: number): boolean {
  // 0F 0F, 0F 78 and 0F 79 are as long after VEX as 3DNow! and SSE4a have them without.
  if (map === 1 && (opcode === 0x0f || opcode === 0x78 || opcode === 0x79)) return true;
  if (map === 1) return (opcode >= 0x41 && opcode <= 0x4b) || (opcode >= 0x90 && opcode <= 0x99);
  if (map === 2) return (opcode >= 0x50 && opcode <= 0x53) || opcode === 0xcf || (opcode >= 0xdc && opcode <= 0xdf);
  return opcode === 0x44 || opcode === 0xce || opcode === 0xcf || (opcode >= 0x30 && opcode <= 0x33);
}

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
  // EVEX, XOP.
  if (opcode === 0x62) return true;
  if (opcode === 0x8f && (second & 0x38) !== 0) return true;
  if (opcode === 0xc5) return isVexBeyond(1, third);
  if (opcode === 0xc4) return isVexBeyond(second & 31, code[at + 3] ?? 0);
  if (opcode !== 0x0f) return false;
  if (extensionOpcodes.has(second)) return true;
  switch (second) {
    case 0x00: // SLDT and STR: Linux emulates them where UMIP forbids them
      return digit <= 1;
    case 0x01: // likewise SGDT, SIDT, SMSW; VMX, SVM, SMAP, MONITOR, XGETBV, RDTSCP, ...
      return (digit <= 4 && digit !== 2 && digit !== 3) || isRegister;
    case 0x38: // GFNI, MOVDIRI, MOVDIR64B, ENQCMD, shadow stacks, key locker
      return third === 0xcf || third === 0xf5 || third === 0xf6 || (third >= 0xf8 && third <= 0xff);
    case 0x3a: // GFNI
      return third === 0xce || third === 0xcf;
    case 0x2b: // MOVNTSS, MOVNTSD
      return prefix !== 0;
    case 0x31: // RDTSC
    case 0x33: // RDPMC
    case 0x34: // SYSENTER and SYSEXIT, which AMD processors do not have in long mode
    case 0x35:
    case 0xa2: // CPUID
      return true;
    case 0xae: // the XSAVE family saves what the processor has; shadow stacks, UMONITOR, PTWRITE
      return (prefix === 0xf3 && digit >= 4) || digit === 4 || digit === 6 || (digit === 5 && !isRegister);
    case 0xc7: // random numbers; RDPID; XSAVEC; SENDUIPI, VMX
      return digit !== 1;
    case 0x1e: // shadow stacks
      return prefix === 0xf3;
    default:
      return false;
  }
}
