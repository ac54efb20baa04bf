/** `rarity train` as processes: to the end, killed, stopped, damaged, changed, on two ranks. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { withoutLibtorch } from "../../libtorch/src/testing/need-libtorch.js";
import { encodePng } from "../src/images/png.js";
import { temporaryFolder } from "../src/testing/temporary.js";
import { endOf, logged, startRanks, startRarity, startTraining } from "../src/testing/training-runs.js";

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const checkpoints = (name: string): string[] =>
  readdirSync(at(name)).filter((entry) => entry.startsWith("checkpoint-"));

/** One place of a file changed. */
function damage(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 3]! ^= 0x40;
  writeFileSync(path, bytes);
}

describe.skipIf(withoutLibtorch)("rarity train", () => {
  /** A run that nothing disturbs: what all others must end with. */
  let whole: Record<string, string> = {};
  beforeAll(async () => {
    const { code, stderr } = await startTraining(at("whole")).ended;
    expect(stderr).toMatch(/Finished: 40 steps/);
    expect(code).toBe(0);
    whole = endOf(at("whole"), 40);
  });

  it("leaves a model folder that draws, and started again does nothing more", async () => {
    const words = ["model.vq_model.pretrained_tokenizer_weight=cifar10", "training.max_train_steps=3"];
    const first = await startTraining(at("drawn"), [...words, "experiment.generate_every=2"]).ended;
    expect(first).toMatchObject({ code: 0, stdout: `${at("drawn")}\n` });
    expect(existsSync(join(at("drawn"), "train_generated_images", "00000002_s-generated.png"))).toBe(true);
    const drawing = ["generate", "--model", at("drawn"), "--class", "red disc", "--output", at("pictures")];
    expect(await startRarity(drawing).ended).toMatchObject({ code: 0 });

    const before = statSync(join(at("drawn"), "generator.safetensors")).mtimeMs;
    const again = await startTraining(at("drawn"), [...words, "experiment.generate_every=2"]).ended;
    expect(again.code).toBe(0);
    expect(again.stderr).toMatch(/This run is finished.*step 3/);
    expect(statSync(join(at("drawn"), "generator.safetensors")).mtimeMs).toBe(before);
  });

  it("has its folder to itself: a second run is refused, the first goes on", async () => {
    const first = startTraining(at("held"), ["training.max_train_steps=100000"]);
    await first.said(/Loss: /);
    const second = await startTraining(at("held")).ended;
    expect(second).toMatchObject({ code: 2, stdout: "" });
    expect(second.stderr).toMatch(/Another run is at work in ".*held": process \d+ of this machine/);
    first.child.kill("SIGINT");
    expect((await first.ended).stderr).toMatch(/Stopped after step/);
    expect(existsSync(join(at("held"), "run.lock"))).toBe(false);
  });

  it("learns from a folder of pictures, whose names it keeps", async () => {
    for (const [name, colour] of [["blue things", 200] as const, ["grey things", 128] as const]) {
      mkdirSync(join(at("photos"), name), { recursive: true });
      for (let i = 0; i < 3; i++) {
        const data = new Uint8Array(3 * 40 * 36).fill(colour - 20 * i);
        writeFileSync(join(at("photos"), name, `${i}.png`), await encodePng({ width: 40, height: 36, data }));
      }
    }
    const words = [
      "dataset.params.pretokenization=null",
      `dataset.params.train_shards_path_or_url=${at("photos")}`,
      "dataset.preprocessing.crop_size=32",
      "model.vq_model.pretrained_tokenizer_weight=cifar10",
      "training.max_train_steps=3",
    ];
    const { code, stderr } = await startTraining(at("photographed"), [
      ...words,
      "model.generator.condition_num_classes=2",
    ]).ended;
    expect(stderr).toMatch(/6 rows/);
    expect(code).toBe(0);
    expect(readFileSync(join(at("photographed"), "classes.txt"), "utf8")).toBe("blue things\ngrey things\n");
    const few = await startTraining(at("few"), [...words, "model.generator.condition_num_classes=1"]).ended;
    expect(few.code).toBe(2);
    expect(few.stderr).toMatch(
      /grey things.*is of class 1, and model\.generator\.condition_num_classes is 1/,
    );
  });

  it("begins from another model's weights, and from the reference's checkpoint", async () => {
    const three = ["training.max_train_steps=3"];
    const tuned = await startTraining(at("tuned"), [
      ...three,
      `experiment.init_weight=${at("whole")}`,
      "model.generator.condition_num_classes=12",
      "experiment.log_every=1",
    ]).ended;
    expect(tuned.stderr).toMatch(/has 10 classes, this model 12: the classes begin fresh/);
    expect(tuned.code).toBe(0);
    const [first, begun] = [
      logged(at("tuned"), "train/loss").get(1)!,
      logged(at("whole"), "train/loss").get(10)!,
    ];
    expect(first).toBeLessThan(begun);

    const inner = join(at("reference"), "checkpoint-5", "unwrapped_model");
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(at("reference"), "checkpoint-5", "metadata.json"), '{"global_step": 5}');
    const whole = ["convert", join(at("whole"), "generator.safetensors"), join(inner, "pytorch_model.bin")];
    expect(await startRarity(whole).ended).toMatchObject({ code: 0 });
    const { code, stderr } = await startTraining(at("reference"), [
      "training.max_train_steps=7",
      "--reference-format",
    ]).ended;
    expect(stderr).toMatch(/is the reference's: its weights are taken at step 5/);
    expect(code).toBe(0);
    expect(checkpoints("reference")).toEqual(["checkpoint-5", "checkpoint-6", "checkpoint-7"]);
    expect(existsSync(join(at("reference"), "pytorch_model.bin"))).toBe(true);
  });

  it("prints the plan and stops, with --dry-run", async () => {
    const { code, stderr } = await startTraining(at("planned"), ["--dry-run"]).ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/batch +4 rows a step = 1 process x 4 rows x 1 micro-batch/);
    expect(existsSync(at("planned"))).toBe(false);
  });

  it("killed at any moment goes on to the very same weights", { timeout: 120_000 }, async () => {
    for (const part of [0.35, 0.6, 0.8]) {
      const run = startTraining(at("killed"));
      await Promise.race([run.said(/^published/m), run.ended]);
      await new Promise((resolve) => setTimeout(resolve, 900 * part));
      run.child.kill("SIGKILL");
      await run.ended;
    }
    expect(await startTraining(at("killed")).ended).toMatchObject({ code: 0 });
    expect(endOf(at("killed"), 40)).toEqual(whole);
  });

  it.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)("%s: saves, exits with %i, and goes on to the very same weights", async (signal, code) => {
    const name = `stopped-${signal}`;
    const run = startTraining(at(name), ["experiment.save_every=null"]);
    await run.said(/Step: 10 /);
    run.child.kill(signal);
    const { stderr, code: ended } = await run.ended;
    expect(ended).toBe(code);
    const step = /Stopped after step (\d+) of 40/.exec(stderr)?.[1];
    expect(checkpoints(name)).toEqual([`checkpoint-${step}`]);
    expect(await startTraining(at(name)).ended).toMatchObject({ code: 0 });
    expect(endOf(at(name), 40)).toEqual(whole);
  });

  it("names a damaged newest checkpoint, and goes on from the one before", async () => {
    const words = ["experiment.save_every=20"];
    const run = startTraining(at("damaged"), words);
    await run.said(/Step: 30 /);
    run.child.kill("SIGTERM");
    await run.ended;
    const newest = checkpoints("damaged").find((name) => name !== "checkpoint-20")!;
    damage(join(at("damaged"), newest, "moments.safetensors"));
    const { code, stderr } = await startTraining(at("damaged"), words).ended;
    expect(stderr).toMatch(new RegExp(`${newest}" is damaged.*moments.safetensors is not what was written`));
    expect(stderr).toMatch(/going on from 20/);
    expect(code).toBe(0);
    expect(endOf(at("damaged"), 40)).toEqual(whole);
  });

  it("refuses a change that matters by its key, and notes the others", async () => {
    await startTraining(at("changed"), ["training.max_train_steps=6"]).ended;
    const changed = ["optimizer.params.learning_rate=0.001", "experiment.log_every=5"];
    const refused = await startTraining(at("changed"), changed).ended;
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/optimizer\.params\.learning_rate was 0\.005, is 0\.001/);
    expect(refused.stderr).toMatch(/--allow-changed training\.max_train_steps/);
    expect(refused.stderr).not.toMatch(/--allow-changed experiment/);
    const allow = [
      "training.max_train_steps",
      "optimizer.params.learning_rate",
      "lr_scheduler.params.learning_rate",
    ];
    const allowed = await startTraining(at("changed"), [
      ...changed,
      "training.max_train_steps=8",
      ...allow.flatMap((key) => ["--allow-changed", key]),
    ]).ended;
    expect(allowed.stderr).toMatch(/Note: since the checkpoint, experiment\.log_every was 10, is 5\./);
    expect(allowed.code).toBe(0);
    const other = await startTraining(at("changed"), ["model.generator.hidden_size=64"]).ended;
    expect(other).toMatchObject({ code: 2 });
    expect(other.stderr).toMatch(
      /is of a model of another size: model\.generator\.hidden_size was 32, is 64/,
    );
  });

  it("skips steps whose numbers are not finite, and stops past the budget with the last checkpoint whole", async () => {
    const words = [
      "training.max_skipped_steps=2",
      "experiment.save_every=2",
      "optimizer.params.learning_rate=1e30",
    ];
    const { code, stderr } = await startTraining(at("infinite"), [
      ...words,
      "lr_scheduler.params.warmup_steps=2",
    ]).ended;
    expect(code).toBe(1);
    expect(stderr.match(/was skipped/g)).toHaveLength(3);
    expect(stderr).toMatch(/3 steps had numbers that are not finite.*the checkpoint of step 2 is whole/);
    expect(existsSync(join(at("infinite"), "generator.safetensors"))).toBe(false);
  });

  it("says that a checkpoint cannot be written, and goes on; older ones stay whole", async () => {
    await startTraining(at("full"), ["training.max_train_steps=6"]).ended;
    const allow = ["--allow-changed", "training.max_train_steps"];
    // Blocks of 512 bytes: a limit below the generator's size does what a full disk does.
    const { code, stderr } = await startTraining(at("full"), ["training.max_train_steps=20", ...allow], {
      shell: "ulimit -f 100;",
    }).ended;
    expect(stderr).toMatch(/Checkpoint 12 was not saved\..*Training goes on/);
    expect(stderr).toMatch(/Step: 20 /);
    expect(code).toBe(1);
    expect(checkpoints("full")).toEqual(["checkpoint-6"]);
    expect(await startTraining(at("full"), ["training.max_train_steps=8", ...allow]).ended).toMatchObject({
      code: 0,
    });
  });
});

