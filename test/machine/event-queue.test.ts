import { describe, expect, it } from "vitest";
import { EventQueue } from "../../src/machine/event-queue.ts";

describe("event queue", () => {
  it("rings what is due, once, in the order in which timers were made", () => {
    const queue = new EventQueue();
    const rung: string[] = [];
    const a = queue.timer(() => rung.push("a"));
    const b = queue.timer(() => rung.push("b"));
    const c = queue.timer(() => rung.push("c"));
    b.arm(10);
    a.arm(10);
    c.arm(20);
    expect(queue.next()).toBe(10);
    queue.runDue(9);
    expect(rung).toEqual([]);
    queue.runDue(10);
    expect(rung).toEqual(["a", "b"]);
    expect(queue.next()).toBe(20);
    c.disarm();
    expect(queue.next()).toBeUndefined();
  });

  it("lets an alarm that is set again for now ring the next time", () => {
    const queue = new EventQueue();
    let count = 0;
    const timer = queue.timer(() => {
      count++;
      timer.arm(5);
    });
    timer.arm(5);
    queue.runDue(5);
    expect(count).toBe(1);
    queue.runDue(5);
    expect(count).toBe(2);
  });

  it("tells of every time that is armed", () => {
    const queue = new EventQueue();
    const times: number[] = [];
    queue.armed = (time) => times.push(time);
    const timer = queue.timer(() => {});
    timer.arm(7);
    timer.arm(3);
    expect(times).toEqual([7, 3]);
    expect(timer.deadline).toBe(3);
  });
});
