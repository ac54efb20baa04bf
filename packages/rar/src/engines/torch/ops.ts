/** The networks' operations on libtorch tensors: computed at once, and recorded for backward where gradients are on. */

import type { DType, Tensor } from "libtorch";
import * as torch from "libtorch";
import type { Dim, Ops, Past } from "../../networks/ops.js";

const sizes = (shape: readonly Dim[]): number[] => shape.map((d) => (typeof d === "number" ? d : -1));
const axisOf = (axis: number, x: Tensor): number => (axis < 0 ? axis + x.shape.length : axis);

/** Keys and values with room for every position. New ones are written in place instead of joined to the old. */
export interface StaticPast extends Past<Tensor> {
  /** Writes k and v of the new positions; keys, values and mask (none where all are open) of all there are now. */
  extend(k: Tensor, v: Tensor): { readonly k: Tensor; readonly v: Tensor; readonly mask: Tensor | undefined };
}
const isStatic = (past: Past<Tensor>): past is StaticPast => "extend" in past;

export interface TorchOpsOptions {
  readonly device: string;
  /** Type of the network's constants: that of its weights. */
  readonly dtype: DType;
  /** Weights of linear layers that lie in another order (`packLinear`), by what the network takes them for. */
  readonly packed?: ReadonlyMap<Tensor, Tensor> | undefined;
}

/**
 * @returns operations, and `dispose` for the constants they keep
 */
export function torchOps({ device, dtype, packed }: TorchOpsOptions): Ops<Tensor> & { dispose(): void } {
  // Constants are asked for at every step: made once, for a copy to a GPU would wait for it.
  const constants = new Map<string, Tensor>();
  const constant = (key: string, make: () => Tensor): Tensor => {
    let made = constants.get(key);
    if (!made) {
      made = torch.keep(make());
      constants.set(key, made);
    }
    return made;
  };
  const causal = (rows: number, type: DType): Tensor =>
    constant(`causal ${rows} ${type}`, () => {
      const ones = torch.ones([rows, rows], { device, dtype: type });
      return torch.mul(torch.triu(ones, 1), -1e9);
    });

  const attention = (q: Tensor, k: Tensor, v: Tensor, past?: Past<Tensor>, dropout = 0): Tensor => {
    const rows = q.shape[2]!;
    if (!past) {
      if (rows === 1) return attend(q, k, v, undefined, dropout);
      if (isFused(q, dropout)) return fusedAttention(q, k, v, null, true, dropout);
      return attend(q, k, v, causal(rows, q.dtype), dropout);
    }
    if (isStatic(past)) {
      const all = past.extend(k, v);
      if (rows > 1 && !all.mask) throw new RangeError("several new positions at once need a mask");
      return attend(q, all.k, all.v, all.mask);
    }
    const own = causal(rows, q.dtype); // [T, T]
    const mask = torch.cat(
      [torch.expand(past.mask, [1, 1, rows, past.mask.shape[3]!]), torch.reshape(own, [1, 1, rows, rows])],
      3,
    );
    return attend(q, torch.cat([past.k, k], 2), torch.cat([past.v, v], 2), mask);
  };

  return {
    shape: (x) => x.shape,
    constant(values, shape) {
      const first = values[0] ?? 0;
      if (!Array.prototype.every.call(values, (value) => value === first))
        return torch.tensor(Float32Array.from(values), { shape, dtype, device });
      return constant(`${first} [${shape}]`, () => torch.full(shape, first, { dtype, device }));
    },
    integers: (values, shape) =>
      constant(`ids ${values} [${shape}]`, () =>
        torch.tensor(BigInt64Array.from(values, BigInt), { shape, device }),
      ),

    add: (a, b) => torch.add(a, b),
    sub: (a, b) => torch.sub(a, b),
    mul: (a, b) => torch.mul(a, b),
    mulAdd,
    clamp: (x, low, high) => torch.clamp(x, low, high),
    relu: (x) => torch.relu(x),
    silu: (x) => torch.silu(x),
    gelu: (x) => torch.gelu(x),

    linear(x, weight, bias) {
      const reordered = packed?.get(weight);
      return reordered
        ? torch.linearPacked(x, reordered, bias ?? null)
        : torch.linear(x, weight, bias ?? null);
    },
    matmul: (a, b) => torch.matmul(a, b),
    embedding: (table, ids) => torch.embedding(table, ids),

    layerNorm(x, scale, bias, epsilon) {
      const width = [x.shape.at(-1)!];
      if (scale.shape.length === 1)
        return torch.layer_norm(normable(x, scale.dtype), width, scale, bias, epsilon);
      return mulAdd(torch.layer_norm(x, width, null, null, epsilon), scale, bias);
    },
    groupNorm: (x, groups, weight, bias, epsilon) => torch.group_norm(x, groups, weight, bias, epsilon),

    splitHeads(qkv, heads) {
      const [B, T, width] = qkv.shape as [number, number, number];
      const apart = torch.view(qkv, [B, T, 3, heads, width / 3 / heads]);
      const [q, k, v] = torch.unbind(torch.permute(apart, [2, 0, 3, 1, 4]), 0) as [Tensor, Tensor, Tensor];
      return [q, k, v];
    },
    mergeHeads(x) {
      const [B, H, T, d] = x.shape as [number, number, number, number];
      return torch.reshape(torch.transpose(x, 1, 2), [B, T, H * d]);
    },
    attention,
    dropout: (x, share) => (share > 0 ? dropped(x, share) : x),

    conv2d(x, weight, bias, { padding: { top, left, bottom, right }, stride = 1, dilation = 1 }) {
      const even = top === bottom && left === right;
      const padded = even ? x : torch.constant_pad_nd(x, [left, right, top, bottom]);
      return torch.conv2d(padded, weight, bias ?? null, stride, even ? [top, left] : 0, dilation);
    },
    upsampledConv(x, weight, bias) {
      const doubled = torch.upsample_nearest2d(x, [2 * x.shape[2]!, 2 * x.shape[3]!]);
      return torch.conv2d(doubled, weight, bias ?? null, 1, 1);
    },
    avgPool2: (x) => torch.avg_pool2d(x, 2),
    maxPool3: (x, stride) => torch.max_pool2d(x, 3, stride, stride === 1 ? 1 : 0),
    avgPool3: (x) => torch.avg_pool2d(x, 3, 1, 1, false, false),

    sumLast: (x) => torch.sum(x, [-1], true),
    argminLast: (x) => torch.argmin(x, -1),

    reshape: (x, shape) => torch.reshape(x, sizes(shape)),
    transpose: (x, axes) => torch.permute(x, axes),
    concat: (xs, axis) => torch.cat(xs, axis),
    chunk(x, parts, axis) {
      const whole = x.shape[axisOf(axis, x)]!;
      return torch.split(x, whole / parts, axis);
    },
    slice: (x, axis, start, end) => torch.slice(x, axis, start, end),
    expandRows: (x, like) => torch.expand(x, [like.shape[0]!, ...x.shape.slice(1)]),

    scope: torch.scope,
    dispose() {
      for (const made of constants.values()) made.dispose();
      constants.clear();
    },
  };
}

