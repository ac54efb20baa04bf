/** Saved tensors back into a trainer's own, one by one, so that nothing is in memory twice for long. */
import type { AdamW, OptimizerState, Tensor } from "libtorch";
import * as torch from "libtorch";
import type { TensorSource } from "../weights/tensor-file.js";

/** What a trainer's parts were written to, by the same names. */
export interface SavedParts {
  readonly generator: TensorSource;
  readonly ema?: TensorSource | undefined;
  readonly moments: TensorSource;
}

/** @throws {TypeError} naming a tensor that is not there, or has another shape */
export async function copyInto(tensors: ReadonlyMap<string, Tensor>, saved: TensorSource): Promise<void> {
  for (const [name, x] of tensors) {
    const data = await read(saved, name, x.shape);
    torch.noGrad(() => torch.scope(() => torch.copy_(x, torch.tensor(data, { shape: x.shape }))));
  }
}

/** AdamW's moments of every parameter, each updated `updates` times; none where that is 0. */
export async function restoreMoments(
  optimizer: AdamW,
  parameters: ReadonlyMap<string, Tensor>,
  saved: TensorSource,
  updates: number,
): Promise<void> {
  const state: OptimizerState = {};
  optimizer.groups.forEach(({ lr, weightDecay }, i) => {
    Object.assign(state, { [`groups.${i}.lr`]: lr, [`groups.${i}.weightDecay`]: weightDecay });
  });
  try {
    if (updates > 0)
      for (const [name, { shape }] of parameters) {
        for (const moment of ["exp_avg", "exp_avg_sq"])
          state[`${name}.${moment}`] = torch.tensor(await read(saved, `${name}.${moment}`, shape), { shape });
        state[`${name}.step`] = updates;
      }
    optimizer.loadStateDict(state);
  } finally {
    for (const x of Object.values(state)) if (x instanceof torch.Tensor) x.dispose();
  }
}

async function read(saved: TensorSource, name: string, shape: readonly number[]): Promise<Float32Array> {
  const found = saved.tensors.get(name)?.shape;
  if (String(found) !== String(shape))
    throw new TypeError(
      found === undefined
        ? `The saved state has no tensor "${name}".`
        : `The saved state's "${name}" is [${found}], it must be [${shape}].`,
    );
  return saved.readFloat32(name);
}
