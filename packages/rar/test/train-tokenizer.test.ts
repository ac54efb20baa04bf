/** `rarity train-tokenizer` as processes: to the end, stopped, killed, changed, with bad pictures, on two ranks. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../libtorch/test/distributed/ranks.js";
import { encodePngSync } from "../src/images/png.js";
import { Pipeline } from "../src/pipeline.js";
import { haveLibtorch } from "../src/testing/libtorch.js";
import { temporaryFolder, useTemporaryCache } from "../src/testing/temporary.js";
import {
  type Ended,
  logged,
  type Running,
  type StartOptions,
  startRarity,
} from "../src/testing/training-runs.js";

const folder = temporaryFolder();
useTemporaryCache();
const at = (name: string): string => join(folder, name);

/** 48 pictures of 8 x 8 in two classes: a square of some colour at some place on white. */
function writePictures(path: string): void {
  for (let i = 0; i < 48; i++) {
    const data = new Uint8Array(8 * 8 * 3).fill(255);
    for (let y = 0; y < 4; y++)
      for (let x = 0; x < 4; x++)
        data.set([(i * 37) % 256, (i * 91) % 256, (i * 53) % 256], ((y + (i % 5)) * 8 + x + (i % 3)) * 3);
    const name = join(path, i % 2 ? "odd" : "even");
    mkdirSync(name, { recursive: true });
    writeFileSync(join(name, `${i}.png`), encodePngSync({ width: 8, height: 8, data }));
  }
}

/** A run of a second or two: everything takes part. */
const small = [
  "model.vq_model.codebook_size=16",
  "model.vq_model.channel_mult=[1,2]",
  "model.vq_model.hidden_channels=32",
  "model.vq_model.num_res_blocks=1",
  "model.vq_model.z_channels=8",
  "model.vq_model.resolution=8",
  "dataset.preprocessing.random_flip=true",
  "optimizer.params.learning_rate=1e-3",
  "lr_scheduler.params.warmup_steps=2",
  "training.per_gpu_batch_size=8",
  "training.max_train_steps=14",
  "training.max_grad_norm=1",
  "training.use_ema=true",
  "tokenizer_training.free_steps=4",
  "tokenizer_training.revive_every=3",
  "tokenizer_training.discriminator_start=8",
  "tokenizer_training.discriminator_channels=16",
  "tokenizer_training.discriminator_layers=1",
  "experiment.save_every=3",
  "experiment.keep_checkpoints=0",
  "experiment.log_every=1",
  "experiment.eval_every=7",
];

const start = (output: string, words: readonly string[] = [], options: StartOptions = {}): Running =>
  startRarity(
    [
      "train-tokenizer",
      ...small,
      `experiment.output_dir=${at(output)}`,
      `dataset.params.train_shards_path_or_url=${at("pictures")}`,
      "--threads",
      "1",
      "--device",
      "cpu",
      ...words,
    ],
    options,
  );

/** Checksums of what a run's end is decided by. */
const endOf = (output: string): string[] =>
  ["tokenizer", "checkpoint-14/average", "checkpoint-14/moments", "checkpoint-14/discriminator"].map((name) =>
    createHash("sha256")
      .update(readFileSync(join(at(output), `${name}.safetensors`)))
      .digest("hex"),
  );

