/** Numbers into tensors and out again. */
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  add_,
  clone,
  type DType,
  item,
  narrow,
  numbers,
  ones,
  permute,
  scope,
  sum,
  type Tensor,
  type TypedArray,
  tensor,
  to,
  view_as_real,
} from "./index.js";
import { describeWithLibtorch } from "./testing/suite.js";

const kind = (x: Tensor): unknown[] => [x.dtype, x.shape, numbers(x)];

describeWithLibtorch("tensor", () => {
  it("takes its dtype and shape from what it is made of", () => {
    scope(() => {
      expect(kind(tensor(3))).toEqual(["float32", [], [3]]);
      expect(kind(tensor([]))).toEqual(["float32", [0], []]);
      expect(kind(tensor([[], []]))).toEqual(["float32", [2, 0], []]);
      expect(
        kind(
          tensor([
            [1, 2],
            [3, 4.5],
          ]),
        ),
      ).toEqual(["float32", [2, 2], [1, 2, 3, 4.5]]); // prettier-ignore
      expect(kind(tensor([true, false]))).toEqual(["bool", [2], [1, 0]]);
      expect(kind(tensor([[5n]]))).toEqual(["int64", [1, 1], [5]]);
      expect(kind(tensor([1, 2, 3, 4], { shape: [2, 2], dtype: "int32" }))).toEqual([
        "int32",
        [2, 2],
        [1, 2, 3, 4],
      ]);
      expect(tensor(1, { device: "cpu", requiresGrad: true }).requiresGrad).toBe(true);
    });
  });

  it.each<[TypedArray, DType]>([
    [Float32Array.of(1.5, -0), "float32"],
    [Float64Array.of(0.1, Number.NaN), "float64"],
    [BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n), "int64"],
    [Int32Array.of(-(2 ** 31), 7), "int32"],
    [Int16Array.of(-(2 ** 15), 7), "int16"],
    [Int8Array.of(-128, 127), "int8"],
    [Uint8Array.of(0, 255), "uint8"],
    [Uint8ClampedArray.of(0, 255), "uint8"],
  ])("a typed array keeps its type and bits: %o", (data, dtype) => {
    scope(() => {
      const x = tensor(data);
      expect([x.dtype, x.shape]).toEqual([dtype, [2]]);
      expect(Array.from(x.data() as ArrayLike<number | bigint>)).toEqual(
        Array.from(data as ArrayLike<number>),
      );
    });
  });

  it("is a copy: of part of a buffer, and of memory that threads share", () => {
    scope(() => {
      const all = Float32Array.of(1, 2, 3, 4);
      const x = tensor(all.subarray(1, 3));
      all.fill(0);
      expect(numbers(x)).toEqual([2, 3]);
      const shared = new Float32Array(new SharedArrayBuffer(16));
      shared.set([5, 6, 7, 8]);
      expect(numbers(tensor(shared.subarray(2)))).toEqual([7, 8]);
    });
  });

  it("takes the bits of half floats, and gives them back", () => {
    scope(() => {
      const brain = tensor(Uint16Array.of(0x3f80, 0xc000), { dtype: "bfloat16" });
      const half = tensor(Uint16Array.of(0x3c00, 0xc000), { dtype: "float16" });
      expect([numbers(brain), numbers(half)]).toEqual([
        [1, -2],
        [1, -2],
      ]); // prettier-ignore
      expect([...brain.data()]).toEqual([0x3f80, 0xc000]);
      expect([...half.data()]).toEqual([0x3c00, 0xc000]);
      expect(kind(tensor([0.1], { dtype: "bfloat16" }))).toEqual(["bfloat16", [1], [0.10009765625]]);
      expect(kind(tensor(Float32Array.of(0.1), { dtype: "float16" }))).toEqual([
        "float16",
        [1],
        [0.0999755859375],
      ]);
    });
  });

  it("booleans are 0 and 1 whatever they are made of", () => {
    scope(() => {
      for (const x of [
        tensor([2, 0, -1], { dtype: "bool" }),
        tensor(Uint8Array.of(2, 0, 255), { dtype: "bool" }),
      ]) {
        expect([...x.data()]).toEqual([1, 0, 1]);
        expect(item(sum(x))).toBe(2);
      }
    });
  });

  it("int64 beyond 2^53 goes in and out as bigint only", () => {
    scope(() => {
      const x = tensor([2n ** 53n + 1n, -(2n ** 62n)]);
      expect([...(x.data() as BigInt64Array)]).toEqual([2n ** 53n + 1n, -(2n ** 62n)]);
      expect(() => numbers(x)).toThrow(/beyond 2\^53/);
      expect(numbers(tensor([2 ** 53 - 1, -(2 ** 53) + 1], { dtype: "int64" }))).toEqual([
        2 ** 53 - 1,
        -(2 ** 53) + 1,
      ]);
    });
  });

  it("complex numbers are read as pairs", () => {
    scope(() => {
      const x = tensor([1, -2], { dtype: "complex64" });
      expect([x.dtype, x.shape]).toEqual(["complex64", [2]]);
      expect(() => x.data()).toThrow(
        "A complex64 tensor has no typed array: view_as_real(x) gives its numbers as pairs.",
      );
      expect(kind(view_as_real(x))).toEqual(["float32", [2, 2], [1, 0, -2, 0]]);
    });
  });

  it("any float32 comes back as it was", () => {
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 50 }), (data) => {
        scope(() => {
          expect(tensor(data).data()).toEqual(data);
          expect(numbers(tensor([...data]))).toEqual([...data]);
        });
      }),
      { numRuns: 50 },
    );
  });

  it("any shape and order of axes is read in row-major order", () => {
    const shape = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(shape, fc.shuffledSubarray([0, 1, 2], { minLength: 3 }), (sizes, order) => {
        scope(() => {
          const count = sizes.reduce((n, d) => n * d, 1);
          const x = permute(
            tensor(
              Float32Array.from({ length: count }, (_, i) => i),
              { shape: sizes },
            ),
            order,
          );
          const expected: number[] = [];
          const steps = sizes.map((_, axis) => sizes.slice(axis + 1).reduce((n, d) => n * d, 1));
          const [a, b, c] = order as [number, number, number];
          for (let i = 0; i < sizes[a]!; i++)
            for (let j = 0; j < sizes[b]!; j++)
              for (let k = 0; k < sizes[c]!; k++)
                expected.push(i * steps[a]! + j * steps[b]! + k * steps[c]!);
          expect(x.shape).toEqual(order.map((axis) => sizes[axis]!));
          expect(numbers(x)).toEqual(expected);
        });
      }),
      { numRuns: 50 },
    );
  });
});

