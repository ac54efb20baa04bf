import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixture, missing } from "../testing/fixtures.js";
import { closedForm, closedFormTensor } from "./closed-form.js";

type Probe = Record<string, number[]>;
type Shapes = Record<string, number[]>;
const load = (path: string) => JSON.parse(readFileSync(fixture(path)!, "utf8"));

/** Shapes of a generator from `rar_shapes.json`-like sizes; only what `probe` asks for. */
function generatorShapes(
  D: number,
  F: number,
  d: number,
  blocks: number,
  K: number,
  N: number,
  head: number,
): Shapes {
  const shapes: Shapes = {
    cls_token: [1, 1, D],
    pos_embed: [1, head, D],
    target_aware_pos_embed: [1, head, D],
    timesteps_embeddings: [1, head, D],
    "embeddings.weight": [K + 1 + N + 1, D],
    "adaln_before_head.adaLN_modulation.1.weight": [2 * D, D],
    "adaln_before_head.adaLN_modulation.1.bias": [2 * D],
    "lm_head.weight": [K, D],
    "lm_head.bias": [K],
  };
  for (let i = 0; i < blocks; i++) {
    const block: Shapes = {
      "norm1.weight": [D],
      "norm1.bias": [D],
      "norm2.weight": [D],
      "norm2.bias": [D],
      "attn.qkv.weight": [3 * D, D],
      "attn.qkv.bias": [3 * D],
      "attn.q_norm.weight": [d],
      "attn.q_norm.bias": [d],
      "attn.k_norm.weight": [d],
      "attn.k_norm.bias": [d],
      "attn.proj.weight": [D, D],
      "attn.proj.bias": [D],
      "mlp.fc1.weight": [F, D],
      "mlp.fc1.bias": [F],
      "mlp.fc2.weight": [D, F],
      "mlp.fc2.bias": [D],
      "adaLN_modulation.1.weight": [6 * D, D],
      "adaLN_modulation.1.bias": [6 * D],
    };
    for (const [name, shape] of Object.entries(block)) shapes[`blocks.${i}.${name}`] = shape;
  }
  return shapes;
}

/** First three and last element, bit for bit. */
async function expectProbes(probe: Probe, shapes: Shapes): Promise<void> {
  const source = closedForm(Object.entries(shapes).map(([name, shape]) => ({ name, shape })));
  const names = Object.keys(probe);
  expect(names.length).toBeGreaterThan(3);
  for (const name of names) {
    const values = await source.readFloat32(name);
    expect([values[0], values[1], values[2], values.at(-1)], name).toEqual(probe[name]);
  }
}

describe.skipIf(missing("rar_b_width/greedy.json"))("the reference's probes", () => {
  it("RAR-B's width", () => {
    const shapes = generatorShapes(768, 3072, 48, 1, 64, 10, 0);
    const L = 16; // sizes as rar_b_width has them
    shapes.pos_embed = [1, L + 1024, 768];
    shapes.target_aware_pos_embed = [1, L + 1024, 768];
    shapes.timesteps_embeddings = [1, L + 100, 768];
    return expectProbes(load("rar_b_width/greedy.json").probe, shapes);
  });

  for (const size of ["b", "l", "xl", "xxl"])
    it.skipIf(missing(`rar_full/rar_${size}.json`, "rar_shapes.json"))(
      `RAR-${size.toUpperCase()}`,
      async () => {
        const all = load("rar_shapes.json")[`rar_${size}`];
        const shapes: Shapes = {};
        for (const [group, members] of Object.entries<Shapes>(all)) {
          if (group.startsWith("block (each"))
            for (let i = 0; i < all.num_hidden_layers; i++)
              for (const [name, shape] of Object.entries(members)) shapes[`blocks.${i}.${name}`] = shape;
          else if (typeof members === "object") Object.assign(shapes, members);
        }
        const { probe, parameters } = load(`rar_full/rar_${size}.json`);
        const numbers = Object.values(shapes).reduce(
          (sum, shape) => sum + shape.reduce((a, b) => a * b, 1),
          0,
        );
        expect(numbers).toBe(parameters);
        await expectProbes(probe, shapes);
      },
    );

  it.skipIf(missing("vq_full/closed_form.json", "vq_full_shapes.json"))("the published tokenizer", () =>
    expectProbes(load("vq_full/closed_form.json").probe, load("vq_full_shapes.json").tensors),
  );
});

describe("closedFormTensor", () => {
  it("is within its range, never all alike, and different for every name", () => {
    const a = closedFormTensor("lm_head.weight", [50, 64]);
    const b = closedFormTensor("lm_head.weights", [50, 64]);
    expect(Math.max(...a.map(Math.abs))).toBeLessThanOrEqual(1.5 / 8);
    expect(new Set(a).size).toBeGreaterThan(3000);
    expect(a).not.toEqual(b);
  });

  it("makes a tensor that is not there an error", async () => {
    await expect(closedForm([]).readFloat32("a")).rejects.toThrow(/no tensor "a"/);
  });
});
