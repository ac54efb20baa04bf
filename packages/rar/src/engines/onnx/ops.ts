/** The networks' operations as ONNX nodes: what each becomes in the graph, and the shapes that follow. */
import type { ConvOptions, Dim, Ops } from "../../networks/ops.js";
import { attention } from "./attention.js";
import type { Graph, Node } from "./graph.js";
import { type Machine, PLAIN } from "./machine.js";
import type { ElementType } from "./proto.js";
import { upsampledConv } from "./upsampled-conv.js";
import { blockSize, type WeightFormat } from "./weights.js";

const size = (d: Dim | undefined, what: string): number => {
  if (typeof d !== "number")
    throw new TypeError(`${what} must be known when the graph is traced, it is "${d}"`);
  return d;
};
const volume = (shape: readonly Dim[]): number => shape.reduce((n: number, d) => n * size(d, "a size"), 1);
const at = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const replaced = (shape: readonly Dim[], axis: number, d: Dim): Dim[] =>
  shape.map((old, i) => (i === axis ? d : old));

function broadcast(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    if (x !== y && x !== 1 && y !== 1) throw new RangeError(`shapes [${a}] and [${b}] do not broadcast`);
    return x === 1 ? y : x;
  });
}

/** x Phi(x) is nowhere less. */
const LEAST_GELU = -0.17;

/**
 * Traces operations into `graph`.
 * @param format - how the weights of `linear` are stored
 * @param machine - what ONNX Runtime's products are on this machine
 * @param byRow - R, T, -1, d, where the first of three sizes is R T: only attention looks at them apart
 */
