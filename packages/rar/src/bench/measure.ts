/** Times whole images, everything included but loading, beside the machine's floor in the same run. */
import type { GeneratorConfig, TokenizerConfig } from "../config/architecture.js";
import { createEngine, precisionsOf } from "../engines/create.js";
import type { Engine, Generator, Model, Precision, Tokenizer } from "../engines/engine.js";
import { sampleTokens } from "../sampling/generate.js";
import { imageFloor, type MachineSpeed, measureMachine } from "./floor.js";

export interface BenchOptions {
  /** Default: onnx. */
  readonly engine?: Engine["name"] | undefined;
  readonly device?: string | undefined;
  readonly precisions?: readonly Precision[] | undefined;
  /** Images at once, one row of the table each. */
  readonly batches?: readonly number[] | undefined;
  readonly threads?: number | undefined;
  /** Counted runs after one that is not. */
  readonly runs?: number | undefined;
  readonly guidanceScale?: number | undefined;
  /** Positions of a lone image computed at once. Default: what proves fastest. */
  readonly window?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface BenchRow {
  readonly precision: Precision;
  readonly images: number;
  /** Seconds from request to pixels of the whole batch: median, least, most. */
  readonly seconds: { readonly median: number; readonly least: number; readonly most: number };
  readonly decodeSeconds: number;
  readonly stepMilliseconds: number;
  /** Steps of the network, for the whole batch: one a position, or fewer. */
  readonly steps: number;
  readonly floorSeconds: number;
  readonly ratio: number;
  readonly secondsPerImage: number;
  readonly loadSeconds: number;
  /** Most memory the process has held so far, bytes. */
  readonly peakMemory: number;
  /** Bytes of the weights as the engine holds them, and of the batch's caches. */
  readonly weightBytes: number;
  readonly cacheBytes: number;
  readonly machine: MachineSpeed;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** Measures one row after the other; the machine's speed is taken anew beside each. */
export async function* bench(
  models: { generator: Model<GeneratorConfig>; tokenizer?: Model<TokenizerConfig> | undefined },
  options: BenchOptions = {},
): AsyncGenerator<BenchRow> {
  const name = options.engine ?? "onnx";
  for (const precision of options.precisions ?? precisionsOf[name]) {
    await using engine = await createEngine(
      { engine: name, device: options.device, precision, threads: options.threads, window: options.window },
      0,
    );
    const start = performance.now();
    const generator = await engine.loadGenerator(models.generator, { signal: options.signal });
    const tokenizer =
      models.tokenizer && (await engine.loadTokenizer(models.tokenizer, { signal: options.signal }));
    const loadSeconds = (performance.now() - start) / 1000;
    for (const images of options.batches ?? [1]) {
      yield { ...(await row(generator, tokenizer, engine, images, options)), loadSeconds };
    }
  }
}

async function row(
  generator: Generator,
  tokenizer: Tokenizer | undefined,
  { name, device, precision, threads }: Engine,
  images: number,
  { runs = 3, guidanceScale = 4, signal }: BenchOptions,
): Promise<Omit<BenchRow, "loadSeconds">> {
  const question = { engine: name, device, precision, threads };
  const before = await measureMachine(question);
  const times: Time[] = [];
  // The first run warms caches and makes what is made once a model, such as the unconditional rows' modulation.
  for (let run = 0; run <= runs; run++) {
    const classes = Array.from({ length: images }, (_, i) => (run * 101 + i * 37) % generator.config.classes);
    const time = await oneBatch(generator, tokenizer, classes, guidanceScale, signal);
    if (run > 0) times.push(time);
  }
  const after = await measureMachine(question);
  const machine = {
    bytesPerSecond: Math.max(before.bytesPerSecond, after.bytesPerSecond),
    flops: Math.max(before.flops, after.flops),
    float32Flops: Math.max(before.float32Flops, after.float32Flops),
  };
  const guided = guidanceScale !== 0 && guidanceScale !== 1;
  const floor = imageFloor(machine, generator.config, tokenizer?.config, { precision, images, guided });
  const whole = times.map((time) => time.whole);
  return {
    precision,
    images,
    seconds: { median: median(whole), least: Math.min(...whole), most: Math.max(...whole) },
    decodeSeconds: median(times.map((time) => time.decode)),
    stepMilliseconds: median(times.map((time) => (time.drawing * 1000) / time.steps)),
    steps: median(times.map((time) => time.steps)),
    floorSeconds: floor.total,
    ratio: median(whole) / floor.total,
    secondsPerImage: median(whole) / images,
    peakMemory: process.resourceUsage().maxRSS * 1024,
    weightBytes: generator.weightBytes + (tokenizer?.weightBytes ?? 0),
    cacheBytes: generator.sessionBytes(guided ? 2 * images : images),
    machine,
  };
}

interface Time {
  readonly whole: number;
  readonly drawing: number;
  readonly decode: number;
  /** Of the network. */
  readonly steps: number;
}

async function oneBatch(
  generator: Generator,
  tokenizer: Tokenizer | undefined,
  classes: readonly number[],
  scale: number,
  signal: AbortSignal | undefined,
): Promise<Time> {
  const { tokens: L } = generator.config;
  const start = performance.now();
  const codes = new Int32Array(classes.length * L);
  const request = {
    classes,
    indices: classes.map((_, i) => i),
    seed: 1,
    guidance: { scale, pow: 0 },
    draw: { temperature: 1 },
  };
  let steps = L + 1;
  for await (const { filled, tokens, steps: fewer = steps } of sampleTokens(generator, {
    ...request,
    signal,
  })) {
    steps = fewer;
    if (filled === L) for (const [i, one] of tokens.entries()) codes.set(one, i * L);
  }
  const drawn = performance.now();
  const side = Math.sqrt(L);
  await tokenizer?.decode(codes, side, side);
  const end = performance.now();
  return {
    whole: (end - start) / 1000,
    drawing: (drawn - start) / 1000,
    decode: (end - drawn) / 1000,
    steps,
  };
}
