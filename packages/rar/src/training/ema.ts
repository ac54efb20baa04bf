/** A slowly moving average of the weights, with a decay that grows from 0. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";

/** Decay of update number `update`, counted from 1: min((u) / (9 + u), largest), and 0 at the first (REFERENCE 6.5). */
export const emaDecayAt = (update: number, largest = 0.999): number =>
  update === 1 ? 0 : Math.min(update / (9 + update), largest);

export class Ema {
  readonly shadows: ReadonlyMap<string, Tensor>;
  /** Updates so far, which decide the next decay: to be kept with the shadows. */
  updates = 0;
  readonly #largest: number;

  /** Starts as a copy of the parameters. */
  constructor(parameters: ReadonlyMap<string, Tensor>, largest = 0.999) {
    this.#largest = largest;
    this.shadows = new Map(
      [...parameters].map(([name, x]) => [
        name,
        torch.keep(torch.noGrad(() => torch.clone(torch.detach(x)))),
      ]),
    );
  }

  /** shadow -= (1 - decay) (shadow - parameter); returns the decay used. */
  update(parameters: ReadonlyMap<string, Tensor>): number {
    const decay = emaDecayAt(++this.updates, this.#largest);
    torch.noGrad(() =>
      torch.scope(() => {
        const [shadows, current] = [
          [...this.shadows.values()],
          [...this.shadows.keys()].map((name) => parameters.get(name)!),
        ];
        const gaps = torch._foreach_sub(
          shadows,
          current.map((x) => torch.detach(x)),
        );
        torch._foreach_add_(shadows, gaps, { alpha: -(1 - decay) });
      }),
    );
    return decay;
  }

  dispose(): void {
    for (const shadow of this.shadows.values()) shadow.dispose();
  }
}
