/** The generator's step (`networks/generator.ts`) as kernels: the same numbers with about a fifth of the launches. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import type { LinearWeights } from "../../../networks/block.js";
import type { FoldedBlock, LoadedGenerator } from "../generator.js";
import type { StepKernels } from "./program.js";

/** What the kernels of one step read and write besides weights. Fixed addresses, so that a graph can hold them. */
export interface StepBuffers {
  /** int32: position, its place in the modulation's table, and the position that is embedded after a draw */
  readonly state: Tensor;
  /** [conditions, CHUNK, parts, D]; and which condition each row has, [rows] int64 */
  readonly table: Tensor;
  readonly condition: Tensor;
  /** Between blocks, [rows, D] float32. */
  readonly x: Tensor;
  /** k and v of each layer, [rows, H, positions, d] */
  readonly cache: readonly { readonly k: Tensor; readonly v: Tensor }[];
  /** Inside a block: [rows, 3D], [rows, D], [rows, F] */
  readonly qkv: Tensor;
  readonly attended: Tensor;
  readonly hidden: Tensor;
  /** [rows, K] float32 */
  readonly logits: Tensor;
}

/** Places of vectors in the packed modulation (`packModulation`): six a block, then two of the final layer. */
const places = (block: number) => ({
  shiftA: 6 * block,
  scaleA: 6 * block + 1,
  gateA: 6 * block + 2,
  shiftM: 6 * block + 3,
  scaleM: 6 * block + 4,
  gateM: 6 * block + 5,
});
const finalPlaces = (depth: number) => ({ scale: 6 * depth, shift: 6 * depth + 1 });

/** What drawing reads and writes, for whole images. */
export interface DrawBuffers {
  /** Guidance by place, [L] float32; [1] float64; see `drawSource`, int32. */
  readonly factors: Tensor;
  readonly temperature: Tensor;
  readonly words: Tensor;
  /** Rows of the position tables by position, [L + 1] int64. */
  readonly where: Tensor;
  readonly next: Tensor;
  /** [L, images] int64 */
  readonly tokens: Tensor;
  /** [1] int32 */
  readonly broken: Tensor;
}

/** From the last step's logits to the token of its place. */
export function kernelDraw({ run }: StepKernels, { state, logits }: StepBuffers, to: DrawBuffers): void {
  const images = to.tokens.shape[1]!;
  const guided = logits.shape[0] === images ? 0 : 1;
  run.draw(
    images,
    false, // it begins a recorded step, where it has no predecessor
    ...[logits, guided, to.factors, to.temperature, to.words, state, to.tokens, to.broken],
  );
}

/** From the tokens drawn last to x. */
export function kernelFeed(
  kernels: StepKernels,
  model: LoadedGenerator,
  { state, x }: StepBuffers,
  { tokens, where, next }: DrawBuffers,
): void {
  const { tables } = model;
  kernels.run.embed(
    x.shape[0]!,
    true,
    ...[tables.content, tables.where, tables.next, tokens, tokens.shape[1]!, where, next, -1, state, x],
  );
}

/** From x to logits. */
export function kernelStep(model: LoadedGenerator, kernels: StepKernels, buffers: StepBuffers): void {
  if (kernels.few) fewRows(model, kernels, kernels.few, buffers);
  else torch.scope(() => void torch.copy_(buffers.logits, manyRows(model, kernels, buffers)));
}

const of = ({ weight, bias }: LinearWeights<Tensor>) => [weight, bias] as const;

/** Five launches a block: whatever stands beside a linear layer is part of it. */
function fewRows(
  model: LoadedGenerator,
  kernels: StepKernels,
  few: NonNullable<StepKernels["few"]>,
  buffers: StepBuffers,
): void {
  const { table, condition, state, x, qkv, attended, hidden, logits } = buffers;
  const modulation = [table, condition, state] as const;
  const { config, weights } = model;
  for (const [i, w] of weights.blocks.entries()) {
    const at = places(i);
    const [normA, normM] = [[at.scaleA, at.shiftA] as const, [at.scaleM, at.shiftM] as const];
    few.qkvLinear(i > 0, x, ...modulation, ...normA, ...of(w.qkv), qkv);
    attend(kernels, w, buffers, i, qkv);
    few.projLinear(true, attended, x, ...modulation, at.gateA, ...of(w.proj));
    few.fc1Linear(true, x, ...modulation, ...normM, ...of(w.fc1), hidden);
    few.fc2Linear(true, hidden, x, ...modulation, at.gateM, ...of(w.fc2));
  }
  const { scale, shift } = finalPlaces(config.depth);
  few.headLinear(true, x, ...modulation, scale, shift, ...of(weights.head), logits);
}

/** Eight launches a block, of which four are cuBLAS's. */
function manyRows(
  { config, weights, ops }: LoadedGenerator,
  kernels: StepKernels,
  buffers: StepBuffers,
): Tensor {
  const { table, condition, state, x, attended } = buffers;
  const rows = x.shape[0]!;
  const normed = torch.empty([rows, config.width], { device: x.device, dtype: attended.dtype });
  const normalize = (y: Tensor | null, gate: number, scale: number, shift: number): Tensor => {
    kernels.run.normalize(rows, y !== null, x, y, table, condition, state, gate, scale, shift, normed);
    return normed;
  };
  let [y, gate]: [Tensor | null, number] = [null, 0];
  for (const [i, w] of weights.blocks.entries()) {
    const at = places(i);
    const into = normalize(y, gate, at.scaleA, at.shiftA);
    attend(kernels, w, buffers, i, ops.linear(into, w.qkv.weight, w.qkv.bias));
    const heard = ops.linear(attended, w.proj.weight, w.proj.bias);
    const widened = ops.linear(normalize(heard, at.gateA, at.scaleM, at.shiftM), w.fc1.weight, w.fc1.bias);
    y = ops.linear(ops.gelu(widened), w.fc2.weight, w.fc2.bias);
    gate = at.gateM;
  }
  const { scale, shift } = finalPlaces(config.depth);
  return ops.linear(normalize(y, gate, scale, shift), weights.head.weight, weights.head.bias);
}

function attend(
  kernels: StepKernels,
  { qScaled, kNorm }: FoldedBlock,
  { cache, state, attended, x }: StepBuffers,
  block: number,
  qkv: Tensor,
): void {
  const { k, v } = cache[block]!;
  const heads = x.shape[0]! * k.shape[1]!; // of all rows
  kernels.run.attention(
    heads,
    true,
    ...[qkv, qScaled.weight, qScaled.bias, kNorm.weight, kNorm.bias, k, v, state, attended],
  );
}