/**
 * a * b + c. Under autocast the types differ. A norm's float32 result meets modulation in the smaller type, to which the next
 * product would round it anyway; a branch's result in the smaller type is added to the float32 stream, which stays that.
 */
const mulAdd = (a: Tensor, b: Tensor, c: Tensor): Tensor =>
  b.dtype === c.dtype
    ? torch.addcmul(c, a.dtype === c.dtype ? a : torch.to(a, { dtype: c.dtype }), b)
    : torch.add(c, torch.mul(a, b));

/** softmax(q kᵀ + mask) v: fused where this libtorch has it, else by its definition. Scores have no scale of their own. */
function attend(q: Tensor, k: Tensor, v: Tensor, mask?: Tensor, dropout = 0): Tensor {
  if (isFused(q, dropout)) return fusedAttention(q, k, v, mask ?? null, false, dropout);
  const scores = torch.matmul(q, torch.transpose(k, 2, 3)); // [B, H, T, S]
  const weights = torch.softmax(mask ? torch.add_(scores, mask) : scores, -1);
  return torch.matmul(dropout > 0 ? dropped(weights, dropout) : weights, v);
}

/** On CPUs PyTorch's fused kernel has no dropout: it takes the definition too, with its slow random numbers. */
const isFused = (q: Tensor, dropout: number): boolean =>
  hasFusedAttention() && (dropout === 0 || q.device !== "cpu");

const dropped = (x: Tensor, share: number): Tensor =>
  x.device === "cpu" ? torch.mul(x, torch.dropoutFactors(x, share)) : torch.dropout(x, share, true);

const fusedAttention = (
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask: Tensor | null,
  causal: boolean,
  dropout: number,
): Tensor => torch.scaled_dot_product_attention(q, k, v, mask, dropout, causal, { scale: 1 });

/** PyTorch 1.13's layer_norm on CPUs refuses the bfloat16 that autocast gives it beside float32 weights. */
const normable = (x: Tensor, dtype: DType): Tensor =>
  x.dtype === dtype || version() >= 2 ? x : torch.to(x, { dtype });

/** scaled_dot_product_attention came with PyTorch 2.0, its scale with 2.1. */
const hasFusedAttention = (): boolean => version() >= 2.01;

let known: number | undefined;
/** Of the running libtorch: 2.13 for 2.13, 2.01 for 2.1. */
function version(): number {
  if (known === undefined) {
    const [major = 0, minor = 0] = torch.runtimeInfo().version.split(".").map(Number);
    known = major + minor / 100;
  }
  return known;
}
