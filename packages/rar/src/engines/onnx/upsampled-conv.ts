/** A convolution of a picture at twice its size, computed at its own size. */
import type { ConvOptions } from "../../networks/ops.js";
import type { Graph, Node } from "./graph.js";

/**
 * A pixel repeated over 2 x 2 cells meets a 3 x 3 kernel in four ways: by the output's row, even or odd, and likewise by its
 * column. In each the kernel covers 2 x 2 pixels, with its weights added up where they meet the same one: 4 products instead of 9
 * for every output.
 *
 * @param conv2d - traces a convolution
 * @param x - [B, in, h, w]
 * @param weight - [out, in, 3, 3]
 * @returns [B, out, 2h, 2w]
 */
export function upsampledConv(
  graph: Graph,
  conv2d: (x: Node, weight: Node, bias: Node | undefined, options: ConvOptions) => Node,
  x: Node,
  weight: Node,
  bias: Node | undefined,
): Node {
  const [B, , h, w] = x.shape as [number, number, number, number];
  const [out, channels, ...kernel] = weight.shape as [number, number, number, number];
  if (kernel.some((side) => side !== 3)) throw new RangeError(`a kernel of 3 x 3 is needed, not [${kernel}]`);

  const outputs = (row: 0 | 1, column: 0 | 1): Node => {
    const shape = [out, channels, 2, 2];
    const stored = graph.store(weight, { kind: "phase", row, column }, shape);
    const own: Node = { type: "float32", shape, name: stored };
    // even outputs also see the pixel before theirs, odd ones the one after
    const padding = { top: 1 - row, bottom: row, left: 1 - column, right: column };
    return conv2d(x, own, bias, { padding });
  };
  const lines = ([0, 1] as const).map((row) => {
    const pair = ([0, 1] as const).map((column) =>
      graph.node("Unsqueeze", [outputs(row, column), graph.int64([0])], [1, B, out, h, w]),
    );
    const both = graph.node("Concat", pair, [2, B, out, h, w], { axis: 0 });
    // one axis moved inwards: ONNX Runtime moves two at once in six times as long (docs/log.md)
    const woven = graph.node("Transpose", [both], [B, out, h, w, 2], { perm: [1, 2, 3, 4, 0] });
    return graph.node("Reshape", [woven, graph.int64([0, 0, 0, 1, -1])], [B, out, h, 1, 2 * w]);
  });
  const picture = graph.node("Concat", lines, [B, out, h, 2, 2 * w], { axis: 3 });
  return graph.node("Reshape", [picture, graph.int64([0, 0, -1, 2 * w])], [B, out, 2 * h, 2 * w]);
}
