/** One batch being sampled on a device: the network's steps with the cache, and drawing between them. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { RarityError } from "../../config/errors.js";
import type { DrawPlan } from "../../drawing/plan.js";
import { clsId, noPlaceRow, placeRow } from "../../networks/generator.js";
import type { SessionRequest } from "../engine.js";
import { combine, drawMultinomial, drawTokens } from "./draw.js";
import type { LoadedGenerator } from "./generator.js";
import { Modulations, rowConditions } from "./modulation.js";
import { gumbelNoise } from "./noise.js";
import type { Stepper, Steppers } from "./stepper.js";

/** Draws the i-th place of a plan: writes `tokens`, and `broken` where a logit is not finite. */
type DrawPlace = (i: number, factor: number, tokens: Tensor, broken: Tensor) => void;

export class TorchRunner {
  readonly #model: LoadedGenerator;
  readonly #images: number;
  readonly #rows: number;
  readonly #conditions: Tensor; // [rows, 1]
  /** Rows of the position tables for positions 0 .. L. */
  readonly #where: Tensor;
  readonly #next: Tensor;
  readonly #modulations: Modulations;
  readonly #steppers: Steppers;
  readonly #stepper: Stepper;
  /** Logits of the place that is to be drawn next, [rows, K]. */
  #logits: Tensor | undefined;
  /** Positions processed so far. */
  #position = 0;
  /** State of PyTorch's generator between this session's draws: it belongs to the process. */
  #randomState: Tensor | undefined;

  constructor(model: LoadedGenerator, steppers: Steppers, request: SessionRequest) {
    const { config, device } = model;
    const { conditions, guided } = request;
    this.#model = model;
    this.#images = conditions.length;
    const rows = rowConditions(config, conditions, guided);
    const order = [...(request.order ?? Array.from({ length: config.tokens }, (_, i) => i))].map(placeRow);
    const ids = (values: readonly number[], shape: readonly number[]): Tensor =>
      torch.keep(torch.tensor(BigInt64Array.from(values, BigInt), { shape, device }));
    this.#conditions = ids(rows, [rows.length, 1]);
    this.#where = ids([0, 1, ...order].slice(0, config.tokens + 1), [config.tokens + 1]);
    this.#next = ids([noPlaceRow(config), ...order], [config.tokens + 1]);
    this.#modulations = new Modulations(model, rows);
    this.#steppers = steppers;
    this.#rows = rows.length;
    this.#stepper = steppers.take(this.#rows);
  }

