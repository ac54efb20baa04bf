/** Worker threads: what is their own, what they share, and that they can be stopped. */
import { describe, expect, it } from "vitest";
import { withoutLibtorch } from "../src/testing/need-libtorch.js";
import { runProgram } from "./programs/run.js";

describe.skipIf(withoutLibtorch)("workers", () => {
  it("have their own tensors and modes, one generator with all, and stop when told", async () => {
    const { terminated, grownMB, ...seen } = await runProgram("workers");
    expect(seen).toEqual({
      modes: [
        { grad: false, recorded: false, dtype: "bfloat16" },
        { grad: true, recorded: true, dtype: "float32" },
      ],
      compute: [
        { sum: 4096, before: 0, live: 1 },
        { sum: 4096, before: 0, live: 1 },
      ],
      startedInNoGrad: { grad: true, recorded: true, dtype: "float32" },
      gradHere: true,
      threads: 1,
      oneStream: true,
      sameSeed: true,
      own: [1, 1, 1],
      live: 1,
    });
    for (const milliseconds of terminated as number[]) expect(milliseconds).toBeLessThan(2000);
    expect(grownMB, "eight workers with 64 MB each have ended").toBeLessThan(160);
  });
});
