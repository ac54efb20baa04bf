/** What an engine is: it loads the networks and runs them. One contract, one test suite, any number of engines. */

import type { GeneratorConfig, TokenizerConfig } from "../config/architecture.js";
import type { DrawPlan } from "../drawing/plan.js";
import type { Ops, Parameters } from "../networks/ops.js";
import type { TensorSource } from "../weights/tensor-file.js";

export const precisions = ["float32", "bfloat16", "int8", "int4"] as const;
export type Precision = (typeof precisions)[number];

export interface Model<Config> {
  readonly config: Config;
  readonly weights: TensorSource;
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of weights brought into the engine's own form, and in all. */
  readonly onPrepare?: ((done: number, total: number) => void) | undefined;
}

/** A dense array on the caller's side. ids are int32 here whatever the engine computes with. */
export interface HostArray {
  readonly data: Float32Array | Int32Array;
  readonly shape: readonly number[];
}

/** A network as an engine sees it: named inputs to named outputs, written once over `Ops<T>`. */
export type Network = <T>(
  ops: Ops<T>,
  parameters: Parameters<T>,
  inputs: Readonly<Record<string, T>>,
) => Readonly<Record<string, T>>;

export interface Engine extends AsyncDisposable {
  readonly name: "onnx" | "torch";
  readonly device: string;
  readonly precision: Precision;
  readonly threads: number;
  loadGenerator(model: Model<GeneratorConfig>, options?: RunOptions): Promise<Generator>;
  loadTokenizer(model: Model<TokenizerConfig>, options?: RunOptions): Promise<Tokenizer>;
  /** Runs any network once: for tests, `verify` and measurements of a model. */
  evaluate(
    network: Network,
    weights: TensorSource,
    inputs: Readonly<Record<string, HostArray>>,
  ): Promise<Record<string, HostArray>>;
  /** Frees everything the engine holds. */
  dispose(): Promise<void>;
}

export interface SessionRequest {
  /** Condition id of each image (class + K + 1). */
  readonly conditions: Int32Array;
  /** With an unconditional row for each image, after the conditional ones. */
  readonly guided: boolean;
  /** Raster index of each place; raster order when absent. */
  readonly order?: Int32Array | undefined;
}

export interface Generator extends AsyncDisposable {
  readonly config: GeneratorConfig;
  /** Bytes of its weights as the engine holds them. */
  readonly weightBytes: number;
  /** Bytes that one session of so many rows will hold. */
  sessionBytes(rows: number): number;
  open(request: SessionRequest): Promise<GeneratorSession>;
}

/**
 * One batch being sampled. Rows are [conditional..., unconditional...]. It owns the cache; its caller owns the
 * tokens.
 */
export interface GeneratorSession extends AsyncDisposable {
  readonly rows: number;
  /** Runs the two prefix positions: logits of the first place, [rows, K]. */
  prefill(): Promise<Float32Array>;
  /**
   * Takes the token of the place just predicted for each image, or of several places that follow each other, [count][images]: logits of
   * the next place, [rows, K].
   */
  step(tokens: Int32Array): Promise<Float32Array>;
  /**
   * Draws the tokens of the next places, one after the other, and goes on with what it drew; after the prefix where that has not
   * run. The next may be asked for before this one is answered.
   * @returns [count][images]; after the last place of the image there is nothing more to draw
   */
  draw(plan: DrawPlan): Promise<Int32Array>;
  /** Places whose given tokens one {@link step} takes in one go; 1 when absent. */
  readonly most?: number | undefined;
  /** The network's steps up to the last {@link draw}, where one may fill several places. */
  readonly steps?: number | undefined;
  /** How many places to ask of {@link draw} at once, so that the device is not waited for at each. */
  readonly drawAhead?: number | undefined;
}

export interface Tokenizer extends AsyncDisposable {
  readonly config: TokenizerConfig;
  /** Bytes of the decoder's weights as the engine holds them. */
  readonly weightBytes: number;
  /**
   * @param planes - [count, 3, height, width] in [0, 1]
   * @returns code indices in raster order, [count, h / f * w / f]
   */
  encode(planes: Float32Array, height: number, width: number): Promise<Int32Array>;
  /**
   * @param codes - [count, h, w]
   * @returns planes in [0, 1], [count, 3, h * f, w * f]
   */
  decode(codes: Int32Array, h: number, w: number): Promise<Float32Array>;
}
