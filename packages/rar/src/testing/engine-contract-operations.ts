/** Every operation of `Ops<T>` on an engine against plain JavaScript, over random shapes. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Engine, HostArray, Network } from "../engines/engine.js";
import type { Ops, Parameters } from "../networks/ops.js";
import { type Arguments, expectPlain } from "./against-plain.js";
import { volume } from "./plain-ops.js";
import { randomArray, randomIds, sourceOf } from "./random-model.js";

const size = (max: number, min = 1): fc.Arbitrary<number> => fc.integer({ min, max });
const seeds = fc.nat(1e6);
const dims = (min: number, max: number): fc.Arbitrary<number[]> =>
  fc.array(size(5), { minLength: min, maxLength: max });

const floats = (seed: number, shape: readonly number[], scale = 2) => ({
  data: randomArray(seed, volume(shape), scale),
  shape,
});
const ids = (seed: number, shape: readonly number[], below: number): HostArray => ({
  data: randomIds(seed, volume(shape), below),
  shape,
});

/** Leaves some axes of a shape at 1 and drops some leading ones: broadcasts with the shape. */
const narrowed = (shape: readonly number[], mask: number): number[] =>
  shape.map((d, i) => ((mask >> i) & 1 ? 1 : d)).slice(Math.min(mask >> 6, shape.length));

