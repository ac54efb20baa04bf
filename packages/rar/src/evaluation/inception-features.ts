/** Features of pictures by the metrics' Inception, on libtorch. */
import * as torch from "libtorch";
import { torchOps } from "../engines/torch/ops.js";
import { INCEPTION_CLASSES, INCEPTION_SIDE, inception, POOLED, SPATIAL } from "../networks/inception.js";
import type { Tap } from "../networks/ops.js";
import type { TensorSource } from "../weights/tensor-file.js";
import { foldedInception } from "./inception-weights.js";
import { type Matrix, matrix } from "./matrix.js";
import { resizeImages } from "./resize.js";

/** What every metric is computed from; a row a picture. */
export interface Features {
  /** [n, 2048] */
  readonly pooled: Matrix;
  /** [n, 2023] */
  readonly spatial: Matrix;
  /** Probabilities of the classifier without its bias, [n, 1008]. */
  readonly probabilities: Matrix;
}

/** Pictures of one size, bytes of [count, height, width, 3]. */
export interface PictureBatch {
  readonly count: number;
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export interface InceptionOptions {
  readonly device?: string | undefined;
  /** Processor threads; all when absent. */
  readonly threads?: number | undefined;
}

/** Computes on the calling thread, which it blocks for one batch at a time. */
export class Inception {
  readonly #parameters: ReadonlyMap<string, torch.Tensor>;
  readonly #ops: ReturnType<typeof torchOps>;
  readonly #device: string;

  private constructor(parameters: ReadonlyMap<string, torch.Tensor>, device: string) {
    this.#parameters = parameters;
    this.#device = device;
    this.#ops = torchOps({ device, dtype: "float32" });
  }

  /** @param weights - tensors named as in the published file */
  static async load(
    weights: TensorSource,
    { device = "cpu", threads }: InceptionOptions = {},
  ): Promise<Inception> {
    const folded = foldedInception(weights);
    if (threads !== undefined) torch.setThreads(threads);
    const parameters = new Map<string, torch.Tensor>();
    for (const { name, shape } of folded.tensors.values()) {
      const data = await folded.readFloat32(name);
      const made = torch.scope(() => {
        const tensor = torch.tensor(data, { shape, device });
        // Convolutions are faster where the channels of one place lie side by side.
        return shape.length === 4 ? torch.contiguous(tensor, { memory_format: "channels_last" }) : tensor;
      });
      parameters.set(name, torch.keep(made));
    }
    return new Inception(parameters, device);
  }

  /** @param tap - sees each stage's output, for tests */
  features({ data, count, width, height }: PictureBatch, tap?: Tap<torch.Tensor>): Features {
    const get = (name: string): torch.Tensor => {
      const parameter = this.#parameters.get(name);
      if (!parameter) throw new TypeError(`the network asks for "${name}", which the weights do not have`);
      return parameter;
    };
    return torch.noGrad(() =>
      torch.scope(() => {
        const bytes = torch.tensor(data, { shape: [count, height, width, 3], device: this.#device });
        const resized = resizeImages(bytes, INCEPTION_SIDE);
        tap?.("resized", resized);
        const x = torch.contiguous(torch.mul(torch.sub(resized, 128), 1 / 128), {
          memory_format: "channels_last",
        });
        const { pooled, spatial, logits } = inception(this.#ops, get, x, tap);
        tap?.("logits_unbiased", logits);
        const host = (tensor: torch.Tensor): Float32Array =>
          torch.contiguous(torch.to(tensor, { device: "cpu" })).data() as Float32Array;
        return {
          pooled: matrix(host(pooled), POOLED),
          spatial: matrix(host(spatial), SPATIAL),
          probabilities: matrix(host(torch.softmax(logits, -1)), INCEPTION_CLASSES),
        };
      }),
    );
  }

  dispose(): void {
    for (const parameter of this.#parameters.values()) parameter.dispose();
    this.#ops.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}
