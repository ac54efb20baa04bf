/** Where numbers stopped being finite: looked for only after a step that cannot be used, for it computes everything again. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import type { GeneratorConfig } from "../config/architecture.js";
import type { Dropout } from "../networks/block.js";
import {
  enter,
  type GeneratorWeights,
  leave,
  type TrainingInputs,
  trainingBlock,
} from "../networks/generator.js";
import type { Ops, Tap } from "../networks/ops.js";

const allFinite = (x: Tensor): boolean =>
  torch.scope(() => torch.item(torch.all(torch.isfinite(torch.detach(x)))) !== 0);

/** Name of the first parameter that has a number that is not finite. */
export const nonFiniteWeight = (parameters: ReadonlyMap<string, Tensor>): string | undefined =>
  [...parameters].find(([, x]) => !allFinite(x))?.[0];

/** Name of the first value of the forward pass that is not finite, such as "block3.attn". */
export function nonFiniteValue(
  ops: Ops<Tensor>,
  config: GeneratorConfig,
  w: GeneratorWeights<Tensor>,
  inputs: TrainingInputs<Tensor>,
  dropout: Dropout,
): string | undefined {
  let found: string | undefined;
  const tap: Tap<Tensor> = (name, x) => {
    if (found === undefined && !allFinite(x)) found = name;
  };
  torch.noGrad(() =>
    torch.scope(() => {
      const { x: entered, c } = enter(ops, config, w, inputs, { withoutLast: true, tap });
      let x = entered;
      for (let i = 0; i < config.depth && found === undefined; i++)
        x = torch.scope(() => trainingBlock(ops, config, w, i, x, c, { dropout, tap }));
      if (found === undefined) tap("logits", leave(ops, w, x, c, tap));
    }),
  );
  return found;
}

/** Name of the gradient that went wrong first: backward runs from the head through the last block to the embeddings. */
export function nonFiniteGradient(parameters: ReadonlyMap<string, Tensor>): string | undefined {
  const place = (name: string): number => {
    const block = /^blocks\.(\d+)\./.exec(name)?.[1];
    if (block !== undefined) return -Number(block);
    return /^(lm_head|adaln)/.test(name) ? Number.NEGATIVE_INFINITY : 1;
  };
  const wrong = [...parameters].filter(([, x]) =>
    torch.scope(() => {
      const { grad } = x;
      return grad !== null && !allFinite(grad);
    }),
  );
  return wrong.sort(([a], [b]) => place(a) - place(b))[0]?.[0];
}
