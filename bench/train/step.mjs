// Training steps of one configuration by rarity's trainer; prints JSON.   node step.mjs '{"config": ..., ...}'
// step.py is its peer: the same weights, tokens and settings in plain PyTorch.
import { readFileSync } from "node:fs";
import * as torch from "libtorch";
import { generatorShapes } from "../../packages/rar/dist/config/shapes.js";
import { named } from "../../packages/rar/dist/engines/torch/generator.js";
import { torchOps } from "../../packages/rar/dist/engines/torch/ops.js";
import { forward, generatorWeights } from "../../packages/rar/dist/networks/generator.js";
import { tokenLoss } from "../../packages/rar/dist/training/loss.js";
import { Trainer } from "../../packages/rar/dist/training/trainer.js";

const { config, device, precision, checkpointing, graphs, batch, steps, threads } = JSON.parse(
  process.argv[2],
);
const { tokens: L, codebookSize: K, classes: N } = config;
torch.setThreads(threads);

/** MB: of the device where it has a memory of its own, else of the process. */
const memory = (field) =>
  device === "cpu"
    ? Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1e3
    : torch.cuda.memory(device)[field === "VmRSS" ? "allocated" : "allocatedPeak"] / 1e6;

torch.manualSeed(0);
const parameters = new Map(
  generatorShapes(config).map(({ name, shape }) => {
    const x = torch.keep(torch.scope(() => torch.to(torch.normal_(torch.empty(shape), 0, 0.02), { device })));
    x.requiresGrad = true;
    return [name, x];
  }),
);
const samples = (first) => {
  const positions = Array.from({ length: batch }, (_, i) => first + i);
  return {
    positions,
    batch: {
      rows: batch,
      tokens: Int32Array.from(
        positions.flatMap((p) => Array.from({ length: L }, (_, i) => (37 * i + 11 * p) % K)),
      ),
      classes: Int32Array.from(positions, (p) => p % N),
    },
  };
};

/** One image in raster order without dropout: the peer must have the same loss. */
function check() {
  const ops = torchOps({ device, dtype: "float32" });
  const { batch: one } = samples(0);
  const ids = (values, width) =>
    torch.tensor(BigInt64Array.from(values, BigInt), { shape: [1, width], device });
  const loss = torch.noGrad(() =>
    torch.scope(() => {
      const tokens = ids(one.tokens.subarray(0, L), L);
      const order = ids(
        one.tokens.subarray(0, L).map((_, i) => i),
        L,
      );
      const inputs = { tokens, order, condition: ids([K + 1], 1) };
      return torch.item(
        tokenLoss(forward(ops, config, generatorWeights(config, named(parameters)), inputs), tokens).loss,
      );
    }),
  );
  ops.dispose();
  return loss;
}
const checked = check();

const trainer = new Trainer({
  config,
  parameters,
  device,
  recipe: {
    seed: 0,
    learningRate: 4e-4,
    schedule: "constant",
    warmupSteps: 0,
    maxSteps: steps + 2,
    endLearningRate: 0,
    betas: [0.9, 0.96],
    weightDecay: 0.03,
    maxGradNorm: 1,
    precision,
    dropout: 0.1,
    attentionDropout: 0.1,
    classDropout: 0.1,
    annealing: { start: 1000, end: 2000 },
    randomFloor: 0,
    order: "raster",
    ema: false,
    checkpointing,
    tf32: true,
    graphs,
  },
});
const times = [];
const cpu = []; // seconds of all threads: steadier than the clock on a shared machine
const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
let loss;
for (let step = 0; step <= steps + 1; step++) {
  const micro = samples(step * batch);
  const [begin, cpuBegin] = [performance.now(), cpuSeconds()];
  ({ loss } = trainer.step([micro]));
  if (step < 2) continue; // prepare what all use, and record
  times.push((performance.now() - begin) / 1000);
  cpu.push(cpuSeconds() - cpuBegin);
}
console.log(JSON.stringify({ times, cpu, loss, checked, peak: memory("VmHWM") }));
