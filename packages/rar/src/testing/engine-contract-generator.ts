/** What every engine's generator sessions must do: the training form's logits, row by row, whatever else runs. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { conditionId, type GeneratorConfig, noneId } from "../config/architecture.js";
import { drawToken } from "../drawing/draw.js";
import { combine, guidanceAt } from "../drawing/guidance.js";
import { GumbelNoise, tokenDomain } from "../drawing/noise.js";
import type { Engine, Generator, GeneratorSession, SessionRequest } from "../engines/engine.js";
import { forward, generatorWeights } from "../networks/generator.js";
import { deviation } from "./against-plain.js";
import { plain, plainOps } from "./plain-ops.js";
import { randomGenerator, randomIds, randomOrder, tinyGenerator } from "./random-model.js";

/** More than 32 positions, so that what is kept in buckets or chunks of that size meets its edge. */
const longer: GeneratorConfig = { ...tinyGenerator, depth: 1, tokens: 36, classes: 3 };

const conditionsOf = (config: GeneratorConfig, labels: readonly number[]): Int32Array =>
  Int32Array.from(labels, (label) => conditionId(config, label));

/** Logits of every place of a session that is fed given tokens [place][image]. */
async function run(
  generator: Generator,
  request: SessionRequest,
  tokens: readonly Int32Array[],
): Promise<Float32Array[]> {
  await using session = await generator.open(request);
  const rows = [await session.prefill()];
  for (const drawn of tokens.slice(0, -1)) rows.push(await session.step(drawn));
  return rows;
}

const randomTokens = (config: GeneratorConfig, images: number, seed: number): Int32Array[] =>
  Array.from({ length: config.tokens }, (_, place) =>
    randomIds(seed * 100 + place, images, config.codebookSize),
  );

