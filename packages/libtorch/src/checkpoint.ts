/** Less memory for more time: blocks in sequence keep only their inputs, and are computed again, one by one, in backward. */
import { backward } from "./autograd.js";
import { autocast, autocastState, enableGrad, noGradNoCasts } from "./modes.js";
import { detach } from "./operators.js";
import { generatorState, setGeneratorState } from "./runtime.js";
import { scope } from "./scope.js";
import type { Tensor } from "./tensor.js";

/** One of a sequence: takes the output of the one before, and the inputs that all share. */
export type Block = (x: Tensor, ...shared: Tensor[]) => Tensor;

export interface Checkpointed {
  /** Result of the last block: a leaf that requires a gradient, for the loss to start from. */
  readonly output: Tensor;
  /**
   * Adds the gradients of all parameters inside the blocks, from the last block to the first, and frees what was kept.
   * Once only, outside of autocast, and before the parameters change.
   *
   * @param gradient - of the loss with respect to `output`: its `grad` after the loss's own backward
   * @param onBlockDone - called after each block with its index, when its gradients are complete: the moment to start
   *   averaging them over ranks
   * @returns gradients of the inputs in their order, null for those that do not require one
   */
  backward(gradient: Tensor, onBlockDone?: (index: number) => void): (Tensor | null)[];
}

/**
 * Runs `blocks` one after the other without recording, so that backward needs the memory of one block instead of all.
 *
 * Random numbers and autocast are the same when a block is computed again, so output and gradients have the same bits as
 * without checkpoints. (Where a block uses a shared input more than once, its gradient is summed in another order.)
 * What is kept for backward belongs to the surrounding scope.
 *
 * @param inputs - x of the first block, then what every block gets besides
 */
export function checkpointBlocks(
  blocks: readonly Block[],
  inputs: readonly [x: Tensor, ...shared: Tensor[]],
): Checkpointed {
  const [first, ...shared] = inputs.map((x) => leaf(x, x.requiresGrad)) as [Tensor, ...Tensor[]];
  const devices = [...new Set(["cpu", first.device])];
  const casts = devices.map(autocastState);
  const entries: Tensor[] = []; // input of each block
  const states: Tensor[][] = []; // of the generators before each block
  let x = first;
  for (const block of blocks) {
    entries.push(x);
    states.push(devices.map(generatorState));
    x = noGradNoCasts(() => scope(() => detach(block(x, ...shared))));
  }

  /** Gradient of block i's input; those of its parameters and of the shared inputs are added where they belong. */
  const backwardOf = (i: number, gradient: Tensor): Tensor | null =>
    scope(() => {
      devices.forEach((device, d) => {
        setGeneratorState(states[i]![d]!, device);
      });
      const input = i === 0 ? first : leaf(entries[i]!, true);
      const run = (): Tensor => enableGrad(() => blocks[i]!(input, ...shared));
      const y = casts.reduce((inner, state) => () => autocast(state, inner), run)();
      if (y.requiresGrad) backward(y, { gradients: [gradient] });
      return input.grad;
    });

  let done = false;
  return {
    output: leaf(x, true),
    backward(gradient, onBlockDone) {
      if (done)
        throw new Error("The backward of these checkpoints has run: run checkpointBlocks() again first.");
      done = true;
      const after = devices.map(generatorState);
      try {
        let passed: Tensor | null = gradient;
        for (let i = blocks.length - 1; i >= 0; i--) {
          const next: Tensor | null = passed && backwardOf(i, passed);
          if (passed !== gradient) passed?.dispose();
          if (i > 0) entries[i]!.dispose();
          passed = next;
          onBlockDone?.(i);
        }
        return [passed, ...shared.map((s) => s.grad)];
      } finally {
        devices.forEach((device, d) => {
          setGeneratorState(after[d]!, device);
        });
        for (const kept of [...entries, ...shared, ...after, ...states.flat()]) kept.dispose();
      }
    },
  };
}

/** The same numbers without their history. */
function leaf(x: Tensor, requiresGrad: boolean): Tensor {
  const copy = detach(x);
  copy.requiresGrad = requiresGrad;
  return copy;
}
