/**
 * The ports through which a guest ends its run: QEMU's isa-debug-exit and pvpanic, power management where that is asked for, and the two ways in which a PC resets itself
 * through ports, the keyboard controller's pulse (command 0xfe) and the chipset's reset control register (0xcf9).
 */
import type { AccessSize, PortDevice } from "./device.ts";

export const KEYBOARD_CONTROLLER_PORT = 0x64;
export const RESET_CONTROL_PORT = 0xcf9;
/** Four ports of which the reset control register is the second. */
export const PCI_ADDRESS_PORT = 0xcf8;
const PULSE_RESET = 0xfe;
const RESET_CPU = 0x04;
const PVPANIC_PANICKED = 1;
export const POWER_CONTROL_PORT = 0x604;
const SLEEP_ENABLE = 0x2000;
export const DEBUG_CONSOLE_PORT = 0xe9;

/** A write of `value` ends the run; reading gives 0. */
export function debugExitPort(exit: (value: number) => void): PortDevice {
  return {
    readPort: () => 0,
    writePort: (_offset: number, _size: AccessSize, value: number) => exit(value),
  };
}

/** The power management control register of QEMU's PC: setting SLP_EN switches off, whatever the type of sleep. */
export function powerControlPort(off: () => void): PortDevice {
  return {
    readPort: () => 0,
    writePort: (offset: number, size: AccessSize, value: number) => {
      if (offset === 0 && size >= 2 && (value & SLEEP_ENABLE) !== 0) off();
    },
  };
}

/** QEMU's isa-debugcon: what is written is output; reading tells that it is there. */
export function debugConsolePort(send: (byte: number) => void): PortDevice {
  return {
    readPort: () => DEBUG_CONSOLE_PORT,
    writePort: (_offset: number, _size: AccessSize, value: number) => send(value & 0xff),
  };
}

/** Reading tells which events are understood: panics only. */
export function pvpanicPort(panicked: () => void): PortDevice {
  return {
    readPort: () => PVPANIC_PANICKED,
    writePort: (_offset: number, _size: AccessSize, value: number) => {
      if ((value & PVPANIC_PANICKED) !== 0) panicked();
    },
  };
}

/** The keyboard controller's command port; nothing else of that controller is there, so it reads as unclaimed. */
export function keyboardResetPort(reset: () => void): PortDevice {
  return {
    readPort: (_offset: number, size: AccessSize) => 2 ** (8 * size) - 1,
    writePort: (_offset: number, _size: AccessSize, value: number) => {
      if ((value & 0xff) === PULSE_RESET) reset();
    },
  };
}

/**
 * The reset control register: setting bit 2 resets. It answers to bytes alone: wider accesses around it are about the address register of
 * PCI configuration, which is not there.
 */
export function resetControlPort(reset: () => void): PortDevice {
  const offset = RESET_CONTROL_PORT - PCI_ADDRESS_PORT;
  let value = 0;
  return {
    readPort: (at: number, size: AccessSize) => (at === offset && size === 1 ? value : 2 ** (8 * size) - 1),
    writePort: (at: number, size: AccessSize, written: number) => {
      if (at !== offset || size !== 1) return;
      const rising = (written & ~value & RESET_CPU) !== 0;
      value = written & 0x0e;
      if (rising) reset();
    },
  };
}
