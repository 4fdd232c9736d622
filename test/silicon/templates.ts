/**
 * The instruction forms that are compared with the real processor, in the manual's vocabulary (AMD64 Architecture
 * Programmer's Manual volume 3, appendix A). It is deliberately not derived from `src/cpu`: a form missing there is found
 * here.
 *
 * A line: opcode bytes, name, operands, attributes. The opcode may start with a mandatory prefix (`66:`, `f2:`, `f3:`) and
 * end in `/digit`; `v66:`, `v256.66:`, `v256.w1.66:` are VEX prefixes (length 128 unless said, W random unless said). Operands: E, M, W, Q: ModRM register or memory (M: memory only; R, U, N: register only); G, V, P, S: the
 * register field; H, B: VEX.vvvv; L: the immediate's upper half; I: immediate; J: relative target; O: 64-bit address; other operands are implied. Sizes: b 1, w 2, d 4,
 * q 8, v and y by operand size, z immediate by operand size up to 4, x 16 aligned, u 16 unaligned, t 10; a number: so many.
 * Attributes: lock: LOCK is allowed with a memory operand; rep: F2/F3 are allowed; stack, string, xlat, rdi: implied memory;
 * no66: no operand size prefix; near: of a near branch; count: CX, ECX or RCX by address size; only64, not64: in which modes; env: an x87 environment; selector,
 * far, farframe, iretframe, popsegment: operands that hold selectors; long: run to a breakpoint as well, without the trap flag.
 */

export type Family = "integer" | "sse" | "avx" | "mmx" | "x87";

export interface Template {
  readonly family: Family;
  readonly name: string;
  readonly mandatoryPrefix?: number;
  /** VEX-encoded: length, W if it is fixed, whether VEX.vvvv is an operand. */
  readonly vex?: { readonly length: 128 | 256; readonly w?: 0 | 1; readonly vvvv: boolean };
  readonly opcode: readonly number[];
  readonly modrm?: "any" | "memory" | "register";
  readonly digit?: number;
  /** Fixed ModRM byte (x87 register forms). */
  readonly memorySize: number;
  readonly aligned: boolean;
  readonly immediate: "" | "1" | "2" | "z" | "v" | "j1" | "jz" | "o" | "enter" | "far";
  readonly operandSize: boolean;
  readonly attributes: ReadonlySet<string>;
}

const alu = ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"];
const shifts = ["rol", "ror", "rcl", "rcr", "shl", "shr", "sal", "sar"];
const conditions = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];
const byte = (value: number): string => value.toString(16).padStart(2, "0");

const pairs = (text: string): [string, string][] =>
  text
    .trim()
    .split(/\s+/)
    .flatMap((word, i, words): [string, string][] => (i % 2 ? [[words[i - 1], word]] : []));
/** After 66 0F 38 on XMM registers, after 0F 38 on MMX registers. */
const ssse3 = pairs(`00 pshufb 01 phaddw 02 phaddd 03 phaddsw 04 pmaddubsw 05 phsubw 06 phsubd 07 phsubsw 08 psignb
  09 psignw 0a psignd 0b pmulhrsw 1c pabsb 1d pabsw 1e pabsd`);
/** After 66 0F 38. */
const sse4 = pairs(`10 pblendvb 14 blendvps 15 blendvpd 17 ptest 28 pmuldq 29 pcmpeqq 2b packusdw 37 pcmpgtq 38 pminsb
  39 pminsd 3a pminuw 3b pminud 3c pmaxsb 3d pmaxsd 3e pmaxuw 3f pmaxud 40 pmulld 41 phminposuw`);

