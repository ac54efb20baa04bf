// Makes packages/rar/configs/debug.tokens, what the debug configuration trains on: plain discs and squares in five colours, as
// tokens of the embedded cifar10 model's tokenizer. Run it again only to change the pictures: npm run build && node scripts/make-debug-tokens.mjs
import { fileURLToPath } from "node:url";
import { TokenFileWriter } from "../packages/rar/dist/data/token-file.js";
import { Pipeline } from "../packages/rar/dist/index.js";

const colours = {
  red: [200, 40, 40],
  green: [40, 160, 60],
  blue: [40, 70, 200],
  yellow: [230, 200, 50],
  grey: [120, 120, 120],
};
const shapes = {
  disc: (x, y, r) => x * x + y * y <= r * r,
  square: (x, y, r) => Math.abs(x) <= r * 0.9 && Math.abs(y) <= r * 0.9,
};
const side = 32;
/** Where the shape's middle is, and its size: six pictures a class. */
const places = [
  [16, 16, 9],
  [12, 14, 7],
  [20, 18, 7],
  [14, 20, 8],
  [19, 12, 8],
  [16, 16, 12],
];

function picture(colour, inside, [x0, y0, r]) {
  const data = new Uint8Array(3 * side * side).fill(235);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) if (inside(x - x0, y - y0, r)) data.set(colour, 3 * (y * side + x));
  return { width: side, height: side, data };
}

const classNames = Object.keys(shapes).flatMap((shape) =>
  Object.keys(colours).map((colour) => `${colour} ${shape}`),
);
const pictures = Object.values(shapes).flatMap((inside) =>
  Object.values(colours).flatMap((colour) => places.map((place) => picture(colour, inside, place))),
);
const pipeline = await Pipeline.load("cifar10", { engine: "onnx" });
const rows = await pipeline.encode(pictures);
const path = fileURLToPath(new URL("../packages/rar/configs/debug.tokens", import.meta.url));
const metadata = {
  tokenizer: "the embedded model cifar10",
  source: "scripts/make-debug-tokens.mjs",
  classNames,
};
const writer = await TokenFileWriter.create(path, {
  length: rows[0].length,
  codebookSize: pipeline.tokenizer.codebookSize,
  classes: classNames.length,
  metadata,
});
for (const [i, row] of rows.entries()) await writer.append(Math.floor(i / places.length), row);
await writer.finish();
console.log(`${path}: ${rows.length} rows`);
await pipeline.dispose();
