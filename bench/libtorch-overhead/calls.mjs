// Prints nanoseconds a call of small operators, as JSON: what a call costs besides arithmetic. calls.py is its peer.
import * as torch from "libtorch";

torch.setThreads(1);
torch.manualSeed(0);
const one = torch.ones([1]);
const other = torch.ones([1]);
const grid = torch.randn([4, 16]);
const square = torch.randn([16, 16]);
const bias = torch.randn([16]);
const several = Array.from({ length: 8 }, () => torch.ones([1]));

const calls = {
  add: () => torch.add(one, other),
  "add, with a number": () => torch.add(one, 1.5),
  "add_, in place": () => torch.add_(one, other),
  view: () => torch.view(grid, [8, 8]),
  transpose: () => torch.transpose(grid, 0, 1),
  narrow: () => torch.narrow(grid, 1, 4, 8),
  sum: () => torch.sum(grid),
  softmax: () => torch.softmax(grid, -1),
  layer_norm: () => torch.layer_norm(grid, [16], bias, bias, 1e-6),
  matmul: () => torch.matmul(grid, square),
  linear: () => torch.linear(grid, square, bias),
  "cat of 8": () => torch.cat(several),
  "chunk in 4": () => torch.chunk(grid, 4, 1),
  "_foreach_mul_ of 8": () => torch._foreach_mul_scalar_(several, 1),
};

const CALLS = 100; // in one scope
const REPEATS = 500; // short ones, so that some are undisturbed by other programs
const found = {};
for (const [name, call] of Object.entries(calls)) {
  const batch = () => {
    for (let i = 0; i < CALLS; i++) call();
  };
  let best = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const start = process.hrtime.bigint();
    torch.scope(batch);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / CALLS);
  }
  found[name] = best;
}
console.log(JSON.stringify(found));
