/**
 * Vitest reports from its worker to the main process, and gives up on a report that is not acknowledged within a minute. A
 * machine runs without ever returning to the event loop, so on a slow host a file of many short tests would pass a
 * minute without reading an acknowledgement. Two rounds of the event loop behind each test read what has arrived: the
 * first may end the round in which the test ran, the second polls.
 */
import { setImmediate } from "node:timers/promises";
import { afterEach } from "vitest";

afterEach(async () => {
  await setImmediate();
  await setImmediate();
});
