/**
 * 16550A UART (National Semiconductor PC16550D data sheet). Sending takes no time: a byte written to THR is out at once and the
 * transmitter is empty again. Received bytes arrive one character time (115200 baud, 10 bits) apart, so that a guest that is given a long text
 * has the time to read it that it would have on a wire; and not before it listens, so that what is typed early is not lost in its boot. OUT2 does not gate the interrupt, as in QEMU's model of this board.
 */
import type { AccessSize, Clock, DeviceState, InterruptLine, PortDevice, Stateful, Timer } from "./device.ts";
import { platform } from "./platform.ts";

// Interrupt enable register.
const IER_RECEIVED = 1;
const IER_TRANSMITTER_EMPTY = 2;
const IER_LINE_STATUS = 4;
const IER_MODEM_STATUS = 8;
// Interrupt identification, in order of priority.
const IIR_LINE_STATUS = 0x06;
const IIR_RECEIVED = 0x04;
const IIR_TIMEOUT = 0x0c;
const IIR_TRANSMITTER_EMPTY = 0x02;
const IIR_MODEM_STATUS = 0x00;
const IIR_NONE = 0x01;
const IIR_FIFOS_ON = 0xc0;
// FIFO control, line control, modem control, line status.
const FCR_ENABLE = 1;
const FCR_CLEAR_RECEIVER = 2;
const LCR_DIVISOR_LATCH = 0x80;
const MCR_LOOPBACK = 0x10;
const LSR_DATA_READY = 1;
const LSR_OVERRUN = 2;
const LSR_TRANSMITTER_EMPTY = 0x60;
/** CTS, DSR and DCD: a terminal is connected and ready. */
const MSR_CONNECTED = 0xb0;

const FIFO_DEPTH = 16;
const TRIGGER_LEVELS = [1, 4, 8, 14] as const;
const CHARACTER_TICKS = Math.round((platform.ticksPerSecond * 10) / 115200);

export class Uart16550 implements PortDevice, Stateful {
  readonly #line: InterruptLine;
  readonly #send: (byte: number) => void;
  readonly #clock: Clock;
  readonly #arrival: Timer;
  readonly #timeout: Timer;

  #interruptEnable = 0;
  #fifoControl = 0;
  #lineControl = 0;
  #modemControl = 0;
  #scratch = 0;
  #divisor = 12;
  #overrun = false;
  #transmitterInterrupt = false;
  #timedOut = false;
  #modemDelta = 0;
  /** The last access read LSR; the guest has been seen to wait for input that way. */
  #lastWasStatus = false;
  #polls = false;
  /** What the guest can read now; at most 16 bytes (one with FIFOs off). */
  #received: number[] = [];
  /** What is still on the wire. */
  readonly #wire: Uint8Array[] = [];
  #wireOffset = 0;

