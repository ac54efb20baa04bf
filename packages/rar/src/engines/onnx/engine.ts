/** The ONNX engine: networks traced once, run by ONNX Runtime in a thread of its own. */
import { rm } from "node:fs/promises";
import { availableParallelism, freemem } from "node:os";
import { Worker } from "node:worker_threads";
import {
  downsampling,
  type GeneratorConfig,
  headWidth,
  type TokenizerConfig,
} from "../../config/architecture.js";
import { RarityError } from "../../config/errors.js";
import { modulationParts } from "../../networks/generator.js";
import type { TensorSource } from "../../weights/tensor-file.js";
import { checkSessionRequest, checkStep, checkTokens } from "../check.js";
import type {
  Engine,
  Generator,
  GeneratorSession,
  HostArray,
  Model,
  Network,
  Precision,
  RunOptions,
  SessionRequest,
  Tokenizer,
} from "../engine.js";
import { Client, lowered, raise } from "../rpc.js";
import type { Graph } from "./graph.js";
import { anyGraph, decoderGraph, encoderGraph, modulationGraph, severalAtOnce, stepGraph } from "./graphs.js";
import { BLOCK, cacheBytes } from "./kv-cache.js";
import type { Machine } from "./machine.js";
import { chunkSize, KEEP_BYTES } from "./modulation.js";
import { prepare } from "./prepared.js";
import { storedBytes, type WeightFormat } from "./weights.js";
import { MOST } from "./window.js";
import type { Drawn, GeneratorSettings, SessionSettings } from "./worker.js";

export interface OnnxOptions {
  readonly precision?: Precision | undefined;
  /** Threads of ONNX Runtime; default: the machine's. */
  readonly threads?: number | undefined;
  /**
   * Positions of a lone image computed at once: those after the first with guesses of the tokens before them, kept where
   * the guesses hold. The tokens are the same whatever it is. Default: what proves fastest. 1 in int4.
   */
  readonly window?: number | undefined;
}

/** Beyond weights and caches: Node, ONNX Runtime, activations. */
const OVERHEAD = 400 * 2 ** 20;

export class OnnxEngine implements Engine {
  readonly name = "onnx";
  readonly device = "cpu";
  readonly precision: WeightFormat;
  readonly threads: number;
  readonly #window: number | undefined;
  readonly #worker: Worker;
  readonly #client: Client;
  readonly #temporary: string[] = [];
  #asked: Promise<Machine> | undefined;
  #disposed: Promise<void> | undefined;

  constructor(options: OnnxOptions = {}) {
    const { precision = "float32" } = options;
    if (precision === "bfloat16")
      throw new RangeError(
        "The onnx engine computes in float32, int8 or int4, not in bfloat16. Take the torch engine for bfloat16.",
      );
    this.precision = precision;
    this.threads = options.threads ?? Math.min(availableParallelism(), 16);
    if (!Number.isInteger(this.threads) || this.threads < 1) {
      throw new RangeError(`threads must be a whole number of at least 1, it is ${options.threads}`);
    }
    const { window } = options;
    if (window !== undefined && !(Number.isInteger(window) && window >= 1 && window <= BLOCK))
      throw new RangeError(`window must be a whole number from 1 to ${BLOCK}, it is ${window}`);
    this.#window = window;
    // Since 1.29 ONNX Runtime reports each session to its maker and leaves log files in the temporary directory, unless
    // told not to before it is loaded. Who wants that sets the variable to 0.
    process.env.ORT_DISABLE_TELEMETRY ??= "1";
    // The program's own flags are not for this thread: with --input-type or a loader among them it would not start.
    this.#worker = new Worker(workerFile(), { execArgv: [] });
    this.#client = new Client(this.#worker);
  }

