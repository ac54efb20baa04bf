/** The sampling loop: L steps of the network, one token an image drawn after each (REFERENCE 4.1). */
import { conditionId, type GeneratorConfig } from "../config/architecture.js";
import type { DrawSettings } from "../drawing/draw.js";
import { type Guidance, guidanceAt, needsUnconditional } from "../drawing/guidance.js";
import { tokenDomain } from "../drawing/noise.js";
import type { NoiseKey } from "../drawing/plan.js";
import { checkOrder, checkTokens } from "../engines/check.js";
import type { Generator } from "../engines/engine.js";

export interface SampleRequest {
  /** Class of each image of the batch. */
  readonly classes: readonly number[];
  readonly seed: number;
  /** Index of each image under the seed: with the seed it decides the image's noise, whatever the batch. */
  readonly indices: readonly number[];
  readonly guidance: Guidance;
  readonly draw: DrawSettings;
  /** Raster index of each place; raster order when absent. */
  readonly order?: Int32Array | undefined;
  /** Tokens of each image that are given, in generation order, the same count for all. */
  readonly prefix?: readonly Int32Array[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** After each token: how many places are filled, and the tokens in raster order (unfilled ones are 0). */
export interface SampleStep {
  readonly filled: number;
  /** [B][L]; the same arrays every time, filled in place. */
  readonly tokens: readonly Int32Array[];
  /** The network's steps so far, where the engine may fill several places with one. */
  readonly steps?: number | undefined;
}

/**
 * Draws the tokens of one batch of images.
 *
 * @throws the signal's reason within one step of its abort
 */
export async function* sampleTokens(
  generator: Generator,
  request: SampleRequest,
): AsyncGenerator<SampleStep, void, undefined> {
  const { tokens: L } = generator.config;
  const { classes, indices, seed, guidance, draw, order, prefix, signal } = request;
  checkRequest(generator.config, request);
  const B = classes.length;
  const guided = needsUnconditional(guidance.scale);
  const tokens = classes.map(() => new Int32Array(L));
  const given = prefix?.[0]?.length ?? 0;

  signal?.throwIfAborted();
  const conditions = Int32Array.from(classes, (label) => conditionId(generator.config, label));
  await using session = await generator.open({ conditions, guided, order });
  const noise: NoiseKey =
    draw.sampler === "torch"
      ? { kind: "torch", seed }
      : { kind: "philox", seed, indices, domain: tokenDomain };
  const factors = Float32Array.from({ length: L }, (_, place) => guidanceAt(guidance, place, L));
  const after = (place: number): number => Math.min(place + (session.drawAhead ?? 1), L);
  /** The tokens of the places from this one on that are drawn in one call. */
  const ask = (place: number): Promise<Int32Array> =>
    session.draw({ ...draw, place, count: after(place) - place, factors, noise });
  let ahead: Promise<Int32Array> | undefined;
  if (given > 0 && given < L) await session.prefill();
  for (let place = 0; place < L; ) {
    signal?.throwIfAborted();
    let drawn: Int32Array; // [count][B]
    if (place < given) {
      const count = Math.min(session.most ?? 1, given - place);
      drawn = Int32Array.from({ length: count * B }, (_, i) => prefix![i % B]![place + Math.floor(i / B)]!);
      if (given < L) await session.step(drawn);
    } else {
      const asked = ahead ?? ask(place);
      const next = after(place);
      ahead = next < L ? ask(next) : undefined; // so that the engine need not wait for us
      ahead?.catch(() => {}); // said when its turn comes
      drawn = await asked;
    }
    for (let start = 0; start < drawn.length; start += B, place++) {
      for (let image = 0; image < B; image++) tokens[image]![order?.[place] ?? place] = drawn[start + image]!;
      yield { filled: place + 1, tokens, steps: session.steps };
    }
  }
}

function checkRequest(config: GeneratorConfig, { classes, indices, order, prefix }: SampleRequest): void {
  if (classes.length === 0) throw new RangeError("Cannot sample without a class: pass at least one.");
  if (indices.length !== classes.length)
    throw new RangeError(`${classes.length} classes need as many indices, not ${indices.length}.`);
  for (const label of classes) {
    if (Number.isInteger(label) && label >= 0 && label < config.classes) continue;
    throw new RangeError(`Class ${label} does not exist: this model has classes 0 to ${config.classes - 1}.`);
  }
  if (order) checkOrder(order, config.tokens);
  if (!prefix) return;
  if (prefix.length !== classes.length)
    throw new RangeError(`${classes.length} images need as many rows of given tokens, not ${prefix.length}.`);
  for (const given of prefix) {
    checkTokens(given, config.codebookSize);
    if (given.length === prefix[0]!.length && given.length <= config.tokens) continue;
    throw new RangeError(
      `Every image of a batch needs as many given tokens as the others, at most ${config.tokens}.`,
    );
  }
}
