import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { randomArray, sourceOf } from "../../testing/random-model.js";
import { temporaryFolder } from "../../testing/temporary.js";
import { Graph, type Node } from "./graph.js";
import { askMachine, PLAIN } from "./machine.js";
import { onnxOps } from "./ops.js";
import { MODEL_FILE, writeGraph } from "./weights.js";

const temporary = temporaryFolder();
const [inputs, outputs] = [96, 160];
const weights = {
  w: { data: randomArray(1, outputs * inputs), shape: [outputs, inputs] },
  b: { data: randomArray(2, outputs), shape: [outputs] },
};

/** x W + b of rows of x, by the operators for groups of so many channels. */
async function products(channels: number, xs: readonly Float32Array[]): Promise<Float32Array[]> {
  const graph = new Graph();
  const parameter = (name: "w" | "b") => ({
    type: "float32" as const,
    shape: weights[name].shape,
    parameter: { pieces: [name] },
  });
  const x = graph.input("x", "float32", ["R", 1, inputs]);
  graph.output(
    "y",
    onnxOps(graph, "float32", { ...PLAIN, channels }).linear(x, parameter("w"), parameter("b")),
  );
  const folder = await mkdtemp(join(temporary, "channels-"));
  await writeGraph(graph, sourceOf(weights), folder);
  const session = await ort.InferenceSession.create(join(folder, MODEL_FILE), { intraOpNumThreads: 2 });
  const out: Float32Array[] = [];
  for (const rows of xs) {
    const { y } = await session.run({
      x: new ort.Tensor("float32", rows, [rows.length / inputs, 1, inputs]),
    });
    out.push((y!.data as Float32Array).slice());
  }
  await session.release();
  return out;
}

const { channels, levels } = await askMachine();

describe("channels", () => {
  it("are what this machine's convolutions use, and 0 where there are none", () => {
    expect([0, 8, 16]).toContain(channels);
  });

  it.skipIf(channels === 0)(
    "give layers whose rows are the products' rows, to the same bits however many there are",
    async () => {
      const rows = randomArray(3, 33 * inputs);
      const some = [1, 2, 3, 5, 6, 7, 8, 13, 32].map((n) => rows.subarray(0, n * inputs));
      const [exact] = await products(0, [rows]);
      const [whole, ...parts] = await products(channels, [rows, ...some]);
      for (const [i, value] of whole!.entries()) expect(Math.abs(value - exact![i]!)).toBeLessThan(2e-5);
      for (const part of parts) expect(part).toEqual(whole!.subarray(0, part.length));
    },
  );
});

describe("levels", () => {
  it.each([[levels], [63]] as const)("of %i add up exactly, at worst", async (most) => {
    const [inner, columns] = [3072, 80];
    const graph = new Graph();
    const x = graph.input("x", "float32", ["R", inner]);
    const w: Node = { type: "float32", shape: [columns, inner], parameter: { pieces: ["w"] } };
    graph.output("y", onnxOps(graph, "int8", { channels: 0, levels: most }).linear(x, w));
    const folder = await mkdtemp(join(temporary, "levels-"));
    const ones = { w: { data: new Float32Array(columns * inner).fill(1), shape: [columns, inner] } };
    await writeGraph(graph, sourceOf(ones), folder);
    const session = await ort.InferenceSession.create(join(folder, MODEL_FILE), { intraOpNumThreads: 2 });
    for (const rows of [1, 2, 5, 16, 40]) {
      const { y } = await session.run({
        x: new ort.Tensor("float32", new Float32Array(rows * inner).fill(1), [rows, inner]),
      });
      for (const value of y!.data as Float32Array) expect(value).toBeCloseTo(inner, 2);
    }
    await session.release();
  });
});
