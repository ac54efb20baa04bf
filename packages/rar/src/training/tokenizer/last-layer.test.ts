import * as torch from "libtorch";
import { expect, it } from "vitest";
import { describeWithLibtorch } from "../../../../libtorch/src/testing/suite.js";
import { randomArray } from "../../testing/random-model.js";
import { adaptiveWeight } from "./last-layer.js";
import { adversarialLoss, discriminatorLoss, reconstructionLoss } from "./losses.js";

describeWithLibtorch("losses of pixels", () => {
  it("the adaptive weight is the ratio of two gradients' norms at the last layer", () =>
    torch.scope(() => {
      const features = torch.tensor(randomArray(1, 2 * 4 * 36), { shape: [2, 4, 6, 6] });
      const images = torch.tensor(randomArray(2, 2 * 3 * 36), { shape: [2, 3, 6, 6] });
      const judge = torch.tensor(randomArray(3, 3 * 9), { shape: [1, 3, 3, 3] });
      const last = torch.tensor(randomArray(4, 3 * 4 * 9), { shape: [3, 4, 3, 3], requiresGrad: true });
      const decode = () => torch.conv2d(features, last, null, 1, 1);
      const weights = { l1: 1, l2: 4, gradient: 0.3 };
      const reconstruct = (pixels: torch.Tensor) => reconstructionLoss(pixels, images, weights).total;
      const judged = (pixels: torch.Tensor) =>
        adversarialLoss(torch.tanh(torch.conv2d(pixels, judge, null, 1, 1)));

      // By hand: each loss all the way to the layer.
      const norm = (loss: torch.Tensor) => torch.item(torch.linalg_vector_norm(torch.grad(loss, [last])[0]!));
      const wanted = norm(reconstruct(decode())) / (norm(judged(decode())) + 1e-4);

      const pixels = decode();
      const leaf = torch.detach(pixels);
      leaf.requiresGrad = true;
      const [r] = torch.grad(reconstruct(leaf), [leaf]);
      const [a] = torch.grad(judged(leaf), [leaf]);
      expect(torch.item(adaptiveWeight(pixels, last, r!, a!)) / wanted).toBeCloseTo(1, 5);
    }));

  it("is L1, L2 and the differences of neighbours, each a mean over its numbers", () =>
    torch.scope(() => {
      const pixels = torch.tensor([
        [
          [
            [1, 0.5],
            [0, 0.25],
          ],
        ],
      ]);
      const images = torch.tensor([
        [
          [
            [0, 0.5],
            [0, 1],
          ],
        ],
      ]);
      const error = [1, 0, 0, -0.75];
      const l1 = (1 + 0.75) / 4;
      const l2 = (1 + 0.75 ** 2) / 4;
      const across = (Math.abs(error[1]! - error[0]!) + Math.abs(error[3]! - error[2]!)) / 2;
      const down = (Math.abs(error[2]! - error[0]!) + Math.abs(error[3]! - error[1]!)) / 2;
      const { total } = reconstructionLoss(pixels, images, { l1: 2, l2: 3, gradient: 5 });
      expect(torch.item(total)).toBeCloseTo(2 * l1 + 3 * l2 + 5 * (across + down), 5);
    }));

  it("the hinge stops where patches are told apart by more than 1", () =>
    torch.scope(() => {
      const loss = (real: number[], made: number[]) =>
        torch.item(discriminatorLoss(torch.tensor(real), torch.tensor(made)));
      expect(loss([3, 1], [-1, -2])).toBe(0);
      expect(loss([0, 1], [-1, 1])).toBeCloseTo(0.5 * (0.5 + 1), 6);
    }));
});
