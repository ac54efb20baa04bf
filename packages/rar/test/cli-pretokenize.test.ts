/** `rarity pretokenize` as users have it: processes that are killed, several at once, and what they leave. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { run } from "../src/cli/program.js";
import { openTokens } from "../src/data/token-rows.js";
import { centreCrop, mirror } from "../src/images/crop.js";
import { decodeImage } from "../src/images/decode.js";
import { encodePng } from "../src/images/png.js";
import { Pipeline } from "../src/pipeline.js";
import { patterned } from "../src/testing/fake-images.js";
import { tarOf } from "../src/testing/tar.js";
import { temporaryFolder, useTemporaryCache } from "../src/testing/temporary.js";

vi.setConfig({ testTimeout: 120_000 });
const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const cache = useTemporaryCache();
const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);

interface Ended {
  /** Exit code, or the signal that ended it. */
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child: ChildProcess = spawn(process.execPath, [main, "pretokenize", "--threads", "1", ...words], {
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

const pretokenize = (...words: string[]): Promise<Ended> => start(words).ended;

const names = ["a", "b"].flatMap((label) => Array.from({ length: 20 }, (_, i) => `${label}/${i + 10}.png`));
beforeAll(async () => {
  for (const [i, name] of names.entries()) {
    mkdirSync(join(at("pictures"), name, ".."), { recursive: true });
    writeFileSync(join(at("pictures"), name), await encodePng(patterned(i, 40 + i, 37)));
  }
});

const rowsOf = async (path: string): Promise<{ labels: number[]; rows: number[][] }> => {
  await using file = await openTokens(path);
  const { tokens, classes } = await file.read(Array.from({ length: file.rows }, (_, i) => i));
  const rows = [...classes].map((_, i) => [...tokens.subarray(i * file.length, (i + 1) * file.length)]);
  return { labels: [...classes], rows };
};

describe("rarity pretokenize", () => {
  it("gives the codes that the model's pipeline gives, originals and mirrors, and shows the first pictures", async () => {
    const { code, stdout, stderr } = await pretokenize(
      "pictures",
      "-m",
      "cifar10",
      "-o",
      "whole.tokens",
      "-b",
      "16",
    );
    expect([code, stdout]).toEqual([0, "whole.tokens\n"]);
    expect(stderr).toContain("40 pictures in 2 classes to 80 rows of 64 tokens.");
    expect(stderr).toMatch(/first-batch\.png, each above what its tokens give back; PSNR \d+\.\d\d dB/);
    const untrained = await pretokenize("pictures", "-m", "debug", "-o", "untrained.tokens", "--no-mirror");
    expect(untrained.stderr).toContain("That is poor");

    const { labels, rows } = await rowsOf(at("whole.tokens"));
    expect(labels.slice(32, 64)).toEqual([
      ...Array(4).fill(0),
      ...Array(12).fill(1),
      ...Array(4).fill(0),
      ...Array(12).fill(1),
    ]);
    await using pipeline = await Pipeline.load("cifar10", { threads: 1 });
    const crop = centreCrop(await decodeImage(join(at("pictures"), names[17]!)), 32);
    const [plain, turned] = await pipeline.encode([crop, mirror(crop)]);
    expect(rows[33]).toEqual([...plain!]);
    expect(rows[49]).toEqual([...turned!]);
    const sheet = await decodeImage(at("whole.tokens.first-batch.png"));
    expect(sheet.width).toBeGreaterThan(8 * 96);
  });

  it("killed again and again ends with the same bytes", async () => {
    const settings = ["pictures", "-m", "cifar10", "-b", "10", "--at-once", "1", "--ten-crop"];
    const words = [...settings, "-o", "killed.tokens"];
    expect((await pretokenize(...settings, "-o", "calm.tokens")).code).toBe(0);
    const journal = at("killed.tokens.work/rank-0.journal");
    const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : -1);
    let kills = 0;
    for (const moment of ["begun", "first pictures", "journal"]) {
      const { child, ended } = start(words);
      const before = sizeOf(journal);
      const reached: Readonly<Record<string, () => boolean>> = {
        begun: () => existsSync(at("killed.tokens.partial")),
        "first pictures": () => existsSync(at("killed.tokens.first-batch.png")),
        journal: () => sizeOf(journal) > Math.max(0, before),
      };
      while (child.exitCode === null && !reached[moment]!()) await pause(2);
      child.kill("SIGKILL");
      if ((await ended).code === "SIGKILL") kills++;
    }
    expect(kills).toBeGreaterThan(1); // the others may come too late on a fast machine
    expect((await pretokenize(...words)).code).toBe(0);
    expect(readFileSync(at("killed.tokens"))).toEqual(readFileSync(at("calm.tokens")));
    expect(readdirSync(folder).filter((name) => name.startsWith("killed"))).toEqual([
      "killed.tokens",
      "killed.tokens.first-batch.png",
      "killed.tokens.report.json",
    ]);
  });

  it("asked to stop by SIGTERM keeps what was done and exits with 143", async () => {
    const words = ["pictures", "-m", "cifar10", "-o", "stopped.tokens", "-b", "1", "--at-once", "1"];
    const { child, ended } = start(words);
    while (!existsSync(at("stopped.tokens.first-batch.png"))) await pause(5);
    child.kill("SIGTERM");
    const { code, stderr } = await ended;
    expect(code).toBe(143);
    expect(stderr).toContain("What was done is kept: the same command goes on with it.");
    const again = await pretokenize(...words);
    expect(again.stderr).toMatch(/Going on with picture \d+ of 40\./);
    expect(again.code).toBe(0);
  });

  it("by two processes at once has the rows of both, in the order of ranks", async () => {
    const words = ["pictures", "-m", "cifar10", "-o", "two.jsonl", "--no-mirror"];
    const ranks = ["0", "1"].map((RANK) => start(words, { RANK, WORLD_SIZE: "2" }).ended);
    const [zero, one] = await Promise.all(ranks);
    expect([zero!.code, one!.code]).toEqual([0, 0]);
    expect([zero!.stdout, one!.stdout]).toEqual(["two.jsonl\n", ""]);
    const { rows } = await rowsOf(at("two.jsonl"));
    expect((await pretokenize("pictures", "-m", "cifar10", "-o", "one.jsonl", "--no-mirror")).code).toBe(0);
    const alone = (await rowsOf(at("one.jsonl"))).rows;
    const order = [0, 1].flatMap((rank) => Array.from({ length: 20 }, (_, k) => rank + 2 * k));
    expect(rows).toEqual(order.map((i) => alone[i]));
  });

  it("reads shards, and leaves out what is bad there only when told to", async () => {
    const members: [string, Uint8Array][] = [];
    for (let i = 0; i < 6; i++)
      members.push([`${i}.png`, await encodePng(patterned(i, 32, 32))], [`${i}.cls`, Buffer.from(`${i}`)]);
    members[2] = ["1.png", Buffer.from("not a picture")];
    members[5] = ["2.cls", Buffer.from("two")];
    writeFileSync(at("s-0.tar"), tarOf(members));
    const words = ["s-{0..0}.tar", "-m", "cifar10", "--ten-crop", "--json", "-o", "s.tokens"];
    const failed = await pretokenize(...words);
    expect(failed.code).toBe(2);
    expect(failed.stderr).toMatch(/s-0\.tar": "2\.cls" holds "two"/);
    const { code, stdout } = await pretokenize(...words, "--on-error", "skip");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ rows: 40, pictures: 5, skipped: 2 });
    const log = readFileSync(at("s.tokens.skipped.txt"), "utf8");
    expect(log.split("\n")).toEqual([expect.stringContaining("2.cls"), expect.stringContaining("1.png"), ""]);
    expect((await rowsOf(at("s.tokens"))).labels).toEqual(
      [0, 3, 4, 5].flatMap((label) => Array(10).fill(label)),
    );
  });

  it.each([
    { words: ["absent"], says: /There is no ".*absent"/ },
    { words: ["x-{0..9}.tar"], says: /stands for 10 shards, and 10 of them are not there/ },
    { words: ["x-{0..9.tar"], says: /braces of .* do not match/ },
    { words: ["pictures", "-o", "x.txt"], says: /name the file FILE\.tokens or FILE\.jsonl/ },
    { words: ["pictures", "--jsonl", "-o", "x.tokens"], says: /name the file FILE\.jsonl/ },
    { words: ["pictures", "--size", "33"], says: /Give a multiple of 4/ },
    { words: ["pictures", "--crop", "middle"], says: /none of adm, reader/ },
    { words: ["pictures"], env: { RANK: "2", WORLD_SIZE: "2" }, says: /RANK=2 and WORLD_SIZE=2/ },
    { words: ["pictures/a"], says: /there is no class folder in it/ },
  ])("$words is refused with a sentence", async ({ words, env, says }) => {
    for (const [name, value] of Object.entries(env ?? {})) vi.stubEnv(name, value);
    let stderr = "";
    const spy = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      stderr += text;
      return true;
    });
    try {
      const [source, ...rest] = words;
      const output = rest.includes("-o") ? [] : ["-o", at("x.tokens")];
      expect(await run(["pretokenize", at(source!), ...rest, ...output])).toBe(2);
    } finally {
      spy.mockRestore();
      vi.unstubAllEnvs();
    }
    expect(stderr).toMatch(says);
    expect(readdirSync(folder).filter((name) => name.startsWith("x."))).toEqual([]);
  });
});
