// One rank of a small training run: three steps on its share of the rows; prints what they gave as JSON.
import * as torch from "libtorch";
import { tinyGenerator as config, randomGenerator, randomIds } from "../../dist/testing/random-model.js";
import { trainable } from "../../dist/training/parameters.js";
import { Trainer } from "../../dist/training/trainer.js";

const { rowsEach, microBatches, ...changes } = JSON.parse(process.argv[2]);
torch.setThreads(1);
if (process.env.WORLD_SIZE) torch.distributed.initProcessGroup({ backend: "gloo", timeoutSeconds: 60 });
const [rank, ranks] = [torch.distributed.rank(), torch.distributed.worldSize()];
const recipe = {
  seed: 7,
  learningRate: 1e-2,
  schedule: "constant",
  warmupSteps: 0,
  maxSteps: 3,
  endLearningRate: 0,
  betas: [0.9, 0.96],
  weightDecay: 0.03,
  maxGradNorm: 1,
  precision: "float32",
  dropout: 0,
  attentionDropout: 0,
  classDropout: 0.2,
  annealing: { start: 1, end: 3 },
  randomFloor: 0,
  order: "raster",
  ema: true,
  checkpointing: false,
  tf32: false,
  ...changes,
};
const trainer = new Trainer({ config, parameters: await trainable(randomGenerator().weights), recipe });

function micro(first) {
  const positions = Array.from({ length: rowsEach }, (_, i) => first + i);
  const tokens = positions.flatMap((p) => [...randomIds(p, config.tokens, config.codebookSize)]);
  const classes = positions.map((p) => p % config.classes);
  return {
    batch: { rows: rowsEach, tokens: Int32Array.from(tokens), classes: Int32Array.from(classes) },
    positions,
  };
}

const reports = [];
for (let step = 0; step < recipe.maxSteps; step++) {
  const first = (step * ranks + rank) * microBatches * rowsEach;
  reports.push(trainer.step(Array.from({ length: microBatches }, (_, i) => micro(first + i * rowsEach))));
}
const { generator, ema } = trainer.parts();
const numbers = (parts) =>
  Object.fromEntries(
    [...parts].map(([name, x]) => [
      name,
      torch.numbers(torch.narrow(torch.reshape(x, [-1]), 0, 0, Math.min(x.size, 40))),
    ]),
  );
console.log(JSON.stringify({ rank, reports, generator: numbers(generator), ema: numbers(ema) }));
trainer.dispose();
torch.distributed.closeProcessGroup();
