/** A few seconds of the guest fuzzer (`npm run fuzz` for more): the host does not throw or hang, and the tiers agree. */
import { describe, expect, it } from "vitest";
import { episode } from "./episode.ts";

describe("random guests", () => {
  it.each([4, 6, 7, 12, 13, 16])(
    "seed %i",
    async (seed) => {
      const outcome = await episode(seed, { tier: 0 }, 10_000);
      expect(outcome.hash).toMatch(/^[0-9a-f]{64}$/);
      expect(await episode(seed, { tier: 1 }, 10_000)).toEqual(outcome);
    },
    60_000,
  );
});