describe.skipIf(!haveLibtorch)("rarity train-tokenizer", { timeout: 120_000 }, () => {
  let whole: Ended;
  beforeAll(async () => {
    writePictures(at("pictures"));
    whole = await start("whole").ended;
  }, 120_000);

  it("ends with a model folder, grids, curves and numbers", () => {
    expect(whole).toMatchObject({ code: 0, stdout: `${at("whole")}\n` });
    expect(whole.stderr).toMatch(/45 of ".*pictures", in memory \(1 MB\); 3 held out/);
    expect(whole.stderr).toMatch(/Step 4: the codebook starts from k-means/);
    expect(whole.stderr).toMatch(/Held out, step 14: PSNR \d+\.\d\d dB on 3 pictures, \d+ of 16 codes used/);
    for (const name of ["config.yaml", "README.md", "curves.svg", "images/00000014_reconstructions.png"])
      expect(existsSync(join(at("whole"), name)), name).toBe(true);
    expect([...logged(at("whole"), "eval/psnr").keys()]).toEqual([7, 14]);
    expect([...logged(at("whole"), "train/discriminator_loss").keys()]).toEqual([9, 10, 11, 12, 13, 14]);
  });

  it("the folder encodes and decodes pictures", async () => {
    await using pipeline = await Pipeline.load(at("whole"), { engine: "torch", device: "cpu" });
    const image = { width: 8, height: 8, data: new Uint8Array(8 * 8 * 3).fill(200) };
    const [tokens] = await pipeline.encode([image]);
    expect(tokens).toHaveLength(16);
    const [back] = await pipeline.decode([tokens!]);
    expect(back).toMatchObject({ width: 8, height: 8 });
  });

  it("started again does nothing more", async () => {
    const again = await start("whole").ended;
    expect(again.code).toBe(0);
    expect(again.stderr).toMatch(/finished/);
  });

  it("stopped by SIGTERM, then killed, goes on to the very same weights", async () => {
    const first = start("stopped");
    await first.said(/^Step: 5 /m);
    first.child.kill("SIGTERM");
    expect(await first.ended).toMatchObject({ code: 143 });
    const second = start("stopped");
    await second.said(/^Step: 11 /m);
    second.child.kill("SIGKILL");
    await second.ended;
    const third = await start("stopped").ended;
    expect(third.stderr).toMatch(/Goes on from step \d+/);
    expect(third.code).toBe(0);
    expect(endOf("stopped")).toEqual(endOf("whole"));
  });

  it("two ranks train what one trains with twice the batch", async () => {
    const port = String(await freePort());
    const ranks = [0, 1].map((rank) =>
      start("ranks", ["training.per_gpu_batch_size=4"], {
        env: {
          RANK: `${rank}`,
          LOCAL_RANK: `${rank}`,
          WORLD_SIZE: "2",
          LOCAL_WORLD_SIZE: "2",
          MASTER_ADDR: "127.0.0.1",
          MASTER_PORT: port,
        },
      }),
    );
    for (const { ended } of ranks) expect(await ended).toMatchObject({ code: 0 });
    for (const name of [
      "train/loss",
      "train/grad_norm",
      "train/code_perplexity",
      "train/discriminator_loss",
      "eval/psnr",
    ]) {
      const [alone, together] = [logged(at("whole"), name), logged(at("ranks"), name)];
      expect([...together.keys()]).toEqual([...alone.keys()]);
      for (const [step, value] of alone)
        expect(together.get(step)! / value, `${name} at ${step}`).toBeCloseTo(1, 2);
    }
  });

  it("refuses changes that matter by key, and allows them when told to", async () => {
    const changed = ["optimizer.params.learning_rate=2e-3", "training.max_train_steps=15"];
    const refused = await start("whole", changed).ended;
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/optimizer\.params\.learning_rate was 0\.001, is 0\.002/);
    expect(refused.stderr).toMatch(/--allow-changed training\.max_train_steps/);
    const size = await start("whole", ["model.vq_model.codebook_size=32"]).ended;
    expect(size.code).toBe(2);
    expect(size.stderr).not.toMatch(/--allow-changed/);
  });

  it("refuses other pictures, and starts from given weights with a perceptual term", async () => {
    const words = [
      `experiment.init_weight=${at("whole")}`,
      "tokenizer_training.perceptual_weight=0.1",
      `tokenizer_training.perceptual_model=${at("whole")}`,
      "training.max_train_steps=2",
    ];
    const begun = await start("given", words).ended;
    expect(begun).toMatchObject({ code: 0 });
    expect(begun.stderr).toMatch(/Codes: given at the start/);
    expect([...logged(at("given"), "train/perceptual").values()].every((x) => x > 0)).toBe(true);
    // It begins as good as the run that it takes the weights from ended.
    expect(logged(at("given"), "train/l1").get(1)).toBeLessThan(
      1.3 * logged(at("whole"), "train/l1").get(14)!,
    );

    writePictures(at("others"));
    writeFileSync(join(at("others"), "odd", "more.png"), readFileSync(join(at("others"), "odd", "1.png")));
    const other = await start("whole", [`dataset.params.train_shards_path_or_url=${at("others")}`]).ended;
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(/are not those that the run was begun with/);
  });

  it("names a picture that cannot be decoded, or skips it when told to", async () => {
    writePictures(at("damaged"));
    writeFileSync(join(at("damaged"), "odd", "1.png"), "no picture");
    const from = [`dataset.params.train_shards_path_or_url=${at("damaged")}`, "training.max_train_steps=1"];
    const failed = await start("failing", from).ended;
    expect(failed.code).toBe(2);
    expect(failed.stderr).toMatch(/odd\/1\.png/);
    expect(existsSync(join(at("failing"), "tokenizer.safetensors"))).toBe(false);
    const skipped = await start("skipping", [...from, "--on-error", "skip"]).ended;
    expect(skipped.code).toBe(0);
    expect(skipped.stderr).toMatch(/Skipped: .*odd\/1\.png/);
    expect(skipped.stderr).toMatch(/44 of|45 of/);
  });
});
