/** Holds the kernels of a decode step against PyTorch's operators, on a GPU or emulated. */
import type { DType, Tensor } from "libtorch";
import * as torch from "libtorch";
import { expect } from "vitest";
import { type GeneratorConfig, headWidth } from "../config/architecture.js";
import { generatorShapes } from "../config/shapes.js";
import { tokenDomain } from "../drawing/noise.js";
import { combine, drawTokens } from "../engines/torch/draw.js";
import { type LoadedGenerator, loadedGenerator } from "../engines/torch/generator.js";
import { type Compile, stepKernels, type Tuning } from "../engines/torch/kernels/program.js";
import { drawWords, KernelStepper } from "../engines/torch/kernels/stepper.js";
import { Modulations, rowConditions } from "../engines/torch/modulation.js";
import { gumbelNoise } from "../engines/torch/noise.js";
import { type Recorder, tensorsOf } from "../engines/torch/record.js";
import { EagerStepper } from "../engines/torch/stepper.js";
import { clsId, noPlaceRow, placeRow } from "../networks/generator.js";
import { deviation } from "./against-plain.js";
import { randomArray, randomIds } from "./random-model.js";

export interface Under {
  readonly compile: Compile;
  readonly device: string;
  readonly dtype: DType;
  readonly record?: Recorder | undefined;
  readonly tuning?: Tuning;
}

const small = (dtype: DType): number => (dtype === "bfloat16" ? 2e-2 : 5e-5);
const wide = (x: Tensor): Tensor => torch.to(x, { dtype: "float32" });

/** In place of a CUDA graph: the function again, its result copied to where the first one was. */
export const rerun: Recorder = (fn) => {
  const result = torch.scope(fn);
  const tensors = tensorsOf(result);
  for (const x of tensors) torch.keep(x);
  return {
    result,
    start() {
      torch.scope(() => {
        for (const [i, x] of tensorsOf(fn()).entries()) torch.copy_(tensors[i]!, x);
      });
    },
    dispose() {
      for (const x of tensors) x.dispose();
    },
  };
};

/** Attention alone, its norms and what it writes into the cache, where the new position is each of `positions`. */
export function checkAttention(
  { compile, device, dtype, tuning }: Under,
  config: GeneratorConfig,
  rows: number,
  positions: readonly number[],
): void {
  const { width, heads, tokens } = config;
  const d = headWidth(config);
  const room = tokens + 1;
  const kernels = stepKernels(config, dtype, device, rows, room, compile, tuning);
  for (const position of positions)
    torch.scope(() => {
      const random = (seed: number, shape: readonly number[], scale = 1): Tensor => {
        const data = randomArray(
          seed,
          shape.reduce((n, size) => n * size, 1),
          scale,
        );
        return torch.to(torch.tensor(data, { shape }), { device, dtype });
      };
      const qkv = random(position, [rows, 3 * width], 2);
      const [qWeight, qBias, kWeight, kBias] = [1, 2, 3, 4].map((seed) => random(seed, [d], 1.5)) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      const [k, v] = [5, 6].map((seed) => random(seed + position, [rows, heads, room, d])) as [
        Tensor,
        Tensor,
      ];
      const [kBefore, vBefore] = [wide(k), wide(v)].map((x) => torch.clone(x)) as [Tensor, Tensor];
      const state = torch.tensor(Int32Array.of(position, 0), { device });
      const out = torch.zeros([rows, width], { device, dtype });
      kernels.run.attention(rows * heads, false, qkv, qWeight, qBias, kWeight, kBias, k, v, state, out);

      const apart = torch.unbind(torch.permute(torch.view(wide(qkv), [rows, 3, heads, d]), [1, 0, 2, 3]), 0);
      const [q0, k0, v0] = apart as [Tensor, Tensor, Tensor];
      const q = torch.layer_norm(q0, [d], wide(qWeight), wide(qBias), 1e-6);
      const newK = torch.layer_norm(k0, [d], wide(kWeight), wide(kBias), 1e-6);
      const rounded = wide(torch.to(newK, { dtype }));
      torch.copy_(torch.select(kBefore, 2, position), rounded);
      torch.copy_(torch.select(vBefore, 2, position), v0);
      const [keys, values] = [kBefore, vBefore].map((x) => torch.narrow(x, 2, 0, position + 1)) as [
        Tensor,
        Tensor,
      ];
      const scores = torch.sum(torch.mul(torch.unsqueeze(q, 2), keys), [-1], true); // [rows, heads, positions, 1]
      const expected = torch.sum(torch.mul(torch.softmax(scores, 2), values), [2]);
      const at = `d ${d}, ${rows} rows, position ${position}, ${dtype}`;
      const numbers = (x: Tensor): number[] => torch.numbers(torch.to(wide(x), { device: "cpu" }));
      expect(deviation(numbers(out), numbers(expected)), `attention, ${at}`).toBeLessThan(small(dtype));
      expect(deviation(numbers(k), numbers(kBefore)), `keys, ${at}`).toBeLessThan(small(dtype));
      expect(deviation(numbers(v), numbers(vBefore)), `values, ${at}`).toBe(0);
    });
}

