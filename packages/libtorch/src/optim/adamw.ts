/** AdamW (Loshchilov & Hutter 2019) over lists of tensors: a few calls a step, however many parameters there are. */
import { noGrad } from "../modes.js";
import { hasOperator } from "../operator.js";
import * as op from "../operators.js";
import { keep, scope } from "../scope.js";
import { Tensor } from "../tensor.js";
import { namedParameters, type ParameterSet } from "./parameters.js";

export interface AdamWOptions {
  /** Default: 0.001. */
  readonly lr?: number | undefined;
  /** Decay of the first and of the second moment. Default: [0.9, 0.999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** Default: 1e-8. */
  readonly eps?: number | undefined;
  /** Default: 0.01. */
  readonly weightDecay?: number | undefined;
  /**
   * One fused operator for the whole step: a third of the time and no temporaries, other last bits. Default: where libtorch
   * has it for the parameters' device (CUDA from 2.0, CPU from about 2.4).
   */
  readonly fused?: boolean | undefined;
}

/** Parameters with settings of their own; what is left out is the optimizer's. */
export interface AdamWGroup {
  readonly parameters: ParameterSet;
  readonly lr?: number | undefined;
  readonly weightDecay?: number | undefined;
}

/** What may be changed between steps. */
export interface AdamWSettings {
  lr: number;
  weightDecay: number;
}

/**
 * Everything a later run needs to go on, by name: "NAME.exp_avg" and "NAME.exp_avg_sq" (tensors) and "NAME.step" of each
 * parameter that had a gradient, "groups.0.lr" and "groups.0.weightDecay" of each group.
 */
export type OptimizerState = Record<string, Tensor | number>;

interface Moments {
  step: number;
  readonly first: Tensor;
  readonly second: Tensor;
}

interface Group extends AdamWSettings {
  readonly parameters: readonly (readonly [name: string, parameter: Tensor])[];
}

/** Lists of one device, one dtype and one number of steps, in the same order. */
interface Batch {
  readonly fused: boolean;
  readonly step: number;
  readonly parameters: Tensor[];
  readonly gradients: Tensor[];
  readonly first: Tensor[];
  readonly second: Tensor[];
}

export class AdamW {
  readonly #groups: readonly Group[];
  readonly #betas: readonly [number, number];
  readonly #eps: number;
  readonly #fused: boolean | undefined;
  readonly #moments = new Map<string, Moments>();
  #disposed = false;