describeWithLibtorch("memory()", () => {
  it("is the tensor's own, read and written, and of a view its part", () => {
    scope(() => {
      const x = tensor([1, 2, 3, 4]);
      const memory = x.memory() as Float32Array;
      memory[1] = 20;
      add_(x, 1);
      expect([...memory]).toEqual([2, 21, 4, 5]);
      expect([...(narrow(x, 0, 1, 2).memory() as Float32Array)]).toEqual([21, 4]);
      expect([...(x.memory() as Float32Array)]).toEqual([2, 21, 4, 5]);
    });
  });

  it("stays when the tensor is gone", () => {
    const memory = scope(() => ones([1000]).memory());
    scope(() => {
      for (let i = 0; i < 20; i++) clone(tensor(new Float32Array(1000)));
    });
    expect(memory.every((v) => v === 1)).toBe(true);
  });

  it("of nothing is empty, of what is not contiguous an error", () => {
    scope(() => {
      expect(tensor([]).memory()).toHaveLength(0);
      const x = permute(ones([2, 3]), [1, 0]);
      expect(() => x.memory()).toThrow("only the memory of a contiguous CPU tensor can be shared");
      expect(() => x.data()).toThrow("only a contiguous CPU tensor of the same size can be read");
      expect(numbers(to(x, { dtype: "float64" }))).toEqual([1, 1, 1, 1, 1, 1]);
    });
  });
});