/** Drawn on the device, where a large one takes no time, with numbers about as large as `randomGenerator`'s. */
export function randomModel(config: GeneratorConfig, device: string, dtype: DType): LoadedGenerator {
  torch.manualSeed(1);
  const parameters = new Map<string, Tensor>();
  for (const { name, shape } of generatorShapes(config))
    torch.scope(() => {
      const inputs = shape.slice(1).reduce((n, size) => n * size, 1);
      const scale = /embed/.test(name) ? 1 : shape.length === 1 ? 0.2 : 1.5 / Math.sqrt(inputs);
      const x = torch.mul(torch.sub(torch.rand(shape, { device }), 0.5), 2 * scale);
      const own = /norm.*weight$/.test(name) ? torch.add(x, 1) : x;
      parameters.set(name, torch.keep(torch.to(own, { dtype })));
    });
  return loadedGenerator(config, parameters, device, dtype, false);
}

/**
 * Whole steps of a guided batch against those by operators, twice with other conditions, as a kept stepper sees them.
 * Positions left out are zeros in both caches.
 */
export function checkSteps(
  { compile, device, dtype, record, tuning }: Under,
  model: LoadedGenerator,
  images: number,
  positions: readonly number[],
): void {
  const { config } = model;
  const rows = 2 * images;
  const compiled = stepKernels(config, dtype, device, rows, config.tokens + 1, compile, tuning);
  const fused = new KernelStepper(model, rows, compiled, record);
  const ids = (values: Iterable<number>, shape: readonly number[]): Tensor =>
    torch.tensor(BigInt64Array.from(values, BigInt), { shape, device });
  for (const [round, distinct] of [1, Math.min(images, config.classes)].entries()) {
    const conditions = Int32Array.from(
      { length: images },
      (_, i) => config.codebookSize + 1 + (i % distinct),
    );
    const eager = new EagerStepper(model, rows);
    const all = rowConditions(config, conditions, true);
    const modulations = new Modulations(model, all);
    const others = new Modulations(model, all); // the fused stepper frees its chunks
    for (const position of positions)
      torch.scope(() => {
        const content =
          position === 0
            ? ids(Array(rows).fill(clsId(config)), [rows, 1])
            : position === 1
              ? ids(all, [rows, 1])
              : ids(randomIds(100 * round + position, images, config.codebookSize), [images, 1]);
        const where = ids([position < 2 ? position : placeRow(position - 2)], [1]);
        const next = ids([placeRow(position % config.tokens)], [1]);
        const expected = eager.run({ content, where, next, modulations }, position);
        const found = fused.run({ content, where, next, modulations: others }, position);
        const numbers = (x: Tensor): number[] => torch.numbers(torch.to(wide(x), { device: "cpu" }));
        const tolerance = dtype === "bfloat16" ? 5e-2 : 1e-4;
        expect(
          deviation(numbers(found), numbers(expected)),
          `${rows} rows, round ${round}, position ${position}, ${dtype}`,
        ).toBeLessThan(tolerance);
      });
    eager.dispose();
    modulations.dispose();
    others.dispose();
  }
  fused.dispose();
}

/** Drawn by one call; the last call draws fewer. */
const PLACES = 3;

/**
 * Whole images drawn by the kernels, several places a call, against the same drawn place by place by operators from the
 * stepper's own logits; guided and not, for two batches, as a kept stepper sees them.
 */
