/** A tokenizer without a network for tests: the code of a patch is the red of its first pixel. */
import type { ImageCodec } from "../data/image-codec.js";
import type { RgbImage } from "../images/rgb.js";

export interface FakeCodec extends ImageCodec {
  /** Pictures encoded so far. */
  readonly encoded: () => number;
}

export function fakeCodec(size = 4, patch = 2): FakeCodec {
  const side = size / patch;
  const length = side * side;
  let encoded = 0;
  return {
    identity: `fake ${size} ${patch}`,
    size,
    length,
    codebookSize: 256,
    encoded: () => encoded,
    async encode(images) {
      encoded += images.length;
      const codes = new Int32Array(images.length * length);
      for (const [n, { data }] of images.entries())
        for (let i = 0; i < length; i++) {
          const [row, column] = [Math.floor(i / side) * patch, (i % side) * patch];
          codes[n * length + i] = data[(row * size + column) * 3]!;
        }
      return codes;
    },
    async decode(codes) {
      const images: RgbImage[] = [];
      for (let n = 0; n < codes.length / length; n++) {
        const data = new Uint8Array(size * size * 3);
        for (let i = 0; i < size * size; i++) {
          const [row, column] = [Math.floor(Math.floor(i / size) / patch), Math.floor((i % size) / patch)];
          data.fill(codes[n * length + row * side + column]!, i * 3, i * 3 + 3);
        }
        images.push({ width: size, height: size, data });
      }
      return images;
    },
  };
}
