// A small convolutional network learns CIFAR-10.   node examples/cifar10.mjs FOLDER [--steps 1170] [--device cuda]
// FOLDER (or the variable CIFAR10) has train-0000.tar.gz ..., test-0000.tar.gz ..., see shards.mjs.
import { parseArgs } from "node:util";
import * as torch from "libtorch";
import { load } from "./shards.mjs";

const options = { steps: { type: "string", default: "1170" }, device: { type: "string", default: "cpu" } };
const { positionals, values } = parseArgs({ options, allowPositionals: true });
const { device } = values;
const maxSteps = Number(values.steps);
const [train, test] = await Promise.all(
  ["train", "test"].map((split) => load(positionals[0] ?? process.env.CIFAR10, split, 32, device)),
);

torch.manualSeed(0);
const filled = (size, value) => torch.full([size], value, { device });
const noise = (shape, std) => torch.mul_(torch.randn(shape, { device }), std);
const channels = [3, 32, 64, 128];
const layers = channels.slice(1).map((to, i) => ({
  learned: [noise([to, channels[i], 3, 3], (2 / (9 * channels[i])) ** 0.5), filled(to, 1), filled(to, 0)], // weight, scale, shift
  statistics: [filled(to, 0), filled(to, 1)], // running mean and variance
}));
const head = [noise([10, 2048], 0.02), filled(10, 0)];
const parameters = [...layers.flatMap((layer) => layer.learned), ...head];
for (const x of parameters) x.requiresGrad = true;

function network(bytes, training) {
  let x = torch.sub(torch.div(bytes, 127.5), 1); // [B, 3, 32, 32]
  for (const { learned, statistics } of layers) {
    const [weight, scale, shift] = learned;
    x = torch.conv2d(x, weight, null, 1, 1);
    x = torch.relu(torch.batch_norm(x, scale, shift, ...statistics, training, 0.1, 1e-5));
    x = torch.max_pool2d(x, 2); // [B, 128, 4, 4] at last
  }
  return torch.linear(torch.flatten(x, 1), ...head); // [B, 10]
}

const optimizer = new torch.AdamW(parameters, { weightDecay: 0.05 });
for (let step = 0; step < maxSteps; step++) {
  optimizer.setLearningRate(torch.warmupCosine(step, { lr: 3e-3, warmupSteps: 50, maxSteps, endLr: 0 }));
  torch.scope(() => {
    const chosen = torch.randint(0, train.classes.size, [128], { device });
    const images = torch.index_select(train.images, 0, chosen);
    const logits = network(step % 2 ? torch.flip(images, [3]) : images, true); // every other batch mirrored
    const loss = torch.cross_entropy_loss(logits, torch.index_select(train.classes, 0, chosen));
    optimizer.zeroGrad();
    torch.backward(loss);
    optimizer.step();
    if (step % 50 === 0) console.log(`step ${step}  loss ${torch.item(loss).toFixed(3)}`);
  });
}

const guesses = torch.noGrad(() =>
  torch.cat(
    torch.split(test.images, 500).map((images) => torch.scope(() => torch.argmax(network(images, false), 1))),
  ),
);
const right = torch.item(torch.sum(torch.eq(guesses, test.classes)));
console.log(`test accuracy ${((100 * right) / test.classes.size).toFixed(1)}%`);
