/**
 * Pictures beside those the reference implementation recorded: samples drawn under the recorded settings, and
 * reconstructions of the recorded originals. Writes docs/images/*.png and prints what differs.
 *
 *   npm run study:samples
 *   options: --cifar10 FOLDER, --emoji FOLDER (model folders in place of the recorded ones), --precision float32,
 *   --grids 20 (seeds 0, 1, ... that the recorded grid is held against), --out docs/images
 */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { OnnxEngine } from "../packages/rar/dist/engines/onnx/engine.js";
import { fromPlanes, toPlanes } from "../packages/rar/dist/images/to-bytes.js";
import { sampleTokens } from "../packages/rar/dist/sampling/generate.js";
import { byteDifference, looks, readTiles, writeGrids } from "./study-lib/grid.mjs";
import { open, option, recordedFolder, root } from "./study-lib/model.mjs";
import { mean, table } from "./study-lib/scores.mjs";

const SIDE = 32;
const GRID = 8;
const GRIDS = Number(option("grids", 20));
const models = {
  cifar10: { classes: 10, each: 10, scale: 3 },
  emoji: { classes: 24, each: 12, scale: 2, coarse: 5 },
};
const out = option("out", join(root, "docs/images"));
mkdirSync(out, { recursive: true });
const lines = [];
const engine = new OnnxEngine({ precision: option("precision", "float32") });
for (const [name, layout] of Object.entries(models)) {
  const folder = recordedFolder(name);
  const recorded = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")).samples;
  const model = await open(option(name, folder));
  const tokenizer = await engine.loadTokenizer(model.tokenizer);
  const decode = async (codes) => {
    const planes = await tokenizer.decode(codes, GRID, GRID);
    const count = codes.length / GRID ** 2;
    return Array.from({ length: count }, (_, i) => fromPlanes(planes, SIDE, SIDE, i * 3 * SIDE ** 2).data);
  };

  const classes = Array.from({ length: layout.classes * layout.each }, (_, i) => Math.floor(i / layout.each));
  const theirs = await readTiles(join(folder, "samples.png"), {
    across: layout.each,
    side: SIDE,
    scale: layout.scale,
  });
  const generator = await engine.loadGenerator(model.generator);
  const own = [];
  for (let seed = 0; seed < GRIDS; seed++) {
    const drawn = await decode(await draw(generator, classes, recorded, seed));
    own.push(looks(drawn, SIDE));
    if (seed > 0) continue;
    await writeGrids(join(out, `${name}-side-by-side.png`), [theirs, drawn], {
      across: layout.each,
      side: SIDE,
      scale: 2,
      coarse: layout.coarse,
    });
  }
  await generator[Symbol.asyncDispose]();
  for (const [k, what] of ["brightness", "contrast", "steps between neighbours"].entries()) {
    const values = own.map((numbers) => numbers[k]);
    const middle = mean(values);
    const deviation = Math.sqrt(mean(values.map((v) => (v - middle) ** 2)) * (GRIDS / (GRIDS - 1)));
    const theirsIs = looks(theirs, SIDE)[k];
    lines.push([
      `${name} samples: ${what} of 255`,
      theirsIs.toFixed(2),
      `${middle.toFixed(2)} ± ${deviation.toFixed(2)}`,
      `${((theirsIs - middle) / deviation).toFixed(1)} deviations`,
    ]);
  }

  const shown = await readTiles(join(folder, "recon.png"), { across: 16, side: SIDE, scale: 2 });
  const isOriginal = (n) => Math.floor(n / 16) % 2 === 0;
  const originals = shown.filter((_, n) => isOriginal(n));
  const theirRecon = shown.filter((_, n) => !isOriginal(n));
  const planes = new Float32Array(originals.length * 3 * SIDE ** 2);
  for (const [n, data] of originals.entries())
    planes.set(toPlanes({ width: SIDE, height: SIDE, data }), n * 3 * SIDE ** 2);
  const recon = await decode(await tokenizer.encode(planes, SIDE, SIDE));
  await writeGrids(join(out, `${name}-reconstructions.png`), [originals, theirRecon, recon], {
    across: GRID,
    side: SIDE,
    scale: 2,
  });
  const difference = byteDifference(theirRecon, recon);
  lines.push([
    `${name} reconstructions of ${originals.length} pictures`,
    "",
    "",
    `largest ${difference.largest}, mean ${difference.mean.toFixed(3)} of 255`,
  ]);
  await tokenizer[Symbol.asyncDispose]();
  await model.close();
}
await engine.dispose();
console.log(table(["", "recorded", `rarity, ${GRIDS} grids: mean ± deviation`, "difference"], lines));

/** Tokens of one image for each entry of `classes`, drawn by the sampling loop under recorded settings. */
async function draw(generator, classes, settings, seed) {
  let tokens = [];
  for await (const step of sampleTokens(generator, {
    classes,
    indices: classes.map((_, i) => i),
    seed,
    guidance: { scale: settings.guidance_scale, pow: settings.guidance_scale_pow },
    draw: { temperature: settings.randomize_temperature },
  }))
    tokens = step.tokens;
  return Int32Array.from(tokens.flatMap((row) => [...row]));
}
