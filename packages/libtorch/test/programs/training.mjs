// 3,000 steps of a small network in scopes, gradient descent by hand. Prints how memory and live tensors went.
import {
  add_,
  backward,
  expand,
  keep,
  linear,
  liveTensors,
  manualSeed,
  mse_loss,
  mul,
  noGrad,
  randn,
  relu,
  scope,
  setThreads,
  sum,
  zero_,
} from "../../dist/index.js";

setThreads(1);
manualSeed(0);
const weights = scope(() =>
  [[64, 32], [64], [8, 64], [8]].map((shape) => {
    const w = keep(mul(randn(shape), 0.1));
    w.requiresGrad = true;
    return w;
  }),
);
const [w1, b1, w2, b2] = weights;

function step() {
  return scope(() => {
    const x = randn([256, 32]);
    const target = expand(sum(mul(x, x), 1, true), [-1, 8]);
    const loss = mse_loss(linear(relu(linear(x, w1, b1)), w2, b2), target);
    backward(loss);
    noGrad(() => {
      for (const w of weights) {
        add_(w, w.grad, { alpha: -1e-5 });
        zero_(w.grad);
      }
    });
    return loss.data()[0];
  });
}

const rss = []; // in MB, less JavaScript's heap
const live = new Set();
let last = 0;
for (let i = 1; i <= 3000; i++) {
  last = step();
  if (i > 1) live.add(liveTensors().count);
  if (i % 500 === 0)
    rss.push(Math.round((process.memoryUsage.rss() - process.memoryUsage().heapTotal) / 2 ** 20));
}
console.log(
  JSON.stringify({ rss, live: [...live], finite: Number.isFinite(last), bytes: liveTensors().bytes }),
);
