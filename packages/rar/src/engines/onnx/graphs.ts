/** The graphs the engine runs: each a network traced with its inputs and outputs named. */
import { type GeneratorConfig, headWidth, type TokenizerConfig } from "../../config/architecture.js";
import { generatorShapes, tokenizerShapes } from "../../config/shapes.js";
import {
  generatorWeights,
  inputTables,
  modulationParts,
  modulationTable,
  step,
  unpackModulation,
} from "../../networks/generator.js";
import type { Dim, Parameters } from "../../networks/ops.js";
import { decode, decoderWeights, encode, encoderWeights, quantize } from "../../networks/tokenizer.js";
import type { TensorSource } from "../../weights/tensor-file.js";
import type { HostArray, Network } from "../engine.js";
import { Graph, type Node } from "./graph.js";
import { BLOCK } from "./kv-cache.js";
import { type Machine, PLAIN } from "./machine.js";
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

/**
 * T positions after the cached ones of each of R rows, N = R T in all, row by row. Except with weights of 4 bits T may be more than 1:
 * each then sees those before it, and its numbers have the bits they would have alone.
 */
export function stepGraph(config: GeneratorConfig, format: WeightFormat, machine: Machine = PLAIN): Graph {
  const graph = new Graph();
  const ops = onnxOps(graph, format, machine, graph.input("byRow", "int64", [4]));
  const weights = generatorWeights(config, parameters(generatorShapes(config)));
  const { depth, heads, width } = config;
  const places = {
    lengths: graph.input("lengths", "int64", [3]),
    mask: graph.input("mask", "float32", [1, 1, "T", 1, BLOCK]),
    from: graph.input("from", "int64", ["R"]),
    several: severalAtOnce(format) ? graph.input("several", "bool", []) : undefined,
  };
  const cached = (name: string, positions: Dim): Node =>
    graph.input(name, "float32", ["R", heads, 1, positions, headWidth(config)]);
  const layers = Array.from({ length: depth }, (_, i) => ({
    k: cached(`k${i}`, "S"),
    v: cached(`v${i}`, "S"),
    recentK: cached(`recentK${i}`, BLOCK),
    recentV: cached(`recentV${i}`, BLOCK),
    ...places,
  }));
  const modulation = graph.input("modulation", "float32", ["N", 1, modulationParts(config) * width]);
  const inputs = {
    content: graph.input("content", "int64", ["N", 1]),
    where: graph.input("where", "int64", ["N", 1]),
    next: graph.input("next", "int64", ["N", 1]),
    modulation: unpackModulation(ops, modulation, depth, -1),
  };
  const tables = inputTables(ops, config, weights);
  const { logits, cache } = step(ops, config, weights, { tables, ...inputs, past: layers });
  graph.output("logits", logits);
  // one output for all of them: each costs a copy
  graph.output(
    "cache",
    ops.concat(
      cache.flatMap(({ k, v }) => [k, v]),
      0,
    ),
  );
  return graph;
}

/** Whether a step graph takes several positions at once. */
export const severalAtOnce = (format: WeightFormat): boolean => format !== "int4";

/** Modulation of N pairs of condition and position. */
export function modulationGraph(
  config: GeneratorConfig,
  format: WeightFormat,
  machine: Machine = PLAIN,
): Graph {
  const graph = new Graph();
  const ops = onnxOps(graph, format, machine);
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
  machine: Machine = PLAIN,
): Graph {
  const graph = new Graph();
  const nodes = Object.entries(inputs).map(([name, { data, shape }]) => [
    name,
    graph.input(name, data instanceof Int32Array ? "int64" : "float32", shape),
  ]);
  const outputs = network(
    onnxOps(graph, format, machine),
    parameters([...source.tensors.values()]),
    Object.fromEntries(nodes),
  );
  for (const [name, node] of Object.entries(outputs)) graph.output(name, node);
  return graph;
}
