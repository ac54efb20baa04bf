/** Model folders made of tiny models by the test itself: what is found, what is checked, what is said. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GeneratorConfig } from "../config/architecture.js";
import { findClass } from "../config/class-names.js";
import { RarityError } from "../config/errors.js";
import { configOf } from "../config/keys.js";
import { writeConfig } from "../config/load.js";
import { presets } from "../config/presets.js";
import { generatorShapes, type NamedShape, tokenizerShapes } from "../config/shapes.js";
import { fixture, missing } from "../testing/fixtures.js";
import { startHub } from "../testing/hub-server.js";
import { locateModel, openModel } from "./model-folder.js";
import { quantizationMetadata, quantizeTensor } from "./quantized.js";
import { writeSafetensors } from "./safetensors.js";
import type { HostTensor } from "./tensor-file.js";

const { generator: debugGenerator, tokenizer: debugTokenizer } = presets.debug;
const tiny = { generator: debugGenerator, tokenizer: debugTokenizer, sampling: presets.debug.sampling };

let root: string;
let model: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "rarity-models-"));
  model = join(root, "model");
  await mkdir(model);
  await writeFile(join(model, "config.yaml"), writeConfig(configOf(tiny)));
  await write(join(model, "generator.safetensors"), generatorShapes(debugGenerator));
  await write(join(model, "tokenizer.safetensors"), tokenizerShapes(debugTokenizer));
  await writeFile(
    join(model, "classes.txt"),
    "zero, nought\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n",
  );
});
afterAll(() => rm(root, { recursive: true }));

type Change = (tensor: HostTensor) => HostTensor | undefined;
const write = (path: string, shapes: readonly NamedShape[], change: Change = (tensor) => tensor) =>
  writeSafetensors(
    path,
    shapes.flatMap(({ name, shape }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return change({ name, shape, dtype: "F32", data: new Float32Array(size).fill(0.01) }) ?? [];
    }),
  );

/** A copy of the model folder with some files replaced. */
let copies = 0;
async function variant(
  files: Record<string, string | undefined>,
  weights?: () => Record<string, Change>,
): Promise<string> {
  const folder = join(root, `variant${copies++}`);
  await cp(model, folder, { recursive: true });
  for (const [name, text] of Object.entries(files))
    await (text === undefined ? rm(join(folder, name)) : writeFile(join(folder, name), text));
  for (const [name, change] of Object.entries(weights?.() ?? {})) {
    const shapes = name.startsWith("generator")
      ? generatorShapes(debugGenerator)
      : tokenizerShapes(debugTokenizer);
    await write(join(folder, name), shapes, change);
  }
  return folder;
}