describe.skipIf(withoutLibtorch)("rarity train on two ranks", () => {
  const plain = ["model.generator.dropout=0", "model.generator.attn_drop=0", "experiment.log_every=1"];

  it("has the losses of one rank with twice the batch, and goes on on one", async () => {
    const half = [...plain, "training.per_gpu_batch_size=2", "training.max_train_steps=12"];
    const runs = await startRanks(2, at("two"), () => half);
    expect(await Promise.all(runs.map(({ ended }) => ended))).toMatchObject([{ code: 0 }, { code: 0 }]);
    const one = [...plain, "training.max_train_steps=12"];
    expect(await startTraining(at("one"), one).ended).toMatchObject({ code: 0 });
    const [two, alone] = [logged(at("two"), "train/loss"), logged(at("one"), "train/loss")];
    expect([...two.keys()]).toEqual([...alone.keys()]);
    for (const [step, loss] of two) expect(loss).toBeCloseTo(alone.get(step)!, 4);

    const further = [...plain, "training.max_train_steps=20", "--allow-changed", "training.max_train_steps"];
    const alones = [startTraining(at("one"), further), startTraining(at("two"), further)];
    const [straight, crossed] = await Promise.all(alones.map(({ ended }) => ended));
    expect([straight!.code, crossed!.code]).toEqual([0, 0]);
    expect(crossed!.stderr).toMatch(/processes 2 -> 1.*same order.*not be bit-equal/);
    const [a, b] = [logged(at("one"), "train/loss"), logged(at("two"), "train/loss")];
    for (const [step, loss] of b) expect(loss).toBeCloseTo(a.get(step)!, 3);
  });

  it("goes on after SIGTERM to one of them to the very same weights", async () => {
    const words = ["training.per_gpu_batch_size=2"];
    const whole = await startRanks(2, at("two-whole"), () => words);
    expect(await Promise.all(whole.map(({ ended }) => ended))).toMatchObject([{ code: 0 }, { code: 0 }]);
    const runs = await startRanks(2, at("two-stopped"), () => words);
    await runs[0]!.said(/Step: 10 /);
    runs[1]!.child.kill("SIGTERM");
    const [first, second] = await Promise.all(runs.map(({ ended }) => ended));
    expect(second!.code).toBe(143);
    expect(first!.stderr).toMatch(/Stopped after step/);
    const again = await startRanks(2, at("two-stopped"), () => words);
    expect(await Promise.all(again.map(({ ended }) => ended))).toMatchObject([{ code: 0 }, { code: 0 }]);
    expect(endOf(at("two-stopped"), 40)).toEqual(endOf(at("two-whole"), 40));
  });

  it("a killed rank ends the others, which name it", async () => {
    const runs = await startRanks(2, at("lost"), () => ["training.max_train_steps=100000"]);
    await runs[0]!.said(/Step: 10 /);
    runs[1]!.child.kill("SIGKILL");
    const { code, stderr } = await runs[0]!.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/Rank 1 .* is gone.*Start all processes again/s);
  });

  it("refuses a rank with other settings by their key", async () => {
    const runs = await startRanks(2, at("other"), (rank) => (rank === 1 ? ["training.seed=7"] : []));
    const [first, second] = await Promise.all(runs.map(({ ended }) => ended));
    expect(second!.code).toBe(2);
    expect(second!.stderr).toMatch(/Rank 1 differs from rank 0 in training\.seed \(7, there 42\)/);
    expect(first!.code).not.toBe(0);
  });
});
