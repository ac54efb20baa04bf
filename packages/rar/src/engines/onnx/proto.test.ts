import { describe, expect, it } from "vitest";
import { encodeModel } from "./proto.js";

/** A message as a list of field number and value: bytes for wire type 2, else a number. */
type Fields = [field: number, value: bigint | Uint8Array | number][];

/** Reads one protobuf message, with no knowledge of what it means. */
function fields(bytes: Uint8Array): Fields {
  const out: Fields = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("a number ends past the message");
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const field = tag >> 3;
    switch (tag & 7) {
      case 0:
        out.push([field, BigInt.asIntN(64, varint())]);
        break;
      case 2: {
        const length = Number(varint());
        if (at + length > bytes.length) throw new Error("a field ends past the message");
        out.push([field, Uint8Array.from(bytes.subarray(at, at + length))]);
        at += length;
        break;
      }
      case 5:
        out.push([field, new DataView(bytes.buffer, bytes.byteOffset + at).getFloat32(0, true)]);
        at += 4;
        break;
      default:
        throw new Error(`wire type ${tag & 7} is not ONNX's`);
    }
  }
  return out;
}

const all = (message: Fields, field: number) =>
  message.filter(([f]) => f === field).map(([, value]) => value);
const one = (message: Fields, field: number) => {
  const found = all(message, field);
  expect(found, `field ${field}`).toHaveLength(1);
  return found[0]!;
};
const inner = (message: Fields, field: number): Fields => fields(one(message, field) as Uint8Array);
const each = (message: Fields, field: number): Fields[] =>
  all(message, field).map((v) => fields(v as Uint8Array));
const text = (value: unknown): string => Buffer.from(value as Uint8Array).toString("utf8");
const texts = (message: Fields, field: number): string[] => all(message, field).map(text);

// Field numbers below are those of onnx.proto3.
describe("encodeModel", () => {
  const data = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
  const model = fields(
    encodeModel({
      nodes: [
        {
          op: "MatMulNBits",
          inputs: ["x", "", "wä"],
          outputs: ["n_0"],
          domain: "com.microsoft",
          attributes: { K: 300, bits: -1, name: "ünï", epsilon: { float: 1e-6 }, perm: [0, 2, -1] },
        },
        {
          op: "If",
          inputs: ["b"],
          outputs: ["y"],
          domain: "",
          attributes: {
            then_branch: {
              graph: {
                nodes: [{ op: "Identity", inputs: ["n_0"], outputs: ["n_1"], domain: "", attributes: {} }],
                outputs: [{ name: "n_1", type: "float32", shape: ["R"] }],
              },
            },
          },
        },
      ],
      initializers: [
        { name: "c", type: "int64", shape: [1], data },
        {
          name: "w",
          type: "float32",
          shape: [3, 200],
          data: { location: "weights.bin", offset: 2 ** 33, length: 2400 },
        },
      ],
      inputs: [{ name: "x", type: "float32", shape: ["R", 1, 768] }],
      outputs: [{ name: "y", type: "uint8", shape: [] }],
    }),
  );
  const graph = inner(model, 7);

  it("names the format's version and the operator sets", () => {
    expect(one(model, 1)).toBe(11n);
    const sets = each(model, 8).map((set) => [text(one(set, 1)), one(set, 2)]);
    expect(sets).toEqual([
      ["", 24n],
      ["com.microsoft", 1n],
      ["com.microsoft.nchwc", 1n],
    ]);
  });

  it("keeps nodes in order, with absent inputs as empty names", () => {
    const nodes = each(graph, 1);
    expect(nodes.map((node) => text(one(node, 4)))).toEqual(["MatMulNBits", "If"]);
    expect(texts(nodes[0]!, 1)).toEqual(["x", "", "wä"]);
    expect(texts(nodes[0]!, 2)).toEqual(["n_0"]);
    expect(text(one(nodes[0]!, 7))).toBe("com.microsoft");
  });

  it("gives each attribute its type", () => {
    const attributes = Object.fromEntries(each(each(graph, 1)[0]!, 5).map((a) => [text(one(a, 1)), a]));
    const type = (name: string) => one(attributes[name]!, 20);
    expect([one(attributes.K!, 3), type("K")]).toEqual([300n, 2n]);
    expect(one(attributes.bits!, 3)).toBe(-1n);
    expect([text(one(attributes.name!, 4)), type("name")]).toEqual(["ünï", 3n]);
    expect([one(attributes.epsilon!, 2), type("epsilon")]).toEqual([Math.fround(1e-6), 1n]);
    expect([all(attributes.perm!, 8), type("perm")]).toEqual([[0n, 2n, -1n], 7n]);
  });

  it("writes a branch as a graph within the node, without weights or inputs of its own", () => {
    const attribute = each(each(graph, 1)[1]!, 5)[0]!;
    expect([text(one(attribute, 1)), one(attribute, 20)]).toEqual(["then_branch", 5n]);
    const branch = inner(attribute, 6);
    expect(each(branch, 1).map((node) => [texts(node, 1), texts(node, 2)])).toEqual([[["n_0"], ["n_1"]]]);
    expect(each(branch, 12).map((value) => text(one(value, 1)))).toEqual(["n_1"]);
    expect([each(branch, 5), each(branch, 11)]).toEqual([[], []]);
  });

  it("holds small tensors itself and points at the rest, past 4 GiB too", () => {
    const [small, large] = each(graph, 5) as [Fields, Fields];
    expect([all(small, 1), one(small, 2), text(one(small, 8)), one(small, 9)]).toEqual([[1n], 7n, "c", data]);
    expect([all(large, 1), one(large, 2), one(large, 14)]).toEqual([[3n, 200n], 1n, 1n]);
    const entries = each(large, 13).map((entry) => [text(one(entry, 1)), text(one(entry, 2))]);
    expect(Object.fromEntries(entries)).toEqual({
      location: "weights.bin",
      offset: "8589934592",
      length: "2400",
    });
    expect(all(large, 9)).toEqual([]);
  });

  it("describes inputs and outputs with numbers and names as sizes", () => {
    const described = (value: Fields) => {
      const tensor = inner(inner(value, 2), 1);
      const dims = each(inner(tensor, 2), 1).map((dim) => all(dim, 1)[0] ?? text(one(dim, 2)));
      return [text(one(value, 1)), one(tensor, 1), dims];
    };
    expect(each(graph, 11).map(described)).toEqual([["x", 1n, ["R", 1n, 768n]]]);
    expect(each(graph, 12).map(described)).toEqual([["y", 2n, []]]);
  });
});
