/** The page of the annealing study in Markdown, its chart and its sheet of samples. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { drawChart, svgOf } from "../../packages/rar/dist/training/trackers/chart.js";
import { mean, table } from "../study-lib/scores.mjs";
import { smallSheet } from "../study-lib/small-sheet.mjs";

const colours = ["#1f77b4", "#d62728", "#2ca02c"];

/**
 * Writes the page, and `annealing-loss.svg` and `annealing-samples.png` into `images` beside it.
 *
 * @param study - `results` of the trainings, names of their `kinds`, the `run`'s numbers, the `command` that made it, `real`:
 *   statistics of training pictures, `grids`: of each kind a list of pictures a class, `classNames`
 * @returns the page's text
 */
export async function writePage(path, study) {
  const images = join(dirname(path), "images");
  mkdirSync(images, { recursive: true });
  writeFileSync(join(images, "annealing-loss.svg"), chart(study));
  const shown = await sheet(study);
  writeFileSync(join(images, "annealing-samples.png"), shown.bytes);
  const text = page(study, shown.each);
  writeFileSync(path, `${text}\n`);
  return text;
}

function page({ results, kinds, run, command, real }, shown) {
  const of = (kind, pick) => results.filter((result) => result.kind === kind).map(pick);
  const cell = (kind, pick, digits) => {
    const values = of(kind, pick);
    const half = (Math.max(...values) - Math.min(...values)) / 2;
    return mean(values).toFixed(digits) + (values.length > 1 ? ` ± ${half.toFixed(digits)}` : "");
  };
  const line = (name, pick, digits) => [name, ...kinds.map((kind) => cell(kind, pick, digits))];
  const statistics = (key) => {
    const row = (name, field, digits) => [
      ...line(name, (result) => result[key][field], digits),
      real[field].toFixed(digits),
    ];
    return table(
      ["", ...kinds, "training pictures"],
      [
        row("codes: distance to held-out pictures (0 to 1)", "codeDistance", 4),
        row("entropy of the code at a place (bits)", "entropy", 3),
        row("equal neighbours (share)", "repeats", 4),
        row("distinct samples (share)", "distinct", 3),
        row("coarse Fréchet distance (grey levels)", "coarse", 2),
      ],
    );
  };
  const machines = [...new Set(results.map(({ machine }) => machine))].join(", ");
  const { steps, batch, annealed, orders, samples, seeds } = run;
  const [all, rows, heldOut] = [steps, run.rows, run.heldOut].map((n) => n.toLocaleString("en"));
  return `# Random orders, annealed: the paper's study on CIFAR-10

\`${command}\` wrote this page. One generator, trained in three ways (${machines}), each in ${all} steps of ${batch} of the same ${rows} rows of tokens, with all else equal: raster orders only; random orders only;
random orders up to step ${annealed[0]}, then ever fewer until step ${annealed[1]}, raster from there on. ${seeds.length > 1 ? `Means of seeds ${seeds.join(", ")}, ± half of their range` : `Seed ${seeds[0]}, a single run each`}; losses on ${heldOut} held-out rows.

## Held-out loss

${table(
  ["", ...kinds],
  [
    line("loss in raster order, class given (nats a token)", (r) => r.loss, 4),
    line("accuracy", (r) => r.accuracy, 4),
    line("loss without the class", (r) => r.lossWithoutClass, 4),
    line(`loss in random orders, mean of ${orders}`, (r) => r.lossInRandomOrders, 4),
  ],
)}

${ranking(kinds, (kind) => mean(of(kind, (r) => r.loss)))}

![Held-out loss in raster order over the steps](images/annealing-loss.svg)

## Samples

${samples.toLocaleString("en")} of each, in raster order, equally many of each class, beside as many held-out pictures. In the last column stands what other real pictures have, the
first ones of the training set. The distance of codes is the total variation between how often each code occurs; the entropy shrinks with the number of samples, so only
columns can be compared; the coarse Fréchet distance is that of pictures reduced to 8 x 8 means of colour.

As the model has learned them (temperature 1, no guidance):

${statistics("plain")}

As the recipe draws them, with guidance:

${statistics("guided")}

![Samples: ${kinds.join(", ")}](images/annealing-samples.png)

${shown} samples of each class, with guidance. From the left: ${kinds.join("; ")}. The noise is the same in all three.`;
}

/** Which kind has the lowest loss, and by how much, in a sentence. */
function ranking(kinds, lossOf) {
  const [best, ...others] = [...kinds].sort((a, b) => lossOf(a) - lossOf(b));
  const gaps = others.map((kind) => `${(lossOf(kind) - lossOf(best)).toFixed(4)} below "${kind}"`);
  return `In raster order "${best}" has the lowest loss, ${gaps.join(" and ")}.`;
}

function chart({ results, kinds, run }) {
  const lines = results.map(({ kind, seed, curve }) => ({
    name: run.seeds.length > 1 ? `${kind} ${seed}` : kind,
    colour: colours[kinds.indexOf(kind)],
    points: curve,
  }));
  return svgOf(drawChart([{ title: "held-out loss in raster order (nats a token)", lines }]));
}

/** A row a class: samples of each kind, with a gap between the kinds. */
function sheet({ grids, classNames }) {
  const [{ width, height }] = grids[0][0];
  const gap = { width, height, data: new Uint8Array(3 * width * height).fill(250) };
  const most = grids[0][0].length;
  return smallSheet(most, (each) =>
    grids[0].map((_, row) => ({
      label: classNames[row]?.split(",")[0] ?? `class ${row}`,
      images: grids.flatMap((grid, i) => [...(i > 0 ? [gap] : []), ...grid[row].slice(0, each)]),
    })),
  );
}
