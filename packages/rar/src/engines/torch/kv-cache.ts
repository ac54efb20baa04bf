/** Keys and values of one batch with room for every position, written in place. */
import type { DType, Tensor } from "libtorch";
import * as torch from "libtorch";
import { type GeneratorConfig, headWidth } from "../../config/architecture.js";
import type { StaticPast } from "./ops.js";

export const cacheBytes = (config: GeneratorConfig, rows: number, bytes: number): number =>
  2 * config.depth * rows * (config.tokens + 1) * config.width * bytes;

export class KeyValueCache {
  /** k and v of each layer, [rows, H, positions, d]. */
  readonly #layers: readonly { readonly k: Tensor; readonly v: Tensor }[];
  #position = 0;

  constructor(config: GeneratorConfig, rows: number, device: string, dtype: DType) {
    const shape = [rows, config.heads, config.tokens + 1, headWidth(config)];
    const room = (): Tensor => torch.keep(torch.zeros(shape, { device, dtype }));
    this.#layers = Array.from({ length: config.depth }, () => ({ k: room(), v: room() }));
  }

  /** What the network takes as its past, where the next position is `position`. */
  at(position: number): StaticPast[] {
    this.#position = position;
    return this.#layers.map(({ k, v }) => ({
      k,
      v,
      mask: k, // never read: extend() says what is open
      extend: (newK, newV) => {
        const store = (whole: Tensor, fresh: Tensor): Tensor => {
          torch.copy_(torch.narrow(whole, 2, this.#position, 1), fresh);
          return torch.narrow(whole, 2, 0, this.#position + 1);
        };
        return { k: store(k, newK), v: store(v, newV), mask: undefined };
      },
    }));
  }

  dispose(): void {
    for (const { k, v } of this.#layers) {
      k.dispose();
      v.dispose();
    }
  }
}
