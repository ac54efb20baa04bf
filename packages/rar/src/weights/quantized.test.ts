import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTensorFile } from "./open.js";
import {
  dequantizeInt8,
  quantizationBlock,
  quantizationMetadata,
  quantizeInt8,
  quantizeTensor,
} from "./quantized.js";
import { writeSafetensors } from "./safetensors.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rarity-quantized-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const finite = fc.float({ noNaN: true, noDefaultInfinity: true });

describe("quantizeInt8", () => {
  it("is within half a step of every value, whatever the shape", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 1, max: 150 }),
        fc.constantFrom(16, 32, 64, 128),
        fc.infiniteStream(finite),
        (rows, columns, block, stream) => {
          const values = Float32Array.from({ length: rows * columns }, () => stream.next().value);
          const { data, scales } = quantizeInt8(values, rows, columns, block);
          const back = dequantizeInt8(data, scales, rows, columns, block);
          const perRow = Math.ceil(columns / block);
          expect(scales).toHaveLength(rows * perRow);
          for (const [i, value] of values.entries()) {
            const column = i % columns;
            const scale = scales[Math.floor(i / columns) * perRow + Math.floor(column / block)]!;
            // a step rounded to float32, or lost below its smallest number, adds a little
            expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual(scale * 0.5001 + 127 * 2 ** -149);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("gives the largest of a block back, and zeros as zeros", () => {
    const { data, scales } = quantizeInt8(Float32Array.of(127, -12.7, 0, 0), 1, 4, 2);
    expect([...data]).toEqual([127, -13, 0, 0]);
    expect([...scales]).toEqual([1, 0]);
  });

  it("refuses what int8 cannot hold", () => {
    expect(() => quantizeInt8(Float32Array.of(1, Number.NaN), 1, 2, 16)).toThrow(/value 1 is NaN/);
    expect(() => quantizeInt8(Float32Array.of(Infinity), 1, 1, 16)).toThrow(/value 0 is Infinity/);
    expect(() => quantizeInt8(new Float32Array(5), 2, 3, 16)).toThrow(/5 values are not \[2, 3\]/);
  });

  it("chooses the longest block that divides a row", () => {
    expect([768, 1408, 192, 96, 48, 100, 1].map(quantizationBlock)).toEqual([128, 128, 64, 32, 16, 32, 32]);
  });
});

describe("in a safetensors file", () => {
  const values = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i));

  it.each([[[3, 256]], [[2, 2, 100]], [[5, 1]], [[70]], [[4, 0]], [[8, 40, 3, 3]], [[6, 3, 1, 1]]])(
    "%j: the scales are hidden and used",
    async (shape) => {
      const count = shape.reduce((a, b) => a * b, 1);
      const path = join(folder, "q.safetensors");
      const bias = { name: "bias", dtype: "F32", shape: [2], data: Float32Array.of(1, 2) } as const;
      await writeSafetensors(
        path,
        [...quantizeTensor("w", shape, values(count)), bias],
        quantizationMetadata,
      );
      await using file = await openTensorFile(path);
      expect([...file.tensors.keys()].sort()).toEqual(["bias", "w"]);
      expect(file.tensors.get("w")).toEqual({ name: "w", dtype: "I8", shape });
      const back = await file.readFloat32("w");
      for (const [i, value] of values(count).entries())
        expect(Math.abs(back[i]! - value)).toBeLessThan(0.5 / 127);
      expect(back).toHaveLength(count);
      expect([...(await file.readFloat32("bias"))]).toEqual([1, 2]);
      await expect(file.readFloat32("w.scale")).rejects.toThrow(/only as the scales of "w"/);
      expect((await file.read("w")).data).toBeInstanceOf(Int8Array);
    },
  );

  it("a kernel's numbers share scales by output, not by its width", () => {
    const [, scales] = quantizeTensor("w", [8, 64, 3, 3], values(8 * 64 * 9));
    expect(scales.shape).toEqual([8, 9]); // 576 numbers in blocks of 64
  });

  it("scales of a shape that fits no block are refused by name", async () => {
    const path = join(folder, "bad.safetensors");
    await writeSafetensors(path, [
      { name: "w", dtype: "I8", shape: [2, 256], data: new Int8Array(512) },
      { name: "w.scale", dtype: "F32", shape: [2, 3], data: new Float32Array(6) },
    ]);
    await expect(openTensorFile(path)).rejects.toThrow(/"w.scale" is F32 \[2, 3\]: no scales for "w"/);
  });

  it("a float tensor with a neighbour called .scale is left alone", async () => {
    const path = join(folder, "plain.safetensors");
    await writeSafetensors(path, [
      { name: "norm", dtype: "F32", shape: [2], data: new Float32Array(2) },
      { name: "norm.scale", dtype: "F32", shape: [1], data: new Float32Array(1) },
    ]);
    await using file = await openTensorFile(path);
    expect(file.tensors.size).toBe(2);
  });
});
