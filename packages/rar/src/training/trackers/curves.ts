/** The run's curves as `curves.svg` and `curves.png` in its folder, drawn again now and then and at the end. */
import { join } from "node:path";
import { encodePng } from "../../images/png.js";
import { rasterizeSvg } from "../../images/svg.js";
import { drawText, textWidth } from "../../images/text.js";
import { writeAtomically } from "../../weights/atomic-file.js";
import { type Chart, drawChart, type Panel, type Point, svgOf } from "./chart.js";
import type { LoggedStep } from "./json-lines.js";
import type { Tracker } from "./tracker.js";

/** What to draw: a panel's title, and the logged names of its lines with what its legend calls them. */
export interface CurvePanel {
  readonly title: string;
  readonly lines: Readonly<Record<string, string>>;
}

/** Of a generator's training. */
export const generatorPanels: readonly CurvePanel[] = [
  { title: "loss (nats a token)", lines: { "train/loss": "training", "eval/loss": "held out" } },
  { title: "accuracy", lines: { "train/correct_tokens": "training", "eval/correct_tokens": "held out" } },
  { title: "learning rate", lines: { lr: "learning rate" } },
  { title: "share of random orders", lines: { "train/random_ratio": "share" } },
];

/** Seconds between two drawings: a long run has many lines. */
const redrawAfter = 30;
const colours = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd"];

/** @param now - seconds since 1970 */
export function curves(
  outputDir: string,
  panels: readonly CurvePanel[],
  earlier: readonly LoggedStep[],
  failed: (error: unknown) => void,
  now: () => number,
): Tracker {
  const points = new Map<string, Point[]>();
  for (const { lines } of panels) for (const name of Object.keys(lines)) points.set(name, []);
  const add = (step: number, values: Readonly<Record<string, number>>): void => {
    for (const [name, value] of Object.entries(values)) points.get(name)?.push([step, value]);
  };
  for (const { step, values } of earlier) add(step, values);

  let drawing: Promise<void> | undefined;
  let drawnAt = now();
  let stale = false;
  const draw = async (): Promise<void> => {
    stale = false;
    const chart = drawChart(
      panels.map(
        ({ title, lines }): Panel => ({
          title,
          lines: Object.entries(lines).map(([name, legend], i) => ({
            name: legend,
            colour: colours[i % colours.length]!,
            points: points.get(name)!,
          })),
        }),
      ),
    );
    const svg = Buffer.from(svgOf(chart));
    await writeAtomically(join(outputDir, "curves.svg"), (sink) => sink.append(svg));
    const png = await chartPng(chart);
    await writeAtomically(join(outputDir, "curves.png"), (sink) => sink.append(png));
  };
  return {
    scalars(step, values) {
      add(step, values);
      stale = true;
      if (drawing !== undefined || now() - drawnAt < redrawAfter) return;
      drawnAt = now();
      drawing = draw()
        .catch(failed)
        .finally(() => {
          drawing = undefined;
        });
    },
    image() {},
    async close() {
      await drawing;
      if (stale) await draw().catch(failed);
    },
  };
}

/** The shapes by sharp, the letters by this program's own strokes. */
async function chartPng(chart: Chart): Promise<Uint8Array> {
  const image = await rasterizeSvg(svgOf(chart, false));
  for (const { text, x, y, size, anchor } of chart.labels) {
    const capitals = Math.round(size * 0.72);
    const style = { size: capitals, colour: [51, 51, 51] as const };
    const width = textWidth(text, style);
    const left = anchor === "start" ? x : anchor === "middle" ? x - width / 2 : x - width;
    drawText(image, text, Math.round(left), Math.round(y) - capitals, style);
  }
  return encodePng(image, { Software: "rarity" });
}
