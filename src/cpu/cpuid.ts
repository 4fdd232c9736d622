/**
 * CPUID (AMD64 APM volume 3, appendix E): a plain x86-64 processor, announcing exactly what exists here.
 */

/** Feature bits of leaf 1, EDX. */
const FPU = 1 << 0;
const VME = 1 << 1;
const DE = 1 << 2;
const PSE = 1 << 3;
const TSC = 1 << 4;
const MSR = 1 << 5;
const PAE = 1 << 6;
const CX8 = 1 << 8;
const APIC = 1 << 9;
const MTRR = 1 << 12;
const PGE = 1 << 13;
const CMOV = 1 << 15;
const PAT = 1 << 16;
const CLFSH = 1 << 19;
const MMX = 1 << 23;
const FXSR = 1 << 24;
const SSE = 1 << 25;
const SSE2 = 1 << 26;
/** Leaf 1, ECX. */
const SSE3 = 1 << 0;
const PCLMULQDQ = 1 << 1;
const SSSE3 = 1 << 9;
const CX16 = 1 << 13;
const PCID = 1 << 17;
const SSE41 = 1 << 19;
const SSE42 = 1 << 20;
const X2APIC = 1 << 21;
const POPCNT = 1 << 23;
const AESNI = 1 << 25;
const XSAVE = 1 << 26;
const OSXSAVE = 1 << 27;
const AVX = 1 << 28;
const F16C = 1 << 29;
const FMA = 1 << 12;
const RDRAND = 1 << 30;
const MOVBE = 1 << 22;
const TSC_DEADLINE = 1 << 24;
const HYPERVISOR = 1 << 31;
/** Leaf 8000_0001, EDX and ECX. */
const SYSCALL = 1 << 11;
const NX = 1 << 20;
const PAGE_1G = 1 << 26;
const RDTSCP = 1 << 27;
const LONG_MODE = 1 << 29;
const LAHF64 = 1 << 0;
const ABM = 1 << 5;
const PREFETCHW = 1 << 8;
/** Leaf 7, EBX. */
const SMEP = 1 << 7;
const INVPCID = 1 << 10;
const SMAP = 1 << 20;
const SHA = 1 << 29;
const FSGSBASE = 1 << 0;
const BMI1 = 1 << 3;
const AVX2 = 1 << 5;
const BMI2 = 1 << 8;
const RDSEED = 1 << 18;
const ADX = 1 << 19;
const CLFLUSHOPT = 1 << 23;
const CLWB = 1 << 24;
const structuredFeatures = FSGSBASE | BMI1 | AVX2 | BMI2 | RDSEED | ADX | CLFLUSHOPT | CLWB | SHA;
/** The same, ECX. */
const RDPID = 1 << 22;
/** Leaf 7, ECX. */
const UMIP = 1 << 2;

const baseFeatures =
  FPU | VME | DE | PSE | TSC | MSR | PAE | CX8 | APIC | MTRR | PGE | CMOV | PAT | CLFSH | MMX | FXSR | SSE | SSE2;

const extendedFeatures =
  SSE3 |
  PCLMULQDQ |
  SSSE3 |
  CX16 |
  PCID |
  X2APIC |
  SSE41 |
  SSE42 |
  POPCNT |
  TSC_DEADLINE |
  AESNI |
  HYPERVISOR |
  MOVBE |
  XSAVE |
  AVX |
  F16C |
  FMA |
  RDRAND;

/** Family 15, model 107, stepping 1: the number qemu64 uses too, of a processor with nothing special. */
export const SIGNATURE = 0x0006_0fb1;

/** Ticks of the TSC and of the local APIC's clock in a second; see devices/platform.ts. */
const TICKS_PER_SECOND = 1_000_000_000;

export interface CpuidResult {
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}
const registers = (eax: number, ebx = 0, ecx = 0, edx = 0): CpuidResult => ({ eax, ebx, ecx, edx });

const word = (text: string): number =>
  text.charCodeAt(0) | (text.charCodeAt(1) << 8) | (text.charCodeAt(2) << 16) | (text.charCodeAt(3) << 24);
const BRAND = "enomem x86-64 processor".padEnd(48, "\0");
const brand = (at: number): CpuidResult =>
  registers(...([0, 4, 8, 12].map((i) => word(BRAND.slice(at + i))) as [number, number, number, number]));

/** What CPUID shows of the processor's state. */
export interface CpuidContext {
  /** The local APIC is enabled in IA32_APIC_BASE. */
  readonly apicEnabled: boolean;
  /** CR4.OSXSAVE. */
  readonly osxsave: boolean;
  readonly xcr0: number;
}

/** Components of the extended state, their size and place in the area that XSAVE writes: x87, SSE, AVX. */
function extendedState(subleaf: number, xcr0: number): CpuidResult {
  const all = 7;
  const sizeOf = (components: number): number => (components & 4 ? 832 : 576);
  if (subleaf === 0) return registers(all, sizeOf(xcr0), sizeOf(all));
  // XSAVEOPT, XSAVEC, XGETBV with ECX = 1, XSAVES
  if (subleaf === 1) return registers(0xf, sizeOf(xcr0));
  return subleaf === 2 ? registers(256, 576) : registers(0);
}

/** The four registers for a leaf and subleaf. */
export function cpuid(leaf: number, subleaf: number, context: CpuidContext): CpuidResult {
  const base = context.apicEnabled ? baseFeatures : baseFeatures & ~APIC;
  switch (leaf) {
    case 0:
      return registers(0x15, word("Auth"), word("cAMD"), word("enti"));
    case 1:
      // EBX: CLFLUSH of 8 quadwords, one logical processor, APIC id 0.
      return registers(SIGNATURE, 0x0001_0800, extendedFeatures | (context.osxsave ? OSXSAVE : 0), base);
    case 7:
      return subleaf === 0 ? registers(0, SMEP | INVPCID | SMAP | structuredFeatures, UMIP | RDPID) : registers(0);
    case 0xd:
      return extendedState(subleaf, context.xcr0);
    case 0x15:
      // TSC = crystal clock * EBX / EAX; ECX: crystal clock in Hz.
      return registers(1, 1, TICKS_PER_SECOND);
    case 0x4000_0000:
      return registers(0x4000_0000, word("enom"), word("em x"), word("86  "));
    case 0x8000_0000:
      return registers(0x8000_0008 | 0, word("Auth"), word("cAMD"), word("enti"));
    case 0x8000_0001:
      return registers(
        SIGNATURE,
        0,
        LAHF64 | ABM | PREFETCHW,
        (base & ~(FXSR | SSE | SSE2)) | FXSR | SYSCALL | NX | PAGE_1G | RDTSCP | LONG_MODE,
      );
    case 0x8000_0002:
    case 0x8000_0003:
    case 0x8000_0004:
      return brand((leaf - 0x8000_0002) * 16);
    case 0x8000_0007:
      // Invariant TSC.
      return registers(0, 0, 0, 1 << 8);
    case 0x8000_0008:
      // 48 linear and 40 physical address bits.
      return registers(0x3028);
    default:
      return registers(0);
  }
}
