/**
 * Makes the icon pictures from their npm packages and holds the emoji model against its recorded held-out numbers.
 *
 *   npm run study:emoji                      the 192 held-out pictures, scored
 *   npm run study:emoji -- --all FOLDER      all 4,248 pictures as PNG files: train/ and heldout/, a folder a class
 *   options: --model FOLDER (default: the recorded one), --size 72 (of --all; default 32), --precision P
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { conditionId, noneId } from "../packages/rar/dist/config/architecture.js";
import { OnnxEngine } from "../packages/rar/dist/engines/onnx/engine.js";
import { DRAWN, draw, reduce, toPlanes } from "./study-emoji/draw.mjs";
import { copies, packages, readIcons, slug } from "./study-emoji/icons.mjs";
import { readTiles } from "./study-lib/grid.mjs";
import { open, option, recordedFolder, root } from "./study-lib/model.mjs";
import { crossEntropyOf, mean, psnrOf, table } from "./study-lib/scores.mjs";

const SIDE = 32;
const EACH = 3 * SIDE * SIDE;

const modules = installed();
const icons = readIcons(modules);
const classNames = readFileSync(join(root, "packages/rar/models/emoji/classes.txt"), "utf8")
  .trim()
  .split("\n");
const all = option("all");
if (all === undefined) await score(icons.filter((icon) => icon.heldOut));
else await writeAll(all, Number(option("size", SIDE)));

/** node_modules with the pinned packages, installed under runs/ on first use. */
function installed() {
  const prefix = join(root, "runs/emoji-packages");
  const folder = join(prefix, "node_modules");
  const missing = Object.entries(packages).some(([name, version]) => {
    const file = join(folder, name, "package.json");
    return !existsSync(file) || JSON.parse(readFileSync(file, "utf8")).version !== version;
  });
  if (missing) {
    mkdirSync(prefix, { recursive: true });
    const wanted = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
    const words = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--prefix", prefix, ...wanted];
    execFileSync("npm", words, { stdio: ["ignore", "ignore", "inherit"] });
  }
  return folder;
}

async function writeAll(folder, size) {
  const written = new Set();
  for (const icon of icons) {
    const name = `${String(icon.classId).padStart(2, "0")}-${slug(classNames[icon.classId])}`;
    const into = join(folder, icon.heldOut ? "heldout" : "train", name);
    if (!written.has(into)) mkdirSync(into, { recursive: true });
    written.add(into);
    const picture = await draw(icon.svg);
    const bytes = size === DRAWN ? picture : reduce(picture, DRAWN, size);
    await sharp(bytes, { raw: { width: size, height: size, channels: 3 } })
      .png()
      .toFile(join(into, `${icon.set}-${icon.name}.png`));
  }
  console.log(`${icons.length} pictures of ${size} x ${size} in ${folder}`);
}

async function score(heldOut) {
  const folder = recordedFolder("emoji");
  const recorded = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
  const pictures = await Promise.all(heldOut.map(async (icon) => reduce(await draw(icon.svg), DRAWN, SIDE)));
  const planes = new Float32Array(pictures.length * EACH);
  for (const [i, picture] of pictures.entries()) toPlanes(picture, planes, i * EACH);

  const engine = new OnnxEngine({ precision: option("precision", "float32") });
  const model = await open(option("model", folder));
  const tokenizer = await engine.loadTokenizer(model.tokenizer);
  const codes = await tokenizer.encode(planes, SIDE, SIDE);
  const side = SIDE / 4;
  const L = side * side;
  const psnr = psnrOf(planes, await tokenizer.decode(codes, side, side), EACH);
  const rows = heldOut.map((icon, i) => ({
    class_id: icon.classId,
    tokens: [...codes.subarray(i * L, (i + 1) * L)],
  }));
  mkdirSync(join(root, "runs/emoji"), { recursive: true });
  const kept = join(root, "runs/emoji/tokens_heldout.jsonl");
  writeFileSync(kept, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));

  const { generator } = model;
  const conditional = (row) => conditionId(generator.config, row.class_id);
  const ce = await crossEntropyOf(engine, generator, rows, conditional);
  const none = await crossEntropyOf(engine, generator, rows, () => noneId(generator.config));

  await model.close();
  await engine.dispose();

  const training = icons.filter((icon) => !icon.heldOut);
  const times = copies(icons);
  const augmented = training.reduce((sum, icon) => sum + times[icon.classId], 0);
  const shown = await readTiles(join(folder, "recon.png"), { across: 16, side: SIDE, scale: 2 });
  const originals = shown.filter((_, i) => Math.floor(i / 16) % 2 === 0);
  const known = new Set(pictures.map((picture) => Buffer.from(picture).toString("base64")));
  const same = originals.filter((tile) => known.has(Buffer.from(tile).toString("base64"))).length;

  const was = recorded.heldout;
  const line = (name, expected, found, digits = 0) => [
    name,
    expected.toFixed(digits),
    found.toFixed(digits),
    (found - expected).toFixed(digits),
  ];
  const compared = [
    line("pictures", 4248, icons.length),
    line("held out", was.images, heldOut.length),
    line("training rows with changed copies", recorded.recipe.rows, augmented),
    line("originals of recon.png met to the last bit", originals.length, same),
    line("PSNR, mean of images (dB)", was.psnr_mean_of_images_db, mean(psnr), 4),
    line("codes used of 1,024", was.codes_used_of_1024, new Set(codes).size),
    line("conditional cross-entropy (nats a token)", was.conditional_ce, ce, 5),
    line("unconditional cross-entropy (nats a token)", was.unconditional_ce, none, 5),
  ];
  console.log(table(["", "recorded", "found", "difference"], compared));
}
