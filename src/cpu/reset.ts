/** The state after RESET (AMD64 APM volume 2, table 14-1). */
import { type CpuState, generalRegisters, segmentRegisters } from "./state.ts";

export function resetState(state: CpuState): void {
  for (const name of generalRegisters) state[name] = 0n;
  state.rdx = 0x00b4_0f11n;
  state.flags = 2;
  state.cr0 = 0x6000_0010n;
  state.cr2 = 0n;
  state.cr3 = 0n;
  state.cr4 = 0n;
  state.efer = 0n;
  for (const name of segmentRegisters)
    state.setSegment(name, {
      selector: 0,
      base: 0n,
      limit: 0xffff,
      attributes: name === "ldtr" ? 0x82 : name === "tr" ? 0x8b : 0x93,
    });
  state.setSegment("cs", { selector: 0xf000, base: 0xffff_0000n, limit: 0xffff, attributes: 0x9b });
  state.gdtr = { base: 0n, limit: 0xffff };
  state.idtr = { base: 0n, limit: 0xffff };
  state.rip = 0xfff0n;
  state.cpl = 0;
  state.dr0 = 0n;
  state.dr1 = 0n;
  state.dr2 = 0n;
  state.dr3 = 0n;
  state.dr6 = 0xffff_0ff0n;
  state.dr7 = 0x400n;
  for (const name of [
    "star",
    "lstar",
    "cstar",
    "sfmask",
    "kernelGsBase",
    "sysenterCs",
    "sysenterEsp",
    "sysenterEip",
  ] as const)
    state[name] = 0n;
  state.pat = 0x0007_0406_0007_0406n;
  state.tscOffset = 0n;
  state.tscAux = 0n;
  state.mtrrDefType = 0n;
  state.miscEnable = 0n;
  state.xcr0 = 1n;
  state.mxcsr = 0x1f80;
  state.resetX87();
  for (let i = 0; i < 16; i++) state.setXmm(i, 0n);
}
