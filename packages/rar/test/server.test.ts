/** One pipeline as a server would use it: many requests at once, some given up, nothing blocked, nothing kept. */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type GeneratedImage, Pipeline } from "../src/pipeline.js";
import { embeddedSizeFolder } from "../src/testing/model-folders.js";
import { randomNumbers } from "../src/testing/random-model.js";
import { watchStalls } from "../src/testing/stall-meter.js";
import { temporaryFolder, useTemporaryCache } from "../src/testing/temporary.js";

const folder = temporaryFolder();
useTemporaryCache();

const REQUESTS = 200;
/** Milliseconds within which the requests arrive. */
const ARRIVALS = 1500;
const LONGEST_STALL = 50;

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await Pipeline.load(await embeddedSizeFolder(folder), { threads: 2 });
  await pipeline.generate({ classes: [0, 1] }); // compiled code and caches, as after a server's first minute
});
afterAll(async () => {
  await pipeline?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const classOf = (request: number): number => (request * 7) % pipeline.generator.classes;

interface Outcome {
  readonly request: number;
  readonly image?: GeneratedImage;
  readonly aborted?: true;
}

/** Request i is image i of the seed. A third of the clients go away at a random moment, some before their turn. */
async function serve(seed: number, onDone: (count: number) => void): Promise<Outcome[]> {
  let count = 0;
  const next = randomNumbers(seed);
  const random = (below: number): number => ((next() + 1) / 2) * below;
  return Promise.all(
    Array.from({ length: REQUESTS }, async (_, request): Promise<Outcome> => {
      const [arrival, patience] = [random(ARRIVALS), request % 3 === 0 ? random(4000) : undefined];
      await later(arrival);
      const client = new AbortController();
      const gone = new Error(`client ${request} went away`);
      const timer = patience === undefined ? undefined : setTimeout(() => client.abort(gone), patience);
      try {
        const options = { seed, firstIndex: request, signal: client.signal };
        const [image] = await pipeline.generate({ classes: [classOf(request)], ...options });
        return { request, image: image! };
      } catch (error) {
        expect(error).toBe(gone);
        return { request, aborted: true };
      } finally {
        clearTimeout(timer);
        onDone(++count);
      }
    }),
  );
}

it("200 requests, some given up: the loop never waits 50 ms, memory stays flat, every image is its own", {
  timeout: 240_000,
  retry: 1, // another program may take the processor from us for longer than can be told apart
}, async () => {
  const seed = 77;
  const stop = await watchStalls();
  const rss: number[] = []; // MiB after each request
  const outcomes = await serve(seed, () => rss.push(process.memoryUsage.rss() / 2 ** 20));
  const stalls = await stop();
  const quarters = [0.25, 0.5, 0.75, 1].map((share) => rss[Math.floor(share * (REQUESTS - 1))]!);
  console.info(
    `longest stall ${stalls.own.toFixed(0)} ms (${stalls.seen.toFixed(0)} ms with other programs), ` +
      `MiB after each quarter: ${quarters.map(Math.round)}`,
  );

  const done = outcomes.filter(({ image }) => image);
  expect(done.length).toBeGreaterThanOrEqual(REQUESTS - Math.ceil(REQUESTS / 3));
  expect(done.length).toBeLessThan(REQUESTS);

  // The same images drawn in large batches, with nothing else going on.
  const classes = Array.from({ length: REQUESTS }, (_, request) => classOf(request));
  const alone = await pipeline.generate({ classes, seed, batchSize: 32 });
  for (const { request, image } of done) {
    expect(image!.tokens, `tokens of request ${request}`).toEqual(alone[request]!.tokens);
    expect(Buffer.compare(image!.data, alone[request]!.data), `pixels of request ${request}`).toBe(0);
    expect(image).toMatchObject({ index: request, seed, classIndex: classOf(request) });
  }

  expect(stalls.own).toBeLessThan(LONGEST_STALL);
  expect(quarters[3]! - quarters[1]!, "MiB more in the second half").toBeLessThan(80);
});

it("memory does not grow with the number of requests", { timeout: 120_000 }, async () => {
  const shutdown = new AbortController(); // one signal for a server's whole life
  const burst = async (first: number): Promise<number> => {
    for (let i = first; i < first + 40; i++) {
      const signal = AbortSignal.any([shutdown.signal, new AbortController().signal]);
      for await (const { step } of pipeline.stream({ classes: [i % 10], seed: i, signal }))
        if (step === 2) break;
    }
    globalThis.gc?.();
    return process.memoryUsage().rss / 2 ** 20;
  };
  await burst(0);
  const start = await burst(40);
  const end = [await burst(80), await burst(120)];
  expect(Math.min(...end) - start, `MiB: ${[start, ...end].map(Math.round)}`).toBeLessThan(40);
});