  async loadGenerator(
    { config, weights }: Model<GeneratorConfig>,
    options: RunOptions = {},
  ): Promise<Generator> {
    const machine = await this.#machine();
    const graphs = {
      step: stepGraph(config, this.precision, machine),
      modulation: modulationGraph(config, this.precision, machine),
    };
    const sizes = { step: storedBytes(graphs.step), modulation: storedBytes(graphs.modulation) };
    const positions = config.tokens + 1;
    const modulationBytes = modulationParts(config) * config.width * 4; // of one position
    const sessionBytes = (rows: number): number =>
      cacheBytes({
        layers: config.depth,
        rows,
        heads: config.heads,
        headWidth: headWidth(config),
        positions: config.tokens,
      }) +
      modulationBytes *
        (positions + rows * (chunkSize(positions) + 1) + 2 * Math.max(MOST, this.#window ?? 0)) +
      Math.min(KEEP_BYTES, modulationBytes * positions);
    refuseIfTooLarge(sizes.step + sizes.modulation, sessionBytes(2), this.precision);

    const total = sizes.step + sizes.modulation;
    const report = options.onPrepare;
    const step = await this.#prepare(graphs.step, weights, {
      ...options,
      onPrepare: report && ((done) => report(done, total)),
    });
    const modulation = await this.#prepare(graphs.modulation, weights, {
      ...options,
      onPrepare: report && ((done) => report(sizes.step + done, total)),
    });
    const convolved = this.precision === "float32" && machine.channels > 0;
    const settings: GeneratorSettings = {
      threads: this.threads,
      rowsAlike: this.precision === "int8" || convolved,
      together: convolved ? 2 : 1,
      several: severalAtOnce(this.precision),
      window: severalAtOnce(this.precision) ? this.#window : 1,
    };
    const id = await this.#call<number>("loadGenerator", config, { step, modulation }, settings);
    return {
      config,
      weightBytes: total,
      sessionBytes,
      open: (request) => this.#openSession(id, config, request),
      [Symbol.asyncDispose]: () => this.#free("releaseGenerator", id),
    };
  }

  /** What decides how products are computed. */
  #machine(): Promise<Machine> {
    this.#asked ??= this.#call<Machine>("askMachine");
    return this.#asked;
  }

  async #openSession(
    generator: number,
    config: GeneratorConfig,
    request: SessionRequest,
  ): Promise<GeneratorSession> {
    const images = request.conditions.length;
    checkSessionRequest(config, request);
    const { id, most } = await this.#call<{ id: number; most: number }>("openSession", generator, request);
    const closed = lowered();
    let steps = 0;
    return {
      most,
      get steps() {
        return steps;
      },
      rows: request.guided ? 2 * images : images,
      prefill: () => this.#call("prefill", id),
      step: async (tokens) => {
        checkStep(tokens, config.codebookSize, images);
        return this.#call("step", id, tokens);
      },
      draw: async (plan) => {
        if (plan.noise.kind === "torch")
          throw new RarityError(
            "engine",
            'The sampler "torch" needs the torch engine. Pass --engine torch, or leave --sampler out.',
          );
        const drawn = await this.#call<Drawn>("draw", id, plan, closed);
        steps = drawn.steps;
        return drawn.tokens;
      },
      [Symbol.asyncDispose]: () => {
        raise(closed); // a draw that was asked for ahead need not be done
        return this.#free("closeSession", id);
      },
    };
  }

  async loadTokenizer(
    { config, weights }: Model<TokenizerConfig>,
    options: RunOptions = {},
  ): Promise<Tokenizer> {
    const graphs = new Map<string, Promise<number>>();
    let disposed = false;
    /** Graphs are made for a size when it is first asked for. */
    const graph = async (kind: "encode" | "decode", h: number, w: number): Promise<number> => {
      if (disposed) throw new RangeError("this tokenizer was disposed");
      const key = `${kind} ${h} ${w}`;
      let id = graphs.get(key);
      if (!id) {
        const traced = kind === "encode" ? encoderGraph(config, h, w) : decoderGraph(config, h, w);
        id = this.#loadGraph(traced, weights, options);
        graphs.set(key, id);
        id.catch(() => graphs.delete(key));
      }
      return id;
    };
    const f = downsampling(config);
    const side = Math.floor(config.resolution / f);
    await graph("decode", side, side);
    return {
      config,
      weightBytes: storedBytes(decoderGraph(config, side, side)),
      encode: async (planes, height, width) => {
        const each = config.imageChannels * height * width;
        const id = await graph("encode", height, width);
        const codes = Math.floor(height / f) * Math.floor(width / f);
        return this.#inBatches(
          id,
          planes,
          each,
          codes,
          "image",
          "codes",
          [config.imageChannels, height, width],
          Int32Array,
        );
      },
      decode: async (codes, h, w) => {
        checkTokens(codes, config.codebookSize);
        const id = await graph("decode", h, w);
        const each = config.imageChannels * h * f * w * f;
        return this.#inBatches(id, codes, h * w, each, "codes", "pixels", [h, w], Float32Array);
      },
      [Symbol.asyncDispose]: async () => {
        disposed = true;
        const made = await Promise.allSettled(graphs.values());
        graphs.clear();
        for (const id of made) if (id.status === "fulfilled") await this.#free("releaseGraph", id.value);
      },
    };
  }

  /** Runs a tokenizer graph over few images at a time: more at once are no faster and cost memory. */
  async #inBatches<In extends Float32Array | Int32Array, Out extends Float32Array | Int32Array>(
    id: number,
    input: In,
    eachIn: number,
    eachOut: number,
    from: string,
    to: string,
    shape: readonly number[],
    OutArray: new (length: number) => Out,
  ): Promise<Out> {
    const count = input.length / eachIn;
    if (!Number.isInteger(count))
      throw new RangeError(`${input.length} numbers are no whole count of images of ${eachIn}`);
    const batch = Math.max(1, Math.floor(2 ** 16 / (Math.max(eachIn, eachOut) / 3)));
    const out = new OutArray(count * eachOut);
    for (let start = 0; start < count; start += batch) {
      const some = Math.min(batch, count - start);
      const data = input.slice(start * eachIn, (start + some) * eachIn);
      const result = await this.#call<Record<string, HostArray>>("runGraph", id, {
        [from]: { data, shape: [some, ...shape] },
      });
      out.set(result[to]!.data, start * eachOut);
    }
    return out;
  }

  evaluate(
    network: Network,
    weights: TensorSource,
    inputs: Readonly<Record<string, HostArray>>,
  ): Promise<Record<string, HostArray>> {
    return this.#once(network, weights, inputs, (id) => this.#call("runGraph", id, inputs));
  }

  /** Milliseconds of each of `runs` runs of a network, loading apart; for measuring the machine. */
  time(
    network: Network,
    weights: TensorSource,
    inputs: Readonly<Record<string, HostArray>>,
    runs: number,
  ): Promise<number[]> {
    return this.#once(network, weights, inputs, (id) => this.#call("timeGraph", id, inputs, runs));
  }

  async #once<V>(
    network: Network,
    weights: TensorSource,
    inputs: Readonly<Record<string, HostArray>>,
    use: (graph: number) => Promise<V>,
  ): Promise<V> {
    const graph = anyGraph(network, weights, inputs, this.precision, await this.#machine());
    const { folder } = await prepare(graph, weights, { once: true });
    try {
      const id = await this.#call<number>("loadGraph", folder, {
        threads: this.threads,
      } satisfies SessionSettings);
      try {
        return await use(id);
      } finally {
        await this.#free("releaseGraph", id);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #loadGraph(graph: Graph, weights: TensorSource, options: RunOptions): Promise<number> {
    return this.#call("loadGraph", await this.#prepare(graph, weights, options), {
      threads: this.threads,
    } satisfies SessionSettings);
  }

  async #prepare(graph: Graph, weights: TensorSource, options: RunOptions): Promise<string> {
    try {
      if (!this.#disposed) {
        const { folder, temporary } = await prepare(graph, weights, options);
        if (temporary) this.#temporary.push(folder);
        if (!this.#disposed) return folder;
      }
    } catch (error) {
      if (!this.#disposed) throw error;
      // else the model's files were closed while they were read, which is no fault of theirs
    }
    await this.#removeTemporary();
    throw new RarityError("engine", "The engine was disposed; load the model again.");
  }

  async #removeTemporary(): Promise<void> {
    for (const folder of this.#temporary.splice(0)) await rm(folder, { recursive: true, force: true });
  }

  #call<V>(method: string, ...args: readonly unknown[]): Promise<V> {
    return this.#client.call<V>(method, args);
  }

  /** Frees one thing in the worker; with the worker gone there is nothing left to free. */
  #free(method: string, id: number): Promise<void> {
    return this.#call<void>(method, id).catch((error) => {
      if (!this.#client.gone) throw error;
    });
  }

  dispose(): Promise<void> {
    this.#disposed ??= (async () => {
      await this.#call("dispose").catch(() => {});
      await this.#worker.terminate();
      await this.#removeTemporary();
    })();
    return this.#disposed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

function refuseIfTooLarge(weights: number, caches: number, precision: Precision): void {
  const need = weights + caches + OVERHEAD;
  const free = freemem();
  if (need <= free) return;
  const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);
  const cure =
    precision === "float32"
      ? "Pass --precision int8, or close other programs."
      : "Close other programs, or take a smaller model.";
  throw new RarityError(
    "memory",
    `This model needs about ${gib(need)} GiB of memory in ${precision} (weights ${gib(weights)}, caches ${gib(caches)}), ` +
      `and ${gib(free)} GiB are free. ${cure}`,
  );
}

/** The compiled worker, also when this file itself is run from its TypeScript source by the tests. */
const workerFile = (): URL =>
  import.meta.url.endsWith(".ts")
    ? new URL("../../../dist/engines/onnx/worker.js", import.meta.url)
    : new URL("./worker.js", import.meta.url);
