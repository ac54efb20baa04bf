/**
 * The keys of rar.yaml, their types and ranges (REFERENCE 6.7), and the tokenizer's architecture beside them. Every
 * key may be absent here: `need` in load.ts speaks up where one is used and not set.
 */
import { z } from "zod";
import { orderKinds } from "./orders.js";

const must = (wanted: string) => ({ error: `must be ${wanted}` });

const whole = (least: number, most = Number.MAX_SAFE_INTEGER) => {
  const message = must(`a whole number of at least ${least}`);
  const large = must(most === Number.MAX_SAFE_INTEGER ? "below 2^53" : `at most ${most}`);
  return z.number(message).refine(Number.isInteger, message).min(least, message).max(most, large).optional();
};
/** Sizes are bounded so that a slip of the hand fails here, and not while memory is asked for. */
const width = () => whole(1, 2 ** 20);
const count = () => whole(1, 2 ** 12);
const number = (wanted: string, fits: (value: number) => boolean) =>
  z
    .number(must(wanted))
    .refine((value) => Number.isFinite(value) && fits(value), must(wanted))
    .optional();
const atLeastZero = () => number("a number of at least 0", (value) => value >= 0);
const share = () => number("a number from 0 to 1", (value) => value >= 0 && value <= 1);
const text = () => z.string(must("a text (put quotes around it)")).optional();
const path = () => z.string(must("a path (put quotes around it)")).optional();
const flag = () => z.boolean(must("true or false")).optional();
const oneOf = <const T extends readonly [string, ...string[]]>(...words: T) =>
  z.enum(words, must(`${words.slice(0, -1).join(", ")} or ${words.at(-1)}`)).optional();
const only = <const T extends string | boolean>(value: T) => z.literal(value, must(`${value}`)).optional();
/** Accepted and kept; nothing reads it here, as in the reference. */
const ignored = () => z.unknown().optional();
const group = <T extends z.ZodRawShape>(keys: T) =>
  z.object(keys, must("a group of keys, indented below it")).prefault({} as never);

const shards = () =>
  z.union([z.string(), z.array(z.string())], must("a shard pattern or a list of them")).optional();

