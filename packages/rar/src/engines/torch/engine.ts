/** The torch engine: the networks run at once on libtorch's tensors, on CPUs and on CUDA, in a thread of its own. */
import { availableParallelism, freemem } from "node:os";
import { Worker } from "node:worker_threads";
import type { DType, Tensor } from "libtorch";
import { downsampling, type GeneratorConfig, type TokenizerConfig } from "../../config/architecture.js";
import { RarityError } from "../../config/errors.js";
import { generatorShapes, tokenizerShapes } from "../../config/shapes.js";
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
import { cacheBytes } from "./kv-cache.js";
import { chunkBytes } from "./modulation.js";

export interface TorchOptions {
  /** "cpu", "cuda" or "cuda:1". Default: "cpu". */
  readonly device?: string | undefined;
  readonly precision?: Precision | undefined;
  /** Threads of one operator; default: the machine's cores. */
  readonly threads?: number | undefined;
  /** Decode steps as CUDA graphs, where there is CUDA. Default: true. */
  readonly graphs?: boolean | undefined;
  /** Decode steps by kernels of our own, where CUDA can compile them. Default: true. */
  readonly kernels?: boolean | undefined;
}

type TorchPrecision = "float32" | "bfloat16";
const isSupported = (precision: Precision): precision is TorchPrecision =>
  precision === "float32" || precision === "bfloat16";

/** Beyond weights and caches: Node, libtorch, activations. */
const OVERHEAD = 600 * 2 ** 20;
/** Images of 256 x 256 that the tokenizer computes together: more are no faster on a CPU and cost memory. */
const PIXELS_AT_ONCE = { cpu: 2 ** 16, cuda: 2 ** 21 };
/** Places drawn before the device is waited for. */
const DRAW_AHEAD = { cpu: 1, cuda: 64 };

export class TorchEngine implements Engine {
  readonly name = "torch";
  readonly device: string;
  readonly precision: TorchPrecision;
  readonly threads: number;
  /** Whether decode steps run as CUDA graphs. */
  readonly graphs: boolean;
  readonly #worker: Worker;
  readonly #client: Client;
  #disposed: Promise<void> | undefined;

  private constructor(
    device: string,
    precision: TorchPrecision,
    threads: number,
    graphs: boolean,
    worker: Worker,
    client: Client,
  ) {
    this.device = device;
    this.precision = precision;
    this.threads = threads;
    this.graphs = graphs && device !== "cpu";
    this.#worker = worker;
    this.#client = client;
  }

  /**
   * @throws {RarityError} "engine" when libtorch is not set up here, or the device is not there
   * @throws {RangeError} for a precision this engine does not have, or threads that are no whole number of at least 1
   */
  static async create(options: TorchOptions = {}): Promise<TorchEngine> {
    const {
      device = "cpu",
      precision = "float32",
      threads = availableParallelism(),
      graphs = true,
      kernels = true,
    } = options;
    if (!isSupported(precision))
      throw new RangeError(
        `The torch engine computes in float32 or bfloat16, not in ${precision}. Take the onnx engine for int8 and int4.`,
      );
    if (!Number.isInteger(threads) || threads < 1)
      throw new RangeError(`threads must be a whole number of at least 1, it is ${threads}`);
    if (!/^(cpu|cuda(:\d+)?)$/.test(device))
      throw new RangeError(`"${device}" is no device: it must be cpu, cuda, or cuda: with a number.`);
    await prepareLibtorch();
    // The program's own flags are not for this thread: with --input-type or a loader among them it would not start.
    const worker = new Worker(workerFile(), { execArgv: [] });
    const client = new Client(worker);
    try {
      const full = await client.call<string>("start", [device, threads, graphs, kernels]);
      return new TorchEngine(full, precision, threads, graphs, worker, client);
    } catch (error) {
      await worker.terminate();
      throw error;
    }
  }

