/** How ONNX Runtime's convolutions want their channels on this machine. */
import ort from "onnxruntime-node";
import { encodeModel } from "./proto.js";

/**
 * Channels that its blocked convolutions keep together (8 or 16 by the processor's vectors), or 0 where they do not exist. Asked
 * by laying out two pixels: the second one's first channel follows the first one's group.
 */
export async function channelGroup(): Promise<number> {
  const shape = [1, 64, 1, 2];
  const model = encodeModel({
    nodes: [
      { op: "ReorderInput", inputs: ["x"], outputs: ["y"], domain: "com.microsoft.nchwc", attributes: {} },
    ],
    initializers: [],
    inputs: [{ name: "x", type: "float32", shape }],
    outputs: [{ name: "y", type: "float32", shape }],
  });
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 4 }).catch(() => undefined);
  if (!session) return 0; // an operator of ONNX Runtime's own, which not every build has
  try {
    const x = new ort.Tensor(
      "float32",
      Float32Array.from({ length: 128 }, (_, i) => i),
      shape,
    );
    const { y } = await session.run({ x });
    const group = (y!.data as Float32Array).indexOf(1);
    return group > 1 ? group : 0;
  } finally {
    await session.release();
  }
}