export const rarSchema = z.object({
  config: path(), // `config=FILE` stays in the merged configuration
  experiment: group({
    project: ignored(),
    name: text(),
    output_dir: path(),
    logging_dir: path(),
    max_train_examples: whole(1),
    save_every: whole(1),
    generate_every: whole(1),
    log_every: whole(1),
    log_grad_norm_every: whole(1),
    eval_every: whole(1), // the reference ignores it; here it measures eval_tokens
    eval_tokens: path(), // rarity's own: a held-out token file
    keep_checkpoints: whole(0), // rarity's own: the last so many stay, 0 keeps all; the reference deletes none
    resume: flag(),
    init_weight: path(),
    generator_checkpoint: path(),
  }),
  model: group({
    vq_model: group({
      codebook_size: whole(2, 2 ** 20),
      token_size: ignored(),
      num_latent_tokens: ignored(),
      finetune_decoder: only(false), // true leaves the reference without a tokenizer
      pretrained_tokenizer_weight: path(),
      channel_mult: z
        .array(z.int(must("whole numbers of at least 1")).min(1, must("whole numbers of at least 1")), {
          ...must("a list of whole numbers such as [1, 1, 2, 2, 4]"),
        })
        .min(1, must("a list of at least one number"))
        .max(16, must("a list of at most 16 numbers"))
        .optional(),
      num_resolutions: count(),
      dropout: share(),
      hidden_channels: width(),
      num_channels: width(),
      num_res_blocks: count(),
      resolution: width(),
      z_channels: width(),
    }),
    generator: group({
      hidden_size: width(),
      num_hidden_layers: count(),
      num_attention_heads: count(),
      intermediate_size: width(),
      dropout: share(),
      attn_drop: share(),
      class_label_dropout: share(),
      image_seq_len: width(),
      condition_num_classes: width(),
      randomize_temperature: atLeastZero(), // 0 is greedy
      guidance_scale: atLeastZero(),
      guidance_scale_pow: atLeastZero(),
      use_checkpoint: flag(),
      randomness_anneal_start: whole(0),
      randomness_anneal_end: whole(0),
      randomness_floor: share(), // rarity's own: what the share of random orders never falls below; absent: 0
      order: oneOf(...orderKinds), // rarity's own: the order that is not random; absent: raster
      guidance_decay: ignored(),
      softmax_temperature_annealing: ignored(),
      num_steps: ignored(),
    }),
  }),
  dataset: group({
    params: group({
      pretokenization: path(),
      train_shards_path_or_url: shards(),
      eval_shards_path_or_url: shards(),
      num_workers_per_gpu: whole(0),
    }),
    preprocessing: group({
      resize_shorter_edge: whole(1),
      crop_size: whole(1),
      random_crop: flag(),
      random_flip: flag(),
    }),
  }),
  optimizer: group({
    name: only("adamw"),
    params: group({
      learning_rate: atLeastZero(),
      beta1: number("a number from 0 to below 1", (value) => value >= 0 && value < 1),
      beta2: number("a number from 0 to below 1", (value) => value >= 0 && value < 1),
      weight_decay: atLeastZero(),
    }),
  }),
  lr_scheduler: group({
    scheduler: oneOf("cosine", "constant"),
    params: group({
      learning_rate: atLeastZero(),
      warmup_steps: whole(0),
      end_lr: atLeastZero(),
    }),
  }),
  training: group({
    gradient_accumulation_steps: whole(1),
    per_gpu_batch_size: whole(1),
    mixed_precision: z.preprocess(
      (value) => (value === false ? "no" : value), // an unquoted no is false in YAML 1.1
      oneOf("no", "fp16", "bf16"),
    ),
    enable_tf32: flag(),
    enable_wandb: flag(),
    use_ema: flag(),
    seed: whole(0),
    max_train_steps: whole(1),
    max_grad_norm: atLeastZero(),
    cuda_graphs: flag(), // rarity's own: on one GPU, steps of small networks are recorded and started as a whole; default true
    max_skipped_steps: whole(0), // rarity's own: steps with numbers that are not finite, before a run gives up
  }),
  /** rarity's own: how `rarity train-tokenizer` trains (defaults and meanings: training/tokenizer/recipe.ts). */
  tokenizer_training: group({
    l1_weight: atLeastZero(),
    l2_weight: atLeastZero(),
    gradient_weight: atLeastZero(),
    perceptual_weight: atLeastZero(),
    perceptual_model: path(),
    codebook: oneOf("ema", "loss"),
    codebook_decay: number("a number from 0 to below 1", (value) => value >= 0 && value < 1),
    codebook_weight: atLeastZero(),
    commitment_weight: atLeastZero(),
    free_steps: whole(0),
    start_latents_per_code: whole(1),
    revive_every: whole(0),
    revive_below: share(),
    revive_until: share(),
    discriminator_start: whole(0),
    discriminator_weight: atLeastZero(),
    discriminator_channels: width(),
    discriminator_layers: whole(1, 16),
    discriminator_learning_rate: atLeastZero(),
    ema_decay: number("a number from 0 to below 1", (value) => value >= 0 && value < 1),
    held_out: whole(0),
  }),
});

/** A checked configuration. Groups are always there; keys only where they are set. */
export type RarConfig = z.output<typeof rarSchema>;

/** Every known dotted path, groups included. */
export const knownPaths: ReadonlySet<string> = new Set(pathsOf(rarSchema, ""));

function* pathsOf(schema: z.ZodType, prefix: string): Iterable<string> {
  const inner = schema instanceof z.ZodPrefault ? schema.unwrap() : schema;
  if (!(inner instanceof z.ZodObject)) return;
  for (const [key, below] of Object.entries(inner.shape)) {
    yield prefix + key;
    yield* pathsOf(below as z.ZodType, `${prefix}${key}.`);
  }
}