const failure = async (promise: Promise<unknown>): Promise<RarityError> => {
  const error = await promise.then(
    () => new Error("accepted"),
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(RarityError);
  return error as RarityError;
};
const openFailure = async (path: string, options = {}) =>
  failure(locateModel(path, options).then((location) => openModel(location)));

describe("a model folder", () => {
  it("is found whole and opened", async () => {
    const location = await locateModel(model);
    expect(location).toMatchObject({
      name: "model",
      kind: "folder",
      folder: model,
      generator: debugGenerator,
      tokenizer: debugTokenizer,
      sampling: presets.debug.sampling,
      notes: [],
    });
    expect(findClass("Nought", location.classNames)).toBe(0);
    await using opened = await openModel(location);
    expect(opened.generator?.config).toEqual(debugGenerator);
    expect(opened.warnings).toEqual([]);
    expect((await opened.tokenizer!.weights.readFloat32("decoder.conv_out.bias")).length).toBe(3);
  });

  it("tells its sizes from the weights where there is no configuration", async () => {
    const folder = await variant({ "config.yaml": undefined, "classes.txt": undefined });
    const location = await locateModel(folder);
    expect(location.generator).toEqual(debugGenerator);
    expect(location.tokenizer).toEqual(debugTokenizer);
    expect(location.sampling).toEqual({ temperature: 1, guidanceScale: 0, guidanceScalePow: 0 });
    expect(location.classNames).toEqual({ count: 10, names: [] });
    await (await openModel(location)).close();
  });

  it("may lack any part", async () => {
    const noGenerator = await locateModel(await variant({ "generator.safetensors": undefined }));
    await using a = await openModel(noGenerator);
    expect([a.generator, a.tokenizer?.config]).toEqual([undefined, debugTokenizer]);
    const noTokenizer = await locateModel(await variant({ "tokenizer.safetensors": undefined }));
    await using b = await openModel(noTokenizer);
    expect([b.generator?.config, b.tokenizer]).toEqual([debugGenerator, undefined]);
  });

  it("takes the tokenizer its configuration names, and overrides", async () => {
    const folder = await variant({ "tokenizer.safetensors": undefined });
    await cp(join(model, "tokenizer.safetensors"), join(folder, "vq.bin"));
    const overrides = [
      "model.vq_model.pretrained_tokenizer_weight=/elsewhere/vq.bin",
      "model.generator.guidance_scale=9",
    ];
    const location = await locateModel(folder, { overrides });
    expect(location.tokenizerFile).toBe(join(folder, "vq.bin"));
    expect(location.sampling.guidanceScale).toBe(9);
  });

  it("is also found by its config.yaml, and takes another tokenizer", async () => {
    const other = await variant({});
    const location = await locateModel(join(model, "config.yaml"), {
      tokenizerFile: join(other, "tokenizer.safetensors"),
    });
    expect(location.generatorFile).toBe(join(model, "generator.safetensors"));
    expect(location.tokenizerFile).toBe(join(other, "tokenizer.safetensors"));
  });

  it("is refused where it is none, or its parts are no good", async () => {
    const empty = join(root, "empty");
    await mkdir(empty);
    expect((await failure(locateModel(empty))).message).toMatch(
      /is no model folder: it has neither config\.yaml/,
    );
    expect((await failure(locateModel(await variant({ "classes.txt": "a\nb\n" })))).message).toMatch(
      /names 2 classes, the model has 10/,
    );
    expect(
      (await failure(locateModel(await variant({ "config.yaml": "model:\n\tx: 1\n" })))).message,
    ).toMatch(/config\.yaml:2:1: .*Use spaces/);
    const halfSaid = await variant({ "config.yaml": "model: {generator: {hidden_size: 32}}\n" });
    expect((await failure(locateModel(halfSaid))).message).toMatch(
      /num_hidden_layers is not set in .*config\.yaml/,
    );
    const page = await variant({ "generator.safetensors": "<!DOCTYPE html><html></html>" });
    expect((await openFailure(page)).code).toBe("bad-file");
  });
});

describe("weights that do not fit", () => {
  const sized = (change: Partial<GeneratorConfig>) =>
    writeConfig(configOf({ ...tiny, generator: { ...debugGenerator, ...change } }));

  it("names tensors of another shape, and the file's own sizes", async () => {
    const error = await openFailure(await variant({ "config.yaml": sized({ mlpWidth: 96 }) }));
    expect(error.message).toMatch(
      /Cannot load ".*generator\.safetensors": "blocks\.0\.mlp\.fc1\.bias" is \[64\], the configuration of "variant\d+" needs \[96\]|"blocks\.0\.mlp\.fc1\.weight" is \[64, 32\], the configuration of "variant\d+" needs \[96, 32\]/,
    );
    expect(error.message).toMatch(
      /\(and 1 more\)\. The file's own sizes: hidden_size 32, .* intermediate_size 64/,
    );
    expect(error.exitCode).toBe(2);
  });

  it("names missing and extra tensors", async () => {
    const folder = await variant({}, () => ({
      "generator.safetensors": (tensor) =>
        tensor.name === "lm_head.bias"
          ? undefined
          : tensor.name === "cls_token"
            ? { ...tensor, name: "cls" }
            : tensor,
    }));
    const error = await openFailure(folder);
    expect(error.message).toMatch(/missing "cls_token", "lm_head\.bias"; not expected "cls"/);
    expect(error.message).toMatch(/parts missing or changed/);
  });

  it("refuses weights that are whole numbers", async () => {
    const folder = await variant({}, () => ({
      "tokenizer.safetensors": (tensor) =>
        tensor.name === "decoder.conv_out.bias"
          ? { ...tensor, dtype: "I32", data: new Int32Array(3) }
          : tensor,
    }));
    expect((await openFailure(folder)).message).toMatch(
      /"decoder\.conv_out\.bias" is I32, weights are floating-point/,
    );
  });

  it("takes int8 blocks with their scales", async () => {
    const folder = await variant({});
    const tensors = generatorShapes(debugGenerator).flatMap(({ name, shape }): readonly HostTensor[] => {
      const values = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5);
      return shape.length === 2
        ? quantizeTensor(name, shape, values)
        : [{ name, shape, dtype: "F32", data: values }];
    });
    await writeSafetensors(join(folder, "generator.safetensors"), tensors, quantizationMetadata);
    await using opened = await openModel(await locateModel(folder));
    const values = await opened.generator!.weights.readFloat32("lm_head.weight");
    expect(values[0]).toBeCloseTo(0.5, 5);
  });

  it("says when names carry a wrapper's prefix, and when the two files are exchanged", async () => {
    const wrapped = await variant({ "config.yaml": writeConfig(configOf(tiny)) }, () => ({
      "generator.safetensors": (tensor) => ({ ...tensor, name: `module.${tensor.name}` }),
    }));
    expect((await openFailure(wrapped)).message).toMatch(/All its names begin with "module\."/);
    const exchanged = await variant({});
    await cp(join(model, "generator.safetensors"), join(exchanged, "tokenizer.safetensors"));
    expect((await openFailure(exchanged)).message).toMatch(/holds a generator, not a tokenizer/);
  });

  it("refuses codebooks of two sizes, whoever they come from", async () => {
    const vq = { ...debugTokenizer, codebookSize: 128 };
    const folder = await variant({ "config.yaml": undefined });
    await write(join(folder, "tokenizer.safetensors"), tokenizerShapes(vq));
    expect((await openFailure(folder)).message).toMatch(
      /generator ".*" draws 64 codes, the tokenizer ".*" has 128\. Take the tokenizer it was trained with/,
    );
    const configured = await variant({});
    await write(join(configured, "tokenizer.safetensors"), tokenizerShapes(vq));
    expect((await openFailure(configured)).message).toMatch(
      /"quantize\.embedding\.weight" is \[128, 32\], .* needs \[64, 32\]/,
    );
  });

  it("warns about weights that are no numbers, by name", async () => {
    const folder = await variant({}, () => ({
      "generator.safetensors": (tensor) => {
        if (tensor.name === "lm_head.bias")
          (tensor.data as Float32Array).set([Number.NaN, Infinity, -Infinity]);
        return tensor;
      },
    }));
    const location = await locateModel(folder);
    await using opened = await openModel(location);
    expect(opened.warnings).toEqual([
      expect.stringMatching(/generator\.safetensors" has .*"lm_head\.bias" \(1 NaN, 2 infinite\)/),
    ]);
    await using unscanned = await openModel(location, { checkFinite: false });
    expect(unscanned.warnings).toEqual([]);
  });
});

describe("a single file", () => {
  it("takes what lies beside it where the sizes agree", async () => {
    const location = await locateModel(join(model, "generator.safetensors"));
    expect(location).toMatchObject({
      kind: "file",
      name: "generator.safetensors",
      sampling: presets.debug.sampling,
    });
    expect(location.tokenizerFile).toBe(join(model, "tokenizer.safetensors"));
    expect(findClass("seven", location.classNames)).toBe(7);
  });

  it("is found by a path from here", async () => {
    const before = process.cwd();
    process.chdir(model);
    try {
      const location = await locateModel("generator.safetensors");
      expect(location.tokenizerFile).toBe("tokenizer.safetensors");
      expect(location.classNames.names).toHaveLength(10);
      expect((await locateModel(".")).name).toBe("model");
    } finally {
      process.chdir(before);
    }
  });

  it("ignores a configuration of other sizes", async () => {
    const folder = await variant({
      "config.yaml": writeConfig(configOf({ ...tiny, generator: { ...debugGenerator, depth: 5 } })),
    });
    const location = await locateModel(join(folder, "generator.safetensors"));
    expect([location.config, location.generator]).toEqual([undefined, debugGenerator]);
  });

  it("may be a tokenizer, or nothing of the kind", async () => {
    const location = await locateModel(join(model, "tokenizer.safetensors"));
    await using opened = await openModel(location);
    expect([opened.generator, opened.tokenizer?.config]).toEqual([
      undefined,
      { ...debugTokenizer, resolution: 64 },
    ]);
    const other = join(root, "other.safetensors");
    await write(other, [{ name: "fc.weight", shape: [2, 2] }]);
    expect((await openFailure(other)).message).toMatch(/missing "cls_token".*not expected "fc\.weight"/);
    expect((await openFailure(join(model, "classes.txt"))).code).toBe("bad-file");
  });
});

describe("names", () => {
  it.each([
    ["emojy", /There is no model "emojy".*Did you mean "emoji"\?/],
    ["rar-xxxl", /Did you mean "rar-xxl"\?/],
    ["some/folder/deep", /no such file or folder/],
    ["models/rar_b.bin", /no such file or folder/],
    ["", /There is no model ""/],
    ["\0", /no such file or folder/],
  ])("%j is refused with the nearest", async (name, message) => {
    const error = await failure(locateModel(name, { offline: true }));
    expect(error.message).toMatch(message);
    expect(error.code).toBe("not-found");
  });

  it("debug has random weights and no files", async () => {
    const location = await locateModel("debug");
    expect(location).toMatchObject({ kind: "preset", generator: debugGenerator, tokenizer: debugTokenizer });
    await using opened = await openModel(location);
    const row = await opened.generator!.weights.readFloat32("lm_head.bias");
    expect(row.length).toBe(64);
    expect(new Set(row).size).toBeGreaterThan(60);
  });

  it("stops at once where already aborted", async () => {
    await expect(locateModel("rar-b", { signal: AbortSignal.abort(new Error("stop")) })).rejects.toThrow(
      "stop",
    );
  });

  it("owner/name that is nowhere speaks of both places", async () => {
    const error = await failure(
      locateModel("runs/none", { offline: true, env: { HF_HOME: join(root, "hf0") } }),
    );
    expect(error.message).toMatch(
      /^There is no file or folder "runs\/none" here, so it was sought on the Hub\. /,
    );
    expect(error.message).toMatch(/HF_HUB_OFFLINE is set/);
  });

  it("offline and not in the cache is said in those words", async () => {
    const error = await failure(locateModel("rar-b", { offline: true, env: { HF_HOME: join(root, "hf0") } }));
    expect(error.message).toMatch(/"rar_b\.bin" of "yucornetto\/RAR" is not in the cache/);
  });
});

describe("the Hub", () => {
  it("gives a whole model folder, with progress", async () => {
    const files: Record<string, Uint8Array> = {};
    for (const name of ["config.yaml", "classes.txt", "generator.safetensors", "tokenizer.safetensors"])
      files[name] = await readFile(join(model, name));
    const hub = await startHub(files);
    try {
      const env = { HF_HOME: join(root, "hf1"), HF_ENDPOINT: hub.endpoint };
      const seen = new Set<string>();
      const location = await locateModel("owner/name", { env, onProgress: (what) => seen.add(what) });
      expect(location).toMatchObject({ kind: "hub", name: "owner/name", generator: debugGenerator });
      expect(location.origins.generator).toBe("Hub owner/name: generator.safetensors");
      expect(findClass("nine", location.classNames)).toBe(9);
      expect(seen.has("generator.safetensors")).toBe(true);
      await (await openModel(location)).close();
      const again = await locateModel("hub:owner/name", { env, offline: true });
      expect(again.generatorFile).toBe(location.generatorFile);
    } finally {
      await hub.close();
    }
  });

  it("refuses a repository without a model", async () => {
    const hub = await startHub({ "README.md": new Uint8Array([1]) });
    try {
      const env = { HF_HOME: join(root, "hf2"), HF_ENDPOINT: hub.endpoint };
      const error = await failure(locateModel("hub:owner/name", { env }));
      expect(error.message).toMatch(/no model folder on the Hub at "owner\/name"/);
    } finally {
      await hub.close();
    }
  });
});

describe.skipIf(missing("rar_tiny/generator.safetensors"))("recorded models", () => {
  it("rar_tiny is found and fits", async () => {
    const location = await locateModel(fixture("rar_tiny")!);
    await using opened = await openModel(location);
    expect(opened.generator?.config).toMatchObject({
      width: 64,
      depth: 3,
      heads: 4,
      mlpWidth: 160,
      classes: 10,
    });
  });
});

describe.skipIf(missing("emoji/generator.bin", "vq_tiny/tokenizer.bin"))(
  "recorded models in PyTorch's format",
  () => {
    it.each(["emoji", "cifar10", "vq_tiny"])("%s is found and fits", async (name) => {
      const location = await locateModel(fixture(name)!);
      expect(location.notes).toEqual([]);
      await using opened = await openModel(location);
      expect(opened.warnings).toEqual([]);
      expect(opened.tokenizer?.config).toEqual(location.tokenizer);
      if (name !== "vq_tiny") expect(opened.generator?.config.classes).toBe(location.classNames.count);
    });
  },
);