const integerLines: string[] = [
  ...alu.flatMap((name, i) => {
    const lock = name === "cmp" ? "" : "lock";
    return [
      `${byte(i * 8)} ${name} Eb,Gb ${lock}`,
      `${byte(i * 8 + 1)} ${name} Ev,Gv ${lock}`,
      `${byte(i * 8 + 2)} ${name} Gb,Eb`,
      `${byte(i * 8 + 3)} ${name} Gv,Ev`,
      `${byte(i * 8 + 4)} ${name} AL,Ib`,
      `${byte(i * 8 + 5)} ${name} rAX,Iz`,
      `80/${i} ${name} Eb,Ib ${lock}`,
      `81/${i} ${name} Ev,Iz ${lock}`,
      `83/${i} ${name} Ev,Ib ${lock}`,
    ];
  }),
  ...shifts.flatMap((name, i) => [
    `c0/${i} ${name} Eb,Ib`,
    `c1/${i} ${name} Ev,Ib`,
    `d0/${i} ${name} Eb,1`,
    `d1/${i} ${name} Ev,1`,
    `d2/${i} ${name} Eb,CL`,
    `d3/${i} ${name} Ev,CL`,
  ]),
  ...conditions.flatMap((name, i) => [
    `${byte(0x70 + i)} j${name} Jb near`,
    `0f${byte(0x80 + i)} j${name} Jz near`,
    `0f${byte(0x40 + i)} cmov${name} Gv,Ev`,
    `0f${byte(0x90 + i)} set${name} Eb`,
  ]),
  ...Array.from({ length: 8 }, (_, i) => [
    `${byte(0x50 + i)} push Zv stack`,
    `${byte(0x58 + i)} pop Zv stack`,
    `${byte(0x90 + i)} xchg Zv,rAX`,
    `${byte(0xb0 + i)} mov Zb,Ib`,
    `${byte(0xb8 + i)} mov Zv,Iv`,
    `0f${byte(0xc8 + i)} bswap Zv`,
  ]).flat(),
  "63 movsxd Gv,Ed only64",
  "68 push Iz stack",
  "6a push Ib stack",
  "69 imul Gv,Ev,Iz",
  "6b imul Gv,Ev,Ib",
  "84 test Eb,Gb",
  "85 test Ev,Gv",
  "86 xchg Eb,Gb lock",
  "87 xchg Ev,Gv lock",
  "88 mov Eb,Gb",
  "89 mov Ev,Gv",
  "8a mov Gb,Eb",
  "8b mov Gv,Ev",
  "8c mov Ev,Sw",
  "8d lea Gv,Mv anywhere",
  "8f/0 pop Ev stack",
  "98 cbw ",
  "99 cwd ",
  "9c pushf  stack",
  "9d popf  stack",
  "9e sahf ",
  "9f lahf ",
  "a0 mov AL,Ob",
  "a1 mov rAX,Ov",
  "a2 mov Ob,AL",
  "a3 mov Ov,rAX",
  "a4 movs b string rep long",
  "a5 movs v string rep long",
  "a6 cmps b string rep long",
  "a7 cmps v string rep long",
  "aa stos b string rep long",
  "ab stos v string rep long",
  "ac lods b string rep long",
  "ad lods v string rep long",
  "ae scas b string rep long",
  "af scas v string rep long",
  "a8 test AL,Ib",
  "a9 test rAX,Iz",
  "c2 ret Iw stack code near",
  "c3 ret  stack code near",
  "c6/0 mov Eb,Ib",
  "c7/0 mov Ev,Iz",
  "c8 enter Ie stack",
  "c9 leave  frame",
  "cc int3 ",
  "cd int Ib interrupt",
  "d7 xlat  xlat",
  "e0 loopne Jb near count",
  "e1 loope Jb near count",
  "e2 loop Jb near count",
  "e3 jrcxz Jb near count",
  "e4 in AL,Ib",
  "e5 in eAX,Ib",
  "e6 out Ib,AL",
  "e7 out Ib,eAX",
  "e8 call Jz stack near",
  "e9 jmp Jz near",
  "eb jmp Jb near",
  "ec in AL,DX",
  "ed in eAX,DX",
  "ee out DX,AL",
  "ef out DX,eAX",
  "f1 int1 ",
  "f4 hlt ",
  "f5 cmc ",
  "f6/0 test Eb,Ib",
  "f6/1 test Eb,Ib",
  "f6/2 not Eb lock",
  "f6/3 neg Eb lock",
  "f6/4 mul Eb",
  "f6/5 imul Eb",
  "f6/6 div Eb divide",
  "f6/7 idiv Eb divide",
  "f7/0 test Ev,Iz",
  "f7/1 test Ev,Iz",
  "f7/2 not Ev lock",
  "f7/3 neg Ev lock",
  "f7/4 mul Ev",
  "f7/5 imul Ev",
  "f7/6 div Ev divide",
  "f7/7 idiv Ev divide",
  "f8 clc ",
  "f9 stc ",
  "fa cli ",
  "fb sti ",
  "fc cld ",
  "fd std ",
  "fe/0 inc Eb lock",
  "fe/1 dec Eb lock",
  "ff/0 inc Ev lock",
  "ff/1 dec Ev lock",
  "ff/2 call Eq stack code near",
  "ff/4 jmp Eq code near",
  "ff/6 push Ev stack",
  "0f0b ud2 ",
  "0f0d/0 prefetch Mb anywhere",
  "0f18/0 prefetchnta Mb anywhere",
  "0f18/1 prefetcht0 Mb anywhere",
  "0f1f/0 nop Ev anywhere",
  "0fa3 bt Ev,Gv bits",
  "0fab bts Ev,Gv lock bits",
  "0fb3 btr Ev,Gv lock bits",
  "0fbb btc Ev,Gv lock bits",
  "0fba/4 bt Ev,Ib",
  "0fba/5 bts Ev,Ib lock",
  "0fba/6 btr Ev,Ib lock",
  "0fba/7 btc Ev,Ib lock",
  "0fa4 shld Ev,Gv,Ib",
  "0fa5 shld Ev,Gv,CL",
  "0fac shrd Ev,Gv,Ib",
  "0fad shrd Ev,Gv,CL",
  "0faf imul Gv,Ev",
  "0fb0 cmpxchg Eb,Gb lock equal",
  "0fb1 cmpxchg Ev,Gv lock equal",
  "0fb6 movzx Gv,Eb",
  "0fb7 movzx Gv,Ew",
  "0fbe movsx Gv,Eb",
  "0fbf movsx Gv,Ew",
  "0fbc bsf Gv,Ev",
  "0fbd bsr Gv,Ev",
  "0fc0 xadd Eb,Gb lock",
  "0fc1 xadd Ev,Gv lock",
  "0fc3 movnti My,Gy no66",
  "0fc7/1 cmpxchg8b M16 lock pair no66",
  "0fae/7 clflush Mb no66",
  "0faee8 lfence  no66 norex",
  "0faef0 mfence  no66 norex",
  "0faef8 sfence  no66 norex",
  "f3:90 pause  no66",
  "0f08 invd ",
  "0f09 wbinvd ",
  "0f30 wrmsr ",
  "0f32 rdmsr ",
  "0f20 mov Rq,Cq no66 control",
  "0f22 mov Cq,Rq no66 control",
  "0f01/2 lgdt M10 no66",
  "0f01/3 lidt M10 no66",
  "0f01/7 invlpg Mb no66",
  "0f01f8 swapgs  no66 norex",
  "0f06 clts ",
  "0f07 sysret ",
  "f3:0fb8 popcnt Gv,Ev",
  "f2:0f38f0 crc32 Gy,Eb wide",
  "f2:0f38f1 crc32 Gy,Ev",
  "f3:0fbc tzcnt Gv,Ev",
  "f3:0fbd lzcnt Gv,Ev",
  "0f38f0 movbe Gv,Mv",
  "0f38f1 movbe Mv,Gv",
  "66:0f38f6 adcx Gy,Ey no66",
  "f3:0f38f6 adox Gy,Ey no66",
  "0fc7/1 cmpxchg16b M16 lock pair no66 aligned",
  "66:0fae/7 clflushopt Mb no66",
  "66:0fae/6 clwb Mb no66",
  "f3:0fae/0 rdfsbase Ry no66",
  "f3:0fae/1 rdgsbase Ry no66",
  "f3:0fae/2 wrfsbase Ry no66",
  "f3:0fae/3 wrgsbase Ry no66",
  "f3:0f1efa endbr64  no66 norex",
  "f3:0f1efb endbr32  no66 norex",
  "0f0d/1 prefetchw Mb anywhere",
  "0f0d/2 prefetchwt1 Mb anywhere",
  "0f18/2 prefetcht1 Mb anywhere",
  "0f18/3 prefetcht2 Mb anywhere",
  ...Array.from({ length: 7 }, (_, i) => `0f${byte(0x19 + i)} nop Ev anywhere`),
  "0fc7/6 rdrand Rv random no66",
  "0fc7/7 rdseed Rv random no66",
  "66:0fc7/6 rdrand Rv random no66",
  "66:0fc7/7 rdseed Rv random no66",
  "0f21 mov Rq,Dq no66 control",
  "0f23 mov Dq,Rq no66 control",
  "6c ins b",
  "6d ins v",
  "6e outs b",
  "6f outs v",
  "0fb9 ud1 Gv,Ev",
  "0fff ud0 Gv,Ev",
  "0f34 sysenter  no66 norex",
  "0f35 sysexit  no66 norex",
  "0f00/2 lldt Ew no66",
  "0f00/3 ltr Ew no66",
  "0f01/6 lmsw Ew no66",
  "0f01ca clac  no66 norex",
  "0f01cb stac  no66 norex",
  "0fc7/3 xrstors M832 xstate no66",
  "0fc7/5 xsaves M832 xstate no66",
  "f3:0fc7/7 rdpid Rq random no66",
  "0f01f9 rdtscp  no66 norex random",
  "0f31 rdtsc  random",
  "0f01d0 xgetbv  no66 norex xcr",
  "0f01d1 xsetbv  no66 norex",
  "0fae/4 xsave M832 xstate no66",
  "0fae/6 xsaveopt M832 xstate no66",
  "0fc7/4 xsavec M832 xstate no66",
  "0fae/5 xrstor M832 xstate no66",
  // Segments, far transfers, and what 64-bit mode does not have
  ...["06 es", "0e cs", "16 ss", "1e ds"].map((entry) => `${entry.slice(0, 2)} push  stack not64`),
  ...["07 es", "17 ss", "1f ds"].map((entry) => `${entry.slice(0, 2)} pop  stack popsegment not64`),
  "0fa0 push  stack",
  "0fa8 push  stack",
  "0fa1 pop  stack popsegment",
  "0fa9 pop  stack popsegment",
  "8e mov Sw,Ew selector",
  "0f00/4 verr Ew selector no66",
  "0f00/5 verw Ew selector no66",
  "0f02 lar Gv,Ew selector",
  "0f03 lsl Gv,Ew selector",
  "63 arpl Ew,Gw selector not64",
  "c4 les Gv,Mp far not64",
  "c5 lds Gv,Mp far not64",
  "0fb2 lss Gv,Mp far",
  "0fb4 lfs Gv,Mp far",
  "0fb5 lgs Gv,Mp far",
  "9a call Ap stack not64",
  "ea jmp Ap not64",
  "ff/3 call Mp stack far",
  "ff/5 jmp Mp far",
  "ca ret Iw stack farframe",
  "cb ret  stack farframe",
  "cf iret  stack iretframe",
  "27 daa  not64",
  "2f das  not64",
  "37 aaa  not64",
  "3f aas  not64",
  "d4 aam Ib not64",
  "d5 aad Ib not64",
  "d6 salc  not64",
  "ce into  not64",
  "62 bound Gv,Mq bounds not64",
  "60 pusha  stack not64",
  "61 popa  stack not64",
  ...Array.from({ length: 8 }, (_, i) => [`${byte(0x40 + i)} inc Zv not64`, `${byte(0x48 + i)} dec Zv not64`]).flat(),
  ...alu.map((name, i) => `82/${i} ${name} Eb,Ib ${name === "cmp" ? "" : "lock"} not64`),
  "0f33 rdpmc  ",
  "v:0f38f2 andn Gy,By,Ey",
  "v:0f38f3/1 blsr By,Ey",
  "v:0f38f3/2 blsmsk By,Ey",
  "v:0f38f3/3 blsi By,Ey",
  "v:0f38f7 bextr Gy,Ey,By",
  "v:0f38f5 bzhi Gy,Ey,By",
  "v66:0f38f7 shlx Gy,Ey,By",
  "vf3:0f38f7 sarx Gy,Ey,By",
  "vf2:0f38f7 shrx Gy,Ey,By",
  "vf2:0f3af0 rorx Gy,Ey,Ib",
  "vf2:0f38f6 mulx Gy,By,Ey",
  "vf2:0f38f5 pdep Gy,By,Ey",
  "vf3:0f38f5 pext Gy,By,Ey",
];

