/** Keys and values of one batch with room for every position, written in place. */
import type { DType, Tensor } from "libtorch";
import * as torch from "libtorch";
import { type GeneratorConfig, headWidth } from "../../config/architecture.js";
import type { StaticPast } from "./ops.js";

export const cacheBytes = (config: GeneratorConfig, rows: number, bytes: number): number =>
  2 * config.depth * rows * (config.tokens + 1) * config.width * bytes;

export class KeyValueCache {
  /** k and v of each layer, [rows, H, positions, d]. */
  readonly layers: readonly { readonly k: Tensor; readonly v: Tensor }[];

  constructor(config: GeneratorConfig, rows: number, positions: number, device: string, dtype: DType) {
    const shape = [rows, config.heads, positions, headWidth(config)];
    const room = (): Tensor => torch.keep(torch.zeros(shape, { device, dtype }));
    this.layers = Array.from({ length: config.depth }, () => ({ k: room(), v: room() }));
  }

  /** What the network takes as its past where the next position is `position`: all there is up to it is open. */
  at(position: number): StaticPast[] {
    return this.#past((whole, fresh) => {
      torch.copy_(torch.narrow(whole, 2, position, 1), fresh);
      return torch.narrow(whole, 2, 0, position + 1);
    });
  }

  /**
   * The same with sizes that do not change from step to step, as a recorded graph needs them.
   * @param position - where to write, [1] int64
   * @param mask - [1, 1, 1, span]: which of the first `span` positions are open
   */
  within(position: Tensor, mask: Tensor): StaticPast[] {
    const span = mask.shape[3]!;
    return this.#past((whole, fresh) => {
      torch.index_copy_(whole, 2, position, fresh);
      return torch.narrow(whole, 2, 0, span);
    }, mask);
  }

  #past(store: (whole: Tensor, fresh: Tensor) => Tensor, mask?: Tensor): StaticPast[] {
    return this.layers.map(({ k, v }) => ({
      k,
      v,
      mask: k, // not read: extend() says what is open
      extend: (newK, newV) => ({ k: store(k, newK), v: store(v, newV), mask }),
    }));
  }

  dispose(): void {
    for (const { k, v } of this.layers) {
      k.dispose();
      v.dispose();
    }
  }
}
