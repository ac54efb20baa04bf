/** `init`, `convert`, `inspect`: model folders made, translated, described, on small networks. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert } from "../src/cli/convert.js";
import { init } from "../src/cli/init.js";
import { inspect } from "../src/cli/inspect.js";
import { isLarge, storedWeights } from "../src/cli/stored-weights.js";
import { groupTensors } from "../src/cli/tensor-groups.js";
import { Pipeline } from "../src/pipeline.js";
import { openTensorFile } from "../src/weights/open.js";
import { writeSafetensors } from "../src/weights/safetensors.js";
import type { TensorInfo } from "../src/weights/tensor-file.js";

const folder = mkdtempSync(join(tmpdir(), "rarity-models-"));
const at = (name: string): string => join(folder, name);
const { signal } = new AbortController();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const names = "zero one two three four five six seven eight nine".split(" ");

beforeAll(async () => {
  process.env.RARITY_CACHE = at("cache");
  await init({
    folder: at("model"),
    preset: "debug",
    seed: 4,
    randomModulation: true,
    tokenizer: true,
    overrides: [],
  });
  writeFileSync(
    at("model/classes.txt"),
    `${names.map((n) => (n === "nine" ? "nine, niner" : n)).join("\n")}\n`,
  );
});

describe("init", () => {
  it("makes a folder that loads, with the sizes that were asked for", async () => {
    const overrides = ["model.generator.num_hidden_layers=1", "model.generator.condition_num_classes=3"];
    const report = await init({ folder: at("own"), preset: "debug", seed: 0, tokenizer: true, overrides });
    expect(report.files.map((file) => file.slice(at("own/").length))).toEqual([
      "generator.safetensors",
      "tokenizer.safetensors",
      "config.yaml",
      "README.md",
    ]);
    await using pipeline = await Pipeline.load(at("own"));
    expect(pipeline.generator).toMatchObject({ depth: 1, classes: 3, width: 32 });
    expect((await pipeline.generate({ classes: [2] }))[0]).toMatchObject({ width: 16, classIndex: 2 });
  });

  it("draws the same weights for the same seed", async () => {
    for (const [name, seed] of [
      ["a", 1],
      ["b", 1],
      ["c", 2],
    ] as const)
      await init({ folder: at(name), preset: "debug", seed, overrides: [] });
    const [a, b, c] = ["a", "b", "c"].map((name) => readFileSync(at(`${name}/generator.safetensors`)));
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
  });

  it("refuses a folder that is there, and leaves nothing behind when it is stopped", async () => {
    const request = { preset: "debug", seed: 0, overrides: [] };
    await expect(init({ ...request, folder: at("model") })).rejects.toThrow(
      /exists\. Give another name, or pass --overwrite/,
    );
    const before = readdirSync(folder);
    await expect(init({ ...request, folder: at("stopped") }, AbortSignal.abort())).rejects.toThrow();
    expect(readdirSync(folder)).toEqual(before);
    await expect(
      init({ ...request, folder: at("odd"), overrides: ["model.generator.hidden_size=33"] }),
    ).rejects.toThrow(/num_attention_heads/);
  });
});

describe("convert", () => {
  const numbers = async (path: string, name: string): Promise<Float32Array> => {
    await using file = await openTensorFile(path);
    return await file.readFloat32(name);
  };
  const largest = (values: Float32Array): number =>
    values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

  it.each([
    ["float32", "F32", 0],
    ["bfloat16", "BF16", 2 ** -8],
    ["float16", "F16", 2 ** -11],
    ["int8", "I8", 0.5 / 127],
  ] as const)("%s is within its rounding, and loads", async (dtype, stored, tolerance) => {
    await convert({ source: at("model"), destination: at(dtype), dtype }, signal);
    expect(readdirSync(at(dtype)).toSorted()).toEqual([
      "README.md",
      "classes.txt",
      "config.yaml",
      "generator.safetensors",
      "tokenizer.safetensors",
    ]);
    const name = "blocks.1.mlp.fc1.weight";
    const file = at(`${dtype}/generator.safetensors`);
    {
      await using opened = await openTensorFile(file);
      expect(opened.tensors.get(name)?.dtype).toBe(stored);
    }
    const before = await numbers(at("model/generator.safetensors"), name);
    const after = await numbers(file, name);
    const off = largest(after.map((value, i) => value - before[i]!));
    expect(off).toBeLessThanOrEqual(tolerance * largest(before));
    if (dtype !== "float32") expect(off).toBeGreaterThan(0);
    await using pipeline = await Pipeline.load(at(dtype));
    expect(pipeline.classNames).toEqual(names);
    expect(await pipeline.generate({ classes: ["niner"] })).toHaveLength(1);
  });

  it("to bin and back gives the same bytes; an older format does not shadow the newer one", async () => {
    await convert({ source: at("model"), destination: at("bin"), to: "bin" }, signal);
    expect(readdirSync(at("bin"))).toContain("generator.bin");
    await convert({ source: at("bin"), destination: at("bin"), to: "safetensors", overwrite: true }, signal);
    expect(readdirSync(at("bin")).toSorted()).toEqual(readdirSync(at("model")).toSorted());
    expect(readFileSync(at("bin/generator.safetensors"))).toEqual(
      readFileSync(at("model/generator.safetensors")),
    );
  });

  it("int8 again stays int8", async () => {
    await convert({ source: at("int8"), destination: at("int8-again") }, signal);
    const name = "lm_head.weight";
    const [once, twice] = await Promise.all(
      ["int8", "int8-again"].map((f) => numbers(at(`${f}/generator.safetensors`), name)),
    );
    expect(largest(once!.map((v, i) => v - twice![i]!))).toBeLessThan(1e-6 * largest(once!));
    expect((await inspect(at("int8-again"))).files[0]).toMatchObject({
      network: "generator",
      problem: undefined,
    });
  });

  it("a tokenizer's file becomes int8 too, a scale for 64 numbers or so of an output's kernel", async () => {
    const files = ["model/tokenizer.safetensors", "tokenizer-int8.safetensors"].map(at);
    await convert({ source: files[0]!, destination: files[1]!, dtype: "int8" }, signal);
    expect(statSync(files[1]!).size).toBeLessThan(0.45 * statSync(files[0]!).size);
    const name = "decoder.conv_in.weight";
    const [before, after] = await Promise.all(files.map((file) => numbers(file, name)));
    const off = largest(after!.map((value, i) => value - before![i]!));
    expect(off).toBeGreaterThan(0);
    expect(off).toBeLessThanOrEqual((0.5 / 127) * largest(before!));
  });

  it("translates any tensor file, integers untouched", async () => {
    const data = Int32Array.of(1, 2, 3);
    await writeSafetensors(at("any.safetensors"), [
      { name: "ids", dtype: "I32", shape: [3], data },
      { name: "x", dtype: "F32", shape: [1], data: Float32Array.of(1e6) },
    ]);
    const report = await convert(
      { source: at("any.safetensors"), destination: at("any.bin"), dtype: "float16" },
      signal,
    );
    expect(report.notes).toEqual([`"x": 1 weights are beyond float16's 65504 and became infinite.`]);
    await using file = await openTensorFile(at("any.bin"));
    expect((await file.read("ids")).data).toEqual(data);
    await expect(
      convert({ source: at("any.safetensors"), destination: at("any.bin") }, signal),
    ).rejects.toThrow(/exists/);
    await expect(
      convert({ source: at("any.safetensors"), destination: at("other.bin"), dtype: "int8" }, signal),
    ).rejects.toThrow(/int8 with scales is stored in safetensors only/);
  });

  it("leaves nothing behind when it is stopped or the source is broken", async () => {
    const before = readdirSync(folder);
    await expect(
      convert({ source: at("model"), destination: at("no") }, AbortSignal.abort()),
    ).rejects.toThrow();
    mkdirSync(at("broken"));
    writeFileSync(at("broken/generator.safetensors"), "<!DOCTYPE html>");
    await expect(convert({ source: at("broken"), destination: at("no") }, signal)).rejects.toThrow(/broken/);
    expect(readdirSync(folder)).toEqual([...before, "broken"].toSorted());
  });

  it("carries a model card", async () => {
    writeFileSync(at("card.md"), "# mine\n");
    await convert({ source: at("model"), destination: at("carded"), modelCard: at("card.md") }, signal);
    expect(readFileSync(at("carded/README.md"), "utf8")).toBe("# mine\n");
    await expect(
      convert({ source: at("model"), destination: at("uncarded"), modelCard: at("no.md") }, signal),
    ).rejects.toThrow(/no such file/);
    expect(readdirSync(folder)).not.toContain("uncarded");
  });
});

describe("storedWeights", () => {
  it("names the tensor that int8 cannot hold", async () => {
    const info: TensorInfo = { name: "lm_head.weight", dtype: "F32", shape: [2, 32] };
    const source = {
      tensors: new Map([[info.name, info]]),
      readFloat32: async () => new Float32Array(64).fill(Number.NaN),
    };
    const { stream } = storedWeights(source, { dtype: "int8" });
    await expect(stream.data(stream.infos[0]!)).rejects.toThrow(/Cannot store "lm_head.weight" as int8/);
  });

  it("quantizes matrices and tables of a generator and convolutions of a tokenizer, not norms, biases or the codebook", () => {
    const large: [string, number[]][] = [
      ["blocks.0.attn.qkv.weight", [4, 4]],
      ["blocks.11.mlp.fc2.weight", [4, 4]],
      ["embeddings.weight", [4, 4]],
      ["lm_head.weight", [4, 4]],
      ["pos_embed", [1, 4, 4]],
      ["timesteps_embeddings", [1, 4, 4]],
      ["decoder.conv_in.weight", [4, 4, 3, 3]],
    ];
    for (const [name, shape] of large) expect(isLarge({ name, dtype: "F32", shape }), name).toBe(true);
    const small: [string, number[]][] = [
      ["cls_token", [1, 1, 4]],
      ["blocks.0.norm1.weight", [4]],
      ["blocks.0.attn.qkv.bias", [4]],
      ["quantize.embedding.weight", [4, 4]],
      ["decoder.conv_in.bias", [4]],
    ];
    for (const [name, shape] of small) expect(isLarge({ name, dtype: "F32", shape }), name).toBe(false);
  });
});

describe("inspect", () => {
  it("names sizes, and what is missing", async () => {
    const report = await inspect(at("a"));
    expect(report).toMatchObject({ kind: "folder", generator: { width: 32 } });
    expect(report.missing).toEqual([
      "tokenizer.safetensors: without it there are tokens, but no pictures",
      "classes.txt: classes are known by number only",
    ]);
  });

  it("says why a file cannot be loaded, and what a preset needs, without fetching it", async () => {
    await writeSafetensors(at("part.safetensors"), [
      { name: "target_aware_pos_embed", dtype: "F32", shape: [1, 1, 1], data: Float32Array.of(0) },
      { name: "lm_head.weight", dtype: "F32", shape: [1, 1], data: Float32Array.of(0) },
    ]);
    mkdirSync(at("parts"));
    writeFileSync(at("parts/config.yaml"), readFileSync(at("model/config.yaml")));
    writeFileSync(at("parts/generator.safetensors"), readFileSync(at("part.safetensors")));
    expect((await inspect(at("parts"))).files[0]?.problem).toMatch(/missing "cls_token"/);
    expect((await inspect("rar-l")).missing[0]).toContain("generator: Hub yucornetto/RAR, rar_l.bin");
  });

  it("groups repeated layers", () => {
    const info = (name: string, size = 2): TensorInfo => ({ name, dtype: "F32", shape: [size] });
    const names = ["a", "b.0.x", "b.1.x", "b.2.x", "b.4.x"].map((name) => info(name));
    expect(groupTensors([...names, info("b.3.x", 5)]).map(({ name, count }) => [name, count])).toEqual([
      ["a", 1],
      ["b.{0..2,4}.x", 4],
      ["b.3.x", 1],
    ]);
  });
});