  /** Runs the two prefix positions. */
  prefill(): void {
    if (this.#position > 0) throw new RangeError("this image was begun already");
    torch.scope(() => {
      const cls = torch.full([this.#rows, 1], clsId(this.#model.config), {
        dtype: "int64",
        device: this.#model.device,
      });
      this.#run(cls);
      this.#run(this.#conditions);
    });
  }

  /** Goes on from the place just predicted with these tokens, one an image, or several places after another, [count][images]. */
  step(tokens: Int32Array): void {
    for (let start = 0; start < tokens.length; start += this.#images) {
      this.#refuseBeyond();
      const some = BigInt64Array.from(tokens.subarray(start, start + this.#images), BigInt);
      torch.scope(() => this.#feed(torch.tensor(some, { device: this.#model.device })));
    }
  }

  /** Logits of the place that comes next, [rows * K]. */
  logits(): Float32Array {
    return torch.scope(() => {
      const host = torch.to(this.#logits as Tensor, { device: "cpu", dtype: "float32" });
      return torch.contiguous(host).data() as Float32Array;
    });
  }

  /** Draws the next places one after the other, after the prefix where it has not run; reads the tokens once, at the end. [count][images] */
  draw(plan: DrawPlan): Int32Array {
    const { codebookSize: K, tokens: L } = this.#model.config;
    const { place, count } = plan;
    const factors = [...plan.factors.subarray(place, place + count)];
    if (this.#position === 0) this.prefill();
    if (place !== this.#position - 2 || place + count > L)
      throw new RangeError(`places ${place} to ${place + count - 1} cannot be drawn now`);
    const atOnce = this.#drawAtOnce(plan, factors);
    if (atOnce) return atOnce;
    return torch.scope(() => {
      const { device } = this.#model;
      const drawn = torch.empty([count, this.#images], { dtype: "int64", device });
      const broken = torch.zeros([count], { dtype: "int32", device });
      const draw = this.#drawByOperators(plan, K);
      for (const [i, factor] of factors.entries()) {
        torch.scope(() => {
          const tokens = torch.select(drawn, 0, i);
          draw(i, factor, tokens, torch.narrow(broken, 0, i, 1));
          if (place + i + 1 < L) this.#feed(tokens);
        });
      }
      return read(drawn, torch.any(broken));
    });
  }

  /** By the stepper, where it draws and the plan asks for nothing more. */
  #drawAtOnce(plan: DrawPlan, factors: readonly number[]): Int32Array | undefined {
    const { place, noise, temperature, topK, topP } = plan;
    const stepper = this.#stepper;
    if (!stepper.draw || topK !== undefined || topP !== undefined || noise.kind !== "philox")
      return undefined;
    const drawing = { place, factors, temperature, noise };
    const own = { where: this.#where, next: this.#next, modulations: this.#modulations };
    const { tokens, broken } = stepper.draw({ ...drawing, ...own });
    this.#position = Math.min(this.#position + factors.length, this.#model.config.tokens + 1);
    return torch.scope(() => read(torch.narrow(tokens, 0, place, factors.length), broken));
  }

  #drawByOperators(plan: DrawPlan, codes: number): DrawPlace {
    const { noise: key, temperature } = plan;
    const noise =
      key.kind === "philox" && temperature !== 0
        ? gumbelNoise(key, plan.place, plan.count, codes, this.#model.device)
        : undefined;
    return (i, factor, tokens, broken) => {
      const logits = combine(this.#logits as Tensor, this.#images, factor);
      torch.copy_(broken, torch.logical_not(torch.all(torch.isfinite(logits))));
      const drawn =
        key.kind === "torch" && temperature !== 0
          ? this.#withRandomState(key.seed, () => drawMultinomial(logits, temperature))
          : drawTokens(logits, { ...plan, factor }, noise && torch.select(noise, 0, i));
      torch.copy_(tokens, drawn);
    };
  }

  /** tokens: [images] int64 */
  #feed(tokens: Tensor): void {
    this.#run(torch.unsqueeze(tokens, 1));
  }

  /** One position. content: [rows, 1] or [images, 1] */
  #run(content: Tensor): void {
    const position = this.#position;
    torch.scope(() => {
      const input = {
        content,
        where: torch.narrow(this.#where, 0, position, 1),
        next: torch.narrow(this.#next, 0, position, 1),
        modulations: this.#modulations,
      };
      this.#logits = this.#stepper.run(input, position);
    });
    this.#position++;
  }

  #refuseBeyond(): void {
    const place = this.#position - 2;
    if (place < 0 || place + 1 >= this.#model.config.tokens)
      throw new RangeError("this image is complete, or not begun");
  }

  /** Runs `fn` with the generator where this session left it; first seeds it as the reference does before an image. */
  #withRandomState<R>(seed: number, fn: () => R): R {
    const { device } = this.#model;
    const others = torch.generatorState(device);
    try {
      if (this.#randomState) torch.setGeneratorState(this.#randomState, device);
      else {
        torch.manualSeed(seed);
        torch.rand([this.#images], { device }); // the reference's class dropout draws one number an image, also when sampling
      }
      return fn();
    } finally {
      this.#randomState?.dispose();
      this.#randomState = torch.keep(torch.generatorState(device));
      torch.setGeneratorState(others, device);
    }
  }

  dispose(): void {
    this.#steppers.giveBack(this.#rows, this.#stepper);
    this.#randomState?.dispose();
    for (const tensor of [this.#conditions, this.#where, this.#next]) tensor.dispose();
    this.#modulations.dispose();
  }
}

/** Tokens on the host, in order. */
function read(tokens: Tensor, broken: Tensor): Int32Array {
  const drawn = Int32Array.from(torch.numbers(tokens)); // first: by then all has been computed
  if (torch.item(broken))
    throw new RarityError(
      "engine",
      "Cannot draw a token: the network's logits are not finite. The weights are broken, or overflow at this " +
        "precision: fetch or convert the generator's file again, or load it with float32.",
    );
  return drawn;
}
