import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { GeneratorConfig } from "../../config/architecture.js";
import { randomGenerator, tinyGenerator } from "../../testing/random-model.js";
import { temporaryFolder } from "../../testing/temporary.js";
import type { TensorSource } from "../../weights/tensor-file.js";
import { OnnxEngine } from "./engine.js";
import { stepGraph } from "./graphs.js";
import { clearPreparedModels, prepare, preparedFolder, preparedModels } from "./prepared.js";
import { MODEL_FILE, storedBytes, WEIGHTS_FILE } from "./weights.js";

const folder = temporaryFolder();
const before = { ...process.env };
let root: string;
beforeEach(async () => {
  process.env.RARITY_CACHE = await mkdtemp(join(folder, "cache-"));
  root = preparedFolder();
  // A temporary directory of our own: other tests and programs use the machine's at the same time.
  process.env.TMPDIR = process.env.TEMP = process.env.TMP = await mkdtemp(join(folder, "tmp-"));
});
afterEach(() => {
  for (const name of ["RARITY_CACHE", "TMPDIR", "TEMP", "TMP"]) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
});

const graph = stepGraph(tinyGenerator, "float32");
const { weights } = randomGenerator();

/** The weights with something that tells them apart, counting what is read. */
function counted(identity: { identity?: string; path?: string }) {
  const reads: string[] = [];
  const source: TensorSource & typeof identity = {
    ...identity,
    tensors: weights.tensors,
    readFloat32: (name) => {
      reads.push(name);
      return weights.readFloat32(name);
    },
  };
  return { source, reads };
}

const entries = (): Promise<string[]> => readdir(root).catch(() => []);
const models = async (): Promise<string[]> => (await entries()).filter((name) => name !== "hashes");