const sseLines: string[] = [
  // Moves
  "0f10 movups Vx,Wu",
  "0f11 movups Wu,Vx",
  "66:0f10 movupd Vx,Wu",
  "66:0f11 movupd Wu,Vx",
  "f3:0f10 movss Vx,Wd",
  "f3:0f11 movss Wd,Vx",
  "f2:0f10 movsd Vx,Wq",
  "f2:0f11 movsd Wq,Vx",
  "0f12 movlps Vx,Mq",
  "0f12 movhlps Vx,Ux",
  "0f13 movlps Mq,Vx",
  "66:0f12 movlpd Vx,Mq",
  "66:0f13 movlpd Mq,Vx",
  "0f16 movhps Vx,Mq",
  "0f16 movlhps Vx,Ux",
  "0f17 movhps Mq,Vx",
  "66:0f16 movhpd Vx,Mq",
  "66:0f17 movhpd Mq,Vx",
  "0f28 movaps Vx,Wx",
  "0f29 movaps Wx,Vx",
  "66:0f28 movapd Vx,Wx",
  "66:0f29 movapd Wx,Vx",
  "0f2b movntps Mx,Vx",
  "66:0f2b movntpd Mx,Vx",
  "0f50 movmskps Gd,Ux",
  "66:0f50 movmskpd Gd,Ux",
  "66:0f6e movd Vx,Ey",
  "66:0f7e movd Ey,Vx",
  "f3:0f7e movq Vx,Wq",
  "66:0fd6 movq Wq,Vx",
  "66:0f6f movdqa Vx,Wx",
  "66:0f7f movdqa Wx,Vx",
  "f3:0f6f movdqu Vx,Wu",
  "f3:0f7f movdqu Wu,Vx",
  "66:0fe7 movntdq Mx,Vx",
  "66:0fd7 pmovmskb Gd,Ux",
  "66:0ff7 maskmovdqu Vx,Ux rdi",
  "66:0fc4 pinsrw Vx,Ew,Ib",
  "66:0fc5 pextrw Gd,Ux,Ib",
  // Shuffles
  "0f14 unpcklps Vx,Wx",
  "0f15 unpckhps Vx,Wx",
  "66:0f14 unpcklpd Vx,Wx",
  "66:0f15 unpckhpd Vx,Wx",
  "0fc6 shufps Vx,Wx,Ib",
  "66:0fc6 shufpd Vx,Wx,Ib",
  "66:0f70 pshufd Vx,Wx,Ib",
  "f3:0f70 pshufhw Vx,Wx,Ib",
  "f2:0f70 pshuflw Vx,Wx,Ib",
  // Packed integers
  ...(
    "60 punpcklbw 61 punpcklwd 62 punpckldq 63 packsswb 64 pcmpgtb 65 pcmpgtw 66 pcmpgtd 67 packuswb 68 punpckhbw " +
    "69 punpckhwd 6a punpckhdq 6b packssdw 6c punpcklqdq 6d punpckhqdq 74 pcmpeqb 75 pcmpeqw 76 pcmpeqd d1 psrlw " +
    "d2 psrld d3 psrlq d4 paddq d5 pmullw d8 psubusb d9 psubusw da pminub db pand dc paddusb dd paddusw de pmaxub " +
    "df pandn e0 pavgb e1 psraw e2 psrad e3 pavgw e4 pmulhuw e5 pmulhw e8 psubsb e9 psubsw ea pminsw eb por " +
    "ec paddsb ed paddsw ee pmaxsw ef pxor f1 psllw f2 pslld f3 psllq f4 pmuludq f5 pmaddwd f6 psadbw f8 psubb " +
    "f9 psubw fa psubd fb psubq fc paddb fd paddw fe paddd"
  )
    .split(" ")
    .reduce<string[]>((lines, word, i, words) => {
      if (i % 2 === 1) lines.push(`66:0f${words[i - 1]} ${word} Vx,Wx`);
      return lines;
    }, []),
  "66:0f71/2 psrlw Ux,Ib",
  "66:0f71/4 psraw Ux,Ib",
  "66:0f71/6 psllw Ux,Ib",
  "66:0f72/2 psrld Ux,Ib",
  "66:0f72/4 psrad Ux,Ib",
  "66:0f72/6 pslld Ux,Ib",
  "66:0f73/2 psrlq Ux,Ib",
  "66:0f73/3 psrldq Ux,Ib",
  "66:0f73/6 psllq Ux,Ib",
  "66:0f73/7 pslldq Ux,Ib",
  // Logic
  "0f54 andps Vx,Wx",
  "66:0f54 andpd Vx,Wx",
  "0f55 andnps Vx,Wx",
  "66:0f55 andnpd Vx,Wx",
  "0f56 orps Vx,Wx",
  "66:0f56 orpd Vx,Wx",
  "0f57 xorps Vx,Wx",
  "66:0f57 xorpd Vx,Wx",
  // Arithmetic
  ...["51 sqrt", "58 add", "59 mul", "5c sub", "5d min", "5e div", "5f max"].flatMap((entry) => {
    const [opcode, name] = entry.split(" ");
    return [
      `0f${opcode} ${name}ps Vx,Wx floating`,
      `66:0f${opcode} ${name}pd Vx,Wx floating`,
      `f3:0f${opcode} ${name}ss Vx,Wd floating`,
      `f2:0f${opcode} ${name}sd Vx,Wq floating`,
    ];
  }),
  "0f52 rsqrtps Vx,Wx floating",
  "f3:0f52 rsqrtss Vx,Wd floating",
  "0f53 rcpps Vx,Wx floating",
  "f3:0f53 rcpss Vx,Wd floating",
  "0fc2 cmpps Vx,Wx,Ib floating",
  "66:0fc2 cmppd Vx,Wx,Ib floating",
  "f3:0fc2 cmpss Vx,Wd,Ib floating",
  "f2:0fc2 cmpsd Vx,Wq,Ib floating",
  "0f2e ucomiss Vx,Wd floating",
  "66:0f2e ucomisd Vx,Wq floating",
  "0f2f comiss Vx,Wd floating",
  "66:0f2f comisd Vx,Wq floating",
  // Conversions
  "0f2a cvtpi2ps Vx,Qq floating",
  "66:0f2a cvtpi2pd Vx,Qq floating",
  "f3:0f2a cvtsi2ss Vx,Ey floating",
  "f2:0f2a cvtsi2sd Vx,Ey floating",
  "0f2c cvttps2pi Pq,Wq floating",
  "66:0f2c cvttpd2pi Pq,Wx floating",
  "f3:0f2c cvttss2si Gy,Wd floating",
  "f2:0f2c cvttsd2si Gy,Wq floating",
  "0f2d cvtps2pi Pq,Wq floating",
  "66:0f2d cvtpd2pi Pq,Wx floating",
  "f3:0f2d cvtss2si Gy,Wd floating",
  "f2:0f2d cvtsd2si Gy,Wq floating",
  "0f5a cvtps2pd Vx,Wq floating",
  "66:0f5a cvtpd2ps Vx,Wx floating",
  "f3:0f5a cvtss2sd Vx,Wd floating",
  "f2:0f5a cvtsd2ss Vx,Wq floating",
  "0f5b cvtdq2ps Vx,Wx floating",
  "66:0f5b cvtps2dq Vx,Wx floating",
  "f3:0f5b cvttps2dq Vx,Wx floating",
  "66:0fe6 cvttpd2dq Vx,Wx floating",
  "f2:0fe6 cvtpd2dq Vx,Wx floating",
  "f3:0fe6 cvtdq2pd Vx,Wq floating",
  // Control and state
  "0fae/2 ldmxcsr Md mxcsr",
  "0fae/3 stmxcsr Md floating",
  "0fae/0 fxsave M512 x87state",
  "f3:0fd6 movq2dq Vx,Nq",
  "f2:0fd6 movdq2q Pq,Ux",
  // SSE3
  "66:0fd0 addsubpd Vx,Wx floating",
  "f2:0fd0 addsubps Vx,Wx floating",
  "66:0f7c haddpd Vx,Wx floating",
  "f2:0f7c haddps Vx,Wx floating",
  "66:0f7d hsubpd Vx,Wx floating",
  "f2:0f7d hsubps Vx,Wx floating",
  "f2:0ff0 lddqu Vx,Mu",
  "f2:0f12 movddup Vx,Wq",
  "f3:0f12 movsldup Vx,Wx",
  "f3:0f16 movshdup Vx,Wx",
  // SSSE3
  ...ssse3.map(([opcode, name]) => `66:0f38${opcode} ${name} Vx,Wx`),
  "66:0f3a0f palignr Vx,Wx,Ib",
  // SSE4.1, SSE4.2
  ...sse4.map(([opcode, name]) => `66:0f38${opcode} ${name} Vx,Wx`),
  ...["20 bw q", "21 bd d", "22 bq w", "23 wd q", "24 wq d", "25 dq q"].flatMap((entry) => {
    const [opcode, name, size] = entry.split(" ");
    return [
      `66:0f38${opcode} pmovsx${name} Vx,W${size}`,
      `66:0f38${opcode.replace("2", "3")} pmovzx${name} Vx,W${size}`,
    ];
  }),
  "66:0f382a movntdqa Vx,Mx",
  "66:0f3a08 roundps Vx,Wx,Ib floating",
  "66:0f3a09 roundpd Vx,Wx,Ib floating",
  "66:0f3a0a roundss Vx,Wd,Ib floating",
  "66:0f3a0b roundsd Vx,Wq,Ib floating",
  "66:0f3a0c blendps Vx,Wx,Ib",
  "66:0f3a0d blendpd Vx,Wx,Ib",
  "66:0f3a0e pblendw Vx,Wx,Ib",
  "66:0f3a14 pextrb Mb,Vx,Ib",
  "66:0f3a14 pextrb Rd,Vx,Ib",
  "66:0f3a15 pextrw Mw,Vx,Ib",
  "66:0f3a15 pextrw Rd,Vx,Ib",
  "66:0f3a16 pextrd Ey,Vx,Ib",
  "66:0f3a17 extractps Ed,Vx,Ib",
  "66:0f3a20 pinsrb Vx,Mb,Ib",
  "66:0f3a20 pinsrb Vx,Rd,Ib",
  "66:0f3a21 insertps Vx,Wd,Ib",
  "66:0f3a22 pinsrd Vx,Ey,Ib",
  "66:0f3a40 dpps Vx,Wx,Ib floating",
  "66:0f3a41 dppd Vx,Wx,Ib floating",
  "66:0f3a42 mpsadbw Vx,Wx,Ib",
  "66:0f3a60 pcmpestrm Vx,Wu,Ib text",
  "66:0f3a61 pcmpestri Vx,Wu,Ib text",
  "66:0f3a62 pcmpistrm Vx,Wu,Ib text",
  "66:0f3a63 pcmpistri Vx,Wu,Ib text",
  // Cryptography
  "66:0f3a44 pclmulqdq Vx,Wx,Ib",
  "66:0f38db aesimc Vx,Wx",
  "66:0f38dc aesenc Vx,Wx",
  "66:0f38dd aesenclast Vx,Wx",
  "66:0f38de aesdec Vx,Wx",
  "66:0f38df aesdeclast Vx,Wx",
  "66:0f3adf aeskeygenassist Vx,Wx,Ib",
  "0f38c8 sha1nexte Vx,Wx",
  "0f38c9 sha1msg1 Vx,Wx",
  "0f38ca sha1msg2 Vx,Wx",
  "0f38cb sha256rnds2 Vx,Wx",
  "0f38cc sha256msg1 Vx,Wx",
  "0f38cd sha256msg2 Vx,Wx",
  "0f3acc sha1rnds4 Vx,Wx,Ib",
];

