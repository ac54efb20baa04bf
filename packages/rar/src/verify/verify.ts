/** Holds an engine against a folder of recorded numbers: every check whose files are there. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { GeneratorConfig, TokenizerConfig } from "../config/architecture.js";
import { RarityError } from "../config/errors.js";
import { generatorConfig, loadConfig, tokenizerConfig } from "../config/load.js";
import { generatorShapes } from "../config/shapes.js";
import type { Engine } from "../engines/engine.js";
import { closedForm } from "../weights/closed-form.js";
import { openTensorFile } from "../weights/open.js";
import type { TensorSource } from "../weights/tensor-file.js";
import type { CheckResult } from "./check.js";
import { checkFullGenerator, checkFullTokenizer } from "./full-size.js";
import { checkForward, checkGreedy, checkLoss, checkSampled, checkStepLogits } from "./generator.js";
import { checkConvolutions, checkDecode, checkEncode, checkSamplePixels } from "./tokenizer.js";
import { checkReconstruction, checkTrained } from "./trained.js";

export interface VerifyOptions {
  /** Weights file of the generator instead of the folder's own. */
  readonly weights?: string | undefined;
  /** Of a folder with several full-size networks, the ones to check; default: rar_b. */
  readonly only?: readonly string[] | undefined;
}

/**
 * Runs the checks one after the other.
 *
 * @param folder - recorded numbers beside a model (REFERENCE 11)
 * @throws {RarityError} "bad-usage" when nothing in the folder can be checked
 */
export async function* verify(
  folder: string,
  engine: Engine,
  options: VerifyOptions = {},
): AsyncGenerator<CheckResult> {
  const has = (file: string): boolean => existsSync(join(folder, file));
  let count = 0;
  for (const check of checks(folder, has, options)) {
    for await (const result of check(engine)) {
      count++;
      yield result;
    }
  }
  if (count > 0) return;
  throw new RarityError(
    "bad-usage",
    `"${folder}" holds no recorded numbers that this version can check. Name a folder with forward.safetensors, encode.safetensors or expected.json.`,
  );
}

/** Not in bfloat16: there the likeliest code may be another, and pictures are decoded in float32 whatever the generator's type. */
const unrounded = (check: Check): Check =>
  async function* (engine) {
    if (engine.precision !== "bfloat16") yield* check(engine);
  };

/** For the engine with PyTorch's generator and gradients; nothing with another one, nor in a smaller type. */
const onTorch = (check: Check): Check =>
  async function* (engine) {
    if (engine.name === "torch" && engine.precision === "float32") yield* check(engine);
  };

/** A GPU draws from another random stream than the recorded one (REFERENCE 8). */
const onCpu = (check: Check): Check =>
  async function* (engine) {
    if (engine.device === "cpu") yield* check(engine);
  };

async function* later<M>(module: Promise<M>, run: (module: M) => AsyncIterable<CheckResult>) {
  yield* run(await module);
}

type Check = (engine: Engine) => AsyncIterable<CheckResult>;

function* checks(folder: string, has: (file: string) => boolean, options: VerifyOptions): Generator<Check> {
  const generator = (
    run: (subject: {
      folder: string;
      engine: Engine;
      config: GeneratorConfig;
      weights: TensorSource;
    }) => AsyncIterable<CheckResult>,
  ): Check =>
    async function* (engine) {
      const config = generatorConfig((await loadConfig({ file: join(folder, "config.yaml") })).config);
      const file =
        options.weights ??
        ["generator.safetensors", "generator.bin"].map((name) => join(folder, name)).find(existsSync);
      const weights = file === undefined ? closedForm(generatorShapes(config)) : await openTensorFile(file);
      yield* run({ folder, engine, config, weights });
      if (Symbol.asyncDispose in weights) await (weights as AsyncDisposable)[Symbol.asyncDispose]();
    };
  const tokenizer = (
    modelFolder: string,
    run: (subject: {
      folder: string;
      engine: Engine;
      config: TokenizerConfig;
      weights: TensorSource;
    }) => AsyncIterable<CheckResult>,
  ): Check =>
    unrounded(async function* (engine) {
      const config = tokenizerConfig((await loadConfig({ file: join(modelFolder, "config.yaml") })).config);
      await using weights = await openTensorFile(join(modelFolder, "tokenizer.bin"));
      yield* run({ folder, engine, config, weights });
    });

  if (has("forward.safetensors")) yield generator(checkForward);
  // Ids and numbers of the exact weights only.
  const exact = options.weights === undefined || !/bf16|fp16|shared/.test(basename(options.weights));
  if (exact && has("generate.json")) yield unrounded(generator((s) => checkGreedy(s, "generate.json")));
  if (exact && has("greedy.json")) yield unrounded(generator((s) => checkGreedy(s, "greedy.json")));
  if (exact && has("generate_logits.safetensors")) yield generator(checkStepLogits);
  if (exact && has("loss.json")) yield generator(checkLoss);
  if (exact && has("generate.json")) yield onCpu(onTorch(generator(checkSampled)));
  const training = (check: "checkGradients" | "checkUpdates"): Check =>
    onTorch(generator((subject) => later(import("./training.js"), (checks) => checks[check](subject))));
  if (exact && has("grads.safetensors")) yield training("checkGradients");
  if (exact && has("train.safetensors")) yield training("checkUpdates");
  const tiny = join(dirname(folder), "vq_tiny");
  if (exact && has("sample.safetensors") && existsSync(tiny)) yield tokenizer(tiny, checkSamplePixels);
  if (has("encode.safetensors")) yield tokenizer(folder, (s) => checkEncode(s, "encode.safetensors"));
  if (has("odd.safetensors")) yield tokenizer(folder, (s) => checkEncode(s, "odd.safetensors"));
  if (has("decode.safetensors")) yield tokenizer(folder, checkDecode);
  if (has("conv_same.json")) yield tokenizer(folder, checkConvolutions);
  if (has("closed_form.json")) yield unrounded((engine) => checkFullTokenizer(folder, engine));
  for (const preset of options.only ?? ["rar_b"]) {
    if (has(`${preset}.json`)) yield (engine) => checkFullGenerator(folder, preset, engine);
  }
  if (has("expected.json")) {
    yield generator(checkTrained);
    const shards = join(folder, "../../data/cifar10");
    if (existsSync(shards)) yield tokenizer(folder, (s) => checkReconstruction(s, shards));
  }
}