export function generatorContract(makeEngine: () => Engine | Promise<Engine>): void {
  let engine: Engine;
  const models = { tiny: randomGenerator(tinyGenerator), longer: randomGenerator(longer, 5) };
  const loaded = {} as Record<keyof typeof models, Generator>;
  beforeAll(async () => {
    engine = await makeEngine();
    loaded.tiny = await engine.loadGenerator(models.tiny);
    loaded.longer = await engine.loadGenerator(models.longer);
  });
  afterAll(() => engine.dispose());

  /** Training form in plain JavaScript: logits [L][rows * K] of rows with these conditions. */
  async function expected(
    which: keyof typeof models,
    conditions: readonly number[],
    tokens: readonly Int32Array[],
    order?: Int32Array,
  ): Promise<number[][]> {
    const { config, weights } = models[which];
    const [L, K] = [config.tokens, config.codebookSize];
    const parameters = new Map<string, ReturnType<typeof plain>>();
    for (const { name, shape } of weights.tensors.values())
      parameters.set(name, plain(shape, await weights.readFloat32(name)));
    const places: number[][] = Array.from({ length: L }, () => []);
    for (const [row, condition] of conditions.entries()) {
      const image = row % tokens[0]!.length;
      const logits = forward(
        plainOps,
        config,
        generatorWeights(config, (name) => parameters.get(name)!),
        {
          tokens: plain(
            [1, L],
            tokens.map((drawn) => drawn[image]!),
            true,
          ),
          condition: plain([1, 1], [condition], true),
          order: plain([1, L], order ?? Array.from({ length: L }, (_, i) => i), true),
        },
      );
      for (let place = 0; place < L; place++)
        places[place]!.push(...logits.data.subarray(place * K, (place + 1) * K));
    }
    return places;
  }

  describe.each(["tiny", "longer"] as const)("%s model", (which) => {
    const { config } = models[which];

    it.each([
      { name: "one image alone", labels: [1], guided: false, order: false },
      { name: "two images with guidance", labels: [0, 2], guided: true, order: false },
      { name: "an order that is not raster", labels: [2, 1, 0], guided: true, order: true },
    ])("$name: each step's logits are the training form's row", async ({ labels, guided, order }) => {
      const tokens = randomTokens(config, labels.length, labels.length);
      const request = {
        conditions: conditionsOf(config, labels),
        guided,
        order: order ? randomOrder(3, config.tokens) : undefined,
      };
      const rows = await run(loaded[which], request, tokens);
      const conditions = [...request.conditions, ...(guided ? labels.map(() => noneId(config)) : [])];
      const wanted = await expected(which, conditions, tokens, request.order);
      const deviations = rows.map((row, place) => deviation(row, wanted[place]!));
      expect(rows).toHaveLength(config.tokens);
      expect(Math.max(...deviations), `largest of ${deviations}`).toBeLessThan(2e-5);
    });

    it.each([
      { given: 0, labels: [1, 0], guided: true },
      { given: 2, labels: [1, 0], guided: true },
      { given: 0, labels: [1], guided: true },
      { given: 2, labels: [1], guided: true },
      { given: 0, labels: [1], guided: false },
    ])(
      "draws inside what the caller draws from its logits, after $given given tokens, images $labels, guided $guided",
      async ({ given, labels, guided }) => {
        const request = { conditions: conditionsOf(config, labels), guided };
        const { codebookSize: K, tokens: L } = config;
        const [seed, indices, found] = [11, [5, 2].slice(0, labels.length), new GumbelNoise(K)];
        const factors = Float32Array.from({ length: L }, (_, place) =>
          guidanceAt({ scale: 3, pow: 1 }, place, L),
        );
        const drawn = randomTokens(config, labels.length, 4).slice(0, given);
        await using outside = await loaded[which].open(request);
        let rows = await outside.prefill();
        for (let place = 0; place < L; place++) {
          const logits = combine(rows, labels.length, K, factors[place]!);
          drawn[place] ??= Int32Array.from(indices, (index, image) =>
            drawToken(
              logits.subarray(image * K, (image + 1) * K),
              { temperature: 1.1 },
              found.at(seed, index, place),
            ),
          );
          if (place + 1 < L) rows = await outside.step(drawn[place]!);
        }

        await using session = await loaded[which].open(request);
        if (given > 0) await session.prefill();
        for (const tokens of drawn.slice(0, given)) await session.step(tokens);
        const inside: number[] = [];
        for (let place = given; place < L; ) {
          const count = Math.min(1 + (place % 2), L - place); // one place, then two
          const noise = { kind: "philox", seed, indices, domain: tokenDomain } as const;
          inside.push(...(await session.draw({ place, count, factors, temperature: 1.1, noise })));
          place += count;
        }
        expect(inside).toEqual(drawn.slice(given).flatMap((tokens) => [...tokens]));
      },
    );

    it.each([1, 2])(
      "takes given tokens of several places at once as one after the other, %i images",
      async (images) => {
        const labels = [1, 0].slice(0, images);
        const request = { conditions: conditionsOf(config, labels), guided: true };
        const tokens = randomTokens(config, images, 8);
        const rows = await run(loaded[which], request, tokens);
        await using session = await loaded[which].open(request);
        await session.prefill();
        const joined = (from: number, to: number): Int32Array =>
          Int32Array.from(tokens.slice(from, to).flatMap((drawn) => [...drawn]));
        for (let place = 0, count = 1; place + 1 < config.tokens; count = 1 + ((3 * count) % 7)) {
          const end = Math.min(place + count, config.tokens - 1);
          const logits = await session.step(joined(place, end));
          expect(deviation(logits, [...rows[end]!])).toBeLessThan(1e-6);
          place = end;
        }
        await using beyond = await loaded[which].open(request);
        await beyond.prefill();
        await expect(beyond.step(joined(0, config.tokens))).rejects.toThrow(/complete/);
      },
    );

    it("sessions that take turns do not disturb each other", async () => {
      const { tiny, longer } = loaded;
      const requests = [
        { generator: loaded[which], config, labels: [0], guided: true, seed: 7 },
        { generator: loaded[which], config, labels: [1, 2], guided: false, seed: 8 },
        {
          generator: which === "tiny" ? longer : tiny,
          config: models[which === "tiny" ? "longer" : "tiny"].config,
          labels: [1],
          guided: true,
          seed: 9,
        },
      ].map((r) => ({
        ...r,
        request: { conditions: conditionsOf(r.config, r.labels), guided: r.guided },
        tokens: randomTokens(r.config, r.labels.length, r.seed),
      }));
      const alone: Float32Array[][] = [];
      for (const { generator, request, tokens } of requests)
        alone.push(await run(generator, request, tokens));
      const together = await Promise.all(
        requests.map(({ generator, request, tokens }) => run(generator, request, tokens)),
      );
      expect(together).toEqual(alone);
    });
  });

  describe("wrong calls", () => {
    const conditions = conditionsOf(tinyGenerator, [1, 3]);
    const opened = (): Promise<GeneratorSession> => loaded.tiny.open({ conditions, guided: true });
    const rejected = (call: Promise<unknown>): Promise<Error> =>
      call.then(
        () => new Error("it was not refused"),
        (error: Error) => error,
      );

    it("says how many rows it computes", async () => {
      await using guided = await opened();
      await using alone = await loaded.tiny.open({ conditions, guided: false });
      expect([guided.rows, alone.rows]).toEqual([4, 2]);
      const K = tinyGenerator.codebookSize;
      expect([(await guided.prefill()).length, (await alone.prefill()).length]).toEqual([4 * K, 2 * K]);
    });

    it.each([[-1], [tinyGenerator.codebookSize], [2 ** 31 - 1]])(
      "refuses token %i, and goes on",
      async (token) => {
        await using session = await opened();
        await session.prefill();
        const error = await rejected(session.step(Int32Array.of(0, token)));
        expect(error).toBeInstanceOf(RangeError);
        expect(error.message).toContain(`${token}`);
        expect(error.message).toContain(`${tinyGenerator.codebookSize - 1}`);
        await expect(session.step(Int32Array.of(0, 1))).resolves.toHaveLength(4 * tinyGenerator.codebookSize);
      },
    );

    it("refuses tokens that are not one an image", async () => {
      await using session = await opened();
      await session.prefill();
      for (const count of [0, 1, 3, 5]) {
        const error = await rejected(session.step(new Int32Array(count)));
        expect(error).toBeInstanceOf(RangeError);
        expect(error.message).toContain(`${count}`);
      }
    });

    it("refuses a step before the prefix, a second prefix, and a step after the last", async () => {
      await using session = await opened();
      expect(await rejected(session.step(Int32Array.of(0, 0)))).toBeInstanceOf(RangeError);
      await session.prefill();
      expect(await rejected(session.prefill())).toBeInstanceOf(RangeError);
      for (let i = 1; i < tinyGenerator.tokens; i++) await session.step(Int32Array.of(i, i));
      expect(await rejected(session.step(Int32Array.of(0, 0)))).toBeInstanceOf(RangeError);
    });

    it("refuses no images, conditions that are none, and orders that are no permutation", async () => {
      const L = tinyGenerator.tokens;
      const order = (change: (o: Int32Array) => unknown): Int32Array => {
        const o = Int32Array.from({ length: L }, (_, i) => i);
        change(o);
        return o;
      };
      const requests: SessionRequest[] = [
        { conditions: new Int32Array(), guided: true },
        { conditions: Int32Array.of(-1), guided: true },
        { conditions: Int32Array.of(noneId(tinyGenerator) + 1), guided: false },
        { conditions, guided: true, order: new Int32Array(L - 1) },
        { conditions, guided: true, order: order((o) => o.fill(0)) },
        { conditions, guided: true, order: order((o) => o.set([L], 3)) },
        { conditions, guided: true, order: order((o) => o.set([-1], 3)) },
      ];
      for (const request of requests)
        expect(await rejected(loaded.tiny.open(request))).toBeInstanceOf(RangeError);
    });

    it("fails with a sentence after a session, a generator or the engine was disposed; twice is fine", async () => {
      const other = await makeEngine();
      const [first, second] = [
        await other.loadGenerator(models.tiny),
        await other.loadGenerator(models.tiny),
      ];
      const request = { conditions, guided: false };
      const closed = await second.open(request);
      await closed[Symbol.asyncDispose]();
      await closed[Symbol.asyncDispose]();
      expect((await rejected(closed.prefill())).message).toMatch(/disposed/);

      const orphan = await first.open(request);
      await orphan.prefill();
      await first[Symbol.asyncDispose]();
      await first[Symbol.asyncDispose]();
      expect((await rejected(first.open(request))).message).toMatch(/disposed/);
      expect((await rejected(orphan.step(Int32Array.of(0, 0)))).message).toMatch(/disposed/);

      await using still = await second.open(request);
      await expect(still.prefill()).resolves.toBeDefined();
      await other.dispose();
      await other.dispose();
      expect((await rejected(still.step(Int32Array.of(0, 0)))).message).toMatch(/disposed/);
      expect((await rejected(second.open(request))).message).toMatch(/disposed/);
      expect((await rejected(other.loadGenerator(models.tiny))).message).toMatch(/disposed/);
    });

    it("does not do what waits when a session is closed, and draws no place twice", async () => {
      const session = await opened();
      const noise = { kind: "philox", seed: 0, indices: [0, 1], domain: tokenDomain } as const;
      const factors = new Float32Array(longer.tokens).fill(2);
      const draw = (place: number) => session.draw({ place, count: 1, factors, temperature: 1, noise });
      await draw(0);
      expect((await rejected(draw(0))).message).toMatch(/cannot be drawn now/);
      // Many images first, that the engine is busy while the session is closed.
      const many = Array.from({ length: 100 }, (_, i) => i);
      await using busy = await loaded.longer.open({
        conditions: conditionsOf(
          longer,
          many.map(() => 1),
        ),
        guided: true,
      });
      const count = longer.tokens;
      const long = busy.draw({
        place: 0,
        count,
        factors,
        temperature: 1,
        noise: { ...noise, indices: many },
      });
      const waiting = rejected(draw(1));
      const closed = session[Symbol.asyncDispose]();
      expect((await waiting).message).toMatch(/disposed/);
      expect(await long).toHaveLength(longer.tokens * many.length);
      await closed;
    });

    it("a generator disposed while a session computes takes nothing else down", async () => {
      const doomed = await engine.loadGenerator(models.longer);
      const steps = run(
        doomed,
        { conditions: conditionsOf(longer, [1, 2]), guided: true },
        randomTokens(longer, 2, 4),
      ).catch((error: Error) => error.message);
      await new Promise((resolve) => setTimeout(resolve, 5));
      await doomed[Symbol.asyncDispose]();
      await steps;
      await using session = await opened();
      await expect(session.prefill()).resolves.toBeDefined();
    });

    it("refuses a preparation that was aborted, with the signal's reason", async () => {
      const signal = AbortSignal.abort(new Error("enough"));
      expect((await rejected(engine.loadGenerator(models.tiny, { signal }))).message).toBe("enough");
    });
  });

  it("says what a session will hold, more for more rows", () => {
    const bytes = [1, 2, 8, 32].map((rows) => loaded.tiny.sessionBytes(rows));
    expect(bytes[0]).toBeGreaterThan(0);
    expect([...bytes].sort((a, b) => a - b)).toEqual(bytes);
    expect(new Set(bytes).size).toBe(bytes.length);
  });
}
