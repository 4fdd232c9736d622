/** The processor, as the rest of the machine sees it. */

export { PhysicalMemory } from "../mmu/physical-memory.ts";
export { Cpu, type CpuOptions, type TierChoice, type TierOptions, tierOptions } from "./cpu.ts";
export {
  Attribute,
  type CpuState,
  type DescriptorTable,
  Flag,
  generalRegisters,
  type Segment,
  type SegmentRegister,
} from "./state.ts";
export type { Delivery, StopReason, SystemBus } from "./system-bus.ts";
