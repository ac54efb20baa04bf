/** Progress of long work: a bar with rate and time left on a terminal, a plain line now and then elsewhere. */
import { duration } from "./words.js";

export interface ProgressOptions {
  /** What is being done: "drawing". */
  readonly label: string;
  /** How much there is in all, in the units of `update`. */
  readonly total: number;
  /** How to say so much of it: `3 of 24 images`, `1.2 GB`. Default: nothing but the share. */
  readonly amount?: ((done: number, total: number) => string) | undefined;
  /** How to say a rate, in units a second: `4.2 images/s`. Default: not said. */
  readonly rate?: ((perSecond: number) => string) | undefined;
  /** Say nothing before so many seconds have passed, for work that is often over at once. Default 0. */
  readonly quietFor?: number | undefined;
  readonly stream?: ProgressStream | undefined;
  /** Milliseconds. Default: the clock of the process. */
  readonly now?: (() => number) | undefined;
}

export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface Progress {
  update(done: number): void;
  /** Removes the bar. Call it also when the work stops early. */
  finish(): void;
}

const barWidth = 24;
const redrawEvery = 100; // ms
const lineEvery = 10_000; // ms
const lineShare = 0.1;
const leastBetweenLines = 1_000; // ms, so that short work is not all lines

export function startProgress(options: ProgressOptions): Progress {
  const { label, total, amount, rate, quietFor = 0, now = () => performance.now() } = options;
  const stream = options.stream ?? process.stderr;
  const start = now();
  let lastTime = start;
  let lastShare = 0;
  let shown = false;
  let first: { readonly time: number; readonly done: number } | undefined;

  const text = (done: number, share: number): string => {
    // The first event may come late, after loading: the rate counts from there.
    const seconds = (now() - (first?.time ?? start)) / 1000;
    const speed = seconds > 0 ? (done - (first?.done ?? 0)) / seconds : 0;
    const parts = [`${Math.floor(share * 100)}%`];
    if (amount) parts.push(amount(done, total));
    if (speed > 0) {
      if (rate) parts.push(rate(speed));
      if (share < 1) parts.push(`${duration((total - done) / speed)} left`);
    }
    return parts.join(", ");
  };

  const bar = (done: number, share: number): void => {
    const full = Math.round(share * barWidth);
    const line = `${label} ${"█".repeat(full)}${"░".repeat(barWidth - full)} ${text(done, share)}`;
    stream.write(`\r${line.slice(0, Math.max(10, (stream.columns ?? 80) - 1))}\x1b[K`);
    shown = true;
  };

  return {
    update(done) {
      const time = now();
      first ??= { time, done };
      if (!(total > 0) || time - start < quietFor * 1000) return;
      const share = Math.min(1, Math.max(0, done / total));
      if (stream.isTTY) {
        if (shown && time - lastTime < redrawEvery && share < 1) return;
        lastTime = time;
        bar(done, share);
        return;
      }
      const enough = share - lastShare >= lineShare && time - lastTime >= leastBetweenLines;
      if (!enough && time - lastTime < lineEvery) return;
      lastTime = time;
      lastShare = share;
      stream.write(`${label}: ${text(done, share)}\n`);
    },
    finish() {
      if (shown) stream.write("\r\x1b[K");
      shown = false;
    },
  };
}
