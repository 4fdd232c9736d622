/**
 * What will happen at which tick: the alarms of all devices. There are few, so finding the next one is a walk over them;
 * alarms for the same tick ring in the order in which their timers were made, whatever order they were armed in.
 */
import type { Timer } from "../devices/device.ts";

class Alarm implements Timer {
  readonly ring: () => void;
  readonly #queue: EventQueue;
  #deadline: number | undefined;

  constructor(queue: EventQueue, ring: () => void) {
    this.#queue = queue;
    this.ring = ring;
  }

  get deadline(): number | undefined {
    return this.#deadline;
  }

  arm(time: number): void {
    this.#deadline = time;
    this.#queue.armed?.(time);
  }

  disarm(): void {
    this.#deadline = undefined;
  }
}

export class EventQueue {
  readonly #alarms: Alarm[] = [];
  /** Called with each time that is armed: the run under way may have to end earlier. */
  armed: ((time: number) => void) | undefined;

  timer(callback: () => void): Timer {
    const alarm = new Alarm(this, callback);
    this.#alarms.push(alarm);
    return alarm;
  }

  /** Sets every alarm as the one that was made at the same turn in another queue. */
  copyFrom(other: EventQueue): void {
    for (const [index, alarm] of this.#alarms.entries()) {
      const deadline = other.#alarms.at(index)?.deadline;
      if (deadline === undefined) alarm.disarm();
      else alarm.arm(deadline);
    }
  }

  /** The time of the next alarm, or undefined when none is set. */
  next(): number | undefined {
    let earliest: number | undefined;
    for (const { deadline } of this.#alarms)
      if (deadline !== undefined && (earliest === undefined || deadline < earliest)) earliest = deadline;
    return earliest;
  }

  /** Rings what is due at `now`, once each; what an alarm sets anew for the past rings at the next call. */
  runDue(now: number): void {
    for (const alarm of this.#alarms) {
      if (alarm.deadline === undefined || alarm.deadline > now) continue;
      alarm.disarm();
      alarm.ring();
    }
  }
}
