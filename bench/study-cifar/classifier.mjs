/** A small convolutional classifier of 32 x 32 pictures, trained by libtorch; its hidden layer gives 128 features a picture. */
import { existsSync } from "node:fs";
import * as torch from "libtorch";
import { openTensorFile } from "../../packages/rar/dist/weights/open.js";
import { writeSafetensors } from "../../packages/rar/dist/weights/safetensors.js";

const CHANNELS = [3, 32, 64, 128];
export const FEATURES = 128;

const shapes = new Map([
  ...CHANNELS.slice(1).flatMap((to, i) => [
    [`conv${i}.weight`, [to, CHANNELS[i], 3, 3]],
    [`norm${i}.weight`, [to]],
    [`norm${i}.bias`, [to]],
    [`norm${i}.mean`, [to]],
    [`norm${i}.variance`, [to]],
  ]),
  ["hidden.weight", [FEATURES, 128 * 4 * 4]],
  ["hidden.bias", [FEATURES]],
  ["head.weight", [10, FEATURES]],
  ["head.bias", [10]],
]);
const isStatistic = (name) => /\.(mean|variance)$/.test(name);
const isScale = (name) => /^norm\d\.(weight|variance)$/.test(name);

export class Classifier {
  #tensors;
  #device;

  constructor(tensors, device) {
    this.#tensors = tensors;
    this.#device = device;
  }

  /** The weights in a file, or a new network trained on these pictures and then kept there. */
  static async get(file, train, { device, steps, seed, onStep }) {
    if (existsSync(file)) {
      const stored = await openTensorFile(file);
      const tensors = new Map();
      for (const [name, shape] of shapes)
        tensors.set(name, torch.tensor(await stored.readFloat32(name), { shape, device }));
      await stored[Symbol.asyncDispose]();
      return new Classifier(tensors, device);
    }
    const made = Classifier.#train(train(), { device, steps, seed, onStep });
    const host = [...made.#tensors].map(([name, x]) => ({
      name,
      dtype: "F32",
      shape: x.shape,
      data: torch.contiguous(torch.to(torch.detach(x), { device: "cpu" })).data(),
    }));
    await writeSafetensors(file, host, { steps: String(steps), seed: String(seed) });
    return made;
  }

  static #train({ images, classes }, { device, steps, seed, onStep }) {
    torch.manualSeed(seed);
    const tensors = new Map();
    for (const [name, shape] of shapes) {
      const fanIn = shape.slice(1).reduce((n, d) => n * d, 1);
      const x =
        shape.length > 1
          ? torch.mul_(torch.randn(shape, { device }), (2 / fanIn) ** 0.5)
          : torch.full(shape, isScale(name) ? 1 : 0, { device });
      if (!isStatistic(name)) x.requiresGrad = true;
      tensors.set(name, x);
    }
    const made = new Classifier(tensors, device);
    const parameters = [...tensors].filter(([name]) => !isStatistic(name)).map(([, x]) => x);
    const optimizer = new torch.AdamW(parameters, { weightDecay: 0.05 });
    for (let step = 0; step < steps; step++) {
      optimizer.setLearningRate(
        torch.warmupCosine(step, { lr: 3e-3, warmupSteps: 50, maxSteps: steps, endLr: 0 }),
      );
      torch.scope(() => {
        const chosen = torch.randint(0, classes.size, [128], { device });
        const some = torch.index_select(images, 0, chosen);
        const pictures = step % 2 ? torch.flip(some, [3]) : some; // every other batch mirrored
        const { logits } = made.#forward(pictures, true);
        const loss = torch.cross_entropy_loss(logits, torch.index_select(classes, 0, chosen));
        optimizer.zeroGrad();
        torch.backward(loss);
        optimizer.step();
        if (step % 100 === 99) onStep?.(step + 1, torch.item(loss));
      });
    }
    return made;
  }

  #forward(bytes, training) {
    const of = (name) => this.#tensors.get(name);
    let x = torch.sub(torch.div(bytes, 127.5), 1); // [B, 3, 32, 32]
    for (let i = 0; i < CHANNELS.length - 1; i++) {
      x = torch.conv2d(x, of(`conv${i}.weight`), null, 1, 1);
      const norm = ["weight", "bias", "mean", "variance"].map((part) => of(`norm${i}.${part}`));
      x = torch.relu(torch.batch_norm(x, ...norm, training, 0.1, 1e-5));
      x = torch.max_pool2d(x, 2); // [B, 128, 4, 4] at last
    }
    const flat = torch.flatten(x, 1);
    const hidden = torch.relu(
      torch.linear(training ? torch.dropout(flat, 0.3, true) : flat, of("hidden.weight"), of("hidden.bias")),
    );
    return { features: hidden, logits: torch.linear(hidden, of("head.weight"), of("head.bias")) };
  }

  /** images: bytes [N, 3, 32, 32] -> features [N, 128], row after row, and the likeliest class of each. */
  look(images) {
    const features = new Float32Array(images.shape[0] * FEATURES);
    const guesses = [];
    torch.noGrad(() => {
      for (const some of torch.split(images, 500))
        torch.scope(() => {
          const found = this.#forward(torch.to(some, { device: this.#device }), false);
          const host = (x) => torch.contiguous(torch.to(x, { device: "cpu" })).data();
          features.set(host(found.features), guesses.length * FEATURES);
          guesses.push(...Array.from(host(torch.argmax(found.logits, 1)), Number));
        });
    });
    return { features, guesses };
  }
}
