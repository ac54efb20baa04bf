/** Writes ONNX's protobuf messages: just the ones a traced graph needs, weights always in a file beside the model. */

export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly graph: Pick<ModelSpec, "nodes" | "outputs"> };

export interface NodeSpec {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly domain: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** ONNX's numbers for element types. */
export const elementTypes = { float32: 1, uint8: 2, int8: 3, int64: 7, bool: 9 } as const;
export type ElementType = keyof typeof elementTypes;

export interface InitializerSpec {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** The bytes themselves, or where they lie in the weights file. */
  readonly data: Uint8Array | { readonly location: string; readonly offset: number; readonly length: number };
}

export interface ValueSpec {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

export interface ModelSpec {
  readonly nodes: readonly NodeSpec[];
  readonly initializers: readonly InitializerSpec[];
  readonly inputs: readonly ValueSpec[];
  readonly outputs: readonly ValueSpec[];
}

const OPSET = 24;
const IR_VERSION = 11;

/** The model as bytes. Field numbers are those of onnx.proto3. */
export function encodeModel(model: ModelSpec): Uint8Array {
  const opset = (domain: string, version: number): Uint8Array =>
    message([text(1, domain), integer(2, version)]);
  return message([
    integer(1, IR_VERSION),
    bytes(7, encodeGraph(model)),
    bytes(8, opset("", OPSET)),
    bytes(8, opset("com.microsoft", 1)),
    bytes(8, opset("com.microsoft.nchwc", 1)),
  ]);
}

const encodeGraph = (graph: ModelSpec): Uint8Array =>
  message([
    ...graph.nodes.map((node) => bytes(1, encodeNode(node))),
    text(2, "rarity"),
    ...graph.initializers.map((initializer) => bytes(5, encodeTensor(initializer))),
    ...graph.inputs.map((value) => bytes(11, encodeValue(value))),
    ...graph.outputs.map((value) => bytes(12, encodeValue(value))),
  ]);

function encodeNode(node: NodeSpec): Uint8Array {
  return message([
    ...node.inputs.map((name) => text(1, name)),
    ...node.outputs.map((name) => text(2, name)),
    text(4, node.op),
    ...Object.entries(node.attributes).map(([name, value]) => bytes(5, encodeAttribute(name, value))),
    text(7, node.domain),
  ]);
}

function encodeAttribute(name: string, value: AttributeValue): Uint8Array {
  const head = text(1, name);
  if (typeof value === "number") return message([head, integer(3, value), integer(20, 2)]);
  if (typeof value === "string") return message([head, text(4, value), integer(20, 3)]);
  if ("float" in value) return message([head, float(2, value.float), integer(20, 1)]);
  if ("graph" in value)
    // it reads the values around it by name, so it has no inputs of its own
    return message([
      head,
      bytes(6, encodeGraph({ ...value.graph, inputs: [], initializers: [] })),
      integer(20, 5),
    ]);
  return message([head, ...value.map((item) => integer(8, item)), integer(20, 7)]);
}

function encodeTensor({ name, type, shape, data }: InitializerSpec): Uint8Array {
  const head = [...shape.map((size) => integer(1, size)), integer(2, elementTypes[type]), text(8, name)];
  if (data instanceof Uint8Array) return message([...head, bytes(9, data)]);
  const entry = (key: string, value: string | number): Uint8Array =>
    bytes(13, message([text(1, key), text(2, String(value))]));
  return message([
    ...head,
    entry("location", data.location),
    entry("offset", data.offset),
    entry("length", data.length),
    integer(14, 1),
  ]);
}

function encodeValue({ name, type, shape }: ValueSpec): Uint8Array {
  const dims = shape.map((size) =>
    bytes(1, typeof size === "number" ? message([integer(1, size)]) : message([text(2, size)])),
  );
  const tensor = message([integer(1, elementTypes[type]), bytes(2, message(dims))]);
  return message([text(1, name), bytes(2, message([bytes(1, tensor)]))]);
}

const message = (fields: readonly Uint8Array[]): Uint8Array => Buffer.concat(fields);

function varint(value: number): Uint8Array {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
  return Uint8Array.from(out);
}

const integer = (field: number, value: number): Uint8Array =>
  Buffer.concat([varint(field * 8), varint(value)]);
const bytes = (field: number, value: Uint8Array): Uint8Array =>
  Buffer.concat([varint(field * 8 + 2), varint(value.length), value]);
const text = (field: number, value: string): Uint8Array => bytes(field, Buffer.from(value, "utf8"));

function float(field: number, value: number): Uint8Array {
  const out = Buffer.alloc(4);
  out.writeFloatLE(value);
  return Buffer.concat([varint(field * 8 + 5), out]);
}
