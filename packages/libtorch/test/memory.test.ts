/** Memory in processes of their own: flat over thousands of steps, and a net under what is forgotten. */
import { describe, expect, it } from "vitest";
import { withoutLibtorch } from "../src/testing/need-libtorch.js";
import { runProgram, start } from "./programs/run.js";

describe.skipIf(withoutLibtorch)("memory", () => {
  it("is the same after 3,000 training steps as after 500", async () => {
    const { rss, live, finite } = (await runProgram("training")) as {
      rss: number[];
      live: number[];
      finite: boolean;
    };
    expect(live).toEqual([4]); // the parameters, after every step; gradients belong to them
    expect(finite).toBe(true);
    // A leak grows in every interval: one float a step would show in `live`, 10 kB of C++ objects a step as 5 MB here.
    // V8 and malloc take some tens of MB at once, once or twice.
    const grown = rss.slice(1).map((mb, i) => mb - rss[i]!);
    expect(grown.toSorted((a, b) => a - b)[2], `MB after each 500 steps: ${rss}`).toBeLessThanOrEqual(3);
    expect(rss.at(-1)! - rss[0]!, `MB after each 500 steps: ${rss}`).toBeLessThan(100);
  });

  it("outside of scopes is freed when forgotten, and the slots of others stay theirs", async () => {
    const { heldMB, ...seen } = await runProgram("forgotten", "--expose-gc");
    expect(seen).toEqual({
      forgotten: 1000,
      afterwards: 0,
      intact: true,
      count: seen.wanted,
      wanted: 1020,
      held: [3, 3, 3],
    });
    expect(heldMB, "of a scope with 100,000 disposed tensors").toBeLessThan(3);
  });

  it("LIBTORCH_DEBUG=1 says where a scope was opened, and warns of what was forgotten", async () => {
    const { code, stdout, stderr } = await start("debugging", ["--expose-gc"], { LIBTORCH_DEBUG: "1" });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).message).toMatch(
      /^This tensor was disposed at the end of its scope \(opened at .*debugging\.mjs:6:1\) and cannot be used any more \(self of add\)\.$/,
    );
    expect(stderr).toMatch(/Warning: A tensor outside every scope was collected without dispose\(\)/);
  });
});
