/** The same Gumbel noise as `drawing/noise.ts`, made on the device for many places, images and codes at once. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import type { NoiseKey } from "../../drawing/plan.js";

const WORD = 0xffffffff;
const ROUNDS = 10;
/** Multipliers and key increments of Philox 4x32 (Salmon et al. 2011, table 2 and section 4). */
const [MULTIPLIER_A, MULTIPLIER_B] = [0xd2511f53, 0xcd9e8d57];
const [STEP_A, STEP_B] = [0x9e3779b9, 0xbb67ae85];

/**
 * Standard Gumbel numbers in float64, [places, images, codes].
 *
 * @param key - seed, index of each image under it, and the domain word of the stream
 * @param first - first place
 */
export function gumbelNoise(
  key: Extract<NoiseKey, { kind: "philox" }>,
  first: number,
  places: number,
  codes: number,
  device: string,
): Tensor {
  return torch.scope(() => {
    const words = Math.ceil(codes / 4);
    const shape = [places, key.indices.length, words];
    const along = (values: readonly number[], axis: number): Tensor => {
      const size = [1, 1, 1];
      size[axis] = values.length;
      const data = BigInt64Array.from(values, BigInt);
      return torch.expand(torch.tensor(data, { shape: size, device }), shape);
    };
    const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
    const counter = [
      along(upTo(words), 2),
      along(
        upTo(places).map((i) => first + i),
        0,
      ),
      along(
        key.indices.map((index) => index % 2 ** 32),
        1,
      ),
      along(
        key.indices.map((index) => Math.floor(index / 2 ** 32) + key.domain),
        1,
      ),
    ];
    const bits = philox(counter as [Tensor, Tensor, Tensor, Tensor], key.seed); // [places, images, words, 4]
    const all = torch.narrow(torch.reshape(bits, [places, key.indices.length, 4 * words]), 2, 0, codes);
    const u = torch.mul(torch.add(torch.to(all, { dtype: "float64" }), 0.5), 2 ** -32);
    return torch.neg(torch.log(torch.neg(torch.log(u))));
  });
}

/** Words are held in int64: a product of two wraps at 2^64, and its upper half is what the shift leaves of it. */
function philox(counter: [Tensor, Tensor, Tensor, Tensor], seed: number): Tensor {
  let [a, b, c, d] = counter;
  let [keyA, keyB] = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
  for (let round = 0; round < ROUNDS; round++) {
    const [productA, productC] = [torch.mul(a, MULTIPLIER_A), torch.mul(c, MULTIPLIER_B)];
    const next: typeof counter = [
      torch.bitwise_xor(torch.bitwise_xor(upper(productC), b), keyA),
      lower(productC),
      torch.bitwise_xor(torch.bitwise_xor(upper(productA), d), keyB),
      lower(productA),
    ];
    [a, b, c, d] = next;
    keyA = (keyA + STEP_A) % 2 ** 32;
    keyB = (keyB + STEP_B) % 2 ** 32;
  }
  return torch.stack([a, b, c, d], -1);
}

const lower = (x: Tensor): Tensor => torch.bitwise_and(x, WORD);
const upper = (x: Tensor): Tensor => torch.bitwise_and(torch.bitwise_right_shift(x, 32), WORD);
