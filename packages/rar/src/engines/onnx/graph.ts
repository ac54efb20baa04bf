/** A graph being traced: values, nodes, and the parameters whose numbers are written to the weights file later. */
import type { Dim } from "../../networks/ops.js";
import type { AttributeValue, ElementType, NodeSpec, ValueSpec } from "./proto.js";

/** `T` of the ONNX engine's operations: something that has a name in the graph, or a parameter that may get one. */
export interface Node {
  readonly type: ElementType;
  readonly shape: readonly Dim[];
  /** Name in the graph; a parameter has one only once something uses it as it is. */
  name?: string;
  readonly parameter?: Parameter;
  /** No number of it is less, where that is known and is near zero. */
  readonly least?: number;
}

/** Numbers known before the graph runs: pieces one after the other, each a tensor of the model or given values. */
export interface Parameter {
  readonly pieces: readonly (string | Float32Array)[];
}

/** How a parameter is stored for the operator that uses it. */
export type Storage =
  | { readonly kind: "plain" }
  /** [out, in] stored as [in, out] */
  | { readonly kind: "transposed"; readonly rows: number; readonly columns: number }
  /** [out, in] in groups of so many channels: [out / channels, in / channels, channels of in, channels of out] */
  | {
      readonly kind: "channels";
      readonly channels: number;
      readonly rows: number;
      readonly columns: number;
    }
  /** [out, in] rounded to bytes, stored as [in, out], what a byte of each output stands for, and the sum of each output's bytes times that */
  | { readonly kind: "bytes"; readonly rows: number; readonly columns: number }
  | { readonly kind: "outputScales"; readonly rows: number; readonly columns: number }
  | { readonly kind: "outputSums"; readonly rows: number; readonly columns: number }
  /** [out, in, 3, 3] as [out, in, 2, 2]: what meets one of the four outputs of a pixel, see upsampled-conv.ts */
  | { readonly kind: "phase"; readonly row: 0 | 1; readonly column: 0 | 1 }
  /** MatMulNBits' blocks of 4 bits along the last axis: packed numbers, or their scales */
  | {
      readonly kind: "blocks" | "scales";
      readonly block: number;
      readonly rows: number;
      readonly columns: number;
    };

export interface StoredParameter {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly parameter: Parameter;
  readonly storage: Storage;
}

export interface SmallTensor {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

export class Graph {
  nodes: NodeSpec[] = [];
  readonly inputs: ValueSpec[] = [];
  readonly outputs: ValueSpec[] = [];
  /** Constants small enough to stand in the model itself, by content. */
  readonly small = new Map<string, SmallTensor>();
  /** Parameters by use, so that one used twice is stored once. */
  readonly stored = new Map<string, StoredParameter>();
  #names = 0;

  input(name: string, type: ElementType, shape: readonly Dim[]): Node {
    this.inputs.push({ name, type, shape });
    return { name, type, shape };
  }

  output(name: string, node: Node): void {
    this.nodes.push({
      op: "Identity",
      inputs: [this.use(node)],
      outputs: [name],
      domain: "",
      attributes: {},
    });
    this.outputs.push({ name, type: node.type, shape: node.shape });
  }

  /** Appends a node with one output. */
  node(
    op: string,
    inputs: readonly (Node | string)[],
    shape: readonly Dim[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    type: ElementType = "float32",
  ): Node {
    return this.nodeWith(op, inputs, [shape], attributes, type)[0] as Node;
  }

  /** Appends a node with several outputs. */
  nodeWith(
    op: string,
    inputs: readonly (Node | string)[],
    shapes: readonly (readonly Dim[])[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    type: ElementType = "float32",
  ): Node[] {
    const [domain, name] = op.includes(":") ? (op.split(":") as [string, string]) : ["", op];
    const outputs = shapes.map((shape) => ({ name: this.#fresh(), type, shape }));
    this.nodes.push({
      op: name,
      inputs: inputs.map((value) => (typeof value === "string" ? value : this.use(value))),
      outputs: outputs.map((value) => value.name),
      domain,
      attributes,
    });
    return outputs;
  }

  /**
   * What one of two traces gives, decided by a bool when the graph runs. They share the stored parameters, but no value that
   * either computes.
   *
   * @returns as many values as both give, shaped as the first's
   */
  either(condition: Node, whenTrue: () => readonly Node[], whenFalse: () => readonly Node[]): Node[] {
    const outer = this.nodes;
    const branch = (trace: () => readonly Node[]) => {
      this.nodes = [];
      const values = trace();
      const outputs = values.map((value) => ({
        name: this.use(value),
        type: value.type,
        shape: value.shape,
      }));
      return { values, graph: { nodes: this.nodes, outputs } };
    };
    const [then, otherwise] = [branch(whenTrue), branch(whenFalse)];
    this.nodes = outer;
    return this.nodeWith(
      "If",
      [condition],
      then.values.map(({ shape }) => shape),
      { then_branch: { graph: then.graph }, else_branch: { graph: otherwise.graph } },
    );
  }

  /** Name of a value as an operator's input; stores a parameter in its own layout. */
  use(node: Node): string {
    node.name ??= this.store(node, { kind: "plain" }, node.shape as readonly number[]);
    return node.name;
  }

  /** Name of a parameter stored in the layout an operator wants. */
  store(node: Node, storage: Storage, shape: readonly number[], type: ElementType = node.type): string {
    if (!node.parameter)
      throw new TypeError("only a parameter of the network can be stored, this is a computed value");
    const key = JSON.stringify([
      node.parameter.pieces.map((p) => (typeof p === "string" ? p : `${p.length}:${p.join()}`)),
      storage,
      shape,
    ]);
    let stored = this.stored.get(key);
    if (!stored) {
      stored = { name: this.#fresh("w"), type, shape, parameter: node.parameter, storage };
      this.stored.set(key, stored);
    }
    return stored.name;
  }

  /** Name of a small constant that stands in the model itself. */
  constant(type: ElementType, shape: readonly number[], data: Uint8Array): string {
    const key = `${type} ${shape} ${Buffer.from(data).toString("base64")}`;
    const known = this.small.get(key);
    if (known) return known.name;
    const name = this.#fresh("c");
    this.small.set(key, { name, type, shape, data });
    return name;
  }

  int64(values: readonly number[]): string {
    const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.constant("int64", [values.length], data);
  }

  #fresh(prefix = "n"): string {
    return `${prefix}_${this.#names++}`;
  }
}