export function operationsContract(makeEngine: () => Engine | Promise<Engine>): void {
  let engine: Engine;
  beforeAll(async () => {
    engine = await makeEngine();
  });
  afterAll(() => engine.dispose());

  const agrees = (network: Network, given: Arguments, tolerance?: number): Promise<void> =>
    expectPlain(engine, network, given, tolerance);

  /** One test: the operation agrees for a few random cases. */
  const property = <V>(
    name: string,
    cases: fc.Arbitrary<V>,
    check: (value: V) => Promise<void>,
    numRuns = 8,
  ): void => {
    it(name, () => fc.assert(fc.asyncProperty(cases, check), { numRuns, endOnFailure: true }));
  };

  for (const op of ["add", "sub", "mul"] as const) {
    const mask = fc.nat(255);
    property(
      `${op} broadcasts`,
      fc.record({ shape: dims(1, 4), a: mask, b: mask, seed: seeds }),
      ({ shape, a, b, seed }) => {
        const inputs = { a: floats(seed, narrowed(shape, a)), b: floats(seed + 1, narrowed(shape, b)) };
        return agrees((ops, _, x) => ({ y: ops[op](x.a!, x.b!) }), { inputs });
      },
    );
  }

  it("add and mul take whole numbers", () =>
    agrees(
      (ops, _, x) => ({
        sum: ops.add(x.a!, ops.integers([2, -3], [2])),
        product: ops.mul(x.a!, ops.integers([5], [1])),
      }),
      { inputs: { a: ids(1, [3, 2], 100) } },
    ));

  it("clamp, silu and exact gelu, far out too", () => {
    const data = Float32Array.from([-40, -9, -3.3, -1, -1e-3, 0, 1e-3, 0.7, 1, 2, 5.5, 40]);
    return agrees(
      (ops, _, x) => ({
        clamp: ops.clamp(x.a!, -1, 0.75),
        silu: ops.silu(x.a!),
        gelu: ops.gelu(x.a!),
        // Small values apart: beside 40 an error at 1e-3 would not show.
        small: ops.gelu(ops.mul(x.a!, ops.constant([0.02], [1]))),
      }),
      { inputs: { a: { data, shape: [data.length] } } },
    );
  });

  property(
    "linear, with and without a bias, any number of leading axes",
    fc.record({ lead: dims(1, 3), out: size(9), into: size(70), bias: fc.boolean(), seed: seeds }),
    ({ lead, out, into, bias, seed }) =>
      agrees((ops, get, x) => ({ y: ops.linear(x.x!, get("w"), bias ? get("b") : undefined) }), {
        inputs: { x: floats(seed, [...lead, into]) },
        parameters: { w: floats(seed + 1, [out, into]), b: floats(seed + 2, [out]) },
      }),
  );

  property(
    "matmul, batched and broadcast",
    fc.record({ batch: dims(0, 2), m: size(5), k: size(9), n: size(5), mask: fc.nat(3), seed: seeds }),
    ({ batch, m, k, n, mask, seed }) => {
      const inputs = {
        a: floats(seed, [...batch, m, k]),
        b: floats(seed + 1, [...batch.map((d, i) => ((mask >> i) & 1 ? 1 : d)), k, n]),
      };
      return agrees((ops, _, x) => ({ y: ops.matmul(x.a!, x.b!) }), { inputs });
    },
  );

  property(
    "embedding of ids of any shape, from a parameter and from a computed table",
    fc.record({ shape: dims(1, 3), rows: size(7), width: size(4), seed: seeds }),
    ({ shape, rows, width, seed }) =>
      agrees(
        (ops, get, x) => ({
          parameter: ops.embedding(get("table"), x.ids!),
          computed: ops.embedding(x.table!, x.ids!),
        }),
        {
          inputs: { ids: ids(seed, shape, rows), table: floats(seed + 1, [rows, width]) },
          parameters: { table: floats(seed + 2, [rows, width]) },
        },
        0,
      ),
  );

  property(
    "layerNorm with scale and bias of one width",
    fc.record({ lead: dims(1, 3), width: size(40, 4), seed: seeds }),
    ({ lead, width, seed }) =>
      agrees((ops, get, x) => ({ y: ops.layerNorm(x.x!, get("w"), get("b"), 1e-6) }), {
        inputs: { x: floats(seed, [...lead, width]) },
        parameters: { w: floats(seed + 1, [width]), b: floats(seed + 2, [width]) },
      }),
  );

  property(
    "layerNorm with scale and bias of x's own shape",
    fc.record({ shape: fc.tuple(size(5), size(5), size(40, 4)), seed: seeds }),
    ({ shape, seed }) =>
      agrees((ops, _, x) => ({ y: ops.layerNorm(x.x!, x.scale!, x.bias!, 1e-6) }), {
        inputs: { x: floats(seed, shape), scale: floats(seed + 1, shape), bias: floats(seed + 2, shape) },
      }),
  );

  it("layerNorm of equal numbers is the bias", () =>
    agrees((ops, get, x) => ({ y: ops.layerNorm(x.x!, get("w"), get("b"), 1e-6) }), {
      inputs: { x: { data: new Float32Array(12).fill(0.5), shape: [3, 4] } },
      parameters: { w: floats(1, [4]), b: floats(2, [4]) },
    }));

  property(
    "groupNorm",
    fc.record({ B: size(3), groups: size(4), each: size(3), h: size(4, 2), w: size(4, 2), seed: seeds }),
    ({ B, groups, each, h, w, seed }) => {
      const C = groups * each;
      return agrees(
        (ops, get, x) => ({ y: ops.groupNorm(x.x!, groups, get("w"), get("b"), 1e-6) }),
        {
          inputs: { x: floats(seed, [B, C, h, w]) },
          parameters: { w: floats(seed + 1, [C]), b: floats(seed + 2, [C]) },
        },
        1e-5, // a few nearly equal cells have a variance of their own rounding
      );
    },
  );

  property(
    "splitHeads and mergeHeads",
    fc.record({ B: size(3), T: size(4), heads: size(3), d: size(4), seed: seeds }),
    ({ B, T, heads, d, seed }) =>
      agrees(
        (ops, _, x) => {
          const [q, k, v] = ops.splitHeads(x.x!, heads);
          return { q, k, v, merged: ops.mergeHeads(k) };
        },
        { inputs: { x: floats(seed, [B, T, 3 * heads * d]) } },
        0,
      ),
  );

  const heads = { B: size(3), H: size(3), T: size(4), d: size(5), seed: seeds };
  property("attention sees itself and what came before", fc.record(heads), ({ B, H, T, d, seed }) => {
    const [q, k, v] = [0, 1, 2].map((i) => floats(seed + i, [B, H, T, d])) as [
      HostArray,
      HostArray,
      HostArray,
    ];
    return agrees((ops, _, x) => ({ y: ops.attention(x.q!, x.k!, x.v!) }), { inputs: { q, k, v } });
  });

  property(
    "attention with a past, part of it masked",
    fc.record({ ...heads, S: size(6), open: fc.nat(6) }),
    ({ B, H, T, d, S, open, seed }) => {
      const [q, k, v] = [0, 1, 2].map((i) => floats(seed + i, [B, H, T, d])) as [
        HostArray,
        HostArray,
        HostArray,
      ];
      const [pastK, pastV] = [3, 4].map((i) => floats(seed + i, [B, H, S, d])) as [HostArray, HostArray];
      const mask = {
        data: Float32Array.from({ length: S }, (_, s) => (s < open ? 0 : -1e9)),
        shape: [1, 1, 1, S],
      };
      return agrees(
        (ops, _, x) => ({
          y: ops.attention(x.q!, x.k!, x.v!, { k: x.pastK!, v: x.pastV!, mask: x.mask! }),
        }),
        { inputs: { q, k, v, pastK, pastV, mask } },
      );
    },
    12,
  );

  property(
    "conv2d with strides, dilations and lopsided padding",
    fc.record({
      shape: fc.tuple(size(2), size(3), size(7, 4), size(7, 4)),
      kernel: fc.tuple(size(3), size(3)),
      out: size(3),
      stride: size(3),
      dilation: fc.constantFrom(1, 2),
      padding: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)),
      bias: fc.boolean(),
      seed: seeds,
    }),
    ({ shape, kernel: [kh, kw], out, stride, dilation, padding: [t, l, b, r], bias, seed }) => {
      // The image must hold the kernel at least once.
      const padding = { top: t + dilation, left: l + dilation, bottom: b, right: r };
      return agrees(
        (ops, get, x) => ({
          y: ops.conv2d(x.x!, get("w"), bias ? get("b") : undefined, { padding, stride, dilation }),
        }),
        {
          inputs: { x: floats(seed, shape) },
          parameters: { w: floats(seed + 1, [out, shape[1], kh, kw]), b: floats(seed + 2, [out]) },
        },
      );
    },
    16,
  );

  property(
    "avgPool2 leaves odd edges out",
    fc.record({ shape: fc.tuple(size(2), size(3), size(7, 2), size(7, 2)), seed: seeds }),
    ({ shape, seed }) =>
      agrees((ops, _, x) => ({ half: ops.avgPool2(x.x!) }), { inputs: { x: floats(seed, shape) } }),
  );

  property(
    "upsampledConv is a convolution of the picture at twice its size, at its edges too",
    fc.record({
      shape: fc.tuple(size(2), size(3), size(5), size(5)),
      out: size(4),
      bias: fc.boolean(),
      seed: seeds,
    }),
    ({ shape, out, bias, seed }) =>
      agrees((ops, get, x) => ({ y: ops.upsampledConv(x.x!, get("w"), bias ? get("b") : undefined) }), {
        inputs: { x: floats(seed, shape) },
        parameters: { w: floats(seed + 1, [out, shape[1], 3, 3]), b: floats(seed + 2, [out]) },
      }),
  );

  property(
    "maxPool3 takes whole windows at stride 2 and all places at stride 1, avgPool3 the cells inside; relu",
    fc.record({ shape: fc.tuple(size(2), size(3), size(7, 3), size(7, 3)), seed: seeds }),
    ({ shape, seed }) =>
      agrees(
        (ops, _, x) => ({
          halved: ops.maxPool3(x.x!, 2),
          largest: ops.maxPool3(x.x!, 1),
          mean: ops.avgPool3(ops.relu(x.x!)),
        }),
        { inputs: { x: floats(seed, shape) } },
      ),
  );

  property("sumLast", fc.record({ shape: dims(1, 4), seed: seeds }), ({ shape, seed }) =>
    agrees((ops, _, x) => ({ y: ops.sumLast(x.x!) }), { inputs: { x: floats(seed, shape) } }),
  );

  property(
    "argminLast takes the first of equals",
    fc.record({ lead: dims(1, 2), width: size(40), seed: seeds }),
    ({ lead, width, seed }) => {
      const shape = [...lead, width];
      const data = Float32Array.from(randomIds(seed, volume(shape), 4)); // few values: many ties
      return agrees((ops, _, x) => ({ y: ops.argminLast(x.x!) }), { inputs: { x: { data, shape } } });
    },
  );

  property(
    "reshape, transpose, slice, chunk",
    fc.record({ a: size(4), b: size(4), c: size(3), parts: size(3), start: fc.nat(3), seed: seeds }),
    ({ a, b, c, parts, start, seed }) =>
      agrees(
        (ops, _, x) => ({
          inferred: ops.reshape(x.x!, [a * b, -1]),
          named: ops.reshape(x.x!, [ops.shape(x.x!)[0]!, -1, c]),
          whole: ops.reshape(x.ids!, [-1]),
          transposed: ops.transpose(x.x!, [2, 0, 1]),
          sliced: ops.slice(x.x!, 1, Math.min(start, b - 1), b * parts),
          ...Object.fromEntries(ops.chunk(x.x!, parts, 1).map((part, i) => [`part${i}`, part] as const)),
          last: ops.chunk(ops.transpose(x.x!, [0, 2, 1]), parts, -1)[parts - 1]!,
        }),
        { inputs: { x: floats(seed, [a, b * parts, c]), ids: ids(seed, [a, b], 9) } },
        0,
      ),
  );

  property(
    "concat of inputs, of parameters, and of both, along any axis",
    fc.record({
      rest: dims(1, 2),
      sizes: fc.array(size(3), { minLength: 1, maxLength: 3 }),
      axis: fc.nat(2),
      seed: seeds,
    }),
    ({ rest, sizes, axis, seed }) => {
      const place = Math.min(axis, rest.length);
      const shape = (n: number): number[] => [...rest.slice(0, place), n, ...rest.slice(place)];
      const made = (salt: number) =>
        Object.fromEntries(sizes.map((n, i) => [`${i}`, floats(seed + salt + i, shape(n))]));
      return agrees(
        (ops, get, x) => {
          const given = sizes.map((_, i) => x[i]!);
          const stored = sizes.map((_, i) => get(`${i}`));
          return {
            given: ops.concat(given, place),
            stored: ops.concat(stored, place),
            both: ops.concat([...given, ...stored], place - rest.length - 1),
            whole: ops.concat([x.ids!, ops.integers([7], [1])], 0),
          };
        },
        { inputs: { ...made(0), ids: ids(seed, [2], 9) }, parameters: made(10) },
        0,
      );
    },
  );

  property(
    "expandRows",
    fc.record({ rows: size(5), tail: dims(1, 2), seed: seeds }),
    ({ rows, tail, seed }) =>
      agrees(
        (ops, get, x) => ({ y: ops.expandRows(get("x"), x.like!), z: ops.expandRows(x.x!, x.like!) }),
        {
          inputs: { like: ids(seed, [rows, 2], 3), x: floats(seed, [1, ...tail]) },
          parameters: { x: floats(seed + 1, [1, ...tail]) },
        },
        0,
      ),
  );

  it("constants, integers and parameters pass as they are, and know their shape", async () => {
    let shapes: unknown;
    const network = <T>(ops: Ops<T>, get: Parameters<T>): Record<string, T> => {
      const outputs = {
        constant: ops.constant(Float32Array.from([1.5, -2, 3e-40]), [3, 1]),
        scalar: ops.constant([0.1], []),
        whole: ops.integers([-(2 ** 31), 2 ** 31 - 1], [1, 2]),
        parameter: get("w"),
        table: ops.concat([get("w"), ops.constant(new Float32Array(3), [1, 3])], 0),
      };
      shapes = Object.values(outputs).map((x) => [...ops.shape(x)]);
      return outputs;
    };
    await agrees(network, { parameters: { w: floats(3, [2, 3]) } }, 0);
    expect(shapes).toEqual([[3, 1], [], [1, 2], [2, 3], [3, 3]]);
  });

  it("names a parameter that the weights do not have, and goes on working", async () => {
    const network: Network = (_, get) => ({ y: get("blocks.9.nowhere") });
    await expect(async () => engine.evaluate(network, sourceOf({}), {})).rejects.toThrow(
      /blocks\.9\.nowhere/,
    );
    await agrees((ops, _, x) => ({ y: ops.mul(x.x!, x.x!) }), { inputs: { x: floats(1, [3]) } });
  });

  it("fails with a sentence when a network cannot be run, and goes on working", async () => {
    const network: Network = (ops, get, x) => ({ y: ops.embedding(get("table"), x.ids!) });
    const parameters = { table: floats(1, [4, 2]) };
    // A wrong id is found by a CUDA kernel, after which a process cannot use the device any more: no float is an id.
    const wrong = engine.device.startsWith("cuda")
      ? { ids: floats(1, [1]) }
      : { ids: { data: Int32Array.from([4]), shape: [1] } };
    await expect(engine.evaluate(network, sourceOf(parameters), wrong)).rejects.toThrow(/./);
    await agrees(network, { parameters, inputs: { ids: ids(1, [3], 4) } });
  });
}
