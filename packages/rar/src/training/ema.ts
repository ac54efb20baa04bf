/** A slowly moving average of the weights, with a decay that grows from 0. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";

/** Decay of update number `update`, counted from 1: min((u) / (9 + u), largest), and 0 at the first (REFERENCE 6.5). */
export const emaDecayAt = (update: number, largest = 0.999): number =>
  update === 1 ? 0 : Math.min(update / (9 + update), largest);

export class Ema {
  readonly shadows: ReadonlyMap<string, Tensor>;
  readonly #largest: number;
  /** How many there were. */
  updates = 0;

  /** Starts as a copy of the parameters. */
  constructor(parameters: ReadonlyMap<string, Tensor>, largest = 0.999) {
    this.#largest = largest;
    const copy = (x: Tensor): Tensor => torch.keep(torch.scope(() => torch.clone(torch.detach(x))));
    this.shadows = new Map([...parameters].map(([name, x]) => [name, copy(x)]));
  }

  /** shadow -= (1 - decay) (shadow - parameter); returns the decay used. */
  update(parameters: ReadonlyMap<string, Tensor>): number {
    const decay = emaDecayAt(++this.updates, this.#largest);
    const shadows = [...this.shadows.values()];
    const current = [...this.shadows.keys()].map((name) => parameters.get(name)!);
    torch.noGrad(() =>
      torch.scope(() => {
        // PyTorch 1.13 has no such operator, and makes the differences as tensors.
        if (torch.hasOperator("_foreach_lerp_", "Scalar")) torch._foreach_lerp_(shadows, current, 1 - decay);
        else torch._foreach_add_(shadows, torch._foreach_sub(shadows, current), { alpha: -(1 - decay) });
      }),
    );
    return decay;
  }

  dispose(): void {
    for (const shadow of this.shadows.values()) shadow.dispose();
  }
}
