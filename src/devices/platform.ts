/**
 * The platform: where every device sits and which interrupt it raises. Shaped like QEMU's `microvm` machine, so the same
 * kernel ELF boots there. This table is the only place for these numbers: the machine reads it, `scripts/platform-header.ts`
 * makes the kernel's `platform.h` from it, and the QEMU cross-check builds its command line from it.
 */
export const platform = {
  /** 16550A UARTs: COM1 is the console, COM2 is what `--serial2` records. */
  uart: [
    { port: 0x3f8, irq: 4 },
    { port: 0x2f8, irq: 3 },
  ],
  /** 8254 interval timer, with the port of its third counter's gate and output; MC146818 real-time clock. */
  pit: { port: 0x40, speakerPort: 0x61, irq: 0 },
  rtc: { port: 0x70, irq: 8 },
  /** QEMU's isa-debug-exit: a 32-bit write of `v` ends the run with exit code `v` (QEMU itself: `v << 1 | 1`). */
  debugExitPort: 0xf4,
  /** pvpanic: the kernel writes bit 0 when it panics. */
  pvpanicPort: 0x505,
  localApic: { address: 0xfee0_0000, size: 0x1000 },
  ioApic: { address: 0xfec0_0000, size: 0x1000, pins: 24 },
  /** virtio-mmio transports: `slots` of `stride` bytes; slot n raises IOAPIC pin `firstIrq + n`. */
  virtioMmio: { address: 0xfeb0_0000, stride: 0x200, slots: 8, firstIrq: 5 },
  /** The BPF co-processor's register page; announced to the kernel as `bpf_coprocessor=SIZE@ADDRESS`. */
  bpfCoprocessor: { address: 0xfea0_0000, size: 0x1000 },
  /** Frequency of the TSC and of the local APIC timer's input: one tick is one instruction retired, called 1 ns. */
  ticksPerSecond: 1_000_000_000,
} as const;