  /** `send` gets each byte that the guest transmits. */
  constructor(options: { line: InterruptLine; clock: Clock; send: (byte: number) => void }) {
    this.#line = options.line;
    this.#send = options.send;
    this.#clock = options.clock;
    this.#arrival = options.clock.timer(() => this.#arrive());
    this.#timeout = options.clock.timer(() => {
      this.#timedOut = true;
      this.#update();
    });
  }

  /** Puts bytes on the wire towards the guest. */
  receive(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#wire.push(bytes.slice());
    this.#resumeArrivals();
  }

  readPort(offset: number, size: AccessSize): number {
    let value = 0;
    for (let i = 0; i < size; i++) value += this.#readByte((offset + i) & 7) * 2 ** (8 * i);
    return value;
  }

  writePort(offset: number, size: AccessSize, value: number): void {
    for (let i = 0; i < size; i++) this.#writeByte((offset + i) & 7, (value >>> (8 * i)) & 0xff);
  }

  #readByte(register: number): number {
    // With a transmitter that is always empty, reading LSR twice in a row can only mean to wait for a byte.
    if (register === 5 && this.#lastWasStatus && !this.#polls) {
      this.#polls = true;
      this.#resumeArrivals();
    }
    this.#lastWasStatus = register === 5;
    const latch = (this.#lineControl & LCR_DIVISOR_LATCH) !== 0;
    switch (register) {
      case 0:
        return latch ? this.#divisor & 0xff : this.#take();
      case 1:
        return latch ? this.#divisor >>> 8 : this.#interruptEnable;
      case 2: {
        const cause = this.#cause();
        if (cause === IIR_TRANSMITTER_EMPTY) {
          this.#transmitterInterrupt = false;
          this.#update();
        }
        return cause | (this.#fifosOn() ? IIR_FIFOS_ON : 0);
      }
      case 3:
        return this.#lineControl;
      case 4:
        return this.#modemControl;
      case 5: {
        const status =
          LSR_TRANSMITTER_EMPTY | (this.#received.length > 0 ? LSR_DATA_READY : 0) | (this.#overrun ? LSR_OVERRUN : 0);
        this.#overrun = false;
        this.#update();
        return status;
      }
      case 6: {
        const status = this.#modemStatus() | this.#modemDelta;
        this.#modemDelta = 0;
        this.#update();
        return status;
      }
      default:
        return this.#scratch;
    }
  }

  #writeByte(register: number, value: number): void {
    this.#lastWasStatus = false;
    const latch = (this.#lineControl & LCR_DIVISOR_LATCH) !== 0;
    switch (register) {
      case 0:
        if (latch) this.#divisor = (this.#divisor & 0xff00) | value;
        else this.#transmit(value);
        return;
      case 1:
        if (latch) {
          this.#divisor = (this.#divisor & 0xff) | (value << 8);
          return;
        }
        // Enabling the transmitter's interrupt while it is empty raises it, which is how drivers start sending.
        if ((value & ~this.#interruptEnable & IER_TRANSMITTER_EMPTY) !== 0) this.#transmitterInterrupt = true;
        this.#interruptEnable = value & 0x0f;
        this.#resumeArrivals();
        break;
      case 2:
        if (((this.#fifoControl ^ value) & FCR_ENABLE) !== 0 || (value & FCR_CLEAR_RECEIVER) !== 0) {
          this.#received = [];
          this.#timedOut = false;
          this.#timeout.disarm();
          this.#resumeArrivals();
        }
        // With bit 0 clear the other bits are not programmed.
        this.#fifoControl = (value & FCR_ENABLE) !== 0 ? value & 0xc9 : 0;
        break;
      case 3:
        this.#lineControl = value;
        return;
      case 4: {
        const before = this.#modemStatus();
        this.#modemControl = value & 0x1f;
        const changed = before ^ this.#modemStatus();
        // RI counts only when it goes away.
        this.#modemDelta |= ((changed >> 4) & 0x0b) | ((changed & before & 0x40) >> 4);
        this.#resumeArrivals();
        break;
      }
      case 7:
        this.#scratch = value;
        return;
      default:
        return; // LSR and MSR are read-only in use; writing them is for factory tests
    }
    this.#update();
  }

  #transmit(byte: number): void {
    // The line falls and rises, so that an edge-triggered controller sees each character's interrupt.
    this.#transmitterInterrupt = false;
    this.#update();
    if (this.#loopback()) this.#accept(byte);
    else this.#send(byte);
    this.#transmitterInterrupt = true;
    this.#update();
  }

  #loopback(): boolean {
    return (this.#modemControl & MCR_LOOPBACK) !== 0;
  }

  #fifosOn(): boolean {
    return (this.#fifoControl & FCR_ENABLE) !== 0;
  }

  #capacity(): number {
    return this.#fifosOn() ? FIFO_DEPTH : 1;
  }

  /** A byte reaches the receiver; without room it is lost, and LSR says so. */
  #accept(byte: number): void {
    if (this.#received.length >= this.#capacity()) this.#overrun = true;
    else this.#received.push(byte);
    this.#restartTimeout();
  }

  /** The next byte of the wire arrives. The host's side waits while nobody listens or there is no room: input is never lost. */
  #arrive(): void {
    const chunk = this.#wire[0];
    if (chunk === undefined || !this.#listens()) return;
    this.#accept(chunk[this.#wireOffset++]);
    if (this.#wireOffset === chunk.length) {
      this.#wire.shift();
      this.#wireOffset = 0;
    }
    this.#resumeArrivals();
    this.#update();
  }

  #resumeArrivals(): void {
    if (this.#wire.length > 0 && this.#arrival.deadline === undefined && this.#listens())
      this.#arrival.arm(this.#clock.now() + CHARACTER_TICKS);
  }

  /** Whether a byte that arrives now will be read. */
  #listens(): boolean {
    const expects = (this.#interruptEnable & IER_RECEIVED) !== 0 || this.#polls;
    return expects && !this.#loopback() && this.#received.length < this.#capacity();
  }

  #take(): number {
    const byte = this.#received.shift() ?? 0;
    this.#restartTimeout();
    this.#resumeArrivals();
    this.#update();
    return byte;
  }

  /** Data that stays below the trigger level interrupts after four character times (FIFO mode). */
  #restartTimeout(): void {
    this.#timedOut = false;
    if (this.#received.length > 0 && this.#fifosOn()) this.#timeout.arm(this.#clock.now() + 4 * CHARACTER_TICKS);
    else this.#timeout.disarm();
  }

  #modemStatus(): number {
    if (!this.#loopback()) return MSR_CONNECTED;
    // Loopback: CTS <- RTS, DSR <- DTR, RI <- OUT1, DCD <- OUT2.
    const bit = (from: number, to: number): number => ((this.#modemControl >> from) & 1) << to;
    return bit(1, 4) | bit(0, 5) | bit(2, 6) | bit(3, 7);
  }

  #cause(): number {
    const enabled = this.#interruptEnable;
    if ((enabled & IER_LINE_STATUS) !== 0 && this.#overrun) return IIR_LINE_STATUS;
    if ((enabled & IER_RECEIVED) !== 0) {
      const trigger = this.#fifosOn() ? TRIGGER_LEVELS[this.#fifoControl >> 6] : 1;
      if (this.#received.length >= trigger) return IIR_RECEIVED;
      if (this.#timedOut && this.#received.length > 0) return IIR_TIMEOUT;
    }
    if ((enabled & IER_TRANSMITTER_EMPTY) !== 0 && this.#transmitterInterrupt) return IIR_TRANSMITTER_EMPTY;
    if ((enabled & IER_MODEM_STATUS) !== 0 && this.#modemDelta !== 0) return IIR_MODEM_STATUS;
    return IIR_NONE;
  }

  #update(): void {
    this.#line(this.#cause() !== IIR_NONE);
  }

  /** Takes over the state of another one, which belongs to a machine of the same make. */
  copyFrom(other: Uart16550): void {
    this.#interruptEnable = other.#interruptEnable;
    this.#fifoControl = other.#fifoControl;
    this.#lineControl = other.#lineControl;
    this.#modemControl = other.#modemControl;
    this.#scratch = other.#scratch;
    this.#divisor = other.#divisor;
    this.#overrun = other.#overrun;
    this.#transmitterInterrupt = other.#transmitterInterrupt;
    this.#timedOut = other.#timedOut;
    this.#modemDelta = other.#modemDelta;
    this.#lastWasStatus = other.#lastWasStatus;
    this.#polls = other.#polls;
    this.#wireOffset = other.#wireOffset;
    this.#received = [...other.#received];
    this.#wire.splice(0, this.#wire.length, ...other.#wire);
  }

  state(): DeviceState {
    return {
      interruptEnable: this.#interruptEnable,
      fifoControl: this.#fifoControl,
      lineControl: this.#lineControl,
      modemControl: this.#modemControl,
      scratch: this.#scratch,
      divisor: this.#divisor,
      overrun: this.#overrun,
      transmitterInterrupt: this.#transmitterInterrupt,
      timedOut: this.#timedOut,
      modemDelta: this.#modemDelta,
      lastWasStatus: this.#lastWasStatus,
      polls: this.#polls,
      received: this.#received,
      wire: this.#wire.map((chunk, i) => (i === 0 ? chunk.subarray(this.#wireOffset) : chunk)),
      arrival: this.#arrival.deadline,
      timeout: this.#timeout.deadline,
    };
  }
}
