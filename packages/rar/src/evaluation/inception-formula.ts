/** Weights of Inception by formula: what it computes can then be checked without a file; no score means anything (EVALUATION 12). */
import type { TensorInfo, TensorSource } from "../weights/tensor-file.js";
import { inceptionShapes } from "./inception-shapes.js";

export function inceptionByFormula(): TensorSource {
  const shapes = [...inceptionShapes];
  const tensors = new Map<string, TensorInfo>(
    shapes.map(([name, shape]) => [name, { name, dtype: "F32", shape }]),
  );
  const places = new Map(shapes.map(([name], t) => [name, t]));
  return {
    tensors,
    async readFloat32(name) {
      const { shape } = tensors.get(name)!;
      const count = shape.reduce((n, d) => n * d, 1);
      const value = formula(name, shape);
      const shift = (Math.imul(places.get(name)!, 0x7f4a7c15) + 0x165667b1) | 0;
      return Float32Array.from({ length: count }, (_, i) => {
        let x = (Math.imul(i, 0x9e3779b1) + shift) | 0;
        x ^= x >>> 16;
        x = Math.imul(x, 0x85ebca6b);
        x ^= x >>> 13;
        x = Math.imul(x, 0xc2b2ae35);
        x ^= x >>> 16;
        return value((x >>> 0) / 2 ** 32);
      });
    },
  };
}

function formula(name: string, shape: readonly number[]): (u: number) => number {
  const inputs = shape.slice(1).reduce((n, d) => n * d, 1);
  const rules: readonly (readonly [string, (u: number) => number])[] = [
    ["conv.weight", (u) => (u - 0.5) * Math.sqrt(24 / inputs)],
    ["bn.weight", (u) => 0.75 + 0.5 * u],
    ["bn.bias", (u) => (u - 0.5) * 0.5],
    ["bn.running_mean", (u) => (u - 0.5) * 0.25],
    ["bn.running_var", (u) => 0.5 + u],
    ["fc.weight", (u) => (u - 0.5) * 0.03125],
    ["fc.bias", (u) => (u - 0.5) * 2],
  ];
  return rules.find(([ending]) => name.endsWith(ending))![1];
}
