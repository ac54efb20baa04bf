import { expect, it } from "vitest";
import { watchStalls } from "./stall-meter.js";

it("sees a thread that computes for long, and one that sleeps in a call", { retry: 2 }, async () => {
  const blocked = [
    () => {
      for (const end = performance.now() + 120; performance.now() < end; );
    },
    () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 120),
  ];
  for (const block of blocked) {
    const stop = await watchStalls();
    await new Promise((resolve) => setTimeout(resolve, 30));
    block();
    await new Promise((resolve) => setTimeout(resolve, 30));
    const { seen, own } = await stop();
    expect(seen).toBeGreaterThan(90);
    expect(own).toBeGreaterThan(60);
  }
});