  /**
   * @param parameters - tensors that require a gradient, or groups of them
   * @throws {RangeError} for settings out of range; {TypeError} when a name or a tensor comes twice
   */
  constructor(parameters: ParameterSet | readonly AdamWGroup[], options: AdamWOptions = {}) {
    const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0.01 } = options;
    for (const [name, beta] of [["betas[0]", betas[0]] as const, ["betas[1]", betas[1]] as const])
      if (!(beta >= 0 && beta < 1))
        throw new RangeError(`${name} must be at least 0 and below 1, it is ${beta}.`);
    let count = 0;
    this.#groups = (isGroups(parameters) ? parameters : [{ parameters }]).map((group) => {
      const named = namedParameters(group.parameters, count);
      count += named.length;
      return {
        parameters: named,
        lr: notNegative("lr", group.lr ?? lr),
        weightDecay: notNegative("weightDecay", group.weightDecay ?? weightDecay),
      };
    });
    const all = this.#groups.flatMap((group) => group.parameters);
    if (all.length === 0) throw new TypeError("An optimizer needs at least one parameter.");
    refuseTwice(all);
    this.#betas = betas;
    this.#eps = notNegative("eps", eps);
    this.#fused = options.fused;
  }

  /** Settings of each group, to be read and changed between steps. */
  get groups(): readonly AdamWSettings[] {
    return this.#groups;
  }

  /** Sets the rate of every group. */
  setLearningRate(lr: number): void {
    for (const group of this.#groups) group.lr = notNegative("lr", lr);
  }

  /** One update from the gradients that are there. Parameters without one stay as they are, and their steps do not count. */
  step(): void {
    if (this.#disposed) throw new Error("This AdamW was disposed and cannot be used any more.");
    noGrad(() =>
      scope(() => {
        for (const group of this.#groups)
          for (const batch of this.#batches(group))
            if (batch.fused) this.#updateFused(batch, group);
            else this.#update(batch, group);
      }),
    );
  }

  /** Drops the gradients, so that the next backward starts from none. */
  zeroGrad(): void {
    for (const { parameters } of this.#groups) for (const [, x] of parameters) x.grad = null;
  }

  /** The state as plain names. Its tensors are the optimizer's own: write or copy them before the next step. */
  stateDict(): OptimizerState {
    const state: OptimizerState = {};
    for (const [name, { step, first, second }] of this.#moments) {
      state[`${name}.exp_avg`] = first;
      state[`${name}.exp_avg_sq`] = second;
      state[`${name}.step`] = step;
    }
    this.#groups.forEach((group, i) => {
      state[`groups.${i}.lr`] = group.lr;
      state[`groups.${i}.weightDecay`] = group.weightDecay;
    });
    return state;
  }

  /**
   * Takes over a state by copying it; the former one is dropped.
   * @throws {TypeError} when it does not belong to these parameters and groups; nothing is changed then
   */
  loadStateDict(state: Readonly<OptimizerState>): void {
    const known = new Set<string>();
    const take = <T>(key: string, fits: (value: unknown) => value is T, wanted: string): T => {
      known.add(key);
      const value = state[key];
      if (!fits(value))
        throw new TypeError(`The optimizer state's "${key}" is ${value}, it must be ${wanted}.`);
      return value;
    };
    const settings = this.#groups.map((_, i) => ({
      lr: take(`groups.${i}.lr`, isNumber, "a number"),
      weightDecay: take(`groups.${i}.weightDecay`, isNumber, "a number"),
    }));
    const found: { name: string; parameter: Tensor; step: number; first: Tensor; second: Tensor }[] = [];
    for (const { parameters } of this.#groups)
      for (const [name, parameter] of parameters) {
        if (!(`${name}.step` in state)) continue;
        const like = (x: unknown): x is Tensor =>
          x instanceof Tensor && String(x.shape) === String(parameter.shape);
        found.push({
          name,
          parameter,
          step: take(`${name}.step`, isNumber, "a number"),
          first: take(`${name}.exp_avg`, like, `a tensor of the shape [${parameter.shape}]`),
          second: take(`${name}.exp_avg_sq`, like, `a tensor of the shape [${parameter.shape}]`),
        });
      }
    const unknown = Object.keys(state).find((key) => !known.has(key));
    if (unknown !== undefined)
      throw new TypeError(
        `The optimizer state's "${unknown}" belongs to no parameter or group of this optimizer.`,
      );
    this.#drop();
    this.#groups.forEach((group, i) => {
      Object.assign(group, settings[i]);
    });
    noGrad(() => {
      for (const { name, parameter, step, first, second } of found) {
        const copy = (x: Tensor): Tensor => op.copy_(keep(op.zeros_like(parameter)), x);
        this.#moments.set(name, { step, first: copy(first), second: copy(second) });
      }
    });
  }

  /** Frees the state; the parameters are not the optimizer's and stay. */
  dispose(): void {
    this.#drop();
    this.#disposed = true;
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  #drop(): void {
    for (const { first, second } of this.#moments.values()) {
      first.dispose();
      second.dispose();
    }
    this.#moments.clear();
  }

  /** Counts the step for all parameters with a gradient, and puts together those that one list can hold. */
  #batches({ parameters }: Group): Iterable<Batch> {
    const batches = new Map<string, Batch>();
    for (const [name, x] of parameters) {
      const gradient = x.grad;
      if (!gradient) continue;
      let moments = this.#moments.get(name);
      if (!moments) {
        moments = { step: 0, first: keep(op.zeros_like(x)), second: keep(op.zeros_like(x)) };
        this.#moments.set(name, moments);
      }
      const step = ++moments.step;
      const fused = useFused(this.#fused, x.device) && alike(x, gradient, moments.first);
      const key = `${x.device} ${x.dtype} ${step} ${fused}`;
      let batch = batches.get(key);
      if (!batch) {
        batch = { fused, step, parameters: [], gradients: [], first: [], second: [] };
        batches.set(key, batch);
      }
      batch.parameters.push(x);
      batch.gradients.push(gradient);
      batch.first.push(moments.first);
      batch.second.push(moments.second);
    }
    return batches.values();
  }

  /** The same operations in the same order as torch.optim.AdamW of the same version, so the same bits on the CPU. */
  #update({ step, parameters, gradients, first, second }: Batch, { lr, weightDecay }: Group): void {
    const [beta1, beta2] = this.#betas;
    if (weightDecay !== 0) op._foreach_mul_scalar_(parameters, 1 - lr * weightDecay);
    if (hasOperator("_foreach_lerp_", "Scalar")) op._foreach_lerp_(first, gradients, 1 - beta1);
    else {
      op._foreach_mul_scalar_(first, beta1);
      op._foreach_add_(first, gradients, { alpha: 1 - beta1 });
    }
    op._foreach_mul_scalar_(second, beta2);
    op._foreach_addcmul_(second, gradients, gradients, 1 - beta2);
    const denominator = op._foreach_sqrt(second);
    op._foreach_div_scalar_(denominator, Math.sqrt(1 - beta2 ** step));
    op._foreach_add_scalar_(denominator, this.#eps);
    op._foreach_addcdiv_(parameters, first, denominator, -(lr / (1 - beta1 ** step)));
  }

  #updateFused({ step, parameters, gradients, first, second }: Batch, { lr, weightDecay }: Group): void {
    const [beta1, beta2] = this.#betas;
    const count = op.full([], step, { device: parameters[0]!.device });
    op._fused_adamw_(
      parameters,
      gradients,
      first,
      second,
      [],
      parameters.map(() => count),
      { lr, beta1, beta2, weight_decay: weightDecay, eps: this.#eps, amsgrad: false, maximize: false },
    );
  }
}