/** The VEX forms of SSE lines: an operand more, memory not aligned; of scalars and loads the others are listed apart. */
const three = (lines: readonly string[], lengths = ["", "256."]): string[] =>
  lines.flatMap((line) => {
    const [encoding, name, operands, ...rest] = line.split(" ");
    const [prefix, opcode] = encoding.includes(":") ? encoding.split(":") : ["", encoding];
    return lengths.map((length) => `v${length}${prefix}:${opcode} v${name} ${operands} ${rest.join(" ")}`);
  });
const each = (names: string, line: (opcode: string, name: string) => string[]): string[] =>
  pairs(names).flatMap(([opcode, name]) => line(opcode, name));

const avxLines: string[] = [
  // Moves
  ...three([
    "0f10 movups Vx,Wx",
    "0f11 movups Wx,Vx",
    "66:0f10 movupd Vx,Wx",
    "66:0f11 movupd Wx,Vx",
    "0f28 movaps Vx,Wx aligned",
    "0f29 movaps Wx,Vx aligned",
    "66:0f28 movapd Vx,Wx aligned",
    "66:0f29 movapd Wx,Vx aligned",
    "66:0f6f movdqa Vx,Wx aligned",
    "66:0f7f movdqa Wx,Vx aligned",
    "f3:0f6f movdqu Vx,Wx",
    "f3:0f7f movdqu Wx,Vx",
    "0f2b movntps Mx,Vx aligned",
    "66:0f2b movntpd Mx,Vx aligned",
    "66:0fe7 movntdq Mx,Vx aligned",
    "66:0f382a movntdqa Vx,Mx aligned",
    "f2:0ff0 lddqu Vx,Mx",
    "f3:0f12 movsldup Vx,Wx",
    "f3:0f16 movshdup Vx,Wx",
    "0f50 movmskps Gd,Ux",
    "66:0f50 movmskpd Gd,Ux",
    "66:0fd7 pmovmskb Gd,Ux",
  ]),
  "vf2:0f12 vmovddup Vx,Wq",
  "v256.f2:0f12 vmovddup Vx,Wx",
  "vf3:0f10 vmovss Vx,Md",
  "vf3:0f11 vmovss Md,Vx",
  "vf3:0f10 vmovss Vx,Hx,Ux",
  "vf3:0f11 vmovss Ux,Hx,Vx",
  "vf2:0f10 vmovsd Vx,Mq",
  "vf2:0f11 vmovsd Mq,Vx",
  "vf2:0f10 vmovsd Vx,Hx,Ux",
  "vf2:0f11 vmovsd Ux,Hx,Vx",
  "v:0f12 vmovlps Vx,Hx,Mq",
  "v:0f12 vmovhlps Vx,Hx,Ux",
  "v:0f13 vmovlps Mq,Vx",
  "v66:0f12 vmovlpd Vx,Hx,Mq",
  "v66:0f13 vmovlpd Mq,Vx",
  "v:0f16 vmovhps Vx,Hx,Mq",
  "v:0f16 vmovlhps Vx,Hx,Ux",
  "v:0f17 vmovhps Mq,Vx",
  "v66:0f16 vmovhpd Vx,Hx,Mq",
  "v66:0f17 vmovhpd Mq,Vx",
  "v66:0f6e vmovd Vx,Ey",
  "v66:0f7e vmovd Ey,Vx",
  "vf3:0f7e vmovq Vx,Wq",
  "v66:0fd6 vmovq Wq,Vx",
  "v66:0fc4 vpinsrw Vx,Hx,Ew,Ib",
  "v66:0fc5 vpextrw Gd,Ux,Ib",
  "v66:0f3a14 vpextrb Mb,Vx,Ib",
  "v66:0f3a14 vpextrb Rd,Vx,Ib",
  "v66:0f3a15 vpextrw Mw,Vx,Ib",
  "v66:0f3a15 vpextrw Rd,Vx,Ib",
  "vw0.66:0f3a16 vpextrd Ey,Vx,Ib",
  "vw1.66:0f3a16 vpextrd Ey,Vx,Ib",
  "v66:0f3a17 vextractps Ed,Vx,Ib",
  "v66:0f3a20 vpinsrb Vx,Hx,Mb,Ib",
  "v66:0f3a20 vpinsrb Vx,Hx,Rd,Ib",
  "v66:0f3a21 vinsertps Vx,Hx,Wd,Ib",
  "vw0.66:0f3a22 vpinsrd Vx,Hx,Ey,Ib",
  "vw1.66:0f3a22 vpinsrd Vx,Hx,Ey,Ib",
  "v66:0ff7 vmaskmovdqu Vx,Ux rdi",
  "v:0f77 vzeroupper ",
  "v256.:0f77 vzeroall ",
  "v:0fae/2 vldmxcsr Md mxcsr",
  "v:0fae/3 vstmxcsr Md floating",
  // Shuffles and integers
  ...three(
    sseLines
      .filter(
        (line) =>
          /^(66:)?0f([67][0-9a-f]|[d-f][0-9a-f]|1[45]|5[4-7]) \w+ Vx,Wx( |$)/.test(line) &&
          !/0f(6f|7f|d[123]|e[126]|f[123]|70) /.test(line),
      )
      .map((line) => line.replace("Vx,Wx", "Vx,Hx,Wx")),
  ),
  ...three(
    ["d1 psrlw", "d2 psrld", "d3 psrlq", "e1 psraw", "e2 psrad", "f1 psllw", "f2 pslld", "f3 psllq"].map(
      (entry) => `66:0f${entry} Vx,Hx,Wdq`,
    ),
  ),
  ...three(
    [
      "71/2 psrlw",
      "71/4 psraw",
      "71/6 psllw",
      "72/2 psrld",
      "72/4 psrad",
      "72/6 pslld",
      "73/2 psrlq",
      "73/3 psrldq",
      "73/6 psllq",
      "73/7 pslldq",
    ].map((entry) => `66:0f${entry} Hx,Ux,Ib`),
  ),
  ...three([
    "66:0f70 pshufd Vx,Wx,Ib",
    "f3:0f70 pshufhw Vx,Wx,Ib",
    "f2:0f70 pshuflw Vx,Wx,Ib",
    "0fc6 shufps Vx,Hx,Wx,Ib",
    "66:0fc6 shufpd Vx,Hx,Wx,Ib",
  ]),
  ...three(ssse3.map(([opcode, name]) => `66:0f38${opcode} ${name} Vx,${name.startsWith("pabs") ? "" : "Hx,"}Wx`)),
  ...three(
    sse4
      .filter(([, name]) => !/blendv|ptest|phmin/.test(name))
      .map(([opcode, name]) => `66:0f38${opcode} ${name} Vx,Hx,Wx`),
  ),
  ...three([
    "66:0f3817 ptest Vx,Wx",
    "66:0f3a0f palignr Vx,Hx,Wx,Ib",
    "66:0f3a42 mpsadbw Vx,Hx,Wx,Ib",
    "66:0f3a0c blendps Vx,Hx,Wx,Ib",
    "66:0f3a0d blendpd Vx,Hx,Wx,Ib",
    "66:0f3a0e pblendw Vx,Hx,Wx,Ib",
  ]),
  "v66:0f3841 vphminposuw Vx,Wx",
  ...["20 bw q dq", "21 bd d q", "22 bq w d", "23 wd q dq", "24 wq d q", "25 dq q dq"].flatMap((entry) => {
    const [opcode, name, narrow, wide] = entry.split(" ");
    return ["s", "z"].flatMap((kind) => {
      const code = kind === "s" ? opcode : opcode.replace("2", "3");
      return [
        `v66:0f38${code} vpmov${kind}x${name} Vx,W${narrow}`,
        `v256.66:0f38${code} vpmov${kind}x${name} Vx,W${wide}`,
      ];
    });
  }),
  ...["60 pcmpestrm", "61 pcmpestri", "62 pcmpistrm", "63 pcmpistri"].map(
    (entry) => `v66:0f3a${entry.replace(" ", " v")} Vx,Wu,Ib text`,
  ),
  "v66:0f3a44 vpclmulqdq Vx,Hx,Wx,Ib",
  "v66:0f38db vaesimc Vx,Wx",
  ...each("dc aesenc dd aesenclast de aesdec df aesdeclast", (opcode, name) => [`v66:0f38${opcode} v${name} Vx,Hx,Wx`]),
  "v66:0f3adf vaeskeygenassist Vx,Wx,Ib",
  // AVX's and AVX2's own
  ...each("4a vblendvps 4b vblendvpd 4c vpblendvb", (opcode, name) => [
    `vw0.66:0f3a${opcode} ${name} Vx,Hx,Wx,Ib`,
    `v256.w0.66:0f3a${opcode} ${name} Vx,Hx,Wx,Ib`,
  ]),
  ...each("0e vtestps 0f vtestpd", (opcode, name) => [
    `vw0.66:0f38${opcode} ${name} Vx,Wx`,
    `v256.w0.66:0f38${opcode} ${name} Vx,Wx`,
  ]),
  ...each("0c vpermilps 0d vpermilpd", (opcode, name) => [
    `vw0.66:0f38${opcode} ${name} Vx,Hx,Wx`,
    `v256.w0.66:0f38${opcode} ${name} Vx,Hx,Wx`,
  ]),
  ...each("04 vpermilps 05 vpermilpd", (opcode, name) => [
    `vw0.66:0f3a${opcode} ${name} Vx,Wx,Ib`,
    `v256.w0.66:0f3a${opcode} ${name} Vx,Wx,Ib`,
  ]),
  "vw0.66:0f3a02 vpblendd Vx,Hx,Wx,Ib",
  "v256.w0.66:0f3a02 vpblendd Vx,Hx,Wx,Ib",
  ...each("18 vbroadcastss 58 vpbroadcastd", (opcode, name) => [
    `vw0.66:0f38${opcode} ${name} Vx,Wd`,
    `v256.w0.66:0f38${opcode} ${name} Vx,Wd`,
  ]),
  ...each("78 vpbroadcastb 79 vpbroadcastw 59 vpbroadcastq", (opcode, name) =>
    ["", "256."].map((length) => `v${length}w0.66:0f38${opcode} ${name} Vx,W${name.at(-1)}`),
  ),
  "v256.w0.66:0f3819 vbroadcastsd Vx,Wq",
  "v256.w0.66:0f381a vbroadcastf128 Vx,Mdq",
  "v256.w0.66:0f385a vbroadcasti128 Vx,Mdq",
  ...each("18 vinsertf128 38 vinserti128", (opcode, name) => [`v256.w0.66:0f3a${opcode} ${name} Vx,Hx,Wdq,Ib`]),
  ...each("19 vextractf128 39 vextracti128", (opcode, name) => [`v256.w0.66:0f3a${opcode} ${name} Wdq,Vx,Ib`]),
  ...each("06 vperm2f128 46 vperm2i128", (opcode, name) => [`v256.w0.66:0f3a${opcode} ${name} Vx,Hx,Wx,Ib`]),
  ...each("16 vpermps 36 vpermd", (opcode, name) => [`v256.w0.66:0f38${opcode} ${name} Vx,Hx,Wx`]),
  ...each("00 vpermq 01 vpermpd", (opcode, name) => [`v256.w1.66:0f3a${opcode} ${name} Vx,Wx,Ib`]),
  ...each("45 vpsrlv 47 vpsllv", (opcode, name) =>
    ["", "256."].flatMap((length) => [
      `v${length}w0.66:0f38${opcode} ${name}d Vx,Hx,Wx`,
      `v${length}w1.66:0f38${opcode} ${name}q Vx,Hx,Wx`,
    ]),
  ),
  "vw0.66:0f3846 vpsravd Vx,Hx,Wx",
  "v256.w0.66:0f3846 vpsravd Vx,Hx,Wx",
  ...["", "256."].flatMap((length) => [
    ...each("2c vmaskmovps 2d vmaskmovpd 8c vpmaskmovd", (opcode, name) => [
      `v${length}w0.66:0f38${opcode} ${name} Vx,Hx,Mx`,
    ]),
    ...each("2e vmaskmovps 2f vmaskmovpd 8e vpmaskmovd", (opcode, name) => [
      `v${length}w0.66:0f38${opcode} ${name} Mx,Hx,Vx`,
    ]),
    `v${length}w1.66:0f388c vpmaskmovq Vx,Hx,Mx`,
    `v${length}w1.66:0f388e vpmaskmovq Mx,Hx,Vx`,
    ...each("90 vpgatherd 91 vpgatherq 92 vgatherdp 93 vgatherqp", (opcode, name) => [
      `v${length}w0.66:0f38${opcode} ${name}${name.endsWith("p") ? "s" : "d"} Vx,Md,Hx gather`,
      `v${length}w1.66:0f38${opcode} ${name}${name.endsWith("p") ? "d" : "q"} Vx,Mq,Hx gather`,
    ]),
  ]),
  // Floating point
  ...["51 sqrt", "58 add", "59 mul", "5c sub", "5d min", "5e div", "5f max"].flatMap((entry) => {
    const [opcode, name] = entry.split(" ");
    const packed = name === "sqrt" ? "Vx,Wx" : "Vx,Hx,Wx";
    return [
      ...three([`0f${opcode} ${name}ps ${packed} floating`, `66:0f${opcode} ${name}pd ${packed} floating`]),
      ...three([`f3:0f${opcode} ${name}ss Vx,Hx,Wd floating`, `f2:0f${opcode} ${name}sd Vx,Hx,Wq floating`]),
    ];
  }),
  ...three(["0f52 rsqrtps Vx,Wx floating", "0f53 rcpps Vx,Wx floating"]),
  ...three(["f3:0f52 rsqrtss Vx,Hx,Wd floating", "f3:0f53 rcpss Vx,Hx,Wd floating"], [""]),
  ...three([
    "0fc2 cmpps Vx,Hx,Wx,Ib floating",
    "66:0fc2 cmppd Vx,Hx,Wx,Ib floating",
    "f3:0fc2 cmpss Vx,Hx,Wd,Ib floating",
    "f2:0fc2 cmpsd Vx,Hx,Wq,Ib floating",
  ]),
  ...three(
    [
      "f2:0f7c haddps",
      "66:0f7c haddpd",
      "f2:0f7d hsubps",
      "66:0f7d hsubpd",
      "f2:0fd0 addsubps",
      "66:0fd0 addsubpd",
    ].map((entry) => `${entry} Vx,Hx,Wx floating`),
  ),
  ...three([
    "66:0f3a08 roundps Vx,Wx,Ib floating",
    "66:0f3a09 roundpd Vx,Wx,Ib floating",
    "66:0f3a0a roundss Vx,Hx,Wd,Ib floating",
    "66:0f3a0b roundsd Vx,Hx,Wq,Ib floating",
  ]),
  ...three(["66:0f3a40 dpps Vx,Hx,Wx,Ib floating"]),
  ...three(["66:0f3a41 dppd Vx,Hx,Wx,Ib floating"], [""]),
  ...three(
    [
      "0f2e ucomiss Vx,Wd floating",
      "66:0f2e ucomisd Vx,Wq floating",
      "0f2f comiss Vx,Wd floating",
      "66:0f2f comisd Vx,Wq floating",
    ],
    [""],
  ),
  ...three(
    [
      "f3:0f2a cvtsi2ss Vx,Hx,Ey floating",
      "f2:0f2a cvtsi2sd Vx,Hx,Ey floating",
      "f3:0f2c cvttss2si Gy,Wd floating",
      "f2:0f2c cvttsd2si Gy,Wq floating",
      "f3:0f2d cvtss2si Gy,Wd floating",
      "f2:0f2d cvtsd2si Gy,Wq floating",
      "f3:0f5a cvtss2sd Vx,Hx,Wd floating",
      "f2:0f5a cvtsd2ss Vx,Hx,Wq floating",
      "0f5a cvtps2pd Vx,Wq floating",
      "f3:0fe6 cvtdq2pd Vx,Wq floating",
    ],
    [""],
  ),
  "v256.:0f5a vcvtps2pd Vx,Wdq floating",
  "v256.f3:0fe6 vcvtdq2pd Vx,Wdq floating",
  ...three(
    [
      "66:0f5a cvtpd2ps",
      "0f5b cvtdq2ps",
      "66:0f5b cvtps2dq",
      "f3:0f5b cvttps2dq",
      "66:0fe6 cvttpd2dq",
      "f2:0fe6 cvtpd2dq",
    ].map((entry) => `${entry} Vx,Wx floating`),
  ),
  // F16C and FMA
  "vw0.66:0f3813 vcvtph2ps Vx,Wq floating",
  "v256.w0.66:0f3813 vcvtph2ps Vx,Wdq floating",
  "vw0.66:0f3a1d vcvtps2ph Wq,Vx,Ib floating",
  "v256.w0.66:0f3a1d vcvtps2ph Wdq,Vx,Ib floating",
  ...["9 132", "a 213", "b 231"].flatMap((entry) => {
    const [high, order] = entry.split(" ");
    return each("6 fmaddsub 7 fmsubadd 8 fmadd a fmsub c fnmadd e fnmsub", (opcode, name) =>
      ["", "256."].flatMap((length) => [
        `v${length}w0.66:0f38${high}${opcode} v${name}${order}ps Vx,Hx,Wx floating`,
        `v${length}w1.66:0f38${high}${opcode} v${name}${order}pd Vx,Hx,Wx floating`,
      ]),
    ).concat(
      each("9 fmadd b fmsub d fnmadd f fnmsub", (opcode, name) => [
        `vw0.66:0f38${high}${opcode} v${name}${order}ss Vx,Hx,Wd floating`,
        `vw1.66:0f38${high}${opcode} v${name}${order}sd Vx,Hx,Wq floating`,
      ]),
    );
  }),
];

