/** Memory in processes of their own: flat over thousands of steps, and a net under what is forgotten. */
import { describe, expect, it } from "vitest";
import { withoutLibtorch } from "../src/testing/need-libtorch.js";
import { runProgram } from "./programs/run.js";

describe.skipIf(withoutLibtorch)("memory", () => {
  it("is the same after 3,000 training steps as after 500", async () => {
    const { rss, live, finite } = (await runProgram("training")) as {
      rss: number[];
      live: number[];
      finite: boolean;
    };
    expect(live).toEqual([4]); // the parameters, after every step; gradients belong to them
    expect(finite).toBe(true);
    // one step makes some 0.5 MB of tensors: 2,500 forgotten ones would be over a gigabyte
    expect(Math.max(...rss) - rss[0]!, `MB after each 500 steps: ${rss}`).toBeLessThan(16);
  });

  it("outside of scopes is freed when forgotten, and the slots of others stay theirs", async () => {
    const seen = await runProgram("forgotten", "--expose-gc");
    expect(seen).toEqual({
      forgotten: 1000,
      afterwards: 0,
      intact: true,
      count: seen.wanted,
      wanted: 1020,
      held: [3, 3, 3],
    });
  });
});