const isGroups = (x: ParameterSet | readonly AdamWGroup[]): x is readonly AdamWGroup[] =>
  Array.isArray(x) && x.length > 0 && !(x[0] instanceof Tensor);

const isNumber = (x: unknown): x is number => typeof x === "number";

function notNegative(name: string, value: number): number {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw new RangeError(`${name} must be a finite number of at least 0, it is ${value}.`);
  return value;
}

function refuseTwice(all: Group["parameters"]): void {
  const names = new Set<string>();
  const tensors = new Set<Tensor>();
  for (const [name, x] of all) {
    if (names.has(name) || tensors.has(x))
      throw new TypeError(
        `Parameter "${name}" comes twice: every name and every tensor may be in one group only.`,
      );
    names.add(name);
    tensors.add(x);
  }
}

/** The fused operator walks through memory: it must lie in the same order in all. (torch.optim does not check this.) */
const alike = (...all: Tensor[]): boolean =>
  all.every((x) => x.isContiguous) || all.every((x) => String(x.strides) === String(all[0]!.strides));

/** Devices ("cuda:0") on which the fused operator was tried, with what came of it. */
const tried = new Map<string, boolean>();

function useFused(wanted: boolean | undefined, device: string): boolean {
  if (wanted === false) return false;
  let works = tried.get(device);
  if (works === undefined) {
    works = hasOperator("_fused_adamw_") && runsFused(device);
    tried.set(device, works);
  }
  if (wanted && !works)
    throw new Error(
      `This libtorch has no fused AdamW for ${device}: leave "fused" out, or use a newer libtorch.`,
    );
  return works;
}

/** An operator can be known and still lack a kernel for a device: only a call tells. */
function runsFused(device: string): boolean {
  return scope(() => {
    const one = (): Tensor[] => [op.ones([1], { device })];
    const settings = { lr: 0, beta1: 0, beta2: 0, weight_decay: 0, eps: 1, amsgrad: false, maximize: false };
    try {
      op._fused_adamw_(one(), one(), one(), one(), [], one(), settings);
      return true;
    } catch {
      return false;
    }
  });
}
