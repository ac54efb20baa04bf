/** `rarity sample` as users have it: processes that are killed, several at once, and the files they leave. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { settingsOf } from "../src/cli/picture-settings.js";
import { openPictures } from "../src/evaluation/picture-source.js";
import { SampleLayout, sampleName } from "../src/evaluation/sample-layout.js";
import { decodeImage } from "../src/images/decode.js";
import { haveLibtorch } from "../src/testing/libtorch.js";
import { temporaryFolder, useTemporaryCache } from "../src/testing/temporary.js";

vi.setConfig({ testTimeout: 120_000 });
const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const cache = useTemporaryCache();
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder, ...names);

interface Ended {
  /** Exit code, or the signal that ended it. */
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child: ChildProcess = spawn(process.execPath, [main, "sample", "--threads", "1", ...words], {
    cwd: folder,
    env: { ...process.env, RARITY_CACHE: cache, HF_HUB_OFFLINE: "1", ...env },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout!.on("data", (piece) => {
    stdout += piece;
  });
  child.stderr!.on("data", (piece) => {
    stderr += piece;
  });
  const ended = new Promise<Ended>((resolve) =>
    child.on("close", (code, signal) => resolve({ code: signal ?? code, stdout, stderr })),
  );
  return { child, ended };
}

const sample = (...words: string[]): Promise<Ended> => start(words).ended;

const rank = (r: number, of: number, words: readonly string[]) =>
  start(words, { RANK: `${r}`, WORLD_SIZE: `${of}` });

/** Name and digest of every file of a run. */
function filesOf(name: string): Record<string, string> {
  const digest = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
  const inside = existsSync(at(name)) ? readdirSync(at(name)).map((file) => join(name, file)) : [];
  const beside = readdirSync(folder).filter((file) => file.startsWith(`${name}.`));
  return Object.fromEntries(
    [...inside, ...beside].map((file) => [file.replace(name, "RUN"), digest(at(file))]),
  );
}

// 203 images of 10 classes: neither the classes nor the batches come out even.
const settings = ["--model", "debug", "--count", "203", "--batch", "10"];
beforeAll(async () => {
  expect((await sample(...settings, "-o", "whole")).code).toBe(0);
  expect((await sample(...settings, "-o", "direct", "--no-png")).code).toBe(0);
}, 120_000);

describe("rarity sample", () => {
  it("writes the images as PNG files and as npz, an image being decided by its place in the list of labels", async () => {
    const names = readdirSync(at("whole"));
    expect(names).toHaveLength(204);
    const settingsIn = settingsOf(readFileSync(at("whole", "000123.png")), "000123.png");
    expect(settingsIn).toMatchObject({ model: "debug", seed: 42, index: 123, classIndex: 3, guidance: 4 });
    await using pictures = await openPictures(at("whole.npz"));
    expect([pictures.count, pictures.width, pictures.labels?.slice(8, 12)]).toEqual([203, 16, [8, 9, 0, 1]]);
    let seen = 0;
    for await (const { data, count } of pictures.batches(100)) {
      for (let i = 0; i < count; i += 51)
        expect(data.slice(i * 768, (i + 1) * 768)).toEqual(
          Uint8Array.from((await decodeImage(at("whole", sampleName(seen + i)))).data),
        );
      seen += count;
    }
    // The same image drawn by itself.
    const alone = spawnSync(
      process.execPath,
      [main, "generate", "--like", at("whole", "000123.png"), "-o", "alone", "--no-sheet", "--threads", "1"],
      { cwd: folder, env: { ...process.env, RARITY_CACHE: cache }, encoding: "utf8" },
    );
    expect(alone.status, alone.stderr).toBe(0);
    const [file] = readdirSync(at("alone"));
    expect((await decodeImage(at("alone", file!))).data).toEqual(
      (await decodeImage(at("whole", "000123.png"))).data,
    );
  });

  it("straight to npz gives the same npz", () => {
    expect(readFileSync(at("direct.npz")).equals(readFileSync(at("whole.npz")))).toBe(true);
    expect(readdirSync(at("direct"))).toEqual(["sample.json"]);
  });

  const opened = (program: string, words: readonly string[]): boolean => {
    const { status, error, stdout, stderr } = spawnSync(program, [...words], { encoding: "utf8" });
    if (error || /ModuleNotFoundError/.test(stderr)) {
      console.log(`skipped: ${program} ${words[0]}, which is not here`);
      return false;
    }
    expect(status, stdout + stderr).toBe(0);
    return true;
  };

  it("an npz that unzip and NumPy read", () => {
    opened("unzip", ["-t", at("direct.npz")]);
    const program =
      "import sys, numpy; z = numpy.load(sys.argv[1]); a = z['arr_0']; assert a.shape == (203, 16, 16, 3) and a.dtype == 'uint8'; assert list(z['arr_1'][9:12]) == [9, 0, 1]";
    opened("python3", ["-c", program, at("direct.npz")]);
  });

  it("names its files as eight processes of the reference do, when told to", async () => {
    expect((await sample(...settings, "-o", "eight", "--reference-layout", "8")).code).toBe(0);
    const layout = new SampleLayout({ count: 203, classes: 10, batch: 10, parts: 8 });
    for (const position of [0, 25, 26, 150, 202])
      expect(readFileSync(at("eight", sampleName(layout.file(position))))).toEqual(
        readFileSync(at("whole", sampleName(position))),
      );
  });

  /** Ends a process by SIGKILL once so many more files, or lines of notes, are there. */
  async function killAfter(
    run: ReturnType<typeof start>,
    count: () => number,
    more: number,
  ): Promise<boolean> {
    const before = count();
    const start = Date.now();
    // A rank that has drawn its part waits for another, which may be killed already: then it gets no further.
    const waits = (): boolean => Date.now() - start > 15_000;
    while (run.child.exitCode === null && count() < before + more && !waits()) await pause(1);
    run.child.kill("SIGKILL");
    return (await run.ended).code === "SIGKILL";
  }
  const pngs = (name: string) => (): number =>
    existsSync(at(name)) ? readdirSync(at(name)).filter((file) => file.endsWith(".png")).length : 0;
  const notes = (name: string) => (): number =>
    existsSync(at(name))
      ? readdirSync(at(name))
          .filter((file) => file.endsWith(".done"))
          .reduce((sum, file) => sum + readFileSync(at(name, file)).length, 0)
      : 0;
  const random = (most: number): number => 1 + Math.floor(Math.random() * most);

  it("killed again and again ends with the same files", async () => {
    const words = [...settings, "-o", "killed"];
    let kills = 0;
    for (const most of [1, 60, 60, 60])
      if (await killAfter(start(words), pngs("killed"), random(most))) kills++;
    expect(kills).toBeGreaterThan(1);
    const { code, stderr } = await sample(...words);
    expect(code, stderr).toBe(0);
    expect(filesOf("killed")).toEqual(filesOf("whole"));
    const again = await sample(...words);
    expect(again.stderr).toContain('The images of "killed" were drawn already.');
    expect(filesOf("killed")).toEqual(filesOf("whole"));
  });

  it("by two processes, both killed, then by three ends with the same files", async () => {
    const words = [...settings, "-o", "ranks"];
    for (const most of [20, 80]) {
      const runs = [rank(0, 2, words), rank(1, 2, words)];
      await Promise.all(runs.map((run) => killAfter(run, pngs("ranks"), random(most))));
    }
    const ended = await Promise.all([0, 1, 2].map((r) => rank(r, 3, words).ended));
    expect(ended.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(ended.map(({ stdout }) => stdout)).toEqual(["ranks.npz\n", "", ""]);
    expect(filesOf("ranks")).toEqual(filesOf("whole"));
  });

  it("straight to npz, killed on one process and on two, ends with the same file", async () => {
    const words = [...settings, "-o", "npz-ranks", "--no-png"];
    await killAfter(start(words), notes("npz-ranks"), random(20));
    const runs = [rank(0, 2, words), rank(1, 2, words)];
    await Promise.all(runs.map((run) => killAfter(run, notes("npz-ranks"), random(20))));
    expect(existsSync(at("npz-ranks.npz.partial"))).toBe(true);
    const torn = join("npz-ranks", "rank-1.done");
    if (existsSync(at(torn))) writeFileSync(at(torn), `${readFileSync(at(torn), "latin1")}1`); // a line cut off
    const ended = await Promise.all([0, 1].map((r) => rank(r, 2, words).ended));
    expect(ended.map(({ code }) => code)).toEqual([0, 0]);
    expect(filesOf("npz-ranks")).toEqual(filesOf("direct"));
  });

  it("asked to stop by SIGTERM keeps what was drawn and exits with 143", async () => {
    const words = [...settings, "-o", "stopped"];
    const { child, ended } = start(words);
    while (pngs("stopped")() < 20 && child.exitCode === null) await pause(1);
    child.kill("SIGTERM");
    const { code, stderr } = await ended;
    expect(code).toBe(143);
    expect(stderr).toContain("What was drawn is kept: the same command goes on with it.");
    expect(readdirSync(at("stopped")).filter((name) => name.endsWith(".lock"))).toEqual([]);
    expect((await sample(...words)).code).toBe(0);
    expect(filesOf("stopped")).toEqual(filesOf("whole"));
  });

  it("takes the reference's own command line", async () => {
    mkdirSync(at("model"), { recursive: true });
    const emoji = fileURLToPath(new URL("../models/emoji/", import.meta.url));
    cpSync(emoji, at("model"), { recursive: true });
    const { code, stderr } = await sample(
      "config=configs/training/generator/rar.yaml",
      "experiment.output_dir=published",
      "experiment.generator_checkpoint=model",
      "model.generator.randomize_temperature=1.0",
      "model.generator.guidance_scale=16.0",
      "model.generator.guidance_scale_pow=2.75",
      "--count",
      "4",
    );
    expect(code, stderr).toBe(0);
    expect(JSON.parse(readFileSync(at("published", "sample.json"), "utf8"))).toMatchObject({
      temperature: 1,
      guidance: 16,
      pow: 2.75,
      count: 4,
      precision: "float32",
    });
    const preset = await sample("--preset", "rar-xxl", "--model", "debug", "--count", "1", "-o", "xxl");
    expect(preset.code, preset.stderr).toBe(0);
    expect(JSON.parse(readFileSync(at("xxl", "sample.json"), "utf8"))).toMatchObject({
      temperature: 1.02,
      guidance: 8,
      pow: 1.2,
    });
  });

  it.skipIf(!haveLibtorch)("scores a grid of settings", async () => {
    const some = ["--model", "debug", "--count", "8"];
    expect((await sample(...some, "-o", "few")).code).toBe(0);
    const { code, stdout, stderr } = await sample(
      ...[...some, "-o", "grid", "--inception", "formula", "--json"],
      ...["--reference", "few.npz", "--sweep", "guidance=0,4"],
    );
    expect(code, stderr).toBe(0);
    const { runs } = JSON.parse(stdout) as { runs: { point: unknown; scores: Record<string, number> }[] };
    expect(runs.map(({ point }) => point)).toEqual([{ guidance: 0 }, { guidance: 4 }]);
    // With the model's own guidance these are the pictures of the reference.
    expect(Math.abs(runs[1]!.scores.FID!)).toBeLessThan(1e-3);
    expect(runs[0]!.scores.FID).toBeGreaterThan(1);
  });
});

describe("rarity sample refuses", () => {
  it("to mix settings, naming them", async () => {
    const { code, stderr } = await sample(...settings, "-o", "whole", "--guidance", "3", "--seed", "1");
    expect(code).toBe(2);
    expect(stderr).toMatch(/seed was 42, is 1; guidance was 4, is 3\. Give another/);
    const direct = await sample(...settings, "-o", "whole", "--no-png");
    expect(direct.stderr).toMatch(/images was png, is npz/);
  });

  it("a folder of images it knows nothing of, and an npz file without its folder", async () => {
    mkdirSync(at("foreign"));
    copyFileSync(at("whole", "000001.png"), at("foreign", "000001.png"));
    expect((await sample(...settings, "-o", "foreign")).stderr).toMatch(/no sample\.json in "foreign"/);
    writeFileSync(at("other.npz"), "x");
    expect((await sample(...settings, "-o", "other")).stderr).toMatch(/"other\.npz" exists/);
    expect(readFileSync(at("other.npz"), "latin1")).toBe("x");
    mkdirSync(at("damaged"));
    writeFileSync(at("damaged", "sample.json"), "{");
    expect((await sample(...settings, "-o", "damaged")).stderr).toMatch(/Delete the folder and begin anew/);
  });

  it("a file that was cut, by name; without it the run goes on", async () => {
    cpSync(at("whole"), at("cut"), { recursive: true });
    truncateSync(at("cut", "000042.png"), 100);
    const cut = await sample(...settings, "-o", "cut");
    expect([cut.code, existsSync(at("cut.npz"))]).toEqual([2, false]);
    expect(cut.stderr).toMatch(/000042\.png/);
    rmSync(at("cut", "000042.png"));
    expect((await sample(...settings, "-o", "cut")).code).toBe(0);
    expect(filesOf("cut")).toEqual(filesOf("whole"));
  });

  it("to go on with an npz file that is gone, rather than leave holes in it", async () => {
    cpSync(at("direct"), at("gone"), { recursive: true });
    writeFileSync(at("gone", "rank-0.done"), "0\n1\n");
    const { code, stderr } = await sample(...settings, "-o", "gone", "--no-png");
    expect([code, stderr]).toEqual([2, expect.stringMatching(/"gone\.npz\.partial" is gone or empty/)]);
  });

  it.each([
    { words: ["-o", "direct.npz"], says: /is no folder/ },
    { words: ["--no-png", "--no-npz"], says: /leave nothing to write/ },
    { words: ["--sweep", "guidance=4"], says: /--reference FILE/ },
    { words: ["--reference", "direct.npz"], says: /belongs to --sweep/ },
    { words: ["--reference", "x", "--sweep", "guidence=4"], says: /Did you mean "guidance"/ },
    { words: ["--reference", "x", "--sweep", "guidance=4,,8"], says: /"" is no number/ },
    { words: ["--reference", "x", "--sweep", "pow=1", "pow=2"], says: /has pow twice/ },
    { words: ["--reference-layout", "1000"], says: /203 images cannot be cut into 1000 parts/ },
    { words: ["--preset", "rar-m"], says: /no preset "rar-m"/ },
    { words: ["model.generator.hidden_size=768"], says: /the model "debug" has 32/ },
    { words: ["--temperature", "-1"], says: /emperature/ },
  ])("$words", async ({ words, says }) => {
    const { code, stderr } = await sample(...settings, ...words);
    expect(code).toBe(2);
    expect(stderr).toMatch(says);
  });

  it("ranks that do not fit together", async () => {
    const { code, stderr } = await rank(2, 2, settings).ended;
    expect([code, stderr]).toEqual([2, expect.stringMatching(/RANK=2 and WORLD_SIZE=2/)]);
  });
});