export function onnxOps(
  graph: Graph,
  format: WeightFormat,
  { channels, levels }: Machine = PLAIN,
  byRow?: Node,
): Ops<Node> {
  const elementwise =
    (op: string) =>
    (a: Node, b: Node): Node =>
      graph.node(op, [a, b], broadcast(a.shape, b.shape), {}, a.type);
  const add = elementwise("Add");

  /** Metadata only: a parameter keeps its numbers. */
  const reshape = (x: Node, wanted: readonly Dim[]): Node => {
    const known = wanted.every((d) => typeof d === "number") && x.shape.every((d) => typeof d === "number");
    const rest = known
      ? volume(x.shape) / wanted.reduce((n: number, d) => (d === -1 ? n : n * (d as number)), 1)
      : -1;
    const shape = wanted.map((d) => (d === -1 && known ? rest : d));
    if (x.parameter) return { type: x.type, shape, parameter: x.parameter };
    // A name can only be x's own first size (0: "as it was") or the one size that is inferred.
    const target = shape.map((d, i) => (typeof d === "number" ? d : i === 0 && d === x.shape[0] ? 0 : -1));
    const result = shape.map((d, i) => (d === -1 ? `${x.shape[i] ?? "n"}*` : d));
    return graph.node("Reshape", [x, graph.int64(target)], result, {}, x.type);
  };

  const chunk = (x: Node, parts: number, axis: number): Node[] => {
    const a = at(axis, x.shape.length);
    const whole = x.shape[a]!;
    const part: Dim = typeof whole === "number" ? whole / parts : whole.replace(/^\d+\*/, "");
    return graph.nodeWith(
      "Split",
      [x],
      Array.from({ length: parts }, () => replaced(x.shape, a, part)),
      { axis: a, num_outputs: parts },
      x.type,
    );
  };

  const matmul = (a: Node, b: Node): Node =>
    graph.node(
      "MatMul",
      [a, b],
      [...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)), a.shape.at(-2)!, b.shape.at(-1)!],
    );

  /**
   * y = W x as a convolution over rows of one-pixel pictures, their channels in groups of `channels`: it reads the weights at
   * several places at once, adds the bias itself and uses the weights as they lie in the file (docs/log.md).
   */
  const convolved = (x: Node, weight: Node, bias?: Node): Node => {
    const [rows, columns] = weight.shape as readonly [number, number];
    const domain = "com.microsoft.nchwc";
    const row = graph.node("Reshape", [x, graph.int64([1, 1, -1, columns])], [1, 1, "n", columns]);
    const blocked = graph.node(`${domain}:ReorderInput`, [row], [1, columns, 1, "n"], { channels_last: 1 });
    const storage = { kind: "channels", channels, rows, columns } as const;
    const inputs = [blocked, graph.store(weight, storage, [rows, columns, 1, 1]), ...(bias ? [bias] : [])];
    const product = graph.node(`${domain}:Conv`, inputs, [1, rows, 1, "n"], { kernel_shape: [1, 1] });
    const order = { channels: rows, channels_last: 1 };
    const back = graph.node(`${domain}:ReorderOutput`, [product], [1, 1, "n", rows], order);
    const shape = [...x.shape.slice(0, -1), rows];
    const known = shape.slice(1).map((d) => size(d, "all but the first size"));
    return graph.node("Reshape", [back, graph.int64([-1, ...known])], shape);
  };

  /**
   * y = W x in bytes: each row of x as shares of its largest number, each output's weights as shares of theirs. Sums of whole
   * numbers are exact in any order, so a row's bits do not depend on how many there are, nor on the kernel that multiplies them.
   */
  const inBytes = (x: Node, weight: Node, bias?: Node): Node => {
    const [rows, columns] = weight.shape as readonly [number, number];
    const stored = (
      kind: "bytes" | "outputScales" | "outputSums",
      shape: number[],
      type?: ElementType,
    ): Node => ({
      type: type ?? "float32",
      shape,
      name: graph.store(weight, { kind, rows, columns }, shape, type),
    });
    const number = (value: number): string =>
      graph.constant("float32", [], new Uint8Array(Float32Array.of(value).buffer));
    // Numbers that hardly fall below zero use all bytes, others those on both sides of the middle.
    const above = x.least === undefined ? x : graph.node("Sub", [x, number(x.least)], x.shape);
    const sizes = x.least === undefined ? graph.node("Abs", [x], x.shape) : above;
    const [top, middle] = x.least === undefined ? [levels, levels + 1] : [2 * levels + 1, 0];
    const one = replaced(x.shape, x.shape.length - 1, 1);
    const largest = graph.node("ReduceMax", [sizes, graph.int64([-1])], one, { keepdims: 1 });
    const shares = graph.node("Div", [above, largest], x.shape);
    const step = number(1 / top);
    const zero = graph.constant("uint8", [], Uint8Array.of(middle));
    const q = graph.node("QuantizeLinear", [shares, step, zero], x.shape, {}, "uint8");

    const shape = [...x.shape.slice(0, -1), rows];
    const given = [q, stored("bytes", [columns, rows], "int8"), step, stored("outputScales", [rows]), zero];
    const product = graph.node("com.microsoft:MatMulIntegerToFloat", given, shape);
    const scaled = graph.node("Mul", [product, largest], shape);
    if (x.least === undefined) return bias ? add(scaled, bias) : scaled;
    const floor = graph.node("Mul", [stored("outputSums", [rows]), number(x.least)], [rows]);
    return add(scaled, bias ? add(floor, bias) : floor); // known when the model is loaded
  };

  const linear = (x: Node, weight: Node, bias?: Node): Node => {
    if (format === "int8") return inBytes(x, weight, bias);
    const [rows, columns] = weight.shape as readonly [number, number];
    const shape = [...x.shape.slice(0, -1), rows];
    if (format === "float32") {
      if (channels > 0 && rows % channels === 0 && columns % channels === 0)
        return convolved(x, weight, bias);
      const stored = graph.store(weight, { kind: "transposed", rows, columns }, [columns, rows]);
      const product = graph.node("MatMul", [x, stored], shape);
      return bias ? add(product, bias) : product;
    }
    const block = blockSize(columns);
    const blocks = Math.ceil(columns / block);
    const storage = { block, rows, columns } as const;
    const numbers = [rows, blocks, block / 2];
    const packed = graph.store(weight, { kind: "blocks", ...storage }, numbers, "uint8");
    const scales = graph.store(weight, { kind: "scales", ...storage }, [rows, blocks]);
    // accuracy_level 4: int8 arithmetic, the only fast one on CPUs
    const attributes = { K: columns, N: rows, bits: 4, block_size: block, accuracy_level: 4 };
    const tail = bias ? ["", "", graph.use(bias)] : [];
    return graph.node("com.microsoft:MatMulNBits", [x, packed, scales, ...tail], shape, attributes);
  };

  const layerNorm = (x: Node, scale: Node, bias: Node, epsilon: number): Node =>
    graph.node("LayerNormalization", [x, scale, bias], x.shape, {
      axis: x.shape.length - 1,
      epsilon: { float: epsilon },
    });

  /** InstanceNormalization over groups, then weight and bias: faster than the fused operator (docs/log.md). */
  const groupNorm = (x: Node, groups: number, weight: Node, bias: Node, epsilon: number): Node => {
    const ones = graph.constant("float32", [groups], new Uint8Array(new Float32Array(groups).fill(1).buffer));
    const zeros = graph.constant("float32", [groups], new Uint8Array(4 * groups));
    const grouped = graph.node("Reshape", [x, graph.int64([0, groups, -1])], [x.shape[0]!, groups, "cells"]);
    const normal = graph.node("InstanceNormalization", [grouped, ones, zeros], grouped.shape, {
      epsilon: { float: epsilon },
    });
    const back = x.shape.map((d, i) => (i === 0 && typeof d === "string" ? 0 : size(d, "a picture's size")));
    const restored = graph.node("Reshape", [normal, graph.int64(back)], x.shape);
    const channel = [x.shape[1]!, 1, 1];
    return add(graph.node("Mul", [restored, reshape(weight, channel)], x.shape), reshape(bias, channel));
  };

  const splitHeads = (qkv: Node, heads: number): [Node, Node, Node] => {
    const [B, T, width] = qkv.shape as [Dim, Dim, number];
    const d = width / 3 / heads;
    if (byRow) {
      const all = graph.node("Reshape", [qkv, byRow], ["R", "T", 3 * heads, d]);
      const turned = graph.node("Transpose", [all], ["R", 3 * heads, "T", d], { perm: [0, 2, 1, 3] });
      return chunk(turned, 3, 1) as [Node, Node, Node];
    }
    return chunk(qkv, 3, 2).map((x) => {
      const split = graph.node("Reshape", [x, graph.int64([0, size(T, "T"), heads, d])], [B, T, heads, d]);
      return graph.node("Transpose", [split], [B, heads, T, d], { perm: [0, 2, 1, 3] });
    }) as [Node, Node, Node];
  };

  const mergeHeads = (x: Node): Node => {
    const [B, H, T, d] = x.shape as [Dim, number, number, number];
    const rows = graph.node("Transpose", [x], [B, T, H, d], { perm: [0, 2, 1, 3] });
    if (byRow) return graph.node("Reshape", [rows, graph.int64([-1, 1, H * d])], ["N", 1, H * d]);
    return graph.node("Reshape", [rows, graph.int64([0, T, H * d])], [B, T, H * d]);
  };

  const conv2d = (x: Node, weight: Node, bias: Node | undefined, options: ConvOptions): Node => {
    const [out, , kh, kw] = weight.shape as [number, number, number, number];
    const { top, left, bottom, right } = options.padding;
    const [stride, dilation] = [options.stride ?? 1, options.dilation ?? 1];
    const cells = (d: Dim, kernel: number, padding: number): Dim =>
      typeof d === "number" ? Math.floor((d + padding - dilation * (kernel - 1) - 1) / stride) + 1 : d;
    const shape = [
      x.shape[0]!,
      out,
      cells(x.shape[2]!, kh, top + bottom),
      cells(x.shape[3]!, kw, left + right),
    ];
    return graph.node("Conv", bias ? [x, weight, bias] : [x, weight], shape, {
      kernel_shape: [kh, kw],
      pads: [top, left, bottom, right],
      strides: [stride, stride],
      dilations: [dilation, dilation],
    });
  };

  return {
    shape: (x) => x.shape,
    constant: (values, shape) => ({
      type: "float32",
      shape,
      parameter: { pieces: [Float32Array.from(values)] },
    }),
    integers: (values, shape) => ({
      type: "int64",
      shape,
      name: graph.constant("int64", shape, new Uint8Array(BigInt64Array.from(values, BigInt).buffer)),
    }),
    add,
    sub: elementwise("Sub"),
    mul: elementwise("Mul"),
    mulAdd: (a, b, c) => add(c, elementwise("Mul")(a, b)),
    clamp: (x, low, high) => {
      const bound = (v: number): string =>
        graph.constant("float32", [], new Uint8Array(new Float32Array([v]).buffer));
      return graph.node("Clip", [x, bound(low), bound(high)], x.shape);
    },
    relu: (x) => graph.node("Relu", [x], x.shape),
    silu: (x) => graph.node("com.microsoft:QuickGelu", [x], x.shape, { alpha: { float: 1 } }),
    gelu: (x) => ({ ...graph.node("com.microsoft:Gelu", [x], x.shape), least: LEAST_GELU }),
    linear,
    matmul,
    embedding: (table, ids) =>
      graph.node("Gather", [table, ids], [...ids.shape, ...table.shape.slice(1)], { axis: 0 }),
    layerNorm,
    groupNorm,
    splitHeads,
    mergeHeads,
    attention: (q, k, v, past) => attention(graph, q, k, v, past),
    dropout: (x) => x,
    conv2d,
    upsampledConv: (x, weight, bias) => upsampledConv(graph, conv2d, x, weight, bias),
    avgPool2: (x) =>
      graph.node(
        "AveragePool",
        [x],
        [
          x.shape[0]!,
          x.shape[1]!,
          Math.floor(size(x.shape[2], "height") / 2),
          Math.floor(size(x.shape[3], "width") / 2),
        ],
        { kernel_shape: [2, 2], strides: [2, 2] },
      ),
    maxPool3: (x, stride) => {
      const cells = (d: Dim | undefined): number =>
        stride === 1 ? size(d, "a side") : Math.floor((size(d, "a side") - 3) / 2) + 1;
      const shape = [x.shape[0]!, x.shape[1]!, cells(x.shape[2]), cells(x.shape[3])];
      const pads = new Array<number>(4).fill(stride === 1 ? 1 : 0);
      return graph.node("MaxPool", [x], shape, { kernel_shape: [3, 3], strides: [stride, stride], pads });
    },
    avgPool3: (x) =>
      graph.node("AveragePool", [x], x.shape, {
        kernel_shape: [3, 3],
        strides: [1, 1],
        pads: [1, 1, 1, 1],
        count_include_pad: 0,
      }),
    sumLast: (x) =>
      graph.node("ReduceSum", [x, graph.int64([-1])], replaced(x.shape, x.shape.length - 1, 1), {
        keepdims: 1,
      }),
    argminLast: (x) =>
      graph.node("ArgMin", [x], x.shape.slice(0, -1), { axis: x.shape.length - 1, keepdims: 0 }, "int64"),
    reshape,
    transpose: (x, axes) =>
      graph.node(
        "Transpose",
        [x],
        axes.map((a) => x.shape[a]!),
        { perm: axes },
        x.type,
      ),
    concat: (xs, axis) => {
      const first = xs[0]!;
      const a = at(axis, first.shape.length);
      const sizes = xs.map((x) => x.shape[a]!);
      const shape = replaced(
        first.shape,
        a,
        sizes.every((d) => typeof d === "number") ? sizes.reduce((x, y) => x + y, 0) : sizes.join("+"),
      );
      // Parameters one after the other along the first axis are stored so, and cost nothing when the graph runs.
      if (a === 0 && xs.every((x) => x.parameter)) {
        return { type: first.type, shape, parameter: { pieces: xs.flatMap((x) => x.parameter!.pieces) } };
      }
      return graph.node("Concat", xs, shape, { axis: a }, first.type);
    },
    chunk,
    slice: (x, axis, start, end) => {
      const a = at(axis, x.shape.length);
      const whole = x.shape[a]!;
      const length = typeof whole === "number" ? Math.min(end, whole) - start : end - start;
      const inputs = [x, graph.int64([start]), graph.int64([end]), graph.int64([a])];
      return graph.node("Slice", inputs, replaced(x.shape, a, length), {}, x.type);
    },
    expandRows: (x, like) => {
      const rows = like.shape[0]!;
      const tail = graph.int64(x.shape.slice(1).map(() => 1));
      const own =
        typeof rows === "number"
          ? graph.int64([rows])
          : graph.node("Shape", [like], [1], { end: 1 }, "int64");
      const target = graph.node("Concat", [own, tail], [x.shape.length], { axis: 0 }, "int64");
      return graph.node("Expand", [x, target], replaced(x.shape, 0, rows), {}, x.type);
    },
    scope: (fn) => fn(), // nothing is computed while a graph is traced
  };
}