const mmxLines: string[] = [
  "0f6e movd Pq,Ey",
  "0f7e movd Ey,Pq",
  "0f6f movq Pq,Qq",
  "0f7f movq Qq,Pq",
  "0f77 emms ",
  "0fe7 movntq Mq,Pq",
  "0fd7 pmovmskb Gd,Nq",
  "0ff7 maskmovq Pq,Nq rdi",
  "0fc4 pinsrw Pq,Ew,Ib",
  "0fc5 pextrw Gd,Nq,Ib",
  "0f70 pshufw Pq,Qq,Ib",
  ...(
    "60 punpcklbw 61 punpcklwd 62 punpckldq 63 packsswb 64 pcmpgtb 65 pcmpgtw 66 pcmpgtd 67 packuswb 68 punpckhbw " +
    "69 punpckhwd 6a punpckhdq 6b packssdw 74 pcmpeqb 75 pcmpeqw 76 pcmpeqd d1 psrlw " +
    "d2 psrld d3 psrlq d4 paddq d5 pmullw d8 psubusb d9 psubusw da pminub db pand dc paddusb dd paddusw de pmaxub " +
    "df pandn e0 pavgb e1 psraw e2 psrad e3 pavgw e4 pmulhuw e5 pmulhw e8 psubsb e9 psubsw ea pminsw eb por " +
    "ec paddsb ed paddsw ee pmaxsw ef pxor f1 psllw f2 pslld f3 psllq f4 pmuludq f5 pmaddwd f6 psadbw f8 psubb " +
    "f9 psubw fa psubd fb psubq fc paddb fd paddw fe paddd"
  )
    .split(" ")
    .reduce<string[]>((lines, word, i, words) => {
      if (i % 2 === 1) lines.push(`0f${words[i - 1]} ${word} Pq,Qq`);
      return lines;
    }, []),
  "0f71/2 psrlw Nq,Ib",
  "0f71/4 psraw Nq,Ib",
  "0f71/6 psllw Nq,Ib",
  "0f72/2 psrld Nq,Ib",
  "0f72/4 psrad Nq,Ib",
  "0f72/6 pslld Nq,Ib",
  "0f73/2 psrlq Nq,Ib",
  "0f73/6 psllq Nq,Ib",
  ...ssse3.map(([opcode, name]) => `0f38${opcode} ${name} Pq,Qq`),
  "0f3a0f palignr Pq,Qq,Ib",
];

