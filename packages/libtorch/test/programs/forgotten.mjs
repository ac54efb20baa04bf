// Tensors outside of every scope that are forgotten: the collector's safety net frees them, and never another's slot.
// Run with --expose-gc.
import { setImmediate } from "node:timers/promises";
import { add, full, item, keep, liveTensors, numbers, ones, scope } from "../../dist/index.js";

/** Lets finalizers run, which wait for a turn of the event loop. */
async function collect() {
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await setImmediate();
  }
}

const start = liveTensors().count;
(() => {
  for (let i = 0; i < 1000; i++) ones([10]);
})();
const forgotten = liveTensors().count - start;
await collect();
const afterwards = liveTensors().count - start;

// Slots of disposed tensors are given out again. The old objects are forgotten after that.
const living = [];
for (let round = 0; round < 20; round++) {
  (() => {
    const old = Array.from({ length: 50 }, () => ones([2]));
    const ended = scope(() => old.map((x) => keep(add(x, 1)))); // kept out of a scope, then disposed as well
    for (const x of [...old, ...ended]) x.dispose();
  })();
  for (let i = 0; i < 50; i++) living.push(full([1], round * 50 + i));
  // out of two scopes, the way out registers it once
  living.push(scope(() => scope(() => full([1], -round))));
  await collect();
}
const expected = living.map((_, i) =>
  i % 51 === 50 ? -Math.floor(i / 51) : Math.floor(i / 51) * 50 + (i % 51),
);
const intact = living.every((x, i) => item(x) === expected[i]);
const count = liveTensors().count - start;

// A tensor that is reachable only through the graph or a view of it stays: memory is PyTorch's to count.
const view = (() => add(full([3], 2), 1))();
await collect();
const held = numbers(view);

// A long scope does not hold the objects of tensors that were disposed inside of it.
const heldMB = scope(() => {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 100_000; i++) ones([1]).dispose();
  globalThis.gc();
  return Math.round((process.memoryUsage().heapUsed - before) / 2 ** 20);
});
console.log(JSON.stringify({ forgotten, afterwards, intact, count, wanted: living.length, held, heldMB }));
