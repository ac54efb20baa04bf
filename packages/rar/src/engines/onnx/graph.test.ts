import { describe, expect, it } from "vitest";
import { generatorShapes } from "../../config/shapes.js";
import { tinyGenerator } from "../../testing/random-model.js";
import { Graph, type Node } from "./graph.js";
import { stepGraph } from "./graphs.js";
import { PLAIN } from "./machine.js";
import { onnxOps } from "./ops.js";
import { storedBytes } from "./weights.js";

const parameter = (name: string, shape: readonly number[]): Node => ({
  type: "float32",
  shape,
  parameter: { pieces: [name] },
});

describe("Graph", () => {
  it("stores a parameter once for each layout it is used in, and not at all when unused", () => {
    const graph = new Graph();
    const ops = onnxOps(graph, "float32");
    const w = parameter("w", [3, 3]);
    const x = graph.input("x", "float32", [3, 3]);
    expect(graph.stored.size).toBe(0);
    ops.linear(x, w);
    ops.linear(x, parameter("w", [3, 3]));
    expect([...graph.stored.values()].map((p) => p.storage.kind)).toEqual(["transposed"]);
    ops.add(x, w);
    ops.mul(x, w);
    expect([...graph.stored.values()].map((p) => p.storage.kind)).toEqual(["transposed", "plain"]);
  });

  it("multiplies by convolutions where a layer's sizes are whole groups of channels, else by products", () => {
    const graph = new Graph();
    const ops = onnxOps(graph, "float32", { ...PLAIN, channels: 16 });
    const x = graph.input("x", "float32", ["R", 1, 32]);
    const y = ops.linear(x, parameter("w", [48, 32]));
    expect(y.shape).toEqual(["R", 1, 48]);
    ops.linear(x, parameter("v", [40, 32]));
    expect([...graph.stored.values()].map((p) => p.storage.kind)).toEqual(["channels", "transposed"]);
  });

  it("keeps apart constants whose numbers or sizes differ, and joins equal ones", () => {
    const graph = new Graph();
    const ops = onnxOps(graph, "float32");
    const x = graph.input("x", "float32", [2]);
    for (const [values, shape] of [
      [[1, 2], [2]],
      [[1, 2], [2]],
      [
        [1, 2],
        [1, 2],
      ],
      [[2, 1], [2]],
    ] as const)
      ops.add(x, ops.constant(values, shape));
    expect(graph.stored.size).toBe(3);
    const names = [graph.int64([1, 2]), graph.int64([1, 2]), graph.int64([1, 3]), graph.int64([1])];
    expect(new Set(names).size).toBe(3);
    const whole = ops.integers([1, 2], [2]);
    const row = ops.integers([1, 2], [1, 2]);
    expect(whole.name).not.toBe(row.name);
  });

  it("gives every value a name of its own, and only names that exist are read, in branches too", () => {
    const kinds = [
      ["float32", 0],
      ["float32", 16],
      ["int8", 0],
      ["int4", 0],
    ] as const;
    for (const [format, channels] of kinds) {
      const config = { ...tinyGenerator, width: 48, mlpWidth: 64 };
      const graph = stepGraph(config, format, { ...PLAIN, channels });
      const known = new Set<string>([
        "",
        ...graph.inputs.map(({ name }) => name),
        ...[...graph.small.values(), ...graph.stored.values()].map(({ name }) => name),
      ]);
      const before = known.size;
      expect(before).toBe(1 + graph.inputs.length + graph.small.size + graph.stored.size);
      const written = new Set(known);
      const check = (nodes: Graph["nodes"], outputs: Graph["outputs"], around: ReadonlySet<string>): void => {
        const here = new Set(around);
        for (const { inputs, outputs: made, op, attributes } of nodes) {
          for (const name of inputs) expect(here.has(name), `${op} reads ${name}`).toBe(true);
          for (const value of Object.values(attributes))
            if (typeof value === "object" && "graph" in value)
              check(value.graph.nodes, value.graph.outputs, here);
          for (const name of made) {
            expect(written.has(name), `${op} writes ${name} again`).toBe(false);
            written.add(name);
            here.add(name);
          }
        }
        for (const { name } of outputs) expect(here.has(name)).toBe(true);
      };
      check(graph.nodes, graph.outputs, known);
      const branches = graph.nodes.filter(({ op }) => op === "If");
      expect(branches).toHaveLength(format === "int4" ? 0 : config.depth); // attention, of one position and of several
    }
  });

  it("refuses to store a computed value", () => {
    const graph = new Graph();
    const ops = onnxOps(graph, "float32");
    const x = graph.input("x", "float32", [2, 2]);
    expect(() => ops.linear(x, ops.add(x, x))).toThrow(/computed value/);
  });

  it("refuses shapes that do not broadcast, when the graph is traced", () => {
    const graph = new Graph();
    const ops = onnxOps(graph, "float32");
    const [a, b] = [graph.input("a", "float32", [2, 3]), graph.input("b", "float32", [2, 4])];
    expect(() => ops.add(a, b)).toThrow(/\[2,3\] and \[2,4\] do not broadcast/);
  });

  it("stores the step's linear weights at the precision asked for, and all others once", () => {
    const numbers = generatorShapes(tinyGenerator)
      .filter(({ name }) => !/adaLN|adaln|timesteps|norm[12]/.test(name)) // those are the modulation's
      .reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0);
    const exact = storedBytes(stepGraph(tinyGenerator, "float32"));
    // Above the parameters: the row of zeros after the last place, and the folded temperature.
    expect(exact / 4 - numbers).toBeGreaterThanOrEqual(0);
    expect(exact / 4 - numbers).toBeLessThan(3 * tinyGenerator.width);
    const [eight, four] = (["int8", "int4"] as const).map((f) => storedBytes(stepGraph(tinyGenerator, f)));
    expect(eight).toBeLessThan(exact);
    expect(four).toBeLessThan(eight!);
  });
});
