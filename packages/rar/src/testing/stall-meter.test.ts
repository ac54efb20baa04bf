import { expect, it } from "vitest";
import { watchStalls } from "./stall-meter.js";

it("sees a thread that computes for long, and one that sleeps in a call", { retry: 2 }, async () => {
  const blocked = [
    // 120 ms of the processor's time, however long a busy machine takes to give them
    () => {
      for (
        const start = process.cpuUsage();
        process.cpuUsage(start).user + process.cpuUsage(start).system < 120_000;
      );
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