export function checkDraws(
  { compile, device, dtype, record, tuning }: Under,
  model: LoadedGenerator,
  images: number,
  temperatures: readonly number[] = [1.02, 0, 3],
): void {
  const { config } = model;
  const { codebookSize: K, tokens: L } = config;
  const ids = (values: Iterable<number>, shape: readonly number[]): Tensor =>
    torch.tensor(BigInt64Array.from(values, BigInt), { shape, device });
  const places = Array.from({ length: L }, (_, i) => placeRow((i * 3) % L));
  const where = torch.keep(ids([0, 1, ...places].slice(0, L + 1), [L + 1]));
  const next = torch.keep(ids([noPlaceRow(config), ...places], [L + 1]));
  for (const guided of [true, false]) {
    const rows = guided ? 2 * images : images;
    const compiled = stepKernels(config, dtype, device, rows, L + 1, compile, tuning);
    const [fused, single] = [record, undefined].map((how) => new KernelStepper(model, rows, compiled, how));
    for (const [round, temperature] of temperatures.entries()) {
      const conditions = rowConditions(
        config,
        Int32Array.from(
          { length: images },
          (_, i) => K + 1 + ((i + round) % Math.min(images, config.classes)),
        ),
        guided,
      );
      const [own, other] = [new Modulations(model, conditions), new Modulations(model, conditions)];
      const seed = 2 ** 32 * 5 + 4_000_000_000 + round;
      const indices = Array.from({ length: images }, (_, i) => 2 ** 33 + 3_000_000_000 + i);
      const noise = { kind: "philox", seed, indices, domain: tokenDomain } as const;
      const factors = places.map((_, i) => 1 + ((i * 0.37 + round) % 3));
      const at = (position: number): { where: Tensor; next: Tensor } => ({
        where: torch.narrow(where, 0, position, 1),
        next: torch.narrow(next, 0, position, 1),
      });
      const prefix = [Array<number>(rows).fill(clsId(config)), conditions];
      const found: number[] = [];
      torch.scope(() => {
        for (const [position, content] of prefix.entries()) {
          const input = { content: ids(content, [rows, 1]), ...at(position), modulations: own };
          fused!.run(input, position);
        }
        for (let place = 0; place < L; place += PLACES) {
          const some = factors.slice(place, place + PLACES);
          const drawing = { place, factors: some, temperature, noise, where, next, modulations: own };
          const { tokens, broken } = fused!.draw(drawing);
          found.push(...torch.numbers(torch.narrow(tokens, 0, place, some.length)));
          expect(torch.item(broken)).toBe(0);
        }
      });
      const expected: number[] = [];
      for (let position = 0; position <= L; position++)
        torch.scope(() => {
          const content =
            position < 2 ? ids(prefix[position]!, [rows, 1]) : ids(expected.slice(-images), [images, 1]);
          const logits = single!.run({ content, ...at(position), modulations: other }, position);
          if (position === 0) return;
          const place = position - 1;
          const factor = factors[place]!;
          const gumbel = torch.select(gumbelNoise(noise, place, 1, K, device), 0, 0);
          const drawn = drawTokens(combine(logits, images, factor), { factor, temperature }, gumbel);
          expected.push(...torch.numbers(drawn));
        });
      expect(found, `${rows} rows, temperature ${temperature}, ${dtype}`).toEqual(expected);
      own.dispose();
      other.dispose();
    }
    fused!.dispose();
    single!.dispose();
  }
  where.dispose();
  next.dispose();
}

/** The kernel that draws, with ties, and with a logit that is not finite. */
export function checkDraw({ compile, device, dtype }: Under, config: GeneratorConfig, images: number): void {
  const K = config.codebookSize;
  const { run } = stepKernels(config, dtype, device, 2 * images, config.tokens + 1, compile);
  for (const guided of [true, false]) {
    const rows = guided ? 2 * images : images;
    for (const [round, temperature] of [1, 0, 0.7, 1.02, 3].entries())
      torch.scope(() => {
        const data = randomArray(round + 7, rows * K, 6).map((x) => Math.round(x * 4) / 4); // with ties
        const logits = torch.tensor(data, { shape: [rows, K], device });
        const factor = 2.5 * round;
        const place = 3 + round;
        const seed = 2 ** 32 * 5 + 4_000_000_000 + round;
        const indices = Array.from({ length: images }, (_, i) => 2 ** 33 + 3_000_000_000 + i);
        const noise = { kind: "philox", seed, indices, domain: tokenDomain } as const;
        const gumbel = torch.select(gumbelNoise(noise, place, 1, K, device), 0, 0);
        const expected = drawTokens(combine(logits, images, factor), { factor, temperature }, gumbel);
        const factors = torch.full([place + 1], factor, { device });
        const temperatures = torch.full([1], temperature, { device, dtype: "float64" });
        const words = torch.tensor(drawWords(noise), { device });
        const state = torch.tensor(Int32Array.of(place + 1, 0, 0), { device });
        const tokens = torch.zeros([place + 1, images], { device, dtype: "int64" });
        const broken = torch.zeros([1], { device, dtype: "int32" });
        const draw = (): void =>
          run.draw(
            images,
            false,
            ...[logits, guided ? 1 : 0, factors, temperatures, words, state, tokens, broken],
          );
        draw();
        expect(torch.numbers(torch.select(tokens, 0, place)), `temperature ${temperature}`).toEqual(
          torch.numbers(expected),
        );
        expect(torch.numbers(broken)).toEqual([0]);
        expect(torch.numbers(state)).toEqual([place + 1, 0, place + 2]);
        torch.fill_(torch.narrow(logits, 0, rows - 1, 1), Number.NaN);
        draw();
        expect(torch.numbers(broken)).toEqual([1]);
      });
  }
}
