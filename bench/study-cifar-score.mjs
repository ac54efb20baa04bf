/**
 * CIFAR-10 from a model to its scores, through the commands as users have them.
 *
 *   npm run study:cifar-score
 *   options: --images 2000, --model cifar10, --data ../shared/data/cifar10, --work out/study-cifar-score, --device cpu,
 *   --threads N, --steps 2340 (of the classifier), --seed 0, --smoke 2000 (test images of
 *   step 2; 0 leaves it out)
 *
 * 1. `rarity sample` draws the images into an npz file.
 * 2. `rarity evaluate --inception formula` scores them against a folder of as many test images: a smoke run, whose numbers mean nothing.
 * 3. `rarity evaluate-tokenizer` on the test images.
 * 4. A Fréchet distance that means something: on the 128 features of a small classifier's hidden layer, trained here on the 50,000
 *    training images. Each row is as many images against the 10,000 test images; training images are the floor, the same
 *    images through the tokenizer say what the tokenizer alone costs.
 * 5. How often the classifier finds the class that was asked for.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as torch from "libtorch";
import { load } from "../packages/libtorch/examples/shards.mjs";
import { openCodec } from "../packages/rar/dist/data/image-codec.js";
import { openImages } from "../packages/rar/dist/data/image-set.js";
import { frechetDistance } from "../packages/rar/dist/evaluation/frechet.js";
import { matrix } from "../packages/rar/dist/evaluation/matrix.js";
import { openPictures } from "../packages/rar/dist/evaluation/picture-source.js";
import { statistics } from "../packages/rar/dist/evaluation/statistics.js";
import { encodePng } from "../packages/rar/dist/images/png.js";
import { Classifier, FEATURES } from "./study-cifar/classifier.mjs";
import { option, root } from "./study-lib/model.mjs";
import { table } from "./study-lib/scores.mjs";

const SIDE = 32;
const EACH = SIDE * SIDE * 3;
const count = Number(option("images", "2000"));
const smoke = Number(option("smoke", String(count)));
const model = option("model", "cifar10");
const data = resolve(option("data", join(root, "../shared/data/cifar10")));
const work = resolve(option("work", join(root, "out/study-cifar-score")));
const device = option("device", "cpu");
const threads = option("threads", String(availableParallelism()));
const steps = Number(option("steps", "2340"));
const seed = Number(option("seed", "0"));
if (!existsSync(data)) {
  console.log(`skipped: CIFAR-10's shards are not at ${data} (--data FOLDER).`);
  process.exit(0);
}
mkdirSync(work, { recursive: true });
torch.setThreads(Number(threads));

const main = fileURLToPath(new URL("../packages/rar/dist/cli/main.js", import.meta.url));
function rarity(...words) {
  console.log(`\n$ rarity ${words.map((word) => word.replace(root, "")).join(" ")}`);
  const start = performance.now();
  const text = execFileSync(process.execPath, [main, ...words], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 28,
  });
  console.log(`${text.trimEnd()}\n(${((performance.now() - start) / 1000).toFixed(0)} s)`);
  return text;
}

const samples = join(work, "samples");
const shared = ["--threads", threads, ...(device === "cpu" ? [] : ["--device", device])];
rarity("sample", "--model", model, "--count", String(count), "--output", samples, ...shared);
if (smoke > 0)
  rarity("evaluate", await testFolder(smoke), `${samples}.npz`, "--inception", "formula", ...shared);
const shards = readdirSync(data)
  .filter((name) => /^test-\d+\.tar\.gz$/.test(name))
  .map((name) => join(data, name));
rarity(
  "evaluate-tokenizer",
  ...shards,
  "--model",
  model,
  "--no-rfid",
  "--output",
  join(work, "worst.png"),
  ...shared,
);

console.log("\nThe classifier");
const test = await load(data, "test", SIDE, "cpu");
const train = await load(data, "train", SIDE, "cpu");
const classifier = await Classifier.get(
  join(work, `classifier-${steps}-${seed}.safetensors`),
  () => ({
    images: torch.to(train.images, { device }),
    classes: torch.to(train.classes, { device }),
  }),
  {
    device,
    steps,
    seed,
    onStep: (step, loss) =>
      step % 500 === 0 && console.log(`step ${step} of ${steps}, loss ${loss.toFixed(3)}`),
  },
);

/** Features, and how many of the classes were found. */
function seen(images, classes) {
  const { features, guesses } = classifier.look(images);
  const right = guesses.filter((guess, i) => guess === classes[i]).length;
  return { gaussian: statistics(matrix(features, FEATURES)), accuracy: right / guesses.length };
}
const numbers = (x) => Array.from(x.data(), Number);
const planesOf = (pixels) =>
  torch.permute(torch.tensor(pixels, { shape: [pixels.length / EACH, SIDE, SIDE, 3] }), [0, 3, 1, 2]);

const real = seen(test.images, numbers(test.classes));
const [some, labels] = [
  torch.narrow(train.images, 0, 0, count),
  numbers(torch.narrow(train.classes, 0, 0, count)),
];
const drawn = await openPictures(`${samples}.npz`);
const pixels = new Uint8Array(count * EACH);
let filled = 0;
for await (const batch of drawn.batches(500)) {
  pixels.set(batch.data, filled);
  filled += batch.data.length;
}
const rows = [
  ["training images", seen(some, labels)],
  ["the same through the tokenizer", seen(planesOf(await throughTokenizer(some)), labels)],
  [`samples of ${model}`, seen(planesOf(pixels), drawn.labels)],
];
await drawn[Symbol.asyncDispose]();
console.log(
  `Test accuracy ${(100 * real.accuracy).toFixed(1)}% after ${steps} steps of 128 images (seed ${seed}).\n\n${table(
    [`${count.toLocaleString("en")} images`, "Fréchet distance to 10,000 test images", "class found"],
    rows.map(([name, { gaussian, accuracy }]) => [
      name,
      frechetDistance(gaussian, real.gaussian).toFixed(3),
      `${(100 * accuracy).toFixed(1)}%`,
    ]),
  )}`,
);

/** The first test images as PNG files. */
async function testFolder(images) {
  const folder = join(work, `test-${images}`);
  if (existsSync(folder) && readdirSync(folder).length === images) return folder;
  mkdirSync(folder, { recursive: true });
  const names = readdirSync(data).filter((name) => /^test-\d+\.tar\.gz$/.test(name));
  const set = await openImages(names.map((name) => join(data, name)));
  for (let i = 0; i < images; i++)
    writeFileSync(join(folder, `${String(i).padStart(5, "0")}.png`), await encodePng(await set.read(i)));
  await set.close();
  return folder;
}

async function throughTokenizer(images) {
  const codec = await openCodec(model, { threads: Number(threads), size: SIDE });
  const bytes = torch.contiguous(torch.permute(images, [0, 2, 3, 1])).data();
  const pictures = Array.from({ length: bytes.length / EACH }, (_, i) => ({
    width: SIDE,
    height: SIDE,
    data: bytes.slice(i * EACH, (i + 1) * EACH),
  }));
  const back = await codec.decode(await codec.encode(pictures), "round");
  await codec[Symbol.asyncDispose]();
  const all = new Uint8Array(bytes.length);
  for (const [i, { data: picture }] of back.entries()) all.set(picture, i * EACH);
  return all;
}
