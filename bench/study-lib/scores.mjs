/** Numbers about distributions and pictures: cross-entropy, KL divergence, PSNR. */
import { runForward } from "../../packages/rar/dist/verify/run-network.js";

/**
 * Rows computed at once. The engine prepares the weights for every call, so few large batches are faster.
 */
const BATCH = 250;

/** Logits of rows [{class_id, tokens}] under their class or, with `conditions`, anything else: one Float32Array a batch. */
export async function* logitsOf(engine, { config, weights }, rows, condition) {
  for (let start = 0; start < rows.length; start += BATCH) {
    const some = rows.slice(start, start + BATCH);
    const { logits } = await runForward(engine, config, weights, {
      tokens: some.map((row) => row.tokens),
      conditions: some.map(condition),
    });
    yield { start, rows: some, logits: logits.data };
  }
}

/** Natural log-probabilities of `codes` logits from `at` on, written into `out`; returns the place of the largest. */
export function logSoftmax(logits, at, codes, out) {
  let best = 0;
  for (let k = 1; k < codes; k++) if (logits[at + k] > logits[at + best]) best = k;
  const top = logits[at + best];
  let sum = 0;
  for (let k = 0; k < codes; k++) sum += Math.exp(logits[at + k] - top);
  const shift = top + Math.log(sum);
  for (let k = 0; k < codes; k++) out[k] = logits[at + k] - shift;
  return best;
}

/** Mean cross-entropy in nats a token, raster order, the logits of place i against token i. */
export async function crossEntropyOf(engine, model, rows, condition) {
  const { codebookSize: K, tokens: L } = model.config;
  const log = new Float64Array(K);
  let sum = 0;
  for await (const batch of logitsOf(engine, model, rows, condition)) {
    for (const [r, row] of batch.rows.entries()) {
      for (let i = 0; i < L; i++) {
        logSoftmax(batch.logits, (r * (L + 1) + i) * K, K, log);
        sum -= log[row.tokens[i]];
      }
    }
  }
  return sum / (rows.length * L);
}

/**
 * Adds up how far distributions are from reference ones. `push` takes a batch of logits [rows, L + 1, K] of both;
 * the last position of each row predicts nothing and is left out.
 */
export class Divergence {
  constructor({ codebookSize, tokens }) {
    [this.K, this.L] = [codebookSize, tokens];
    this.places = 0;
    this.kl = 0;
    this.worst = 0;
    this.agree = 0;
    this.difference = 0;
    this.magnitude = 0;
    this.entropy = 0;
    this.loss = 0;
    this.referenceLoss = 0;
  }

  push(reference, other, rows) {
    const { K, L } = this;
    const [p, q] = [new Float64Array(K), new Float64Array(K)];
    for (const [r, row] of rows.entries()) {
      for (let i = 0; i < L; i++) {
        const at = (r * (L + 1) + i) * K;
        if (logSoftmax(reference, at, K, p) === logSoftmax(other, at, K, q)) this.agree++;
        let [kl, entropy] = [0, 0];
        for (let k = 0; k < K; k++) {
          const share = Math.exp(p[k]);
          kl += share * (p[k] - q[k]);
          entropy -= share * p[k];
          this.difference += (reference[at + k] - other[at + k]) ** 2;
          this.magnitude += reference[at + k] ** 2;
        }
        this.kl += kl;
        this.worst = Math.max(this.worst, kl);
        this.entropy += entropy;
        this.referenceLoss -= p[row.tokens[i]];
        this.loss -= q[row.tokens[i]];
        this.places++;
      }
    }
  }

  /** Nats a token (KL, its largest single value, entropy, both losses), a share, and a relative error. */
  result() {
    const each = (value) => value / this.places;
    return {
      kl: each(this.kl),
      worst: this.worst,
      agree: each(this.agree),
      relative: Math.sqrt(this.difference / this.magnitude),
      entropy: each(this.entropy),
      loss: each(this.loss),
      referenceLoss: each(this.referenceLoss),
    };
  }
}

/** Decibels of each picture. original, decoded: planes in [0, 1], `each` numbers a picture */
export function psnrOf(original, decoded, each) {
  return Array.from({ length: original.length / each }, (_, i) => {
    let sum = 0;
    for (let j = i * each; j < (i + 1) * each; j++) sum += (original[j] - decoded[j]) ** 2;
    return -10 * Math.log10(sum / each);
  });
}

export const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

/** A table as Markdown. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
