/** A suite that needs libtorch: skipped without it, on one thread, and every test leaves as many tensors alive as it found. */
import { afterEach, beforeAll, beforeEach, describe, expect } from "vitest";
import { setThreads } from "../runtime.js";
import { liveTensors } from "../scope.js";
import { withoutLibtorch } from "./need-libtorch.js";

export function describeWithLibtorch(name: string, tests: () => void): void {
  describe.skipIf(withoutLibtorch)(name, () => {
    let before: number;
    // threads that wait for each other spin, and a busy machine makes that ten times slower
    beforeAll(() => setThreads(1));
    beforeEach(() => {
      before = liveTensors().count;
    });
    afterEach(() => {
      expect(liveTensors().count, "live tensors").toBe(before);
    });
    tests();
  });
}
