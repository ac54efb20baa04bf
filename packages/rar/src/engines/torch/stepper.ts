/** One position of a batch at a time through the network: launched operator by operator, or as a recorded graph. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import type { NoiseKey } from "../../drawing/plan.js";
import { modulationParts, step, unpackModulation } from "../../networks/generator.js";
import type { LoadedGenerator } from "./generator.js";
import { KeyValueCache } from "./kv-cache.js";
import type { ModulationSource } from "./modulation.js";
import type { StaticPast } from "./ops.js";
import type { Recorded, Recorder } from "./record.js";

export interface StepInput {
  /** Ids, [rows, 1]; or [images, 1] where each of them stands in two rows, which have it in the same order. */
  readonly content: Tensor;
  /** Rows of the position tables, [1] each. */
  readonly where: Tensor;
  readonly next: Tensor;
  readonly modulations: ModulationSource;
}

export interface Stepper {
  /** Logits [rows, K] after the position's token; valid until the next run. Positions come in order from 0. */
  run(input: StepInput, position: number): Tensor;
  /**
   * Draws the next places one after the other, each time running the position that follows, where it can do so
   * without the host; see {@link Drawing}. Returned are the tokens, [places, images] int64, valid until the next call,
   * and an int32 that is 1 where a logit was not finite.
   */
  draw?(drawing: Drawing): { readonly tokens: Tensor; readonly broken: Tensor };
  dispose(): void;
}

/** Places of all images drawn on the device as `draw.ts` does it without top-k and top-p. */
export interface Drawing {
  /** The first, whose logits the last run left. After the image's last place no position follows. */
  readonly place: number;
  readonly factors: readonly number[];
  readonly temperature: number;
  readonly noise: Extract<NoiseKey, { kind: "philox" }>;
  /** Rows of the position tables by position, [L + 1]. */
  readonly where: Tensor;
  readonly next: Tensor;
  readonly modulations: ModulationSource;
}

/** What the network itself takes, as tensors. */
interface NetworkInput {
  readonly content: Tensor;
  readonly where: Tensor;
  readonly next: Tensor;
  readonly modulation: Tensor;
}

function networkInput({ content, where, next, modulations }: StepInput, position: number): NetworkInput {
  const twice = content.shape[0] !== modulations.rows.shape[0];
  return {
    content: twice ? torch.cat([content, content], 0) : content,
    where,
    next,
    modulation: modulations.at(position),
  };
}

function logitsOf(
  { ops, config, weights, tables }: LoadedGenerator,
  input: NetworkInput,
  past: StaticPast[],
): Tensor {
  return torch.scope(() => {
    const modulation = unpackModulation(ops, input.modulation, config.depth, 0);
    return torch.squeeze(step(ops, config, weights, { tables, ...input, modulation, past }).logits, 1);
  });
}

/** Attention reads exactly the positions there are. */
export class EagerStepper implements Stepper {
  readonly #model: LoadedGenerator;
  readonly #cache: KeyValueCache;
  #logits: Tensor | undefined;

  constructor(model: LoadedGenerator, rows: number) {
    this.#model = model;
    this.#cache = new KeyValueCache(model.config, rows, model.config.tokens + 1, model.device, model.dtype);
  }

  run(input: StepInput, position: number): Tensor {
    const logits = torch.scope(() =>
      torch.keep(logitsOf(this.#model, networkInput(input, position), this.#cache.at(position))),
    );
    this.#logits?.dispose();
    this.#logits = logits;
    return logits;
  }

  dispose(): void {
    this.#logits?.dispose();
    this.#cache.dispose();
  }
}

/** Positions that one graph spans: a graph for each multiple, for attention reads its whole span. */
export const SPAN = 64;
const CLOSED = -1e9;

/** Sizes and addresses never change, so that a graph can be recorded: inputs are copied into place. */
export class StaticStepper implements Stepper {
  readonly #model: LoadedGenerator;
  readonly #cache: KeyValueCache;
  readonly #record: Recorder;
  readonly #input: NetworkInput;
  readonly #position: Tensor; // [1]
  readonly #mask: Tensor; // [1, 1, 1, positions]
  /** By span, with the part of the mask that it reads. */
  readonly #recorded = new Map<number, Recorded & { readonly mask: Tensor }>();

  constructor(model: LoadedGenerator, rows: number, record: Recorder) {
    const { config, device, dtype } = model;
    this.#model = model;
    this.#record = record;
    const positions = Math.ceil((config.tokens + 1) / SPAN) * SPAN;
    this.#cache = new KeyValueCache(config, rows, positions, device, dtype);
    const ids = (shape: readonly number[]): Tensor =>
      torch.keep(torch.zeros(shape, { device, dtype: "int64" }));
    this.#input = {
      content: ids([rows, 1]),
      where: ids([1]),
      next: ids([1]),
      modulation: torch.keep(
        torch.zeros([modulationParts(config) * rows, 1, config.width], { device, dtype }),
      ),
    };
    this.#position = ids([1]);
    this.#mask = torch.keep(torch.full([1, 1, 1, positions], CLOSED, { device, dtype }));
  }

  run(input: StepInput, position: number): Tensor {
    torch.scope(() => {
      const given = networkInput(input, position);
      for (const name of ["content", "where", "next", "modulation"] as const)
        torch.copy_(this.#input[name], given[name]);
      torch.fill_(this.#position, position);
      if (position === 0) torch.fill_(this.#mask, CLOSED);
      torch.fill_(torch.narrow(this.#mask, 3, position, 1), 0);
    });
    const span = (Math.floor(position / SPAN) + 1) * SPAN;
    let recorded = this.#recorded.get(span);
    if (!recorded) {
      const mask = torch.keep(torch.narrow(this.#mask, 3, 0, span));
      const made = this.#record(() =>
        logitsOf(this.#model, this.#input, this.#cache.within(this.#position, mask)),
      );
      recorded = { ...made, mask };
      this.#recorded.set(span, recorded);
    }
    recorded.start();
    return recorded.result;
  }

  dispose(): void {
    for (const recorded of this.#recorded.values()) {
      recorded.dispose();
      recorded.mask.dispose();
    }
    for (const tensor of [...Object.values(this.#input), this.#position, this.#mask] as Tensor[])
      tensor.dispose();
    this.#cache.dispose();
  }
}

/** Makes the stepper of a model for so many rows. */
export type MakeStepper = (model: LoadedGenerator, rows: number) => Stepper;

/**
 * Steppers of one model. On CUDA the last one is kept for the next batch of as many rows, with its graphs: recording
 * them takes as long as a dozen steps.
 */
export class Steppers {
  readonly #model: LoadedGenerator;
  readonly #make: MakeStepper;
  readonly #keep: boolean;
  #idle: { readonly rows: number; readonly stepper: Stepper } | undefined;

  constructor(model: LoadedGenerator, make: MakeStepper, keep: boolean) {
    this.#model = model;
    this.#make = make;
    this.#keep = keep;
  }

  take(rows: number): Stepper {
    const idle = this.#idle;
    this.#idle = undefined;
    if (idle?.rows === rows) return idle.stepper;
    idle?.stepper.dispose();
    return this.#make(this.#model, rows);
  }

  giveBack(rows: number, stepper: Stepper): void {
    if (this.#keep && !this.#idle) this.#idle = { rows, stepper };
    else stepper.dispose();
  }

  dispose(): void {
    this.#idle?.stepper.dispose();
    this.#idle = undefined;
  }
}
