/** The step's weights for the WebAssembly kernels: a graph without nodes, stored and prepared as every other, and where each tensor is. */
import { type GeneratorConfig, headWidth } from "../../config/architecture.js";
import { generatorShapes } from "../../config/shapes.js";
import type { LinearWeights, NormWeights } from "../../networks/block.js";
import { generatorWeights, inputTables, modulationParts } from "../../networks/generator.js";
import { WEIGHTS_AT } from "../wasm/generator.js";
import { kernelsRun, MAXIMUM_PAGES, PAGE } from "../wasm/kernels.js";
import { type LinearPlaces, type NormPlaces, type StepPlaces, sessionPlaces } from "../wasm/places.js";
import { tiledBytes } from "../wasm/tiles.js";
import { Graph, type Node } from "./graph.js";
import { parameters } from "./graphs.js";
import { onnxOps } from "./ops.js";
import { blockSize, placesInFile } from "./weights.js";

/** Room for weights in a memory of 4 GiB; the rest is for sessions. */
const MOST_BYTES = 3 * 2 ** 30;

/** Whether the kernels can run a generator's steps: this Node, whole vectors a head, and weights that leave room for sessions. */
export function runsTiled(config: GeneratorConfig): boolean {
  return (
    headWidth(config) % 4 === 0 && kernelsRun() && placesInFile(tiledStep(config).graph).bytes <= MOST_BYTES
  );
}

/** Rows of two equal sessions that fit beside the weights. */
export function mostRows(config: GeneratorConfig, threads: number): number {
  const { graph, places } = tiledStep(config);
  const rows = 16;
  const { bytes } = sessionPlaces(config, places(), modulationParts(config), rows, threads, 0);
  const room = PAGE * MAXIMUM_PAGES - WEIGHTS_AT - placesInFile(graph).bytes;
  return Math.max(2, Math.floor((room / 2 - PAGE) / (bytes / rows)));
}

export function tiledStep(config: GeneratorConfig): { graph: Graph; places: () => StepPlaces } {
  const graph = new Graph();
  const weights = generatorWeights(config, parameters(generatorShapes(config)));
  const tables = inputTables(onnxOps(graph, "int8"), config, weights);
  const linear = ({ weight, bias }: LinearWeights<Node>) => {
    const [rows, columns] = weight.shape as [number, number];
    const shape = { rows, columns, block: blockSize(columns) };
    const name = graph.store(weight, { kind: "tiles", ...shape }, [tiledBytes(shape)], "uint8");
    return { weight: name, bias: graph.use(bias), shape };
  };
  const norm = ({ weight, bias }: NormWeights<Node>) => ({
    weight: graph.use(weight),
    bias: graph.use(bias),
  });
  const blocks = weights.blocks.map((w) => ({
    qkv: linear(w.qkv),
    qNorm: norm(w.qNorm),
    kNorm: norm(w.kNorm),
    proj: linear(w.proj),
    fc1: linear(w.fc1),
    fc2: linear(w.fc2),
  }));
  const head = linear(weights.head);
  const named = {
    content: graph.use(tables.content),
    where: graph.use(tables.where),
    next: graph.use(tables.next),
  };

  const places = (): StepPlaces => {
    const { offsets } = placesInFile(graph);
    const at = (name: string): number => WEIGHTS_AT + offsets.get(name)!;
    const placed = (w: ReturnType<typeof linear>): LinearPlaces => ({
      ...w,
      weight: at(w.weight),
      bias: at(w.bias),
    });
    const placedNorm = (w: ReturnType<typeof norm>): NormPlaces => ({
      weight: at(w.weight),
      bias: at(w.bias),
    });
    return {
      blocks: blocks.map((b) => ({
        qkv: placed(b.qkv),
        qNorm: placedNorm(b.qNorm),
        kNorm: placedNorm(b.kNorm),
        proj: placed(b.proj),
        fc1: placed(b.fc1),
        fc2: placed(b.fc2),
      })),
      head: placed(head),
      content: at(named.content),
      where: at(named.where),
      next: at(named.next),
    };
  };
  return { graph, places };
}
