// What workers.mjs asks of each worker. Tensors, modes and scopes are its own; the default generator is the process's.
import { parentPort, workerData } from "node:worker_threads";
import * as torch from "../../dist/index.js";

const { add, autocast, isGradEnabled, liveTensors, manualSeed, matmul, noGrad, numbers, ones, randn, scope } =
  torch;

/** Waits until the other side counted up to `turn`. */
const flags = new Int32Array(workerData.flags);
function meet(turn) {
  Atomics.add(flags, 0, 1);
  Atomics.notify(flags, 0);
  for (let now = Atomics.load(flags, 0); now < turn; now = Atomics.load(flags, 0))
    Atomics.wait(flags, 0, now, 10000);
}

const tasks = {
  /** Both at once: one in noGrad and autocast, one in neither. */
  modes() {
    const look = () => {
      meet(2); // both are inside of their modes
      const x = ones([2, 2]);
      x.requiresGrad = true;
      const y = matmul(x, x);
      meet(4);
      return { grad: isGradEnabled(), recorded: y.requiresGrad, dtype: y.dtype };
    };
    const inside = () => scope(look);
    return workerData.first ? noGrad(() => autocast({ device: "cpu" }, inside)) : inside();
  },
  /** The same sums in every worker, and nobody else's tensors. */
  compute() {
    const before = liveTensors().count;
    meet(2);
    let x = torch.keep(ones([64, 64]));
    for (let i = 0; i < 300; i++) {
      const next = scope(() => torch.mul(matmul(x, x), 1 / 64));
      x.dispose();
      x = next;
    }
    const sum = scope(() => torch.item(torch.sum(x)));
    return { sum, before, live: liveTensors().count };
  },
  /** Draws after the main thread's seed. */
  draw: () => scope(() => numbers(randn([4]))),
  seed() {
    manualSeed(5);
    return scope(() => numbers(randn([4])));
  },
  threads: () => torch.getThreads(),
  /** 64 MB, never disposed. */
  hold: () => torch.keep(ones([2 ** 24])).size,
  /** Never ends by itself. */
  busy() {
    const x = ones([2]);
    parentPort.postMessage("busy");
    for (;;) scope(() => add(x, x));
  },
  /** The same without a scope: one call of an operator after the other. */
  bare() {
    const x = ones([2]);
    parentPort.postMessage("busy");
    for (;;) torch.add_(x, 1);
  },
};
parentPort.postMessage(tasks[workerData.task]());
