/** How strongly the discriminator pulls, measured at the decoder's last layer against the reconstruction. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";

const mostWeight = 1e4;

/**
 * The adaptive weight of VQGAN (Esser et al. 2021, equation 7): the norm of the reconstruction's gradient at the last layer
 * over that of the adversarial one. Over all ranks, as if their batches were one.
 *
 * @param pixels - the decoder's output, with its graph, which stays
 * @param last - the weight of the layer that made them
 * @param reconstruction - gradient of the reconstruction loss with respect to the pixels
 * @param adversarial - the same of the adversarial loss
 * @returns one number, without gradients
 */
export function adaptiveWeight(
  pixels: Tensor,
  last: Tensor,
  reconstruction: Tensor,
  adversarial: Tensor,
): Tensor {
  return torch.scope(() => {
    const atLast = (gradient: Tensor): Tensor =>
      torch.grad(pixels, [last], { gradients: [gradient], retainGraph: true })[0]!;
    const both = torch.stack([atLast(reconstruction), atLast(adversarial)]); // [2, 3, C, 3, 3]
    torch.distributed.allReduce(both, "avg");
    const [r, a] = torch.unbind(both, 0) as [Tensor, Tensor];
    const ratio = torch.div(torch.linalg_vector_norm(r), torch.add(torch.linalg_vector_norm(a), 1e-4));
    return torch.clamp(ratio, 0, mostWeight);
  });
}