const x87Arithmetic = ["fadd", "fmul", "fcom", "fcomp", "fsub", "fsubr", "fdiv", "fdivr"];
const x87Lines: string[] = [
  ...x87Arithmetic.flatMap((name, i) => [
    `d8/${i} ${name} Md`,
    `d8/${i} ${name} ST,Rt`,
    `dc/${i} ${name} Mq`,
    `da/${i} ${name.replace("f", "fi")} Md`,
    `de/${i} ${name.replace("f", "fi")} Mw`,
  ]),
  ...[0, 1, 4, 5, 6, 7].flatMap((i) => [`dc/${i} ${x87Arithmetic[i]} Rt,ST`, `de/${i} ${x87Arithmetic[i]}p Rt,ST`]),
  "d9/0 fld Md",
  "d9/2 fst Md",
  "d9/3 fstp Md",
  "d9/4 fldenv M28 env",
  "d9/5 fldcw Mw",
  "d9/6 fnstenv M28 env",
  "d9/7 fnstcw Mw",
  "d9/0 fld Rt",
  "d9/1 fxch Rt",
  "d9d0 fnop ",
  "d9e0 fchs ",
  "d9e1 fabs ",
  "d9e4 ftst ",
  "d9e5 fxam ",
  "d9e8 fld1 ",
  "d9e9 fldl2t ",
  "d9ea fldl2e ",
  "d9eb fldpi ",
  "d9ec fldlg2 ",
  "d9ed fldln2 ",
  "d9ee fldz ",
  "d9f0 f2xm1  transcendental",
  "d9f1 fyl2x  transcendental",
  "d9f2 fptan  transcendental",
  "d9f3 fpatan  transcendental",
  "d9f4 fxtract ",
  "d9f5 fprem1 ",
  "d9f6 fdecstp ",
  "d9f7 fincstp ",
  "d9f8 fprem ",
  "d9f9 fyl2xp1  transcendental",
  "d9fa fsqrt ",
  "d9fb fsincos  transcendental",
  "d9fc frndint ",
  "d9fd fscale ",
  "d9fe fsin  transcendental",
  "d9ff fcos  transcendental",
  ...["b", "e", "be", "u"].flatMap((name, i) => [`da/${i} fcmov${name} ST,Rt`, `db/${i} fcmovn${name} ST,Rt`]),
  "dae9 fucompp ",
  "db/0 fild Md",
  "db/1 fisttp Md sse3",
  "db/2 fist Md",
  "db/3 fistp Md",
  "db/5 fld Mt",
  "db/7 fstp Mt",
  "dbe2 fnclex ",
  "dbe3 fninit ",
  "db/5 fucomi ST,Rt",
  "db/6 fcomi ST,Rt",
  "dd/0 fld Mq",
  "dd/1 fisttp Mq sse3",
  "dd/2 fst Mq",
  "dd/3 fstp Mq",
  "dd/4 frstor M108 env",
  "dd/6 fnsave M108 env",
  "dd/7 fnstsw Mw",
  "dd/0 ffree Rt",
  "dd/2 fst Rt",
  "dd/3 fstp Rt",
  "dd/4 fucom Rt",
  "dd/5 fucomp Rt",
  "ded9 fcompp ",
  "df/0 fild Mw",
  "df/1 fisttp Mw sse3",
  "df/2 fist Mw",
  "df/3 fistp Mw",
  "df/4 fbld Mt",
  "df/5 fild Mq",
  "df/6 fbstp Mt",
  "df/7 fistp Mq",
  "dfe0 fnstsw AX",
  "df/5 fucomip ST,Rt",
  "df/6 fcomip ST,Rt",
  "d9/3 fstp Rt",
  "dbe0 fneni ",
  "dbe1 fndisi ",
  "dbe4 fnsetpm ",
  "dc/2 fcom Rt",
  "dc/3 fcomp Rt",
  "dd/1 fxch Rt",
  "de/2 fcomp Rt",
  "df/0 ffreep Rt",
  "df/1 fxch Rt",
  "df/2 fstp Rt",
  "df/3 fstp Rt",
  "9b fwait ",
  "0fae/1 fxrstor M512 x87state",
];

