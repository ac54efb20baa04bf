import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../testing/temporary.js";

const cache = temporaryFolder();
const dist = new URL("../../../dist/", import.meta.url).href;

/** As wide as the embedded models, with fewer blocks: 3 million parameters. */
const SETUP = `
const { OnnxEngine } = await import("${dist}engines/onnx/engine.js");
const { randomGenerator, randomTokenizer, tinyTokenizer } = await import("${dist}testing/random-model.js");
const { sampleTokens } = await import("${dist}sampling/generate.js");
const config = { width: 192, depth: 4, heads: 6, mlpWidth: 768, codebookSize: 512, tokens: 64, classes: 10 };
const model = randomGenerator(config);
Object.assign(model.weights, { identity: "mid-sized" });
const tokenizer = randomTokenizer({ ...tinyTokenizer, resolution: 16 });
const request = { classes: [1, 2, 3, 4], indices: [0, 1, 2, 3], seed: 1, guidance: { scale: 4, pow: 0 }, draw: { temperature: 1 } };
`;

/** Runs a program in a process of its own until it ends by itself. */
async function run(program: string): Promise<{ code: number | null; output: string; errors: string }> {
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "-e", SETUP + program], {
    env: { ...process.env, RARITY_CACHE: cache },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { output: "", errors: "" };
  child.stdout.on("data", (chunk) => {
    text.output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    text.errors += chunk;
  });
  const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(late);
  return { code, ...text };
}

describe("an engine's lifetime", () => {
  it.each(["float32", "int8"])(
    "%s loaded and disposed ten times, memory stays flat and no thread is left",
    async (precision) => {
      const { code, output, errors } = await run(`
      const { readdirSync } = await import("node:fs");
      const [rss, threads] = [[], []];
      for (let i = 0; i < 10; i++) {
        const engine = new OnnxEngine({ threads: 2, precision: "${precision}" });
        const generator = await engine.loadGenerator(model);
        const pixels = await engine.loadTokenizer(tokenizer);
        let filled = 0;
        for await (const step of sampleTokens(generator, request)) if ((filled = step.filled) === 8) break;
        await pixels.decode(new Int32Array(64), 8, 8);
        await engine.dispose();
        gc();
        rss.push(process.memoryUsage().rss / 2 ** 20);
        if (process.platform === "linux") threads.push(readdirSync("/proc/self/task").length);
      }
      const held = process.getActiveResourcesInfo().filter((name) => /worker|port/i.test(name));
      console.log(JSON.stringify({ rss, threads, held }));
    `);
      expect({ code, errors }).toEqual({ code: 0, errors: "" });
      const { rss, threads, held } = JSON.parse(output) as Record<"rss" | "threads", number[]> & {
        held: string[];
      };
      expect(held).toEqual([]);
      expect(
        threads.slice(1).every((count) => count <= threads[0]!),
        `threads after each: ${threads}`,
      ).toBe(true);
      // A leak of the weights alone would be 9 MB each time, of the threads' heaps more.
      expect(rss[9]! - rss[3]!, `MiB after each: ${rss.map(Math.round)}`).toBeLessThan(40);
    },
  );

  it.each(["float32", "int8"])(
    "%s sessions opened and left at any moment leave nothing behind",
    async (precision) => {
      const { code, output, errors } = await run(`
      const engine = new OnnxEngine({ threads: 2, precision: "${precision}" });
      const generator = await engine.loadGenerator(model);
      const rss = [];
      for (let i = 0; i < 60; i++) {
        for await (const { filled } of sampleTokens(generator, request)) if (filled > i % 5) break;
        if (i % 10 === 9) { gc(); rss.push(process.memoryUsage().rss / 2 ** 20); }
      }
      await engine.dispose();
      console.log(JSON.stringify({ rss }));
    `);
      expect({ code, errors }).toEqual({ code: 0, errors: "" });
      const { rss } = JSON.parse(output) as { rss: number[] };
      // One session's cache is 2 x 4 layers x 8 rows x 64 positions x 192 numbers: 3 MB.
      expect(rss[5]! - rss[2]!, `MiB: ${rss.map(Math.round)}`).toBeLessThan(40);
    },
  );

  it("an idle engine does not keep the process alive, a call under way does", async () => {
    const idle = await run(`
      const engine = new OnnxEngine({ threads: 1 });
      const generator = await engine.loadGenerator(model);
      const session = await generator.open({ conditions: Int32Array.of(514), guided: true });
      await session.prefill();
      console.log("ready");
    `);
    expect(idle).toEqual({ code: 0, output: "ready\n", errors: "" });

    const working = await run(`
      const engine = new OnnxEngine({ threads: 1 });
      engine.loadGenerator(model).then(async (generator) => {
        let last;
        for await (const step of sampleTokens(generator, request)) last = step.filled;
        console.log("drawn " + last);
      });
    `);
    expect(working).toEqual({ code: 0, output: "drawn 64\n", errors: "" });

    const never = await run(`new OnnxEngine(); console.log("unused");`);
    expect(never).toEqual({ code: 0, output: "unused\n", errors: "" });
  });

  it.each([
    ["float32", 1],
    ["int8", 2],
  ])(
    "%s disposed in the middle of a request, the request fails and the process ends",
    async (precision, threads) => {
      const { code, output, errors } = await run(`
      const engine = new OnnxEngine({ threads: ${threads}, precision: "${precision}" });
      const generator = await engine.loadGenerator(model);
      setTimeout(() => engine.dispose(), 30);
      try {
        for (;;) for await (const _ of sampleTokens(generator, request));
      } catch (error) {
        console.log(error.name + " " + error.code + ": " + error.message);
      }
    `);
      expect({ code, errors }).toEqual({ code: 0, errors: "" });
      expect(output).toMatch(/^(RarityError engine|RangeError undefined): .*disposed/);
    },
  );
});
