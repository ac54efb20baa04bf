/** The sampling loop: L steps of the network, one token an image drawn after each (REFERENCE 4.1). */
import { conditionId, type GeneratorConfig } from "../config/architecture.js";
import { RarityError } from "../config/errors.js";
import { checkOrder, checkTokens } from "../engines/check.js";
import type { Generator, GeneratorSession, NoiseKey } from "../engines/engine.js";
import { type DrawSettings, drawToken } from "./draw.js";
import { combine, type Guidance, guidanceAt, needsUnconditional } from "./guidance.js";
import { GumbelNoise, tokenDomain } from "./noise.js";

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
  const { codebookSize: K, tokens: L } = generator.config;
  const { classes, indices, seed, guidance, signal, prefix } = request;
  checkRequest(generator.config, request);
  const B = classes.length;
  const guided = needsUnconditional(guidance.scale);
  const tokens = classes.map(() => new Int32Array(L));
  const noise = new GumbelNoise(K);
  const logits = new Float32Array(B * K);
  const given = prefix?.[0]?.length ?? 0;

  signal?.throwIfAborted();
  const conditions = Int32Array.from(classes, (label) => conditionId(generator.config, label));
  await using session = await generator.open({ conditions, guided, order: request.order });
  const { draw } = request;
  if (session.draw) {
    yield* drawInside(session, request, tokens);
    return;
  }
  if (draw.sampler === "torch")
    throw new RarityError(
      "engine",
      'The sampler "torch" needs the torch engine. Pass --engine torch, or leave --sampler out.',
    );
  let rows = given < L ? await session.prefill() : undefined; // [rows, K]
  for (let place = 0; place < L; place++) {
    signal?.throwIfAborted();
    const drawn = new Int32Array(B);
    if (place >= given) combine(rows!, B, K, guidanceAt(guidance, place, L), logits);
    for (let image = 0; image < B; image++) {
      if (place < given) {
        drawn[image] = prefix![image]![place]!;
      } else {
        const own = draw.temperature === 0 ? undefined : noise.at(seed, indices[image]!, place);
        drawn[image] = drawToken(logits.subarray(image * K, (image + 1) * K), draw, own);
      }
      tokens[image]![request.order?.[place] ?? place] = drawn[image]!;
    }
    yield { filled: place + 1, tokens };
    if (place + 1 < L && given < L) rows = await session.step(drawn);
  }
}

/** The same loop where the engine draws: several places a call on a device that is slow to be waited for. */
async function* drawInside(
  session: GeneratorSession,
  { seed, indices, guidance, draw, order, prefix, signal }: SampleRequest,
  tokens: readonly Int32Array[],
): AsyncGenerator<SampleStep, void, undefined> {
  const [B, L] = [tokens.length, tokens[0]!.length];
  const given = prefix?.[0]?.length ?? 0;
  const noise: NoiseKey =
    draw.sampler === "torch"
      ? { kind: "torch", seed }
      : { kind: "philox", seed, indices, domain: tokenDomain };
  if (given > 0 && given < L) await session.prefill();
  for (let place = 0; place < L; ) {
    signal?.throwIfAborted();
    let drawn: Int32Array; // [count][B]
    if (place < given) {
      drawn = Int32Array.from({ length: B }, (_, image) => prefix![image]![place]!);
      if (given < L) await session.step(drawn);
    } else {
      const count = Math.min(session.drawAhead ?? 1, L - place);
      const factors = Array.from({ length: count }, (_, i) => guidanceAt(guidance, place + i, L));
      drawn = await session.draw!({ ...draw, place, factors, noise });
    }
    for (let start = 0; start < drawn.length; start += B, place++) {
      for (let image = 0; image < B; image++) tokens[image]![order?.[place] ?? place] = drawn[start + image]!;
      yield { filled: place + 1, tokens };
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
