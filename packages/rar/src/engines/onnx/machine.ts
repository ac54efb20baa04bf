/** What ONNX Runtime's products are on this machine, asked of it. */
import ort from "onnxruntime-node";
import { encodeModel, type ModelSpec } from "./proto.js";

export interface Machine {
  /** Channels that its blocked convolutions keep together (8 or 16 by the processor's vectors); 0: it has none. */
  readonly channels: number;
  /**
   * Largest magnitude of an activation in bytes. Processors without an instruction for four products of bytes add two of them
   * in 16 bits, where two of 8 bits with weights of 8 do not fit.
   */
  readonly levels: 63 | 127;
}

/** What holds everywhere. */
export const PLAIN: Machine = { channels: 0, levels: 63 };

export async function askMachine(): Promise<Machine> {
  return { channels: await channelGroup(), levels: (await addsBytesInFull()) ? 127 : 63 };
}

/** Two pixels are laid out: the second one's first channel follows the first one's group. */
async function channelGroup(): Promise<number> {
  const shape = [1, 64, 1, 2];
  const pixels = Float32Array.from({ length: 128 }, (_, i) => i);
  const y = await run(
    {
      nodes: [
        { op: "ReorderInput", inputs: ["x"], outputs: ["y"], domain: "com.microsoft.nchwc", attributes: {} },
      ],
      initializers: [],
      inputs: [{ name: "x", type: "float32", shape }],
      outputs: [{ name: "y", type: "float32", shape }],
    },
    new ort.Tensor("float32", pixels, shape),
  );
  const group = y?.indexOf(1) ?? 0; // an operator of ONNX Runtime's own, which not every build has
  return group > 1 ? group : 0;
}

/** Whether sums of products of the largest bytes are right, for few rows and for many. */
async function addsBytesInFull(): Promise<boolean> {
  const [rows, inner, columns] = [16, 64, 64];
  const small = (name: string, type: "float32" | "uint8", value: Uint8Array | Float32Array) => ({
    name,
    type,
    shape: [],
    data: new Uint8Array(value.buffer),
  });
  const product = inner * 127 * 127;
  for (const m of [1, 2, rows]) {
    const y = await run(
      {
        nodes: [
          {
            op: "MatMulIntegerToFloat",
            inputs: ["x", "w", "one", "one", "zero"],
            outputs: ["y"],
            domain: "com.microsoft",
            attributes: {},
          },
        ],
        initializers: [
          small("one", "float32", Float32Array.of(1)),
          small("zero", "uint8", Uint8Array.of(128)),
          {
            name: "w",
            type: "int8",
            shape: [inner, columns],
            data: new Uint8Array(inner * columns).fill(127),
          },
        ],
        inputs: [{ name: "x", type: "uint8", shape: [m, inner] }],
        outputs: [{ name: "y", type: "float32", shape: [m, columns] }],
      },
      new ort.Tensor("uint8", new Uint8Array(m * inner).fill(255), [m, inner]),
    );
    if (!y || y.some((value) => value !== product)) return false;
  }
  return true;
}

async function run(model: ModelSpec, x: ort.Tensor): Promise<Float32Array | undefined> {
  const session = await ort.InferenceSession.create(encodeModel(model), { logSeverityLevel: 4 }).catch(
    () => undefined,
  );
  if (!session) return undefined;
  try {
    const { y } = await session.run({ x });
    return y!.data as Float32Array;
  } finally {
    await session.release();
  }
}
