/** The graphs the engine runs: each a network traced with its inputs and outputs named. */
import { type GeneratorConfig, headWidth, type TokenizerConfig } from "../../config/architecture.js";
import { generatorShapes, tokenizerShapes } from "../../config/shapes.js";
import {
  generatorWeights,
  inputTables,
  modulationParts,
  modulationTable,
  step,
} from "../../networks/generator.js";
import type { Parameters } from "../../networks/ops.js";
import { decode, decoderWeights, encode, encoderWeights, quantize } from "../../networks/tokenizer.js";
import type { TensorSource } from "../../weights/tensor-file.js";
import type { HostArray, Network } from "../engine.js";
import { Graph, type Node } from "./graph.js";
import { onnxOps } from "./ops.js";
import type { WeightFormat } from "./weights.js";

type Shapes = readonly { readonly name: string; readonly shape: readonly number[] }[];

/** Parameters by name, as nodes that are stored only where something uses them. */
export function parameters(shapes: Shapes): Parameters<Node> {
  const known = new Map(shapes.map(({ name, shape }) => [name, shape]));
  const made = new Map<string, Node>();
  return (name) => {
    const shape = known.get(name);
    if (!shape) throw new TypeError(`the network asks for "${name}", which this architecture does not have`);
    let node = made.get(name);
    if (!node) {
      node = { type: "float32", shape, parameter: { pieces: [name] } };
      made.set(name, node);
    }
    return node;
  };
}

/** One position after the cached ones, R rows. */
export function stepGraph(config: GeneratorConfig, format: WeightFormat, channels = 0): Graph {
  const graph = new Graph();
  const ops = onnxOps(graph, format, channels);
  const weights = generatorWeights(config, parameters(generatorShapes(config)));
  graph.input("lengths", "int64", [2]);
  const mask = graph.input("mask", "float32", [1, 1, 1, "S"]);
  const cached = (name: string): Node =>
    graph.input(name, "float32", ["R", config.heads, "S", headWidth(config)]);
  const { logits, cache } = step(ops, config, weights, {
    tables: inputTables(ops, config, weights),
    content: graph.input("content", "int64", ["R", 1]),
    where: graph.input("where", "int64", [1]),
    next: graph.input("next", "int64", [1]),
    modulation: graph.input("modulation", "float32", [`${modulationParts(config)}*R`, 1, config.width]),
    past: Array.from({ length: config.depth }, (_, i) => ({ k: cached(`k${i}`), v: cached(`v${i}`), mask })),
  });
  graph.output("logits", logits);
  graph.output(
    "cache",
    ops.concat(
      cache.flatMap(({ k, v }) => [k, v]),
      0,
    ),
  ); // one output: each costs a copy
  return graph;
}

/** Modulation of N pairs of condition and position. */
export function modulationGraph(config: GeneratorConfig, format: WeightFormat, channels = 0): Graph {
  const graph = new Graph();
  const ops = onnxOps(graph, format, channels);
  const weights = generatorWeights(config, parameters(generatorShapes(config)));
  const [condition, position] = [
    graph.input("condition", "int64", ["N"]),
    graph.input("position", "int64", ["N"]),
  ];
  graph.output("table", modulationTable(ops, config, weights, condition, position));
  return graph;
}

/** Codes of B images of h x w codes -> pictures in [0, 1]. */
export function decoderGraph(config: TokenizerConfig, h: number, w: number): Graph {
  const graph = new Graph();
  const ops = onnxOps(graph, "float32");
  const get = parameters(tokenizerShapes(config));
  const codes = graph.input("codes", "int64", ["B", h, w]);
  const pixels = decode(ops, decoderWeights(config, get), get("quantize.embedding.weight"), codes);
  graph.output("pixels", ops.clamp(pixels, 0, 1));
  return graph;
}

/** B pictures of height x width -> codes. */
export function encoderGraph(config: TokenizerConfig, height: number, width: number): Graph {
  const graph = new Graph();
  const ops = onnxOps(graph, "float32");
  const get = parameters(tokenizerShapes(config));
  const image = graph.input("image", "float32", ["B", config.imageChannels, height, width]);
  const z = encode(ops, encoderWeights(config, get), image);
  graph.output("codes", quantize(ops, get("quantize.embedding.weight"), z));
  return graph;
}

/** Any network, with the sizes of the given inputs. */
export function anyGraph(
  network: Network,
  source: TensorSource,
  inputs: Readonly<Record<string, HostArray>>,
  format: WeightFormat,
): Graph {
  const graph = new Graph();
  const nodes = Object.entries(inputs).map(([name, { data, shape }]) => [
    name,
    graph.input(name, data instanceof Int32Array ? "int64" : "float32", shape),
  ]);
  const outputs = network(
    onnxOps(graph, format),
    parameters([...source.tensors.values()]),
    Object.fromEntries(nodes),
  );
  for (const [name, node] of Object.entries(outputs)) graph.output(name, node);
  return graph;
}
