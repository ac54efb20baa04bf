/** Line charts as SVG: panels in two columns, each with axes, lines and a legend. Nothing but coordinates and text. */

export interface Line {
  readonly name: string;
  readonly colour: string;
  /** By step; numbers that are not finite are left out. */
  readonly points: readonly Point[];
}

export type Point = readonly [step: number, value: number];

export interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
}

/** A text of the chart: apart from the shapes, since a machine that draws may have no fonts. */
export interface Label {
  readonly text: string;
  readonly x: number;
  /** Of the baseline. */
  readonly y: number;
  /** Of the letters, in pixels. */
  readonly size: number;
  readonly anchor: "start" | "middle" | "end";
}

export interface Chart {
  readonly width: number;
  readonly height: number;
  /** SVG elements, back to front. */
  readonly shapes: readonly string[];
  readonly labels: readonly Label[];
}

const cell = { width: 480, height: 300 };
const margin = { left: 64, right: 20, top: 34, bottom: 36 };
const plot = {
  width: cell.width - margin.left - margin.right,
  height: cell.height - margin.top - margin.bottom,
};

/** Panels without a number are left out. */
export function drawChart(panels: readonly Panel[]): Chart {
  const full = panels
    .map(({ title, lines }) => ({
      title,
      lines: lines.map(finite).filter(({ points }) => points.length > 0),
    }))
    .filter(({ lines }) => lines.length > 0);
  const columns = Math.min(2, Math.max(1, full.length));
  const rows = Math.max(1, Math.ceil(full.length / columns));
  const [width, height] = [columns * cell.width, rows * cell.height];
  const shapes = [`<rect width="${width}" height="${height}" fill="#fff"/>`];
  const labels: Label[] = [];
  full.forEach((panel, i) => {
    const left = (i % columns) * cell.width + margin.left;
    drawPanel(panel, left, Math.floor(i / columns) * cell.height + margin.top, shapes, labels);
  });
  return { width, height, shapes, labels };
}

/** The chart as a file; without labels for those who draw letters themselves. */
export function svgOf({ width, height, shapes, labels }: Chart, withLabels = true): string {
  const texts = labels.map(
    ({ text, x, y, size, anchor }) =>
      `<text x="${round(x)}" y="${round(y)}" font-size="${size}" text-anchor="${anchor}">${escaped(text)}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" fill="#333">`,
    ...shapes,
    ...(withLabels ? texts : []),
    "</svg>",
    "",
  ].join("\n");
}

function drawPanel(panel: Panel, left: number, top: number, shapes: string[], labels: Label[]): void {
  const points = panel.lines.flatMap((line) => line.points);
  const steps = range(points.map(([step]) => step));
  const values = range(points.map(([, value]) => value));
  const x = (step: number): number => left + ((step - steps.low) / (steps.high - steps.low)) * plot.width;
  const y = (value: number): number =>
    top + plot.height - ((value - values.low) / (values.high - values.low)) * plot.height;
  labels.push({ text: panel.title, x: left, y: top - 14, size: 14, anchor: "start" });
  const [right, bottom] = [left + plot.width, top + plot.height];
  const grid: string[] = [];
  for (const { value, text } of ticks(values, 5)) {
    grid.push(`M${left} ${round(y(value))}H${right}`);
    labels.push({ text, x: left - 8, y: y(value) + 4, size: 11, anchor: "end" });
  }
  for (const { value, text } of ticks(steps, 6)) {
    grid.push(`M${round(x(value))} ${bottom}v4`);
    labels.push({ text, x: x(value), y: bottom + 18, size: 11, anchor: "middle" });
  }
  shapes.push(`<path d="${grid.join("")}" stroke="#ddd" fill="none"/>`);
  shapes.push(`<path d="M${left} ${top}V${bottom}H${right}" stroke="#888" fill="none"/>`);
  for (const { colour, points: own } of panel.lines) {
    const thinned = thin(own, (step) => Math.floor(x(step)));
    const path = thinned.map(([step, value]) => `${round(x(step))} ${round(y(value))}`).join("L");
    const only = thinned.length === 1;
    shapes.push(
      `<path d="M${path}${only ? "h.01" : ""}" stroke="${colour}" stroke-width="${only ? 4 : 1.5}" stroke-linecap="round" stroke-linejoin="round" fill="none"/>`,
    );
  }
  if (panel.lines.length < 2) return;
  let at = right;
  for (const { name, colour } of panel.lines.toReversed()) {
    labels.push({ text: name, x: at, y: top - 14, size: 11, anchor: "end" });
    at -= name.length * 6 + 8;
    shapes.push(`<path d="M${round(at - 14)} ${top - 18}h14" stroke="${colour}" stroke-width="2"/>`);
    at -= 26;
  }
}

/** At most the first, lowest, highest and last point of each column of pixels: the same picture from fewer numbers. */
function thin(points: readonly Point[], column: (step: number) => number): Point[] {
  const kept: Point[] = [];
  for (let start = 0; start < points.length; ) {
    const here = column(points[start]![0]);
    let end = start + 1;
    let [lowest, highest] = [start, start];
    for (; end < points.length && column(points[end]![0]) === here; end++) {
      if (points[end]![1] < points[lowest]![1]) lowest = end;
      if (points[end]![1] > points[highest]![1]) highest = end;
    }
    const of = [...new Set([start, lowest, highest, end - 1])].sort((a, b) => a - b);
    for (const i of of) kept.push(points[i]!);
    start = end;
  }
  return kept;
}

interface Range {
  readonly low: number;
  readonly high: number;
}

function range(numbers: readonly number[]): Range {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const number of numbers) {
    low = Math.min(low, number);
    high = Math.max(high, number);
  }
  if (low < high) return { low, high };
  const around = Math.abs(low) / 2 || 1;
  return { low: low - around, high: high + around };
}

/** Round numbers inside the range, some `wanted` of them. */
export function ticks({ low, high }: Range, wanted: number): { value: number; text: string }[] {
  const raw = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const unit = power * ([1, 2, 5].find((factor) => factor * power >= raw * 0.999) ?? 10);
  const found = [];
  for (let i = Math.ceil(low / unit - 1e-9); i * unit <= high + unit * 1e-9; i++)
    found.push({ value: i * unit, text: inWords(Number((i * unit).toPrecision(12))) });
  return found;
}

function inWords(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${value / 1e6}M`;
  if (size >= 1e4) return `${value / 1e3}k`;
  return size > 0 && size < 1e-3 ? value.toExponential() : `${value}`;
}

const finite = (line: Line): Line => ({
  ...line,
  points: line.points.filter(([, value]) => Number.isFinite(value)),
});
const round = (x: number): number => Math.round(x * 100) / 100;
const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