describe("prepare", () => {
  it("writes a model once; later starts read no weights and write nothing", async () => {
    const { source, reads } = counted({ identity: "a" });
    const progress: [number, number][] = [];
    const first = await prepare(graph, source, { onPrepare: (done, total) => progress.push([done, total]) });
    expect(first.temporary).toBe(false);
    expect(progress.at(-1)).toEqual([storedBytes(graph), storedBytes(graph)]);
    const weightsFile = await stat(join(first.folder, WEIGHTS_FILE));
    const count = reads.length;
    expect(count).toBeGreaterThan(0);

    expect(await prepare(graph, source)).toEqual(first);
    expect(reads).toHaveLength(count);
    expect((await stat(join(first.folder, WEIGHTS_FILE))).mtimeMs).toBe(weightsFile.mtimeMs);
    expect(await models()).toHaveLength(1);
  });

  it("tells apart other weights, another precision and another network", async () => {
    const deeper: GeneratorConfig = { ...tinyGenerator, depth: 1 };
    const made = await Promise.all([
      prepare(graph, counted({ identity: "a" }).source),
      prepare(graph, counted({ identity: "b" }).source),
      prepare(stepGraph(tinyGenerator, "int8"), counted({ identity: "a" }).source),
      prepare(stepGraph(deeper, "float32"), counted({ identity: "a" }).source),
    ]);
    expect(new Set(made.map(({ folder: one }) => one)).size).toBe(4);
  });

  it("knows a file by its content: a copy is the same model, a changed file is another", async () => {
    const [a, b] = [join(folder, "a.bin"), join(folder, "b.bin")];
    await writeFile(a, "the same bytes");
    await writeFile(b, "the same bytes");
    const first = await prepare(graph, counted({ path: a }).source);
    const copy = counted({ path: b });
    expect(await prepare(graph, copy.source)).toEqual(first);
    expect(copy.reads).toEqual([]);

    await writeFile(b, "other bytes!!!");
    const second = await prepare(graph, counted({ path: b }).source);
    expect(second.folder).not.toBe(first.folder);
    await writeFile(b, "the same bytes");
    expect((await prepare(graph, counted({ path: b }).source)).folder).toBe(first.folder);
  });

  it("keeps nothing for weights that nothing tells apart, nor for a single run", async () => {
    const one = await prepare(graph, counted({}).source);
    const other = await prepare(graph, counted({ identity: "a" }).source, { once: true });
    expect([one.temporary, other.temporary]).toEqual([true, true]);
    expect(one.folder.startsWith(tmpdir())).toBe(true);
    expect(await models()).toEqual([]);
    for (const { folder: made } of [one, other]) await rm(made, { recursive: true });
  });

  it("an engine removes its temporary folders when it is disposed", async () => {
    const engine = new OnnxEngine({ threads: 1 });
    await engine.loadGenerator(randomGenerator());
    expect((await readdir(tmpdir())).length).toBeGreaterThanOrEqual(2);
    await engine.dispose();
    expect(await readdir(tmpdir())).toEqual([]);
  });

  it.each(["abort", "broken file"])("leaves nothing behind after: %s", async (how) => {
    for (const identity of [{ identity: "a" }, {}]) {
      const stop = new AbortController();
      const { source } = counted(identity);
      let reads = 0;
      const failing: TensorSource = {
        ...source,
        readFloat32: async (name) => {
          if (++reads === 4 && how === "abort") stop.abort(new Error("abort"));
          else if (reads === 4) throw new Error("broken file");
          return source.readFloat32(name);
        },
      };
      await expect(prepare(graph, failing, { signal: stop.signal })).rejects.toThrow(how);
      expect(reads).toBe(4);
      expect(await models()).toEqual([]);
      expect(await readdir(tmpdir())).toEqual([]);
    }
    await prepare(graph, counted({ identity: "a" }).source);
    expect(await models()).toHaveLength(1);
  });

  it("says how much room is missing before it writes", async () => {
    const huge = stepGraph({ ...tinyGenerator, width: 2 ** 17, depth: 40, mlpWidth: 2 ** 19 }, "float32");
    const call = prepare(huge, counted({ identity: "huge" }).source);
    await expect(call).rejects.toMatchObject({ code: "io" });
    await expect(call).rejects.toThrow(/needs \d+ MiB in ".*", where \d+ MiB are free.*RARITY_CACHE/);
    expect(await models()).toEqual([]);
  });

  it("says what to do when the folder cannot be written to", async () => {
    const sentence =
      /Cannot write to ".*prepared" \(E[A-Z]+\)\. Set RARITY_CACHE to a folder you may write to/;
    const file = join(folder, "file");
    await writeFile(file, "");
    process.env.RARITY_CACHE = file;
    await expect(prepare(graph, counted({ identity: "a" }).source)).rejects.toThrow(sentence);

    if (process.platform === "win32") return;
    const closed = await mkdtemp(join(folder, "closed-"));
    await chmod(folder, 0o755);
    await chmod(closed, 0o555);
    process.env.RARITY_CACHE = closed;
    const root = process.getuid!() === 0;
    if (root) process.seteuid!(65534); // to the superuser no folder is closed
    try {
      const call = prepare(graph, counted({ identity: "a" }).source);
      await expect(call).rejects.toMatchObject({ code: "io" });
      await expect(call).rejects.toThrow(sentence);
    } finally {
      if (root) process.seteuid!(0);
    }
  });

  it("removes what a killed process left an hour ago, and nothing that is being written", async () => {
    const [old, fresh, busy] = ["old", "fresh", "busy"].map((name) => join(root, `${name}.1-ab.draft`));
    for (const draft of [old, fresh, busy]) {
      await mkdir(draft!, { recursive: true });
      await writeFile(join(draft!, WEIGHTS_FILE), "half of it");
    }
    const past = new Date(Date.now() - 2 * 3_600_000);
    await utimes(join(old!, WEIGHTS_FILE), past, past);
    for (const draft of [old, busy]) await utimes(draft!, past, past);
    await prepare(graph, counted({ identity: "a" }).source);
    expect((await entries()).filter((name) => name.endsWith(".draft")).sort()).toEqual([
      "busy.1-ab.draft",
      "fresh.1-ab.draft",
    ]);
  });
});

describe("room on the disk", () => {
  it("a model that nothing opened for a month goes when another is made, one used since stays", async () => {
    const made = async (identity: string) => (await prepare(graph, counted({ identity }).source)).folder;
    const [unused, used] = [await made("a"), await made("b")];
    const days = (n: number) => new Date(Date.now() - n * 86_400_000);
    for (const folder of [unused, used]) await utimes(folder, days(31), days(31));
    await made("b"); // opened again, nothing is made: nothing goes
    expect(await preparedModels()).toHaveLength(2);
    const newer = await made("c");
    expect((await preparedModels()).map(({ key }) => join(root, key)).sort()).toEqual([used, newer].sort());
  });
});

