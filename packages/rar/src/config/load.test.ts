// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own interpolations
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fixture, missing } from "../testing/fixtures.js";
import { publishedTokenizer } from "./architecture.js";
import { RarityError } from "./errors.js";
import { generatorConfig, loadConfig, need, samplingConfig, tokenizerConfig } from "./load.js";
import { presets } from "./presets.js";

const packaged = fileURLToPath(new URL("../../configs/rar.yaml", import.meta.url));
const load = (text: string, ...overrides: string[]) => loadConfig({ text, name: "x.yaml", overrides });
const failure = async (promise: Promise<unknown>): Promise<RarityError> => {
  const error = await promise.then(
    () => new Error("accepted"),
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(RarityError);
  return error as RarityError;
};
const generator = (...lines: string[]) => `model:\n  generator:\n${lines.map((l) => `    ${l}\n`).join("")}`;
const vq = (...lines: string[]) => `model:\n  vq_model:\n${lines.map((l) => `    ${l}\n`).join("")}`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rarity-config-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("configs/rar.yaml", () => {
  it("loads unchanged, without notes, and is RAR-B", async () => {
    const { config, notes, raw } = await loadConfig({ file: packaged });
    expect(notes).toEqual([]);
    expect(generatorConfig(config)).toEqual(presets["rar-b"].generator);
    expect(samplingConfig(config)).toEqual(presets["rar-b"].sampling);
    expect(tokenizerConfig(config)).toEqual(publishedTokenizer);
    // every value of REFERENCE 6.7's table that is read in a way of its own
    expect(config.optimizer).toEqual({
      name: "adamw",
      params: { learning_rate: 4e-4, beta1: 0.9, beta2: 0.96, weight_decay: 0.03 },
    });
    expect(config.lr_scheduler.params).toEqual({ learning_rate: 4e-4, warmup_steps: 62_500, end_lr: 1e-5 });
    expect(config.experiment.max_train_examples).toBe(1_281_167);
    expect(config.training).toEqual({
      gradient_accumulation_steps: 1,
      per_gpu_batch_size: 64,
      mixed_precision: "bf16",
      enable_tf32: true,
      enable_wandb: true,
      use_ema: false,
      seed: 42,
      max_train_steps: 250_000,
      max_grad_norm: 1,
    });
    expect(raw).toMatchObject({
      lr_scheduler: { params: { learning_rate: "${optimizer.params.learning_rate}" } },
    });
  });

  it("takes the published sampling and training command lines", async () => {
    const published = "config=configs/training/generator/rar.yaml";
    const sizes = (D: number, blocks: number, F: number) =>
      `model.generator.hidden_size=${D} model.generator.num_hidden_layers=${blocks} model.generator.num_attention_heads=16 model.generator.intermediate_size=${F}`;
    for (const [name, preset] of Object.entries(presets)) {
      if (name === "debug") continue;
      const { width, depth, mlpWidth } = preset.generator;
      const { temperature, guidanceScale, guidanceScalePow } = preset.sampling;
      const file = name.replace("-", "_");
      const words =
        `${published} experiment.output_dir="${file}" experiment.generator_checkpoint="${file}.bin" ${sizes(width, depth, mlpWidth)} model.generator.randomize_temperature=${temperature} model.generator.guidance_scale=${guidanceScale} model.generator.guidance_scale_pow=${guidanceScalePow}`.split(
          " ",
        );
      const { config, notes, raw } = await loadConfig({ overrides: words });
      expect(generatorConfig(config)).toEqual(preset.generator);
      expect(samplingConfig(config)).toEqual(preset.sampling);
      expect(need(config, "experiment.output_dir")).toBe(file);
      expect(need(config, "experiment.generator_checkpoint")).toBe(`${file}.bin`);
      expect(notes).toEqual([expect.stringMatching(/packaged rar\.yaml is used/)]);
      expect(raw.config).toBe("configs/training/generator/rar.yaml");
    }
    const training =
      `${published} experiment.project="rar" experiment.name="rar_b" experiment.output_dir="rar_b" ${sizes(768, 24, 3072)} model.generator.use_checkpoint=True`.split(
        " ",
      );
    const { config } = await loadConfig({ overrides: training });
    expect(config.experiment.name).toBe("rar_b");
    expect(config.model.generator.use_checkpoint).toBe(true);
  });
});

describe.skipIf(missing("rar_tiny/config.yaml", "emoji/config.yaml", "vq_tiny/config.yaml"))(
  "recorded configs",
  () => {
    it.each(["rar_tiny", "rar_b_width", "vq_tiny", "emoji", "cifar10"])(
      "%s loads without notes",
      async (name) => {
        const { notes } = await loadConfig({ file: fixture(`${name}/config.yaml`)! });
        expect(notes).toEqual([]);
      },
    );

    it("gives the emoji model's sizes and settings", async () => {
      const { config } = await loadConfig({ file: fixture("emoji/config.yaml")! });
      expect(generatorConfig(config)).toEqual({
        width: 192,
        depth: 6,
        heads: 6,
        mlpWidth: 768,
        codebookSize: 1024,
        tokens: 64,
        classes: 24,
      });
      expect(tokenizerConfig(config)).toEqual({
        channels: 32,
        multipliers: [2, 2, 2],
        blocks: 1,
        zChannels: 64,
        codebookSize: 1024,
        imageChannels: 3,
        resolution: 32,
      });
      expect(samplingConfig(config)).toEqual({ temperature: 0.85, guidanceScale: 3, guidanceScalePow: 0 });
    });
  },
);

describe("values of the wrong type or range", () => {
  it.each([
    [
      generator("# two", "hidden_size: abc"),
      'x.yaml:4: model.generator.hidden_size is "abc", must be a whole number of at least 1.',
    ],
    [
      generator("hidden_size: 0"),
      "x.yaml:3: model.generator.hidden_size is 0, must be a whole number of at least 1.",
    ],
    [
      generator('hidden_size: "768"'),
      'x.yaml:3: model.generator.hidden_size is "768", must be a whole number of at least 1.',
    ],
    [generator("dropout: 1.5"), "x.yaml:3: model.generator.dropout is 1.5, must be a number from 0 to 1."],
    [
      generator("randomize_temperature: -1"),
      "x.yaml:3: model.generator.randomize_temperature is -1, must be a number of at least 0.",
    ],
    [
      generator("randomize_temperature: .nan"),
      "x.yaml:3: model.generator.randomize_temperature is NaN, must be a number of at least 0.",
    ],
    [
      generator("guidance_scale: .inf"),
      "x.yaml:3: model.generator.guidance_scale is Infinity, must be a number of at least 0.",
    ],
    [generator("use_checkpoint: 1"), "x.yaml:3: model.generator.use_checkpoint is 1, must be true or false."],
    ["model: 5", "x.yaml:1: model is 5, must be a group of keys, indented below it."],
    ["optimizer: {name: sgd}", 'x.yaml:1: optimizer.name is "sgd", must be adamw.'],
    [
      "lr_scheduler:\n  scheduler: linear",
      'x.yaml:2: lr_scheduler.scheduler is "linear", must be cosine or constant.',
    ],
    [
      "training: {mixed_precision: fp8}",
      'x.yaml:1: training.mixed_precision is "fp8", must be no, fp16 or bf16.',
    ],
    [
      "training: {seed: 9007199254740993}",
      "x.yaml:1: training.seed is 9007199254740992, must be below 2^53.",
    ],
    [
      "training: {per_gpu_batch_size: 0}",
      "x.yaml:1: training.per_gpu_batch_size is 0, must be a whole number of at least 1.",
    ],
    [
      generator("num_hidden_layers: 1e9"),
      "x.yaml:3: model.generator.num_hidden_layers is 1000000000, must be at most 4096.",
    ],
    [vq("finetune_decoder: yes"), "x.yaml:3: model.vq_model.finetune_decoder is true, must be false."],
    [
      vq("channel_mult: 2"),
      "x.yaml:3: model.vq_model.channel_mult is 2, must be a list of whole numbers such as [1, 1, 2, 2, 4].",
    ],
    [
      vq("channel_mult: [1, x]"),
      'x.yaml:3: model.vq_model.channel_mult.1 is "x", must be whole numbers of at least 1.',
    ],
    [
      vq("channel_mult: []"),
      "x.yaml:3: model.vq_model.channel_mult is [], must be a list of at least one number.",
    ],
    [
      "dataset:\n  params:\n    train_shards_path_or_url: 5",
      "x.yaml:3: dataset.params.train_shards_path_or_url is 5, must be a shard pattern or a list of them.",
    ],
    ["- 1", "x.yaml holds [1], not keys. Pass a file such as rar.yaml."],
  ])("%j", async (text, message) => {
    const error = await failure(load(text));
    expect(error.message).toBe(message);
    expect(error.code).toBe("bad-config");
    expect(error.exitCode).toBe(2);
  });

  it("names the override where that is to blame, and every problem at once", async () => {
    const error = await failure(
      load(generator("hidden_size: 64", "dropout: x"), "model.generator.hidden_size=wide"),
    );
    expect(error.message).toBe(
      'override "model.generator.hidden_size=wide": model.generator.hidden_size is "wide", must be a whole number of at least 1.\n' +
        'x.yaml:4: model.generator.dropout is "x", must be a number from 0 to 1.',
    );
  });

  it("takes an unquoted `no` for mixed_precision as the word", async () => {
    expect((await load("training: {mixed_precision: no}")).config.training.mixed_precision).toBe("no");
  });

  it("points an interpolated value to the key that holds it", async () => {
    const text =
      "optimizer: {params: {learning_rate: -1}}\nlr_scheduler:\n  params:\n    learning_rate: ${optimizer.params.learning_rate}";
    expect((await failure(load(text))).message).toMatch(
      /x\.yaml:4: lr_scheduler\.params\.learning_rate is -1/,
    );
    expect((await failure(load("a:\n  b: ${c}"))).message).toMatch(
      /^x\.yaml:2: a\.b is "\$\{c\}": there is no key "c"/,
    );
    expect((await failure(load("a: ${b}\nb: ${a}"))).message).toMatch(
      /^x\.yaml:2: b is "\$\{a\}": it leads in a circle \(a -> b -> a\)/,
    );
  });
});

describe("keys that contradict each other", () => {
  it.each([
    [
      generator("image_seq_len: 36", "order: z-curve"),
      /^x\.yaml:4: .*order is z-curve, which halves .* a power of two of tokens a side, not 6\.$/,
    ],
    [
      generator("hidden_size: 100", "num_attention_heads: 16"),
      /^x\.yaml:4: .*num_attention_heads is 16, must divide hidden_size 100; 10 or 20 would\.$/,
    ],
    [
      vq("channel_mult: [1, 2]", "num_resolutions: 3"),
      /num_resolutions is 3, must be 2, the length of channel_mult \[1,2\]/,
    ],
    [vq("hidden_channels: 48"), /hidden_channels is 48, must be a multiple of 32/],
    [
      `${vq("channel_mult: [1, 1, 2]", "resolution: 32")}  generator:\n    image_seq_len: 16\n`,
      /^x\.yaml:6: model\.generator\.image_seq_len is 16, must be 64: .* 32 pixels into 8 x 8 tokens/,
    ],
    [vq("channel_mult: [1, 1, 2]", "resolution: 3"), /resolution is 3, must be at least 4/],
    [
      generator("randomness_anneal_start: 5", "randomness_anneal_end: 4"),
      /randomness_anneal_end is 4, must be at least/,
    ],
  ])("%j", async (text, message) => {
    expect((await failure(load(text))).message).toMatch(message);
  });
});

describe("unknown keys", () => {
  it("are kept, and noted with line and nearest known key", async () => {
    const { config, notes, raw } = await load(generator("hiden_size: 64", "my_note: [1]"), "zzzz.y=1");
    expect(notes).toEqual([
      "x.yaml:3: model.generator.hiden_size is not a known key and is not read. Did you mean hidden_size?",
      "x.yaml:4: model.generator.my_note is not a known key and is not read.",
      'override "zzzz.y=1": zzzz is not a known key and is not read.',
    ]);
    expect(config.model.generator).toEqual({ hiden_size: 64, my_note: [1] });
    expect(raw).toEqual({ model: { generator: { hiden_size: 64, my_note: [1] } }, zzzz: { y: 1 } });
  });

  it.each([
    ["--training.seed=3", /"--training" is not a known key.*without dashes, as in training\.x=1/],
    ["seed=3", /Did you mean training\.seed\?/],
    ["model.hidden_size=3", /Did you mean model\.generator\.hidden_size\?/],
    ["trainig.seed=3", /Did you mean training\?/],
  ])("%s", async (word, message) => {
    expect((await load("", word)).notes).toEqual([expect.stringMatching(message)]);
  });
});

describe("keys that are needed", () => {
  it("are asked for by name, saying what they are now and where", async () => {
    const { config } = await load(generator("hidden_size: ???", "num_hidden_layers:", "dropout: 0.1"));
    expect(() => need(config, "model.generator.hidden_size")).toThrow(
      "model.generator.hidden_size is left as ??? in x.yaml. Write it there, or pass model.generator.hidden_size=VALUE.",
    );
    expect(() => need(config, "model.generator.num_hidden_layers")).toThrow(/is null in x\.yaml/);
    expect(() => generatorConfig(config)).toThrow(RarityError);
    expect(() => need(config, "experiment.output_dir")).toThrow(/is not set in x\.yaml/);
    expect(need(config, "model.generator.dropout")).toBe(0.1);
  });

  it("??? is filled by an override", async () => {
    const { config } = await load(generator("hidden_size: ???"), "model.generator.hidden_size=96");
    expect(need(config, "model.generator.hidden_size")).toBe(96);
  });
});

describe("files", () => {
  it("says what is wrong with one", async () => {
    expect(await failure(loadConfig({ file: join(folder, "none.yaml") }))).toMatchObject({
      code: "not-found",
    });
    expect((await failure(loadConfig({ file: folder }))).message).toMatch(/is a folder/);
    const binary = join(folder, "weights.yaml");
    await writeFile(binary, new Uint8Array([80, 75, 3, 4, 0, 0]));
    expect((await failure(loadConfig({ file: binary }))).message).toMatch(/is no text/);
  });

  it("takes config= among the overrides, once", async () => {
    const file = join(folder, "own.yaml");
    await writeFile(file, "\uFEFFtraining:\r\n  seed: 7\r\n");
    expect(
      (await loadConfig({ overrides: [`config=${file}`, "training.seed=8"] })).config.training.seed,
    ).toBe(8);
    expect((await failure(loadConfig({ file: packaged, overrides: [`config=${file}`] }))).message).toMatch(
      /Two configurations/,
    );
    expect((await failure(loadConfig({ overrides: ["config"] }))).message).toMatch(/names no file/);
  });

  it("says that a size is rounded as the reference does", async () => {
    const { config, notes } = await load(generator("hidden_size: 112", "intermediate_size: 976"));
    expect(notes).toEqual([expect.stringMatching(/is 976; .* makes that 975/)]);
    expect(config.model.generator.intermediate_size).toBe(976);
  });
});