  get #kind(): "cpu" | "cuda" {
    return this.device === "cpu" ? "cpu" : "cuda";
  }

  async loadGenerator(
    { config, weights }: Model<GeneratorConfig>,
    options: RunOptions = {},
  ): Promise<Generator> {
    const each = this.precision === "float32" ? 4 : 2;
    const shapes = generatorShapes(config);
    const weightBytes = each * shapes.reduce((n, { shape }) => n + volume(shape), 0);
    const sessionBytes = (rows: number): number =>
      cacheBytes(config, rows, each) + chunkBytes(config, Math.ceil(rows / 2) + 1, each);
    this.#refuseIfTooLarge(weightBytes, sessionBytes(2));
    const id = await this.#bring(shapes, weights, this.precision, options);
    await this.#call("generator", id, config, this.precision);
    return {
      config,
      weightBytes,
      sessionBytes,
      open: (request) => this.#openSession(id, config, request),
      [Symbol.asyncDispose]: () => this.#free("release", id),
    };
  }

  async #openSession(
    generator: number,
    config: GeneratorConfig,
    request: SessionRequest,
  ): Promise<GeneratorSession> {
    const images = request.conditions.length;
    checkSessionRequest(config, request);
    const id = await this.#call<number>("openSession", generator, request);
    const closed = lowered();
    return {
      rows: request.guided ? 2 * images : images,
      prefill: () => this.#call("prefill", id),
      step: async (tokens) => {
        checkStep(tokens, config.codebookSize, images);
        return this.#call("step", id, tokens);
      },
      draw: (plan) => this.#call("draw", id, plan, closed),
      drawAhead: DRAW_AHEAD[this.#kind],
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
    const shapes = tokenizerShapes(config);
    const id = await this.#bring(shapes, weights, "float32", options);
    const half = this.#kind === "cuda" && this.precision === "bfloat16";
    await this.#call("tokenizer", id, config, half);
    const f = downsampling(config);
    return {
      config,
      weightBytes: 4 * shapes.reduce((n, { shape }) => n + volume(shape), 0),
      encode: async (planes, height, width) => {
        const each = config.imageChannels * height * width;
        const codes = Math.floor(height / f) * Math.floor(width / f);
        return this.#inBatches(planes, each, codes, height * width, Int32Array, (data, count) =>
          this.#call("encode", id, data, count, height, width),
        );
      },
      decode: async (codes, h, w) => {
        checkTokens(codes, config.codebookSize);
        const pixels = h * f * w * f;
        const decode = (data: Int32Array, count: number): Promise<Float32Array> =>
          this.#call("decode", id, data, count, h, w, this.#atOnce(pixels));
        // On CUDA the next pictures are computed while the last ones are on their way here.
        if (this.#kind === "cuda") return decode(codes, wholeCount(codes, h * w));
        return this.#inBatches(codes, h * w, config.imageChannels * pixels, pixels, Float32Array, decode);
      },
      [Symbol.asyncDispose]: () => this.#free("release", id),
    };
  }

  /** Images of so many pixels that the tokenizer computes together. */
  #atOnce(pixels: number): number {
    return Math.max(1, Math.floor(PIXELS_AT_ONCE[this.#kind] / pixels));
  }

  /** Runs the tokenizer over as many images at a time as are worth their memory. */
  async #inBatches<In extends Float32Array | Int32Array, Out extends Float32Array | Int32Array>(
    input: In,
    eachIn: number,
    eachOut: number,
    pixels: number,
    OutArray: new (length: number) => Out,
    run: (data: In, count: number) => Promise<Out>,
  ): Promise<Out> {
    const count = wholeCount(input, eachIn);
    const batch = this.#atOnce(pixels);
    if (count <= batch) return run(input.slice() as In, count);
    const out = new OutArray(count * eachOut);
    for (let start = 0; start < count; start += batch) {
      const some = Math.min(batch, count - start);
      const data = input.slice(start * eachIn, (start + some) * eachIn) as In;
      out.set(await run(data, some), start * eachOut);
    }
    return out;
  }

  /** Computed on the calling thread, which it blocks: a network is a function, and functions cannot be sent. */
  async evaluate(
    network: Network,
    weights: TensorSource,
    inputs: Readonly<Record<string, HostArray>>,
  ): Promise<Record<string, HostArray>> {
    const torch = await import("libtorch");
    const { torchOps } = await import("./ops.js");
    const { named } = await import("./generator.js");
    const { device, precision: dtype } = this;
    const parameters = new Map<string, Tensor>();
    const ops = torchOps({ device, dtype });
    torch.setThreads(this.threads);
    try {
      for (const { name, shape } of weights.tensors.values()) {
        const data = await weights.readFloat32(name);
        parameters.set(name, torch.keep(torch.tensor(data, { shape, dtype, device })));
      }
      return torch.noGrad(() =>
        torch.scope(() => {
          const given = Object.entries(inputs).map(([name, { data, shape }]) => [
            name,
            data instanceof Int32Array
              ? torch.tensor(BigInt64Array.from(data, BigInt), { shape, device })
              : torch.tensor(data, { shape, dtype, device }),
          ]);
          const out = network(ops, named(parameters), Object.fromEntries(given));
          return Object.fromEntries(Object.entries(out).map(([name, x]) => [name, hostArray(torch, x)]));
        }),
      );
    } finally {
      for (const tensor of parameters.values()) tensor.dispose();
      ops.dispose();
    }
  }

  /** Sends weights to the worker one by one: at most one is in memory twice. */
  async #bring(
    shapes: readonly { readonly name: string; readonly shape: readonly number[] }[],
    weights: TensorSource,
    dtype: DType,
    { signal, onPrepare }: RunOptions,
  ): Promise<number> {
    const id = await this.#call<number>("begin");
    try {
      const total = 4 * shapes.reduce((n, { shape }) => n + volume(shape), 0);
      let done = 0;
      for (const { name, shape } of shapes) {
        signal?.throwIfAborted();
        const data = await weights.readFloat32(name);
        done += data.byteLength;
        await this.#client.call("put", [id, name, data, shape, dtype], [data.buffer as ArrayBuffer]);
        onPrepare?.(done, total);
      }
      return id;
    } catch (error) {
      await this.#free("release", id);
      throw error;
    }
  }

  #refuseIfTooLarge(weights: number, caches: number): void {
    if (this.#kind !== "cpu") return; // CUDA's own error says how much was free
    const need = weights + caches + OVERHEAD;
    const free = freemem();
    if (need <= free) return;
    const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);
    throw new RarityError(
      "memory",
      `This model needs about ${gib(need)} GiB of memory in ${this.precision} (weights ${gib(weights)}, caches ` +
        `${gib(caches)}), and ${gib(free)} GiB are free. Take --precision bfloat16, or --engine onnx with int8.`,
    );
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
    this.#disposed ??= this.#worker.terminate().then(() => {});
    return this.#disposed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

function wholeCount(numbers: ArrayLike<number>, each: number): number {
  const count = numbers.length / each;
  if (Number.isInteger(count)) return count;
  throw new RangeError(`${numbers.length} numbers are no whole count of images of ${each}`);
}

const volume = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

function hostArray(torch: typeof import("libtorch"), x: Tensor): HostArray {
  if (x.dtype === "int64") return { data: Int32Array.from(torch.numbers(x)), shape: x.shape };
  const host = torch.contiguous(torch.to(x, { device: "cpu", dtype: "float32" }));
  return { data: host.data() as Float32Array, shape: x.shape };
}

/** Loads the package, not yet libtorch itself, and sets what thread pools read when libtorch starts. */
async function prepareLibtorch(): Promise<void> {
  const torch = await import("libtorch").catch((cause: unknown) => {
    throw new RarityError(
      "engine",
      'The torch engine needs the package "libtorch", which is not installed. Run `npm install libtorch`, or take --engine onnx.',
      { cause },
    );
  });
  try {
    torch.checkSetUp();
  } catch (error) {
    throw new RarityError("engine", `${(error as Error).message} Or take --engine onnx.`, { cause: error });
  }
}

/** The compiled worker, also when this file itself is run from its TypeScript source by the tests. */
const workerFile = (): URL =>
  import.meta.url.endsWith(".ts")
    ? new URL("../../../dist/engines/torch/worker.js", import.meta.url)
    : new URL("./worker.js", import.meta.url);