describe("preparedModels and clearPreparedModels", () => {
  it("lists whole models with their size, the one used longest ago first, and clears them", async () => {
    expect(await preparedModels()).toEqual([]);
    const a = await prepare(graph, counted({ identity: "a" }).source);
    const b = await prepare(stepGraph(tinyGenerator, "int8"), counted({ identity: "a" }).source);
    await mkdir(join(root, "half.1-ab.draft"));
    const past = new Date(Date.now() - 60_000);
    await utimes(b.folder, past, past);
    const listed = await preparedModels();
    expect(listed.map(({ key }) => join(root, key))).toEqual([b.folder, a.folder]);
    for (const { key, bytes } of listed) {
      const sizes = [MODEL_FILE, WEIGHTS_FILE].map(async (file) => (await stat(join(root, key, file))).size);
      expect(bytes).toBe((await Promise.all(sizes)).reduce((x, y) => x + y, 0));
    }
    await utimes(a.folder, new Date(0), new Date(0));
    await prepare(graph, counted({ identity: "a" }).source); // used: no longer the oldest
    expect((await preparedModels()).map(({ key }) => join(root, key))).toEqual([b.folder, a.folder]);

    await clearPreparedModels();
    expect(await preparedModels()).toEqual([]);
    await clearPreparedModels();
  });
});

/** Prepares the tiny model with slow weights: prints "writing" at the fifth tensor and the folder at the end. */
const PROGRAM = `
const { randomGenerator, tinyGenerator } = await import(process.env.DIST + "testing/random-model.js");
const { stepGraph } = await import(process.env.DIST + "engines/onnx/graphs.js");
const { prepare } = await import(process.env.DIST + "engines/onnx/prepared.js");
const { weights } = randomGenerator();
let reads = 0;
const slow = { identity: "a", tensors: weights.tensors, readFloat32: async (name) => {
  if (++reads === 5) console.log("writing");
  await new Promise((resolve) => setTimeout(resolve, Number(process.env.PAUSE)));
  return weights.readFloat32(name);
} };
console.log((await prepare(stepGraph(tinyGenerator, "float32"), slow)).folder);
`;

function start(pause: number): { child: ChildProcess; lines: Promise<string[]>; writing: Promise<void> } {
  const dist = new URL("../../../dist/", import.meta.url).href;
  const env = { ...process.env, DIST: dist, PAUSE: `${pause}` };
  const child = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  const writing = new Promise<void>((resolve) => {
    child.stdout!.on("data", (chunk) => {
      text += chunk;
      if (text.includes("writing")) resolve();
    });
  });
  return { child, writing, lines: once(child, "close").then(() => text.trim().split("\n")) };
}

describe("several processes", () => {
  it("that prepare the same model at the same time both get it, and leave one folder", async () => {
    const runs = [start(40), start(40), start(30)]; // slow enough to overlap, though processes start one after the other
    const outputs = await Promise.all(runs.map(({ lines }) => lines));
    const folders = outputs.map((lines) => lines.at(-1)!);
    expect(outputs.map((lines) => lines[0])).toEqual(["writing", "writing", "writing"]); // they did overlap
    expect(new Set(folders).size).toBe(1);
    expect((await entries()).map((name) => join(root, name))).toEqual([folders[0]]);
    const mine = counted({ identity: "a" });
    expect((await prepare(graph, mine.source)).folder).toBe(folders[0]);
    expect(mine.reads).toEqual([]);
    const fresh = await prepare(graph, counted({ identity: "b" }).source);
    for (const file of [MODEL_FILE, WEIGHTS_FILE])
      expect(await readFile(join(folders[0]!, file))).toEqual(await readFile(join(fresh.folder, file)));
  });

  it("one killed while it writes leaves nothing under the final name; the next start makes it", async () => {
    const { child, writing } = start(30);
    await writing;
    child.kill("SIGKILL");
    await once(child, "close");
    expect((await entries()).every((name) => name.endsWith(".draft"))).toBe(true);
    expect(await preparedModels()).toEqual([]);
    const { folder: made } = await prepare(graph, counted({ identity: "a" }).source);
    expect(await preparedModels()).toHaveLength(1);
    expect((await stat(join(made, WEIGHTS_FILE))).size).toBeGreaterThan(storedBytes(graph) / 2);
  });
});