const sizes: Record<string, number> = { b: 1, w: 2, d: 4, q: 8, v: 8, y: 8, x: 16, u: 16, dq: 16, t: 10, p: 6 };

function parse(family: Family, line: string): Template {
  const [encoding, name, operandText = "", ...words] = line.split(" ");
  const [, isVex, length, w, prefix, bytes, digit] =
    /^(?:(v?)(?:(256)\.)?(?:w([01])\.)?(\w\w)?:)?([0-9a-f]+)(?:\/(\d))?$/.exec(encoding) ?? [];
  if (bytes === undefined) throw new Error(`test/silicon/templates.ts: "${line}": expected PREFIX:OPCODE/DIGIT`);
  const operands = operandText.split(",");
  const attributes = new Set(words.filter((word) => word));
  let modrm: Template["modrm"];
  let memorySize = 8;
  let aligned = false;
  let immediate: Template["immediate"] = "";
  let operandSize = family === "integer" || attributes.has("env");
  for (const operand of operands) {
    const kind = operand[0];
    const size = operand.slice(1);
    if ("EMWQRUN".includes(kind) && kind && operand !== "") {
      modrm = "M".includes(kind) ? "memory" : "RUN".includes(kind) ? "register" : "any";
      memorySize = length && (size === "x" || size === "u") ? 32 : (sizes[size] ?? Number(size));
      aligned ||= isVex ? attributes.has("aligned") : size === "x";
    } else if (kind === "I") {
      immediate = size === "b" ? "1" : size === "w" ? "2" : size === "z" ? "z" : size === "e" ? "enter" : "v";
    } else if (kind === "J") {
      immediate = size === "b" ? "j1" : "jz";
    } else if (operand === "Ap") {
      immediate = "far";
    } else if (kind === "O") {
      immediate = "o";
      memorySize = sizes[size];
    }
  }
  if (attributes.has("no66") || attributes.has("near") || isVex) operandSize = false;
  return {
    family,
    name,
    ...(prefix ? { mandatoryPrefix: Number.parseInt(prefix, 16) } : {}),
    ...(isVex
      ? {
          vex: {
            length: length ? (256 as const) : (128 as const),
            ...(w ? { w: w === "1" ? (1 as const) : (0 as const) } : {}),
            vvvv: operands.some((operand) => /^[HB]/.test(operand)),
          },
        }
      : {}),
    opcode: [...Buffer.from(bytes, "hex")],
    ...(modrm ? { modrm } : {}),
    ...(digit === undefined ? {} : { digit: Number(digit) }),
    memorySize,
    aligned,
    immediate,
    operandSize,
    attributes,
  };
}

/** Every form, in a fixed order. */
export const templates: readonly Template[] = [
  ...integerLines.map((line) => parse("integer", line)),
  ...sseLines.map((line) => parse("sse", line)),
  ...avxLines.map((line) => parse("avx", line)),
  ...mmxLines.map((line) => parse("mmx", line)),
  ...x87Lines.map((line) => parse("x87", line)),
];
