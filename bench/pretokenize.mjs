// npm run bench:pretokenize [-- --model cifar10 --pictures 512 --side 500x375 --engine onnx --threads 2 --source FOLDER]
// Pre-tokenizing from files (reading, decoding, cropping, encoding, writing) as a share of what the tokenizer alone encodes of
// pictures that lie ready in memory. The tokenizer alone is timed before and after, the run between. Prints Markdown.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openCodec } from "../packages/rar/dist/data/image-codec.js";
import { openImages } from "../packages/rar/dist/data/image-set.js";
import { defaultPictureThreads, PicturePool } from "../packages/rar/dist/data/picture-pool.js";
import { pretokenize } from "../packages/rar/dist/data/pretokenize.js";
import { squaresOf } from "../packages/rar/dist/data/pretokenize-plan.js";
import { sharp } from "../packages/rar/dist/images/sharp.js";

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "cifar10" },
    pictures: { type: "string", default: "512" },
    side: { type: "string", default: "500x375" },
    source: { type: "string" },
    engine: { type: "string" },
    device: { type: "string" },
    threads: { type: "string" },
    size: { type: "string" },
    batch: { type: "string", default: "128" },
    decoders: { type: "string" },
  },
});
const number = (text) => (text === undefined ? undefined : Number(text));
const batch = Number(values.batch);

const folder = await mkdtemp(join(tmpdir(), "rarity-bench-"));
try {
  const source = values.source ?? (await drawPictures(join(folder, "pictures")));
  const images = await openImages(source);
  const codec = await openCodec(values.model, {
    engine: values.engine,
    device: values.device,
    threads: number(values.threads),
    size: number(values.size),
  });
  const decoders = number(values.decoders) ?? defaultPictureThreads();
  const pool = decoders > 0 ? new PicturePool(decoders) : undefined;
  const squares = async (i) =>
    (await pool?.squares(images, i, plan)) ?? squaresOf(await images.read(i), plan);
  const plan = { size: codec.size, crop: "adm", augment: "none", batch, rank: 0, ranks: 1 };
  const ready = await Promise.all(
    Array.from({ length: Math.min(batch, images.count) }, async (_, i) => (await squares(i))[0]),
  );
  await codec.encode(ready.slice(0, 8)); // the first call prepares

  const alone = [await encodeAlone(codec, ready)];
  const start = performance.now();
  await pretokenize(images, codec, { ...plan, pool, output: join(folder, "out.tokens"), onError: "fail" });
  const whole = images.count / ((performance.now() - start) / 1000);
  alone.push(await encodeAlone(codec, ready));
  const prepared = await prepareAlone(images, squares);

  const mean = (alone[0] + alone[1]) / 2;
  console.log(
    `\n${values.model} (${codec.engine.name} on ${codec.engine.device}, ${codec.engine.threads} threads; ${decoders} threads decode and crop), ${images.count} pictures, ${codec.size} x ${codec.size}\n`,
  );
  console.log("| what | pictures/s |\n|---|---|");
  console.log(`| the tokenizer alone, before | ${alone[0].toFixed(1)} |`);
  console.log(`| pretokenize | ${whole.toFixed(1)} |`);
  console.log(`| the tokenizer alone, after | ${alone[1].toFixed(1)} |`);
  console.log(`| reading, decoding and cropping alone | ${prepared.toFixed(1)} |`);
  console.log(`\nShare of the tokenizer's own: ${((100 * whole) / mean).toFixed(0)}%`);
  await pool?.[Symbol.asyncDispose]();
  await codec[Symbol.asyncDispose]();
  await images.close();
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** Encodes the same pictures for a few seconds. @returns pictures a second */
async function encodeAlone(codec, ready) {
  const start = performance.now();
  let done = 0;
  while (performance.now() - start < 3000) {
    await codec.encode(ready);
    done += ready.length;
  }
  return done / ((performance.now() - start) / 1000);
}

async function prepareAlone(images, squares) {
  const start = performance.now();
  const count = Math.min(images.count, 512);
  await Promise.all(Array.from({ length: count }, (_, i) => squares(i)));
  return count / ((performance.now() - start) / 1000);
}

/** JPEG pictures of the size most of ImageNet's have: smooth colours with noise over them. */
async function drawPictures(path) {
  const [width, height] = values.side.split("x").map(Number);
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  await mkdir(join(path, "class"), { recursive: true });
  for (let n = 0; n < Number(values.pictures); n++) {
    const [a, b, c] = [random() * 9, random() * 9, random() * 9];
    const data = new Uint8Array(width * height * 3);
    for (let i = 0; i < width * height; i++) {
      const [x, y] = [(i % width) / width, Math.floor(i / width) / height];
      const noise = random() * 24;
      data[i * 3] = 110 + 100 * Math.sin(a * x + b * y) + noise;
      data[i * 3 + 1] = 110 + 100 * Math.sin(b * x - c * y) + noise;
      data[i * 3 + 2] = 110 + 100 * Math.sin(c * x + a * y) + noise;
    }
    const jpeg = await sharp(data, { raw: { width, height, channels: 3 } })
      .jpeg({ quality: 90 })
      .toBuffer();
    await writeFile(join(path, "class", `${String(n).padStart(6, "0")}.jpg`), jpeg);
  }
  return path;
}
