/** Attention as ONNX nodes: within one run of positions, after cached ones, and of the step graph, whose cache lies in two pieces. */
import type { Dim, Past } from "../../networks/ops.js";
import type { Graph, Node } from "./graph.js";
import { BLOCK } from "./kv-cache.js";

/**
 * A step's cache: whole blocks of positions, and the block under way, up to BLOCK positions of which the mask leaves open those
 * before a row's own. With `several`, T positions of each of R rows at once.
 *
 * A position's own key and value stand apart from the block's, and each product takes one query at a time: so the numbers have
 * the same bits whether the positions before, in the same block, came with it or long ago.
 */
export interface BlockPast extends Past<Node> {
  readonly recentK: Node; // [R, H, 1, BLOCK, d], as k and v: [R, H, 1, S, d]
  readonly recentV: Node;
  /** [1, 1, T, 1, BLOCK] */
  readonly mask: Node;
  /** S, BLOCK, 1 */
  readonly lengths: Node;
  /** How many positions the block holds, for each row, [R]. */
  readonly from: Node;
  /** A bool: whether T > 1. Undefined: T is 1. */
  readonly several: Node | undefined;
}

/** Softmax(q kT) v. q, k, v: [B, H, T, d] */
export function attention(graph: Graph, q: Node, k: Node, v: Node, past?: Past<Node>): Node {
  if (past && "recentK" in past) return stepAttention(graph, q, k, v, past as BlockPast);
  const [B, H, T, d] = q.shape as [Dim, Dim, number, number];
  const { add, matmul, softmax } = operations(graph);
  const score = (keys: Node, length: Dim): Node => scores(graph, q, keys, [B, H, T, length]);
  let own = score(k, T);
  if (T > 1) {
    const causal = new Float32Array(T * T).map((_, i) =>
      i % T > Math.floor(i / T) ? Number.NEGATIVE_INFINITY : 0,
    );
    own = add(own, { type: "float32", shape: [T, T], parameter: { pieces: [causal] } });
  }
  if (!past) return matmul(softmax(own), v, [B, H, T, d]);

  const S = past.k.shape[2] as number;
  const before = add(score(past.k, S), past.mask);
  const weights = softmax(graph.node("Concat", [before, own], [B, H, T, S + T], { axis: 3 }));
  const [wPast, wOwn] = split(graph, weights, graph.int64([S, T]), [S, T]) as [Node, Node];
  return add(matmul(wPast, past.v, [B, H, T, d]), matmul(wOwn, v, [B, H, T, d]));
}

function stepAttention(graph: Graph, q: Node, k: Node, v: Node, past: BlockPast): Node {
  const [R, H, T, d] = q.shape as [Dim, number, Dim, number];
  const { add, matmul, softmax } = operations(graph);
  /** Queries of one head stand together, so that its keys and values are read from the nearest cache. */
  const each = [R, H, T, 1] as const;
  const [query, key, value] = [q, k, v].map((x) =>
    graph.node("Reshape", [x, graph.int64([0, 0, -1, 1, d])], [...each, d]),
  ) as [Node, Node, Node];
  const score = (keys: Node, length: Dim): Node => scores(graph, query, keys, [...each, length]);
  const own = score(key, 1);
  const before = score(past.k, "S");

  const hear = (recentK: Node, recentV: Node): Node => {
    const all = [before, add(score(recentK, BLOCK), past.mask), own];
    const weights = softmax(graph.node("Concat", all, [...each, "S+"], { axis: 4 }));
    const [wPast, wRecent, wOwn] = split(graph, weights, past.lengths, ["S", BLOCK, 1]) as [Node, Node, Node];
    const cached = add(matmul(wPast, past.v, [...each, d]), matmul(wRecent, recentV, [...each, d]));
    return add(cached, graph.node("Mul", [wOwn, value], [...each, d]));
  };
  const alone = (): Node => hear(past.recentK, past.recentV); // its own position is masked there
  /** The block with the new positions in their places. */
  const filled = (kept: Node, fresh: Node): Node => {
    const rows = graph.node("Reshape", [fresh, graph.int64([0, 0, 1, -1, d])], [R, H, 1, T, d]);
    return graph.node("TensorScatter", [kept, rows, past.from], kept.shape, { axis: 3 });
  };
  const together = (): Node => hear(filled(past.recentK, k), filled(past.recentV, v));
  const heard = past.several
    ? graph.either(
        past.several,
        () => [together()],
        () => [alone()],
      )[0]!
    : alone();
  return graph.node("Reshape", [heard, graph.int64([0, 0, -1, d])], q.shape);
}

const operations = (graph: Graph) => ({
  /** Shaped as `a`. */
  add: (a: Node, b: Node): Node => graph.node("Add", [a, b], a.shape),
  matmul: (a: Node, b: Node, shape: readonly Dim[]): Node => graph.node("MatMul", [a, b], shape),
  softmax: (x: Node): Node => graph.node("Softmax", [x], x.shape, { axis: x.shape.length - 1 }),
});

const scores = (graph: Graph, q: Node, keys: Node, shape: readonly Dim[]): Node =>
  graph.node("com.microsoft:FusedMatMul", [q, keys], shape, { transB: 1 });

function split(graph: Graph, x: Node, lengths: Node | string, last: readonly Dim[]): Node[] {
  const before = x.shape.slice(0, -1);
  const shapes = last.map((length) => [...before, length]);
  return graph.nodeWith("Split", [x, lengths], shapes, { axis: before.length });
}
