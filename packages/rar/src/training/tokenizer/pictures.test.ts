import * as torch from "libtorch";
import { expect, it } from "vitest";
import { describeWithLibtorch } from "../../../../libtorch/src/testing/suite.js";
import { augmented, plain } from "./pictures.js";

/** Two pictures of 4 x 4; every value tells picture, row, column and channel. */
const bytes = (): torch.Tensor =>
  torch.tensor(
    Uint8Array.from({ length: 2 * 4 * 4 * 3 }, (_, i) => {
      const [picture, row, column, channel] = [
        Math.floor(i / 48),
        Math.floor(i / 12) % 4,
        Math.floor(i / 3) % 4,
        i % 3,
      ];
      return picture * 128 + row * 32 + column * 8 + channel;
    }),
    { shape: [2, 4, 4, 3] },
  );
const values = (x: torch.Tensor): number[] => torch.numbers(x).map((v) => Math.round(v * 255));

describeWithLibtorch("pictures of a batch", () => {
  it("become planes in [0, 1], cut in the middle", () =>
    torch.scope(() => {
      const x = plain(bytes(), 2);
      expect(x.shape).toEqual([2, 3, 2, 2]);
      expect(values(x).slice(0, 8)).toEqual([40, 48, 72, 80, 41, 49, 73, 81]);
    }));

  it("are mirrored by their position alone, half of them", () =>
    torch.scope(() => {
      const options = { seed: 7, flip: true, crop: 4 };
      const isFlipped = (position: number): boolean => {
        const [first] = values(augmented(bytes(), [position, position], options));
        if (first !== 0 && first !== 24) throw new Error(`${first} is in no upper corner`);
        return first === 24;
      };
      const flips = Array.from({ length: 200 }, (_, i) => isFlipped(i));
      const share = flips.filter(Boolean).length / flips.length;
      expect(share).toBeGreaterThan(0.35);
      expect(share).toBeLessThan(0.65);
      // Beside another picture, in another batch: the same.
      const pair = values(augmented(bytes(), [3, 4], options));
      expect([pair[0] === 24, pair[48] === 128 + 24]).toEqual([flips[3], flips[4]]);
    }));

  it("are cut at every place there is, each picture at its own", () =>
    torch.scope(() => {
      const options = { seed: 1, flip: false, crop: 2 };
      const corners = new Set<number>();
      for (let position = 0; position < 100; position++) {
        const [corner, right, below] = values(augmented(bytes(), [position, 0], options));
        corners.add(corner!);
        expect([right! - corner!, below! - corner!]).toEqual([8, 32]);
      }
      expect(corners.size).toBe(9);
    }));
});
