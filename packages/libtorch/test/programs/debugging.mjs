// What LIBTORCH_DEBUG=1 adds: where a scope was opened, and a warning of what was forgotten. Run with --expose-gc.
import { setImmediate } from "node:timers/promises";
import { add, ones, scope } from "../../dist/index.js";

let escaped;
scope(() => {
  escaped = ones([1]);
});
try {
  add(escaped, 1);
} catch (error) {
  console.log(JSON.stringify({ message: error.message }));
}
(() => ones([1]))();
for (let i = 0; i < 5; i++) {
  globalThis.gc();
  await setImmediate();
}
